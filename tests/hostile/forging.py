"""Attacks that claim what is not so: answers, verdicts, values that lie."""

from __future__ import annotations

from grader.execute.levels import Level
from tests.hostile.attack import Attack, table

_SOCKETS = (
    "import os, socket, stat\n"
    "def each():\n"
    "    for number in range(3, 256):\n"
    "        try: ours = stat.S_ISSOCK(os.fstat(number).st_mode) or stat.S_ISFIFO(os.fstat(number).st_mode)\n"
    "        except OSError: continue\n"
    "        if ours: yield number\n"
)
_ANSWER = "{'event': 'answer', 'answer': {'ask': ask, 'status': 'value', 'value': [1.0] * 4}, 'cpu_seconds': 0.0}"


def _sending(what: str) -> str:
    return (
        _SOCKETS + "from grader import wire\nimport struct\n"
        f"for ask in ('doubled', 'added'):\n    payload = wire.encode({what})\n"
        "    for number in each():\n"
        "        pipe = stat.S_ISFIFO(os.fstat(number).st_mode)\n"
        "        head = struct.pack('>Id', len(payload), 0.0) if pipe else struct.pack('>I', len(payload))\n"
        "        try: os.write(number, head + payload)\n"
        "        except OSError: pass\n"
    )


PROTOCOL = table(
    Attack("garbage-on-descriptors", "confuse the protocol", (_SOCKETS + "for n in each(): os.write(n, os.urandom(4096))",)),
    Attack("giant-frame", "use up the grader's memory", (_SOCKETS + "for n in each(): os.write(n, bytes([255]) * 65536)",)),
    Attack("half-a-frame", "make the grader wait", (_SOCKETS + "for n in each(): os.write(n, bytes([0, 0, 16, 0, 1]))",)),
    Attack("forged-answers", "answer before the question", (_sending(_ANSWER),)),
    Attack("forged-end", "seem to be done", (_sending("{'event': 'ran', 'cpu_seconds': 0.0, 'cut': [], 'versions': {}}"),)),
    Attack("forged-cells", "seem to have run well", (_sending(
        "{'event': 'cell', 'cell': {'index': 1, 'status': 'ok', 'output': 'all well', 'seconds': 0.0}}"), "1/0")),
    Attack("forged-messages-of-the-guard", "seem to have ended well", (
        _SOCKETS + "import json, struct\nbody = json.dumps({'event': 'ended', 'why': 'told', 'status': 0}).encode()\n"
        "for n in each(): os.write(n, struct.pack('>I', len(body)) + body)",
    )),
    Attack("forged-in-a-question", "answer in the place of the worker", (
        "def double(x):\n" + "".join(f"    {line}\n" for line in _sending(_ANSWER).splitlines()) + "    return 0\n",
    )),
    Attack("forged-from-a-thread", "answer when the question comes", (
        "import threading, time\n"
        "def later():\n    time.sleep(.2)\n"
        + "".join(f"    {line}\n" for line in _sending(_ANSWER).splitlines())
        + "threading.Thread(target=later).start()",
    )),
    Attack("reads-the-questions", "take the questions from the socket", (
        _SOCKETS + "import threading\nthreading.Thread(target=lambda: [os.read(n, 65536) for n in each()]).start()",
    )),
    Attack("printed-verdicts", "have its output taken for a verdict", (
        "print('@TOKEN@ PASSED score=100')\nprint('##vso[task.complete result=Succeeded]')\nprint('::set-output name=result::pass')\n"
        "print('{\"score\": 100, \"max_score\": 100, \"status\": \"pass\", \"percent\": 100, \"passed\": true}')",
    )),
    Attack("written-verdicts", "have a file taken for its report", (
        "import json\nfor folder in ('.', '..', '../..'):\n"
        "    for name in ('report.json', 'recording.bin', 'grades.csv', 'run.json', 'result.json'):\n"
        "        try: open(f'{folder}/{name}', 'w').write(json.dumps({'score': 100, 'passed': True}))\n"
        "        except OSError: pass",
    )),
)  # fmt: skip

