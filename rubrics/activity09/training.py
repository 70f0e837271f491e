"""Training: ``fit`` on three clusters from several starts, each with data of its own.

A start of a correct program may end in a local optimum, so the best of twelve counts. The data sets are drawn
independently: the chance that all starts end badly is q^12, where q is the share of bad starts over data and starts.
There is no exact law for q. `benchmarks/false_fail.py` measures it for the usual ways of initialising, with the
template's tolerance of 1e-4: the worst q is about 0.15, so q^12 is below 1e-9, and `docs/statistics.md` has the table.
A program so slow that only m starts end within the time given fails with q^m.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from grader import laws
from grader.compare import count_lost, fail, monotone
from grader.model import Finding, Verdict
from grader.rubric import New, Question, Reply, Support, ask, check

from .shared import mean_log_likelihood, three_clusters
from .training_data import N, crossing, several, typical_gain
from .training_likeness import same, same_again, same_end, same_rounds
from .training_reading import (
    AGREES,
    best_start,
    disagreeing,
    idle,
    trained,
    trained_again,
)

FOUND = (
    "None of the three clusters has a component of its own",
    "Only one of the three clusters has a component of its own",
    "Only two of the three clusters have a component of their own",
)
STARTS = 12
ROUNDS = 12


@ask(public=True, seconds=60.0, reads=trained, same=same)
def fits(rng: np.random.Generator) -> Question:
    """`fit` on three clusters, 240 points, twelve times from different starts."""
    inputs = several(rng, STARTS)
    states = rng.integers(1, 2**31 - 1, STARTS).tolist()
    gmms = [New("GMM", n_components=3, random_state=s, _data=X) for s, X in zip(states, inputs["X"], strict=True)]
    told = Support("several_fits")(gmms, inputs["X"])
    return Question({"fits": told, "states": [gmm.state() for gmm in gmms]}, inputs=inputs)


@ask(seconds=40.0, reads=trained_again, same=same_again)
def fits_twice(rng: np.random.Generator) -> Question:
    """`fit` of an object that was fitted to data of another dimension before, three times."""
    inputs = several(rng, 3)
    first = [np.hstack([X, rng.standard_normal((N, 1))]) for X in several(rng, 3)["X"]]
    states = rng.integers(1, 2**31 - 1, 3).tolist()
    gmms = [New("GMM", n_components=3, random_state=s, _data=X) for s, X in zip(states, first, strict=True)]
    told = Support("fits_again")(gmms, first, inputs["X"])
    return Question({"fits": told, "states": [gmm.state() for gmm in gmms]}, inputs=inputs)


@ask(seconds=60.0, reads=trained, same=same_end)
def fits_crossed(rng: np.random.Generator) -> Question:
    """`fit` on three long clusters that cross one another, so that EM takes many iterations, six times."""
    inputs = crossing(rng, 6)
    states = rng.integers(1, 2**31 - 1, 6).tolist()
    gmms = [New("GMM", n_components=3, random_state=s, _data=X) for s, X in zip(states, inputs["X"], strict=True)]
    told = Support("several_fits")(gmms, inputs["X"])
    return Question({"fits": told, "states": [gmm.state() for gmm in gmms]}, inputs=inputs)


@ask(public=True, same=same_rounds)
def steps(rng: np.random.Generator) -> Question:
    """E-step and M-step in turn, twelve rounds, from a given start on three clusters."""
    mixture, X = three_clusters(rng, N)
    start = {
        "weights": np.full(3, 1.0 / 3.0),
        "means": X[rng.choice(N, 3, replace=False)],
        "covariances": np.stack([np.cov(X.T)] * 3),
    }
    gmm = New("GMM", n_components=3, _data=X).given(start)
    return Question(Support("alternated")(gmm, X, ROUNDS), inputs={"X": X, "start": start, "mixture": mixture})


def untrained(answer: Mapping[str, Any], inputs: Mapping[str, Any]) -> Finding | None:
    """A finding where even the best start is no better than a single Gaussian; None where there is a fit to judge."""
    best = best_start(answer)
    floor = inputs["floors"][best["index"]]
    if not np.isfinite(best["log_likelihood"]):
        return fail(
            "After `fit` the weights, means and covariances are no mixture: they hold NaN or a covariance is not "
            "positive definite.",
            "Print the parameters after each iteration and see when they go wrong.",
        )
    if best["log_likelihood"] < floor:
        return fail(
            f"In the best of {len(answer['starts'])} starts `fit` explains three clusters no better than one Gaussian.",
            "See that `fit` alternates both steps until the log-likelihood stops rising.",
        )
    return None


@check("training", fits, steps)
def never_falls(fits: Reply, steps: Reply, tolerance: float) -> Finding:
    """The log-likelihood never falls from one iteration to the next."""
    found = untrained(fits.value, fits.inputs)
    if found is not None:
        return found
    history, what = best_start(fits.value)["history"], "Your log-likelihood history"
    hint = (
        "E-step and M-step together never lower it: one of them or the formula of the log-likelihood is off, or "
        "something else in the loop changes the parameters."
    )
    if history is None:
        # Without a history the parameters themselves tell, round by round.
        X = steps.inputs["X"]
        history = np.array([mean_log_likelihood(X, one) for one in steps.value])
        what = "The log-likelihood that the grader computed from your parameters round by round"
    if len(history) < 2:
        return _too_short(history, what, ended=fits.value["traces"]["gain"] == "ended")
    if _all_constant(fits.value):
        return fail(
            f"{what} stays exactly what it was in the first iteration, in every start: the others change nothing.",
            "Compute responsibilities, parameters and log-likelihood anew in every iteration.",
        )
    if count_lost(history):
        hint = "Look for the logarithm of 0 or of a negative number."
    return monotone(history, tolerance=tolerance, what=what, hint=hint)


def _too_short(history: Any, what: str, *, ended: bool) -> Finding:
    if len(history) and ended:
        return fail(
            f"{what} holds a single value, although the parameters are those of a training that went on to its end.",
            "Make the list before the loop, and append the mean log-likelihood in every iteration.",
        )
    return fail(
        f"{what} holds {'a single value' if len(history) else 'no value'}; training takes several iterations.",
        "Repeat both steps until the rise is smaller than `tol`, and append the mean log-likelihood to "
        "`self.log_likelihoods` in every iteration.",
    )


def _all_constant(answer: Mapping[str, Any]) -> bool:
    """Does no history of several values ever change? EM that goes on changes it in every start."""
    histories = [start["history"] for start in answer["starts"] if start["history"] is not None]
    return bool(histories) and all(len(history) > 1 and np.ptp(history) < 1e-9 for history in histories)


@check("training", fits)
def near_reference(answer: Any, inputs: Mapping[str, Any], nats: float) -> Finding:
    """The best of several starts explains the data as well as the best fit does."""
    found = untrained(answer, inputs)
    if found is not None:
        return found
    best = best_start(answer)
    margin = max(0.0, best["gap"]) / nats
    if margin <= 1.0:
        return Finding(Verdict.PASS, margin=margin)
    history = best["history"]
    rounds = "" if history is None else f" It stopped after {len(history)} iterations."
    return Finding(
        Verdict.FAIL,
        f"In the best of {len(answer['starts'])} starts your fit is {best['gap']:.2g} nats per point below what three "
        f"Gaussians can reach.{rounds}",
        "See when `fit` stops (it should go on while the log-likelihood rises by more than `tol`), and how it starts.",
        margin=margin,
    )


@check("training", fits)
def all_modes(answer: Any, inputs: Mapping[str, Any], deviations: float) -> Finding:
    """Each of the three clusters has a component of its own."""
    found = untrained(answer, inputs)
    if found is not None:
        return found
    best = best_start(answer)
    mixture = inputs["mixtures"][best["index"]]
    means = best["parameters"]["means"]
    clusters = zip(mixture["means"], mixture["covariances"], strict=True)
    distances = np.sqrt(np.stack([laws.squared_distances(means, m, c) for m, c in clusters]))
    nearest, matched = distances.argmin(axis=1), distances.min(axis=1) <= deviations
    hit = len(set(nearest[matched].tolist()))
    if hit == 3:
        return Finding(Verdict.PASS, margin=float(distances.min(axis=1).max() / deviations))
    return fail(
        f"{FOUND[hit]}, even in the best of {len(answer['starts'])} starts.",
        "Start from different points of the data, and update the means of all components.",
    )


@check("training", fits)
def weights_sum(answer: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """The weights sum to 1 after fit."""
    found = untrained(answer, inputs)
    if found is not None:
        return found
    weights = best_start(answer)["parameters"]["weights"]
    off = abs(float(np.sum(weights)) - 1.0)
    if off <= atol and np.min(weights) >= 0:
        return Finding(Verdict.PASS, margin=off / atol)
    return fail(f"After `fit` your weights sum to {np.sum(weights):.6g}.", "Divide them by the number of points.")


@check("training", fits)
def log_likelihood_value(answer: Any, inputs: Mapping[str, Any], disagreeing_starts: int) -> Finding:
    """The log-likelihood that is reported is that of the fitted parameters."""
    found = untrained(answer, inputs)
    if found is not None:
        return found
    best = best_start(answer)
    for name, what in (("history_offset", "The last value of your history"), ("claimed_offset", "`log_likelihood(X)`")):
        wrong = disagreeing(answer, name)
        if abs(best[name]) > AGREES or wrong >= disagreeing_starts:
            return _disagreement(best, name, what, wrong, len(answer["starts"]))
    if np.isnan(best["history_offset"]) and not np.isfinite(best["claimed"]) and best["history"] is not None:
        hint = "Look for the logarithm of 0 or of a negative number."
        return fail("The log-likelihoods in your history are NaN.", hint)
    return Finding(Verdict.PASS)


def _disagreement(best: Mapping[str, Any], name: str, what: str, wrong: int, starts: int) -> Finding:
    offset = best[name]
    if abs(offset) > AGREES:
        D = 2
        told = f"{what} is off by {offset:+.3g} per point from the log-likelihood of your parameters."
        if abs(offset - 0.5 * D * np.log(2 * np.pi)) < 0.02:
            told += " That is D/2 · log(2π): the constant of the Gaussian density is missing."
        elif name == "history_offset" and not np.any(best["history"]):
            told = f"{what} is 0, as are all the others: you took it from responsibilities that are normalised already."
        return fail(told, "It is the mean over the points of log Σ_k weight_k · density_k(x).")
    return fail(
        f"In {wrong} of {starts} starts {what[0].lower() + what[1:]} is not the log-likelihood of the parameters that "
        "`fit` leaves behind.",
        "If you sort or change parameters after the last iteration, do it to weights, means and covariances alike.",
    )


@check("training", fits)
def stops(answer: Any, inputs: Mapping[str, Any], most_idle: int) -> Finding:
    """fit stops when the log-likelihood no longer rises."""
    found = untrained(answer, inputs)
    if found is not None:
        return found
    history = best_start(answer)["history"]
    if history is None or idle(history) <= most_idle:
        return Finding(Verdict.PASS)
    return fail(
        f"Your fit went on for {idle(history)} iterations in which the log-likelihood did not change any more.",
        "Stop when it rises by less than `self.tol`; comparing for equality is not enough.",
    )


@check("training", fits_twice)
def fits_anew(answer: Any, inputs: Mapping[str, Any], share: float) -> Finding:
    """Fitting the same object to other data starts anew."""
    gains = [
        (start["log_likelihood"] - floor) / (target - floor)
        for start, floor, target in zip(answer["starts"], inputs["floors"], inputs["targets"], strict=True)
        if start["complete"] and np.isfinite(start["log_likelihood"])
    ]
    if gains and max(gains) >= share:
        return Finding(Verdict.PASS)
    errors = sorted({start["error"] for start in answer["starts"] if start["error"]})
    what = f"stops with {' or '.join(errors)}" if errors else "does not find its clusters"
    return fail(
        f"Fitted first to data in three dimensions and then to clusters in the plane, your object {what}.",
        "Initialise weights, means and covariances at the beginning of every `fit`, whether there are some or not.",
    )


@check("training", fits_crossed)
def goes_on(answer: Any, inputs: Mapping[str, Any], nats: float) -> Finding:
    """fit goes on until another iteration brings nothing."""
    typical = typical_gain(answer, inputs)
    if np.isnan(typical):
        return fail("On three crossing clusters `fit` leaves no mixture behind: its parameters are not finite.")
    if typical <= nats:
        return Finding(Verdict.PASS, margin=max(0.0, typical) / nats)
    return Finding(
        Verdict.FAIL,
        f"On three crossing clusters, where your `fit` ends, one more iteration would raise the log-likelihood by "
        f"{typical:.2g} nats per point: it stops too early, or what it leaves behind is not what EM found.",
        "Stop when the log-likelihood rises by less than `tol`, after `max_iters` iterations at the latest.",
        margin=typical / nats,
    )
