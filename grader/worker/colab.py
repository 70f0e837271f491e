"""A stand-in for ``google.colab``: what only works in Colab does nothing here, and the notebook goes on."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_PARTS = ("drive", "files", "output", "userdata", "auth", "patches", "data_table", "widgets", "runtime", "snippets")


def install() -> None:
    """Put ``google.colab`` and its parts into ``sys.modules``."""
    google = sys.modules.get("google") or _Quiet("google")
    colab = _Quiet("google.colab")
    colab.__dict__["__path__"] = []
    google.__dict__.setdefault("__path__", [])
    google.__dict__["colab"] = colab
    sys.modules.update({"google": google, "google.colab": colab})
    for name in _PARTS:
        part = _Quiet(f"google.colab.{name}")
        colab.__dict__[name] = part
        sys.modules[part.__name__] = part
    sys.modules["google.colab.files"].__dict__["upload"] = lambda *_args, **_kwargs: {}
    sys.modules["google.colab.userdata"].__dict__["get"] = lambda *_args, **_kwargs: ""


class _Quiet(ModuleType):
    """A module in which every name is a function that does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


def _nothing(*_args: object, **_kwargs: object) -> None:
    return None
