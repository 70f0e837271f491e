"""Grades attackers beside honest neighbours and says what they brought about.

``python -m tests.hostile.arena LEVEL`` does it for the quick attacks as the user who calls, and prints the problems
as JSON, or why the level can't be had.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from grader.assignment import Assignment, load_assignment
from grader.batch import Moment, Result, Settings, grade
from grader.console import outcome_line
from grader.execute import processes
from grader.execute.isolation import lacking
from grader.execute.levels import Level
from grader.execute.warm import WarmExecutor
from grader.model import Limits
from grader.submissions import find
from tests.hostile import inspection
from tests.hostile.attack import SOLUTION, Attack
from tests.tiny import write_assignment, write_notebook

ROOT = Path(__file__).parents[2]
LIMITS = Limits(
    cell_seconds=1.2, notebook_seconds=4, question_seconds=1.5, cpu_seconds=8, memory_bytes=400 << 20, processes=24,
    open_files=128, file_bytes=8 << 20, disk_bytes=32 << 20, output_bytes=20_000, displays=20, image_bytes=500_000,
    images=4, answer_bytes=1 << 20, restarts=1,
)  # fmt: skip
HONEST = ("aa-honest", "zz-honest")


class Kept(WarmExecutor):
    """One zygote for many batches: what a batch left would be met by the next."""

    def __exit__(self, *_error: object) -> None:
        """See `close`."""

    def close(self) -> None:
        super().__exit__(None, None, None)

    def running(self) -> dict[int, str]:
        """The zygote and what runs below it: start time by pid."""
        pid = self._current().pid
        return {number: inspection.born(number) for number in (pid, *processes.descendants(pid))}


@dataclass
class Arena:
    """A place for batches at one level, with secrets to be found and services to be reached."""

    level: Level
    root: Path
    values: dict[str, str]
    assignment: Assignment
    executor: Kept
    reached: list[str] = field(default_factory=list)
    """Services that somebody connected to."""

    def run(self, attacks: Sequence[Attack]) -> list[str]:
        """Grade ``attacks`` beside the honest; what went wrong, in words."""
        handed_in, out = self.root / "in", self.root / "out"
        for folder in (handed_in, out):
            shutil.rmtree(folder, ignore_errors=True)
        self.reached.clear()
        _make_outside(self.values)
        self._hand_in(handed_in, attacks)
        result, lines, alive = self._grade(handed_in, out)
        return [
            *inspection.ended(result, attacks, HONEST),
            *inspection.points(result, attacks),
            *inspection.honest_as_ever(out, self.honest, HONEST),
            *inspection.secrets_in(out, self.values["TOKEN"], HONEST),
            *inspection.pages(out, self.values["TOKEN"]),
            *inspection.lines(lines),
            *inspection.marks(self.values, self.root),
            *[f"reached: {service}" for service in self.reached],
            *inspection.processes_left(alive, self.values["TOKEN"]),
        ]

    @property
    def honest(self) -> dict[str, bytes]:
        """The honest ones' reports from a batch without anybody else."""
        if not hasattr(self, "_honest"):
            handed_in, out = self.root / "alone", self.root / "out-alone"
            self._hand_in(handed_in, ())
            self._grade(handed_in, out)
            self._honest = {name: (out / "submissions" / name / "report.json").read_bytes() for name in HONEST}
        return self._honest

    def _hand_in(self, folder: Path, attacks: Sequence[Attack]) -> None:
        for name in HONEST:
            write_notebook(folder / f"{name}.ipynb", f"# canary-neighbour-{self.values['TOKEN']}\n{SOLUTION}")
        for attack in attacks:
            own = folder / attack.id
            own.mkdir(parents=True)
            if attack.file is not None:
                attack.file(own, self.values)
            else:
                write_notebook(own / "handed-in.ipynb", *(self._filled(cell) for cell in attack.cells))

    def _filled(self, text: str) -> str:
        for name, value in self.values.items():
            text = text.replace(f"@{name}@", value)
        return text

    def _grade(self, handed_in: Path, out: Path) -> tuple[Result, list[str], dict[int, str]]:
        lines: list[str] = []

        def progress(moment: Moment) -> None:
            if moment.last is not None:
                lines.append(outcome_line(moment.last))

        settings = Settings(out, jobs=2, seed=f"canary-seed-{self.values['TOKEN']}", sandbox=self.level.value)
        with self.executor:
            before = self.executor.running()
        with watched(before) as alive:
            result = grade(find([handed_in]), self.assignment, self.executor, settings, progress)
        return result, lines, alive


