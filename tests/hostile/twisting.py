"""Attackers that twist the interpreter, the signals and the errors on which the worker stands."""

from __future__ import annotations

from tests.hostile.attack import SOLUTION, Attack, table

TWISTS = table(
    Attack("audit-hook", "have everything of the worker's fail", ("import sys\nsys.addaudithook(lambda event, args: 1 / 0)",)),
    Attack("low-recursion", "leave no stack to the worker", ("import sys\nsys.setrecursionlimit(60)",)),
    Attack("children-ignored", "have the worker wait for children that are gone", (
        SOLUTION + "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)",
    ), earns=100),
    Attack("reaping-thread", "take the ends of its children from the worker", (
        "import os, threading\ndef reap():\n    while True:\n        try: os.waitpid(-1, 0)\n        except OSError: pass\n"
        "threading.Thread(target=reap, daemon=True).start()",
    )),
    Attack("own-limits", "have the worker meet limits", (
        "import resource\nfor name in ('NOFILE', 'NPROC', 'FSIZE', 'CPU'):\n    resource.setrlimit(getattr(resource, 'RLIMIT_' + name), (1, 1))",
    )),
    Attack("no-builtins", "leave no builtins", ("import builtins\nfor name in list(vars(builtins)): delattr(builtins, name)",)),
    Attack("profile-exits", "end the worker at its next call", ("import sys, os\nsys.setprofile(lambda *a: os._exit(0))",)),
    Attack("finalizer-exits", "end the question well as an object goes", (
        "import os\nclass Last:\n    def __del__(self): os._exit(0)\nkept = Last()\ndef double(x):\n    Last()\n    return x",
    )),
    Attack("shell-twisted", "have other code run than the cell's", (
        "shell = get_ipython()\nshell.input_transformers_post.append(lambda lines: ['raise SystemExit\\n'])\n"
        "shell.set_custom_exc((Exception,), lambda *a: exit())\nshell.events.register('pre_run_cell', lambda *a: 1 / 0)",
        "def double(x): return x", "1 / 0",
    )),
    Attack("fork-in-a-question", "answer several times", ("import os\ndef double(x):\n    os.fork(); os.fork()\n    return x",)),
    Attack("stop-the-worker", "stop who waits for the answer", ("import os\ndef double(x):\n    os.kill(os.getppid(), 19)\n    return x",)),
    Attack("by-the-stack", "find the expected value in the callers, or count the calls", (
        "import inspect\ndef double(x):\n    for info in inspect.stack():\n        for value in info.frame.f_locals.values():\n"
        "            if hasattr(value, 'expected'): return value.expected\n    return x\n"
        "calls = []\ndef total(x):\n    calls.append(x)\n    return len(calls)",
    )),
    Attack("names-without-end", "break what reads where an error came from", (
        "for place in ('9' * 5000, '9' * 50):\n"
        "    exec(compile(f'def double(x): raise ValueError(1)', f'<cell {place}>', 'exec'))\n"
        "def total(x): raise SyntaxError('m', ('<cell 1>', -10**4000, 1, 'x'))",
        "exec(compile('raise ValueError(1)', '<cell ' + '9' * 5000 + '>', 'exec'))",
        "raise SyntaxError('m', ('<cell 1>', 10**100, 1, 'x'))",
    )),
    Attack("errors-in-errors", "hang or break what tells an error", (
        "class E(Exception):\n    def __str__(self): return str(self)\n"
        "def double(x): raise E\ndef total(x):\n    error = E()\n    error.__cause__ = error\n    raise error",
        "error = ValueError('x')\nfor _ in range(10**4): error = ExceptionGroup('g', [error])\nraise error",
    )),
    Attack("escapes-in-names", "steer the reader's terminal by the names of functions and errors", (
        "def double(x): raise ValueError\n"
        "double.__code__ = double.__code__.replace(co_name='\\x1b]8;;http://@TOKEN@\\x07' * 9)\n"
        "raise type('\\x1b[2J\\u202e' * 9, (Exception,), {})('\\x1b]8;;http://@TOKEN@\\x07')",
    )),
    Attack("picture-of-its-own", "have a script taken for a picture", (
        "import matplotlib.figure, matplotlib.pyplot as plt\nclass F(matplotlib.figure.Figure):\n"
        "    def savefig(self, file, **k): file.write(b'\\x89PNG\\r\\n\\x1a\\n' + b'<script>@TOKEN@()</script>' * 99)\n"
        "plt.figure(FigureClass=F)\nplt.plot([1])\nplt.show()\n"
        "display({'image/svg+xml': '<svg onload=@TOKEN@()>', 'text/html': '<script>@TOKEN@()</script>'}, raw=True)",
    )),
)  # fmt: skip
