"""Ways to sample, and to sample given some coordinates."""

from __future__ import annotations

SAMPLES: dict[str, str] = {
    "loop": """\
def sample(self, n_samples):
    samples = []
    for _ in range(n_samples):
        k = np.random.choice($K, p=$W)
        samples.append(np.random.multivariate_normal($M[k], $Ck))
    return np.array(samples)
""",
    "counts_and_shuffle": """\
def sample(self, n_samples):
    counts = np.random.multinomial(n_samples, $W)
    parts = [np.random.multivariate_normal($M[k], $Ck, counts[k]) for k in range($K)]
    samples = np.vstack(parts)
    np.random.shuffle(samples)
    return samples
""",
    "counts_in_order": """\
def sample(self, n_samples=1):
    counts = np.random.multinomial(n_samples, np.asarray($W) / np.sum($W))
    return np.concatenate([np.random.multivariate_normal($M[k], $Ck, size=c) for k, c in enumerate(counts)])
""",
    "cumulative_uniform": """\
def sample(self, n_samples):
    edges = np.cumsum($W)
    edges[-1] = 1.0
    D = len($M[0])
    out = np.empty((n_samples, D))
    for i in range(n_samples):
        k = int(np.searchsorted(edges, np.random.rand()))
        L = np.linalg.cholesky($Ck)
        out[i] = $M[k] + L @ np.random.randn(D)
    return out
""",
    "cholesky_at_once": """\
def sample(self, n_samples):
    ks = np.random.choice($K, size=n_samples, p=$W)
    factors = np.stack([np.linalg.cholesky($Ck) for k in range($K)])
    z = np.random.normal(size=(n_samples, len($M[0])))
    return np.asarray($M)[ks] + np.einsum("nij,nj->ni", factors[ks], z)
""",
    "default_rng": """\
def sample(self, n_samples):
    rng = np.random.default_rng()
    labels = rng.choice($K, size=n_samples, p=$W)
    samples = np.zeros((n_samples, len($M[0])))
    for k in range($K):
        mask = labels == k
        samples[mask] = rng.multivariate_normal($M[k], $Ck, size=mask.sum())
    return samples
""",
    "rng_of_the_state": """\
def sample(self, n_samples):
    rng = np.random.default_rng(self.random_state)
    labels = rng.choice($K, size=n_samples, p=$W)
    return np.array([rng.multivariate_normal($M[k], $Ck) for k in labels])
""",
    "rvs": """\
def sample(self, n_samples):
    points = []
    for i in range(n_samples):
        k = np.random.choice(np.arange($K), p=$W)
        points.append(np.atleast_1d(multivariate_normal.rvs(mean=$M[k], cov=$Ck)))
    return np.array(points)
""",
    "python_random": """\
def sample(self, n_samples):
    samples = []
    for _ in range(n_samples):
        k = random.choices(range($K), weights=list($W))[0]
        L = np.linalg.cholesky($Ck)
        z = [random.gauss(0, 1) for _ in range(L.shape[0])]
        samples.append($M[k] + L.dot(z))
    return np.array(samples)
""",
    "with_labels": """\
def sample(self, n_samples):
    labels = np.random.choice($K, n_samples, p=$W)
    X = np.array([np.random.multivariate_normal($M[k], $Ck) for k in labels])
    return X, labels
""",
    "list": """\
def sample(self, n_samples):
    result = []
    while len(result) < n_samples:
        u, k, total = random.random(), 0, $W[0]
        while u > total and k < $K - 1:
            k += 1
            total += $W[k]
        result.append(np.random.multivariate_normal($M[k], $Ck).tolist())
    return result
""",
    "eigenvectors": """\
def sample(self, n_samples):
    rows = []
    for _ in range(n_samples):
        k = np.argmax(np.random.multinomial(1, $W))
        values, vectors = np.linalg.eigh($Ck)
        rows.append($M[k] + vectors @ (np.sqrt(values) * np.random.standard_normal(len(values))))
    return np.stack(rows)
""",
}

