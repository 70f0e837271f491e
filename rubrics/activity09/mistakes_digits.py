"""Wrong ways to new digits."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from grader.rubric import mistake

from . import reference

NAME = "sample_digits"


def _images() -> Any:
    return load_digits().data


@mistake("digits", "These images stand in the data: sample new ones from the fitted mixture.", replaces=NAME)
def images_of_the_data(n: int, random_state: int | None = 0) -> Any:
    images = _images()
    return images[np.random.default_rng(0).choice(len(images), size=n)]


@mistake("digits", "These are the components' means again and again: draw from N(mean, covariance).", replaces=NAME)
def means_only(n: int, random_state: int | None = 0) -> Any:
    pca, gmm = reference.fit_digits()
    chosen = np.random.default_rng(0).choice(len(gmm.weights), size=n, p=gmm.weights)
    return pca.inverse_transform(gmm.means[chosen]).clip(0, 16)


@mistake("digits", "The pixels are uniform noise: nothing was fitted to the digits.", replaces=NAME)
def uniform_noise(n: int, random_state: int | None = 0) -> Any:
    return np.random.default_rng(0).uniform(0, 16, (n, 64))


@mistake(
    "digits",
    "Each pixel is drawn on its own from its mean and variance; digits need the covariances between pixels.",
    replaces=NAME,
)
def independent_pixels(n: int, random_state: int | None = 0) -> Any:
    images = _images()
    return np.random.default_rng(0).normal(images.mean(axis=0), images.std(axis=0), (n, 64)).clip(0, 16)


@mistake("digits", "A single Gaussian is fitted to all digits: use a mixture with several components.", replaces=NAME)
def single_gaussian(n: int, random_state: int | None = 0) -> Any:
    images = _images()
    rng = np.random.default_rng(0)
    return rng.multivariate_normal(images.mean(axis=0), np.cov(images.T), n, method="svd").clip(0, 16)


@mistake("digits", "Only one kind of digit was fitted; take all of them.", replaces=NAME)
def one_kind_only(n: int, random_state: int | None = 0) -> Any:
    data = load_digits()
    zeros = data.data[data.target == 0]
    noise = np.random.default_rng(0).normal(size=(n, 64))
    return (zeros.mean(axis=0) + noise @ np.diag(zeros.std(axis=0))).clip(0, 16)


@mistake("digits", "Two principal components keep too little of an image: take 15 or more.", replaces=NAME)
def two_components_kept(n: int, random_state: int | None = 0) -> Any:
    images = _images()
    pca = PCA(2, svd_solver="full").fit(images)
    gmm = reference.GMM(n_components=10, max_iters=20, random_state=0).fit(pca.transform(images))
    return pca.inverse_transform(gmm.sample(n)).clip(0, 16)


@mistake("digits", "The samples are latent vectors: take them back with `pca.inverse_transform`.", replaces=NAME)
def not_taken_back(n: int, random_state: int | None = 0) -> Any:
    _, gmm = reference.fit_digits()
    return gmm.sample(n)


@mistake("digits", "The samples are made but not returned or kept in a variable.", replaces=NAME)
def nothing_returned(n: int, random_state: int | None = 0) -> None:
    reference.sample_digits(n)


@mistake("digits", "One sampled image is repeated: draw each one anew.", replaces=NAME)
def one_image_repeated(n: int, random_state: int | None = 0) -> Any:
    return np.tile(reference.sample_digits(1), (n, 1))


@mistake("digits", "The images are averages of two digits: a draw comes from one component.", replaces=NAME)
def averages_of_digits(n: int, random_state: int | None = 0) -> Any:
    images = _images()
    rng = np.random.default_rng(0)
    return np.mean([images[rng.choice(len(images), size=n)] for _ in range(6)], axis=0)


@mistake("digits", "The pixels of each image are in the wrong order: reshape to (8, 8) as the data are.", replaces=NAME)
def pixels_scrambled(n: int, random_state: int | None = 0) -> Any:
    order = np.random.default_rng(0).permutation(64)
    return reference.sample_digits(n)[:, order]


@mistake(
    "digits",
    "The file with the images is not there: use `sklearn.datasets.load_digits`, which needs no download.",
    replaces=NAME,
)
def file_not_there(n: int, random_state: int | None = 0) -> Any:
    return np.loadtxt("mnist_test.csv", delimiter=",")[:n, 1:]
