"""What the machine is said to offer is what it offers, and what is demanded and not there is named."""

from __future__ import annotations

import importlib
import os
import platform
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grader.execute import ExecutorError, cgroup, client, isolation, landlock, linux, readable, seccomp
from grader.execute.isolation import Level
from grader.execute.warm import WarmExecutor
from grader.model import CellStatus, Limits, Paper
from tests.execute.conftest import notebook


def test_the_strongest_level_is_the_first_that_lacks_nothing() -> None:
    works = [level for level in reversed(Level) if isolation.lacking(level) is None]
    assert isolation.strongest() is works[0]


def test_probe_has_a_row_for_each_level_and_agrees_with_what_can_be_demanded() -> None:
    rows = {row.layer: row for row in isolation.probe()}
    for level in Level:
        row = rows[f"level {level}"]
        assert row.detail
        if row.works:
            assert isolation.demand(level) is level
        else:
            with pytest.raises(ExecutorError, match=str(level)):
                isolation.demand(level)


def test_what_is_demanded_and_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "lacking", lambda level: "the kernel is too old")
    with pytest.raises(ExecutorError, match=r"`confined` can't be had on this machine: the kernel is too old"):
        isolation.demand("confined")
    with pytest.raises(ExecutorError, match="cannot be run on this machine"):
        isolation.strongest()


def test_an_unknown_level_is_no_level() -> None:
    with pytest.raises(ValueError, match="nothing"):
        WarmExecutor("nothing")


@pytest.mark.parametrize("hole", list(isolation.FORBIDDEN))
def test_a_level_that_lets_one_attempt_through_does_not_count(monkeypatch: pytest.MonkeyPatch, hole: str) -> None:
    found = dict.fromkeys(isolation.FORBIDDEN, False)
    found |= {"work": True, "status": {"Seccomp": "2", "NoNewPrivs": "1"}, hole: True}
    monkeypatch.setattr(isolation, "_try", lambda level: (found, ()))
    monkeypatch.setattr(landlock, "abi", lambda: 1)
    monkeypatch.setattr(linux, "supported", lambda: True)
    assert isolation.lacking.__wrapped__(Level.CONFINED) == isolation.FORBIDDEN[hole]
    assert isolation.lacking.__wrapped__(Level.PROCESS) is None


# --- the filter ---------------------------------------------------------------------------------


def verdict(machine: str, number: int, *arguments: int, arch: int | None = None, more: tuple[Any, ...] = ()) -> int:
    """Interpret the filter as the kernel would; returns the action."""
    data = struct.pack("<iI", number, seccomp._ARCHES[machine] if arch is None else arch) + struct.pack(
        "<Q6Q", 0, *(arguments + (0,) * 6)[:6]
    )
    program = seccomp.program_for(machine, *more)
    register, at = 0, 0
    while True:
        code, true, false, k = program[at]
        at += 1
        if code == seccomp._RET:
            return k
        if code == seccomp._LD_W_ABS:
            (register,) = struct.unpack_from("<I", data, k)
        elif code == seccomp._AND:
            register &= k
        else:
            holds = {
                seccomp._JEQ: register == k, seccomp._JGE: register >= k, seccomp._JSET: bool(register & k),
            }[code]  # fmt: skip
            at += true if holds else false


ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_denies_what_is_listed_and_allows_the_rest(machine: str) -> None:
    column = ["x86_64", "aarch64"].index(machine)
    denied = {numbers[column] for numbers in seccomp.DENIED.values()} - {None}
    special = {seccomp._CLONE3[column]}
    for number in range(seccomp._YOUNGEST):
        expected = EPERM if number in denied else ENOSYS if number in special else ALLOW
        if number != seccomp._SOCKETPAIR[column]:
            assert verdict(machine, number) == expected, number
    assert verdict(machine, seccomp._YOUNGEST) == ENOSYS


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_looks_at_arguments(machine: str) -> None:
    column = ["x86_64", "aarch64"].index(machine)
    clone, ioctl, pair = (seccomp._CLONE[column], seccomp._IOCTL[column], seccomp._SOCKETPAIR[column])
    assert verdict(machine, clone, 0x1200011) == ALLOW  # what fork asks for
    assert verdict(machine, clone, 0x3D0F00) == ALLOW  # what a thread asks for
    assert verdict(machine, clone, 0x10000011) == verdict(machine, clone, linux.CLONE_NEWNET) == EPERM
    assert verdict(machine, ioctl, 1, 0x5401) == ALLOW
    assert verdict(machine, ioctl, 1, 0x5412) == EPERM
    assert verdict(machine, pair, 1, 1 | 0o2000000) == verdict(machine, pair, 1, 5) == ALLOW
    assert verdict(machine, pair, 1, 2) == EPERM


def test_calls_of_another_architecture_kill() -> None:
    assert verdict("x86_64", 1, arch=0x40000003) == 0x80000000
    assert verdict("x86_64", 0x40000000 + 1) == EPERM  # x32
    assert verdict("aarch64", 1, arch=0x40000028) == 0x80000000


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("group", ["SIGNALS", "METADATA", "TRUNCATION"])
def test_more_is_denied_where_nothing_else_holds_it(machine: str, group: str) -> None:
    column = ["x86_64", "aarch64"].index(machine)
    more = getattr(seccomp, group)
    numbers = [pair[column] for pair in more.values() if pair[column] is not None]
    assert numbers
    for number in numbers:
        assert verdict(machine, number, more=(more,)) == EPERM
        assert verdict(machine, number) == ALLOW


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_opening_cannot_truncate_where_landlock_does_not_know_of_it(machine: str) -> None:
    openat = seccomp._OPENAT[["x86_64", "aarch64"].index(machine)]
    assert openat is not None
    more = (seccomp.TRUNCATION,)
    assert verdict(machine, openat, 3, 0, os.O_RDONLY | os.O_TRUNC | os.O_CLOEXEC, more=more) == EPERM
    assert verdict(machine, openat, 3, 0, os.O_WRONLY | os.O_TRUNC | os.O_CREAT, more=more) == ALLOW
    assert verdict(machine, openat, 3, 0, os.O_RDONLY | os.O_CLOEXEC, more=more) == ALLOW
    assert verdict(machine, 437, more=more) == ENOSYS
    assert verdict(machine, 437) == ALLOW


