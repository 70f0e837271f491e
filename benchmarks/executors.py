"""Do both executors give the same report? For every example submission, and how long each takes.

Compared are the whole of report.json but for the executor's own layers, and what was recorded: what became of each
cell, its output with the numbers masked (times differ), the figures, and every answer bit by bit.

    python benchmarks/executors.py [PATH...] [--jobs 1]
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader import wire
from grader.assignment import Assignment, load_assignment
from grader.batch import Settings, grade
from grader.execute.jupyter import JupyterExecutor
from grader.execute.warm import WarmExecutor
from grader.model import Recording
from grader.store import RunFolder
from grader.submissions import find

ROOT = Path(__file__).parent.parent
EXECUTORS = {"warm": WarmExecutor, "jupyter": JupyterExecutor}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("paths", nargs="*", type=Path, default=[ROOT / "submissions" / "activity09"])
    parser.add_argument("--assignment", type=Path, default=ROOT / "rubrics" / "activity09")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cell-seconds", type=float, default=20.0, help="for the example that never ends")
    given = parser.parse_args()
    assignment = load_assignment(given.assignment)
    assignment = replace(assignment, limits=replace(assignment.limits, cell_seconds=given.cell_seconds))
    with tempfile.TemporaryDirectory() as folder:
        out = {name: Path(folder) / name for name in EXECUTORS}
        for name, path in out.items():
            began = time.perf_counter()
            count = run(name, assignment, given.paths, path, given.jobs)
            print(f"{name:8} {count} submissions in {time.perf_counter() - began:.1f} s")
        found = compare(out["warm"], out["jupyter"])
    for submission, differences in found.items():
        print(f"{'same' if not differences else 'DIFFERENT':10} {submission}")
        for difference in differences:
            print(f"           {difference}")
    sys.exit(any(found.values()))


def run(name: str, assignment: Assignment, paths: list[Path], out: Path, jobs: int = 1) -> int:
    """Grade with one executor at the level that both have; how many submissions there were."""
    settings = Settings(out, jobs, seed="executors", executor=name, sandbox="process")
    return grade(find(paths), assignment, EXECUTORS[name]("process"), settings, lambda _moment: None).total


def compare(one: Path, other: Path) -> dict[str, list[str]]:
    """What differs, by submission."""
    names = sorted(path.parent.name for path in one.glob("submissions/*/report.json"))
    return {name: _reports(one, other, name) + _recordings(one, other, name) for name in names}


def _reports(one: Path, other: Path, name: str) -> list[str]:
    mine, theirs = (_report(folder, name) for folder in (one, other))
    found = [f"report: {key}" for key in mine if key != "items" and mine[key] != theirs.get(key)]
    for item, twin in zip(mine["items"], theirs["items"], strict=True):
        if item != twin:
            found.append(f"item {item['id']}: {item['points']} and {twin['points']} points")
    return found


def _report(folder: Path, name: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "submissions" / name / "report.json").read_text(encoding="utf-8"))
    return {key: value for key, value in report.items() if key != "sandbox"}


def _recordings(one: Path, other: Path, name: str) -> list[str]:
    kept = [RunFolder(folder).kept(name) for folder in (one, other)]
    if kept[0] is None or kept[1] is None:
        return [] if kept[0] is kept[1] else ["one has no recording"]
    return differences(kept[0].recording, kept[1].recording)


def differences(mine: Recording, theirs: Recording) -> list[str]:
    """What two executors saw differently."""
    found = []
    for cell, twin in zip(mine.cells, theirs.cells, strict=True):
        if (cell.status, cell.error, cell.environment) != (twin.status, twin.error, twin.environment):
            found.append(f"cell {cell.index}: {cell.status} {cell.error} and {twin.status} {twin.error}")
        if _masked(cell.output) != _masked(twin.output):
            found.append(f"cell {cell.index}: output {cell.output[-200:]!r} and {twin.output[-200:]!r}")
    if [(f.cell, f.mime, f.axes) for f in mine.figures] != [(f.cell, f.mime, f.axes) for f in theirs.figures]:
        found.append(f"{len(mine.figures)} figures and {len(theirs.figures)}")
    for key, answer in mine.answers.items():
        same = replace(theirs.answers[key], seconds=0.0)
        if wire.encode(wire.to_tree(replace(answer, seconds=0.0))) != wire.encode(wire.to_tree(same)):
            found.append(f"answer {key}: {answer.status} and {same.status}")
    return found + ([] if mine.cut == theirs.cut else [f"limits met: {mine.cut} and {theirs.cut}"])


def _masked(text: str) -> str:
    return re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?\s*([mµn]?s\b)?", "#", text)


if __name__ == "__main__":
    main()
