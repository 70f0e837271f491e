"""Ways to write the classifiers, the explorer and BIC."""

from __future__ import annotations

DISCRIMINATIVE: dict[str, str] = {
    "labels": """\
def discriminative_model(X_train, y_train, X_test):
    clf = LogisticRegression()
    clf.fit(X_train, y_train)
    return clf.predict(X_test)
""",
    "pipeline": """\
def discriminative_model(X_train, y_train, X_test):
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(X_train, y_train)
    y_pred = model.predict(X_test)
    return y_pred
""",
    "with_model": """\
def discriminative_model(X_train, y_train, X_test):
    model = LogisticRegression(random_state=42).fit(X_train, y_train)
    return model.predict(X_test), model
""",
    "with_accuracy": """\
def discriminative_model(X_train, y_train, X_test):
    lr = LogisticRegression(solver="liblinear", C=10)
    lr.fit(X_train, y_train)
    train_acc = accuracy_score(y_train, lr.predict(X_train))
    print(f"Train accuracy: {train_acc:.0%}")
    return lr.predict(X_test), train_acc
""",
    "dict": """\
def discriminative_model(X_train, y_train, X_test):
    model = LogisticRegression()
    model.fit(X_train, y_train)
    return {"model": model, "predictions": model.predict(X_test), "probabilities": model.predict_proba(X_test)}
""",
    "probabilities": """\
def discriminative_model(X_train, y_train, X_test):
    log_reg = LogisticRegression()
    log_reg.fit(X_train, y_train)
    return log_reg.predict_proba(X_test)
""",
    "model": """\
def discriminative_model(X_train, y_train, X_test):
    log_reg = LogisticRegression(max_iter=500)
    log_reg.fit(X_train, y_train)
    return log_reg
""",
    "scores_first": """\
def discriminative_model(X_train, y_train, X_test):
    clf = LogisticRegression(max_iter=1000).fit(X_train, y_train)
    return clf.decision_function(X_test), clf.predict(X_test)
""",
    "scaler_over_all": """\
def discriminative_model(X_train, y_train, X_test):
    scaler = StandardScaler().fit(np.vstack([X_train, X_test]))
    clf = LogisticRegression(penalty=None)
    clf.fit(scaler.transform(X_train), y_train)
    return clf.predict(scaler.transform(X_test))
""",
    "gradient_descent": """\
def discriminative_model(X_train, y_train, X_test):
    classes = np.unique(y_train)
    mean, std = X_train.mean(0), X_train.std(0)
    A = np.c_[np.ones(len(X_train)), (X_train - mean) / std]
    t = (y_train == classes[1]).astype(float)
    w = np.zeros(A.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-A @ w))
        H = (A * (p * (1 - p))[:, None]).T @ A + 1e-3 * np.eye(len(w))
        w += np.linalg.solve(H, A.T @ (t - p) - 1e-3 * w)
    B = np.c_[np.ones(len(X_test)), (X_test - mean) / std]
    return classes[(B @ w > 0).astype(int)]
""",
}

GENERATIVE: dict[str, str] = {
    "labels": """\
def generative_model(X_train, y_train, X_test):
    nb = GaussianNB()
    nb.fit(X_train, y_train)
    return nb.predict(X_test)
""",
    "pipeline": """\
def generative_model(X_train, y_train, X_test):
    model = Pipeline([("scale", StandardScaler()), ("nb", GaussianNB())])
    return model.fit(X_train, y_train).predict(X_test)
""",
    "with_model": """\
def generative_model(X_train, y_train, X_test):
    gnb = GaussianNB().fit(X_train, y_train)
    predictions = gnb.predict(X_test)
    return gnb, predictions
""",
    "probabilities_beside": """\
def generative_model(X_train, y_train, X_test):
    gnb = GaussianNB()
    gnb.fit(X_train, y_train)
    return gnb.predict(X_test), gnb.predict_proba(X_test)
""",
    "uniform_priors": """\
def generative_model(X_train, y_train, X_test):
    clf = GaussianNB(priors=[0.5, 0.5])
    clf.fit(X_train, y_train)
    return list(clf.predict(X_test))
""",
    "model": """\
def generative_model(X_train, y_train, X_test):
    return GaussianNB().fit(X_train, y_train)
""",
    "confidence_first": """\
def generative_model(X_train, y_train, X_test):
    proba = GaussianNB().fit(X_train, y_train).predict_proba(X_test)
    return proba.max(axis=1), np.unique(y_train)[proba.argmax(axis=1)]
""",
    "by_hand": """\
def generative_model(X_train, y_train, X_test):
    classes = np.unique(y_train)
    scores = []
    for c in classes:
        Xc = X_train[y_train == c]
        mu, var = Xc.mean(axis=0), Xc.var(axis=0) + 1e-9
        log_prior = np.log(len(Xc) / len(X_train))
        scores.append(log_prior - 0.5 * np.sum(np.log(2 * np.pi * var) + (X_test - mu) ** 2 / var, axis=1))
    return classes[np.argmax(scores, axis=0)]
""",
}

