"""Run a command as a user who owns nothing, also where the interpreter lies in a folder that only root may enter."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOBODY = 65432
"""An ordinary user that no machine has."""

_UNCOVER = """\
set -e
shut=$1; shift; hold=$(mktemp -d); number=0
for path in $KEEP; do mkdir $hold/$number; mount --bind "$path" $hold/$number; number=$((number + 1)); done
mount -t tmpfs -o mode=755 tmpfs "$shut"; number=0
for path in $KEEP; do mkdir -p "$path"; mount --bind $hold/$number "$path"; umount -l $hold/$number; number=$((number + 1)); done
rm -r $hold
exec setpriv --reuid USER --regid USER --clear-groups --bounding-set=-all "$@"
""".replace("USER", str(NOBODY))
"""In a mount namespace of its own: nothing of the shut folder is seen but what is needed of it."""


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    """What it printed, in an environment that says nothing; None where an ordinary user can't run Python here."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    needed = {Path(path).resolve() for path in (sys.base_prefix, sys.prefix, ROOT)}
    shut = {folder for path in needed if (folder := _shut(path)) is not None}
    if shut:
        if len(shut) > 1 or not all(map(shutil.which, ("unshare", "setpriv", "mount"))):
            return None
        folder = next(iter(shut))
        kept = [str(path) for path in needed if path.is_relative_to(folder)]
        command = ["unshare", "-m", "sh", "-c", _UNCOVER, "sh", str(folder), *command]
        return _run(command, {**environment, "KEEP": " ".join(kept)})
    return _run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command], environment)


def _run(command: Sequence[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def _shut(path: Path) -> Path | None:
    """The topmost folder on the way to ``path`` that only its owner may enter."""
    return next(
        (folder for folder in [*reversed(path.parents), path] if not folder.stat().st_mode & stat.S_IXOTH), None
    )
