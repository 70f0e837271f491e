"""Many submissions: what is written, continued, kept from being written, and the same with any number of jobs."""

from __future__ import annotations

import csv
import json
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader.assignment import Assignment, load_assignment
from grader.batch import Moment, Result, Settings, grade
from grader.console import batch_lines
from grader.model import Recording, Status, Submission
from grader.regrade import regrade, reports_of_run
from grader.store import RunFolder, StoreError, digest, write_whole
from grader.submissions import find
from tests.tiny import RIGHT, TRIPLED, FakeExecutor, write_assignment, write_notebook


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    return load_assignment(write_assignment(tmp_path))


@pytest.fixture
def handed_in(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    write_notebook(folder / "a.ipynb", RIGHT)
    write_notebook(folder / "b.ipynb", TRIPLED)
    write_notebook(folder / "c.ipynb", "x = 1")
    return folder


Run = Callable[..., Result]


@pytest.fixture
def run(assignment: Assignment, handed_in: Path, tmp_path: Path) -> Run:
    def go(
        executor: FakeExecutor | None = None,
        progress: Callable[[Moment], None] = lambda moment: None,
        **settings: object,
    ) -> Result:
        chosen = Settings(**{"out": tmp_path / "out", "seed": "s", **settings})
        return grade(
            find([handed_in]), assignment, executor or FakeExecutor(), chosen, progress or (lambda moment: None)
        )

    return go


def _rows(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader((result.out / "grades.csv").read_text().splitlines()))


def _report(result: Result, name: str) -> dict:
    return json.loads((result.out / "submissions" / name / "report.json").read_text())


def test_writes_the_files_of_the_contract_and_nothing_else(run: Run) -> None:
    result = run()
    written = sorted(path.relative_to(result.out).as_posix() for path in result.out.rglob("*") if path.is_file())
    each = ("recording.bin", "recording.json", "report.html", "report.json")
    assert written == sorted(
        ["index.html", "grades.csv", "run.json", *(f"submissions/{name}/{file}" for name in "abc" for file in each)]
    )
    rows = _rows(result)
    assert [(row["submission"], row["score"], row["double"]) for row in rows] == [
        ("a", "100", "50"),
        ("b", "50", "0"),
        ("c", "0", "0"),
    ]


def test_a_mistake_is_named_in_the_report(run: Run) -> None:
    checks = _report(run(), "b")["items"][0]["checks"]
    assert checks[0]["diagnosis"] == "double.tripled"


def test_the_secret_seed_stands_in_run_json_alone_and_only_its_owner_reads_it(run: Run) -> None:
    result = run(seed=None)
    seed = json.loads((result.out / "run.json").read_text())["seed"]
    assert len(seed) == 32
    assert stat.S_IMODE((result.out / "run.json").stat().st_mode) == 0o600
    others = [path for path in result.out.rglob("*") if path.is_file() and path.name != "run.json"]
    assert not [path for path in others if seed.encode() in path.read_bytes()]
    assert _report(result, "a")["seed"] is None


@pytest.mark.parametrize("jobs", [1, 2])
def test_reports_are_the_same_bytes_with_any_number_of_jobs(run: Run, tmp_path: Path, jobs: int) -> None:
    first, second = run(out=tmp_path / "first"), run(out=tmp_path / "second", jobs=jobs)
    for name in "abc":
        pair = [(result.out / "submissions" / name / "report.json").read_bytes() for result in (first, second)]
        assert pair[0] == pair[1]
    assert (first.out / "grades.csv").read_bytes() == (second.out / "grades.csv").read_bytes()


def test_another_seed_asks_with_other_numbers(run: Run, tmp_path: Path) -> None:
    told = [json.loads((run(out=tmp_path / seed, seed=seed).out / "run.json").read_text()) for seed in ("x", "y")]
    assert told[0]["questions"].keys() == told[1]["questions"].keys()
    assert told[0]["questions"]["doubled"] != told[1]["questions"]["doubled"]


def test_the_same_call_again_runs_nothing_and_keeps_the_secret(run: Run) -> None:
    before = json.loads((run(seed=None).out / "run.json").read_text())
    again = FakeExecutor()
    after = json.loads((run(again, seed=None).out / "run.json").read_text())
    assert again.recorded == []
    assert before["seed"] == after["seed"]


def test_only_what_changed_is_run_again(run: Run, handed_in: Path) -> None:
    run()
    write_notebook(handed_in / "c.ipynb", RIGHT)
    write_notebook(handed_in / "d.ipynb", RIGHT)
    again = FakeExecutor()
    result = run(again)
    assert sorted(again.recorded) == ["c", "d"]
    assert [report.percent for report in result.reports] == [100, 50, 100, 100]


def test_fresh_runs_everything_again_with_another_secret(run: Run) -> None:
    before = json.loads((run(seed=None).out / "run.json").read_text())
    again = FakeExecutor()
    after = json.loads((run(again, seed=None, fresh=True).out / "run.json").read_text())
    assert sorted(again.recorded) == ["a", "b", "c"]
    assert before["seed"] != after["seed"]


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_recording_is_made_again(run: Run, damage: str) -> None:
    path = run().out / "submissions" / "a" / "recording.bin"
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-9] if damage == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    again = FakeExecutor()
    assert run(again).reports[0].percent == 100
    assert again.recorded == ["a"]