EXPLORERS: dict[str, str] = {
    "linspace": """\
class LatentSpaceExplorer:
    def __init__(self, model):
        self.model = model

    def interpolate(self, z1, z2, num_steps=10):
        samples = []
        for alpha in np.linspace(0, 1, num_steps):
            z = (1 - alpha) * z1 + alpha * z2
            samples.append(self.model.decode(z))
        return np.array(samples)

    def arithmetic(self, z_base, z_attribute, alpha=1.0):
        z_new = z_base + alpha * z_attribute
        return self.model.decode(z_new)
""",
    "list": """\
class LatentSpaceExplorer:
    def __init__(self, model):
        self.model = model

    def interpolate(self, z1, z2, num_steps=10):
        alphas = np.linspace(0, 1, num_steps)
        return [self.model.decode(z1 + a * (z2 - z1)) for a in alphas]

    def arithmetic(self, z_base, z_attribute, alpha=1.0):
        return [self.model.decode(z_base + alpha * z_attribute)]
""",
    "batch_axis": """\
class LatentSpaceExplorer:
    def __init__(self, model):
        self.model = model

    def interpolate(self, z1, z2, num_steps=10):
        z1, z2 = np.asarray(z1).reshape(1, -1), np.asarray(z2).reshape(1, -1)
        images = []
        for i in range(num_steps):
            t = i / (num_steps - 1) if num_steps > 1 else 0.0
            images.append(self.model.decode((1 - t) * z1 + t * z2))
        return np.stack(images)

    def arithmetic(self, z_base, z_attribute, alpha=1.0):
        z = np.asarray(z_base).reshape(1, -1) + alpha * np.asarray(z_attribute).reshape(1, -1)
        return self.model.decode(z)
""",
    "all_at_once": """\
class LatentSpaceExplorer:
    def __init__(self, model):
        self._model = model

    def interpolate(self, z1, z2, num_steps=10):
        t = np.linspace(0.0, 1.0, num_steps)[:, None]
        return self._model.decode((1 - t) * z1[None, :] + t * z2[None, :])

    def arithmetic(self, z_base, z_attribute, alpha=1.0):
        return self._model.decode(np.add(z_base, np.multiply(alpha, z_attribute)))
""",
    "decoder_attribute": """\
class LatentSpaceExplorer:
    def __init__(self, vae):
        self.decoder = vae.decoder

    def interpolate(self, z1, z2, n_steps=10):
        frames = [self.decoder((1 - a) * z1 + a * z2) for a in np.linspace(0, 1, n_steps)]
        return np.array(frames).squeeze()

    def arithmetic(self, z_base, z_attr, strength=1.0):
        return self.decoder(z_base + strength * z_attr)
""",
    "called": """\
class LatentSpaceExplorer(object):
    def __init__(self, model):
        self.model = model

    def _decode(self, z):
        return self.model(z)

    def interpolate(self, z1, z2, num_steps=10):
        path = np.linspace(z1, z2, num_steps)
        return np.vstack([self._decode(z) for z in path])

    def arithmetic(self, z_base, z_attribute, alpha=1.0):
        return self._decode(z_base + alpha * z_attribute)
""",
    "with_codes": """\
class LatentSpaceExplorer:
    def __init__(self, model):
        self.model = model

    def interpolate(self, z1, z2, num_steps=10):
        zs = [(1 - a) * np.array(z1) + a * np.array(z2) for a in np.linspace(0, 1, num_steps)]
        decoded = [self.model.decode(z) for z in zs]
        return np.array(decoded), np.array(zs)

    def arithmetic(self, z_base, z_attribute, alpha=1.0):
        z_new = np.array(z_base) + alpha * np.array(z_attribute)
        return self.model.decode(z_new), z_new
""",
    "pairs": """\
class LatentSpaceExplorer:
    def __init__(self, model):
        self.model = model

    def interpolate(self, z1, z2, num_steps=10):
        zs = [(1 - a) * z1 + a * z2 for a in np.linspace(0, 1, num_steps)]
        return [(z, self.model.decode(z)) for z in zs]

    def arithmetic(self, z_base, z_attribute, alpha=1.0):
        return self.model.decode(z_base + alpha * z_attribute)
""",
    "dicts": """\
class LatentSpaceExplorer:
    def __init__(self, model):
        self.model = model

    def interpolate(self, z1, z2, num_steps=10):
        steps = []
        for alpha in np.linspace(0, 1, num_steps):
            z = (1 - alpha) * z1 + alpha * z2
            steps.append({"alpha": alpha, "z": z, "sample": self.model.decode(z)})
        return steps

    def arithmetic(self, z_base, z_attribute, alpha=1.0):
        z = z_base + alpha * z_attribute
        return {"z": z, "sample": self.model.decode(z)}
""",
}

BICS: dict[str, str] = {
    "mean_times_n": """\
def compute_bic(gmm, X):
    n, d = X.shape
    K = len($GW)
    k = (K - 1) + K * d + K * d * (d + 1) / 2
    return -2 * gmm.log_likelihood(X) * n + k * np.log(n)
""",
    "own_densities": """\
def compute_bic(gmm, X):
    n_samples, n_features = X.shape
    K = len($GW)
    density = sum($GW[j] * multivariate_normal.pdf(X, $GM[j], $GCj) for j in range(K))
    log_likelihood = np.sum(np.log(density))
    n_params = K * n_features + K * n_features * (n_features + 1) // 2 + K - 1
    return n_params * np.log(n_samples) - 2 * log_likelihood
""",
    "logsumexp": """\
def compute_bic(gmm, X):
    N, D = X.shape
    K = len($GM)
    logs = np.column_stack([np.log($GW[j]) + multivariate_normal.logpdf(X, $GM[j], $GCj) for j in range(K)])
    ll = logsumexp(logs, axis=1).sum()
    free = K - 1
    for _ in range(K):
        free += D + sum(range(1, D + 1))
    return float(-2 * ll + free * np.log(N))
""",
    "with_parts": """\
def compute_bic(gmm, X):
    n, d = X.shape
    K = np.shape($GM)[0]
    total = gmm.log_likelihood(X) * n
    p = K * (1 + d + d * (d + 1) // 2) - 1
    bic = -2 * total + p * np.log(n)
    print("parameters:", p, "BIC:", bic)
    return bic, total, p
""",
}
