"""Wrong generative models."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB

from grader.rubric import mistake

from . import reference

NAME = "generative_model"


def by_hand(
    X_train: Any,
    y_train: Any,
    X_test: Any,
    *,
    pooled: bool = False,
    deviations_as_variances: bool = False,
    normaliser: bool = True,
    half: float = 0.5,
    summed: bool = False,
) -> Any:
    """Gaussian naive Bayes written out, with places to go wrong."""
    classes = np.unique(y_train)
    scores = []
    for label in classes:
        own = X_train[y_train == label]
        variance = (X_train if pooled else own).var(axis=0)
        variance = np.sqrt(variance) if deviations_as_variances else variance
        log_density = -half * (X_test - own.mean(axis=0)) ** 2 / variance
        log_density = log_density - 0.5 * np.log(2 * np.pi * variance) * normaliser
        scores.append(np.exp(log_density).sum(axis=1) if summed else log_density.sum(axis=1))
    return classes[np.argmax(scores, axis=0)]


@mistake(
    "generative",
    "The function returns nothing: it is still empty, or prints an accuracy where it should return the predicted "
    "labels.",
    replaces=NAME,
)
def returns_nothing(X_train: Any, y_train: Any, X_test: Any) -> None:
    print(f"accuracy: {GaussianNB().fit(X_train, y_train).score(X_train, y_train):.2f}")  # noqa: T201


@mistake(
    "generative",
    "Your boundary is a straight line, as logistic regression or one covariance for both classes gives it: fit "
    "`GaussianNB` here, in which each class has variances of its own.",
    replaces=NAME,
)
def logistic_regression_instead(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return reference.discriminative_model(X_train, y_train, X_test)


@mistake(
    "generative",
    "You give each class a full covariance; naive Bayes takes the features as independent within a class.",
    replaces=NAME,
)
def full_covariances(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return QuadraticDiscriminantAnalysis().fit(X_train, y_train).predict(X_test)


@mistake("generative", "You use one variance for both classes; each class has its own.", replaces=NAME)
def pooled_variance(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return by_hand(X_train, y_train, X_test, pooled=True)


@mistake("generative", "You put the standard deviation where the density wants the variance.", replaces=NAME)
def deviations_as_variances(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return by_hand(X_train, y_train, X_test, deviations_as_variances=True)


@mistake(
    "generative",
    "You left the factor 1/sqrt(2 pi variance) out of the density; it differs between the classes.",
    replaces=NAME,
)
def normaliser_left_out(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return by_hand(X_train, y_train, X_test, normaliser=False)


@mistake("generative", "The exponent of the density is -(x - mean)² / (2 variance): the 2 is missing.", replaces=NAME)
def half_left_out(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return by_hand(X_train, y_train, X_test, half=1.0)


@mistake(
    "generative",
    "You add the densities of the features; independent features multiply (add their logarithms).",
    replaces=NAME,
)
def densities_added(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return by_hand(X_train, y_train, X_test, summed=True)


@mistake(
    "generative",
    "You give each point the label of the nearest class mean; use the densities, with a variance for each class.",
    replaces=NAME,
)
def nearest_mean(X_train: Any, y_train: Any, X_test: Any) -> Any:
    classes = np.unique(y_train)
    distances = [((X_test - X_train[y_train == label].mean(axis=0)) ** 2).sum(axis=1) for label in classes]
    return classes[np.argmin(distances, axis=0)]


@mistake("generative", "You predict the labels of `X_train`; predict those of `X_test`.", replaces=NAME)
def predicts_training_points(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return GaussianNB().fit(X_train, y_train).predict(X_train)


@mistake("generative", "The function returns an accuracy; return the predicted labels.", replaces=NAME)
def returns_accuracy(X_train: Any, y_train: Any, X_test: Any) -> float:
    return float(GaussianNB().fit(X_train, y_train).score(X_train, y_train))


@mistake(
    "generative", "Your labels are 0 and 1 whatever stands in `y_train`: let `predict` give the labels.", replaces=NAME
)
def labels_hard_coded(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return (GaussianNB().fit(X_train, y_train).predict_proba(X_test)[:, 1] > 0.5).astype(int)


@mistake(
    "generative",
    "The two labels are exchanged: column 1 of `predict_proba` belongs to the second class.",
    replaces=NAME,
)
def labels_exchanged(X_train: Any, y_train: Any, X_test: Any) -> Any:
    model = GaussianNB().fit(X_train, y_train)
    return model.classes_[(model.predict_proba(X_test)[:, 0] > 0.5).astype(int)]


@mistake("generative", "You use the first feature only; give the model all columns of `X_train`.", replaces=NAME)
def first_feature_only(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return GaussianNB().fit(X_train[:, :1], y_train).predict(X_test[:, :1])


@mistake(
    "generative", "`MultinomialNB` is for counts; the features here are Gaussian: use `GaussianNB`.", replaces=NAME
)
def multinomial_instead(X_train: Any, y_train: Any, X_test: Any) -> Any:
    low = X_train.min(axis=0)
    return MultinomialNB().fit(X_train - low, y_train).predict(np.maximum(X_test - low, 0))


@mistake(
    "generative",
    "`BernoulliNB` sees only whether a feature is above 0; the features here are Gaussian: use `GaussianNB`.",
    replaces=NAME,
)
def bernoulli_instead(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return BernoulliNB().fit(X_train, y_train).predict(X_test)


@mistake("generative", "The model is never fitted: call `fit(X_train, y_train)` before `predict`.", replaces=NAME)
def never_fitted(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return GaussianNB().predict(X_test)


@mistake("generative", "All points get the same label: the likelihoods of the points are not used.", replaces=NAME)
def one_label_for_all(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return np.full(len(X_test), np.max(y_train))


@mistake(
    "generative",
    "Points and labels no longer belong together: one of them was sorted or shuffled alone.",
    replaces=NAME,
)
def labels_sorted(X_train: Any, y_train: Any, X_test: Any) -> Any:
    return GaussianNB().fit(X_train, np.sort(y_train)).predict(X_test)
