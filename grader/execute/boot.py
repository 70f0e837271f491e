"""The zygote's first lines: become able to import the worker's modules without their files.

Its text is given to a fresh interpreter on standard input. The sources of the few modules that run beside student
code arrive over the control socket, so that neither the repository nor the installed grader has to be readable in
the place where student code runs.
"""

import importlib.abc
import importlib.util
import json
import os
import socket
import struct
import sys


class Delivered(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds our modules among the delivered sources, and no other module of ours anywhere."""

    def __init__(self, sources):
        self.sources = sources

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] != "grader":
            return None
        if fullname not in self.sources:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        spec = importlib.util.spec_from_loader(fullname, self, is_package=self.is_package(fullname))
        spec.origin = self.file(fullname)
        spec.has_location = True
        return spec

    def is_package(self, fullname):
        return any(name.startswith(fullname + ".") for name in self.sources)

    def file(self, fullname):
        below = fullname.split(".")[1:]
        return "/".join(["<grader>", *below, *(["__init__"] if self.is_package(fullname) else [])]) + ".py"

    def get_source(self, fullname):
        return self.sources[fullname]

    def get_code(self, fullname):
        return compile(self.sources[fullname], self.file(fullname), "exec", dont_inherit=True)


def receive(control):
    """One length-prefixed JSON message."""

    def exactly(count):
        data = b""
        while len(data) < count:
            part = control.recv(min(count - len(data), 1 << 20))
            if not part:
                sys.exit(0)
            data += part
        return data

    (length,) = struct.unpack(">I", exactly(4))
    return json.loads(exactly(length))


if __name__ == "__main__":
    control = socket.socket(fileno=int(sys.argv[1]))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    order = receive(control)
    sys.path[:] = order["path"]
    sys.meta_path.insert(0, Delivered(order["sources"]))
    del sys.modules["__main__"].receive, sys.modules["__main__"].Delivered
    from grader.execute.zygote import main

    main(control, order)
