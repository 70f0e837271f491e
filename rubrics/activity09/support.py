"""Helpers that run in the worker beside the student's code: they hold no expected value and no secret."""

import collections
import contextlib
import itertools
import pickle
import time
import types

import numpy as np

# --- training -------------------------------------------------------------------------------

FIT_SECONDS = 40.0
"""No further start is tried after this: slow loops are correct, and one start tells nearly as much as eight."""


def several_fits(student, gmms, datasets, tolerant=False):
    """Fit each object to its data set; one that raises does not keep the others from being fitted.

    Returns per object whether it was fitted, the error, what ``fit`` returned where that is a list of numbers, and
    what ``log_likelihood`` says of its data where there is such a method. Raises the first error when none was fitted,
    unless it is to be ``tolerant``.
    """
    started, told, errors = time.monotonic(), [], []
    for gmm, X in zip(gmms, datasets, strict=True):
        if told and time.monotonic() - started > FIT_SECONDS:
            told.append({"fitted": False, "error": "", "skipped": True})
            continue
        try:
            returned = student.call(gmm, "fit", X.copy())
        except Exception as error:  # noqa: BLE001  a student's code may raise anything
            errors.append(error)
            told.append({"fitted": False, "error": type(error).__name__, "skipped": False})
            continue
        told.append({"fitted": True, "error": "", "skipped": False, **_fit_facts(student, gmm, X, returned)})
    if not any(one["fitted"] for one in told):
        raise errors[0]
    return told


def _fit_facts(student, gmm, X, returned):
    facts = {"returned": returned if isinstance(returned, (list, tuple, dict, np.ndarray)) else None}
    try:
        facts["log_likelihood"] = float(student.call(gmm, "log_likelihood", X.copy()))
    except Exception:  # noqa: BLE001  a student's code may raise anything
        facts["log_likelihood"] = None  # the check says what is missing
    return facts


def fits_again(student, gmms, first, second):
    """Fit each object to its first data set, then to its second; tells of the second."""
    several_fits(student, gmms, first)
    return several_fits(student, gmms, second)


def alternated(student, gmm, X, rounds):
    """Parameters after each of some rounds of E-step and M-step, as dicts; an empty list if they can't be followed."""
    kept = []
    try:
        for _ in range(rounds):
            returned = student.call(gmm, "_e_step", X.copy())
            K = len(student.read(gmm, "weights", 1))
            student.call(gmm, "_m_step", X.copy(), _table(returned, (len(X), K)))
            found = {
                name: student.read(gmm, name, ndim) for name, ndim in (("weights", 1), ("means", 2), ("covariances", 3))
            }
            kept.append({name: np.array(value, dtype=float) for name, value in found.items()})
    except Exception:  # noqa: BLE001  a student's code may raise anything
        return []  # then nothing is concluded from it
    return kept


def _table(returned, shape):
    """The array of this shape in what an E-step returned; of several the one whose rows sum to 1."""
    parts = returned if isinstance(returned, tuple) else (returned,)
    fitting = [np.asarray(part) for part in parts if _shape(part) == shape]
    normalised = (part for part in fitting if np.allclose(part.sum(axis=1), 1.0))
    return next(normalised, fitting[0] if fitting else returned)


def _shape(value):
    try:
        return np.shape(value)
    except ValueError:  # rows of different lengths
        return None


# --- sampling -------------------------------------------------------------------------------


def drawn_beside(student, gmm, n):
    """What ``sample(n)`` returns, None where it raises: no check looks at it, so it must not cost the question."""
    try:
        return student.call(gmm, "sample", n)
    except Exception:  # noqa: BLE001  a student's code may raise anything
        return None


# --- the other items: helpers go below this line ----------------------------------------------


# --- a decoder that notes what it was asked -------------------------------------------------


class Decoder:
    """A bent map from latent codes (d,) or (..., d) to images (p,) or (..., p), called by any of the usual names."""

    def __init__(self, first, shift, second):
        self._first, self._shift, self._second = first, shift, second
        self.latent_dim = self.n_latent = first.shape[1]
        self.asked = []

    def decode(self, z, *args, **kwargs):
        z = np.asarray(z, dtype=float)
        if z.ndim == 0 or z.shape[-1] != self.latent_dim:
            raise ValueError(f"decode wants codes of {self.latent_dim} numbers, got shape {z.shape}")
        if len(self.asked) < 1000:
            self.asked.extend(z.reshape(-1, self.latent_dim)[:100])
        return np.tanh(z @ self._first.T + self._shift) + 0.5 * np.sin(2.0 * (z @ self._second.T))

    __call__ = forward = predict = generate = inverse_transform = decode

    @property
    def decoder(self):
        return self

    def eval(self):
        return self


