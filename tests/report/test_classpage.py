from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from grader.model import Submission
from grader.report.classpage import link, render_class
from grader.report.html import render_report
from tests.report.markup import Page, parsed, words
from tests.report.sample import HOSTILE, class_reports, harness_report, hostile_report, sample_report


@pytest.fixture(scope="module")
def page() -> Page:
    return parsed(render_class(class_reports()))


def row_of(text: str, name: str) -> list[str]:
    row = next(row for row in re.findall(r"<tr>.*?</tr>", text, re.DOTALL) if f"<bdi>{name}</bdi></a>" in row)
    return [words(f"<body>{cell}</body>") for cell in re.findall(r"<t[dh].*?</t[dh]>", row, re.DOTALL)]


def test_same_class_gives_same_bytes():
    assert render_class(class_reports()) == render_class(class_reports())


def test_every_submission_stands_in_the_table_with_its_score_and_link(page):
    text = render_class(class_reports())
    links = [a["href"] for a in page.all("a")]
    for report in class_reports():
        assert f"submissions/{report.submission.id}/report.html" in links
        cells = row_of(text, report.submission.id)
        if report.percent is not None:
            assert float(cells[2]) == pytest.approx(report.percent, abs=0.006)
            assert [cell.split()[0] for cell in cells[5:]] == [f"{abs(item.points):g}" for item in report.items]
            assert ("passed" in cells[1]) == report.passed


def test_verdicts_stand_in_words_beside_their_marks():
    cells = row_of(render_class([sample_report()]), "student-01")
    assert cells[5:10] == ["5 Pass", "4.5 Partial", "15 Pass", "0 Error", "4 Blocked"]


def test_harness_errors_stand_first_and_apart_without_numbers():
    text = render_class(class_reports())
    assert text.index("without a score") < text.index("Distribution")
    assert "The worker&#39;s socket closed before it greeted." in text
    cells = row_of(text, "student-13")
    assert "no score" in cells[1] and not any(cells[2:])


def test_review_queue_links_to_the_item():
    text = render_class([sample_report()])
    assert 'href="submissions/student-01/report.html#item-11"' in text
    assert "Seven sentences were found" in text


def test_distribution_has_a_text_alternative():
    text = words(render_class(class_reports()))
    assert re.search(r"0 to 10 %: \d+, 10 to 20 %: \d+", text)


def test_items_are_analysed():
    text = words(render_class(class_reports()))
    assert "Most frequent mistakes" in text and "× You left something out" in text


@pytest.mark.parametrize(
    "reports", [(), (harness_report(),), (sample_report(),)], ids=["empty", "only failures", "one"]
)
def test_small_classes_render(reports):
    text = render_class(reports)
    assert parsed(text).names.count("h1") == 1
    assert ("Distribution" in text) == any(report.percent is not None for report in reports)
    assert ("There are no submissions." in text) == (not reports)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_student_text_adds_no_element(hostile):
    def shape(text: str) -> list[str]:
        return [name for name in parsed(render_class([hostile_report(text)])).names if name != "code"]

    assert shape(hostile) == shape("plain")
    assert render_class([hostile_report(hostile)]).encode("utf-8")


def test_runs_its_own_script_only(page):
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy") or ""
    (script,) = page.texts["script"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and "unsafe" not in policy
    assert page.names.count("script") == 1 and "src" not in page.all("script")[0]
    assert "innerHTML" not in script and "eval" not in script


def test_tables_can_be_read_without_seeing(page):
    assert page.all("html")[0]["lang"] == "en"
    assert all(heading.get("scope") in ("col", "row") for heading in page.all("th"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {ref for _, a in page.tags for ref in (a.get("aria-labelledby") or "").split()} <= set(ids)


@pytest.mark.parametrize(
    ("ident", "expected"),
    [
        ("a b&c", "submissions/a%20b%26c/report.html"),
        ("混合", "submissions/%E6%B7%B7%E5%90%88/report.html"),
        ('"><script>', "submissions/%22%3E%3Cscript%3E/report.html"),
        ("javascript:alert(1)", "submissions/javascript%3Aalert%281%29/report.html"),
        ("lone\ud800", "submissions/lone%3F/report.html"),
    ],
)
def test_links_are_relative_and_quoted(ident, expected):
    assert link(replace(sample_report(), submission=Submission(ident, "p", "s"))) == expected


def test_numbers_of_a_column_have_the_same_decimals():
    text = render_class(class_reports())
    shown = [row_of(text, report.submission.id)[2] for report in class_reports() if report.percent is not None]
    assert {len(number.partition(".")[2]) for number in shown} == {1}


def test_the_sandbox_is_told_of_what_was_run():
    ran, unread = sample_report(), replace(sample_report(), sandbox=())
    told = words(render_class((ran, unread)))
    assert all(layer in told for layer in ran.sandbox)
    assert "no code was run" in words(render_report(unread))
    assert "Sandbox" not in words(render_class((unread,)))
