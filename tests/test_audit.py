"""The audit on a tiny assignment: it finds what a rubric lets through, and whom it blames, names or fails wrongly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.assignment import AssignmentError, load_assignment
from grader.audit import Audit, MistakeRow, VariantRow, audit
from grader.audit_page import SCHEMA, audit_json, percent, print_audit, render_audit
from grader.audit_run import run_source
from grader.cli import app
from grader.console import console
from grader.touches import Watched, touched, watch
from tests.report.markup import parsed, words
from tests.tiny import CHECKS, RIGHT, write_assignment

VARIANTS = """
from grader.rubric import Variant

def variants():
    yield Variant("added", {right!r}, ("double", "total"))
"""
HALVED = """
@mistake("double", "You halved.", replaces="double")
def halved(x):
    return x / 2
"""


def assignment_with(root: Path, checks: str = CHECKS, right: str = RIGHT, **files: str) -> Path:
    folder = write_assignment(root)
    (folder / "questions.py").write_text(checks)
    (folder / "variants.py").write_text(VARIANTS.format(right=right))
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def row(found: Audit, name: str) -> MistakeRow:
    return next(one for one in found.mistakes if one.id == name)


def variant(found: Audit, name: str) -> VariantRow:
    return next(one for one in found.variants if one.id == name)


def test_a_sound_rubric(tmp_path: Path) -> None:
    found = audit(assignment_with(tmp_path), ["a", "b"])
    assert found.sound
    assert {what: found.share(what) for what in ("caught", "blamed_right", "named_right")} == {
        "caught": 1.0,
        "blamed_right": 1.0,
        "named_right": 1.0,
    }
    assert row(found, "double.tripled").runs == 2
    assert {one.id: one.full for one in found.variants} == {"reference": 2, "added": 2}
    assert found.twins == ()


def test_the_same_with_more_processes(tmp_path: Path) -> None:
    folder = assignment_with(tmp_path, CHECKS + HALVED)
    seen: list[tuple[int, int]] = []
    found = audit(folder, ["a"], jobs=2, progress=lambda done, total: seen.append((done, total)))
    assert found == audit(folder, ["a"])
    assert seen[0] == (0, 4)
    assert seen[-1] == (4, 4)


def test_a_mistake_that_passes_makes_the_rubric_unsound(tmp_path: Path) -> None:
    lenient = CHECKS.replace("close(answer, expected, atol=atol)", "close(answer, expected, atol=1e9)")
    found = audit(assignment_with(tmp_path, lenient), ["a"])
    assert row(found, "double.tripled").caught == 0
    assert not found.sound


BOTH = """
@check("total", doubled)
def adds_twice(answer, expected):
    return close(answer.sum(), expected.sum(), atol=1e-9)
"""


def two_checks(folder: Path) -> Path:
    text = (folder / "rubric.yaml").read_text()
    (folder / "rubric.yaml").write_text(
        text.replace("adds: {weight: 1}", "adds: {weight: 1}\n      adds_twice: {weight: 1}")
    )
    return folder


def test_a_mistake_that_costs_another_item_is_told(tmp_path: Path) -> None:
    found = audit(two_checks(assignment_with(tmp_path, CHECKS + BOTH)), ["a"])
    assert row(found, "double.tripled").others_blamed == {"total": 1}
    assert row(found, "double.tripled").blamed_right == 0
    assert not found.sound


def test_what_may_fall_with_it_is_no_wrong_blame(tmp_path: Path) -> None:
    also = (CHECKS + BOTH).replace('replaces="double")', 'replaces="double", also=("total",))')
    assert audit(two_checks(assignment_with(tmp_path, also)), ["a"]).sound


def test_a_correct_program_that_loses_points_is_told_with_the_check(tmp_path: Path) -> None:
    found = audit(assignment_with(tmp_path, right=RIGHT.replace("sum(x)", "sum(x[1:])")), ["a", "b"])
    assert not found.sound
    assert variant(found, "added").lost == {"total.adds": 2}
    assert "total.adds" in variant(found, "added").message
    assert next(one for one in found.checks if one.check == "total.adds").false_fails == 2


def test_what_a_variant_says_it_loses_is_no_fault(tmp_path: Path) -> None:
    folder = assignment_with(tmp_path, right=RIGHT.replace("sum(x)", "sum(x[1:])"))
    text = (folder / "variants.py").read_text()
    (folder / "variants.py").write_text(text.replace('("double", "total"))', '("double", "total"), ("total.adds",))'))
    assert audit(folder, ["a"]).sound


def test_a_reference_that_fails_its_own_check_is_told(tmp_path: Path) -> None:
    broken = CHECKS.replace("close(answer, expected, atol=1e-9)", "close(answer, expected + 1, atol=1e-9)")
    found = audit(assignment_with(tmp_path, broken), ["a"])
    assert variant(found, "reference").lost == {"total.adds": 1}
    assert not found.sound


TWIN = """
@mistake("double", "You added it three times.", replaces="double")
def added_three_times(x):
    return x + x + x
