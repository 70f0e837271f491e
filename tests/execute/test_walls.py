"""What student code tries in vain: the machine, its secrets, its network, other processes, the graders's own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.execute import processes
from grader.execute.isolation import Level, lacking
from grader.model import AnswerStatus, CellStatus
from tests.execute.conftest import Bench

ROOT = Path(__file__).resolve().parents[2]

FORBIDDEN = {
    "shadow": "open('/etc/shadow').read()",
    "passwords of others": "open('/root/.ssh/id_rsa').read()",
    "environment of process 1": "assert open('/proc/1/environ').read()",
    "environment of the grader": f"assert open('/proc/{os.getpid()}/environ').read()",
    "command line of the grader": f"assert b'pytest' in open('/proc/{os.getpid()}/cmdline', 'rb').read()",
    "repository": f"open({str(ROOT / 'pyproject.toml')!r}).read()",
    "rubrics": "import rubrics",
    "judge": "import grader.judge",
    "kernel log": "open('/dev/kmsg').read(1)",
    "disk": "import os; os.open('/dev/vda', os.O_RDONLY); os.open('/dev/sda', os.O_RDONLY)",
    "mode of another's file": f"import os; os.chmod({str(ROOT / 'pyproject.toml')!r}, 0o600)",
    "time of another's file": f"import os; os.utime({str(ROOT / 'pyproject.toml')!r}, (0, 0))",
    "cut another's file off": f"import os; os.truncate({str(ROOT / 'pyproject.toml')!r}, 0)",
    "cut it off by reading": f"import os; os.open({str(ROOT / 'pyproject.toml')!r}, os.O_RDONLY | os.O_TRUNC)",
    "write to the system": "open('/usr/lib/mark', 'w')",
    "write to the interpreter": "import sys; open(sys.prefix + '/mark', 'w')",
    "write to the root": "open('/mark', 'w')",
    "write to shared memory of the machine": "open('/run/lock/mark', 'w')",
    "internet": "import socket; socket.create_connection(('93.184.216.34', 80), 3)",
    "loopback server": "import socket; socket.create_server(('127.0.0.1', 0))",
    "unix socket": "import socket; socket.socket(socket.AF_UNIX).connect('/run/systemd/private')",
    "abstract socket": "import socket; socket.socket(socket.AF_UNIX).bind('\\0mark')",
    "raw socket": "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "datagrams to a path": "import socket; socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "netlink": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "signal to the grader": f"import os; os.kill({os.getpid()}, 0)",
    "set the clock": "import time; time.clock_settime(time.CLOCK_REALTIME, 0)",
    "become root": "import os; os.setuid(0)",
    "own a file for root": "import os; open('a', 'w'); os.chown('a', 0, 0)",
    "device node": "import os, stat; os.mknod('d', 0o600 | stat.S_IFBLK, os.makedev(8, 0))",
    "memory file": "import os; os.memfd_create('x')",
    "raise a limit": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))",
    "extended attribute": "import os; open('a', 'w'); os.setxattr('a', 'user.x', b'1')",
    "change the root": "import os; os.chroot('.')",
}

CALLS = {  # x86-64 and generic numbers: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h
    "unshare": (272, 97, 0x10000000),
    "mount": (165, 40, 0),
    "ptrace": (101, 117, 0),
    "bpf": (321, 280, 0),
    "io_uring_setup": (425, 425, 1),
    "userfaultfd": (323, 282, 0),
    "keyctl": (250, 219, 0),
    "perf_event_open": (298, 241, 0),
    "process_vm_readv": (310, 270, os.getpid()),
    "shmget": (29, 194, 0),
    "personality": (135, 92, 0x0040000),
    "clone with namespaces": (56, 220, 0x10000000),
}


@pytest.fixture
def walled(bench: Bench) -> Bench:
    if not bench.walled:
        pytest.skip("promised from the level `confined` on")
    return bench


@pytest.mark.parametrize("source", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_out_of_reach(walled: Bench, source: str) -> None:
    found = walled.record(source)
    assert found.harness_error is None
    assert found.cells[0].status is CellStatus.ERROR
    assert found.cells[0].error is not None
    assert found.cells[0].error.type != "NameError"


@pytest.mark.parametrize("numbers", CALLS.values(), ids=CALLS.keys())
def test_system_calls_are_refused(walled: Bench, numbers: tuple[int, int, int]) -> None:
    source = (
        "import ctypes, errno, platform\n"
        f"number = {numbers[:2]!r}[platform.machine() == 'aarch64']\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        f"print(libc.syscall(number, {numbers[2]}, 0, 0, 0, 0, 0), errno.errorcode[ctypes.get_errno()])"
    )
    found = walled.record(source)
    assert found.cells[0].output == "-1 EPERM\n", found.cells[0]


def test_a_listening_server_is_not_reached(walled: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = walled.record(f"import socket; socket.create_connection(('127.0.0.1', {port}), 3)")
    assert found.cells[0].status is CellStatus.ERROR


def test_files_of_the_grader_are_not_seen(walled: Bench, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("canary-1234", encoding="ascii")
    for folder in (tmp_path, *tmp_path.parents[:3]):
        with contextlib.suppress(PermissionError):
            folder.chmod(folder.stat().st_mode | 0o055)
    found = walled.record(f"print(open({str(tmp_path / 'report')!r}).read())", f"open({str(tmp_path / 'm')!r}, 'w')")
    assert [run.status for run in found.cells] == [CellStatus.ERROR] * 2
    assert "canary" not in repr(found)
    assert not (tmp_path / "m").exists()


def test_no_capability_is_left(walled: Bench) -> None:
    found = walled.record("print(open('/proc/self/status').read())")
    lines = dict(line.split(":\t", 1) for line in found.cells[0].output.splitlines() if ":\t" in line)
    allowed = (0,) if walled.level is Level.NAMESPACES else (0, 1 << 2)  # CAP_DAC_READ_SEARCH, held by Landlock
    assert int(lines["CapEff"], 16) in allowed
    assert lines["NoNewPrivs"].strip() == "1"
    assert lines["Seccomp"].strip() == "2"


def test_no_descriptor_is_inherited_but_the_socket(bench: Bench) -> None:
    source = (
        "import os\nfound = []\n"
        "for number in range(3, 256):\n"
        "    try: found.append(os.readlink(f'/proc/self/fd/{number}'))\n"
        "    except OSError: pass\n"
        "print(found)"
    )
    found = bench.record(source)
    links = eval(found.cells[0].output)  # noqa: S307  our own list
    assert sum(link.startswith("socket:") for link in links) <= 3  # ours, and the event loop's pair
    assert not [link for link in links if link.startswith("/") and link != "/dev/null"]


def test_environment_is_not_the_graders(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_SECRET_CANARY", "canary-5678")
    found = bench.record(
        "import os, subprocess\nprint(dict(os.environ))\nprint(subprocess.run(['env'], capture_output=True))"
    )
    assert found.cells[0].status is CellStatus.OK
    assert "canary" not in repr(found).lower()


def test_only_its_own_processes_are_seen(bench: Bench) -> None:
    if bench.level is not Level.NAMESPACES:
        pytest.skip("promised at the level `namespaces`")
    found = bench.record("import os; print(len([name for name in os.listdir('/proc') if name.isdigit()]))")
    assert int(found.cells[0].output) <= 2


def test_only_its_own_files_can_be_written(bench: Bench) -> None:
    if bench.level is not Level.NAMESPACES:
        pytest.skip("promised at the level `namespaces`")
    source = (
        "import os\nfound = []\n"
        "for folder, _, _ in os.walk('/'):\n"
        "    if folder.startswith('/proc'): continue\n"
        "    try: open(folder + '/.mark', 'w').close(); found.append(folder)\n"
        "    except OSError: pass\n"
        "print(sorted(found))"
    )
    found = bench.record(source, cell_seconds=60)
    assert all(folder.startswith("/box/student") for folder in eval(found.cells[0].output))  # noqa: S307


def test_disk_is_limited(bench: Bench) -> None:
    source = "import os, time\nfor number in range(100):\n    open(f'f{number}', 'wb').write(os.urandom(1 << 20))\n"
    found = bench.record(source + "time.sleep(20)", "def f(): return 1", ask=("f",), cell_seconds=30)
    assert found.cells[0].error is not None
    if bench.level is Level.NAMESPACES:
        assert found.cells[0].status is CellStatus.ERROR
        assert "space" in found.cells[0].error.message
    else:
        assert found.cells[0].status is CellStatus.DIED
        assert any("MiB of files" in text for text in found.cut)
    assert found.answers["f"].status is AnswerStatus.VALUE


def test_links_do_not_lead_the_guard_astray(walled: Bench, tmp_path: Path) -> None:
    """The guard may read and write more than student code: a link in the place of a folder must not lend it that."""
    (tmp_path / "secret").write_text("canary-9876", encoding="ascii")
    source = (
        "import os, shutil\nhere = os.getcwd()\nos.chdir('/')\nshutil.rmtree(here, ignore_errors=True)\n"
        f"for path in (here, here + '/sub'):\n    try: os.symlink({str(tmp_path)!r}, path)\n    except OSError: pass"
    )
    functions = (
        "import glob, os\n"
        "def f():\n    found = []\n    for path in glob.glob(os.environ['HOME'] + '/../**/secret', recursive=True):\n"
        "        try: found.append(open(path).read())\n        except OSError: pass\n    return found\n"
        "def g(): return f()"
    )
    found = walled.record(source, functions, ask=("f", "g"))
    assert [answer.value for answer in found.answers.values()] == [[], []]
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_thread_that_swaps_files_for_links_gains_nothing(walled: Bench, tmp_path: Path) -> None:
    source = (
        "import os, threading\nhere = os.getcwd()\nopen('a', 'w').write('overwritten')\nos.mkdir('d')\n"
        "open('d/a', 'w').write('overwritten')\n"
        "def swap():\n    while True:\n"
        f"        for path, target in ((here + '/a', {str(tmp_path / 'a')!r}), (here + '/d', {str(tmp_path)!r})):\n"
        "            try: os.rename(path, path + 'x')\n            except OSError: pass\n"
        "            try: os.symlink(target, path)\n            except OSError: pass\n"
        "threading.Thread(target=swap, daemon=True).start()"
    )
    names = [f"f{number}" for number in range(8)]
    functions = "\n".join(f"def {name}(): return 1" for name in names)
    found = walled.record(source, functions, ask=tuple(names))
    assert found.harness_error is None
    assert list(tmp_path.iterdir()) == []


def test_one_submission_finds_nothing_of_another(bench: Bench) -> None:
    bench.record(
        "import os\nfor folder in ('.', os.environ['TMPDIR'], os.environ['HOME']):\n    open(folder + '/left', 'w')"
    )
    source = (
        "import os\nfound = [name for folder in ('.', os.environ['TMPDIR'], os.environ['HOME'])"
        " for name in os.listdir(folder) if name == 'left']\nprint(found)"
    )
    assert bench.record(source).cells[0].output == "[]\n"


def test_two_running_submissions_do_not_meet(walled: Bench) -> None:
    """One waits with a file and a child; the other looks for both wherever it can."""
    waiting = "open('canary.mark', 'w').write('x')\nimport time\ntime.sleep(2)"
    looking = (
        "import glob, os\nfound = []\n"
        "for path in glob.glob('/tmp/**/canary.mark', recursive=True) + glob.glob(os.path.dirname(os.path.dirname("
        "os.getcwd())) + '/**/canary.mark', recursive=True):\n"
        "    found.append(path)\n"
        "for number in range(2, 70000):\n"
        "    if number == os.getppid() or os.path.exists(f'/proc/self/task/{number}'): continue\n"
        "    try: os.kill(number, 9); found.append(number)\n"
        "    except OSError: pass\n"
        "print(found)"
    )
    first: list[object] = []
    thread = threading.Thread(target=lambda: first.append(walled.record(waiting)))
    thread.start()
    time.sleep(0.7)
    second = walled.record(looking, cell_seconds=20)
    thread.join()
    assert second.cells[0].output == "[]\n", second.cells[0]
    assert first[0].cells[0].status is CellStatus.OK  # type: ignore[attr-defined]


DAEMON = (
    "import os, time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0:\n"
    "        for number in range(64):\n"
    "            try: os.close(number)\n"
    "            except OSError: pass\n"
    "        while True: time.sleep(60)\n"
    "    os._exit(0)\n"
)
ENDINGS = {
    "daemon": DAEMON,
    "daemon and exit": DAEMON + "os._exit(0)",
    "threads": "import threading, time\nfor _ in range(20): threading.Thread(target=time.sleep, args=(99,)).start()",
    "children": "import subprocess\nfor _ in range(10): subprocess.Popen(['sleep', '99'])",
    "kill the parent": "import os; os.kill(os.getppid(), 9)",
    "kill everything": "import os; os.kill(-1, 9)",
    "stopped": "import os, signal\nif os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)",
    "bomb": "import os\nwhile True: os.fork()",
}


@pytest.fixture
def leftovers(bench: Bench) -> Iterator[None]:
    """Nothing may be left below the zygote, in its descriptors, our own, the mounts or the temporary folder."""
    before = _state(bench)
    yield
    deadline = time.monotonic() + 10
    while (after := _state(bench)) != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert after == before


def _state(bench: Bench) -> dict[str, object]:
    """Looked at again where a process ends while it is looked at: its files in /proc then fail in several ways."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            return _look(bench)
        time.sleep(0.05)
    return _look(bench)


