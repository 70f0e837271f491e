"""What only the Jupyter executor has to promise: its kernels, and the messages that they send."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from grader.choose import CallError, choose_executor
from grader.execute import ExecutorError, jupyter_bridge, processes
from grader.execute.jupyter import JupyterExecutor
from grader.execute.levels import Level
from grader.model import AnswerStatus, CellStatus, Limits, Paper, Recording
from tests.execute.conftest import QUICK, notebook, question

ROOT = Path(__file__).parents[2]
KERNEL = "import sys\nkernel = sys.modules['grader.execute.jupyter_kernel']._kernel\n"


def record(*cells: str, ask: tuple[str, ...] = ("f",), limits: Limits = QUICK, portable: bool = False) -> Recording:
    with JupyterExecutor(portable=portable) as executor:
        return executor.record(notebook(*cells), Paper(tuple(map(question, ask)), limits=limits))


def test_a_kernel_that_is_not_there_is_named() -> None:
    with pytest.raises(ExecutorError, match="no Jupyter kernel named quantum"), JupyterExecutor(kernel_name="quantum"):
        pytest.fail("entered")


def test_levels_that_a_kernel_cannot_have_are_refused() -> None:
    with pytest.raises(ExecutorError, match="at the level process"):
        JupyterExecutor(Level.NAMESPACES)
    with pytest.raises(CallError, match="this executor"):
        choose_executor("jupyter", "namespaces", least=Level.PROCESS)
    with pytest.raises(CallError, match="this executor isolates student code at the level process only"):
        choose_executor("jupyter", None, least=Level.CONFINED)


def test_the_command_line_names_a_kernel() -> None:
    chosen = choose_executor("jupyter:course", "process", least=Level.CONFINED)
    assert isinstance(chosen.executor, JupyterExecutor)
    assert (chosen.executor.kernel_name, chosen.level) == ("course", "process")
    for name in ("jupyter:", "warm:course", "quantum"):
        with pytest.raises(CallError, match="no such executor"):
            choose_executor(name, "process", least=Level.PROCESS)


def test_a_kernel_that_does_not_start_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jupyter_bridge, "START", "raise RuntimeError('no numpy here')")
    found = record("x = 1")
    assert found.harness_error is not None
    assert "no numpy here" in found.harness_error
    assert found.answers == {}


@pytest.mark.parametrize("portable", [False, True])
def test_the_environment_and_folders_are_the_kernels_own(monkeypatch: pytest.MonkeyPatch, portable: bool) -> None:
    monkeypatch.setenv("GRADER_SECRET_CANARY", "canary-5678")
    before = set(Path(tempfile.gettempdir()).glob(f"grader-{os.getpid()}-*"))
    source = "import os\nprint(sorted(os.listdir('.')), dict(os.environ), os.getcwd(), os.path.expanduser('~'))"
    found = record(source, portable=portable)
    assert found.cells[0].status is CellStatus.OK
    assert found.cells[0].output.startswith("[] ")
    assert "canary" not in found.cells[0].output.lower()
    assert str(ROOT) not in found.cells[0].output.replace(sys.prefix, "")
    assert set(Path(tempfile.gettempdir()).glob(f"grader-{os.getpid()}-*")) - before == set()


def test_a_flood_of_messages_ends_the_kernel_not_the_grader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jupyter_bridge, "TOTAL_BYTES", 4 << 20)
    flood = KERNEL + "while True: kernel._publish({'text/plain': 'x' * 100_000}, {})"
    found = record(flood, "def f(): return 1")
    assert found.harness_error is None
    assert found.cells[0].status is CellStatus.DIED
    assert found.answers["f"].value == 1
    assert found.cut


@pytest.mark.parametrize(
    "forged",
    {
        "an answer": "kernel.say({'event': 'answer', 'answer': {'ask': 'f', 'status': 'value', 'value': 7}})",
        "the end": "kernel.say({'event': 'ran', 'cpu_seconds': 0.0, 'cut': [], 'versions': {}})",
        "no base64": "kernel._publish({kernel._mime: '***'}, {})",
        "a frame too long": "kernel._publish({kernel._mime: '/////w=='}, {})",
        "no frame at all": "kernel._publish({kernel._mime: {'a': []}}, {'b': 1})",
        "an idle kernel": "import gc\nfor thing in gc.get_objects():\n"
        "    if type(thing).__name__ == 'IPythonKernel': thing._publish_status('idle', 'shell')",
        "no worker": "sys.modules['grader.execute.jupyter_kernel'].obey = None",
    }.items(),
    ids=lambda item: item[0],
)
def test_forged_messages_are_no_answers(forged: tuple[str, str]) -> None:
    found = record(KERNEL + forged[1], "1 / 0")
    assert found.harness_error is None
    assert found.answers["f"].status is not AnswerStatus.VALUE
    assert found.cells[1].status is not CellStatus.OK


def test_answers_of_many_megabytes_arrive_whole() -> None:
    found = record("import numpy as np\ndef f(): return np.arange(10**6, dtype=float)", limits=Limits())
    np.testing.assert_array_equal(found.answers["f"].value, np.arange(10**6, dtype=float))


def test_stop_ends_early() -> None:
    stop = threading.Event()
    threading.Timer(3.0, stop.set).start()
    with JupyterExecutor() as executor:
        found = executor.record(notebook("import time; time.sleep(60)"), Paper((question("f"),), limits=Limits()), stop)
    assert found.harness_error is None
    assert found.answers["f"].status is AnswerStatus.SKIPPED


BARE = """
import asyncio, multiprocessing, os, select, selectors, shutil, signal, subprocess, sys, tempfile
for name in ("fcntl", "termios", "resource", "pwd", "grp", "pty", "tty"):
    sys.modules[name] = None
