"""The command line. Each command is a short list of stages; what they do stands in the modules that they name."""

from __future__ import annotations

import functools
import json
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Console

from grader import audit as auditing
from grader import audit_page, batch
from grader import regrade as regrading
from grader.assignment import AssignmentError
from grader.choose import (
    CallError,
    Exit,
    assignment_of_run,
    choose_assignment,
    choose_executor,
    cores,
    find_submissions,
    status_of,
)
from grader.console import BatchProgress, batch_lines, console, print_check, print_layers
from grader.exam import prepare
from grader.execute import ExecutorError, isolation
from grader.execute.levels import Level
from grader.export import EXPORTS
from grader.model import Report
from grader.store import VERSION, StoreError, write_whole
from grader.submissions import load

SAVE_SECONDS = 0.5
"""How often `check --watch` looks at the file."""


app = typer.Typer(
    name="grader",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

AssignmentOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--assignment", metavar="DIR", help="Folder with rubric.yaml; found by itself when there is one that fits."
    ),
]
ExecutorOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="warm (Linux, fast), jupyter or jupyter:KERNEL (everywhere); by default what works here.",
    ),
]
SandboxOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--sandbox",
        metavar="LEVEL",
        help="Demand an isolation level: namespaces, confined, process; none accepts whatever there is.",
        show_default="the strongest that works",
    ),
]
FailUnderOption: TypeAlias = Annotated[
    float | None,
    typer.Option(min=0, max=100, metavar="PERCENT", help="Exit 1 when a submission has less percent."),
]
Verbose: TypeAlias = Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")]


def command(function: Callable[..., Exit]) -> Callable[..., None]:
    """Register a command whose return value is the exit status, and tell its errors in one line on stderr."""

    @functools.wraps(function)
    def told(*args: Any, **kwargs: Any) -> None:
        raise typer.Exit(_status_of(lambda: function(*args, **kwargs)))

    return app.command()(told)


def _status_of(run: Callable[[], Exit]) -> Exit:
    errors = console(stderr=True)
    try:
        return run()
    except (CallError, AssignmentError, StoreError) as error:
        errors.print(f"grader: {error}")
        return Exit.WRONG_CALL
    except (ExecutorError, OSError) as error:
        errors.print(f"grader: {error}")
        return Exit.HARNESS_FAILED
    except KeyboardInterrupt:
        errors.print("grader: stopped")
        return Exit.INTERRUPTED
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001  a fault of ours must not look like "below the mark", Python's status 1
        traceback.print_exc()
        errors.print(f"grader: this is a fault of the grader: {type(error).__name__}: {error}")
        return Exit.HARNESS_FAILED


def main() -> None:
    """Entry point of the command `grader`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite end leaves as much as Ctrl-C does
    app()


def _version(wanted: bool) -> None:
    if wanted:
        console().print(f"notebook-grader {VERSION}")
        raise typer.Exit


@app.callback()
def grader(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Grades notebooks: records what the code answers, then judges the record."""


@command
def grade(
    paths: Annotated[list[Path], typer.Argument(help="Notebooks, or folders with submissions.", metavar="PATH...")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the reports.")] = Path("reports"),
    assignment: AssignmentOption = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Submissions at a time.", show_default="the cores")
    ] = None,
    seed: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Text that all questions derive from; default: a secret.")
    ] = None,
    sandbox: SandboxOption = None,
    executor: ExecutorOption = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="Run everything again, also what is recorded.")] = False,
    public: Annotated[bool, typer.Option("--public", help="Only the public questions, at the public seed.")] = False,
    fail_under: FailUnderOption = None,
    verbose: Verbose = False,
) -> Exit:
    """Grade notebooks, or every submission below a folder, and write reports.

    The same command again continues an interrupted run, and grades what is new or changed.

    \b
    Examples:
      grader grade submissions/ --out reports
      grader grade late/ana.ipynb --assignment rubrics/activity09
      grader grade submissions/ --jobs 8 --seed autumn --fresh
    """
    found = find_submissions(paths)
    rules = choose_assignment(assignment, found)
    machine = choose_executor(executor, sandbox, least=Level.CONFINED)
    settings = batch.Settings(
        out, jobs or cores(), seed, public, fresh, executor=machine.name, sandbox=machine.level, paths=tuple(paths)
    )
    say = console()
    with BatchProgress(say, verbose=verbose) as progress:
        result = batch.grade(found, rules, machine.executor, settings, progress)
    for line in batch_lines(result, _again()):
        say.print(line)
    return status_of(result, fail_under)


@command
def check(
    notebook: Annotated[Path, typer.Argument(help="Your notebook.", metavar="NOTEBOOK")],
    assignment: AssignmentOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Check again at each save, until Ctrl-C.")] = False,
    sandbox: SandboxOption = None,
    executor: ExecutorOption = "",
) -> Exit:
    """Run the public checks of one notebook and say what to mend first. Exit 1 when below the pass mark.

    \b
    Examples:
      grader check activity-09-introduction-to-generative-models.ipynb
      grader check my.ipynb --watch
    """
    one = find_submissions([notebook])[0]
    rules = choose_assignment(assignment, [one])
    machine = choose_executor(executor, sandbox, least=Level.PROCESS)
    exam = prepare(rules, rules.spec.public_seed, public=True)
    say = console()
    with machine.executor as recorder:
        while True:
            saved = _saved(notebook)
            report = batch.examine(load(one), exam, recorder, threading.Event())
            print_check(say, report)
            if not watch or not _wait_for_save(say, notebook, saved):
                return _check_status(report)


