"""What a rubric author writes with: questions, checks and mistakes, as decorated functions.

::

    @ask(public=True, reads=posterior)
    def responsibilities(rng):
        \"\"\"E-step on three overlapping clusters.\"\"\"
        params, X = three_clusters(rng)
        gmm = New("GMM", n_components=3).given(params)
        return Question(gmm.call("_e_step", X), inputs={"X": X})

    @check("e_step", responsibilities)
    def match_reference(answer, expected, atol):
        \"\"\"Responsibilities are the posterior probabilities\"\"\"
        return close(answer, expected, atol=atol)

    @mistake("e_step", "You left the mixture weights out: multiply each density by its weight first.")
    class WeightsLeftOut(reference.GMM):
        def _e_step(self, X): ...

The decorators only describe; `grader.assignment` collects what they describe when it loads the folder.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from grader.asks import Expr, Function, New, Support
from grader.compare import same_tree
from grader.model import Answer, AnswerStatus, Finding, Tree, Verdict

__all__ = [
    "Answer",
    "AskDef",
    "BestOf",
    "CheckDef",
    "Expr",
    "Finding",
    "Function",
    "MistakeDef",
    "New",
    "Question",
    "Read",
    "Reply",
    "Support",
    "Unreadable",
    "Variant",
    "Verdict",
    "ask",
    "best_of",
    "check",
    "mistake",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Question:
    """A question as written: what to send back, and inputs that checks and readers may look at."""

    result: Any
    inputs: Mapping[str, Tree] = field(default_factory=dict)


@dataclass(frozen=True)
class Read:
    """A canonical answer together with the adaptations that it took, in words."""

    value: Tree
    notes: tuple[str, ...] = ()


class Unreadable(Exception):  # noqa: N818  it is no error of ours: nothing in the answer fits
    """Raised by a reader: what came back has no form that can stand for the answer."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Reply:
    """One ask's answer as checks see it."""

    value: Tree
    """Canonical: after the ask's reader."""
    expected: Tree = None
    """The reference's canonical answer to the same question."""
    inputs: Mapping[str, Tree] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Variant:
    """A correct program in a style of its own, as source; the audit holds that it loses nothing.

    ``variants.py`` of a rubric folder offers ``variants() -> Iterable[Variant]``.
    """

    id: str
    source: str
    items: tuple[str, ...]
    """The items that it attempts, each of which must get full marks."""
    loses: tuple[str, ...] = ()
    """Checks (``item.check``) that it rightly fails: an unusual program that works with a limit."""


Reader: TypeAlias = Callable[[Tree, Mapping[str, Tree]], Any]
Same: TypeAlias = Callable[[Tree, Tree, Mapping[str, Tree]], bool]
Guard: TypeAlias = Callable[[Tree, Tree, Mapping[str, Tree]], float]


def _as_is(value: Tree, _inputs: Mapping[str, Tree]) -> Tree:
    return value


def _same_data(answer: Tree, mistaken: Tree, _inputs: Mapping[str, Tree]) -> bool:
    return same_tree(answer, mistaken)


@dataclass(frozen=True, eq=False)
class AskDef:
    """A question before its inputs are drawn."""

    id: str
    title: str
    build: Callable[..., Any]
    module: str
    public: bool = False
    seconds: float | None = None
    reads: Reader = _as_is
    same: Same = _same_data
    guard: Guard | None = None
    margin: float = 0.0
    premised: bool = False
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class BestOf:
    """Questions that are the same one asked in several ways: a check runs on each and the best result counts."""

    asks: tuple[AskDef, ...]


@dataclass(frozen=True, eq=False)
class CheckDef:
    """A check of an item; ``function`` returns a Finding from canonical answers."""

    id: str
    item: str
    title: str
    function: Callable[..., Finding]
    asks: tuple[AskDef | BestOf, ...]
    module: str
    public: bool
    parameters: tuple[str, ...]
    required: tuple[str, ...]
    statuses: tuple[AnswerStatus, ...] = (AnswerStatus.VALUE,)

    @property
    def all_asks(self) -> tuple[AskDef, ...]:
        """Every ask that the check looks at, alternatives included."""
        found: list[AskDef] = []
        for source in self.asks:
            found.extend(source.asks if isinstance(source, BestOf) else (source,))
        return tuple(found)


