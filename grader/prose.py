"""A student's reflection: where it is in the notebook, and what of it is their own."""

from __future__ import annotations

import ast
import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from grader.model import Cell, CellKind, Submission
from grader.parsing import parse
from grader.sentences import MAX_TEXT, sentences, strip_markdown, tokens, words

__all__ = [
    "Reflection",
    "find_reflection",
    "is_prompt",
    "own_text",
    "repetition",
    "sentences",
    "strip_markdown",
    "tokens",
    "words",
]

_SOME = 5
"""Words from which on a text below a reflection's heading is one, however short."""
_PROSE = 25
"""Words from which on a cell without such a heading may be one."""
_MAX_TOTAL = 1_000_000
"""Characters of a notebook that are looked through, each cell's up to `MAX_TEXT`."""


@dataclass(frozen=True)
class Reflection:
    """What was found; ``text`` is plain, the template's words taken out."""

    text: str
    cells: tuple[int, ...]
    """The cells that it stands in, by index."""
    kind: str
    """``heading``, ``string``, ``comment``, ``last`` (the last prose of the notebook, a guess), or ``none``."""


NOTHING = Reflection("", (), "none")


def find_reflection(submission: Submission, template: Sequence[str] = ()) -> Reflection:
    """The reflection in a notebook, in whatever cell and language.

    Looked for below a heading that says so (over several cells, up to the next heading of its level), in the strings
    and comments of code cells there or with such a name, and at last as the last prose of the student's own.

    Args:
        submission: the notebook.
        template: texts that students were given; lines that resemble theirs are not the student's.
    """
    known = tuple(template)
    cells = _within(submission.cells)
    sections = list(_sections(cells))
    found = [_below_heading(section, known) for section in sections]
    inside = {cell.index for section in sections for cell in section.code}
    found += [_in_code(cell, known, cell.index in inside) for cell in cells if cell.kind is CellKind.CODE]
    best = max(found, key=lambda one: words(one.text), default=NOTHING)
    if words(best.text) >= _SOME:
        return best
    return _last_prose(cells, known)


def _within(cells: Sequence[Cell]) -> Sequence[Cell]:
    """The last cells that together are not longer than a notebook's text can be."""
    left = _MAX_TOTAL
    for at in range(len(cells) - 1, -1, -1):
        left -= min(len(cells[at].source), MAX_TEXT)
        if left < 0:
            return cells[at + 1 :]
    return cells


def repetition(text: str) -> float:
    """Share of the text that repeats itself, by sentences or runs of three words: near 0 for prose."""
    said = [" ".join(tokens(sentence)) for sentence in sentences(text)]
    share = 1 - len(set(said)) / len(said) if len(said) > 1 else 0.0
    spoken = tokens(text)
    runs = list(zip(spoken, spoken[1:], spoken[2:], strict=False))
    return max(share, 1 - len(set(runs)) / len(runs)) if len(runs) >= 12 else share


# --- the template's words -------------------------------------------------------------------

_PLACEHOLDERS = re.compile(
    r"(?:^|\b)(?:double[ -]?click|lorem ipsum)\b"
    r"|^\W*(?:write|add|type|put|enter|insert|share|describe|reflect|answer|complete)\b.{0,80}"
    r"\b(?:here|reflections?|sentences|below|words|cell)\b"
    r"|^\W*(?:your|my) (?:own )?(?:reflections?|answers?|texts?|responses?|thoughts)\b.{0,25}$"
    r"|^\W*(?:todo|tbd|fixme|xxx)\b|^\W*(?:answer|response|antwort|respuesta|réponse|ответ)\s*[:.]?\W*$"
    r"|^.{0,60}\b\d\s*(?:-|–|to|bis|à|a|до)\s*\d\s*(?:sentences|sätze|frases|oraciones|phrases|предложени\w*|frasi|zdań)"
    r"|^.{0,20}\d\s*[-–~〜到至]\s*\d\s*(?:句|文|문장)"
    r"|^\W*(?:schreib\w*|escrib\w*|écri\w*|escrev\w*|scriv\w*|напиш\w*|napisz\w*|schrijf)\b.{0,80}"
    r"\b(?:hier|aquí|ici|aqui|qui|здесь|tutaj)\b"
    r"|^\W*(?:在此|请在|請在|ここに|여기에|اكتب|यहाँ)",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^\W*(?:what|how|why|when|which|where|did|do|would|could|can|is|are)\b.*\byou(?:r)?\b.*\?\W*$", re.I
)


