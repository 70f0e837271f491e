"""E-steps, M-steps, log-likelihoods and what they return."""

from __future__ import annotations

# Each defines the method `_joint` (N, K), weight times density or its logarithm, and the E-step on top of it.
PLAIN = """\
def $E(self, X):
    joint = self._joint(X)
    responsibilities = joint / joint.sum(axis=1, keepdims=True)
    $GIVE

def log_likelihood(self, X):
    return np.log(self._joint(X).sum(axis=1)).mean()
"""

LOGS = """\
def $E(self, X):
    joint = self._joint(X)
    log_resp = joint - logsumexp(joint, axis=1, keepdims=True)
    responsibilities = np.exp(log_resp)
    $GIVE

def log_likelihood(self, X):
    return np.mean(logsumexp(self._joint(X), axis=1))
"""

E_STEPS: dict[str, str] = {
    "pdf_loop": """\
def _joint(self, X):
    joint = np.zeros((X.shape[0], $K))
    for k in range($K):
        joint[:, k] = $W[k] * multivariate_normal.pdf(X, mean=$M[k], cov=$Ck)
    return joint

"""
    + PLAIN,
    "logsumexp": """\
def _joint(self, X):
    cols = [np.log($W[k]) + multivariate_normal.logpdf(X, $M[k], $Ck) for k in range($K)]
    return np.array(cols).reshape($K, len(X)).T

"""
    + LOGS,
    "cholesky": """\
def _joint(self, X):
    n, d = X.shape
    out = np.empty((n, $K))
    for k in range($K):
        L = np.linalg.cholesky($Ck)
        y = solve_triangular(L, (X - $M[k]).T, lower=True)
        out[:, k] = np.log($W[k]) - np.log(np.diag(L)).sum() - 0.5 * (d * np.log(2 * np.pi) + np.sum(y ** 2, axis=0))
    return out

"""
    + LOGS,
    "einsum": """\
def _joint(self, X):
    mu, S = np.asarray($M), np.asarray($C)
    diff = X[:, None, :] - mu[None, :, :]
    maha = np.einsum("nki,kij,nkj->nk", diff, np.linalg.inv(S), diff)
    norm = np.sqrt((2 * np.pi) ** X.shape[1] * np.linalg.det(S))
    return np.asarray($W) * np.exp(-0.5 * maha) / norm

"""
    + PLAIN,
    "slogdet": """\
def _joint(self, X):
    d = X.shape[1]
    result = []
    for k in range($K):
        diff = X - $M[k]
        _, logdet = np.linalg.slogdet($Ck)
        maha = (diff * np.linalg.solve($Ck, diff.T).T).sum(axis=1)
        result.append(np.log($W[k] + 1e-300) - 0.5 * (d * np.log(2 * np.pi) + logdet + maha))
    return np.column_stack(result)

"""
    + LOGS,
    "frozen": """\
def _joint(self, X):
    rvs = [multivariate_normal(mean=$M[k], cov=$Ck, allow_singular=True) for k in range($K)]
    return np.stack([$W[k] * np.atleast_1d(rvs[k].pdf(X)) for k in range($K)], axis=1)

"""
    + PLAIN,
    "float32": """\
def _joint(self, X):
    X = X.astype(np.float32)
    d = X.shape[1]
    joint = np.zeros((len(X), $K), dtype=np.float32)
    for k in range($K):
        P = np.linalg.inv(np.asarray($Ck, dtype=np.float32))
        diff = X - np.asarray($M[k], dtype=np.float32)
        power = -0.5 * np.sum((diff @ P) * diff, axis=1)
        joint[:, k] = $W[k] * np.exp(power) * np.sqrt(np.linalg.det(P)) / (2 * np.pi) ** (d / 2)
    return joint

"""
    + PLAIN,
    "per_point": """\
def gaussian(self, x, mean, cov):
    d = len(x)
    diff = x - mean
    return np.exp(-0.5 * diff @ np.linalg.inv(cov) @ diff) / np.sqrt((2 * np.pi) ** d * np.linalg.det(cov))

def _joint(self, X):
    p = np.zeros((len(X), $K))
    for i in range(len(X)):
        for k in range($K):
            p[i, k] = $W[k] * self.gaussian(X[i], $M[k], $Ck)
    return p

"""
    + PLAIN,
    "largest_taken_out": """\
def _joint(self, X):
    logs = np.zeros((X.shape[0], $K))
    for k in range($K):
        logs[:, k] = np.log($W[k]) + multivariate_normal.logpdf(X, mean=$M[k], cov=$Ck)
    return logs

def $E(self, X):
    logs = self._joint(X)
    top = logs.max(axis=1, keepdims=True)
    unnormalised = np.exp(logs - top)
    responsibilities = unnormalised / unnormalised.sum(axis=1, keepdims=True)
    log_resp = np.log(responsibilities + 1e-300)
    $GIVE

def log_likelihood(self, X):
    logs = self._joint(X)
    top = logs.max(axis=1)
    return float((top + np.log(np.exp(logs - top[:, None]).sum(axis=1))).mean())
""",
    "tiny_epsilon": """\
def _joint(self, X):
    dens = np.zeros((X.shape[0], $K))
    for k in range($K):
        cov = $Ck + 1e-6 * np.eye(X.shape[1])
        dens[:, k] = $W[k] * multivariate_normal(mean=$M[k], cov=cov).pdf(X)
    return dens

def $E(self, X):
    dens = self._joint(X)
    responsibilities = dens / (dens.sum(axis=1, keepdims=True) + 1e-300)
    $GIVE

def log_likelihood(self, X):
    return np.mean(np.log(self._joint(X).sum(axis=1) + 1e-300))
""",
    # The constant that cancels is left out: the responsibilities are right, the log-likelihood has its own density.
    "constant_cancels": """\
def _joint(self, X):
    joint = np.zeros((len(X), $K))
    for k in range($K):
        diff = X - $M[k]
        squared = np.einsum("ni,ij,nj->n", diff, np.linalg.inv($Ck), diff)
        joint[:, k] = $W[k] / np.sqrt(np.linalg.det($Ck)) * np.exp(-0.5 * squared)
    return joint

def $E(self, X):
    joint = self._joint(X)
    responsibilities = joint / joint.sum(axis=1)[:, np.newaxis]
    $GIVE

def log_likelihood(self, X):
    constant = -0.5 * X.shape[1] * np.log(2 * np.pi)
    return np.log(self._joint(X).sum(axis=1)).mean() + constant
""",
}
LOG_STYLES = ("logsumexp", "cholesky", "slogdet")

