"""Subclasses that fill in a template's stubs belong to the class; experiments that do a method again don't."""

from __future__ import annotations

from textwrap import indent

import pytest

from grader.asks import New
from grader.model import AnswerStatus
from grader.worker.stubs import is_stub
from tests.worker.student import answer, notebook

STUBS = {
    "pass": "pass",
    "docstring": '"""Fill this in."""  # TODO 1',
    "dots": "...",
    "none": "return None",
    "raises": "raise NotImplementedError",
    "raises with words": 'raise NotImplementedError("TODO 1")',
    "names set to None": "weights = None\nmeans = None",
    "itself": "return self",
    "table of zeros": "table = np.zeros((X.shape[0], self.k))\n# Your code here\nreturn table",
    "empty loop": "samples = []\nfor _ in range(X):\n    pass\nreturn np.array(samples)",
    "says so": 'print("TODO 1")',
}
REAL = {
    "getter": "return self.k",
    "argument": "return X",
    "element": "return X[0]",
    "constant": "return 5",
    "text": "return 'a mixture'",
    "calls a method": "return self.other(X)",
    "calls a bound method by a name": "f = self.other\nreturn f(X)",
    "calls its base": "return super().other(X)",
    "stores": "self.history = []",
    "changes an argument": "X[0] = 1",
    "calculates": "return np.zeros(3) + 1",
    "complains": "raise ValueError('not fitted')",
    "hands on": "return np.array(self.model.decode(X))",
}
BASE = """
class GMM:
    def __init__(self, k=3): self.k = k
    def e_step(self, X): pass
    def sample(self, n): return [self.k] * n
"""


@pytest.mark.parametrize(
    ("body", "stub"), [(body, True) for body in STUBS.values()] + [(b, False) for b in REAL.values()]
)
def test_stubs_are_told_by_their_code(body: str, stub: bool) -> None:
    method = notebook(f"class C:\n    def method(self, X):\n{indent(body, ' ' * 8)}\n")["C"].method
    assert is_stub(method.__code__) is (body in STUBS.values())


@pytest.mark.parametrize("body", STUBS.values(), ids=STUBS)
def test_a_subclass_that_fills_the_stub_is_asked(body: str) -> None:
    stub = f"class GMM:\n    def e_step(self, X):\n{indent(body, ' ' * 8)}\n"
    source = stub + "class Filled(GMM):\n    def e_step(self, X): return 1\n"
    found = answer(source, lambda: New("GMM").call("e_step", 3))
    assert (found.status, found.value) == (AnswerStatus.VALUE, 1)
    assert "found your GMM under `Filled`" in found.notes


def test_the_subclass_may_extend_the_constructor() -> None:
    source = BASE + (
        "class Filled(GMM):\n"
        "    def __init__(self, k=3, extra=2):\n        super().__init__(k)\n        self.extra = extra\n"
        "    def e_step(self, X): return self.k * self.extra\n"
    )
    assert answer(source, lambda: New("GMM", n_components=5).call("e_step", 0)).value == 10


@pytest.mark.parametrize(
    "experiment",
    [
        "class Odd(GMM):\n    def e_step(self, X): return 1\n    def sample(self, n): return 'odd'",
        "class Odd(GMM):\n    def sample(self, n): return 'odd'\nclass Odder(Odd):\n    def e_step(self, X): return 1",
        "class Odd(GMM):\n    def plot(self): return 1",
        "class Odd(GMM):\n    def __init__(self, images): self.images = images\n    def e_step(self, X): return 1",
        "class Odd(GMM):\n    def e_step(self, X): pass",
    ],
    ids=["overrides", "a base overrides", "adds what nobody asks for", "other constructor", "another stub"],
)
def test_an_experiment_is_never_taken(experiment: str) -> None:
    found = answer(BASE + experiment, lambda: New("GMM").call("e_step", 0))
    assert found.value is None
    assert found.notes == ()


def test_an_experiment_on_the_filled_class_is_not_taken() -> None:
    source = BASE + (
        "class Filled(GMM):\n    def e_step(self, X): return 'filled'\n"
        "class Diagonal(Filled):\n    def e_step(self, X): return 'diagonal'\n"
    )
    assert answer(source, lambda: New("GMM").call("e_step", 0)).value == "filled"


SIBLINGS = BASE + (
    "class First(GMM):\n    def e_step(self, X): return 'e'\nclass Second(GMM):\n    def m_step(self, X): return 'm'\n"
)


@pytest.mark.parametrize(("method", "value"), [("e_step", "e"), ("m_step", "m")])
def test_siblings_are_asked_as_one(method: str, value: str) -> None:
    found = answer(SIBLINGS, lambda: New("GMM").call(method, 0))
    assert found.value == value
    assert "found your GMM under `First`, `Second`" in found.notes


def test_a_class_of_all_siblings_is_taken_for_them() -> None:
    found = answer(SIBLINGS + "class Whole(First, Second): pass", lambda: New("GMM").call("m_step", 0))
    assert found.value == "m"
    assert "found your GMM under `Whole`" in found.notes


def test_siblings_that_can_not_be_joined_leave_the_last() -> None:
    source = BASE + (
        "class First(GMM):\n    __slots__ = ('a',)\n    def e_step(self, X): return 'e'\n"
        "class Refusing(type):\n"
        "    def __new__(meta, name, bases, held):\n"
        "        if len(bases) > 1: raise RuntimeError\n"
        "        return type.__new__(meta, name, bases, held)\n"
        "class Second(GMM, metaclass=Refusing):\n    def m_step(self, X): return 'm'\n"
    )
    assert answer(source, lambda: New("GMM").call("m_step", 0)).value == "m"


def test_a_hostile_metaclass_is_not_asked() -> None:
    source = BASE + (
        "class Hostile(type):\n"
        "    def __getattribute__(self, name): raise SystemExit\n"
        "    def __eq__(self, other): raise SystemExit\n"
        "    def mro(self): return [self, *type.mro(self)[1:]]\n"
        "class Odd(metaclass=Hostile):\n    def e_step(self, X): return 'odd'\n"
        "class Filled(GMM):\n    def e_step(self, X): return 'filled'\n"
    )
    assert answer(source, lambda: New("GMM").call("e_step", 0)).value == "filled"


def test_methods_put_on_a_class_later_count() -> None:
    source = SIBLINGS + "def fit(self, X): return 'fitted'\nFirst.fit = fit\n"
    assert answer(source, lambda: New("GMM").call("fit", 0)).value == "fitted"
