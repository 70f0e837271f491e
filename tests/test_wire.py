from __future__ import annotations

import json
import math
import socket
import struct
import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader import wire
from grader.model import (
    Answer,
    AnswerStatus,
    Ask,
    CellRun,
    CellStatus,
    Figure,
    Limits,
    Opaque,
    Recording,
    StudentError,
)
from grader.wire import Caps, Frames, WireClosed, WireError, WireTimeout, decode, encode, from_tree, to_tree

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(st.characters())
    | st.binary(max_size=20)
    | st.builds(Opaque, st.text(max_size=10), st.text(max_size=10))
    | hnp.arrays(
        st.sampled_from([np.bool_, np.int8, np.uint8, np.int64, np.uint16, np.float32, np.float64, np.complex128]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    )
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(st.characters(), max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(a: object, b: object) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    return a == b


def payload(head: object, *buffers: bytes) -> bytes:
    header = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack(">I", len(header)) + header + b"".join(buffers)


@given(TREES)
def test_what_is_sent_arrives(tree):
    assert same(decode(encode(tree)), tree)


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_a_wire_error(data):
    try:
        decode(data)
    except WireError:
        return


@settings(max_examples=200)
@given(TREES, st.data())
def test_a_changed_payload_decodes_or_is_a_wire_error(tree, data):
    changed = bytearray(encode(tree))
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(changed))
    except WireError:
        return


HEADS = st.recursive(
    st.none() | st.integers() | st.text(max_size=4) | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("dtabfox"), inner, max_size=2),
)


@given(HEADS)
def test_any_json_header_decodes_or_is_a_wire_error(head):
    try:
        decode(payload(head, b"abcd"))
    except WireError:
        return


def test_lone_surrogates_and_other_scripts_survive():
    text = "a\ud800b\udfffZ é 汉字 \U0001f600 \x00"
    assert decode(encode({text: [text]})) == {text: [text]}


def test_an_array_that_arrives_is_writable_and_native():
    array = decode(encode(np.arange(6, dtype=">i4").reshape(2, 3)))
    array[0, 0] = 7
    assert array.dtype.isnative
    assert array.tolist() == [[7, 1, 2], [3, 4, 5]]


def test_arrays_that_are_not_contiguous_arrive_in_order():
    array = np.arange(12.0).reshape(3, 4).T[::2]
    assert np.array_equal(decode(encode(array)), array)


@pytest.mark.parametrize(
    "head",
    [
        {"a": ["|O", [1]]},
        {"a": ["<M8[s]", [1]]},
        {"a": ["<f8", [2**61, 8]]},
        {"a": ["<f8", [-1]]},
        {"a": ["<f8", [True]]},
        {"a": ["<f8", [1.0]]},
        {"a": ["<f8", [1] * 33]},
        {"a": ["<f8", [0, 10**30]]},
        {"a": ["<f8", [2]]},
        {"a": [["<f8"], [1]]},
        {"a": "<f8"},
        {"b": -1},
        {"b": 10**12},
        {"f": "NaN"},
        {"f": ["nan"]},
        {"o": ["a"]},
        {"o": [1, 2]},
        {"d": [["a", 1], ["a", 2]]},
        {"d": [[1, 2]]},
        {"d": {"a": 1}},
        {"t": {}},
        {"x": 1},
        {},
        {"t": [], "d": []},
        10**400,
    ],
    ids=str,
)
def test_a_malformed_header_is_refused(head):
    with pytest.raises(WireError):
        decode(payload(head, b"\0" * 8) if head != {"f": "NaN"} else payload(head))


@pytest.mark.parametrize("header", [b"NaN", b"[Infinity]", b"[" * 100_000, b"{", b"\xff", b"", b"1 2", b'"a'])
def test_a_header_that_is_no_json_is_refused(header):
    with pytest.raises(WireError):
        decode(payload(header))


def test_boolean_buffers_with_other_bytes_are_made_boolean():
    array = decode(payload({"a": ["|b1", [3]]}, b"\x00\x02\xff"))
    assert array.tolist() == [False, True, True]
    assert array.tobytes() == b"\x00\x01\x01"


def test_left_over_bytes_are_refused():
    with pytest.raises(WireError):
        decode(encode([1]) + b"x")


def test_what_is_nested_too_deep_is_refused_on_both_sides():
    deep: object = 1
    for _ in range(70):
        deep = [deep]
    with pytest.raises(WireError):
        encode(deep)
    with pytest.raises(WireError):
        decode(encode(deep, Caps(depth=100)))


def test_too_many_values_are_refused_before_they_are_read():
    with pytest.raises(WireError):
        decode(encode([0] * 100), Caps(nodes=50))


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, {1, 2}, np.array([object()]), np.array(["a"]), 1 + 2j],
    ids=["object", "dict", "set", "objects", "texts", "complex"],
)
def test_what_is_no_plain_data_is_not_sent(value):
    with pytest.raises(WireError):
        encode(value)


RECORDING = Recording(
    submission="student-01",
    sha256="0" * 64,
    cells=(
        CellRun(1, CellStatus.OK, output="x\ud800", seconds=0.5),
        CellRun(3, CellStatus.ERROR, StudentError("E", "m", 3, 2, "line", "f"), truncated=True, environment=True),
    ),
    figures=(Figure(1, "image/png", b"\x89PNG", np.zeros((4, 5), np.uint8), ({"lines": 2, "title": "t"},)),),
    answers={
        "q": Answer("q", AnswerStatus.VALUE, {"a": (1, np.arange(3.0)), "b": Opaque("T")}, notes=("n",), seconds=1.0),
        "r": Answer("r", AnswerStatus.RAISED, error=StudentError("E", "m")),
    },
    cut=("much",),
    sandbox=("layers",),
    versions={"numpy": "2"},
    seconds=1.5,
)


