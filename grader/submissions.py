"""Where submissions are: a notebook, a folder as the learning platforms leave it, or zip archives in one.

::

    for found in find([Path("downloads")]):
        submission = load(found)
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader import archive, lms, notebook, scripts
from grader.model import Problem, Submission
from grader.repair import BrokenError, decode
from grader.text import clean, safe_name, strip_terminal

NOTEBOOK = re.compile(r"\.ipynb(?:\.(?:txt|json))?$", re.IGNORECASE)
"""Browsers add the second suffix when they save a notebook as text."""

_SUFFIX = re.compile(r"\.ipynb(?:\.(?:txt|json))?$|\.py$|\.zip$", re.IGNORECASE)
_SKIPPED_FOLDERS = {"__macosx", "__pycache__", "node_modules", "site-packages", "venv", "env"}
_MAX_DEPTH = 40


class PathsError(Exception):
    """What was asked to be graded is not there: the caller's mistake, told in one line."""


class NoSuchPathError(PathsError):
    """A path does not exist."""


class NothingFoundError(PathsError):
    """There is no notebook below the given folders."""


@dataclass(frozen=True)
class Found:
    """One thing to grade."""

    id: str
    """Safe for a file name; no two of a batch are equal, in whatever letter case."""
    path: Path
    """The file, or the archive that holds it."""
    shown_path: str
    """Path below the given folder as it was."""
    student: str = ""
    student_id: str = ""
    """The platform's number or login, where its naming tells it."""
    member: str = ""
    """Name inside the archive at ``path``."""
    problem: Problem | None = None
    """Why it can't be read: it still gets a report."""


def find(paths: Sequence[Path]) -> list[Found]:
    """All submissions at or below ``paths``, sorted by their paths; ids don't depend on the order of ``paths``.

    Raises:
        NoSuchPathError: one of the paths does not exist, or is no notebook, script, archive or folder.
        NothingFoundError: there is nothing to grade.
    """
    found: dict[tuple[Path, str], Found] = {}
    for path in paths:
        for one in _at(path):
            # Two links that lead outside may lead to one file, and are still two students'.
            where = one.path if one.problem else _resolved(one.path)
            found.setdefault((where, one.member), one)
    if not found:
        shown = ", ".join(strip_terminal(str(path)) for path in paths)
        raise NothingFoundError(f"no notebook (.ipynb, or .py with # %% cells) found in {shown or 'no path at all'}")
    return _with_ids(found.values())


def load(found: Found) -> Submission:
    """Read one submission. Never raises: what can't be read has a fatal problem.

    Where neither the platform, a folder nor the notebook's metadata tells whose it is, the file's name stands for that.
    """
    submission = _load(found)
    named = clean(_SUFFIX.sub("", found.path.name), notebook.MAX_NAME)
    return submission if submission.student else replace(submission, student=named)


def _load(found: Found) -> Submission:
    if found.problem is not None:
        return notebook.unreadable(found.problem, id=found.id, shown_path=found.shown_path, student=found.student)
    if not found.member:
        return notebook.read(found.path, id=found.id, shown_path=found.shown_path, student=found.student)
    try:
        data = archive.read(found.path, found.member)
    except BrokenError as error:
        return notebook.unreadable(error.problem, id=found.id, shown_path=found.shown_path, student=found.student)
    return notebook.from_bytes(data, id=found.id, shown_path=found.shown_path, student=found.student)


# --- one given path -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Seen:
    """A file below the given folder, before anybody knows whose it is."""

    path: Path
    parts: lms.Parts
    member: str = ""
    problem: Problem | None = None
    graded: bool = True
    """False: no notebook, noted in case its owner handed in nothing else."""


def _at(path: Path) -> list[Found]:
    try:
        exists, is_folder = path.exists(), path.is_dir()
    except (OSError, ValueError):
        exists = is_folder = False
    if not exists:
        raise NoSuchPathError(f"{strip_terminal(str(path))}: no such file or folder")
    if is_folder:
        root = path.resolve()
        return _owned(root, list(_walk(root)))
    if path.suffix.lower() == ".zip":
        return _owned(path, list(_unpacked(path, ())))
    if not _SUFFIX.search(path.name):
        raise NoSuchPathError(f"{strip_terminal(str(path))}: not a notebook (.ipynb), a script (.py) or a zip archive")
    student = lms.on_platform((path.name,)) or lms.Student()
    return [Found("", path, path.name, student.name, student.id)]


def _owned(root: Path, seen: list[_Seen]) -> list[Found]:
    """Each file with its student; whoever's files are no notebooks gets one entry that says so."""
    graded = [one for one in seen if one.graded]
    clones = root.name.endswith("-submissions") or _has_clone(root, graded)
    above = (root.name,) if lms.on_platform((root.name, "")) else ()
    students = lms.students([above + one.parts for one in graded], clones=clones)
    found = [_found(one, students[above + one.parts]) for one in graded]
    with_notebook = {(one.student, one.student_id) for one in found}
    for one in seen:
        student = None if one.graded else lms.on_platform(above + one.parts)
        if student and (student.name, student.id) not in with_notebook:
            with_notebook.add((student.name, student.id))
            found.append(replace(_found(one, student), problem=_no_notebook(one.parts[-1])))
    return found


def _has_clone(root: Path, graded: Sequence[_Seen]) -> bool:
    return root.is_dir() and any((root / name / ".git").exists() for name in {one.parts[0] for one in graded})


def _found(one: _Seen, student: lms.Student) -> Found:
    shown = "/".join(clean(part) for part in one.parts)
    return Found("", one.path, shown, clean(student.name), clean(student.id), one.member, one.problem)


