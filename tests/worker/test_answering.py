from __future__ import annotations

import linecache
import random
import re
import sys
import warnings

import numpy as np
import pytest

from grader.asks import Function, New, Support
from grader.model import AnswerStatus, Ask, Limits, Opaque
from grader.worker.answering import SupportFault, evaluate
from grader.worker.blame import cell_file
from grader.worker.forbidden import ForbiddenUse, forbidding, read_ahead
from tests.worker.student import MEANS, NAMES, PARAMETERS, answer, notebook, question

GMM = """
class GMM:
    def __init__(self, n_components=3):
        self.n_components = n_components
        self.weights = self.means = self.covariances = None

    def _e_step(self, X):
        return X @ self.means.T

    def _m_step(self, X, responsibilities):
        self.weights = responsibilities.mean(axis=0)

    def sample(self, n_samples):
        return np.random.default_rng().normal(size=(n_samples, 2))

    def fails(self, X):
        values = [1, 2]
        return helper(values)

def helper(values):
    return values[5]
"""


def given_gmm():
    return New("GMM", n_components=3).given(PARAMETERS)


def test_a_value_comes_back():
    got = answer(GMM, lambda: {"r": given_gmm().call("_e_step", np.ones((4, 2)))})
    assert got.status is AnswerStatus.VALUE
    assert np.array_equal(got.value["r"], np.ones((4, 2)) @ MEANS.T)
    assert got.error is None
    assert got.notes == ()


def test_state_is_what_it_was_at_its_step():
    def ask():
        gmm = given_gmm()
        before = gmm.state()
        gmm.call("_m_step", np.ones((4, 2)), np.eye(4)[:, :3])
        return {"before": before, "after": gmm.state()}

    value = answer(GMM, ask).value
    assert value["before"]["weights"].tolist() == [0.2, 0.3, 0.5]
    assert value["after"]["weights"].tolist() == [0.25, 0.25, 0.25]
    assert value["after"]["n_components"] == 3


def test_an_error_is_told_with_the_students_innermost_line():
    got = answer(notebook(GMM, cell=7), lambda: New("GMM").call("fails", 1))
    assert got.status is AnswerStatus.RAISED
    assert (got.error.type, got.error.cell, got.error.function) == ("IndexError", 7, "helper")
    assert got.error.line == "return values[5]"
    assert got.error.line_no == 21


def test_an_error_inside_a_library_is_told_with_the_students_line():
    got = answer("def f():\n    return np.linalg.inv(np.zeros((2, 2)))", lambda: Function("f")())
    assert (got.error.type, got.error.line_no) == ("LinAlgError", 2)


def test_a_call_that_does_not_fit_is_told_with_the_definition():
    got = answer("def f(a):\n    return a", lambda: Function("f")(1, 2))
    assert (got.error.type, got.error.line_no, got.error.function) == ("TypeError", 1, "f")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("raise SystemExit(0)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise NotImplementedError", "NotImplementedError"),
        ("return f()", "RecursionError"),
        ("raise type('Odd', (BaseException,), {'__str__': lambda self: 1 / 0})", "Odd"),
        ("raise type('X' * 5000, (Exception,), {})('m' * 10**7)", "X" * 100),
        ("import sys; sys.exit('bye')", "SystemExit"),
    ],
    ids=lambda value: value[:30],
)
def test_whatever_is_raised_is_an_answer(body, kind):
    got = answer(f"def f():\n    {body}", lambda: Function("f")())
    assert got.status is AnswerStatus.RAISED
    assert got.error.type == kind
    assert len(got.error.message) <= 2000


def test_a_missing_name_is_told_with_what_was_looked_for_and_found():
    got = answer("def other(): pass", lambda: Function("compute_bic")())
    assert got.status is AnswerStatus.MISSING
    assert "`compute_bic`" in got.error.message
    assert "`other`" in got.error.message
    got = answer(GMM, lambda: New("GMM").call("conditional_sample"))
    assert got.status is AnswerStatus.MISSING
    assert "`_e_step`" in got.error.message
    got = answer(GMM, lambda: New("GMM").get("covariance_prior"))
    assert got.status is AnswerStatus.MISSING
    assert "`means`" in got.error.message


@pytest.mark.parametrize(
    "source",
    [
        "def total(x): return x.sum()\ntotal = total(np.ones(3))",
        "%pylab\ndef total(x):\n    return of(x)\ndef of(x):\n    !echo\n    return x.sum()\ntotal = 3",
        "def total(x): return 0\ndef total(x): return x.sum()\ntotal = None",
    ],
)
def test_a_function_whose_name_was_used_for_its_result_is_found(source, monkeypatch):
    monkeypatch.setattr(linecache, "cache", {})
    namespace = notebook("import re")
    linecache.cache[cell_file(7)] = (len(source), None, source.splitlines(keepends=True), cell_file(7))
    code = re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", source)
    exec(compile(code, cell_file(7), "exec"), namespace)
    held = namespace["total"]
    assert answer(namespace, lambda: Function("total")(np.array([1.0, 2.0]))).value == 3.0
    assert namespace["total"] is held