# How the E-step hands its result over, and how `fit` and `predict` take it.
GIVES: dict[str, tuple[str, str]] = {
    "array": ("return responsibilities", "resp = self.$E(X)"),
    "tuple": ("return responsibilities, self.log_likelihood(X)", "resp, ll = self.$E(X)"),
    "tuple_last": ("return self.log_likelihood(X) * len(X), responsibilities", "total, resp = self.$E(X)"),
    "kept": ("self.resp = responsibilities", "self.$E(X)\nresp = self.resp"),
    "kept_and_self": ("self.resp = responsibilities\nreturn self", "resp = self.$E(X).resp"),
    "nested_list": ("return responsibilities.tolist()", "resp = np.array(self.$E(X))"),
    "dict": (
        'return {"responsibilities": responsibilities, "ll": self.log_likelihood(X)}',
        'resp = self.$E(X)["responsibilities"]',
    ),
    "joint_first": ("return self._joint(X), responsibilities", "_, resp = self.$E(X)"),
    "log": ("return log_resp", "resp = np.exp(self.$E(X))"),
    "log_tuple": ("return log_resp, self.log_likelihood(X)", "log_resp, ll = self.$E(X)\nresp = np.exp(log_resp)"),
    "log_joint_first": ("return self._joint(X), log_resp", "joint, log_resp = self.$E(X)\nresp = np.exp(log_resp)"),
}

REGULARISATION: dict[str, str] = {
    "none": "",
    "small": " + 1e-6 * np.eye(D)",
    "of_variance": " + 1e-3 * np.diag(X.var(axis=0))",
}

