"""Sentences and words of prose in any script. Pure; linear in the text.

Scripts with stops are split after the manner of UAX #29, section 5, stricter about abbreviations and looser about what
students leave out: capitals, the blank after a stop, the stop at the end of a line or list item. Thai and Lao have no
stop; there, blanks separate clauses and a sentence is estimated from its length.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

MAX_TEXT = 100_000
"""Characters that are looked at; a reflection has a thousand."""

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_THAI = "\u0e00-\u0eff"
_UNSPACED = f"{_HAN}{_KANA}{_THAI}\u1000-\u109f\u1780-\u17ff\u0f00-\u0fff"
_EMOJI = "\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d"

# Characters to a word of English, chosen low: nobody shall fall below a count of words for the script they write in.
_PER_WORD = ((_HAN, 1.5), (_KANA, 2.0), (f"{_THAI}\u1000-\u109f\u1780-\u17ff", 3.5), ("\u0f00-\u0fff", 3.0))


def words(text: str) -> int:
    """Number of words; in scripts written without blanks, what an English text of that content would have."""
    bare = _bare(text)
    counted = 0.0
    for script, letters in _PER_WORD:
        counted += len(re.findall(f"[{script}]", bare)) / letters
    spaced = _spaced(re.sub(f"[{_UNSPACED}]+", " ", bare))
    korean = [word for word in spaced if re.match(f"[{_HANGUL}]", word)]
    counted += len(spaced) - len(korean) + max(len(korean), sum(map(len, korean)) / 2)
    return int(counted)


def tokens(text: str) -> tuple[str, ...]:
    """Words without letter case, and single characters of scripts written without blanks, in order."""
    return tuple(re.findall(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]+", _bare(text).casefold()))


def _bare(text: str) -> str:
    """Without combining marks, which would cut Indic and Thai words into pieces, and invisible characters."""
    composed = unicodedata.normalize("NFC", text[:MAX_TEXT])
    return "".join(c for c in composed if unicodedata.category(c) not in {"Mn", "Mc", "Me", "Cf"})


def _spaced(bare: str) -> list[str]:
    return [word for word in re.findall(r"[^\W_]+(?:['’.\-][^\W_]+)*", bare) if any(c.isalpha() for c in word)]


# --- sentences ------------------------------------------------------------------------------


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of ``text``, list items included; labels and fragments of one word go with their neighbour."""
    found: list[list[str]] = []
    lead: list[str] = []
    for is_item, block in _blocks(text[:MAX_TEXT]):
        for piece in _split(block):
            count = words(piece)
            fragment = is_item and count < 3 and not _stopped(piece)
            if count and not fragment and _stands_alone(" ".join([*lead, piece])):
                found.append([*lead, piece])
                lead = []
            elif count and found:
                found[-1].append(piece)
            elif count:
                lead.append(piece)
    if lead:
        found.append(lead)
    return tuple(" ".join(pieces) for pieces in found)


def _stands_alone(piece: str) -> bool:
    """Two words, or four characters of a script without blanks: less is a label or a shout."""
    return words(piece) >= 2 or len(re.findall(f"[{_UNSPACED}]", _bare(piece))) >= 4


_ITEM = re.compile(r"\s*(?:[•*+\-–—·▪►→✓✔☑]|\(?\d{1,2}[.)、．]|\(?[a-hA-H]\))\s+(?=\S)(.*)")
_END = "。！？｡؟۔।॥։።፧។៕။།"
_CLOSERS = "\"'”’»›」』）】)\\]}*_"
_HAS_STOP = re.compile(f"[{_END}.!?…][{_CLOSERS}]*(?:\\s|$)|[{_END}]")


def _stopped(text: str) -> bool:
    return bool(re.search(f"[{_END}.!?…][{_CLOSERS}{_EMOJI}\\s]*$", text))


def _blocks(text: str) -> Iterator[tuple[bool, str]]:
    """(is a list item, its text) for each paragraph and list item."""
    lines: list[str] = []
    is_item = False
    for line in [*text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""]:
        item = _ITEM.match(line)
        if lines and (item or not line.strip()):
            yield from ((is_item, block) for block in _joined(lines))
            lines, is_item = [], False
        if item:
            lines, is_item = [item[1].strip()], True
        elif line.strip():
            lines.append(line.strip())


