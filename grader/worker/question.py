"""One question in a fork of its own, so that it can't spoil the next, with a deadline that is kept from outside."""

from __future__ import annotations

import os
import select
import signal
import struct
import time
import warnings
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from time import process_time

from grader.model import Answer, AnswerStatus, Ask, Limits, StudentError
from grader.wire import Caps, WireError, decode, encode, from_tree, to_tree
from grader.worker.answering import SupportFault, evaluate
from grader.worker.apart import Memory, Shared, stand_apart, survey
from grader.worker.lookup import Names
from grader.worker.plain import message_of, type_name

_HEAD = struct.Struct(">Id")
"""Before an answer: its bytes, and the CPU seconds that it took."""
_POLL_SECONDS = 0.05


def ask_in_fork(
    ask: Ask,
    namespace: MutableMapping[str, object],
    names: Names,
    limits: Limits,
    prepare: Callable[[], None],
    memory: Memory | None = None,
) -> tuple[Answer, float]:
    """Answer ``ask`` in a fork; the answer and the CPU seconds it took, without what it costs to have a fork.

    ``prepare`` runs first in the fork. ``memory``: what `shared_memory` found, for who asks often.
    """
    caps = answer_caps(limits)
    started = time.monotonic()
    shared = survey(memory)
    reading, writing = os.pipe()
    with warnings.catch_warnings():  # a student's threads and filters must not make an error of the fork
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        os.close(reading)
        _answer_and_exit(writing, shared, ask, namespace, names, limits, prepare)
    os.close(writing)
    with suppress(OSError):
        os.setpgid(child, child)
    try:
        framed, in_time = _read(reading, child, started + ask.seconds, caps.payload_bytes)
    finally:
        os.close(reading)
        status, cpu = _end(child)
    seconds = time.monotonic() - started
    if framed is not None:
        claimed, payload = framed
        cpu = claimed if 0 <= claimed <= cpu else cpu
        answer = _checked(payload, ask, caps)
    elif not in_time:
        answer = _lost(ask, AnswerStatus.TIMEOUT, "Timeout", f"There was no answer after {ask.seconds:g} seconds.")
    else:
        answer = _lost(ask, AnswerStatus.DIED, "ProcessEnded", _why(status))
    return (answer if answer.seconds else Answer(**{**vars(answer), "seconds": seconds})), cpu


def answer_caps(limits: Limits) -> Caps:
    """What a frame with an answer may be at most: the answer, its text form, and the words around it."""
    return Caps(payload_bytes=4 * limits.answer_bytes + (1 << 20))


def _answer_and_exit(
    writing: int,
    shared: Shared,
    ask: Ask,
    namespace: MutableMapping[str, object],
    names: Names,
    limits: Limits,
    prepare: Callable[[], None],
) -> None:
    """The fork's whole life."""
    code = 1
    try:
        os.setpgid(0, 0)
        prepare()
        stand_apart(shared, writing)
        before = process_time()
        payload = _payload(ask, namespace, names, limits)
        _write(writing, payload, process_time() - before)
        code = 0
    finally:
        os._exit(code)


def _payload(ask: Ask, namespace: MutableMapping[str, object], names: Names, limits: Limits) -> bytes:
    try:
        answer = evaluate(ask, namespace, names, limits)
    except SupportFault as fault:
        answer = _lost(ask, AnswerStatus.DIED, "harness", str(fault))
    except BaseException as error:  # noqa: BLE001  student code may have broken what we stand on
        answer = _lost(ask, AnswerStatus.DIED, "ProcessEnded", f"{type_name(error)}: {message_of(error)}")
    try:
        return encode(to_tree(answer), answer_caps(limits))
    except WireError as error:
        return encode(to_tree(_lost(ask, AnswerStatus.TOO_LARGE, "TooLarge", str(error))))


def _write(descriptor: int, payload: bytes, cpu: float) -> None:
    view = memoryview(_HEAD.pack(len(payload), cpu) + payload)
    while view:
        view = view[os.write(descriptor, view[: 1 << 20]) :]


def _read(reading: int, child: int, deadline: float, limit: int) -> tuple[tuple[float, bytes] | None, bool]:
    """(CPU seconds and payload, or None; whether it was in time). Ends with the payload, the child, or the deadline."""
    data = bytearray()
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0:
        if poll.poll(1000 * min(left, _POLL_SECONDS)):
            part = os.read(reading, 1 << 20)
            data += part
            if not part:
                return None, True
            if len(data) >= _HEAD.size:
                length, cpu = _HEAD.unpack_from(data)
                if length > limit:
                    return None, True
                if len(data) >= _HEAD.size + length:
                    return (cpu, bytes(data[_HEAD.size : _HEAD.size + length])), True
        elif _is_dead(child):
            return None, True
    return None, False


def _is_dead(child: int) -> bool:
    """Whether it ended, without taking its status away."""
    try:
        return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _end(child: int) -> tuple[int, float]:
    """Kill what is left of the question's process group; its exit status and CPU time."""
    with suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    with suppress(OSError):
        os.kill(child, signal.SIGKILL)
    try:
        _, status, usage = os.wait4(child, 0)
    except ChildProcessError:
        return 0, 0.0
    return status, usage.ru_utime + usage.ru_stime


def _checked(payload: bytes, ask: Ask, caps: Caps) -> Answer:
    try:
        answer = from_tree(Answer, decode(payload, caps))
    except WireError:
        return _lost(ask, AnswerStatus.DIED, "ProcessEnded", "What came back was no answer.")
    if answer.ask != ask.id:
        return _lost(ask, AnswerStatus.DIED, "ProcessEnded", "What came back answers another question.")
    return answer


def _why(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"The process ended with {signal.Signals(os.WTERMSIG(status)).name} before it answered."
    return "The process ended before it answered."


def _lost(ask: Ask, status: AnswerStatus, kind: str, message: str) -> Answer:
    return Answer(ask.id, status, error=StudentError(kind, message[:2000]))


def cpu_used() -> float:
    """CPU seconds of this process and of its children that ended (Windows does not tell of those)."""
    try:
        import resource
    except ImportError:
        return time.process_time()
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
