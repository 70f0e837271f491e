"""What is fuzzed: each target takes bytes and raises when a promise is broken.

A reader may refuse its input in the way that it promises to, and in no other.
"""

from __future__ import annotations

import json
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from grader import notebook, wire
from grader.assignment import load_assignment
from grader.exam import Exam, prepare
from grader.export.grades_csv import grades_csv
from grader.export.report_json import report_json
from grader.judge import judge
from grader.model import (
    Answer,
    AnswerStatus,
    CellRun,
    CellStatus,
    Figure,
    Opaque,
    Recording,
    StudentError,
    Submission,
)
from grader.report.html import render_report

Target = Callable[[bytes], None]
EXAMPLES = Path(__file__).parents[2] / "submissions" / "activity09"
REFUSED = "refused"
CAPS = wire.Caps(payload_bytes=1 << 20, header_bytes=1 << 20, nodes=50_000, depth=40)


def read_notebook(data: bytes) -> None:
    """Any bytes are a submission, if need be one that says what is wrong; and then it can be written down."""
    submission = notebook.from_bytes(data, id="one", shown_path="one.ipynb")
    _check_submission(submission)


def read_script(data: bytes) -> None:
    """The same for exported scripts."""
    submission = notebook.from_bytes(data, id="one", shown_path="one.py")
    _check_submission(submission)


def decode_payload(data: bytes) -> None:
    """Any payload is a tree or a WireError, and a tree is the same after another trip."""
    try:
        tree = wire.decode(data, CAPS)
    except wire.WireError:
        return
    again = wire.encode(tree)
    assert wire.encode(wire.decode(again)) == again


def read_stream(data: bytes) -> None:
    """A stream gives the same frames, or is refused, whole or in pieces; and each may be claimed to be anything."""
    whole, pieces = _frames([data]), _frames([data[at : at + 7] for at in range(0, len(data), 7)])
    refused = [bool(found) and found[-1] is REFUSED for found in (whole, pieces)]
    assert refused[0] == refused[1]
    assert refused[0] or len(whole) == len(pieces)
    for tree in whole:
        for kind in (Answer, CellRun, Figure, Recording, Submission):
            try:
                made: object = wire.from_tree(kind, tree)
            except wire.WireError:
                continue
            assert wire.encode(wire.to_tree(made))


def read_recording(data: bytes) -> None:
    """Any file is a recording or a WireError. The bytes stand for the file, and for what is packed in one."""
    for file in (data, wire.MAGIC + zlib.compress(data, 1)):
        try:
            recording = wire.load_recording(file, CAPS)
        except wire.WireError:
            continue
        assert wire.load_recording(wire.dump_recording(recording)).submission == recording.submission


def judge_answers(data: bytes) -> None:
    """Whatever came back for the questions, there is a report in every form, and it earns nothing."""
    try:
        tree = wire.decode(data, CAPS)
    except wire.WireError:
        return
    exam = _exam()
    answers = {ask.id: Answer(ask.id, AnswerStatus.VALUE, tree) for ask in exam.questions_asked}
    submission = Submission("one", "one.ipynb", "0" * 64)
    report = judge(exam.exam, submission, Recording("one", "0" * 64, answers=answers))
    assert report.harness_error is None
    assert report.score == 0
    json.loads(report_json(report))
    assert render_report(report).encode("utf-8")
    assert grades_csv([report])[1].encode("utf-8")


TARGETS: dict[str, Target] = {
    "notebook": read_notebook,
    "script": read_script,
    "wire": decode_payload,
    "stream": read_stream,
    "recording": read_recording,
    "answers": judge_answers,
}


def seeds(name: str) -> list[bytes]:
    """Good input for a target, to be damaged."""
    return list(_SEEDS[name]())


# --- good input -----------------------------------------------------------------------------