def is_prompt(text: str, template: Sequence[str] = ()) -> bool:
    """Is this line or sentence an instruction left in place, or one of the template's?"""
    plain = strip_markdown(text).lstrip("• ")
    spoken = tokens(plain)
    if not spoken:
        return True
    if len(spoken) <= 30 and (_PLACEHOLDERS.search(plain) or _QUESTION.match(plain)):
        return True
    return bool(template) and _resembles(spoken, _known(tuple(template)))


@lru_cache(maxsize=8)
def _known(template: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The template's lines and sentences, as tokens."""
    known: set[tuple[str, ...]] = set()
    for text in template:
        plain = strip_markdown(text, keep_code=True)
        known.update(tokens(line) for line in plain.split("\n"))
        known.update(tokens(sentence) for sentence in sentences(plain))
    return tuple(sorted(known - {()}))


def _resembles(spoken: tuple[str, ...], known: tuple[tuple[str, ...], ...]) -> bool:
    for given in known:
        if spoken == given:
            return True
        if len(spoken) < 4 or not 0.7 < len(spoken) / len(given) < 1.4:
            continue
        if len(set(spoken) & set(given)) < 0.7 * max(len(set(spoken)), len(set(given))):
            continue
        if difflib.SequenceMatcher(None, spoken[:200], given[:200], autojunk=False).ratio() > 0.85:
            return True
    return False


def own_text(text: str, template: Sequence[str] = ()) -> str:
    """Plain text with instructions and the template's lines and sentences taken out."""
    kept: list[str] = []
    for line in text[:MAX_TEXT].split("\n")[:2000]:
        if not line.strip():
            kept.append("")
        else:
            kept.append(_own_part(line, template))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _own_part(line: str, template: Sequence[str]) -> str:
    """What is left of a line: an answer may follow its question."""
    said = sentences(line)
    own = [sentence for sentence in said if not is_prompt(sentence, template)]
    if len(own) == len(said) and not (len(said) < 2 and is_prompt(line, template)):
        return line
    return ("• " if own and line.startswith("•") else "") + " ".join(own)


# --- headings -------------------------------------------------------------------------------

_SPOKEN = (
    r"refle[ck]t|reflex|refleks|riflession|reflecti"
    r"|what (?:i|we) (?:have )?learn|lessons? learn|take ?aways?\b|my thoughts"
    r"|pohdinta|zamyslen|размышлен|рефлекс|роздум|размисъл|αναστοχασμ|σκεψεις"
    r"|yansitma|dusuncelerim|ogrendiklerim|suy ngam|cam nghi|phan anh|chiem nghiem|tafakari"
    r"|تامل|تأمل|انعكاس|بازتاب|رفلكسيا|רפלקציה|הרהורים"
    r"|चिंतन|चितन|परतिबिंब|विचार|পরতফলন"
    r"|反思|感想|心得|体会|體會|反省|振り返り|ふりかえり|考察|リフレクション|内省|省察"
    r"|회고|성찰|소감|느낀 ?점|리플렉션|สะทอน|ขอคิด"
)


def _folded(text: str) -> str:
    """Without case and accents, so that one spelling of a word serves."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("ı", "i"))
    kept = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
    return unicodedata.normalize("NFC", kept)


_WORD = re.compile(_folded(_SPOKEN))
_ATX = re.compile(r"\s{0,3}(#{1,6})\s*(.+?)[\s#]*$")
_HTML_HEADING = re.compile(r"\s*<h([1-6])\b[^<>\n]{0,200}>(.*?)(?:</h[1-6]>)?\s*$", re.IGNORECASE)
_LABEL = re.compile(r"\s*(?:[*_]{2,3}(.{1,100}?)[*_]{2,3}\s*:?|(.{1,80}?)\s*[:：])\s*$")
_INLINE_LABEL = re.compile(r"\s*(?:[*_]{1,3})?([^.!?。:：\n]{1,60}?)(?:[*_]{1,3})?\s*[:：]\s*(?:[*_]{1,3})?\s*(\S.*)$")
_PSEUDO = 7
"""Level of a bold line or a label that serves as a heading."""


@dataclass
class _Section:
    """What stands below one reflection heading."""

    level: int
    lines: list[tuple[int, str]] = field(default_factory=list)
    """(cell, line of markdown)."""
    code: list[Cell] = field(default_factory=list)


def _sections(cells: Iterable[Cell]) -> Iterator[_Section]:
    section: _Section | None = None
    for cell in cells:
        if cell.kind is CellKind.CODE:
            if section is not None:
                section.code.append(cell)
            continue
        for line in cell.source[:MAX_TEXT].split("\n"):
            level, title, rest = _heading(line)
            starts = level > 0 and bool(_WORD.search(_folded(title)))
            if section is not None and 0 < level < _PSEUDO and (level <= section.level or section.level == _PSEUDO):
                yield section
                section = None
            if starts and section is None:
                section = _Section(level)
                line = rest
            elif 0 < level < _PSEUDO:
                continue
            if section is not None:
                section.lines.append((cell.index, line))
        if section is not None:
            section.lines.append((cell.index, ""))
    if section is not None:
        yield section


def _heading(line: str) -> tuple[int, str, str]:
    """(level, title, what follows on the line); level 0 where the line is no heading."""
    atx = _ATX.match(line)
    if atx:
        inline = _INLINE_LABEL.match(atx[2])
        return (len(atx[1]), inline[1], inline[2]) if inline and words(inline[2]) > 8 else (len(atx[1]), atx[2], "")
    tag = _HTML_HEADING.match(line)
    if tag:
        return int(tag[1]), tag[2], ""
    label = _LABEL.match(line)
    if label and words(line) <= 12:
        return _PSEUDO, label[1] or label[2], ""
    inline = _INLINE_LABEL.match(line)
    if inline and _WORD.search(_folded(inline[1])):
        return _PSEUDO, inline[1], inline[2]
    plain = line.strip()
    if plain and words(plain) <= 3 and _WORD.match(_folded(plain)):
        return _PSEUDO, plain, ""
    return 0, "", ""


def _below_heading(section: _Section, template: Sequence[str]) -> Reflection:
    raw = "\n".join(line for _, line in section.lines)
    text = own_text(strip_markdown(raw), template) or own_text(strip_markdown(raw, keep_code=True), template)
    spoken = set(tokens(text))
    cells = [index for index, line in section.lines if spoken & set(tokens(line)) and not is_prompt(line, template)]
    return Reflection(text, tuple(dict.fromkeys(cells)), "heading")


# --- code cells and the last resort ---------------------------------------------------------


def _in_code(cell: Cell, template: Sequence[str], below_heading: bool) -> Reflection:
    """Prose in a code cell: everywhere below a reflection's heading, else where a name or its first line says so."""
    strings = [text for name, text in _strings(cell) if below_heading or _says_reflection(name, text)]
    comments = [text for text in _comments(cell.source) if below_heading or _says_reflection("", text)]
    found = [
        Reflection(own_text(strip_markdown("\n\n".join(texts)), template), (cell.index,), kind)
        for kind, texts in (("string", strings), ("comment", comments))
    ]
    best = max(found, key=lambda one: words(one.text))
    return best if words(best.text) >= _PROSE // 2 else NOTHING


def _says_reflection(name: str, text: str) -> bool:
    first = text.strip().split("\n", 1)[0][:120]
    return bool(_WORD.search(_folded(name))) or (_heading(first)[0] > 0 and bool(_WORD.search(_folded(first))))


def _strings(cell: Cell) -> Iterator[tuple[str, str]]:
    """(name it is assigned to, text) of each string that stands alone, is assigned, or is handed to a function."""
    for parsed in parse([cell]).cells:
        for statement in parsed.body:
            if not isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign)):
                continue
            target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
            name = target.id if isinstance(target, ast.Name) else ""
            for node in ast.walk(statement):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and words(node.value) >= _SOME:
                    yield name, node.value


def _comments(source: str) -> Iterator[str]:
    """Runs of comment lines."""
    run: list[str] = []
    for line in [*source[:MAX_TEXT].split("\n"), ""]:
        comment = re.match(r"\s*#+ ?(.*)$", line)
        if comment:
            run.append(comment[1])
        elif run:
            yield "\n".join(run)
            run = []


def _last_prose(cells: Sequence[Cell], template: Sequence[str]) -> Reflection:
    for cell in reversed(cells):
        if cell.kind is CellKind.CODE:
            continue
        body = "\n".join(line for line in cell.source.split("\n") if not 0 < _heading(line)[0] < _PSEUDO)
        text = own_text(strip_markdown(body), template)
        if words(text) >= _PROSE:
            return Reflection(text, (cell.index,), "last")
    return NOTHING
