"""The zygote's first lines: become able to import the worker's modules without their files.

Its text is given to a fresh interpreter on standard input. The sources of the few modules that run beside student
code arrive over the control socket, so that neither the repository nor the installed grader has to be readable in
the place where student code runs.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import json
import os
import socket
import struct
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any


class Delivered(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds our modules among the delivered sources, and no other module of ours anywhere."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002  the protocol's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "grader":
            return None
        if fullname not in self.sources:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        spec = ModuleSpec(fullname, self, origin=self.file(fullname), is_package=self.is_package(fullname))
        spec.has_location = True
        return spec

    def is_package(self, fullname: str) -> bool:
        return any(name.startswith(fullname + ".") for name in self.sources)

    def file(self, fullname: str) -> str:
        """The name that stands in tracebacks."""
        below = fullname.split(".")[1:]
        return "/".join(["<grader>", *below, *(["__init__"] if self.is_package(fullname) else [])]) + ".py"

    def get_source(self, fullname: str) -> str:
        return self.sources[fullname]

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self.sources[fullname], self.file(fullname), "exec", dont_inherit=True)
        return code


def receive(control: socket.socket) -> Any:
    """One length-prefixed JSON message."""
    (length,) = struct.unpack(">I", exactly(control, 4))
    return json.loads(exactly(control, length))


def exactly(control: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = control.recv(min(count - len(data), 1 << 20))
        if not part:
            sys.exit(0)
        data += part
    return data


def boot() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    order = receive(control)
    sys.path[:] = order["path"]
    sys.meta_path.insert(0, Delivered(order["sources"]))
    from grader.execute.zygote import main

    main(control, order)


if __name__ == "grader_boot":  # what the zygote's command line calls it
    boot()
