"""Many submissions: recorded by worker threads, judged and written here, resumable at any moment.

::

    read -> record (J at a time) -> judge -> write
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.assignment import Assignment
from grader.earlier import Earlier, earlier_submissions
from grader.exam import Exam, number, prepare
from grader.execute import Executor
from grader.export.grades_csv import grades_csv
from grader.export.report_json import report_json
from grader.judge import judge
from grader.model import Paper, Recording, Report, Status, Submission
from grader.report.classpage import render_class
from grader.report.html import render_report
from grader.store import VERSION, Diary, RunFolder, digest, write_whole
from grader.submissions import Found, load

TICK = 0.25
"""Seconds between two looks at the progress while nothing finishes."""
AHEAD = 2
"""Recordings that may wait for their judgement: more would only fill the memory."""


@dataclass(frozen=True)
class Settings:
    """What the caller decided about a run."""

    out: Path
    jobs: int = 1
    seed: str | None = None
    """None: the seed of the run that stands in ``out``, else a fresh secret."""
    public: bool = False
    """Only the public questions, at the assignment's public seed."""
    fresh: bool = False
    """Run everything again, with a new secret unless one is given."""
    executor: str = "warm"
    sandbox: str = ""
    """Level that student code runs at."""
    paths: tuple[Path, ...] = ()
    """What the caller pointed at: whatever an earlier call found elsewhere stays in the class."""


@dataclass(frozen=True)
class Outcome:
    """One submission, done."""

    report: Report
    seconds: float
    cpu_seconds: float
    resumed: bool
    """Its recording was there already."""


@dataclass(frozen=True)
class Moment:
    """How far the batch is."""

    total: int
    done: int
    running: int
    failed: int
    """Submissions without a score because of a fault of ours."""
    seconds: float
    last: Outcome | None = None
    """Set when the moment is the end of a submission."""

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take, as fast as so far; None before anything is known."""
        return self.seconds / self.done * (self.total - self.done) if self.done else None


Progress = Callable[[Moment], None]


@dataclass(frozen=True)
class Result:
    """What a batch came to."""

    out: Path
    reports: tuple[Report, ...]
    total: int
    interrupted: bool = False
    earlier: tuple[Report, ...] = ()
    """Of earlier calls into the same folder; they stand on the class page too."""
    left_out: tuple[str, ...] = ()
    """Ids of earlier calls that were asked other questions; they don't."""

    @property
    def failures(self) -> tuple[Report, ...]:
        """Submissions that the harness failed on."""
        return tuple(report for report in self.reports if report.status is Status.HARNESS_ERROR)


def grade(
    found: Sequence[Found],
    assignment: Assignment,
    executor: Executor,
    settings: Settings,
    progress: Progress,
) -> Result:
    """Grade all that was found into ``settings.out``.

    A KeyboardInterrupt ends it early: what is finished is written, and the same call continues. Raises StoreError
    and AssignmentError.
    """
    folder = RunFolder(settings.out)
    folder.create()
    with folder.alone():
        seed = choose_seed(folder, assignment, settings)
        with _meanwhile(executor, lambda: prepare(assignment, seed, public=settings.public)) as (recorder, exam):
            return _grade(Run(folder, exam, settings), found, recorder, progress)


def _grade(run: Run, found: Sequence[Found], recorder: Executor, progress: Progress) -> Result:
    settings, folder = run.settings, run.folder
    before = Earlier() if settings.fresh else earlier_submissions(folder, questions(run.exam), found, settings.paths)
    diary = Diary(folder, _about(run.exam, settings), before.kept, {one.id: _file(one) for one in found})
    reports: dict[str, Report] = {}
    interrupted = False
    try:
        with closing(run.outcomes(tuple(before.kept), found, recorder, progress)) as outcomes:
            for outcome in outcomes:
                reports[outcome.report.submission.id] = outcome.report
                diary.note(outcome.report, outcome.seconds, outcome.cpu_seconds)
    except KeyboardInterrupt:
        interrupted = True
    earlier = tuple(reports[name] for name in before.kept if name in reports)
    ordered = tuple(reports[one.id] for one in found if one.id in reports)
    write_class(folder, (*earlier, *ordered))
    diary.close(finished=not interrupted)
    return Result(settings.out, ordered, len(found), interrupted, earlier, before.left_out)


