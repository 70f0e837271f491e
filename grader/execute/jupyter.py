"""The executor for every platform: each submission in a Jupyter kernel of its own, run through nbclient.

The same worker code runs the cells and answers the questions, so that both executors record the same. What this one
offers is the level ``process``: a kernel needs sockets, so it can't be shut in as the warm executor's workers are.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from types import TracebackType
from typing import Self

from grader.execute import ExecutorError
from grader.execute.client import ZygoteError
from grader.execute.jupyter_bridge import START_SECONDS, Bridge
from grader.execute.jupyter_keeper import Message, layers, make_keeper
from grader.execute.jupyter_line import Line
from grader.execute.levels import Level
from grader.execute.session import Session
from grader.model import Limits, Paper, Recording, Submission

TRIES = 2
"""A fault of ours is tried again this often in all before a submission goes without a score."""


class JupyterExecutor:
    """See `grader.execute.Executor`. ``kernel_name`` is a kernel as ``jupyter kernelspec list`` shows it.

    Its Python must be 3.11 or later, with ipykernel and numpy. ``portable`` uses only what every platform has, as on
    Windows: no guard process and no fork, each question in the notebook's own process. Raises `ExecutorError` on
    entering when there is no such kernel, and for a level above ``process``.
    """

    def __init__(
        self, level: Level | str | None = None, *, kernel_name: str = "python3", portable: bool = False
    ) -> None:
        self.level = Level.PROCESS if level is None else Level(level)
        self.kernel_name, self._portable = kernel_name, portable
        if self.level is not Level.PROCESS:
            raise ExecutorError(f"Jupyter kernels run at the level {Level.PROCESS}, not at {self.level}")

    @property
    def layers(self) -> tuple[str, ...]:
        """What is on, as it stands in the report's head."""
        return layers(portable=self._portable)

    def __enter__(self) -> Self:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

        try:
            KernelSpecManager().get_kernel_spec(self.kernel_name)
        except NoSuchKernel:
            raise ExecutorError(
                f"there is no Jupyter kernel named {self.kernel_name}: `jupyter kernelspec list` shows those there are"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kernels end with their submissions."""

    def record(self, submission: Submission, paper: Paper, stop: threading.Event | None = None) -> Recording:
        """See `Executor.record`."""
        fault = ""
        for _ in range(TRIES):
            kernels = Kernels(self.kernel_name, portable=self._portable)
            try:
                kernels.prepare(paper.limits)
                recording = Session(kernels, submission, paper, stop).run()
            except ZygoteError as error:
                fault = str(error)
            else:
                return replace(recording, sandbox=kernels.layers, versions=kernels.versions)
            finally:
                kernels.close()
        return Recording(submission.id, submission.sha256, harness_error=fault)


class Kernels:
    """Starts the kernels of one submission, one after the other."""

    def __init__(self, kernel_name: str, *, portable: bool) -> None:
        self._kernel_name, self._portable = kernel_name, portable
        self._ready: Kernel | None = None
        self.layers: tuple[str, ...] = ()
        self.versions: dict[str, str] = {}

    def prepare(self, limits: Limits) -> None:
        """Start the first kernel before the submission's clock runs. Raises `ZygoteError`."""
        self._ready = self._start(limits)

    def worker(self, limits: Limits) -> Kernel:
        """A kernel that is ready for its first order. Raises `ZygoteError`."""
        ready, self._ready = self._ready, None
        return ready or self._start(limits)

    def close(self) -> None:
        """End a kernel that nobody took."""
        if self._ready is not None:
            self._ready.end()
            self._ready = None

    def _start(self, limits: Limits) -> Kernel:
        kernel = Kernel(self._kernel_name, limits, portable=self._portable)
        self.layers = kernel.layers
        self.versions = self.versions or kernel.versions
        return kernel


class Kernel:
    """A worker: see `grader.execute.client.Worker`. Raises `ZygoteError` when it can't be started."""

    def __init__(self, kernel_name: str, limits: Limits, *, portable: bool) -> None:
        self._bridge = Bridge(kernel_name, portable=portable)
        self._keeper = make_keeper(limits, self._bridge.gone, portable=portable)
        self.layers = self._keeper.layers
        self._bridge.start(self._keeper)
        self.versions = self._hello(limits)

    def channel(self, limits: Limits, stop: threading.Event | None) -> Line:
        return Line(self._bridge.order, self._bridge.pieces, limits, stop)

    def wait(self, event: str) -> Message:
        return self._keeper.wait(event)

    def tidy(self) -> Message:
        """Leave only the kernel, and where there is a guard the files that the notebook wrote."""
        return self._keeper.tidy()

    def end(self) -> Message:
        try:
            return self._keeper.end()
        finally:
            self._bridge.close()

    def _hello(self, limits: Limits) -> dict[str, str]:
        """Wait for the worker's first word, which it says before it meets student code."""
        import time

        line = self.channel(limits, None)
        try:
            hello = line.receive(time.monotonic() + 2 * START_SECONDS)
        except Exception as error:  # noqa: BLE001  whatever it was, there is no kernel
            self._give_up()
            said = self._bridge.trouble or str(error) or type(error).__name__
            raise ZygoteError(f"the Jupyter kernel could not be started: {said}") from None
        versions = hello.get("versions", {})
        return {str(name): str(version) for name, version in versions.items()}

    def _give_up(self) -> None:
        import contextlib

        with contextlib.suppress(ZygoteError):
            self.end()
