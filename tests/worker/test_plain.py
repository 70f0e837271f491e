from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from grader.model import Opaque
from grader.wire import decode, encode
from grader.worker.plain import TooLarge, safe_text, to_plain, type_name

Pair = namedtuple("Pair", "a b")


class Colour(IntEnum):
    RED = 3


def convert(value, max_bytes=1 << 16, max_depth=10):
    return to_plain(value, max_bytes, max_depth)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (-3, -3),
        (2.5, 2.5),
        ("text", "text"),
        (b"ab", b"ab"),
        (bytearray(b"ab"), b"ab"),
        ([1, (2, [3])], [1, (2, [3])]),
        ({"a": 1, 2: "b", None: 3, (1, "x"): 4}, {"a": 1, "2": "b", "None": 3, "(1, 'x')": 4}),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset("ba"), ["a", "b"]),
        (range(3), [0, 1, 2]),
        (deque([1, 2]), [1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.items(), [("a", 1)]),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (Pair(1, 2), (1, 2)),
        (Colour.RED, 3),
        (Fraction(1, 4), 0.25),
        (Decimal("0.5"), 0.5),
        (np.float32(0.5), 0.5),
        (np.int8(4), 4),
        (np.bool_(True), True),
        (np.str_("s"), "s"),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([1, "a", None], dtype=object), [1, "a", None]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_python_values(value, expected):
    plain = convert(value)
    assert plain == expected
    assert type(plain) is type(expected)


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.arange(3), np.int64),
        (np.arange(3, dtype=np.uint8), np.uint8),
        (np.arange(3, dtype=">f4"), np.float32),
        (np.arange(3, dtype=np.float16), np.float64),
        (np.arange(3, dtype=np.longdouble), np.float64),
        (np.arange(3, dtype=np.complex64), np.complex128),
        (np.array([True, False]), np.bool_),
        (np.matrix([[1.0, 2.0]]), np.float64),
        (np.array(4.0), np.float64),
        (np.zeros((0, 3)), np.float64),
        (np.arange(6.0).reshape(2, 3).T, np.float64),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_arrays_keep_their_values_in_a_dtype_that_can_be_sent(array, dtype):
    plain = convert(array)
    assert type(plain) is np.ndarray
    assert plain.dtype == dtype
    assert plain.shape == array.shape
    assert plain.flags["C_CONTIGUOUS"]
    assert np.array_equal(plain, np.asarray(array).astype(dtype))
    encode(plain)


def test_a_copy_is_taken():
    array = np.zeros(3)
    plain = convert({"a": array})
    array[:] = 1
    assert plain["a"].tolist() == [0, 0, 0]


def test_a_complex_number_becomes_an_array():
    assert convert(1 + 2j) == np.array(1 + 2j)


def test_masked_values_are_nan():
    plain = convert(np.ma.masked_array([1, 2, 3], mask=[False, True, False]))
    assert np.array_equal(plain, [1, np.nan, 3], equal_nan=True)


def test_sparse_matrices_are_filled_in():
    assert convert(scipy.sparse.csr_matrix(np.eye(2))).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(TooLarge):
        convert(scipy.sparse.csr_matrix((10**6, 10**6)))


class Frame:
    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


def test_what_offers_an_array_is_taken_as_one():
    assert convert(Frame([[1, 2]])).tolist() == [[1, 2]]
    assert convert([Frame([1.5])])[0].tolist() == [1.5]


