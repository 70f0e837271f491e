"""Solutions that keep one dict per component, and constructors whose parameters have no names to call them by."""

from __future__ import annotations

from typing import Any

import numpy as np

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
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    steps, result = write(build)
    return evaluate(Ask("ask", steps, plain(result)), namespace, NAMES, Limits())


def test_parameters_are_set_in_each_components_dict() -> None:
    def build() -> Any:
        gmm = New("GMM", n_components=3).given(MIXTURE)
        return {"read": gmm.call("read"), "means": gmm.get("means")}

    got = answer(ONE_DICT_EACH, build)
    assert got.status is AnswerStatus.VALUE, got.error
    for k, (weight, mean, covariance) in enumerate(got.value["read"]):
        assert weight == MIXTURE["weights"][k]
        assert np.array_equal(mean, MIXTURE["means"][k])
        assert np.array_equal(covariance, MIXTURE["covariances"][k])
    assert np.array_equal(got.value["means"], MIXTURE["means"])
    assert 'found your weights under `parts[k]["weight"]`' in got.notes


def test_a_positional_parameter_is_given_in_its_place() -> None:
    got = answer(BY_POSITION, lambda: New("GMM", n_components=4).get("found"))
    assert (got.status, got.value) == (AnswerStatus.VALUE, 4), got.error
