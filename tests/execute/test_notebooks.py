"""What notebooks do, and how it is recorded: the second half of the suite that every executor passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from grader.asks import Function, New, plain, write
from grader.model import AnswerStatus, Ask, CellRun, CellStatus, Paper, Recording
from tests.execute.conftest import EVERYWHERE, QUICK, Bench, notebook

pytestmark = EVERYWHERE

DOES = {
    "a magic": ("%timeit -n1 -r1 pass\n%matplotlib inline", "loop"),
    "a cell magic": ("%%capture kept\nprint('hidden')", ""),
    "the next cell after it": ("print(kept.stdout)", "hidden\n\n"),
    "a shell command": ("!echo from $((1 + 1)) shells", "from 2 shells\n"),
    "a shell command's output": ("lines = !printf 'a\\nb'\nprint(list(lines))", "['a', 'b']\n"),
    "top-level await": ("import asyncio\nawait asyncio.sleep(0)\nprint('waited')", "waited\n"),
    "an event loop of its own": ("async def two(): return 2\nprint(asyncio.run(two()))", "2\n"),
    "nobody to ask": ("answer = input('Name? ')\nprint(repr(answer))", "Name? \n''\n"),
    "nobody to ask for a password": ("from getpass import getpass\nprint(repr(getpass()))", "''\n"),
    "an expression": ("1 + 1", "2\n"),
    "a display": ("display([1, 2])", "[1, 2]\n"),
    "standard error": ("import sys\nprint('to stderr', file=sys.stderr)", "to stderr\n"),
    "another script": ("print('žluťoučký 猫')", "žluťoučký 猫\n"),
    "Colab": ("from google.colab import drive\ndrive.mount('/content/drive')", ""),
    "a display of nothing": ("None", ""),
    "files of its own": ("open('notes.txt', 'w').write('x')\nprint(open('notes.txt').read())", "x\n"),
    "a module of its own": ("open('own.py', 'w').write('a = 7')\nimport own\nprint(own.a)", "7\n"),
}


def test_what_notebooks_do_works(bench: Bench) -> None:
    found = bench.record(*(source for source, _ in DOES.values()))
    for name, run, (_, output) in zip(DOES, found.cells, DOES.values(), strict=True):
        assert (name, run.status, run.error) == (name, CellStatus.OK, None)
        assert (name, output) == (name, run.output) or (output and output in run.output)
    assert found.cut == ()


def _error(run: CellRun) -> tuple[str, int | None, int | None, str, str]:
    assert run.error is not None, run
    return run.error.type, run.error.cell, run.error.line_no, run.error.line, run.error.function


def test_errors_are_told_with_the_students_line(bench: Bench) -> None:
    found = bench.record(
        "def inner(x):\n    # why not\n    return 1 / x\ndef outer():\n    return inner(0)",
        "a = 1\nouter()\ndef after(): return a",
        "def broken(:\n    pass",
        "\n\nundefined_name",
        "raise SystemExit(3)",
        ask=("outer", "after"),
    )
    assert [run.status for run in found.cells] == [CellStatus.OK, *[CellStatus.ERROR] * 4]
    assert _error(found.cells[1]) == ("ZeroDivisionError", 1, 3, "return 1 / x", "inner")
    assert _error(found.cells[2])[:4] == ("SyntaxError", 3, 1, "def broken(:")
    assert _error(found.cells[3])[:4] == ("NameError", 4, 3, "undefined_name")
    assert found.cells[4].error is not None
    assert found.cells[4].error.type == "SystemExit"
    raised = found.answers["outer"]
    assert raised.status is AnswerStatus.RAISED
    assert raised.error is not None
    assert (raised.error.cell, raised.error.line_no, raised.error.line) == (1, 3, "return 1 / x")
    assert found.answers["after"].value == 1


def test_the_machines_faults_are_not_the_students(bench: Bench) -> None:
    found = bench.record(
        "import no_such_package\nkept = 1",
        "data = open('data.csv').read()",
        "print(len(data))",
        "1 / 0",
        "def f(): return kept",
        ask=("f",),
    )
    assert [run.environment for run in found.cells] == [True, True, True, False, False]
    assert found.answers["f"].value == 1


def test_figures_are_recorded_with_what_is_on_them(bench: Bench) -> None:
    found = bench.record(
        "import matplotlib.pyplot as plt",
        "plt.plot([1, 2], [3, 4]); plt.scatter([1, 2, 3], [1, 2, 3]); plt.title('Fit'); plt.show()",
        "fig, axes = plt.subplots(1, 2)\naxes[0].bar([1, 2], [3, 4])\nfig",
        "plt.figure()",
    )
    assert [run.status for run in found.cells] == [CellStatus.OK] * 4
    assert [figure.cell for figure in found.figures] == [2, 3, 4]
    assert {figure.mime for figure in found.figures} == {"image/png"}
    assert [len(figure.axes) for figure in found.figures] == [1, 2, 0]
    drawn = found.figures[0].axes[0]
    assert (drawn["lines"], drawn["points"], drawn["title"]) == (1, 3, "Fit")
    assert np.ptp(found.figures[0].thumbnail) > 0
    assert all(figure.data.startswith(b"\x89PNG") for figure in found.figures)


def test_limits_that_were_met_are_named(bench: Bench) -> None:
    found = bench.record(
        "print('x' * 9000)",
        "for number in range(9): display(number)",
        "import matplotlib.pyplot as plt\nfor number in range(5):\n    plt.plot([number]); plt.show()",
        "while True: pass",
        output_bytes=2000,
        displays=5,
        images=3,
        cell_seconds=1.5,
    )
    assert found.cells[0].truncated
    assert len(found.cells[0].output) == 2000
    assert len(found.figures) == 3
    assert found.cells[3].status is CellStatus.TIMEOUT
    said = " ".join(found.cut)
    assert "Cell 1 printed more than 2000 bytes" in said
    assert "displayed more than was kept" in said
    assert "more than 3 pictures" in said


STUDENT = """\
import numpy as np, random
from numpy.random import default_rng
drawn = [float(np.random.rand()), random.random(), float(default_rng().random())]

