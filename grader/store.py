"""The folder that a run leaves behind: written whole or not at all, read back to continue or to judge again.

Layout as in the contract of the project; ``recording.json`` beside ``recording.bin`` says what was recorded, of which
file and for which questions, so that a recording is used again only for what it answers.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from grader.model import Recording, Report, Submission, Tree
from grader.wire import RECORDING, WireError, dump_recording, encode, from_tree, load_recording, to_tree

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
try:
    import msvcrt
except ImportError:  # elsewhere
    msvcrt = None  # type: ignore[assignment]

RUN_SCHEMA = "grader/run/1"
RECORDING_SCHEMA = "grader/recording/1"
RUN_FILE = "run.json"
VERSION = version("notebook-grader")
_NEEDED = ("seed", "public", "assignment", "questions", "submissions")
_PRIVATE = 0o600
_SHARED = 0o666
"""What the process's umask leaves of it."""


class StoreError(Exception):
    """The run's folder can't be read or written: one line for whoever called."""


@dataclass(frozen=True)
class Stored:
    """What was kept of one submission: enough to judge it again without its file."""

    key: str
    submission: Submission
    recording: Recording


class RunFolder:
    """``OUT`` of a run."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self) -> None:
        """Make the folder; raises StoreError where that can't be done."""
        try:
            (self.root / "submissions").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.root}: can't write reports there: {error.strerror or error}") from None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other calls from writing here meanwhile; raises StoreError when one does. A killed one does no more."""
        descriptor = _open_to_lock(self.root)
        try:
            if not _locked(descriptor):
                raise StoreError(f"{self.root}: another call of the grader writes there now")
            yield
        finally:
            os.close(descriptor)

    def of(self, submission_id: str) -> Path:
        """The submission's own folder. Ids are made safe by whoever read the submission; this is the second lock."""
        if not submission_id or submission_id in (".", "..") or any(sign in submission_id for sign in "/\\\0"):
            raise ValueError(f"not a safe submission id: {submission_id!r}")
        return self.root / "submissions" / submission_id

    def run(self) -> dict[str, Any] | None:
        """``run.json``, or None where there is none yet. Raises StoreError when it is there and can't be used."""
        path = self.root / RUN_FILE
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(f"{path}: can't be read: {error}") from None
        if not isinstance(told, dict) or told.get("schema") != RUN_SCHEMA:
            raise StoreError(f"{path}: not a run of this grader (schema {RUN_SCHEMA})")
        missing = [key for key in _NEEDED if key not in told]
        if missing:
            raise StoreError(f"{path}: {', '.join(missing)} missing in it")
        return told

    def write_run(self, told: Mapping[str, Any]) -> None:
        """For the instructor alone: the secret seed stands in it."""
        write_whole(self.root / RUN_FILE, json.dumps(told, indent=2) + "\n", _PRIVATE)

    def keep(self, key: str, submission: Submission, recording: Recording) -> None:
        """Store a recording. The description goes last and holds the recording's hash: both are there or neither is."""
        folder = self.of(submission.id)
        folder.mkdir(parents=True, exist_ok=True)
        data = dump_recording(recording)
        told = {
            "schema": RECORDING_SCHEMA,
            "key": key,
            "sha256": hashlib.sha256(data).hexdigest(),
            "submission": to_tree(submission),
        }
        write_whole(folder / "recording.bin", data)
        write_whole(folder / "recording.json", json.dumps(told) + "\n")

    def kept(self, submission_id: str) -> Stored | None:
        """What `keep` stored, or None where it is absent, cut short or altered."""
        folder = self.of(submission_id)
        try:
            told = json.loads((folder / "recording.json").read_text(encoding="utf-8"))
            data = (folder / "recording.bin").read_bytes()
            if told["schema"] != RECORDING_SCHEMA or told["sha256"] != hashlib.sha256(data).hexdigest():
                return None
            return Stored(str(told["key"]), from_tree(Submission, told["submission"]), load_recording(data))
        except (OSError, ValueError, KeyError, TypeError, WireError):
            return None


class Diary:
    """``run.json`` of a run that is under way."""

    def __init__(
        self,
        folder: RunFolder,
        about: Mapping[str, object],
        earlier: Mapping[str, Mapping[str, Any]],
        files: Mapping[str, str],
    ) -> None:
        """``earlier``: entries of earlier calls, here from the start; ``files``: this call's, id -> path."""
        self._folder = folder
        self._told: dict[str, Any] = {
            "schema": RUN_SCHEMA,
            **about,
            "started": _now(),
            "finished": None,
            "versions": {"grader": VERSION},
            "total": len(earlier) + len(files),
        }
        self._order = [*earlier, *files]
        self._files = {**{name: str(entry.get("file", "")) for name, entry in earlier.items()}, **files}
        self._done: dict[str, Mapping[str, Any]] = dict(earlier)
        self._write()

    def note(self, report: Report, seconds: float, cpu_seconds: float) -> None:
        """A submission is done. Written at most once a second: a class of 500 would rewrite the file 500 times."""
        self._done[report.submission.id] = {
            "sha256": report.submission.sha256,
            "status": report.status.value,
            "seconds": round(seconds, 3),
            "cpu_seconds": round(cpu_seconds, 3),
            "file": self._files[report.submission.id],
        }
        self._told["versions"] |= report.versions
        if time.monotonic() - self._written > 1.0:
            self._write()

    def close(self, *, finished: bool) -> None:
        """The run ended, at its end or before."""
        self._told["finished"] = _now() if finished else None
        self._write()

    def _write(self) -> None:
        done = {name: self._done[name] for name in self._order if name in self._done}
        self._folder.write_run({**self._told, "submissions": done})
        self._written = time.monotonic()


def _open_to_lock(folder: Path) -> int:
    """The folder itself where folders have locks, so that nothing of ours lies about in it."""
    if fcntl is not None:
        return os.open(folder, os.O_RDONLY)
    return os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)


def _locked(descriptor: int) -> bool:
    """Take the lock, which ends with the descriptor; False when another has it. Some file systems have no locks."""
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif msvcrt is not None:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
    return True


def write_whole(path: Path, content: str | bytes, mode: int = _SHARED) -> None:
    """Write a file so that a reader, or a kill at any moment, sees all of it or none."""
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    # O_EXCL and O_NOFOLLOW: never through a link that somebody else laid there.
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def digest(*values: Tree) -> str:
    """Hash of plain data and of our own frozen types: equal values, equal hash."""
    return hashlib.sha256(encode(to_tree(values), RECORDING)).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
