"""The frozen types that every other module speaks in. Imports nothing of ours, does no I/O.

The path of a submission through them is the path of the program::

    Submission --record(asks)--> Recording --judge(expected)--> Report
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

Tree: TypeAlias = Any
"""Plain data: None, bool, int, float, str, numpy arrays of kind ``biufc``, `Opaque`,
and lists, tuples and str-keyed dicts of these."""


class Verdict(StrEnum):
    """What became of a check, or of an item."""

    PASS = "pass"  # noqa: S105  a verdict
    PARTIAL = "partial"
    FAIL = "fail"
    ERROR = "error"
    """The student's code raised."""
    TIMEOUT = "timeout"
    MISSING = "missing"
    BLOCKED = "blocked"
    """Another item, named in the message, has to be mended first."""
    HARNESS = "harness"
    """Ours, not the student's: carries no score."""


class Status(StrEnum):
    """What became of a submission."""

    GRADED = "graded"
    HARNESS_ERROR = "harness_error"


class CellKind(StrEnum):
    CODE = "code"
    MARKDOWN = "markdown"
    RAW = "raw"


class CellStatus(StrEnum):
    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    DIED = "died"
    """The process ended while the cell ran: an exit, a crash, the memory limit."""
    SKIPPED = "skipped"
    """Never tried: the notebook's time was used up, or the cell had killed an earlier attempt."""


class AnswerStatus(StrEnum):
    VALUE = "value"
    RAISED = "raised"
    TIMEOUT = "timeout"
    DIED = "died"
    MISSING = "missing"
    """The name that was asked for is not defined, or no way to construct or call it was found."""
    TOO_LARGE = "too_large"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Opaque:
    """Stands in an answer where the student's code gave something that is not plain data."""

    type_name: str
    text: str = ""
    """A short, cut-off ``repr``."""


# --- what a student handed in ---------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """One cell as written; ``index`` counts all cells of the notebook from 1."""

    index: int
    kind: CellKind
    source: str


@dataclass(frozen=True)
class Problem:
    """Something about a file that the student should know, in the student's words."""

    id: str
    message: str
    hint: str = ""
    fatal: bool = False
    """Nothing in the file can be graded."""


@dataclass(frozen=True)
class Submission:
    """A notebook, read and repaired. A file that could not be read has no cells and one fatal problem."""

    id: str
    """Path below the given folder without the suffix, safe for a file name."""
    path: str
    """Path below the given folder as it was."""
    sha256: str
    student: str = ""
    cells: tuple[Cell, ...] = ()
    problems: tuple[Problem, ...] = ()
    saved_images: int = 0
    """How many images stand in the file's saved outputs: shown, never evidence."""

    @property
    def readable(self) -> bool:
        return not any(problem.fatal for problem in self.problems)


# --- what is asked of it --------------------------------------------------------------------


@dataclass(frozen=True)
class Ask:
    """One question as plain data: a straight-line program over the student's definitions.

    The worker sees all of it. It holds inputs, never expected values.
    """

    id: str
    steps: tuple[Mapping[str, Tree], ...]
    """See `grader.asks` for the vocabulary; ``{"$ref": i}`` anywhere in a step is the result of step ``i``."""
    result: Tree
    """What to send back, with ``$ref`` in it."""
    seed: int = 0
    seconds: float = 20.0
    """Deadline in seconds of wall time."""
    public: bool = False
    support: str = ""
    """Source of the helper module that steps may call; runs in the worker, so it holds no secret."""
    forbidden: tuple[str, ...] = ()
    """Modules that must not do the work of this question, such as ``sklearn.mixture``."""
    premised: bool = False
    """Brings pieces of the grader's own; asked after every question that does not."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use. Times in seconds, sizes in bytes."""

    cell_seconds: float = 120.0
    notebook_seconds: float = 300.0
    question_seconds: float = 20.0
    cpu_seconds: float = 600.0
    memory_bytes: int = 2 << 30
    processes: int = 64
    open_files: int = 256
    file_bytes: int = 64 << 20
    disk_bytes: int = 256 << 20
    output_bytes: int = 200_000
    """Text kept per cell."""
    displays: int = 100
    """Display calls kept per notebook."""
    image_bytes: int = 2 << 20
    images: int = 40
    answer_bytes: int = 16 << 20
    answer_depth: int = 20
    restarts: int = 3
    """How often a notebook is run again without the cell that killed it."""


