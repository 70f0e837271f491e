"""The command line as its users see it: what it prints, what it answers, and that no call ends in a traceback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grader import choose, cli
from grader.choose import Exit
from grader.execute import ExecutorError
from grader.execute.isolation import Layer
from grader.execute.levels import Level
from grader.export import EXPORTS
from grader.model import Submission
from tests.tiny import RIGHT, TRIPLED, FakeExecutor, write_assignment, write_notebook

Call = Callable[..., Result]


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> FakeExecutor:
    fake = FakeExecutor()
    monkeypatch.setattr(choose, "EXECUTORS", {"warm": lambda level: fake, "jupyter": lambda level: fake})
    monkeypatch.setattr(choose.isolation, "strongest", lambda: Level.CONFINED)
    return fake


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the assignment and three submissions, and the current one."""
    write_assignment(tmp_path)
    write_notebook(tmp_path / "in" / "a.ipynb", RIGHT)
    write_notebook(tmp_path / "in" / "b.ipynb", TRIPLED)
    write_notebook(tmp_path / "in" / "c.ipynb", "x = 1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(course: Path, executor: FakeExecutor) -> Call:
    def go(*words: str) -> Result:
        return CliRunner().invoke(cli.app, [str(word) for word in words])

    return go


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.startswith("grader: ")


def test_grade_says_how_it_went_and_where_the_page_is(call: Call, course: Path) -> None:
    result = call("grade", "in", "--jobs", "1")
    assert result.exit_code == Exit.DONE
    assert "[1/3] a: 100 %, passed" in result.stdout
    assert "[2/3] b: 50 %, below the pass mark" in result.stdout
    assert "3 submissions: 1 passed, 2 below the pass mark." in result.stdout
    page = result.stdout.strip().splitlines()[-1].removeprefix("Class page: ")
    assert Path(page) == course / "reports" / "index.html"
    assert Path(page).is_file()


@pytest.mark.parametrize(("mark", "status"), [("0", Exit.DONE), ("50.5", Exit.BELOW_MARK)])
def test_fail_under_answers_one_when_somebody_is_below(call: Call, mark: str, status: Exit) -> None:
    assert call("grade", "in", "--fail-under", mark).exit_code == status


def test_a_fault_of_ours_answers_three_and_names_the_submission(call: Call, executor: FakeExecutor) -> None:
    def fail(submission: Submission) -> None:
        if submission.id == "b":
            raise RuntimeError("the socket is gone")

    executor.around = fail
    result = call("grade", "in")
    assert result.exit_code == Exit.HARNESS_FAILED
    assert "b: no score, the grader itself failed: RuntimeError: the socket is gone" in result.stdout


def test_ctrl_c_says_how_to_continue(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopping(cli.BatchProgress):
        def __call__(self, moment: object) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(cli, "BatchProgress", Stopping)
    monkeypatch.setattr(sys, "argv", ["grader", "grade", "in", "--fresh", "--out", "my reports"])
    result = call("grade", "in", "--fresh", "--out", "my reports")
    assert result.exit_code == Exit.INTERRUPTED
    assert "To continue: grader grade in --out 'my reports'" in result.stdout


WRONG = {
    "a path that is not there": (["grade", "nowhere"], "nowhere: no such file or folder"),
    "an empty folder": (["grade", "empty"], "no notebook"),
    "another kind of file": (["grade", "picture.png"], "not a notebook"),
    "no rubric in the folder": (["grade", "in", "--assignment", "empty"], "no rubric.yaml"),
    "no such executor": (["grade", "in", "--executor", "quantum"], "choose one of warm"),
    "no such level": (["grade", "in", "--sandbox", "moat"], "namespaces"),
    "reports where a file is": (["grade", "in", "--out", "picture.png"], "picture.png"),
    "a run that is none": (["regrade", "in"], "no run.json"),
    "an audit's page where no folder is": (["audit", "--html", "nowhere/a.html"], "no folder"),
    "no such format": (["export", "in", "--to", "parchment"], "choose one of"),
    "check of a path that is not there": (["check", "nowhere.ipynb"], "no such file"),
}


@pytest.mark.parametrize(("words", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_call_is_told_in_one_line(call: Call, course: Path, words: list[str], told: str) -> None:
    (course / "empty").mkdir()
    (course / "picture.png").write_bytes(b"\x89PNG")
    result = call(*words)
    assert result.exit_code == Exit.WRONG_CALL
    assert one_line(result.stderr), result.stderr
    assert told in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("points: 50", "points: 50\n    pionts: 5", "pionts"),
        ("weight: 1}", "weight: heavy}", "weight"),
        ("adds:", "subtracts:", "adds"),
        ("items:", "items: [", "not valid YAML"),
    ],
    ids=["unknown key", "not a number", "no such check", "no YAML"],
)
def test_a_mistake_in_the_rubric_is_told_with_its_place(
    call: Call, course: Path, old: str, new: str, told: str
) -> None:
    path = course / "rubrics" / "tiny" / "rubric.yaml"
    path.write_text(path.read_text().replace(old, new))
    result = call("grade", "in")
    assert result.exit_code == Exit.WRONG_CALL
    assert one_line(result.stderr), result.stderr
    assert "rubric.yaml" in result.stderr
    assert told in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["grade"],
        ["grade", "in", "--job", "2"],
        ["grade", "in", "--jobs", "0"],
        ["grad"],
        ["grade", "in", "--fail-under", "101"],
    ],
)
def test_a_call_that_does_not_parse_answers_two_without_a_traceback(call: Call, words: list[str]) -> None:
    result = call(*words)
    assert result.exit_code == Exit.WRONG_CALL
    assert "Traceback" not in result.output


