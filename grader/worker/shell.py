"""The IPython shell in which cells run: magics, ``!commands``, ``display`` and top-level await, without a terminal."""

from __future__ import annotations

import ast
import base64
import linecache
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.formatters import DisplayFormatter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from grader.worker.blame import cell_file
from grader.worker.environment import is_installing
from grader.worker.figures import Gallery

GETOUTPUT_LIMIT = 1 << 20
_HTML_PICTURES = ("<svg", "<canvas", "<img", "<video", "plotly", "vega", "bokeh", "<iframe")


class CellCompiler(CachingCompiler):  # type: ignore[misc]
    """Compiles a cell under the name of its index, with the line numbers of the notebook."""

    def __init__(self) -> None:
        super().__init__()
        self._name = cell_file(0)
        self._source = ""
        self._offset = 0

    def begin(self, index: int, source: str) -> None:
        self._name = cell_file(index)
        self._source = source
        self._offset = self._lines_before(source)
        lines = [line + "\n" for line in source.splitlines()]
        linecache.cache[self._name] = (len(source), None, lines, self._name)

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:  # noqa: ARG002
        self._offset = self._lines_before(transformed_code if raw_code is None else raw_code)
        return self._name

    def ast_parse(self, source: str, filename: str = "<unknown>", symbol: str = "exec") -> ast.AST:
        offset = self._offset if filename == self._name else 0
        try:
            tree: ast.AST = super().ast_parse(source, filename, symbol)
        except SyntaxError as error:
            error.lineno = (error.lineno or 0) + offset
            raise
        ast.increment_lineno(tree, offset)
        return tree

    def _lines_before(self, code: str) -> int:
        """How many lines of the cell stand before ``code``: a cell magic's, and blank ones, which IPython drops."""
        start = self._source.find(code.strip())
        return self._source[:start].count("\n") if start > 0 else 0


class Hook(DisplayHook):  # type: ignore[misc]
    """Shows the value of a cell's last expression."""

    def write_output_prompt(self) -> None:
        """There are no prompts."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:  # noqa: ARG002
        self.shell.shown(format_dict)

    def log_output(self, format_dict: dict[str, Any]) -> None:
        """Nothing is kept of what is shown."""


class Publisher(DisplayPublisher):  # type: ignore[misc]
    """Takes what ``display`` is given."""

    def publish(self, data: Any, *_args: Any, **_kwargs: Any) -> None:
        self.shell.shown(data)

    def clear_output(self, wait: bool = False) -> None:
        """What was printed stays."""


class Formatter(DisplayFormatter):  # type: ignore[misc]
    """Figures are taken as they are; everything else is formatted as IPython does."""

    def format(self, obj: Any, include: Any = None, exclude: Any = None) -> Any:
        figures = sys.modules.get("matplotlib.figure")
        if figures is not None and issubclass(type(obj), figures.Figure):
            self.parent.gallery.take(obj)
            return {"text/plain": ""}, {}
        return super().format(obj, include=include, exclude=exclude)


class NotebookShell(InteractiveShell):  # type: ignore[misc]
    """One student's shell. `connect` it to a gallery before the first cell."""

    compiler_class = CellCompiler
    displayhook_class = Hook
    display_pub_class = Publisher

    gallery: Gallery
    _displays_left: int
    _cut: Callable[[str], None]

    def connect(self, gallery: Gallery, displays: int, cut: Callable[[str], None]) -> None:
        self.gallery = gallery
        self._displays_left = displays
        self._cut = cut

    def init_profile_dir(self, profile_dir: Any) -> None:  # noqa: ARG002
        if isinstance(getattr(InteractiveShell, "db", None), property):
            self.profile_dir = None
            self._db: dict[str, Any] = {}
        else:  # before IPython 9.16 the shell writes into its profile as it starts
            from IPython.core.profiledir import ProfileDir

            self.profile_dir = ProfileDir(location=tempfile.mkdtemp(prefix="ipython-"))

    def init_ipython_dir(self, ipython_dir: Any) -> None:
        """No folder of settings: nothing of the machine's may change what a notebook does."""

    def init_display_formatter(self) -> None:
        self.display_formatter = Formatter(parent=self)
        self.configurables.append(self.display_formatter)

    def shown(self, data: dict[str, Any]) -> None:
        """Keep what was displayed: its text, and pictures."""
        self._displays_left -= 1
        if self._displays_left < 0:
            self._cut("The notebook displayed more than was kept; the rest was left out.")
            return
        text = data.get("text/plain")
        if isinstance(text, str) and text:
            print(text)  # noqa: T201  into the cell's captured output
        mime = next((kind for kind in data if _is_picture(kind, data[kind])), None)
        if mime is not None:
            self.gallery.picture(mime, _bytes(data[mime], mime))

    def showtraceback(self, *_args: Any, **_kwargs: Any) -> None:
        """Errors are reported with their line, not printed."""

    showsyntaxerror = showindentationerror = showtraceback

    def ask_exit(self) -> None:
        raise SystemExit

    def enable_matplotlib(self, gui: Any = None) -> tuple[str, str]:  # noqa: ARG002
        return "inline", "agg"

    def enable_gui(self, gui: Any = None) -> None:
        """There is no window."""

    def system(self, cmd: str) -> None:
        """Run a shell command; its output goes where the cell's goes."""
        command = self.var_expand(cmd, depth=1)
        if is_installing(command):
            print("Nothing can be installed here: there is no network.")  # noqa: T201
            self.user_ns["_exit_code"] = 1
            return
        with _process(command, stdout=None) as process:
            self.user_ns["_exit_code"] = process.wait()

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """Run a shell command and return what it printed, up to a limit."""
        from IPython.utils.text import LSString, SList

        command = self.var_expand(cmd, depth=depth + 1)
        with _process(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None  # noqa: S101  for the type checker
            text = process.stdout.read(GETOUTPUT_LIMIT).decode("utf-8", "replace")
        return SList(text.splitlines()) if split else LSString(text)


def make_shell() -> NotebookShell:
    """The process's shell, new. It keeps no history file and starts no thread."""
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.autoindent = False
    config.InteractiveShell.separate_in = ""
    config.InteractiveShell.separate_out = ""
    config.InteractiveShell.separate_out2 = ""
    config.Completer.use_jedi = False
    shell: NotebookShell = NotebookShell.instance(config=config)
    with suppress(Exception):  # `%config InlineBackend...` then works
        from matplotlib_inline.config import InlineBackend

        shell.configurables.append(InlineBackend.instance(parent=shell))
    return shell


class _process:  # noqa: N801  a context manager
    """A shell command in a process group of its own, of which nothing is left at the end."""

    def __init__(self, command: str, stdout: int | None) -> None:
        self._process = subprocess.Popen(  # noqa: S602  the student's own command
            command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT if stdout is not None else None,
            start_new_session=True,
        )

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._process

    def __exit__(self, *_exc: object) -> None:
        import os

        if hasattr(os, "killpg"):
            with suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _is_picture(mime: object, data: Any) -> bool:
    if not isinstance(mime, str):
        return False
    if mime.startswith("image/") or mime == "application/vnd.plotly.v1+json":
        return True
    return mime == "text/html" and isinstance(data, str) and any(mark in data for mark in _HTML_PICTURES)


def _bytes(data: Any, mime: str) -> bytes:
    if isinstance(data, bytes):
        return data
    if isinstance(data, str) and mime in ("image/png", "image/jpeg", "image/gif", "image/webp"):
        with suppress(ValueError):
            return base64.b64decode(data)
    return data.encode("utf-8", "replace") if isinstance(data, str) else b""
