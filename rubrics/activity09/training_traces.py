"""Traces that a mistake of training leaves in the parameters, taken over all starts. Pure.

They serve to name a mistake: starts and data of their own make any two trainings differ, these kinds do not.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .shared import Array, mean_log_likelihood
from .training_data import em_round

SETTLED = 1e-3
"""Rise of the last iteration, or of one more, below which training counts as ended: ten times the usual ``tol``."""
LOOKED_AT = 6
"""So many of the starts are looked at: what most of them have is the trace."""


def traces(starts: Sequence[Mapping[str, Any]], data: Sequence[Array]) -> dict[str, str]:
    """Name -> kind, each as most of the starts have it; "" where there is nothing to see."""
    pairs = zip(starts, data, strict=True)
    ended = [
        (start["parameters"], X) for start, X in pairs if start["complete"] and np.isfinite(start["log_likelihood"])
    ]
    kept = [(parameters, X, gain(parameters, X)) for parameters, X in ended[:LOOKED_AT]]
    return {
        "gain": _size(float(np.median([found for _, _, found in kept]))) if kept else "",
        "shares": _usual(_shares(parameters["weights"], len(X)) for parameters, X, _ in kept),
        "widened": _usual(_widened(*one) for one in kept),
        "part": _usual(_part(*one) for one in kept),
        "exchanged": _usual(_exchanged(*one) for one in kept),
        "places": _usual(str(_distinct(parameters["means"])) for parameters, _, _ in kept),
        "alive": _usual(str(np.sum(parameters["weights"] > 1e-6)) for parameters, _, _ in kept),
    }


def gain(parameters: Mapping[str, Any], X: Array) -> float:
    """What one more iteration of EM would gain per point; infinite where that can't be said."""
    found = mean_log_likelihood(X, em_round(X, parameters)) - mean_log_likelihood(X, parameters)
    return found if np.isfinite(found) else np.inf


def _size(found: float) -> str:
    """Has training ended? Between the two nothing is said, so that chance does not decide."""
    return "ended" if found < 2e-4 else "not ended" if found > 5e-4 else "either"


def _usual(kinds: Iterable[str]) -> str:
    told = list(kinds)
    return max(sorted(set(told)), key=told.count, default="")


def _shares(weights: Array, N: int) -> str:
    """Are the weights equal, or whole numbers of points? Only responsibilities of 0 and 1 sum to such."""
    if np.ptp(weights) < 1e-6:
        return "equal"
    counts = weights * N
    return "whole" if np.max(np.abs(counts - np.round(counts))) < 1e-3 else ""


def _widened(parameters: Mapping[str, Array], X: Array, found: float) -> str:
    """Are all covariances those of the points but for the same on each diagonal?"""
    if found <= SETTLED:
        return ""
    added = parameters["covariances"] - em_round(X, parameters)["covariances"]
    size = float(np.einsum("kdd->kd", added).mean())
    rest = added - size * np.eye(added.shape[1])
    return "widened" if size > 0.05 and np.max(np.abs(rest)) < 0.5 * size else ""


def _part(parameters: Mapping[str, Array], X: Array, found: float) -> str:
    """Has training ended for some of the points, the first ones or every second to fourth, but not for all?"""
    parts = [X[:count] for count in range(30, len(X) - 9, 10)] + [X[::2], X[::3], X[::4]]
    return "part" if found > SETTLED and min(gain(parameters, part) for part in parts) < min(5e-4, 0.1 * found) else ""


def _exchanged(parameters: Mapping[str, Array], X: Array, found: float) -> str:
    """The one of the three parameters that only has to be put in another order for training to have ended."""
    if found <= SETTLED or len(parameters["weights"]) > 4:
        return ""
    orders = list(itertools.permutations(range(len(parameters["weights"]))))[1:]
    for name in ("means", "weights", "covariances"):
        tried = ({**parameters, name: parameters[name][list(order)]} for order in orders)
        if any(gain(one, X) < min(SETTLED, 0.1 * found) for one in tried):
            return name
    return ""


def _distinct(means: Array) -> int:
    """How many components stand at a place of their own."""
    gaps = np.linalg.norm(means[:, None] - means[None], axis=2)
    return len({int(np.argmax(row < 1e-3)) for row in gaps})
