"""The attacks in batches."""

from __future__ import annotations

from tests.hostile.attack import Attack
from tests.hostile.ending import ENDING
from tests.hostile.exhausting import ANSWERS, CELLS, OUTPUT
from tests.hostile.forging import LIES, PATCHES, PROTOCOL
from tests.hostile.handing_in import INPUT
from tests.hostile.spying import LEAKS, OUTWARD, SPYING
from tests.hostile.twisting import TWISTS

GROUPS: dict[str, tuple[Attack, ...]] = {
    "exhausting by cells": CELLS,
    "exhausting by output": OUTPUT,
    "exhausting by answers": ANSWERS,
    "ending and staying": ENDING,
    "forging messages": PROTOCOL,
    "forging by patches": PATCHES,
    "lying values": LIES,
    "twisting the worker": TWISTS,
    "spying": SPYING,
    "leaking": LEAKS,
    "reaching out": OUTWARD,
    "handing in": INPUT,
}
_SLOW = {"endless-loop", "stubborn-loop", "sleep-with-signals-blocked"}
QUICK = tuple(
    attack
    for name in ("spying", "reaching out", "leaking", "ending and staying", "forging messages")
    for attack in GROUPS[name]
    if attack.id not in _SLOW
)
"""What is tried as an ordinary user too: who may see, signal and reach what depends on who one is."""
