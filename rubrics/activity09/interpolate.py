"""TODO 5a: a straight walk through the latent space, decoded."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.compare import count_lost, fail
from grader.model import Finding, Verdict
from grader.rubric import New, Question, Support, ask, check

from .walk import decoder_parameters, off_by, same_walk, two_codes, walked

Walk = dict[str, Any]

FORMULA = "Decode (1 - alpha) * z1 + alpha * z2 for alpha in np.linspace(0, 1, num_steps), and return the images."


@ask(public=True, reads=walked, same=same_walk, guard=off_by, margin=0.05)
def interpolation(rng: np.random.Generator) -> Question:
    """`interpolate` between two codes in seven steps."""
    return _walk(rng, num_steps=7)


@ask(reads=walked, same=same_walk, guard=off_by, margin=0.05)
def interpolation_by_default(rng: np.random.Generator) -> Question:
    """`interpolate` between two codes without saying in how many steps."""
    return _walk(rng)


@ask(reads=walked, same=same_walk)
def interpolation_one_step(rng: np.random.Generator) -> Question:
    """`interpolate` in a single step."""
    return _walk(rng, num_steps=1)


def _walk(rng: np.random.Generator, **steps: int) -> Question:
    z1, z2 = two_codes(rng)
    model = Support("decoder")(decoder_parameters(rng))
    # A method that yields its images decodes nothing before they are taken.
    returned = Support("drawn_out")(New("LatentSpaceExplorer", model).call("interpolate", z1, z2, **steps))
    return Question(
        {"returned": returned, "asked": Support("asked_of")(model)},
        inputs={"z1": z1, "z2": z2, "num_steps": steps.get("num_steps", 10)},
    )


@check("interpolate", interpolation)
def decoded_path(answer: Walk, expected: Walk, inputs: dict[str, Any], atol: float) -> Finding:
    """The images are those of evenly spaced codes from `z1` to `z2`, decoded one by one"""
    return _compare(answer, expected, inputs, atol)


@check("interpolate", interpolation)
def both_ends(answer: Walk, expected: Walk, atol: float) -> Finding:
    """The first image is `z1` decoded, the last one `z2` decoded"""
    missing = _no_images(answer, expected["asked"])
    if missing is not None:
        return missing
    images, wanted = answer["images"], expected["images"]
    if len(images) < 2:
        return fail(f"Asked for seven steps, got {'one image' if len(images) else 'no image'}.", FORMULA)
    scale = float(np.max(np.abs(wanted)))
    off = [_gap(images[0], wanted[0], scale), _gap(images[-1], wanted[-1], scale)]
    if max(off) <= atol:
        return Finding(Verdict.PASS, margin=max(off) / atol)
    if max(_gap(images[0], wanted[-1], scale), _gap(images[-1], wanted[0], scale)) <= atol:
        return fail("The walk starts at `z2` and ends at `z1`; it should go from `z1` to `z2`.", FORMULA)
    which = " and ".join(
        name for name, gap in (("first image is not `z1`", off[0]), ("last image is not `z2`", off[1])) if gap > atol
    )
    return fail(f"The {which} decoded.", "Both ends belong to the path: alpha runs from 0 to 1, both included.")


@check("interpolate", interpolation_by_default)
def default_steps(answer: Walk, expected: Walk, inputs: dict[str, Any], atol: float) -> Finding:
    """Without `num_steps` the walk has ten steps"""
    return _compare(answer, expected, inputs, atol)


@check("interpolate", interpolation_one_step)
def one_step(answer: Walk, atol: float) -> Finding:
    """With `num_steps=1` one image comes back"""
    images = answer["images"]
    if images is not None and len(images) == 1 and count_lost(images) == 0:
        return Finding(Verdict.PASS)
    got = answer["got"] if images is None else f"{len(images)} images"
    if images is not None and count_lost(images):
        got = "an image of NaN or infinite values"
    return fail(
        f"With `num_steps=1` got {got}; expected one finite image.",
        "Dividing by `num_steps - 1` divides by 0 here; `np.linspace(0, 1, num_steps)` does not.",
    )


def _compare(answer: Walk, expected: Walk, inputs: dict[str, Any], atol: float) -> Finding:
    missing = _no_images(answer, expected["asked"])
    if missing is not None:
        return missing
    images, wanted = answer["images"], expected["images"]
    if count_lost(images):
        return fail(f"{count_lost(images)} of {images.size} pixels are NaN or infinite.", FORMULA)
    scale = float(np.max(np.abs(wanted)))
    if len(images) == len(wanted):
        off = _gap(images, wanted, scale)
        if off <= atol:
            return Finding(Verdict.PASS, margin=off / atol)
        wrong = int(np.sum(np.max(np.abs(images - wanted), axis=1) > atol * scale))
        told = _kind_of_walk(images, wanted, scale, atol)
        return Finding(
            Verdict.FAIL,
            f"{wrong} of {len(wanted)} images are not those of the codes on the way from `z1` to `z2`. {told}".strip(),
            FORMULA,
            margin=off / atol,
        )
    told = _ends(images, wanted, scale, atol, between="but their number is not.")
    got = f"{len(images)} image{'s' if len(images) != 1 else ''}"
    return fail(f"Asked for {len(wanted)} steps, got {got}. {told}".strip(), FORMULA)


def _no_images(answer: Walk, path: np.ndarray) -> Finding | None:
    """What to say where no images came back."""
    if answer["images"] is not None:
        return None
    if answer["codes"] is not None:
        return fail(
            f"Got {answer['got']}: these are latent codes, not images.",
            "Give each code to `self.model.decode` and return what it makes of them.",
        )
    seen = len(answer["asked"])
    told = f" Your method did decode {seen} codes." if seen else " The model was never asked to decode anything."
    if answer["asked"].shape == path.shape and np.allclose(answer["asked"], path, atol=1e-5):
        told = " Your method decoded the right codes, so only the `return` is missing."
    return fail(
        f"Got {answer['got']}; expected one image for each step.{told}",
        "Collect what `self.model.decode` returns and return it: plotting alone is not enough.",
    )


def _gap(a: np.ndarray, b: np.ndarray, scale: float) -> float:
    gap = float(np.max(np.abs(a - b))) / scale
    return gap if np.isfinite(gap) else float("inf")


def _kind_of_walk(images: np.ndarray, wanted: np.ndarray, scale: float, atol: float) -> str:
    """What the images themselves tell of the mistake."""
    if _gap(images, wanted[::-1], scale) <= atol:
        return "The path is right but reversed: it starts at `z2`."
    if np.ptp(images, axis=0).max() == 0:
        return "All images are the same."
    alphas = np.linspace(0, 1, len(wanted))[:, None]
    if _gap(images, (1 - alphas) * wanted[0] + alphas * wanted[-1], scale) <= atol:
        return "You mixed the two decoded images; mix the codes, then decode each mixture."
    return _ends(images, wanted, scale, atol)


def _ends(
    images: np.ndarray, wanted: np.ndarray, scale: float, atol: float, between: str = "what lies between is not."
) -> str:
    if len(images) == 0:
        return ""
    first, last = _gap(images[0], wanted[0], scale) <= atol, _gap(images[-1], wanted[-1], scale) <= atol
    if first and last:
        return f"Both ends are right, {between}"
    if first:
        return "The start is right, the end is not."
    return "The end is right, the start is not." if last else "Neither end is right."
