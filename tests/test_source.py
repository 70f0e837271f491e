from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.model import Cell, CellKind, Submission
from grader.source import code_reached, definitions, forbidden_uses, is_stub, parse

ROOT = ["GMM._e_step"]
BANNED = ["sklearn.mixture"]


def cells(*sources: str) -> tuple[Cell, ...]:
    return tuple(Cell(i, CellKind.CODE, textwrap.dedent(source).strip("\n")) for i, source in enumerate(sources, 1))


def uses(*sources: str, roots: list[str] | None = None) -> list[tuple[int, int]]:
    found = forbidden_uses(cells(*sources), roots or ROOT, BANNED)
    return [(cell, line_no) for cell, line_no, _ in found]


CLASS = """
class GMM:
    def _e_step(self, X):
        {body}
"""


def method(body: str) -> str:
    return CLASS.format(body=textwrap.indent(textwrap.dedent(body), " " * 8).strip())


USED = {
    "from import": ["from sklearn.mixture import GaussianMixture", method("return GaussianMixture(3).fit(X)")],
    "renamed": ["from sklearn.mixture import GaussianMixture as G", method("return G(3).fit(X)")],
    "module renamed": ["import sklearn.mixture as m", method("return m.GaussianMixture(3)")],
    "module from package": ["from sklearn import mixture", method("return mixture.GaussianMixture(3)")],
    "package": ["import sklearn\nimport sklearn.mixture", method("return sklearn.mixture.GaussianMixture(3)")],
    "star": ["from sklearn.mixture import *", method("return GaussianMixture(3)")],
    "star among others": ["from numpy import *\nfrom sklearn.mixture import *", method("return GaussianMixture(3)")],
    "private module": ["from sklearn.mixture._gaussian_mixture import GaussianMixture as G", method("return G(3)")],
    "getattr": ["import sklearn", method("return getattr(sklearn, 'mixture').GaussianMixture(3)")],
    "module alias": ["from sklearn.mixture import GaussianMixture\nG = GaussianMixture", method("return G(3)")],
    "global model": [
        "from sklearn.mixture import GaussianMixture",
        "m = GaussianMixture(3)",
        method("return m.fit(X)"),
    ],
    "labels made before": [
        "from sklearn.mixture import GaussianMixture",
        "labels = GaussianMixture(3).fit_predict(data)",
        method("return labels"),
    ],
    "partial": [
        "from functools import partial\nfrom sklearn.mixture import GaussianMixture",
        "make = partial(GaussianMixture, 3)",
        method("return make().fit(X)"),
    ],
    "helper": [
        "from sklearn.mixture import GaussianMixture",
        "def fitted(X):\n    return GaussianMixture(3).fit(X)",
        "def helper(X):\n    return fitted(X).predict_proba(X)",
        method("return helper(X)"),
    ],
    "helper defined later": [
        "from sklearn.mixture import GaussianMixture",
        method("return helper(X)"),
        "def helper(X):\n    return GaussianMixture(3).fit(X)",
    ],
    "other method": [
        """
        from sklearn.mixture import GaussianMixture
        class GMM:
            def _work(self, X):
                return GaussianMixture(3).fit(X)
            def _e_step(self, X):
                return self._work(X)
        """
    ],
    "made in the constructor": [
        """
        from sklearn.mixture import GaussianMixture
        class GMM:
            def __init__(self, k):
                self._inner = GaussianMixture(k)
            def _e_step(self, X):
                return self._inner.predict_proba(X)
        """
    ],
    "another name for self": [
        """
        from sklearn.mixture import GaussianMixture
        class GMM:
            def __init__(me, k):
                me.inner = GaussianMixture(k)
            def _e_step(me, X):
                return me.inner.predict_proba(X)
        """
    ],
    "helper class": [
        """
        from sklearn.mixture import GaussianMixture
        class Engine:
            def __init__(self):
                self.model = GaussianMixture(3)
            def responsibilities(self, X):
                return self.model.fit(X).predict_proba(X)
        """,
        method("return Engine().responsibilities(X)"),
    ],
    "base class": [
        """
        from sklearn.mixture import GaussianMixture
        class Base:
            def _e_step(self, X):
                return GaussianMixture(3).fit(X).predict_proba(X)
        class GMM(Base):
            pass
        """
    ],
    "inherited from the module": ["from sklearn.mixture import GaussianMixture\nclass GMM(GaussianMixture):\n    pass"],
    "super": [
        """
        import sklearn.mixture
        class GMM(sklearn.mixture.GaussianMixture):
            def _e_step(self, X):
                return super()._e_step(X)
        """
    ],
    "inherited helper": [
        """
        from sklearn.mixture import GaussianMixture
        class GMM(GaussianMixture):
            def _e_step(self, X):
                return self._estimate_log_prob_resp(X)
        """
    ],
    "the class itself": ["from sklearn.mixture import GaussianMixture as GMM"],
    "the class by assignment": ["from sklearn.mixture import GaussianMixture\nGMM = GaussianMixture"],
    "attached": [
        "from sklearn.mixture import GaussianMixture",
        method("return None"),
        "def _e_step(self, X):\n    return GaussianMixture(3).fit(X)\nGMM._e_step = _e_step",
    ],
    "attached by setattr": [
        "from sklearn.mixture import GaussianMixture",
        method("return None"),
        "setattr(GMM, '_e_step', lambda self, X: GaussianMixture(3).fit(X))",
    ],
    "attached helper through self": [
        "from sklearn.mixture import GaussianMixture",
        method("return self.work(X)"),
        "def work(self, X):\n    return self.inner(X)",
        "def inner(self, X):\n    return GaussianMixture(3).fit(X)\nGMM.work = work\nGMM.inner = inner",
    ],
    "attached by decorator": [
        "from sklearn.mixture import GaussianMixture",
        "class GMM:\n    pass",
        "@patch_to(GMM)\ndef _e_step(self, X):\n    return GaussianMixture(3).fit(X)",
    ],
    "wrapped": [
        "from sklearn.mixture import GaussianMixture",
        method("return GaussianMixture(3)"),
        "GMM._e_step = timed(GMM._e_step)",
    ],
    "subclass of itself": [
        "from sklearn.mixture import GaussianMixture",
        method("return GaussianMixture(3)"),
        "class GMM(GMM):\n    def sample(self):\n        return 1",
    ],
    "better class renamed": [
        "from sklearn.mixture import GaussianMixture",
        "class Better:\n    def _e_step(self, X):\n        return GaussianMixture(3)",
        "GMM = Better",
    ],
    "import inside": [method("from sklearn.mixture import GaussianMixture\nreturn GaussianMixture(3)")],
    "import inside, module": [method("import sklearn.mixture as sm\nreturn sm.GaussianMixture(3)")],
    "import_module": [method("import importlib\nreturn importlib.import_module('sklearn.mixture').GaussianMixture(3)")],
    "__import__": [method("return __import__('sklearn.mixture').mixture.GaussianMixture(3)")],
    "sys.modules": ["import sys, sklearn.mixture", method("return sys.modules['sklearn.mixture'].GaussianMixture(3)")],
    "delegated": [
        """
        from sklearn.mixture import GaussianMixture
        class GMM:
            def __init__(self):
                self.inner = GaussianMixture(3)
            def __getattr__(self, name):
                return getattr(self.inner, name)
        """
    ],
    "with a magic line": [
        "%pip install x\nfrom sklearn.mixture import GaussianMixture",
        method("return GaussianMixture(3)"),
    ],
    "in a timed cell": ["from sklearn.mixture import GaussianMixture", "%%time" + method("return GaussianMixture(3)")],
    "in a try": [
        "try:\n    from sklearn.mixture import GaussianMixture\nexcept ImportError:\n    pass",
        method("return GaussianMixture(3)"),
    ],
}


