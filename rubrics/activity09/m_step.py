"""TODO 2, the M-step: asked with given responsibilities, from old parameters that lie far away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.linalg import eigh

from grader.compare import close, count_lost, fail, numbers, wrong_shape
from grader.model import Finding, Verdict
from grader.rubric import New, Question, ask, check

from .explaining import explain_covariances, explain_means, explain_weights
from .reading import PARAMETERS, updated
from .shared import Array, Mixture, draw, overlapping, soft_responsibilities

WEIGHT_MARGIN = 1e-2
MEAN_MARGIN = 0.25
COVARIANCE_MARGIN = 0.15
REGULAR = 1e-3
"""Share of the data's variance that a correct M-step may add to the diagonals."""
REGULAR_CHANGES = 0.015
"""How much of a component's variance that is at most, in any direction: half of what the covariances may be off."""


def deviations(answer: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, float]:
    """How far each parameter is off: weights absolutely, means in component standard deviations, covariances by
    generalised eigenvalues. Infinite where shapes differ or values are lost."""
    return {
        "weights": _deviation(answer, expected, "weights", lambda a, b: float(np.max(np.abs(a - b)))),
        "means": _deviation(answer, expected, "means", lambda a, b: mean_error(a, b, expected["covariances"])),
        "covariances": _deviation(answer, expected, "covariances", covariance_error),
    }


def _deviation(answer: Mapping[str, Any], expected: Mapping[str, Any], name: str, measure: Any) -> float:
    value = numbers(answer.get(name))
    if value is None or value.shape != expected[name].shape or count_lost(value):
        return float("inf")
    return float(measure(np.asarray(value, dtype=float), expected[name]))


def mean_error(means: Array, expected: Array, covariances: Array) -> float:
    """Largest distance of a mean from the expected one, in standard deviations of its component (Mahalanobis)."""
    gaps = means - expected
    return float(np.sqrt(np.max(np.einsum("kd,kde,ke->k", gaps, np.linalg.inv(covariances), gaps))))


def covariance_error(covariances: Array, expected: Array) -> float:
    """Largest |generalised eigenvalue - 1| of a covariance against the expected one, plus what is asymmetric."""
    worst = 0.0
    for got, wanted in zip(covariances, expected, strict=True):
        values = eigh((got + got.T) / 2, wanted, eigvals_only=True)
        lean = np.abs(got - got.T).max() / np.sqrt(np.abs(np.outer(np.diag(wanted), np.diag(wanted)))).min()
        worst = max(worst, float(np.max(np.abs(values - 1.0))), float(lean))
    return worst


def same(answer: Any, mistaken: Any, inputs: Mapping[str, Any]) -> bool:
    """Two M-steps behave alike: every parameter has the same shape and is as near as a regularisation leaves it."""
    if set(answer["elsewhere"]) != set(mistaken["elsewhere"]):
        return False
    return all(_same_parameter(answer.get(name), mistaken.get(name)) for name in PARAMETERS)


def _same_parameter(a: Any, b: Any) -> bool:
    x, y = numbers(a), numbers(b)
    if x is None or y is None or x.shape != y.shape:
        return x is None and y is None
    scale = np.abs(y[np.isfinite(y)]).max(initial=1e-12)
    return bool(np.allclose(x, y, rtol=2e-3, atol=2e-3 * scale, equal_nan=True))


def power(answer: Any, expected: Any, inputs: Mapping[str, Any]) -> float:
    """How far a mistake is from passing, 1 where the parameter that it touches most clearly is off by the margin.

    0 below a twentieth: dividing by N_k - 1 hardly shows in 1500 points, and is the question of few points to tell.
    """
    off = deviations(answer, expected)
    margins = {"weights": WEIGHT_MARGIN, "means": MEAN_MARGIN, "covariances": COVARIANCE_MARGIN}
    worst = max(off[name] / margins[name] for name in PARAMETERS)
    return worst if worst > 0.05 else 0.0


def given(rng: np.random.Generator, D: int, K: int, n: int) -> tuple[Mixture, Array, Array]:
    """A mixture, points of it and soft responsibilities, of which no component is so narrow that `REGULAR` matters."""
    while True:
        mixture = overlapping(rng, D, K)
        X = draw(rng, mixture, n)
        R = soft_responsibilities(rng, X, mixture)
        narrowest = min(np.linalg.eigvalsh(np.cov(X.T, aweights=shares, ddof=0))[0] for shares in R.T)
        if REGULAR * X.var() <= REGULAR_CHANGES * narrowest:
            return mixture, X, R


