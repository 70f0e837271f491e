"""The grader's side of a zygote: start it, have workers started and ended by it, notice when it is gone."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from grader.execute import ExecutorError, messages
from grader.execute.cage import sweep
from grader.execute.cgroup import Group, Groups
from grader.execute.channel import Channel
from grader.execute.job import ENVIRONMENT
from grader.execute.levels import Level
from grader.model import Limits

START_SECONDS = 120.0
"""How long the imports may take; a cold disk and two busy cores need more than one thinks."""
ANSWER_SECONDS = 60.0
"""How long the zygote may take for a word of its own."""

BOOT = "import sys; exec(sys.stdin.buffer.read(), {'__name__': 'grader_boot'})"

DELIVERED = (
    "__init__", "model", "wire", "execute/__init__", "execute/linux", "execute/processes", "execute/messages",
    "execute/job", "execute/seccomp", "execute/landlock", "execute/readable", "execute/rootfs",
    "execute/removal", "execute/cage",
    "execute/users", "execute/confined", "execute/namespaces", "execute/guard", "execute/levels", "execute/trial",
    "execute/zygote",
)  # fmt: skip
"""All of ours that ever is in a worker's process, beside `grader.worker`."""


START_FAILED = "the process that runs notebooks could not be started: "


class ZygoteError(ExecutorError):
    """The zygote failed or is gone: a fault of ours, never the student's."""