lacking = {
    os: "fork killpg setsid setpgid getuid geteuid setuid WIFSIGNALED WTERMSIG wait4 waitid sched_getaffinity mkfifo",
    signal: "SIGALRM setitimer SIGSTOP SIGXCPU pthread_sigmask ITIMER_REAL alarm",
    select: "poll epoll",
}
for module, names in lacking.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
"""
WINDOWS = f"""
import sys
import IPython, jupyter_client.asynchronous, jupyter_client.manager, nbclient, nbformat.v4, psutil, scipy.stats
import tornado.ioloop, zmq.asyncio
BARE = {BARE!r}
exec(BARE)
import grader.cli
from grader.execute import jupyter, jupyter_bridge
from grader.model import Limits, Paper
from tests.execute.conftest import notebook, question
jupyter_bridge.START = BARE + jupyter_bridge.START
cells = ["def f(): return 6", "!echo shell", "while True: pass", "import os; os._exit(3)", "print(repr(input()))"]
with jupyter.JupyterExecutor(portable=True) as executor:
    found = executor.record(notebook(*cells), Paper((question("f"),), limits=Limits(cell_seconds=2)))
print([run.status.value for run in found.cells], [run.output for run in found.cells], found.answers["f"].value)
"""


def test_it_works_where_posix_is_lacking() -> None:
    """As far as that can be tried: in the grader and in the kernel, what Windows lacks is taken away."""
    ran = subprocess.run([sys.executable, "-c", WINDOWS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stdout == "['ok', 'ok', 'timeout', 'died', 'ok'] ['', 'shell\\n', '', '', \"\\n''\\n\"] 6\n", ran.stderr


GRADER = """
import sys
from grader.execute.jupyter import JupyterExecutor
from grader.model import Limits, Paper
from tests.execute.conftest import notebook
with JupyterExecutor() as executor:
    executor.record(notebook(sys.argv[1]), Paper((), limits=Limits()))
"""
STAYS = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: time.sleep(60)
    os._exit(0)
time.sleep(100)
"""


def test_kill_9_of_the_grader_leaves_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", GRADER, STAYS], cwd=ROOT) as grader:
        deadline = time.monotonic() + 60
        while len(below := processes.descendants(grader.pid)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(below) >= 3  # the guard, the kernel, and what the cell left
        grader.kill()
    deadline = time.monotonic() + 20
    while (left := [pid for pid in below if _lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def _lives(pid: int) -> bool:
    use = processes.usage(pid)
    return use is not None and not use.dead