def _file(found: Found) -> str:
    return str(found.path.absolute())


@contextmanager
def _meanwhile(executor: Executor, work: Callable[[], Exam]) -> Iterator[tuple[Executor, Exam]]:
    """Start the executor, which takes about as long, while the work is done."""
    with ExitStack() as stack:
        with ThreadPoolExecutor(1, thread_name_prefix="start") as aside:
            entering = aside.submit(stack.enter_context, executor)
            exam = work()
        yield entering.result(), exam


def examine(submission: Submission, exam: Exam, executor: Executor, stop: threading.Event) -> Report:
    """Record and judge one submission and write nothing: what `grader check` shows."""
    return judge(exam, submission, _record(submission, exam, executor, stop))


def choose_seed(folder: RunFolder, assignment: Assignment, settings: Settings) -> str:
    """The public seed, the given one, that of the run to be continued, or a fresh secret."""
    if settings.public:
        return assignment.spec.public_seed
    if settings.seed is not None:
        return settings.seed
    told = None if settings.fresh else folder.run()
    if told and not told["public"] and told["assignment"]["id"] == assignment.id:
        return str(told["seed"])
    return secrets.token_hex(16)


def write_class(folder: RunFolder, reports: Sequence[Report]) -> None:
    """The pages about all submissions."""
    name, text = grades_csv(reports)
    write_whole(folder.root / name, text)
    write_whole(folder.root / "index.html", render_class(reports))


# --- one submission -------------------------------------------------------------------------


@dataclass(frozen=True)
class Recorded:
    """A submission with what its code answered, now or before."""

    submission: Submission
    recording: Recording
    resumed: bool = False


def _paper(exam: Exam, submission: Submission) -> Paper:
    """The exam's questions; the seed of the notebook's own random numbers is the submission's own."""
    return replace(exam.paper, seed=number(exam.seed, "notebook", submission.sha256))


def _record(submission: Submission, exam: Exam, executor: Executor, stop: threading.Event) -> Recording:
    if not submission.readable:
        return Recording(submission.id, submission.sha256)
    return executor.record(submission, _paper(exam, submission), stop=stop)


def _failed(submission: Submission, error: Exception) -> Recording:
    return Recording(submission.id, submission.sha256, harness_error=f"{type(error).__name__}: {error}")


def kept_or_lost(folder: RunFolder, name: str) -> Recorded:
    """What is stored of a submission; where that is missing or damaged, it has no score, and it alone."""
    stored = folder.kept(name)
    if stored is not None:
        return Recorded(stored.submission, stored.recording, resumed=True)
    lost = "its recording is missing or damaged: run `grader grade` again"
    return Recorded(Submission(name, name, ""), Recording(name, "", harness_error=lost), resumed=True)


