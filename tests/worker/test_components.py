"""Solutions that keep one dict per component, and constructors whose parameters have no names to call them by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.asks import New, plain, write
from grader.model import Answer, AnswerStatus, Ask, Limits
from grader.worker.answering import evaluate

NAMES = {"n_components": ("k",), "weights": ("weight", "pi"), "means": ("mean", "mu"), "covariances": ("cov",)}
MIXTURE = {
    "weights": np.array([0.2, 0.3, 0.5]),
    "means": np.arange(6.0).reshape(3, 2),
    "covariances": np.stack([np.eye(2) * k for k in (1, 2, 3)]),
}

ONE_DICT_EACH = """
class GMM:
    def __init__(self, k):
        self.k = k
        self.parts = []

    def fit(self, X):
        self.parts = [{"weight": 1 / self.k, "mean": x, "cov": X.T @ X} for x in X[: self.k]]

    def read(self):
        return [(one["weight"], one["mean"], one["cov"]) for one in self.parts]
"""
BY_POSITION = "class GMM:\n    def __init__(self, k, /, more=1):\n        self.found = k\n"


def answer(source: str, build: Any) -> Answer:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(source, namespace)
    steps, result = write(build)
    return evaluate(Ask("ask", steps, plain(result)), namespace, NAMES, Limits())


def answered_as_given(source: str) -> Answer:
    """The answer of a class whose ``read`` tells its parameters, after these were found to be those given."""

    def build() -> Any:
        gmm = New("GMM", n_components=3).given(MIXTURE)
        return {"read": gmm.call("read"), "means": gmm.get("means")}

    got = answer(source, build)
    assert got.status is AnswerStatus.VALUE, got.error
    for k, (weight, mean, covariance) in enumerate(got.value["read"]):
        assert weight == MIXTURE["weights"][k]
        assert np.array_equal(mean, MIXTURE["means"][k])
        assert np.array_equal(covariance, MIXTURE["covariances"][k])
    assert np.array_equal(got.value["means"], MIXTURE["means"])
    return got


def test_parameters_are_set_in_each_components_dict() -> None:
    got = answered_as_given(ONE_DICT_EACH)
    assert 'found your weights under `parts[k]["weight"]`' in got.notes


def test_a_positional_parameter_is_given_in_its_place() -> None:
    got = answer(BY_POSITION, lambda: New("GMM", n_components=4).get("found"))
    assert (got.status, got.value) == (AnswerStatus.VALUE, 4), got.error


ONE_OBJECT_EACH = """
{imports}
{component}

class GMM:
    def __init__(self, k):
        self.k = k
        self.parts = []

    @property
    def weights(self):
        return [one.weight for one in self.parts]

    def fit(self, X):
        self.parts = [Component(1 / self.k, x, X.T @ X) for x in X[: self.k]]

    def read(self):
        return [(one.weight, one.mean, one.cov) for one in self.parts]
"""
COMPONENTS = {
    "class": "class Component:\n    def __init__(self, weight, mean, cov):\n"
    "        self.weight, self.mean, self.cov = weight, mean, cov\n",
    "slots": "class Component:\n    __slots__ = ('weight', 'mean', 'cov')\n    def __init__(self, weight, mean, cov):\n"
    "        self.weight, self.mean, self.cov = weight, mean, cov\n",
    "frozen dataclass": "@dataclass(frozen=True)\nclass Component:\n"
    "    weight: float\n    mean: object\n    cov: object\n",
    "named tuple": "Component = namedtuple('Component', 'weight mean cov')\n",
    "simple namespace": "def Component(weight, mean, cov):\n"
    "    return SimpleNamespace(weight=weight, mean=mean, cov=cov)\n",
}
IMPORTS = "from collections import namedtuple\nfrom dataclasses import dataclass\nfrom types import SimpleNamespace\n"


@pytest.mark.parametrize("component", COMPONENTS.values(), ids=COMPONENTS)
def test_parameters_are_set_in_each_components_object(component: str) -> None:
    got = answered_as_given(ONE_OBJECT_EACH.format(imports=IMPORTS, component=component))
    assert "found your means under `parts[k].mean`" in got.notes


ONE_OBJECT_FOR_ALL = """
class Parameters:
    def __init__(self, pi, mu, cov):
        self.pi, self.mu, self.cov = pi, mu, cov

class GMM:
    def __init__(self, k):
        self.k = k
        self.theta = None

    @property
    def means(self):
        return self.theta.mu

    def fit(self, X):
        self.theta = Parameters(X[0, 0], X[: self.k], X.T @ X)

    def read(self):
        return self.theta.pi, self.theta.mu, self.theta.cov
"""


def test_parameters_are_set_in_an_object_that_holds_them_all() -> None:
    got = answer(ONE_OBJECT_FOR_ALL, lambda: New("GMM", n_components=3).given(MIXTURE).call("read"))
    assert got.status is AnswerStatus.VALUE, got.error
    for part, wanted in zip(got.value, MIXTURE.values(), strict=True):
        assert np.array_equal(part, wanted)
    assert "found your weights under `theta.pi`" in got.notes


def test_a_property_over_a_dict_is_left_alone() -> None:
    source = (
        "class GMM:\n    def __init__(self, k):\n        self.params = {'weights': 1, 'means': 2, 'cov': 3}\n"
        "    @property\n    def means(self):\n        return self.params['means']\n"
    )
    got = answer(source, lambda: New("GMM", n_components=3).given(MIXTURE).get("means"))
    assert got.status is AnswerStatus.VALUE, got.error
    assert np.array_equal(got.value, MIXTURE["means"])


def test_the_state_tells_what_an_object_in_it_holds() -> None:
    got = answer(ONE_OBJECT_FOR_ALL, lambda: New("GMM", n_components=3).given(MIXTURE).state())
    assert got.status is AnswerStatus.VALUE, got.error
    assert np.array_equal(got.value["theta"]["mu"], MIXTURE["means"])
