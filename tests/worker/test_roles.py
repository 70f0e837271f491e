"""Parameters recognised by what they are, kept in another form, or followed by what a class derives from them."""

from __future__ import annotations

import numpy as np
import pytest

from grader.asks import New
from grader.model import AnswerStatus, Limits
from grader.worker.answering import evaluate
from grader.worker.attributes import forms
from grader.worker.derived import moments
from tests.worker.student import COVARIANCES, MEANS, NAMES, PARAMETERS, WEIGHTS, notebook, question

X = np.arange(8.0).reshape(4, 2)
ROLES = {
    **NAMES,
    "weights": (*NAMES["weights"], "role:shares"),
    "means": (*NAMES["means"], "role:points"),
    "covariances": (*NAMES["covariances"], "role:spreads"),
}
FITTING = """
import numpy as np
class GMM:
    def __init__(self, n_components=3, max_iters=100):
        self.n_components, self.max_iters = n_components, max_iters
    def fit(self, X):
        n, d = X.shape
        K = self.n_components
        R = np.eye(K)[np.arange(n) % K]
        w, m = R.mean(axis=0), R.T @ X / R.sum(axis=0)[:, None]
        C = np.array([np.cov(X[R[:, k] > 0].T) for k in range(K)])
        {fit}
        return self
    def _e_step(self, X):
        return {used}
"""


def e_step():
    return New("GMM", n_components=3).given(PARAMETERS).call("_e_step", X)


def fitted():
    made = New("GMM", n_components=3)
    made.call("fit", np.random.default_rng(1).normal(size=(12, 2)))
    return made


def asked(fit, used):
    return evaluated(FITTING.format(fit=fit, used=used))


def evaluated(source, build=e_step):
    return evaluate(question(build), notebook(source), ROLES, Limits())


RECOGNISED = {
    "foreign names": ("self.pesos, self.medias, self.matrices = w, m, C", "self.pesos, self.medias, self.matrices"),
    "private names": ("self.__a, self.__b, self.__c = w, m, C", "self.__a, self.__b, self.__c"),
    "another kept beside": (
        "self.anteile, self.punkte, self.streuung = w, m, C; self.genau = np.linalg.inv(C); self.counts = n * w",
        "self.anteile, self.punkte, self.streuung",
    ),
    "the same twice": (
        "self.a, self.b, self.c = w, m, C; self.first_c = C.copy()",
        "self.a, self.b, (self.c + self.first_c) / 2",
    ),
    "lists": ("self.a, self.b, self.c = list(w), list(m), list(C)", "self.a + [], self.b + [], self.c + []"),
    "a plain tuple": ("self.theta = (w, m, C)", "self.theta"),
}


@pytest.mark.parametrize("style", RECOGNISED)
def test_a_parameter_is_recognised_by_what_it_is(style):
    got = asked(*RECOGNISED[style])
    assert got.status is AnswerStatus.VALUE, got.error
    for part, wanted in zip(got.value, (WEIGHTS, MEANS, COVARIANCES), strict=True):
        assert np.allclose(np.asarray(part, dtype=float), wanted)


def test_what_was_recognised_is_told():
    notes = asked(*RECOGNISED["foreign names"]).notes
    assert "found your means under `medias`" in notes


def test_a_parameter_is_read_where_it_is_recognised():
    source = FITTING.format(fit="self.pesos, self.medias, self.matrices = w, m, C", used="None")
    got = evaluated(source, lambda: fitted().get("means"))
    assert got.status is AnswerStatus.VALUE
    assert np.shape(got.value) == (3, 2)


def test_of_two_unlike_candidates_none_is_taken():
    got = asked("self.a, self.b, self.c, self.old = w, m, C, 2 * C", "self.a, self.b, self.c")
    assert got.status is AnswerStatus.RAISED
    assert "'c'" in got.error.message


def test_a_known_name_wins_over_a_role():
    got = asked(
        "self.weights, self.means, self.covariances = w, m, C; self.start = m + 1", "self.means, hasattr(self, 'start')"
    )
    assert np.allclose(got.value[0], MEANS)
    assert got.value[1] is False


BEHIND = """
import numpy as np
class GMM:
    def __init__(self, n_components=3, max_iters=100):
        self.n_components, self.max_iters = n_components, max_iters
        self.weights = self.means = None
        {init}
    {body}
    def fit(self, X):
        K = self.n_components
        self._m_step(X, np.eye(K)[np.arange(len(X)) % K])
        return self
    def _m_step(self, X, R):
        n = R.sum(axis=0)
        means = R.T @ X / n[:, None]
        covariances = [{scatter} for k, d in enumerate(X[None] - means[:, None])]
        self.{stored}(n / {total}, means, np.array(covariances))
    def _e_step(self, X):
        return {used}
"""
RIGHT = {"scatter": "(R[:, k, None] * d).T @ d / n[k]", "total": "n.sum()"}
PROPERTY = """
    @property
    def covariances(self):
        return None if self.kept is None else {computed}
    def _store(self, w, m, C):
        self.weights, self.means, self.kept = w, m, {form}
"""
KEPT = {
    "factors": ("np.linalg.cholesky(C)", "self.kept @ self.kept.transpose(0, 2, 1)"),
    "precisions": ("np.linalg.inv(C)", "np.linalg.inv(self.kept)"),
    "factors of the precisions": (
        "np.linalg.cholesky(np.linalg.inv(C))",
        "np.linalg.inv(self.kept @ self.kept.transpose(0, 2, 1))",
    ),
    "inverse factors": (
        "np.linalg.inv(np.linalg.cholesky(C))",
        "np.linalg.inv(self.kept.transpose(0, 2, 1) @ self.kept)",
    ),
}