class GMM:
    def __init__(self, n_components=3):
        self.K = n_components
        self.mu = None
    def sample(self, n):
        print('sampling')
        return default_rng().normal(size=(n, 2))

def given(x): return x + np.asarray(drawn).sum()
def raises(): raise ValueError('no <b>such</b> thing')
def slow():
    import time
    end = time.monotonic() + 60
    while time.monotonic() < end: pass
def odd(): return object()
def large(): return np.zeros(10**7)
def deep():
    found = []
    for _ in range(1000): found = [found]
    return found
def state(): return [GMM.extra if hasattr(GMM, 'extra') else 0, len(drawn)]
def spoils():
    drawn.clear()
    GMM.extra = 1
    np.random.seed = None
    return 1
"""


def _asks() -> tuple[Ask, ...]:
    def ask(name: str, build: Any, **fields: Any) -> Ask:
        steps, result = write(build)
        return Ask(name, steps, plain(result), **{"seconds": 5.0, "seed": 7, **fields})

    calls = ("raises", "odd", "large", "deep", "spoils", "state", "nowhere")
    return (
        *(ask(name, Function(name)) for name in calls),
        ask("slow", Function("slow"), seconds=0.5),
        ask("given", lambda: Function("given")(np.arange(3.0))),
        ask("sampled", lambda: New("GMM", n_components=4).call("sample", 3)),
        ask("parts", lambda: New("GMM", n_components=4).state()),
    )


NAMES = {"n_components": ("K",), "means": ("mu",)}


def _answered(bench: Bench) -> Recording:
    paper = Paper(_asks(), names=NAMES, limits=replace(QUICK, answer_bytes=1 << 20), seed=3)
    return bench.executor.record(notebook(STUDENT), paper)


def test_questions_are_answered_alike_everywhere(bench: Bench) -> None:
    """The expected values were drawn by the generators that the seeds name, not by an executor."""
    found = _answered(bench)
    assert found.harness_error is None
    statuses = {name: answer.status.value for name, answer in found.answers.items()}
    assert statuses == {
        "raises": "raised", "odd": "value", "large": "too_large", "deep": "too_large", "spoils": "value",
        "state": "value", "nowhere": "missing", "slow": "timeout", "given": "value", "sampled": "value",
        "parts": "value",
    }  # fmt: skip
    answers = found.answers
    assert answers["state"].value == [0, 3]
    assert answers["parts"].value["K"] == 4
    assert answers["odd"].value.type_name == "object"
    assert answers["sampled"].output == "sampling\n"
    assert answers["raises"].error is not None
    assert answers["raises"].error.message == "no <b>such</b> thing"
    expected = np.random.default_rng(np.random.SeedSequence(7).spawn(1)[0]).normal(size=(3, 2))
    np.testing.assert_array_equal(answers["sampled"].value, expected)
    np.random.seed(3)
    first = np.random.rand() + np.random.default_rng(np.random.SeedSequence(3).spawn(1)[0]).random()
    np.testing.assert_allclose(answers["given"].value - np.arange(3.0) - first, _first_random(3))


def _first_random(seed: int) -> float:
    import random

    return random.Random(seed).random()


def test_leaving_ends_one_cell_only(bench: Bench) -> None:
    ways = ["exit()", "quit()", "import sys; sys.exit('bye')", "raise KeyboardInterrupt", "raise BaseException"]
    found = bench.record("a = 1", *ways, "def f(): return a", ask=("f",))
    assert [found.cells[0].status, found.cells[-1].status] == [CellStatus.OK] * 2
    assert CellStatus.DIED not in [run.status for run in found.cells]
    assert found.answers["f"].value == 1


STUBBORN = """\
import signal
if hasattr(signal, 'pthread_sigmask'): signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    try:
        while True: pass
    except BaseException: pass
"""
SPOILS = """\
import os
seen = []
open('kept', 'w').write('notebook')
def dies(): os._exit(0)
def spoils():
    seen.append(1)
    for name in ('left', 'kept'): open(name, 'w').write('question')
    return 1
def clean(): return [len(seen), os.path.exists('left'), open('kept').read()]
"""


def test_what_ends_the_process_or_spoils_it_costs_no_other_answer(bench: Bench) -> None:
    found = bench.record(
        "a = 1", "import os; os._exit(3)", STUBBORN, SPOILS, "import ctypes; ctypes.string_at(0)", "a += 1",
        "def last(): return a", ask=("dies", "spoils", "clean", "last"), cell_seconds=2, restarts=4,
    )  # fmt: skip
    statuses = [run.status.value for run in found.cells]
    assert statuses == ["ok", "died", "timeout", "ok", "died", "ok", "ok"]
    assert found.cells[4].error is not None
    assert "segmentation fault" in found.cells[4].error.message
    assert found.answers["dies"].status is AnswerStatus.DIED
    assert [found.answers[name].value for name in ("spoils", "clean", "last")] == [1, [0, False, "notebook"], 2]
