"""Helpers that run in the worker: the history that `fit` would have left. Sent along after `support.py`."""

import contextlib

import numpy as np

_SOME = 80
_ROUNDS = 3


def with_history(student, gmm, X):
    """Let a model that was given its parameters hold the history of log-likelihoods that `fit` would have left.

    Means or totals, lists or single numbers, as a small fit of the student's own shows; means where it shows nothing.
    """
    points, value = X[:_SOME], live_log_likelihood(student)(gmm, X)  # noqa: F821  stands in support.py
    names = ("log_likelihoods", *student.names.get("log_likelihoods", ()))
    kept, factor = {"log_likelihoods": []}, 1.0
    with contextlib.suppress(Exception):
        fitted = student.new("GMM", n_components=2, max_iters=_ROUNDS)
        student.call(fitted, "fit", points.copy())
        found = {name: held for name, held in vars(fitted).items() if name in names and _last(held) is not None}
        mean = live_log_likelihood(student)(fitted, points)  # noqa: F821
        units = {1.0: mean, -1.0: -mean, float(len(X)): mean * len(points), -float(len(X)): -mean * len(points)}
        factor = min(units, key=lambda unit: abs(units[unit] - _last(next(iter(found.values())))))
        kept = found
    for name, held in kept.items():
        with contextlib.suppress(Exception):
            setattr(gmm, name, [value * factor] if np.ndim(held) else value * factor)
    return gmm


def _last(held):
    array = np.asarray(held, dtype=float).ravel()
    return float(array[-1]) if array.size else None
