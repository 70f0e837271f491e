"""Parameters under the names and in the form in which a student keeps them."""

from __future__ import annotations

import numpy as np
import pytest

from grader.asks import Function, New, Support
from grader.model import AnswerStatus
from grader.worker.attributes import read_ahead, self_attributes
from tests.worker.student import COVARIANCES, MEANS, PARAMETERS, WEIGHTS, answer

X = np.arange(8.0).reshape(4, 2)

TRAINED = """
class GMM:
    def __init__(self, n_components=3, max_iters=100):
        self.n_components, self.max_iters = n_components, max_iters
        {init}
    def fit(self, X):
        n, d = X.shape
        K = self.n_components
        for _ in range(self.max_iters):
            {fit}
        return self
    def _e_step(self, X):
        return {used}
"""


def written(fit, used, init="pass"):
    return TRAINED.format(fit=fit, used=used, init=init)


def ask(extra=None):
    return New("GMM", n_components=3).given({**PARAMETERS, **(extra or {})}).call("_e_step", X)


def everything(got):
    """(weights, means, covariances) as arrays."""
    assert got.status is AnswerStatus.VALUE, got.error
    return [np.asarray(part, dtype=float) for part in got.value]


STYLES = {
    "canonical": (
        "self.weights, self.means, self.covariances = np.ones(K) / K, X[:K], np.stack([np.eye(d)] * K)",
        "self.weights, self.means, self.covariances",
    ),
    "greek": (
        "self.pi, self.mu, self.sigma = np.ones(K) / K, X[:K], np.stack([np.eye(d)] * K)",
        "self.pi, self.mu, self.sigma",
    ),
    "underscored": (
        "self._weights, self.means_, self._covariances = np.ones(K) / K, X[:K], np.stack([np.eye(d)] * K)",
        "self._weights, self.means_, self._covariances",
    ),
    "lists": (
        "self.pi, self.mu, self.covs = [1 / K] * K, [X[k] for k in range(K)], [np.eye(d) for k in range(K)]",
        "self.pi + [], [m + 0 for m in self.mu + []], self.covs + []",
    ),
    "nested lists": (
        "self.pi, self.mu, self.covs = [1 / K] * K, X[:K].tolist(), [np.eye(d).tolist()] * K",
        "self.pi + [], [m + [] for m in self.mu], [[r + [] for r in c] for c in self.covs]",
    ),
    "components last": (
        "self.pi, self.mu, self.covs = np.ones((K, 1)), X[:K].T, np.stack([np.eye(d)] * K, axis=2)",
        "self.pi[:, 0], self.mu.T, np.moveaxis(self.covs, 2, 0)",
    ),
    "row of weights": (
        "self.pi, self.mu, self.covs = np.ones((1, K)), X[:K], np.stack([np.eye(d)] * K)",
        "self.pi[0], self.mu, self.covs",
    ),
    "columns of means": (
        "self.pi, self.mu, self.covs = np.ones(K), X[:K][:, :, None], np.stack([np.eye(d)] * K)",
        "self.pi, self.mu[:, :, 0], self.covs",
    ),
    "dict of parameters": (
        "self.params = {'pi': np.ones(K), 'mu': X[:K], 'sigma': [np.eye(d)] * K}",
        "self.params['pi'], self.params['mu'], self.params['sigma'] + []",
    ),
    "dicts by component": (
        "self.pi = {k: 1 / K for k in range(K)}; self.mu = {k: X[k] for k in range(K)}; "
        "self.covs = {k: np.eye(d) for k in range(K)}",
        "[[store[k] for k in range(3)] for store in (self.pi, self.mu, self.covs)]",
    ),
    "matrices": (
        "self.pi, self.mu, self.covs = np.ones(K), np.matrix(X[:K]), [np.matrix(np.eye(d))] * K",
        "self.pi, self.mu.A, [c.A for c in self.covs + []]",
    ),
    "logarithms": (
        "self.log_weights, self.mu, self.covs = np.zeros(K), X[:K], np.stack([np.eye(d)] * K)",
        "np.exp(self.log_weights), self.mu, self.covs",
    ),
    "two names": (
        "self.pi = self.weights = np.ones(K); self.mu, self.covs = X[:K], np.stack([np.eye(d)] * K)",
        "(self.pi + self.weights) / 2, self.mu, self.covs",
    ),
}


