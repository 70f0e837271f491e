"""Looking after processes: which descend from which, what they use, and how all of them end."""

from __future__ import annotations

# ruff: noqa: PTH123, PTH208  plain strings: /proc is read several times a second
import contextlib
import os
import signal
import sys
import time
from dataclasses import dataclass

LINUX = sys.platform == "linux"
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Usage:
    """What one process uses now: CPU seconds with its reaped children's, bytes of its own memory."""

    cpu: float
    memory: int
    dead: bool


def children(pid: int) -> list[int]:
    """Pids of the children of ``pid``, zombies too; empty where the system does not tell."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as listing:
            found += map(int, listing.read().split())
    return found


def descendants(pid: int) -> list[int]:
    """Pids of everything below ``pid``, parents before children."""
    found = children(pid)
    for child in found:
        found += children(child)
    return found


def usage(pid: int) -> Usage | None:
    """What ``pid`` uses; None when there is no such process. Memory is the anonymous and shared resident part."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
            lines = dict(line.split(":", 1) for line in status if line.startswith(("RssAnon", "RssShmem")))
    except (OSError, ValueError):
        return None
    memory = sum(int(value.split()[0]) for value in lines.values()) * 1024
    return Usage(sum(map(int, fields[11:15])) / _TICK, memory, fields[0] in "ZX")


def end_all(pid: int, groups: tuple[int, ...] = (), spare: int = 0, seconds: float = 10.0) -> None:
    """Kill every descendant of ``pid`` but ``spare``, and every process of ``groups``; reap those of our children.

    ``pid`` must be the caller: its orphaned grandchildren come back to it as a subreaper, so that killing goes on
    until none is left. Each round stops all that it sees before it kills any, so that a fork bomb runs dry.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = [process for process in descendants(pid) if process != spare and not _is_zombie(process)]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for group in groups:
                with contextlib.suppress(OSError):
                    os.killpg(group, number)
            for process in found:
                with contextlib.suppress(OSError):
                    os.kill(process, number)
        reap(spare)
        if not found or time.monotonic() > deadline:
            return
        time.sleep(0.001)


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def reap(spare: int = 0) -> dict[int, int]:
    """Collect all dead children but ``spare`` without waiting: exit status (as from waitpid) by pid."""
    ended: dict[int, int] = {}
    while True:
        try:
            seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if seen is None or seen.si_pid == spare:
                return ended
            pid, status = os.waitpid(seen.si_pid, os.WNOHANG)
        except ChildProcessError:
            return ended
        ended[pid] = status


def close_all_but(*keep: int) -> None:
    """Close every descriptor but 0, 1, 2 and ``keep``."""
    low = 3
    for descriptor in sorted({number for number in keep if number > 2}):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, max(low, _most_descriptors()))


def _most_descriptors() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError, ValueError):
            return max(map(int, os.listdir(folder))) + 1
    return 65536
