"""How solutions name and keep their parameters, and what their constructors take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Storage:
    """Where the parameters live: expressions to read them, and lines that store ``weights, means, covariances``."""

    W: str
    M: str
    C: str
    store: str
    Ck: str = ""
    K: str = "self.n_components"
    E: str = "_e_step"
    MS: str = "_m_step"
    history: str = "self.log_likelihoods"
    init: str = ""
    """The constructor, and what else the class needs to keep its parameters."""
    head: str = "class GMM:"

    @property
    def places(self) -> dict[str, str]:
        """Placeholders of the pieces."""
        return {
            "W": self.W,
            "M": self.M,
            "C": self.C,
            "Ck": self.Ck or f"{self.C}[k]",
            "K": self.K,
            "E": self.E,
            "MS": self.MS,
            "H": self.history,
        }


def _attributes(weights: str, means: str, covariances: str, box: str = "np.array({})") -> str:
    return (
        f"self.{weights} = {box.format('weights')}\n"
        f"self.{means} = {box.format('means')}\n"
        f"self.{covariances} = {box.format('covariances')}"
    )


_STANDARD = """\
def __init__(self, n_components=3, max_iters=100, tol=1e-4, random_state=None):
    self.n_components = n_components
    self.max_iters = max_iters
    self.tol = tol
    self.random_state = random_state
    {weights} = None
    {means} = None
    {covariances} = None
    {history} = []
"""


def _plain(weights: str, means: str, covariances: str, history: str = "log_likelihoods", **more: str) -> Storage:
    names = [f"self.{name}" for name in (weights, means, covariances, history)]
    init = _STANDARD.format(weights=names[0], means=names[1], covariances=names[2], history=names[3])
    return Storage(
        W=names[0],
        M=names[1],
        C=names[2],
        store=_attributes(weights, means, covariances),
        history=names[3],
        init=init,
        **more,  # type: ignore[arg-type]
    )


STORAGES: dict[str, Storage] = {
    "as_given": _plain("weights", "means", "covariances"),
    "greek": _plain("pi", "mu", "sigma", "history", E="e_step", MS="m_step"),
    "trailing_underscores": _plain(
        "weights_", "means_", "covariances_", "ll_history", E="_expectation", MS="_maximization"
    ),
    "phi_and_priors": _plain("phi", "centers", "covs", "lls", E="E_step", MS="M_step"),
    "priors": _plain("priors", "mus", "Sigmas", "log_likelihood_history", E="expectation", MS="maximization"),
    "mixing": _plain("mixing_coefficients", "centroids", "covariance_matrices", "losses", E="estep", MS="mstep"),
    "dict": Storage(
        W='self.params["pi"]',
        M='self.params["mu"]',
        C='self.params["sigma"]',
        store='self.params = {"pi": np.array(weights), "mu": np.array(means), "sigma": np.array(covariances)}',
        init="""\
def __init__(self, n_components=3, max_iters=100, tol=1e-4, random_state=None):
    self.n_components = n_components
    self.max_iters = max_iters
    self.tol = tol
    self.random_state = random_state
    self.params = {}
    self.log_likelihoods = []
""",
    ),
    "lists": Storage(
        W="self.weights",
        M="self.means",
        C="self.covariances",
        store="self.weights = list(weights)\nself.means = list(means)\nself.covariances = list(covariances)",
        init="""\
def __init__(self, n_components=3, max_iters=100, tol=1e-4, random_state=None):
    self.n_components = n_components
    self.max_iters = max_iters
    self.tol = tol
    self.random_state = random_state
    self.weights = []
    self.means = []
    self.covariances = []
    self.log_likelihoods = []
""",
    ),
    "components_last": Storage(
        W="self.pi",
        M="self.mu",
        C="np.moveaxis(self.sigma, -1, 0)",
        Ck="self.sigma[:, :, k]",
        store=(
            "self.pi = np.array(weights)\nself.mu = np.array(means)\n"
            "self.sigma = np.zeros((len(means[0]), len(means[0]), self.K))\n"
            "for j in range(self.K):\n    self.sigma[:, :, j] = covariances[j]"
        ),
        K="self.K",
        history="self.history",
        init="""\
def __init__(self, K=3, max_iters=100, tol=1e-4, seed=None):
    self.K = K
    self.max_iters = max_iters
    self.tol = tol
    self.random_state = seed
    self.pi = self.mu = self.sigma = None
    self.history = []
