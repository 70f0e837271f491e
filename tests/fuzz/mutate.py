"""Damage to good input, for runs without a coverage-guided fuzzer. Everything follows from the generator."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

INTERESTING = (
    b"\x00", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"[", b"]", b"{", b"}", b'"', b"\\", b"\\ud800",
    b"NaN", b"1e999", b"-1", b"9" * 40, b"null", b"[" * 60, b'{"d":[]}', b'{"a":["<f8",[1]]}', b'{"b":-1}', b"\r\n",
    b"\xef\xbb\xbf", b"\xff\xfe", b"# %%\n", b'"cells":', b'"source":', b"\xed\xa0\x80", b"\x1b[2J",
)  # fmt: skip


def damaged(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """``data`` after one to eight changes."""
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        data = rng.choice(_CHANGES)(data, rng, others)
    return data[: 1 << 18]


def _flip(data: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _put(data: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    over = rng.choice((0, 1, 4))
    return data[:at] + rng.choice(INTERESTING) + data[at + over :]


def _cut(data: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[end:]


def _repeat(data: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start : min(end, start + 2000)] * rng.choice((1, 2, 20)) + data[end:]


def _cross(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others)
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _number(data: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    """Another digit: lengths, shapes and versions are numbers."""
    places = [at for at, byte in enumerate(data[:5000]) if 48 <= byte <= 57]
    if not places:
        return data
    at = rng.choice(places)
    return data[:at] + rng.choice((b"0", b"9", b"-1", b"99999999999", b"1.5")) + data[at + 1 :]


_CHANGES: tuple[Callable[[bytes, random.Random, Sequence[bytes]], bytes], ...] = (
    _flip, _flip, _put, _put, _cut, _repeat, _cross, _number,
)  # fmt: skip
