from __future__ import annotations

import copy
import json
import os
import stat
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader import notebook
from grader.model import CellKind, Submission
from grader.repair import excise

GOOD: dict[str, Any] = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "language": "python"}, "authors": [{"name": "student-01"}]},
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Title\n", "text"]},
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {},
            "execution_count": 1,
            "source": "x = 1\ny = 2",
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"image/png": "iVBO", "text/plain": "<Figure>"},
                },
                {"output_type": "stream", "name": "stdout", "text": ['outputs": [ {']},
            ],
        },
        {"cell_type": "raw", "id": "c", "metadata": {}, "source": "raw"},
        {"cell_type": "code", "id": "d", "metadata": {}, "execution_count": None, "source": ["z = 3"], "outputs": []},
    ],
}
SOURCES = ["# Title\ntext", "x = 1\ny = 2", "raw", "z = 3"]


def load(data: bytes | str | dict[str, Any], name: str = "nb.ipynb") -> Submission:
    if isinstance(data, dict):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode("utf-8")
    return notebook.from_bytes(data, id="nb", shown_path=name)


def fatal(submission: Submission) -> str:
    assert not submission.readable
    assert submission.cells == ()
    (problem,) = submission.problems
    assert problem.message
    return problem.id


def changed(**fields: Any) -> dict[str, Any]:
    return copy.deepcopy(GOOD) | fields


def with_code(source: Any, **cell: Any) -> dict[str, Any]:
    return changed(cells=[{"cell_type": "code", "source": source, **cell}])


def test_a_good_notebook_is_read_whole() -> None:
    submission = load(GOOD)
    assert [cell.source for cell in submission.cells] == SOURCES
    assert [cell.index for cell in submission.cells] == [1, 2, 3, 4]
    assert [cell.kind for cell in submission.cells] == [CellKind.MARKDOWN, CellKind.CODE, CellKind.RAW, CellKind.CODE]
    assert submission.problems == ()
    assert submission.student == "student-01"
    assert submission.saved_images == 1
    assert len(submission.sha256) == 64


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(encoding: str) -> None:
    tree = with_code("name = 'Zoë 反思'")
    submission = load(json.dumps(tree, ensure_ascii=False).encode(encoding))
    assert submission.cells[0].source == "name = 'Zoë 反思'"


def test_latin_1_is_read_and_told() -> None:
    submission = load(json.dumps(with_code("name = 'Zoë'"), ensure_ascii=False).encode("latin-1"))
    assert submission.cells[0].source == "name = 'Zoë'"
    assert [problem.id for problem in submission.problems] == ["encoding"]
    assert submission.readable


@pytest.mark.parametrize("minor", range(6))
def test_minor_formats(minor: int) -> None:
    tree = changed(nbformat_minor=minor)
    if minor < 5:
        for cell in tree["cells"]:
            del cell["id"]
    assert [cell.source for cell in load(tree).cells] == SOURCES


@pytest.mark.parametrize("version", [1, 2, 3])
def test_old_formats_hold_the_cells_that_nbformat_finds(version: int) -> None:
    code = {"cell_type": "code", "language": "python", "input": "x = 1\nx", "outputs": [], "code": "x = 1\nx"}
    text = {"cell_type": "text" if version == 1 else "markdown", "source": "words", "text": "words"}
    sheet = {"cells": [text, code], "metadata": {}}
    tree: dict[str, Any] = {"nbformat": version, "nbformat_minor": 0, "metadata": {"name": "n"}}
    tree |= sheet if version == 1 else {"worksheets": [sheet]}
    expected = nbformat.reads(json.dumps(tree), as_version=4)
    submission = load(tree)
    assert [cell.source for cell in submission.cells] == [cell.source for cell in expected.cells]
    assert [str(cell.kind) for cell in submission.cells] == [cell.cell_type for cell in expected.cells]


def test_format_3_headings_and_images() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Reflection"]},
        {"cell_type": "code", "input": ["a\n", "b"], "outputs": [{"output_type": "pyout", "png": "iVBO"}]},
    ]
    submission = load({"nbformat": 3, "worksheets": [{"cells": cells}]})
    assert [cell.source for cell in submission.cells] == ["## Reflection", "a\nb"]
    assert submission.saved_images == 1