@pytest.mark.parametrize("style", STYLES)
def test_parameters_are_kept_as_the_student_keeps_them(style):
    fit, used = STYLES[style]
    weights, means, covariances = everything(answer(written(fit, used), ask))
    assert np.allclose(weights, WEIGHTS)
    assert np.array_equal(means, MEANS)
    assert np.array_equal(covariances, COVARIANCES)


def test_other_names_are_told():
    fit, used = STYLES["greek"]
    notes = answer(written(fit, used), ask).notes
    assert "found your means under `mu`" in notes
    assert "found your covariances under `sigma`" in notes
    fit, used = STYLES["dict of parameters"]
    assert 'found your means under `params["mu"]`' in answer(written(fit, used), ask).notes
    fit, used = STYLES["canonical"]
    assert answer(written(fit, used), ask).notes == ()


@pytest.mark.parametrize(
    "fit",
    ["raise ValueError", "1 / 0", "exit()", "np.linalg.inv(np.zeros((2, 2)))", "pass"],
)
def test_names_are_found_where_fitting_fails(fit):
    weights, means, _ = everything(answer(written(fit, "self.pi, self.mu, self.sigma"), ask))
    assert np.array_equal(weights, WEIGHTS)
    assert np.array_equal(means, MEANS)


def test_a_fit_that_does_not_end_is_given_up(monkeypatch):
    monkeypatch.setattr("grader.worker.layout.SECONDS", 0.1)
    weights, _, _ = everything(answer(written("while True: pass", "self.pi, self.mu, self.sigma"), ask))
    assert np.array_equal(weights, WEIGHTS)


def test_learning_the_layout_is_short_and_quiet():
    fit = "print('iteration'); np.random.rand(); globals().__setitem__('count', count + 1)"
    source = "count = 0\n" + written(fit, "count, self.weights, self.means")
    got = answer(source, lambda: {"e": ask(), "f": Function("np_random")()}, seed=4)
    assert got.status is AnswerStatus.MISSING
    got = answer(source, ask, seed=4)
    assert got.output == ""
    assert got.value[0] == 1


def test_properties_with_and_without_setters():
    source = """
    class GMM:
        def __init__(self, n_components=3):
            self._m, self._stored, self.covariances = None, None, None
        @property
        def means(self): return self._m
        @means.setter
        def means(self, value): self._m = 2 * value
        @property
        def weights(self): return self._stored
        def _e_step(self, X): return self.weights, self._m
    """
    got = answer(source, ask)
    assert got.status is AnswerStatus.VALUE, got.error
    assert np.array_equal(got.value[0], WEIGHTS)
    assert np.array_equal(got.value[1], 2 * MEANS)


def test_slots_dataclasses_and_frozen_ones():
    slots = """
    class GMM:
        __slots__ = ("n_components", "pi", "mu", "covs")
        def __init__(self, n_components=3): self.n_components = n_components
        def _e_step(self, X): return self.pi, self.mu
    """
    frozen = """
    from dataclasses import dataclass, field
    @dataclass(frozen=True)
    class GMM:
        n_components: int = 3
        pi: object = None
        mu: object = None
        covs: object = None
        def _e_step(self, X): return self.pi, self.mu
    """
    for source in (slots, frozen):
        got = answer(source, ask)
        assert got.status is AnswerStatus.VALUE, got.error
        assert np.array_equal(got.value[1], MEANS)


def test_names_read_only_inside_helpers_comprehensions_and_base_classes_are_found():
    source = """
    class Base:
        def density(self, X):
            return np.stack([X @ self.centers[k] for k in range(len(self.priors))], axis=1)
    class GMM(Base):
        def __init__(self, n_components=3): pass
        def _e_step(self, X):
            return [(lambda: self.covs)() is not None, self.density(X)]
    """
    got = answer(source, ask)
    assert got.status is AnswerStatus.VALUE, got.error
    assert np.array_equal(got.value[1], X @ MEANS.T)


