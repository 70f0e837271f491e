"""The batch ends, honest neighbours get what they always get, nobody gains a point, nothing is left and nothing leaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.execute.isolation import lacking
from grader.execute.levels import Level
from tests.hostile.arena import Arena, arena
from tests.hostile.groups import GROUPS, QUICK

ROOT = Path(__file__).parents[2]
NOBODY = 65432
"""An ordinary user that no machine has."""


@pytest.fixture(scope="module", params=list(Level), ids=str)
def place(request: pytest.FixtureRequest) -> Iterator[Arena]:
    reason = lacking(request.param)
    if reason is not None:
        pytest.skip(f"{request.param}: {reason}")
    with arena(request.param) as made:
        yield made


def test_the_table_is_as_long_as_it_should_be() -> None:
    attacks = [attack for group in GROUPS.values() for attack in group]
    assert len({attack.id for attack in attacks}) == len(attacks)
    assert len(attacks) >= 70
    assert all(attack.tries and bool(attack.cells) != bool(attack.file) for attack in attacks)


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_attackers_bring_nothing_about(place: Arena, group: str) -> None:
    held = [attack for attack in GROUPS[group] if list(Level).index(attack.needs) <= list(Level).index(place.level)]
    if not held:
        pytest.skip(f"nothing of this is promised at the level {place.level}")
    assert place.run(held) == []


@pytest.mark.parametrize("level", list(Level), ids=str)
def test_the_same_as_an_ordinary_user(level: Level) -> None:
    if os.getuid() != 0:
        pytest.skip("who runs the tests is an ordinary user, so the other tests are that")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.hostile.arena", level.value],
        user=NOBODY, group=NOBODY, extra_groups=[], cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Permission denied" in ran.stderr or "PermissionError" in ran.stderr:
        pytest.skip("an ordinary user can't read the interpreter or the repository here")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    if "lacking" in found:
        pytest.skip(f"{level}: {found['lacking']}")
    assert found["user"] == NOBODY
    assert found["problems"] == []
    assert found["attacks"] >= len(QUICK) // 3
