"""500 submissions in a row on one zygote: does anything grow?

Prints, at intervals, what is there of processes, descriptors, mounts, temporary files and control groups, and how much
memory the zygote and the grader hold. Exits with 1 when the end differs from the beginning.

    python benchmarks/many_submissions.py --count 500 --level namespaces
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from grader.execute import processes
from grader.execute.cgroup import PREFIX
from grader.execute.isolation import Level
from grader.execute.warm import WarmExecutor
from grader.model import AnswerStatus, Ask, Cell, CellKind, Limits, Paper, Submission

CELLS = (
    "import numpy as np, matplotlib.pyplot as plt\nx = np.random.rand(200, 3)",
    "plt.plot(x); plt.show()\nopen('saved.txt', 'w').write('x' * 10000)",
    "import subprocess\nleft = subprocess.Popen(['sleep', '300'])",
    "def f(): return x.mean(axis=0)",
)
EVERY_TENTH = "import os; os._exit(0)"
ASK = Ask("f", ({"op": "function", "name": "f", "args": [], "kwargs": {}},), {"$ref": 0}, seconds=10.0)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=500)
    options.add_argument("--every", type=int, default=50)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--level", choices=[str(level) for level in Level])
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o711)
        tempfile.tempdir = temporary
        return _run(given)


def _run(given: argparse.Namespace) -> int:
    with WarmExecutor(given.level) as executor, ThreadPoolExecutor(given.jobs) as pool:
        print(f"level {executor.level}, {given.count} submissions, {given.jobs} at a time")
        print("    done   s each  processes  descriptors  mounts  temporary  groups  zygote MB  grader MB")
        states = []
        for begin in range(0, given.count, given.every):
            started = time.perf_counter()
            batch = range(begin, min(given.count, begin + given.every))
            answered = sum(pool.map(lambda number: _one(executor, number), batch))
            if answered != len(batch):
                print(f"{len(batch) - answered} submissions were not answered")
                return 1
            states.append(_settled(executor, states[0] if states else None))
            _print(batch.stop, (time.perf_counter() - started) / len(batch), states[-1])
    first, last = states[0], states[-1]
    steady = first[:-2] == last[:-2] and last[-2] <= first[-2] * 1.1
    print("nothing grew" if steady else "something grew")
    return 0 if steady else 1


def _one(executor: WarmExecutor, number: int) -> bool:
    sources = (*CELLS, EVERY_TENTH) if number % 10 == 0 else CELLS
    cells = tuple(Cell(index, CellKind.CODE, source) for index, source in enumerate(sources, 1))
    submission = Submission(f"student-{number}", "", "0" * 64, cells=cells)
    return executor.record(submission, Paper((ASK,), limits=Limits())).answers["f"].status is AnswerStatus.VALUE


def _settled(executor: WarmExecutor, goal: tuple[int, ...] | None) -> tuple[int, ...]:
    """The state, after the kernel had a moment to clear away the last submission."""
    deadline = time.monotonic() + 5
    state = _state(executor)
    while time.monotonic() < deadline and (goal is None or state[:-2] != goal[:-2]):
        time.sleep(0.2)
        state = _state(executor)
    return state


def _state(executor: WarmExecutor) -> tuple[int, ...]:
    top = executor.zygote_pid
    family = [top, *processes.descendants(top)]
    descriptors = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in [*family, "self"])
    mounts = sum(Path(f"/proc/{pid}/mountinfo").read_text().count("\n") for pid in [*family, "self"])
    temporary = sum(1 for _ in Path(tempfile.gettempdir()).glob("grader-*/*"))
    groups = sum(1 for _ in Path("/sys/fs/cgroup").glob(f"**/{PREFIX}{os.getpid()}-*/*/"))
    held = sum(map(_resident, family))
    return len(family), descriptors, mounts, temporary, groups, held >> 20, _resident("self") >> 20


def _resident(pid: int | str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def _print(done: int, each: float, state: tuple[int, ...]) -> None:
    processes_, descriptors, mounts, temporary, groups, zygote, grader = state
    print(f"{done:8d} {each:8.3f} {processes_:10d} {descriptors:12d} {mounts:7d} {temporary:10d} {groups:7d}", end="")
    print(f" {zygote:10d} {grader:10d}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
