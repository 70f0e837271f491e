"""The result that GitHub Classroom's reporter reads, and the job summary beside it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import pytest

from grader.export.classroom import classroom_result
from grader.export.summary import escape, summary_markdown
from grader.model import ItemResult, Verdict
from tests.report.sample import HOSTILE, class_reports, harness_report, hostile_report, sample_report, scored

TEST_FIELDS = {
    "name": str,
    "status": str,
    "score": int | float,
    "message": str,
    "test_code": str,
    "filename": str,
    "line_no": int,
    "duration": int | float,
}


def decoded(reports):
    return json.loads(base64.b64decode(classroom_result(reports)[1], validate=False))


def all_right():
    """Full marks in everything: 100 points and 20 more."""
    items = tuple(replace(item, points=item.max_points, verdict=Verdict.PASS) for item in sample_report().items)
    return scored(replace(sample_report(), items=items))


def published(result) -> tuple[float, float]:
    """(points, of) as the reporter adds them up."""
    return sum(test["score"] for test in result["tests"]), result["max_score"]


@pytest.mark.parametrize(
    "reports",
    [(sample_report(),), (harness_report(),), class_reports(), (), *((hostile_report(text),) for text in HOSTILE)],
    ids=["one", "harness", "class", "empty", *(f"hostile {n}" for n in range(len(HOSTILE)))],
)
def test_has_the_shape_that_the_reporter_reads(reports):
    result = decoded(reports)
    assert list(result) == ["version", "status", "max_score", "tests"]
    assert result["version"] == 1 and result["status"] in ("pass", "fail", "error")
    assert isinstance(result["max_score"], int | float)
    for test in result["tests"]:
        assert list(test) == list(TEST_FIELDS)
        for name, kind in TEST_FIELDS.items():
            assert isinstance(test[name], kind) and not isinstance(test[name], bool)
        assert test["status"] in ("pass", "fail", "error") and test["line_no"] == 0


def test_is_one_line_of_ascii_as_a_step_output_must_be():
    text = classroom_result(class_reports())[1]
    assert text.isascii() and text.count("\n") == 1


def test_points_are_those_of_the_report():
    assert published(decoded([sample_report()])) == (68.5, 100)
    assert decoded([sample_report()])["status"] == "fail"


def test_bonus_counts_up_to_the_maximum_as_in_the_percentage():
    result = decoded([all_right()])
    assert published(result) == (100, 100)
    assert result["status"] == "pass"


def test_statuses_of_items():
    statuses = {test["name"]: test["status"] for test in decoded([sample_report()])["tests"]}
    assert statuses["The notebook runs"] == "pass"
    assert statuses["TODO 1: E-step"] == "fail"
    assert statuses["TODO 3: sampling"] == statuses["TODO 5a: latent interpolation"] == "error"


def test_message_tells_what_went_wrong():
    messages = {test["name"]: test["message"] for test in decoded([sample_report()])["tests"]}
    assert "You left the mixture weights out" in messages["TODO 1: E-step"]
    assert messages["The notebook runs"] == ""


def test_harness_error_publishes_no_score():
    """The reporter publishes nothing where the maximum is 0."""
    result = decoded([harness_report()])
    assert result["status"] == "error" and published(result) == (0, 0)
    assert "not the notebook's fault" in result["tests"][0]["message"]


def test_harness_error_in_a_class_takes_nothing_from_the_others():
    result = decoded([sample_report(), harness_report()])
    assert result["status"] == "error" and published(result) == (68.5, 100)


def test_log_of_the_workflow_takes_no_command_from_a_student():
    for test in decoded([hostile_report(HOSTILE[6])])["tests"]:
        for text in (test["message"], test["test_code"], test["name"], test["filename"]):
            assert not re.search(r"^\s*::|##\[", text, re.MULTILINE)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_summary_shows_student_text_as_text(hostile):
    text = summary_markdown([hostile_report(hostile)])[1]
    plain = summary_markdown([hostile_report("plain")])[1]
    # Every character that Markdown or HTML could read is escaped: what is left unescaped is the same without it.
    assert skeleton(text) == skeleton(plain)


def skeleton(text: str) -> list[str]:
    """The signs in each line that Markdown reads."""
    without = re.sub(r"\\[!-/:-@\[-`{-~]|&(?:amp|lt|gt);", "", text)
    return [re.sub(r"[^\[\]()<>`*_|#$@!{}~]", "", line) for line in without.splitlines()]


def test_summary_of_a_class_is_a_table():
    lines = summary_markdown(class_reports())[1].splitlines()
    rows = [line for line in lines if line.startswith("| student\\-")]
    assert len(rows) == 36 and sum("no score" in row for row in rows) == 1
    assert "36 submissions, 25 passed, 1 without a score." in lines


def test_summary_of_one_tells_what_to_mend():
    text = summary_markdown([sample_report()])[1]
    assert "68.5 % (58.5 of 100 points + 10 bonus), ❌ below the pass mark" in text
    assert "1. TODO 1\\: E\\-step" in text and "**Likely cause**: You left the mixture weights out" in text


def test_summary_stays_below_githubs_limit():
    items = tuple(
        ItemResult(str(n), "x" * 9000, 0, 5, Verdict.FAIL, sample_report().items[1].checks) for n in range(40)
    )
    many = [replace(hostile_report(HOSTILE[-1]), items=items)] * 2000
    assert len(summary_markdown(many)[1].encode()) < 1 << 20
    assert len(summary_markdown(many[:1])[1].encode()) < 1 << 20
    assert "1000 more are in the class page." in summary_markdown(many)[1]


def test_escape_cuts_and_keeps_one_line():
    assert escape("a\n\n  b") == "a b"
    assert escape("x" * 50, 10) == "x" * 10 + " …"
    assert escape("<b>&amp;</b>") == "&lt;b&gt;&amp;amp\\;&lt;\\/b&gt;"
