"""The process in which a student's notebook runs and answers.

`serve` speaks over one inherited stream socket, in frames of `grader.wire` (each frame one tree, a dict). Types of
`grader.model` travel as dicts of their fields (`grader.wire.to_tree` and ``from_tree``). The parent asks, the
worker answers in order; what it sends is an untrusted process's word, so the parent decodes it with caps.

Parent to worker::

    {"do": "run", "cells": [[index, source], ...], "skip": [index, ...], "limits": Limits, "seed": int}
        Run these code cells in order. Of a cell in "skip" only definitions and imports run.
        At most once, before the first "ask".
    {"do": "ask", "ask": Ask, "names": {canonical: [alias, ...]}}
        Answer one question in a fork of the worker. Without a "run" before, over an empty notebook.
    {"do": "quit"}
        End. The end of the stream means the same.

Worker to parent::

    {"event": "start", "index": int}           a cell begins; it should end within limits.cell_seconds
    {"event": "figure", "figure": Figure}      any number, between "start" and "cell"
    {"event": "cell", "cell": CellRun}         the cell is over; cells in "skip" have the status "skipped"
    {"event": "ran", "cpu_seconds": float, "cut": [str, ...], "versions": {name: version}}
                                               all cells are over; ready for questions
    {"event": "answer", "answer": Answer, "cpu_seconds": float}
                                               exactly one for each "ask"

Every "run" ends in "ran" and every "ask" in "answer", unless the process dies (the stream ends) or hangs. A cell is
interrupted after limits.cell_seconds; one that does not stop then is the parent's to kill, some seconds after. A
question has ask.seconds of wall time and is killed by the worker, which answers "timeout" itself; so here, too, the
parent waits some seconds longer and then kills. ``cpu_seconds`` is the CPU time of the cells with their children, and
of a question's functions without what its fork costs.
An answer "died" with the error type ``harness`` says that the question could not be asked for a reason of ours.
"""

from __future__ import annotations

import gc
import os
import platform
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from grader.model import Ask, CellRun, Figure, Limits, Tree
from grader.wire import WireClosed, WireError, from_tree, receive, send, to_tree
from grader.worker import bars
from grader.worker.apart import Memory, shared_memory
from grader.worker.attributes import read_ahead
from grader.worker.cells import CellRunner
from grader.worker.forbidden import read_ahead as remember_modules
from grader.worker.question import ask_in_fork, cpu_used
from grader.worker.support import compiled

_PACKAGES = ("numpy", "scipy", "sklearn", "matplotlib", "IPython")


def preload() -> None:
    """Import what notebooks use, for a process to fork from. Computes nothing and starts no thread."""
    import importlib

    for name in _PRELOADED:
        importlib.import_module(name)
    bars.install()


def serve(fd: int, *, confine_question: Callable[[], None] = lambda: None) -> None:
    """Run one notebook and answer questions about it over the socket ``fd``, until told to quit.

    ``confine_question`` runs first in the fork of each question. Call it in the main thread.
    """
    os.set_inheritable(fd, False)
    worker = _Worker(socket.socket(fileno=fd), confine_question)
    try:
        while worker.obey(receive(worker.sock)):
            continue
    except (WireClosed, WireError):  # the parent is gone, or not one that we understand
        return


class _Worker:
    def __init__(self, sock: socket.socket, confine_question: Callable[[], None]) -> None:
        self.sock = sock
        self._confine_question = confine_question
        self._limits = Limits()
        self._namespace: dict[str, Any] = {"__name__": "__main__"}
        self._memory: Memory = ()
        self._process = os.getpid()

    def obey(self, order: Tree) -> bool:
        """Do what one frame says; False at the end."""
        if order["do"] == "run":
            self._run(order)
        elif order["do"] == "ask":
            self._ask(order)
        return bool(order["do"] != "quit")

    def _run(self, order: dict[str, Tree]) -> None:
        before = cpu_used()
        self._limits = from_tree(Limits, order["limits"])
        runner = CellRunner(self._limits, self._started, self._finished)
        self._namespace = runner.namespace
        runner.run([(index, source) for index, source in order["cells"]], order["skip"], order["seed"])
        self._memory = shared_memory()
        read_ahead(self._namespace)
        gc.freeze()  # the forks of the questions need not look through, and so copy, all that is there
        send(
            self.sock,
            {"event": "ran", "cpu_seconds": cpu_used() - before, "cut": list(runner.cut), "versions": _versions()},
        )

    def _ask(self, order: dict[str, Tree]) -> None:
        ask = from_tree(Ask, order["ask"])
        with suppress(Exception):  # the question's fork says what is wrong with it
            compiled(ask.support)
            remember_modules(ask.forbidden)
        names = {name: tuple(aliases) for name, aliases in order["names"].items()}
        answer, cpu = ask_in_fork(ask, self._namespace, names, self._limits, self._prepare_question, self._memory)
        send(self.sock, {"event": "answer", "answer": to_tree(answer), "cpu_seconds": cpu})

    def _prepare_question(self) -> None:
        """In the fork: let go of the parent's socket, have no one to talk to, and be shut in."""
        os.close(self.sock.detach())
        signal.setitimer(signal.ITIMER_REAL, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.close(null)
        self._confine_question()

    def _started(self, index: int) -> None:
        send(self.sock, {"event": "start", "index": index})

    def _finished(self, run: CellRun, figures: Sequence[Figure]) -> None:
        if os.getpid() != self._process:
            os._exit(0)  # a cell forked and its child came back here: the notebook goes on once, not twice
        for figure in figures:
            send(self.sock, {"event": "figure", "figure": to_tree(figure)})
        send(self.sock, {"event": "cell", "cell": to_tree(run)})


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        version = getattr(sys.modules.get(name), "__version__", None)
        if isinstance(version, str):
            found[name] = version[:40]
    return found


_PRELOADED = (
    "numpy",
    "scipy.stats",
    "scipy.special",
    "scipy.linalg",
    "scipy.optimize",
    "scipy.spatial.distance",
    "sklearn.linear_model",
    "sklearn.naive_bayes",
    "sklearn.datasets",
    "sklearn.decomposition",
    "sklearn.mixture",
    "sklearn.cluster",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.preprocessing",
    "sklearn.pipeline",
    "matplotlib.pyplot",
    "matplotlib.patches",
    "PIL.PngImagePlugin",
    "IPython.core.interactiveshell",
    "IPython.core.magics",
    "matplotlib_inline.config",
    "grader.worker.cells",
)
