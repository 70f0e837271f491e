"""The mixture items: correct programs lose nothing, wrong ones lose their own item and are named."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pytest

from grader.model import Opaque, Verdict
from grader.rubric import Reply, Unreadable
from tests.rubric.conftest import assignment, exam, graded, written

FULL = {"e_step": 15.0, "m_step": 15.0, "sample": 15.0, "training": 10.0}

PLAIN = """
import numpy as np
from scipy.stats import multivariate_normal

class GMM:
    def __init__(self, n_components=3, max_iters=100, tol=1e-4, random_state=None):
        self.n_components, self.max_iters, self.tol, self.random_state = n_components, max_iters, tol, random_state
        self.weights = self.means = self.covariances = None
        self.log_likelihoods = []

    def fit(self, X):
        rng = np.random.default_rng(self.random_state)
        K, D = self.n_components, X.shape[1]
        self.weights = np.ones(K) / K
        self.means = X[rng.choice(len(X), K, replace=False)]
        self.covariances = np.array([np.cov(X.T) for _ in range(K)])
        self.log_likelihoods = []
        for i in range(self.max_iters):
            self._m_step(X, self._e_step(X))
            self.log_likelihoods.append(self.log_likelihood(X))
            if i and abs(self.log_likelihoods[-1] - self.log_likelihoods[-2]) < self.tol:
                break
        return self

    def log_likelihood(self, X):
        p = sum(w * multivariate_normal.pdf(X, m, c) for w, m, c in zip(self.weights, self.means, self.covariances))
        return np.mean(np.log(p))

    def _e_step(self, X):
        r = np.zeros((len(X), self.n_components))
        for k in range(self.n_components):
            r[:, k] = self.weights[k] * multivariate_normal.pdf(X, self.means[k], self.covariances[k])
        return r / r.sum(axis=1, keepdims=True)

    def _m_step(self, X, r):
        N_k = r.sum(axis=0)
        self.weights = N_k / len(X)
        self.means = r.T @ X / N_k[:, None]
        self.covariances = np.zeros((self.n_components, X.shape[1], X.shape[1]))
        for k in range(self.n_components):
            d = X - self.means[k]
            self.covariances[k] = (r[:, k, None] * d).T @ d / N_k[k]

    def sample(self, n_samples):
        samples = []
        for _ in range(n_samples):
            k = np.random.choice(self.n_components, p=self.weights)
            samples.append(np.random.multivariate_normal(self.means[k], self.covariances[k]))
        return np.array(samples)