"""


def test_mistakes_that_nothing_tells_apart_are_a_group(tmp_path: Path) -> None:
    found = audit(assignment_with(tmp_path, CHECKS + TWIN), ["a"])
    assert found.twins == (("double.added_three_times", "double.tripled"),)
    # One of the two is named for both; for the other that is right, since nothing asked tells them apart.
    assert sum(bool(one.twins) for one in found.mistakes) == 1
    assert found.share("named_right") == 1.0


def test_a_mistake_without_a_name_is_a_confusion(tmp_path: Path) -> None:
    # A reader's tolerance that no two answers meet: nothing can be matched.
    blind = CHECKS.replace("@ask(public=True)", "@ask(public=True, same=lambda a, b, inputs: False)")
    found = audit(assignment_with(tmp_path, blind), ["a"])
    assert row(found, "double.tripled").confusions == {"(none)": 1}
    assert (row(found, "double.tripled").caught, row(found, "double.tripled").named_right) == (1, 0)


RANDOM = """
import numpy as np

def by_mean(answer, mistaken, inputs):
    return bool(abs(np.mean(answer) - np.mean(mistaken)) < 0.2)

@ask(same=by_mean)
def shuffled(rng):
    return Function("noise")(2000)

@check("total", shuffled)
def centred(answer):
    return close(np.mean(answer), 0.0, atol=0.3)

@mistake("total", "Your noise is shifted.", replaces="noise")
def shifted(n):
    return np.random.normal(1.0, 1.0, n)
"""


def test_random_mistakes_are_named_by_their_law_not_by_their_draws(tmp_path: Path) -> None:
    folder = assignment_with(tmp_path, CHECKS + RANDOM)
    text = (folder / "rubric.yaml").read_text()
    (folder / "rubric.yaml").write_text(
        text.replace("adds: {weight: 1}", "adds: {weight: 1}\n      centred: {weight: 1}")
    )
    reference = folder / "reference" / "__init__.py"
    reference.write_text(
        reference.read_text() + "\nimport numpy as np\n\ndef noise(n):\n    return np.random.normal(size=n)\n"
    )
    (folder / "variants.py").unlink()
    assert row(audit(folder, ["a"]), "total.shifted").named_right == 1
    exact = (folder / "questions.py").read_text().replace("@ask(same=by_mean)", "@ask()")
    (folder / "questions.py").write_text(exact)
    # Compared by value it would be found only if it drew the very numbers of the catalogue.
    assert row(audit(folder, ["a"]), "total.shifted").named_right == 0


def test_two_mistakes_at_once_must_cost_both_items(tmp_path: Path) -> None:
    both = (
        CHECKS
        + """
@mistake("total", "You left the first out.", replaces="total")
def first_left_out(x):
    return x[1:].sum()

@mistake("double", "Both.", replaces="double", pieces={"total": first_left_out},
         composite=("double.tripled", "total.first_left_out"))
def tripled_and_left_out(x):
    return 3 * x
"""
    )
    found = row(audit(assignment_with(tmp_path, both), ["a"]), "double.tripled_and_left_out")
    assert (found.caught, found.blamed_right, found.named_right) == (1, 1, 1)


def test_one_mistake_or_item_alone(tmp_path: Path) -> None:
    folder = assignment_with(tmp_path, CHECKS + HALVED)
    only = audit(folder, ["a"], only="double.halved")
    assert [one.id for one in only.mistakes] == ["double.halved"]
    assert only.variants == ()
    assert audit(folder, ["a"], item="total").mistakes == ()
    assert {one.check for one in audit(folder, ["a"], item="total").checks} == {"total.adds", "double.doubles"}


@pytest.mark.parametrize("wrong", [{"item": "dubble"}, {"only": "double.trippled"}])
def test_an_unknown_name_is_told(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(AssignmentError, match="in this assignment"):
        audit(assignment_with(tmp_path), ["a"], **wrong)


# --- which questions are asked ----------------------------------------------------------------


CLASSES = """
def helper(x):
    return x + 1

class Model:
    def one(self):
        return helper(1)

    def two(self):
        return self.three()

    def three(self):
        return 3
