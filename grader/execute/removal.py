"""Remove what student code left, however deep, long of path or locked it is.

`shutil.rmtree` walks recursively before Python 3.13, and a thousand folders in one another end it with a
RecursionError; paths longer than the system takes and folders without permissions stop it as well.
"""

from __future__ import annotations

# ruff: noqa: PTH101, PTH104, PTH106, PTH108  plain strings: a flood of files is gone through one by one
import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path


def remove(root: Path) -> None:
    """Remove the folder ``root`` and all below it, as far as that can be done. Nothing in it may run any more.

    Folders are moved up beside ``root`` before they are looked into, so that no path grows. Links are not followed.
    """
    numbers = iter(range(1 << 40))
    waiting = [str(root)]
    while waiting:
        folder = waiting.pop()
        with contextlib.suppress(OSError):
            if not stat.S_ISDIR(os.lstat(folder).st_mode):
                os.unlink(folder)
                continue
            os.chmod(folder, 0o700)
            waiting += [_moved(path, f"{root}.{next(numbers)}") for path in _emptied(folder)]
            os.rmdir(folder)
    if os.path.lexists(root):  # something could not be moved
        with contextlib.suppress(RecursionError):
            shutil.rmtree(root, ignore_errors=True)


def _emptied(folder: str) -> Iterator[str]:
    """The folders in ``folder``, after everything else in it is gone."""
    with os.scandir(folder) as entries:
        names = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for path, is_folder in names:
        if is_folder:
            yield path
        else:
            with contextlib.suppress(OSError):
                os.unlink(path)


def _moved(path: str, to: str) -> str:
    """Where the folder ``path`` is afterwards: ``to``, or where it was."""
    with contextlib.suppress(OSError):
        os.chmod(path, 0o700)  # moving a folder changes what it holds: the way up
        os.rename(path, to)
        return to
    return path
