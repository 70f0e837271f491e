from __future__ import annotations

import base64
import hashlib
import itertools
import re
from dataclasses import replace

import pytest

from grader.model import Report
from grader.report.html import render_report
from tests.report.markup import parsed, words
from tests.report.sample import HOSTILE, harness_report, hostile_report, sample_report

PROSE = {"p", "br", "code", "pre"}
"""What a message is laid out with: the only elements that depend on its text."""


@pytest.fixture(scope="module")
def text() -> str:
    return render_report(sample_report())


def test_same_report_gives_same_bytes(text):
    assert render_report(sample_report()) == text


def test_tells_all_that_a_student_needs(text):
    report, told = sample_report(), words(text)
    assert "68.5 %" in told and "58.5 of 100 points, and 10 from extensions" in told and "Not passed yet" in told
    assert all(layer in told for layer in report.sandbox)
    for item in report.items:
        assert item.title in told
        for check in item.checks:
            for part in (check.title, check.diagnosis_text, check.hint.replace("`", "")):
                assert "".join(part.split()) in "".join(told.split())
    assert "You left the mixture weights out" in told
    assert "a person should look" in told
    assert "Found your means under mu" in told


def test_shows_tables_in_fixed_width_and_code_as_code(text):
    page = parsed(text)
    assert any("row   obtained   expected" in pre for pre in page.texts["pre"])
    assert "online_update" in page.texts["code"]


def test_needs_nothing_from_outside_and_runs_nothing(text):
    page = parsed(text)
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(page.names)
    for _, attributes in page.tags:
        assert "style" not in attributes and "srcset" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for place in (attributes.get("href"), attributes.get("src")):
            assert place is None or place.startswith(("#", "data:image/png;base64,"))
    assert "url(" not in text and "@import" not in text


def test_policy_allows_its_own_style_sheet_only(text):
    page = parsed(text)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.texts["style"][0].encode()).digest()).decode()
    assert policy is not None
    assert policy.split("; ")[:3] == ["default-src 'none'", f"style-src 'sha256-{digest}'", "img-src data:"]
    assert "script-src" not in policy and "unsafe" not in policy


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_student_text_adds_no_element(hostile):
    """The page has the same elements and attributes whatever the text is, but for the layout of messages."""

    def shape(html: str) -> list[tuple[str, list[str]]]:
        return [(name, sorted(attributes)) for name, attributes in parsed(html).tags if name not in PROSE]

    assert shape(render_report(hostile_report(hostile))) == shape(render_report(hostile_report("plain extension")))


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_page_of_hostile_text_can_be_written_and_stays_small(hostile):
    html = render_report(hostile_report(hostile))
    assert len(html.encode("utf-8")) < 1_500_000
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", html)


def test_page_without_the_students_figures_is_light():
    plots = {name: tree for name, tree in sample_report().plots.items() if name != "figures"}
    assert len(render_report(replace(sample_report(), plots=plots)).encode()) < 400_000


def test_can_be_read_without_seeing(text):
    page = parsed(text)
    assert page.all("html")[0]["lang"] == "en"
    assert page.names.count("h1") == 1 and page.names.count("main") == 1
    levels = [int(name[1]) for name in page.names if re.fullmatch("h[1-6]", name)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(heading.get("scope") in ("col", "row") for heading in page.all("th"))
    assert page.all("img") and all(picture["alt"] for picture in page.all("img"))
    for drawing in page.all("svg"):
        assert drawing.get("aria-hidden") == "true" or drawing.get("role") == "img"
    labels = {a["id"] for _, a in page.tags if "id" in a}
    assert {ref for _, a in page.tags for ref in (a.get("aria-labelledby") or "").split()} <= labels
    assert {(a["href"] or "").removeprefix("#") for a in page.all("a")} <= labels


def test_ids_are_unique(text):
    ids = [attributes["id"] for _, attributes in parsed(text).tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_verdicts_are_told_in_words_beside_their_colour(text):
    told = words(text)
    for word in ("Pass", "Partial", "Error", "Blocked", "Timeout", "Missing", "Fail"):
        assert f" {word} " in told


def test_harness_error_shows_no_score_and_nothing_of_ours():
    told = words(render_report(harness_report()))
    assert "No score" in told and "not the notebook's fault" in told
    assert "%" not in told and " / 15" not in told
    assert "socket" not in told


@pytest.mark.parametrize("change", [{"items": ()}, {"sandbox": ()}, {"versions": {}, "advice": (), "notices": ()}])
def test_sparse_reports_render(change):
    assert "Student 01" in words(render_report(replace(sample_report(), **change)))


def test_drawings_stand_beside_the_item_they_belong_to(text):
    before, _, after = text.partition('id="item-5"')
    assert "Log-likelihood while training" in after and "Log-likelihood while training" not in before
    assert "What your code answered, drawn" not in text


def test_drawings_of_no_item_stand_in_their_own_section():
    plots = {"curve:loss": {"kind": "curve", "title": "Loss", "student": [3.0, 2.0, 1.0], "ylabel": "loss"}}
    told = words(render_report(replace(sample_report(), plots=plots)))
    assert "What your code answered, drawn" in told and "from 3 to 1 in 3 iterations" in told


def without_colour(report: Report) -> str:
    return re.sub(r"<style>.*?</style>", "", render_report(report), flags=re.DOTALL)


def test_colours_come_from_the_style_sheet_alone(text):
    assert not re.search(r'(?:fill|stroke|color)="', without_colour(sample_report()))