_LAWS = """\
    log_w, cond_means, cond_covs = [], [], []
    for k in range($K):
        mu, S = np.asarray($M[k]), np.asarray($Ck)
        S_kk = S[np.ix_(known, known)]
        S_uk = S[np.ix_(unknown, known)]
        gain = S_uk @ np.linalg.inv(S_kk)
        log_w.append(np.log($W[k]) + multivariate_normal.logpdf(values, mu[known], S_kk))
        cond_means.append(mu[unknown] + gain @ (values - mu[known]))
        cond_covs.append(S[np.ix_(unknown, unknown)] - gain @ S_uk.T)
    w = np.exp(np.array(log_w) - np.max(log_w))
    w = w / w.sum()
"""

CONDITIONALS: dict[str, str] = {
    "nan_vector": """\
def conditional_sample(self, condition, n_samples):
    condition = np.asarray(condition, dtype=float)
    known = np.where(~np.isnan(condition))[0]
    unknown = np.where(np.isnan(condition))[0]
    values = condition[known]
"""
    + _LAWS
    + """\
    out = np.tile(condition, (n_samples, 1))
    for i in range(n_samples):
        k = np.random.choice($K, p=w)
        out[i, unknown] = np.random.multivariate_normal(cond_means[k], cond_covs[k])
    return out
""",
    "dict": """\
def conditional_sample(self, condition, n_samples):
    D = len($M[0])
    known = sorted(condition.keys())
    unknown = [d for d in range(D) if d not in condition]
    values = np.array([condition[d] for d in known])
"""
    + _LAWS
    + """\
    ks = np.random.choice($K, size=n_samples, p=w)
    samples = np.zeros((n_samples, D))
    samples[:, known] = values
    for k in range($K):
        rows = np.where(ks == k)[0]
        if len(rows):
            draw = np.random.multivariate_normal(cond_means[k], cond_covs[k], size=len(rows))
            samples[np.ix_(rows, unknown)] = draw
    return samples
""",
    "dict_unknown_only": """\
def conditional_sample(self, condition, n_samples=100):
    D = len($M[0])
    known = list(condition)
    unknown = [d for d in range(D) if d not in known]
    values = np.array(list(condition.values()), dtype=float)
"""
    + _LAWS
    + """\
    L = [np.linalg.cholesky(c) for c in cond_covs]
    picks = np.random.choice($K, size=n_samples, p=w)
    return np.array([cond_means[k] + L[k] @ np.random.randn(len(unknown)) for k in picks])
""",
    "list_with_none": """\
def conditional_sample(self, condition, n_samples):
    known = [i for i, c in enumerate(condition) if c is not None]
    unknown = [i for i, c in enumerate(condition) if c is None]
    values = np.array([condition[i] for i in known])
"""
    + _LAWS
    + """\
    samples = []
    for _ in range(n_samples):
        k = np.random.choice(len(w), p=w)
        y = np.random.multivariate_normal(cond_means[k], cond_covs[k])
        row = np.zeros(len(condition))
        row[known] = values
        row[unknown] = y
        samples.append(row)
    return np.array(samples)
""",
    "rejection": """\
def conditional_sample(self, condition, n_samples):
    condition = np.asarray(condition, dtype=float)
    known = ~np.isnan(condition)
    spread = np.sqrt(np.array([np.diag($Ck) for k in range($K)]).min(axis=0))
    Ls = np.array([np.linalg.cholesky($Ck) for k in range($K)])
    kept = np.zeros((0, len(condition)))
    while len(kept) < n_samples:
        ks = np.random.choice($K, size=200000, p=$W)
        X = np.asarray($M)[ks] + np.einsum("nij,nj->ni", Ls[ks], np.random.randn(200000, len(condition)))
        near = np.all(np.abs(X - condition)[:, known] < 0.15 * spread[known], axis=1)
        kept = np.vstack([kept, X[near]])
    return kept[:n_samples]
""",
}

# Two coordinates only, the first of them known: in three dimensions it has no answer.
CONDITIONAL_X = """\
def conditional_sample(self, condition, n_samples):
    x = float(np.atleast_1d(condition)[0])
    w = np.array([$W[k] * norm.pdf(x, $M[k][0], np.sqrt($Ck[0][0])) for k in range($K)])
    w /= w.sum()
    ys = []
    for _ in range(n_samples):
        k = np.random.choice($K, p=w)
        S = $Ck
        mean = $M[k][1] + S[1][0] / S[0][0] * (x - $M[k][0])
        var = S[1][1] - S[1][0] ** 2 / S[0][0]
        ys.append(np.random.normal(mean, np.sqrt(var)))
    return np.column_stack([np.full(n_samples, x), ys])
"""
