"""Stands between the grader and a Jupyter kernel: the guard of `grader.execute.guard`, whose worker is the kernel.

Its text is run as a script by the grader's own interpreter, with the descriptor of a socket to the grader, the folder
that holds the package, and the kernel's command line. When the socket ends, so does everything that was started.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

KERNEL_BYTES = 1 << 30
"""Address space and memory that a kernel uses for itself, on top of what a notebook may use."""
KERNEL_THREADS = 32


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    sys.path.insert(0, sys.argv[2])
    from grader.execute import linux, messages
    from grader.execute.cage import Cage
    from grader.execute.guard import guard
    from grader.execute.job import Job, Place
    from grader.model import Limits

    class KernelCage(Cage):
        """Of one submission; the grader makes the folder around it, and takes it away."""

        def prepare(self, job: Job) -> Place:
            if linux.LINUX:
                linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
            place = Place(Path(order["root"]))
            place.root.mkdir(mode=0o755)
            self.fresh(place, job)
            return place

    order = _first(messages.Inbox(control))
    limits = Limits(**order["limits"])
    roomy = replace(
        limits, memory_bytes=limits.memory_bytes + KERNEL_BYTES, processes=limits.processes + KERNEL_THREADS
    )
    cage = KernelCage()
    nobody = os.open(os.devnull, os.O_RDWR)
    try:
        guard(cage, Job(1, 0, roomy, nobody), control, _serve(sys.argv[3:], order["environment"]))
    except Exception as error:  # noqa: BLE001  the grader must hear of whatever it was
        messages.send(control, {"event": "failed", "why": f"{type(error).__name__}: {error}"[:2000]})


def _first(inbox: Any) -> dict[str, Any]:
    while inbox.read():
        if (taken := inbox.pop()) is not None:
            found: dict[str, Any] = taken[0]
            return found
    sys.exit(0)


def _serve(command: list[str], environment: dict[str, str]) -> Callable[..., None]:
    if re.fullmatch(r"python(3(\.\d+)?)?", command[0]):
        command = [sys.executable, *command[1:]]

    def serve(sock: int, *, confine_question: object) -> None:  # noqa: ARG001  what a guard calls
        os.environ.update(environment)
        os.environ["JPY_PARENT_PID"] = str(os.getppid())
        os.execvp(command[0], command)  # noqa: S606  the course's kernel

    return serve


if __name__ == "__main__":
    main()
