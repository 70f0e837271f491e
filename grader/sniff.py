"""What a file under a notebook's name really is: each thing that students hand in by mistake gets its own words.

Every ``check_*`` returns nothing, or raises `BrokenError` with the problem to tell.
"""

from __future__ import annotations

import re
from typing import Any

from grader.repair import DOWNLOAD, broken, parse

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF", "the PDF of a notebook can't be run"),
    (b"\x1f\x8b", "a compressed file (gzip)", "unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "a document can't be run"),
    (b"\x89PNG", "a picture", "a picture of a notebook can't be run"),
    (b"\xff\xd8\xff", "a picture", "a picture of a notebook can't be run"),
    (b"{\\rtf", "a rich-text document", "a text program has changed the file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the notebook itself", "run git lfs pull first"),
    (b"bplist00", "a web location or property list, not the notebook", "it only points to the notebook"),
)


def check_content(data: bytes) -> None:
    if not data.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise broken("empty_file", "The file is empty." if not data else "The file holds only blanks.")
    if data.startswith(b"PK\x03\x04"):
        document = any(part in data[:4000] for part in (b"word/", b"xl/", b"ppt/", b"[Content_Types].xml"))
        what = "an Office document" if document else "a zip archive"
        raise broken("not_a_notebook", f"The file is {what} under a notebook's name.", IPYNB_ONLY)
    for magic, what, why in _MAGIC:
        if data.startswith(magic):
            raise broken("not_a_notebook", f"The file is {what} under a notebook's name: {why}.", IPYNB_ONLY)


IPYNB_ONLY = "Hand in the .ipynb file itself, neither packed nor printed. " + DOWNLOAD
_HTML = re.compile(r"\s*(?:<!--.*?-->\s*)?(?:<\?xml[^>]*>\s*)?<(?:!doctype|html|head|body|div|script)\b", re.I | re.S)
_LOGIN = re.compile(r"log[ -]?in|sign[ -]?in|password|einloggen|anmelden|connexion|iniciar sesi", re.I)


def check_text(text: str) -> None:
    head = text[:5000]
    if _HTML.match(head):
        page = "the login page of a web site" if _LOGIN.search(text[:200_000]) else "a web page"
        raise broken("not_a_notebook", f"The file is {page} (HTML), saved under a notebook's name.")
    if head.lstrip()[:1] not in ("{", "["):
        if re.match(r"\s*(?:<<<<<<<|=======)", head):
            parse(text)  # says what a merge conflict is
        code = re.search(r"^(?:import |from \w+ import |def |class |# ?%%|# In\[)", head, re.M)
        what = "holds Python code as plain text" if code else "holds text that is not a notebook's (not JSON)"
        hint = "Rename it to .py if it is a script, or hand in the notebook. " if code else ""
        raise broken("not_json", f"The file {what}.", hint + DOWNLOAD)


def check_script(text: str) -> None:
    """Text under a script's name."""
    if _HTML.match(text[:5000]):
        check_text(text)
    if re.match(r'\s*\{\s*"(?:cells|metadata|nbformat)"', text):
        raise broken(
            "not_a_notebook",
            "The file is a notebook under the name of a script (.py).",
            "Rename it so that it ends in .ipynb, and hand it in again.",
        )


# --- language ---------------------------------------------------------------------

_OTHER_LANGUAGES = {
    "r": "R",
    "ir": "R",
    "julia": "Julia",
    "scala": "Scala",
    "javascript": "JavaScript",
    "typescript": "TypeScript",
    "java": "Java",
    "kotlin": "Kotlin",
    "c++": "C++",
    "c": "C",
    "c#": "C#",
    "csharp": "C#",
    "f#": "F#",
    "go": "Go",
    "rust": "Rust",
    "ruby": "Ruby",
    "bash": "Bash",
    "matlab": "MATLAB",
    "octave": "Octave",
    "haskell": "Haskell",
    "sql": "SQL",
    "perl": "Perl",
    "stata": "Stata",
    "sas": "SAS",
    "lua": "Lua",
}


def check_language(metadata: dict[str, Any]) -> None:
    """Is it Python? Only a notebook that names another language, and Python nowhere, is turned away."""
    spec, info = _mapping(metadata.get("kernelspec")), _mapping(metadata.get("language_info"))
    named = [spec.get("language"), info.get("name"), spec.get("name"), spec.get("display_name")]
    names = [name.strip().lower() for name in named if isinstance(name, str) and name.strip()]
    if any("python" in name or "sage" in name or name == "py" for name in names):
        return
    for name in names:
        language = _OTHER_LANGUAGES.get(re.sub(r"[-\s_]*[\d.]+$", "", name))
        if language:
            raise broken(
                "wrong_language",
                f"The notebook is set up for {language}; this activity is done in Python.",
                "If the code is Python, set the kernel to Python (Kernel > Change kernel, or Runtime > Change runtime "
                "type in Colab), run it, save it and hand it in again.",
            )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
