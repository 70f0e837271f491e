"""The level ``namespaces``: a file system, process table, network and user table of its own for each submission."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.execute import landlock, linux, rootfs, seccomp, users
from grader.execute.cage import Cage, become, limit
from grader.execute.confined import switch_user
from grader.execute.job import Job, Place

_ZYGOTE = (
    linux.CLONE_NEWUSER
    | linux.CLONE_NEWNS
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
)
_SUBMISSION = linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
_STUDENT = 1000
"""The student's user id as student code sees it; as root, that of the first slot."""
_PROC_FLAGS = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
_FAREWELL_SECONDS = 5


class Namespaces(Cage):
    """Everything apart: what student code does not see it cannot touch."""

    name = "namespaces"

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(rootfs.BOX)
        self.many_users = False
        self._pids = -1

    # --- in the zygote ------------------------------------------------------------------------

    def enter(self) -> list[str]:
        """Go into new namespaces and fork: only the child, process 1 of its own table, returns."""
        self.many_users = os.getuid() == 0
        _new_namespaces(self.many_users)
        self._become_first()
        rootfs.build(self.hidden, _STUDENT)
        self._pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        layers = ["user, mount, pid, network, ipc and uts namespaces", "read-only root", "tmpfs", "no capabilities"]
        layers += ["a user of its own" if self.many_users else "the grader's own user, in a user table of its own"]
        layers += [f"Landlock (version {landlock.abi()})"] if landlock.abi() else []
        return [*layers, "seccomp", "limits", "deadlines"]

    def leave(self) -> None:
        """Nothing to do: with process 1 its processes and mounts go."""

    @contextmanager
    def forking(self) -> Iterator[None]:
        linux.unshare(linux.CLONE_NEWPID)
        try:
            yield
        finally:
            linux.setns(self._pids, linux.CLONE_NEWPID)

    def _become_first(self) -> None:
        control = int(sys.argv[1])
        child = os.fork()
        if child:
            try:
                _stand_by(child, control)
            finally:
                os._exit(0)
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)

    # --- in the guard -------------------------------------------------------------------------

    def prepare(self, job: Job) -> Place:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        linux.unshare(_SUBMISSION)
        linux.mount("proc", "/proc", "proc", _PROC_FLAGS, "hidepid=2")
        size = job.limits.disk_bytes
        data = f"mode=0755,size={size},nr_inodes={max(1000, size >> 13)}"
        linux.mount("tmpfs", rootfs.BOX, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, data)
        place = Place(self.base / "student")
        place.root.mkdir(mode=0o755)
        self.fresh(place, job)
        return place

    def give(self, path: Path, job: Job) -> None:
        if self.many_users:
            os.chown(path, _STUDENT + job.slot, _STUDENT + job.slot, follow_symlinks=False)

    def disk_full(self, place: Place, job: Job) -> bool:  # noqa: ARG002
        """Never: the tmpfs has a size."""
        return False

    def end(self, place: Place, worker: int, job: Job) -> None:  # noqa: ARG002
        """Process 1 can kill all others of its table at one stroke; the tmpfs goes with the namespace."""
        with contextlib.suppress(OSError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)

    # --- in the worker ------------------------------------------------------------------------

    def shut(self, place: Place, job: Job) -> None:
        os.setsid()
        become(place)
        linux.bound_capabilities()
        if self.many_users:
            limit(job.limits, own_user=True)
            switch_user(_STUDENT + job.slot)
        else:
            linux.unshare(linux.CLONE_NEWUSER)
            _map_self(_STUDENT, 0, 0)
            # Only now: a new user table takes the limit of its maker as one for all tables together.
            limit(job.limits, own_user=True)
        linux.drop_capabilities()
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        if landlock.abi():
            devices = [Path("/dev") / name for name in ("null", "zero", "full")]
            everywhere = [path for path in Path("/").iterdir() if path.name != rootfs.BOX.strip("/")]
            landlock.confine(everywhere, [place.root, *devices])
        seccomp.install()


def _new_namespaces(many_users: bool) -> None:
    """Unshare. As root, a helper that stays outside gives the new table its users: root and one for each slot."""
    if not many_users:
        user, group = os.getuid(), os.getgid()
        linux.unshare(_ZYGOTE)
        _map_self(0, user, group)
        return
    taken = users.claim()
    here, there = os.pipe(), os.pipe()
    helper = os.fork()
    if helper == 0:
        _map_many(os.getppid(), taken, here[0], there[1])
    linux.unshare(_ZYGOTE)
    os.write(here[1], b"?")
    answer = os.read(there[0], 1)
    os.waitpid(helper, 0)
    for descriptor in (*here, *there):
        os.close(descriptor)
    if answer != b"+":
        raise PermissionError("user ids could not be mapped into a new user namespace")


def _map_self(inner: int, user: int, group: int) -> None:
    """Name the one user and group that there are in this new user namespace."""
    Path("/proc/self/setgroups").write_text("deny", encoding="utf-8")
    Path("/proc/self/uid_map").write_text(f"{inner} {user} 1", encoding="utf-8")
    Path("/proc/self/gid_map").write_text(f"{inner} {group} 1", encoding="utf-8")


def _map_many(process: int, taken: range, wait: int, tell: int) -> None:
    """Wait until ``process`` is in its new user namespace, and map root and the slots' users into it. Never returns."""
    try:
        os.read(wait, 1)
        lines = f"0 0 1\n{_STUDENT} {taken.start} {len(taken)}\n"
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{process}/{name}").write_text(lines, encoding="utf-8")
        os.write(tell, b"+")
    except OSError:
        os.write(tell, b"-")
    finally:
        os._exit(0)


def _stand_by(child: int, control: int) -> None:
    """Outside of the namespaces: wait for the zygote, and end it if it outlives the grader's end of the socket."""
    poll = select.poll()
    poll.register(control, select.POLLRDHUP)
    watched = os.pidfd_open(child)
    poll.register(watched, select.POLLIN)
    found = dict(poll.poll())
    if watched not in found:
        poll.unregister(control)
        poll.poll(1000 * _FAREWELL_SECONDS)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