def _wait_for_save(say: Console, notebook: Path, before: int) -> bool:
    """Wait until the file is another; False when told to end by Ctrl-C."""
    say.print(f"\nWaiting for the next save of {notebook}; Ctrl-C ends.\n")
    try:
        while _saved(notebook) in (before, 0):
            time.sleep(SAVE_SECONDS)
    except KeyboardInterrupt:
        return False
    return True


def _saved(notebook: Path) -> int:
    """When the file was saved last; 0 while an editor replaces it."""
    try:
        return notebook.stat().st_mtime_ns
    except OSError:
        return 0


def _check_status(report: Report) -> Exit:
    if report.passed is None:
        return Exit.HARNESS_FAILED
    return Exit.DONE if report.passed else Exit.BELOW_MARK


@command
def regrade(
    run: Annotated[Path, typer.Argument(help="Folder that `grader grade` wrote.", metavar="RUN")],
    assignment: AssignmentOption = None,
    fail_under: FailUnderOption = None,
    verbose: Verbose = False,
) -> Exit:
    """Judge stored recordings again after the rubric changed. No student code runs.

    \b
    Example:
      grader regrade reports
    """
    rules = assignment_of_run(run, assignment)
    say = console()
    with BatchProgress(say, verbose=verbose) as progress:
        result = regrading.regrade(run, rules, progress)
    for line in batch_lines(result, _again()):
        say.print(line)
    return status_of(result, fail_under)


@command
def export(
    run: Annotated[Path, typer.Argument(help="Folder that `grader grade` wrote.", metavar="RUN")],
    to: Annotated[str, typer.Option(metavar="FORMAT", help=f"One of {', '.join(EXPORTS)}.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write there instead of printing.")] = None,
    assignment: AssignmentOption = None,
) -> Exit:
    """Turn a run into a gradebook or CI format. No student code runs.

    \b
    Examples:
      grader export reports --to csv
      grader export reports --to summary --out summary.md
    """
    if to not in EXPORTS:
        raise CallError(f"--to {to}: there is no such format; choose one of {', '.join(EXPORTS)}")
    _, text = EXPORTS[to](regrading.reports_of_run(run, assignment_of_run(run, assignment)))
    if out is None:
        sys.stdout.write(text)
    else:
        _write(out, text)
    return Exit.DONE


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise CallError(f"{path}: can't be written: {error.strerror or error}") from None


def _is_writable(path: Path) -> None:
    """Told before minutes of work."""
    if not path.absolute().parent.is_dir():
        raise CallError(f"{path}: there is no folder to write it into")


@command
def audit(
    assignment: AssignmentOption = None,
    item: Annotated[str, typer.Option(metavar="ITEM", help="Only this item's mistakes and checks.")] = "",
    mistake: Annotated[str, typer.Option(metavar="ID", help="Only this mistake, with what its author reads.")] = "",
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Draw the questions anew this many times.")] = 1,
    jobs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Processes.", show_default="the cores")] = None,
    json_file: Annotated[
        str, typer.Option("--json", metavar="FILE", help="Write the audit as JSON; - for standard output.")
    ] = "",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the audit as a page.")] = None,
    named: Annotated[
        float, typer.Option(min=0, max=100, metavar="PERCENT", help="Exit 1 where fewer mistakes are named right.")
    ] = 0,
) -> Exit:
    """Grade the reference, correct programs and every catalogued mistake: a test of the rubric.

    Exit 1 when a mistake passes or costs another item, or when a correct program loses a point.

    \b
    Examples:
      grader audit
      grader audit --item e_step --seeds 3
      grader audit --seeds 20 --json audit.json --html audit.html
    """
    for wanted in [html] + ([Path(json_file)] if json_file not in ("", "-") else []):
        if wanted is not None:
            _is_writable(wanted)
    folder = choose_assignment(assignment, [], [Path.cwd()]).folder
    drawn = [f"audit-{number}" for number in range(1, seeds + 1)]
    say = console(stderr=json_file == "-")
    with audit_page.AuditProgress(say) as progress:
        found = auditing.audit(folder, drawn, item=item, only=mistake, jobs=jobs or cores(), progress=progress)
    audit_page.print_audit(say, found, details=bool(mistake))
    text = json.dumps(audit_page.audit_json(found), indent=1, allow_nan=False) + "\n"
    if json_file == "-":
        sys.stdout.write(text)
    elif json_file:
        _write(Path(json_file), text)
    if html is not None:
        _write(html, audit_page.render_audit(found))
    return Exit.DONE if found.sound and 100 * found.share("named_right") >= named else Exit.BELOW_MARK


@command
def doctor() -> Exit:
    """Try out which isolation this machine gives to student code. Takes some seconds.

    \b
    Example:
      grader doctor
    """
    print_layers(console(), isolation.probe())
    return Exit.DONE


def _again() -> str:
    """The command that continues this one: `--fresh` would begin anew."""
    return shlex.join(["grader", *(word for word in sys.argv[1:] if word != "--fresh")])
