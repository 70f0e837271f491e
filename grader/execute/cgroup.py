"""Memory and process control groups, where the host lets us make them: limits over all processes of a submission.

Version 2 (Documentation/admin-guide/cgroup-v2.rst) needs a place of ours with both controllers on: as root the top of
the hierarchy, else a delegated parent, such as under ``systemd-run --user --scope -p Delegate=yes``. Version 1
(Documentation/admin-guide/cgroup-v1/) has one hierarchy for each controller.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.model import Limits

PREFIX = "notebook-grader-"
_LINGER_SECONDS = 2.0


@dataclass(frozen=True)
class Controller:
    """The files of one controller in one version."""

    name: str
    limit: str
    kills: str = ""
    """File that counts processes killed for want of memory, as ``oom_kill N``."""


V1 = (Controller("memory", "memory.limit_in_bytes", "memory.oom_control"), Controller("pids", "pids.max"))
V2 = (Controller("memory", "memory.max", "memory.events"), Controller("pids", "pids.max"))


class Group:
    """The group of one submission: one folder in version 2, two in version 1."""

    def __init__(self, folders: list[tuple[Path, tuple[Controller, ...]]], limits: Limits) -> None:
        self._folders = folders
        # The files of the submission are in memory too, and so are the guard's and the worker's own pages.
        sizes = {"memory": limits.memory_bytes + limits.disk_bytes, "pids": limits.processes + 2}
        for folder, controllers in folders:
            folder.mkdir()
            for controller in controllers:
                (folder / controller.limit).write_text(str(sizes[controller.name]), encoding="ascii")
        self.gates = tuple(os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) for folder, _ in folders)

    def close_gates(self) -> None:
        for gate in self.gates:
            os.close(gate)
        self.gates = ()

    def out_of_memory(self) -> bool:
        """Whether the kernel killed a process of the group."""
        for folder, controllers in self._folders:
            for controller in controllers:
                with contextlib.suppress(OSError, ValueError, KeyError):
                    lines = (folder / controller.kills).read_text(encoding="ascii").splitlines()
                    if int(dict(line.split() for line in lines)["oom_kill"]):
                        return True
        return False

    def remove(self) -> None:
        """Remove the folders; the kernel lets go of the last dead process a moment after it ended."""
        self.close_gates()
        deadline = time.monotonic() + _LINGER_SECONDS
        for folder, _ in self._folders:
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        break
                    time.sleep(0.002)


class Groups:
    """Where groups can be made. Raises OSError when nowhere."""

    def __init__(self) -> None:
        self._tops = _find()

    def group(self, name: str, limits: Limits) -> Group:
        return Group([(top / name, controllers) for top, controllers in self._tops], limits)

    def close(self) -> None:
        for top, _ in self._tops:
            _clear(top)


def available() -> str | None:
    """None where a group can be made and joined here, else why not."""
    try:
        groups = Groups()
    except OSError as error:
        return str(error)
    groups.close()
    return None


def _find() -> list[tuple[Path, tuple[Controller, ...]]]:
    """Make our own top folder in each hierarchy that it takes, and try it out. Raises OSError."""
    places = _memberships()
    reasons = []
    for hierarchies in (_version_2(places), _version_1(places)):
        tops = []
        try:
            for candidates, controllers in hierarchies:
                tops.append((_first(candidates, controllers), controllers))
            if tops:
                return tops
        except OSError as error:
            reasons.append(str(error))
            for top, _ in tops:
                _clear(top)
    raise OSError("; ".join(reasons) or "no control groups are mounted here")


def _memberships() -> dict[str, Path]:
    """Controller ("" in version 2) -> the folder of the group that this process is in."""
    mounts = {}
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2":
            mounts[""] = Path(where)
        elif kind == "cgroup":
            mounts.update({name: Path(where) for name in options.split(",") if name in ("memory", "pids")})
    found = {}
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            if name in mounts:
                found[name] = mounts[name] / path.lstrip("/")
    return found


def _version_2(places: dict[str, Path]) -> list[tuple[list[Path], tuple[Controller, ...]]]:
    if "" not in places or not (places[""] / "cgroup.controllers").exists():
        return []
    own = places[""]
    return [([own.parent, own] if (own.parent / "cgroup.procs").exists() else [own], V2)]


def _version_1(places: dict[str, Path]) -> list[tuple[list[Path], tuple[Controller, ...]]]:
    if not all(controller.name in places for controller in V1):
        return []
    return [([places[controller.name]], (controller,)) for controller in V1]


def _first(candidates: Iterable[Path], controllers: tuple[Controller, ...]) -> Path:
    """Our folder in the first of the candidates where it works. Raises the last candidate's OSError."""
    failure = OSError("no control groups are mounted here")
    for parent in candidates:
        top = parent / f"{PREFIX}{os.getpid()}-{time.monotonic_ns()}"
        try:
            _sweep(parent)
            top.mkdir()
            _switch_on(parent, top, controllers)
            _try(top, controllers)
        except OSError as error:
            failure = error
            _clear(top)
        else:
            return top
    raise failure


def _switch_on(parent: Path, top: Path, controllers: tuple[Controller, ...]) -> None:
    """Version 2: have the controllers in the folders of ``top``."""
    if not (top / "cgroup.subtree_control").exists():
        return
    wanted = " ".join(f"+{controller.name}" for controller in controllers)
    if not all((top / controller.limit).exists() for controller in controllers):
        (parent / "cgroup.subtree_control").write_text(wanted, encoding="ascii")
    (top / "cgroup.subtree_control").write_text(wanted, encoding="ascii")


def _try(top: Path, controllers: tuple[Controller, ...]) -> None:
    """Put a child into a group of our making."""
    group = Group([(top / "trial", controllers)], Limits())
    try:
        child = os.fork()
        if child == 0:
            try:
                for gate in group.gates:
                    os.write(gate, b"0")
                os._exit(0)
            except BaseException:  # noqa: BLE001  the child must end here
                os._exit(1)
        if os.waitpid(child, 0)[1] != 0:
            raise PermissionError(f"a process could not be put into {top}")
    finally:
        group.remove()


def _sweep(parent: Path) -> None:
    """Remove what a grader that was killed left: folders of processes that are no more. Those in use refuse."""
    for top in parent.glob(f"{PREFIX}*"):
        owner = top.name.removeprefix(PREFIX).partition("-")[0]
        if not Path(f"/proc/{owner}").exists():
            _clear(top)


def _clear(top: Path) -> None:
    for folder in [*_folders_in(top), top]:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _folders_in(top: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from [path for path in top.iterdir() if path.is_dir()]