""",
    ),
    "properties_with_setters": Storage(
        W="self.weights",
        M="self.means",
        C="self.covariances",
        store=_attributes("weights", "means", "covariances"),
        init="""\
def __init__(self, n_components=3, max_iters=100, tol=1e-4, random_state=None):
    self.n_components = n_components
    self.max_iters = max_iters
    self.tol = tol
    self.random_state = random_state
    self._w = self._mu = self._cov = None
    self.log_likelihoods = []

@property
def weights(self):
    return self._w

@weights.setter
def weights(self, value):
    self._w = None if value is None else np.asarray(value, dtype=float)

@property
def means(self):
    return self._mu

@means.setter
def means(self, value):
    self._mu = value

@property
def covariances(self):
    return self._cov

@covariances.setter
def covariances(self, value):
    self._cov = value
""",
    ),
    "read_only_properties": Storage(
        W="self._pi",
        M="self._mu",
        C="self._sigma",
        store="self._pi, self._mu, self._sigma = np.array(weights), np.array(means), np.array(covariances)",
        history="self._history",
        init="""\
def __init__(self, n_components=3, max_iters=100, tol=1e-4, random_state=None):
    self.n_components = n_components
    self.max_iters = max_iters
    self.tol = tol
    self.random_state = random_state
    self._pi = self._mu = self._sigma = None
    self._history = []

@property
def weights(self):
    return self._pi

@property
def means(self):
    return self._mu

@property
def covariances(self):
    return self._sigma

@property
def log_likelihoods(self):
    return self._history
""",
    ),
    "dataclass": Storage(
        head="@dataclass\nclass GMM:",
        W="self.weights",
        M="self.means",
        C="self.covariances",
        store=_attributes("weights", "means", "covariances"),
        init="""\
n_components: int = 3
max_iters: int = 100
tol: float = 1e-4
random_state: Optional[int] = None
weights: Optional[np.ndarray] = None
means: Optional[np.ndarray] = None
covariances: Optional[np.ndarray] = None
log_likelihoods: List[float] = field(default_factory=list)
""",
    ),
    "slots": Storage(
        W="self.weights",
        M="self.means",
        C="self.covariances",
        store=_attributes("weights", "means", "covariances"),
        init="""\
__slots__ = ("n_components", "max_iters", "tol", "random_state", "weights", "means", "covariances", "log_likelihoods",
             "converged", "resp", "S0", "S1", "S2", "t", "buffer", "rng")

def __init__(self, n_components=3, max_iters=100, tol=1e-4, random_state=None):
    self.n_components = n_components
    self.max_iters = max_iters
    self.tol = tol
    self.random_state = random_state
    self.weights = None
    self.means = None
    self.covariances = None
    self.log_likelihoods = []
    self.t = 0
    self.S0 = None
    self.buffer = None
""",
    ),
    "n_clusters": Storage(
        W="self.weights",
        M="self.means",
        C="self.covs",
        store=_attributes("weights", "means", "covs"),
        K="self.n_clusters",
        history="self.ll_history",
        init="""\
def __init__(self, n_clusters, n_iter=100, threshold=1e-4, seed=0):
    self.n_clusters = n_clusters
    self.max_iters = n_iter
    self.tol = threshold
    self.random_state = seed
    self.ll_history = []
""",
    ),
    "positional_only": Storage(
        W="self.w",
        M="self.m",
        C="self.S",
        store=_attributes("w", "m", "S"),
        K="self.k",
        init="""\
def __init__(self, k, /, max_iters=100, tol=1e-4, random_state=None):
    self.k = k
    self.max_iters = max_iters
    self.tol = tol
    self.random_state = random_state
    self.w = None
    self.m = None
    self.S = None
    self.log_likelihoods = []
""",
    ),
    "wants_data": Storage(
        W="self.pi",
        M="self.mu",
        C="self.cov",
        store=_attributes("pi", "mu", "cov"),
        K="self.k",
        init="""\
def __init__(self, X, k, max_iters=100, tol=1e-4, random_state=None):
    self.X = X
    self.n, self.d = X.shape
    self.k = k
    self.max_iters = max_iters
    self.tol = tol
    self.random_state = random_state
    self.pi = np.ones(k) / k
    self.mu = X[:k].copy()
    self.cov = np.array([np.eye(self.d)] * k)
    self.log_likelihoods = []
""",
    ),
}
