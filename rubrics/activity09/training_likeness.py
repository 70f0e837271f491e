"""Do two ways of training go wrong alike? For naming a mistake only: what can be seen of how and where they end.

Starts of their own make any two trainings differ, so what is compared are kinds, each taken over all starts: how many
iterations, what the history does, by how much it is off, and the traces of `training_traces`. All have to be the same:
a name that is not the student's own mistake would be worse than none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .reading import floats
from .shared import Array, mean_log_likelihood
from .training_data import typical_gain
from .training_reading import AGREES, best_start, idle
from .training_traces import SETTLED

TELLING = ("part", "exchanged")
"""Traces that show what happened by themselves, whatever the history."""
BY_START = ("one", "two", "few")
"""After so few iterations it is a matter of the start how good the fit is."""
NEAR = 0.03
"""Nats per point within which two log-likelihoods are off by the same."""
FAR = 5.0
"""Nats per point beyond which it does not matter by how much."""


def same(answer: Any, mistaken: Any, inputs: Mapping[str, Any]) -> bool:
    """Do two ways of training on clusters that are told easily go wrong alike?"""
    told = _by_traces(answer, mistaken)
    if told is not None:
        return told
    one, other = _features(answer), _features(mistaken)
    if one != other or not _alike_ups_and_downs(answer, mistaken, one["falls"]):
        return False
    claims = [_claims(found) for found in (answer, mistaken)]
    if claims[0] != claims[1] or (claims[0] and not _as_far_off(answer, mistaken, "claimed_offset")):
        return False
    return _as_far_off(answer, mistaken, "history_offset")


def same_rounds(answer: Any, mistaken: Any, inputs: Mapping[str, Any]) -> bool:
    """Do both steps in turn lead the same way? Nothing is said where they could not be followed."""
    pairs = zip(answer, mistaken, strict=False)
    values = [[mean_log_likelihood(inputs["X"], one) for one in pair] for pair in pairs]
    return all(np.isnan(a) == np.isnan(b) and not abs(a - b) > NEAR for a, b in values)


def same_again(answer: Any, mistaken: Any, inputs: Mapping[str, Any]) -> bool:
    """Do two second fits go alike: both fail, or both find as much?"""
    one, other = (any(start["complete"] for start in found["starts"]) for found in (answer, mistaken))
    return one == other and (not one or same(answer, mistaken, inputs))


def same_end(answer: Any, mistaken: Any, inputs: Mapping[str, Any]) -> bool:
    """Do two ways of training on clusters that take many iterations end alike?

    What one more iteration would gain has to be within a factor of three, where that is no matter of the start.
    """
    told = _by_traces(answer, mistaken)
    if told is not None:
        return told
    one, other = _ending(answer), _ending(mistaken)
    gains = [typical_gain(found, inputs) for found in (answer, mistaken)]
    if not _alike_ups_and_downs(answer, mistaken, one["falls"]):
        return False
    if one != other or not np.isfinite(gains).all():
        return one == other and not np.isfinite(gains).any()
    by_start = one["iterations"] in BY_START and one["agrees"] and not one["constant"]
    return by_start or max(gains) < SETTLED or bool(1 / 3 < gains[0] / gains[1] < 3)


def _by_traces(answer: Mapping[str, Any], mistaken: Mapping[str, Any]) -> bool | None:
    """Whether telling traces are the same; None where there are none."""
    one, other = ([found["traces"][name] for name in TELLING] for found in (answer, mistaken))
    hard = [found["traces"]["shares"] == "whole" for found in (answer, mistaken)]
    return one == other and hard[0] == hard[1] if any(one + other) or any(hard) else None


def _features(answer: Mapping[str, Any]) -> dict[str, Any]:
    best = best_start(answer)
    histories = _histories(answer)
    weights = floats(best["parameters"]["weights"])
    iterations, course = _iterations(histories), _course(histories)
    # How many there are is a matter of the start, but for histories that never settle.
    several = iterations not in ("one", "two") and not course["falls"]
    return {
        "fits": iterations in BY_START or best["gap"] <= AGREES,
        "sums": weights is not None and abs(float(weights.sum()) - 1.0) < 1e-4,
        "agrees": _agrees(answer),
        **course,
        "iterations": "several" if several else iterations,
        "idle": best["history"] is not None and idle(best["history"]) > 25,
        **{name: kind for name, kind in answer["traces"].items() if name != "gain"},
        "ended": _ended(answer, iterations),
    }


def _ending(answer: Mapping[str, Any]) -> dict[str, Any]:
    histories = _histories(answer)
    course, iterations = _course(histories), _iterations(histories)
    return {
        **course,
        "iterations": iterations,
        "ended": _ended(answer, iterations),
        # How a history that goes up and down ends is a matter of chance.
        "ends": "" if course["falls"] else _ends(histories),
        "repeats": _mostly(_repeats(history) for history in histories),
        "agrees": _agrees(answer),
        **{name: kind for name, kind in answer["traces"].items() if name != "gain"},
    }


def _course(histories: Sequence[Array]) -> dict[str, bool]:
    return {
        "known": bool(histories),
        "lost": _mostly(not np.isfinite(history).all() for history in histories),
        "falls": _mostly(_fall(history) > SETTLED for history in histories),
        "constant": _mostly(len(history) > 1 and np.ptp(history) < 1e-9 for history in histories),
        "zero": _mostly(not np.any(history) for history in histories),
    }


def _ended(answer: Mapping[str, Any], iterations: str) -> Any:
    """After a single entry, whether there was a single iteration; NaN, equal to nothing, where that is unclear."""
    told = answer["traces"]["gain"] if iterations == "one" else ""
    return float("nan") if told == "either" else told


def _alike_ups_and_downs(answer: Mapping[str, Any], mistaken: Mapping[str, Any], falls: bool) -> bool:
    """Where histories fall: do they climb first or never, and go up and down as far, within a factor of four?"""
    if not falls:
        return True
    late = [[history[len(history) // 2 :] for history in _histories(found)] for found in (answer, mistaken)]
    swings = [float(np.median([np.std(part) for part in parts])) for parts in late]
    climbs = [
        _mostly(
            history[0] < np.mean(part) - 4.0 * np.std(part)
            for history, part in zip(_histories(found), parts, strict=True)
        )
        for found, parts in zip((answer, mistaken), late, strict=True)
    ]
    return climbs[0] == climbs[1] and max(swings) <= 4.0 * min(swings) + 1e-9


def _histories(answer: Mapping[str, Any]) -> list[Array]:
    return [start["history"] for start in answer["starts"] if start["history"] is not None and start["complete"]]


def _agrees(answer: Mapping[str, Any]) -> bool:
    return _mostly(abs(start["history_offset"]) <= AGREES for start in answer["starts"] if start["complete"])


def _claims(answer: Mapping[str, Any]) -> bool:
    """Does `log_likelihood` say what is neither right nor what the history says?"""
    starts = [start for start in answer["starts"] if start["complete"]]
    offsets = [(start["claimed_offset"], start["history_offset"]) for start in starts]
    return _mostly(abs(claim) > AGREES and not abs(claim - last) < NEAR for claim, last in offsets)


def _as_far_off(answer: Mapping[str, Any], mistaken: Mapping[str, Any], name: str) -> bool:
    """Is the log-likelihood off by the same in most of the starts? They have the same data."""
    pairs = zip(answer["starts"], mistaken["starts"], strict=True)
    offsets = [(a[name], b[name]) for a, b in pairs if a["complete"] and b["complete"]]
    return not offsets or _mostly(
        (np.isnan(a) and np.isnan(b)) or abs(a - b) < NEAR or min(abs(a), abs(b)) > FAR for a, b in offsets
    )


def _mostly(flags: Iterable[Any]) -> bool:
    told = [bool(flag) for flag in flags]
    return sum(told) > 0.5 * len(told)


def _iterations(histories: Sequence[Array]) -> str:
    """One, two, the same few or many in all starts, or as many as it takes."""
    lengths = {len(history) for history in histories}
    if not lengths:
        return "unknown"
    if len(lengths) > 1:
        return "as many as it takes"
    (only,) = lengths
    return {1: "one", 2: "two"}.get(only, "few" if only <= 12 else "many")


def _ends(histories: Sequence[Array]) -> str:
    rises = [history[-1] - history[-2] for history in histories if len(history) > 1]
    if not rises:
        return "unknown"
    if not np.isfinite(rises).all():
        return "lost"
    rise = float(np.median(rises))
    return "rising" if rise > SETTLED else "falling" if rise < -SETTLED else "settled"


def _fall(history: Array) -> float:
    return float(np.max(-np.diff(history))) if len(history) > 1 and np.isfinite(history).all() else 0.0


def _repeats(history: Array) -> bool:
    """Do the last values come again and again in turn, as when something is exchanged in every iteration?"""
    last = history[-24:]
    if len(last) < 24 or np.ptp(last) < SETTLED:
        return False
    return any(np.max(np.abs(last[turn:] - last[:-turn])) < 1e-2 * np.ptp(last) for turn in (2, 3, 4, 6))
