from __future__ import annotations

import base64
import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread

from grader.report import figures
from grader.report.figures import SIGNATURE, pictures, still_png
from tests.report.sample import png


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(width: int = 2, height: int = 2, *extra: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\x00" + bytes(min(width, 9)) for _ in range(min(height, 9))))
    return SIGNATURE + chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_notebooks_figure_is_shown_as_it_is():
    (shown,), problems = pictures([{"cell": 4, "mime": "image/png", "data": png()}])
    data = base64.b64decode(shown.source.removeprefix("data:image/png;base64,"))
    assert (imread(io.BytesIO(data)) == imread(io.BytesIO(png()))).all()
    assert (shown.width, shown.height) == imread(io.BytesIO(png())).shape[1::-1]
    assert shown.caption == "Figure 1, cell 4" and not problems


def test_words_stand_for_the_picture():
    axes = {"title": "Fitted clusters", "xlabel": "x1", "points": 300, "lines": 3, "images": 0}
    (shown,), _ = pictures([{"cell": 4, "data": png(), "axes": [axes, {}]}])
    assert shown.alt == "Figure 1, cell 4: “Fitted clusters”, “x1”, 3 lines, 300 points; empty axes"
    (bare,), _ = pictures([{"cell": 4, "data": png()}])
    assert "without a description" in bare.alt


def test_only_what_a_still_picture_needs_stays_in_it():
    data, _, _ = still_png(
        picture(2, 2, chunk(b"tEXt", b"Comment\0<script>"), chunk(b"acTL", bytes(8)), chunk(b"eXIf", b"x"))
    )
    assert data == picture(2, 2)
    assert still_png(picture() + b"<script>alert(1)</script>")[0] == picture()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "missing"),
        ("iVBORw0KGgo=", "missing"),
        (b"", "only PNG"),
        (b"<svg onload=alert(1)>", "only PNG"),
        (b"\xff\xd8\xff\xe0", "only PNG"),
        (SIGNATURE, "damaged"),
        (picture()[:-4], "damaged"),
        (SIGNATURE + chunk(b"IDAT", b"") + chunk(b"IEND", b""), "damaged"),
        (SIGNATURE + chunk(b"IHDR", bytes(5)) + chunk(b"IEND", b""), "damaged"),
        (SIGNATURE + b"\xff\xff\xff\xffIHDR" + bytes(30), "damaged"),
        (picture(0, 2), "0 × 2 pixels"),
        (picture(60_000, 60_000), "60000 × 60000 pixels"),
        (picture(7000, 7000), "7000 × 7000 pixels"),
        (SIGNATURE + bytes(figures.FIGURE_BYTES), "larger than 1024 KiB"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_no_picture_is_told_in_words(data, words):
    shown, problems = pictures([{"cell": 3, "data": data}, {"cell": 5, "data": png()}])
    assert [one.caption for one in shown] == ["Figure 2, cell 5"]
    assert len(problems) == 1 and words in problems[0] and problems[0].startswith("Figure 1, cell 3 is not shown")


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_picture_or_a_value_error(data, signed):
    try:
        kept, width, height = still_png(SIGNATURE + data if signed else data)
    except ValueError as why:
        assert str(why)
    else:
        assert kept.startswith(SIGNATURE) and width > 0 and height > 0


def test_figures_stay_within_their_count_and_size(monkeypatch):
    many = [{"cell": n, "data": picture()} for n in range(60)]
    shown, problems = pictures(many)
    assert len(shown) == figures.FIGURES and problems == (f"{60 - figures.FIGURES} more figures are not shown here: "
                                                          "the page would grow too large.",)  # fmt: skip
    monkeypatch.setattr(figures, "TOTAL_BYTES", len(picture()) * 2)
    assert len(pictures(many)[0]) == 2


@pytest.mark.parametrize("tree", [None, "abc", b"abc", 3, {}, [None, 3, "x", {"cell": "7"}, {"cell": True}]])
def test_trees_of_another_shape_show_nothing(tree):
    shown, problems = pictures(tree)
    assert shown == ()
    assert all("is not shown" in problem for problem in problems)
