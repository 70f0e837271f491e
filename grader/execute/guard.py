"""The guard of one submission: forked from the zygote, runs no student code, and ends everything that was started.

It forks the worker, watches what the worker and its children use, tidies up between questions, and on a word from the
zygote, or when the zygote is gone, leaves no process and no file behind.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import time
from collections.abc import Callable

from grader.execute import messages, processes
from grader.execute.cage import Cage
from grader.execute.job import Job, Place

WATCH_SECONDS = 0.25
DISK_EVERY = 4
"""At every how manyth look the files are counted too."""
Serve = Callable[..., None]


def guard(cage: Cage, job: Job, zygote: socket.socket, serve: Serve) -> None:
    """Run the submission's worker to its end. Returns when nothing of it is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    processes.close_all_but(zygote.fileno(), job.sock, *job.gates)
    wake = _wake_on_child()
    place = cage.prepare(job)
    worker = _start(cage, job, place, serve)
    for descriptor in (job.sock, *job.gates):
        os.close(descriptor)
    messages.send(zygote, {"event": "started"})
    Watch(cage, job, place, zygote, worker, wake).run()


class Watch:
    """The guard's loop."""

    def __init__(self, cage: Cage, job: Job, place: Place, zygote: socket.socket, worker: int, wake: int) -> None:
        self.cage, self.job, self.place, self.zygote, self.worker, self.wake = cage, job, place, zygote, worker, wake
        self.kept: bool | None = None
        self.why = ""
        self.status: int | None = None
        self.inbox = messages.Inbox(zygote)
        self.looks = 0
        mine = processes.usage(os.getpid())
        self.inherited = mine.memory if mine is not None else 0

    def run(self) -> None:
        """Watch until the worker ends, breaks a limit, or is to be ended; then end everything and say why."""
        due = time.monotonic() + WATCH_SECONDS
        while not self.why:
            patience = max(0.0, due - time.monotonic())
            ready, _, _ = select.select([self.zygote.fileno(), self.wake], [], [], patience)
            if self.wake in ready:
                os.read(self.wake, 4096)
                self._collect()
            if self.zygote.fileno() in ready:
                self._listen()
            if time.monotonic() >= due:
                self._measure()
                due = time.monotonic() + WATCH_SECONDS
        self.cage.end(self.place, self.worker, self.job)
        messages.send(self.zygote, {"event": "ended", "why": self.why, "status": self.status})

    def _collect(self) -> None:
        ended = processes.reap()
        if self.worker in ended:
            self.status = ended[self.worker]
            over = os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGXCPU
            self.why = self.why or ("cpu" if over else "exit")

    def _listen(self) -> None:
        if not self.inbox.read():
            self.why = "grader gone"
            return
        while (taken := self.inbox.pop()) is not None:
            message, _ = taken
            if message["do"] == "end":
                self.why = "told"
            elif message["do"] == "tidy":
                self._tidy()

    def _tidy(self) -> None:
        """Leave to the next question only the worker itself and the files that the notebook wrote."""
        processes.end_all(os.getpid(), spare=self.worker)
        try:
            if self.kept is None:
                self.kept = self.cage.keep(self.place, self.job)
            if self.kept:
                self.cage.renew(self.place, self.job)
        except OSError:  # it removed its folders, or left no space: then it goes on with what it left
            self.kept = False
        messages.send(self.zygote, {"event": "tidy"})

    def _measure(self) -> None:
        self.looks += 1
        found = processes.descendants(os.getpid())
        used = [use for use in map(processes.usage, found) if use is not None and not use.dead]
        limits = self.job.limits
        if len(used) > limits.processes + 1:
            self.why = "processes"
        elif sum(max(0, use.memory - self.inherited) for use in used) > limits.memory_bytes:
            self.why = "memory"
        elif sum(use.cpu for use in used) > limits.cpu_seconds:
            self.why = "cpu"
        elif self.looks % DISK_EVERY == 0 and self.cage.disk_full(self.place, self.job):
            self.why = "disk"


def _start(cage: Cage, job: Job, place: Place, serve: Serve) -> int:
    """Fork the worker; return its pid once it is shut in. Raises RuntimeError with its words when it could not be."""
    heard, told = os.pipe()
    worker = os.fork()
    if worker == 0:
        _work(cage, job, place, serve, told)
    os.close(told)
    trouble = b""
    while part := os.read(heard, 4096):
        trouble += part
    os.close(heard)
    if trouble:
        os.waitpid(worker, 0)
        raise RuntimeError(trouble.decode(errors="replace"))
    return worker


def _work(cage: Cage, job: Job, place: Place, serve: Serve, told: int) -> None:
    code = 70
    try:
        try:
            for gate in job.gates:
                os.write(gate, b"0")
            sock = _settle(job, told)
            told = sock + 1
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            cage.shut(place, job)
            confine = cage.confine_question(place)
        except BaseException as error:  # noqa: BLE001  whatever it was, no student code may run after it
            os.write(told, f"{type(error).__name__}: {error}"[:2000].encode() or b"?")
            return
        os.close(told)
        serve(sock, confine_question=confine)
        code = 0
    finally:
        os._exit(code)


def _settle(job: Job, told: int) -> int:
    """Make descriptors 0 to 2 the null device, 3 the worker's socket and 4 ``told``; close all others."""
    null = os.open(os.devnull, os.O_RDWR)
    high = [os.dup(number) for number in (job.sock, told)]
    high = [os.dup(number) if number < 8 else number for number in high]
    for number in (0, 1, 2):
        os.dup2(null, number)
    sock, words = (fcntl.fcntl(number, fcntl.F_DUPFD, 64) for number in high)
    os.dup2(sock, 3, inheritable=False)
    os.dup2(words, 4, inheritable=False)
    processes.close_all_but(3, 4)
    return 3


def _wake_on_child() -> int:
    wake, poke = os.pipe()
    os.set_blocking(poke, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(poke, warn_on_full_buffer=False)
    return wake
