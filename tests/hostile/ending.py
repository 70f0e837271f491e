"""Attacks that end processes, or leave some."""

from __future__ import annotations

from grader.execute.levels import Level
from tests.hostile.attack import Attack, table

_DAEMON = (
    "import os, sys, time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0:\n"
    "        os.closerange(0, 64)\n"
    "        @THEN@\n"
    "    os._exit(0)\n"
)
_STAYS = "import sys, time\nos.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(999)', '@TOKEN@'])"

ENDING = table(
    Attack("exit", "end the worker", ("exit()", "quit()", "raise SystemExit(0)")),
    Attack("hard-exit", "end the worker as if all were well", ("import os; os._exit(0)",)),
    Attack("exit-in-every-cell", "end the worker again and again", ("import os; os._exit(0)",) * 6),
    Attack("segfault", "crash the worker", ("import ctypes; ctypes.string_at(0)",)),
    Attack("abort", "crash the worker", ("import os; os.abort()",)),
    Attack("kill-itself", "end the worker", ("import os; os.kill(os.getpid(), 9)",)),
    Attack("stop-itself", "stop the worker", ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",)),
    Attack("kill-its-group", "end more than itself", ("import os; os.killpg(0, 9)",)),
    Attack("replace-itself", "put another program in the worker's place", ("import os; os.execv('/bin/true', ['true'])",)),
    Attack("exit-later", "end the worker during a question", ("import os, threading; threading.Timer(.3, os._exit, [0]).start()",)),
    Attack("close-everything", "silence the worker", ("import os; os.closerange(0, 1024)",)),
    Attack(
        "kill-the-parent", "end the guard", ("import os, time; os.kill(os.getppid(), 9); time.sleep(1)",),
        needs=Level.CONFINED,
    ),
    Attack("kill-all", "end every process of the user", ("import os; os.kill(-1, 9)",), needs=Level.CONFINED),
    Attack("kill-the-grader", "end the batch", ("import os; os.kill(@GRADER@, 9)",), needs=Level.CONFINED),
    Attack("stop-the-grader", "stop the batch", ("import os; os.kill(@GRADER@, 19)",), needs=Level.CONFINED),
    Attack("daemon", "stay after the end", (_DAEMON.replace("@THEN@", "time.sleep(999)"),)),
    Attack("daemon-of-another-name", "stay after the end", (_DAEMON.replace("@THEN@", _STAYS.replace("\n", "\n        ")),)),
    Attack("daemon-then-exit", "stay after the end", (_DAEMON.replace("@THEN@", "time.sleep(999)") + "os._exit(0)",)),
    Attack(
        "daemon-of-a-question",
        "stay after the end, or disturb the next question",
        ("def double(x):\n" + "".join(f"    {line}\n" for line in _DAEMON.replace("@THEN@", "time.sleep(999)").splitlines()),),
    ),
    Attack("child-with-a-token", "stay after the end", ("import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(999)', '@TOKEN@'], start_new_session=True)",)),
    Attack("shell-in-the-background", "stay after the end", ("!nohup sleep 999 >/dev/null 2>&1 & disown",)),
    Attack("fork-and-both-go-on", "answer twice", ("import os; os.fork()", "def double(x): return x")),
    Attack("fork-and-parent-goes", "go on in the child", ("import os\nif os.fork(): os._exit(0)", "def double(x): return x")),
    Attack(
        "writes-after-the-end",
        "write outside once nobody looks",
        (_DAEMON.replace("@THEN@", "time.sleep(3); open('@OUTSIDE@/@TOKEN@', 'w')"),),
    ),
    Attack("respawns", "stay after the end, by starting anew as it is killed", (
        "import os, signal\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        while True:\n"
        "            if os.fork() == 0: continue\n"
        "            os._exit(0)\n",
    )),
)  # fmt: skip
