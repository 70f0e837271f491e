"""Classifiers, latent space and the extensions: correct programs lose nothing, wrong ones are caught and named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.model import Opaque, Verdict
from grader.rubric import Unreadable
from tests.rubric.other_items import exam, failed, graded, only, reference_and, rubric_file, with_mistake

ITEMS = ("discriminative", "generative", "interpolate", "arithmetic", "bic", "conditional_sample", "online_update")

CORRECT: dict[str, tuple[str, str]] = {
    "a fitted model": (
        "discriminative",
        """
from sklearn.linear_model import LogisticRegression
def discriminative_model(X_train, y_train, X_test):
    return LogisticRegression().fit(X_train, y_train)
""",
    ),
    "model and labels": (
        "discriminative",
        """
from sklearn.linear_model import LogisticRegression
def discriminative_model(X_train, y_train, X_test):
    model = LogisticRegression(C=0.01).fit(X_train, y_train)
    return model, model.predict(X_test)
""",
    ),
    "an argument that newer versions refuse": (
        "discriminative",
        """
from sklearn.linear_model import LogisticRegression
def discriminative_model(X_train, y_train, X_test):
    model = LogisticRegression(multi_class="auto", penalty="none")
    return model.fit(X_train, y_train).predict(X_test)
""",
    ),
    "probabilities": (
        "generative",
        """
from sklearn.naive_bayes import GaussianNB
def generative_model(X_train, y_train, X_test):
    return GaussianNB().fit(X_train, y_train).predict_proba(X_test)
""",
    ),
    "a dict with accuracies": (
        "generative",
        """
from sklearn.naive_bayes import GaussianNB
def generative_model(X_train, y_train, X_test):
    nb = GaussianNB(priors=[0.5, 0.5]).fit(X_train, y_train)
    return {"train_accuracy": nb.score(X_train, y_train), "y_pred": list(nb.predict(X_test))}
""",
    ),
    "the decoder itself": (
        "interpolate",
        """
class LatentSpaceExplorer:
    def __init__(self, model):
        self.decode = model.decoder
    def interpolate(self, z1, z2, num_steps=10):
        path = [(1 - a) * z1 + a * z2 for a in np.linspace(0, 1, num_steps)]
        return [self.decode(z.reshape(1, -1)) for z in path], path
""",
    ),
    "32-bit numbers": (
        "interpolate",
        """
class LatentSpaceExplorer:
    def __init__(self, model):
        self.model = model
    def interpolate(self, z1, z2, num_steps=10):
        a = np.linspace(0, 1, num_steps, dtype=np.float32)[:, None]
        return self.model.decode((1 - a) * np.float32(z1) + a * np.float32(z2)).reshape(num_steps, 8, 8)
""",
    ),
    "a generator": (
        "interpolate",
        """
class LatentSpaceExplorer:
    def __init__(self, model):
        self.model = model
    def interpolate(self, z1, z2, num_steps=10):
        for a in np.linspace(0, 1, num_steps):
            yield self.model.decode((1 - a) * z1 + a * z2)
""",
    ),
    "image and code": (
        "arithmetic",
        """
class LatentSpaceExplorer:
    def __init__(self, model):
        self.model = model
    def arithmetic(self, z_base, z_attribute, alpha=1.0):
        z = z_base + alpha * z_attribute
        return self.model(z[None]), z
""",
    ),
    "a tuple around BIC": (
        "bic",
        """
def compute_bic(gmm, X):
    n, d = X.shape
    k = gmm.n_components * (1 + d + d * (d + 1) / 2) - 1
    ll = gmm.log_likelihood(X) * n
    return k * np.log(n) - 2 * ll, ll, k
""",
    ),
    "BIC from the history of means": (
        "bic",
        """
def compute_bic(gmm, X):
    n, d = X.shape
    k = gmm.n_components * (1 + d + d * (d + 1) / 2) - 1
    return k * np.log(n) - 2 * gmm.log_likelihoods[-1] * n
""",
    ),
    "BIC from a history of totals under another name": (
        "bic",
        """
class Mine(GMM):
    def fit(self, X):
        super().fit(X)
        self.history = [value * len(X) for value in self.log_likelihoods]
        del self.log_likelihoods
        return self
GMM = Mine
def compute_bic(gmm, X):
    n, d = X.shape
    k = gmm.n_components * (1 + d + d * (d + 1) / 2) - 1
    return k * np.log(n) - 2 * gmm.history[-1]
""",
    ),
    "BIC beside a log-likelihood without its constant": (
        "bic",
        """
class Broken(GMM):
    def log_likelihood(self, X):
        return super().log_likelihood(X) + X.shape[1] / 2 * np.log(2 * np.pi)
GMM = Broken
""",
    ),
    "a number as condition": (
        "conditional_sample",
        """
class Mine(GMM):
    def conditional_sample(self, x, n_samples):
        x = float(x)
        sx2, sxy, sy2 = self.covariances[:, 0, 0], self.covariances[:, 0, 1], self.covariances[:, 1, 1]
        p = self.weights * np.exp(-0.5 * (x - self.means[:, 0]) ** 2 / sx2) / np.sqrt(sx2)
        k = np.random.choice(len(p), size=n_samples, p=p / p.sum())
        mean = self.means[:, 1] + sxy / sx2 * (x - self.means[:, 0])
        return np.random.normal(mean[k], np.sqrt(sy2 - sxy**2 / sx2)[k])
