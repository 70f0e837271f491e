"""What a run showed: cells that stop, pictures that were drawn, digits that were sampled."""

from __future__ import annotations

import linecache
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from grader.model import (
    Cell,
    CellKind,
    CellRun,
    CellStatus,
    Figure,
    Finding,
    Problem,
    Recording,
    StudentError,
    Submission,
    Verdict,
)
from grader.worker.blame import cell_file
from tests.rubric.other_items import graded, reference_and, rubric_file, whole, with_mistake

COSTS = {"stop_cost": 0.5, "cell_cost": 0.2, "follow_cost": 0.05}


def submitted(*sources: str, **more: Any) -> Submission:
    cells = tuple(Cell(index, CellKind.CODE, source) for index, source in enumerate(sources, 1))
    return Submission("student-01", "student-01.ipynb", "0", cells=cells, **more)


def ran(*statuses: CellStatus | StudentError, environment: tuple[int, ...] = ()) -> Recording:
    runs = [
        CellRun(index, CellStatus.ERROR, status, environment=index in environment)
        if isinstance(status, StudentError)
        else CellRun(index, status)
        for index, status in enumerate(statuses, 1)
    ]
    return Recording("student-01", "0", cells=tuple(runs))


OK, DIED, SKIPPED = CellStatus.OK, CellStatus.DIED, CellStatus.SKIPPED


def name_error(name: str) -> StudentError:
    return StudentError("NameError", f"name '{name}' is not defined", line_no=1, line=f"{name}.fit(X)")


def cells(submission: Submission, recording: Recording) -> Finding:
    finding = rubric_file("runs").cells.function(submission, recording, **COSTS)
    assert isinstance(finding, Finding)
    return finding


# --- the notebook runs ----------------------------------------------------------------------


def test_all_cells_run() -> None:
    assert cells(submitted("a = 1", "b = 2"), ran(OK, OK)).earned == 1.0


def test_each_cell_that_stops_costs_and_is_named() -> None:
    sources = ["a = 1"] * 10
    found = cells(submitted(*sources), ran(*[OK] * 8, StudentError("ValueError", "bad"), StudentError("KeyError", "k")))
    assert found.verdict is Verdict.PARTIAL
    assert found.earned == pytest.approx(0.6)
    assert "8 of 10" in found.message
    assert "Cell 9 stops with ValueError" in found.message


def test_cells_that_fall_with_an_earlier_one_cost_less() -> None:
    sources = ["import numpy as np", "gmm = GMM(3", *["gmm.fit(X)"] * 2, *["a = 1"] * 12]
    followers = [name_error("gmm")] * 2
    found = cells(
        submitted(*sources), ran(OK, StudentError("SyntaxError", "'(' was never closed"), *followers, *[OK] * 12)
    )
    assert found.earned == pytest.approx(1 - 0.2 - 2 * 0.05)


def test_cells_that_stop_in_the_same_line_of_a_function_are_one_mistake_and_name_its_cell() -> None:
    slip = StudentError(
        "TypeError", "unexpected keyword argument 'keepdim'", cell=1, line_no=9, line="r.sum(keepdim=True)"
    )
    sources = ["def e_step(X): ...", *["e_step(X)"] * 3, *["a = 1"] * 16]
    found = cells(submitted(*sources), ran(OK, slip, slip, slip, *[OK] * 16))
    assert found.earned == pytest.approx(1 - 0.2 - 2 * 0.05)
    assert "(cell 1, line 9: `r.sum(keepdim=True)`)" in found.message
    assert "2 more stop in the same line." in found.message
    other = StudentError("TypeError", "unexpected keyword argument 'axes'", cell=1, line_no=12)
    assert cells(submitted(*sources), ran(OK, slip, other, *[OK] * 17)).earned == pytest.approx(1 - 2 * 0.2)


def test_a_long_line_of_cells_that_fall_one_after_the_other_is_followed_to_the_first() -> None:
    count = 3000
    submission = submitted(*(f"a{i} = a{i - 1}" for i in range(1, count + 1)))
    errors = [StudentError("NameError", f"name 'a{i - 1}' is not defined", i, 1) for i in range(1, count + 1)]
    runs = tuple(CellRun(i, CellStatus.ERROR, error) for i, error in enumerate(errors, 1))
    causes = rubric_file("failures").causes_of(submission, Recording("s", "0", cells=runs))
    assert all(cause is runs[0] for cause in causes.values())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("\n", ()),
        ("x:\n", ()),
        ("a,", ()),
        ("import ", ("import",)),
        ("x = y = ", ("x",)),
        ("def f(\n", ("f",)),
        (" ", ()),
    ],
)
def test_names_are_found_in_any_amount_of_text(text: str, names: tuple[str, ...]) -> None:
    """A pattern that tries again from each place would never end here."""
    assert rubric_file("failures").assigned_in(text * 60_000) == set(names)


