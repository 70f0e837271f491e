"""The action's script, run as the runner runs it: its variables set, its files there."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from grader import action, choose
from grader.choose import Exit
from tests.tiny import RIGHT, TRIPLED, FakeExecutor, write_assignment, write_notebook

ROOT = Path(__file__).parent.parent


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A workspace with one notebook, the action's own folder with the rubric, and the runner's files."""
    home, workspace = tmp_path / "action", tmp_path / "workspace"
    write_assignment(home)
    write_notebook(workspace / "tiny.ipynb", TRIPLED)
    monkeypatch.chdir(workspace)
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(workspace),
        "GITHUB_ACTION_PATH": str(home),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "INPUT_PATH": "tiny.ipynb",
        "INPUT_ASSIGNMENT": "",
        "INPUT_OUT": "reports",
        "INPUT_SEED": "",
        "INPUT_FAIL_UNDER": "",
        "INPUT_EXECUTOR": "",
        "INPUT_SANDBOX": "",
    }


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> FakeExecutor:
    fake = FakeExecutor()
    monkeypatch.setattr(choose, "EXECUTORS", {"warm": lambda level: fake})
    return fake


def outputs(runner: dict[str, str]) -> dict[str, str]:
    """The step's outputs as the runner reads them from simple lines."""
    lines = Path(runner["GITHUB_OUTPUT"]).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def result(runner: dict[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(base64.b64decode(outputs(runner)["result"], validate=True))
    return told


def test_the_script_as_the_runner_calls_it(runner: dict[str, str]) -> None:
    """A process of its own with the real executor: nothing of this one is there to help."""
    done = subprocess.run(
        [sys.executable, "-I", "-m", "grader.action"],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **runner},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == Exit.DONE, done.stdout + done.stderr
    told = result(runner)
    assert (told["version"], told["status"], told["max_score"]) == (1, "fail", 50)
    assert {test["name"]: test["score"] for test in told["tests"]} == {"TODO 1: double": 0}
    assert "You tripled" in Path(runner["GITHUB_STEP_SUMMARY"]).read_text()
    assert Path("reports/submissions/tiny/report.html").is_file()


def test_every_field_that_the_reporter_reads_is_there(runner: dict[str, str], executor: FakeExecutor) -> None:
    assert action.grade(runner) == Exit.DONE
    for test in result(runner)["tests"]:
        assert test.keys() == {
            "name", "status", "score", "message", "test_code", "filename", "line_no", "duration",
        }  # fmt: skip
        assert test["status"] in ("pass", "fail", "error")
        assert isinstance(test["score"], int | float)
        assert isinstance(test["line_no"], int)


def test_a_secret_seed_asks_the_hidden_questions_too(runner: dict[str, str], executor: FakeExecutor) -> None:
    runner["INPUT_SEED"] = "a repository secret"
    write_notebook(Path("tiny.ipynb"), RIGHT)
    action.grade(runner)
    told = result(runner)
    assert (told["status"], told["max_score"]) == ("pass", 100)
    report = json.loads(Path("reports/submissions/tiny/report.json").read_text())
    assert report["seed"] is None


@pytest.mark.parametrize(("mark", "status"), [("40", Exit.BELOW_MARK), ("0", Exit.DONE)])
def test_fail_under_fails_the_job(runner: dict[str, str], executor: FakeExecutor, mark: str, status: Exit) -> None:
    assert action.grade({**runner, "INPUT_FAIL_UNDER": mark}) == status
    assert result(runner)["tests"]


def test_a_rubric_in_the_students_repository_is_not_used(runner: dict[str, str], executor: FakeExecutor) -> None:
    forged = write_assignment(Path.cwd())
    (forged / "reference" / "__init__.py").write_text("raise SystemExit('the forged rubric ran')")
    action.grade(runner)
    assert result(runner)["status"] == "fail"


def test_a_fault_of_ours_is_an_error_without_a_score(runner: dict[str, str], executor: FakeExecutor) -> None:
    def fail(submission: object) -> None:
        raise RuntimeError("the socket is gone")

    executor.around = fail
    assert action.grade(runner) == Exit.HARNESS_FAILED
    told = result(runner)
    assert (told["status"], told["max_score"]) == ("error", 0)


EVIL = "ok%0A::error::x\n::set-output name=result::forged\n##[error]x\nresult=Zm9yZ2Vk\nEOF\n"


def test_student_text_gives_no_command_and_no_output(
    runner: dict[str, str], executor: FakeExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    write_notebook(Path("tiny.ipynb"), f"def double(x):\n    raise ValueError({EVIL!r})\n")
    action.grade(runner)
    assert list(outputs(runner)) == ["result"]
    assert result(runner)["status"] == "fail"
    log = capsys.readouterr().out.splitlines()
    stop = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", log[0])
    assert stop
    commands = [line for line in log if re.match(r"\s*(::|##\[)", line)]
    assert commands == [log[0], f"::{stop[1]}::"]


def test_a_name_of_a_file_is_no_command_either(
    runner: dict[str, str], executor: FakeExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    write_notebook(Path("more") / "x\n::error::forged\n.ipynb", RIGHT)
    action.grade({**runner, "INPUT_PATH": "more"})
    commands = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")]
    assert len(commands) == 2
    assert list(outputs(runner)) == ["result"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("INPUT_PATH", "nowhere.ipynb", "nowhere.ipynb: no such file"),
        ("INPUT_ASSIGNMENT", "nowhere", "no rubric.yaml"),
        ("INPUT_FAIL_UNDER", "most", "not a number"),
        ("INPUT_PATH", "a\n::error::forged", "no such file"),
    ],
    ids=["path", "assignment", "fail-under", "a command for a path"],
)
def test_a_wrong_input_is_one_error_of_the_job(
    runner: dict[str, str],
    executor: FakeExecutor,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    told: str,
) -> None:
    monkeypatch.setattr(os, "environ", {**runner, name: value})
    assert action.main() == Exit.WRONG_CALL
    log = capsys.readouterr().out
    assert log.count("::error") == 1
    assert log.startswith("::error title=notebook-grader::")
    assert told in log


# --- the files ------------------------------------------------------------------------------


def test_action_yml_hands_every_input_to_the_script() -> None:
    told = yaml.safe_load((ROOT / "action.yml").read_text())
    grade = next(step for step in told["runs"]["steps"] if step.get("id") == "grade")
    handed = {value for name, value in grade["env"].items() if name.startswith("INPUT_")}
    inputs = set(told["inputs"]) - {"python-version"}
    assert handed == {f"${{{{ inputs.{name} }}}}" for name in inputs}
    source = (ROOT / "grader" / "action.py").read_text()
    for name in inputs:
        assert f'_input(environment, "{name.replace("-", "_")}"' in source
    assert told["outputs"]["result"]["value"] == "${{ steps.grade.outputs.result }}"
    assert "-I -m grader.action" in grade["run"]


def test_the_example_workflow_uses_inputs_and_outputs_that_exist() -> None:
    told = yaml.safe_load((ROOT / "action.yml").read_text())
    workflow = yaml.safe_load((ROOT / "docs" / "examples" / "classroom.yml").read_text())
    (job,) = workflow["jobs"].values()
    steps = {step.get("id") or step["name"]: step for step in job["steps"] if "id" in step or "name" in step}
    assert set(steps["grader"]["with"]) <= set(told["inputs"])
    reporter = steps["Report to GitHub Classroom"]
    assert reporter["with"]["runners"] == "grader"
    assert reporter["env"] == {"GRADER_RESULTS": "${{ steps.grader.outputs.result }}"}
