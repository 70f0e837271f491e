"""`report.json` and `grades.csv` to the letter: programs that others write read them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from grader.export.grades_csv import grades_csv
from grader.export.report_json import report_json
from grader.model import Verdict
from tests.report.sample import EXTENSIONS, HOSTILE, ITEMS, class_reports, harness_report, hostile_report, sample_report

FIELDS = [
    "schema", "assignment", "submission", "status", "score", "max_score", "bonus", "percent", "passed", "seed",
    "sandbox", "versions", "items",
]  # fmt: skip
ITEM_FIELDS = ["id", "title", "points", "max_points", "verdict", "checks"]
CHECK_FIELDS = ["id", "verdict", "points", "max_points", "message", "hint", "diagnosis"]


def test_promised_fields_stand_first_and_in_order():
    tree = json.loads(report_json(sample_report()))
    assert list(tree)[: len(FIELDS)] == FIELDS
    assert list(tree["submission"]) == ["id", "student", "path", "sha256"]
    for item in tree["items"]:
        assert list(item)[: len(ITEM_FIELDS)] == ITEM_FIELDS
        for check in item["checks"]:
            assert list(check)[: len(CHECK_FIELDS)] == CHECK_FIELDS


def test_tells_the_grade():
    tree = json.loads(report_json(sample_report()))
    assert tree["schema"] == "grader/report/1" and tree["status"] == "graded"
    assert (tree["score"], tree["max_score"], tree["bonus"], tree["percent"]) == (58.5, 100, 10, 68.5)
    assert tree["passed"] is False and tree["seed"] is None and tree["needs_review"] is True
    assert [item["id"] for item in tree["items"]] == [ident for ident, _, _ in ITEMS]
    named = tree["items"][1]["checks"][2]
    assert named["diagnosis"] == "e_step.weights_left_out"
    assert named["diagnosis_text"].startswith("You left the mixture weights out")
    assert tree["items"][0]["checks"][0]["diagnosis"] is None


def test_verdicts_are_the_published_words():
    words = {
        item["verdict"]
        for report in (sample_report(), harness_report())
        for item in json.loads(report_json(report))["items"]
    }
    assert words == {verdict.value for verdict in Verdict}


def test_harness_error_has_no_score_even_where_the_report_holds_one():
    broken = replace(harness_report(), score=0.0, bonus=0.0, percent=0.0, passed=False)
    for report in (harness_report(), broken):
        tree = json.loads(report_json(report))
        assert tree["status"] == "harness_error"
        assert [tree[name] for name in ("score", "bonus", "percent", "passed")] == [None] * 4
        assert all(isinstance(item["points"], int | float) for item in tree["items"])


def test_hidden_thresholds_stay_hidden():
    report = sample_report()
    items = tuple(replace(i, checks=tuple(replace(c, margin=0.123456) for c in i.checks)) for i in report.items)
    assert report_json(replace(report, items=items)) == report_json(report)


def test_equal_reports_give_equal_bytes_whatever_the_order_of_versions():
    report = sample_report()
    turned = replace(report, versions=dict(reversed(report.versions.items())))
    assert report_json(turned) == report_json(report)


@pytest.mark.parametrize(("earned", "written"), [(10 / 3, "3.33"), (5.0, "5"), (0.1 + 0.2, "0.3"), (-0.0, "0")])
def test_numbers_are_short(earned, written):
    items = (replace(sample_report().items[0], points=earned),)
    assert f'"points": {written},' in report_json(replace(sample_report(), items=items))


def test_a_score_that_is_no_number_is_never_written():
    with pytest.raises(ValueError, match="not a number"):
        report_json(replace(sample_report(), percent=float("nan")))


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_survives_the_way_through_json(hostile):
    tree = json.loads(report_json(hostile_report(hostile)).encode("utf-8").decode("utf-8"))
    assert tree["advice"] == [hostile.replace("\ud800", "\ufffd").replace("\x00", "")]


def test_gradebook_has_the_published_header_and_a_row_per_submission():
    rows = list(csv.reader(io.StringIO(grades_csv(class_reports())[1])))
    assert ",".join(rows[0]) == (
        "submission,student,status,score,max_score,bonus,percent,passed,runs,e_step,m_step,sample,training,discriminative,"
        "generative,interpolate,arithmetic,visualisations,reflection,bic,digits,conditional_sample,online_update"
    )
    assert len(rows) == 1 + len(class_reports())
    assert {len(row) for row in rows} == {8 + len(ITEMS)}


def test_gradebook_adds_up():
    for row in csv.DictReader(io.StringIO(grades_csv(class_reports())[1])):
        if row["status"] == "graded":
            base = sum(float(row[ident]) for ident, _, _ in ITEMS if ident not in EXTENSIONS)
            bonus = sum(float(row[ident]) for ident in EXTENSIONS)
            assert (float(row["score"]), float(row["bonus"])) == (base, bonus)
            assert float(row["percent"]) == min(100.0, base + bonus)
            assert row["passed"] == ("true" if base + bonus >= 70 else "false")


def test_gradebook_of_no_submissions_is_the_header():
    assert grades_csv(()) == ("grades.csv", "submission,student,status,score,max_score,bonus,percent,passed\n")


@pytest.mark.parametrize("name", ["=1+1", "+1 - 1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1+1"])
def test_spreadsheets_compute_nothing(name):
    report = replace(sample_report(), submission=replace(sample_report().submission, student=name, id=name))
    row = list(csv.reader(io.StringIO(grades_csv([report])[1])))[1]
    assert all(cell.lstrip()[:1] not in ("=", "+", "-", "@", "＝") for cell in row)
    assert all(name.strip() in cell for cell in row[:2])


def test_a_submission_without_an_item_has_an_empty_cell():
    short = replace(sample_report(), items=sample_report().items[1:3])
    rows = list(csv.DictReader(io.StringIO(grades_csv([sample_report(), short])[1])))
    assert (rows[1]["runs"], rows[1]["e_step"], rows[1]["digits"]) == ("", "4.5", "")