@pytest.mark.parametrize(
    ("source", "code"),
    [
        pytest.param("a\r\nb\rc", "a\nb\nc", id="line ends"),
        pytest.param(["a\n", "b"], "a\nb", id="list"),
        pytest.param(["a", "b"], "a\nb", id="list without newlines"),
        pytest.param(["a", None, 3, {"x": 1}], "a", id="strange entries"),
        pytest.param("\ufeffa\x00b\ud800", "ab\ufffd", id="unsafe code points"),
        pytest.param("x = '\U0001f600'", "x = '\U0001f600'", id="emoji"),
    ],
)
def test_sources(source: Any, code: str) -> None:
    assert load(with_code(source)).cells[0].source == code


@pytest.mark.parametrize("source", [None, 3, {}, True, []], ids=repr)
def test_a_cell_without_text_is_empty(source: Any) -> None:
    tree = with_code("x = 1")
    tree["cells"].append({"cell_type": "code", "source": source})
    assert [cell.source for cell in load(tree).cells] == ["x = 1", ""]


def test_cells_of_wrong_types_are_told_and_keep_their_numbers() -> None:
    submission = load(changed(cells=["text", None, {"cell_type": "code", "source": "x"}, 7]))
    assert [(cell.index, cell.source) for cell in submission.cells if cell.source] == [(3, "x")]
    assert [problem.id for problem in submission.problems] == ["bad_cell"]


@pytest.mark.parametrize(
    "metadata", [None, [], "x", {"kernelspec": 3, "language_info": [], "authors": [{"name": 3}, None]}]
)
def test_strange_metadata(metadata: Any) -> None:
    submission = load(changed(metadata=metadata))
    assert submission.readable
    assert submission.student == ""


def test_duplicate_ids_and_no_metadata() -> None:
    tree = changed()
    del tree["metadata"]
    for cell in tree["cells"]:
        cell["id"] = "same"
        del cell["metadata"]
    assert [cell.source for cell in load(tree).cells] == SOURCES


def test_trailing_commas_and_nan_are_repaired() -> None:
    text = '{"nbformat": 4, "x": NaN, "cells": [{"cell_type": "code", "source": ["a = [1,]\\n", "b,]",],},],}'
    submission = load(text)
    assert submission.cells[0].source == "a = [1,]\nb,]"
    assert [problem.id for problem in submission.problems] == ["repaired"]


def test_stray_text_behind_the_end_is_repaired() -> None:
    submission = load(json.dumps(GOOD) + "\n\x00\x00 ok")
    assert [cell.source for cell in submission.cells] == SOURCES
    assert submission.readable


def test_damage_inside_saved_outputs_costs_nothing() -> None:
    text = json.dumps(with_code("x", outputs=["HERE"])).replace(
        '"HERE"', "<<<<<<< ours\n {,,} =======\n >>>>>>> theirs"
    )
    assert load(text).cells[0].source == "x"


