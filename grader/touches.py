"""Which questions a mistake can touch: those in which the reference ran a piece of code that the mistake replaces."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from grader.assignment import Assignment
from grader.rubric import MistakeDef
from grader.worker.lookup import bare, known_as

_OF_EVERY_CLASS = {
    "__module__",
    "__doc__",
    "__qualname__",
    "__mistake__",
    "__dict__",
    "__weakref__",
    "__annotations__",
    "__firstlineno__",
    "__static_attributes__",
}


@dataclass(frozen=True)
class Watched:
    """What happened while the reference answered one question."""

    ran: frozenset[CodeType]
    """Code of the reference that ran."""
    names: frozenset[str]
    """Names of the reference that the question itself uses."""


@contextmanager
def watch(assignment: Assignment, replaced: Collection[type] = ()) -> Iterator[set[CodeType]]:
    """Collect the reference's code that runs in the block.

    ``replaced``: classes for which others stand in the namespace that is asked. A method that runs for an object of
    such a class itself was reached from within the reference, where no mistake puts another in its place.
    """
    folder = str((assignment.folder / assignment.spec.reference).resolve()) + "/"
    ran: set[CodeType] = set()
    known: dict[CodeType, bool] = {}

    def called(frame: FrameType, event: str, _arg: object) -> None:
        code = frame.f_code
        if event != "call":
            return
        if code not in known:
            known[code] = str(Path(code.co_filename).resolve()).startswith(folder)
        if known[code] and code not in ran and not _is_of(frame, replaced):
            ran.add(code)

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        yield ran
    finally:
        sys.setprofile(before)


def _is_of(frame: FrameType, classes: Collection[type]) -> bool:
    """Is the first argument of this call an object of exactly one of the classes?"""
    code = frame.f_code
    return bool(classes and code.co_argcount) and type(frame.f_locals.get(code.co_varnames[0])) in classes


def touched(assignment: Assignment, mistake: MistakeDef, watched: Mapping[str, Watched]) -> set[str]:
    """Ids of the asks that the mistake may answer otherwise than the reference; all where that can't be told."""
    replaced = {mistake.replaces: mistake.piece, **mistake.pieces}
    found: set[str] = set()
    for name, piece in replaced.items():
        codes = _replaced_codes(assignment, name, piece)
        for ask_id, one in watched.items():
            if codes is None or codes & one.ran:
                found.add(ask_id)
    if mistake.outcome is not None:
        # It is told, not run, so a piece that the question reaches by another way than this name doesn't count.
        found = {ask_id for ask_id in found if set(replaced) & watched[ask_id].names}
    return found


def _replaced_codes(assignment: Assignment, name: str, piece: Any) -> set[CodeType] | None:
    """Code of the reference that does not run any more where ``piece`` stands for ``name``; None if unclear."""
    base = assignment.reference.get(name)
    if not inspect.isclass(base):
        return _codes_of(base) or None
    if not inspect.isclass(piece) or base not in piece.__mro__:
        return None
    codes: set[CodeType] = set()
    for owner in piece.__mro__[: piece.__mro__.index(base)]:
        for key in vars(owner).keys() - _OF_EVERY_CLASS:
            before = inspect.getattr_static(base, key, None)
            found = _codes_of(before)
            if found:
                codes |= found
            elif before is not None or key.startswith("__") or _looked_up(assignment, base, key, vars(owner)[key]):
                return None
    return codes or None


def _codes_of(value: Any) -> set[CodeType]:
    parts = (value.fget, value.fset) if isinstance(value, property) else (value,)
    found = (getattr(inspect.unwrap(getattr(part, "__func__", part)), "__code__", None) for part in parts if part)
    return {code for code in found if code is not None}


def _looked_up(assignment: Assignment, base: type, key: str, value: Any) -> bool:
    """Could a question find a new attribute under this name? A method only in the place of another method."""
    names = assignment.spec.names
    alike = [name for name in names if any(bare(key) == bare(alias) for alias in known_as(name, names))]
    return bool(alike) and (not callable(value) or any(callable(getattr(base, name, None)) for name in alike))
