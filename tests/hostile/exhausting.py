"""Attacks that use up what the machine has, or that never end."""

from __future__ import annotations

from tests.hostile.attack import Attack, table

_ENDLESS = "    while True:\n        try:\n            while True: pass\n        except BaseException: pass\n"
_BLOCK = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"

CELLS = table(
    Attack("endless-loop", "hang the batch", ("while True: pass",)),
    Attack("stubborn-loop", "hang the batch, deaf to interruption", (f"if True:\n{_ENDLESS}",)),
    Attack("sleep-with-signals-blocked", "hang the batch", (_BLOCK + "import time\ntime.sleep(1000)",)),
    Attack("regex-backtracking", "hang in C code", ("import re\nre.match('(a+)+$', 'a' * 64 + 'b')",)),
    Attack("giant-power", "hang in C code", ("x = 3 ** (10 ** 9)",)),
    Attack("memory", "use up the memory", ("import numpy as np\nx = [np.ones(2**26) for _ in range(64)]",)),
    Attack(
        "memory-of-children",
        "use up the memory in many processes",
        (
            "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n"
            "        kept = os.urandom(1 << 20) * 100\n        time.sleep(100)\ntime.sleep(100)",
        ),
    ),
    Attack("fork-bomb", "use up the processes", ("import os\nwhile True:\n    os.fork()",)),
    Attack("shell-bomb", "use up the processes", ("!bomb() { bomb | bomb & }; bomb; sleep 100",)),
    Attack(
        "thread-bomb",
        "use up the threads",
        ("import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(100,)).start()",),
    ),
    Attack(
        "busy-children", "use up the processor", ("import os\nfor _ in range(3):\n    os.fork()\nwhile True: pass",)
    ),
    Attack("deep-recursion", "crash the stack", ("import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",)),
)

OUTPUT = table(
    Attack("print-flood", "fill the report", ("while True: print('@TOKEN@' * 1000)",)),
    Attack("descriptor-flood", "fill the report", ("import os\nwhile True: os.write(1, b'x' * 65536)",)),
    Attack("shell-flood", "fill the report", ("!yes",)),
    Attack("display-flood", "fill the report", ("for number in range(10**5): display(number)",)),
    Attack(
        "figure-flood",
        "fill the report",
        ("import matplotlib.pyplot as plt\nfor n in range(200):\n    plt.plot([n]); plt.show()",),
    ),
    Attack(
        "giant-figure",
        "use up memory when drawing",
        ("import matplotlib.pyplot as plt\nplt.figure(figsize=(10**5, 10**5))\nplt.plot([1])\nplt.show()",),
    ),
    Attack(
        "giant-picture",
        "fill the report",
        ("from IPython.display import Image\ndisplay(Image(data=b'\\x89PNG' + bytes(30 << 20), format='png'))",),
    ),
    Attack(
        "picture-bomb",
        "use up the reader's memory",
        (
            "import struct, zlib\n"
            "def chunk(kind, data): return struct.pack('>I', len(data)) + kind + data"
            " + struct.pack('>I', zlib.crc32(kind + data))\n"
            "head = chunk(b'IHDR', struct.pack('>IIBBBBB', 30000, 30000, 8, 0, 0, 0, 0))\n"
            "bomb = b'\\x89PNG\\r\\n\\x1a\\n' + head + chunk(b'IDAT', zlib.compress(bytes(30001 * 300))) + chunk(b'IEND', b'')\n"
            "from IPython.display import Image\ndisplay(Image(data=bomb))",
        ),
    ),
    Attack("giant-file", "fill the disk", ("open('big', 'wb').write(bytes(1 << 30))",)),
    Attack(
        "many-files",
        "use up the disk's index",
        ("import itertools\nfor n in itertools.count():\n    open(f'f{n}', 'w').close()",),
    ),
    Attack(
        "deep-folders", "break the cleaning up", ("import os\nfor n in range(3000):\n    os.mkdir('d'); os.chdir('d')",)
    ),
    Attack(
        "long-paths",
        "break the copying between questions",
        ("import os\nfor n in range(40):\n    os.mkdir('d' * 200); os.chdir('d' * 200)\nopen('f', 'w').close()",),
    ),
    Attack(
        "locked-folders",
        "break the cleaning up",
        (
            "import os\nos.makedirs('a/b/c')\nopen('a/b/c/f', 'w').close()\nfor d in ('a/b/c', 'a/b', 'a'): os.chmod(d, 0)",
        ),
    ),
    Attack("open-files", "use up the descriptors", ("kept = []\nwhile True: kept.append(open('/dev/null'))",)),
    Attack("name-flood", "slow the questions down", ("globals().update({f'n{i}': [] for i in range(10**5)})",)),
)

ANSWERS = table(
    Attack("answer-never-comes", "hang the batch", (f"def double(x):\n{_ENDLESS}\ndef total(x):\n    return 0",)),
    Attack("answer-sleeps-deaf", "hang the batch", (_BLOCK + "import time\ndef double(x): time.sleep(1000)",)),
    Attack(
        "answer-kills", "end the worker", ("import os, signal\ndef double(x): os.kill(os.getpid(), signal.SIGKILL)",)
    ),
    Attack(
        "answer-stops", "stop the worker", ("import os, signal\ndef double(x): os.kill(os.getpid(), signal.SIGSTOP)",)
    ),
    Attack(
        "answer-broadcast",
        "use up the grader's memory",
        ("import numpy as np\ndef double(x): return np.broadcast_to(0.0, (10**6, 10**6))",),
    ),
    Attack(
        "answer-deep",
        "break the grader's stack",
        ("def double(x):\n    found = []\n    for _ in range(10**5): found = [found]\n    return found",),
    ),
    Attack(
        "answer-cyclic",
        "hang the reader",
        ("def double(x):\n    found = []\n    found.append(found)\n    return found",),
    ),
    Attack("answer-generator", "hang the reader", ("import itertools\ndef double(x): return itertools.count()",)),
    Attack(
        "answer-endless-sequence",
        "hang the reader",
        (
            "class Endless(list):\n    def __iter__(self): return iter(int, 1)\n    def __len__(self): return 2**62\n"
            "def double(x): return Endless()",
        ),
    ),
    Attack("answer-giant-number", "slow the reader down", ("def double(x): return 7 ** (10**6)",)),
    Attack("answer-giant-text", "use up the grader's memory", ("def double(x): return 'x' * (200 << 20)",)),
    Attack(
        "answer-many-objects", "use up the grader's memory", ("def double(x): return [object() for _ in range(10**6)]",)
    ),
    Attack(
        "exception-giant",
        "fill the report",
        (
            "def double(x): raise ValueError('@TOKEN@' * 10**6)\ndef total(x): raise type('E' * 10**6, (Exception,), {})()",
        ),
    ),
    Attack(
        "exception-that-hangs",
        "hang when it is told",
        (
            "class Stuck(Exception):\n    def __str__(self):\n        while True: pass\n    __repr__ = __str__\n"
            "def double(x): raise Stuck\nraise Stuck",
        ),
    ),
    Attack(
        "exception-chain",
        "hang when it is told",
        (
            "def double(x):\n    error = ValueError()\n    error.__cause__ = error\n    error.__context__ = error\n    raise error",
        ),
    ),
    Attack(
        "finalizer-loop",
        "hang at the end",
        ("class Stuck:\n    def __del__(self):\n        while True: pass\nx = Stuck()",),
    ),
    Attack("atexit-loop", "hang at the end", ("import atexit, time\natexit.register(time.sleep, 1000)",)),
)
