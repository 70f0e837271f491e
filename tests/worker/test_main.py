"""A worker process, from its first cell to its last answer."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

from grader.asks import Function, New, Support
from grader.model import CellStatus
from grader.wire import WireClosed, send
from grader.worker.main import preload
from tests.worker.student import Worker

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(scope="module", autouse=True)
def _preloaded():
    before = threading.active_count()
    preload()
    assert threading.active_count() == before


def test_cells_run_in_order_and_questions_are_answered():
    with Worker() as worker:
        run = worker.run("x = 2\nprint('hello')\nx * 3", "def f(y):\n    return x + y")
        assert [event["event"] for event in run.events] == ["start", "cell", "start", "cell", "ran"]
        assert run.cells[1].status is CellStatus.OK
        assert run.cells[1].output == "hello\n6\n"
        assert run.events[-1]["cpu_seconds"] > 0
        assert worker.ask(lambda: Function("f")(1)).value == 3


def test_progress_bars_count_and_show_nothing():
    pytest.importorskip("tqdm")
    with Worker() as worker:
        run = worker.run(
            "from tqdm.notebook import tqdm, trange\nprint(list(tqdm([1, 2], desc='x')), list(trange(2)))",
            "from tqdm.auto import tqdm\nbar = tqdm(total=5)\nbar.set_postfix(a=1); bar.update(5); bar.close()",
            "import tqdm\nfor i in tqdm.tqdm_notebook(range(2)): tqdm.tqdm.write('written')",
            "from tqdm import trange\nwith trange(3) as bar:\n    for i in bar: bar.set_description(f'{i}')",
            "def f(n):\n    return sum(trange(n))",
        )
        assert {cell.error for cell in run.cells.values()} == {None}
        assert [run.cells[index].output for index in (1, 2, 3, 4)] == ["[1, 2] [0, 1]\n", "", "written\n" * 2, ""]
        assert worker.ask(lambda: Function("f")(4)).value == 6


def test_what_notebooks_do_works():
    with Worker() as worker:
        run = worker.run(
            "%matplotlib inline\n%config InlineBackend.figure_format = 'retina'\n%load_ext autoreload\n%autoreload 2",
            "!echo from the shell\nlisted = !echo one two\nprint(listed)",
            "import asyncio\nawait asyncio.sleep(0)\nprint('awaited')",
            "name = input('Name? ')\nimport getpass\nprint(repr(name), repr(getpass.getpass()))",
            "from IPython.display import display, Markdown\ndisplay(Markdown('# hi'), {'a': 1})\nget_ipython()\n_ = 1",
            "%%bash\necho from bash",
            "%%time\ny = 5\ny",
            "%%capture caught\nprint('hidden')\nz = 6",
            "%%javascript\nalert(1)",
            "from google.colab import drive, files\ndrive.mount('/content/drive')\nprint(files.upload())",
            "import ipywidgets as widgets\n@widgets.interact(k=(1, 3))\ndef show(k=2): print('k is', k)",
            "%time print(y)\n%matplotlib widget",
            "asyncio.run(asyncio.sleep(0))\nx = 5;\nx;",
            "from dataclasses import dataclass\n@dataclass\nclass P:\n    a: int\nimport pickle\n"
            "print(pickle.loads(pickle.dumps(P(3))))",
        )
        wrong = {index: cell.error for index, cell in run.cells.items() if cell.status is not CellStatus.OK}
        assert wrong == {}
        assert run.cells[2].output == "from the shell\n['one two']\n"
        assert run.cells[3].output == "awaited\n"
        assert run.cells[4].output == "Name? \n'' ''\n"
        assert "{'a': 1}" in run.cells[5].output
        assert run.cells[6].output == "from bash\n"
        assert run.cells[7].output == "5\n"
        assert "hidden" not in run.cells[8].output
        assert "k is 2" in run.cells[11].output
        assert run.cells[13].output == ""
        assert run.cells[14].output == "P(a=3)\n"


def test_an_error_hides_no_good_definition():
    with Worker() as worker:
        run = worker.run(
            "import math\nraise ValueError('first')\ndef kept(): return math.pi\ntotal = math.sqrt(4)\n"
            "class GMM: pass\ndef sample(self): return 4\nGMM.sample = sample\nimport json",
            "def good(): return 1\ndef bad(:\n    pass",
            "\n\n  \ndef late():\n    return undefined_name",
            "late()",
            "def good(): return 2",
        )
        error = run.cells[1].error
        assert (error.type, error.cell, error.line_no, error.line) == ("ValueError", 1, 2, "raise ValueError('first')")
        assert run.cells[1].status is CellStatus.ERROR
        assert not run.cells[1].environment
        syntax = run.cells[2].error
        assert (syntax.type, syntax.line_no, syntax.line) == ("SyntaxError", 2, "def bad(:")
        called = run.cells[4].error
        assert (called.cell, called.line_no, called.function) == (3, 5, "late")
        assert worker.ask(lambda: {"kept": Function("kept")(), "good": Function("good")()}).value["good"] == 2
        assert worker.ask(lambda: New("GMM").call("sample")).value == 4
        support = "def names(student): return sorted(student.namespace)"
        names = worker.ask(Support("names"), support=support).value
        assert "kept" in names
        assert "total" not in names


def test_faults_of_the_machine_are_told_apart_and_the_rest_of_the_cell_is_tried():
    with Worker() as worker:
        run = worker.run(
            "import no_such_package as nsp\nx = 1\ny = nsp.load()\nz = x + 1\ndef f(): return z",
            "nsp.again()",
            "data = open('/no/such/file.csv').read()\nafter = 3",
            "print(len(data))",
            "import no_such_package\n1 / 0\ndef g(): return after",
            "undefined",
            "%no_such_magic",
            "%pip install no-such-package\n!pip install x",
            "import urllib.request\nurllib.request.urlopen('http://localhost:9/')",
            "import math.nothing",
        )
        environment = {index: cell.environment for index, cell in run.cells.items()}
        assert environment == {
            1: True, 2: True, 3: True, 4: True, 5: False, 6: False, 7: True, 8: False, 9: True, 10: False,
        }  # fmt: skip
        assert run.cells[5].error.type == "ZeroDivisionError"
        assert run.cells[8].status is CellStatus.OK
        assert worker.ask(lambda: {"f": Function("f")(), "g": Function("g")()}).value == {"f": 2, "g": 3}


@pytest.mark.parametrize("leave", ["exit()", "quit()", "import sys; sys.exit()", "raise SystemExit('bye')", "exit"])
def test_leaving_ends_that_cell_only(leave):
    with Worker() as worker:
        run = worker.run(f"{leave}\nx = 1\ndef f(): return 3", "y = 2")
        assert run.cells[2].status is CellStatus.OK
        assert run.cells[2].output == ""
        assert worker.ask(lambda: Function("f")()).value == 3


def test_a_cell_that_takes_too_long_is_stopped():
    with Worker(cell_seconds=0.3) as worker:
        run = worker.run(
            "def before(): return 1\nwhile True:\n    pass\ndef after(): return 2",
            "import time\ntry:\n    time.sleep(60)\nexcept BaseException:\n    print('caught')\n    time.sleep(60)",
            "!sleep 60",
            "def last(): return 3",
        )
        assert [run.cells[index].status for index in (1, 2, 3, 4)] == [CellStatus.TIMEOUT] * 3 + [CellStatus.OK]
        assert run.cells[1].error.line_no in (2, 3)
        assert run.cells[2].output == "caught\n"
        ask = lambda: [Function(name)() for name in ("before", "after", "last")]  # noqa: E731
        assert worker.ask(ask).value == [1, 2, 3]


def test_after_the_notebooks_time_only_definitions_run():
    with Worker(notebook_seconds=0.3) as worker:
        run = worker.run("import time\ntime.sleep(60)", "print('ran')\ndef f(): return 1", "def g(): return 2")
        assert [run.cells[index].status.value for index in (1, 2, 3)] == ["timeout", "skipped", "skipped"]
        assert run.cells[2].output == ""
        assert any("0.3 seconds" in line for line in run.cut)
        assert worker.ask(lambda: [Function("f")(), Function("g")()]).value == [1, 2]


def test_of_a_skipped_cell_only_definitions_run():
    with Worker() as worker:
        run = worker.run("import os\ndef f(): return 1\nos._exit(1)", "x = 1", skip=(1,))
        assert run.cells[1].status is CellStatus.SKIPPED
        assert run.cells[2].status is CellStatus.OK
        assert worker.ask(lambda: Function("f")()).value == 1


def test_a_cell_that_ends_the_process_is_seen():
    worker = Worker()
    worker.start("x = 1", "import os; os._exit(3)", "y = 1")
    events = []
    with pytest.raises(WireClosed):
        while True:
            events.append(worker.receive()["event"])
    assert events == ["start", "cell", "start"]
    with worker:
        pass


def test_output_from_below_python_is_kept_in_order_and_cut():
    with Worker(output_bytes=1000) as worker:
        run = worker.run(
            "import os, sys, ctypes\nprint('one')\nos.write(1, b'two\\n')\nsys.stderr.write('three\\n')\n"
            "ctypes.CDLL(None).puts(b'four')",
            "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(5)'])\nprint('six', flush=True)\n"
            "sys.stdout.buffer.write(b'seven')",
            "!yes | head -c 5000000",
            "print('x' * 10**7)",
            "print('\\u00e9' * 10**4)",
            "print('short')",
            "import logging as l\nlog = l.getLogger('a')\nlog.addHandler(l.StreamHandler())\nlog.error('logged')",
        )
        assert set(run.cells[1].output.split()) >= {"one", "two", "three", "four"}
        assert run.cells[2].output.replace("CompletedProcess", "").startswith("5\nsix\nseven")
        for index in (3, 4, 5):
            assert run.cells[index].truncated
            assert len(run.cells[index].output.encode()) <= 1000
        assert run.cells[5].output == "\u00e9" * 500
        assert run.cells[6].output == "short\n"
        assert not run.cells[6].truncated
        assert "logged" in run.cells[7].output
        assert sum("printed more than 1000 bytes" in line for line in run.cut) == 3


def test_streams_that_a_student_replaced_or_closed_come_back():
    with Worker() as worker:
        run = worker.run(
            "import sys, io\nsys.stdout = io.StringIO()\nprint('lost')",
            "print('back')\nsys.stdout.close()\nprint('still')",
            "import os\nos.close(1)",
            "print('here')",
        )
        assert run.cells[2].output == "back\nstill\n"
        assert run.cells[4].output == "here\n"


PLOTS = """
import numpy as np
import matplotlib.pyplot as plt
plt.plot([0, 1], [0, 1]); plt.plot([1], [1], 'o')
plt.scatter(np.arange(5), np.arange(5))
plt.title('T' * 300); plt.xlabel('x'); plt.ylabel('y')
plt.show()
fig, axes = plt.subplots(1, 2)
axes[0].bar([1, 2, 3], [1, 2, 3])
axes[0].add_patch(plt.Circle((0, 0), 1))
axes[1].contour(np.arange(16).reshape(4, 4) % 5)
axes[1].imshow(np.eye(3))
"""


def test_figures_are_taken_with_what_is_on_them():
    with Worker() as worker:
        run = worker.run(PLOTS, "plt.figure()", "fig, ax = plt.subplots()\nax.plot([1, 2])\nfig", "plt.get_fignums()")
        first, second, empty, shown = run.figures
        assert (first.cell, first.mime) == (1, "image/png")
        assert first.data.startswith(b"\x89PNG")
        assert first.axes[0]["lines"] == 2
        assert first.axes[0]["points"] == 6
        assert len(first.axes[0]["title"]) == 200
        assert (first.axes[0]["xlabel"], first.axes[0]["ylabel"]) == ("x", "y")
        assert [second.axes[0][key] for key in ("bars", "patches")] == [3, 1]
        assert [second.axes[1][key] for key in ("contours", "images")] == [1, 1]
        assert first.thumbnail.dtype == np.uint8
        assert max(first.thumbnail.shape) <= 64
        assert first.thumbnail.std() > 0
        assert empty.cell == 2
        assert empty.axes == ()
        assert empty.thumbnail.min() == 255
        assert shown.cell == 3
        assert run.cells[4].output == "[]\n"


def test_other_pictures_are_taken_and_tables_are_not():
    png = "base64.b64decode('iVBORw0KGgo=')"
    with Worker() as worker:
        run = worker.run(
            f"import base64\nfrom IPython.display import Image, HTML, SVG, display\ndisplay(Image(data={png}))",
            "display(HTML('<svg></svg>'))\ndisplay(HTML('<table></table>'))",
            "class Plotly:\n    def _repr_mimebundle_(self, **kw):\n"
            "        return {'application/vnd.plotly.v1+json': '{}'}\nPlotly()",
        )
        assert [(figure.cell, figure.mime) for figure in run.figures] == [
            (1, "image/png"),
            (2, "text/html"),
            (3, "application/vnd.plotly.v1+json"),
        ]
        assert all(figure.thumbnail is None for figure in run.figures)


def test_floods_of_pictures_and_displays_are_cut():
    with Worker(images=3, displays=5, image_bytes=100_000) as worker:
        run = worker.run(
            "import matplotlib.pyplot as plt\nfor i in range(6):\n    plt.plot([i]); plt.show()",
            "for i in range(50): display(i)",
        )
        assert len(run.figures) == 3
        assert run.cells[2].output == "0\n1\n2\n3\n4\n"
        assert any("3 pictures" in line for line in run.cut)
        assert any("displayed more" in line for line in run.cut)


def test_a_giant_figure_is_drawn_small_and_one_that_cannot_be_drawn_is_told():
    with Worker() as worker:
        run = worker.run(
            "import matplotlib.pyplot as plt\nplt.figure(figsize=(2000, 1000)); plt.plot([1, 2])",
            "plt.title('$\\\\badmacro{$'); plt.plot([1])",
            "class Bad(plt.Line2D):\n    def draw(self, renderer): raise SystemError('no')\n"
            "plt.gca().add_line(Bad([0], [0]))",
            "print('on')",
        )
        assert len(run.figures) == 1
        assert len(run.figures[0].data) < 2 << 20
        assert "could not be drawn" in run.cells[2].output
        assert "could not be drawn" in run.cells[3].output
        assert run.cells[4].output == "on\n"


def test_runs_with_the_same_seed_draw_the_same():
    cell = """
    import random
    import numpy as np
    from numpy.random import default_rng
    drawn = [random.random(), np.random.rand(), default_rng().random(), np.random.default_rng().random()]
    def f(): return drawn
    def g(): return [default_rng().random(), np.random.default_rng().random()]
    """
    drawn = []
    for _ in range(2):
        with Worker() as worker:
            worker.run(cell)
            drawn.append(worker.ask(lambda: [Function("f")(), Function("g")()], seed=8).value)
    assert drawn[0] == drawn[1]
    assert len({*drawn[0][0], *drawn[0][1]}) == 6


def test_a_question_is_shut_in_first():
    with Worker({"confine_question": lambda: os.environ.__setitem__("SHUT", "in")}) as worker:
        got = worker.ask(Support("f"), support="import os\ndef f(): return os.environ['SHUT']")
        assert got.value == "in"


def test_the_worker_ends_when_told_to_and_when_the_parent_is_gone():
    for message in ({"do": "quit"}, None):
        worker = Worker()
        if message is not None:
            send(worker.sock, message)
        worker.sock.close()
        _, status = os.waitpid(worker.pid, 0)
        assert status == 0


def test_what_is_no_message_ends_the_worker():
    worker = Worker()
    worker.sock.sendall(b"\xff" * 64)
    _, status = os.waitpid(worker.pid, 0)
    worker.sock.close()
    assert not os.WIFSIGNALED(status) or os.WTERMSIG(status) == signal.SIGPIPE
