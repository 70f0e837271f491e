"""The types of `grader.model` as plain trees, and back with every field checked: what a worker sends is hostile."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from grader.model import Figure, Tree

MAX_TEXT = 4 << 20
MAX_INT = 2**64
THUMBNAIL = 64
_MIME = re.compile(r"[a-z]+/[A-Za-z0-9.+-]{1,80}\Z")
_T = TypeVar("_T")


class ShapeError(Exception):
    """A value is not of the type that it should be."""


def to_tree(value: Any) -> Tree:
    """A dataclass of `grader.model` as a dict of its fields; enums as their values, mappings as dicts."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and type(value).__name__ != "Opaque":
        return {field.name: to_tree(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_tree(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(to_tree(item) for item in value)
    if isinstance(value, list):
        return [to_tree(item) for item in value]
    return value


def from_tree(kind: type[_T], tree: Tree) -> _T:
    """An instance of the dataclass ``kind`` out of a decoded tree. Raises `ShapeError` at the first wrong field."""
    made: _T = _dataclass(kind, tree, kind.__name__)
    return made


@cache
def _schema(kind: Any) -> dict[str, tuple[Any, Field[Any]]]:
    hints = get_type_hints(kind)
    return {field.name: (hints[field.name], field) for field in fields(kind)}


def _dataclass(kind: Any, tree: Tree, where: str) -> Any:
    if type(tree) is not dict:
        raise ShapeError(f"{where} is no record")
    schema = _schema(kind)
    unknown = set(tree) - set(schema)
    if unknown:
        raise ShapeError(f"{where} has a field that it should not have")
    values = {}
    for name, (hint, field) in schema.items():
        if name in tree:
            values[name] = _value(hint, tree[name], f"{where}.{name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ShapeError(f"{where}.{name} is missing")
    made = kind(**values)
    if isinstance(made, Figure):
        _check_figure(made, where)
    return made


def _value(hint: Any, value: Tree, where: str) -> Any:
    if hint is Any:
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        if value is None and NoneType in arguments:
            return None
        return _value(next(item for item in arguments if item is not NoneType), value, where)
    if origin is tuple:
        if type(value) not in (tuple, list):
            raise ShapeError(f"{where} is no sequence")
        return tuple(_value(arguments[0], item, where) for item in value)
    if origin is Mapping:
        if type(value) is not dict:
            raise ShapeError(f"{where} is no mapping")
        return {_text(key, where): _value(arguments[1], item, where) for key, item in value.items()}
    if is_dataclass(hint):
        return _dataclass(hint, value, where)
    if issubclass(hint, Enum):
        return _member(hint, value, where)
    return _SCALARS[hint](value, where)


def _member(kind: type[Enum], value: Tree, where: str) -> Enum:
    try:
        return kind(_text(value, where))
    except ValueError:
        raise ShapeError(f"{where} is none of {', '.join(str(item.value) for item in kind)}") from None


def _text(value: Tree, where: str) -> str:
    if type(value) is not str or len(value) > MAX_TEXT:
        raise ShapeError(f"{where} is no text, or too long")
    return value


def _integer(value: Tree, where: str) -> int:
    if type(value) is not int or abs(value) > MAX_INT:
        raise ShapeError(f"{where} is no whole number, or too large")
    return value


def _number(value: Tree, where: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
        raise ShapeError(f"{where} is no number of 0 or more")
    return float(value)


def _truth(value: Tree, where: str) -> bool:
    if type(value) is not bool:
        raise ShapeError(f"{where} is neither true nor false")
    return value


def _raw(value: Tree, where: str) -> bytes:
    if type(value) is not bytes:
        raise ShapeError(f"{where} is not bytes")
    return value


_SCALARS: dict[Any, Callable[[Tree, str], Any]] = {
    str: _text,
    int: _integer,
    float: _number,
    bool: _truth,
    bytes: _raw,
}


def _check_figure(figure: Figure, where: str) -> None:
    thumbnail = figure.thumbnail
    if thumbnail is not None and not (
        isinstance(thumbnail, np.ndarray)
        and thumbnail.dtype == np.uint8
        and thumbnail.ndim == 2
        and max(thumbnail.shape) <= THUMBNAIL
    ):
        raise ShapeError(f"{where}.thumbnail is no small grey picture")
    if not _MIME.match(figure.mime):
        raise ShapeError(f"{where}.mime is no kind of picture")
    for axes in figure.axes:
        for value in axes.values():
            if not (type(value) is str and len(value) <= MAX_TEXT) and type(value) not in (int, float, bool, NoneType):
                raise ShapeError(f"{where}.axes holds more than counts and titles")