@pytest.mark.skipif(platform.machine() not in linux.SYSCALLS, reason="numbers unknown")
def test_numbers_agree_with_this_machines_headers() -> None:
    column = ["x86_64", "aarch64"].index(platform.machine())
    headers = [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm-generic/unistd.h")]
    if not headers[column].exists():
        pytest.skip("no kernel headers here")
    lines = (line.split() for line in headers[column].read_text().splitlines() if line.startswith("#define __NR"))
    known = {words[1].removeprefix("__NR3264_").removeprefix("__NR_"): words[2] for words in lines if len(words) > 2}
    checked = 0
    for name, numbers in {**seccomp.DENIED, **seccomp.SIGNALS, **seccomp.METADATA, **seccomp.TRUNCATION}.items():
        if name in known and known[name].isdigit():
            assert numbers[column] == int(known[name]), name
            checked += 1
    assert checked > 60


# --- what can be read ---------------------------------------------------------------------------


def test_what_is_hidden_is_cut_out_of_what_is_readable(tmp_path: Path) -> None:
    for name in ("a/secret/deep", "a/open", "b"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("a")
    hidden = [tmp_path / "a" / "secret"]
    assert readable.inside(hidden, [tmp_path]) == hidden
    assert readable.inside(hidden, hidden) == []
    assert sorted(readable.without(tmp_path, hidden)) == [tmp_path / "a" / "open", tmp_path / "b"]
    assert readable.without(tmp_path / "b", hidden) == [tmp_path / "b"]


def test_paths_of_projects_are_not_handed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), "", *sys.path])
    assert str(tmp_path) not in client.import_path()
    assert any(Path(entry).name in ("site-packages", "dist-packages") for entry in client.import_path())


def test_only_the_workers_modules_are_delivered() -> None:
    names = set(client.sources())
    assert {"grader", "grader.model", "grader.wire", "grader.worker.main", "grader.execute.zygote"} <= names
    assert not names & {"grader.judge", "grader.rubric", "grader.compare", "grader.exam", "grader.cli", "grader.asks"}


@pytest.mark.parametrize("level", [Level.CONFINED, Level.NAMESPACES], ids=str)
def test_a_hidden_folder_inside_of_the_packages_is_not_read(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    if isolation.lacking(level) is not None:
        pytest.skip(str(isolation.lacking(level)))
    folder = Path(importlib.import_module("markupsafe").__file__ or "").parent
    monkeypatch.setattr(client, "hidden", lambda: [str(folder)])
    with WarmExecutor(level) as executor:
        cells = (f"open({str(folder / '__init__.py')!r}).read()", "import jinja2_is_not_there", "import colorsys, wave")
        found = executor.record(notebook(*cells), Paper(()))
    assert [run.status for run in found.cells] == [CellStatus.ERROR, CellStatus.ERROR, CellStatus.OK]
    assert found.cells[0].error is not None
    assert found.cells[0].error.type in ("PermissionError", "FileNotFoundError")


# --- control groups -----------------------------------------------------------------------------


def test_limits_are_written_and_folders_removed(tmp_path: Path) -> None:
    limits = Limits(memory_bytes=100, disk_bytes=11, processes=5)

    class Fake(cgroup.Group):
        """A folder without a kernel behind it has no file ``cgroup.procs`` of its own."""

    real = Path.mkdir

    def mkdir(self: Path, *arguments: object, **named: object) -> None:
        real(self)
        (self / "cgroup.procs").touch()
        (self / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "mkdir", mkdir)
        group = Fake([(tmp_path / "g", cgroup.V2)], limits)
    assert (tmp_path / "g" / "memory.max").read_text() == "111"
    assert (tmp_path / "g" / "pids.max").read_text() == "7"
    assert len(group.gates) == 1
    assert group.out_of_memory()
    for file in (tmp_path / "g").iterdir():
        file.unlink()
    group.remove()
    assert not (tmp_path / "g").exists()
    assert group.gates == ()


def test_what_a_killed_grader_left_is_swept(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    stale, alive = tmp_path / f"{cgroup.PREFIX}{ended.pid}-1", tmp_path / f"{cgroup.PREFIX}1-1"
    (stale / "7").mkdir(parents=True)
    alive.mkdir()
    cgroup._sweep(tmp_path)
    assert not stale.exists()
    assert alive.exists()


FORKS = """
import os, sys, time
for gate in map(int, sys.argv[1:]):
    os.write(gate, b"0")
made = 0
try:
    for _ in range(20):
        if os.fork() == 0:
            time.sleep(1)
            os._exit(0)
        made += 1
except OSError:
    pass
print(made)
"""


def test_groups_hold_where_they_can_be_had() -> None:
    reason = cgroup.available()
    if reason is not None:
        pytest.skip(reason)
    groups = cgroup.Groups()
    group = groups.group("one", Limits(processes=3))
    command = [sys.executable, "-c", FORKS, *map(str, group.gates)]
    child = subprocess.run(command, pass_fds=group.gates, capture_output=True, text=True)
    assert int(child.stdout) < 5
    group.remove()
    groups.close()
