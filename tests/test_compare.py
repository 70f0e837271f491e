from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.compare import (
    close,
    describe,
    distance,
    monotone,
    numbers,
    positive_definite,
    same_tree,
    shaped,
    stochastic,
)
from grader.model import Opaque, Verdict

HOSTILE = [
    None,
    "text",
    [[1, 2], [3]],
    {"a": 1},
    Opaque("Model", "Model()"),
    float("nan"),
    [float("inf")] * 3,
    np.array([np.nan, 1.0, 2.0]),
    np.zeros((0, 3)),
    np.zeros((3, 1, 1)),
    10**400,
    (),
    [[[[]]]],
    np.array([1 + 2j, 1, 1]),
    True,
]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_whatever_comes_back_is_a_wrong_answer_and_never_an_exception(value):
    wanted = np.array([1.0, 2.0, 3.0])
    findings = [
        close(value, wanted, atol=1e-3),
        shaped(value, (3,)),
        stochastic(value, atol=1e-3),
        monotone(value, tolerance=1e-3),
        positive_definite(value),
    ]
    for finding in findings[:1]:
        assert finding.verdict is Verdict.FAIL
        assert finding.message
    assert all(isinstance(finding.message, str) for finding in findings)
    assert describe(value)


@given(hnp.arrays(float, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(-1e6, 1e6)))
def test_an_array_is_close_to_itself_and_as_nested_lists(values):
    assert close(values, values, atol=0.0 if values.size == 0 else 1e-12)
    assert close(values.tolist(), values, atol=1e-12)
    assert same_tree(values, values.tolist())
    assert distance(values, values) == 0


@given(st.floats(1e-6, 1e3), st.floats(1.001, 10))
def test_margin_is_the_statistic_over_the_threshold(atol, factor):
    finding = close(np.array([0.0, atol * factor]), np.zeros(2), atol=atol)
    assert finding.verdict is Verdict.FAIL
    assert finding.margin == pytest.approx(factor)


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (np.zeros(4), "All of them are 0"),
        (np.full(4, 2.0), "the same number"),
        (-np.arange(1.0, 5), "up to the sign"),
        (2.5 * np.arange(1.0, 5), "factor of 2.5"),
        (np.arange(1.0, 5) + 7, "same constant, 7"),
        (np.arange(1.0, 5)[::-1] ** 1.0, "reversed order"),
        (np.log(np.arange(1.0, 5)), "logarithms"),
    ],
)
def test_a_message_tells_what_the_values_show(got, words):
    assert words in close(got, np.arange(1.0, 5), atol=1e-6).message


def test_a_transposed_array_is_called_transposed():
    assert "transposed" in close(np.zeros((3, 2)), np.zeros((2, 3)), atol=1).message


def test_messages_hold_no_expected_value():
    wanted = np.array([0.123456, 0.654321])
    message = close(np.array([0.2, 0.9]), wanted, atol=1e-6).message
    assert "0.123" not in message
    assert "0.654" not in message


def test_rows_that_do_not_sum_to_one_are_told_with_their_sums():
    finding = stochastic(np.array([[0.5, 0.46], [0.5, 0.5]]), atol=1e-6)
    assert finding.verdict is Verdict.FAIL
    assert "0.96" in finding.message


def test_rows_that_all_have_one_sum_are_told_it_once():
    assert "all sum to 0;" in stochastic(np.zeros((4, 2)), atol=1e-6).message


def test_negative_probabilities_fail_though_rows_sum_to_one():
    assert not stochastic(np.array([[1.5, -0.5]]), atol=1e-6)


def test_a_fall_is_told_with_its_step():
    finding = monotone([-3.0, -2.0, -2.5], tolerance=1e-3)
    assert "0.5 at step 3" in finding.message
    assert monotone([-3.0, -2.0, -2.0005], tolerance=1e-3)


def test_covariances_must_be_symmetric_and_positive():
    assert positive_definite(np.eye(3)[None])
    assert "symmetric" in positive_definite(np.array([[[1.0, 0.5], [0.0, 1.0]]])).message
    assert "eigenvalue" in positive_definite(np.diag([1.0, -1.0])).message


def test_same_tree_tells_kinds_apart():
    assert same_tree({"a": (1, [np.nan])}, {"a": (1, [np.nan])})
    assert not same_tree("1", 1)
    assert not same_tree({"a": 1}, {"b": 1})
    assert not same_tree(Opaque("A"), Opaque("B"))
    assert numbers(["a"]) is None