def test_what_the_machine_lacks_costs_nothing_nor_do_cells_that_fall_with_it() -> None:
    sources = ["import torch", "torch.zeros(3)", "a = 1"]
    missing = StudentError("ModuleNotFoundError", "No module named 'torch'")
    found = cells(submitted(*sources), ran(missing, name_error("torch"), OK, environment=(1,)))
    assert found.earned == 1.0
    assert "torch" in found.message


def test_a_cell_that_ends_the_process_costs_half() -> None:
    found = cells(submitted(*["a = 1"] * 20), ran(*[OK] * 19, DIED))
    assert found.earned == pytest.approx(0.5)


def test_no_more_is_left_than_the_share_of_cells_that_ran() -> None:
    found = cells(submitted(*["a = 1"] * 4), ran(OK, CellStatus.TIMEOUT, SKIPPED, SKIPPED))
    assert found.earned == pytest.approx(0.25)
    assert "2 cells were not tried" in found.message


def test_a_file_that_cannot_be_read_and_one_without_code_earn_nothing() -> None:
    broken = Submission("s", "s.ipynb", "0", problems=(Problem("json", "The file is cut off.", "Save it anew.", True),))
    assert cells(broken, ran()).message == "The file is cut off."
    assert cells(submitted(), ran()).earned == 0.0


# --- pictures -------------------------------------------------------------------------------

DRAWN = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))
BLANK = np.full((64, 64), 255, dtype=np.uint8)


def panel(**counts: Any) -> dict[str, Any]:
    none = dict.fromkeys(("lines", "points", "patches", "images", "contours", "bars"), 0)
    return {**none, "title": "", "xlabel": "", "ylabel": "", **counts}


def picture(cell: int, *panels: dict[str, Any], thumbnail: Any = DRAWN) -> Figure:
    return Figure(cell, "image/png", b"png", thumbnail, panels)


SOURCES = (
    "gmm.fit(X)\nplt.scatter(*X.T)\nfor m, C in zip(gmm.means, gmm.covariances): ax.add_patch(Ellipse(m, 1, 1))",
    "S = gmm.sample(300)\nfig, ax = plt.subplots(1, 2)\nax[0].scatter(*X.T)\nax[1].scatter(*S.T)",
    "plt.plot(gmm.log_likelihoods)",
    "for ax, f in zip(axes, [discriminative_model, generative_model]): ax.contourf(xx, yy, f(X, y, grid))",
    "for ax, image in zip(axes, explorer.interpolate(z1, z2)): ax.imshow(image)",
)
PICTURES = (
    picture(1, panel(points=300, patches=3)),
    picture(2, panel(points=300), panel(points=300)),
    picture(3, panel(lines=1)),
    picture(4, panel(contours=1, points=200), panel(contours=1, points=200)),
    picture(5, *[panel(images=1)] * 10),
)
KINDS = ("clusters", "samples", "likelihood_curve", "boundaries", "interpolation")


def look(
    kind: str, submission: Submission, *figures: Figure, cells: tuple[CellRun, ...] = (), fallen: tuple[str, ...] = ()
) -> Finding:
    check = getattr(rubric_file("visualisations"), kind)
    finding = check.function(submission, Recording("student-01", "0", figures=figures, cells=cells), fallen)
    assert isinstance(finding, Finding)
    return finding


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_found_among_the_usual_pictures(kind: str) -> None:
    found = look(kind, submitted(*SOURCES), *PICTURES)
    assert found.verdict is Verdict.PASS
    assert not found.needs_review


@pytest.mark.parametrize(("position", "kind"), list(enumerate(KINDS)))
def test_a_kind_that_was_not_drawn_is_missing(position: int, kind: str) -> None:
    sources = ["pass" if index == position else source for index, source in enumerate(SOURCES)]
    figures = [figure for index, figure in enumerate(PICTURES) if index != position]
    found = look(kind, submitted(*sources), *figures)
    assert found.verdict is not Verdict.PASS or found.needs_review
    assert look(kind, submitted("plt.scatter(*X.T)"), picture(1, panel(points=300))).verdict is Verdict.MISSING