def decoder(parameters):
    return Decoder(**parameters)


def drawn_out(returned):
    """What a generator, `zip` or `map` yields, at most 100 of it, as a list; anything else as it is."""
    yields = isinstance(returned, (types.GeneratorType, zip, map))
    return list(itertools.islice(returned, 100)) if yields else returned


def asked_of(model):
    """The codes (m, d) that a `Decoder` was asked to decode, in order."""
    return np.array(model.asked).reshape(len(model.asked), model.latent_dim)


# --- the grader's own pieces in place of the student's --------------------------------------


def _log_joint(X, weights, means, covariances):
    X = np.atleast_2d(np.asarray(X, dtype=float))
    columns = []
    for weight, mean, covariance in zip(weights, means, covariances, strict=True):
        factor = np.linalg.cholesky(covariance)
        z = np.linalg.solve(factor, (X - mean).T)
        log_determinant = 2 * np.log(np.diag(factor)).sum()
        with np.errstate(divide="ignore"):
            prior = np.log(weight)
        columns.append(prior - 0.5 * (X.shape[1] * np.log(2 * np.pi) + log_determinant + (z**2).sum(axis=0)))
    return np.stack(columns, axis=1)


def live_log_likelihood(student):
    """A method: mean log p(x) from the parameters that the object holds when it is called."""

    def log_likelihood(self, X, *args, **kwargs):
        joint = _log_joint(X, *_held(student, self))
        top = joint.max(axis=1)
        return float(np.mean(top + np.log(np.exp(joint - top[:, None]).sum(axis=1))))

    return log_likelihood