GMM = Mine
""",
    ),
    "dimensions and values as two arguments": (
        "conditional_sample",
        """
class Mine(GMM):
    def conditional_sample(self, known_indices, known_values, n_samples):
        return super().conditional_sample(dict(zip(list(known_indices), known_values, strict=True)), n_samples)
GMM = Mine
""",
    ),
    "a dimension and its value": (
        "conditional_sample",
        """
class Mine(GMM):
    def conditional_sample(self, dimension, value, n_samples=100):
        return super().conditional_sample({int(dimension): float(value)}, n_samples)
GMM = Mine
""",
    ),
    "draws near the condition kept": (
        "conditional_sample",
        """
class Mine(GMM):
    def conditional_sample(self, condition, n_samples):
        condition = np.asarray(condition, dtype=float)
        known = ~np.isnan(condition)
        kept = np.empty((0, len(condition)))
        while len(kept) < n_samples:
            drawn = self.sample(200_000)
            near = np.all(np.abs(drawn[:, known] - condition[known]) < 0.1, axis=1)
            kept = np.vstack([kept, drawn[near]])
        return kept[:n_samples]
GMM = Mine
""",
    ),
    "statistics set up by fit": (
        "online_update",
        """
class Mine(GMM):
    def fit(self, X):
        super().fit(X)
        self.seen = len(X)
        return self
    def online_update(self, batch):
        r = self._e_step(batch)
        old = self.seen * self.weights
        new = r.sum(axis=0)
        self.seen = min(self.seen + len(batch), 3000)
        means, covs = [], []
        for k in range(self.n_components):
            m = (old[k] * self.means[k] + r[:, k] @ batch) / (old[k] + new[k])
            d, s = batch - m, self.means[k] - m
            covs.append((old[k] * (self.covariances[k] + np.outer(s, s)) + (r[:, k] * d.T) @ d) / (old[k] + new[k]))
            means.append(m)
        self.weights = (old + new) / (old + new).sum()
        self.means, self.covariances = np.array(means), np.array(covs)
GMM = Mine
""",
    ),
}


@pytest.mark.parametrize("seed", ["one", "two"])
@pytest.mark.parametrize("item", ITEMS)
def test_the_reference_gets_full_points(item: str, seed: str) -> None:
    from tests.rubric.other_items import whole

    result = graded(item, whole().reference, seed)
    assert result.points == result.max_points > 0, failed(result)


@pytest.mark.parametrize("style", CORRECT)
def test_correct_styles_lose_nothing(style: str) -> None:
    item, source = CORRECT[style]
    result = graded(item, reference_and(source))
    assert result.points == result.max_points, failed(result)


def test_what_was_adapted_is_told() -> None:
    result = graded("discriminative", reference_and(CORRECT["a fitted model"][1]))
    assert any("LogisticRegression" in note for note in result.notes)
    result = graded("conditional_sample", reference_and(CORRECT["a number as condition"][1]))
    assert any("unknown coordinates only" in note for note in result.notes)


CAUGHT = {
    "discriminative": ("naive_bayes_instead", "no_intercept", "returns_nothing", "labels_hard_coded", "reads_globals"),
    "generative": ("logistic_regression_instead", "full_covariances", "pooled_variance", "predicts_training_points"),
    "interpolate": ("ends_swapped", "end_left_out", "not_decoded", "images_mixed", "nothing_returned", "steps_ignored"),
    "arithmetic": ("alpha_ignored", "attribute_ignored", "not_decoded", "zero_as_default", "alpha_squared"),
    "bic": ("mean_not_total", "covariances_as_squares", "all_weights_free", "left_empty", "method_of_another_library"),
    "conditional_sample": (
        "weights_not_conditioned",
        "regression_forgotten",
        "covariance_not_reduced",
        "known_not_held",
    ),
    "online_update": ("keeps_all_batches", "overwrites", "covariances_frozen", "mean_not_divided", "nothing_kept"),
}


@pytest.mark.parametrize(("item", "name"), [(item, name) for item, names in CAUGHT.items() for name in names])
def test_mistakes_lose_points_and_are_named(item: str, name: str) -> None:
    result = graded(item, with_mistake(item, name))
    lost = [one for one in result.checks if one.points < one.max_points]
    assert lost
    assert {one.diagnosis for one in lost} == {f"{item}.{name}"}
    assert all(one.message for one in lost)


@pytest.mark.parametrize("change", ["self.means = self.means + 1e-9", "self.means = self.means * np.nan"])
def test_an_update_that_learns_nothing_earns_nothing(change: str) -> None:
    source = f"""
class Mine(GMM):
    def online_update(self, batch):
        {change}