def question(rng: np.random.Generator, D: int, K: int, n: int) -> Question:
    """The M-step with soft responsibilities that no E-step gives, from parameters that have nothing to do with them."""
    mixture, X, R = given(rng, D, K, n)
    old = overlapping(rng, D, K)
    old["means"] = mixture["means"].mean(axis=0) + 9.0 * rng.choice([-1.0, 1.0], (K, D)) + rng.normal(0, 1, (K, D))
    gmm = New("GMM", n_components=K, _data=X).given(old)
    returned = gmm.call("_m_step", X, R)
    return Question({"returned": returned, "state": gmm.state()}, inputs={"X": X, "R": R, "params": old})


@ask(public=True, reads=updated, same=same, guard=power, margin=1.0)
def parameters(rng: np.random.Generator) -> Question:
    """M-step for 1500 points in the plane with given soft responsibilities for three components."""
    return question(rng, 2, 3, 1500)


@ask(reads=updated, same=same, guard=power, margin=0.3)
def parameters_small(rng: np.random.Generator) -> Question:
    """M-step for 36 points in three dimensions with given soft responsibilities for two components."""
    return question(rng, 3, 2, 36)


@ask(reads=updated, same=same)
def parameters_empty(rng: np.random.Generator) -> Question:
    """M-step in which one of three components is responsible for no point."""
    mixture = overlapping(rng, 2, 3)
    X = draw(rng, mixture, 200)
    R = soft_responsibilities(rng, X, mixture)
    R[:, 1] = 0.0
    R /= R.sum(axis=1, keepdims=True)
    gmm = New("GMM", n_components=3, _data=X).given(mixture)
    returned = gmm.call("_m_step", X, R)
    return Question({"returned": returned, "state": gmm.state()}, inputs={"X": X, "R": R, "params": mixture})


@ask(reads=updated, same=same)
def parameters_flat(rng: np.random.Generator) -> Question:
    """M-step for points that lie exactly on a line."""
    mixture = overlapping(rng, 2, 3)
    X = draw(rng, mixture, 200)
    R = soft_responsibilities(rng, X, mixture)
    X[:, 1] = 2.0 * X[:, 0] + 1.0
    gmm = New("GMM", n_components=3, _data=X).given(mixture)
    returned = gmm.call("_m_step", X, R)
    return Question({"returned": returned, "state": gmm.state()}, inputs={"X": X, "R": R, "params": mixture})


def present(answer: Mapping[str, Any], expected: Mapping[str, Any], name: str) -> Finding | None:
    """A finding where a parameter is missing, not updated, of a wrong shape or not finite; else None."""
    if name not in answer:
        return fail(f"After your M-step no {name} were found.", f"Set `self.{name}`.")
    value = numbers(answer[name])
    if value is None or value.shape != expected[name].shape:
        return wrong_shape(answer[name], expected[name].shape, what=f"Your {name} after the M-step")
    if name in answer["elsewhere"]:
        return fail(
            f"Your M-step left the {name} as they were; what it computed may be under `{answer['elsewhere'][name]}`.",
            f"Assign it to `self.{name}`, which the E-step reads.",
        )
    if name in answer["unchanged"]:
        return fail(
            f"Your M-step left the {name} as they were before it.",
            f"Compute them from X and the responsibilities and assign to `self.{name}`.",
        )
    if count_lost(value):
        return fail(f"Your {name} after the M-step: {count_lost(value)} of {value.size} values are NaN or infinite.")
    return None