@pytest.mark.parametrize(
    "value",
    [
        np.broadcast_to(np.float64(0), (10**9, 10**6)),
        np.zeros(10_000),
        "x" * 40_000,
        b"x" * 80_000,
        [0] * 10_000,
        {str(i): i for i in range(5000)},
        set(range(10_000)),
        range(10**15),
        [[list(range(100))] * 100] * 100,
        np.empty((5000,), dtype=object),
        np.array(["x"] * 10_000),
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_what_is_larger_than_allowed_is_refused(value):
    with pytest.raises(TooLarge):
        convert(value)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def test_deep_nesting_and_cycles_are_refused():
    with pytest.raises(TooLarge, match="nested"):
        convert(nested(100_000))
    with pytest.raises(TooLarge, match="nested"):
        convert(nested(11))
    loop = {}
    loop["loop"] = loop
    with pytest.raises(TooLarge, match="nested"):
        convert(loop)
    holder = np.empty(1, dtype=object)
    holder[0] = holder
    with pytest.raises(TooLarge):
        convert(holder)


class LyingClass:
    @property
    def __class__(self):
        return np.ndarray


class RaisingClass:
    @property
    def __class__(self):
        raise RuntimeError("no class")


class RaisingRepr:
    def __repr__(self):
        raise SystemExit

    __str__ = __repr__


class LoopingRepr:
    def __repr__(self):
        while True:
            pass


class RaisingArray:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array")


class LyingArray:
    def __array__(self, dtype=None, copy=None):
        return "no array"


class ObjectArray:
    def __array__(self, dtype=None, copy=None):
        return np.array(self, dtype=object) if dtype is None else np.array(None, dtype=object)


class Everything:
    def __getattr__(self, name):
        return lambda *args, **kwargs: 42


@pytest.mark.parametrize(
    "kind", [LyingClass, RaisingClass, RaisingRepr, LoopingRepr, RaisingArray, LyingArray, Everything], ids=type_name
)
def test_objects_that_lie_or_raise_are_named_and_no_more(kind):
    plain = convert([kind()])
    assert plain == [Opaque(kind.__name__, f"<{kind.__name__} object>")]


class LyingList(list):
    def __len__(self):
        return 10**12

    def __iter__(self):
        raise RuntimeError("no items")


class LyingDict(dict):
    def items(self):
        raise RuntimeError("no items")

    keys = values = __iter__ = items


class LyingText(str):
    def __str__(self):
        return "other"

    def encode(self, *args):
        raise RuntimeError("no bytes")


class LyingInt(int):
    def __index__(self):
        return 99

    __int__ = __index__


class LyingFloat(float):
    def __float__(self):
        return 99.0


class LyingNdarray(np.ndarray):
    shape = property(lambda self: (1,))
    dtype = property(lambda self: np.dtype("int8"))
    nbytes = property(lambda self: 0)

    def view(self, *args):
        raise RuntimeError("no view")

    def __array_finalize__(self, other):
        return None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (LyingList([1, 2]), [1, 2]),
        (LyingDict(a=1), {"a": 1}),
        (LyingText("text"), "text"),
        (LyingInt(3), 3),
        (LyingFloat(3.5), 3.5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_subclasses_that_lie_show_what_they_hold(value, expected):
    plain = convert({"v": value})["v"]
    assert type(plain) is type(expected)
    assert plain == expected


def test_an_array_that_lies_about_its_shape_shows_its_own():
    array = np.ndarray.__new__(LyingNdarray, (2, 3))
    np.ndarray.fill(array, 1.0)
    plain = convert(array)
    assert type(plain) is np.ndarray
    assert plain.tolist() == [[1, 1, 1], [1, 1, 1]]
    giant = np.ndarray.view(np.broadcast_to(np.float64(1), (10**6, 10**6)), LyingNdarray)
    with pytest.raises(TooLarge):
        convert(giant)


def test_generators_are_not_run():
    ran = []
    generator = (ran.append(i) for i in range(3))
    assert convert(generator).type_name == "generator"
    assert ran == []


def test_functions_classes_and_library_objects_are_named():
    from sklearn.naive_bayes import GaussianNB

    assert convert(nested) == Opaque("function", "<function nested>")
    assert convert(Frame) == Opaque("type", "<class Frame>")
    assert convert(GaussianNB()) == Opaque("GaussianNB", "GaussianNB()")
    assert convert(10**200) == Opaque("int", "<an integer of 665 bits>")


def test_lone_surrogates_do_not_stop_an_answer():
    assert convert("a\ud800") == "a?"


def test_texts_of_student_code_are_cut_and_guarded():
    assert safe_text(lambda: "x" * 300, 10) == "x" * 9 + "…"
    assert safe_text(lambda: 3) == ""
    assert safe_text(lambda: str(RaisingRepr())) == ""


LEAVES = st.none() | st.integers() | st.floats() | st.text(st.characters()) | st.binary() | st.complex_numbers()


@given(
    st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.integers() | st.text(max_size=3) | st.floats(), inner, max_size=3)
            | st.tuples(inner, inner)
        ),
    )
)
def test_whatever_is_converted_can_be_sent(value):
    decode(encode(convert(value, 1 << 20, 20)))
