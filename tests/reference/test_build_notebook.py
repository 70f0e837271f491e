from __future__ import annotations

import ast
import base64
import contextlib
import io
import re
from typing import Any

import matplotlib
import nbformat
import numpy as np
import pytest

from reference.activity09 import build_notebook as build

matplotlib.use("agg")

STUBS = {
    "GMM._e_step": "# TODO 1: Compute probability of each point under each component",
    "GMM._m_step": "# covariances: Σ_k = weighted covariance matrix",
    "GMM.sample": "# Step 1: Choose component k with probability self.weights[k]",
    "discriminative_model": "# TODO 4a: Fit logistic regression",
    "generative_model": "# Use sklearn.naive_bayes.GaussianNB",
    "LatentSpaceExplorer.interpolate": "# z_interpolated = (1-alpha) * z1 + alpha * z2",
    "LatentSpaceExplorer.arithmetic": "# z_new = z_base + alpha * z_attribute",
    "compute_bic": "# TODO: Implement BIC",
    "conditional_sample": "Example: Generate y coordinate given x coordinate",
    "online_update": "Update GMM parameters with new batch without storing all data",
}


def code_of(notebook: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def functions(code: str) -> dict[str, ast.FunctionDef]:
    found = {}
    for node in ast.parse(code).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{m.name}": m for m in node.body if isinstance(m, ast.FunctionDef)}
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
    return found


def sources(notebook: nbformat.NotebookNode) -> list[tuple[str, str, str]]:
    return [(cell.id, cell.cell_type, cell.source) for cell in notebook.cells]


@pytest.fixture(scope="module")
def committed() -> nbformat.NotebookNode:
    return nbformat.read(build.SOLUTION, as_version=4)


def test_the_committed_notebooks_are_what_the_script_makes(committed: nbformat.NotebookNode) -> None:
    assert sources(committed) == sources(build.make_solution())
    assert nbformat.read(build.TEMPLATE, as_version=4) == build.make_template()


def test_the_committed_solution_has_its_outputs_and_nothing_of_the_machine(committed: nbformat.NotebookNode) -> None:
    assert build.SOLUTION.stat().st_size < 700_000
    outputs = [output for cell in committed.cells for output in cell.get("outputs", [])]
    images = [o.data["image/png"] for o in outputs if "image/png" in o.get("data", {})]
    assert len(images) >= 9
    assert all(base64.b64decode(image).startswith(b"\x89PNG") for image in images)
    assert all(output.output_type != "error" and output.get("name") != "stderr" for output in outputs)
    text = "".join(output.get("text", "") for output in outputs)
    assert not re.search(r"(^|\s)(/[\w.]+){2,}|site-packages|Users", text)
    for expected in (
        "Iteration 1: Log-likelihood",
        "Iteration 10: Log-likelihood",
        "(converged)",
        "Component 3: μ=",
        "Generated 100 samples",
        "Train accuracy",
        "Test accuracy",
        "z_bold",
        "lowest",
    ):
        assert expected in text


def test_the_solution_runs_top_to_bottom_without_the_reference_package() -> None:
    code = code_of(build.make_solution())
    assert "reference" not in code
    space: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in build.make_solution().cells:
            if cell.cell_type == "code":
                exec(compile(cell.source.replace("from ipywidgets", "from no_such_module"), cell.id, "exec"), space)
    assert space["digit_samples"].shape == (500, 64)
    assert space["best"] == 3
    assert np.diff(space["gmm"].log_likelihoods).min() > -1e-6
    assert "Iteration 1: Log-likelihood" in printed.getvalue()


@pytest.mark.filterwarnings("ignore")  # zmq's and the kernel's own, not ours
def test_the_solution_runs_in_a_fresh_kernel() -> None:
    notebook = build.execute(build.make_solution())
    mimes = {mime for cell in notebook.cells for output in cell.get("outputs", []) for mime in output.get("data", {})}
    assert "image/png" in mimes
    assert "application/vnd.jupyter.widget-view+json" not in mimes
    assert "widgets" not in notebook.metadata


def test_the_template_is_a_whole_notebook_with_the_given_parts() -> None:
    given = functions(code_of(build.make_template()))
    names = ("__init__", "fit", "log_likelihood", "predict", "_initialise")
    for name in (*(f"GMM.{name}" for name in names), "make_clusters", "show_clusters", "Decoder.decode", "explore"):
        assert name in given
        assert not isinstance(given[name].body[-1], ast.Pass)


@pytest.mark.parametrize("name", STUBS)
def test_the_template_has_the_stub_of_the_activity(name: str) -> None:
    code = code_of(build.make_template())
    stub = functions(code)[name]
    text = ast.get_source_segment(code, stub) or ""
    assert STUBS[name] in text
    names = {node.id for node in ast.walk(stub) if isinstance(node, ast.Name)}
    assert names <= {"self", "np", "X", "responsibilities", "samples", "n_samples", "range", "_"}


def test_no_line_of_a_solved_todo_remains_in_the_template() -> None:
    solution = code_of(build.make_solution())
    template = code_of(build.make_template())
    given = {line.strip() for line in template.splitlines()}
    # The stubs end in the same lines, and fit, which is given, calls the E-step.
    shared = {"return responsibilities", "return samples", "responsibilities = self._e_step(X)"}
    for name, node in functions(solution).items():
        if name not in STUBS and name != "GMM._log_density":
            continue
        for statement in node.body[1:]:
            for line in (ast.get_source_segment(solution, statement) or "").splitlines():
                if len(line.strip()) > 12 and line.strip() not in shared:
                    assert line.strip() not in given, f"{name}: {line}"
    assert "_log_density" not in template
    assert "choose_components" not in template
    assert "fit_digits" not in template


def test_the_template_runs_as_far_as_the_first_todo() -> None:
    space: dict[str, Any] = {}
    cells = [cell.source for cell in build.make_template().cells if cell.cell_type == "code"]
    first = next(i for i, source in enumerate(cells) if source.startswith("X, true_labels"))
    with contextlib.redirect_stdout(io.StringIO()):
        for source in cells[: first + 1]:
            exec(source, space)
    assert space["gmm"].weights.shape == (3,)
    assert np.isfinite(space["gmm"].log_likelihoods).all()


def test_the_template_works_with_the_solution_filled_in() -> None:
    space: dict[str, Any] = {}
    cells = [cell.source for cell in build.make_template().cells if cell.cell_type == "code"]
    for source in cells[: next(i for i, source in enumerate(cells) if source.startswith("class GMM")) + 1]:
        exec(source, space)
    from reference.activity09 import GMM

    class FilledIn(space["GMM"]):  # type: ignore[misc]
        _log_density, _e_step, _m_step, sample = GMM._log_density, GMM._e_step, GMM._m_step, GMM.sample

    X, _ = space["make_clusters"]()
    filled_in, reference = FilledIn(random_state=0).fit(X), GMM(random_state=0).fit(X)
    assert filled_in.log_likelihoods == pytest.approx(reference.log_likelihoods, abs=1e-9)
