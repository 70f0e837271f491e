"""The GitHub action: grade the repository's notebook, write the job summary, set the output ``result``.

``python -m grader.action`` reads what the runner gives in the environment: the action's inputs as ``INPUT_*``, and the
files ``GITHUB_STEP_SUMMARY`` and ``GITHUB_OUTPUT``. Students' text reaches the log only without workflow commands,
and the output only as base64.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from grader import batch
from grader.assignment import AssignmentError
from grader.choose import CallError, Exit, choose_assignment, choose_executor, cores, find_submissions, status_of
from grader.console import outcome_line
from grader.execute.levels import Level
from grader.export.classroom import classroom_result
from grader.export.summary import summary_markdown
from grader.store import StoreError
from grader.text import workflow_safe


def main() -> Exit:
    """Grade as the environment says, and tell a wrong call as an error of the job."""
    try:
        return grade(os.environ)
    except (CallError, AssignmentError, StoreError) as error:
        line = " ".join(workflow_safe(str(error)).split()).replace("%", "%25")
        sys.stdout.write(f"::error title=notebook-grader::{line}\n")
        return Exit.WRONG_CALL


def grade(environment: Mapping[str, str]) -> Exit:
    """Grade what the inputs name, at the public seed unless one is given."""
    found = find_submissions([Path(line.strip()) for line in _input(environment, "path", ".").splitlines()])
    told = _input(environment, "assignment")
    # Never looked for in the workspace: a rubric is code of ours, and the workspace is the student's.
    home = environment.get("GITHUB_ACTION_PATH")
    rules = choose_assignment(Path(told) if told else None, found, [Path(home)] if home else ())
    # A runner is thrown away after the job, so what it offers is accepted; the report names the layers.
    sandbox = _input(environment, "sandbox") or None
    machine = choose_executor(_input(environment, "executor"), sandbox, least=Level.PROCESS)
    seed = _input(environment, "seed") or None
    settings = batch.Settings(
        out=Path(_input(environment, "out", "reports")),
        jobs=cores(),
        seed=seed,
        public=seed is None,
        fresh=True,
        executor=machine.name,
        sandbox=machine.level,
    )
    mark = _percent(environment)
    with _commands_off():
        result = batch.grade(found, rules, machine.executor, settings, _log)
    _publish(environment, result)
    return status_of(result, mark)


def _input(environment: Mapping[str, str], name: str, default: str = "") -> str:
    return environment.get(f"INPUT_{name.upper()}", "").strip() or default


def _percent(environment: Mapping[str, str]) -> float | None:
    text = _input(environment, "fail_under")
    try:
        percent = float(text) if text else None
    except ValueError:
        percent = -1.0
    if percent is not None and not 0 <= percent <= 100:
        raise CallError(f"fail-under: {text!r} is not a number of percent, from 0 to 100")
    return percent


@contextmanager
def _commands_off() -> Iterator[None]:
    """Nothing printed in here is a command to the runner, whatever it looks like."""
    token = secrets.token_hex(16)
    sys.stdout.write(f"::stop-commands::{token}\n")
    try:
        yield
    finally:
        sys.stdout.write(f"::{token}::\n")
        sys.stdout.flush()


def _log(moment: batch.Moment) -> None:
    if moment.last:
        sys.stdout.write(f"[{moment.done}/{moment.total}] {workflow_safe(outcome_line(moment.last))}\n")
        sys.stdout.flush()


def _publish(environment: Mapping[str, str], result: batch.Result) -> None:
    _append(environment.get("GITHUB_STEP_SUMMARY"), summary_markdown(result.reports)[1])
    # One line of base64: nothing in it can begin another output.
    _append(environment.get("GITHUB_OUTPUT"), f"result={classroom_result(result.reports)[1].strip()}\n")


def _append(path: str | None, text: str) -> None:
    """The runner's files are added to, and are absent where no runner is."""
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    sys.exit(main())
