from __future__ import annotations

import pytest
import yaml

from grader.assignment import AssignmentError, find_assignment, load_assignment
from tests.tiny import RUBRIC, write_assignment


def changed(**changes):
    data = yaml.safe_load(RUBRIC)
    for path, value in changes.items():
        *parents, last = path.split("__")
        node = data
        for part in parents:
            node = node[int(part) if part.isdigit() else part]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return yaml.safe_dump(data, sort_keys=False)


def test_an_assignment_knows_its_questions_checks_and_mistakes(tmp_path):
    assignment = load_assignment(write_assignment(tmp_path))
    assert set(assignment.asks) == {"doubled", "added"}
    assert set(assignment.checks) == {("double", "doubles"), ("total", "adds")}
    assert [one.id for one in assignment.mistakes] == ["double.tripled"]
    assert assignment.reference["double"](3) == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (changed(names={"means": ["mu", "role:dots"]}), ["names.means", "dots", "points", "spreads"]),
        (changed(items__0__pionts=5), ["items.0.pionts", "unknown key", "points"]),
        (changed(title=None), ["title", "required"]),
        (changed(items__0__points="many"), ["items.0.points", "'many'"]),
        (changed(items__0__points=-1), ["items.0.points", "greater than or equal to 0"]),
        (changed(limits__cell_second=3), ["limits.cell_second", "unknown key", "cell_seconds"]),
        (changed(limits__cell_seconds=0), ["limits.cell_seconds", "greater than 0"]),
        (changed(items__1__needs=["nope"]), ["items.total.needs", "nope", "allowed: double"]),
        (changed(items__0__needs=["total"]), ["items.double.needs", "before it", "the first item"]),
        (changed(items__1__id="double"), ["two items"]),
        (changed(items__0__checks__doubles__atoll=1), ["items.double.checks.doubles.atoll", "allowed", "atol"]),
        (changed(items__0__checks__doubles__atol=None), ["items.double.checks.doubles", "atol is required"]),
        (changed(items__0__checks__doubles__weight=0), ["at least one weight"]),
        (changed(items__0__checks={"other": {"weight": 1}}), ["doubles is missing"]),
        (changed(items__1__checks__more={"weight": 1}), ["items.total.checks.more", "allowed: adds"]),
        (changed(reference="nowhere"), ["reference", "nowhere"]),
        (changed(pass_mark=700), ["pass_mark", "less than or equal to 100"]),
        ("items: [", ["not valid YAML"]),
        ("- a list", ["expected keys"]),
    ],
)
def test_a_mistake_in_the_rubric_is_one_line_that_says_where(tmp_path, text, words):
    folder = write_assignment(tmp_path)
    (folder / "rubric.yaml").write_text(text)
    with pytest.raises(AssignmentError) as caught:
        load_assignment(folder)
    told = str(caught.value)
    assert "\n" not in told
    assert "rubric.yaml" in told
    assert all(word in told for word in words), told


def test_the_line_of_a_mistake_is_told(tmp_path):
    folder = write_assignment(tmp_path)
    text = RUBRIC.replace("    points: 50\n    checks:\n      adds", "    pionts: 50\n    checks:\n      adds")
    (folder / "rubric.yaml").write_text(text)
    line = text.splitlines().index("    pionts: 50") + 1
    with pytest.raises(AssignmentError, match=rf"rubric\.yaml:{line}:|rubric\.yaml:\d+: items\.1\.points"):
        load_assignment(folder)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("raise ValueError('no')", "ValueError: no"),
        ("def broken(:", "SyntaxError"),
        (
            "from grader.rubric import check\n@check('nope')\ndef lost(submission): ...",
            "check lost is for the item 'nope'",
        ),
        (
            "from grader.rubric import Function, ask\n@ask()\ndef doubled(rng):\n    return Function('double')(1)",
            "'doubled' is defined twice",
        ),
        (
            "from grader.rubric import mistake\n@mistake('nope', 'x', replaces='double')\ndef m(x): ...",
            "no item 'nope'",
        ),
    ],
)
def test_a_mistake_in_an_authors_python_file_is_told_in_one_line(tmp_path, file, words):
    folder = write_assignment(tmp_path)
    (folder / "more.py").write_text(file)
    with pytest.raises(AssignmentError) as caught:
        load_assignment(folder)
    assert words in str(caught.value)


def test_a_folder_without_a_rubric_says_so(tmp_path):
    with pytest.raises(AssignmentError, match=r"no rubric\.yaml"):
        load_assignment(tmp_path)


def test_the_only_assignment_is_found_from_below(tmp_path):
    write_assignment(tmp_path)
    below = tmp_path / "submissions" / "week"
    below.mkdir(parents=True)
    assert find_assignment([below]).id == "tiny"


def test_among_several_the_one_that_matches_the_notebook_is_found(tmp_path):
    first = write_assignment(tmp_path)
    second = tmp_path / "rubrics" / "other"
    second.parent.mkdir(exist_ok=True)
    first.rename(tmp_path / "kept")
    (tmp_path / "kept").rename(second)
    text = (second / "rubric.yaml").read_text()
    (second / "rubric.yaml").write_text(
        text.replace("tiny.ipynb", "other.ipynb").replace("assignment: tiny", "assignment: other")
    )
    write_assignment(tmp_path)
    assert find_assignment([tmp_path], notebook_names=["other.ipynb"]).id == "other"
    assert find_assignment([tmp_path], notebook_names=["tiny.ipynb"]).id == "tiny"
    with pytest.raises(AssignmentError, match="choose with --assignment"):
        find_assignment([tmp_path], notebook_names=["third.ipynb"])


def test_the_fingerprint_follows_every_file_a_grade_depends_on(tmp_path):
    folder = write_assignment(tmp_path)
    before = load_assignment(folder).fingerprint
    assert load_assignment(folder).fingerprint == before
    (folder / "reference" / "__init__.py").write_text(
        "def double(x):\n    return x * 2\n\ndef total(x):\n    return x.sum()\n"
    )
    assert load_assignment(folder).fingerprint != before
