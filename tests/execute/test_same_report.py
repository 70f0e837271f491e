"""Both executors give the same report; `benchmarks/executors.py` holds them to it for every example."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from grader.assignment import load_assignment

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "submissions" / "activity09"
HANDFUL = (
    "partial/interpolate__not-decoded.ipynb",
    "fails/only-the-classifiers.ipynb",
    "broken/runs__kernel-dies.ipynb",
)


@pytest.fixture(scope="module")
def executors() -> ModuleType:
    spec = importlib.util.spec_from_file_location("executors", ROOT / "benchmarks" / "executors.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.timeout(900)
def test_a_handful_of_examples_get_the_same_report_from_both(executors: ModuleType, tmp_path: Path) -> None:
    assignment = load_assignment(ROOT / "rubrics" / "activity09")
    assignment = replace(assignment, limits=replace(assignment.limits, cell_seconds=60.0))
    paths = [EXAMPLES / name for name in HANDFUL]
    for name in executors.EXECUTORS:
        assert executors.run(name, assignment, paths, tmp_path / name, jobs=2) == len(HANDFUL)
    found = executors.compare(tmp_path / "warm", tmp_path / "jupyter")
    assert len(found) == len(HANDFUL)
    assert not any(found.values()), found
