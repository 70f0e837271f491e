"""Which isolation this machine gives, tried out and not assumed.

Each level is tried as it will be used: a zygote is started (without the imports) and a worker in it tries what an
attacker would. A level that lets one attempt through does not count as working here.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from grader.execute import ExecutorError, cgroup, landlock, linux, messages
from grader.execute.client import START_FAILED, ZygoteError, ZygoteProcess
from grader.execute.levels import Level
from grader.model import Limits

__all__ = ["Layer", "Level", "demand", "probe", "strongest"]

FORBIDDEN = {
    "read": "it could read a file that it should not see",
    "list": "it could list a folder that it should not see",
    "write": "it could write outside of its own folder",
    "truncate": "it could cut off a file outside of its own folder",
    "change": "it could change the mode of a file outside of its own folder",
    "signal": "it could signal the grader",
    "environ": "it could read the grader's environment",
    "connect": "it could connect to a server on this machine",
    "namespace": "it could make a namespace",
}
"""What no worker may do at `Level.CONFINED` and above."""


@dataclass(frozen=True)
class Layer:
    """One row of what this machine enforces."""

    layer: str
    works: bool
    detail: str


def probe() -> list[Layer]:
    """Try every level and layer. Starts short-lived processes; takes about a second."""
    return [_level(level) for level in reversed(Level)] + [_landlock(), _user_namespaces(), _own_user(), _groups()]


def strongest() -> Level:
    """The strongest level that works here. Raises `ExecutorError` when none does."""
    reasons = []
    for level in reversed(Level):
        reason = lacking(level)
        if reason is None:
            return level
        reasons.append(f"{level}: {reason}")
    raise ExecutorError("student code cannot be run on this machine: " + "; ".join(reasons))


def demand(level: Level | str) -> Level:
    """``level`` itself, if it works here. Raises `ExecutorError` that names what the host lacks."""
    level = Level(level)
    reason = lacking(level)
    if reason is not None:
        raise ExecutorError(f"the isolation level `{level}` can't be had on this machine: {reason}")
    return level


@cache
def lacking(level: Level) -> str | None:
    """Why ``level`` does not work here; None when it does."""
    if not hasattr(os, "fork"):
        return "processes can't be forked here; use `--executor jupyter`"
    if level is not Level.PROCESS and not linux.supported():
        return "it needs Linux on x86-64 or aarch64"
    if level is Level.CONFINED and not landlock.abi():
        return "the kernel offers no Landlock (Linux 5.13 and later, where it is switched on)"
    try:
        found, _ = _try(level)
    except (ZygoteError, OSError, ValueError) as error:
        return _explained(level, str(error))
    if not found["work"]:
        return "its own folder can't be written to"
    if level is Level.PROCESS:
        return None
    if found["status"].get("Seccomp") != "2" or found["status"].get("NoNewPrivs") != "1":
        return "the kernel offers no seccomp filters"
    return next((words for name, words in FORBIDDEN.items() if found[name]), None)


@cache
def _try(level: Level) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a worker at ``level`` could do, by the names of `grader.execute.trial`, and the layers that were on."""
    with _target() as target:
        zygote = ZygoteProcess(level, trial=True).start()
        try:
            worker = zygote.worker(Limits())
            try:
                worker.sock.settimeout(20)
                messages.send(worker.sock, target)
                inbox = messages.Inbox(worker.sock)
                while (taken := inbox.pop()) is None:
                    if not inbox.read():
                        raise ZygoteError("the worker ended before it answered")
                return taken[0], zygote.layers
            finally:
                worker.end()
        finally:
            zygote.close()


@contextmanager
def _target() -> Iterator[dict[str, Any]]:
    """Something to attack: a file that all may read, a server, this process."""
    with tempfile.TemporaryDirectory(prefix="grader-trial-") as folder, socket.socket() as server:
        secret = Path(folder).resolve() / "secret"
        secret.write_text("secret", encoding="ascii")
        Path(folder).chmod(0o777)
        secret.chmod(0o666)
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield {"secret": str(secret), "pid": os.getpid(), "port": server.getsockname()[1]}


def _explained(level: Level, error: str) -> str:
    error = error.removeprefix(START_FAILED)
    if level is Level.NAMESPACES and ("unshare" in error or "mapped" in error or "uid_map" in error):
        return (
            f"user namespaces are not allowed here ({error}); a container needs them switched on from outside, "
            "Ubuntu needs `sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
        )
    if level is Level.NAMESPACES and "mount" in error:
        return f"file systems can't be mounted in a namespace here ({error}), as is usual in containers"
    return error


def _level(level: Level) -> Layer:
    reason = lacking(level)
    return Layer(f"level {level}", reason is None, reason or "tried out: it holds")


def _landlock() -> Layer:
    version = landlock.abi()
    if not version:
        return Layer("Landlock", False, "not offered by this kernel")
    missing = [] if version >= 6 else ["signals and abstract sockets are not covered before version 6"]
    return Layer("Landlock", True, "; ".join([f"version {version}", *missing]))


def _user_namespaces() -> Layer:
    if not linux.LINUX:
        return Layer("user namespaces", False, "Linux only")
    child = os.fork()
    if child == 0:
        try:
            linux.unshare(linux.CLONE_NEWUSER)
            os._exit(0)
        except OSError as error:
            os._exit(min(255, error.errno or 255))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return Layer("user namespaces", status == 0, "allowed" if status == 0 else f"refused: {os.strerror(status)}")


def _groups() -> Layer:
    reason = cgroup.available()
    detail = (
        "each submission has one" if reason is None else f"{reason}; memory is watched instead, and limited per process"
    )
    return Layer("memory and process control group", reason is None, detail)


def _own_user() -> Layer:
    name = "a user of its own"
    for level in (Level.NAMESPACES, Level.CONFINED):
        if lacking(level) is None and name in _try(level)[1]:
            return Layer(name, True, f"at the level {level}, each submission runs as another user than the grader")
    return Layer(name, False, "only root can give each submission one, where there are user ids to give")