def _no_notebook(name: str) -> Problem:
    return Problem(
        id="no_notebook",
        message=f"No notebook was handed in: the only thing found is {clean(name, 100)!r}.",
        hint="Hand in the notebook itself: File > Download > .ipynb.",
        fatal=True,
    )


# --- folders --------------------------------------------------------------------------------


def _walk(root: Path) -> Iterator[_Seen]:
    """Every file below ``root`` that may be a submission; real ones first, then links to what was not seen yet."""
    links: list[_Seen] = []
    real: set[Path] = set()
    stack: list[tuple[Path, lms.Parts]] = [(root, ())]
    while stack:
        folder, above = stack.pop()
        for entry in _entries(folder):
            parts = (*above, entry.name)
            if _skipped(entry.name):
                continue
            if entry.is_symlink():
                links.append(_Seen(Path(entry.path), parts))
            elif entry.is_dir():
                if len(parts) < _MAX_DEPTH and not (Path(entry.path) / "pyvenv.cfg").exists():
                    stack.append((Path(entry.path), parts))
            else:
                real.add(Path(entry.path))
                yield from _file(Path(entry.path), parts)
    for link in links:
        yield from _followed(link, root, real)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _skipped(name: str) -> bool:
    return (
        name.startswith((".", "~"))
        or name.endswith("~")
        or name.lower() in _SKIPPED_FOLDERS
        or "_assignfeedback_" in name
        or bool(re.search(r"-checkpoint\.(?:ipynb|py)$", name))
    )


def _file(path: Path, parts: lms.Parts) -> Iterator[_Seen]:
    if NOTEBOOK.search(path.name):
        yield _Seen(path, parts)
    elif path.suffix.lower() == ".zip":
        yield from _unpacked(path, parts)
    else:
        yield _Seen(path, parts, graded=path.suffix.lower() == ".py" and _is_export(path))


def _is_export(path: Path) -> bool:
    try:
        if not path.is_file():  # a pipe would be waited on
            return False
        with path.open("rb") as file:
            return _is_export_text(file.read(1 << 20))
    except OSError:
        return False


def _is_export_text(data: bytes) -> bool:
    return scripts.is_export(decode(data, script=True)[0].replace("\r\n", "\n"))


def _followed(link: _Seen, root: Path, real: set[Path]) -> Iterator[_Seen]:
    """A link counts when it leads to a file of its own inside ``root``, such as one kept by git-annex."""
    target = _resolved(link.path)
    is_notebook = bool(NOTEBOOK.search(link.path.name))
    if not target.is_relative_to(root) or not target.exists():
        if is_notebook or target.is_dir():
            yield replace(link, problem=_bad_link(is_notebook))
    elif is_notebook and target.is_file() and target not in real:
        yield replace(link, path=target)


def _bad_link(is_notebook: bool) -> Problem:
    what = "a notebook" if is_notebook else "a folder"
    return Problem(
        id="outside_link",
        message=f"This is only a link to {what} outside of what was handed in; it was not followed.",
        hint="Hand in the file itself, not a link or an alias to it.",
        fatal=True,
    )


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a link to itself
        return path


# --- archives -------------------------------------------------------------------------------


def _unpacked(path: Path, parts: lms.Parts) -> Iterator[_Seen]:
    """The notebooks in an archive, as if it were a folder."""
    try:
        members = archive.members(path, _wanted_member)
    except BrokenError as error:
        yield _Seen(path, parts or (path.name,), problem=error.problem)
        return
    for member in members:
        inner = tuple(part for part in re.split(r"[/\\]+", member.name) if part not in ("", ".", ".."))
        if inner and not any(_skipped(part) for part in inner):
            yield _Seen(path, parts + inner, member.name, member.problem, graded=member.wanted)
    if not members:
        yield _Seen(path, parts or (path.name,), graded=False)


def _wanted_member(name: str, head: Callable[[], bytes]) -> bool:
    if NOTEBOOK.search(name):
        return True
    return name.lower().endswith(".py") and _is_export_text(head())


# --- ids ------------------------------------------------------------------------------------


def _with_ids(found: Iterable[Found]) -> list[Found]:
    """Every plain name goes to the first in order that has it; the others get a suffix made from their path."""
    ordered = sorted(
        found, key=lambda one: (one.shown_path, one.path.as_posix().encode("utf-8", "replace"), one.member)
    )
    names: dict[str, Found] = {}
    waiting: list[Found] = []
    for one in sorted(ordered, key=lambda one: one.shown_path.lower().endswith(".py")):
        name = safe_name(_SUFFIX.sub("", re.sub(r"\.zip(?=/)", "", one.shown_path, flags=re.IGNORECASE)))
        if _folded(name) in names:
            waiting.append(replace(one, id=name))
        else:
            names[_folded(name)] = replace(one, id=name)
    for one in waiting:
        name = next(name for name in _suffixed(one) if _folded(name) not in names)
        names[_folded(name)] = replace(one, id=name)
    return sorted(names.values(), key=lambda one: (one.shown_path, one.id))


def _suffixed(one: Found) -> Iterator[str]:
    stem = safe_name(one.id, 100)
    origin = f"{one.shown_path}\0{one.member}".encode("utf-8", "surrogatepass")  # the same on every machine
    count = 0
    while True:
        yield f"{stem}-{hashlib.sha256(origin + b'%d' % count).hexdigest()[:8]}"
        count += 1


def _folded(name: str) -> str:
    """What a file system that ignores case and composition compares."""
    return unicodedata.normalize("NFKC", name).casefold()
