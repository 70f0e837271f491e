"""Model solution of Activity 09, introduction to generative models.

Each TODO of the activity is a module of its own; the solution notebook and the template that students get are
made from these modules by ``build_notebook.py``.
"""

from __future__ import annotations

from .classify import discriminative_model, generative_model
from .data import make_clusters, make_two_classes
from .decoder import Decoder
from .digits import fit_digits, sample_digits
from .gmm import GMM
from .latent import LatentSpaceExplorer
from .selection import choose_components, compute_bic

__all__ = [
    "GMM",
    "Decoder",
    "LatentSpaceExplorer",
    "choose_components",
    "compute_bic",
    "discriminative_model",
    "fit_digits",
    "generative_model",
    "make_clusters",
    "make_two_classes",
    "sample_digits",
]