@pytest.mark.parametrize("case", USED)
def test_uses_are_found(case: str) -> None:
    assert uses(*USED[case])


UNUSED = {
    "import alone": ["from sklearn.mixture import GaussianMixture", method("return X")],
    "star alone": ["from sklearn.mixture import *\nimport numpy as np", method("return np.zeros(3)")],
    "compared elsewhere": [
        "from sklearn.mixture import GaussianMixture",
        method("return X"),
        "theirs = GaussianMixture(3).fit(X)\nprint(theirs.means_)",
    ],
    "compared in a function": [
        "from sklearn.mixture import GaussianMixture",
        method("return X"),
        "def compare(X):\n    return GaussianMixture(3).fit(X), GMM()._e_step(X)",
    ],
    "compared in another method": [
        """
        from sklearn.mixture import GaussianMixture
        class GMM:
            def _e_step(self, X):
                return X
            def compare(self, X):
                return GaussianMixture(3).fit(X)
        """
    ],
    "own class of the same name": [
        "import sklearn.mixture",
        "class GaussianMixture:\n    pass",
        method("return GaussianMixture()"),
    ],
    "a local of the same name": [
        "from sklearn import mixture",
        method("mixture = self.weights\nreturn mixture.sum()"),
    ],
    "a parameter of the same name": [
        "from sklearn import mixture",
        method("def f(mixture):\n    return mixture.sum()\nreturn f(X)"),
    ],
    "an annotation": [
        "from sklearn.mixture import GaussianMixture",
        "class GMM:\n    def _e_step(self, X: GaussianMixture) -> GaussianMixture:\n        y: GaussianMixture = X",
    ],
    "isinstance": ["from sklearn.mixture import GaussianMixture", method("return isinstance(X, GaussianMixture)")],
    "text": [method("'''uses sklearn.mixture'''\nprint('sklearn.mixture')\nreturn X")],
    "another part of the package": [
        "import sklearn.mixture, sklearn.cluster",
        method("return sklearn.cluster.KMeans(3)"),
    ],
    "similar module": ["import sklearn.mixtures_of_mine as m", method("return m.f(X)")],
    "replaced later": [
        "from sklearn.mixture import GaussianMixture",
        method("return GaussianMixture(3)"),
        "def _e_step(self, X):\n    return X\nGMM._e_step = _e_step",
    ],
    "class defined again": [
        "from sklearn.mixture import GaussianMixture",
        method("return GaussianMixture(3)"),
        method("return X"),
    ],
    "attached before the class was defined again": [
        "from sklearn.mixture import GaussianMixture",
        "class GMM: pass",
        "GMM._e_step = lambda self, X: GaussianMixture(3)",
        method("return X"),
    ],
    "in markdown words": [method("return X  # not sklearn.mixture")],
    "nothing": [],
    "a cell that does not parse": [
        "from sklearn.mixture import GaussianMixture",
        "class GMM\n  def _e_step(: GaussianMixture",
    ],
}


