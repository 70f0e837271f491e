"""The level ``confined``: what a container without namespaces of its own, or an ordinary user, can have.

Landlock, seccomp, limits, and as root a user of its own for each submission that runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from grader.execute import landlock, linux, processes, readable, seccomp, users
from grader.execute.cage import Cage, become, limit
from grader.execute.job import Job, Place


class Confined(Cage):
    """Files, network and other processes are out of reach; process table and file names are the host's."""

    name = "confined"

    def __init__(self) -> None:
        super().__init__()
        self.own_users = False
        self.users = range(0)
        self.capabilities = 0

    def enter(self) -> list[str]:
        layers = super().enter()
        self.own_users, self.capabilities = _users()
        if self.own_users:
            self.users = users.claim()
        layers += [f"Landlock (version {landlock.abi()})", "seccomp", "no new privileges"]
        layers.append("a user of its own" if self.own_users else "the grader's own user")
        return layers

    def give(self, path: Path, job: Job) -> None:
        if self.own_users:
            user = self.users[job.slot]
            os.chown(path, user, user, follow_symlinks=False)

    def end(self, place: Place, worker: int, job: Job) -> None:
        if self.own_users:
            _kill_all_of(self.users[job.slot])
        super().end(place, worker, job)

    def shut(self, place: Place, job: Job) -> None:
        os.setsid()
        become(place)
        if self.own_users:
            limit(job.limits, own_user=True)
            linux.bound_capabilities(self.capabilities)
            switch_user(self.users[job.slot], self.capabilities)
        else:
            limit(job.limits)
        linux.drop_capabilities(self.capabilities)
        if self.capabilities:
            linux.raise_ambient(linux.CAP_DAC_READ_SEARCH)
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        landlock.confine(self.readable(), self.writable(place), listable=self.listable())
        seccomp.install(*self.denied())

    def denied(self) -> Iterator[dict[str, tuple[int | None, int | None]]]:
        """What seccomp must deny because nothing else here does."""
        if not self.own_users:
            yield seccomp.METADATA
            if landlock.abi() < 6:
                yield seccomp.SIGNALS
        if landlock.abi() < 3:
            yield seccomp.TRUNCATION

    def readable(self) -> list[Path]:
        proc = [Path("/proc") / name for name in readable.PROC]
        devices = [Path("/dev") / name for name in readable.DEVICES]
        kept = [*readable.interpreter(), *readable.system()]
        return [part for path in kept for part in readable.without(path, self.hidden)] + proc + devices

    def listable(self) -> list[Path]:
        """Folders that can't be readable as a whole, for they hold one of ours: their names are no secret."""
        return [path for path in readable.interpreter() + readable.system() if readable.inside(self.hidden, [path])]

    def writable(self, place: Place) -> list[Path]:
        return [place.root, *(Path("/dev") / name for name in ("null", "zero", "full"))]


def switch_user(user: int, keep: int = 0) -> None:
    """Become ``user`` for good, keeping of root's capabilities at most the bit mask ``keep``."""
    with contextlib.suppress(PermissionError):
        os.setgroups([])
    if keep:
        linux.prctl(linux.PR_SET_KEEPCAPS, 1)
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    if os.getuid() != user or os.geteuid() != user:
        raise PermissionError("the user could not be changed")


def _users() -> tuple[bool, int]:
    """Whether submissions can run as users of their own, and the capabilities that they need for it.

    Where the interpreter lies in a folder of root's own, other users can't read it. Reading past file modes then
    stays allowed, and it is Landlock that says which files.
    """
    if os.getuid() != 0:
        return False, 0
    needed = 0
    if not all(readable.open_to_all(path) for path in readable.interpreter()):
        needed = 1 << linux.CAP_DAC_READ_SEARCH
        if not linux.capabilities() & needed:
            return False, 0
    return (True, needed) if _can_switch(needed) else (False, 0)


def _can_switch(keep: int) -> bool:
    """Tried out in a child."""
    child = os.fork()
    if child == 0:
        try:
            switch_user(users.claim()[0], keep)
            linux.drop_capabilities(keep)
            os._exit(0)
        except BaseException:  # noqa: BLE001  the child must end here
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _kill_all_of(user: int) -> None:
    """Kill every process of ``user`` at one stroke: a child becomes that user and signals all that it may."""
    child = os.fork()
    if child == 0:
        try:
            switch_user(user)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)
    processes.reap()
