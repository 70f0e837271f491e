"""A student's notebook and the grader's questions, for tests."""

from __future__ import annotations

import faulthandler
import linecache
import os
import socket
import time
import warnings
from collections.abc import Callable
from textwrap import dedent
from typing import Any

import numpy as np

from grader.asks import plain, write
from grader.model import Answer, Ask, CellRun, Figure, Limits
from grader.wire import from_tree, receive, send, to_tree
from grader.worker.answering import evaluate
from grader.worker.blame import cell_file

NAMES = {
    "GMM": ("GaussianMixture", "MyGMM"),
    "n_components": ("k", "K", "n_clusters"),
    "n_features": ("d", "D"),
    "max_iters": ("max_iter", "n_iter"),
    "weights": ("pi", "phi", "priors", "log:log_weights"),
    "means": ("mu", "means_", "centers"),
    "covariances": ("sigma", "sigmas", "covs"),
    "_e_step": ("e_step", "estep", "expectation"),
    "_m_step": ("m_step",),
    "fit": ("train",),
}
WEIGHTS = np.array([0.2, 0.3, 0.5])
MEANS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
COVARIANCES = np.stack([np.diag([1.0, 2.0]), np.diag([3.0, 4.0]), np.diag([5.0, 6.0])])
PARAMETERS = {"weights": WEIGHTS, "means": MEANS, "covariances": COVARIANCES}


def notebook(source: str, cell: int = 1) -> dict[str, Any]:
    """The names that a one-cell notebook leaves."""
    text, name = dedent(source), cell_file(cell)
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"__name__": "__main__", "np": np}
    exec(compile(text, name, "exec"), namespace)
    return namespace


def question(build: Callable[[], Any], **fields: Any) -> Ask:
    steps, result = write(build)
    return Ask("q", steps, plain(result), **fields)


def answer(
    source: str | dict[str, Any], build: Callable[[], Any], limits: Limits | None = None, **fields: Any
) -> Answer:
    namespace = notebook(source) if isinstance(source, str) else source
    return evaluate(question(build, **fields), namespace, NAMES, limits or Limits())


def alone(descriptor: int) -> int:
    """In a fork of the test runner: keep nothing of the runner's but ``descriptor``; its new number."""
    faulthandler.disable()
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    os.dup2(descriptor, 3)
    os.closerange(4, 1024)
    return 3


class Worker:
    """A worker process, spoken to as its parent would."""

    def __init__(self, options: dict[str, Any] | None = None, **limits: Any) -> None:
        from grader.worker.main import serve

        options = options or {}

        self.limits = Limits(**{"cell_seconds": 20.0, **limits})
        self.sock, other = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                serve(alone(other.detach()), **options)
            finally:
                os._exit(0)
        other.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self.sock.close()
        if kind is not None:
            os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)

    def receive(self) -> dict[str, Any]:
        return receive(self.sock, time.monotonic() + 60)

    def start(self, *cells: str, skip: tuple[int, ...] = ()) -> None:
        numbered = [[index, dedent(source)] for index, source in enumerate(cells, 1)]
        order = {"do": "run", "cells": numbered, "skip": list(skip), "limits": to_tree(self.limits), "seed": 5}
        send(self.sock, order)

    def run(self, *cells: str, skip: tuple[int, ...] = ()) -> Run:
        self.start(*cells, skip=skip)
        events = []
        while not events or events[-1]["event"] != "ran":
            events.append(self.receive())
        return Run(events)

    def ask(self, build: Callable[[], Any], **fields: Any) -> Answer:
        send(self.sock, {"do": "ask", "ask": to_tree(question(build, **fields)), "names": to_tree(NAMES)})
        event = self.receive()
        self.cpu_seconds: float = event["cpu_seconds"]
        return from_tree(Answer, event["answer"])


class Run:
    """What a run sent back."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self.events = events
        self.cells = {run.index: run for run in (from_tree(CellRun, e["cell"]) for e in events if e["event"] == "cell")}
        self.figures = [from_tree(Figure, event["figure"]) for event in events if event["event"] == "figure"]
        self.cut = events[-1]["cut"]