@pytest.mark.parametrize("case", UNUSED)
def test_what_is_no_use_is_not_blamed(case: str) -> None:
    assert uses(*UNUSED[case]) == []


def test_the_line_is_the_students() -> None:
    sources = cells(
        "%matplotlib inline\nfrom sklearn.mixture import GaussianMixture",
        "\n\n" + method("y = 1\nreturn GaussianMixture(3)"),
    )
    assert forbidden_uses(sources, ROOT, BANNED) == [(2, 4, "        return GaussianMixture(3)")]


def test_other_names_for_the_class_and_the_method() -> None:
    source = cells(
        "from sklearn.mixture import GaussianMixture",
        "class MyGMM:\n  def e_step(self, X):\n    return GaussianMixture(3)",
    )
    assert forbidden_uses(source, ROOT, BANNED) == []
    names = {"GMM": ["GaussianMixture", "MyGMM"], "_e_step": ["e_step"]}
    assert [where[:2] for where in forbidden_uses(source, ROOT, BANNED, names)] == [(2, 3)]


def test_reached_definitions_are_named() -> None:
    source = cells(
        "def pdf(x):\n    return x\ndef unused():\n    return pdf",
        "class Base:\n    def _norm(self):\n        return pdf(1)",
        "class GMM(Base):\n    def _e_step(self, X):\n        return self._norm()\n    def sample(self): pass",
    )
    assert code_reached(source, ROOT).definitions == ("Base._norm", "GMM._e_step", "pdf")
    assert set(code_reached(source, ["GMM"]).definitions) >= {"GMM._e_step", "GMM.sample"}
    assert code_reached(source, ["unused"]).definitions == ("pdf", "unused")
    assert code_reached(source, ["nothing", "GMM.nothing", ""]).imports == ()


