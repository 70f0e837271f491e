"""From the bytes of a file to JSON data, whatever a student's tools did to them on the way.

Saved outputs are cut out of the text before it is parsed: they can be hundreds of megabytes, they are never evidence,
and what is broken inside them costs nothing.
"""

from __future__ import annotations

import bisect
import codecs
import json
import re
from dataclasses import dataclass
from typing import Any

from grader.model import Problem

MAX_BYTES = 200 << 20
"""Largest file that is read."""
MAX_CODE_CHARS = 64 << 20
"""Most text that may be left of a notebook once its saved outputs are out."""
MAX_TOKENS = 2_000_000
"""Most brackets and commas that may be left: each can cost the parser some 70 bytes."""

_DROPPED = ("outputs", "attachments", "widgets")
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)'
_KEY = rf'"(?:{"|".join(_DROPPED)})"\s*+:\s*+'
# One step of the regex engine from one dropped key to the next: strings are skipped whole, so a key inside one is text.
_TO_NEXT_KEY = re.compile(rf"(?:[^\"]++|(?!{_KEY}){_STRING})*+", re.DOTALL)
_DROPPED_KEY = re.compile(_KEY)
_BRACKET = re.compile(rf"[^\[\]{{}}\"]*+(?:{_STRING}|([\[\]{{}}])|\Z)", re.DOTALL)
_SCALAR = re.compile(rf"{_STRING}|[^,\]}}\s]*+", re.DOTALL)
_IMAGE_KEY = re.compile(r'"image/(?:png|jpeg|gif|webp|svg\+xml)"\s*+:|"(?:png|jpeg|svg)"\s*+:')
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*+[\]}}])", re.DOTALL)
_CONFLICT = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)
_MAX_OUTPUT_TOKENS = 8_000_000
_BIG = 8 << 20

DOWNLOAD = (
    "Open the notebook where you wrote it, download it again with File > Download > .ipynb, and hand in that file."
)


class BrokenError(Exception):
    """The file can't be read; ``problem`` tells the student why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def broken(id: str, message: str, hint: str = DOWNLOAD) -> BrokenError:  # noqa: A002
    """A fatal problem, ready to raise."""
    return BrokenError(Problem(id=id, message=message, hint=hint, fatal=True))


# --- bytes to text --------------------------------------------------------------------------

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


def decode(data: bytes, *, script: bool = False) -> tuple[str, tuple[Problem, ...]]:
    """The text in ``data``, and what had to be assumed to read it. Never raises.

    A byte-order mark decides; then UTF-8; then, in a script, its coding line (PEP 263); then what the bytes look like.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace"), ()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _guess(data, script)
    return (text, ()) if "\x00" not in text[:200] else _wide(data, text)


def _wide(data: bytes, text: str) -> tuple[str, tuple[Problem, ...]]:
    """UTF-16 without its mark: every other byte of a notebook's first characters is a NUL."""
    head = data[:200]
    for encoding, nuls in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if nuls.count(0) > 0.8 * len(nuls):
            return data.decode(encoding, "replace"), (_encoding_problem("UTF-16"),)
    return text, ()


def _guess(data: bytes, script: bool) -> tuple[str, tuple[Problem, ...]]:
    if script:
        for line in data.splitlines()[:2]:
            declared = _DECLARED.match(line)
            if declared:
                try:
                    return str(data.decode(declared[1].decode("ascii"))), ()
                except (LookupError, ValueError, AttributeError, TypeError):
                    break
    if b"\x00" in data[:200]:
        text, problems = _wide(data, "")
        if text:
            return text, problems
    text = data.decode("utf-8", "replace")
    wide = sum(1 for c in text if c > "\x7f" and c != "\ufffd")
    if wide >= text.count("\ufffd"):
        return text, (_encoding_problem("UTF-8 with damaged characters"),)
    return data.decode("cp1252", "replace"), (_encoding_problem("Latin-1 (Windows-1252)"),)


def _encoding_problem(what: str) -> Problem:
    return Problem(
        id="encoding",
        message=f"The file is not saved as UTF-8; it was read as {what}. Letters other than a to z may look wrong.",
        hint="Save or download the notebook again from Jupyter or Colab; both write UTF-8.",
    )


# --- outputs out ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Excised:
    """Notebook text without its saved outputs."""

    text: str
    images: int
    """Images that stood in what was cut."""
    cuts: tuple[tuple[int, int], ...] = ()
    """(position in ``text``, characters cut away before it), in order."""

    def original(self, position: int) -> int:
        """Where the character at ``position`` stood in the file."""
        at = bisect.bisect_right(self.cuts, (position, 1 << 62))
        return position + (self.cuts[at - 1][1] if at else 0)


def excise(text: str, *, keep_lines: bool = False) -> Excised:
    """Replace the value of every key ``outputs``, ``attachments`` and ``widgets`` by null; linear in the text.

    Args:
        text: of a notebook.
        keep_lines: leave the newlines of what is cut, so that lines keep their numbers.

    Raises:
        BrokenError: the outputs hold more brackets than any notebook has.
    """
    pieces: list[str] = []
    cuts: list[tuple[int, int]] = []
    images = position = kept = removed = budget = 0
    while True:
        at = _end(_TO_NEXT_KEY.match(text, position), position)
        key = _DROPPED_KEY.match(text, at)
        if key is None:
            pieces.append(text[position:])
            return Excised("".join(pieces), images, tuple(cuts))
        end, seen = _skip_value(text, key.end(), _MAX_OUTPUT_TOKENS - budget)
        budget += seen
        if text.startswith('"outputs"', at):
            images += sum(1 for _ in _IMAGE_KEY.finditer(text, key.end(), end))
        instead = "null" + "\n" * (text.count("\n", key.end(), end) if keep_lines else 0)
        pieces += [text[position : key.end()], instead]
        kept += key.end() - position + len(instead)
        removed += end - key.end() - len(instead)
        cuts.append((kept, removed))
        position = end