HTML = "<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>password</body></html>"
BROKEN = {
    "nothing": (b"", "empty_file"),
    "blanks": (b" \n\t\n", "empty_file"),
    "NULs": (b"\x00" * 500, "empty_file"),
    "mark only": (b"\xef\xbb\xbf", "empty_file"),
    "login page": (HTML.encode(), "not_a_notebook"),
    "PDF": (b"%PDF-1.7\n...", "not_a_notebook"),
    "zip": (b"PK\x03\x04" + b"\x00" * 40 + b"notebook.ipynb", "not_a_notebook"),
    "document": (b"PK\x03\x04" + b"\x00" * 40 + b"word/document.xml", "not_a_notebook"),
    "picture": (b"\x89PNG\r\n", "not_a_notebook"),
    "LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "not_a_notebook"),
    "other JSON": (b'{"doc_id": "abc", "email": "x"}', "not_a_notebook"),
    "a list": (b"[1, 2, 3]", "not_a_notebook"),
    "a string": (b'"text"', "not_json"),
    "Python": (b"import numpy as np\nx = 1\n", "not_json"),
    "words": (b"Dear teacher, my notebook did not upload.", "not_json"),
    "cut off": (json.dumps(GOOD).encode()[:300], "not_json"),
    "cut in source": (json.dumps(GOOD).encode()[:200], "not_json"),
    "single quotes": (str(GOOD).encode(), "not_json"),
    "two notebooks": (json.dumps(GOOD).encode() * 2, "not_json"),
    "merge conflict": (
        json.dumps(GOOD, indent=1).replace(' "cells"', '<<<<<<< HEAD\n "cells"', 1).encode(),
        "merge_conflict",
    ),
    "deep": (b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
    "deep objects": (b'{"a":' * 100_000, "too_deep"),
    "no cells": (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', "no_code"),
    "only markdown": (json.dumps(changed(cells=GOOD["cells"][:1])).encode(), "no_code"),
    "empty code": (json.dumps(with_code("  \n")).encode(), "no_code"),
    "cells not a list": (b'{"nbformat": 4, "cells": {"a": 1}}', "no_code"),
    "too many cells": (json.dumps(changed(cells=[{}] * 5001)).encode(), "too_large"),
    "a bomb of brackets": (b'{"cells": [' + b"[]," * 3_000_000 + b"[]]}", "too_large"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_have_their_own_words(case: str) -> None:
    data, problem = BROKEN[case]
    submission = load(data)
    assert fatal(submission) == problem
    assert submission.problems[0].hint


def test_broken_json_says_where() -> None:
    text = json.dumps(GOOD, indent=1)
    line = next(i for i, row in enumerate(text.split("\n"), 1) if '"raw"' in row)
    submission = load("\n".join(row.replace('"raw"', "raw'") for row in text.split("\n")))
    assert fatal(submission) == "not_json"
    assert f"line {line}," in submission.problems[0].message


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"kernelspec": {"name": "ir", "language": "R"}}, "R"),
        ({"kernelspec": {"name": "julia-1.9", "display_name": "Julia 1.9.2"}}, "Julia"),
        ({"language_info": {"name": "javascript"}}, "JavaScript"),
    ],
)
def test_other_languages_are_named(metadata: dict[str, Any], language: str) -> None:
    submission = load(changed(metadata=metadata))
    assert fatal(submission) == "wrong_language"
    assert language in submission.problems[0].message


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "conda-env-ml-py", "display_name": "Python [conda env:ml]"}},
        {"kernelspec": {"name": "ml", "language": ""}},
        {"kernelspec": {"name": "python3"}, "language_info": {"name": "R"}},
        {"colab": {}, "kernelspec": {"name": "xpython"}},
    ],
)
def test_python_under_other_names(metadata: dict[str, Any]) -> None:
    assert load(changed(metadata=metadata)).readable


def test_giant_integers_are_not_broken_json() -> None:
    assert load(json.dumps(GOOD).replace('"execution_count": 1', '"execution_count": ' + "9" * 10_000)).readable


def test_huge_saved_outputs_are_dropped() -> None:
    output = {"output_type": "display_data", "data": {"image/png": "A" * 30_000_000, "text/plain": ['"outputs": [\\"']}}
    tree = with_code("x = 1", outputs=[output] * 2)
    submission = load(tree)
    assert [cell.source for cell in submission.cells] == ["x = 1"]
    assert submission.saved_images == 2


def test_a_big_broken_notebook_says_where() -> None:
    tree = with_code("x = 'ä'", outputs=["A" * 9_000_000, "\U0001f600"])
    text = json.dumps(tree, indent=1, ensure_ascii=False)
    assert load(text).cells[0].source == "x = 'ä'"
    line = next(i for i, row in enumerate(text.split("\n"), 1) if '"outputs"' in row) + 4
    submission = load("\n".join([*text.split("\n")[: line - 1], "oops", *text.split("\n")[line - 1 :]]))
    assert fatal(submission) == "not_json"
    assert f"line {line}," in submission.problems[0].message


def test_outputs_named_inside_strings_stay() -> None:
    source = 'd = {"outputs": [1, 2], "attachments": "[{"}\nprint("\\"outputs\\": [")'
    assert load(with_code(source)).cells[0].source == source


@given(st.text('"\\:[]{},outpus \n', max_size=60))
def test_excision_ends_and_keeps_positions(text: str) -> None:
    excised = excise('{"outputs": [' + text)
    for position in range(len(excised.text) + 1):
        assert excised.original(position) >= 0


def test_excision_is_linear_in_hostile_text() -> None:
    assert excise('"' + '\\"' * 500_000).text.count('"') == 500_001
    assert excise('"outputs": "' * 100_000).images == 0


# --- files ----------------------------------------------------------------------------------


def test_a_file_is_read_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "nb.ipynb"
    path.write_text(json.dumps(GOOD), encoding="utf-8")
    submission = notebook.read(path, id="x", shown_path="class/nb.ipynb", student="student-02")
    assert (submission.id, submission.path, submission.student) == ("x", "class/nb.ipynb", "student-02")
    assert notebook.read(path, id="x").path == "nb.ipynb"


