"""What keeps one submission apart, at the level ``process``: limits, folders of its own, and an end for all it starts.

`Cage` is also the seam of the stronger levels: each method is called at one point of a submission's life.
"""

from __future__ import annotations

# ruff: noqa: PTH123, PTH208, PTH116  plain strings: /proc is read often, and os.walk gives strings
import contextlib
import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.execute import linux, processes
from grader.execute.job import ENVIRONMENT, Job, Place
from grader.execute.removal import remove
from grader.model import Limits

PREFIX = "grader-"
KEPT_BYTES = 16 << 20
KEPT_FILES = 500
_BLOCK = 4096


class Cage:
    """A separate process with limits. The base of the stronger levels."""

    name = "process"

    def __init__(self) -> None:
        self.base = Path("/")
        self.temporary: str | None = None
        """The grader's temporary folder."""
        self.hidden: tuple[Path, ...] = ()
        """Folders that must not be readable even where what surrounds them is."""

    # --- in the zygote ------------------------------------------------------------------------

    def enter(self) -> list[str]:
        """Called once, before the zygote's imports and while it has one thread. Returns the layers that are on."""
        self.base = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=self.temporary)).resolve()
        self.base.chmod(0o711)
        return ["separate process", "limits", "deadlines"]

    def leave(self) -> None:
        """Called when the zygote ends."""
        remove(self.base)

    @contextmanager
    def forking(self) -> Iterator[None]:
        """Around the fork of a guard."""
        yield

    # --- in the guard -------------------------------------------------------------------------

    def prepare(self, job: Job) -> Place:
        """Called first in the guard: make the place where the submission may write."""
        if linux.LINUX:
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
            linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        place = Place(self.base / str(job.id))
        place.root.mkdir(mode=0o755)
        self.fresh(place, job)
        return place

    def fresh(self, place: Place, job: Job) -> None:
        """Make the submission's empty folders."""
        for folder in place.folders:
            folder.mkdir(mode=0o700)
            self.give(folder, job)

    def give(self, path: Path, job: Job) -> None:
        """Make the submission's user the owner of ``path``."""

    def keep(self, place: Place, job: Job) -> bool:
        """After the notebook ran: set its files aside, to be copied for each question. False if they are too many."""
        size, count = measure(place.folders)
        if 2 * size > min(2 * KEPT_BYTES, job.limits.disk_bytes) or count > KEPT_FILES:
            return False
        place.kept.mkdir(mode=0o700)
        for folder in place.folders:
            folder.rename(place.kept / folder.name)
        return True

    def renew(self, place: Place, job: Job) -> None:
        """Before each question: folders as the notebook left them.

        The worker lives, and its threads may swap what we look at for links to elsewhere. So copies are made, and what
        was there is removed, where they can't come; all that happens in their reach is two renames.
        """
        remove(place.private)
        place.private.mkdir(mode=0o700)
        for folder in place.folders:
            source, copy = place.kept / folder.name, place.private / folder.name
            copy.mkdir(mode=0o700)
            if not source.is_symlink():
                self.restore(source, copy, job)
            self.give(copy, job)
        for folder in place.folders:
            with contextlib.suppress(FileNotFoundError):
                folder.rename(place.private / f"{folder.name}.old")
            (place.private / folder.name).rename(folder)
        remove(place.private)

    def restore(self, source: Path, target: Path, job: Job) -> None:
        """Copy the plain files and folders of ``source`` into ``target``; everything else is left out."""
        waiting = [(source, target)]  # no recursion: folders may lie a thousand deep
        while waiting:
            folder, copy = waiting.pop()
            with contextlib.suppress(OSError):  # a folder that was locked
                for entry in os.scandir(folder):
                    with contextlib.suppress(OSError):  # a locked file, a path that is too long
                        if self._restore_one(entry, copy / entry.name, job):
                            waiting.append((Path(entry.path), copy / entry.name))

    def _restore_one(self, entry: os.DirEntry[str], to: Path, job: Job) -> bool:
        """Copy a file, or make a folder and say so."""
        is_folder = entry.is_dir(follow_symlinks=False)
        if is_folder:
            to.mkdir(mode=0o700)
        elif entry.is_file(follow_symlinks=False):
            shutil.copyfile(entry.path, to, follow_symlinks=False)
        else:
            return False
        self.give(to, job)
        return is_folder

    def disk_full(self, place: Place, job: Job) -> bool:
        """Whether the submission wrote more than it may, where no file system of its own stops it."""
        return _fills(place.root, job.limits.disk_bytes)

    def end(self, place: Place, worker: int, job: Job) -> None:  # noqa: ARG002
        """Called last in the guard: nothing of the submission is left when it returns."""
        processes.end_all(os.getpid(), (worker,))
        remove(place.root)
        remove(place.kept)
        remove(place.private)

    # --- in the worker ------------------------------------------------------------------------

    def shut(self, place: Place, job: Job) -> None:
        """Called in the worker before any student code: everything that it may not do is impossible afterwards."""
        os.setsid()
        become(place)
        limit(job.limits)

    def confine_question(self, place: Place) -> Callable[[], None]:
        """What the worker calls in the fork of each question."""

        def confine() -> None:
            with contextlib.suppress(OSError):
                os.chdir(place.work)

        return confine