M_STEPS: dict[str, str] = {
    "loop": """\
def $MS(self, X, responsibilities):
    N, D = X.shape
    Nk = responsibilities.sum(axis=0)
    weights = Nk / N
    means, covariances = [], []
    for k in range($K):
        r = responsibilities[:, k]
        mean = (r[:, np.newaxis] * X).sum(axis=0) / Nk[k]
        diff = X - mean
        means.append(mean)
        covariances.append((r[:, np.newaxis] * diff).T @ diff / Nk[k]$REG)
    $STORE
""",
    "einsum": """\
def $MS(self, X, resp):
    N, D = X.shape
    Nk = resp.sum(0) + 1e-12
    weights = Nk / Nk.sum()
    means = np.einsum("nk,nd->kd", resp, X) / Nk[:, None]
    diff = X[:, None] - means
    covariances = np.einsum("nk,nki,nkj->kij", resp, diff, diff) / Nk[:, None, None]$REG
    $STORE
""",
    "np_cov": """\
def $MS(self, X, R):
    N, D = X.shape
    weights = R.mean(axis=0)
    means = [np.average(X, axis=0, weights=R[:, k]) for k in range($K)]
    covariances = [np.cov(X, rowvar=False, aweights=R[:, k], ddof=0).reshape(D, D)$REG for k in range($K)]
    $STORE
""",
    "points": """\
def $MS(self, X, r):
    N, D = X.shape
    weights = np.zeros($K)
    means = np.zeros(($K, D))
    covariances = np.zeros(($K, D, D))
    for k in range($K):
        Nk = np.sum(r[:, k])
        weights[k] = Nk / N
        means[k] = r[:, k] @ X / Nk
        for n in range(N):
            d = (X[n] - means[k]).reshape(-1, 1)
            covariances[k] += r[n, k] * (d @ d.T)
        covariances[k] = covariances[k] / Nk$REG
    $STORE
""",
    "second_moment": """\
def $MS(self, X, gamma):
    N, D = X.shape
    Nk = gamma.sum(axis=0)
    weights = Nk / N
    means = (gamma.T @ X) / Nk.reshape(-1, 1)
    covariances = []
    for k in range($K):
        second = (gamma[:, k, None] * X).T @ X / Nk[k]
        covariances.append(second - np.outer(means[k], means[k])$REG)
    $STORE
""",
    "diag_matrix": """\
def $MS(self, X, responsibilities):
    N, D = X.shape
    weights, means, covariances = [], [], []
    for k in range(responsibilities.shape[1]):
        gamma = responsibilities[:, k]
        total = gamma.sum() + 1e-10
        mu = gamma.dot(X) / total
        centred = X - mu
        cov = centred.T.dot(np.diag(gamma)).dot(centred) / total$REG
        weights.append(total / N)
        means.append(mu)
        covariances.append((cov + cov.T) / 2)
    $STORE
""",
    "float32": """\
def $MS(self, X, responsibilities):
    N, D = X.shape
    resp = np.asarray(responsibilities, dtype=np.float32)
    X32 = X.astype(np.float32)
    Nk = resp.sum(axis=0)
    weights = Nk / Nk.sum()
    means = resp.T @ X32 / Nk[:, None]
    covariances = []
    for k in range($K):
        diff = X32 - means[k]
        covariances.append((resp[:, k] * diff.T) @ diff / Nk[k]$REG)
    $STORE
""",
}

# How the M-step hands its result over, and the line of `fit` that calls it.
TAKES: dict[str, tuple[str, str]] = {
    "set": ("$SET", "self.$MS(X, resp)"),
    "set_and_return_self": ("$SET\nreturn self", "self.$MS(X, resp)"),
    "set_and_return": ("$SET\nreturn weights, means, covariances", "self.$MS(X, resp)"),
    "functional": (
        "return np.array(weights), np.array(means), np.array(covariances)",
        "weights, means, covariances = self.$MS(X, resp)\n$SET",
    ),
    "functional_dict": (
        'return {"weights": np.array(weights), "means": np.array(means), "covariances": np.array(covariances)}',
        'new = self.$MS(X, resp)\nweights, means, covariances = new["weights"], new["means"], new["covariances"]\n$SET',
    ),
}
