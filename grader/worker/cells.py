"""Run a notebook's code cells one by one; the first bad line never hides good definitions.

After an error the definitions and imports that follow it in the cell still run. After a fault of the machine (a
package that is not installed, a file that was not handed in, no network) every following statement is tried.
"""

from __future__ import annotations

import ast
import builtins
import getpass
import inspect
import io
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any

from grader.model import CellRun, CellStatus, Figure, Limits, StudentError
from grader.worker import bars, colab
from grader.worker.alarm import CellTimeout, time_limit
from grader.worker.blame import cell_file, student_error
from grader.worker.environment import bound_names, is_environment
from grader.worker.figures import Gallery
from grader.worker.seeds import seeded
from grader.worker.shell import make_shell
from grader.worker.streams import Capture, Drain, Stream

RECOVERY_SECONDS = 1.0
"""What the definitions after a cell's time limit may take."""
CUT_LINES = 30
_TIME_MAGIC = ("%%time",)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass
class Outcome:
    """What became of a cell's code."""

    error: BaseException | None = None
    environment: bool = False
    timed_out: bool = False


class CellRunner:
    """Runs cells in this process's IPython shell. ``started`` and ``finished`` hear of each cell as it happens."""

    def __init__(
        self,
        limits: Limits,
        started: Callable[[int], None],
        finished: Callable[[CellRun, Sequence[Figure]], None],
        *,
        own_descriptors: bool = True,
    ) -> None:
        self.limits = limits
        self.cut: list[str] = []
        self._started, self._finished = started, finished
        self._own_descriptors = own_descriptors
        self._capture = Capture(limits.output_bytes)
        self._gallery = Gallery(limits, self._capture.add, self._note_cut)
        self._shell = make_shell()
        self._shell.connect(self._gallery, limits.displays, self._note_cut)
        self._streams = Stream(self._capture, 1), Stream(self._capture, 2)
        self._drain: Drain | None = None
        self._seeding = ExitStack()
        self._end = 0.0
        self._lost: set[str] = set()

    @property
    def namespace(self) -> dict[str, Any]:
        """The notebook's global names."""
        found: dict[str, Any] = self._shell.user_ns
        return found

    def run(self, cells: Sequence[tuple[int, str]], skip: Sequence[int], seed: int) -> None:
        """Run the cells in order. The generators and ``default_rng()`` follow ``seed`` from here on."""
        self.begin(seed)
        for index, source in cells:
            self.cell(index, source, skip=index in skip)
        self.finish()

    def begin(self, seed: int) -> None:
        """Get ready for the first cell; the notebook's time starts to run."""
        self._prepare()
        self._end = time.monotonic() + self.limits.notebook_seconds
        self._seeding.enter_context(seeded(seed, {}))  # and never left: the definitions may hold what is patched

    def cell(self, index: int, source: str, *, skip: bool) -> None:
        """Run the next cell; of one to skip only definitions and imports."""
        left = self._end - time.monotonic()
        if left <= 0 and not skip:
            self._note_cut(
                f"The notebook used up its {self.limits.notebook_seconds:g} seconds; "
                f"from cell {index} on only definitions and imports were run."
            )
        self._cell(index, source, 0.0 if skip else left)

    def finish(self) -> None:
        """After the last cell: what is plotted or printed from here on belongs to no cell."""
        self._gallery.close()
        if self._drain is not None:
            self._drain.stop()
            self._drain = None

    def _cell(self, index: int, source: str, left: float) -> None:
        self._started(index)
        self._begin(index, source)
        began = time.perf_counter()
        if left <= 0:
            outcome, status = self._definitions_only(source), CellStatus.SKIPPED
        else:
            outcome = self._limited(source, min(left, self.limits.cell_seconds))
            status = CellStatus.OK if outcome.error is None else CellStatus.ERROR
            status = CellStatus.TIMEOUT if outcome.timed_out else status
        seconds = time.perf_counter() - began
        if self._drain is not None:
            self._drain.settle()
        if self._capture.truncated:
            self._note_cut(f"Cell {index} printed more than {self.limits.output_bytes} bytes; the rest was cut.")
        run = CellRun(
            index,
            status,
            self._error(outcome, min(left, self.limits.cell_seconds)),
            self._capture.text(),
            self._capture.truncated,
            outcome.environment and outcome.error is not None,
            seconds,
        )
        self._finished(run, tuple(self._gallery.figures))

    def _begin(self, index: int, source: str) -> None:
        self._index = index
        self._capture.clear()
        self._gallery.begin(index)
        self._shell.compile.begin(index, source)
        self._shell.execution_count += 1
        with suppress(AttributeError):
            self._shell.history_manager.input_hist_parsed.append(source)
        sys.stdout, sys.stderr = self._streams
        sys.stdin = io.StringIO("")

    def _limited(self, source: str, seconds: float) -> Outcome:
        """Run a cell within its time; what it takes to save its definitions comes on top."""
        outcome = Outcome()
        try:
            with time_limit(seconds):
                outcome = self._attempt(source)
                self._gallery.flush()
        except CellTimeout as error:
            outcome = Outcome(error)
        if isinstance(outcome.error, CellTimeout):
            outcome.timed_out, outcome.environment = True, False
            with suppress(CellTimeout), time_limit(RECOVERY_SECONDS):
                self._define(self._rest(source, outcome.error))
                self._gallery.flush()
        return outcome

    def _definitions_only(self, source: str) -> Outcome:
        with suppress(CellTimeout), time_limit(RECOVERY_SECONDS):
            self._define(self._statements(source))
        self._gallery.flush()
        return Outcome()

    def _attempt(self, source: str) -> Outcome:
        result = self._shell.run_cell(_without_timing(source), store_history=False)
        error = result.error_before_exec or result.error_in_exec
        if error is None or isinstance(error, CellTimeout) or result.error_before_exec is not None:
            return Outcome(error, error is not None and is_environment(error, self._lost))
        if not is_environment(error, self._lost):
            self._define(self._rest(source, error))
            return Outcome(error)
        return self._after_environment(source, error)

    def _after_environment(self, source: str, error: BaseException) -> Outcome:
        """Try every statement that follows the machine's fault; an error of the student's own takes its place."""
        rest = self._rest(source, error)
        line = _line_of(error, cell_file(self._index))
        for statement in self._statements(source):
            if statement.lineno <= (line or 0) <= (statement.end_lineno or 0):
                self._lost |= bound_names(statement)
        for position, statement in enumerate(rest):
            raised = self._run_statement(statement)
            if raised is None:
                self._lost -= bound_names(statement)
            elif isinstance(raised, CellTimeout):
                return Outcome(raised)
            elif is_environment(raised, self._lost):
                self._lost |= bound_names(statement)
            else:
                self._define(rest[position + 1 :])
                return Outcome(raised)
        return Outcome(error, environment=True)

    def _define(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            if _is_definition(statement):
                raised = self._run_statement(statement)
                if isinstance(raised, CellTimeout):
                    raise raised

    def _run_statement(self, statement: ast.stmt) -> BaseException | None:
        """Run one top-level statement; what it raised, if anything."""
        flags = self._shell.compile.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        try:
            code = compile(ast.Module([statement], []), cell_file(self._index), "exec", flags, dont_inherit=True)
            with self._shell.builtin_trap, self._shell.display_trap:
                if code.co_flags & inspect.CO_COROUTINE:
                    self._shell.loop_runner(eval(code, self._shell.user_global_ns, self._shell.user_ns))  # noqa: S307
                else:
                    exec(code, self._shell.user_global_ns, self._shell.user_ns)  # noqa: S102  the student's own
        except BaseException as error:  # noqa: BLE001  a student's statement may raise anything
            return error
        return None

    def _statements(self, source: str) -> list[ast.stmt]:
        """The cell's top-level statements, none where it can't be compiled."""
        compiler = self._shell.compile
        try:
            clean = _without_timing(source)
            compiler.cache(clean, raw_code=clean)
            tree = compiler.ast_parse(self._shell.transform_cell(clean), cell_file(self._index))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []
        return list(tree.body)

    def _rest(self, source: str, error: BaseException) -> list[ast.stmt]:
        line = _line_of(error, cell_file(self._index)) or 0
        return [statement for statement in self._statements(source) if statement.lineno > line]

    def _error(self, outcome: Outcome, seconds: float) -> StudentError | None:
        if outcome.error is None:
            return None
        error = student_error(outcome.error)
        if outcome.timed_out:
            return replace(error, type="Timeout", message=f"The cell was stopped after {seconds:.3g} seconds.")
        return error

    def _note_cut(self, text: str) -> None:
        if text not in self.cut and len(self.cut) < CUT_LINES:
            self.cut.append(text)

    def _prepare(self) -> None:
        """Make the process a place for a notebook: no one to ask, nothing to install, no window to draw on."""
        os.environ.update(PIP_RETRIES="0", PIP_DEFAULT_TIMEOUT="1", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
        warnings.filterwarnings("ignore", message="To exit: use")  # IPython's advice on exit()
        if "" not in sys.path:
            sys.path.insert(0, "")  # as in Jupyter: `%%writefile helper.py`, then `import helper`
        builtins.input = _no_input
        getpass.getpass = lambda *_args, **_kwargs: ""
        colab.install()
        bars.install()
        if self._own_descriptors:
            self._drain = Drain(self._capture)
        with suppress(ImportError):
            import matplotlib.pyplot as plt

            plt.switch_backend("agg")
            plt.show = self._gallery.show


def _without_timing(source: str) -> str:
    """``%%time`` would compile the cell under a name of its own; without it the cell does the same."""
    first, separator, rest = source.partition("\n")
    return "#" + separator + rest if first.strip() in _TIME_MAGIC else source


def _is_definition(statement: ast.stmt) -> bool:
    """A definition, an import, or an assignment that only names or attaches one (``GMM.sample = sample``)."""
    if isinstance(statement, ast.Assign):
        return isinstance(statement.value, ast.Name | ast.Lambda | ast.Constant)
    return isinstance(statement, _DEFINITIONS)


def _line_of(error: BaseException, filename: str) -> int | None:
    """The line of the cell's own top level at which ``error`` came about."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == filename and code.co_name in ("<module>", "<cell line: 0>"):
            return trace.tb_lineno
        trace = trace.tb_next
    return None


def _no_input(prompt: object = "") -> str:
    print(prompt)  # noqa: T201  into the cell's captured output
    return ""