@dataclass(frozen=True, eq=False)
class MistakeDef:
    """A wrong program: a piece of the reference overridden, and the sentence for whoever writes it."""

    id: str
    item: str
    sentence: str
    replaces: str
    piece: Any
    module: str
    also: tuple[str, ...] = ()
    outcome: AnswerStatus | None = None
    """Set where the mistake never answers (an endless loop): it is matched by status and not run."""
    pieces: Mapping[str, Any] = field(default_factory=dict)
    """Further names to replace together with it."""
    composite: tuple[str, ...] = ()
    """Ids of the mistakes that this one puts together; each must cost its own item and be named there."""


def ask(
    *,
    public: bool = False,
    seconds: float | None = None,
    reads: Reader = _as_is,
    same: Same = _same_data,
    guard: Guard | None = None,
    margin: float = 0.0,
    premised: bool = False,
    forbidden: tuple[str, ...] = (),
    id: str = "",  # noqa: A002  reads as the keyword it is
) -> Callable[[Callable[..., Any]], AskDef]:
    """Mark a function of ``rng`` as a question; its docstring says, as a student reads it, what was asked.

    ``reads`` brings whatever came back into canonical form. ``same`` says whether two canonical answers show the
    same behaviour. With a ``guard``, inputs are drawn again until every mistake of the items that check this
    question is at least ``margin`` away from the reference.
    """

    def mark(build: Callable[..., Any]) -> AskDef:
        return AskDef(
            id=id or build.__name__,
            title=_title(build),
            build=build,
            module=build.__module__,
            public=public,
            seconds=seconds,
            reads=reads,
            same=same,
            guard=guard,
            margin=margin,
            premised=premised,
            forbidden=forbidden,
        )

    return mark


def best_of(*asks: AskDef) -> BestOf:
    """The same question asked in several ways; the best result counts."""
    return BestOf(asks)


def check(
    item: str,
    *asks: AskDef | BestOf,
    public: bool | None = None,
    id: str = "",  # noqa: A002
    statuses: tuple[AnswerStatus, ...] = (AnswerStatus.VALUE,),
) -> Callable[[Callable[..., Finding]], CheckDef]:
    """Mark a function as a check of ``item``; its docstring is the title that students read.

    A check is public when all its questions are, or by ``public``. The function gets what its parameters name:
    ``answer``, ``expected``, ``inputs`` (of a single question), a `Reply` under a question's own name,
    ``submission``, ``recording``, and thresholds that the rubric file gives under the check.
    """

    def mark(function: Callable[..., Finding]) -> CheckDef:
        parameters = inspect.signature(function).parameters
        made = CheckDef(
            id=id or function.__name__,
            item=item,
            title=_title(function).rstrip("."),
            function=function,
            asks=asks,
            module=function.__module__,
            public=False,
            parameters=tuple(parameters),
            required=tuple(name for name, p in parameters.items() if p.default is inspect.Parameter.empty),
            statuses=statuses,
        )
        open_to_students = bool(made.all_asks) and all(one.public for one in made.all_asks)
        object.__setattr__(made, "public", open_to_students if public is None else public)
        return made

    return mark


def mistake(
    item: str,
    sentence: str,
    *,
    replaces: str = "",
    also: tuple[str, ...] = (),
    outcome: AnswerStatus | None = None,
    pieces: Mapping[str, Any] | None = None,
    composite: tuple[str, ...] = (),
    id: str = "",  # noqa: A002
) -> Callable[[T], T]:
    """Mark a class (a subclass of the reference's) or function as a catalogued mistake of ``item``.

    ``sentence`` tells the student what went wrong and what to do. A function says which name it ``replaces``; a
    class replaces its base. ``also`` lists further items that may rightly fall with it; ``composite``
    the ids of the mistakes that it puts together; ``outcome`` the status where it never answers.
    """

    def mark(piece: T) -> T:
        name = id or snake_case(piece.__name__)  # type: ignore[attr-defined]
        replaced = replaces or (piece.__mro__[1].__name__ if inspect.isclass(piece) else "")
        if not replaced:
            raise TypeError(f"mistake {name}: say which name the function replaces, with replaces=")
        made = MistakeDef(
            id=f"{item}.{name}",
            item=item,
            sentence=sentence,
            replaces=replaced,
            piece=piece,
            module=piece.__module__,
            also=also,
            outcome=outcome,
            pieces=dict(pieces or {}),
            composite=composite,
        )
        piece.__mistake__ = made  # type: ignore[attr-defined]
        return piece

    return mark


def _title(function: Callable[..., Any]) -> str:
    """The first paragraph of the docstring on one line: what students read; the rest is for authors."""
    first = (inspect.getdoc(function) or "").split("\n\n")[0]
    return " ".join(first.split()) or function.__name__.replace("_", " ")


def snake_case(name: str) -> str:
    """``WeightsLeftOut`` -> ``weights_left_out``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
