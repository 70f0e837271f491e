"""The isolation levels by name, from weak to strong, and the cage of each."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from grader.execute.cage import Cage
from grader.execute.confined import Confined


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
    return {Level.PROCESS: Cage, Level.CONFINED: Confined}[Level(order["level"])]()
