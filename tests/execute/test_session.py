"""What a worker's frames, and their absence, are taken for. The worker is a function in a thread."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from grader import wire
from grader.execute import channel
from grader.execute import session as session_module
from grader.execute.client import ZygoteError
from grader.execute.session import Session
from grader.model import AnswerStatus, CellStatus, Limits, Paper, Recording
from tests.execute.conftest import notebook, question

Behaviour = Callable[[socket.socket], None]
LIMITS = Limits(cell_seconds=0.2, notebook_seconds=2, question_seconds=0.2, restarts=0, answer_bytes=1000)


class FakeWorker:
    """A worker whose other end is played by ``behave``."""

    def __init__(self, behave: Behaviour, why: str = "exit") -> None:
        self.sock, self._theirs = socket.socketpair()
        self._why = why
        self._thread = threading.Thread(target=self._run, args=(behave,), daemon=True)
        self._thread.start()

    def _run(self, behave: Behaviour) -> None:
        try:
            behave(self._theirs)
        except (wire.WireError, OSError):
            pass
        finally:
            self._theirs.close()

    def channel(self, limits: Limits, stop: threading.Event | None) -> channel.Channel:
        return channel.Channel(self.sock, limits, stop)

    def tidy(self) -> dict[str, Any]:
        return {"event": "tidy"}

    def wait(self, event: str) -> dict[str, Any]:
        return {"event": event}

    def end(self) -> dict[str, Any]:
        self.sock.close()
        self._thread.join(5)
        return {"event": "ended", "why": self._why, "status": 0}


class FakeZygote:
    def __init__(self, *behaviours: Behaviour, why: str = "exit") -> None:
        self.behaviours, self.why, self.started = behaviours, why, 0

    def worker(self, limits: Limits) -> FakeWorker:
        behave = self.behaviours[min(self.started, len(self.behaviours) - 1)]
        self.started += 1
        return FakeWorker(behave, self.why)


def record(
    *behaviours: Behaviour, asks: tuple[str, ...] = ("f",), why: str = "exit", limits: Limits = LIMITS
) -> Recording:
    paper = Paper(tuple(question(name, limits.question_seconds) for name in asks), limits=limits)
    return Session(FakeZygote(*behaviours, why=why), notebook("a", "b"), paper).run()  # type: ignore[arg-type]


def cell(index: int, status: str = "ok", **more: Any) -> dict[str, Any]:
    return {"event": "cell", "cell": {"index": index, "status": status, **more}}


def start(index: int) -> dict[str, Any]:
    return {"event": "start", "index": index}


RAN: dict[str, Any] = {"event": "ran", "cpu_seconds": 0.5, "cut": ["cut"], "versions": {}}
NOTEBOOK = (start(1), cell(1), start(2), cell(2), RAN)


def answer(name: str = "f", value: Any = 1) -> dict[str, Any]:
    return {"event": "answer", "answer": {"ask": name, "status": "value", "value": value}, "cpu_seconds": 0.25}


def says(*frames: dict[str, Any], answers: tuple[dict[str, Any], ...] = ()) -> Behaviour:
    """Send ``frames`` for the notebook and one of ``answers`` for each question, then wait in silence."""

    def behave(sock: socket.socket) -> None:
        wire.receive(sock)
        for frame in frames:
            wire.send(sock, frame)
        for frame in answers:
            wire.receive(sock)
            wire.send(sock, frame)
        sock.settimeout(5)
        while sock.recv(1 << 16):
            continue

    return behave


def raw(data: bytes) -> Behaviour:
    def behave(sock: socket.socket) -> None:
        wire.receive(sock)
        for frame in (start(1),):
            wire.send(sock, frame)
        sock.sendall(data)
        sock.settimeout(5)
        sock.recv(1)

    return behave


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "GRACE", 0.3)
    monkeypatch.setattr(session_module, "STALL_SECONDS", 3.0)


def test_an_honest_worker_is_recorded() -> None:
    found = record(says(*NOTEBOOK, answers=(answer("f", 1), answer("g", 2))), asks=("f", "g"))
    assert [run.status for run in found.cells] == [CellStatus.OK] * 2
    assert [(one.status, one.value) for one in found.answers.values()] == [
        (AnswerStatus.VALUE, 1),
        (AnswerStatus.VALUE, 2),
    ]
    assert found.cpu_seconds == pytest.approx(1.0)
    assert found.cut == ("cut",)


FORGED = {
    "garbage": raw(b"\xff" * 64),
    "a frame that is said to be huge": raw(struct.pack(">I", 2**31)),
    "a payload that is no payload": raw(struct.pack(">I", 8) + b"12345678"),
    "a list": says({"event": "start", "index": 1}, [1]),  # type: ignore[arg-type]
    "no event": says(start(1), {"status": "ok"}),
    "an event of another type": says(start(1), {"event": 5}),
    "an unknown event": says(start(1), {"event": "graded", "score": 100}),
    "an answer before the question": says(start(1), answer()),
    "a cell that is not there": says(start(1), cell(7)),
    "a cell that did not start": says(start(1), cell(2)),
    "a cell twice": says(start(1), cell(1), cell(1)),
    "cells backwards": says(start(2), cell(2), start(1)),
    "a start within a cell": says(start(1), start(2)),
    "a status that is none": says(start(1), cell(1, "brilliant")),
    "a field too many": says(start(1), cell(1, points=100)),
    "a cell that is no cell": says(start(1), {"event": "cell", "cell": "ok"}),
    "a figure that is none": says(start(1), {"event": "figure", "figure": {"cell": 1, "mime": "x", "data": "no"}}),
    "an index that is no number": says(start(1), cell(1), {"event": "start", "index": True}),
}


@pytest.mark.parametrize("behave", FORGED.values(), ids=FORGED.keys())
def test_what_makes_no_sense_ends_the_worker_and_answers_nothing(behave: Behaviour) -> None:
    found = record(behave)
    assert found.harness_error is None
    assert found.answers["f"].status is not AnswerStatus.VALUE
    assert any("channel" in text for text in found.cut)


WRONG_ANSWERS = {
    "to another question": answer("g"),
    "of no shape": {"event": "answer", "answer": [1]},
    "with a verdict": {"event": "answer", "answer": {"ask": "f", "status": "value", "value": 1, "verdict": "pass"}},
    "that is a cell": cell(1),
    "with a negative time": {"event": "answer", "answer": {"ask": "f", "status": "value", "seconds": -1.0}},
}


@pytest.mark.parametrize("frame", WRONG_ANSWERS.values(), ids=WRONG_ANSWERS.keys())
def test_an_answer_that_makes_no_sense_is_none(frame: dict[str, Any]) -> None:
    found = record(says(*NOTEBOOK, answers=(frame,)))
    assert found.answers["f"].status is AnswerStatus.DIED


def test_two_answers_at_once_do_not_count_for_the_next_question() -> None:
    def behave(sock: socket.socket) -> None:
        wire.receive(sock)
        for frame in NOTEBOOK:
            wire.send(sock, frame)
        wire.receive(sock)
        for frame in (answer("f"), answer("f", 2)):
            wire.send(sock, frame)
        time.sleep(1)

    found = record(behave, asks=("f", "g"))
    assert found.answers["f"].value == 1
    assert found.answers["g"].status is AnswerStatus.DIED


def test_silence_is_a_timeout() -> None:
    assert record(says(*NOTEBOOK)).answers["f"].status is AnswerStatus.TIMEOUT
    found = record(says(start(1)))
    assert found.cells[0].status is CellStatus.TIMEOUT


def test_trickling_bytes_do_not_extend_the_deadline() -> None:
    def behave(sock: socket.socket) -> None:
        wire.receive(sock)
        wire.send(sock, start(1))
        sock.sendall(struct.pack(">I", 1000))
        while True:
            sock.sendall(b"x")
            time.sleep(0.01)

    assert record(behave).cells[0].status is CellStatus.TIMEOUT  # else this test never ends


def test_all_bytes_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "TOTAL_BYTES", 100_000)
    figure = {"cell": 1, "mime": "image/png", "data": b"x" * 20_000}
    found = record(says(start(1), *[{"event": "figure", "figure": figure}] * 50))
    assert any("channel" in text for text in found.cut)


def test_what_is_too_much_is_cut() -> None:
    limits = Limits(**{**vars(LIMITS), "output_bytes": 10, "images": 2})
    figure = {"cell": 1, "mime": "image/png", "data": b"x"}
    frames = (start(1), *[{"event": "figure", "figure": figure}] * 5, cell(1, output="y" * 100), RAN)
    noisy = {"event": "answer", "answer": {"ask": "f", "status": "value", "value": 1, "output": "z" * 10**5}}
    found = record(says(*frames, answers=(noisy,)), limits=limits)
    assert (len(found.figures), found.cells[0].output, found.cells[0].truncated) == (2, "y" * 10, True)
    assert len(found.answers["f"].output) < 10**5


@pytest.mark.parametrize("why", ["memory", "cpu", "processes", "disk"])
def test_a_limit_that_was_met_is_named(why: str) -> None:
    def dies(sock: socket.socket) -> None:
        wire.receive(sock)
        wire.send(sock, start(1))

    found = record(dies, why=why)
    assert found.cells[0].status is CellStatus.DIED
    assert any(text.startswith("The notebook ") and text.endswith("was stopped.") for text in found.cut)


def test_a_worker_that_never_begins_is_our_fault() -> None:
    with pytest.raises(ZygoteError):
        record(lambda sock: wire.receive(sock) and None)


def test_the_notebook_runs_again_without_what_killed_it() -> None:
    seen: list[list[int]] = []

    def dies(sock: socket.socket) -> None:
        seen.append(wire.receive(sock)["skip"])
        wire.send(sock, start(1))

    def lives(sock: socket.socket) -> None:
        seen.append(wire.receive(sock)["skip"])
        for frame in (start(1), cell(1, "skipped"), start(2), cell(2), RAN):
            wire.send(sock, frame)
        wire.receive(sock)
        wire.send(sock, answer())

    found = record(dies, lives, limits=Limits(**{**vars(LIMITS), "restarts": 1}))
    assert seen == [[], [1]]
    assert [run.status for run in found.cells] == [CellStatus.DIED, CellStatus.OK]
    assert found.answers["f"].value == 1
