"""The batch ends, the honest get what they always get, nobody gains a point, nothing is left and nothing leaks."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator

import pytest

from grader.execute.isolation import lacking
from grader.execute.levels import Level
from tests.hostile import ordinary
from tests.hostile.arena import Arena, arena
from tests.hostile.groups import GROUPS, QUICK


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


def test_the_attacks_do_what_they_try_where_nothing_is_promised() -> None:
    """Otherwise that they fail at a level would say nothing about it. Only those that touch nothing outside."""
    known = {attack.id: attack for group in GROUPS.values() for attack in group}
    with arena(Level.PROCESS) as open_place:
        found = "\n".join(open_place.run([known[name] for name in HARMLESS]))
    for name, told in HARMLESS.items():
        assert told in found, name


HARMLESS = {
    "abstract-socket-1-leaves": "abstract-socket-2-takes/handed-in.ipynb: 100.0 points",
    "abstract-socket-2-takes": "abstract-socket-2-takes/handed-in.ipynb: 100.0 points",
    "canary-file": "holds canary-file",
    "command-lines-of-others": "command-lines-of-others__handed-in: [b'FOUND /proc/",
    "loopback": "reached: a port",
    "mark-by-link": "left ",
    "neighbours": "neighbours/handed-in.ipynb: 100.0 points",
    "rubric-on-the-disk": "rubric-on-the-disk/handed-in.ipynb: 100.0 points",
    "run-folder": "holds canary-seed",
    "unix-datagram": "reached: a datagram socket",
    "unix-socket": "reached: a unix socket",
}


@pytest.mark.parametrize("level", list(Level), ids=str)
def test_the_same_as_an_ordinary_user(level: Level) -> None:
    if os.getuid() != 0:
        pytest.skip("who runs the tests is an ordinary user, so the other tests are that")
    ran = ordinary.run([sys.executable, "-m", "tests.hostile.arena", level.value])
    if ran is None:
        pytest.skip("an ordinary user can't read the interpreter or the repository here")
    if ran.returncode and "mount" in ran.stderr:
        pytest.skip("an ordinary user can't read the interpreter here, and nothing can be mounted to change that")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    if "lacking" in found:
        pytest.skip(f"{level}: {found['lacking']}")
    assert found["user"] == ordinary.NOBODY
    assert found["problems"] == []
    assert found["attacks"] >= len(QUICK) // 3
