"""The zygote: imports what students import, then forks one guard per submission. Computes nothing, knows nothing.

It holds no rubric, no reference, no path of either, and no secret. When its control socket ends, so does everything.
"""

from __future__ import annotations

import contextlib
import gc
import os
import platform
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.execute import linux, messages, processes
from grader.execute.cage import Cage
from grader.execute.guard import guard
from grader.execute.job import Job
from grader.execute.levels import cage_for
from grader.model import Limits


def main(control: socket.socket, order: dict[str, Any]) -> None:
    """Enter the cage, import the stack, and serve until the control socket ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    cage = cage_for(order)
    try:
        layers = cage.enter()
        _settle_in(cage.base / "zygote")
        serve = _trial() if order["trial"] else _imported()
        gc.collect()
        gc.freeze()
    except BaseException as error:  # noqa: BLE001  the grader must hear of whatever it was
        messages.send(control, {"event": "failed", "why": f"{type(error).__name__}: {error}"[:2000]})
        cage.leave()
        return
    messages.send(control, {"event": "ready", "layers": layers, "versions": _versions()})
    try:
        Zygote(control, cage, serve).run()
    finally:
        cage.leave()


def _imported() -> Callable[..., None]:
    from grader.worker.main import preload, serve

    preload()
    return serve


def _trial() -> Callable[..., None]:
    from grader.execute.trial import serve

    return serve


def _settle_in(home: Path) -> None:
    """Give libraries that write caches on import a place for them."""
    home.mkdir(mode=0o700)
    os.environ.update(HOME=str(home), TMPDIR=str(home), MPLCONFIGDIR=str(home))
    tempfile.tempdir = None


def _versions() -> dict[str, str]:
    """Of Python and of what was imported, read before any student code could say otherwise."""
    found = {"python": platform.python_version()}
    for name in ("IPython", "numpy", "scipy", "sklearn", "matplotlib"):
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            found[name] = str(version)
    return found


@dataclass
class Ward:
    """A guard that runs."""

    job: Job
    pid: int
    conn: socket.socket
    inbox: messages.Inbox
    last: dict[str, Any] | None = None
    """What the guard said at its end, passed on when it is gone."""


class Zygote:
    """The zygote's loop."""

    def __init__(self, control: socket.socket, cage: Cage, serve: Callable[..., None]) -> None:
        self.control, self.cage, self.serve = control, cage, serve
        self.inbox = messages.Inbox(control)
        self.wards: dict[int, Ward] = {}

    def run(self) -> None:
        if linux.LINUX:
            linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        while True:
            sources = {ward.conn.fileno(): ward for ward in self.wards.values()}
            ready, _, _ = select.select([self.control.fileno(), *sources], [], [], 5.0)
            for source in ready:
                if source in sources:
                    self._hear(sources[source])
            if self.control.fileno() in ready and not self._obey():
                break
            self._bury()
        self._end_everything()

    def _obey(self) -> bool:
        if not self.inbox.read():
            return False
        while (taken := self.inbox.pop()) is not None:
            message, descriptors = taken
            if message["do"] == "start":
                self._start(message, descriptors)
            elif (ward := self.wards.get(message["id"])) is not None:
                self._pass_on(ward, message)
        return True

    def _start(self, message: dict[str, Any], descriptors: list[int]) -> None:
        used = {ward.job.slot for ward in self.wards.values()}
        slot = next(number for number in range(len(used) + 1) if number not in used)
        job = Job(message["id"], slot, Limits(**message["limits"]), descriptors[0], tuple(descriptors[1:]))
        mine, theirs = socket.socketpair()
        try:
            with self.cage.forking():
                pid = os.fork()
                if pid == 0:
                    self._be_guard(job, theirs)
        except OSError as error:
            mine.close()
            messages.send(self.control, {"event": "failed", "id": job.id, "why": f"no new process: {error}"})
        else:
            self.wards[job.id] = Ward(job, pid, mine, messages.Inbox(mine))
        finally:
            theirs.close()
            for descriptor in descriptors:
                os.close(descriptor)

    def _be_guard(self, job: Job, conn: socket.socket) -> None:
        try:
            guard(self.cage, job, conn, self.serve)
        except BaseException as error:  # noqa: BLE001  the grader must hear of whatever it was
            with contextlib.suppress(OSError):
                messages.send(conn, {"event": "failed", "why": f"{type(error).__name__}: {error}"[:2000]})
        finally:
            os._exit(0)

    def _pass_on(self, ward: Ward, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            messages.send(ward.conn, {"do": message["do"]})

    def _hear(self, ward: Ward) -> None:
        """Pass on what a guard says; its silence is the end of it, and then nothing of the submission may be left."""
        alive = ward.inbox.read()
        while (taken := ward.inbox.pop()) is not None:
            message, _ = taken
            if message["event"] in ("ended", "failed"):
                ward.last = message
            else:
                self._tell(ward, message)
        if alive:
            return
        del self.wards[ward.job.id]
        ward.conn.close()
        with contextlib.suppress(OSError):
            os.kill(ward.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(ward.pid, 0)
        self._tell(ward, ward.last or {"event": "ended", "why": "guard killed", "status": None})

    def _tell(self, ward: Ward, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            messages.send(self.control, {**message, "id": ward.job.id})

    def _bury(self) -> None:
        """Orphans that came to us escaped from a guard that was killed: end them, and collect the dead."""
        guards = {ward.pid for ward in self.wards.values()}
        for child in processes.children(os.getpid()):
            if child not in guards:
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(child, 0)

    def _end_everything(self) -> None:
        for ward in self.wards.values():
            ward.conn.close()
        deadline = time.monotonic() + 5.0
        while self.wards and time.monotonic() < deadline:
            gone = processes.reap()
            self.wards = {number: ward for number, ward in self.wards.items() if ward.pid not in gone}
            time.sleep(0.01)
        processes.end_all(os.getpid(), tuple(ward.pid for ward in self.wards.values()))
