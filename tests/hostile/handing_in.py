"""Attacks in the file itself: its name, its metadata, its markdown, its structure."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.hostile.attack import SOLUTION, Attack, table

Values = Mapping[str, str]
Writer = Callable[[Path, Values], None]

SCRIPT = (
    "<script>window.@TOKEN@=1</script><img src=x onerror='@TOKEN@()'><svg/onload=@TOKEN@()><iframe srcdoc='@TOKEN@'>"
)
FORMULA = "=cmd|'/C calc @TOKEN@'!A0"
ESCAPES = "\x1b]0;@TOKEN@\x07\x1b[2J\x1b[31m\x9b31m\u202e@TOKEN@\r"


def code(*sources: str) -> list[dict[str, Any]]:
    return [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
        for source in sources
    ]


def notebook(cells: Any, metadata: Any = None, **more: Any) -> dict[str, Any]:
    return {"cells": cells, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 4, **more}


def filled(text: str, values: Values) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def raw(text: str | bytes, name: str = "handed-in.ipynb") -> Writer:
    def write(folder: Path, values: Values) -> None:
        data = text if isinstance(text, bytes) else filled(text, values).encode("utf-8", "surrogatepass")
        (folder / filled(name, values)).write_bytes(data)

    return write


def tree(document: Any, name: str = "handed-in.ipynb") -> Writer:
    return raw(json.dumps(document), name)


def _zipped(*members: tuple[str, str], link: bool = False) -> Writer:
    def write(folder: Path, values: Values) -> None:
        with zipfile.ZipFile(folder / "handed-in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                info = zipfile.ZipInfo(filled(name, values))
                info.external_attr = ((stat.S_IFLNK | 0o777) if link else 0o644) << 16
                archive.writestr(info, filled(content, values))

    return write


def _zip_bomb(folder: Path, _values: Values) -> None:
    path = folder / "handed-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.ipynb", "w") as member:
        for _ in range(600):
            member.write(bytes(1 << 20))


def _link(target: str) -> Writer:
    def write(folder: Path, values: Values) -> None:
        (folder / "handed-in.ipynb").symlink_to(filled(target, values))

    return write


def _pipe(folder: Path, _values: Values) -> None:
    os.mkfifo(folder / "handed-in.ipynb")


def _many_cells(folder: Path, _values: Values) -> None:
    cells = [{"cell_type": "markdown", "source": "x", "metadata": {}}] * 20_000
    (folder / "handed-in.ipynb").write_text(json.dumps(notebook(cells + code(SOLUTION))))


def _huge_outputs(folder: Path, _values: Values) -> None:
    cells = code(SOLUTION)
    cells[0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * (40 << 20)}]
    (folder / "handed-in.ipynb").write_text(json.dumps(notebook(cells)))


OKAY = json.dumps(notebook(code(SOLUTION)))
NAMED = {"name": SCRIPT, "authors": [{"name": FORMULA}], "title": ESCAPES, "kernelspec": {"name": SCRIPT}}
SAVED = [
    {"output_type": "display_data", "data": {"text/html": SCRIPT, "image/svg+xml": f"<svg>{SCRIPT}</svg>"}, "metadata": {}},
    {"output_type": "error", "ename": SCRIPT, "evalue": SCRIPT, "traceback": [SCRIPT, ESCAPES]},
]  # fmt: skip

INPUT = table(
    Attack("markup-everywhere", "run a script in the reader's browser", (
        SOLUTION, f"print({SCRIPT!r})\nfrom IPython.display import HTML, SVG, display\ndisplay(HTML({SCRIPT!r}))\n"
        f"display({{'text/html': {SCRIPT!r}, 'image/svg+xml': {SCRIPT!r}, 'text/javascript': '@TOKEN@()'}}, raw=True)",
        "import matplotlib.pyplot as plt\nplt.plot([1]); plt.title('''<script>@TOKEN@</script>'''); plt.show()",
        f"raise type('<script>@TOKEN@</script>', (Exception,), {{}})({SCRIPT!r})",
    ), earns=100),
    Attack("markup-in-answers", "run a script in the reader's browser", (
        f"class Shown:\n    def __repr__(self): return {SCRIPT!r}\nShown.__name__ = Shown.__qualname__ = {SCRIPT!r}\n"
        f"def double(x): return Shown()\ndef total(x): raise ValueError({SCRIPT!r})",
    )),
    Attack("formulas-everywhere", "have a spreadsheet compute", (f"print({FORMULA!r})\ndef double(x): raise ValueError({FORMULA!r})",)),
    Attack("escapes-everywhere", "steer the reader's terminal", (f"print({ESCAPES!r})\ndef double(x): raise ValueError({ESCAPES!r})",)),
    Attack("workflow-commands", "steer a workflow", ("def double(x): raise ValueError('::set-output name=x::@TOKEN@\\n::error::x')",)),
    Attack("markup-in-metadata", "run a script in the reader's browser", file=tree(notebook(code(SOLUTION), NAMED)), earns=100),
    Attack("markup-in-saved-outputs", "run a script in the reader's browser", file=tree(
        notebook([{**code(SOLUTION)[0], "outputs": SAVED}, {"cell_type": "markdown", "source": SCRIPT, "metadata": {}}])), earns=100),
    Attack("markup-in-the-name", "run a script in the reader's browser", file=raw(OKAY, "<img src=x onerror=@TOKEN@()>.ipynb"), earns=100),
    Attack("formula-in-the-name", "have a spreadsheet compute", file=raw(OKAY, "=1+1|'@TOKEN@'!A0.ipynb"), earns=100),
    Attack("escapes-in-the-name", "steer the reader's terminal", file=raw(OKAY, "a\x1b[2J\x1b]0;@TOKEN@\x07\nb\u202e.ipynb"), earns=100),
    Attack("dots-in-the-name", "write elsewhere", file=raw(OKAY, "x\\..\\..\\@TOKEN@..ipynb"), earns=100),
    Attack("device-name", "write to a device on Windows", file=raw(OKAY, "CON.ipynb"), earns=100),
    Attack("long-name", "break the file system", file=raw(OKAY, "ž" * 120 + ".ipynb"), earns=100),
    Attack("bad-bytes-in-the-name", "break the encoding", file=lambda folder, _: Path(os.fsdecode(bytes(folder) + b"/\xff\xfe.ipynb")).write_text(OKAY) and None, earns=100),
    Attack("names-in-metadata", "take another's name or place", file=tree(
        notebook(code(SOLUTION), {"student": "../../aa-honest", "id": "aa-honest", "path": "/etc/passwd", "grader": {"score": 100}})), earns=100),
    Attack("score-in-metadata", "have a score taken from the file", file=tree(
        notebook(code("x = 1"), {"score": 100, "percent": 100, "nbgrader": {"grade": True, "points": 100, "score": 100}}))),
    Attack("link-to-the-reference", "hand in the reference", file=_link("@RUBRIC@/reference/__init__.py")),
    Attack("link-to-a-neighbour", "hand in a neighbour's work", file=_link("@IN@/../elsewhere.ipynb")),
    Attack("link-to-itself", "hang the search", file=_link("handed-in.ipynb")),
    Attack("link-to-a-device", "hang the reader", file=_link("/dev/zero")),
    Attack("pipe", "hang the reader", file=_pipe),
    Attack("folder-with-a-notebook's-name", "break the search", file=lambda folder, _: (folder / "x.ipynb").mkdir(), reports=0),
    Attack("zip-slip", "be unpacked elsewhere", file=_zipped(("../../../@TOKEN@.ipynb", OKAY), ("/@OUTSIDE@/@TOKEN@.ipynb", OKAY)), reports=2),
    Attack("zip-link", "be unpacked as a link", file=_zipped(("a.ipynb", "@RUBRIC@/reference/__init__.py"), link=True)),
    Attack("zip-bomb", "use up memory or disk", file=_zip_bomb),
    Attack("zip-damaged", "break the reader", file=raw(b"PK\x03\x04" + bytes(100), "handed-in.zip")),
    Attack("many-cells", "slow the reader down", file=_many_cells),
    Attack("huge-saved-outputs", "use up memory", file=_huge_outputs, earns=100),
    Attack("nested-json", "break the reader's stack", file=raw('{"cells": ' + "[" * 100_000 + "]" * 100_000 + "}")),
    Attack("long-number", "slow the reader down", file=raw('{"cells": [], "nbformat": ' + "9" * 200_000 + "}")),
    Attack("surrogates-in-the-file", "break the report's encoding", file=raw(OKAY.replace("x + x", "x + x #\\ud800")), earns=100),
    Attack("not-utf8", "break the reader", file=raw(b"\xff\xfe\x00\xd8" + os.urandom(100))),
    Attack("nothing", "break the reader", file=raw(b"")),
    Attack("not-a-notebook", "break the reader", file=tree([1, {"cells": {}}])),
    Attack("cells-of-the-wrong-kind", "break the reader", file=tree(notebook([None, 1, {"cell_type": []}, {"cell_type": "code", "source": {}}]))),
    Attack("keys-twice", "have two readers see two notebooks", file=raw(
        '{"cells": [], ' + OKAY[1:-1] + ', "cells": ' + json.dumps(code("1/0")) + "}")),
    Attack("null-bytes", "break the parser", file=tree(notebook(code("x = 1\x00", "def double(x): return 0")))),
    Attack("broken-script", "break the parser", file=raw("# %%\n\x00\ndef double(x: return\n# %%\nx = 1\n", "handed-in.py")),
)  # fmt: skip
