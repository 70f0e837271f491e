"""What the grader costs beside the students' own code.

For the example submissions, and 1 and 2 jobs: processor time of the whole batch (set-up, cells, questions, judging,
reports) over that of the students' own cells and the functions that were asked; wall time over the students' own
compute / jobs; time per submission.

    python benchmarks/overhead.py [--submissions DIR] [--jobs 1 2] [--without NAME] [--times 4]

``--times`` makes a larger class of the same submissions: what a batch costs once (drawing the exam, starting the
zygote, asking the mistakes that a failed item is compared with) is then shared by more of them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEAD = "jobs   wall s    cpu s  own cpu s  cpu/own  wall/(own/jobs)  s each  slowest s"


@dataclass(frozen=True)
class Cost:
    """One batch. Times in seconds."""

    jobs: int
    submissions: int
    wall: float
    cpu: float
    own_cpu: float
    """Processor time of the students' cells and of the asked functions, as the recordings say. What it costs to have
    a fork for each question is not in it."""
    slowest: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--submissions", type=Path, default=ROOT / "submissions" / "activity09")
    parser.add_argument("--assignment", type=Path, default=ROOT / "rubrics" / "activity09")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--without", nargs="*", default=[], help="leave out submissions with this in their path")
    parser.add_argument("--times", type=int, default=1, help="take each submission this often")
    parser.add_argument("--sandbox", default="", help="isolation level; by default the strongest that works")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chosen = chosen_submissions(given.submissions, given.without)
        chosen = several(chosen, given.times, Path(folder) / "submissions")
        costs = [
            measure(chosen, given.assignment, jobs, given.sandbox, Path(folder) / str(jobs)) for jobs in given.jobs
        ]
    print(f"{len(chosen)} submissions, {os.cpu_count()} cores")
    print(HEAD)
    for cost in costs:
        row(cost)


def chosen_submissions(folder: Path, without: list[str]) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".ipynb", ".py"))
    return [path for path in files if not any(word in str(path) for word in without)]


def several(paths: list[Path], times: int, folder: Path) -> list[Path]:
    """Copies of the files below ``folder``, each so many times."""
    made = []
    for number in range(times):
        for path in paths:
            copy = folder / str(number) / path.parent.name / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            made.append(Path(shutil.copyfile(path, copy)))
    return made


def measure(paths: list[Path], assignment: Path, jobs: int, sandbox: str, out: Path) -> Cost:
    """Grade in a process of its own, so that its processor time, its children's included, is the kernel's to tell."""
    words = [sys.executable, "-m", "grader", "grade", *map(str, paths)]
    words += ["--assignment", str(assignment), "--jobs", str(jobs), "--out", str(out), "--seed", "overhead"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([*words, *(["--sandbox", sandbox] if sandbox else [])], check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = json.loads((out / "run.json").read_text())["submissions"].values()
    return Cost(
        jobs=jobs,
        submissions=len(told),
        wall=wall,
        cpu=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        own_cpu=sum(one["cpu_seconds"] for one in told),
        slowest=max(one["seconds"] for one in told),
    )


def row(cost: Cost) -> None:
    """Waiting (an endless loop until its deadline, a sleep) is no compute, so it shows in the wall's ratio."""
    ratio, wall = cost.cpu / cost.own_cpu, cost.wall / (cost.own_cpu / cost.jobs)
    print(
        f"{cost.jobs:>4} {cost.wall:>8.1f} {cost.cpu:>8.1f} {cost.own_cpu:>10.1f} {ratio:>8.2f} {wall:>16.2f} "
        f"{cost.wall / cost.submissions:>7.2f} {cost.slowest:>10.1f}"
    )


if __name__ == "__main__":
    main()