@pytest.mark.parametrize("source", ["total = 3", "@no\ndef total(x): return 1\ntotal = 2", "total = (\ndef total(x):"])
def test_a_name_that_no_function_had_is_missing(source, monkeypatch):
    monkeypatch.setattr(linecache, "cache", {})
    linecache.cache[cell_file(1)] = (len(source), None, source.splitlines(keepends=True), cell_file(1))
    namespace = {"__name__": "__main__", "total": 3}
    assert answer(namespace, lambda: Function("total")(1)).status is AnswerStatus.MISSING


def test_an_answer_that_is_too_large_is_told():
    got = answer("def f(): return np.broadcast_to(0.0, (10**6, 10**6))", lambda: Function("f")())
    assert got.status is AnswerStatus.TOO_LARGE
    assert got.value is None
    got = answer("def f(): return np.zeros(100)", lambda: Function("f")(), Limits(answer_bytes=500))
    assert got.status is AnswerStatus.TOO_LARGE


def test_what_is_no_plain_data_is_named():
    got = answer("def f(): return [x for x in (print, f)]", lambda: Function("f")())
    assert got.status is AnswerStatus.VALUE
    assert got.value[1] == Opaque("function", "<function f>")


def test_random_numbers_follow_the_seed():
    source = """
    import random
    from numpy.random import default_rng
    def f():
        return [np.random.rand(), random.random(), default_rng().random(), default_rng().random(),
                np.random.default_rng().random(), np.random.default_rng(7).random()]
    """
    assert np.random.default_rng(7).random() == pytest.approx(0.625095466604667)
    first, again, other = (answer(source, lambda: Function("f")(), seed=seed).value for seed in (1, 1, 2))
    assert first == again
    assert all(a != b for a, b in zip(first[:5], other[:5], strict=True))
    assert len(set(first)) == 6
    assert first[5] == other[5] == np.random.default_rng(7).random()


def test_whatever_is_seeded_with_none_follows_the_seed():
    source = """
    import random
    from numpy.random import RandomState, seed
    from sklearn.utils import check_random_state
    before = RandomState(3)
    def f():
        drawn = [RandomState().rand(), RandomState(None).rand(), np.random.RandomState(seed=5).rand()]
        seed(None); drawn.append(np.random.rand())
        np.random.seed(); drawn.append(np.random.rand())
        np.random.seed(seed=11); drawn.append(np.random.rand())
        random.seed(None); drawn.append(random.random())
        random.seed(12, version=2); drawn.append(random.random())
        return drawn, isinstance(before, RandomState), check_random_state(before) is before
    """
    namespace = notebook(source)
    first, again, other = (answer(namespace, lambda: Function("f")(), seed=seed).value for seed in (1, 1, 2))
    assert first == again
    assert first[1:] == (True, True)
    same = [a == b for a, b in zip(first[0], other[0], strict=True)]
    assert same == [False, False, True, False, False, True, False, True]
    assert len(set(first[0])) == 8
    assert namespace["RandomState"] is np.random.RandomState


def test_inputs_belong_to_the_question():
    inputs = np.ones(3)
    steps = question(lambda: Function("f")(inputs))
    namespace = notebook("def f(x):\n    x += 1\n    return x")
    for _ in range(2):
        assert evaluate(steps, namespace, {}, Limits()).value.tolist() == [2, 2, 2]
    assert inputs.tolist() == [1, 1, 1]


def test_nothing_of_the_process_is_changed(capsys):
    random.seed(3)
    np.random.seed(3)
    expected = random.random(), np.random.rand()
    random.seed(3)
    np.random.seed(3)
    original, filters, streams = np.random.default_rng, list(warnings.filters), (sys.stdout, sys.stderr)
    modules = set(sys.modules)
    source = """
    import sys, warnings, random
    def f():
        print("printed"); print("loud", file=sys.stderr)
        random.seed(1); np.random.seed(1); np.seterr(all="raise")
        warnings.simplefilter("error")
        sys.stdout = sys.stderr = None
        raise ValueError
    """
    support = "def double(x): return 2 * x"
    got = answer(source, lambda: {"a": Support("double")(2), "b": Function("f")()}, support=support)
    assert got.output == "printed\nloud\n"
    assert (sys.stdout, sys.stderr) == streams
    assert (random.random(), np.random.rand()) == expected
    assert np.random.default_rng is original
    assert warnings.filters == filters
    assert np.geterr()["divide"] == "warn"
    assert set(sys.modules) == modules
    assert capsys.readouterr() == ("", "")