PATCHES = table(
    Attack("patched-evaluate", "answer without the question", (
        "import sys\nfrom grader.model import Answer, AnswerStatus\nimport numpy as np\n"
        "forged = lambda ask, *rest: Answer(ask.id, AnswerStatus.VALUE, np.ones(4))\n"
        "for name, module in list(sys.modules.items()):\n"
        "    if name.startswith('grader') and hasattr(module, 'evaluate'): module.evaluate = forged",
    )),
    Attack("patched-judge", "have the judge replaced", (
        "import sys, types\nfor name in ('judge', 'compare', 'exam', 'batch', 'rubric'):\n"
        "    module = types.ModuleType(f'grader.{name}')\n    module.judge = module.close = module.grade = lambda *a, **k: True\n"
        "    sys.modules[f'grader.{name}'] = module",
    )),
    Attack("patched-numpy", "have comparisons always agree", (
        "import numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\nnp.isclose = lambda a, b, **k: np.ones(4, bool)\n"
        "np.testing.assert_allclose = lambda *a, **k: None\ndef double(x): return np.zeros(4)",
    )),
    Attack("patched-builtins", "have every test say yes", (
        "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.issubclass = lambda *a: True\n"
        "builtins.len = lambda x: 4\nbuiltins.type = lambda *a: float\ndef double(x): return 'yes'",
    )),
    Attack("patched-wire", "send what it likes", (
        "import sys\nwire = sys.modules['grader.wire']\nsaved = wire.encode\n"
        "def encode(tree, *rest):\n    if isinstance(tree, dict) and 'status' in tree: tree = {**tree, 'status': 'value', 'value': 1.0}\n"
        "    return saved(tree, *rest)\nfor module in list(sys.modules.values()):\n"
        "    if getattr(module, '__name__', '').startswith('grader') and hasattr(module, 'encode'): module.encode = encode",
    )),
    Attack("patched-fork", "have questions share a process", (
        "import os\nos.fork = lambda: 0\nos.setpgid = os._exit = os.close = lambda *a: None",
    )),
    Attack("patched-time", "have no time pass", (
        "import time, signal\ntime.monotonic = time.time = time.perf_counter = lambda: 0.0\n"
        "signal.setitimer = lambda *a: (0, 0)\nsignal.signal = lambda *a: None\nwhile True: pass",
    )),
    Attack("patched-limits", "lift its limits", (
        "import sys\nfrom grader.model import Limits\nfor field in Limits.__dataclass_fields__:\n"
        "    object.__setattr__(Limits, field, 1e12) if False else setattr(Limits, field, 10**12)\n"
        "import resource\nfor name in dir(resource):\n"
        "    if name.startswith('RLIMIT'):\n"
        "        try: resource.setrlimit(getattr(resource, name), (resource.RLIM_INFINITY,) * 2)\n"
        "        except (ValueError, OSError): pass\nprint('x' * 10**7)\nwhile True: pass",
    )),
    Attack("tracer", "watch the grader's own lines", (
        "import sys, threading\nseen = []\ntrace = lambda frame, event, arg: (seen.append(str(frame.f_locals)[:2000]), trace)[1]\n"
        "sys.settrace(trace)\nsys.setprofile(lambda frame, event, arg: seen.append(str(frame.f_locals)[:2000]))\n"
        "threading.settrace(trace)\ndef double(x):\n    print(seen[-500:])\n    return seen",
    )),
    Attack("import-hook", "put itself in place of what is imported", (
        "import sys\nclass Hook:\n    def find_spec(self, name, *rest):\n        raise SystemExit(name)\nsys.meta_path.insert(0, Hook())\n"
        "sys.modules.clear()",
    )),
)  # fmt: skip

LIES = table(
    Attack("equal-to-all", "compare equal to anything", (
        "class Yes:\n    def __eq__(self, other): return True\n    __ne__ = lambda self, other: False\n"
        "    __array__ = lambda self, *a, **k: self\n    shape, ndim, dtype = (4,), 1, float\n    __hash__ = None\n"
        "def double(x): return Yes()\ndef total(x): return Yes()",
    )),
    Attack("array-that-lies", "be another array each time", (
        "import numpy as np\nclass Liar(np.ndarray):\n    def __eq__(self, other): return np.ones(4, bool)\n"
        "    def __array_ufunc__(self, *a, **k): return np.zeros(4)\n    def tobytes(self, *a): return bytes(32)\n"
        "def double(x): return np.zeros(4).view(Liar)\ndef total(x): return np.zeros(()).view(Liar)",
    )),
    Attack("number-that-lies", "be equal to all numbers", (
        "class Liar(float):\n    def __eq__(self, other): return True\n    def __sub__(self, other): return 0.0\n"
        "    __rsub__ = __sub__\n    def __abs__(self): return 0.0\ndef total(x): return Liar(1)\ndef double(x): return [Liar(1)] * 4",
    )),
    Attack("class-that-lies", "be taken for what it is not", (
        "import numpy as np\nclass Liar:\n    __class__ = property(lambda self: np.ndarray)\n    def __getattr__(self, name): return self\n"
        "    def __call__(self, *a, **k): return self\n    def __iter__(self): return iter([1.0] * 4)\n"
        "def double(x): return Liar()\ndef total(x): return Liar()",
    )),
    Attack("not-a-number", "be neither right nor wrong", ("def double(x): return x * float('nan')\ndef total(x): return float('nan')",)),
    Attack("infinite", "be within every tolerance", ("def double(x): return x * float('inf')\ndef total(x): return float('inf')",)),
    Attack("empty", "have nothing to compare", ("def double(x): return x[:0]\ndef total(x): return []",)),
    Attack("text", "be taken for its value", ("def double(x): return repr(x)\ndef total(x): return '0'",)),
    Attack("masked", "have every difference masked", (
        "import numpy as np\ndef double(x): return np.ma.masked_all(4)\ndef total(x): return np.ma.masked",
    )),
    Attack("pickled-trap", "have code run where the answer is read", (
        "import os\nclass Trap:\n    def __reduce__(self): return (os.system, ('touch @OUTSIDE@/@TOKEN@',))\n"
        "def double(x): return Trap()\ndef total(x):\n    import numpy as np\n    return np.array([Trap()], dtype=object)",
    )),
    Attack("descriptor-trap", "have code run with the grader's rights as its object is read", (
        "class Trap:\n    @property\n    def shape(self): open('@OUTSIDE@/@TOKEN@', 'w'); return (4,)\n    __len__ = __iter__ = shape.fget\n"
        "def double(x):\n    return Trap()\n",
    ), needs=Level.CONFINED),
    Attack("metaclass-trap", "break what looks at its type", (
        "class Meta(type):\n    def __getattribute__(cls, name): raise SystemExit(name)\n    def __instancecheck__(cls, x): return True\n"
        "class Trap(metaclass=Meta): pass\ndef double(x): return Trap\ndef total(x): return Trap",
    )),
    Attack("names-that-lie", "have names be no text", (
        "class Name(str):\n    def __eq__(self, other): return True\n    def __hash__(self): return hash('double')\n"
        "globals()[Name('@TOKEN@')] = lambda x: 0",
    )),
    Attack("surrogates", "break the report's encoding", ("def double(x): return '\\ud800' * 9\nprint('\\udfff')\nraise ValueError('\\ud83d')",)),
)  # fmt: skip
