"""Correct answers in forms to be read with care: several arrays that fit, parts in pairs, components in any order."""

from __future__ import annotations

import numpy as np
import pytest

from grader.model import Verdict
from tests.rubric.other_items import failed, graded, reference_and, rubric_file

PIECES = ("weights", "means", "covariances")


@pytest.mark.parametrize("order", [[0, 1, 2], [1, 2, 0], [2, 1, 0]])
def test_a_fit_of_ones_own_may_find_the_components_in_any_order(order: list[int]) -> None:
    online = rubric_file("online_update")
    inputs = online.course(np.random.default_rng(0))
    truth, start = ({name: inputs[when][name][order] for name in PIECES} for when in ("truth", "start"))
    start = {name: 0.7 * truth[name] + 0.3 * start[name] for name in PIECES}
    answer = {"start": start, "end": truth, "after": truth, "grown": 0.0, "fed": 1.0}
    assert online.every_piece.function(answer, inputs, remaining=0.95).verdict is Verdict.PASS
    frozen = {**answer, "end": {**truth, "weights": start["weights"]}}
    assert "The weights never change" in online.every_piece.function(frozen, inputs, remaining=0.95).message


CLASSIFIED = np.array([3, 8, 8, 3])


@pytest.mark.parametrize(
    "value",
    [
        (np.array([-1.2, 0.4, 2.5, -0.1]), CLASSIFIED),
        (np.array([0.9, 0.8, 0.99, 0.6]), CLASSIFIED),
        {"score": np.array([-1.2, 0.4, 2.5, -0.1]), "labels": CLASSIFIED.tolist()},
        (np.array([-1.2, 0.4, 2.5, -0.1]), CLASSIFIED[:, None]),
    ],
    ids=["scores", "confidences", "dict", "column"],
)
def test_labels_are_found_behind_other_numbers_per_point(value: object) -> None:
    inputs = {"X_test": np.zeros((4, 2)), "X_train": np.zeros((6, 2)), "y_train": np.array([3, 3, 3, 8, 8, 8])}
    assert list(rubric_file("classes").predicted_labels(value, inputs).value) == list(CLASSIFIED)


@pytest.mark.parametrize(
    "ending",
    [
        "return [(a, self.model.decode(z)) for a, z in zip(alphas, zs)]",
        "return [(z, self.model.decode(z)) for z in zs]",
        "return [(self.model.decode(z[None]), z) for z in zs]",
        "return [{'z': z, 'sample': self.model.decode(z).reshape(8, 8)} for z in zs]",
        "return zip(zs, map(self.model.decode, zs))",
        "return [self.model.decode(z) for z in zs], [(a, z) for a, z in zip(alphas, zs)]",
    ],
    ids=["strength and image", "code and image", "image and code", "dicts", "zip", "images, then pairs"],
)
def test_images_are_found_in_pairs(ending: str) -> None:
    source = f"""
class Mine(LatentSpaceExplorer):
    def interpolate(self, z1, z2, num_steps=10):
        alphas = np.linspace(0, 1, num_steps)
        zs = [(1 - a) * z1 + a * z2 for a in alphas]
        {ending}
LatentSpaceExplorer = Mine
"""
    result = graded("interpolate", reference_and(source))
    assert result.points == result.max_points, failed(result)
