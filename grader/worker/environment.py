"""Tell the machine's faults from the student's: a package, a file or a network that is not there."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import urllib.error
from collections.abc import Set as AbstractSet

from grader.worker.plain import message_of, safe_text

_FILES = (FileNotFoundError, PermissionError)
_NETWORK = (ConnectionError, TimeoutError, urllib.error.URLError)
_ERRNO = {30, 28, 97, 101, 110, 111, 113}
"""Read-only, full, no address family, no network, timed out, refused, no route (errno.h on Linux)."""
_NETWORK_MODULES = {"requests", "urllib3", "httpx", "httpcore", "aiohttp", "socket", "gdown", "kaggle"}
_TEXTS = re.compile(
    r"missing optional dependency|cannot open shared object|dll load failed|interactive framework|"
    r"magic function .* not found|no module named|failed to establish a new connection|name resolution",
    re.IGNORECASE,
)
_INSTALLING = re.compile(r"\b(pip3?|conda|mamba|apt|apt-get|uv)\b.*\binstall\b|\b(wget|curl|git clone|kaggle|gdown)\b")


def is_environment(error: BaseException, lost: AbstractSet[str]) -> bool:
    """Whether ``error`` is this machine's fault; ``lost`` are names that such a fault kept from being defined."""
    kind = type(error)
    if issubclass(kind, NameError):
        return getattr(error, "name", None) in lost
    if issubclass(kind, ModuleNotFoundError):
        return _not_installed(error)
    if issubclass(kind, ImportError):
        return _not_installed(error) or bool(_TEXTS.search(message_of(error, 2000)))
    if issubclass(kind, OSError):
        return issubclass(kind, _FILES + _NETWORK) or _errno(error) in _ERRNO or _networked(kind)
    if kind.__name__ == "UsageError" and kind.__module__.startswith("IPython."):
        return bool(_TEXTS.search(message_of(error, 2000)))
    if kind.__name__ == "CalledProcessError":
        return bool(_INSTALLING.search(safe_text(lambda: str(error.cmd), 2000)))  # type: ignore[attr-defined]
    return _networked(kind)


def is_installing(command: str) -> bool:
    """Whether a shell command would install packages, for which there is no network here."""
    match = _INSTALLING.search(command)
    return match is not None and "install" in match.group(0)


def bound_names(statement: ast.stmt) -> set[str]:
    """Names that ``statement`` would have defined."""
    found = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(statement):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


def _not_installed(error: BaseException) -> bool:
    name = getattr(error, "name", None)
    if type(name) is not str or not name:
        return False
    root = name.split(".")[0]
    if issubclass(type(error), ModuleNotFoundError) and root not in sys.modules:
        try:
            return importlib.util.find_spec(root) is None
        except (ImportError, ValueError):
            return True
    return root == "google"


def _errno(error: BaseException) -> int | None:
    number = getattr(error, "errno", None)
    return number if type(number) is int else None


def _networked(kind: type[BaseException]) -> bool:
    return any(base.__module__.split(".")[0] in _NETWORK_MODULES for base in kind.__mro__[:-3])