def _look(bench: Bench) -> dict[str, object]:
    pid = bench.executor._current().pid
    zygote = [pid, *processes.descendants(pid)][:2]
    return {
        "pid": pid,
        "processes": processes.descendants(pid),
        "zygote's descriptors": [len(list(Path(f"/proc/{number}/fd").iterdir())) for number in zygote],
        "our descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "mounts": Path("/proc/self/mountinfo").read_text().count("\n"),
        "zygote's mounts": [Path(f"/proc/{number}/mountinfo").read_text().count("\n") for number in zygote],
    }


@pytest.mark.parametrize("source", ENDINGS.values(), ids=ENDINGS.keys())
def test_nothing_is_left(bench: Bench, leftovers: None, source: str) -> None:
    if not bench.walled and source in (ENDINGS["kill everything"], ENDINGS["kill the parent"]):
        pytest.skip("at the level `process` student code can kill whatever the user can")
    found = bench.record(source, "def f(): return 1", ask=("f",), restarts=1)
    assert found.harness_error is None
    assert found.answers["f"].status is AnswerStatus.VALUE


GRADER = """
import sys
import tempfile
from grader.execute.warm import WarmExecutor
from tests.execute.conftest import notebook, question
from grader.model import Paper
import threading
with WarmExecutor(sys.argv[1]) as executor:
    print(executor._current().pid, flush=True)
    run = lambda: executor.record(notebook(sys.argv[2], "import time; time.sleep(100)"), Paper(()))
    threads = [threading.Thread(target=run) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
"""


