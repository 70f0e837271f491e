"""What an attacker would try first, tried in a worker that runs no student code: the proof that a level holds here."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grader.execute import linux, messages


def serve(descriptor: int, **_: object) -> None:
    """Take one message that says where to try, try, and send back what could be done."""
    with socket.socket(fileno=descriptor) as sock:
        inbox = messages.Inbox(sock)
        while (taken := inbox.pop()) is None:
            if not inbox.read():
                return
        messages.send(sock, attempt(taken[0]))


def attempt(target: dict[str, Any]) -> dict[str, Any]:
    """Which of these could be done: True or False by name, and the process's own account of itself."""
    tries: dict[str, Callable[[], object]] = {
        "read": lambda: Path(target["secret"]).read_bytes(),
        "list": lambda: list(Path(target["secret"]).parent.iterdir()),
        "write": lambda: (Path(target["secret"]).parent / "written").write_bytes(b"x"),
        "truncate": lambda: os.truncate(target["secret"], 0),
        "change": lambda: Path(target["secret"]).chmod(0o600),
        "signal": lambda: os.kill(target["pid"], 0),
        "environ": lambda: Path(f"/proc/{target['pid']}/environ").read_bytes(),
        "connect": lambda: socket.create_connection(("127.0.0.1", target["port"]), timeout=5).close(),
        "namespace": lambda: linux.unshare(linux.CLONE_NEWUSER),
        "work": lambda: Path("file").write_bytes(b"x"),
    }
    return {**{name: _possible(action) for name, action in tries.items()}, "status": _status(), "uid": os.getuid()}


def _possible(action: Callable[[], object]) -> bool:
    try:
        action()
    except (OSError, ValueError, ctypes.ArgumentError):
        return False
    return True


def _status() -> dict[str, str]:
    wanted = ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {name: value.strip() for name, _, value in pairs if name in wanted}
