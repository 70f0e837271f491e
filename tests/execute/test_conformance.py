"""What every level promises: a record of what ran, whatever the notebook did to stop that."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from grader.model import AnswerStatus, CellStatus, Paper, Recording
from tests.execute.conftest import QUICK, WITH_KERNELS, Bench, notebook, question

pytestmark = WITH_KERNELS
STUBBORN = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"


def statuses(recording: Recording) -> list[CellStatus]:
    assert recording.harness_error is None
    return [run.status for run in recording.cells]


def value(recording: Recording, ask: str = "f") -> object:
    answer = recording.answers[ask]
    assert answer.status is AnswerStatus.VALUE, answer
    return answer.value


def test_cells_run_in_order_and_share_their_names(bench: Bench) -> None:
    found = bench.record("x = 1", "x += 1", "print(x)\ndef f(): return x", ask=("f",))
    assert statuses(found) == [CellStatus.OK] * 3
    assert found.cells[2].output == "2\n"
    assert value(found) == 2


def test_an_error_does_not_hide_the_cells_after_it(bench: Bench) -> None:
    found = bench.record("1/0", "def f(): return 5", ask=("f",))
    assert statuses(found) == [CellStatus.ERROR, CellStatus.OK]
    assert found.cells[0].error is not None
    assert found.cells[0].error.type == "ZeroDivisionError"
    assert value(found) == 5


def test_report_says_what_was_on_and_which_versions(bench: Bench) -> None:
    found = bench.record("x = 1")
    assert found.sandbox == bench.executor.layers != ()
    assert {"python", "numpy", "IPython"} <= set(found.versions)
    assert found.seconds > 0


def test_no_cells_at_all_still_answers(bench: Bench) -> None:
    found = bench.record(ask=("f",))
    assert found.harness_error is None
    assert found.answers["f"].status is AnswerStatus.MISSING


def test_a_cell_that_exits_is_left_out_the_next_time(bench: Bench) -> None:
    found = bench.record("a = 1", "import os; os._exit(0)", "def f(): return a", ask=("f",))
    assert statuses(found) == [CellStatus.OK, CellStatus.DIED, CellStatus.OK]
    assert value(found) == 1
    assert any("Cell 2" in text for text in found.cut)


def test_a_crash_is_told_from_an_exit(bench: Bench) -> None:
    found = bench.record("import ctypes; ctypes.string_at(0)", "def f(): return 1", ask=("f",))
    assert statuses(found) == [CellStatus.DIED, CellStatus.OK]
    assert found.cells[0].error is not None
    assert "segmentation fault" in found.cells[0].error.message


def test_an_endless_loop_ends(bench: Bench) -> None:
    found = bench.record("while True: pass", "def f(): return 1", ask=("f",), cell_seconds=1)
    assert statuses(found) == [CellStatus.TIMEOUT, CellStatus.OK]
    assert value(found) == 1


def test_a_loop_that_catches_everything_ends_too(bench: Bench) -> None:
    source = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n" + STUBBORN
    found = bench.record("a = 7", source, "def f(): return a", ask=("f",), cell_seconds=1)
    assert statuses(found) == [CellStatus.OK, CellStatus.TIMEOUT, CellStatus.OK]
    assert value(found) == 7


def test_when_the_notebooks_time_is_up_the_questions_meet_what_there_is(bench: Bench) -> None:
    stuck = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n" + STUBBORN
    found = bench.record("def f(): return 1", stuck, "b = 2", ask=("f",), cell_seconds=9, notebook_seconds=1)
    assert statuses(found) == [CellStatus.OK, CellStatus.TIMEOUT, CellStatus.SKIPPED]
    assert value(found) == 1
    assert found.cut


def test_restarts_are_limited(bench: Bench) -> None:
    dies = ["import os; os._exit(1)"] * 5
    found = bench.record("def f(): return 3", *dies, ask=("f",), restarts=1)
    assert statuses(found)[:3] == [CellStatus.OK, CellStatus.DIED, CellStatus.DIED]
    assert set(statuses(found)[3:]) == {CellStatus.SKIPPED}
    assert value(found) == 3


def test_memory_is_limited(bench: Bench) -> None:
    found = bench.record("import numpy as np\nx = np.ones(2**28)", "def f(): return 1", ask=("f",))
    assert statuses(found)[0] in (CellStatus.ERROR, CellStatus.DIED)
    assert value(found) == 1


def test_memory_of_many_processes_is_limited_together(bench: Bench) -> None:
    hog = (
        "import os, time\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        kept = bytearray(os.urandom(1 << 20)) * 300\n"
        "        time.sleep(60)\n"
        "time.sleep(60)"
    )
    found = bench.record(hog, "def f(): return 1", ask=("f",), cell_seconds=20)
    assert statuses(found)[0] is CellStatus.DIED
    assert any("memory" in text for text in found.cut)
    assert value(found) == 1


def test_processor_time_is_limited_over_all_processes(bench: Bench) -> None:
    burning = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    found = bench.record(burning, "def f(): return 1", ask=("f",), cell_seconds=60, notebook_seconds=90, cpu_seconds=3)
    assert statuses(found)[0] is CellStatus.DIED
    assert any("processor time" in text for text in found.cut)
    assert value(found) == 1


def test_a_fork_bomb_is_contained(bench: Bench) -> None:
    found = bench.record("import os\nwhile True:\n    os.fork()", "def f(): return 1", ask=("f",))
    assert statuses(found)[0] in (CellStatus.ERROR, CellStatus.DIED, CellStatus.TIMEOUT)
    assert value(found) == 1


def test_a_bomb_does_not_starve_its_neighbour(bench: Bench) -> None:
    bomb = (
        "import os, time\nend = time.time() + 2\n"
        "while time.time() < end:\n    try: os.fork()\n    except OSError: time.sleep(0.01)"
    )
    forking = (
        "import os, time\nmade = 0\nend = time.time() + 2\n"
        "while time.time() < end:\n    pid = os.fork()\n"
        "    if pid == 0: os._exit(0)\n    os.waitpid(pid, 0)\n    made += 1"
    )
    with ThreadPoolExecutor(2) as pool:
        attack = pool.submit(bench.record, bomb, restarts=1, cell_seconds=10)
        found = pool.submit(bench.record, forking, "def f(): return made", ask=("f",), cell_seconds=20).result()
        assert attack.result().harness_error is None
    assert statuses(found) == [CellStatus.OK] * 2
    assert value(found)


def test_a_flood_of_output_is_cut(bench: Bench) -> None:
    found = bench.record("print('x' * 1000000)\n" * 20, "def f(): return 1", ask=("f",), output_bytes=10_000)
    assert len(found.cells[0].output) <= 10_000
    assert found.cells[0].truncated
    assert value(found) == 1


def test_a_file_is_limited(bench: Bench) -> None:
    source = "with open('big', 'wb') as file:\n    file.write(bytes(1 << 21))"
    found = bench.record(source, file_bytes=1 << 20)
    assert statuses(found) == [CellStatus.ERROR]


def test_open_files_are_limited(bench: Bench) -> None:
    found = bench.record("kept = [open('/dev/null') for _ in range(300)]", open_files=100)
    assert statuses(found) == [CellStatus.ERROR]


def test_a_question_that_never_ends_does_not_stop_the_next(bench: Bench) -> None:
    source = f"def f():\n    {STUBBORN.replace(chr(10), chr(10) + '    ')}\ndef g(): return 2"
    found = bench.record(source, ask=("f", "g"), question_seconds=1)
    assert found.answers["f"].status is AnswerStatus.TIMEOUT
    assert value(found, "g") == 2


def test_a_question_that_kills_its_process_does_not_stop_the_next(bench: Bench) -> None:
    found = bench.record("import os\ndef f(): os._exit(0)\ndef g(): return 2", ask=("f", "g"))
    assert found.answers["f"].status is AnswerStatus.DIED
    assert value(found, "g") == 2


def test_a_question_that_kills_the_worker_does_not_stop_the_next(bench: Bench) -> None:
    found = bench.record("import os\ndef f(): os.kill(os.getppid(), 9)\ndef g(): return 2", ask=("f", "g"))
    assert found.harness_error is None
    assert found.answers["f"].status is not AnswerStatus.VALUE or not bench.walled
    assert value(found, "g") == 2


def test_a_thread_that_ends_the_process_later_costs_no_answer(bench: Bench) -> None:
    later = "import os, threading\nthreading.Timer(0.3, os._exit, (0,)).start()"
    found = bench.record("import time\ndef f():\n    time.sleep(1)\n    return 4", later, ask=("f",))
    assert found.harness_error is None
    assert found.answers["f"].status in (AnswerStatus.VALUE, AnswerStatus.DIED)


def test_questions_do_not_meet_one_another(bench: Bench) -> None:
    source = (
        "import os\nseen = []\nopen('kept', 'w').write('notebook')\n"
        "def f():\n    seen.append(1)\n"
        "    open('left', 'w').write('f')\n    open('kept', 'w').write('f')\n    return 1\n"
        "def g(): return [len(seen), os.path.exists('left'), open('kept').read()]"
    )
    found = bench.record(source, ask=("f", "g"))
    assert value(found, "g") == [0, False, "notebook"]


SHARED = {
    "memory": ("import mmap\nm = mmap.mmap(-1, 4096)", "m[0] = 7", "m[0]", 0),
    "array": ("import multiprocessing as mp\na = mp.RawArray('d', 4)", "a[0] = 7", "a[0]", 0.0),
    "pipe": (
        "import os\nr, w = os.pipe()\nos.set_blocking(r, False)",
        "os.write(w, b'7')",
        "(os.read(r, 9) or b'').decode()",
        "",
    ),
    "pair": (
        "import socket\np, q = socket.socketpair()\np.setblocking(False)",
        "q.send(b'7')",
        "__import__('select').select([p], [], [], 0)[0] == [p] and p.recv(1).decode()",
        None,
    ),
    "offset": ("open('t', 'w').write('abc')\nt = open('t')", "t.read(2)", "t.read()", "abc"),
    "log": ("t = open('t', 'w+')", "t.write('7'); t.flush()", "(t.seek(0), t.read())[1]", ""),
    "map of a file": (
        "import numpy as np\nn = np.memmap('n', dtype=np.uint8, mode='w+', shape=(4096,))",
        "n[0] = 7; n.flush()",
        "int(n[0])",
        0,
    ),
}


@pytest.mark.parametrize(("setup", "write", "read", "untouched"), SHARED.values(), ids=SHARED.keys())
def test_questions_share_nothing_that_the_notebook_opened(
    bench: Bench, setup: str, write: str, read: str, untouched: object
) -> None:
    functions = f"def f():\n    {write}\n    return {read}\ndef g():\n    return {read}"
    found = bench.record(setup, functions, ask=("f", "g"))
    if found.cells[0].status is CellStatus.ERROR:
        pytest.skip("this level gives no memory to share: multiprocessing wants /dev/shm")
    answer = found.answers["g"]
    if untouched is None:
        assert answer.status is not AnswerStatus.VALUE or answer.value != "7"
    else:
        assert value(found, "g") == untouched


def test_a_question_can_use_what_the_notebook_opened(bench: Bench) -> None:
    setup = (
        "import mmap\nlog = open('log', 'w+'); log.write('a'); log.flush()\n"
        "data = open('log')\nm = mmap.mmap(-1, 8); m[0] = 5"
    )
    source = (
        "def f():\n    log.write('b'); log.flush(); log.seek(0)\n    m[1] = 6\n"
        "    return [log.read(), open('log').read(), data.read(), m[0], m[1]]"
    )
    assert value(bench.record(setup, source, ask=("f",))) == ["ab", "ab", "ab", 5, 6]


VANDALS = {
    "removed": "import os, shutil\nhere = os.getcwd()\nos.chdir('/')\nshutil.rmtree(here, ignore_errors=True)",
    "replaced by a link": (
        "import os, shutil\nhere = os.getcwd()\nos.chdir('/')\nshutil.rmtree(here, ignore_errors=True)\n"
        "try: os.symlink('/usr', here)\nexcept OSError: pass"
    ),
    "unreadable": "import os\nos.mkdir('a', 0)\nopen('b', 'w').close()",
    "full of links": "import os\nfor n in range(50): os.symlink('/etc/passwd', str(n))",
    "deep": "import os\nfor n in range(3000):\n    os.mkdir('d'); os.chdir('d')\nos.chdir('/')",
    "a pipe": "import os\nos.mkfifo('p')",
    "full": "try:\n    for n in range(10**5): open(str(n), 'w').close()\nexcept OSError: pass",
}


@pytest.mark.parametrize("source", VANDALS.values(), ids=VANDALS.keys())
def test_what_becomes_of_its_folder_is_the_notebooks_own_affair(bench: Bench, source: str) -> None:
    found = bench.record(source, "def f(): return 1", ask=("f",), disk_bytes=16 << 20, cell_seconds=20)
    assert found.harness_error is None
    assert value(found) == 1


def test_a_process_left_by_one_question_does_not_reach_the_next(bench: Bench) -> None:
    source = (
        "import os, time\n"
        "def f():\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        for _ in range(100):\n"
        "            time.sleep(0.05)\n"
        "            try: open('marker', 'w').write('x')\n"
        "            except OSError: pass\n"
        "        os._exit(0)\n"
        "    return 1\n"
        "def g():\n    time.sleep(0.5)\n    return os.path.exists('marker')"
    )
    found = bench.record(source, ask=("f", "g"))
    assert value(found, "g") is False


def test_premised_questions_come_last(bench: Bench) -> None:
    cells = notebook("def f(): return 1\ndef g(): return 2")
    asks = (replace(question("f"), premised=True), question("g"))
    found = bench.executor.record(cells, Paper(asks, limits=QUICK))
    assert list(found.answers) == ["g", "f"]


def test_two_at_a_time_give_what_one_gives(bench: Bench) -> None:
    def one(number: int) -> object:
        return value(bench.record(f"n = {number}", "def f(): return n", ask=("f",)))

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(one, range(8))) == list(range(8))


def test_stop_ends_early(bench: Bench) -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    found = bench.executor.record(notebook("import time; time.sleep(60)"), Paper((question("f"),), limits=QUICK), stop)
    assert found.harness_error is None
    assert found.answers["f"].status is AnswerStatus.SKIPPED


def test_garbage_on_the_socket_ends_the_worker_not_the_batch(bench: Bench) -> None:
    source = (
        "import os, stat\n"
        "for number in range(3, 64):\n"
        "    try:\n"
        "        if stat.S_ISSOCK(os.fstat(number).st_mode): os.write(number, bytes([255]) * 4096)\n"
        "    except OSError: pass"
    )
    found = bench.record(source, "def f(): return 1", ask=("f",))
    assert found.harness_error is None
    assert statuses(found)[0] in (CellStatus.DIED, CellStatus.TIMEOUT)  # a kernel can't be heard after that
    assert statuses(found)[1] is CellStatus.OK
    assert found.cut


def test_a_forged_answer_is_no_answer(bench: Bench) -> None:
    source = (
        "from grader import wire\nimport os, socket, stat, sys\n"
        "forged = {'event': 'answer', 'answer': {'ask': 'f', 'status': 'value', 'value': 1}, 'cpu_seconds': 0.0}\n"
        "for number in range(3, 64):\n"
        "    try: ours = stat.S_ISSOCK(os.fstat(number).st_mode)\n"
        "    except OSError: continue\n"
        "    if ours and 'ipykernel' not in sys.modules: wire.send(socket.socket(fileno=os.dup(number)), forged)\n"
        "if 'ipykernel' in sys.modules: sys.modules['grader.execute.jupyter_kernel']._kernel.say(forged)"
    )
    found = bench.record(source, ask=("f",))
    assert found.answers["f"].status is AnswerStatus.MISSING
    assert any("channel" in text for text in found.cut)


def test_random_state_is_fresh_for_each_submission(bench: Bench) -> None:
    source = "import numpy as np, random, uuid\ndef f(): return [float(np.random.rand()), random.random()]"
    assert value(bench.record(source, ask=("f",))) == value(bench.record(source, ask=("f",)))
    source = "import uuid\ndef f(): return uuid.uuid4().hex"
    assert value(bench.record(source, ask=("f",))) != value(bench.record(source, ask=("f",)))