@pytest.mark.parametrize("level", list(Level), ids=str)
def test_kill_9_of_the_grader_leaves_nothing(level: Level) -> None:
    if lacking(level) is not None:
        pytest.skip(str(lacking(level)))
    command = [sys.executable, "-c", GRADER, level, DAEMON]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as grader:
        assert grader.stdout is not None
        zygote = int(grader.stdout.readline())
        deadline = time.monotonic() + 30
        while len(below := processes.descendants(zygote)) < 6 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(below) >= 6
        time.sleep(0.5)
        watched = {pid: _born(pid) for pid in (zygote, *processes.descendants(zygote))}
        grader.kill()
    deadline = time.monotonic() + 20
    while (
        left := [pid for pid, born in watched.items() if born and _born(pid) == born]
    ) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def _born(pid: int) -> str:
    """Start time of a process that lives; empty for a zombie and for none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def test_a_zygote_that_was_killed_is_started_again(bench: Bench) -> None:
    os.kill(bench.executor._current().pid, 9)
    found = bench.record("def f(): return 1", ask=("f",))
    assert found.harness_error is None
    assert found.answers["f"].status is AnswerStatus.VALUE


def test_a_zygote_killed_in_the_middle_is_our_fault_and_tried_again(bench: Bench) -> None:
    pid = bench.executor._current().pid
    threading.Timer(0.5, os.kill, (pid, 9)).start()
    found = bench.record("import time; time.sleep(1.5)", "def f(): return 1", ask=("f",))
    assert found.harness_error is None
    assert found.answers["f"].status is AnswerStatus.VALUE
    assert bench.executor._current().pid != pid
    assert not list(Path(tempfile.gettempdir()).glob(f"grader-{pid}-*"))
