"""One hostile submission."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.execute.levels import Level

SOLUTION = "def double(x):\n    return x + x\n\ndef total(x):\n    return sum(x)\n"
"""Earns all of the tiny assignment's 100 points."""


@dataclass(frozen=True)
class Attack:
    """Cells of a notebook, or a function that writes the file. ``@NAME@`` in a cell is filled in by the arena."""

    id: str
    tries: str
    """What it would bring about, in words."""
    cells: tuple[str, ...] = ()
    file: Callable[[Path, Mapping[str, str]], None] | None = None
    """Writes what is handed in below a folder that is this attack's alone."""
    needs: Level = Level.PROCESS
    """The weakest level that promises to hold against it. Below that it is not run: it would do what it tries."""
    earns: float = 0.0
    """Points that its honest part is worth."""
    reports: int = 1
    """How many submissions are found in what it hands in."""


def table(*attacks: Attack) -> tuple[Attack, ...]:
    ids = [attack.id for attack in attacks]
    assert len(set(ids)) == len(ids), ids
    return attacks