@pytest.mark.parametrize(("position", "kind"), list(enumerate(KINDS)))
def test_blank_pictures_are_no_evidence(position: int, kind: str) -> None:
    empty = picture(position + 1, panel(), thumbnail=DRAWN)
    white = picture(position + 1, *PICTURES[position].axes, thumbnail=BLANK)
    for figure in (empty, white):
        found = look(kind, submitted(*SOURCES), figure)
        assert found.earned == 0.0
        assert "blank" in found.message


def test_a_picture_that_is_blank_since_its_cell_stopped_is_told_so() -> None:
    error = StudentError("TypeError", "bad", cell=2, line_no=3, line="clf = GaussianNB(max_iter=9)")
    runs = (CellRun(4, CellStatus.ERROR, error),)
    found = look("boundaries", submitted(*SOURCES), picture(4, panel(), panel()), cells=runs)
    assert "Cell 4 stops with TypeError: bad (cell 2, line 3" in found.message
    assert "blank" not in found.message
    assert found.earned == 0.0


def test_saved_pictures_are_no_evidence() -> None:
    found = look("clusters", submitted("pass", saved_images=5))
    assert found.earned == 0.0
    assert "saved in the file" in found.message


def test_a_dashboard_of_all_kinds_counts_for_each() -> None:
    board = picture(1, *[axes for figure in PICTURES for axes in figure.axes[:2]])
    for kind in KINDS:
        assert look(kind, submitted("\n".join(SOURCES)), board).verdict is Verdict.PASS


def test_labels_in_other_languages_do() -> None:
    curve = picture(1, panel(lines=1, ylabel="логарифм правдоподобия"))
    assert not look("likelihood_curve", submitted("нарисуй(история)"), curve).needs_review


def test_words_in_the_functions_that_a_cell_calls_do() -> None:
    helper = "def show(gmm):\n    ax.add_patch(Ellipse(gmm.means[0], 1, 1))\n"
    assert not look("clusters", submitted(helper, "show(g)"), picture(2, panel(points=90, patches=3))).needs_review


def test_a_fitting_picture_without_words_passes_and_a_person_looks() -> None:
    found = look("likelihood_curve", submitted("plt.plot(h)"), picture(1, panel(lines=1)))
    assert found.verdict is Verdict.PASS
    assert found.needs_review


def test_a_curve_of_bic_is_no_curve_of_the_likelihood() -> None:
    bic = picture(1, panel(lines=1, ylabel="BIC"))
    assert look("likelihood_curve", submitted("plt.plot(bics)"), bic).earned == 0.0


def test_one_boundary_of_two_is_half() -> None:
    one = picture(1, panel(contours=1, points=200))
    assert look("boundaries", submitted("plot_boundary(discriminative_model)"), one).earned == 0.5


def test_a_picture_that_an_unfinished_step_prevents_is_blocked_by_it() -> None:
    error = StudentError("TypeError", "'NoneType' object", cell=1, function="_m_step")
    runs = (CellRun(1, CellStatus.ERROR, error), CellRun(2, CellStatus.ERROR, name_error("gmm")))
    found = look("clusters", submitted("gmm = GMM(3).fit(X)", "plt.scatter(*X.T); draw_ellipses(gmm)"), cells=runs)
    assert found.verdict is Verdict.BLOCKED
    assert "TODO 2" in found.message
    assert found.earned == 0.0


@pytest.mark.parametrize(
    ("function", "fallen", "first"),
    [
        ("sample", ("e_step",), "TODO 1"),
        ("sample", ("m_step", "training"), "TODO 2"),
        ("sample", ("e_step", "sample"), "TODO 3"),
        ("sample", (), "TODO 3"),
        ("fit", ("m_step",), "TODO 2"),
        ("_e_step", ("m_step",), "TODO 1"),
        ("_log_density", ("e_step", "training"), "TODO 1"),
        ("interpolate", ("e_step",), "TODO 5a"),
    ],
)
def test_what_is_to_be_mended_first_is_what_fell(function: str, fallen: tuple[str, ...], first: str) -> None:
    error = StudentError("ValueError", "probabilities contain NaN", cell=1, line_no=40, function=function)
    runs = (CellRun(2, CellStatus.ERROR, error),)
    sources = ("class GMM: ...", "S = gmm.sample(300)\nplt.scatter(*S.T)  # clusters")
    found = look("samples", submitted(*sources), cells=runs, fallen=fallen)
    assert found.verdict is Verdict.BLOCKED
    assert f"before {first}" in found.message
    assert first in found.hint