@dataclass(frozen=True)
class Run:
    """The steps of a run, with what they share."""

    folder: RunFolder
    exam: Exam
    settings: Settings

    def outcomes(
        self, earlier: Sequence[str], found: Sequence[Found], executor: Executor, progress: Progress
    ) -> Generator[Outcome, None, None]:
        """Judge and write each submission as it comes, first the earlier ones; closing the iterator stops what runs."""
        stop = threading.Event()
        count = Count(len(earlier) + len(found), progress)
        for name in earlier:
            outcome = self.finish(kept_or_lost(self.folder, name))
            count.finished(outcome, running=0)
            yield outcome
        waiting = enumerate(found)
        pending: dict[Future[Recorded], int] = {}
        pool = ThreadPoolExecutor(self.settings.jobs, thread_name_prefix="record")
        try:
            while True:
                while len(pending) < self.settings.jobs + AHEAD and (one := next(waiting, None)):
                    pending[pool.submit(self.obtain, one[1], executor, stop)] = one[0]
                if not pending:
                    return
                finished, _ = wait(pending, TICK, FIRST_COMPLETED)
                for future in sorted(finished, key=pending.__getitem__):
                    del pending[future]
                    outcome = self.finish(future.result())
                    count.finished(outcome, sum(other.running() for other in pending))
                    yield outcome
                count.tick(sum(other.running() for other in pending))
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def obtain(self, found: Found, executor: Executor, stop: threading.Event) -> Recorded:
        """The stored recording where it fits, else a new one, stored unless we were told to stop meanwhile."""
        submission = Submission(found.id, found.shown_path, sha256="")
        try:
            submission = load(found)
            stored = self.stored(submission)
            if stored is not None:
                return Recorded(submission, stored, resumed=True)
            recording = _record(submission, self.exam, executor, stop)
        except Exception as error:  # noqa: BLE001  whatever of ours fails costs this submission's score, not the batch
            recording = _failed(submission, error)
        if not stop.is_set():
            self.folder.keep(self.key(submission), submission, recording)
        return Recorded(submission, recording)

    def stored(self, submission: Submission) -> Recording | None:
        """A recording of the same file, questions and conditions that is no record of a fault of ours."""
        stored = None if self.settings.fresh else self.folder.kept(submission.id)
        if stored is None or stored.key != self.key(submission) or stored.recording.harness_error is not None:
            return None
        return stored.recording

    def key(self, submission: Submission) -> str:
        """What a stored recording must agree with to be used again."""
        settings = self.settings
        return digest(_paper(self.exam, submission), submission, settings.executor, settings.sandbox, VERSION)

    def finish(self, recorded: Recorded) -> Outcome:
        """Judge, and write both forms of the report."""
        submission, recording = recorded.submission, recorded.recording
        try:
            report = judge(self.exam, submission, recording)
            self.write(report)
        except Exception as error:  # noqa: BLE001  as in `obtain`
            report = judge(self.exam, submission, _failed(submission, error))
            self.write(report)
        slim = replace(report, plots={})  # the class page needs none, and a class of them fills the memory
        return Outcome(slim, recording.seconds, recording.cpu_seconds, recorded.resumed)

    def write(self, report: Report) -> None:
        """Both forms of the report, each whole or not at all."""
        folder = self.folder.of(report.submission.id)
        folder.mkdir(parents=True, exist_ok=True)
        page, data = render_report(report), report_json(report)
        write_whole(folder / "report.html", page)
        write_whole(folder / "report.json", data)


@dataclass
class Count:
    """Counts what is done and tells it."""

    total: int
    progress: Progress
    done: int = 0
    failed: int = 0
    began: float = field(default_factory=time.monotonic)

    def finished(self, outcome: Outcome, running: int) -> None:
        self.done += 1
        self.failed += outcome.report.status is Status.HARNESS_ERROR
        self.tick(running, outcome)

    def tick(self, running: int, last: Outcome | None = None) -> None:
        self.progress(Moment(self.total, self.done, running, self.failed, time.monotonic() - self.began, last))


# --- what run.json says ---------------------------------------------------------------------


def _about(exam: Exam, settings: Settings) -> dict[str, object]:
    return {
        "seed": exam.seed,
        "public": exam.public,
        "assignment": about_assignment(exam.assignment),
        "questions": questions(exam),
        "limits": dict(vars(exam.paper.limits)),
        "executor": settings.executor,
        "sandbox": settings.sandbox,
        "jobs": settings.jobs,
    }


def about_assignment(assignment: Assignment) -> dict[str, str]:
    return {
        "id": assignment.id,
        "title": assignment.spec.title,
        "folder": str(assignment.folder),
        "fingerprint": assignment.fingerprint,
    }


def questions(exam: Exam) -> dict[str, str]:
    """Hash of each question, by id."""
    return {ask.id: digest(ask, exam.paper.names) for ask in exam.paper.asks}
