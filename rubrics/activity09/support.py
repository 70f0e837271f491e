"""Helpers that run in the worker beside the student's code: they hold no expected value and no secret."""

import time

import numpy as np

# --- training -------------------------------------------------------------------------------

FIT_SECONDS = 40.0
"""No further start is tried after this: slow loops are correct, and one start tells nearly as much as eight."""


def several_fits(student, gmms, datasets):
    """Fit each object to its data set; one that raises does not keep the others from being fitted.

    Returns per object whether it was fitted, the error, what ``fit`` returned where that is a list of numbers, and
    what ``log_likelihood`` says of its data where there is such a method. Raises the first error when none was fitted.
    """
    started, told, errors = time.monotonic(), [], []
    for gmm, X in zip(gmms, datasets):
        if told and time.monotonic() - started > FIT_SECONDS:
            told.append({"fitted": False, "error": "", "skipped": True})
            continue
        try:
            returned = student.call(gmm, "fit", X.copy())
        except Exception as error:
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
    except Exception:
        facts["log_likelihood"] = None  # the check says what is missing
    return facts


# --- the other items: helpers go below this line ----------------------------------------------