# --- definitions ----------------------------------------------------------------------------


def test_definitions_say_every_cell() -> None:
    source = cells(
        "class GMM:\n    k: int = 3\n    def fit(self): pass",
        "def helper(): pass\nx, (y, *z) = 1, (2, 3)",
        "!pip install x\nif True:\n    def helper(): pass\nGMM.sample = helper",
        "broken (",
        "for i in range(3):\n    with open('x') as f: pass\ntry:\n    a = 1\nexcept E:\n    b = 2",
    )
    found = definitions(Submission("s", "s", "", cells=source))
    assert found["helper"] == (2, 3)
    assert {name: found[name] for name in ("GMM", "GMM.fit", "GMM.sample", "GMM.k")} == {
        "GMM": (1,),
        "GMM.fit": (1,),
        "GMM.sample": (3,),
        "GMM.k": (1,),
    }
    assert {"x", "y", "z", "i", "f", "a", "b"} <= set(found)
    assert parse(source).unparsed == (4,)


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline\nx = 1",
        "!pip install numpy\nx = 1",
        "files = !ls\nx = 1",
        "path = %pwd\nx = 1",
        "x?\nx = 1",
        "?print\nx = 1",
        "np.zeros??\nx = 1",
        "%%time\nx = 1",
        "%%capture out\nx = 1",
        "%time x = 1",
        "%timeit -n 10 x = 1",
        "if True:\n    %cd data\n    x = 1",
        "!pip install \\\n   numpy\nx = 1",
        "    x = 1\n    y = 2",
        ">>> x = 1\n1\n>>> y = 2",
        "await f()\nx = 1",
        "%load_ext autoreload\n%autoreload 2\nx = (1\n  % 2)",
    ],
)
def test_ipython_syntax_is_read(source: str) -> None:
    assert "x" in definitions(Submission("s", "s", "", cells=(Cell(1, CellKind.CODE, source),)))


@pytest.mark.parametrize("magic", ["%%bash", "%%html", "%%writefile x.py", "%%R"])
def test_cells_in_other_languages_define_nothing(magic: str) -> None:
    code = parse(cells(f"{magic}\nx = 1"))
    assert code.cells[0].body == ()
    assert code.unparsed == ()


# --- blanks ---------------------------------------------------------------------------------

TEMPLATE = {
    "pass": "pass",
    "docstring": "'''Compute.'''\n# TODO\npass",
    "ellipsis": "...",
    "return None": "return None",
    "zeros": "responsibilities = np.zeros((X.shape[0], self.n_components))\nreturn responsibilities",
    "loop": "samples = []\nfor _ in range(n):\n    # your code here\n    pass\nreturn np.array(samples)",
    "raise": "raise NotImplementedError('TODO 1')",
    "shape": "n, d = X.shape\nreturn None",
    "print": "print('not done yet')",
}
WORK = {
    "call": "return self.model.decode(z)",
    "sum": "r = np.zeros(3)\nr += X\nreturn r",
    "expression": "return (1 - alpha) * z1 + alpha * z2",
    "in the loop": "samples = []\nfor _ in range(n):\n    samples.append(draw())\nreturn np.array(samples)",
    "stored": "self.weights = responsibilities.mean(axis=0)",
    "in try": "try:\n    return fit(X)\nexcept ValueError:\n    pass",
    "other error": "raise ValueError('no')",
}


