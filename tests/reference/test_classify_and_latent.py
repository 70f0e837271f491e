from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from reference.activity09 import (
    Decoder,
    LatentSpaceExplorer,
    discriminative_model,
    generative_model,
    make_two_classes,
)


class Squares:
    """A decoder that is not linear and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[np.ndarray] = []

    def decode(self, z: np.ndarray) -> np.ndarray:
        self.asked.append(z)
        return z**2


@pytest.mark.parametrize("model", [discriminative_model, generative_model])
def test_classifiers_label_new_points(model: object) -> None:
    X, y = make_two_classes(1000, random_state=1)
    labels = model(X[:600], y[:600], X[600:])  # type: ignore[operator]
    assert labels.shape == (400,)
    assert np.mean(labels == y[600:]) > 0.75


def test_the_discriminative_boundary_is_a_line_and_the_generative_one_is_not() -> None:
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(0, 0.5, (200, 2)), rng.normal(0, 4, (200, 2))])  # one class around the other
    y = np.repeat([0, 1], 200)
    assert np.mean(generative_model(X, y, X) == y) > 0.9
    assert np.mean(discriminative_model(X, y, X) == y) < 0.7


def test_interpolation_decodes_evenly_spaced_points_with_both_ends() -> None:
    model = Squares()
    path = LatentSpaceExplorer(model).interpolate([0.0, 1.0], [3.0, -2.0], num_steps=4)
    assert np.array(model.asked) == pytest.approx(np.array([[0, 1], [1, 0], [2, -1], [3, -2]]))
    assert path == pytest.approx(np.array([[0, 1], [1, 0], [4, 1], [9, 4]]))


def test_interpolation_makes_ten_steps_unless_told_and_copes_with_one() -> None:
    explorer = LatentSpaceExplorer(Squares())
    assert len(explorer.interpolate([0.0], [1.0])) == 10
    assert explorer.interpolate([2.0], [1.0], num_steps=1).tolist() == [[4.0]]


def test_arithmetic_adds_the_attribute_in_its_strength() -> None:
    explorer = LatentSpaceExplorer(Squares())
    assert explorer.arithmetic([1.0, 2.0], [1.0, -1.0]).tolist() == [4.0, 1.0]
    assert explorer.arithmetic([1.0, 2.0], [1.0, -1.0], alpha=-2).tolist() == [1.0, 16.0]


def test_the_decoder_restores_what_it_encoded() -> None:
    images = load_digits().data
    decoder = Decoder()
    restored = decoder.decode(decoder.encode(images))
    assert np.mean((restored - images) ** 2) < 0.2 * images.var(axis=0).mean()
    assert decoder.decode(np.zeros(16)).shape == (64,)
    assert decoder.encode(images[0]).std() < 5
