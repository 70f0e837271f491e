# %% [markdown]
# # Activity 09: Introduction to Generative Models
# %%
import numpy as np
import matplotlib.pyplot as plt
from scipy.stats import multivariate_normal
np.random.seed(42)
# %%
def make_data(n=300, seed=0):
    rng = np.random.default_rng(seed)
    centers = np.array([[2.0, 3.5], [6.0, 1.0], [1.5, 8.5]])
    X = np.vstack([rng.normal(c, 0.8, size=(n // 3, 2)) for c in centers])
    y = np.repeat(np.arange(3), n // 3)
    return X, y

X, y = make_data()
plt.scatter(X[:, 0], X[:, 1], s=10)
plt.title("Data")
plt.show()
# %%
class GMM:
    def __init__(self, n_components=3, max_iters=100, tol=1e-4, random_state=None):
        self.n_components = n_components
        self.max_iters = max_iters
        self.tol = tol
        self.random_state = random_state
        self.weights = None
        self.means = None
        self.covariances = None
        self.log_likelihoods = []

    def _initialize(self, X):
        rng = np.random.RandomState(self.random_state)
        n, d = X.shape
        # farthest-point start so that the clusters don't share a mean
        idx = [rng.randint(n)]
        for _ in range(self.n_components - 1):
            dist = np.min([np.sum((X - X[i]) ** 2, axis=1) for i in idx], axis=0)
            idx.append(rng.choice(n, p=dist / dist.sum()))
        self.means = X[idx].copy()
        self.weights = np.ones(self.n_components) / self.n_components
        self.covariances = np.array([np.cov(X.T) / self.n_components + 1e-6 * np.eye(d) for _ in range(self.n_components)])

    def _e_step(self, X):
        responsibilities = np.zeros((X.shape[0], self.n_components))
        for k in range(self.n_components):
            responsibilities[:, k] = self.weights[k] * multivariate_normal.pdf(X, self.means[k], self.covariances[k])
        responsibilities /= responsibilities.sum(axis=1, keepdims=True)
        return responsibilities

    def _m_step(self, X, responsibilities):
        N, D = X.shape
        Nk = responsibilities.sum(axis=0)
        self.weights = Nk / N
        self.means = responsibilities.T @ X / Nk[:, None]
        for k in range(self.n_components):
            diff = X - self.means[k]
            self.covariances[k] = (responsibilities[:, k][:, None] * diff).T @ diff / Nk[k]
            self.covariances[k] += 1e-6 * np.eye(D)

    def log_likelihood(self, X):
        p = np.zeros(X.shape[0])
        for k in range(self.n_components):
            p += self.weights[k] * multivariate_normal.pdf(X, self.means[k], self.covariances[k])
        return np.mean(np.log(p + 1e-300))

    def fit(self, X):
        self._initialize(X)
        self.log_likelihoods = []
        for i in range(self.max_iters):
            r = self._e_step(X)
            self._m_step(X, r)
            self.log_likelihoods.append(self.log_likelihood(X))
            if i > 0 and abs(self.log_likelihoods[-1] - self.log_likelihoods[-2]) < self.tol:
                break
        return self

    def predict(self, X):
        return np.argmax(self._e_step(X), axis=1)

    def sample(self, n_samples):
        samples = []
        for _ in range(n_samples):
            k = np.random.choice(self.n_components, p=self.weights)
            samples.append(np.random.multivariate_normal(self.means[k], self.covariances[k]))
        return np.array(samples)
# %%
gmm = GMM(n_components=3, random_state=1)
gmm.fit(X)
for i, ll in enumerate(gmm.log_likelihoods):
    if i == 0 or (i + 1) % 5 == 0:
        print(f"Iteration {i + 1}: Log-likelihood = {ll:.2f}")
for k in range(3):
    print("Component", k + 1, gmm.means[k], gmm.weights[k])
# %%
from matplotlib.patches import Ellipse

def draw_ellipses(model, ax):
    for k in range(model.n_components):
        vals, vecs = np.linalg.eigh(model.covariances[k])
        angle = np.degrees(np.arctan2(vecs[1, 1], vecs[0, 1]))
        for s in (1, 2):
            ax.add_patch(Ellipse(model.means[k], 2 * s * np.sqrt(vals[1]), 2 * s * np.sqrt(vals[0]), angle=angle, fill=False, color="C%d" % k))

fig, ax = plt.subplots()
ax.scatter(X[:, 0], X[:, 1], c=gmm.predict(X), s=10)
draw_ellipses(gmm, ax)
ax.set_title("Fitted clusters")
plt.show()

plt.plot(gmm.log_likelihoods, marker="o")
plt.xlabel("iteration"); plt.ylabel("log-likelihood")
plt.title("Log-likelihood")
plt.show()
# %%
S = gmm.sample(300)
fig, axes = plt.subplots(1, 2, figsize=(8, 4), sharex=True, sharey=True)
axes[0].scatter(X[:, 0], X[:, 1], s=8); axes[0].set_title("Training data")
axes[1].scatter(S[:, 0], S[:, 1], s=8, c="orange"); axes[1].set_title("Generated samples")
plt.show()
# %%
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.metrics import accuracy_score

def discriminative_model(X_train, y_train, X_test):
    clf = LogisticRegression()
    clf.fit(X_train, y_train)
    return clf.predict(X_test)

def generative_model(X_train, y_train, X_test):
    clf = GaussianNB()
    clf.fit(X_train, y_train)
    return clf.predict(X_test)

Xc, yc = make_classification(300, 2, n_informative=2, n_redundant=0, n_clusters_per_class=1, random_state=3)
X_train, X_test, y_train, y_test = train_test_split(Xc, yc, random_state=0)
print("Logistic regression:", accuracy_score(y_test, discriminative_model(X_train, y_train, X_test)))
print("Naive Bayes:", accuracy_score(y_test, generative_model(X_train, y_train, X_test)))

gx, gy = np.meshgrid(np.linspace(Xc[:, 0].min() - 1, Xc[:, 0].max() + 1, 80), np.linspace(Xc[:, 1].min() - 1, Xc[:, 1].max() + 1, 80))
grid = np.c_[gx.ravel(), gy.ravel()]
fig, axes = plt.subplots(1, 2, figsize=(9, 4))
for ax, f, name in zip(axes, (discriminative_model, generative_model), ("Discriminative", "Generative")):
    ax.contourf(gx, gy, f(X_train, y_train, grid).reshape(gx.shape), alpha=0.3)
    ax.scatter(X_test[:, 0], X_test[:, 1], c=y_test, s=12)
    ax.set_title(name)
plt.show()
# %%
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
# %%
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

class PCADecoder:
    def __init__(self, dim=10):
        self.pca = PCA(dim).fit(load_digits().data)
    def encode(self, x):
        return self.pca.transform(np.atleast_2d(x))[0]
    def decode(self, z):
        return self.pca.inverse_transform(np.atleast_2d(z))[0]

model = PCADecoder()
explorer = LatentSpaceExplorer(model)
digits = load_digits()
z1, z2 = model.encode(digits.data[0]), model.encode(digits.data[1])
path = explorer.interpolate(z1, z2, 10)
fig, axes = plt.subplots(1, 10, figsize=(12, 1.5))
for ax, img in zip(axes, path):
    ax.imshow(np.reshape(img, (8, 8)), cmap="gray"); ax.axis("off")
fig.suptitle("Interpolation")
plt.show()
print(np.shape(explorer.arithmetic(z1, z2 - z1, alpha=0.5)))
# %%
def conditional_sample(self, condition, n_samples):
    # condition: vector with NaN where unknown
    condition = np.asarray(condition, dtype=float)
    known = ~np.isnan(condition)
    unknown = ~known
    xk = condition[known]
    w = np.zeros(self.n_components)
    cm, cc = [], []
    for k in range(self.n_components):
        mu, S = self.means[k], self.covariances[k]
        Skk = S[np.ix_(known, known)]
        Suk = S[np.ix_(unknown, known)]
        w[k] = self.weights[k] * multivariate_normal.pdf(xk, mu[known], Skk)
        gain = Suk @ np.linalg.inv(Skk)
        cm.append(mu[unknown] + gain @ (xk - mu[known]))
        cc.append(S[np.ix_(unknown, unknown)] - gain @ Suk.T)
    w = w / w.sum()
    out = np.tile(condition, (n_samples, 1))
    for i in range(n_samples):
        k = np.random.choice(self.n_components, p=w)
        out[i, unknown] = np.random.multivariate_normal(cm[k], cc[k])
    return out

GMM.conditional_sample = conditional_sample
print(gmm.conditional_sample([2.0, np.nan], 5))

# %% [markdown]
# ### Reflection
# I first wrote everything with loops and it was slow but easy to check against the formulas in the lecture. What helped most was
# testing the M-step alone with responsibilities that I made up. Sampling taught me that the component has to be drawn anew for each
# point, otherwise the proportions are wrong. If I had more time I would try a variational autoencoder on the digits!
