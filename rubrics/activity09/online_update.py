"""Extension: EM on a stream of batches.

The stream is random and most updates are not, so no exact law bounds the chance that a correct one fails; it is
measured over many streams for several ways of updating (`benchmarks/false_fail.py`; table in `docs/statistics.md`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from grader import laws
from grader.compare import count_lost, fail, positive_definite
from grader.model import Finding, Tree, Verdict
from grader.rubric import Expr, New, Question, Support, ask, best_of, check

from .shared import Mixture, draw, shape_of, three_clusters

BATCHES, SIZE = 300, 60
LOOK = (
    "One step: responsibilities of the new batch under the current parameters, then blend the old statistics with the "
    "batch's (N_k, weighted sum, weighted scatter), then weights, means and covariances from the blend."
)
PIECES = ("weights", "means", "covariances")
HARDLY = 0.05
"""Share of the way from the start to the truth: less in every piece is no learning, so there is nothing to remember."""


def _shifted(rng: np.random.Generator, mixture: Mixture) -> Mixture:
    """A start off the truth in every piece: each weight, mean and covariance has a way to go."""
    order = np.argsort(mixture["weights"])
    weights = np.empty(3)
    weights[order] = np.array([0.62, 0.24, 0.14])
    angles = rng.uniform(0, 2 * np.pi, size=3)
    means = mixture["means"] + 1.1 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    covariances = np.stack([shape_of(rng, 2, 1.3, 1.7) for _ in range(3)])
    return {"weights": weights, "means": means, "covariances": covariances}


def course(rng: np.random.Generator) -> dict[str, Any]:
    """What a stream is made of.

    Mixtures ``truth`` and ``start``; points ``batches`` (300, 60, 2) and ``held_out`` (4000, 2) of the truth,
    ``only_one`` (60, 2) of its component ``alone``, and ``before`` (600, 2) of the start.
    """
    truth, _ = three_clusters(rng, 1)
    start = _shifted(rng, truth)
    batches = draw(rng, truth, BATCHES * SIZE).reshape(BATCHES, SIZE, 2)
    alone = int(np.argmax(truth["weights"]))
    only_one = draw(rng, {name: truth[name][alone : alone + 1] for name in PIECES} | {"weights": np.ones(1)}, SIZE)
    drawn = {"truth": truth, "start": start, "batches": batches, "alone": alone, "only_one": only_one}
    return drawn | {"before": draw(rng, start, 600), "held_out": draw(rng, truth, 4000)}


def _stream(rng: np.random.Generator, premised: bool) -> Question:
    made = course(rng)
    start, batches, only_one, before = (made[name] for name in ("start", "batches", "only_one", "before"))
    gmm: Expr = New("GMM", n_components=3, _data=before).given(start)
    spare: Expr = New("GMM", n_components=3, _data=before)
    if premised:
        own = {
            "_e_step": Support("live_e_step")(),
            "_m_step": Support("live_m_step")(),
            "log_likelihood": Support("live_log_likelihood")(),
        }
        gmm, spare = gmm.patched(**own), spare.patched(**own)
    asked = Support("stream")(gmm, spare, batches, only_one, before)
    return Question(asked, inputs={name: made[name] for name in ("truth", "held_out", "alone")})


def same_course(answer: Tree, mistaken: Tree, inputs: Mapping[str, Tree]) -> bool:
    """Two updates behave alike where the parameters after the stream agree, and both keep the data or neither."""
    if (answer["grown"] > 0.25 * answer["fed"]) != (mistaken["grown"] > 0.25 * mistaken["fed"]):
        return False
    pairs = [(answer[when][piece], mistaken[when][piece]) for when in ("end", "after") for piece in PIECES]
    return all(a.shape == b.shape and np.allclose(a, b, rtol=1e-3, atol=1e-4, equal_nan=True) for a, b in pairs)


@ask(same=same_course, seconds=40.0)
def stream_as_written(rng: np.random.Generator) -> Question:
    """300 batches of 60 points, one after the other, from a start that is off."""
    return _stream(rng, premised=False)


@ask(same=same_course, seconds=40.0, premised=True)
def stream_with_premises(rng: np.random.Generator) -> Question:
    """300 batches of 60 points, one after the other, from a start that is off, with the grader's E-step and M-step."""
    return _stream(rng, premised=True)