def test_ctrl_c_leaves_finished_reports_and_the_same_call_continues(run: Run) -> None:
    def after_the_first(moment: Moment) -> None:
        if moment.done == 1:
            raise KeyboardInterrupt

    stopped = run(progress=after_the_first)
    assert stopped.interrupted
    done = [path.parent.name for path in stopped.out.glob("submissions/*/report.json")]
    assert done == ["a"]
    assert (stopped.out / "index.html").exists()
    assert json.loads((stopped.out / "run.json").read_text())["finished"] is None

    again = FakeExecutor()
    result = run(again)
    assert not result.interrupted
    assert len(result.reports) == 3
    assert "a" not in again.recorded


def test_what_was_cut_short_by_a_stop_is_not_kept(run: Run) -> None:
    """An executor that is told to stop returns early: such a recording must not pass for the student's work."""
    reached, interrupt = threading.Event(), threading.Event()

    class Obedient(FakeExecutor):
        def record(self, submission: Submission, paper: object, *, stop: threading.Event | None = None) -> Recording:
            if submission.id == "a":
                return super().record(submission, paper, stop=stop)  # type: ignore[arg-type]
            reached.set()
            assert stop is not None
            assert stop.wait(20)
            return Recording(submission.id, submission.sha256)

    def progress(moment: Moment) -> None:
        if moment.done == 1 and reached.wait(20):
            interrupt.set()
            raise KeyboardInterrupt

    result = run(Obedient(), progress, jobs=2)
    assert interrupt.is_set()
    assert [path.parent.name for path in result.out.glob("submissions/*/recording.json")] == ["a"]


def test_a_fault_of_ours_costs_no_score_and_no_other_submission(run: Run) -> None:
    def fail_on_b(submission: Submission) -> None:
        if submission.id == "b":
            raise RuntimeError("the socket is gone")

    result = run(FakeExecutor(fail_on_b))
    assert [report.status for report in result.reports] == [Status.GRADED, Status.HARNESS_ERROR, Status.GRADED]
    told = _report(result, "b")
    assert (told["status"], told["score"], told["percent"]) == ("harness_error", None, None)
    row = _rows(result)[1]
    assert (row["status"], row["score"], row["percent"]) == ("harness_error", "", "")

    again = FakeExecutor()
    assert not run(again).failures
    assert again.recorded == ["b"]


def test_a_file_that_can_not_be_read_gets_a_report_and_is_not_run(run: Run, handed_in: Path) -> None:
    (handed_in / "b.ipynb").write_bytes(b"")
    executor = FakeExecutor()
    result = run(executor)
    assert "b" not in executor.recorded
    assert result.reports[1].status is Status.GRADED
    assert result.reports[1].score == 0
    assert (result.out / "submissions" / "b" / "report.html").exists()


def test_public_asks_only_public_questions_at_the_public_seed(run: Run) -> None:
    result = run(public=True, seed=None)
    told = _report(result, "a")
    assert told["seed"] == "tiny-public"
    assert list(json.loads((result.out / "run.json").read_text())["questions"]) == ["doubled"]


def test_progress_counts_to_the_end(run: Run) -> None:
    moments: list[Moment] = []
    run(progress=moments.append, jobs=2)
    ends = [moment.done for moment in moments if moment.last]
    assert ends == [1, 2, 3]
    assert moments[-1].left == 0


# --- late submissions -----------------------------------------------------------------------


@pytest.fixture
def late(tmp_path: Path) -> Path:
    return write_notebook(tmp_path / "late" / "d.ipynb", RIGHT)


def add(path: Path, assignment: Assignment, out: Path, **settings: object) -> tuple[Result, FakeExecutor]:
    executor = FakeExecutor()
    chosen = Settings(**{"out": out, "paths": (path,), **settings})
    return grade(find([path]), assignment, executor, chosen, lambda moment: None), executor


def test_a_late_submission_joins_the_class(run: Run, assignment: Assignment, handed_in: Path, late: Path) -> None:
    out = run(seed=None, paths=(handed_in,)).out
    seed = json.loads((out / "run.json").read_text())["seed"]
    result, executor = add(late, assignment, out)
    assert executor.recorded == ["d"]
    assert [row["submission"] for row in _rows(result)] == ["a", "b", "c", "d"]
    assert [report.submission.id for report in result.reports] == ["d"]
    assert len(result.earlier) == 3
    told = json.loads((out / "run.json").read_text())
    assert list(told["submissions"]) == ["a", "b", "c", "d"]
    assert (told["seed"], told["total"]) == (seed, 4)
    assert len(regrade(out, assignment, lambda moment: None).reports) == 4
    again = FakeExecutor()
    run(again, seed=None, paths=(handed_in,))
    assert again.recorded == []
    assert len(_rows(result)) == 4


