"""Contrast of the palette, as WCAG 2.2 measures it (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""

from __future__ import annotations

import re

import pytest

from grader.report.html import render_report
from tests.report.sample import sample_report

TEXT = ("ink", "soft", "link", "pass", "partial", "fail", "other", "harness")
MARKS = ("student", "reference", "data", "cause-line", "focus")


def palettes() -> dict[str, dict[str, str]]:
    css = re.search(r"<style>(.*?)</style>", render_report(sample_report()), re.DOTALL)
    assert css
    light, dark, paper = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", block))
        for block in re.findall(r":root \{(.*?)\}", css[1], re.DOTALL)
    )
    return {"light": light, "dark": light | dark, "print": light | paper}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark", "print"])
def test_text_stands_out_from_every_ground(mode):
    colours = palettes()[mode]
    weak = {
        (name, ground): round(contrast(colours[name], colours[ground]), 2)
        for name in TEXT
        for ground in ("paper", "ground", "tint")
        if contrast(colours[name], colours[ground]) < 4.5
    }
    assert not weak


@pytest.mark.parametrize("mode", ["light", "dark", "print"])
def test_text_in_boxes_stands_out(mode):
    colours = palettes()[mode]
    assert min(contrast(colours["ink"], colours[ground]) for ground in ("hint", "cause")) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark", "print"])
def test_marks_of_drawings_stand_out(mode):
    colours = palettes()[mode]
    assert {name for name in MARKS if contrast(colours[name], colours["paper"]) < 3.0} <= set()


def test_black_on_white_is_the_largest_contrast():
    assert contrast("#000000", "#fff") == pytest.approx(21.0)
