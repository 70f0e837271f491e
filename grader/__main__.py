"""Entry point of the command `grader`, and of ``python -m grader``."""

from __future__ import annotations

import os


def main() -> None:
    """Set what numerical libraries read once, at their import, then run the command line.

    One thread each: sums split over threads round differently, and the same seed must give the same bytes on every
    machine; and the jobs use the cores already.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(name, "1")
    from grader.cli import main as run

    run()


if __name__ == "__main__":
    main()
