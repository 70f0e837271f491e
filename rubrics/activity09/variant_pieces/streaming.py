"""Ways to learn from batches without keeping them."""

from __future__ import annotations

ONLINE: dict[str, str] = {
    "statistics": """\
def online_update(self, new_batch):
    $TAKE_BATCH
    n, D = new_batch.shape
    if getattr(self, "S0", None) is None:
        self.t = 0
        self.S0 = np.array($W, dtype=float)
        self.S1 = np.array([$W[k] * np.asarray($M[k]) for k in range($K)])
        self.S2 = np.array([$W[k] * ($Ck + np.outer($M[k], $M[k])) for k in range($K)])
    self.t += 1
    step = (self.t + 2) ** -0.7
    self.S0 = (1 - step) * self.S0 + step * resp.mean(axis=0)
    self.S1 = (1 - step) * self.S1 + step * resp.T @ new_batch / n
    self.S2 = (1 - step) * self.S2 + step * np.einsum("nk,ni,nj->kij", resp, new_batch, new_batch) / n
    weights = self.S0 / self.S0.sum()
    means = self.S1 / self.S0[:, None]
    covariances = [self.S2[k] / self.S0[k] - np.outer(means[k], means[k]) + 1e-6 * np.eye(D) for k in range($K)]
    $SET
    return self
""",
    "blending": """\
def online_update(self, new_batch, lr=0.05):
    $TAKE_BATCH
    n, D = new_batch.shape
    Nk = resp.sum(axis=0) + 1e-10
    weights, means, covariances = [], [], []
    for k in range($K):
        share = lr * min(1.0, Nk[k] * $K / n)
        batch_mean = resp[:, k] @ new_batch / Nk[k]
        mean = (1 - share) * np.asarray($M[k]) + share * batch_mean
        diff = new_batch - mean
        batch_cov = (resp[:, k][:, None] * diff).T @ diff / Nk[k]
        weights.append((1 - lr) * $W[k] + lr * Nk[k] / n)
        means.append(mean)
        covariances.append((1 - share) * np.asarray($Ck) + share * batch_cov + 1e-8 * np.eye(D))
    weights = np.array(weights) / np.sum(weights)
    $SET
""",
    "running_counts": """\
def online_update(self, new_batch):
    $TAKE_BATCH
    n, D = new_batch.shape
    seen = getattr(self, "t", 0) or 200
    weights, means, covariances = [], [], []
    for k in range($K):
        old = seen * $W[k]
        new = resp[:, k].sum()
        total = old + new
        mean = (old * np.asarray($M[k]) + resp[:, k] @ new_batch) / total
        diff_old = np.asarray($M[k]) - mean
        diff = new_batch - mean
        scatter = old * (np.asarray($Ck) + np.outer(diff_old, diff_old)) + (resp[:, k] * diff.T) @ diff
        weights.append(total)
        means.append(mean)
        covariances.append(scatter / total + 1e-9 * np.eye(D))
    weights = np.array(weights) / sum(weights)
    self.t = min(seen + n, 2000)
    $SET
    return self
""",
    "per_sample": """\
def online_update(self, new_batch):
    for x in new_batch:
        $TAKE_POINT
        weights, means, covariances = [], [], []
        for k in range($K):
            r = resp[0, k]
            lr = 0.005
            w = (1 - lr) * $W[k] + lr * r
            rate = min(1.0, lr * r / w)
            diff = x - np.asarray($M[k])
            weights.append(w)
            means.append(np.asarray($M[k]) + rate * diff)
            covariances.append((1 - rate) * np.asarray($Ck) + rate * (1 - rate) * np.outer(diff, diff))
        weights = np.array(weights) / np.sum(weights)
        $SET
""",
    "bounded_buffer": """\
def online_update(self, new_batch):
    buffer = getattr(self, "buffer", None)
    buffer = new_batch if buffer is None else np.vstack([buffer, new_batch])[-600:]
    self.buffer = buffer
    if len(buffer) < 240:
        return self
    X = buffer
    for _ in range(2):
        $TAKE
        $MSTEP
    return self
""",
}
