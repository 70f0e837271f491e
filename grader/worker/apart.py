"""What a fork would still share with its siblings: open files, pipes and shared memory. Here it gets its own.

This is for honest code, which writes to a file that it opened or counts in an array of ``multiprocessing``. Student
code runs in the same process and could undo it; it would gain nothing, because what the questions bring is asked last.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

_MAP_FIXED = 0x10  # asm-generic/mman-common.h
_SHARED = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw.s ")
_MOST_BYTES = 256 << 20
_KEPT = ".kept/"
"""What the folder's name ends in to which the notebook's files were moved; a question finds copies where they were."""


Memory = tuple[tuple[int, int], ...]
"""(address, bytes) of mappings."""


@dataclass(frozen=True)
class Shared:
    """What this process would share with a fork: descriptors with the paths of their files, and memory."""

    descriptors: dict[int, str]
    memory: Memory


def survey(memory: Memory | None = None) -> Shared:
    """Before the fork: the fork may have no right to look at itself. Empty but on Linux.

    ``memory``: what `shared_memory` found, for who asks often.
    """
    descriptors: dict[int, str] = {}
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  as cheap as it gets
            with suppress(OSError):
                descriptors[int(name)] = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
    return Shared(descriptors, shared_memory() if memory is None else memory)


def stand_apart(shared: Shared, keep: int) -> None:
    """In the fork: share none of it any more, but the descriptors up to 2 and ``keep``."""
    for descriptor, path in shared.descriptors.items():
        if descriptor > 2 and descriptor != keep:
            with suppress(OSError):
                _own_descriptor(descriptor, path)
    left = _MOST_BYTES
    for start, size in shared.memory:
        left -= size
        if left >= 0:
            with suppress(OSError, AttributeError):
                _own_memory(start, size)


def _own_descriptor(descriptor: int, path: str) -> None:
    """Put in the place of ``descriptor`` the same file opened anew, or what the system has for nothing."""
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(kind) or stat.S_ISCHR(kind):
        return
    inheritable = os.get_inheritable(descriptor)
    fresh = _opened_anew(descriptor, path) if stat.S_ISREG(kind) else os.open(os.devnull, os.O_RDWR)
    try:
        os.dup2(fresh, descriptor, inheritable)
    finally:
        os.close(fresh)


def _opened_anew(descriptor: int, path: str) -> int:
    """With an offset of its own; a file of the notebook's is the copy that this question has."""
    import fcntl  # there is none on Windows, where this module is imported too

    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL) & (os.O_ACCMODE | os.O_APPEND)
    try:
        fresh = os.open(path.replace(_KEPT, "/", 1), flags)
        os.lseek(fresh, os.lseek(descriptor, 0, os.SEEK_CUR), os.SEEK_SET)
    except OSError:  # it was removed since
        return os.open(os.devnull, os.O_RDWR)
    return fresh


def shared_memory() -> Memory:
    """Each writable mapping that other processes see."""
    return tuple(_shared_memory())


def _shared_memory() -> Iterator[tuple[int, int]]:
    with suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:  # noqa: PTH123
        for line in maps:
            if found := _SHARED.match(line):
                start, end = (int(text, 16) for text in found.groups())
                yield start, end - start


def _own_memory(start: int, size: int) -> None:
    """Put private memory with the same content in the place of shared memory."""
    content = ctypes.string_at(start, size)
    call = ctypes.CDLL(None, use_errno=True).mmap
    call.restype = ctypes.c_void_p
    call.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED
    if call(start, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0) == start:
        ctypes.memmove(start, content, size)
