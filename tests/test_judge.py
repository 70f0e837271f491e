"""The judge on a tiny assignment: whatever was recorded, points come from observations alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.assignment import load_assignment
from grader.exam import Exam, prepare
from grader.judge import judge
from grader.model import (
    Answer,
    AnswerStatus,
    Cell,
    CellKind,
    CellRun,
    CellStatus,
    ItemResult,
    Opaque,
    Problem,
    Recording,
    Report,
    Status,
    StudentError,
    Submission,
    Verdict,
)
from tests.tiny import CHECKS, REFERENCE, RUBRIC, write_assignment

SUBMISSION = Submission("one", "one.ipynb", "0" * 64)

MORE_RUBRIC = """\
  - id: mean
    title: "TODO 3: mean"
    asked: "The mean, with `total`."
    points: 20
    extension: true
    needs: [total]
    forbidden: [statistics]
    uses: [mean]
    checks:
      averages: {weight: 3}
      close_by: {weight: 1}
      of_one: {weight: 0}
"""
MORE_REFERENCE = """
def mean(x):
    return total(x) / len(x)
"""
MORE_CHECKS = """
from grader.compare import fail
from grader.rubric import best_of
from grader.model import Finding, Verdict

@ask(public=True)
def mean_of_many(rng):
    return Function("mean")(rng.normal(size=5))

@ask(premised=True)
def mean_again(rng):
    return Function("mean")(rng.normal(size=6))

@ask()
def mean_of_one(rng):
    return Function("mean")(rng.normal(size=1))

@check("mean", best_of(mean_of_many, mean_again))
def averages(answer, expected):
    return close(answer, expected, atol=1e-9)

@check("mean", mean_of_many)
def close_by(answer, expected):
    off = abs(float(answer) - expected)
    return Finding(Verdict.PASS) if off < 1e-9 else fail("beside it", fraction=0.5 if off < 1 else None)

@check("mean", mean_of_one)
def of_one(answer, expected):
    return close(answer, expected, atol=1e-9)

@mistake("mean", "You divided by one less.", replaces="mean")
def one_less(x):
    return x.sum() / (len(x) - 1)
