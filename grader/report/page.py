"""What every page shares: the template environment, the style sheet and the policy that forbids all else.

A page may use its own style sheet, its own script where it has one, and pictures that stand in it. Both texts are
allowed by their hashes, so that markup which slipped through the escaping could still run and load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from grader.report.words import VERDICTS, points
from grader.text import strip_terminal

TEXT_LIMIT = 4000
"""Characters of one piece of text; longer ones are cut, and say so."""

_CODE = re.compile(r"`([^`\n]{1,400})`")
_TABLE_LINE = re.compile(r"^(?: {2,}|\t|\|)")


def render(template: str, script: str = "", **values: Any) -> str:
    """The finished page; ``script`` names the template of its only script."""
    style, code = _source("style.css"), _source(script) if script else ""
    policy = [
        "default-src 'none'",
        f"style-src {_hash(style)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    if code:
        policy.append(f"script-src {_hash(code)}")
    return (
        environment()
        .get_template(template)
        .render(
            # Ours, from the package; their hashes are in the policy, so they go in as they are.
            style=Markup(style),  # noqa: S704
            script=Markup(code),  # noqa: S704
            policy="; ".join(policy),
            **values,
        )
    )


@cache
def environment() -> Environment:
    """Jinja2 that escapes everything and stops at an unknown name."""
    made = Environment(
        loader=PackageLoader("grader.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    made.filters |= {"points": points_text, "prose": prose, "inline": inline}
    made.globals |= {"LOOKS": {verdict.value: look for verdict, look in VERDICTS.items()}}
    return made


def points_text(value: float | None, places: int | None = None) -> str:
    """A number of points as on paper, with a proper minus sign; nothing for nothing.

    ``places`` decimals for a column in which the points stand below each other, by default as few as it takes.
    """
    if value is None:
        return ""
    text = str(points(value)) if places is None else f"{points(value):.{places}f}"
    return text.replace("-", "−")


def prose(text: str) -> Markup:
    """Paragraphs of a message: what stands between backticks as code, indented lines as a table in fixed width."""
    blocks: list[tuple[bool, list[str]]] = []
    for line in _plain(text).split("\n"):
        table = bool(_TABLE_LINE.match(line))
        if not line.strip():
            blocks.append((False, []))
        elif blocks and blocks[-1][0] == table and blocks[-1][1]:
            blocks[-1][1].append(line)
        else:
            blocks.append((table, [line]))
    return Markup("").join(_block(table, lines) for table, lines in blocks if lines)


def inline(text: str) -> Markup:
    """One line of a message, with code between backticks."""
    # `escape` leaves backticks alone, so the pattern meets escaped text only.
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(_plain(text)))))  # noqa: S704


def _block(table: bool, lines: list[str]) -> Markup:
    if table:
        return Markup("<pre>{}</pre>").format("\n".join(lines))
    return Markup("<p>{}</p>").format(Markup("<br>").join(inline(line) for line in lines))


def _plain(text: str) -> str:
    text = strip_terminal(text)
    return text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT].rstrip() + " … (cut here)"


def _finalize(value: Any) -> Any:
    """Text without controls and without marks that reorder it, whichever way it came into the page."""
    return _plain(value) if type(value) is str else value


def _source(name: str) -> str:
    return _sources()[name]


@cache
def _sources() -> Mapping[str, str]:
    made = environment()
    assert made.loader is not None  # noqa: S101  set just above
    return {name: made.loader.get_source(made, name)[0] for name in ("style.css", "class.js")}


def _hash(text: str) -> str:
    """A source expression of the Content Security Policy (https://www.w3.org/TR/CSP3/#grammardef-hash-source)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
