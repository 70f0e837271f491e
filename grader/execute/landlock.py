"""Landlock: from here on this process and its children reach only the files that were named.

Numbers and structures: include/uapi/linux/landlock.h. What an older kernel does not know is left out, never asked for.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

from grader.execute import linux

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights over files that each version knows; later ones know those of 5."""
_NET_BIND_CONNECT_TCP = 3
_SCOPE_ABSTRACT_UNIX_AND_SIGNALS = 3
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1


def abi() -> int:
    """The version that the kernel speaks; 0 when it has no Landlock, or it is off."""
    try:
        return linux.syscall("landlock_create_ruleset", None, 0, _CREATE_RULESET_VERSION) if linux.supported() else 0
    except OSError:
        return 0


def confine(
    readable: Iterable[str | Path], writable: Iterable[str | Path], listable: Iterable[str | Path] = ()
) -> None:
    """Give up all files but those below ``readable`` (reading, executing) and ``writable`` (everything).

    Below ``listable`` the names of files can be read, no more.
    TCP (version 4), signals to outside and abstract unix sockets (version 6) are given up too. Paths that are not
    there are left out. Needs no_new_privs. Raises OSError when the kernel will not.
    """
    version = abi()
    everything = _BY_ABI[max(1, min(version, 5))]
    attributes = struct.pack(
        "QQQ",
        everything,
        _NET_BIND_CONNECT_TCP if version >= 4 else 0,
        _SCOPE_ABSTRACT_UNIX_AND_SIGNALS if version >= 6 else 0,
    )
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = linux.syscall("landlock_create_ruleset", attributes, size, 0)
    try:
        for paths, rights in ((readable, READ), (listable, READ_DIR), (writable, everything)):
            for path in paths:
                _allow(ruleset, path, rights & everything)
        linux.syscall("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str | Path, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            rights &= _OF_FILES
        linux.syscall("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, parent), 0)
    finally:
        os.close(parent)
