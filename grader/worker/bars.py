"""Progress bars count and show nothing: `tqdm` stays silent, also the one that is drawn with the browser's widgets."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from types import ModuleType


def install() -> None:
    """Make ``tqdm`` quiet, where there is one, before a notebook imports it."""
    os.environ["TQDM_DISABLE"] = "1"  # read as tqdm is imported; a bar redrawn in every round would use up the output
    with suppress(ImportError):
        import tqdm

        tqdm.tqdm.monitor_interval = 0  # no thread, which a question's fork would find gone, and maybe a lock held
        plain = ModuleType("tqdm.notebook")  # the real one needs widgets, and heeds no TQDM_DISABLE
        plain.__dict__.update(tqdm=tqdm.tqdm, tqdm_notebook=tqdm.tqdm, trange=tqdm.trange, tnrange=tqdm.trange)
        plain.__dict__.update(IProgress=tqdm.tqdm, WARN_NOIPYW="")  # what tqdm.auto looks for in it
        sys.modules[plain.__name__] = tqdm.__dict__["notebook"] = plain
