"""Helpers that run in the worker: what a notebook left behind of digits. Sent along after `support.py`."""

import contextlib

import numpy as np

_SIZES = {(64,), (8, 8), (784,), (28, 28), (1, 8, 8), (8, 8, 1), (1, 28, 28), (28, 28, 1)}
_OTHERS = (
    "interp",
    "path",
    "walk",
    "morph",
    "latent",
    "arith",
    "attrib",
    "recon",
    "decod",
    "mean",
    "frame",
    "real",
    "train",
)
_DRAWN = ("sampl", "gener", "new", "synth", "fake", "draw")


def survey_digits(student, n):
    """Images of digits that the notebook made: kept in variables, drawn from its functions, or from its fitted models.

    Returns a list of {"from": in words, "images": (m, pixels)}, the likeliest first, at most six; where there is none,
    of {"from", "images": None, "told": what came instead} for each function that should have given some.
    """
    space = {key: value for key, value in list(student.namespace.items()) if isinstance(key, str) and key[:1] != "_"}
    found, instead = [], []
    for key, value in space.items():
        images = _as_images(value, n)
        if images is not None and _says_digits(key):
            drawn = any(word in key.lower() for word in _DRAWN)
            found.append((0 if drawn else 4, f"the variable `{key}`", images))
    for key, value in space.items():
        images, told = _from_function(key, value, n)
        if images is not None:
            found.append((2, f"a call of `{key}`", images))
        elif told:
            instead.append({"from": f"`{key}`", "images": None, "told": told})
    for key, value in space.items():
        for images, how in _from_model(value, space, n):
            found.append((1 if "digit" in key.lower() or "mnist" in key.lower() else 3, f"`{key}.sample`{how}", images))
    found.sort(key=lambda row: (row[0], -len(row[2])))
    return [{"from": words, "images": images} for _, words, images in found[:6]] or instead[:3]


def _says_digits(name):
    """Variables hold images of other kinds too: walks through a latent space, reconstructions, means."""
    low = name.lower()
    if any(word in low for word in _OTHERS):
        return False
    return any(word in low for word in (*_DRAWN, "digit", "mnist", "image"))


def _as_images(value, n):
    if isinstance(value, tuple) and value:
        value = value[0]
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray) and len(value) <= 5000:
        try:
            value = np.stack(value)
        except ValueError:
            return None
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "uif" or value.ndim < 2 or len(value) < 2:
        return None
    if tuple(value.shape[1:]) not in _SIZES:
        return None
    # From all over: scikit-learn's samples come sorted by component.
    rows = np.linspace(0, len(value) - 1, min(n, len(value))).astype(int)
    return np.asarray(value[rows], dtype=np.float32).reshape(len(rows), -1)


def _from_function(key, value, n):
    """(images, what came instead): one of them is empty, both where this is no function that gives digits."""
    low = key.lower()
    if isinstance(value, type) or not callable(value) or not any(word in low for word in _DRAWN):
        return None, ""
    if "digit" not in low and "mnist" not in low and "image" not in low:
        return None, ""
    told = ""
    for args in ((n,), ()):
        try:
            returned = value(*args)
        except Exception as error:  # noqa: BLE001  a student's function may raise anything
            told = told or f"raises {type(error).__name__}"
            continue
        images = _as_images(returned, n)
        if images is not None:
            return images, ""
        shape = f" of shape {returned.shape}" if isinstance(returned, np.ndarray) else ""
        told = "returns nothing" if returned is None else f"returns {type(returned).__name__}{shape}"
        break
    return None, told


def _from_model(value, space, n):
    """Draws of a fitted model with 64 or 784 dimensions, or taken back through one or two projections beside it."""
    if isinstance(value, (type, np.ndarray)) or not callable(getattr(value, "sample", None)):
        return
    with contextlib.suppress(Exception):
        drawn = value.sample(n)
        drawn = np.asarray(drawn[0] if isinstance(drawn, tuple) else drawn, dtype=float)
        routes = [(drawn, "")]
        for _ in range(2):
            routes += [step for here, how in routes for step in _back(here, how, space)]
        for images, how in {how: (images, how) for images, how in routes}.values():
            images = _as_images(images, n)
            if images is not None:
                yield images, how


def _back(drawn, how, space):
    """(images, in words) through each ``inverse_transform`` of the notebook's variables that takes them."""
    for name, value in space.items():
        if isinstance(value, type) or not callable(getattr(value, "inverse_transform", None)) or f"`{name}`" in how:
            continue
        with contextlib.suppress(Exception):
            yield np.asarray(value.inverse_transform(drawn), dtype=float), f"{how} through `{name}`"
