"""The reflection: sentences of the student's own, in any script. Their quality is for a person to judge."""

from __future__ import annotations

import json
from pathlib import Path

from grader.compare import fail, passed
from grader.model import CellKind, Finding, Submission, Verdict
from grader.prose import find_reflection, repetition, sentences, words
from grader.rubric import check

from . import reference


def _template_texts() -> tuple[str, ...]:
    """What students were given to read: none of it is theirs."""
    (path,) = (Path(str(reference.__file__)).parent / "template").glob("*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return tuple("".join(cell["source"]) for cell in cells if cell["cell_type"] == CellKind.MARKDOWN)


TEMPLATE = _template_texts()


@check("reflection", public=True)
def own_words(
    submission: Submission,
    least_words: int,
    least: int,
    most: int,
    review_least: int,
    review_most: int,
    most_repeated: float,
    part: float,
) -> Finding:
    """A reflection of 3 to 5 sentences in your own words

    ``least`` to ``most`` sentences are what was asked for; ``review_least`` to ``review_most`` pass as well and a
    person looks; other lengths earn ``part``. Fewer than ``least_words`` words, or a text of which more than
    ``most_repeated`` repeats itself, earn nothing.
    """
    found = find_reflection(submission, TEMPLATE)
    asked = f"Asked for are {least} to {most} sentences of your own."
    where = f"In cell {found.cells[0]}: " if found.cells else ""
    hint = "Write it into a markdown cell below the heading “Reflection”, and run or save the notebook after that."
    if not found.text.strip():
        message = f"No text of your own was found where the reflection belongs. {asked}"
        return Finding(Verdict.MISSING, message, hint)
    length, count = words(found.text), len(sentences(found.text))
    if length < least_words:
        return fail(f"{where}your reflection has {length} words, which is too short to say something. {asked}", hint)
    if repetition(found.text) > most_repeated:
        return fail(f"{where}your reflection repeats the same words again and again. {asked}", hint, needs_review=True)
    told = f"{where}{count} sentence{'s' if count != 1 else ''}."
    if least <= count <= most:
        if found.kind == "last":
            told = f"{where}the last text of your own was taken for it, as there is no heading “Reflection”."
            return passed(told, needs_review=True)
        return passed()
    if review_least <= count <= review_most:
        return passed(f"{told} {asked}", needs_review=True)
    return fail(f"{told} {asked}", fraction=part, needs_review=True)