@pytest.mark.parametrize("kept", KEPT)
def test_covariances_behind_a_property_are_kept_in_its_form(kept):
    form, computed = KEPT[kept]
    body = PROPERTY.format(form=form, computed=computed)
    source = BEHIND.format(
        init="self.kept = None", body=body, stored="_store", used="self.covariances, self.kept", **RIGHT
    )
    got = evaluated(source)
    assert np.allclose(got.value[0], COVARIANCES)


def test_a_property_that_gives_nothing_back_gets_the_value_itself():
    body = PROPERTY.format(form="C", computed="2 * self.kept")
    source = BEHIND.format(init="self.kept = None", body=body, stored="_store", used="self.kept", **RIGHT)
    got = evaluated(source)
    assert np.allclose(got.value, COVARIANCES)


STORE = """
    def _store(self, w, m, C):
        self.weights, self.means, self.covariances = w, m, C
        self.factors = np.linalg.cholesky(C)
        self.size = 2
"""
DERIVED = {
    "M-step": STORE,
    "method": STORE.replace("self.factors", "self._derive()\n    def _derive(self):\n        self.factors").replace(
        "cholesky(C)", "cholesky(self.covariances)"
    ),
}


@pytest.mark.parametrize("way", DERIVED)
def test_what_is_derived_follows_the_parameters(way):
    source = BEHIND.format(
        init="self.covariances = self.factors = self.size = None",
        body=DERIVED[way],
        stored="_store",
        used="self.factors + 0, self.size + 0, self.covariances",
        **RIGHT,
    )
    got = evaluated(source)
    assert got.status is AnswerStatus.VALUE, got.error
    factors, _, covariances = got.value
    assert np.allclose(factors, np.linalg.cholesky(COVARIANCES), rtol=1e-3)
    assert np.array_equal(covariances, COVARIANCES)
    assert any("`factors`" in note for note in got.notes)


WRONG = {
    "covariances": {"scatter": "(R[:, k, None] * d).T @ d / n.sum()"},
    "weights": {"total": "n.max()"},
    "regularisation": {"scatter": "(R[:, k, None] * d).T @ d / n[k] + np.eye(2)"},
}
FORMS = {
    "factors": ("np.linalg.cholesky(C)", np.linalg.cholesky(COVARIANCES)),
    "precisions": ("np.linalg.inv(C)", np.linalg.inv(COVARIANCES)),
    "factors of the precisions, in a list": (
        "[np.linalg.cholesky(np.linalg.inv(c)) for c in C]",
        np.linalg.cholesky(np.linalg.inv(COVARIANCES)),
    ),
    "determinants": ("np.linalg.det(C)", np.linalg.det(COVARIANCES)),
    "logarithms of the determinants": ("np.linalg.slogdet(C)[1]", np.log(np.linalg.det(COVARIANCES))),
    "logarithms of the weights": ("np.log(w)", np.log(WEIGHTS)),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_m_step_does_not_spoil_what_is_derived(form, wrong):
    """Its mistake is the M-step's: the derived values are those of the parameters that were set."""
    source = BEHIND.format(
        init="self.covariances = self.kept = None",
        body=STORE.replace("factors", "kept").replace("np.linalg.cholesky(C)", FORMS[form][0]),
        stored="_store",
        used="type(self.kept).__name__, [part + 0 for part in self.kept]",
        **{**RIGHT, **WRONG[wrong]},
    )
    got = evaluated(source)
    assert got.status is AnswerStatus.VALUE, got.error
    kind, parts = got.value
    assert np.allclose(parts, FORMS[form][1])
    assert kind == ("list" if "list" in form else "ndarray")


def test_what_a_wrong_m_step_leaves_is_not_kept():
    source = BEHIND.format(
        init="self.covariances = self.factors = None",
        body=STORE.replace("np.linalg.cholesky(C)", "[dict(c=c) for c in C]"),
        stored="_store",
        used="self.factors + []",
        **{**RIGHT, **WRONG["covariances"]},
    )
    assert evaluated(source).status is AnswerStatus.RAISED


def test_a_class_that_fails_for_another_reason_fails_as_it_did():
    source = BEHIND.format(
        init="self.covariances = None", body=STORE, stored="_store", used="self.means @ np.ones(7)", **RIGHT
    )
    got = evaluated(source)
    assert got.status is AnswerStatus.RAISED
    assert got.error.type == "ValueError"


def test_forms_end_where_a_matrix_has_no_factor():
    assert len(list(forms(COVARIANCES))) == 5
    assert len(list(forms(-COVARIANCES))) == 1
    assert len(list(forms(WEIGHTS))) == 1


def test_moments_give_the_parameters_back():
    points, shares = moments(PARAMETERS)
    n = shares.sum(axis=0)
    assert np.allclose(n / n.sum(), WEIGHTS)
    assert np.isclose(n.sum(), len(points))
    means = shares.T @ points / n[:, None]
    assert np.allclose(means, MEANS)
    for k, covariance in enumerate(COVARIANCES):
        away = points - means[k]
        assert np.allclose((shares[:, k, None] * away).T @ away / n[k], covariance)
    assert moments({"weights": WEIGHTS}) is None
