"""Correct programs in many styles: the audit holds that none of them loses a point that it should not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.rubric import Variant

from .variant_pieces import fitting, others, sampling, steps, storage, streaming
from .variant_pieces.building import FORMS, Choice, program

ITEMS = (
    "e_step",
    "m_step",
    "sample",
    "training",
    "discriminative",
    "generative",
    "interpolate",
    "arithmetic",
    "bic",
    "conditional_sample",
    "online_update",
)
COMBINATIONS = 48
WHOLE = Path(__file__).parent / "variant_pieces" / "whole"
SLOW = {"per_point": 2, "points": 2, "several_starts": 4, "prints": 5}
"""Pieces that take long, and in how many programs they may stand."""


def variants() -> Iterator[Variant]:
    """All correct programs."""
    for number, choice in enumerate(combinations(), 1):
        kept = f"{choice.storage}-{choice.e_step}-{choice.sample}".replace("_", "")
        yield Variant(f"mix{number:02d}-{kept}", program(choice), ITEMS)
    for path in sorted(WHOLE.glob("*.txt")):
        yield whole(path)


def whole(path: Path) -> Variant:
    """A program as it was written; its first lines say what it attempts and what it rightly loses."""
    source = path.read_text(encoding="utf-8")
    said = dict(re.findall(r"^# (attempts|loses): (.+)$", source, re.MULTILINE))
    return Variant(
        path.stem.replace("_", "-"), source, tuple(said["attempts"].split()), tuple(said.get("loses", "").split())
    )


def combinations() -> Iterator[Choice]:
    """Every piece several times, each time among other pieces: the axes advance at paces of their own."""
    used: Counter[str] = Counter()
    for number in range(COMBINATIONS):
        e_step = _pick(list(steps.E_STEPS), number, 1, used)
        logs = e_step in steps.LOG_STYLES or e_step == "largest_taken_out"
        gives = _pick([name for name in steps.GIVES if logs or not name.startswith("log")], number, 5, used)
        kept = _pick(list(storage.STORAGES), number, 1, used)
        forms = [form for form in FORMS if form != "subclass" or kept not in ("dataclass", "slots")]
        yield Choice(
            storage=kept,
            e_step=e_step,
            gives=gives,
            m_step=_pick(list(steps.M_STEPS), number, 3, used),
            takes=_pick(list(steps.TAKES), number, 2, used),
            regularisation=_pick(list(steps.REGULARISATION), number + number // 3, 1, used),
            start=_pick(list(fitting.STARTS), number + number // 4, 1, used),
            fit=_pick(list(fitting.FITS), number + number // 5, 3, used),
            history=_pick(list(fitting.HISTORIES), number + number // 2, 1, used),
            returns=_pick(list(fitting.RETURNS), number + number // 6, 5, used),
            sample=_pick(list(sampling.SAMPLES), number + number // 12, 5, used),
            conditional=_pick(list(sampling.CONDITIONALS), number + number // 5, 2, used),
            online=_pick(list(streaming.ONLINE), number + number // 5, 1, used),
            form=_pick(forms, number + number // 6, 1, used),
            discriminative=_pick(list(others.DISCRIMINATIVE), number, 2, used),
            generative=_pick(list(others.GENERATIVE), number, 1, used),
            explorer=_pick(list(others.EXPLORERS), number, 3, used),
            bic=_pick(list(others.BICS), number + number // 4, 1, used),
        )


def _pick(options: Sequence[str], number: int, pace: int, used: Counter[str]) -> str:
    """The option whose turn it is; a slow one that was used often enough leaves its turn to the next."""
    for further in range(len(options)):
        chosen = options[(number * pace + further) % len(options)]
        if used[chosen] < SLOW.get(chosen, COMBINATIONS):
            break
    used[chosen] += 1
    return chosen
