"""What a run can be turned into: one small file per format, each a pure function of reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from grader.export.classroom import classroom_result
from grader.export.grades_csv import grades_csv
from grader.export.report_json import reports_json
from grader.export.summary import summary_markdown
from grader.model import Report

Export: TypeAlias = Callable[[Sequence[Report]], tuple[str, str]]
"""Reports in; the name of the file and its text out."""

EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "csv": grades_csv,
        "json": reports_json,
        "classroom": classroom_result,
        "summary": summary_markdown,
    }
)
"""Format name, as in ``grader export RUN --to FORMAT``."""
