"""Wrong discriminative models."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

from grader.rubric import mistake

from . import reference

NAME = "discriminative_model"


def fitted(X: Any, y: Any, **options: Any) -> LogisticRegression:
    return LogisticRegression(max_iter=1000, **options).fit(X, y)


@mistake(
    "discriminative",
    "The function returns nothing: it is still empty, or prints an accuracy where it should return the predicted "
    "labels.",
    replaces=NAME,
)
def returns_nothing(X_train: Any, y_train: Any, X_test: Any) -> None:
    print(f"accuracy: {fitted(X_train, y_train).score(X_train, y_train):.2f}")  # noqa: T201  what the student wrote


@mistake("discriminative", "This is naive Bayes, the generative model; fit `LogisticRegression` here.", replaces=NAME)
def naive_bayes_instead(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return reference.generative_model(X_train, y_train, X_test)


@mistake("discriminative", "Your line goes through the origin: leave `fit_intercept` at True.", replaces=NAME)
def no_intercept(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return fitted(X_train, y_train, fit_intercept=False).predict(X_test)


@mistake("discriminative", "You predict the labels of `X_train`; predict those of `X_test`.", replaces=NAME)
def predicts_training_points(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return fitted(X_train, y_train).predict(X_train)


@mistake("discriminative", "The function returns an accuracy; return the predicted labels.", replaces=NAME)
def returns_accuracy(X_train: Any, y_train: Any, X_test: Any) -> float:
    return float(fitted(X_train, y_train).score(X_train, y_train))


@mistake(
    "discriminative",
    "Your labels are 0 and 1 whatever stands in `y_train`: let `predict` give the labels.",
    replaces=NAME,
)
def labels_hard_coded(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return (fitted(X_train, y_train).predict_proba(X_test)[:, 1] > 0.5).astype(int)


@mistake(
    "discriminative",
    "The two labels are exchanged: column 1 of `predict_proba` belongs to the second class.",
    replaces=NAME,
)
def labels_exchanged(X_train: Any, y_train: Any, X_test: Any) -> Any:
    model = fitted(X_train, y_train)
    return model.classes_[(model.predict_proba(X_test)[:, 0] > 0.5).astype(int)]


@mistake("discriminative", "You scaled the training data but predict on test data that are not scaled.", replaces=NAME)
def test_not_scaled(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return fitted(StandardScaler().fit_transform(X_train), y_train).predict(X_test)


@mistake("discriminative", "You use the first feature only; give the model all columns of `X_train`.", replaces=NAME)
def first_feature_only(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return fitted(X_train[:, :1], y_train).predict(X_test[:, :1])


@mistake(
    "discriminative",
    "All points get the same label: the model was not fitted, or its scores never cross the threshold.",
    replaces=NAME,
)
def one_label_for_all(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return np.full(len(X_test), np.min(y_train))


@mistake(
    "discriminative",
    "Points and labels no longer belong together: one of them was sorted or shuffled alone.",
    replaces=NAME,
)
def labels_sorted(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return fitted(X_train, np.sort(y_train)).predict(X_test)


@mistake(
    "discriminative",
    "You cut the scores of a linear regression at 0; with labels 0 and 1 half way is 0.5. Use `LogisticRegression`.",
    replaces=NAME,
)
def regression_cut_at_zero(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return (LinearRegression().fit(X_train, y_train).predict(X_test) > 0).astype(int)


@mistake("discriminative", "The model is never fitted: call `fit(X_train, y_train)` before `predict`.", replaces=NAME)
def never_fitted(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return LogisticRegression().predict(X_test)


@mistake("discriminative", "The function reads variables of the notebook instead of its arguments.", replaces=NAME)
def reads_globals(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return fitted(X_tr, y_tr).predict(X_te)  # type: ignore[name-defined]  # noqa: F821


@mistake("discriminative", "The arguments of `fit` are exchanged: `fit(X_train, y_train)`.", replaces=NAME)
def fit_arguments_exchanged(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return LogisticRegression().fit(y_train, X_train).predict(X_test)


@mistake("discriminative", "The function returns zeros: the placeholder is still there.", replaces=NAME)
def zeros_returned(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return np.zeros(len(X_test))


@mistake(
    "discriminative",
    "The function ends the whole program: `return` the labels, don't call `sys.exit()`.",
    replaces=NAME,
)
def ends_the_program(X_train: Any, y_train: Any, X_test: Any) -> Any:
    fitted(X_train, y_train)
    sys.exit()