def test_the_constant_pi_is_no_parameter():
    source = """
    class GMM:
        def __init__(self, n_components=3): self.weights = None
        def _e_step(self, X): return np.pi, self.weights, sorted(vars(self))
    """
    got = answer(source, ask)
    assert got.value[0] == np.pi
    assert got.value[2] == ["covariances", "means", "weights"]
    assert not any("`pi`" in note for note in got.notes)


def test_a_name_that_holds_something_else_is_left_alone():
    source = """
    class GMM:
        def __init__(self, n_components=3):
            self.mu = self.phi = None
        def fit(self, X):
            self.weights = np.ones((len(X), 3))
            self.means_, self.mu, self.phi = len(X), X[:3], np.ones(3)
        def _e_step(self, X):
            return [self.phi, self.mu, sorted(vars(self))]
    """
    got = answer(source, ask)
    assert np.array_equal(got.value[0], WEIGHTS)
    assert np.array_equal(got.value[1], MEANS)
    assert got.value[2] == ["covariances", "mu", "phi"]


def test_a_generator_is_not_replaced_by_a_seed():
    source = """
    class GMM:
        def __init__(self): self.rng, self.seed = np.random.default_rng(), 4
        def _e_step(self, X): return [self.rng.random() < 1, self.seed]
    """
    assert answer(source, lambda: New("GMM", rng=0, seed=9).call("_e_step", X)).value == [True, 9]


def test_a_method_is_not_overwritten_by_a_parameter_of_its_name():
    source = """
    class GMM:
        def __init__(self, n_components=3): self.mu = None
        def means(self): return self.mu
        def _e_step(self, X): return self.means()
    """
    assert np.array_equal(answer(source, ask).value, MEANS)


def test_sizes_that_fit_would_have_set_are_there():
    source = """
    class GMM:
        def __init__(self, n_components=3):
            self.k, self.d, self.is_fitted = n_components, None, False
        def fit(self, X):
            self.n, self.d = X.shape
            raise ValueError
        def _e_step(self, X):
            assert self.is_fitted
            return [self.k, self.d]
    """
    assert answer(source, ask).value == [3, 2]


def test_what_is_given_belongs_to_the_object():
    source = """
    class GMM:
        def __init__(self, n_components=3): self.means = None
        def _e_step(self, X):
            self.means += 1
            return self.means
    """
    for _ in range(2):
        assert np.array_equal(answer(source, ask).value, MEANS + 1)
    assert MEANS[0, 0] == 0


def test_parameters_are_read_back_with_components_first():
    fit, used = STYLES["components last"]
    support = """
def read(student, gmm):
    return [student.read(gmm, "weights", ndim=1), student.read(gmm, "means", ndim=2),
            student.read(gmm, "covariances", ndim=3)]
"""
    read = lambda: Support("read")(New("GMM", n_components=3).given(PARAMETERS))  # noqa: E731
    weights, means, covariances = everything(answer(written(fit, used), read, support=support))
    assert np.array_equal(weights, WEIGHTS)
    assert np.array_equal(means, MEANS)
    assert np.array_equal(covariances, COVARIANCES)


def test_an_attribute_is_read_under_its_other_names():
    fit, used = STYLES["logarithms"]
    got = answer(written(fit, used), lambda: {n: New("GMM").given(PARAMETERS).get(n) for n in ("means", "weights")})
    assert np.array_equal(got.value["means"], MEANS)
    assert np.allclose(got.value["weights"], WEIGHTS)
    assert "found your weights under `log_weights`" in got.notes


CONSTRUCTORS = {
    "other name": ("def __init__(self, k=2): self.k = k", 3),
    "positional only word": ("def __init__(self, how_many): self.k = how_many", 3),
    "keyword only": ("def __init__(self, *, n_clusters): self.k = n_clusters", 3),
    "catches all": ("def __init__(self, **options): self.k = options['n_components']", 3),
    "no constructor": ("K = 1", 3),
    "attribute instead": ("def __init__(self): self.k = 1", 3),
    "with data": ("def __init__(self, X, k): self.k = k + X.size", 11),
    "with data last": ("def __init__(self, K, data): self.k = K + data.size", 11),
}