GMM = Mine
"""
    result = graded("online_update", reference_and(source))
    assert [one.points for one in result.checks] == [0] * len(result.checks)
    assert all("After 300 batches" in one.message for one in result.checks)


def test_no_two_wrong_formulas_for_bic_give_the_same_answers() -> None:
    paper = exam("bic", "one")
    tolerance = 1e-6
    told = []
    for one in only("bic").mistakes:
        readings = [paper.mistaken_reading(one, name) for name in ("bic_as_written", "bic_other_as_written")]
        told.append((one.id, [reading.value for reading in readings if reading.readable]))
    numbers = [(name, values) for name, values in told if len(values) == 2]
    assert len(numbers) >= 27
    for index, (name, values) in enumerate(numbers):
        for other, others in numbers[:index]:
            assert not np.allclose(values, others, rtol=tolerance), (name, other)


def test_a_division_by_the_steps_less_one_costs_nothing_but_is_told() -> None:
    source = """
class Mine(LatentSpaceExplorer):
    def interpolate(self, z1, z2, num_steps=10):
        return [self.model.decode(z1 + i / (num_steps - 1) * (z2 - z1)) for i in range(num_steps)]
LatentSpaceExplorer = Mine
"""
    result = graded("interpolate", reference_and(source))
    assert result.points == result.max_points
    extra = next(one for one in result.checks if one.id == "one_step")
    assert extra.verdict is Verdict.ERROR
    assert extra.max_points == 0


def test_an_endless_rejection_is_told_as_such() -> None:
    endless = next(one for one in only("conditional_sample").mistakes if one.id.endswith("waits_for_exact_value"))
    assert endless.outcome == "timeout"


HOSTILE: list[Any] = [
    None,
    "text " * 1000,
    Opaque("Thing"),
    [],
    [[1.0], [2.0, 3.0]],
    {"a": {"b": [None]}},
    np.full((500, 2), np.nan),
    np.zeros((0, 2)),
    np.array(3 + 4j),
    float("inf"),
    [float("nan")] * 500,
]


@pytest.mark.parametrize("item", ["discriminative", "generative", "bic"])
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: type(value).__name__)
def test_odd_answers_are_wrong_answers(item: str, value: Any) -> None:
    paper = exam(item, "one")
    for made in only(item).checks.values():
        (drawn,) = [paper.questions[one.id] for one in made.all_asks[:1]]
        if drawn.definition.id == "chosen_components":
            continue
        try:
            answer = drawn.definition.reads(value, drawn.inputs).value
        except Unreadable as complaint:
            assert complaint.message
            continue
        given = {"answer": answer, "expected": paper.expected[drawn.ask.id], "inputs": drawn.inputs}
        rule = next(one for one in only(item).spec.items[0].checks.items() if one[0] == made.id)[1]
        arguments = {name: part for name, part in {**given, **rule.thresholds}.items() if name in made.parameters}
        assert made.function(**arguments).verdict is not Verdict.PASS


# --- the laws -------------------------------------------------------------------------------


@pytest.mark.parametrize("probe", ["dominant_probe", "shared_probe"])
def test_exact_conditional_draws_pass_and_a_tenth_more_noise_does_not(probe: str) -> None:
    laws = rubric_file("conditional_laws")
    for seed in range(30):
        rng = np.random.default_rng(seed)
        mixture, x = getattr(laws, probe)(rng)
        law = laws.given_x(mixture, np.array([x]))
        chosen = rng.choice(3, size=4000, p=law.weights[0])
        noise = law.deviations[0][chosen] * rng.standard_normal(4000)
        for factor, passes in ((1.0, True), (1.15, False)):
            draws = np.column_stack([np.full(4000, x), law.means[0][chosen] + factor * noise])
            found = laws.p_values(draws, mixture, x)
            assert (min(found.values()) >= laws.TOTAL / len(found)) is passes


def test_the_shared_probe_tells_every_rule_for_the_component() -> None:
    laws = rubric_file("conditional_laws")
    for seed in range(20):
        mixture, x = laws.shared_probe(np.random.default_rng(seed))
        shares = laws.given_x(mixture, np.array([x])).weights[0]
        distances = np.abs(mixture["means"][:, 0] - x)
        assert len({int(np.argmax(shares)), int(np.argmin(distances)), int(np.argmax(mixture["weights"]))}) == 3


def test_labels_are_found_in_whatever_comes_back() -> None:
    classes = rubric_file("classes")
    inputs = {"X_test": np.zeros((4, 2)), "X_train": np.zeros((6, 2)), "y_train": np.array([3, 3, 3, 8, 8, 8])}
    wanted = [3, 8, 8, 3]
    for value in (
        wanted,
        np.array([[3.0], [8.0], [8.0], [3.0]]),
        (0.9, np.array(wanted)),
        {"accuracy": 0.9, "labels": tuple(wanted)},
        np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [1.0, 0.0]]),
        np.array([False, True, True, False]),
        [0.1, 0.7, 0.9, 0.2],
        {"predicted by": "LogisticRegression", "labels": np.array(wanted)},
        ([3] * 6, wanted),
    ):
        assert list(classes.predicted_labels(value, inputs).value) == wanted
    with pytest.raises(Unreadable, match="X_train"):
        classes.predicted_labels(np.array([3, 3, 3, 8, 8, 8]), inputs)