def test_an_unforeseen_fault_is_ours_and_no_score(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError("in the grader")

    monkeypatch.setattr(cli.batch, "grade", broken)
    result = call("grade", "in")
    assert result.exit_code == Exit.HARNESS_FAILED
    assert "this is a fault of the grader: ZeroDivisionError" in result.stderr


def test_student_code_is_not_run_with_less_than_confined_unless_told(
    call: Call, monkeypatch: pytest.MonkeyPatch, executor: FakeExecutor
) -> None:
    monkeypatch.setattr(choose.isolation, "strongest", lambda: Level.PROCESS)
    result = call("grade", "in")
    assert result.exit_code == Exit.WRONG_CALL
    assert "--sandbox process" in result.stderr
    assert executor.recorded == []
    assert call("grade", "in", "--sandbox", "none").exit_code == Exit.DONE
    assert call("check", "in/a.ipynb").exit_code == Exit.DONE


def test_the_portable_executor_has_to_be_accepted_in_words(call: Call) -> None:
    result = call("grade", "in", "--executor", "jupyter")
    assert result.exit_code == Exit.WRONG_CALL
    assert "--sandbox process" in result.stderr
    assert call("grade", "in", "--executor", "jupyter", "--sandbox", "process").exit_code == Exit.DONE


def test_a_level_that_can_not_be_had_is_told_in_one_line(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def demand(level: Level) -> Level:
        raise ExecutorError("the kernel offers no Landlock")

    monkeypatch.setattr(choose.isolation, "demand", demand)
    result = call("grade", "in", "--sandbox", "confined")
    assert result.exit_code == Exit.WRONG_CALL
    assert result.stderr == "grader: --sandbox confined: the kernel offers no Landlock\n"


def test_the_assignment_that_the_notebook_is_for_is_found_among_several(call: Call, course: Path) -> None:
    other = course / "rubrics" / "other"
    shutil.copytree(course / "rubrics" / "tiny", other)
    text = (other / "rubric.yaml").read_text()
    text = text.replace("assignment: tiny", "assignment: other").replace("tiny.ipynb", "other.ipynb")
    (other / "rubric.yaml").write_text(text.replace("[double, total]", "[halve]"))
    assert call("grade", "in", "--out", "found").exit_code == Exit.DONE
    assert json.loads((course / "found" / "run.json").read_text())["assignment"]["id"] == "tiny"


def test_regrade_follows_the_rubric_and_runs_nothing(call: Call, course: Path, executor: FakeExecutor) -> None:
    call("grade", "in")
    ran = list(executor.recorded)
    path = course / "rubrics" / "tiny" / "rubric.yaml"
    path.write_text(path.read_text().replace("pass_mark: 70", "pass_mark: 40"))
    result = call("regrade", "reports")
    assert result.exit_code == Exit.DONE
    assert "3 submissions: 2 passed" in result.stdout
    assert executor.recorded == ran


@pytest.mark.parametrize("name", EXPORTS)
def test_export_prints_or_writes_each_format(call: Call, course: Path, name: str) -> None:
    call("grade", "in")
    printed = call("export", "reports", "--to", name)
    assert printed.exit_code == Exit.DONE
    assert printed.stdout
    assert call("export", "reports", "--to", name, "--out", "file").exit_code == Exit.DONE
    assert (course / "file").read_text() == printed.stdout


def test_an_export_that_can_not_be_written_is_a_wrong_call(call: Call, course: Path) -> None:
    call("grade", "in")
    result = call("export", "reports", "--to", "csv", "--out", "nowhere/file")
    assert result.exit_code == Exit.WRONG_CALL
    assert one_line(result.stderr), result.stderr
    assert "nowhere/file: can't be written" in result.stderr


def test_one_late_notebook_joins_the_class_and_is_counted_alone(call: Call, course: Path) -> None:
    call("grade", "in")
    (course / "late").mkdir()
    (course / "in" / "a.ipynb").rename(course / "late" / "z.ipynb")
    result = call("grade", "late/z.ipynb", "--fail-under", "70")
    assert result.exit_code == Exit.DONE
    assert "1 submission: 1 passed, 0 below the pass mark." in result.stdout
    assert "The class page also has 3 submissions of earlier calls." in result.stdout


def test_export_as_csv_is_the_gradebook(call: Call, course: Path) -> None:
    call("grade", "in")
    assert call("export", "reports", "--to", "csv").stdout == (course / "reports" / "grades.csv").read_text()


# --- check ----------------------------------------------------------------------------------


def test_check_tells_each_public_check_in_order_and_what_to_mend(call: Call) -> None:
    result = call("check", "in/b.ipynb")
    assert result.exit_code == Exit.BELOW_MARK
    assert "TODO 1: double" in result.stdout
    assert "Every number is doubled" in result.stdout
    assert "Mend first\n 1. TODO 1: double" in result.stdout
    assert "Hint: the factor" in result.stdout
    assert "The numbers are added" not in result.stdout  # a hidden check


def test_an_extension_that_was_not_begun_is_nothing_to_mend(call: Call, course: Path) -> None:
    path = course / "rubrics" / "tiny" / "rubric.yaml"
    path.write_text(
        path.read_text().replace(
            "    points: 50\n    checks:\n      doubles",
            "    points: 50\n    extension: true\n    checks:\n      doubles",
        )
    )
    result = call("check", "in/c.ipynb")
    assert "TODO 1: double (extension)" in result.stdout
    assert "Mend first" not in result.stdout


def test_what_fails_several_checks_of_an_item_is_said_once(call: Call, course: Path) -> None:
    folder = course / "rubrics" / "tiny"
    twin = "def doubles_again(answer, expected):\n    return close(answer, expected, atol=0.1)\n"
    with (folder / "questions.py").open("a") as file:
        file.write(f"\n@check('double', doubled)\n{twin}")
    rubric = (folder / "rubric.yaml").read_text()
    (folder / "rubric.yaml").write_text(
        rubric.replace("  - id: total", "      doubles_again: {weight: 1}\n  - id: total")
    )
    result = call("check", "in/b.ipynb")
    assert result.stdout.count("[fail]") == 2
    assert result.stdout.count("You tripled") == 1
    assert " 2. " not in result.stdout


def test_check_of_a_right_notebook_answers_zero(call: Call) -> None:
    result = call("check", "in/a.ipynb")
    assert result.exit_code == Exit.DONE
    assert "the pass mark of 70 % is reached" in result.stdout
    assert "Mend first" not in result.stdout


def test_check_writes_no_file(call: Call, course: Path) -> None:
    before = sorted(course.rglob("*.*"))
    call("check", "in/a.ipynb")
    assert sorted(path for path in course.rglob("*.*") if "__pycache__" not in path.parts) == [
        path for path in before if "__pycache__" not in path.parts
    ]


def test_watch_checks_again_at_each_save_until_ctrl_c(
    call: Call, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = course / "in" / "b.ipynb"
    waits = 0

    def sleep(seconds: float) -> None:
        nonlocal waits
        waits += 1
        if waits == 1:
            write_notebook(notebook, RIGHT)
            os.utime(notebook, ns=(1, 1))
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr(cli.time, "sleep", sleep)
    result = call("check", str(notebook), "--watch")
    assert result.stdout.index("is not reached yet") < result.stdout.index("is reached")
    assert result.exit_code == Exit.DONE


def test_nothing_that_a_student_wrote_moves_the_terminal(call: Call, course: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e[bold]"
    write_notebook(course / "in" / "d.ipynb", f"def double(x):\n    raise ValueError({evil!r})\n")
    for result in (call("check", "in/d.ipynb"), call("grade", "in", "--verbose")):
        assert "\x1b" not in result.output
        assert "\x07" not in result.output
        assert "\u202e" not in result.output


# --- help -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["grade", "check", "regrade", "export", "doctor"])
def test_help_has_examples(call: Call, command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == Exit.DONE
    assert f"\n    grader {command}" in result.stdout


def test_doctor_names_each_level_and_what_is_lacking(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [
        Layer("level namespaces", False, "user namespaces\nare \x1b[31mnot allowed"),
        Layer("level process", True, ""),
    ]
    monkeypatch.setattr(cli.isolation, "probe", lambda: layers)
    result = call("doctor")
    assert result.exit_code == Exit.DONE
    assert "no   level namespaces  user namespaces are not allowed" in result.stdout
    assert "yes  level process" in result.stdout


def test_version(call: Call) -> None:
    assert call("--version").stdout.startswith("notebook-grader ")


# --- the real thing -------------------------------------------------------------------------

SLOW = "import time\ntime.sleep({seconds})\n" + RIGHT


def _grader(course: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "grader", *words],
        cwd=course,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_a_run_that_was_ended_in_the_middle_continues(course: Path, how: signal.Signals) -> None:
    write_notebook(course / "in" / "b.ipynb", SLOW.format(seconds=3))
    words = ("grade", "in", "--jobs", "1", "--sandbox", "process")
    process = _grader(course, *words)
    first = course / "reports" / "submissions" / "a" / "report.json"
    _wait_for(first.exists, process)
    process.send_signal(how)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == (-how if how == signal.SIGKILL else Exit.INTERRUPTED), output
    before = first.read_bytes()
    assert json.loads(before)["percent"] == 100

    again = _grader(course, *words)
    output, _ = again.communicate(timeout=120)
    assert again.returncode == Exit.DONE, output
    assert "a: 100 %, passed (recorded before)" in output
    assert "b: 100 %, passed" in output
    assert first.read_bytes() == before
    leftovers = [path.name for path in (course / "reports").rglob("*.tmp")]
    assert leftovers == []


def test_twice_with_one_seed_is_the_same_bytes_with_one_and_two_jobs(course: Path) -> None:
    for out, jobs in (("one", "1"), ("two", "2")):
        process = _grader(course, "grade", "in", "--out", out, "--jobs", jobs, "--seed", "x", "--sandbox", "process")
        output, _ = process.communicate(timeout=120)
        assert process.returncode == Exit.DONE, output
    for name in "abc":
        one, two = (course / out / "submissions" / name / "report.json" for out in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    shutil.rmtree(course / "one")
