"""Time of EM in ``reference.activity09.fast`` against scikit-learn's GaussianMixture.

Both start from the same parameters, make the same number of iterations, use one thread and are measured in turn in one
run; the best of several repeats counts. Run from the repository: ``python benchmarks/reference_speed.py``.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy is imported
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402  after the thread counts are set
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.mixture import GaussianMixture  # noqa: E402

from reference.activity09 import fast  # noqa: E402

SIZES = [  # points, dimensions, components, iterations
    (1_000, 2, 3, 200),
    (10_000, 2, 3, 50),
    (1_000_000, 2, 3, 3),
    (1_000, 10, 5, 50),
    (10_000, 10, 5, 20),
    (1_000, 20, 5, 50),
    (10_000, 20, 5, 10),
    (1_000, 50, 5, 20),
    (10_000, 50, 5, 10),
]


def problem(N: int, D: int, K: int) -> tuple[fast.Array, fast.Mixture]:
    """Draw N points from K overlapping Gaussians, and a start some way off."""
    rng = np.random.default_rng(N + D)
    means = rng.normal(0, 2, (K, D))
    X = means[rng.integers(K, size=N)] + rng.normal(size=(N, D))
    return X, fast.Mixture(np.full(K, 1 / K), means + rng.normal(0, 0.5, (K, D)), np.array([2 * np.eye(D)] * K))


def run_sklearn(X: fast.Array, start: fast.Mixture, iterations: int) -> GaussianMixture:
    """Make all ``iterations``: no change is smaller than a tolerance of 0."""
    model = GaussianMixture(
        len(start.weights),
        max_iter=iterations,
        tol=0,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=np.linalg.inv(start.covariances),
    )
    return model.fit(X)


def seconds_per_iteration(run: Callable[[int], object], iterations: int, repeats: int) -> float:
    """CPU seconds of one iteration, from two lengths of run, so that what stands around the loop falls out."""
    long, short = [], []
    for _ in range(repeats):
        for count, times in ((2 * iterations, long), (iterations, short)):
            begin = time.process_time()
            run(count)
            times.append(time.process_time() - begin)
    return (min(long) - min(short)) / iterations


def compare(N: int, D: int, K: int, iterations: int, repeats: int) -> None:
    """Print one line: times per iteration, ratio, and how far the results lie apart."""
    X, start = problem(N, D, K)
    theirs = run_sklearn(X, start, iterations)
    ours = fast.fit(X, start, iterations).mixture
    apart = max(np.abs(ours.means - theirs.means_).max(), np.abs(ours.covariances - theirs.covariances_).max())
    sklearn_time = seconds_per_iteration(lambda n: run_sklearn(X, start, n), iterations, repeats)
    fast_time = seconds_per_iteration(lambda n: fast.fit(X, start, n), iterations, repeats)
    print(
        f"{N:>9,} {D:>3} {K:>3} {1e3 * sklearn_time:>14.3f} {1e3 * fast_time:>9.3f} "
        f"{sklearn_time / fast_time:>6.1f} {apart:>10.1e}"
    )


def main() -> None:
    """Measure every size; the number of repeats may be given as an argument."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"{'N':>9} {'D':>3} {'K':>3} {'sklearn ms/it':>14} {'fast':>9} {'ratio':>6} {'apart':>10}")
    for N, D, K, iterations in SIZES:
        compare(N, D, K, iterations, repeats)


if __name__ == "__main__":
    main()
