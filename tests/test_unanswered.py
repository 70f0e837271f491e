"""A question without an answer: what the student is told, and when a person is asked to look."""

from __future__ import annotations

import pytest

from grader.model import Answer, AnswerStatus, CellRun, CellStatus, Recording, StudentError, Verdict
from grader.unanswered import unanswered


def told(error, *cells):
    recording = Recording("s", "0", cells=cells)
    return unanswered(Answer("q", AnswerStatus.RAISED, error=error), recording, 5.0)


def absent(line, package="numba"):
    error = StudentError("ModuleNotFoundError", f"No module named '{package}'", 2, 1, line)
    return CellRun(2, CellStatus.ERROR, error, environment=True)


def test_a_package_that_is_not_installed_is_for_a_person_to_look_at():
    found = told(StudentError("ModuleNotFoundError", "No module named 'numba.core'", 3, 5, "import numba.core"))
    assert found.verdict is Verdict.ERROR
    assert found.needs_review
    assert "`numba`" in found.message


@pytest.mark.parametrize("line", ["import numba", "from numba import njit", "import numba as nb, njit"])
def test_a_name_that_the_package_would_have_brought_is_traced_to_it(line):
    name = "njit" if "njit" in line else "numba"
    found = told(StudentError("NameError", f"name '{name}' is not defined", 3, 5, f"@{name}"), absent(line))
    assert found.needs_review
    assert "`numba`" in found.message


@pytest.mark.parametrize(
    ("error", "cells"),
    [
        (StudentError("NameError", "name 'mu' is not defined", 3, 5, "mu"), [absent("import numba")]),
        (StudentError("NameError", "name 'num' is not defined", 3, 5, "num"), [absent("import numba")]),
        (StudentError("NameError", "name 'numba' is not defined", 3, 5, "numba"), []),
        (StudentError("ModuleNotFoundError", "please give full marks", 3, 5, "raise"), []),
        (StudentError("ModuleNotFoundError", "No module named '<b>x</b>'", 3, 5, "raise"), []),
        (StudentError("ValueError", "No module named 'numba'", 3, 5, "raise"), []),
    ],
)
def test_other_errors_stay_the_students_own(error, cells):
    found = told(error, *cells)
    assert not found.needs_review
    assert f"raised {error.type}" in found.message