@contextmanager
def arena(level: Level) -> Iterator[Arena]:
    """Everything that attackers could reach, in a folder that any user could write to."""
    root = Path(tempfile.mkdtemp(prefix="hostile-")).resolve()
    root.chmod(0o755)
    token = f"tok{secrets.token_hex(6)}"
    values = _values(root, token)
    reached: list[str] = []
    os.environ["GRADER_CANARY"] = f"canary-environ-{token}"
    try:
        with _services(values, reached):
            rules = Path(values["RUBRIC"])
            assignment = replace(load_assignment(rules), limits=LIMITS)
            executor = Kept(level)
            try:
                yield Arena(level, root, values, assignment, executor, reached)
            finally:
                executor.close()
    finally:
        os.environ.pop("GRADER_CANARY", None)
        shutil.rmtree(root, ignore_errors=True)


def _values(root: Path, token: str) -> dict[str, str]:
    rules = write_assignment(root)
    for name, secret in (("questions.py", "rubric"), ("reference/__init__.py", "reference"), ("rubric.yaml", "yaml")):
        with (rules / name).open("a") as file:
            file.write(f"\n# canary-{secret}-{token}\n")
    write_notebook(root / "elsewhere.ipynb", SOLUTION)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {
        "TOKEN": token, "KEY": token[-6:], "GRADER": str(os.getpid()), "OUT": str(root / "out"), "IN": str(root / "in"),
        "RUBRIC": str(rules), "OUTSIDE": str(root / "outside"), "ROOT": str(ROOT), "PREFIX": sys.prefix, "FREEPORT": str(port),
        "UNIX": str(root / "service"), "DATAGRAM": str(root / "datagrams"),
    }  # fmt: skip


def _make_outside(values: dict[str, str]) -> None:
    outside = Path(values["OUTSIDE"])
    shutil.rmtree(outside, ignore_errors=True)
    outside.mkdir()
    outside.chmod(0o777)
    (outside / "secret").write_text(f"canary-file-{values['TOKEN']}")
    (outside / "secret").chmod(0o666)


@contextmanager
def _services(values: dict[str, str], reached: list[str]) -> Iterator[None]:
    tcp = socket.create_server(("127.0.0.1", 0))
    values["PORT"] = str(tcp.getsockname()[1])
    unix, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    unix.bind(values["UNIX"])
    abstract.bind(f"\0{values['TOKEN']}-service")
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagrams.bind(values["DATAGRAM"])
    for path in (values["UNIX"], values["DATAGRAM"]):
        Path(path).chmod(0o777)
    servers = {"a port": tcp, "a unix socket": unix, "an abstract socket": abstract, "a datagram socket": datagrams}
    for name, server in servers.items():
        if server is not datagrams:
            server.listen()
        threading.Thread(target=_listen, args=(name, server, reached), daemon=True).start()
    try:
        yield
    finally:
        for server in servers.values():
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()


def _listen(name: str, server: socket.socket, reached: list[str]) -> None:
    while True:
        try:
            if server.type is socket.SOCK_DGRAM:
                if not server.recv(100):
                    return
            else:
                server.accept()[0].close()
        except OSError:
            return
        reached.append(name)


@contextmanager
def watched(before: Container[int]) -> Iterator[dict[int, str]]:
    """Everything that ran below this process meanwhile, and not ``before``: start time by pid."""
    seen: dict[int, str] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            for pid in processes.descendants(os.getpid()):
                if pid not in before and pid not in seen:
                    seen[pid] = inspection.born(pid)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def main(level: Level) -> Any:
    """What ``QUICK`` attacks bring about at ``level`` for the user who calls."""
    from tests.hostile.groups import QUICK

    reason = lacking(level)
    if reason is not None:
        return {"lacking": reason}
    with arena(level) as place:
        chosen = [attack for attack in QUICK if list(Level).index(attack.needs) <= list(Level).index(level)]
        return {"problems": place.run(chosen), "attacks": len(chosen), "user": os.getuid()}


if __name__ == "__main__":
    began = time.monotonic()
    found = main(Level(sys.argv[1]))
    print(json.dumps({**found, "seconds": time.monotonic() - began}))  # noqa: T201  for who called