def sweep(temporary: Path) -> None:
    """Remove the folders of zygotes that were killed before they could do it themselves."""
    for folder in temporary.glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if owner.isdigit() and folder.lstat().st_uid == os.getuid() and not _lives(int(owner)):
                remove(folder)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def become(place: Place) -> None:
    """Go to the submission's folder, with an environment that holds nothing of the grader's."""
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    os.environ.update(HOME=str(place.home), TMPDIR=str(place.temporary), PATH=search_path())
    os.environ.update(IPYTHONDIR=str(place.home / ".ipython"), MPLCONFIGDIR=str(place.home / ".matplotlib"))
    tempfile.tempdir = None
    os.umask(0o077)
    os.chdir(place.work)


def search_path() -> str:
    return os.pathsep.join([str(Path(sys.prefix) / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])


def limit(limits: Limits, own_user: bool = False) -> None:
    """Set the process limits. ``own_user``: nobody else's processes count against this user's."""
    import resource  # here, because this module is imported on Windows too

    cpu = max(1, int(limits.cpu_seconds))
    wanted = {
        "RLIMIT_CORE": (0, 0),
        "RLIMIT_CPU": (cpu, cpu + 5),
        "RLIMIT_FSIZE": (limits.file_bytes,) * 2,
        "RLIMIT_NOFILE": (limits.open_files,) * 2,
        "RLIMIT_MEMLOCK": (64 << 10,) * 2,
        "RLIMIT_MSGQUEUE": (0, 0),
    }
    if linux.LINUX:
        wanted["RLIMIT_AS"] = (_address_space() + limits.memory_bytes,) * 2
        wanted["RLIMIT_NPROC"] = (limits.processes if own_user else _roomy(limits),) * 2
    for name, (soft, hard) in wanted.items():
        number = getattr(resource, name, None)
        if number is None:
            continue
        ceiling = resource.getrlimit(number)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(number, (soft, hard))


def _roomy(limits: Limits) -> int:
    """Stops a bomb some day, and never a neighbour of the same user: the guard counts, and ends it sooner."""
    return _threads_of(os.getuid()) + max(1024, 4 * limits.processes)


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _threads_of(user: int) -> int:
    count = 0
    for entry in os.listdir("/proc") if linux.LINUX else ():
        with contextlib.suppress(OSError):
            if entry.isdigit() and os.stat(f"/proc/{entry}").st_uid == user:
                count += len(os.listdir(f"/proc/{entry}/task"))
    return count


def _fills(folder: Path, most: int) -> bool:
    """Whether the files in ``folder`` take more than ``most`` bytes; the smallest counts as one block."""
    size = 0
    for status in _statuses(folder):
        size += max(_BLOCK, 512 * status.st_blocks)
        if size > most:
            return True
    return False


def measure(folders: tuple[Path, ...]) -> tuple[int, int]:
    """Bytes and number of files and folders in ``folders``, counted until they are too many to copy."""
    size = count = 0
    for folder in folders:
        for status in _statuses(folder):
            count += 1
            size += 0 if stat.S_ISDIR(status.st_mode) else status.st_size
            if size > KEPT_BYTES or count > KEPT_FILES:
                return size, count
    return size, count


def _statuses(root: Path) -> Iterator[os.stat_result]:
    """Of all below ``root``. No recursion, which a thousand folders in one another would end."""
    waiting = [str(root)]
    while waiting:
        with contextlib.suppress(OSError):
            for entry in os.scandir(waiting.pop()):
                with contextlib.suppress(OSError):
                    yield entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
