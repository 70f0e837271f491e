"""Every example submission gets what its folder and its name say.

``passes/``: full marks in all base items. ``fails/``: below the pass mark. ``partial/`` and ``broken/``: the name up
to ``__`` lists the items that lose points (``all``: no item earns any, ``none``: no item loses any), and only these
do, besides what may fall with them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.assignment import load_assignment
from grader.batch import Settings, grade
from grader.execute.warm import WarmExecutor
from grader.submissions import find

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "submissions" / "activity09"
FILES = sorted(p.relative_to(EXAMPLES).as_posix() for p in EXAMPLES.rglob("*") if p.suffix in (".ipynb", ".py"))

# Items that may fall with another, by the contract.
FALLS_WITH = {"e_step": {"training"}, "m_step": {"training"}, "training": {"visualisations"}}


@pytest.fixture(scope="session")
def assignment():
    loaded = load_assignment(ROOT / "rubrics" / "activity09")
    # The endless loop would take two minutes with the course's own limit.
    return replace(loaded, limits=replace(loaded.limits, cell_seconds=10.0))


def run(assignment: Any, out: Path, paths: list[Path], jobs: int) -> dict[str, Any]:
    settings = Settings(out=out, jobs=jobs, seed="examples", sandbox="process")
    grade(find(paths), assignment, WarmExecutor(), settings, lambda _moment: None)
    reports = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(out.glob("submissions/*/report.json"))]
    return {report["submission"]["path"]: report for report in reports}


@pytest.fixture(scope="session")
def reports(assignment, tmp_path_factory):
    return run(assignment, tmp_path_factory.mktemp("examples"), [EXAMPLES], jobs=2)


def losing(report: dict[str, Any]) -> set[str]:
    return {item["id"] for item in report["items"] if item["points"] < item["max_points"]}


def extensions(report: dict[str, Any]) -> set[str]:
    return {item["id"] for item in report["items"]} & {"bic", "digits", "conditional_sample", "online_update"}


def told(report: dict[str, Any]) -> str:
    lines = [
        f"{item['id']}.{check['id']}: {check['verdict']} {check['message']}"
        for item in report["items"]
        for check in item["checks"]
        if check["verdict"] != "pass"
    ]
    return "\n".join(lines)


def test_every_example_has_a_report(reports):
    assert sorted(reports) == FILES
    assert all(report["status"] == "graded" for report in reports.values())


@pytest.mark.parametrize("name", FILES)
def test_example_gets_what_its_folder_says(name, reports):
    report = reports[name]
    folder, _, rest = name.partition("/")
    lost = losing(report)
    if folder == "passes":
        assert lost <= extensions(report), told(report)
        assert report["passed"] is True
    elif folder == "fails":
        assert report["passed"] is False
    else:
        named = rest.partition("__")[0]
        if named == "all":
            assert report["percent"] == 0
            return
        must = set() if named == "none" else set(named.split("+"))
        may = must.union(*(FALLS_WITH.get(item, set()) for item in must))
        assert must <= lost, told(report)
        assert lost - extensions(report) <= may, told(report)


def test_attempted_extensions_get_full_marks(reports):
    assert reports["passes/all-extensions.ipynb"]["bonus"] == 20, told(reports["passes/all-extensions.ipynb"])


@pytest.mark.parametrize(
    ("name", "item", "mistake"),
    [
        ("partial/e_step__weights-left-out.ipynb", "e_step", "e_step.weights_left_out"),
        ("partial/m_step__old-means-in-covariance.ipynb", "m_step", "m_step.covariances_around_old_means"),
        ("partial/sample__uniform-components.ipynb", "sample", "sample.uniform_choice"),
        ("partial/bic__mean-not-total.ipynb", "bic", "bic.mean_not_total"),
    ],
)
def test_the_mistake_is_named(name, item, mistake, reports):
    checks = next(one["checks"] for one in reports[name]["items"] if one["id"] == item)
    assert mistake in {check["diagnosis"] for check in checks}


def test_broken_neighbours_change_nothing(assignment, reports, tmp_path):
    chosen = ["passes/log-space-cholesky.ipynb", "partial/sample__uniform-components.ipynb"]
    alone = run(assignment, tmp_path / "alone", [EXAMPLES / name for name in chosen], jobs=1)
    for name in chosen:
        found = next(report for path, report in alone.items() if path == Path(name).name)
        assert found["items"] == reports[name]["items"]


def test_reports_are_the_same_with_any_number_of_jobs(assignment, tmp_path):
    for jobs in (1, 2):
        run(assignment, tmp_path / str(jobs), [EXAMPLES / "partial"], jobs)
    texts = [
        {p.name + p.parent.name: p.read_bytes() for p in (tmp_path / str(j)).glob("submissions/*/report.json")}
        for j in (1, 2)
    ]
    assert texts[0] == texts[1]
    assert len(texts[0]) == sum(name.startswith("partial/") for name in FILES)


def test_the_model_solution_gets_every_point_and_the_template_fails(assignment, tmp_path):
    folder = ROOT / "reference" / "activity09"
    name = assignment.spec.notebook
    solution = run(assignment, tmp_path / "solution", [folder / name], jobs=1)[name]
    assert (solution["score"], solution["bonus"], solution["percent"]) == (100, 20, 100), told(solution)
    template = run(assignment, tmp_path / "template", [folder / "template" / name], jobs=1)[name]
    assert template["passed"] is False
    assert {"e_step", "m_step", "sample", "interpolate", "arithmetic"} <= losing(template)