def _joined(lines: list[str]) -> list[str]:
    """One paragraph's lines as one text, or as they are where each is a sentence without its stop."""
    if len(lines) > 1 and not any(_HAS_STOP.search(line) for line in lines):
        whole = all(not line[0].islower() and words(line) >= 4 for line in lines)
        if whole:
            return lines
    text = lines[0]
    for line in lines[1:]:
        glue = "" if re.match(f"[{_HAN}{_KANA}]", line) and re.search(f"[{_HAN}{_KANA}{_END}，、]$", text) else " "
        text += glue + line
    return [text]


_STOP = re.compile(
    f"(?P<strong>[{_END}]+)|(?P<dots>\\.{{2,}}|…+)|(?P<weak>[.!?]+)|(?P<greek>(?<=[\u0370-\u03ff])[;;])"
    f"|(?P<emoji>[{_EMOJI}]+)"
)
_AFTER = re.compile(f"[{_CLOSERS}{_END}.!?]*(?:\\s*[{_EMOJI}]+)*")


def _split(text: str) -> list[str]:
    """Cut one paragraph at its stops."""
    pieces: list[str] = []
    start = position = 0
    while True:
        stop = _STOP.search(text, position)
        if stop is None:
            break
        after = _AFTER.match(text, stop.end())
        position = max(after.end() if after else stop.end(), stop.end())
        if _is_boundary(text, start, stop, position):
            pieces.append(text[start:position].strip())
            start = position
    pieces.append(text[start:].strip())
    return [part for piece in pieces if piece for part in _clauses(piece)]


def _is_boundary(text: str, start: int, stop: re.Match[str], end: int) -> bool:
    following = text[end : end + 1]
    rest = text[end : end + 40].lstrip()
    after = rest[:1]
    if not after or stop["strong"] or stop["greek"]:
        return True
    if stop["emoji"]:
        return following.isspace() and (after.isupper() or bool(re.match(f"[{_HAN}{_KANA}]", after)))
    before = text[max(start, stop.start() - 60) : stop.start()]
    if re.search(f"[{_HAN}{_KANA}]$", before):
        return not after.islower()
    if not following.isspace():
        return _is_blank_missing(before, text[end : end + 40])
    if stop["dots"]:
        return not after.islower()
    return set(stop["weak"]) != {"."} or not _is_abbreviation(before, rest)


_MODULES = {"np", "plt", "nn", "torch", "tf", "sklearn", "pd", "stats", "self", "gmm", "model", "sns", "keras", "scipy"}


def _is_blank_missing(before: str, after: str) -> bool:
    """``hard.But`` is two sentences, ``np.Array(`` and ``File.Open`` are none."""
    word = re.search(r"([^\W\d_]{2,})$", before)
    following = re.match(r"[^\W\d_]+", after)
    if word is None or following is None or word[1].lower() in _MODULES or not word[1][-1].islower():
        return False
    capital = following[0][0].isupper() and not any(c.isupper() for c in following[0][1:])
    return capital and after[following.end() : following.end() + 1] in {" ", ",", "'", "’", ""}


_ABBREVIATED = """
    vs cf viz resp approx ca dr prof mr mrs ms st nr fig figs eq eqs ch vol pp ex incl excl est dept
    bzw ggf evtl abb kap vgl sog inkl env chap mme ej sr sra ud uds aprox pág núm pag
    bijv o.a d.w.z np tzn tzw m.in т.е т.к см рис напр
"""
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_MAY_END = {"etc", "usw", "enz", "ecc", "itd", "itp", "т.д", "т.п", "др", "al", "co", "inc", "max", "min", "no", "sec"}


