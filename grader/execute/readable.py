"""What student code may read of the machine: the interpreter with its packages, the system's libraries, little else."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
ETC = (
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "fonts", "mime.types", "nsswitch.conf",
    "alternatives", "os-release", "debian_version", "inputrc", "magic", "protocols", "services", "shells",
)  # fmt: skip
"""Of /etc only what says nothing about the machine's people and secrets."""
DEVICES = ("null", "zero", "full", "random", "urandom")
PROC = (
    "self", "cpuinfo", "meminfo", "stat", "uptime", "version", "loadavg", "filesystems", "sys/kernel/osrelease",
    "sys/kernel/ostype", "sys/kernel/cap_last_cap", "sys/vm/overcommit_memory", "sys/kernel/pid_max",
)  # fmt: skip
"""Where /proc is the host's: never other processes, whose command lines may hold what students must not know."""


def interpreter() -> list[Path]:
    """The folders of this interpreter and of all that it imports from; none lies within another."""
    roots = {Path(prefix) for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)}
    roots |= {Path(entry) for entry in sys.path if entry}
    roots |= {Path(sys.executable).parent, Path(os.path.realpath(sys.executable)).parent}
    roots |= {root.resolve() for root in list(roots)}
    kept: list[Path] = []
    for root in sorted(roots, key=lambda path: len(path.parts)):
        if root.exists() and not any(root.is_relative_to(above) for above in kept):
            kept.append(root)
    return kept


def system() -> list[Path]:
    return [Path(path) for path in SYSTEM] + [Path("/etc") / name for name in ETC]


def inside(hidden: Iterable[Path], roots: Iterable[Path]) -> list[Path]:
    """Those of ``hidden`` that lie within one of ``roots``, and so have to be taken out of it."""
    kept = list(roots)
    return [path for path in hidden if any(path != root and path.is_relative_to(root) for root in kept)]


def without(root: Path, hidden: Iterable[Path]) -> list[Path]:
    """``root``, or where one of ``hidden`` lies within it, all of its parts but that one."""
    within = inside(hidden, [root])
    if not within:
        return [] if root in hidden else [root]
    # A link would open what it points to, which may be what surrounds the hidden folder.
    return [part for child in root.iterdir() if not child.is_symlink() for part in without(child, within)]


def open_to_all(path: Path) -> bool:
    """Whether any user can reach and list the folder ``path``."""
    try:
        for folder in path.resolve().parents:
            if not folder.stat().st_mode & stat.S_IXOTH:
                return False
        needed = stat.S_IROTH | stat.S_IXOTH
        return path.stat().st_mode & needed == needed
    except OSError:
        return False
