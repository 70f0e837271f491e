"""What a batch with attackers must not show. Each function returns problems in words, none where all is well."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path

from grader import wire
from grader.batch import Result
from grader.model import Status
from grader.store import RunFolder
from tests.hostile.attack import Attack

PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/usr/lib", "/etc", "/", "/root", "/home")
SETTLE_SECONDS = 10.0


_SHOUTED = re.compile(rb"(?<![A-Z_'])(?<!echo )(?:FOUND|IMPORTED)\b.{0,80}")
"""What an attacker printed that got somewhere; not the code that would have."""


def ended(result: Result, attacks: Sequence[Attack], honest: Sequence[str]) -> Iterator[str]:
    """The batch came to its end, with a report for everything handed in and no fault of ours."""
    expected = len(honest) + sum(attack.reports for attack in attacks)
    if result.interrupted or len(result.reports) != expected or result.total != expected:
        names = sorted(report.submission.path for report in result.reports)
        yield f"{len(result.reports)} reports of {expected} expected: {names}"
    for report in result.reports:
        if report.status is not Status.GRADED:
            yield f"{report.submission.id}: harness error {report.harness_error}"


def points(result: Result, attacks: Sequence[Attack]) -> Iterator[str]:
    """Nobody got more than the honest part of what was handed in is worth, and nobody less."""
    worth = {attack.id: attack.earns for attack in attacks}
    for report in result.reports:
        name = report.submission.path.partition("/")[0]
        if report.score != worth.get(name, 100.0):
            yield f"{report.submission.path}: {report.score} points in place of {worth.get(name, 100.0)}"


def honest_as_ever(out: Path, before: Mapping[str, bytes], honest: Sequence[str]) -> Iterator[str]:
    for name in honest:
        if (out / "submissions" / name / "report.json").read_bytes() != before[name]:
            yield f"{name}: another report than without attackers"


def secrets_in(out: Path, token: str, honest: Sequence[str]) -> Iterator[str]:
    """No secret in anything that a student, or another student, gets to see. ``run.json`` is the instructor's."""
    for path in sorted(out.rglob("*")):
        if not path.is_file() or path.name == "run.json":
            continue
        data = path.read_bytes()
        if path.name == "recording.bin":
            kept = RunFolder(out).kept(path.parent.name)
            if kept is None:
                yield f"{path.parent.name}: its recording can't be read"
                continue
            data = wire.encode(wire.to_tree(kept.recording), wire.RECORDING)
        found = set(re.findall(rb"canary-[a-z]+-" + token.encode(), data))
        own = {f"canary-neighbour-{token}".encode()} if path.parent.name in honest else set()
        for secret in found - own:
            yield f"{path.relative_to(out)}: holds {secret.decode()}"
        if path.name == "recording.bin" and _SHOUTED.search(data):
            yield f"{path.parent.name}: {_SHOUTED.findall(data)[:3]}"


class _Page(HTMLParser):
    """Collects what would run."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token
        self.problems: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        if tag in ("iframe", "object", "embed", "base", "form", "link"):
            self.problems.append(f"a <{tag}>")
        for name, value in attrs:
            text = (value or "").strip().lower()
            if name.startswith("on") or text.startswith("javascript:"):
                self.problems.append(f"<{tag} {name}={value!r}>")
            if (
                name in ("src", "href")
                and text
                and not text.startswith(("data:image/", "#", "submissions/", "..", "grades.csv"))
            ):
                self.problems.append(f"<{tag} {name}={value!r}>")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script and self.token in data:
            self.problems.append("a script with a student's text")


def pages(out: Path, token: str) -> Iterator[str]:
    """Nothing of a student's runs in the reader's browser, spreadsheet, or breaks a program that reads the files."""
    for path in [out / "index.html", *out.glob("submissions/*/report.html")]:
        text = path.read_text(encoding="utf-8")
        page = _Page(token)
        page.feed(text)
        yield from (f"{path.relative_to(out)}: {problem}" for problem in page.problems)
        if "Content-Security-Policy" not in text:
            yield f"{path.relative_to(out)}: no Content-Security-Policy"
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            yield from (f"grades.csv: {cell!r}" for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r"))
    for path in out.glob("submissions/*/report.json"):
        json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False).encode("utf-8")
        if path.parent.name != re.sub(r"[^\w.\-]", "", path.parent.name) or len(path.parent.name.encode()) > 200:
            yield f"the folder {path.parent.name!r}"


def lines(shown: Sequence[str]) -> Iterator[str]:
    """What stood on the terminal while the batch ran."""
    for line in shown:
        if re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", line):
            yield f"on the terminal: {line!r}"


def marks(values: Mapping[str, str], root: Path) -> Iterator[str]:
    """No file with the token in its name is where no student may write."""
    names = [*PLACES, values["ROOT"], values["PREFIX"]]
    for folder in names:
        yield from (f"left {path}" for path in _listed(Path(folder)) if values["TOKEN"] in path.name)
    for path in root.rglob("*"):
        inside = path.is_relative_to(root / "in") or path.is_relative_to(root / "out" / "submissions")
        if values["TOKEN"] in path.name and not inside:
            yield f"left {path}"
    secret = Path(values["OUTSIDE"]) / "secret"
    if secret.read_text() != f"canary-file-{values['TOKEN']}" or len(_listed(secret.parent)) != 1:
        yield f"changed {sorted(_listed(secret.parent))}"


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def processes_left(seen: Mapping[int, str], token: str) -> Iterator[str]:
    """Nothing that ran below the grader still does, and nothing that names the token."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (left := _left(seen, token)) and time.monotonic() < deadline:
        time.sleep(0.05)
    yield from left


def _left(seen: Mapping[int, str], token: str) -> list[str]:
    left = [f"process {pid} still runs" for pid, when in seen.items() if when and born(pid) == when]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if token.encode() in path.read_bytes() and born(int(path.parent.name)):
                left.append(f"a process of an attacker still runs: {path.parent.name}")
        except OSError:
            continue
    return left


def born(pid: int) -> str:
    """Start time of a process that lives; empty for a zombie and for none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
