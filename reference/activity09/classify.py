"""TODO 4: a discriminative and a generative classifier."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB


def discriminative_model(X_train: ArrayLike, y_train: ArrayLike, X_test: ArrayLike) -> NDArray[np.int64]:
    """
    Train logistic regression (discriminative)
    Learns: P(y | X)

    Args:
        X_train, y_train: Training data (n_train, n_features) and labels (n_train,)
        X_test: Points to label (n_test, n_features)

    Returns:
        Predicted labels: (n_test,)
    """
    model = LogisticRegression(max_iter=1000)
    model.fit(X_train, y_train)
    return np.asarray(model.predict(X_test))


def generative_model(X_train: ArrayLike, y_train: ArrayLike, X_test: ArrayLike) -> NDArray[np.int64]:
    """
    Train Gaussian Naive Bayes (generative)
    Learns: P(X | y) and P(y), then computes P(y | X) via Bayes' rule

    Args:
        X_train, y_train: Training data (n_train, n_features) and labels (n_train,)
        X_test: Points to label (n_test, n_features)

    Returns:
        Predicted labels: (n_test,)
    """
    model = GaussianNB()
    model.fit(X_train, y_train)
    return np.asarray(model.predict(X_test))