def test_what_was_withdrawn_is_no_more_in_the_class(run: Run, handed_in: Path) -> None:
    run(paths=(handed_in,))
    (handed_in / "b.ipynb").unlink()
    assert [row["submission"] for row in _rows(run(paths=(handed_in,)))] == ["a", "c"]


def test_a_late_submission_that_answers_other_questions_stands_alone_and_that_is_said(
    run: Run, assignment: Assignment, handed_in: Path, late: Path
) -> None:
    out = run(paths=(handed_in,)).out
    result, _ = add(late, assignment, out, seed="another")
    assert [row["submission"] for row in _rows(result)] == ["d"]
    assert result.left_out == ("a", "b", "c")
    assert "Not on the class page, because other questions were asked: a, b, c." in "\n".join(batch_lines(result, ""))


def test_an_earlier_submission_is_not_lost_by_a_stop(
    run: Run, assignment: Assignment, handed_in: Path, late: Path
) -> None:
    out = run(paths=(handed_in,)).out

    def stop(moment: Moment) -> None:
        raise KeyboardInterrupt

    chosen = Settings(out, seed="s", paths=(late,))
    assert grade(find([late]), assignment, FakeExecutor(), chosen, stop).interrupted
    result, _ = add(late, assignment, out)
    assert len(_rows(result)) == 4


def test_two_calls_at_once_do_not_write_into_one_folder(run: Run, tmp_path: Path) -> None:
    run()
    with RunFolder(tmp_path / "out").alone(), pytest.raises(StoreError, match="another call"):
        run()
    assert len(run().reports) == 3


# --- judging again --------------------------------------------------------------------------


def _edit(assignment: Assignment, old: str, new: str) -> Assignment:
    path = assignment.folder / "rubric.yaml"
    path.write_text(path.read_text().replace(old, new))
    return load_assignment(assignment.folder)


def test_regrade_gives_the_same_bytes_when_nothing_changed(run: Run, assignment: Assignment) -> None:
    out = run().out
    before = {path: path.read_bytes() for path in out.rglob("report.*")}
    regrade(out, assignment, lambda moment: None)
    assert before == {path: path.read_bytes() for path in out.rglob("report.*")}


def test_regrade_follows_the_rubric_without_the_files(run: Run, assignment: Assignment, handed_in: Path) -> None:
    out = run(seed=None).out
    for path in handed_in.iterdir():
        path.unlink()
    result = regrade(out, _edit(assignment, "points: 50", "points: 80"), lambda moment: None)
    assert [report.score for report in result.reports] == [160, 80, 0]
    assert json.loads((out / "submissions" / "b" / "report.json").read_text())["items"][1]["max_points"] == 80


def test_regrade_refuses_when_the_questions_changed(run: Run, assignment: Assignment) -> None:
    out = run().out
    path = assignment.folder / "questions.py"
    path.write_text(path.read_text().replace("size=5", "size=6"))
    with pytest.raises(StoreError, match=r"questions have changed \(added\).*grader grade"):
        regrade(out, load_assignment(assignment.folder), lambda moment: None)


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_recording_costs_that_submission_alone_its_score(
    run: Run, assignment: Assignment, damage: str
) -> None:
    out = run().out
    path = out / "submissions" / "b" / "recording.bin"
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:-9])
    for reports in (reports_of_run(out, assignment), regrade(out, assignment, lambda moment: None).reports):
        assert [report.percent for report in reports] == [100, None, 0]
        assert "missing or damaged" in (reports[1].harness_error or "")
    assert run().reports[1].percent == 50


def test_regrade_of_another_folder_says_so(tmp_path: Path, assignment: Assignment) -> None:
    with pytest.raises(StoreError, match=r"no run\.json"):
        regrade(tmp_path, assignment, lambda moment: None)


def test_reports_of_a_run_are_those_in_its_folder(run: Run, assignment: Assignment) -> None:
    result = run(seed=None)
    assert tuple(reports_of_run(result.out, assignment)) == result.reports
    with pytest.raises(StoreError, match="grader regrade"):
        reports_of_run(result.out, _edit(assignment, "pass_mark: 70", "pass_mark: 40"))


# --- the folder -----------------------------------------------------------------------------


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    write_whole(path, "old")

    def full(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_a_link_laid_in_the_way_is_replaced_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "report.json").symlink_to(victim)
    write_whole(tmp_path / "report.json", "report")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "report.json").is_symlink()


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", "a\\b", "a\0b"])
def test_an_id_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a safe submission id"):
        RunFolder(tmp_path).of(name)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "other"}', "\udcff"])
def test_a_strange_run_json_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(StoreError, match=r"run\.json"):
        RunFolder(tmp_path).run()


def test_the_digest_sees_every_field() -> None:
    one = Submission("a", "a.ipynb", "00")
    assert digest(one) == digest(replace(one))
    assert len({digest(one), digest(replace(one, student="x")), digest(replace(one, sha256="01"))}) == 3