_STREAMS = best_of(stream_as_written, stream_with_premises)


@check("online_update", _STREAMS)
def learns(answer: dict[str, Any], inputs: dict[str, Any], remaining: float) -> Finding:
    """After the stream the model explains new points nearly as well as the truth does"""
    lost = _lost(answer, inputs)
    return lost if lost is not None else _gap_closed(answer, inputs, remaining)


@check("online_update", _STREAMS)
def every_piece(answer: dict[str, Any], inputs: dict[str, Any], remaining: float) -> Finding:
    """Weights, means and covariances all move towards the truth"""
    lost = _lost(answer, inputs)
    if lost is not None:
        return lost
    truth = _in_order_of(answer["end"], inputs["truth"])
    shares = {piece: _share_left(answer, truth, piece) for piece in PIECES}
    worst = max(shares, key=lambda piece: shares[piece])
    if shares[worst] <= remaining:
        return Finding(Verdict.PASS, margin=shares[worst] / remaining)
    stuck = [piece for piece in PIECES if np.array_equal(answer["start"][piece], answer["end"][piece])]
    told = (
        f"The {' and '.join(stuck)} never change."
        if stuck
        else f"The {worst} are no nearer to the truth than at the start."
    )
    return Finding(Verdict.FAIL, f"After 300 batches: {told}", LOOK, margin=shares[worst] / remaining)


@check("online_update", _STREAMS)
def remembers(answer: dict[str, Any], inputs: dict[str, Any], kept: float) -> Finding:
    """A batch from one cluster alone does not wipe out the others"""
    lost = _lost(answer, inputs)
    if lost is not None:
        return lost
    before, after = (_weight_elsewhere(answer[when], inputs) for when in ("end", "after"))
    share = after / before if before > 0 else 0.0
    if share >= kept:
        return Finding(Verdict.PASS, margin=kept / share)
    return Finding(
        Verdict.FAIL,
        f"After a single batch of 60 points from one cluster, the other clusters keep {share:.0%} of their weight.",
        "Blend old and new: the new batch must not replace what was learned from all batches before.",
        margin=kept / max(share, 1e-6),
    )


@check("online_update", _STREAMS)
def memory(answer: dict[str, Any], inputs: dict[str, Any], growth: float) -> Finding:
    """Old batches are not kept"""
    lost = _stuck(answer, inputs)
    if lost is not None:
        return lost
    share = answer["grown"] / answer["fed"]
    if share <= growth:
        return Finding(Verdict.PASS, margin=max(0.0, share) / growth)
    return Finding(
        Verdict.FAIL,
        f"Over the stream your object grew by {share:.0%} of the size of the batches: it keeps them.",
        "Keep sufficient statistics (N_k, sums, scatter) or the parameters themselves, not the points.",
        margin=share / growth,
    )


@check("online_update", _STREAMS)
def valid_mixture(answer: dict[str, Any], inputs: dict[str, Any]) -> Finding:
    """The parameters are those of a mixture: weights sum to 1, covariances positive definite and full"""
    lost = _lost(answer, inputs)
    return lost if lost is not None else _full(answer)


# --- what the checks share ------------------------------------------------------------------


def _lost(answer: dict[str, Any], inputs: dict[str, Any]) -> Finding | None:
    """A failure where nothing changed or what is there is no mixture: then nothing else can be asked of it."""
    stuck = _stuck(answer, inputs)
    return stuck if stuck is not None else _invalid(answer)


