"""Helpers that run in the worker: the digits once more, with the grader's mixture steps in the student's class."""

import ast
import contextlib
import linecache

import numpy as np

_ROUNDS = 30
_POINTS = 1000
_FEWEST_POINTS, _FEWEST_DIMENSIONS = 50, 8


def survey_digits_again(student, n):
    """`survey_digits`, with every model of the student's class fitted again by the grader's own pieces.

    Whoever erred in the E-step, the M-step, the training or the sampling has lost those points already. Fitted is
    what cells of the notebook fit, to the data that they fit it to. Empty where no cell speaks of digits.
    """
    sources = _cells()
    if not any(word in source.lower() for source in sources for word in ("digit", "mnist")):
        return []
    space = student.namespace
    before = dict(space)
    with contextlib.ExitStack() as stack:
        kind = student.find("GMM")
        _learn_layout(student)
        stack.enter_context(_grader_steps(student, kind))
        try:
            for target, model, data in _fits(sources, student.names, space, kind):
                with contextlib.suppress(Exception):
                    _fit(student, model, data)
                    space[target] = model
            return survey_digits(student, n)  # noqa: F821  stands in support_digits.py, which is sent along before
        finally:
            space.clear()
            space.update(before)


def _cells():
    files = [file for file in list(linecache.cache) if isinstance(file, str) and file.startswith("<cell ")]
    return ["".join(linecache.getlines(file)) for file in sorted(files, key=lambda file: int(file[6:-1]))]


def _learn_layout(student):
    """How the class keeps its parameters is learnt by its own `fit`, so before that is replaced."""
    with contextlib.suppress(Exception):
        gmm = student.new("GMM", n_components=2)
        ones = np.ones((2, 2))
        student.given(gmm, weights=ones[0] / 2, means=ones, covariances=np.stack([np.eye(2)] * 2))


@contextlib.contextmanager
def _grader_steps(student, kind):
    """Put the grader's methods into the class and whatever it is made of or what is made of it; undone at the end."""
    live = {
        "_e_step": live_e_step(student),  # noqa: F821
        "_m_step": live_m_step(student),  # noqa: F821
        "sample": live_sample(student),  # noqa: F821
        "fit": lambda self, X, *args, **kwargs: _fit(student, self, np.asarray(X, dtype=float)),
    }
    wanted = {_bare(alias): method for name, method in live.items() for alias in (name, *student.names.get(name, ()))}
    own = {one for one in student.namespace.values() if isinstance(one, type) and one.__module__ == "__main__"}
    family = [one for one in own | set(kind.__mro__[:-1]) if issubclass(one, kind) or one in kind.__mro__[:-1]]
    replaced = [
        (one, key, value)
        for one in family
        for key, value in list(vars(one).items())
        if _bare(key) in wanted and callable(value)
    ]
    try:
        for one, key, _ in replaced:
            setattr(one, key, wanted[_bare(key)])
        if not any(_bare(key) == "sample" for _, key, _ in replaced):
            kind.sample = live["sample"]
            replaced.append((kind, "sample", None))
        yield
    finally:
        for one, key, value in replaced:
            if value is None:
                delattr(one, key)
            else:
                setattr(one, key, value)


def _bare(name):
    return name.replace("_", "").lower()


def _fits(sources, names, space, kind):
    """(name, model, data) of each fit that the cells make of a model in many dimensions."""
    called = {_bare(name) for name in ("fit", *names.get("fit", ()))}
    for tree in _parsed(sources):
        assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
        targets = {id(part): _target(node) for node in assigned for part in ast.walk(node.value)}
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            if _bare(node.func.attr) not in called:
                continue
            with contextlib.suppress(Exception):
                model, data = _value(node.func.value, space), np.asarray(_value(node.args[0], space), dtype=float)
                target = node.func.value.id if isinstance(node.func.value, ast.Name) else targets[id(node)]
                if isinstance(model, kind) and target and _is_much(data):
                    yield target, model, data


def _parsed(sources):
    for source in sources:
        plain = "\n".join("pass" if line.lstrip()[:1] in ("%", "!") else line for line in source.splitlines())
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            yield ast.parse(plain)


def _target(node):
    return node.targets[0].id if isinstance(node.targets[0], ast.Name) else ""


def _value(node, space):
    return eval(compile(ast.Expression(node), "<grader support>", "eval"), dict(space))  # noqa: S307  the student's own


def _is_much(data):
    return data.ndim == 2 and len(data) >= _FEWEST_POINTS and data.shape[1] >= _FEWEST_DIMENSIONS


def _fit(student, gmm, X):
    """EM from points drawn at random; sets the parameters and a history. Returns the object."""
    rng = np.random.default_rng(0)
    K = int(student.get(gmm, "n_components"))
    X = X[np.sort(rng.permutation(len(X))[:_POINTS])]
    centres = X[rng.choice(len(X), size=K, replace=False)]
    nearest = ((X[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    shares, history = np.eye(K)[nearest], []
    for _ in range(_ROUNDS):
        counts = shares.sum(axis=0) + 1e-9
        means = shares.T @ X / counts[:, None]
        ridge = 1e-3 * X.var() * np.eye(X.shape[1])
        spread = [(shares[:, k, None] * (X - m)).T @ (X - m) / counts[k] + ridge for k, m in enumerate(means)]
        parameters = counts / counts.sum(), means, np.array(spread)
        joint = _log_joint(X, *parameters)  # noqa: F821
        top = joint.max(axis=1, keepdims=True)
        history.append(float(np.mean(top[:, 0] + np.log(np.exp(joint - top).sum(axis=1)))))
        shares = np.exp(joint - top)
        shares /= shares.sum(axis=1, keepdims=True)
    student.given(gmm, weights=parameters[0], means=parameters[1], covariances=parameters[2])
    with contextlib.suppress(Exception):
        gmm.log_likelihoods = history
    return gmm
