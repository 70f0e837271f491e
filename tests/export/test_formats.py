"""What every export format owes to its readers, whatever students hand in."""

from __future__ import annotations

import csv
import io
import json

import pytest

from grader.export import EXPORTS
from grader.model import Report
from tests.report.sample import HOSTILE, class_reports, harness_report, hostile_report, sample_report

CLASSES = {
    "empty class": (),
    "one": (sample_report(),),
    "harness error": (harness_report(),),
    "class": class_reports(),
    **{f"hostile {n}": (hostile_report(text), sample_report()) for n, text in enumerate(HOSTILE)},
    **{f"hostile {n} alone": (hostile_report(text),) for n, text in enumerate(HOSTILE)},
}


@pytest.fixture(params=EXPORTS)
def export(request):
    return EXPORTS[request.param]


@pytest.fixture(params=CLASSES.values(), ids=CLASSES)
def reports(request) -> tuple[Report, ...]:
    return request.param


def test_gives_a_plain_file_name_and_text_that_can_be_written(export, reports):
    name, text = export(reports)
    assert name and "/" not in name and "\\" not in name and not name.startswith(".")
    assert text.endswith("\n")
    assert text.encode("utf-8").decode("utf-8") == text


def test_gives_the_same_bytes_for_equal_reports(export, reports):
    assert export(reports) == export(tuple(reports))


def test_lets_no_control_character_through(export, reports):
    _, text = export(reports)
    assert not {c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160}


def test_says_nothing_that_reads_as_a_score_after_a_harness_error():
    row = next(csv.DictReader(io.StringIO(EXPORTS["csv"]((harness_report(),))[1])))
    assert row["status"] == "harness_error"
    assert {row["score"], row["bonus"], row["percent"], row["passed"], row["e_step"]} == {""}
    tree = json.loads(EXPORTS["json"]((harness_report(),))[1])["reports"][0]
    assert (tree["score"], tree["bonus"], tree["percent"], tree["passed"]) == (None, None, None, None)
    assert "no score" in EXPORTS["summary"]((harness_report(), sample_report()))[1]
    assert "%" not in EXPORTS["summary"]((harness_report(),))[1]
