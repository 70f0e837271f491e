"""A question brings of the support module what it needs, and no piece with which another could be answered."""

from __future__ import annotations

import pytest

from grader.supporting import needed
from tests.rubric import conftest as gmm_items
from tests.rubric import other_items

SOURCE = """\
\"\"\"Helpers.\"\"\"

from __future__ import annotations

import json
import os.path
from math import sqrt as root, pi

LIMIT = 3
TABLE: dict[str, int] = {}
TABLE["limit"] = LIMIT
A, B = 1, 2


def decorated(function):
    return function


@decorated
def asked(student, x):
    return root(helper(x)) + TABLE["limit"]


def helper(x):
    class Inner:
        value = A
    return Inner.value * x


class Piece:
    def solve(self): return os.path.join("a", json.dumps(pi))


def solution(): return Piece().solve()
if LIMIT: UNUSED = solution
"""


def names_in(text: str) -> set[str]:
    space: dict[str, object] = {}
    exec(compile(text, "<support>", "exec"), space)
    return {name for name in space if not name.startswith("__")} - {"annotations"}


def test_only_what_is_reached_stays():
    text = needed(SOURCE, frozenset({"asked"}))
    assert names_in(text) == {"asked", "decorated", "helper", "root", "pi", "TABLE", "LIMIT", "A", "B"}
    assert text.startswith('"""Helpers."""')
    assert "Piece" not in text
    assert "solution" not in text


def test_lines_keep_their_numbers():
    text = needed(SOURCE, frozenset({"asked"}))
    whole = SOURCE.split("\n")
    assert len(text.split("\n")) == len(whole)
    assert all(line in ("", whole[number]) for number, line in enumerate(text.split("\n")))
    assert "\n@decorated\ndef asked(student, x):" in text


def test_classes_bring_what_their_methods_use():
    assert names_in(needed(SOURCE, frozenset({"Piece"}))) == {"Piece", "os", "json", "root", "pi"}


def test_a_name_that_is_bound_twice_keeps_both():
    source = "def f(): return 1\ng = f\ndef f(): return 2\nfor i in (): g = i\n"
    assert needed(source, frozenset({"g"})) == source
    assert needed(source, frozenset({"f"})).count("def f") == 2


def test_what_binds_nothing_stays():
    source = "import warnings\nwarnings.simplefilter('ignore')\nfrom math import *\nx = 1\n"
    assert needed(source, frozenset({"none"})) == source.replace("x = 1", "")


@pytest.mark.parametrize("source", ["def f(:", "x = 'a\x00b'", ""])
def test_what_cannot_be_parsed_stays_whole(source: str):
    assert needed(source, frozenset({"f"})) == source


PREMISED = ("bic", "conditional_sample", "online_update")


def test_the_grader_s_own_pieces_come_last():
    papers = [gmm_items.exam("s").paper, *(other_items.exam(item, "one").paper for item in PREMISED)]
    asks = [ask for paper in papers for ask in paper.asks]
    bringing = [ask for ask in asks if "live_" in ask.support or "_log_joint" in ask.support]
    assert bringing
    assert all(ask.premised for ask in bringing)
    assert all(ask.support for ask in asks if any(step["op"] == "support" for step in ask.steps))
    for paper in papers:
        assert [ask.premised for ask in paper.asks] == sorted(ask.premised for ask in paper.asks)
