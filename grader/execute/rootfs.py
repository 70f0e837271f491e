"""A root file system that holds only what student code may read, built on a tmpfs in a mount namespace of our own."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

from grader.execute import linux, readable

BOX = "/box"
"""The only place that can be written to: a tmpfs of the zygote, and over it one of each submission."""

_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 1, 2, 4  # linux/mount.h
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000  # linux/fcntl.h
_STANDS = ("/tmp", "/mnt", "/run", "/var")  # noqa: S108  covered in our own namespace, nothing is put there
_LARGEST_COPY = 8 << 20

USERS = "root:x:0:0:root:/:/usr/sbin/nologin\nstudent:x:{0}:{0}:student:{1}/student/home:/bin/sh\n"
GROUPS = "root:x:0:\nstudent:x:{0}:\n"
HOSTS = "127.0.0.1 localhost\n::1 localhost\n"


def build(hidden: Iterable[Path], student: int) -> None:
    """Make the allow-list the root of this mount namespace. ``student`` is the user id that the password file names.

    ``hidden`` are folders inside of what may be read that must not be: they are there, and empty.
    """
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    folders = readable.interpreter() + [Path(path) for path in readable.SYSTEM]
    there = [path for path in folders if path.exists() and not path.is_symlink()]
    held = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in there}
    links = {path: str(path.readlink()) for path in folders if path.is_symlink()}
    devices = {name: os.open(f"/dev/{name}", os.O_PATH | os.O_CLOEXEC) for name in readable.DEVICES}
    etc = [(name, _held(Path("/etc") / name)) for name in readable.ETC]
    root = _stand(there)
    linux.mount("tmpfs", str(root), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=0755,size=64m")
    for path, descriptor in held.items():
        _bind(descriptor, _below(root, path))
    for path, target in links.items():
        _link(_below(root, path), target)
    _make_etc(root / "etc", etc, student)
    _make_dev(root / "dev", devices)
    _make_rest(root)
    linux.mount("proc", str(root / "proc"), "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    for path in readable.inside(hidden, there):
        _hide(_below(root, path))
    for descriptor in (*held.values(), *devices.values(), *(number for _, number in etc if number is not None)):
        os.close(descriptor)
    linux.pivot_root(str(root))
    _read_only("/", recursive=False)
    linux.mount("tmpfs", BOX, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=0755,size=32m")


def _stand(folders: list[Path]) -> Path:
    """Where to mount the new root for the time being: best over nothing that a late import may need meanwhile."""
    stands = [Path(stand) for stand in _STANDS if Path(stand).is_dir()]
    free = [stand for stand in stands if not any(folder.is_relative_to(stand) for folder in folders)]
    return (free or stands)[0]


def _held(path: Path) -> int | None:
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _bind(descriptor: int, target: Path, device: bool = False) -> None:
    """Bind what ``descriptor`` stands for, with all that is mounted inside of it, read-only."""
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        target.mkdir(parents=True, exist_ok=True, mode=0o755)
    else:
        target.touch()
    linux.mount(f"/proc/self/fd/{descriptor}", str(target), flags=linux.MS_BIND | linux.MS_REC)
    _read_only(str(target), device=device)


def _read_only(path: str, recursive: bool = True, device: bool = False) -> None:
    attributes = _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID | (0 if device else _MOUNT_ATTR_NODEV)
    # struct mount_attr: attr_set, attr_clr, propagation, userns_fd
    set_all = struct.pack("QQQQ", attributes, 0, 0, 0)
    linux.syscall("mount_setattr", _AT_FDCWD, path.encode(), _AT_RECURSIVE if recursive else 0, set_all, len(set_all))


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    if not path.exists():
        path.symlink_to(target)


def _make_etc(etc: Path, sources: list[tuple[str, int | None]], student: int) -> None:
    etc.mkdir(mode=0o755)
    for name, descriptor in sources:
        if descriptor is not None:
            with contextlib.suppress(OSError, shutil.Error):
                _copy(Path(f"/proc/self/fd/{descriptor}"), etc / name)
    users, groups = USERS.format(student, BOX), GROUPS.format(student)
    texts = {"passwd": users, "group": groups, "hosts": HOSTS, "hostname": "box\n"}
    for name, text in texts.items():
        (etc / name).write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore_dangling_symlinks=True)
    elif source.stat().st_size <= _LARGEST_COPY:
        shutil.copyfile(source, target)


def _make_dev(dev: Path, devices: dict[str, int]) -> None:
    dev.mkdir(mode=0o755)
    for name, descriptor in devices.items():
        _bind(descriptor, dev / name, device=True)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (dev / name).symlink_to(f"/proc/self/fd{target}")
    (dev / "shm").symlink_to(f"{BOX}/student/tmp")


def _make_rest(root: Path) -> None:
    for name in ("proc", "box", "var", "home", "run"):
        (root / name).mkdir(mode=0o755, exist_ok=True)
    for link in ("tmp", "var/tmp"):
        _link(root / link, f"{BOX}/student/tmp")
    _link(root / "home/student", f"{BOX}/student/home")


def _hide(path: Path) -> None:
    if path.is_dir():
        linux.mount(
            "tmpfs", str(path), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_RDONLY, "mode=0755,size=4k"
        )
