"""TODO 4a: logistic regression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from grader.model import Finding, Verdict
from grader.rubric import Question, Support, ask, check

from .classes import (
    agrees,
    disagreement,
    parallel_classes,
    predicted_labels,
    right_with_other_labels,
    same_labels,
    share_equal,
)

LOOK = "Fit `LogisticRegression` on `X_train`, `y_train` and return its `predict(X_test)`."


@ask(public=True, reads=predicted_labels, same=same_labels, guard=disagreement, margin=0.08)
def discriminative_parallel(rng: np.random.Generator) -> Question:
    """`discriminative_model` on two long, parallel, correlated classes."""
    return _classified(parallel_classes(rng))


@ask(reads=predicted_labels, same=same_labels)
def discriminative_labels(rng: np.random.Generator) -> Question:
    """`discriminative_model` on classes that are not called 0 and 1."""
    low = int(rng.integers(2, 5))
    return _classified(parallel_classes(rng, (low, low + int(rng.integers(2, 5)))))


def _classified(data: dict[str, np.ndarray]) -> Question:
    asked = Support("classified")("discriminative_model", data["X_train"], data["y_train"], data["X_test"])
    return Question(asked, inputs=data)


@check("discriminative", discriminative_parallel)
def logistic_regression(
    answer: np.ndarray, expected: np.ndarray, inputs: dict[str, np.ndarray], agreement: float, accuracy: float
) -> Finding:
    """The labels are those of a logistic regression"""
    found = agrees(answer, expected, inputs, least=agreement, model="logistic regression", hint=LOOK)
    right = share_equal(answer, inputs["y_test"])
    if not found and right >= accuracy:
        # Strong regularisation moves the line a little; what counts is that it is still a good one.
        return replace(found, verdict=Verdict.PASS, message="", hint="", margin=(1 - right) / (1 - accuracy))
    return found


@check("discriminative", discriminative_labels)
def own_labels(answer: np.ndarray, inputs: dict[str, np.ndarray], accuracy: float) -> Finding:
    """The predicted labels are those that stand in `y_train`, whatever they are"""
    return right_with_other_labels(answer, inputs, accuracy)
