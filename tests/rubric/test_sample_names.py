"""Sampling: few draws name no mistake that the many drawn beside them contradict."""

from __future__ import annotations

import pytest

from tests.rubric.conftest import graded, written
from tests.rubric.test_gmm_items import PLAIN

CHOICE = "k = np.random.choice(self.n_components, p=self.weights)"
DRAW = "np.random.multivariate_normal(self.means[k], self.covariances[k])"
LOOP = "        for _ in range(n_samples):\n"

NAMELESS = {
    "sorted weights": (CHOICE, CHOICE.replace("self.weights", "np.sort(self.weights)")),
    "nothing below zero": (DRAW, f"np.maximum({DRAW}, 0)"),
    "zeros for the last component": (DRAW, f"{DRAW} * (k < self.n_components - 1)"),
    "the parameters of another mixture": (DRAW, "np.random.multivariate_normal(np.ones(2), np.eye(2))"),
}


@pytest.mark.parametrize("seed", ["names-1", "names-2"])
@pytest.mark.parametrize("what", NAMELESS)
def test_few_draws_do_not_name_what_the_student_did_not_do(what: str, seed: str) -> None:
    assert PLAIN.count(NAMELESS[what][0]) == 1
    result = graded(seed, written(PLAIN.replace(*NAMELESS[what])), "sample")["sample"]
    failed = [one for one in result.checks if one.points < one.max_points]
    assert failed
    assert {one.diagnosis for one in failed} == {None}


@pytest.mark.parametrize("seed", ["names-1", "names-2"])
def test_rounded_numbers_per_component_are_named_as_fixed(seed: str) -> None:
    counted = (
        "        for k in np.repeat(np.arange(self.n_components), np.round(self.weights * n_samples).astype(int)):\n"
    )
    source = PLAIN.replace(LOOP, counted).replace(f"            {CHOICE}\n", "")
    result = graded(seed, written(source), "sample")["sample"]
    assert {one.diagnosis for one in result.checks if one.points < one.max_points} <= {
        None,
        "sample.fixed_counts",
        "sample.rounded_counts",
    }