def test_a_drawing_that_stops_by_itself_is_not_blamed_on_what_fell() -> None:
    error = StudentError("ValueError", "x and y must be the same size", cell=1, line_no=2)
    runs = (CellRun(1, CellStatus.ERROR, error),)
    found = look("samples", submitted("S = gmm.sample(3)\nplt.scatter(S, 1)"), cells=runs, fallen=("e_step",))
    assert found.verdict is Verdict.FAIL


# --- digits ---------------------------------------------------------------------------------


def test_digits_from_the_reference_and_from_variables_and_models_pass() -> None:
    result = graded("digits", whole().reference)
    assert result.points == result.max_points
    source = """
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
del sample_digits
p = PCA(20).fit(load_digits().data)
g = GaussianMixture(12, random_state=0).fit(p.transform(load_digits().data))
"""
    assert graded("digits", reference_and(source)).points == result.max_points
    assert graded(
        "digits", reference_and(source + "digit_samples = p.inverse_transform(g.sample(100)[0])\ndel g")
    ).points


@pytest.mark.parametrize("name", ["images_of_the_data", "means_only", "uniform_noise", "nothing_returned"])
def test_wrong_digits_are_named(name: str) -> None:
    result = graded("digits", with_mistake("digits", name))
    assert {one.diagnosis for one in result.checks if one.points < one.max_points} == {f"digits.{name}"}


DIGITS = """
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
digits = load_digits().data
p = PCA(16, random_state=0).fit(digits)
digit_gmm = GMM(n_components=15, random_state=0)
digit_gmm.fit(p.transform(digits))
"""
WRONG_STEPS = {
    "E-step": """
class Wrong(GMM):
    def _e_step(self, X):
        r = super()._e_step(X)
        return np.full(r.shape, 1 / r.shape[1])
""",
    "M-step": """
class Wrong(GMM):
    def _m_step(self, X, r):
        super()._m_step(X, r)
        self.covariances = self.covariances * 1e4
""",
    "training": """
class Wrong(GMM):
    def fit(self, X):
        raise RuntimeError("not done")
""",
    "sampling": """
class Wrong(GMM):
    def sample(self, n):
        return np.zeros((n, self.means.shape[1]))
""",
}


def notebook_with(*cells: str) -> dict[str, Any]:
    """The reference's names after these cells ran, as far as they do."""
    namespace = dict(whole().reference) | {"__name__": "__main__", "np": np}
    del namespace["sample_digits"]
    for index, source in enumerate(cells, 1):
        file = cell_file(index)
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        with suppress(RuntimeError):
            exec(compile(source, file, "exec"), namespace)
    return namespace


