"""TODO 4b: Gaussian naive Bayes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grader.model import Finding, Tree
from grader.rubric import Question, Support, ask, check

from .classes import (
    agrees,
    concentric_classes,
    disagreement,
    parallel_classes,
    predicted_labels,
    right_with_other_labels,
    same_labels,
)

HARDLY_SHOWS = 0.035
"""Share of other labels up to which a mistake is left to the other question to tell; 0.03 may differ."""
LOOK = "Fit `GaussianNB` on `X_train`, `y_train` and return its `predict(X_test)`."


def shows(answer: Tree, expected: Tree, inputs: Mapping[str, Tree]) -> float:
    """For the power guard: share of points on which a mistake differs, 0 where it hardly does.

    One variance for both classes shows where one class lies inside the other, covariances where both are long.
    """
    gap = disagreement(answer, expected, inputs)
    return gap if gap > HARDLY_SHOWS else 0.0


@ask(public=True, reads=predicted_labels, same=same_labels, guard=shows, margin=0.05)
def generative_concentric(rng: np.random.Generator) -> Question:
    """`generative_model` on a narrow class inside a wide one."""
    return _classified(concentric_classes(rng))


@ask(reads=predicted_labels, same=same_labels, guard=shows, margin=0.05)
def generative_parallel(rng: np.random.Generator) -> Question:
    """`generative_model` on two long, parallel, correlated classes."""
    return _classified(parallel_classes(rng))


@ask(reads=predicted_labels, same=same_labels)
def generative_labels(rng: np.random.Generator) -> Question:
    """`generative_model` on classes that are not called 0 and 1."""
    low = int(rng.integers(2, 5))
    return _classified(concentric_classes(rng, (low, low + int(rng.integers(2, 5)))))


def _classified(data: dict[str, np.ndarray]) -> Question:
    asked = Support("classified")("generative_model", data["X_train"], data["y_train"], data["X_test"])
    return Question(asked, inputs=data)


@check("generative", generative_concentric)
def curved_boundary(
    answer: np.ndarray, expected: np.ndarray, inputs: dict[str, np.ndarray], agreement: float
) -> Finding:
    """A class inside another is told from it, as each class has a variance of its own"""
    return agrees(answer, expected, inputs, least=agreement, model="Gaussian naive Bayes", hint=LOOK)


@check("generative", generative_parallel)
def independent_features(
    answer: np.ndarray, expected: np.ndarray, inputs: dict[str, np.ndarray], agreement: float
) -> Finding:
    """The labels are those of Gaussian naive Bayes, which takes the features as independent within a class"""
    return agrees(answer, expected, inputs, least=agreement, model="Gaussian naive Bayes", hint=LOOK)


@check("generative", generative_labels)
def own_labels(answer: np.ndarray, inputs: dict[str, np.ndarray], accuracy: float) -> Finding:
    """The predicted labels are those that stand in `y_train`, whatever they are"""
    return right_with_other_labels(answer, inputs, accuracy)
