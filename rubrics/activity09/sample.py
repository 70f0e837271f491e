"""TODO 3, sampling: secret components so far apart that their labels are certain, then exact laws.

Seven tests share the level, 1e-6: frequencies, stray points, centres, covariances, overall scale and radii of 4000
samples, a seventh each, and the small answers together the last seventh, 64 samples drawn one at a time 99 % of it and
7 samples in three dimensions 1 %. So a correct sampler loses a point of this item with probability at most the level
(Bonferroni). Shape and copies leave nothing to chance.

The laws are exact given which component drew each point, and that is certain: the means stand at least 14 of the
largest standard deviations apart, so a point within 7 of its own mean is nearest to that one, and the stray-point test
itself rejects beyond 6.9 (the event that a label is wrong is part of the one that it pays for). Nothing here compares
with samples of the reference. `benchmarks/false_fail.py` counts the failures of correct samplers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from grader import laws
from grader.compare import count_lost, describe, fail
from grader.model import Finding, Verdict
from grader.rubric import New, Question, Read, Support, Unreadable, ask, best_of, check

from .likeness import alike_beside, alike_samples
from .reading import floats, samples
from .shared import separated

N = 4000
SINGLES = 64
MANY = 3000
"""So many are drawn after few, from the same object, to tell whose mistake it is; no check looks at them."""
TESTS = 7
DUPLICATES = 0.01
"""Share of repeated points from which samples are copies: two draws in 32-bit numbers may meet, hundreds do not."""


def one_at_a_time(value: Any, inputs: Mapping[str, Any]) -> Read:
    """The 64 answers of ``sample(1)`` as one array of points; Unreadable when one of them is no point.

    With ``beside``: many samples of the same object, or None. Few samples can't tell one mistake from another.
    """
    rows, shapes, notes = [], set(), ()
    for answer in value["few"]:
        read = samples(answer, inputs)
        points = read.value["points"]
        if len(points) != 1:
            raise Unreadable(
                f"`sample(1)` returned {len(points)} samples ({describe(answer)}); expected one.",
                "Draw a component for each sample anew; numbers per component that are rounded do not add up.",
            )
        rows.append(points[0])
        shapes.add(tuple(int(size) for size in read.value["shape"]))
        notes = read.notes
    found = {"points": np.array(rows), "shape": np.array(sorted(shapes)[0])}
    return Read({**found, "beside": _beside(value["many"], inputs)}, notes)


def few_with_many(value: Any, inputs: Mapping[str, Any]) -> Read:
    """Samples with ``beside``, as for `one_at_a_time`; tables of another width are kept, for the check to tell."""
    try:
        read = samples(value["few"], inputs)
    except Unreadable:
        table = floats(value["few"])
        if table is None or table.ndim != 2:
            raise
        read = Read({"points": table, "shape": np.array(table.shape)})
    return Read({**read.value, "beside": _beside(value["many"], inputs)}, read.notes)


def _beside(value: Any, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        read = samples(value, {**inputs, "n": MANY})
    except Unreadable:
        table = floats(value)
        return {"points": table, "shape": np.array(table.shape)} if table is not None and table.ndim == 2 else None
    return dict(read.value)


@ask(public=True, reads=samples, same=alike_samples)
def draws(rng: np.random.Generator) -> Question:
    """4000 samples of three well separated components in the plane."""
    params = separated(rng, 2, 3)
    gmm = New("GMM", n_components=3, _data=params["means"]).given(params)
    return Question(gmm.call("sample", N), inputs={"n": N, "params": params})


@ask(public=True, reads=one_at_a_time, same=alike_beside)
def singles(rng: np.random.Generator) -> Question:
    """64 calls of `sample(1)` on the same object with three well separated components."""
    params = separated(rng, 2, 3)
    gmm = New("GMM", n_components=3, _data=params["means"]).given(params)
    few = [gmm.call("sample", 1) for _ in range(SINGLES)]
    return Question({"few": few, "many": Support("drawn_beside")(gmm, MANY)}, inputs={"n": 1, "params": params})


@ask(reads=one_at_a_time, same=alike_beside)
def singles_anew(rng: np.random.Generator) -> Question:
    """`sample(1)` of 64 objects with random states of their own and three well separated components."""
    params = separated(rng, 2, 3)
    states = rng.integers(1, 2**31 - 1, SINGLES).tolist()
    objects = [New("GMM", n_components=3, random_state=s, _data=params["means"]).given(params) for s in states]
    few = [gmm.call("sample", 1) for gmm in objects]
    return Question({"few": few, "many": Support("drawn_beside")(objects[-1], MANY)}, inputs={"n": 1, "params": params})


@ask(reads=few_with_many, same=alike_beside)
def draws_space(rng: np.random.Generator) -> Question:
    """7 samples of two well separated components in three dimensions."""
    params = separated(rng, 3, 2)
    gmm = New("GMM", n_components=2, _data=params["means"]).given(params)
    few = gmm.call("sample", 7)
    return Question({"few": few, "many": Support("drawn_beside")(gmm, MANY)}, inputs={"n": 7, "params": params})


def labelled(answer: Any, inputs: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """(points, component of each, squared distance of each) of the finite samples."""
    points = answer["points"]
    if count_lost(points):
        points = points[np.isfinite(points).all(axis=1)]
    labels, squared = laws.nearest(points, inputs["params"]["means"], inputs["params"]["covariances"])
    return points, labels, squared


def usable(answer: Any, inputs: Mapping[str, Any]) -> Finding | None:
    """A finding where the samples are too few or far too many copies for laws to say anything; None where they do."""
    points = answer["points"]
    if len(points) < N // 2:
        return fail(
            f"`sample({N})` gave {len(points)} sample{'s' if len(points) != 1 else ''}, too few to judge.",
            "Append one draw in every round.",
        )
    if count_lost(points) > 0.5 * points.size:
        return fail("Most of your samples are NaN or infinite.")
    if (points == points[0]).all():
        return fail("All your samples are the same point.", "Draw a new component and a new point in every round.")
    return None


def _mend_shape(came: tuple[int, ...]) -> str:
    if len(came) > 2:
        return "Drawing with size 1 leaves an extra axis: take `[0]` of it."
    if came == (2, N):
        return "One row per sample: return `samples.T`."
    return "Draw `n_samples` in all: one component and one point for each row."


def _decided(p_value: float, level: float, message: str, hint: str) -> Finding:
    """Fail below ``level``; the margin compares standard normal deviates."""
    margin = laws.deviation(p_value) / laws.deviation(level)
    if p_value > level:
        return Finding(Verdict.PASS, margin=margin)
    return Finding(Verdict.FAIL, message, hint, margin=margin)


@check("sample", draws)
def shape(answer: Any, inputs: Mapping[str, Any]) -> Finding:
    """sample(n) returns n finite points that are not copies."""
    points, wanted = answer["points"], (N, 2)
    found = usable(answer, inputs)
    if found is not None:
        return found
    if tuple(answer["shape"]) != wanted:
        came = tuple(int(size) for size in answer["shape"])
        return fail(f"`sample({N})` returned an array of shape {came}; expected {wanted}.", _mend_shape(came))
    if count_lost(points):
        return fail(f"{count_lost(points)} of the {points.size} values of your samples are NaN or infinite.")
    copies = 1.0 - len(np.unique(points, axis=0)) / N
    if copies > DUPLICATES:
        return fail(
            f"{100 * copies:.3g} % of your samples repeat another one exactly.",
            "Draw every sample from its Gaussian; means or training points alone are no samples.",
        )
    return Finding(Verdict.PASS)


@check("sample", draws)
def frequencies(answer: Any, inputs: Mapping[str, Any], level: float) -> Finding:
    """Components are chosen with the probabilities in weights.

    Each count is Binomial(4000, weight); two-sided, joined over three components by Bonferroni: at most level / 7.
    """
    found = usable(answer, inputs)
    if found is not None:
        return found
    _, labels, _ = labelled(answer, inputs)
    weights = inputs["params"]["weights"]
    K = len(weights)
    counts = np.bincount(labels, minlength=K)
    shares = ", ".join(f"{share:.3f}" for share in counts / counts.sum())
    alone = " All samples lie nearest to the same component." if counts.max() == counts.sum() else ""
    uniform = laws.counts(counts, np.full(K, 1.0 / K)) > level
    told = " That is a uniform choice." if uniform else alone
    return _decided(
        laws.counts(counts, weights),
        laws.share(level, TESTS),
        f"The components were chosen with frequencies {shares} in {N} samples, which are not the weights.{told}",
        "For each sample choose `k` with `np.random.choice(n_components, p=self.weights)`, and draw around `means[k]`.",
    )


@check("sample", draws)
def stray_points(answer: Any, inputs: Mapping[str, Any], level: float) -> Finding:
    """Every sample lies near one of the components.

    The largest of 4000 chi-squares with 2 degrees; the nearest component's distance is at most that of the own: at most
    level / 7.
    """
    found = usable(answer, inputs)
    if found is not None:
        return found
    _, _, squared = labelled(answer, inputs)
    limit = laws.stray_radius(N, 2, laws.share(level, TESTS))
    stray = int(np.count_nonzero(squared > limit**2))
    lie = "lies" if stray == 1 else "lie"
    return _decided(
        laws.largest_chi_square(squared, 2),
        laws.share(level, TESTS),
        f"{stray} of {len(squared)} samples {lie} more than {limit:.0f} standard deviations from every component, "
        "where no sample should.",
        "Draw from N(means[k], covariances[k]) with the same k for both. A standard deviation is the square root of a "
        "variance.",
    )


@check("sample", draws)
def centres(answer: Any, inputs: Mapping[str, Any], level: float) -> Finding:
    """The samples of each component scatter around its mean.

    n_k times the squared Mahalanobis distance of the average is chi-square with 2 degrees, given n_k; joined over
    three components by Bonferroni: at most level / 7.
    """
    found = usable(answer, inputs)
    if found is not None:
        return found
    params = inputs["params"]
    points, labels, _ = labelled(answer, inputs)
    p = [laws.location(points[labels == k], params["means"][k], params["covariances"][k]) for k in range(3)]
    worst = int(np.argmin(p))
    gap = _offset(points[labels == worst], params["means"][worst], params["covariances"][worst])
    return _decided(
        laws.bonferroni(p),
        laws.share(level, TESTS),
        f"The samples of one component are centred {gap:.2g} standard deviations beside its mean.",
        "Draw from N(means[k], ...), and add nothing else.",
    )


def _offset(points: Any, mean: Any, covariance: Any) -> float:
    if not len(points):
        return 0.0
    return float(np.sqrt(laws.squared_distances(points.mean(axis=0)[None], mean, covariance)[0]))


@check("sample", draws)
def covariances(answer: Any, inputs: Mapping[str, Any], level: float) -> Finding:
    """The samples of each component have its covariance, along the axes and between them.

    Along each of four directions the squares sum to a chi-square with n_k degrees; twelve two-sided tests joined by
    Bonferroni: at most level / 7.
    """
    found = usable(answer, inputs)
    if found is not None:
        return found
    params = inputs["params"]
    points, labels, _ = labelled(answer, inputs)
    both = [laws.spreads(points[labels == k], params["means"][k], params["covariances"][k]) for k in range(3)]
    p, ratios = np.array([one[0] for one in both]), np.array([one[1] for one in both])
    k, direction = np.unravel_index(int(np.argmin(p)), p.shape)
    along = ("the first axis", "the second axis", "a diagonal", "the other diagonal")[direction]
    return _decided(
        laws.bonferroni(p),
        laws.share(level, TESTS),
        f"Along {along} the variance of one component's samples is {ratios[k, direction]:.3g} times what its "
        "covariance says.",
        "Draw from the full matrix: `np.random.multivariate_normal(means[k], covariances[k])`, or `L @ z` with "
        "`L = np.linalg.cholesky(covariances[k])`.",
    )


@check("sample", draws)
def scale(answer: Any, inputs: Mapping[str, Any], level: float) -> Finding:
    """All samples together spread as far as the covariances say.

    The squared distances sum to a chi-square with 8000 degrees, two-sided: level / 7, exact.
    """
    found = usable(answer, inputs)
    if found is not None:
        return found
    _, _, squared = labelled(answer, inputs)
    ratio = float(np.mean(squared)) / 2
    return _decided(
        laws.scale(squared, 2),
        laws.share(level, TESTS),
        f"Overall your samples scatter with {ratio:.3g} times the variance that the covariances say.",
        "The Gaussian wants the covariance matrix, not its square, its root or a multiple.",
    )


@check("sample", draws)
def radii(answer: Any, inputs: Mapping[str, Any], level: float) -> Finding:
    """The distances from the means follow the law of a Gaussian.

    Their chi-square probabilities are uniform; Kolmogorov-Smirnov by its law for n = 4000: level / 7, exact.
    """
    found = usable(answer, inputs)
    if found is not None:
        return found
    _, _, squared = labelled(answer, inputs)
    return _decided(
        laws.radii(squared, 2),
        laws.share(level, TESTS),
        "The distances of your samples from their component's mean are not spread as those of a Gaussian.",
        "Use normal draws (`randn`, `multivariate_normal`), not uniform ones, and neither cut nor reuse them.",
    )


@check("sample", best_of(singles, singles_anew))
def one_by_one(answer: Any, inputs: Mapping[str, Any], level: float) -> Finding:
    """sample(1), asked 64 times, chooses components with the same probabilities.

    Counts (binomial) and the largest distance (chi-square), joined by Bonferroni: at most 0.99 level / 7. Asked in two
    ways, of which the better counts, so the chance to fail is at most that of either.
    """
    lost = int(np.count_nonzero(~np.isfinite(answer["points"]).all(axis=1)))
    if lost:
        return fail(f"{lost} of 64 calls of `sample(1)` returned NaN or infinite values.")
    points, labels, squared = labelled(answer, inputs)
    if len(np.unique(points, axis=0)) == 1:
        return fail(
            "`sample(1)` returned the same point 64 times.",
            "Do not set the seed inside `sample`: each call should go on drawing.",
        )
    weights = inputs["params"]["weights"]
    counts = np.bincount(labels, minlength=len(weights))
    shares = ", ".join(str(count) for count in counts)
    p = min(laws.counts(counts, weights), laws.largest_chi_square(squared, points.shape[1]))
    return _decided(
        2.0 * p,
        0.99 * laws.share(level, TESTS),
        f"64 calls of `sample(1)` gave {shares} points of the three components, or points far from all of them: not "
        "what the weights say.",
        "Draw the component of every sample at random; numbers per component that are fixed or rounded are not random.",
    )


@check("sample", draws_space)
def other_sizes(answer: Any, inputs: Mapping[str, Any], level: float) -> Finding:
    """The same for two components in three dimensions.

    The largest of 7 chi-squares with 3 degrees: at most 0.01 level / 7.
    """
    came, wanted = tuple(int(size) for size in answer["shape"]), (7, 3)
    if came != wanted:
        return fail(
            f"`sample(7)` on two components in three dimensions returned shape {came}; expected {wanted}.",
            "Take the sizes from `self.means.shape` and `n_samples`; do not write 2 or 3.",
        )
    points, _, squared = labelled(answer, inputs)
    if len(points) < 7 or len(np.unique(points, axis=0)) < 7:
        return fail("Some of the 7 samples in three dimensions repeat each other or are not finite.")
    return _decided(
        laws.largest_chi_square(squared, 3),
        0.01 * laws.share(level, TESTS),
        "In three dimensions your samples lie far from both components.",
        "Take the sizes from `self.means.shape`; do not write 2 or 3.",
    )