def test_figures_of_an_answer_are_closed():
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    mine = plt.figure()
    answer("import matplotlib.pyplot as plt\ndef f():\n    plt.figure()\n    plt.plot([1])", lambda: Function("f")())
    assert plt.get_fignums() == [mine.number]
    plt.close("all")


def test_only_the_end_of_a_flood_is_kept():
    got = answer("def f():\n    for i in range(5000): print(i)\n    return 1", lambda: Function("f")())
    assert got.value == 1
    assert len(got.output) == 2000
    assert got.output.endswith("4999\n")


SUPPORT = """
from __future__ import annotations
from dataclasses import dataclass
@dataclass
class Decoder:
    calls: int = 0
    def decode(self, z):
        self.calls += 1
        return 10 * z
def decoder():
    return Decoder()
def count(decoder):
    return decoder.calls
def through(student, x):
    student.note("asked twice")
    gmm = student.new("GMM", n_components=2)
    student.given(gmm, means=x)
    assert student.find("GMM") is type(gmm)
    return student.call(gmm, "_e_step", x), student.get(gmm, "means")
def broken(x):
    return x.nothing
def responsibilities(student):
    return lambda self, X: X * self.n_components
"""


def test_support_functions_give_live_objects():
    source = """
    class Explorer:
        def __init__(self, model): self.model = model
        def go(self, z): return self.model.decode(z)
    """

    def ask():
        decoder = Support("decoder")()
        explorer = New("Explorer", decoder)
        return {"a": explorer.call("go", 2), "b": explorer.call("go", 3), "n": Support("count")(decoder)}

    assert answer(source, ask, support=SUPPORT).value == {"a": 20, "b": 30, "n": 2}


def test_support_functions_can_reach_the_students_work():
    got = answer(GMM, lambda: Support("through")(np.eye(2)), support=SUPPORT)
    assert np.array_equal(got.value[0], np.eye(2))
    assert "asked twice" in got.notes


def test_methods_can_be_replaced_on_one_object():
    def ask():
        mine, other = New("GMM", n_components=2), given_gmm()
        mine.patched(_e_step=Support("responsibilities")())
        return {"mine": mine.call("_e_step", np.ones(2)), "other": other.call("_e_step", np.ones((1, 2)))}

    value = answer(GMM, ask, support=SUPPORT).value
    assert value["mine"].tolist() == [2, 2]
    assert value["other"].tolist() == [[0, 10, 10]]


def test_methods_can_be_replaced_where_there_are_slots():
    source = """
    class GMM:
        __slots__ = ("n_components",)
        def __init__(self, n_components): self.n_components = n_components
        def estep(self, X): return X
        def run(self, X): return self.estep(X)
    """
    ask = lambda: New("GMM", n_components=5).patched(_e_step=Support("responsibilities")()).call("run", 2)  # noqa: E731
    assert answer(source, ask, support=SUPPORT).value == 10


def test_an_error_in_a_helper_is_marked():
    got = answer("def f(): pass", lambda: Support("broken")(1), support=SUPPORT)
    assert got.status is AnswerStatus.RAISED
    assert (got.error.type, got.error.function, got.error.cell) == ("AttributeError", "<support>", None)


@pytest.mark.parametrize(
    "ask",
    [
        Ask("q", (), None, support="def f(:"),
        Ask("q", (), None, support="1 / 0"),
        Ask("q", ({"op": "support", "name": "none", "args": [], "kwargs": {}},), None),
        Ask("q", ({"op": "unknown"},), None),
        Ask("q", ({"op": "new", "name": "GMM"},), None),
        Ask("q", (), {"$ref": 0}),
        Ask("q", (), {"$ref": -1}),
        Ask("q", (), {"$ref": "x"}),
    ],
    ids=str,
)
def test_a_question_that_cannot_be_asked_is_our_fault(ask):
    with pytest.raises(SupportFault):
        evaluate(ask, notebook(GMM), NAMES, Limits())
    assert "__grader_support__" not in sys.modules


