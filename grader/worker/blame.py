"""From an exception to the student's own line."""

from __future__ import annotations

import linecache
import re
from types import CodeType, TracebackType

from grader.model import StudentError
from grader.worker.plain import message_of, safe_text, type_name

MESSAGE_LIMIT = 2000
_CELL_FILE = re.compile(r"<cell (\d+)>\Z")


def cell_file(index: int) -> str:
    """The file name under which the cell is compiled, so that tracebacks lead back to it."""
    return f"<cell {index}>"


def cell_of(filename: object) -> int | None:
    """Index of the cell that was compiled under ``filename``; None for any other file."""
    match = _CELL_FILE.match(filename) if type(filename) is str else None
    return int(match.group(1)) if match else None


def student_error(error: BaseException, code: CodeType | None = None) -> StudentError:
    """Describe ``error`` by the innermost line of the student's cells that it passed through.

    ``code`` is what was called, and stands in where no line of a cell was reached (an argument too many, say).
    """
    message = message_of(error, MESSAGE_LIMIT)
    found = _innermost(error.__traceback__)
    if issubclass(type(error), SyntaxError) and type(getattr(error, "lineno", None)) is int:
        cell = cell_of(getattr(error, "filename", None))
        if cell is not None:
            said = safe_text(lambda: error.msg, MESSAGE_LIMIT) or message  # type: ignore[attr-defined]
            return _located(type_name(error), said, cell_file(cell), error.lineno or 0, "")  # type: ignore[attr-defined]
    if found is not None:
        return _located(type_name(error), message, *found)
    if code is not None and cell_of(code.co_filename) is not None:
        return _located(type_name(error), message, code.co_filename, code.co_firstlineno, code.co_name)
    return StudentError(type_name(error), message)


def _innermost(trace: TracebackType | None) -> tuple[str, int, str] | None:
    found = None
    while trace is not None:
        code = trace.tb_frame.f_code
        if cell_of(code.co_filename) is not None and trace.tb_lineno is not None:
            found = (code.co_filename, trace.tb_lineno, code.co_name)
        trace = trace.tb_next
    return found


def _located(name: str, message: str, filename: str, line_no: int, function: str) -> StudentError:
    line = safe_text(lambda: linecache.getline(filename, line_no).strip())
    return StudentError(
        name, message, cell_of(filename), line_no, line, "" if function == "<module>" else function[:100]
    )