def live_e_step(student):
    """A method: the responsibilities from the parameters that the object holds when it is called."""

    def e_step(self, X, *args, **kwargs):
        joint = _log_joint(X, *_held(student, self))
        shares = np.exp(joint - joint.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    return e_step


def live_m_step(student):
    """A method: sets the parameters to the responsibility-weighted share, average and covariance."""

    def m_step(self, X, responsibilities, *args, **kwargs):
        X = np.asarray(X, dtype=float)
        r = np.asarray(responsibilities, dtype=float)
        counts = r.sum(axis=0) + 1e-12
        means = r.T @ X / counts[:, None]
        covariances = [(r[:, k, None] * (X - m)).T @ (X - m) / counts[k] for k, m in enumerate(means)]
        ridge = 1e-6 * np.eye(X.shape[1])
        student.given(self, weights=counts / counts.sum(), means=means, covariances=np.array(covariances) + ridge)

    return m_step


def live_sample(student):
    """A method: draws from the mixture that the object holds when it is called."""

    def sample(self, n_samples=1, *args, **kwargs):
        weights, means, covariances = _held(student, self)
        chosen = np.random.choice(len(weights), size=n_samples, p=np.asarray(weights) / np.sum(weights))
        factors = np.linalg.cholesky(np.asarray(covariances))
        noise = np.random.standard_normal((n_samples, np.shape(means)[1]))
        return np.asarray(means)[chosen] + np.einsum("nij,nj->ni", factors[chosen], noise)

    return sample


_places = {}


def _held(student, gmm):
    """Weights (K,), means (K, D) and covariances (K, D, D) that the object holds now."""
    return tuple(
        _parameter(student, gmm, name, ndim) for ndim, name in enumerate(("weights", "means", "covariances"), 1)
    )


def _parameter(student, gmm, name, ndim):
    # Looking a name up takes milliseconds and a stream asks a thousand times: where it was an array, look there first.
    held = getattr(gmm, "__dict__", {})
    before = _places.get((type(gmm), name))
    now = held.get(before[0]) if before else None
    if type(now) is np.ndarray and now.shape == before[1]:
        return now
    value = np.asarray(student.read(gmm, name, ndim), dtype=float)
    for key, kept in held.items():
        if type(kept) is np.ndarray and kept.shape == value.shape and np.array_equal(kept, value):
            _places[type(gmm), name] = (key, value.shape)
            break
    return value


# --- conditional sampling -------------------------------------------------------------------


_ALONE = ("a list of the known numbers", "a single number")


def conditional_draws(student, gmm, known, values, dimensions, n_samples, plane=None):
    """Ask for draws given some coordinates, in the first form of condition that gives finite draws of a usable shape.

    Forms: vector with NaN where unknown, dict {dimension: value}, in the plane a list of one number and the number
    itself, which stand for the first coordinate, and dimensions and values as two arguments. With ``plane``, an
    object in the plane and a value, a function that has no form for ``gmm`` but takes a number alone is asked for
    draws in the plane instead.
    """
    vector = np.full(dimensions, np.nan)
    vector[list(known)] = values
    forms = [
        ("a vector with NaN where unknown", vector),
        ("a dict {dimension: value}", dict(zip(known, values, strict=True))),
    ]
    forms.append(("a list with None where unknown", [None if np.isnan(v) else float(v) for v in vector]))
    if list(known) == [0]:
        forms += list(zip(_ALONE, ([float(values[0])], float(values[0])), strict=True))
    forms.append(("the known dimensions, then their values", list(known), np.array(values, dtype=float)))
    if len(known) == 1:
        forms.append(("the known dimension, then its value", int(known[0]), float(values[0])))
    first_error, first_value, got_value = None, None, False
    for words, *condition in forms:
        try:
            returned = student.call(gmm, "conditional_sample", *condition, n_samples)
        except Exception as error:
            if type(error).__name__ == "Missing":
                raise
            first_error = first_error or error
            continue
        if _usable(returned, n_samples, dimensions):
            if words != forms[0][0]:
                student.note(f"your conditional_sample was given its condition as {words}")
            return {"form": words, "returned": returned}
        if not got_value:
            first_value, got_value = {"form": words, "returned": returned}, True
    if plane is not None:
        with contextlib.suppress(Exception):
            asked = conditional_draws(student, plane[0], [0], [plane[1]], 2, n_samples)
            if asked["form"] in _ALONE:
                return {**asked, "in the plane": True}
    if got_value:
        return first_value
    raise first_error


def _usable(returned, n, dimensions):
    parts = list(returned) if isinstance(returned, tuple) else [returned]
    for part in parts:
        try:
            array = np.asarray(part, dtype=float)
        except (TypeError, ValueError):
            continue
        if array.ndim in (1, 2) and len(array) == n and array.size <= n * dimensions and np.isfinite(array).all():
            return True
    return False


# --- online EM ------------------------------------------------------------------------------


def stream(student, gmm, spare, batches, only_one, before):
    """Feed batches (B, n, D) one by one, then one batch of points of a single component.

    Where ``gmm`` can't start from given parameters, ``spare`` takes its place, fitted to the points ``before`` first.
    Returns the parameters at the start, after the stream and after the last batch, how many bytes the object's
    state (with the globals that the method uses) grew by, and how many the batches have.
    """
    start = _parameters(student, gmm)
    try:
        student.call(gmm, "online_update", batches[0].copy())
    except Exception as error:
        if type(error).__name__ == "Missing":
            raise
        gmm = spare
        try:
            student.call(gmm, "fit", before)
            start = _parameters(student, gmm)
            student.call(gmm, "online_update", batches[0].copy())
        except Exception:  # noqa: BLE001  a student's code may raise anything
            raise error from None
        student.note("your online_update starts from a fitted model, so the model was fitted to earlier points first")
    weight = _weigh_all(student, gmm)
    update = student.method(gmm, "online_update")
    for batch in batches[1:]:
        update(batch.copy())
    grown = _weigh_all(student, gmm) - weight
    end = _parameters(student, gmm)
    update(only_one.copy())
    after = _parameters(student, gmm)
    return {"start": start, "end": end, "after": after, "grown": grown, "fed": int(batches[1:].nbytes)}


def _parameters(student, gmm):
    weights, means, covariances = _held(student, gmm)
    return {"weights": np.array(weights), "means": np.array(means), "covariances": np.array(covariances)}


def _weigh_all(student, gmm):
    """Bytes of the object's state and of the notebook's variables that its method names."""
    total = _weigh(getattr(gmm, "__dict__", {}))
    method = getattr(type(gmm), "online_update", None)
    code = getattr(method, "__code__", None)
    for name in getattr(code, "co_names", ()):
        value = student.namespace.get(name)
        if isinstance(value, (np.ndarray, list, dict, collections.deque)):
            total += _weigh(value)
    return total


def _weigh(value, depth=0):
    """Bytes of the pickled value; where it can't be pickled, of its parts that can."""
    try:
        return len(pickle.dumps(value, protocol=5))
    except Exception:  # noqa: BLE001  a student's code may raise anything
        if depth > 4:
            return 0
    if isinstance(value, dict):
        return sum(_weigh(part, depth + 1) for part in list(value.values()))
    if isinstance(value, (list, tuple, set, collections.deque)):
        return sum(_weigh(part, depth + 1) for part in list(value)[:100_000])
    return _weigh(vars(value), depth + 1) if hasattr(value, "__dict__") and not callable(value) else 0


# --- what a notebook left behind ------------------------------------------------------------


def found_numbers(student, names):
    """Whole numbers among the notebook's variables under one of the names (or containing one), as {name: number}."""
    found = {}
    for key, value in list(student.namespace.items()):
        if not isinstance(key, str) or not any(name in key.lower() for name in names):
            continue
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            found[key] = int(value)
    return found
