"""Text that a student made, on its way to a terminal, a CSV cell, a workflow log, a file name or JSON.

Everything here is pure and accepts any string, lone surrogates included.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from typing import Any

from grader.model import Tree

NAME_BYTES = 120
"""Longest name that `safe_name` gives, in UTF-8 bytes: file systems take 255, and suffixes are added to it."""

_ELLIPSIS = "…"
# ECMA-48: CSI (ESC [ or 0x9b); the strings OSC, DCS, SOS, PM, APC with their terminators; then two-byte escapes.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*+(?:\x07|\x9c|\x1b\\)?"
    r"|\x1b[ -/]*+[0-~]?"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Marks that reorder text on the screen (CVE-2021-42574), and the invisible tag characters.
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WORKFLOW_LINE = re.compile(r"^([^\w\n]*?):(?=:)", re.MULTILINE)
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)", re.IGNORECASE)


def clean(text: str, limit: int | None = None) -> str:
    """``text`` without NULs, with U+FFFD for lone surrogates, cut to ``limit`` characters with an ellipsis."""
    if limit is not None and len(text) > limit:
        text = text[: max(0, limit - 1)] + _ELLIPSIS if limit > 0 else ""
    return _SURROGATES.sub("\ufffd", text).replace("\x00", "")


def brief(text: str, limit: int) -> str:
    """``text`` on one line, its middle left out where it is longer than ``limit``: both ends of an error tell."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    tail = limit // 3
    return f"{line[: limit - tail - 3].rstrip()} {_ELLIPSIS} {line[-tail:].lstrip()}"


def strip_terminal(text: str) -> str:
    """``text`` that can't move a terminal's cursor, colour it, set its title or reorder what stands on it.

    Escape sequences go whole, controls go but for newline and tab, line ends become newlines.
    """
    text = _ESCAPES.sub("", _LINE_ENDS.sub("\n", clean(text)))
    return _BIDI.sub("", _CONTROLS.sub("", text))


def defuse_csv(cell: object) -> str | int | float:
    """``cell`` so that a spreadsheet shows it and computes nothing; numbers stay numbers.

    https://owasp.org/www-community/attacks/CSV_Injection: a leading apostrophe makes a cell text.
    """
    if isinstance(cell, bool) or cell is None:
        return "" if cell is None else str(cell).lower()
    if isinstance(cell, (int, float)):
        return cell
    text = clean(str(cell))
    if _NUMBER.fullmatch(text):
        return text
    # Spreadsheets skip blanks and invisible characters before the sign, and know the full-width ones.
    first = next((c for c in text if not (c.isspace() or unicodedata.category(c) in {"Cc", "Cf"})), "")
    if text[:1] in {"\t", "\r", "\n"} or first in set("=+-@＝＋－＠|%"):
        return "'" + text
    return text


def workflow_safe(text: str) -> str:
    """``text`` for a workflow's log: no line of it is read as a command.

    The runner takes ``::name::`` at the start of a line, after blanks, and ``##[name]`` anywhere in it
    (https://github.com/actions/runner, ``ActionCommand.cs``).
    """
    text = strip_terminal(text).replace("##[", "# #[")
    return _WORKFLOW_LINE.sub(r"\1: ", text)


def workflow_data(text: str, *, is_property: bool = False) -> str:
    """``text`` as the message of a workflow command of ours, or as the value of one of its properties."""
    escaped = strip_terminal(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped.replace(":", "%3A").replace(",", "%2C") if is_property else escaped


def safe_name(text: str, limit: int = NAME_BYTES) -> str:
    """A file name on every system: letters and digits of any script, ``_``, ``-`` and ``.``; never empty.

    Separators become ``__``, all else ``_``. No leading dot or dash, no name that Windows keeps for devices.
    What is longer than ``limit`` UTF-8 bytes is cut and ends in a hash of the whole.
    """
    composed = unicodedata.normalize("NFC", clean(text))
    joined = re.sub(r"[/\\]+", "__", composed.strip().strip("/\\"))
    name = "".join(c if _is_name_character(c) else "_" for c in joined if not _is_invisible(c))
    name = re.sub(r"_{3,}", "__", re.sub(r"\.{2,}", ".", name)).lstrip(".-_ ").rstrip(". _")
    while name and unicodedata.category(name[0])[0] == "M":
        name = name[1:]
    name = unicodedata.normalize("NFC", name) or "unnamed"
    if _RESERVED.match(name):
        name = f"file_{name}"
    return _shortened(name, limit)


def _is_name_character(c: str) -> bool:
    return c in "-._" or unicodedata.category(c)[0] in "LM" or c.isdecimal()


def _is_invisible(c: str) -> bool:
    return unicodedata.category(c) in {"Cf", "Cc", "Cn", "Co", "Cs"} and c not in "\t\n\r"


def _shortened(name: str, limit: int) -> str:
    if len(name.encode()) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    kept = name.encode()[: max(0, limit - 11)].decode("utf-8", "ignore").rstrip("._- ")
    return f"{kept}-{digest}"[-limit:].lstrip("-")


def json_safe(tree: Tree) -> Any:
    """A copy that any JSON reader takes: no lone surrogates; ``"NaN"``, ``"Infinity"`` as text, which null would hide.

    Keys become strings; what JSON has no form for becomes its text. Nesting deeper than 100 is cut.
    """
    return _json_safe(tree, 100)


def _json_safe(tree: Tree, depth: int) -> Any:
    if tree is None or isinstance(tree, (bool, int)):
        return tree
    if isinstance(tree, float):
        if math.isfinite(tree):
            return tree
        return "NaN" if math.isnan(tree) else "Infinity" if tree > 0 else "-Infinity"
    if isinstance(tree, str):
        return clean(str(tree))
    if depth == 0:
        return _ELLIPSIS
    if isinstance(tree, dict):
        return {clean(str(key)): _json_safe(value, depth - 1) for key, value in tree.items()}
    if isinstance(tree, (list, tuple, set, frozenset)):
        return [_json_safe(value, depth - 1) for value in tree]
    if hasattr(tree, "tolist"):  # numpy arrays and scalars
        return _json_safe(tree.tolist(), depth - 1)
    return clean(str(tree), 1000)
