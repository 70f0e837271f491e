"""Put pieces together to whole programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from . import fitting, others, sampling, steps, storage, streaming

HEADER = """\
import copy
import random
from dataclasses import dataclass, field
from typing import List, Optional

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
"""
BLANK = """\
class GMM:
    def _e_step(self, X):
        raise NotImplementedError

    def sample(self, n_samples):
        pass
"""
_PLACEHOLDER = re.compile(r"\$([A-Za-z_]+)")
_LONELY = re.compile(r"^([ ]*)\$([A-Za-z_]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Choice:
    """One piece for each part of a program."""

    storage: str = "as_given"
    e_step: str = "pdf_loop"
    gives: str = "array"
    m_step: str = "loop"
    takes: str = "set"
    regularisation: str = "small"
    start: str = "farthest"
    fit: str = "for_break"
    history: str = "mean"
    returns: str = "self"
    sample: str = "loop"
    conditional: str = "nan_vector"
    online: str = "statistics"
    form: str = "in_the_class"
    discriminative: str = "labels"
    generative: str = "labels"
    explorer: str = "linspace"
    bic: str = "mean_times_n"


def render(text: str, values: Mapping[str, str]) -> str:
    """Fill in placeholders, also those in what is filled in; a placeholder alone on its line keeps its indentation."""
    while "$" in text:
        while _LONELY.search(text):
            text = _LONELY.sub(lambda found: indented(values[found[2]], found[1]), text)
        text = _PLACEHOLDER.sub(lambda found: values[found[1]], text)
    return text


def indented(text: str, by: str = "    ") -> str:
    """Every line that is not empty moved to the right."""
    return "\n".join(by + line if line else line for line in text.rstrip("\n").split("\n"))


def program(choice: Choice) -> str:
    """The source of a program that does everything but digits."""
    kept = storage.STORAGES[choice.storage]
    give, take = steps.GIVES[choice.gives]
    update, call = steps.TAKES[choice.takes]
    entry, tolerance = fitting.HISTORIES[choice.history]
    one_of_gmm = (kept.Ck or f"{kept.C}[k]").replace("self.", "gmm.").replace("k]", "j]")
    values = {
        **kept.places,
        "SET": kept.store,
        "STORE": update,
        "GIVE": give,
        "TAKE": take,
        "TAKE_BATCH": take.replace("(X)", "(new_batch)"),
        "TAKE_POINT": take.replace("(X)", "(x.reshape(1, -1))"),
        "MSTEP": call,
        "REG": steps.REGULARISATION[choice.regularisation],
        "LL": entry,
        "TOL": tolerance,
        "RETURN": fitting.RETURNS[choice.returns],
        "H_CLEAR": f"{kept.history} = []",
        "GW": kept.W.replace("self.", "gmm."),
        "GM": kept.M.replace("self.", "gmm."),
        "GCj": one_of_gmm,
    }
    parts = {
        "steps": steps.E_STEPS[choice.e_step] + "\n" + steps.M_STEPS[choice.m_step],
        "fit": "\n".join([fitting.STARTS[choice.start], fitting.FITS[choice.fit], fitting.PREDICT]),
        "sample": sampling.SAMPLES[choice.sample],
        "conditional": sampling.CONDITIONALS[choice.conditional],
        "online": streaming.ONLINE[choice.online],
    }
    rendered = {name: render(text, values) for name, text in parts.items()}
    mixture = FORMS[choice.form](kept.head, kept.init, rendered)
    rest = [
        others.DISCRIMINATIVE[choice.discriminative],
        others.GENERATIVE[choice.generative],
        others.EXPLORERS[choice.explorer],
        render(others.BICS[choice.bic], values),
    ]
    return "\n\n".join([HEADER, mixture, *rest])


def _class(head: str, *bodies: str) -> str:
    return head + "\n" + "\n".join(indented(body) + "\n" for body in bodies)


def in_the_class(head: str, init: str, parts: Mapping[str, str]) -> str:
    """As the template has it."""
    return _class(head, init, *parts.values())


def attached_later(head: str, init: str, parts: Mapping[str, str]) -> str:
    """Functions of later cells, put on the class one by one."""
    text = "\n".join(parts.values())
    names = re.findall(r"^def (\w+)\(", text, re.MULTILINE)
    return _class(head, init) + "\n" + text + "\n" + "\n".join(f"GMM.{name} = {name}" for name in names)


def never_attached(head: str, init: str, parts: Mapping[str, str]) -> str:
    """Sampling and the extensions as functions that take ``self`` and stay outside."""
    inside = [parts[name] for name in ("steps", "fit")]
    outside = [parts[name] for name in ("sample", "conditional", "online")]
    return _class(head, init, *inside) + "\n\n" + "\n\n".join(outside)


def subclass(head: str, init: str, parts: Mapping[str, str]) -> str:
    """Training in a base class, sampling in the class that is asked for."""
    base = _class(head.replace("class GMM:", "class MixtureBase:"), init, parts["steps"], parts["fit"])
    rest = [parts[name] for name in ("sample", "conditional", "online")]
    return base + "\n\n" + _class("class GMM(MixtureBase):", *rest)


def defined_twice(head: str, init: str, parts: Mapping[str, str]) -> str:
    """The template's class with its blanks first, the finished one in a later cell."""
    return BLANK + "\n\n" + in_the_class(head, init, parts)


def with_hints(head: str, init: str, parts: Mapping[str, str]) -> str:
    """Type hints, and docstrings in the author's own language."""
    text = in_the_class(head, init, parts)
    text = re.sub(r"(def \w+\(self, )(X|new_batch)\)", r"\1\2: np.ndarray)", text)
    text = (
        text.replace("n_samples)", "n_samples: int) -> np.ndarray", 1)
        if "def sample(self, n_samples):" in text
        else text
    )
    told = '"""Schätzt die Mischung mit dem EM-Algorithmus. 期望最大化算法。"""'
    return re.sub(r"(    def fit\(.*\):\n)", rf"\1        {told}\n", text)


FORMS = {
    "in_the_class": in_the_class,
    "attached_later": attached_later,
    "never_attached": never_attached,
    "subclass": subclass,
    "defined_twice": defined_twice,
    "with_hints": with_hints,
}
