"""Checks without chance: correct styles over many seeds against the thresholds; how often a power guard gives up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rates import assignment, found, rubric, seeded, threshold
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from grader import exam, laws
from grader.threads import one_thread

Array = NDArray[Any]
Answer = Callable[[Array, Mapping[str, Array]], Array]


# --- worst margins --------------------------------------------------------------------------

E_STEPS = {"two_components": (2, 2), "match_reference": (2, 3), "one_dimension": (1, 2), "three_dimensions": (3, 3)}
E_STEPS["six_dimensions"] = (6, 3)


def _posterior(X: Array, mixture: Mapping[str, Array], added: float = 0.0) -> Array:
    covariances = mixture["covariances"] + added * np.eye(X.shape[1])
    return laws.posterior(X, mixture["weights"], mixture["means"], covariances)


def _narrow(X: Array, mixture: Mapping[str, Array]) -> Array:
    return _posterior(X.astype(np.float32), {name: value.astype(np.float32) for name, value in mixture.items()})


E_STYLES: dict[str, Answer] = {
    "1e-6 on the diagonal": lambda X, mixture: _posterior(X, mixture, 1e-6),
    "1e-3 on the diagonal": lambda X, mixture: _posterior(X, mixture, 1e-3),
    "1e-3 of the data's variance": lambda X, mixture: _posterior(X, mixture, 1e-3 * X.var()),
    "32-bit inputs": _narrow,
}


def e_step_margins(seeds: int) -> dict[tuple[str, str], Array]:
    """(check, style) -> deviation over threshold at each seed."""
    margins: dict[tuple[str, str], list[float]] = {}
    for check, (D, K) in E_STEPS.items():
        for seed in range(seeds):
            mixture, X = rubric("e_step").given(seeded(8, seed), D, K)
            expected = _posterior(X, mixture)
            for style, answer in E_STYLES.items():
                finding = found(
                    "e_step", check, answer=answer(X, mixture), expected=expected, inputs={"X": X, "params": mixture}
                )
                margins.setdefault((f"e_step.{check}", style), []).append(finding.margin or 0.0)
    return {key: np.array(values) for key, values in margins.items()}


M_STEPS = {"covariances": (2, 3, 1500), "other_sizes": (3, 2, 36)}
M_STYLES = {
    "1e-6 on the diagonal": lambda _X: 1e-6,
    "1e-3 on the diagonal": lambda _X: 1e-3,
    "1e-3 of the data's variance": lambda X: 1e-3 * X.var(),
    "32-bit inputs": None,
}


def m_step_margins(seeds: int) -> dict[tuple[str, str], Array]:
    """(check, style) -> relative error of a covariance over threshold at each seed."""
    margins: dict[tuple[str, str], list[float]] = {}
    for check, sizes in M_STEPS.items():
        for seed in range(seeds):
            mixture, X, R = rubric("m_step").given(seeded(9, seed), *sizes)
            expected = maximised(X, R)
            inputs = {"X": X, "R": R, "params": mixture}
            for style, added in M_STYLES.items():
                answer = maximised(X, R) if added else maximised(X.astype(np.float32), R.astype(np.float32))
                if added:
                    answer["covariances"] = answer["covariances"] + added(X) * np.eye(X.shape[1])
                answer |= {"unchanged": [], "elsewhere": {}}
                if check == "covariances":
                    finding = found("m_step", check, answer=answer, expected=expected, inputs=inputs)
                    margin = finding.margin or 0.0
                else:  # this check joins three and tells no margin where it passes
                    margin = rubric("m_step").covariance_error(answer["covariances"], expected["covariances"])
                    margin /= threshold("m_step", check, "rtol")
                margins.setdefault((f"m_step.{check}", style), []).append(margin)
    return {key: np.array(values) for key, values in margins.items()}


def maximised(X: Array, R: Array) -> dict[str, Any]:
    """Weights, means and covariances for given responsibilities."""
    means = R.T @ X / R.sum(axis=0)[:, None]
    covariances = [np.atleast_2d(np.cov(X.T, aweights=shares, ddof=0)) for shares in R.T]
    return {"weights": R.mean(axis=0), "means": means, "covariances": np.array(covariances)}


class Bayes:
    """Naive Bayes as students write it: n - 1 in the variances, equal priors."""

    def fit(self, X: Array, y: Array) -> Bayes:
        self.classes = np.unique(y)
        self.means = np.array([X[y == c].mean(axis=0) for c in self.classes])
        self.variances = np.array([X[y == c].var(axis=0, ddof=1) for c in self.classes])
        return self

    def predict(self, X: Array) -> Array:
        squares = (X[:, None] - self.means) ** 2 / self.variances + np.log(self.variances)
        return np.asarray(self.classes[np.argmin(squares.sum(axis=2), axis=1)])


CLASSIFIERS: dict[str, tuple[tuple[tuple[str, str, str], ...], dict[str, Callable[[], Any]]]] = {
    "discriminative": (
        (("logistic_regression", "parallel_classes", "logistic"),),
        {
            "C = 0.01": lambda: LogisticRegression(C=0.01),
            "C = 1e4": lambda: LogisticRegression(C=1e4, max_iter=1000),
            "standardised first": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
            "liblinear": lambda: LogisticRegression(solver="liblinear"),
        },
    ),
    "generative": (
        (
            ("curved_boundary", "concentric_classes", "bayes"),
            ("independent_features", "parallel_classes", "bayes"),
        ),
        {
            "own formula, n - 1, equal priors": Bayes,
            "smoothing 1e-3": lambda: GaussianNB(var_smoothing=1e-3),
            "standardised first": lambda: make_pipeline(StandardScaler(), GaussianNB()),
        },
    ),
}


def classifier_margins(seeds: int) -> dict[tuple[str, str], Array]:
    """(check, style) -> share of other labels over what is allowed, at each seed."""
    margins: dict[tuple[str, str], list[float]] = {}
    for item, (checks, styles) in CLASSIFIERS.items():
        for check, data_of, kind in checks:
            for seed in range(seeds):
                data = getattr(rubric("classes"), data_of)(seeded(10, seed))
                asked = LogisticRegression() if kind == "logistic" else GaussianNB()
                expected = asked.fit(data["X_train"], data["y_train"]).predict(data["X_test"])
                for style, make in styles.items():
                    answer = make().fit(data["X_train"], data["y_train"]).predict(data["X_test"])
                    finding = found(item, check, answer=answer, expected=expected, inputs=data)
                    margins.setdefault((f"{item}.{check}", style), []).append(finding.margin or 0.0)
    return {key: np.array(values) for key, values in margins.items()}


# --- power guards ---------------------------------------------------------------------------


def guarded(ask_id: str, seeds: range) -> list[tuple[int, str]]:
    """(draws that it took, the mistake that was too near in the last one or "") of a question at each seed."""
    definition = assignment().asks[ask_id]
    plain, found_near = exam._too_near, []

    def noting(*args: Any) -> Any:
        near = plain(*args)
        found_near.append(near.id if near else "")
        return near

    results = []
    exam._too_near = noting
    try:
        for seed in seeds:
            found_near.clear()
            with one_thread():
                exam._draw(assignment(), definition, f"guard-{seed}")
            results.append((len(found_near), found_near[-1]))
    finally:
        exam._too_near = plain
    return results


def guarded_asks() -> list[str]:
    return [name for name, definition in assignment().asks.items() if definition.guard is not None]
