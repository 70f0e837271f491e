"""Whose a file is, by the names that learning platforms give to the folders and files of their downloads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Parts = tuple[str, ...]
"""A path below the given folder, split at its separators; the last part is the file's name."""


@dataclass(frozen=True)
class Student:
    """Who handed something in, as far as names tell; either field may be empty."""

    name: str = ""
    id: str = ""
    """The platform's own number or login."""


_FOLDERS = (
    # Moodle: "First Last_12345_assignsubmission_file_/nb.ipynb", or flat "..._file_nb.ipynb" in older downloads
    re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_\w+?_.*", re.DOTALL),
    # Brightspace: "12345-67890 - First Last - 3 May, 2025 1200 PM"
    re.compile(r"(?P<id>\d+-\d+) - (?P<name>.+?) - .*\d{4}.*", re.DOTALL),
    # Gradescope: "submission_123456789"
    re.compile(r"(?P<name>submission_(?P<id>\d+))"),
)
_FILES = (
    # Blackboard: "Assignment_login_attempt_2025-05-03-12-00-00_nb.ipynb"
    re.compile(r".+_(?P<name>(?P<id>[^_]+))_attempt_\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d(?:_.*)?", re.DOTALL),
    # Canvas: "lastnamefirst_LATE_12345_67890_nb.ipynb"
    re.compile(r"(?P<name>[^_]+)(?:_LATE)?_(?P<id>\d+)_\d+_.+", re.DOTALL),
)


def on_platform(parts: Parts) -> Student | None:
    """The student that a platform's naming gives for this path; None where no platform made it."""
    if "submitted" in parts[:-2]:  # nbgrader: submitted/<student>/<assignment>/nb.ipynb
        return _student(parts[parts.index("submitted") + 1], "")
    for part in parts:
        for pattern in _FOLDERS:
            match = pattern.fullmatch(part)
            if match:
                return _student(match["name"], match["id"])
    for part in parts:
        for pattern in _FILES if part == parts[-1] or part.lower().endswith(".zip") else ():
            match = pattern.fullmatch(part)
            if match:
                return _student(match["name"], match["id"])
    return None


def _student(name: str, id: str) -> Student:  # noqa: A002
    return Student(" ".join(name.replace("\x00", "").split()), id)


def students(paths: Sequence[Parts], *, clones: bool = False) -> Mapping[Parts, Student]:
    """Who handed in each of ``paths``, which stand below one folder.

    Platforms' names come first; then repositories cloned from a classroom ("assignment-login"); then the folder or
    the file's stem, whichever of them tells the submissions apart.

    Args:
        paths: of the notebooks.
        clones: whether the folder is known to hold cloned repositories.
    """
    plain = _by_folder(paths)
    prefix = _classroom_prefix(sorted({parts[0] for parts in paths if len(parts) > 1}), clones)
    found: dict[Parts, Student] = {}
    for parts in paths:
        student = on_platform(parts)
        if student is None and prefix and len(parts) > 1 and parts[0].startswith(prefix):
            login = parts[0][len(prefix) :]
            student = Student(login, login)
        found[parts] = student or _student(plain[parts], "")
    return found


def _classroom_prefix(folders: Sequence[str], clones: bool) -> str:
    """The assignment's name in front of the logins, with its dash; empty where the folders have none in common."""
    if len(folders) < 2:
        return ""
    first, last = min(folders), max(folders)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    common = first[:same]
    prefix = common[: common.rfind("-") + 1]
    told = clones or any(c.isdigit() for c in prefix)  # "maria-lopez" and "maria-santos" are two people
    return prefix if len(prefix) > 2 and told and all(len(name) > len(prefix) for name in folders) else ""


def _by_folder(paths: Sequence[Parts]) -> Mapping[Parts, str]:
    """Folders are students where most of them hold one notebook, or where files in several have the same name."""
    nested = [parts for parts in paths if len(parts) > 1]
    folders = Counter(parts[:-1] for parts in nested)
    stems = Counter(_stem(parts[-1]) for parts in nested)
    single = sum(1 for count in folders.values() if count == 1)
    if not nested or (2 * single <= len(folders) and max(stems.values()) == 1):
        return {parts: _stem(parts[-1]) for parts in paths}
    level = _student_level(nested)
    return {p: p[min(level, len(p) - 1) - 1] if len(p) > 1 else _stem(p[-1]) for p in paths}


def _student_level(paths: Sequence[Parts]) -> int:
    """How deep the students' folders lie: mostly, the outermost level at which a folder holds one notebook alone."""
    below = Counter(parts[:i] for parts in paths for i in range(1, len(parts)))
    levels = Counter(
        next((i for i in range(1, len(parts)) if below[parts[:i]] == 1), len(parts) - 1) for parts in paths
    )
    return min(levels, key=lambda level: (-levels[level], level))


def _stem(name: str) -> str:
    return re.sub(r"(?i)\.ipynb(?:\.(?:txt|json))?$|\.py$", "", name)
