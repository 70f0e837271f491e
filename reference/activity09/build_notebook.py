"""Make the solution notebook and the template that students get from ``activity.md`` and the modules beside it.

``python reference/activity09/build_notebook.py`` writes both; the solution is run, so that it has its outputs.

In ``activity.md`` the text between fenced blocks is a markdown cell, a line ``<!-- cell -->`` begins another one, and
``<!-- solution -->`` or ``<!-- template -->`` begin one that stands in that notebook only. The fenced blocks:

- ``python`` is a code cell of both notebooks, ``python solution`` and ``python template`` of one of them.
- A line of a code cell that ends in ``# solution`` or ``# template`` stands in that notebook only.
- In a code cell the line ``#: gmm.GMM`` stands for the source of ``GMM`` in ``gmm.py``, as a student would write it:
  without annotations.
- ``python stub GMM.sample`` is no cell: it is what the template has in place of that function. An empty stub
  takes the function out.
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HERE = Path(__file__).resolve().parent
NAME = "activity-09-introduction-to-generative-models.ipynb"
SOLUTION = HERE / NAME
TEMPLATE = HERE / "template" / NAME

_FENCE = re.compile(r"^```python ?(.*?)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"^<!-- (cell|solution|template) -->\n", re.MULTILINE)
_ONLY = re.compile(r"^(.*\S)  # (solution|template)\n", re.MULTILINE)
_INCLUDE = re.compile(r"^#: (\w+)\.(\w+)$", re.MULTILINE)
_EXTENSIONS = ("conditional_sample = ", "online_update = ")
"""Lines of GMM that the notebook writes as ``GMM.conditional_sample = conditional_sample``, below the class."""


def make_solution() -> nbformat.NotebookNode:
    """Return the complete solution notebook, not yet run."""
    return _notebook("solution")


def make_template() -> nbformat.NotebookNode:
    """Return the notebook that students start from: every TODO is the activity's stub."""
    return _notebook("template")


def execute(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Run a notebook top to bottom in a fresh kernel and return it with its outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised.
    """
    from nbclient import NotebookClient

    notebook = nbformat.from_dict(notebook)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            # A widget is alive only in the session that made it; what stays of it would be an error box.
            cell.outputs = [output for output in cell.outputs if not _is_widget(output)]
    notebook.metadata = _metadata()
    return notebook


def _is_widget(output: Any) -> bool:
    return "application/vnd.jupyter.widget-view+json" in output.get("data", {})


def _metadata() -> nbformat.NotebookNode:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})


def _notebook(audience: str) -> nbformat.NotebookNode:
    text = (HERE / "activity.md").read_text(encoding="utf-8")
    stubs = _stubs(text) if audience == "template" else {}
    cells: list[nbformat.NotebookNode] = []
    end = 0
    for fence in _FENCE.finditer(text):
        cells += _markdown(text[end : fence.start()], audience)
        end = fence.end()
        if fence[1] in ("", audience):
            source = _ONLY.sub(lambda found: found[1] + "\n" if found[2] == audience else "", fence[2])
            source = _INCLUDE.sub(lambda found: _source(found[1], found[2], stubs), source)
            cells.append(new_code_cell(source.strip("\n")))
    cells += _markdown(text[end:], audience)
    for number, cell in enumerate(cells, start=1):
        cell.id = f"cell-{number:02d}"
    notebook = new_notebook(cells=cells, metadata=_metadata())
    nbformat.validate(notebook)
    return notebook


def _markdown(text: str, audience: str) -> list[nbformat.NotebookNode]:
    first, *rest = _MARK.split(text)
    parts = [("cell", first), *zip(rest[::2], rest[1::2], strict=True)]
    return [new_markdown_cell(part.strip()) for kind, part in parts if part.strip() and kind in ("cell", audience)]


def _stubs(text: str) -> dict[str, str]:
    fences = ((fence[1], fence[2]) for fence in _FENCE.finditer(text))
    return {info.removeprefix("stub "): code for info, code in fences if info.startswith("stub ")}


def _source(module: str, name: str, stubs: dict[str, str]) -> str:
    """Source of a definition, without annotations, its stubs put in place."""
    text = (HERE / f"{module}.py").read_text(encoding="utf-8")
    node = next(node for node in ast.parse(text).body if name in _names(node))
    plain = _without_annotations("\n".join(text.split("\n")[node.lineno - 1 : node.end_lineno]) + "\n")
    plain = "".join(line for line in plain.splitlines(True) if not line.strip().startswith(_EXTENSIONS))
    tree = ast.parse(plain).body[0]
    members = [(f"{name}.{m.name}", m) for m in getattr(tree, "body", []) if isinstance(m, ast.FunctionDef)]
    if isinstance(tree, ast.FunctionDef):
        members = [(name, tree)]
    lines = plain.rstrip().split("\n")
    for key, member in reversed(members):
        if key in stubs:
            stub = textwrap.indent(stubs[key].rstrip(), " " * member.col_offset).split("\n")
            blank = 1 if stub == [""] else 0
            lines[member.lineno - 1 : (member.end_lineno or 0) + blank] = stub if not blank else []
    return "\n".join(lines)


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _without_annotations(text: str) -> str:
    """Cut annotations out of ``text`` and leave every other character alone."""
    code = text.encode()
    starts = [0]
    for line in code.splitlines(True):
        starts.append(starts[-1] + len(line))

    def end(node: ast.expr | ast.arg) -> int:
        return starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)

    def begin(node: ast.expr | ast.arg) -> int:
        return starts[node.lineno - 1] + node.col_offset

    cuts: list[tuple[int, int, bytes]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.AnnAssign):
            cuts.append((end(node.target), end(node.annotation), b""))
        if not isinstance(node, ast.FunctionDef):
            continue
        cuts += [(begin(a) + len(a.arg), end(a), b"") for a in ast.walk(node.args) if isinstance(a, ast.arg)]
        defaults = zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)
        cuts += [(end(a), begin(default), b"=") for a, default in defaults if a.annotation]
        if node.returns:
            cuts.append((code.rindex(b")", 0, begin(node.returns)) + 1, end(node.returns), b""))
    for first, last, instead in sorted(cuts, reverse=True):
        code = code[:first] + instead + code[last:]
    plain = re.sub(r" +# type: ignore.*", "", code.decode())
    return re.sub(r"(def \w+)\(\n +(.*?),?\n *\):", r"\1(\2):", plain)


def main() -> None:
    """Write both notebooks."""
    TEMPLATE.parent.mkdir(exist_ok=True)
    for notebook, path in ((execute(make_solution()), SOLUTION), (make_template(), TEMPLATE)):
        path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
        print(f"{path.relative_to(HERE.parents[1])}: {len(notebook.cells)} cells, {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
