"""What the report draws of the answers: the log-likelihood curve, the fitted clusters and the samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grader.rubric import Reply

from .training_reading import best_start

SHOWN = 600


def plots(replies: Mapping[str, Reply]) -> dict[str, Any]:
    """Drawings by id, from the canonical answers by question; what has no answer has no drawing."""
    found: dict[str, Any] = {}
    if "fits" in replies:
        found |= _training(replies["fits"])
    if "draws" in replies:
        reply = replies["draws"]
        found["samples"] = {
            "item": "sample",
            "title": "Samples of three secret components",
            "student": reply.value["points"][:SHOWN],
            "reference": reply.expected["points"][:SHOWN],
        }
    return found


def _training(reply: Reply) -> dict[str, Any]:
    """The best start: its history beside the reference's on the same data, its components beside the best fit."""
    best = best_start(reply.value)
    index = best["index"]
    theirs, fit = reply.expected["starts"][index], reply.inputs["best"][index]
    return {
        "log_likelihood": {
            "item": "training",
            "student": best["history"],
            "reference": theirs["history"],
        },
        "clusters": {
            "item": "training",
            "X": reply.inputs["X"][index],
            **{name: best["parameters"][name] for name in ("weights", "means", "covariances")},
            "reference_means": fit["means"],
            "reference_covariances": fit["covariances"],
        },
    }