_TREE = {
    "numbers": [1, -2.5, float("nan"), None, True],
    "arrays": (np.arange(4.0), np.ones((2, 3), dtype=np.int64), np.zeros(0, dtype=bool), np.ones(2, dtype=complex)),
    "text": "žluťoučký \N{PILE OF POO}",
    "bytes": b"\x00\xff",
    "opaque": Opaque("GMM", "<GMM>"),
}
_CELL = CellRun(1, CellStatus.ERROR, StudentError("ValueError", "no", 1, 2, "x", "f"), "printed\n", seconds=0.1)
_FIGURE = Figure(1, "image/png", b"\x89PNG", np.zeros((2, 2), np.uint8), ({"lines": 1, "title": "t"},))
_ANSWER = Answer("doubled", AnswerStatus.VALUE, _TREE, notes=("a note",), output="o", seconds=0.5)


def _notebooks() -> Iterator[bytes]:
    output = {"output_type": "stream", "name": "stdout", "text": "1"}
    cell = {"cell_type": "code", "source": ["x = 1\n", "x"], "metadata": {}, "outputs": [output]}
    metadata = {"kernelspec": {"language": "python"}, "authors": [{"name": "A"}]}
    yield json.dumps({"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}).encode()
    old = [{"cell_type": "code", "input": "x = 1"}, {"cell_type": "heading", "level": 1, "source": "T"}]
    sheets = {"worksheets": [{"cells": old}], "metadata": {"name": "n"}}
    yield json.dumps({**sheets, "nbformat": 3, "nbformat_minor": 0}).encode("utf-8-sig")
    for path in sorted(EXAMPLES.rglob("*.ipynb")):
        data = path.read_bytes()
        if 0 < len(data) < 40_000:
            yield data


def _scripts() -> Iterator[bytes]:
    yield "# %%\nx = 1\n# %% [markdown]\n# # Titel ü\n# %%\n!ls\n%time x\n".encode()
    yield b"# In[1]:\nget_ipython().run_line_magic('matplotlib', 'inline')\n# coding: latin-1\n"


def _payloads() -> Iterator[bytes]:
    for tree in (_TREE, 2.0, np.arange(4.0), [[[[]]]], "x", {"a": _TREE}):
        yield wire.encode(tree)


def _streams() -> Iterator[bytes]:
    events = [
        {"event": "start", "index": 1},
        wire.to_tree(_CELL),
        wire.to_tree(_FIGURE),
        wire.to_tree(_ANSWER),
        {"event": "ran", "cpu_seconds": 0.1, "cut": [], "versions": {}},
    ]
    payloads = [wire.encode(event) for event in events]
    yield b"".join(struct.pack(">I", len(payload)) + payload for payload in payloads)


def _recordings() -> Iterator[bytes]:
    recording = Recording(
        "one", "0" * 64, (_CELL,), (_FIGURE,), {"doubled": _ANSWER}, ("cut",), ("layer",), {"python": "3"}
    )
    yield wire.dump_recording(recording)
    yield wire.encode(wire.to_tree(recording))


_SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "notebook": _notebooks,
    "script": _scripts,
    "wire": _payloads,
    "stream": _streams,
    "recording": _recordings,
    "answers": _payloads,
}


# --- helpers --------------------------------------------------------------------------------


def _check_submission(submission: Submission) -> None:
    assert wire.from_tree(Submission, wire.decode(wire.encode(wire.to_tree(submission)))) == submission
    assert submission.readable or any(problem.message for problem in submission.problems)
    for cell in submission.cells:
        cell.source.encode("utf-8")


def _frames(pieces: list[bytes]) -> list[wire.Tree]:
    frames = wire.Frames(CAPS)
    found = []
    try:
        for piece in pieces:
            found += frames.feed(piece)
    except wire.WireError:
        found.append(REFUSED)
    return found


class _Prepared:
    def __init__(self, exam: Exam) -> None:
        self.exam = exam
        self.questions_asked = exam.paper.asks


@cache
def _exam() -> _Prepared:
    from tests.tiny import write_assignment

    folder = write_assignment(Path(tempfile.mkdtemp(prefix="fuzz-")))
    return _Prepared(prepare(load_assignment(folder), "fuzz"))
