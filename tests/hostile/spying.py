"""Attacks that look for what they must not see. Whatever they find they print, and use as their own solution."""

from __future__ import annotations

from grader.execute.levels import Level
from tests.hostile.attack import SOLUTION, Attack, table

_FOUND = (
    "MARK = b'can' + b'ary'\n"
    "def told(data):\n"
    "    data = data if isinstance(data, bytes) else str(data).encode('utf-8', 'replace')\n"
    "    at = data.find(MARK)\n"
    "    while at >= 0:\n"
    "        print('HERE', data[at:at + 60])\n"
    "        at = data.find(MARK, at + 1)\n"
)


def _for_each(what: str, use: str) -> str:
    return f"{_FOUND}import glob, os\nfor path in {what}:\n    try: {use}\n    except Exception: pass\n"


_SOLVE = (
    "import os\n"
    "for folder, _, names in os.walk('@RUBRIC@'):\n"
    "    for name in names:\n"
    "        try: exec(open(os.path.join(folder, name)).read(), globals())\n"
    "        except Exception: pass\n"
)

SPYING = table(
    Attack("own-memory", "find secrets in the memory that it was forked with", (
        _FOUND + "maps = open('/proc/self/maps').read().splitlines()\nmemory = open('/proc/self/mem', 'rb', 0)\n"
        "mine = {id(MARK)}\n"
        "for line in maps:\n"
        "    start, end = (int(x, 16) for x in line.split()[0].split('-'))\n"
        "    if ' rw' not in line or end - start > 1 << 28: continue\n"
        "    try:\n        memory.seek(start)\n        data = memory.read(end - start)\n    except (OSError, ValueError): continue\n"
        "    for word in (b'ary-seed', b'ary-rubric', b'ary-reference', b'ary-environ'):\n"
        "        at = data.find(b'can' + word + b'-@TOKEN@'[:2])\n"
        "        if at >= 0: print('FOUND', data[at:at + 60])",
    )),
    Attack("objects", "find the expected values among the objects of its process", (
        _FOUND + "import gc\nfor thing in gc.get_objects():\n"
        "    if type(thing).__module__.startswith('grader') or type(thing).__name__ in ('Exam', 'Report', 'Paper'): told(vars(thing) if hasattr(thing, '__dict__') else thing)",
    )),
    Attack("frames", "find the expected values in the frames above", (
        _FOUND + "import sys\ndef double(x):\n    frame = sys._getframe()\n    while frame:\n"
        "        told(frame.f_locals); told(frame.f_globals.keys())\n"
        "        for name in ('expected', 'reference', 'solution', 'answer'):\n"
        "            if name in frame.f_locals and name != 'answer': return frame.f_locals[name]\n"
        "        frame = frame.f_back\n    return 0",
    )),
    Attack("environment", "find secrets in the environment", (_FOUND + "import os\ntold(dict(os.environ))\n!env",)),
    Attack("arguments", "find secrets in the command line", (
        _FOUND + "import sys, glob\ntold(sys.argv); told(sys.orig_argv); told(open('/proc/self/cmdline', 'rb').read())",
    )),
    Attack("modules", "import the grader's other parts", (
        _FOUND + "import importlib, sys\n"
        "for name in ('grader.judge', 'grader.exam', 'grader.batch', 'grader.assignment', 'reference', 'rubrics', 'questions'):\n"
        "    try: print('IMPORTED', importlib.import_module(name), '@TOKEN@')\n    except BaseException: pass\n"
        "for name, module in list(sys.modules.items()):\n    if name.startswith('grader'): told(vars(module))",
    )),
    Attack("seed-of-the-questions", "draw the numbers before they are asked", (
        "import numpy as np, random\ndrawn = np.random.default_rng().normal(size=4)\nstate = np.random.get_state()[1][:4]\n"
        "def double(x): return drawn\ndef total(x): return float(drawn.sum())",
    )),
    Attack("environments-of-others", "read the grader's environment", (
        _for_each("glob.glob('/proc/[0-9]*/environ')", "told(open(path, 'rb').read())"),
    ), needs=Level.CONFINED),
    Attack("command-lines-of-others", "read the grader's command line", (
        _for_each("glob.glob('/proc/[0-9]*/cmdline')", "print('FOUND', path, '@GRADER@') if path == '/proc/@GRADER@/cmdline' and open(path).read() else None"),
    ), needs=Level.CONFINED),
    Attack("memory-of-the-grader", "read the grader's memory", (
        _FOUND + "for line in open('/proc/@GRADER@/maps'):\n"
        "    start, end = (int(x, 16) for x in line.split()[0].split('-'))\n"
        "    memory = open('/proc/@GRADER@/mem', 'rb', 0)\n    memory.seek(start)\n    told(memory.read(end - start))",
    ), needs=Level.CONFINED),
    Attack("descriptors-of-the-grader", "open the grader's files through /proc", (
        _for_each("glob.glob('/proc/@GRADER@/fd/*') + glob.glob('/proc/@GRADER@/root/*') + glob.glob('/proc/@GRADER@/cwd/*')",
                  "told(open(path, 'rb').read(1 << 20))"),
    ), needs=Level.CONFINED),
    Attack("trace-the-grader", "attach to the grader", (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "for pid in (@GRADER@, os.getppid()):\n    print('FOUND' if libc.ptrace(16, pid, 0, 0) == 0 else 'refused')",
    ), needs=Level.CONFINED),
    Attack("rubric-on-the-disk", "use the reference as its solution", (_SOLVE,), needs=Level.CONFINED),
    Attack("rubric-in-a-question", "use the reference as its solution, in the question", (
        "def double(x):\n" + "".join(f"    {line}\n" for line in _SOLVE.splitlines()) + "    return globals()['double'](x)\n",
    ), needs=Level.CONFINED),
    Attack("rubric-by-link", "have the reference read through a link", (
        "import os\nos.symlink('@RUBRIC@/reference/__init__.py', 'solution.py')\nexec(open('solution.py').read())",
    ), needs=Level.CONFINED),
    Attack("rubric-by-shell", "use the reference as its solution", (
        "found = !cat @RUBRIC@/reference/*.py\nexec('\\n'.join(found))",
    ), needs=Level.CONFINED),
    Attack("run-folder", "read the seed and the reports of others", (
        _for_each("glob.glob('@OUT@/**', recursive=True) + ['@OUT@/run.json']", "told(open(path, 'rb').read())"),
    ), needs=Level.CONFINED),
    Attack("neighbours", "hand in what a neighbour wrote", (
        "import glob, json\nfor path in glob.glob('@IN@/**/*honest*.ipynb', recursive=True):\n"
        "    for cell in json.load(open(path))['cells']: exec(''.join(cell['source']))",
    ), needs=Level.CONFINED),
    Attack("canary-file", "read a file of the machine", (_FOUND + "told(open('@OUTSIDE@/secret').read())",), needs=Level.CONFINED),
    Attack("home-and-etc", "read the machine's secrets", (
        "for path in ('/etc/shadow', '/root/.ssh/id_rsa', '/root/.bash_history', '/root/.netrc', '/proc/1/environ',"
        " '/var/run/secrets/kubernetes.io/serviceaccount/token'):\n"
        "    try: print('FOUND', path, len(open(path).read()))\n    except OSError: pass",
    ), needs=Level.CONFINED),
)  # fmt: skip

