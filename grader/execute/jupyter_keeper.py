"""Who starts a kernel's process, watches what it uses, and leaves nothing of it: a guard, or where there is no fork we.

Both speak as the guards of a zygote do: ``tidy`` and ``end`` answer with a message, ``ended`` says why and how.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import psutil

from grader.execute import messages
from grader.execute.cage import KEPT_BYTES, KEPT_FILES, PREFIX, Cage, measure
from grader.execute.client import ANSWER_SECONDS, ZygoteError
from grader.execute.job import ENVIRONMENT, Job, Place
from grader.execute.jupyter_guard import KERNEL_BYTES
from grader.execute.removal import remove
from grader.model import Limits

Message = dict[str, Any]
_WINDOWS = ("SYSTEMROOT", "WINDIR", "COMSPEC", "SYSTEMDRIVE", "PATHEXT", "PROCESSOR_ARCHITECTURE")
"""What programs for Windows do not start without."""
WATCH_SECONDS = 0.25


class Keeper(Protocol):
    """Of one kernel process."""

    base: Path
    place: Place
    layers: tuple[str, ...]

    def command(self, kernel: list[str], environment: Mapping[str, str]) -> list[str]:
        """The command line to start in place of ``kernel``."""
        ...

    def popen(self) -> dict[str, Any]:
        """Further arguments to start it with."""
        ...

    def started(self, process: subprocess.Popen[bytes]) -> None: ...

    def wait(self, event: str, seconds: float = ANSWER_SECONDS) -> Message: ...

    def tidy(self) -> Message: ...

    def end(self) -> Message: ...


def make_keeper(limits: Limits, gone: Callable[[], None], *, portable: bool = False) -> Keeper:
    """A keeper for this platform; ``portable``: the one for every platform. ``gone`` hears when the process ended."""
    return _kind(portable)(limits, gone)


def layers(*, portable: bool) -> tuple[str, ...]:
    """What that keeper puts around a kernel."""
    return _kind(portable).layers


def _kind(portable: bool) -> type[Guarded] | type[Plain]:
    return Plain if portable or not hasattr(os, "fork") else Guarded


def make_base() -> Path:
    """A fresh folder for one kernel, with one in it for what the grader and the kernel connect by."""
    base = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")).resolve()
    (base / "link").mkdir(mode=0o700)
    return base


class Guarded:
    """The kernel runs under a guard of its own, which also ends everything when the grader is gone."""

    layers: tuple[str, ...] = ("separate process", "limits", "deadlines", "Jupyter kernel")

    def __init__(self, limits: Limits, gone: Callable[[], None]) -> None:
        self.base = make_base()
        self.place = Place(self.base / "box")
        self._limits, self._gone = limits, gone
        self._mine, self._theirs = socket.socketpair()
        self._events: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._ended: Message | None = None

    def command(self, kernel: list[str], environment: Mapping[str, str]) -> list[str]:
        order = {"root": str(self.place.root), "limits": asdict(self._limits), "environment": dict(environment)}
        messages.send(self._mine, order)
        script = Path(__file__).with_name("jupyter_guard.py")
        package = Path(__file__).parent.parent.parent
        return [sys.executable, "-s", "-P", str(script), str(self._theirs.fileno()), str(package), *kernel]

    def popen(self) -> dict[str, Any]:
        environment = {**ENVIRONMENT, "PATH": os.defpath, "HOME": "/nonexistent"}
        return {"env": environment, "cwd": "/", "pass_fds": (self._theirs.fileno(),)}

    def started(self, process: subprocess.Popen[bytes]) -> None:  # noqa: ARG002  the guard's
        self._theirs.close()
        threading.Thread(target=self._listen, name="guard", daemon=True).start()

    def wait(self, event: str, seconds: float = ANSWER_SECONDS) -> Message:
        while self._ended is None:
            try:
                message = self._events.get(timeout=seconds)
            except queue.Empty:
                raise ZygoteError(f"the guard of a kernel did not answer within {seconds:g} s") from None
            if message["event"] in ("ended", "failed"):
                self._ended = message
            if message["event"] == "failed":
                raise ZygoteError(message["why"])
            if message["event"] == event:
                return message
        return self._ended

    def tidy(self) -> Message:
        self._tell("tidy")
        return self.wait("tidy")

    def end(self) -> Message:
        self._tell("end")
        self._theirs.close()
        try:
            return self.wait("ended")
        finally:
            self._mine.close()
            remove(self.base)

    def _tell(self, order: str) -> None:
        if self._ended is None:
            with contextlib.suppress(OSError):
                messages.send(self._mine, {"do": order})

    def _listen(self) -> None:
        inbox = messages.Inbox(self._mine)
        with contextlib.suppress(OSError, ValueError):
            while inbox.read():
                while (taken := inbox.pop()) is not None:
                    self._events.put(taken[0])
        self._events.put({"event": "ended", "why": "guard killed", "status": None})
        self._gone()


class Plain:
    """Watched from here, through psutil. If this process is killed the kernel ends by itself; its children may not."""

    layers: tuple[str, ...] = ("separate process", "deadlines", "Jupyter kernel")

    def __init__(self, limits: Limits, gone: Callable[[], None]) -> None:
        self.base = make_base()
        self.place = Place(self.base / "box")
        self._limits, self._gone = limits, gone
        self._why = "exit"
        self._popen: subprocess.Popen[bytes] | None = None
        self._process: psutil.Process | None = None
        self._known: dict[int, psutil.Process] = {}
        self._over = threading.Event()
        for folder in self.place.folders:
            folder.mkdir(mode=0o700, parents=True)

    def command(self, kernel: list[str], environment: Mapping[str, str]) -> list[str]:  # noqa: ARG002  inherited
        return kernel

    def popen(self) -> dict[str, Any]:
        place = self.place
        environment = {**ENVIRONMENT, **{name: os.environ[name] for name in _WINDOWS if name in os.environ}}
        for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
            environment[name] = str(place.home)
        for name in ("TMPDIR", "TEMP", "TMP"):
            environment[name] = str(place.temporary)
        environment.update(IPYTHONDIR=str(place.home / ".ipython"), MPLCONFIGDIR=str(place.home / ".matplotlib"))
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        return {"env": environment, "cwd": str(place.work)}

    def started(self, process: subprocess.Popen[bytes]) -> None:
        self._popen = process
        with contextlib.suppress(psutil.Error):
            self._process = psutil.Process(process.pid)
        threading.Thread(target=self._watch, name="kernel", daemon=True).start()

    def wait(self, event: str, seconds: float = ANSWER_SECONDS) -> Message:  # noqa: ARG002  the only event
        self._over.wait(seconds)
        return self._ended()

    def tidy(self) -> Message:
        for process in self._below():
            _kill(process)
        if self._over.is_set():
            return self._ended()
        self._renew()
        return {"event": "tidy"}

    def end(self) -> Message:
        self._over.set()
        self._kill_all()
        remove(self.base)
        return self._ended()

    def _ended(self) -> Message:
        code = self._popen.poll() if self._popen is not None else None
        status = None if code is None or not hasattr(os, "WIFSIGNALED") else -code if code < 0 else code << 8
        return {"event": "ended", "why": self._why, "status": status}

    def _renew(self) -> None:
        """The first time keep what the notebook left in its folder, then put that back."""
        work, kept, cage = self.place.work, self.place.kept, Cage()
        job = Job(1, 0, self._limits, -1)
        if work.is_symlink() or (not kept.exists() and not _small(work)):
            return
        with contextlib.suppress(OSError):
            if not kept.exists():
                kept.mkdir(mode=0o700)
                cage.restore(work, kept, job)
                return
            for entry in work.iterdir():
                _remove(entry)
            cage.restore(kept, work, job)

    def _below(self) -> list[psutil.Process]:
        """Everything that the kernel started, also what has lost its parent since it was seen here."""
        if self._process is not None:
            with contextlib.suppress(psutil.Error):
                self._known.update({child.pid: child for child in self._process.children(recursive=True)})
        return list(self._known.values())

    def _kill_all(self) -> None:
        found = self._below()
        for process in [*found, *([self._process] if self._process else [])]:
            _kill(process)
        psutil.wait_procs(found, timeout=5.0)

    def _watch(self) -> None:
        while self._process is not None and not self._over.wait(WATCH_SECONDS):
            if not self._process.is_running() or self._process.status() == psutil.STATUS_ZOMBIE:
                break
            why = self._over_limit([self._process, *self._below()])
            if why:
                self._why = why
                self._kill_all()
                break
        self._over.set()
        self._gone()

    def _over_limit(self, found: list[psutil.Process]) -> str:
        memory, cpu, count = 0, 0.0, 0
        for process in found:
            with contextlib.suppress(psutil.Error):
                memory += process.memory_info().rss
                times = process.cpu_times()
                cpu += times.user + times.system
                count += 1
        if count > self._limits.processes + 1:
            return "processes"
        if memory > self._limits.memory_bytes + KERNEL_BYTES:
            return "memory"
        return "cpu" if cpu > self._limits.cpu_seconds else ""


def _small(folder: Path) -> bool:
    size, count = measure((folder,))
    return size <= KEPT_BYTES and count <= KEPT_FILES


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        remove(entry)
    else:
        with contextlib.suppress(OSError):  # on Windows what is open stays
            entry.unlink()


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.Error):
        process.kill()
