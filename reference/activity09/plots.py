"""Given: pictures of mixtures, classifiers and images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Ellipse
from numpy.typing import ArrayLike, NDArray

from .gmm import GMM

Array = NDArray[np.float64]

COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000", "#999999", "#7F3C8D"]
MARKERS = "os^Dv<>P*X"


def draw_points(ax: Any, X: ArrayLike, labels: ArrayLike) -> None:
    """Scatter the points of X (n, 2) on ax, one colour and marker for each label."""
    X, labels = np.asarray(X), np.asarray(labels)
    for label in np.unique(labels):
        style = {"c": COLOURS[label % 10], "marker": MARKERS[label % 10]}
        ax.scatter(*X[labels == label].T, s=12, alpha=0.6, linewidths=0, label=f"{label}", **style)


def draw_ellipses(ax: Any, gmm: GMM) -> None:
    """Draw the means of a 2-D mixture and its components' ellipses at 1 and 2 standard deviations on ax."""
    for k, (mean, covariance) in enumerate(zip(gmm.means, gmm.covariances, strict=True)):
        variances, axes = np.linalg.eigh(covariance)
        angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))
        for radius in (1, 2):
            height, width = 2 * radius * np.sqrt(variances)
            ax.add_patch(Ellipse(mean, width, height, angle=angle, fill=False, lw=1.5, ec=COLOURS[k % 10]))
        ax.plot(*mean, marker="+", ms=10, mew=2, color="black")


def show_clusters(gmm: GMM, X: ArrayLike, title: str = "Fitted clusters") -> None:
    """Plot the data with the fitted clusters and their ellipses."""
    _, ax = plt.subplots(figsize=(5, 4))
    draw_points(ax, X, gmm.predict(X))
    draw_ellipses(ax, gmm)
    ax.set(title=title, xlabel="$x_1$", ylabel="$x_2$")
    ax.legend(title="component", fontsize=8)
    plt.show()


def show_samples(X: ArrayLike, samples: ArrayLike) -> None:
    """Plot the training data and generated samples side by side."""
    _, axes = plt.subplots(1, 2, figsize=(8, 3.5), sharex=True, sharey=True)
    for ax, points, title, colour in zip(axes, (X, samples), ("Training data", "Samples"), COLOURS, strict=False):
        ax.scatter(*np.asarray(points).T, s=12, alpha=0.6, linewidths=0, c=colour)
        ax.set(title=f"{title} (n = {len(np.asarray(points))})", xlabel="$x_1$", ylabel="$x_2$")
    plt.show()


def show_log_likelihood(log_likelihoods: ArrayLike) -> None:
    """Plot the mean log-likelihood against the iterations."""
    _, ax = plt.subplots(figsize=(5, 3))
    ax.plot(np.arange(1, len(np.asarray(log_likelihoods)) + 1), log_likelihoods, marker="o", ms=4, c=COLOURS[0])
    ax.set(title="Training", xlabel="iteration", ylabel="mean log-likelihood [nats]")
    ax.grid(alpha=0.3)
    plt.show()


def show_boundaries(X: Array, y: ArrayLike, models: dict[str, Callable[..., ArrayLike]]) -> None:
    """Plot the decision boundary of each model, a function of X_train, y_train and X_test that returns labels."""
    _, axes = plt.subplots(1, len(models), figsize=(4 * len(models), 3.5), sharex=True, sharey=True, squeeze=False)
    low, high = X.min(axis=0) - 0.5, X.max(axis=0) + 0.5
    xs, ys = np.meshgrid(np.linspace(low[0], high[0], 150), np.linspace(low[1], high[1], 150))
    grid = np.column_stack([xs.ravel(), ys.ravel()])
    for ax, (title, model) in zip(axes[0], models.items(), strict=True):
        labels = np.asarray(model(X, y, grid), dtype=float).reshape(xs.shape)
        ax.contourf(xs, ys, labels, levels=[-0.5, 0.5, 1.5], colors=COLOURS[:2], alpha=0.2)
        ax.contour(xs, ys, labels, levels=[0.5], colors="black", linewidths=1)
        draw_points(ax, X, y)
        ax.set(title=title, xlabel="$x_1$", ylabel="$x_2$")
    plt.show()


def show_images(images: ArrayLike, title: str, columns: int = 10) -> None:
    """Show 8x8 images (n, 64) in rows."""
    images = np.asarray(images).reshape(-1, 8, 8)
    rows = -(-len(images) // columns)
    _, axes = plt.subplots(rows, columns, figsize=(0.8 * columns, 0.8 * rows + 0.4), squeeze=False)
    for ax in axes.ravel():
        ax.axis("off")
    for ax, image in zip(axes.ravel(), images, strict=False):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=16)
    plt.suptitle(title)
    plt.show()


def explore(show: Callable[..., None], **ranges: tuple[float, float, float]) -> None:
    """Call show with sliders, each (lowest, highest, step), where ipywidgets is installed, else once."""
    try:
        from ipywidgets import interact
    except ImportError:
        show(**{name: lowest for name, (lowest, _, _) in ranges.items()})
    else:
        interact(show, **ranges)