"""


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Exam:
    folder = write_assignment(tmp_path_factory.mktemp("judge"))
    (folder / "rubric.yaml").write_text(RUBRIC + MORE_RUBRIC)
    (folder / "reference" / "__init__.py").write_text(REFERENCE + MORE_REFERENCE)
    (folder / "questions.py").write_text(CHECKS + MORE_CHECKS)
    return prepare(load_assignment(folder), "secret")


def right_answers(exam: Exam) -> dict[str, Answer]:
    return {name: Answer(name, AnswerStatus.VALUE, value) for name, value in exam.expected.items()}


def judged(exam: Exam, submission: Submission = SUBMISSION, **answers: Answer) -> Report:
    """The report on the right answers, but for these."""
    return judge(exam, submission, Recording("one", "0" * 64, answers=right_answers(exam) | answers))


def item(report: Report, name: str) -> ItemResult:
    return next(one for one in report.items if one.id == name)


def value(ask: str, what: Any) -> Answer:
    return Answer(ask, AnswerStatus.VALUE, what)


def test_right_answers_earn_everything(exam: Exam) -> None:
    report = judged(exam)
    assert (report.status, report.score, report.bonus, report.passed) == (Status.GRADED, 100, 20, True)
    assert {one.verdict for one in report.items} == {Verdict.PASS}


def test_percent_is_capped_at_100(exam: Exam) -> None:
    assert judged(exam).percent == 100.0


def test_extension_makes_up_for_lost_points(exam: Exam) -> None:
    report = judged(exam, doubled=value("doubled", None))
    assert (report.score, report.bonus, report.percent) == (50, 20, 70)
    assert report.passed is True


def test_nothing_recorded_earns_nothing(exam: Exam) -> None:
    report = judge(exam, SUBMISSION, Recording("one", "0" * 64))
    assert (report.score, report.bonus, report.percent, report.passed) == (0, 0, 0, False)
    assert all(one.verdict is not Verdict.PASS for one in report.items)


@pytest.mark.parametrize("status", [one for one in AnswerStatus if one is not AnswerStatus.VALUE])
def test_an_answer_without_a_value_is_never_success(exam: Exam, status: AnswerStatus) -> None:
    # A value beside another status is a lie of the worker's: it counts for nothing.
    answer = Answer("doubled", status, exam.expected["doubled"], StudentError("ValueError", "no"))
    found = item(judged(exam, doubled=answer), "double")
    assert found.points == 0
    assert found.verdict not in (Verdict.PASS, Verdict.PARTIAL)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(max_size=20)
    | st.just(Opaque("Model", "<Model>"))
    | st.sampled_from(
        [np.zeros(4), np.full(4, np.nan), np.zeros((2, 2)), np.array(True), np.zeros(0), np.ones(4) * 1j]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ANSWERS = st.builds(
    lambda status, what: Answer("doubled", status, what, StudentError("ValueError", "no")),
    st.sampled_from(list(AnswerStatus)),
    VALUES,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=ANSWERS, second=ANSWERS, third=ANSWERS)
def test_any_recording_gets_a_sound_report(exam: Exam, first: Answer, second: Answer, third: Answer) -> None:
    answers = {"doubled": first, "added": second, "mean_of_many": third}
    recording = Recording("one", "0" * 64, answers=answers)
    report = judge(exam, SUBMISSION, recording)
    assert report.percent is not None
    assert 0 <= report.percent <= 100
    for one in report.items:
        assert 0 <= one.points <= one.max_points
        assert one.points == pytest.approx(sum(check.points for check in one.checks), abs=0.01)
        for check in one.checks:
            assert 0 <= check.points <= check.max_points
            assert check.verdict is Verdict.PASS or check.message
    # Nothing that hypothesis makes up is twice the secret numbers.
    assert item(report, "double").points == 0
    assert judge(exam, SUBMISSION, recording) == report


def test_a_check_without_weight_carries_no_points(exam: Exam) -> None:
    found = item(judged(exam, mean_of_one=value("mean_of_one", 7.0)), "mean")
    extra = next(one for one in found.checks if one.id == "of_one")
    assert (extra.verdict, extra.points, extra.max_points) == (Verdict.FAIL, 0, 0)
    assert (found.verdict, found.points) == (Verdict.PASS, 20)


def test_part_of_the_points_is_a_partial_verdict(exam: Exam) -> None:
    near = value("mean_of_many", exam.expected["mean_of_many"] + 0.5)
    found = item(judged(exam, mean_of_many=near), "mean")
    assert found.verdict is Verdict.PARTIAL
    assert {one.id: one.points for one in found.checks} == {"averages": 15, "close_by": 2.5, "of_one": 0}


def test_the_better_of_two_ways_of_asking_counts(exam: Exam) -> None:
    raised = Answer("mean_of_many", AnswerStatus.RAISED, None, StudentError("ValueError", "no"))
    wrong = value("mean_again", 99.0)

    def averages(**answers: Answer) -> tuple[Verdict, float]:
        found = item(judged(exam, **answers), "mean")
        return next((one.verdict, one.points) for one in found.checks if one.id == "averages")

    assert averages(mean_of_many=raised) == (Verdict.PASS, 15)
    assert averages(mean_again=wrong) == (Verdict.PASS, 15)
    # Where both fail, a wrong value says more than an error.
    assert averages(mean_of_many=raised, mean_again=wrong) == (Verdict.FAIL, 0)


def test_an_item_is_blocked_by_what_it_needs_and_says_so(exam: Exam) -> None:
    wrong = {
        "added": value("added", 0.0),
        "mean_of_many": value("mean_of_many", 0.0),
        "mean_again": value("mean_again", 0.0),
    }
    report = judged(exam, **wrong)
    found = item(report, "mean")
    assert found.verdict is Verdict.BLOCKED
    failed = [one for one in found.checks if one.verdict is not Verdict.PASS]
    assert failed
    assert all("TODO 2: total" in one.message for one in failed)
    assert not any("TODO 3" in line for line in report.advice)


def test_what_passes_is_not_blocked_where_the_needed_item_earned_something(exam: Exam) -> None:
    wrong = value("doubled", 0.0)
    assert item(judged(exam, doubled=wrong), "mean").verdict is Verdict.PASS


def test_a_fault_of_the_harness_has_no_score(exam: Exam) -> None:
    recording = Recording("one", "0" * 64, answers=right_answers(exam), harness_error="The worker did not start.")
    report = judge(exam, SUBMISSION, recording)
    assert report.status is Status.HARNESS_ERROR
    assert (report.score, report.bonus, report.percent, report.passed) == (None, None, None, None)
    assert {one.verdict for one in report.items} == {Verdict.HARNESS}
    assert all("The worker did not start." in check.message for one in report.items for check in one.checks)


def test_an_unreadable_file_says_why_at_every_item(exam: Exam) -> None:
    broken = replace(SUBMISSION, problems=(Problem("empty", "The file is empty.", "Hand it in again.", fatal=True),))
    report = judged(exam, broken)
    assert (report.status, report.score, report.passed) == (Status.GRADED, 0, False)
    assert all("The file is empty." in check.message for one in report.items for check in one.checks)
    assert all(check.hint == "Hand it in again." for one in report.items for check in one.checks)


def test_one_mistake_that_stops_many_cells_is_advised_once(exam: Exam) -> None:
    slip = StudentError("TypeError", "first\n" + "x" * 500 + "\nlast", cell=2, line_no=9)
    cells = tuple(CellRun(index, CellStatus.ERROR, slip) for index in (5, 6, 7))
    raised = Answer("doubled", AnswerStatus.RAISED, None, slip)
    recording = Recording("one", "0" * 64, cells=cells, answers=right_answers(exam) | {"doubled": raised})
    report = judge(exam, SUBMISSION, recording)
    assert [line for line in report.advice if line.startswith("Cell")] == [report.advice[0]]
    assert report.advice[0].startswith("Cell 5 stops with TypeError: first xxx")
    message = item(report, "double").checks[0].message
    assert message.endswith("last.")
    assert len(message) < 350


def test_a_missing_name_points_to_the_cell_that_could_not_be_parsed(exam: Exam) -> None:
    missing = Answer("doubled", AnswerStatus.MISSING, error=StudentError("Missing", "No function `double` is defined."))
    unparsed = CellRun(3, CellStatus.ERROR, StudentError("SyntaxError", "invalid syntax", cell=3, line_no=1))
    recording = Recording("one", "0" * 64, cells=(unparsed,), answers=right_answers(exam) | {"doubled": missing})
    check = item(judge(exam, SUBMISSION, recording), "double").checks[0]
    assert check.verdict is Verdict.MISSING
    assert "No function `double` is defined." in check.message
    assert "Cell 3" in check.hint
    assert "SyntaxError" in check.hint


def test_a_module_that_does_the_work_costs_the_item(exam: Exam) -> None:
    source = "import statistics\n\ndef mean(x):\n    return statistics.fmean(x)\n"
    cheating = replace(SUBMISSION, cells=(Cell(2, CellKind.CODE, source),))
    report = judged(exam, cheating)
    found = item(report, "mean")
    assert (found.points, found.verdict) == (0, Verdict.FAIL)
    assert "statistics" in found.checks[0].message
    assert "cell 2, line 4" in found.checks[0].hint
    assert item(report, "double").points == 50


def test_the_same_import_elsewhere_costs_nothing(exam: Exam) -> None:
    source = "import statistics\nprint(statistics.fmean([1, 2]))\n\ndef mean(x):\n    return sum(x) / len(x)\n"
    assert item(judged(exam, replace(SUBMISSION, cells=(Cell(2, CellKind.CODE, source),))), "mean").points == 20


def test_only_a_public_seed_is_told(exam: Exam) -> None:
    assert judged(exam).seed is None
    public = prepare(exam.assignment, "tiny-public", public=True)
    report = judge(public, SUBMISSION, Recording("one", "0" * 64, answers=right_answers(public)))
    assert report.seed == "tiny-public"
    # No check of "total" is public, so there is nothing to tell about it.
    assert [(one.id, one.max_points) for one in report.items] == [("double", 50), ("mean", 20)]


def test_values_that_make_libraries_warn_leave_the_terminal_clean(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    folder = write_assignment(tmp_path)
    judges = "    return close(answer, expected, atol=atol)"
    warns = "    import numpy as np\n    np.log(-1.0 - np.abs(answer)), np.mean([])\n"
    (folder / "questions.py").write_text(CHECKS.replace(judges, warns + judges))
    assert item(judged(prepare(load_assignment(folder), "secret")), "double").points == 50
    assert not recwarn.list
