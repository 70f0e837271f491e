"""Reads what ``fit`` left behind in each start: parameters, history, and what the grader makes of them itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.compare import numbers
from grader.rubric import Read, Unreadable
from grader.worker.lookup import pick

from .reading import floats, names, parameters_from, parts
from .shared import mean_log_likelihood
from .training_traces import traces

Array = NDArray[np.float64]
AGREES = 0.02
"""Nats per point within which a log-likelihood is that of the parameters; a history may be one iteration behind."""


def trained(value: Any, inputs: Mapping[str, Any]) -> Read:
    """``{"fits", "states"}`` of several starts as ``{"starts", "traces"}``, each start with what `one_start` finds.

    Raises Unreadable when no start left weights, means and covariances behind.
    """
    read = trained_again(value, inputs)
    if not any(start["complete"] for start in read.value["starts"]):
        raise Unreadable(_nothing_found(value["states"]), "Keep `weights`, `means` and `covariances` on `self`.")
    return read


def trained_again(value: Any, inputs: Mapping[str, Any]) -> Read:
    """The same, with starts that all failed as an answer too."""
    notes: dict[str, None] = {}
    starts = []
    for index, (fit, state) in enumerate(zip(value["fits"], value["states"], strict=True)):
        start, told = one_start(fit, state, inputs, index)
        starts.append(start)
        notes |= dict.fromkeys(told)
    return Read({"starts": starts, "traces": traces(starts, inputs["X"])}, tuple(notes))


def _nothing_found(states: Any) -> str:
    present = next((state for state in states if state), {})
    shown = ", ".join(f"`{key}`" for key, kept in list(present.items())[:12] if kept is not None) or "none"
    unset = ", ".join(f"`{key}`" for key, kept in list(present.items())[:12] if kept is None)
    still = f" Still `None`: {unset}." if unset else ""
    return f"After `fit` no weights, means and covariances were found. Attributes with a value: {shown}.{still}"


def one_start(
    fit: Mapping[str, Any], state: Mapping[str, Any], inputs: Mapping[str, Any], index: int
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What one start gave, and the adaptations that reading it took.

    ``parameters``, ``complete`` (all three, of the right shapes), ``log_likelihood`` (mean, taken by the grader from
    the parameters), ``gap`` (to the best fit of these data), ``history`` (mean log-likelihoods), ``claimed`` (what
    the student's ``log_likelihood`` says) and the offsets of the last two from the grader's.
    """
    X, mixture = inputs["X"][index], inputs["mixtures"][index]
    K, D = mixture["means"].shape
    found, notes = parameters_from(state, K=K, D=D)
    shapes = {"weights": (K,), "means": (K, D), "covariances": (K, D, D)}
    complete = bool(fit["fitted"]) and all(_has_shape(found.get(name), shape) for name, shape in shapes.items())
    own = mean_log_likelihood(X, found) if complete else float("nan")
    history, told = history_of(fit, state, own, len(X))
    claimed = fit.get("log_likelihood")
    start = {
        "index": index,
        "parameters": found,
        "complete": complete,
        "error": fit["error"],
        "skipped": fit["skipped"],
        "log_likelihood": own,
        "gap": float(inputs["targets"][index] - own),
        "history": history,
        "claimed": float("nan") if claimed is None else float(claimed),
        "history_offset": float("nan") if history is None or not len(history) else float(history[-1] - own),
        "claimed_offset": float("nan") if claimed is None else in_means(float(claimed), own, len(X)) - own,
    }
    return start, (*notes, *told)


def _has_shape(value: Any, shape: tuple[int, ...]) -> bool:
    return isinstance(value, np.ndarray) and value.shape == shape


def history_of(
    fit: Mapping[str, Any], state: Mapping[str, Any], own: float, N: int
) -> tuple[Array | None, tuple[str, ...]]:
    """The history as mean log-likelihoods, from the object or from what ``fit`` returned; None where there is none."""
    key = pick("log_likelihoods", names(), [name for name, kept in state.items() if _is_history(kept)])
    if key is not None:
        raw, where = floats(state[key]), f"found your log-likelihood history under `{key}`"
        where = "" if key.strip("_") == "log_likelihoods" else where
    else:
        raw = _returned_history(fit.get("returned"), N)
        where = "took your log-likelihood history from what `fit` returned"
    if raw is None:
        return None, ()
    notes = (where,) if where else ()
    last = float(raw[-1])
    factor = in_means(last, own, N) / last if np.isfinite(last) and last else 1.0
    if abs(abs(factor) - 1.0 / N) < 0.1 / N:
        notes = (*notes, "your history holds totals; it was divided by the number of points")
    if factor < 0:
        notes = (*notes, "your history holds negative log-likelihoods; the sign was turned")
    return np.asarray(raw * factor), notes


def in_means(value: float, own: float, N: int) -> float:
    """A log-likelihood as a mean: totals are divided by N and losses turned, where that is what they are."""
    for factor in (1.0, 1.0 / N, -1.0, -1.0 / N):
        if abs(value * factor - own) <= AGREES:
            return value * factor
    # It agrees with nothing: at least its size tells a total from a mean.
    return value / N if np.isfinite(own) and abs(value) > 30.0 * max(abs(own), 1.0) else value


def _is_history(kept: Any) -> bool:
    array = numbers(kept)
    return array is not None and array.ndim == 1 and array.size > 0 and array.dtype.kind in "fiu"


def _returned_history(returned: Any, N: int) -> Array | None:
    for _, part in [("", returned), *parts(returned)]:
        array = numbers(part)
        if array is not None and array.ndim == 1 and array.dtype.kind == "f" and array.size > 3 and array.size != N:
            return np.asarray(array, dtype=float)
    return None


def best_start(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The start whose fit is nearest to the best fit of its data."""
    complete = [start for start in answer["starts"] if start["complete"]]
    return min(complete, key=lambda start: start["gap"] if np.isfinite(start["gap"]) else np.inf)


def disagreeing(answer: Mapping[str, Any], name: str) -> int:
    """In how many starts the claimed log-likelihood is not that of the parameters."""
    offsets = [start[name] for start in answer["starts"] if start["complete"] and np.isfinite(start["log_likelihood"])]
    told = [offset for offset, start in zip(offsets, answer["starts"], strict=False) if not np.isnan(offset)]
    return sum(abs(offset) > AGREES for offset in told)


def idle(history: Array) -> int:
    """Iterations at the end that changed the log-likelihood by less than 1e-8."""
    steps = np.abs(np.diff(history))
    moved = np.flatnonzero(~(steps < 1e-8))
    return int(len(steps) - (moved[-1] + 1 if len(moved) else 0))