"""

CORRECT = {
    "as the activity hints": PLAIN,
    "a thousandth of the variance on the diagonals": PLAIN.replace(
        "@ d / N_k[k]", "@ d / N_k[k] + 1e-3 * X.var() * np.eye(X.shape[1])"
    ).replace(
        "pdf(X, self.means[k], self.covariances[k])",
        "pdf(X, self.means[k], self.covariances[k] + 1e-3 * X.var() * np.eye(X.shape[1]))",
    ),
    "32-bit numbers": PLAIN.replace("return r / r.sum", "r = r.astype(np.float32)\n        return r / r.sum").replace(
        "self.means = r.T @ X / N_k[:, None]", "self.means = (r.T @ X / N_k[:, None]).astype(np.float32)"
    ),
    "tuples everywhere": PLAIN.replace(
        "return r / r.sum(axis=1, keepdims=True)", "return r / r.sum(axis=1, keepdims=True), 0.0"
    )
    .replace("self._m_step(X, self._e_step(X))", "self._m_step(X, self._e_step(X)[0])")
    .replace("return np.array(samples)", "return np.array(samples), np.zeros(n_samples, dtype=int)"),
    "joint densities before the responsibilities": PLAIN.replace(
        "return r / r.sum(axis=1, keepdims=True)", "return r, r / r.sum(axis=1, keepdims=True)"
    ).replace("self._m_step(X, self._e_step(X))", "self._m_step(X, self._e_step(X)[1])"),
    "joint densities first, and no history": PLAIN.replace(
        "return r / r.sum(axis=1, keepdims=True)", "return r, r / r.sum(axis=1, keepdims=True)"
    )
    .replace("self._m_step(X, self._e_step(X))", "self._m_step(X, self._e_step(X)[1])")
    .replace("self.log_likelihoods.append(self.log_likelihood(X))", "")
    .replace("if i and abs(self.log_likelihoods[-1] - self.log_likelihoods[-2]) < self.tol:", "if i > 80:"),
    "logarithms of the responsibilities": PLAIN.replace(
        "return r / r.sum(axis=1, keepdims=True)", "return np.log(r / r.sum(axis=1, keepdims=True))"
    ).replace("self._m_step(X, self._e_step(X))", "self._m_step(X, np.exp(self._e_step(X)))"),
    "a total in the history, and fit returns it": PLAIN.replace(
        "self.log_likelihoods.append(self.log_likelihood(X))",
        "self.log_likelihoods.append(len(X) * self.log_likelihood(X))",
    ).replace("return self\n", "return self.log_likelihoods\n"),
    "the history as a loss": PLAIN.replace(
        "self.log_likelihoods.append(self.log_likelihood(X))", "self.log_likelihoods.append(-self.log_likelihood(X))"
    ),
    "other names": re.sub(
        r"self\.log_likelihoods",
        "self.ll_history",
        PLAIN.replace("self.weights", "self.pi").replace("self.means", "self.mu"),
    ).replace("self.covariances", "self.sigma"),
    "kept on self, nothing returned": PLAIN.replace(
        "return r / r.sum(axis=1, keepdims=True)", "self.r = r / r.sum(axis=1, keepdims=True)"
    ).replace("self._m_step(X, self._e_step(X))", "self._e_step(X)\n            self._m_step(X, self.r)"),
    "components in groups": PLAIN.replace(
        """        samples = []
        for _ in range(n_samples):
            k = np.random.choice(self.n_components, p=self.weights)
            samples.append(np.random.multivariate_normal(self.means[k], self.covariances[k]))
        return np.array(samples)""",
        """        counts = np.random.multinomial(n_samples, self.weights)
        drawn = zip(self.means, self.covariances, counts)
        return np.vstack([np.random.multivariate_normal(*one) for one in drawn])""",
    ),
}


@pytest.mark.parametrize("seed", ["one", "two"])
def test_the_reference_gets_every_point(seed: str):
    assert {item: result.points for item, result in graded(seed, assignment().reference).items()} == FULL


@pytest.mark.parametrize("source", CORRECT.values(), ids=CORRECT.keys())
def test_a_correct_style_loses_nothing(source: str):
    results = graded(_seed(source), written(source))
    lost = [
        (item, check.id, check.message)
        for item, result in results.items()
        for check in result.checks
        if check.verdict is not Verdict.PASS and check.max_points > 0
    ]
    assert lost == []


def _seed(text: str) -> str:
    """One of the two seeds, the same for the same text."""
    return ("one", "two")[sum(text.encode()) % 2]


def test_plain_densities_fail_the_far_points_without_losing_points():
    result = graded("one", written(PLAIN), "e_step")["e_step"]
    far = next(check for check in result.checks if check.id == "far_away")
    assert (far.verdict, far.max_points, result.points) == (Verdict.FAIL, 0.0, 15.0)
    assert "logarithms" in far.hint


TELLING = [
    "e_step.weights_left_out",
    "e_step.transposed",
    "e_step.inflates_covariances",
    "m_step.covariances_around_old_means",
    "m_step.covariances_unbiased",
    "m_step.ignores_responsibilities",
    "sample.uniform_choice",
    "sample.fixed_counts",
    "sample.variances_for_deviations",
    "training.likelihood_of_normalised",
    "training.stops_at_first_rise",
    "training.sorts_means_only",
    "training.resumes_instead_of_starting",
]


@pytest.mark.parametrize("mistake_id", TELLING)
def test_a_mistake_costs_its_own_item_only_and_is_named(mistake_id: str):
    mistake = next(one for one in assignment().mistakes if one.id == mistake_id)
    results = graded(_seed(mistake_id), {**assignment().reference, mistake.replaces: mistake.piece})
    lost = {item for item, result in results.items() if result.points < result.max_points}
    assert mistake.item in lost
    assert lost <= {mistake.item, *mistake.also, *(["training"] if mistake.item in ("e_step", "m_step") else [])}
    assert mistake_id in {check.diagnosis for check in results[mistake.item].checks}


def test_an_open_template_earns_nothing():
    source = re.sub(r"        r = np.zeros.*?def sample", _TEMPLATE, PLAIN, flags=re.DOTALL)
    source = re.sub(r"            k = np.random.choice.*\n.*\n", "            pass\n", source)
    results = graded("two", written(source))
    assert {item: result.points for item, result in results.items()} == dict.fromkeys(FULL, 0.0)
    assert results["training"].verdict is Verdict.BLOCKED


_TEMPLATE = """        responsibilities = np.zeros((X.shape[0], self.n_components))
        return responsibilities

    def _m_step(self, X, responsibilities):
        pass

    def sample"""


def test_transposed_responsibilities_earn_a_part():
    source = PLAIN.replace("return r / r.sum(axis=1, keepdims=True)", "return (r / r.sum(axis=1, keepdims=True)).T")
    result = graded("one", written(source), "e_step")["e_step"]
    assert 0 < result.points < 7
    assert any("transposed" in check.message for check in result.checks)


def test_too_strong_a_regularisation_is_told_with_its_size():
    source = PLAIN.replace(
        "self.means[k], self.covariances[k])\n        return r",
        "self.means[k], self.covariances[k] + 0.4 * np.eye(X.shape[1]))\n        return r",
    )
    result = graded("two", written(source), "e_step")["e_step"]
    assert result.verdict is Verdict.PARTIAL
    assert any("about 0.4 is added to the diagonal" in check.message for check in result.checks)


@pytest.mark.parametrize(
    "change, told",
    [
        (("@ d / N_k[k]", "@ d / N_k[k] + 0.2 * np.eye(X.shape[1])"), "You added 0.2 to the diagonal"),
        (("@ d / N_k[k]", "@ d / N_k[k] + 0.2"), "You added 0.2 to every entry"),
        (("@ d / N_k[k]", "@ d / len(X)"), "You divided by N, the number of points, not by N_k"),
        (("@ d / N_k[k]", "@ d / (2 * N_k[k])"), "off by the same factor of 0.5"),
        (("self.weights = N_k / len(X)", "self.weights = N_k"), "divide by the number of points"),
        (("d = X - self.means[k]", "d = X"), "not centred"),
    ],
    ids=["diagonal", "every entry", "N for N_k", "factor", "weights", "centre"],
)
def test_the_values_of_an_m_step_tell_the_mistake(change: tuple[str, str], told: str):
    result = graded("one", written(PLAIN.replace(*change)), "m_step")["m_step"]
    assert any(told in check.message for check in result.checks)


def test_what_wrong_weights_tell_is_said_once():
    source = PLAIN.replace("self.weights = N_k / len(X)", "self.weights = N_k / (len(X) - 1)")
    result = graded("one", written(source), "m_step")["m_step"]
    message = next(check.message for check in result.checks if check.id == "weights")
    assert message.count("off by the same factor") == 1


@pytest.mark.parametrize(
    "ending, told",
    [
        ("return points.T", "`samples.T`"),
        ("return points[:, None]", "`[0]`"),
        ("return points[:-1]", "`n_samples` in all"),
    ],
    ids=["transposed", "extra axis", "one too few"],
)
def test_samples_of_a_wrong_shape_are_told_how_to_mend_it(ending: str, told: str):
    source = (
        PLAIN
        + f"""