"""


def watched_asks(folder: Path) -> Any:
    reference = folder / "reference" / "__init__.py"
    reference.write_text(reference.read_text() + CLASSES)
    assignment = load_assignment(folder)
    made = {}
    for name in ("one", "two"):
        with watch(assignment) as ran:
            getattr(assignment.reference["Model"](), name)()
        made[name] = Watched(frozenset(ran), frozenset({"Model"}))
    return assignment, made


@pytest.mark.parametrize(
    ("body", "asks"),
    [
        ("def one(self):\n        return 2", {"one"}),
        ("def three(self):\n        return 4", {"two"}),
        ("def added(self):\n        return 4", {"one", "two"}),
        ("def one(self):\n        return 2\n    def added(self):\n        return 4", {"one"}),
        ("def __getattribute__(self, name):\n        return object.__getattribute__(self, name)", {"one", "two"}),
    ],
    ids=["overridden", "reached through another", "nothing overridden", "with a helper", "a hook"],
)
def test_a_mistake_is_asked_what_it_can_touch(tmp_path: Path, body: str, asks: set[str]) -> None:
    wrong = f'\nfrom . import reference\n\n@mistake("double", "Wrong.")\nclass Wrong(reference.Model):\n    {body}\n'
    assignment, made = watched_asks(assignment_with(tmp_path, CHECKS + wrong))
    mistake = next(one for one in assignment.mistakes if one.id == "double.wrong")
    assert touched(assignment, mistake, made) == asks


def test_a_replaced_function_touches_what_ran_it(tmp_path: Path) -> None:
    wrong = '\n@mistake("double", "Wrong.", replaces="helper")\ndef wrong(x):\n    return x\n'
    assignment, made = watched_asks(assignment_with(tmp_path, CHECKS + wrong))
    mistake = next(one for one in assignment.mistakes if one.id == "double.wrong")
    assert touched(assignment, mistake, made) == {"one"}


# --- what is shown ----------------------------------------------------------------------------


@pytest.fixture
def unsound(tmp_path: Path) -> Audit:
    lenient = CHECKS.replace("close(answer, expected, atol=atol)", "close(answer, expected, atol=1e9)")
    return audit(assignment_with(tmp_path, lenient, right=RIGHT.replace("sum(x)", "sum(x[1:])")), ["a"])


def test_the_terminal_tells_what_is_wrong(unsound: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    print_audit(console(), unsound, details=True)
    told = capsys.readouterr().out
    assert "a correct program loses points: added: total.adds (1 of 1)" in told
    assert "a mistake passes: double.tripled: not caught in 1 of 1 runs" in told
    assert "catalogued: You tripled: multiply by two." in told
    assert "Correct programs that keep all points: 1 of 2." in told


def test_the_page_tells_the_same_and_escapes(unsound: Audit) -> None:
    html = render_audit(unsound)
    told = words(html)
    assert "not sound" in told
    assert "a mistake passes" in told
    assert "double.tripled" in told
    page = parsed(html)
    assert all("scope" in one for one in page.all("th"))
    assert "<script>alert" not in render_audit(
        Audit("<script>alert(1)</script>", ("a",), (), (VariantRow("<script>alert(1)", 1, 0, {}, "<script>alert(1)"),))
    )


def test_json_holds_everything(unsound: Audit) -> None:
    data = json.loads(json.dumps(audit_json(unsound), allow_nan=False))
    assert data["schema"] == SCHEMA
    assert data["sound"] is False
    assert data["shares"]["caught"] == 0.0
    assert {one["id"]: one["full"] for one in data["variants"]} == {"reference": 1, "added": 0}


@pytest.mark.parametrize(
    ("part", "whole", "text"), [(0, 0, "-"), (0, 3, "0 %"), (3, 3, "100 %"), (9999, 10000, "99.9 %"), (1, 3, "33.3 %")]
)
def test_a_share_is_never_rounded_up_to_all(part: int, whole: int, text: str) -> None:
    assert percent(part, whole) == text


def test_the_command_exits_with_1_where_the_rubric_is_not_sound(tmp_path: Path) -> None:
    right = assignment_with(tmp_path / "right")
    call = ["audit", "--jobs", "1", "--assignment"]
    done = CliRunner().invoke(app, [*call, str(right), "--json", "-"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["sound"] is True
    wrong = assignment_with(tmp_path / "wrong", right=RIGHT.replace("sum(x)", "sum(x[1:])"))
    done = CliRunner().invoke(app, [*call, str(wrong), "--html", str(tmp_path / "audit.html")])
    assert done.exit_code == 1, done.output
    assert "not sound" in words((tmp_path / "audit.html").read_text())
    assert CliRunner().invoke(app, [*call, str(right), "--item", "nothing"]).exit_code == 2


def test_the_command_exits_with_1_where_too_few_are_named_right(tmp_path: Path) -> None:
    # Its only mistake is never matched.
    blind = CHECKS.replace("@ask(public=True)", "@ask(public=True, same=lambda a, b, inputs: False)")
    call = ["audit", "--jobs", "1", "--assignment", str(assignment_with(tmp_path, blind))]
    assert CliRunner().invoke(app, call).exit_code == 0
    assert CliRunner().invoke(app, [*call, "--named", "1"]).exit_code == 1
    assert CliRunner().invoke(app, [*call, "--named", "0"]).exit_code == 0


# --- the activity's own variants --------------------------------------------------------------


def test_the_activitys_variants_say_what_they_attempt() -> None:
    assignment = load_assignment(Path(__file__).parents[1] / "rubrics" / "activity09")
    ids = [one.id for one in assignment.variants]
    assert len(ids) == len(set(ids))
    assert len(ids) >= 60
    items = {item.id: set(item.checks) for item in assignment.spec.items}
    for one in assignment.variants:
        assert set(one.items) <= set(items)
        assert all(name.split(".")[1] in items[name.split(".")[0]] for name in one.loses)
        assert run_source(one)
