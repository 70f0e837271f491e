"""Naming a mistake: by value, by what could not be read, by the error; and never where something contradicts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.assignment import load_assignment
from grader.diagnosis import Diagnosis, alike
from grader.exam import Exam, prepare
from grader.judge import judge
from grader.model import Answer, AnswerStatus, CheckResult, Recording, StudentError, Submission
from tests.tiny import REFERENCE, RUBRIC, write_assignment

QUESTIONS = """
import numpy as np
from grader.compare import close
from grader.model import AnswerStatus
from grader.rubric import Function, Read, Unreadable, ask, check, mistake

def numbers_of(value, inputs):
    if isinstance(value, str):
        raise Unreadable("Got a text; expected numbers.")
    return Read(value)

@ask(reads=numbers_of)
def doubled(rng):
    return Function("double")(rng.normal(size=4))

@ask(reads=numbers_of)
def doubled_positive(rng):
    return Function("double")(np.abs(rng.normal(size=4)))

@ask()
def added(rng):
    return Function("total")(rng.normal(size=5))

@check("double", doubled)
def doubles(answer, expected, atol):
    return close(answer, expected, atol=atol)

@check("double", doubled_positive)
def doubles_positive(answer, expected, atol):
    return close(answer, expected, atol=atol)

@check("total", added)
def adds(answer, expected):
    return close(answer, expected, atol=1e-9)

@mistake("double", "You take the absolute value.", replaces="double")
def absolute(x):
    return 2 * abs(x)

@mistake("double", "You tripled.", replaces="double")
def tripled(x):
    return 3 * x

@mistake("double", "You tripled absolute values.", replaces="double")
def tripled_absolute(x):
    return 3 * abs(x)

@mistake("double", "You added x three times.", replaces="double")
def added_three_times(x):
    return x + x + x

@mistake("double", "You returned a text.", replaces="double")
def text(x):
    return "two"

@mistake("double", "You look at an index that is not there.", replaces="double")
def index(x):
    return x[7]

@mistake("double", "Your loop does not end.", replaces="double", outcome=AnswerStatus.TIMEOUT)
def endless(x):
    return 0

@mistake("total", "You returned the mean.", replaces="total", also=("double",))
def mean(x):
    return x.mean()
"""


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Exam:
    folder: Path = write_assignment(tmp_path_factory.mktemp("diagnosis"))
    more = 'doubles: {weight: 1, atol: 1.0e-9, hint: "the factor"}\n      doubles_positive: {weight: 1, atol: 1.0e-9}'
    first = 'doubles: {weight: 1, atol: 1.0e-9, hint: "the factor"}'
    (folder / "rubric.yaml").write_text(RUBRIC.replace(first, more))
    (folder / "reference" / "__init__.py").write_text(REFERENCE)
    (folder / "questions.py").write_text(QUESTIONS)
    return prepare(load_assignment(folder), "secret")


def inputs(exam: Exam, name: str) -> Any:
    return exam.questions[name].ask.steps[0]["args"][0]


def checks(exam: Exam, function: Any) -> dict[str, CheckResult]:
    """The checks of a program that doubles like this."""
    answers = {name: Answer(name, AnswerStatus.VALUE, value) for name, value in exam.expected.items()}
    for name in ("doubled", "doubled_positive"):
        try:
            answers[name] = Answer(name, AnswerStatus.VALUE, function(inputs(exam, name)))
        except StopIteration as stopped:
            answers[name] = stopped.value
    report = judge(exam, Submission("one", "one.ipynb", ""), Recording("one", "", answers=answers))
    return {check.id: check for item in report.items for check in item.checks}


def instead(status: AnswerStatus, kind: str = "", message: str = "") -> Any:
    def answer(_x: Any) -> Any:
        raise StopIteration(Answer("", status, error=StudentError(kind, message) if kind else None))

    return answer


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda x: 3 * x, "double.tripled"),
        (lambda x: 3 * x * (1 + 1e-9), "double.tripled"),
        (lambda x: 2 * np.abs(x), "double.absolute"),
        (lambda x: 4 * x, None),
        (lambda x: "some text", "double.text"),
        (lambda x: None, None),
        (instead(AnswerStatus.TIMEOUT), "double.endless"),
        (instead(AnswerStatus.DIED), None),
        (
            instead(AnswerStatus.RAISED, "IndexError", "index 9 is out of bounds for axis 0 with size 4"),
            "double.index",
        ),
        (instead(AnswerStatus.RAISED, "KeyError", "7"), None),
        (instead(AnswerStatus.MISSING), None),
    ],
    ids=[
        "value",
        "rounding",
        "another",
        "unknown",
        "unreadable",
        "nothing",
        "timeout",
        "died",
        "error",
        "other error",
        "missing",
    ],
)
def test_the_mistake_with_the_same_behaviour_is_named(exam: Exam, function: Any, named: str | None) -> None:
    found = checks(exam, function)["doubles"]
    assert found.diagnosis == named
    assert bool(found.diagnosis_text) == (named is not None)


def test_the_sentence_of_the_catalogue_is_told(exam: Exam) -> None:
    assert checks(exam, lambda x: 3 * x)["doubles"].diagnosis_text == "You tripled."


def test_a_right_answer_is_named_after_nothing(exam: Exam) -> None:
    found = checks(exam, lambda x: 2 * x)
    assert {check.diagnosis for check in found.values()} == {None}


def test_among_several_the_one_that_explains_most_answers_is_named(exam: Exam) -> None:
    # Of positive numbers alone, tripling with and without the absolute value look the same.
    found = checks(exam, lambda x: 3 * np.abs(x))
    assert found["doubles_positive"].diagnosis == "double.tripled_absolute"
    assert checks(exam, lambda x: 3 * x)["doubles_positive"].diagnosis == "double.tripled"


def test_a_mistake_that_would_show_where_the_answer_is_right_is_not_named(exam: Exam) -> None:
    found = checks(exam, lambda x: 3 * x if (x > 0).all() else 2 * x)
    assert found["doubles_positive"].points == 0
    assert found["doubles_positive"].diagnosis is None


def test_an_error_is_not_named_after_a_mistake_that_would_show_where_the_answer_is_right(exam: Exam) -> None:
    stopped = instead(AnswerStatus.RAISED, "IndexError", "index 1 is out of bounds for axis 0 with size 1")
    found = checks(exam, lambda x: 2 * x if (x > 0).all() else stopped(x))
    assert found["doubles"].diagnosis is None
    assert "IndexError" in found["doubles"].message


def test_of_twins_the_first_in_the_catalogue_is_named(exam: Exam) -> None:
    mistakes = {one.id: one for one in exam.assignment.mistakes}
    assert alike(exam, mistakes["double.tripled"], mistakes["double.added_three_times"])
    assert not alike(exam, mistakes["double.tripled"], mistakes["double.tripled_absolute"])
    assert checks(exam, lambda x: x + x + x)["doubles"].diagnosis == "double.tripled"


def test_no_failed_question_gives_no_name(exam: Exam) -> None:
    assert Diagnosis(exam, {}, Recording("one", "")).name("double", ()) is None


def test_a_mistake_that_leaves_the_question_alone_is_not_named(exam: Exam) -> None:
    # `total.mean` may be seen in `double`, but it answers this question as the reference does.
    answers = {name: Answer(name, AnswerStatus.VALUE, value) for name, value in exam.expected.items()}
    recording = Recording("one", "", answers=answers)
    ask = exam.questions["doubled"].definition
    assert Diagnosis(exam, {}, recording).name("double", (ask,)) is None
