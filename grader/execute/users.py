"""User ids for student code that no other grader on this machine uses at the same time.

Two graders that shared an id would count each other's processes against the limit, and end them.
"""

from __future__ import annotations

import socket

BLOCK = 64
"""Ids that one zygote takes: as many submissions can run at a time."""
_FIRST = (*range(60600, 61100 - BLOCK, BLOCK), *range(65536, 524288 - BLOCK, BLOCK))
"""Ids that distributions leave alone: https://systemd.io/UIDS-GIDS/, both ranges called "unused"."""
_held: list[socket.socket] = []


def claim() -> range:
    """A block of ids for as long as this process lives.

    The claim is an abstract socket's name (unix(7)), which the kernel gives away once and takes back with the process.
    Raises OSError when all are taken.
    """
    for first in _FIRST:
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            holder.bind(f"\0notebook-grader-users-{first}")
        except OSError:
            holder.close()
            continue
        _held.append(holder)
        return range(first, first + BLOCK)
    raise OSError("all user ids for student code are taken by other graders")