class Worker:
    """One submission's worker: our end of its socket, and the means to end it."""

    def __init__(self, zygote: ZygoteProcess, number: int, sock: socket.socket, group: Group | None) -> None:
        self.sock = sock
        self._group = group
        self.events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.ended: dict[str, Any] | None = None
        self._zygote, self._number = zygote, number

    def channel(self, limits: Limits, stop: threading.Event | None) -> Channel:
        """Frames to and from the worker."""
        return Channel(self.sock, limits, stop)

    def wait(self, event: str, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """Wait for a word about this worker; the word of its end is an answer too. Raises `ZygoteError`."""
        while self.ended is None:
            try:
                message = self.events.get(timeout=seconds)
            except queue.Empty:
                raise ZygoteError(f"the zygote did not answer within {seconds:g} s") from None
            if message["event"] == "failed":
                self.ended = message
                raise ZygoteError(message["why"])
            if message["event"] == "ended":
                self.ended = message
            if message["event"] == event:
                return message
        return self.ended

    def tidy(self) -> dict[str, Any]:
        """Leave only the worker and the files that the notebook wrote; returns the word of that, or of its end."""
        if self.ended is None:
            self._zygote.tell({"do": "tidy", "id": self._number})
        return self.wait("tidy")

    def end(self) -> dict[str, Any]:
        """End everything of this submission; returns what the guard said. Raises `ZygoteError`."""
        with contextlib.suppress(OSError):
            self.sock.close()
        try:
            if self.ended is None:
                self._zygote.tell({"do": "end", "id": self._number})
            report = self.wait("ended")
            if self._group is not None and self._group.out_of_memory():
                report = {**report, "why": "memory"}
            return report
        finally:
            self.forget()

    def forget(self) -> None:
        """Let go of all that is ours of it."""
        self._zygote.forget(self._number)
        if self._group is not None:
            self._group.remove()


class ZygoteProcess:
    """A running zygote. Many threads may start workers at once."""

    def __init__(self, level: Level, trial: bool = False, groups: Groups | None = None) -> None:
        """``trial``: nothing is imported, and workers try to break out instead of running notebooks."""
        self.level, self.trial, self._groups = level, trial, groups
        self.layers: tuple[str, ...] = ()
        self.versions: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._workers: dict[int, Worker] = {}
        self._lock = threading.Lock()
        self._gone: str | None = None
        self._hello: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def start(self) -> Self:
        """Start the process and wait until it can fork workers. Raises `ZygoteError`."""
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter
                [sys.executable, "-s", "-P", "-c", BOOT, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**ENVIRONMENT, "PATH": os.defpath, "HOME": "/nonexistent"},
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        assert self._process.stdin is not None  # noqa: S101  stdin=PIPE
        with contextlib.suppress(BrokenPipeError), self._process.stdin as boot:
            boot.write(Path(__file__).with_name("boot.py").read_bytes())
        threading.Thread(target=self._listen, name="zygote", daemon=True).start()
        self.tell(
            {
                "level": self.level.value,
                "sources": sources(),
                "path": import_path(),
                "hidden": hidden(),
                "trial": self.trial,
                "temporary": tempfile.gettempdir(),
            }
        )
        try:
            hello = self._hello.get(timeout=START_SECONDS)
        except queue.Empty:
            hello = {"event": "failed", "why": f"not ready after {START_SECONDS:g} s"}
        if hello["event"] != "ready":
            self.close()
            raise ZygoteError(f"{START_FAILED}{hello['why']}")
        self.layers, self.versions = tuple(hello["layers"]), dict(hello["versions"])
        if self._groups is not None:
            self.layers += ("memory and process control group",)
        return self

    @property
    def alive(self) -> bool:
        return self._gone is None and self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def worker(self, limits: Limits) -> Worker:
        """Start a worker for one submission. Raises `ZygoteError`."""
        mine, theirs = socket.socketpair()
        number = next(self._numbers)
        group = self._group(number, limits)
        worker = Worker(self, number, mine, group)
        with self._lock:
            self._workers[number] = worker
        try:
            with theirs:
                descriptors = (theirs.fileno(), *(group.gates if group is not None else ()))
                order = {"do": "start", "id": number, "limits": asdict(limits), "descriptors": len(descriptors)}
                self.tell(order, descriptors)
            worker.wait("started")
        except ZygoteError:
            mine.close()
            worker.forget()
            raise
        if group is not None:
            group.close_gates()
        return worker

    def _group(self, number: int, limits: Limits) -> Group | None:
        try:
            return self._groups.group(str(number), limits) if self._groups is not None else None
        except OSError as error:
            raise ZygoteError(f"a control group could not be made: {error}") from None

    def tell(self, message: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
        with self._lock:
            try:
                messages.send(self._control, message, descriptors)
            except OSError as error:
                raise ZygoteError(f"the process that runs notebooks is gone ({error.strerror})") from None

    def forget(self, number: int) -> None:
        with self._lock:
            self._workers.pop(number, None)

    def close(self) -> None:
        """End the zygote and everything that it started."""
        self._gone = self._gone or "closed"
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._control.close()
        sweep(Path(tempfile.gettempdir()))

    def _listen(self) -> None:
        inbox = messages.Inbox(self._control)
        with contextlib.suppress(OSError, ValueError):
            while inbox.read():
                while (taken := inbox.pop()) is not None:
                    self._deliver(taken[0])
        self._gone = self._gone or "the process that runs notebooks ended by itself"
        self._hello.put({"event": "failed", "why": self._gone})
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            worker.events.put({"event": "failed", "why": self._gone})

    def _deliver(self, message: dict[str, Any]) -> None:
        if "id" not in message:
            self._hello.put(message)
            return
        with self._lock:
            worker = self._workers.get(message["id"])
        if worker is not None:
            worker.events.put(message)


def sources() -> dict[str, str]:
    """Module name -> source of all of ours that the zygote may import."""
    top = Path(__file__).parent.parent
    files = [top / f"{name}.py" for name in DELIVERED] + sorted((top / "worker").glob("*.py"))
    found = {}
    for file in files:
        parts = ["grader", *file.relative_to(top).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file.read_text(encoding="utf-8")
    return found


def hidden() -> list[str]:
    """Our own folder, in case it lies inside of what student code may read: the package, or the checkout around it."""
    package = Path(__file__).resolve().parent.parent
    checkout = package.parent
    return [str(checkout if (checkout / "pyproject.toml").exists() else package)]


def import_path() -> list[str]:
    """The parts of ``sys.path`` that hold the standard library and installed packages: never a project's folder."""
    roots = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    return [
        entry
        for entry in sys.path
        if entry and (Path(entry).name in ("site-packages", "dist-packages") or _standard(Path(entry), roots))
    ]


def _standard(entry: Path, roots: set[str]) -> bool:
    library = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    names = {library, library.replace(".", "") + ".zip", "lib-dynload"}
    return entry.name in names and any(entry.is_relative_to(root) for root in roots)
