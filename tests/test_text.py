from __future__ import annotations

import csv
import io
import json
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.text import brief, clean, defuse_csv, json_safe, safe_name, strip_terminal, workflow_data, workflow_safe

anything = st.text(st.characters(codec=None) | st.sampled_from("\ud800\udfff\x00\x1b[]\x07\x9b\u202e\r\n:=+-@#%/\\. "))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param("\x1b[31mred\x1b[0m", "red", id="colour"),
        pytest.param("\x1b]0;title\x07after", "after", id="title"),
        pytest.param("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link", id="hyperlink"),
        pytest.param("a\rb", "a\nb", id="carriage return can't overwrite"),
        pytest.param("a\x08\x08b\x7f", "ab", id="backspaces"),
        pytest.param("\x9b2Jcleared", "cleared", id="one-byte CSI"),
        pytest.param("pass\u202eliaf", "passliaf", id="right-to-left override"),
        pytest.param("tab\tnew\nline", "tab\tnew\nline", id="kept"),
        pytest.param("\x1b[38;5", "", id="cut off in the sequence"),
        pytest.param("\x1b\x1b[[31mx", "31mx", id="escape in an escape leaves no escape"),
        pytest.param("مرحبا שלום 你好", "مرحبا שלום 你好", id="right-to-left letters stay"),
    ],
)
def test_terminal_text_keeps_no_escape(raw: str, shown: str) -> None:
    assert strip_terminal(raw) == shown


@given(anything, st.integers(20, 200))
def test_a_brief_text_is_one_line_within_its_limit(text: str, limit: int) -> None:
    told = brief(text, limit)
    assert len(told) <= limit
    assert "\n" not in told


def test_a_brief_text_keeps_both_ends() -> None:
    assert brief("Expected 2D,\n got 1D", 50) == "Expected 2D, got 1D"
    told = brief("Expected 2D: " + "1. " * 500 + "Reshape it.", 60)
    assert told.startswith("Expected 2D: 1.")
    assert told.endswith("1. Reshape it.")


@given(anything)
def test_terminal_text_has_no_control_but_newline_and_tab(text: str) -> None:
    stripped = strip_terminal(text)
    assert all(c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"} for c in stripped)
    assert strip_terminal(stripped) == stripped


@given(anything, st.integers(0, 30))
def test_clean_text_fits_and_encodes(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert "\x00" not in cleaned
    cleaned.encode("utf-8")


def test_cut_text_shows_that_it_was_cut() -> None:
    assert clean("abcdef", 4) == "abc…"
    assert clean("abcd", 4) == "abcd"


@pytest.mark.parametrize(
    "formula", ["=1+1", "+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\u200b=1", "＝1"]
)
def test_formulas_become_text(formula: str) -> None:
    assert defuse_csv(formula) == "'" + formula


@pytest.mark.parametrize("plain", ["-1.5", "+3", "1e-4", "student-01", "", 3, 2.5, -7])
def test_numbers_and_names_stay(plain: object) -> None:
    assert defuse_csv(plain) == plain


@given(anything)
def test_no_csv_cell_starts_a_formula(text: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerow([defuse_csv(text)])
    cell = next(csv.reader(io.StringIO(out.getvalue(), newline="")), [""])[0]
    assert not re.match(r"[\s]*[=@]", cell)
    assert not re.match(r"\s*[+-](?![\d.])", cell)


@pytest.mark.parametrize(
    "line",
    [
        "::error::x",
        "  ::set-output name=a::b",
        "a\n::stop-commands::t",
        "a\r::add-mask::b",
        "\u2028::x::",
        "\ufeff::x::",
        "\x1b[0m::x::",
    ],
)
def test_workflow_commands_are_broken(line: str) -> None:
    assert not any(part.strip().startswith("::") for part in re.split(r"[\r\n]", workflow_safe(line)))


def test_workflow_log_keeps_slices() -> None:
    assert workflow_safe("x = X[::2]") == "x = X[::2]"


@given(anything)
def test_no_line_of_a_workflow_log_is_a_command(text: str) -> None:
    safe = workflow_safe(text)
    assert "##[" not in safe
    for line in safe.splitlines():
        assert not re.match(r"[\s\u200b\ufeff]*::", line)


def test_workflow_data_is_one_line() -> None:
    assert workflow_data("50%\nx::y") == "50%25%0Ax::y"
    assert workflow_data("a:b,c", is_property=True) == "a%3Ab%2Cc"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        pytest.param("passes/loops", "passes__loops", id="folder"),
        pytest.param("../../etc/passwd", "etc__passwd", id="climbing out"),
        pytest.param("C:\\x\\y", "C___x__y".replace("___", "__"), id="drive"),
        pytest.param(".hidden", "hidden", id="dot"),
        pytest.param("-rf", "rf", id="dash"),
        pytest.param("CON", "file_CON", id="device"),
        pytest.param("nul.tar", "file_nul.tar", id="device with suffix"),
        pytest.param("Жанна Д'Арк", "Жанна_Д_Арк", id="Cyrillic"),
        pytest.param("작업 1", "작업_1", id="Hangul"),
        pytest.param("a\x00b\x1b[0m\u202ec", "ab_0mc", id="controls"),
        pytest.param("", "unnamed", id="empty"),
        pytest.param("...", "unnamed", id="dots"),
        pytest.param("e\u0301", "é", id="composed"),
        pytest.param('a<b>:"|?*', "a_b", id="Windows"),
    ],
)
def test_safe_names(raw: str, name: str) -> None:
    assert safe_name(raw) == name


def test_long_names_end_in_a_hash_that_tells_them_apart() -> None:
    one, two = safe_name("я" * 300), safe_name("я" * 301)
    assert one != two
    assert len(one.encode()) <= 120


@given(anything, st.integers(20, 200))
def test_safe_names_are_safe(text: str, limit: int) -> None:
    name = safe_name(text, limit)
    assert name
    assert len(name.encode("utf-8")) <= limit
    assert not re.search(r"[/\\<>:\"|?*\x00-\x1f]", name)
    assert name[0] not in ".-"
    assert name[-1] not in ". "
    assert not re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)", name)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | anything,
        lambda t: st.lists(t) | st.dictionaries(anything, t),
    )
)
def test_json_is_strict_and_encodes(tree: object) -> None:
    text = json.dumps(json_safe(tree), allow_nan=False, ensure_ascii=False)
    json.loads(text.encode("utf-8"))


def test_json_takes_arrays_and_deep_nesting() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    json.dumps(json_safe(deep))
    assert json_safe({"x": np.array([1.0, np.nan]), "y": np.float64(np.inf)}) == {"x": [1.0, "NaN"], "y": "Infinity"}