def weights_match(answer: Any, expected: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """Weights within ``atol``, or what the values tell of the mistake."""
    what = "Your weights after the M-step"
    found = present(answer, expected, "weights")
    if found is not None:
        return found
    found, told = close(answer["weights"], expected["weights"], atol=atol, what=what), ""
    if not found:
        told = explain_weights(answer["weights"], inputs)
    if told:
        # In place of what the values alone tell, which would say it twice.
        off = deviations(answer, expected)["weights"]
        found = Finding(Verdict.FAIL, f"{what} are off by up to {_plainly(off)}.", margin=found.margin)
    return _explained(
        found,
        told,
        "Each weight is that component's responsibilities summed over the points, divided by the number of points.",
    )


def means_match(answer: Any, expected: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """Means within ``atol`` component standard deviations, or what the values tell of the mistake."""
    found = present(answer, expected, "means")
    if found is not None:
        return found
    off = deviations(answer, expected)["means"]
    return _explained(
        _measured(off, atol, f"Your means after the M-step are off by up to {_plainly(off)} standard deviations."),
        explain_means(answer["means"], inputs),
        "Each mean is the average of the points weighted by the responsibilities: `R.T @ X / N_k[:, None]`.",
    )


def covariances_match(answer: Any, expected: Any, inputs: Mapping[str, Any], rtol: float) -> Finding:
    """Covariances within ``rtol`` along every direction, or what the values tell of the mistake."""
    found = present(answer, expected, "covariances")
    if found is not None:
        return found
    off = deviations(answer, expected)["covariances"]
    size = f"{_plainly(100 * off)} %" if off < 10 else f"{_plainly(off)} times their size"
    return _explained(
        _measured(off, rtol, f"Your covariances after the M-step are off by up to {size} in some direction."),
        explain_covariances(answer, expected, inputs),
        "For each component: centre the points with its new mean, then `(R[:, k, None] * d).T @ d / N_k`.",
    )


def _plainly(number: float) -> str:
    return f"{number:.3g}" if number < 1000 else f"{number:,.0f}"


def _measured(off: float, allowed: float, message: str) -> Finding:
    if off <= allowed:
        return Finding(Verdict.PASS, margin=off / allowed)
    return Finding(Verdict.FAIL, message, margin=off / allowed)


def _explained(found: Finding, told: str, hint: str) -> Finding:
    if found:
        return found
    return Finding(Verdict.FAIL, f"{found.message} {told}".strip(), hint, margin=found.margin)


@check("m_step", parameters)
def weights(answer: Any, expected: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """Weights are the components' shares of the responsibilities."""
    return weights_match(answer, expected, inputs, atol)


@check("m_step", parameters)
def weights_sum(answer: Any, expected: Any, atol: float) -> Finding:
    """The weights sum to 1."""
    found = present(answer, expected, "weights")
    if found is not None:
        return found
    total = float(np.sum(answer["weights"]))
    if abs(total - 1.0) <= atol:
        return Finding(Verdict.PASS, margin=abs(total - 1.0) / atol)
    return fail(f"Your weights after the M-step sum to {total:.6g}.", "Divide `N_k` by the number of points.")


@check("m_step", parameters)
def means(answer: Any, expected: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """Means are the responsibility-weighted averages."""
    return means_match(answer, expected, inputs, atol)


@check("m_step", parameters)
def covariances(answer: Any, expected: Any, inputs: Mapping[str, Any], rtol: float) -> Finding:
    """Covariances are the responsibility-weighted covariances around the new means."""
    return covariances_match(answer, expected, inputs, rtol)


@check("m_step", parameters_small)
def other_sizes(
    answer: Any, expected: Any, inputs: Mapping[str, Any], weights_atol: float, means_atol: float, rtol: float
) -> Finding:
    """The same for few points in three dimensions and two components."""
    for found in (
        weights_match(answer, expected, inputs, weights_atol),
        means_match(answer, expected, inputs, means_atol),
        covariances_match(answer, expected, inputs, rtol),
    ):
        if not found:
            told = f"For 36 points in three dimensions and two components: {found.message}"
            return Finding(found.verdict, told, found.hint, margin=found.margin)
    return Finding(Verdict.PASS)


@check("m_step", parameters_empty)
def empty_component(answer: Any) -> Finding:
    """Extra without points: a component that is responsible for no point."""
    lost = [name for name in PARAMETERS if name in answer and count_lost(np.asarray(answer[name], dtype=float))]
    if lost:
        return fail(
            f"With an empty component your {' and '.join(lost)} turn into NaN or infinity.",
            "Add a tiny number to `N_k`, such as `1e-10`, before you divide by it.",
        )
    return Finding(Verdict.PASS)


@check("m_step", parameters_flat)
def flat_data(answer: Any) -> Finding:
    """Extra without points: points that all lie on a line."""
    value = numbers(answer.get("covariances"))
    if value is None or value.ndim != 3 or count_lost(value):
        return fail("For points on a line your covariances are not finite matrices.")
    matrices = np.asarray(value, dtype=float)
    if np.linalg.eigvalsh((matrices + np.swapaxes(matrices, 1, 2)) / 2).min() <= 0.0:
        return fail(
            "For points that lie on a line your covariances can't be inverted, so the next E-step would fail.",
            "Add a tiny number, such as `1e-6`, to the diagonals.",
        )
    return Finding(Verdict.PASS)
