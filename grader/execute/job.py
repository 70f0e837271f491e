"""One submission as the zygote and its guard see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.model import Limits

ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "LOKY_MAX_CPU_COUNT": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "TERM": "dumb",
    "USER": "student",
    "LOGNAME": "student",
}
"""All of the environment but HOME, TMPDIR and PATH, so that no variable of the grader's reaches student code."""


@dataclass(frozen=True)
class Place:
    """Where a submission may write: three folders that nobody else sees or uses."""

    root: Path

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def kept(self) -> Path:
        """Where the notebook's files are set aside, out of its own reach."""
        return self.root.with_name(self.root.name + ".kept")

    @property
    def private(self) -> Path:
        """Where the guard makes copies and removes things, out of reach too."""
        return self.root.with_name(self.root.name + ".private")

    @property
    def folders(self) -> tuple[Path, ...]:
        return (self.work, self.home, self.temporary)


@dataclass(frozen=True)
class Job:
    """What the zygote starts: a socket for the worker, limits, and a slot number that no other running job has."""

    id: int
    slot: int
    limits: Limits
    sock: int
    """Descriptor of the worker's end of the socketpair."""
    gates: tuple[int, ...] = ()
    """Descriptors of ``cgroup.procs`` files to join, open for writing."""
