"""The worker inside a Jupyter kernel: what `grader.worker.main` is to a socket, this is to execute requests.

Every request runs `obey` on one order; what the worker has to say leaves as display messages of a type of its own,
in pieces of a stream of frames of `grader.wire`. The process is the student's as much as the worker's, so nothing
that leaves it is more than a claim, exactly as with the socket.
"""

from __future__ import annotations

import asyncio
import base64
import builtins
import gc
import getpass
import importlib
import importlib.metadata
import os
import platform
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from IPython.core.getipython import get_ipython

from grader.execute.jupyter_alone import ask_alone
from grader.model import Answer, Ask, CellRun, Figure, Limits, Tree
from grader.wire import Caps, decode, encode, from_tree, to_tree
from grader.worker import alarm
from grader.worker.cells import CellRunner
from grader.worker.environment import is_installing
from grader.worker.question import ask_in_fork, cpu_used

PIECE_BYTES = 512 << 10
CAPS = Caps()
_PACKAGES = {
    "IPython": "ipython",
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "matplotlib": "matplotlib",
}

_kernel: Kernel | None = None


def start(order: dict[str, Any]) -> None:
    """The first thing that happens in the kernel, before any student code."""
    global _kernel
    _kernel = Kernel(order)
    with suppress(ImportError):
        importlib.import_module("matplotlib.pyplot")  # before the notebook's clock runs
    _kernel.say({"event": "ready", "versions": versions()})


def obey(text: str) -> None:
    """Do what one order says; ``text`` is its frame's payload in base64."""
    if _kernel is None:
        raise RuntimeError("not started")
    order = decode(base64.b64decode(text), CAPS)
    with _outside_loop():
        _kernel.do(order)


class Kernel:
    """One notebook in this kernel."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._shell = shell = get_ipython()
        type(shell).clear_instance()  # the student's shell is `grader.worker.shell`'s
        self._publish: Callable[..., object] = shell.display_pub.publish
        self._mime = str(order["mime"])
        self._work = str(order["work"])
        self._forks = hasattr(os, "fork") and not order["portable"]
        if order["portable"]:
            alarm.TIMERS = False
        self._limits = Limits()
        self._runner: CellRunner | None = None
        self._cpu = 0.0
        self._ours: dict[int, tuple[int, int]] = {}

    def do(self, order: dict[str, Tree]) -> None:
        if order["do"] == "begin":
            self._begin(order)
        elif order["do"] == "cell":
            self._silence()
            self._running().cell(order["index"], order["source"], skip=order["skip"])
        elif order["do"] == "finish":
            self._finish()
        elif order["do"] == "ask":
            self._silence()
            self._ask(order)

    def say(self, event: dict[str, Tree]) -> None:
        """Send a frame in pieces."""
        payload = encode(event, CAPS)
        data = struct.pack(">I", len(payload)) + payload
        for at in range(0, len(data), PIECE_BYTES):
            self._publish({self._mime: base64.b64encode(data[at : at + PIECE_BYTES]).decode("ascii")}, {})

    def _begin(self, order: dict[str, Tree]) -> None:
        self._cpu = cpu_used()
        self._limits = from_tree(Limits, order["limits"])
        self._ours = _descriptors()
        self._runner = CellRunner(self._limits, self._started, self._finished, own_descriptors=self._forks)
        if not self._forks:
            _pipe_commands(get_ipython())
        self._runner.begin(order["seed"])
        self._input, self._getpass = builtins.input, getpass.getpass

    def _finish(self) -> None:
        runner = self._running()
        runner.finish()
        gc.freeze()  # the forks of the questions need not look through, and so copy, all that is there
        cpu = cpu_used() - self._cpu
        self.say({"event": "ran", "cpu_seconds": cpu, "cut": list(runner.cut), "versions": {}})

    def _ask(self, order: dict[str, Tree]) -> None:
        ask = from_tree(Ask, order["ask"])
        names = {name: tuple(aliases) for name, aliases in order["names"].items()}
        namespace = self._running().namespace
        answer: Answer
        if self._forks:
            answer, cpu = ask_in_fork(ask, namespace, names, self._limits, self._prepare_question)
        else:
            answer, cpu = ask_alone(ask, namespace, names, self._limits, shared=(self._shell, get_ipython()))
        self.say({"event": "answer", "answer": to_tree(answer), "cpu_seconds": cpu})

    def _prepare_question(self) -> None:
        """In the fork: let go of the kernel's sockets, and have no one to talk to."""
        import signal

        signal.setitimer(signal.ITIMER_REAL, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.close(null)
        for descriptor, file in self._ours.items():
            with suppress(OSError):
                if _file(descriptor) == file:  # and not another one that got its number since
                    os.close(descriptor)
        with suppress(OSError):
            os.chdir(self._work)

    def _silence(self) -> None:
        """Before each request ipykernel puts its own ``input`` in place, which would ask whoever sits there."""
        builtins.input, getpass.getpass = self._input, self._getpass

    def _running(self) -> CellRunner:
        if self._runner is None:
            raise RuntimeError("no notebook was begun")
        return self._runner

    def _started(self, index: int) -> None:
        """The grader knows, for it sent the cell."""

    def _finished(self, run: CellRun, figures: Sequence[Figure]) -> None:
        for figure in figures:
            self.say({"event": "figure", "figure": to_tree(figure)})
        self.say({"event": "cell", "cell": to_tree(run)})


def versions() -> dict[str, str]:
    """Of Python and the packages that grades may depend on, without importing them."""
    found = {"python": platform.python_version()}
    for name, distribution in _PACKAGES.items():
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(distribution)[:40]
    return found


def _pipe_commands(shell: Any) -> None:
    """Where descriptors are not captured: let ``!commands`` print through Python."""
    plain = shell.system

    def system(command: str) -> None:
        if is_installing(command):
            plain(command)
        else:
            print(shell.getoutput(command, split=False, depth=1), end="")  # noqa: T201  into the cell's output

    shell.system = system


@contextmanager
def _outside_loop() -> Iterator[None]:
    """As if the kernel's event loop were not running: cells then may start one, as they may in a plain shell.

    These four functions are there for event loops of other makes: "Extending asyncio" in Python's documentation.
    """
    loop = asyncio._get_running_loop()
    task = asyncio.current_task(loop) if loop is not None else None
    if loop is not None and task is not None:
        asyncio.tasks._leave_task(loop, task)
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)
        if loop is not None and task is not None:
            asyncio.tasks._enter_task(loop, task)


def _descriptors() -> dict[int, tuple[int, int]]:
    """What is open now above descriptor 2, each with the file that it is: the kernel's sockets and pipes."""
    found: dict[int, tuple[int, int]] = {}
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError, ValueError):
            numbers = [int(name) for name in os.listdir(folder)]  # noqa: PTH208  as cheap as it gets
            for number in (number for number in numbers if number > 2):
                with suppress(OSError):
                    found[number] = _file(number)
            return found
    return found


def _file(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
