"""Notebooks inside a zip archive: listed and read in memory, never unpacked to disk."""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader.model import Problem
from grader.repair import MAX_BYTES, broken

MAX_ARCHIVE = 1 << 30
"""Largest archive that is opened, in bytes."""
MAX_DIRECTORY = 8 << 20
"""Largest table of contents: it is read whole, and each entry of it costs memory."""
MAX_NOTEBOOKS = 1000
Wanted = Callable[[str, Callable[[], bytes]], bool]
"""From a file's name, and a way to get its first megabyte, to whether it is a submission."""

_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x07"
_UNPACK = "Hand in the .ipynb file itself, not packed."


@dataclass(frozen=True)
class Member:
    """One file of an archive."""

    name: str
    wanted: bool
    """Whether it is a submission."""
    problem: Problem | None = None
    """Why a submission can't be read."""


def members(path: Path, wanted: Wanted) -> list[Member]:
    """The files in the archive, in its order.

    Args:
        path: of the archive.
        wanted: tells which of them are submissions.

    Raises:
        BrokenError: the archive as a whole can't be read.
    """
    with _opened(path) as archive:
        files = [_described(archive, info, wanted) for info in archive.infolist() if not info.is_dir()]
    if sum(file.wanted for file in files) > MAX_NOTEBOOKS:
        raise broken("archive", f"The archive holds more than {MAX_NOTEBOOKS} notebooks.", _UNPACK)
    return files


def _described(archive: zipfile.ZipFile, info: zipfile.ZipInfo, wanted: Wanted) -> Member:
    if wanted(info.filename, lambda: _head(archive, info)):
        return Member(info.filename, True, _objection(info))
    return Member(info.filename, False)


def read(path: Path, name: str) -> bytes:
    """The bytes of one member.

    Raises:
        BrokenError: it can't be read, or is too big.
    """
    with _opened(path) as archive:
        try:
            return _member(archive, archive.getinfo(name))
        except (
            KeyError,
            RuntimeError,
            OSError,
            ValueError,
            EOFError,
            NotImplementedError,
            zipfile.BadZipFile,
            zlib.error,
        ):
            raise broken(
                "archive", "The notebook can't be unpacked from its archive: it is damaged.", _UNPACK
            ) from None


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > MAX_BYTES:
        raise broken("too_large", f"The notebook in the archive is bigger than {MAX_BYTES >> 20} MB.", _UNPACK)
    with archive.open(info) as file:
        data = file.read(MAX_BYTES + 1)  # the size in the table of contents may be a lie
    if len(data) > MAX_BYTES:
        raise broken("too_large", f"The notebook in the archive is bigger than {MAX_BYTES >> 20} MB.", _UNPACK)
    return data


def _head(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The first megabyte of a member; nothing where it can't be had."""
    if _objection(info):
        return b""
    try:
        with archive.open(info) as file:
            return file.read(1 << 20)
    except (RuntimeError, OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return b""


def _objection(info: zipfile.ZipInfo) -> Problem | None:
    """Why a member is not opened."""
    name = info.filename.replace("\\", "/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        what = "a path that leads out of the archive"
    elif stat.S_ISLNK(info.external_attr >> 16):
        what = "a link to another file instead of a notebook"
    elif info.flag_bits & 0x1:
        what = "a password on it"
    elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        what = "an unusual compression"
    else:
        return None
    return Problem("archive", f"The notebook in the archive has {what}, so it was not opened.", _UNPACK, fatal=True)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        _check_directory(path)
        return zipfile.ZipFile(path)
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
        raise broken("archive", "The archive is damaged or not a zip archive.", _UNPACK) from None


def _check_directory(path: Path) -> None:
    """Refuse archives whose table of contents would fill the memory before the first entry is seen."""
    size = path.stat().st_size
    if not path.is_file():  # a pipe would be waited on
        raise zipfile.BadZipFile
    if size > MAX_ARCHIVE:
        raise broken("too_large", f"The archive is bigger than {MAX_ARCHIVE >> 20} MB.", _UNPACK)
    with path.open("rb") as file:
        file.seek(max(0, size - 66_000))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    if directory > MAX_DIRECTORY or _END_64 in tail[max(0, at - 20) : at]:
        raise broken("archive", "The archive has far too many entries.", _UNPACK)