def _skip_value(text: str, start: int, budget: int) -> tuple[int, int]:
    """End of the JSON value at ``start``, and how many brackets and strings it has; an open one ends with the text."""
    if text[start : start + 1] not in ("[", "{"):
        return _end(_SCALAR.match(text, start), start), 0
    depth, position, seen = 0, start, 0
    while position < len(text):
        match = _BRACKET.match(text, position)
        position = _end(match, len(text))
        seen += 1
        bracket = match[1] if match else None
        if bracket is not None:
            depth += 1 if bracket in "[{" else -1
            if depth == 0:
                return position, seen
        if seen > budget:
            raise broken("too_large", "The saved outputs are too big to read.", _CLEAR_OUTPUTS)
    return len(text), seen


def _end(match: re.Match[str] | None, otherwise: int) -> int:
    return match.end() if match else otherwise


_CLEAR_OUTPUTS = (
    "Use Edit > Clear all outputs (Kernel > Restart and clear outputs in Jupyter), save, and hand in the file again."
)


def slim(data: bytes) -> tuple[bytes, int]:
    """A big UTF-8 notebook without its saved outputs, and how many images they held; lines keep their numbers.

    JSON's own signs are ASCII, so the cutting is done on text of one byte a character: decoded as what it is, a single
    emoji in 200 MB would cost 800 MB.

    Raises:
        BrokenError: as `excise`.
    """
    if len(data) < _BIG or data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in data[:200]:
        return data, 0
    text = data.decode("latin-1")
    excised = excise(text, keep_lines=True)
    return excised.text.encode("latin-1"), excised.images


# --- text to JSON ---------------------------------------------------------------------------


def parse(text: str) -> tuple[Any, int, tuple[Problem, ...]]:
    """The JSON in ``text`` without saved outputs, how many images stood in those, and what had to be repaired.

    Raises:
        BrokenError: it is not JSON, or too big, or nested too deeply.
    """
    excised = excise(text)
    _check_size(excised.text)
    try:
        return _loads(excised.text), excised.images, ()
    except json.JSONDecodeError as error:
        failure = error
    if _CONFLICT.search(excised.text):
        raise broken(
            "merge_conflict",
            "The file holds the marks of an unfinished git merge (<<<<<<<, >>>>>>>), so it is no longer a notebook.",
            "Resolve the merge: keep one of the two versions (git checkout --ours or --theirs), open it to see that "
            "it works, commit and hand it in again.",
        )
    if failure.msg == "Extra data":
        return _first_document(excised, failure)
    try:
        tree = _loads(_TRAILING_COMMA.sub(lambda m: m[1] or "", excised.text))
    except json.JSONDecodeError:
        raise _not_json(text, excised, failure) from None
    return tree, excised.images, (_repaired("commas too many before a closing bracket"),)


def _check_size(text: str) -> None:
    tokens = text.count(",") + text.count("[") + text.count("{")
    if len(text) > MAX_CODE_CHARS or (tokens > MAX_TOKENS and not _mostly_text(text)):
        raise broken(
            "too_large",
            "Even without its saved outputs the notebook is too big to read.",
            "Keep data out of the cells: load it from a file or make it in code.",
        )


def _mostly_text(text: str) -> bool:
    """Are the commas and brackets inside strings, as in a table pasted into a cell?"""
    bare = re.sub(_STRING, "", text, flags=re.DOTALL)
    return bare.count(",") + bare.count("[") + bare.count("{") <= MAX_TOKENS


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError:
        raise broken("too_deep", "The file nests lists or objects far deeper than any notebook does.") from None
    except MemoryError:
        raise broken("too_large", "The file needs too much memory to read.", _CLEAR_OUTPUTS) from None


def _integer(digits: str) -> int:
    # Python refuses to convert more than 4300 digits, with a ValueError that looks like broken JSON.
    return int(digits) if len(digits) < 20 else 0


def _first_document(excised: Excised, failure: json.JSONDecodeError) -> tuple[Any, int, tuple[Problem, ...]]:
    rest = excised.text[failure.pos :].strip("\x00\x1a\ufeff \t\r\n")
    if rest[:1] in ("{", "["):
        raise broken(
            "not_json", "The file holds two documents, one behind the other, so it is not clear which one counts."
        )
    return _loads(excised.text[: failure.pos]), excised.images, (_repaired("stray text after its end"),)


def _repaired(what: str) -> Problem:
    return Problem(
        id="repaired",
        message=f"The file was damaged ({what}); it was repaired to grade it.",
        hint="Notebook programs may refuse it: download it again with File > Download > .ipynb.",
    )


def _not_json(text: str, excised: Excised, failure: json.JSONDecodeError) -> BrokenError:
    position = min(excised.original(failure.pos), len(text))
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    if text[position:].strip("\x00 \t\r\n") == "" or failure.msg.startswith("Unterminated string"):
        return broken(
            "not_json",
            f"The notebook file stops in the middle (it has {text.count(chr(10)) + 1} lines), as after an upload or a "
            "download that was cut off.",
        )
    return broken(
        "not_json", f"The notebook file is damaged: it is not valid JSON from line {line}, column {column} on."
    )