@pytest.mark.parametrize("style", CONSTRUCTORS)
def test_constructors_of_many_kinds(style):
    body, expected = CONSTRUCTORS[style]
    source = f"class GMM:\n    {body}\n    def size(self): return getattr(self, 'k', None) or self.K\n"
    got = answer(source, lambda: New("GMM", n_components=3, random_state=0, _data=X).call("size"))
    assert got.status is AnswerStatus.VALUE, got.error
    assert got.value == expected


def test_a_constructor_that_needs_what_nobody_has_is_told():
    source = "class GMM:\n    def __init__(self, n_components, spline, X): pass"
    got = answer(source, lambda: New("GMM", n_components=3))
    assert got.status is AnswerStatus.MISSING
    assert "`spline`" in got.error.message
    assert "GMM(n_components=3)" in got.error.message


def test_classes_are_found_by_other_names_and_spellings():
    for name in ("MyGMM", "Gmm", "gmm", "G_M_M"):
        got = answer(f"class {name}:\n    x = 5\n    def size(self): return 4", lambda: New("GMM").call("size"))
        assert got.value == 4, name
    hidden = "class GMM:\n    def size(self): return 4\nGMM = GMM()"
    assert answer(hidden, lambda: New("GMM").call("size")).value == 4
    imported = "from sklearn.mixture import GaussianMixture\nclass MyGMM:\n    def size(self): return 4"
    assert answer(imported, lambda: New("GMM").call("size")).value == 4


METHODS = {
    "alias": "class GMM:\n    def estep(self, X): return 1",
    "case": "class GMM:\n    def _E_Step(self, X): return 1",
    "mangled": "class GMM:\n    def __e_step(self, X): return 1",
    "static": "class GMM:\n    @staticmethod\n    def e_step(X): return 1",
    "never attached": "class GMM:\n    pass\ndef _e_step(self, X): return 1",
    "attached": "class GMM:\n    pass\ndef helper(self, X): return 1\nGMM._e_step = helper",
    "callable attribute": "class GMM:\n    def __init__(self): self.e_step = lambda X: 1",
    "inherited": "class Base:\n    def expectation(self, X): return 1\nclass GMM(Base): pass",
}


@pytest.mark.parametrize("style", METHODS)
def test_methods_are_found(style):
    got = answer(METHODS[style], lambda: New("GMM").call("_e_step", X))
    assert got.status is AnswerStatus.VALUE, got.error
    assert got.value == 1


def test_functions_that_ask_for_parameters_get_the_given_ones():
    source = """
    class GMM:
        def _e_step(self, X, pi, mu, covs): return [pi, mu]
    """
    got = answer(source, ask)
    assert got.status is AnswerStatus.VALUE, got.error
    assert np.array_equal(got.value[1], MEANS)


def test_keywords_reach_parameters_by_name_or_order():
    source = """
    class Explorer:
        def walk(self, a, b, n=10): return [a, b, n]
    def classify(X_test, X_train, y): return [X_train, y, X_test]
    """
    got = answer(source, lambda: New("Explorer").call("walk", 1, 2, num_steps=3))
    assert got.value == [1, 2, 3]
    got = answer(source, lambda: Function("classify")(X_train=1, y_train=2, X_test=3))
    assert got.value == [1, 2, 3]


def test_a_function_may_be_a_method_instead():
    source = "class GMM:\n    def compute_bic(self, X): return 9"
    got = answer(source, lambda: Function("compute_bic")(New("GMM"), X))
    assert got.value == 9
    assert any("method" in note for note in got.notes)


def test_reading_ahead_remembers_what_methods_use_and_runs_nothing_of_a_class() -> None:
    class Trap(type):
        def __getattribute__(cls, name: str) -> object:
            raise SystemExit(name)

    class Trapped(metaclass=Trap):
        __module__ = "__main__"

        def fit(self) -> None:
            self.centres = 1

    self_attributes.cache_clear()
    read_ahead({"Trapped": Trapped, "number": 1})
    fit = type.__dict__["__dict__"].__get__(Trapped)["fit"]
    assert self_attributes(fit.__code__) == ("centres",)
    assert self_attributes.cache_info().hits == 1
