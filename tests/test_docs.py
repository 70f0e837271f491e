"""What the documents say is so: commands run, options exist and are told, links lead somewhere, examples work."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from grader import choose, cli
from grader.assignment import load_assignment
from grader.choose import Exit
from grader.execute.levels import Level
from grader.export import EXPORTS
from tests.tiny import RIGHT, FakeExecutor, write_assignment, write_notebook

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS: dict[str, Any] = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]

STANDARDISE = "def standardise(X):\n    return (X - X.mean(axis=0)) / X.std(axis=0)\n"
ROWS = "def standardise(X):\n    return ((X.T - X.mean(axis=1)) / X.std(axis=1)).T\n"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def documented(page: Path) -> list[str]:
    """The lines after ``$`` in the page's console blocks."""
    lines = "".join(blocks(page, "console")).splitlines()
    assert all(line.startswith("$ ") for line in lines)
    return [line.removeprefix("$ ") for line in lines]


def parameters(command: str) -> Iterator[str]:
    for parameter in COMMANDS[command].params:
        if parameter.param_type_name == "option":
            yield from (name for name in parameter.opts if name not in ("--help", "-h"))


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the documented commands find what they name."""
    warmup = tmp_path / "rubrics" / "warmup"
    for name, text in example_files().items():
        (warmup / name).parent.mkdir(parents=True, exist_ok=True)
        (warmup / name).write_text(text)
    write_assignment(tmp_path)
    write_notebook(tmp_path / "submissions" / "tiny.ipynb", RIGHT)
    write_notebook(tmp_path / "late" / "ana.ipynb", RIGHT)
    write_notebook(tmp_path / "activity-09-introduction-to-generative-models.ipynb", RIGHT)
    write_notebook(tmp_path / "warmup.ipynb", STANDARDISE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(choose, "EXECUTORS", {"warm": lambda level: FakeExecutor()})
    monkeypatch.setattr(choose.isolation, "strongest", lambda: Level.NAMESPACES)
    monkeypatch.setattr(choose.isolation, "demand", lambda level: level)
    monkeypatch.setattr(cli, "_wait_for_save", lambda *args: False)
    return tmp_path


def example_files() -> dict[str, str]:
    """The files of the example assignment, as the page for authors shows them."""
    text = (ROOT / "docs" / "rubric-authors.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^`rubrics/warmup/(.+?)`:\n\n```\w+\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_documented_command_runs(course: Path, page: Path) -> None:
    for line in documented(page):
        program, *words = shlex.split(line)
        if program == "make":
            assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
            continue
        assert program == "grader", line
        result = CliRunner().invoke(cli.app, words)
        assert result.exit_code == Exit.DONE, f"{line}\n{result.output}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_documented(command: str) -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    part = re.search(rf"^## grader {command}\b.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert part, f"docs/commands.md has no part on `grader {command}`"
    missing = [name for name in parameters(command) if not re.search(rf"{name}\b", part[0])]
    assert not missing


def test_no_option_is_documented_that_does_not_exist() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for command, part in re.findall(r"^## grader (\w+)(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", part))
        assert told <= set(parameters(command)), command


def test_every_status_and_format_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert all(re.search(rf"^\| {status.value} \|", text, re.MULTILINE) for status in Exit)
    for page in ("commands.md", "instructors.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        assert all(f"`{name}`" in text for name in EXPORTS)


def test_every_input_of_the_action_is_documented() -> None:
    text = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    assert all(f"`{name}`" in text for name in inputs)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_example_assignment_grades_right_and_wrong_work(course: Path) -> None:
    write_notebook(course / "class" / "right.ipynb", STANDARDISE)
    write_notebook(course / "class" / "rows.ipynb", ROWS)
    words = ["grade", "class", "--assignment", "rubrics/warmup", "--out", "out"]
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == Exit.DONE, result.output
    reports = [json.loads((course / f"out/submissions/{name}/report.json").read_text()) for name in ("right", "rows")]
    assert [report["percent"] for report in reports] == [100, 0]
    diagnoses = {check["diagnosis"] for check in reports[1]["items"][0]["checks"]}
    assert "standardise.rows_instead" in diagnoses


def test_the_example_says_of_itself_what_it_is(course: Path) -> None:
    assignment = load_assignment(course / "rubrics" / "warmup")
    assert sorted(example_files()) == ["questions.py", "reference/__init__.py", "rubric.yaml"]
    assert {key for key, _ in assignment.checks} == {"standardise"}