@pytest.mark.parametrize("piece", WRONG_STEPS)
def test_a_wrong_piece_of_the_mixture_does_not_cost_the_digits_too(piece: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(linecache, "cache", {})
    namespace = notebook_with(WRONG_STEPS[piece] + "GMM = Wrong\n", DIGITS)
    wrong = namespace["GMM"]
    before = dict(vars(wrong))
    result = graded("digits", namespace)
    assert result.points == result.max_points, [check.message for check in result.checks]
    assert dict(vars(wrong)) == before


@pytest.mark.parametrize(
    "cells",
    [
        (WRONG_STEPS["M-step"] + "GMM = Wrong\n", DIGITS.replace("().data", "().data[load_digits().target == 3]")),
        (WRONG_STEPS["M-step"] + "GMM = Wrong\n", DIGITS.replace("n_components=15", "n_components=1")),
        (WRONG_STEPS["M-step"] + "GMM = Wrong\n", "digits = np.ones((500, 64))\ngmm = GMM(3)\ngmm.fit(digits)"),
        (WRONG_STEPS["training"] + "GMM = Wrong\n", "gmm = GMM(3)\ngmm.fit(np.ones((90, 2)))  # no digits yet"),
    ],
    ids=["one kind", "one component", "no images", "not attempted"],
)
def test_the_graders_pieces_give_nobody_the_digits(cells: tuple[str, ...], monkeypatch: Any) -> None:
    monkeypatch.setattr(linecache, "cache", {})
    result = graded("digits", notebook_with(*cells))
    assert result.points <= 0.4 * result.max_points


def test_samples_that_repeat_beside_a_model_that_draws_well_wait_for_a_person() -> None:
    source = DIGITS + "digit_samples = p.inverse_transform(digit_gmm.means[np.arange(90) % 15])\ndel sample_digits"
    result = graded("digits", reference_and(source))
    assert result.points == result.max_points
    assert [check.needs_review for check in result.checks] == [False, True]
    assert "`digit_samples` holds the same few images" in result.checks[1].message


def test_a_walk_through_the_latent_space_is_no_sample_of_digits() -> None:
    source = """
del sample_digits
decoder = Decoder()
interpolated_samples = LatentSpaceExplorer(decoder).interpolate(np.zeros(16), np.ones(16), 30)
images = interpolated_samples
"""
    assert graded("digits", reference_and(source)).points == 0.0


def test_digits_of_other_sizes_and_scales_are_brought_to_ours() -> None:
    digits = rubric_file("digits")
    images = np.random.default_rng(0).uniform(0, 16, (20, 64))
    assert np.allclose(digits.in_our_units(images / 16), images, atol=1e-9)
    assert np.allclose(digits.in_our_units(images * 255 / 16), images, atol=1e-9)
    assert digits.in_our_units(np.zeros((5, 784))).shape == (5, 64)


def test_no_more_images_are_looked_at_than_were_asked_for() -> None:
    digits = rubric_file("digits")
    forged = [{"from": "x", "images": np.ones((2000, 64), dtype=np.float32)}] * 50
    found = digits.images_of([*forged, {"from": "y", "images": np.ones((2000, 63))}], {})
    assert len(found) == digits.SOURCES
    assert {one["images"].shape for one in found} == {(digits.DRAWS, 64)}


def test_digits_that_are_only_pictures_wait_for_a_person() -> None:
    digits = rubric_file("digits")
    submission = submitted("digits = load_digits()", "show(digit_gmm.sample(8))")
    recording = Recording("student-01", "0", figures=(picture(2, panel(images=1)),))
    found = digits.recognisable.function([], submission, recording, classes=8, confidence=0.8)
    assert found.needs_review
    assert found.earned == 0.5


def test_decision_boundaries_are_no_picture_of_the_clusters() -> None:
    made = "X, y = make_classification(n_samples=300, n_clusters_per_class=1)\nplt.contourf(xx, yy, clf.predict(grid))"
    boundary = picture(1, panel(contours=1, points=300), panel(contours=1, points=300))
    assert look("clusters", submitted(made), boundary).earned == 0.0
    assert look("samples", submitted(made + " # logistic"), boundary).earned == 0.0


# --- the reflection -------------------------------------------------------------------------

THOUGHTS = (
    "Writing the steps by hand showed me why the weights belong inside the rule. One wrong index made the curve fall "
    "at once. The interpolated digits stayed readable along the whole path, which surprised me."
)


def reflected(*cells: str) -> Finding:
    rule = next(item for item in whole().spec.items if item.id == "reflection")
    thresholds = rule.checks["own_words"].thresholds
    written = tuple(Cell(index, CellKind.MARKDOWN, source) for index, source in enumerate(cells, 1))
    finding = rubric_file("reflection").own_words.function(Submission("s", "s.ipynb", "0", cells=written), **thresholds)
    assert isinstance(finding, Finding)
    return finding


def test_a_reflection_below_its_heading_passes() -> None:
    found = reflected("# Reflection", THOUGHTS)
    assert (found.verdict, found.needs_review, found.message) == (Verdict.PASS, False, "")


def test_a_reflection_below_another_heading_passes_and_a_person_is_told_where_it_stands() -> None:
    found = reflected("# Activity", f"## Part 9\n{THOUGHTS}")
    assert (found.verdict, found.needs_review) == (Verdict.PASS, True)
    assert "In cell 2: the last text of your own was taken" in found.message


@pytest.mark.parametrize("text", ["", "# Reflection", "Write 3-5 sentences here."])
def test_no_reflection_is_missing(text: str) -> None:
    assert reflected("# Reflection", text).verdict is Verdict.MISSING