def test_a_recording_comes_back_from_its_file():
    data = wire.dump_recording(RECORDING)
    loaded = wire.load_recording(data)
    assert loaded.cells == RECORDING.cells
    assert loaded.answers["q"].value["b"] == Opaque("T")
    assert isinstance(loaded.answers["q"].value["a"], tuple)
    assert same(to_tree(loaded), to_tree(RECORDING))
    assert wire.dump_recording(loaded) == data


@given(st.binary(max_size=200), st.integers(0, 400), st.booleans())
def test_a_damaged_recording_is_a_wire_error(noise, at, keep_magic):
    data = wire.dump_recording(RECORDING)
    at = max(at, len(wire.MAGIC)) if keep_magic else at
    damaged = data[:at] + noise
    if damaged == data:
        return
    with pytest.raises(WireError):
        wire.load_recording(damaged)


def test_a_recording_that_inflates_beyond_the_cap_is_refused():
    bomb = wire.MAGIC + zlib.compress(b"\0" * 2_000_000)
    with pytest.raises(WireError, match="too large"):
        wire.load_recording(bomb, Caps(payload_bytes=1_000_000))


ASK = Ask("a", ({"op": "new"},), {"$ref": 0}, forbidden=("x",))


@pytest.mark.parametrize("value", [Limits(), RECORDING.cells[1], ASK], ids=lambda value: type(value).__name__)
def test_types_come_back_as_they_were(value):
    assert from_tree(type(value), decode(encode(to_tree(value)))) == value


@pytest.mark.parametrize(
    "change",
    [
        {"index": True},
        {"index": "1"},
        {"index": 2**70},
        {"status": "fine"},
        {"status": ["ok"]},
        {"status": None},
        {"seconds": math.nan},
        {"seconds": math.inf},
        {"seconds": -1.0},
        {"seconds": "1"},
        {"output": b"x"},
        {"output": "x" * 5_000_000},
        {"truncated": 1},
        {"environment": None},
        {"error": []},
        {"error": {"type": 1, "message": ""}},
        {"error": {"type": "E"}},
        {"error": {"type": "E", "message": "", "more": 1}},
        {"more": 1},
    ],
    ids=lambda change: f"{next(iter(change))}-{type(next(iter(change.values()))).__name__}",
)
def test_a_field_of_the_wrong_kind_is_refused(change):
    with pytest.raises(WireError):
        from_tree(CellRun, {"index": 1, "status": "ok", **change})


@pytest.mark.parametrize(
    "change",
    [
        {"thumbnail": np.zeros((65, 2), np.uint8)},
        {"thumbnail": np.zeros((2, 2))},
        {"thumbnail": np.zeros(4, np.uint8)},
        {"thumbnail": [1]},
        {"mime": "image/png;<script>"},
        {"mime": ""},
        {"data": "text"},
        {"axes": ({"title": ["x"]},)},
        {"axes": {"title": "x"}},
        {"axes": ([],)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_figure_that_is_none_is_refused(change):
    with pytest.raises(WireError):
        from_tree(Figure, {"cell": 1, "mime": "image/png", "data": b"x", **change})


@given(TREES)
def test_any_tree_for_an_answer_is_one_or_a_wire_error(tree):
    for kind in (Answer, CellRun, Figure, Limits, Recording, Ask):
        try:
            assert isinstance(from_tree(kind, tree), kind)
        except WireError:
            continue


def test_frames_cross_a_socket():
    mine, theirs = socket.socketpair()
    with mine, theirs:
        wire.send(mine, {"a": np.arange(5)})
        wire.send(mine, "next")
        assert wire.receive(theirs)["a"].tolist() == [0, 1, 2, 3, 4]
        assert wire.receive(theirs, time.monotonic() + 5) == "next"


def test_a_silent_side_is_a_timeout_and_a_closed_one_is_told():
    mine, theirs = socket.socketpair()
    with mine:
        with pytest.raises(WireTimeout):
            wire.receive(mine, time.monotonic() + 0.01)
        theirs.sendall(b"\0\0")
        with pytest.raises(WireTimeout):
            wire.receive(mine, time.monotonic() + 0.01)
        theirs.close()
        with pytest.raises(WireClosed):
            wire.receive(mine)
        with pytest.raises(WireClosed):
            wire.send(mine, b"x" * 1_000_000)


def test_a_side_that_does_not_read_is_a_timeout():
    mine, theirs = socket.socketpair()
    with mine, theirs, pytest.raises(WireTimeout):
        wire.send(mine, b"x" * 20_000_000, time.monotonic() + 0.05)


def test_a_frame_that_claims_too_much_is_refused_at_once():
    mine, theirs = socket.socketpair()
    with mine, theirs:
        theirs.sendall(struct.pack(">I", 2**31))
        with pytest.raises(WireError):
            wire.receive(mine, time.monotonic() + 5)


@given(st.lists(TREES, max_size=3), st.integers(1, 50))
def test_frames_come_out_of_a_stream_in_any_pieces(trees, size):
    stream = b"".join(struct.pack(">I", len(data)) + data for data in map(encode, trees))
    frames = Frames()
    got = [tree for at in range(0, len(stream), size) for tree in frames.feed(stream[at : at + size])]
    assert same(got, trees)
    assert not frames.unfinished


def test_a_stream_that_claims_too_much_is_refused():
    with pytest.raises(WireError):
        Frames(Caps(payload_bytes=100)).feed(struct.pack(">I", 101))
