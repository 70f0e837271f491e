"""What an installation holds, and what the set-up may rely on."""

from __future__ import annotations

import re
import subprocess
import tomllib
from fnmatch import fnmatch
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def tracked(folder: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a checkout")
    return [Path(name) for name in listed.stdout.splitlines()]


def test_every_file_of_the_package_is_in_the_wheel() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["grader"]
    files = [path.relative_to("grader") for path in tracked("grader") if path.suffix != ".py"]
    assert any(path.parts[:2] == ("report", "templates") for path in files)
    assert [path for path in files if not any(fnmatch(path.as_posix(), pattern) for pattern in patterns)] == []


def test_every_folder_of_the_package_is_a_package() -> None:
    folders = {path.parent for path in tracked("grader") if path.suffix == ".py"}
    assert [folder for folder in folders if not (ROOT / folder / "__init__.py").exists()] == []


def test_only_the_package_is_in_the_wheel() -> None:
    assert PROJECT["tool"]["setuptools"]["packages"]["find"]["include"] == ["grader", "grader.*"]


def test_the_command_is_there() -> None:
    (command,) = entry_points(group="console_scripts", name="grader")
    assert callable(command.load())


def test_constraints_are_exact_versions_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+( ; .+)?", line)] == []


def test_every_dependency_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.split("==")[0]) for line in lines if "==" in line}
    wanted = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"]
    assert {canonicalize_name(Requirement(one).name) for one in wanted} <= pinned


@pytest.mark.parametrize("target", ["setup", "grade", "test", "lint"])
def test_make_knows_what_the_documents_promise(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_ci_stops_at_the_first_failure_and_is_a_script() -> None:
    path = ROOT / ".ci" / "run"
    text = path.read_text()
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in text
    assert path.stat().st_mode & 0o100
    subprocess.run(["bash", "-n", str(path)], check=True)
