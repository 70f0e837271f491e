"""The system calls that Python has no name for, through ctypes. Every constant names the header that it is from.

Nothing here is called at import, so that the module can be imported on any platform. Each function raises OSError
with the kernel's errno.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from pathlib import Path
from typing import Any

LINUX = sys.platform == "linux"

# linux/sched.h
CLONE_NEWTIME = 0x00000080
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_NAMESPACES = (
    CLONE_NEWTIME
    | CLONE_NEWNS
    | CLONE_NEWCGROUP
    | CLONE_NEWUTS
    | CLONE_NEWIPC
    | CLONE_NEWUSER
    | CLONE_NEWPID
    | CLONE_NEWNET
)

# linux/mount.h
MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2  # linux/fs.h

# linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4

# linux/capability.h
CAP_DAC_READ_SEARCH = 2
CAP_LAST = 63
_CAP_VERSION_3 = 0x20080522

SECCOMP_SET_MODE_FILTER = 1  # linux/seccomp.h
SECCOMP_FILTER_FLAG_TSYNC = 1

SYSCALLS: dict[str, dict[str, int]] = {
    # arch/x86/entry/syscalls/syscall_64.tbl
    "x86_64": {"pivot_root": 155, "capset": 126, "seccomp": 317, "setns": 308, "unshare": 272},
    # include/uapi/asm-generic/unistd.h
    "aarch64": {"pivot_root": 41, "capset": 91, "seccomp": 277, "setns": 268, "unshare": 97},
}
# The same on every architecture since Linux 5.0: include/uapi/asm-generic/unistd.h
COMMON = {
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}


def supported() -> bool:
    """Whether this is Linux on a machine whose system call numbers are known here."""
    return LINUX and machine() in SYSCALLS


def machine() -> str:
    """The machine's name as in `SYSCALLS`; a 32-bit interpreter has a name that is not in it."""
    return platform.machine() if struct.calcsize("P") == 8 else "32 bits"


def syscall(name: str, *arguments: Any) -> int:
    """Call the kernel; integers are passed as longs, bytes and ctypes objects as pointers."""
    number = COMMON.get(name) or SYSCALLS[machine()][name]
    plain = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return _checked(name, _libc().syscall(ctypes.c_long(number), *plain))


def prctl(option: int, *values: int) -> int:
    padded = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    return _checked("prctl", _libc().prctl(ctypes.c_int(option), *padded))


def unshare(flags: int) -> None:
    _checked("unshare", _libc().unshare(ctypes.c_int(flags)))


def setns(descriptor: int, flags: int) -> None:
    _checked("setns", _libc().setns(ctypes.c_int(descriptor), ctypes.c_int(flags)))


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2); an empty ``kind`` or ``data`` is passed as NULL."""
    pointers = [text.encode() if text else None for text in (source, target, kind)]
    _checked(f"mount {target}", _libc().mount(*pointers, ctypes.c_ulong(flags), data.encode() if data else None))


def umount(target: str) -> None:
    """Detach what is mounted at ``target``, also while it is in use."""
    _checked(f"umount {target}", _libc().umount2(target.encode(), ctypes.c_int(MNT_DETACH)))


def pivot_root(root: str) -> None:
    """Make ``root`` (a mount point) this mount namespace's root, and let go of the old one."""
    os.chdir(root)
    # man 2 pivot_root, "pivot_root(".", ".")": the old root is stacked on the new and then detached.
    syscall("pivot_root", b".", b".")
    umount(".")
    os.chdir("/")


def set_capabilities(keep: int = 0) -> None:
    """Keep only the capabilities of the bit mask ``keep``: permitted, effective and inheritable."""
    header = struct.pack("Ii", _CAP_VERSION_3, 0)
    low, high = keep & 0xFFFFFFFF, keep >> 32
    syscall("capset", header, struct.pack("6I", low, low, low, high, high, high))


def bound_capabilities(keep: int = 0) -> None:
    """Make it impossible to get any capability but those of ``keep`` by executing a file, as far as we may."""
    for capability in range(CAP_LAST + 1):
        if not keep >> capability & 1:
            try:
                prctl(PR_CAPBSET_DROP, capability)
            except OSError:
                break  # beyond the kernel's last one, or not ours to drop: then no_new_privs must do


def drop_capabilities(keep: int = 0) -> None:
    """Give up every capability but those of ``keep``."""
    bound_capabilities(keep)
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    set_capabilities(keep)


def raise_ambient(capability: int) -> None:
    """Keep ``capability``, which must be permitted and inheritable, when a program is executed."""
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def capabilities() -> int:
    """The effective capabilities of this process as a bit mask."""
    with Path("/proc/self/status").open(encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
    return 0


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _checked(what: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result
