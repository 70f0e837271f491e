"""Correct answers in forms to be read with care: several arrays that fit, parts in pairs, components in any order."""

from __future__ import annotations

import numpy as np
import pytest

from grader.model import Verdict
from tests.rubric.other_items import rubric_file

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
