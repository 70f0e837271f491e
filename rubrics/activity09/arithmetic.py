"""TODO 5b: adding an attribute in the latent space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from grader.compare import count_lost, fail
from grader.model import Finding, Tree, Verdict
from grader.rubric import New, Question, Read, Support, ask, check

from .walk import decoder_parameters, off_by, same_walk, two_codes, walked

Walk = dict[str, Any]

FORMULA = "Decode `z_base + alpha * z_attribute` and return the image."


def _each(value: Tree, inputs: Mapping[str, Tree]) -> Read:
    """`walked` for a list of calls."""
    reads = [walked({"returned": one}, inputs) for one in value]
    return Read([read.value for read in reads], tuple(dict.fromkeys(note for read in reads for note in read.notes)))


def _all_off_by(answer: Tree, expected: Tree, inputs: Mapping[str, Tree]) -> float:
    return max(off_by(a, b, inputs) for a, b in zip(answer, expected, strict=True))


@ask(public=True, reads=walked, same=same_walk, guard=off_by, margin=0.05)
def attribute_added(rng: np.random.Generator) -> Question:
    """`arithmetic` with the default strength."""
    base, attribute = two_codes(rng)
    model = Support("decoder")(decoder_parameters(rng))
    returned = New("LatentSpaceExplorer", model).call("arithmetic", base, attribute)
    return Question({"returned": returned, "asked": Support("asked_of")(model)}, inputs={"alphas": [1.0]})


@ask(reads=_each, same=same_walk, guard=_all_off_by, margin=0.05)
def attribute_scaled(rng: np.random.Generator) -> Question:
    """`arithmetic` with a negative strength, a strength of 0 and a large one."""
    base, attribute = two_codes(rng)
    # Beyond 1 on both sides and far from whole numbers: cut to 0..1 and cut to whole numbers are told apart.
    alphas = [-float(rng.uniform(1.3, 1.7)), 0.0, float(rng.uniform(2.3, 2.7))]
    explorer = New("LatentSpaceExplorer", Support("decoder")(decoder_parameters(rng)))
    calls = [explorer.call("arithmetic", base, attribute, alpha=alpha) for alpha in alphas]
    return Question(calls, inputs={"alphas": alphas})


@check("arithmetic", attribute_added)
def default_alpha(answer: Walk, expected: Walk, atol: float) -> Finding:
    """Without `alpha` the attribute is added once, and the sum is decoded"""
    return _compare(answer, expected, "With the default `alpha`", atol)


@check("arithmetic", attribute_scaled)
def strength(answer: list[Walk], expected: list[Walk], inputs: dict[str, Any], atol: float) -> Finding:
    """`alpha` scales the attribute: below 0, at 0 and above 1"""
    kinds = ("With a negative `alpha`", "With `alpha=0`", "With an `alpha` above 1")
    findings = [_compare(a, b, kind, atol) for a, b, kind in zip(answer, expected, kinds, strict=True)]
    failed = [finding for finding in findings if not finding]
    if not failed:
        return Finding(Verdict.PASS, margin=max(finding.margin or 0.0 for finding in findings))
    images = [one["images"] for one in answer]
    if (
        all(one is not None for one in images)
        and np.allclose(images[0], images[1])
        and np.allclose(images[1], images[2])
    ):
        return fail("Three different strengths gave the same image: `alpha` has no effect.", FORMULA)
    more = f" ({len(failed)} of 3 strengths fail.)" if len(failed) > 1 else ""
    return fail(failed[0].message + more, FORMULA)


def _compare(answer: Walk, expected: Walk, when: str, atol: float) -> Finding:
    image, wanted = answer["images"], expected["images"]
    if image is None and answer["codes"] is not None:
        return fail(f"{when}: got {answer['got']}, a latent code. It was not decoded.", FORMULA)
    if image is None:
        return fail(f"{when}: got {answer['got']}, expected one image.", FORMULA)
    if len(image) != 1:
        return fail(f"{when}: got {len(image)} images, expected one.", FORMULA)
    if count_lost(image):
        return fail(f"{when}: {count_lost(image)} of {image.size} pixels are NaN or infinite.", FORMULA)
    off = float(np.max(np.abs(image - wanted)) / np.max(np.abs(wanted)))
    if off <= atol:
        return Finding(Verdict.PASS, margin=off / atol)
    return Finding(
        Verdict.FAIL,
        f"{when}, the image is not that of the base code with the attribute added.",
        FORMULA,
        margin=off / atol,
    )