def function(body: str) -> ast.FunctionDef:
    node = ast.parse("def f(self, X):\n" + textwrap.indent(body, "    ")).body[0]
    assert isinstance(node, ast.FunctionDef)
    return node


@pytest.mark.parametrize("case", TEMPLATE)
def test_the_templates_body_is_a_stub(case: str) -> None:
    assert is_stub(function(TEMPLATE[case]))


@pytest.mark.parametrize("case", WORK)
def test_work_is_no_stub(case: str) -> None:
    assert not is_stub(function(WORK[case]))


# --- hostile --------------------------------------------------------------------------------

HOSTILE = {
    "brackets": "(" * 100_000,
    "minus": "-" * 100_000 + "1",
    "sum": "x" + "+x" * 100_000,
    "attributes": "GMM" + "._e_step" * 50_000,
    "calls": "f" + "()" * 90_000,
    "lambda": "lambda:" * 40_000 + "1",
    "conditions": "1if 1else " * 30_000 + "1",
    "indents": "".join("\t" * i + "if 1:\n" for i in range(150)),
    "NUL": "x = 1\x00",
    "surrogate": "x = '\ud800'",
    "too long": "x = 1\n" * 100_000,
    "alias circle": "GMM = A\nA = B\nB = GMM",
    "base circle": "class GMM(A): pass\nclass A(GMM): pass\nclass GMM(A): pass",
    "self base": "class GMM(GMM): pass",
    "wrapping circle": "class GMM:\n  def _e_step(self): self._e_step()" + "\nGMM._e_step = f(GMM._e_step)" * 2,
    "many classes": "class GMM:\n  def _e_step(self): A0().m0\n"
    + "\n".join(f"class A{i}:\n  def m{i}(self): A{i + 1}().m{i + 1}()" for i in range(400)),
    "long line of bases": "class A0: pass\n"
    + "".join(f"class A{i}(A{i - 1}): pass\n" for i in range(1, 3000))
    + "class GMM(A2999):\n  def _e_step(self, x):\n"
    + "".join(f"    self.b{i}()\n    x.c{i}\n    A{i}\n" for i in range(2900)),
    "wrapped again and again": "class GMM:\n  def _e_step(self): pass\n" + "GMM._e_step = f(GMM._e_step)\n" * 9000,
    "bound again and again": "class GMM:\n  def _e_step(self): a\n" + "a = a\n" * 40_000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_sources_are_read_as_far_as_they_go(case: str) -> None:
    source = (Cell(1, CellKind.CODE, HOSTILE[case]), Cell(2, CellKind.CODE, "y = 2"))
    assert "y" in definitions(Submission("s", "s", "", cells=source))
    assert forbidden_uses(source, [*ROOT, "GMM"], BANNED) == []


PIECES = (
    "class GMM:|class GMM(A):|def _e_step(self, X):|self.|GMM|.|=|(|)|:|\n|\n    |\n        |A|import sklearn.mixture|"
    "from sklearn.mixture import *|return |lambda x: |%time |!|?|super()|'|%%|pass"
)
WORDS = st.sampled_from(PIECES.split("|"))


@settings(max_examples=150)
@given(st.lists(WORDS, max_size=30).map("".join) | st.text(st.characters(codec=None), max_size=80))
def test_any_source_is_read(source: str) -> None:
    both = (
        Cell(1, CellKind.CODE, source),
        Cell(2, CellKind.CODE, "class GMM:\n    def _e_step(self, X): return GMM, A, X"),
    )
    assert isinstance(forbidden_uses(both, [*ROOT, "GMM"], BANNED), list)
    assert "GMM._e_step" in definitions(Submission("s", "s", "", cells=both))