def _stuck(answer: dict[str, Any], inputs: dict[str, Any]) -> Finding | None:
    """A failure where nothing is learned, be it that nothing moves: what was not touched is not right."""
    start, end, truth = answer["start"], answer["end"], inputs["truth"]
    if any(count_lost(np.asarray(end[piece])) for piece in PIECES):
        return _invalid(answer)
    if any(not np.shape(end[piece]) == np.shape(start[piece]) == truth[piece].shape for piece in PIECES):
        return None
    truth = _in_order_of(end, truth)
    if any(_distance(end, start, piece) > HARDLY * _distance(truth, start, piece) for piece in PIECES):
        return None
    same = all(np.array_equal(start[piece], end[piece]) for piece in PIECES)
    told = "what they were before the first" if same else "hardly changed from what they were before the first"
    return fail(f"After 300 batches the weights, means and covariances are {told}.", LOOK)


def _in_order_of(parameters: Mapping[str, Any], truth: Mixture) -> Mixture:
    """The truth, its components in the order of those that came nearest: a fit of one's own may find them in any."""
    gaps = np.linalg.norm(np.asarray(parameters["means"])[:, None] - truth["means"][None], axis=2)
    order = linear_sum_assignment(gaps)[1]
    return {piece: truth[piece][order] for piece in PIECES}


def _distance(one: Mapping[str, Any], other: Mapping[str, Any], piece: str) -> float:
    return float(np.linalg.norm(np.asarray(one[piece]) - np.asarray(other[piece])))


def _invalid(answer: dict[str, Any]) -> Finding | None:
    """A failure where the parameters after the stream are no mixture."""
    end = answer["end"]
    for piece, shape in zip(PIECES, ((3,), (3, 2), (3, 2, 2)), strict=True):
        got = np.asarray(end[piece])
        if got.shape != shape:
            return fail(f"After 300 batches the {piece} have shape {got.shape}; expected {shape}.", LOOK)
        if count_lost(got):
            return fail(
                f"After 300 batches {count_lost(got)} of {got.size} numbers in the {piece} are NaN or infinite.", LOOK
            )
    total = float(np.sum(end["weights"]))
    if abs(total - 1) > 1e-3 or np.min(end["weights"]) < -1e-9:
        return fail(f"After 300 batches the weights sum to {total:.4g}; expected 1, and none below 0.", LOOK)
    definite = positive_definite(end["covariances"], what="After 300 batches the covariances", hint=LOOK)
    return None if definite else definite


def _full(answer: dict[str, Any]) -> Finding:
    off = np.abs(np.asarray(answer["end"]["covariances"])[:, 0, 1])
    if np.max(off) == 0.0:
        return fail("After 300 batches all covariances are exactly diagonal.", "Update the whole (D, D) matrices.")
    return Finding(Verdict.PASS)


def _gap_closed(answer: dict[str, Any], inputs: dict[str, Any], remaining: float) -> Finding:
    X = inputs["held_out"]
    best, first, last = (
        float(np.mean(laws.log_density(X, **{piece: one[piece] for piece in PIECES})))
        for one in (inputs["truth"], answer["start"], answer["end"])
    )
    share = (best - last) / (best - first)
    if share <= remaining:
        return Finding(Verdict.PASS, margin=max(0.0, share) / remaining)
    told = "it is worse than at the start" if share >= 1 else f"{share:.0%} of the way is still to go"
    return Finding(
        Verdict.FAIL,
        f"After 300 batches of 60 points the model should explain new points nearly as well as the truth; {told}.",
        LOOK,
        margin=share / remaining,
    )


def _weight_elsewhere(parameters: dict[str, Any], inputs: dict[str, Any]) -> float:
    """Weight of the components that stand nearest to another cluster than the one that came alone."""
    gaps = np.linalg.norm(np.asarray(parameters["means"])[:, None] - inputs["truth"]["means"][None], axis=2)
    elsewhere = np.argmin(gaps, axis=1) != inputs["alone"]
    return float(np.sum(np.asarray(parameters["weights"])[elsewhere]))


def _share_left(answer: dict[str, Any], truth: Mixture, piece: str) -> float:
    first, last = (np.asarray(answer[when][piece]) - truth[piece] for when in ("start", "end"))
    return float(np.linalg.norm(last) / max(float(np.linalg.norm(first)), 1e-12))