def _is_abbreviation(before: str, following: str) -> bool:
    """Does the point after ``before`` belong to its last word?"""
    last = re.search(r"(\S+)$", before)
    word = last[1].lstrip("([{\"'“„«*_") if last else ""
    after = following[:1]
    if word.lower() in _MAY_END:
        return after.islower() or after.isdigit()
    if word.lower() in _ABBREVIATIONS or re.fullmatch(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}", word):  # e.g, z.B, U.S
        return True
    if re.fullmatch(r"[^\W\d_]", word):
        if word.islower():  # "p. ex.", "z. B."; but "choose k. Then"
            return after.islower() or bool(re.match(r"[^\W\d_]\.", following))
        return word.isupper() and word not in {"I", "X", "K", "N", "D", "Z"} and after.isupper()  # an initial
    return word.isdigit() and len(word) <= 2 and before.strip() == word  # "2. Then" inside a line


def _clauses(piece: str) -> list[str]:
    """Thai and Lao at their blanks, as far as the pieces are long enough for a sentence."""
    thai = len(re.findall(f"[{_THAI}]", piece))
    if thai < 60 or thai < 0.5 * len(piece):
        return [piece]
    parts: list[str] = []
    for clause in piece.split():
        if parts and len(parts[-1]) < 35:
            parts[-1] += " " + clause
        else:
            parts.append(clause)
    if len(parts) > 1 and len(parts[-1]) < 15:
        parts[-2:] = [" ".join(parts[-2:])]
    return parts


# --- markdown -------------------------------------------------------------------------------

_LINE_BREAKING_TAG = re.compile(r"</?(?:br|p|div|li|ul|ol|h[1-6]|tr|table|blockquote)\b[^<>\n]{0,300}>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,500}>")
_IMAGE = re.compile(r"!\[[^\[\]\n]{0,500}\](?:\([^()\n]{0,2000}\)|\[[^\[\]\n]{0,200}\])")
_LINK = re.compile(r"\[([^\[\]\n]{0,500})\](?:\([^()\n]{0,2000}\)|\[[^\[\]\n]{0,200}\])")
_MATH = re.compile(r"\$\$[^$]{0,2000}\$\$|\$[^$\n]{1,500}\$")
_RULE = re.compile(r"\s*(?:(?:[-*_=]\s*){3,}|\|?[\s:|-]*-[\s:|-]*\|?)$")
_BULLET = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?(?=\S)")


def strip_markdown(text: str, *, keep_code: bool = False) -> str:
    """The words of a markdown text: no marks, pictures, tables' rules or HTML; list items as lines that start with "•".

    Args:
        text: markdown; what is longer than `MAX_TEXT` is cut.
        keep_code: keep what stands in fenced code blocks.
    """
    text = _without(text[:MAX_TEXT].replace("\r\n", "\n"), "<!--", "-->")
    text = _LINE_BREAKING_TAG.sub("\n", _MATH.sub(" formula ", text))
    text = html.unescape(_TAG.sub("", _LINK.sub(r"\1", _IMAGE.sub("", text))))
    lines: list[str] = []
    fenced = False
    for line in text.split("\n"):
        if re.match(r"\s*(?:```|~~~)", line):
            fenced = not fenced
        elif not fenced or keep_code:
            lines += _plain_line(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _plain_line(line: str) -> list[str]:
    line = re.sub(r"^\s*(?:>\s?)+", "", line)
    if _RULE.match(line) and line.strip():
        return [""]
    heading = re.match(r"\s{0,3}#{1,6}\s+(.*?)[\s#]*$", line)
    if heading:
        return ["", _inline(heading[1]), ""]
    bullet = _BULLET.match(line)
    if bullet:
        return ["• " + _inline(line[bullet.end() :])]
    return [_inline(line.strip().strip("|").replace("|", " ") if line.strip().startswith("|") else line).strip()]


def _inline(text: str) -> str:
    text = re.sub(r"\\([\\`*_{}\[\]()#+\-.!|~>])|\*+|`+|~~", lambda found: found[1] or "", text)
    return re.sub(r"(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)", "", text)


def _without(text: str, opening: str, closing: str) -> str:
    pieces: list[str] = []
    position = 0
    while True:
        start = text.find(opening, position)
        end = text.find(closing, start) if start >= 0 else -1
        if start < 0 or end < 0:
            return "".join([*pieces, text[position:]])
        pieces.append(text[position:start])
        position = end + len(closing)
