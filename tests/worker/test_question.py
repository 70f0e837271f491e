"""Questions in forks of their own: hostile answers end, and spoil nothing."""

from __future__ import annotations

import os

import pytest

from grader.asks import Function, Support
from grader.model import AnswerStatus, CellStatus
from tests.worker.student import Worker

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

HOSTILE = """
import os, sys, struct, time, signal, threading, ctypes
count = 0
def loop():
    while True: pass
def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        try:
            time.sleep(60)
        except BaseException: pass
def leave(): os._exit(0)
def crash(): ctypes.string_at(0)
def forge():
    for descriptor in range(3, 30):
        try: os.write(descriptor, struct.pack(">Id", 2, 0.0) + b"{}")
        except OSError: pass
    return 1
def boast(seconds):
    sys.modules["grader.worker.question"].process_time = iter([0.0, seconds]).__next__
    return sum(range(10**6))
def garbage():
    for descriptor in range(3, 30):
        try: os.write(descriptor, b"\\xff" * 100)
        except OSError: pass
    return 1
def tally():
    global count
    count += 1
    return count
def child():
    if os.fork() == 0:
        time.sleep(60)
    return 5
def speaks():
    os.write(1, b"x" * 10**6)
    print("seen")
    return 6
def thread():
    threading.Thread(target=time.sleep, args=(60,)).start()
    return 7
def deep():
    value = []
    for _ in range(100_000): value = [value]
    return value
def giant():
    import numpy as np
    return np.broadcast_to(0.0, (10**6, 10**6))
def endless():
    value = []
    value.append(value)
    return value
def long(): return [0.1 * i for i in range(150_000)]
def numbers():
    import numpy as np
    return np.arange(2_000_000.0)
def lies():
    class Liar(dict):
        def items(self): return [("a", object())]
    return Liar(a=1)
"""


@pytest.fixture(scope="module")
def hostile():
    with Worker() as worker:
        run = worker.run(HOSTILE)
        assert run.cells[1].status is CellStatus.OK
        yield worker


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("loop", AnswerStatus.TIMEOUT),
        ("stubborn", AnswerStatus.TIMEOUT),
        ("leave", AnswerStatus.DIED),
        ("crash", AnswerStatus.DIED),
        ("garbage", AnswerStatus.DIED),
        ("child", AnswerStatus.VALUE),
        ("speaks", AnswerStatus.VALUE),
        ("thread", AnswerStatus.VALUE),
        ("lies", AnswerStatus.VALUE),
        ("deep", AnswerStatus.TOO_LARGE),
        ("giant", AnswerStatus.TOO_LARGE),
        ("endless", AnswerStatus.TOO_LARGE),
    ],
)
def test_a_question_ends_whatever_it_does(hostile, name, status):
    answer = hostile.ask(lambda: Function(name)(), seconds=0.5)
    assert answer.status is status
    assert answer.seconds > 0
    assert hostile.ask(lambda: Function("tally")()).value == 1


def test_answers_up_to_the_limit_arrive(hostile):
    both = hostile.ask(lambda: [Function("numbers")(), Function("numbers")()])
    assert both.status is AnswerStatus.TOO_LARGE
    assert hostile.ask(Function("numbers")).value.shape == (2_000_000,)
    assert len(hostile.ask(Function("long")).value) == 150_000


def test_what_is_written_to_other_descriptors_is_no_answer(hostile):
    answer = hostile.ask(lambda: Function("forge")(), seconds=2.0)
    assert answer.status in (AnswerStatus.DIED, AnswerStatus.TIMEOUT)
    assert answer.value is None


@pytest.mark.parametrize("seconds", [-1.0, 1e9, float("nan"), float("inf")])
def test_the_time_that_an_answer_took_is_between_none_and_what_the_system_saw(hostile, seconds):
    answer = hostile.ask(lambda: Function("boast")(seconds))
    assert answer.status is AnswerStatus.VALUE
    assert 0 < hostile.cpu_seconds < 60


def test_a_support_module_that_does_not_load_is_a_fault_of_ours(hostile):
    answer = hostile.ask(lambda: Support("f")(), support="def f(:")
    assert answer.status is AnswerStatus.DIED
    assert answer.error.type == "harness"
