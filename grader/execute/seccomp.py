"""A seccomp filter: system calls that student code has no use for, or must not have, fail with EPERM.

The filter is classic BPF, written out here because the bindings of libseccomp come with no wheel. It denies by list,
not allows by list: numerical libraries use more calls than one can name, and what is left is further held by Landlock,
namespaces, another user and limits. Calls younger than this file fail with ENOSYS, as on an older kernel.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable

from grader.execute import linux

# linux/bpf_common.h, linux/filter.h
_LD_W_ABS = 0x00 | 0x00 | 0x20
_JEQ = 0x05 | 0x10
_JGE = 0x05 | 0x30
_JSET = 0x05 | 0x40
_AND = 0x04 | 0x50
_RET = 0x06

# linux/seccomp.h
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000
_NR, _ARCH, _ARGS = 0, 4, 16  # offsets in struct seccomp_data

_ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h, AUDIT_ARCH_*
_X32_BIT = 0x40000000  # arch/x86/include/uapi/asm/unistd.h
_YOUNGEST = 470
"""Calls from this number on are not known here (Linux 6.17 ends at 469)."""

_TIOCSTI = 0x5412  # asm-generic/ioctls.h
_TIOCLINUX = 0x541C
_STREAM, _SEQPACKET = 1, 5  # linux/net.h

# Numbers: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h. None: not there.
DENIED: dict[str, tuple[int | None, int | None]] = {
    # other file systems, other roots, other namespaces
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "open_tree_attr": (467, 467),
    "unshare": (272, 97), "setns": (308, 268), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # large and often broken parts of the kernel
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "fanotify_init": (300, 262), "fanotify_mark": (301, 263), "modify_ldt": (154, None),
    "mbind": (237, 235), "set_mempolicy": (238, 237), "set_mempolicy_home_node": (450, 450),
    "migrate_pages": (256, 238), "move_pages": (279, 239), "seccomp": (317, 277), "personality": (135, 92),
    "lookup_dcookie": (212, 18), "uselib": (134, None), "ustat": (136, None), "sysfs": (139, None),
    "vhangup": (153, 58), "nfsservctl": (180, 42),
    # the machine
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "sethostname": (170, 161), "setdomainname": (171, 162), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "acct": (163, 89), "iopl": (172, None), "ioperm": (173, None), "syslog": (103, 116),
    # memory and messages that no process limit counts, or that outlive a process
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196),
    "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "setxattrat": (463, 463), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "removexattrat": (466, 466),
    # the network; socketpair is allowed, and a pair of streams cannot be pointed at anybody else
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242),
}  # fmt: skip

_Numbers = dict[str, tuple[int | None, int | None]]

SIGNALS: _Numbers = {
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
}  # fmt: skip
"""Denied too where student code runs as the grader's own user and Landlock does not keep signals in."""

METADATA: _Numbers = {
    "chmod": (90, None), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None), "lchown": (94, None),
    "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
    "utimensat": (280, 88), "file_setattr": (469, 469),
}  # fmt: skip
"""Denied too where student code runs as the grader's own user on the grader's file system: Landlock lets it change
the modes, owners and times of that user's files."""

TRUNCATION: _Numbers = {"truncate": (76, 45), "creat": (85, None)}
"""Denied too where Landlock is older than version 3 and does not know of cutting files off."""

_CLONE, _CLONE3, _IOCTL, _SOCKETPAIR = (56, 220), (435, 435), (16, 29), (53, 199)
_OPEN, _OPENAT, _OPENAT2 = (2, None), (257, 56), (437, 437)
_O_ACCMODE, _O_TRUNC = 0o3, 0o1000  # asm-generic/fcntl.h

_Code = list[tuple[int, int, int, int]]


def install(*more: _Numbers) -> None:
    """Put this process and all its children under the filter, for good. ``more`` are denied beside `DENIED`.

    Needs no_new_privs. Raises OSError when the kernel will not.
    """
    program = program_for(linux.machine(), *more)
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer))
    linux.syscall("seccomp", linux.SECCOMP_SET_MODE_FILTER, linux.SECCOMP_FILTER_FLAG_TSYNC, header)


def program_for(machine: str, *more: _Numbers) -> _Code:
    """The filter as BPF instructions (code, jump if true, jump if false, k)."""
    column = list(_ARCHES).index(machine)
    code: _Code = [
        (_LD_W_ABS, 0, 0, _ARCH),
        (_JEQ, 1, 0, _ARCHES[machine]),
        (_RET, 0, 0, _KILL_PROCESS),  # a 32-bit call, with numbers of its own
        (_LD_W_ABS, 0, 0, _NR),
    ]
    if machine == "x86_64":
        code += [(_JGE, 0, 1, _X32_BIT), _fail(errno.EPERM)]
    code += [(_JGE, 0, 1, _YOUNGEST), _fail(errno.ENOSYS)]
    code += [(_JEQ, 0, 1, _CLONE3[column]), _fail(errno.ENOSYS)]  # its flags are behind a pointer; libc then uses clone
    for numbers in (numbers for group in (DENIED, *more) for numbers in group.values()):
        if numbers[column] is not None:
            code += [(_JEQ, 0, 1, numbers[column] or 0), _fail(errno.EPERM)]
    code += _if(_CLONE[column], 0, [(_JSET, 0, 1, linux.CLONE_NAMESPACES & ~linux.CLONE_NEWTIME), _fail(errno.EPERM)])
    code += _if(_IOCTL[column], 1, _among((_TIOCSTI, _TIOCLINUX)))
    # A datagram socket can send to any path it likes, connected or not.
    code += _if(_SOCKETPAIR[column], 1, [(_AND, 0, 0, 0xF), *_unless((_STREAM, _SEQPACKET))])
    if TRUNCATION in more:
        code += _no_truncating_open(column)
    return [*code, (_RET, 0, 0, _ALLOW)]


def _no_truncating_open(column: int) -> _Code:
    """Opening for reading alone is no writing to Landlock, and yet can cut a file off."""
    body: _Code = [(_AND, 0, 0, _O_ACCMODE | _O_TRUNC), (_JEQ, 0, 1, _O_TRUNC), _fail(errno.EPERM)]
    code: _Code = [(_JEQ, 0, 1, _OPENAT2[column]), _fail(errno.ENOSYS)]  # its flags are behind a pointer
    code += _if(_OPENAT[column], 2, body)
    return code + (_if(_OPEN[0], 1, body) if column == 0 else [])


def _if(number: int, argument: int, body: _Code) -> _Code:
    """For the call ``number``: load the low half of ``argument``, do ``body``, and allow what that lets through."""
    inner = [(_LD_W_ABS, 0, 0, _ARGS + 8 * argument), *body, (_RET, 0, 0, _ALLOW)]
    return [(_JEQ, 0, len(inner), number), *inner]


def _among(values: Iterable[int]) -> _Code:
    return [step for value in values for step in ((_JEQ, 0, 1, value), _fail(errno.EPERM))]


def _unless(values: tuple[int, ...]) -> _Code:
    code: _Code = [(_JEQ, len(values) - at, 0, value) for at, value in enumerate(values)]
    return [*code, _fail(errno.EPERM)]


def _fail(number: int) -> tuple[int, int, int, int]:
    return (_RET, 0, 0, _ERRNO | number)