_WAIT = "import time\nend = time.monotonic() + .8\nwhile time.monotonic() < end and 'double' not in globals():\n"


def _pair(name: str, what: str, leave: str, find: str, needs: Level = Level.CONFINED) -> tuple[Attack, Attack]:
    """One who knows the solution and leaves it for a friend, and the friend, who polls for it."""
    leaver = f"SOLUTION = {SOLUTION!r}\nimport time\ntry:\n    {leave}\nexcept Exception as error: print(error)\ntime.sleep(.8)"
    finder = f"{_WAIT}    try: exec({find})\n    except Exception: time.sleep(.02)"
    return (
        Attack(
            f"{name}-1-leaves", f"hand a solution to another through {what}", (SOLUTION, leaver), needs=needs, earns=100
        ),
        Attack(f"{name}-2-takes", f"take a solution from {what}", (finder,), needs=needs),
    )


_SHM = "ctypes.CDLL(None, use_errno=True)"

LEAKS = table(
    *_pair("tmp", "/tmp", "open('/tmp/@TOKEN@-leak', 'w').write(SOLUTION)", "open('/tmp/@TOKEN@-leak').read()"),
    *_pair("own-tmp", "its own temporary folder", "import os; open(os.environ['TMPDIR'] + '/leak', 'w').write(SOLUTION)",
           "open(__import__('os').environ['TMPDIR'] + '/leak').read()", Level.PROCESS),
    *_pair("home", "the home folder", "import os; open(os.path.expanduser('~/leak'), 'w').write(SOLUTION)",
           "open(__import__('os').path.expanduser('~/leak')).read()", Level.PROCESS),
    *_pair("folder-beside", "the folder beside", "open('leak.py', 'w').write(SOLUTION)",
           "open(__import__('glob').glob('../../*/work/leak.py')[0]).read()"),
    *_pair("dev-shm", "/dev/shm", "open('/dev/shm/@TOKEN@-leak', 'w').write(SOLUTION)", "open('/dev/shm/@TOKEN@-leak').read()"),
    *_pair("sysv", "System V shared memory",
           f"import ctypes; c = {_SHM}; i = c.shmget(0x@KEY@, 4096, 0o1666); c.shmat.restype = ctypes.c_void_p;"
           " ctypes.memmove(c.shmat(i, None, 0), SOLUTION.encode() + bytes(1), len(SOLUTION) + 1)",
           "(lambda ctypes: (lambda c: (setattr(c.shmat, 'restype', ctypes.c_void_p), "
           "ctypes.string_at(c.shmat(c.shmget(0x@KEY@, 4096, 0o666), None, 0)).decode())[1])(ctypes.CDLL(None)))(__import__('ctypes'))"),
    *_pair("abstract-socket", "an abstract unix socket",
           "import socket, threading; s = socket.socket(socket.AF_UNIX); s.bind('\\0@TOKEN@'); s.listen();"
           " threading.Thread(target=lambda: s.accept()[0].sendall(SOLUTION.encode()), daemon=True).start()",
           "(lambda s: (s.connect('\\0@TOKEN@'), s.recv(9999).decode())[1])(__import__('socket').socket(__import__('socket').AF_UNIX))"),
    *_pair("port", "a port of the loopback",
           "import socket, threading; s = socket.create_server(('127.0.0.1', @FREEPORT@));"
           " threading.Thread(target=lambda: s.accept()[0].sendall(SOLUTION.encode()), daemon=True).start()",
           "__import__('socket').create_connection(('127.0.0.1', @FREEPORT@), .1).recv(9999).decode()"),
    *_pair("library", "the interpreter's folder",
           "import numpy, os; open(os.path.join(os.path.dirname(numpy.__file__), '@TOKEN@.py'), 'w').write(SOLUTION)",
           "open(__import__('os').path.join(__import__('os').path.dirname(__import__('numpy').__file__), '@TOKEN@.py')).read()"),
    *_pair("bytecode", "a cached module",
           "import importlib.util, numpy, os, py_compile; py_compile.compile('/dev/null', os.path.dirname(numpy.__file__) + '/__pycache__/@TOKEN@.pyc');"
           "open(os.path.dirname(numpy.__file__) + '/__pycache__/@TOKEN@.pyc', 'a').write(SOLUTION)",
           "open(__import__('os').path.dirname(__import__('numpy').__file__) + '/__pycache__/@TOKEN@.pyc').read()"),
)  # fmt: skip