@dataclass(frozen=True)
class Paper:
    """Everything that goes to the worker for one submission."""

    asks: tuple[Ask, ...]
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Canonical name -> other names under which a solution may keep or define it, in order of preference."""
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    """Seeds numpy's and Python's generators before the first cell."""


# --- what its code answered -----------------------------------------------------------------


@dataclass(frozen=True)
class StudentError:
    """An exception of the student's code, with the line of theirs that it came from."""

    type: str
    message: str
    cell: int | None = None
    """Index of the cell as in `Cell.index`."""
    line_no: int | None = None
    """Line in that cell, from 1."""
    line: str = ""
    function: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture that the run made."""

    cell: int
    mime: str
    data: bytes
    thumbnail: Tree = None
    """uint8 grey levels, at most 64 x 64, to tell a blank picture from a drawn one; None where there is none."""
    axes: tuple[Mapping[str, Tree], ...] = ()
    """Per axes: counts of ``lines``, ``points``, ``patches``, ``images``, ``contours``, and its texts."""


@dataclass(frozen=True)
class CellRun:
    """What happened when a code cell ran."""

    index: int
    status: CellStatus
    error: StudentError | None = None
    output: str = ""
    """Printed text, cut to the limit."""
    truncated: bool = False
    environment: bool = False
    """The error is the machine's (a package, file or network that is not there), not the student's."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What came back for one ask."""

    ask: str
    status: AnswerStatus
    value: Tree = None
    error: StudentError | None = None
    notes: tuple[str, ...] = ()
    """Adaptations that were made, in words: "found your means under `mu`"."""
    output: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Recording:
    """Everything that a run of a submission showed; enough to judge it again."""

    submission: str
    sha256: str
    cells: tuple[CellRun, ...] = ()
    figures: tuple[Figure, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    cut: tuple[str, ...] = ()
    """Limits that were met, in words a student reads."""
    sandbox: tuple[str, ...] = ()
    """Isolation layers that were on."""
    versions: Mapping[str, str] = field(default_factory=dict)
    harness_error: str | None = None
    """What of ours failed; then there is no score."""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """CPU time of the student's cells and of the asked functions."""


# --- what it is worth -----------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """What a check found: the outcome of a comparison with the words a student reads."""

    verdict: Verdict
    message: str = ""
    """What was asked, what came back, what was expected in shape or kind."""
    hint: str = ""
    """What to look at."""
    fraction: float | None = None
    """Share of the check's points earned; by default 1 for a pass, else 0."""
    needs_review: bool = False
    """A person should look."""
    margin: float | None = None
    """Statistic over threshold (below 1 passes), for the audit; never shown to students."""

    @property
    def earned(self) -> float:
        if self.fraction is not None:
            return min(1.0, max(0.0, self.fraction))
        return 1.0 if self.verdict is Verdict.PASS else 0.0

    def __bool__(self) -> bool:
        return self.verdict is Verdict.PASS


@dataclass(frozen=True)
class CheckResult:
    id: str
    title: str
    verdict: Verdict
    points: float
    max_points: float
    message: str = ""
    hint: str = ""
    diagnosis: str | None = None
    """Id of the catalogued mistake that the answer matches."""
    diagnosis_text: str = ""
    """That mistake in a sentence to the student."""
    needs_review: bool = False
    public: bool = False
    margin: float | None = None


@dataclass(frozen=True)
class ItemResult:
    id: str
    title: str
    points: float
    max_points: float
    verdict: Verdict
    checks: tuple[CheckResult, ...] = ()
    extension: bool = False
    asked: str = ""
    """What the item asks for, from the rubric file."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A submission's grade, computed from checks. ``percent`` is None, never 0, when the harness failed."""

    assignment: str
    title: str
    submission: Submission
    status: Status
    items: tuple[ItemResult, ...]
    score: float | None
    max_score: float
    bonus: float | None
    percent: float | None
    passed: bool | None
    pass_mark: float
    seed: str | None
    """The public seed; a secret one is not in the report."""
    sandbox: tuple[str, ...]
    versions: Mapping[str, str]
    advice: tuple[str, ...] = ()
    """What to mend first, in order."""
    notices: tuple[str, ...] = ()
    """Problems of the file, limits met, adaptations made."""
    harness_error: str | None = None
    plots: Mapping[str, Tree] = field(default_factory=dict)
    """Data for the report's drawings, by plot id: see `grader.report.plots`."""