FROM_LIBRARY = """
from sklearn.mixture import GaussianMixture
import sklearn.mixture._gaussian_mixture as private
fitted = GaussianMixture(2).fit(np.random.rand(20, 2))
class Mine(GaussianMixture): pass
def construct(): return GaussianMixture(2)
def predict(): return fitted.predict(np.zeros((1, 2)))
def subclass(): return Mine(2).fit(np.zeros((3, 2)))
def function(): return private._estimate_gaussian_parameters(1, 2, 3, 4)
def reimport():
    import sklearn.mixture
    return sklearn.mixture.BayesianGaussianMixture()
def bare(): return object.__new__(GaussianMixture)._estimate_log_prob_resp(np.zeros((1, 2)))
def hidden(): return fitted._estimate_log_prob_resp(np.zeros((1, 2)))
unbound, bound = GaussianMixture.predict_proba, fitted.predict_proba
def copied(): return unbound(fitted, np.zeros((1, 2)))
def copied_bound(): return bound(np.zeros((1, 2)))
def undecorated(): return GaussianMixture.fit_predict.__wrapped__(fitted, np.zeros((3, 2)))
import pickle
kept = pickle.dumps(fitted)
def unpickled(): return pickle.loads(kept)._m_step(np.zeros((3, 2)), np.zeros((3, 2)))
def found():
    module = vars(__import__("sklea" + "rn.mixture"))["mixture"]._gaussian_mixture
    return module._compute_precision_cholesky(0, "")
def own(): return 3 if fitted == fitted and hash(fitted) and pickle.dumps(fitted) else 0
"""
FORBIDDEN_WAYS = (
    "construct", "predict", "subclass", "function", "reimport", "bare", "hidden", "copied", "copied_bound",
    "undecorated", "unpickled", "found",
)  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN_WAYS)
def test_a_forbidden_module_raises_while_it_is_forbidden(name):
    namespace = notebook(FROM_LIBRARY)
    got = answer(namespace, lambda: Function(name)(), forbidden=("sklearn.mixture",))
    assert got.status is AnswerStatus.RAISED
    assert got.error.type == "ForbiddenUse"
    assert "`sklearn.mixture`" in got.error.message
    assert got.error.cell == 1
    assert answer(namespace, lambda: Function("own")(), forbidden=("sklearn.mixture",)).value == 3
    assert answer(namespace, lambda: Function("predict")()).status is AnswerStatus.VALUE
    assert namespace["GaussianMixture"](2).n_components == 2


def test_forbidden_functions_are_caught_under_any_name():
    source = "from scipy.special import logsumexp as lse\nimport scipy.special\ndef f(): return lse([1.0])"
    namespace = notebook(source)
    before = namespace["lse"]
    module = before.__module__
    got = answer(namespace, lambda: Function("f")(), forbidden=(module,))
    assert got.error.type == "ForbiddenUse"
    assert namespace["lse"] is before
    assert answer(namespace, lambda: Function("f")()).value == 1.0


def test_what_is_forbidden_is_put_back_as_it_was():
    import sklearn.mixture._gaussian_mixture as module

    def codes() -> list[object]:
        classes = [value for value in vars(module).values() if isinstance(value, type)]
        found = [value for owner in (module, *classes) for value in vars(owner).values()]
        return [getattr(value, "__code__", value) for value in found]

    before = codes()
    with forbidding(("sklearn.mixture", "numpy.linalg"), {}):
        assert codes() != before
        with pytest.raises(ForbiddenUse):
            np.linalg.inv(np.eye(2))
    assert codes() == before
    assert np.linalg.inv(np.eye(2)).shape == (2, 2)


def test_modules_loaded_after_a_look_ahead_are_forbidden_too():
    read_ahead(("colorsys", "no.such.module"))
    sys.modules.pop("colorsys", None)
    read_ahead(("colorsys",))
    assert "colorsys" not in sys.modules
    source = "import colorsys\ndef f(): return colorsys.rgb_to_hsv(1, 0, 0)"
    assert answer(source, lambda: Function("f")(), forbidden=("colorsys",)).error.type == "ForbiddenUse"
    read_ahead(("colorsys",))
    assert answer(source, lambda: Function("f")(), forbidden=("colorsys",)).error.type == "ForbiddenUse"
    assert answer(source, lambda: Function("f")()).status is AnswerStatus.VALUE


def test_a_module_that_is_not_there_can_be_forbidden():
    assert answer("def f(): return 1", lambda: Function("f")(), forbidden=("no.such.module",)).value == 1


def test_hostile_globals_do_not_stop_a_question():
    source = """
    class Liar:
        @property
        def __class__(self): raise RuntimeError
        def __getattr__(self, name): raise RuntimeError
        def __eq__(self, other): raise RuntimeError
        __hash__ = None
    liar = Liar()
    class Meta(type):
        def __getattribute__(cls, name): raise RuntimeError
    class Odd(metaclass=Meta): pass
    def f(): return [liar, Odd, 1]
    """
    got = answer(source, lambda: Function("f")())
    assert got.status is AnswerStatus.VALUE
    assert got.value[2] == 1
    assert isinstance(got.value[0], Opaque)
