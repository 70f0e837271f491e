"""Training: what goes wrong is named by what can be seen of it, and not named where nothing of it can be seen."""

from __future__ import annotations

import pytest

from tests.rubric.conftest import graded, written
from tests.rubric.test_gmm_items import PLAIN

ROUND = "            self._m_step(X, self._e_step(X))\n"
STOP = "            if i and abs(self.log_likelihoods[-1] - self.log_likelihoods[-2]) < self.tol:\n"
START = "        self.means = X[rng.choice(len(X), K, replace=False)]\n"
END = "                break\n        return self\n"

NAMED = {
    "a history of one entry": (
        END,
        END.replace("return", "del self.log_likelihoods[:-1]\n        return"),
        "history_overwritten",
    ),
    "a test turned round": (STOP, STOP.replace("<", ">"), "stops_at_first_rise"),
    "a test that always holds": (STOP, "            if i and self.log_likelihoods[-1] > -50:\n", "stops_at_first_rise"),
    "a large bound": (STOP, STOP.replace("self.tol", "0.01"), "bound_too_large"),
    "five iterations": ("range(self.max_iters)", "range(5)", "few_iterations"),
    "one iteration": ("range(self.max_iters)", "range(1)", "one_iteration"),
    "rounded responsibilities": (
        ROUND,
        ROUND.replace("self._e_step(X)", "np.round(self._e_step(X))"),
        "hard_between_steps",
    ),
    "the first points": (ROUND, ROUND.replace("X,", "X[:100],").replace("(X)", "(X[:100])"), "part_of_the_data"),
    "every third point": (START, "        X = X[::3]\n" + START, "part_of_the_data"),
    "equal weights": (
        END,
        END.replace("return", "self.weights = np.ones(K) / K\n        return"),
        "weights_made_equal",
    ),
}

NAMELESS = {
    "covariances exchanged": (ROUND, ROUND + "            self.covariances = self.covariances[::-1].copy()\n"),
    "covariances never learned": (ROUND, ROUND + "            self.covariances = np.array([np.eye(2)] * K)\n"),
    "means shaken": (ROUND, ROUND + "            self.means = self.means + np.random.normal(0, 0.1, (K, D))\n"),
    "two of three start alike": (START, START + "        self.means[2] = self.means[0]\n"),
}


@pytest.mark.parametrize("seed", ["names-1", "names-2"])
@pytest.mark.parametrize("what", NAMED)
def test_training_is_named_by_what_can_be_seen(what: str, seed: str) -> None:
    right, wrong, name = NAMED[what]
    found = _names_of(right, wrong, seed)
    assert found - {""} == {f"training.{name}"}


@pytest.mark.parametrize("seed", ["names-1", "names-2"])
@pytest.mark.parametrize("what", NAMELESS)
def test_training_has_no_name_where_none_is_its_own(what: str, seed: str) -> None:
    assert _names_of(*NAMELESS[what], seed) == {""}


def test_a_single_entry_after_all_iterations_is_told_as_such() -> None:
    overwritten, single = (
        _checks(*NAMED[f"{one}"][:2], "names-1") for one in ("a history of one entry", "one iteration")
    )
    assert "went on to its end" in overwritten["never_falls"].message
    assert "went on to its end" not in single["never_falls"].message


def test_responsibilities_computed_once_lose_more_than_the_end() -> None:
    loop = "        for i in range(self.max_iters):\n"
    checks = _checks(
        loop + ROUND, "        r = self._e_step(X)\n" + loop + "            self._m_step(X, r)\n", "names-1"
    )
    assert "exactly what it was" in checks["never_falls"].message
    assert {one.diagnosis for one in checks.values() if one.message} == {"training.responsibilities_once"}


def _names_of(right: str, wrong: str, seed: str) -> set[str]:
    failed = [one for one in _checks(right, wrong, seed).values() if one.points < one.max_points]
    assert failed
    return {one.diagnosis or "" for one in failed}


def _checks(right, wrong, seed):
    assert PLAIN.count(right) == 1
    graded_items = graded(seed, written(PLAIN.replace(right, wrong)), "e_step", "m_step", "training")
    return {one.id: one for one in graded_items["training"].checks}
