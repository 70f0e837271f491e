"""How solutions start, iterate and stop, and what `fit` returns."""

from __future__ import annotations

STARTS: dict[str, str] = {
    "random_points": """\
def _initialize(self, X):
    rng = np.random.RandomState(self.random_state)
    n, D = X.shape
    weights = np.ones($K) / $K
    means = X[rng.choice(n, $K, replace=False)]
    covariances = [np.cov(X.T).reshape(D, D) + 1e-6 * np.eye(D) for _ in range($K)]
    $SET
""",
    "farthest": """\
def _initialize(self, X):
    rng = np.random.default_rng(self.random_state)
    n, D = X.shape
    means = [X[rng.integers(n)]]
    while len(means) < $K:
        d2 = np.min([((X - m) ** 2).sum(axis=1) for m in means], axis=0)
        means.append(X[rng.choice(n, p=d2 / d2.sum())])
    weights = np.full($K, 1 / $K)
    covariances = np.stack([0.3 * np.cov(X, rowvar=False).reshape(D, D) + 1e-6 * np.eye(D)] * $K)
    $SET
""",
    "kmeans": """\
def _initialize(self, X):
    D = X.shape[1]
    km = KMeans(n_clusters=$K, n_init=3, random_state=self.random_state).fit(X)
    weights = np.bincount(km.labels_, minlength=$K) / len(X)
    means = km.cluster_centers_
    covariances = [np.cov(X[km.labels_ == j].T).reshape(D, D) + 1e-3 * np.eye(D) for j in range($K)]
    $SET
""",
    "identity": """\
def _initialize(self, X):
    if self.random_state is not None:
        np.random.seed(self.random_state)
    idx = np.random.permutation(X.shape[0])[: $K]
    weights = np.ones($K) / $K
    means = X[idx].astype(float)
    covariances = [np.eye(X.shape[1]) for _ in range($K)]
    $SET
""",
}

FITS: dict[str, str] = {
    "for_break": """\
def fit(self, X):
    self._initialize(X)
    $H_CLEAR
    previous = -np.inf
    for it in range(self.max_iters):
        $TAKE
        $MSTEP
        current = $LL
        $H.append(current)
        if abs(current - previous) < $TOL:
            break
        previous = current
    $RETURN
""",
    "while": """\
def fit(self, X):
    X = np.asarray(X, dtype=float)
    self._initialize(X)
    $H_CLEAR
    n_iter = 0
    converged = False
    while not converged and n_iter < self.max_iters:
        $TAKE
        $MSTEP
        $H.append($LL)
        n_iter += 1
        if n_iter > 1:
            converged = $H[-1] - $H[-2] < $TOL
    $RETURN
""",
    "prints": """\
def fit(self, X, verbose=True):
    self._initialize(X)
    $H_CLEAR
    for it in range(self.max_iters):
        $TAKE
        $H.append($LL)
        $MSTEP
        if verbose and it % 10 == 0:
            print("Iteration", it + 1, "Log-likelihood =", $H[-1])
        if it > 0 and np.abs($H[-1] - $H[-2]) < $TOL:
            print("converged")
            break
    $RETURN
""",
    "several_starts": """\
def fit(self, X):
    best, best_history = None, None
    seeds = np.random.SeedSequence(self.random_state).generate_state(3)
    for seed in seeds:
        self.random_state = int(seed)
        self._initialize(X)
        history = []
        for _ in range(self.max_iters):
            $TAKE
            $MSTEP
            history.append($LL)
            if len(history) > 1 and history[-1] - history[-2] < $TOL:
                break
        if best is None or history[-1] > best_history[-1]:
            best, best_history = copy.deepcopy(($W, $M, $C)), history
    weights, means, covariances = best
    $SET
    $H_CLEAR
    $H.extend(best_history)
    $RETURN
""",
}

# The history's entries and the tolerance that goes with them.
HISTORIES: dict[str, tuple[str, str]] = {
    "mean": ("self.log_likelihood(X)", "self.tol"),
    "total": ("self.log_likelihood(X) * len(X)", "self.tol * len(X)"),
}

RETURNS: dict[str, str] = {
    "self": "return self",
    "nothing": "self.converged = True",
    "history": "return $H",
    "labels": "return self.predict(X)",
    "parameters": "return $W, $M, $C",
    "dict": 'return {"weights": $W, "means": $M, "covariances": $C, "log_likelihoods": $H}',
}

PREDICT = """\
def predict(self, X):
    $TAKE
    return np.argmax(resp, axis=1)
"""
