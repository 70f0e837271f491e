"""Tell a method left as a template leaves it from one that does something, by its code alone: nothing runs."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from types import CodeType, FunctionType
from typing import Any

_LONGEST = 400
"""Bytes of code; what is longer was not left open."""
_IDLE = (
    "BUILD_", "CACHE", "CALL", "COPY", "END_FOR", "EXTENDED_ARG", "FOR_ITER", "GET_ITER", "JUMP_", "KW_NAMES", "LOAD_",
    "NOP", "NOT_TAKEN", "POP_ITER", "POP_TOP", "PRECALL", "PUSH_NULL", "RAISE_VARARGS", "RESUME", "RETURN_",
    "STORE_FAST", "SWAP", "UNPACK_SEQUENCE",
)  # fmt: skip
"""Instructions, by how their names begin, that neither calculate nor change an object."""
_BLANKS = {"zeros", "zeros_like", "empty", "array", "asarray", "list", "dict", "range", "len", "print"}
_MENTIONED = _BLANKS | {"np", "numpy", "shape", "float", "int", "NotImplementedError", "NotImplemented"}
"""What a stub takes from outside: it makes something blank, or says that it isn't there."""


def function_in(held: object) -> FunctionType | None:
    """The plain function behind what a class holds under a method's name."""
    inner: Any = held
    if type(held) is staticmethod or type(held) is classmethod:
        inner = held.__func__
    elif type(held) is property:
        inner = held.fget
    return inner if type(inner) is FunctionType else None


@lru_cache(maxsize=4096)
def is_stub(code: CodeType) -> bool:
    """Whether the code does nothing, gives back something blank, or raises NotImplementedError."""
    if len(code.co_code) > _LONGEST:
        return False
    instructions = list(dis.get_instructions(code))
    idle = all(_is_idle(one) for one in instructions)
    return idle and _only_blanks(instructions) and all(_is_blank(code, before) for before in _returned(instructions))


def _is_idle(one: dis.Instruction) -> bool:
    return one.opname.startswith(_IDLE) or one.opname == "BINARY_SUBSCR" or one.argrepr == "[]"


def _only_blanks(instructions: list[dis.Instruction]) -> bool:
    """Whether all that is called, and all that is taken from outside, is among `_BLANKS` and `_MENTIONED`."""
    outside = False
    calls = makers = 0
    for one in instructions:
        if one.opname == "LOAD_GLOBAL" or one.opname in ("LOAD_METHOD", "LOAD_ATTR"):
            outside = outside or one.opname == "LOAD_GLOBAL"
            if (outside and one.argval not in _MENTIONED) or (not outside and _is_method(one)):
                return False
            makers += outside and one.argval in _MENTIONED
        elif one.opname.startswith("LOAD_"):
            outside = False
        calls += one.opname.startswith("CALL")
    return calls <= makers


def _is_method(one: dis.Instruction) -> bool:
    if one.opname == "LOAD_METHOD":
        return True
    return sys.version_info >= (3, 12) and bool((one.arg or 0) & 1)


def _returned(instructions: list[dis.Instruction]) -> Iterator[dis.Instruction]:
    """For each return, the instruction that brings about what is returned."""
    for before, one in pairwise(instructions):
        if one.opname == "RETURN_VALUE":
            yield before
        elif one.opname == "RETURN_CONST":
            yield one


def _is_blank(code: CodeType, source: dis.Instruction) -> bool:
    """Whether it brings nothing, the object itself, or what the code made (which is blank, as all that it calls)."""
    if source.opname.startswith("BUILD_"):
        return source.arg == 0
    if source.opname in ("LOAD_CONST", "RETURN_CONST"):
        held = source.argval
        return held in (None, ..., 0) or (type(held) is tuple and set(held) == {None})
    if source.opname.startswith(("LOAD_FAST", "STORE_FAST_LOAD_FAST")):
        name = source.argval[-1] if isinstance(source.argval, tuple) else source.argval
        arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        return name not in arguments[1:]
    return source.opname.startswith("CALL")
