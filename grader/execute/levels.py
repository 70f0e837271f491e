"""The isolation levels by name, from weak to strong, and the cage of each."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from grader.execute.cage import Cage
from grader.execute.confined import Confined
from grader.execute.namespaces import Namespaces


class Level(StrEnum):
    """How far student code is kept from everything else."""

    PROCESS = "process"
    """A process of its own with limits, deadlines and an end for all that it starts. It can read what the user can."""
    CONFINED = "confined"
    """Also Landlock, seccomp and, as root, another user: files, network and other processes are out of reach."""
    NAMESPACES = "namespaces"
    """Also a file system, process table, network and user table of its own."""


def cage_for(order: dict[str, Any]) -> Cage:
    """The cage that the grader ordered."""
    cages: dict[Level, type[Cage]] = {Level.PROCESS: Cage, Level.CONFINED: Confined, Level.NAMESPACES: Namespaces}
    cage = cages[Level(order["level"])]()
    cage.hidden = tuple(Path(path) for path in order["hidden"])
    cage.temporary = order["temporary"]
    return cage