def wrong(self, n_samples, right=GMM.sample):
    points = np.asarray(right(self, n_samples))
    {ending}
GMM.sample = wrong
"""
    )
    result = graded("one", written(source), "sample")["sample"]
    assert told in next(check.hint for check in result.checks if check.id == "shape")


@pytest.mark.parametrize("lost", ["np.nan", "np.inf"])
def test_samples_that_are_not_numbers_earn_nothing(lost: str):
    """Nor do those that are left when the bad ones come back as NaN."""
    begin = "class GMM(Base):\n    def sample(self, n): return super().sample(n) * "
    some, every = (
        f"{begin}np.where(np.arange(n) % 2, 1, {lost})[:, None]",
        f"{begin}{lost}",
    )
    for source in (some, every):
        namespace = {**assignment().reference, "Base": assignment().reference["GMM"], "np": np}
        exec(source, namespace)
        checks = {one.id: one for one in graded("s", namespace, "sample")["sample"].checks}
        assert not checks["one_by_one"].points
        assert not checks["shape"].points
    assert not any(one.points for one in checks.values())


def test_no_message_shows_an_expected_value():
    source = PLAIN.replace("self.weights[k] * mul", "mul").replace("/ N_k[k]", "/ len(X)")
    results = graded("one", written(source), "e_step", "m_step")
    expected = exam("one").expected["parameters"]
    secret = {f"{value:.3f}" for name in ("weights", "means") for value in np.ravel(expected[name])}
    told = " ".join(f"{check.message} {check.hint}" for result in results.values() for check in result.checks)
    assert not [value for value in secret if value in told]


HOSTILE: list[Any] = [
    None,
    "text",
    Opaque("GMM"),
    [[1, 2], [3]],
    {"a": [1], "b": Opaque("x")},
    np.full((150, 3), np.nan),
    np.zeros((0, 3)),
    np.zeros((2, 2, 2, 2)),
    [None] * 20,
    1e308,
    -5,
    np.array(1j),
    (np.arange(3), "x", None),
]


@pytest.mark.parametrize("value", HOSTILE, ids=[str(n) for n in range(len(HOSTILE))])
@pytest.mark.parametrize("ask_id", ["responsibilities", "parameters", "draws", "fits"])
def test_whatever_comes_back_is_read_or_told_to_be_unreadable(ask_id: str, value: Any):
    drawn = exam("one").questions[ask_id]
    state = {"weights": value, "means": value, "covariances": value, "log_likelihoods": value, "history": value}
    fit = {"fitted": True, "error": "", "skipped": False, "returned": value, "log_likelihood": None}
    raw = {
        "responsibilities": {"returned": value, "state": state},
        "parameters": {"returned": value, "state": state},
        "draws": value,
        "fits": {"fits": [fit] * 12, "states": [state] * 12},
    }[ask_id]
    made = [one for one in assignment().checks.values() if [a.id for a in one.all_asks] == [ask_id]]
    try:
        read = drawn.definition.reads(raw, drawn.inputs)
    except Unreadable as told:
        assert told.message
        return
    thresholds = {"atol": 0.01, "rtol": 0.01, "level": 1e-6, "nats": 0.02, "deviations": 1.0, "tolerance": 1e-3}
    given = {"answer": read.value, "expected": exam("one").expected[ask_id], "inputs": drawn.inputs, **thresholds}
    given |= {"disagreeing_starts": 3, "most_idle": 25}
    for one in made:
        finding = one.function(**{name: given[name] for name in one.parameters})
        assert finding.verdict is not Verdict.PASS or one.id in {"stops", "log_likelihood_value", "weights_sum"}


def test_the_report_gets_its_drawings():
    drawn, expected = exam("one").questions, exam("one").expected
    replies = {
        name: Reply(expected[name], expected[name], drawn[name].inputs)
        for name in ("fits", "draws", "responsibilities")
    }
    plots = assignment().plots(replies)
    assert set(plots) == {"log_likelihood", "clusters", "samples"}
    assert plots["clusters"]["X"].shape == (240, 2)
    assert plots["clusters"]["means"].shape == plots["clusters"]["reference_means"].shape == (3, 2)
    assert assignment().plots({}) == {}


def test_separated_components_leave_no_doubt_about_labels():
    shared = sys.modules[exam("one").questions["draws"].definition.module.rpartition(".")[0] + ".shared"]
    rng = np.random.default_rng(5)
    for _ in range(50):
        mixture = shared.separated(rng, 2, 3)
        gaps = np.linalg.norm(mixture["means"][:, None] - mixture["means"][None], axis=2)[~np.eye(3, dtype=bool)]
        largest = np.sqrt(np.linalg.eigvalsh(mixture["covariances"]).max())
        assert gaps.min() >= 14 * largest * (1 - 1e-9)
        assert mixture["weights"].sum() == pytest.approx(1.0)