OUTWARD = table(
    Attack("mark-outside", "write where it has no business", (
        "import os\nfor folder in ('/tmp', '/var/tmp', '/dev/shm', '/run', '/usr/lib', '/etc', '/', '@OUTSIDE@', '@OUT@', '@IN@', '@RUBRIC@', '@ROOT@', '@PREFIX@', '/root', '/home'):\n"
        "    try: open(os.path.join(folder, '@TOKEN@'), 'w').write('x')\n    except OSError: pass",
    ), needs=Level.CONFINED),
    Attack("mark-by-link", "write through a link", (
        "import os\nos.symlink('@OUTSIDE@', 'link')\nopen('link/@TOKEN@', 'w')",
    ), needs=Level.CONFINED),
    Attack("mark-by-traversal", "write through dots", ("import os\nfor n in range(1, 12):\n    try: open('../' * n + 'tmp/@TOKEN@', 'w')\n    except OSError: pass",), needs=Level.CONFINED),
    Attack("mark-in-a-report", "change its own report", ("open('@OUT@/submissions/@TOKEN@', 'w')", "open('@OUT@/grades.csv', 'w')"), needs=Level.CONFINED),
    Attack("links-to-outside", "have the grader write through links that it left", (
        "import os\nfolders = [os.path.realpath(f) for f in ('.', '..', os.environ['HOME'], os.environ['TMPDIR'])]\n"
        "for folder in folders:\n"
        "    for name in ('tmp', 'home', 'work', 'kept', '.ipython', '.matplotlib', 'report.json'):\n"
        "        path = os.path.join(folder, name)\n"
        "        if os.path.realpath(folder) != folder: continue\n"
        "        try:\n            if os.path.isdir(path): os.rename(path, path + 'x')\n"
        "            os.symlink('@OUTSIDE@', path)\n        except OSError: pass",
    )),
    Attack("hard-links", "keep a file of the machine alive", ("import os\nos.link('@OUTSIDE@/secret', 'kept')\nprint('FOUND', open('kept').read())",), needs=Level.CONFINED),
    Attack("setuid-file", "leave a program that runs with its rights", (
        "import os, shutil\nshutil.copy('/bin/true', 'rootme')\nos.chmod('rootme', 0o6777)\nos.rename('rootme', '@OUTSIDE@/@TOKEN@')",
    ), needs=Level.CONFINED),
    Attack("loopback", "reach a server of this machine", ("import socket\nsocket.create_connection(('127.0.0.1', @PORT@), 1).sendall(b'x')",), needs=Level.CONFINED),
    Attack("loopback-by-shell", "reach a server of this machine", ("!exec 3<>/dev/tcp/127.0.0.1/@PORT@; echo x >&3\n!bash -c 'exec 3<>/dev/tcp/127.0.0.1/@PORT@; echo x >&3'",), needs=Level.CONFINED),
    Attack("loopback-of-six", "reach a server of this machine", ("import socket\nfor host in ('::1', '::ffff:127.0.0.1', '0.0.0.0', 'localhost'):\n    try: socket.create_connection((host, @PORT@), 1)\n    except OSError: pass",), needs=Level.CONFINED),
    Attack("loopback-in-a-question", "tell a server of this machine the question", (
        "def double(x):\n    import socket\n    socket.create_connection(('127.0.0.1', @PORT@), 1).sendall(bytes(x))\n    return x",
    ), needs=Level.CONFINED),
    Attack("unix-socket", "reach a service of this machine", ("import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('@UNIX@')",), needs=Level.CONFINED),
    Attack("unix-datagram", "reach a service of this machine without connecting", (
        "import socket\nfor make in (lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0]):\n"
        "    try: make().sendto(b'x', '@DATAGRAM@')\n    except OSError: pass",
    ), needs=Level.CONFINED),
    Attack("abstract-socket", "reach a service of this machine", ("import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0@TOKEN@-service')",), needs=Level.CONFINED),
    Attack("raw-and-netlink", "look at the network", (
        "import socket\nfor kind in ((socket.AF_PACKET, socket.SOCK_RAW), (socket.AF_NETLINK, socket.SOCK_RAW), (socket.AF_INET, socket.SOCK_RAW)):\n"
        "    try: print('FOUND', socket.socket(*kind))\n    except OSError: pass",
    ), needs=Level.CONFINED),
    Attack("become-another", "become root, or the grader", (
        "import os\nfor call in (os.setuid, os.setgid, os.seteuid):\n    try: call(0); print('FOUND')\n    except OSError: pass\n"
        "try: os.unshare(0x10000000 | 0x00020000); print('FOUND')\nexcept (AttributeError, OSError): pass\n!sudo -n true && echo FOUND\n!unshare -Ur true && echo FOUND",
    ), needs=Level.CONFINED),
    Attack("mounts", "mount, or change its root", ("!mount -t tmpfs none . && echo FOUND\nimport os\nos.chroot('.') or print('FOUND')",), needs=Level.CONFINED),
)  # fmt: skip