def test_what_can_not_be_opened_is_a_problem(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.ipynb"
    os.mkfifo(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    for path in (pipe, tmp_path, tmp_path / "gone.ipynb", tmp_path / "a\x00b.ipynb"):
        assert fatal(notebook.read(path, id="x")) == "unreadable"


def test_a_file_over_the_cap_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "nb.ipynb"
    with path.open("wb") as file:
        file.truncate((200 << 20) + 1)
    assert fatal(notebook.read(path, id="x")) == "too_large"


# --- scripts --------------------------------------------------------------------------------

PERCENT = '''# ---
# jupyter:
#   kernelspec: {}
# ---

# %% [markdown]
# # Title
# text

# %%
x = 1
# comment

# %% [markdown]
"""
More text
"""

#%% second
y = 2
# %%time is not a marker
'''
NBCONVERT = """#!/usr/bin/env python
# coding: utf-8

# # Title
# text

# In[1]:


x = 1
# comment


# ## Reflection
#
# I learned.

# In[ ]:


y = 2

"""
COLAB = '''# -*- coding: utf-8 -*-
"""nb.ipynb

Automatically generated by Colab.
"""

x = 1
# Commented out IPython magic to ensure Python compatibility.
# %matplotlib inline

"""## Reflection
I learned.
"""

def f():
    """stays"""
    return 2
'''


def shape(text: str) -> list[tuple[str, str]]:
    return [(str(cell.kind), cell.source) for cell in load(text, "nb.py").cells]


def test_percent_scripts() -> None:
    assert shape(PERCENT) == [
        ("markdown", "# Title\ntext"),
        ("code", "x = 1\n# comment"),
        ("markdown", "More text"),
        ("code", "y = 2\n# %%time is not a marker"),
    ]


def test_nbconvert_scripts() -> None:
    assert shape(NBCONVERT) == [
        ("markdown", "# Title\ntext"),
        ("code", "x = 1\n# comment"),
        ("markdown", "## Reflection\n\nI learned."),
        ("code", "y = 2"),
    ]


def test_colab_scripts() -> None:
    kinds = shape(COLAB)
    assert [kind for kind, _ in kinds] == ["code", "markdown", "code", "markdown", "code"]
    assert kinds[3][1].startswith("## Reflection")
    assert "stays" in kinds[4][1]


def test_a_plain_script_is_one_cell() -> None:
    assert shape("import os\r\n\r\nx = 1\r\n") == [("code", "import os\n\nx = 1")]


def test_a_script_says_its_encoding() -> None:
    text = "# -*- coding: cp1251 -*-\nx = 'Жук'\n"
    assert "Жук" in load(text.encode("cp1251"), "nb.py").cells[0].source


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty_file"),
        (json.dumps(GOOD), "not_a_notebook"),
        (HTML, "not_a_notebook"),
        ("# %% [markdown]\n# x\n", "no_code"),
    ],
)
def test_broken_scripts(text: str, problem: str) -> None:
    assert fatal(load(text, "nb.py")) == problem


# --- anything at all ------------------------------------------------------------------------


@settings(max_examples=150)
@given(st.binary(max_size=300), st.sampled_from(["x.ipynb", "x.py"]))
def test_any_bytes_are_a_submission(data: bytes, name: str) -> None:
    assert load(data, name).sha256


@settings(max_examples=150)
@given(st.data())
def test_any_damage_to_the_bytes_of_a_notebook_is_a_submission(data: st.DataObject) -> None:
    raw = bytearray(json.dumps(GOOD).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        raw[start : start + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=8))
    submission = load(bytes(raw))
    assert submission.readable or submission.problems[0].message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, value in children for place in _places(value, (*path, key)))]


@settings(max_examples=200)
@given(st.data())
def test_any_value_anywhere_in_a_notebook_is_a_submission(data: st.DataObject) -> None:
    tree = changed()
    *parents, key = data.draw(st.sampled_from(_places(tree)[1:]))
    node: Any = tree
    for parent in parents:
        node = node[parent]
    node[key] = data.draw(JSON)
    submission = load(tree)
    assert all(isinstance(cell.source, str) for cell in submission.cells)
    repr(submission).encode("utf-8")
