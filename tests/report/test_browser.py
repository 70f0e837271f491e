"""The pages in a real browser: drawn, and nothing that a student wrote runs."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from grader.report.classpage import render_class
from grader.report.html import render_report
from tests.report.sample import HOSTILE, class_reports, hostile_report, sample_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
)
Open = Callable[[str, Sequence[str]], str]

pytestmark = [pytest.mark.browser, pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")]


@pytest.fixture
def browse(tmp_path: Path) -> Open:
    """Opens a page with more flags; gives what the browser printed."""

    def open_page(html: str, flags: Sequence[str]) -> str:
        page = tmp_path / "page.html"
        page.write_text(html, encoding="utf-8")
        # Chromium wants a home to write to, which a build account need not have.
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        done = subprocess.run(
            [str(BROWSER), *FLAGS, profile, *flags, page.as_uri()],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stdout

    return open_page


@pytest.fixture
def screenshot(browse: Open, tmp_path: Path) -> Callable[..., np.ndarray]:
    """The page as an array (height, width, 3) of 0 to 1."""

    def take(html: str, *flags: str) -> np.ndarray:
        picture = tmp_path / "page.png"
        browse(html, [f"--screenshot={picture}", "--window-size=1000,5000", *flags])
        return matplotlib.image.imread(picture)[..., :3]

    return take


def share_near(pixels: np.ndarray, colour: str) -> int:
    """How many pixels have the colour."""
    wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return int((np.abs(pixels - wanted).max(axis=-1) < 0.02).sum())


def test_report_is_drawn_with_its_colours_in_light_and_dark(screenshot):
    html = render_report(sample_report())
    light = screenshot(html)
    dark = screenshot(html, "--blink-settings=preferredColorScheme=0")
    assert light.shape == dark.shape == (5000, 1000, 3)
    assert light.mean() > 0.85 and dark.mean() < 0.3
    for pixels, student, reference in ((light, "#0063b2", "#b94a00"), (dark, "#66b5ff", "#ff9d52")):
        assert share_near(pixels, student) > 500 and share_near(pixels, reference) > 200


def test_the_students_figure_is_drawn(screenshot):
    picture = io.BytesIO()
    matplotlib.image.imsave(picture, np.full((30, 40, 3), [255, 0, 255], dtype=np.uint8), format="png")
    report = replace(sample_report(), items=(), plots={"figures": [{"cell": 1, "data": picture.getvalue()}]})
    assert share_near(screenshot(render_report(report)), "#ff00ff") > 10_000


def test_class_page_is_drawn(screenshot):
    pixels = screenshot(render_class(class_reports()))
    assert share_near(pixels, "#0063b2") > 3000


def test_class_page_sorts_and_finds_without_help(browse):
    dom = browse(render_class(class_reports()), ["--dump-dom"])
    assert len(re.findall(r'<button type="button" title="Sort by this column">', dom)) == 20
    assert '<input type="search">' in dom


def clicked(html: str, column: int, times: int) -> str:
    """The page with a second script, allowed by loosening the policy, that clicks on a column's head."""
    script = (
        f"<script>for (let i = 0; i < {times}; i++) document.querySelectorAll('th button')[{column}].click();</script>"
    )
    loose = re.sub(r"script-src &#39;[^&]*&#39;", "script-src 'unsafe-inline'", html)
    assert loose != html
    return loose.replace("</body>", script + "</body>")


@pytest.mark.parametrize(("times", "descending"), [(1, False), (2, True)])
def test_a_click_on_a_head_sorts_by_it(browse, times, descending):
    dom = browse(clicked(render_class(class_reports()), 2, times), ["--dump-dom"])
    shown = [float(number) for number in re.findall(r'</span></td><td class="num">([\d.]+)</td>', dom)]
    assert len(shown) == 35
    assert shown == sorted(shown, reverse=descending)
    assert f'aria-sort="{"descending" if descending else "ascending"}"' in dom


ATTACKS = (
    "".join(HOSTILE[:4]) + "<svg><script>document.title='hacked'</script></svg><iframe srcdoc='<script>1</script>'>"
)


@pytest.mark.parametrize("render", [render_report, lambda report: render_class([report])], ids=["report", "class"])
def test_nothing_that_a_student_wrote_runs(browse, render):
    dom = browse(render(hostile_report(ATTACKS)), ["--dump-dom"])
    title = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert title and title[1] != "hacked" and "&lt;script&gt;" in title[1]
    assert "<iframe" not in dom and 'onerror="' not in dom.replace("&quot;", "").replace('onerror="document', "")


def test_policy_holds_where_escaping_would_fail(browse):
    """Were markup to slip through, the policy alone would keep it from running."""
    html = render_report(sample_report())
    slipped = html.replace(
        "</main>", "<script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\"></main>"
    )
    assert slipped != html
    dom = browse(slipped, ["--dump-dom"])
    assert "<title>Student 01" in dom
