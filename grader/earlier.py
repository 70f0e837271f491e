"""What earlier calls left in the same folder: late submissions are added to a class, they don't replace it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.store import RunFolder
from grader.submissions import Found


@dataclass(frozen=True)
class Earlier:
    """Submissions in ``run.json`` that this call was not pointed at."""

    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Id -> entry in ``run.json``. They were asked the same questions, so they stay in the class."""
    left_out: tuple[str, ...] = ()
    """Those that were asked others: grades of two exams don't stand in one table."""


def earlier_submissions(
    folder: RunFolder, asked: Mapping[str, str], found: Sequence[Found], paths: Iterable[Path]
) -> Earlier:
    """Entries of ``run.json`` whose files lie outside ``paths``; a file that is gone from below them was withdrawn.

    ``asked``: this call's questions with their hashes. Raises StoreError where ``run.json`` can't be used.
    """
    told = folder.run()
    if told is None:
        return Earlier()
    now, given = {one.id.casefold() for one in found}, {way for path in paths for way in _ways(path)}
    others = {
        name: entry
        for name, entry in told["submissions"].items()
        if name.casefold() not in now and not _below(Path(str(entry.get("file", ""))), given)
    }
    return Earlier(others) if told["questions"] == asked else Earlier(left_out=tuple(others))


def _ways(path: Path) -> set[Path]:
    return {path.absolute(), path.resolve()}


def _below(file: Path, given: set[Path]) -> bool:
    return not given.isdisjoint((file, *file.parents))
