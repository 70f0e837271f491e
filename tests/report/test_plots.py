from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from grader.model import Opaque
from grader.report.plots import POINTS, Drawing, drawings
from grader.report.svg import tick_label, ticks
from tests.report.sample import HOSTILE, sample_plots

floats = st.floats(allow_nan=True, allow_infinity=True, width=64)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), floats, st.text(max_size=8), st.builds(Opaque, st.text()))
trees = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3))
wild = st.one_of(
    trees,
    arrays.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.complex128, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    ),
    arrays.arrays(
        np.float64, st.sampled_from([(5,), (4, 2), (3, 2), (3, 2, 2), (0,), (0, 2), (1, 2)]), elements=floats
    ),
)
FIELDS = {
    "log_likelihood": ("student",),
    "samples": ("student",),
    "clusters": ("means", "covariances", "weights"),
}


def well_formed(drawing: Drawing) -> ET.Element | None:
    if drawing.svg is None:
        return None
    tree = ET.fromstring(drawing.svg)  # noqa: S314  our own drawing
    for path in tree.iter("path"):
        assert re.fullmatch(r"[MLHVZhlm0-9 .-]+", path.attrib["d"])
    return tree


@given(kind=st.sampled_from(sorted(FIELDS)), beside=st.booleans(), data=st.data())
def test_any_answer_is_drawn_or_told_about_in_words(kind, beside, data):
    grader = {name: value for name, value in sample_plots()[kind].items() if name not in FIELDS[kind]} if beside else {}
    (drawing,) = drawings({kind: {**grader, **{name: data.draw(wild) for name in FIELDS[kind]}}})
    well_formed(drawing)
    assert drawing.svg is not None or drawing.problems
    assert all(isinstance(problem, str) and problem.endswith(".") for problem in drawing.problems)


@pytest.mark.parametrize("kind", FIELDS)
def test_good_answers_are_drawn_beside_the_reference(kind):
    (drawing,) = drawings({kind: sample_plots()[kind]})
    tree = well_formed(drawing)
    assert tree is not None and not drawing.problems
    classes = " ".join(element.attrib.get("class", "") for element in tree.iter())
    assert "student" in classes and "reference" in classes
    assert tree.find("title") is not None and len(tree.findtext("desc") or "") > 20
    labels = [element.text for element in tree.iter("text") if element.attrib["class"] == "label"]
    assert len(labels) >= 2 and all(labels)


def test_same_data_gives_same_bytes():
    assert drawings(sample_plots()) == drawings(sample_plots())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "Nothing came back"),
        (Opaque("Tensor"), "an object of type Tensor"),
        ("a lot", "real numbers"),
        (np.zeros((3, 4)), "shape (any,) was needed, and (3, 4) came back"),
        (np.array([1 + 2j]), "real numbers"),
        ([[1], [1, 2]], "no regular array"),
        ([10**400], "real numbers"),
        ([float("nan")] * 3, "no finite number"),
        ([], "no finite number"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_says_why_a_curve_cannot_be_drawn(value, words):
    (drawing,) = drawings({"log_likelihood": {"student": value, "reference": [-2.0, -1.0]}})
    assert drawing.svg is None
    assert any(words in problem for problem in drawing.problems)


def test_curve_with_holes_is_drawn_and_they_are_told():
    (drawing,) = drawings({"log_likelihood": {"student": [-3.0, float("nan"), -2.0, float("inf")]}})
    assert drawing.svg is not None
    assert "2 of your 4 values are NaN or infinite" in drawing.problems[0]


def test_curve_tells_where_it_falls():
    (drawing,) = drawings({"log_likelihood": {"student": [-3.0, -2.0, -2.5, -2.4]}})
    assert "falls at iteration 3" in drawing.caption
    (drawing,) = drawings({"log_likelihood": {"student": [-3.0, -2.0, -1.9]}})
    assert "falls" not in drawing.caption


def test_curve_of_another_scale_is_drawn_alone_and_says_so():
    (drawing,) = drawings({"log_likelihood": {"student": [-1e6, -9e5], "reference": [-2.0, -1.75]}})
    assert drawing.svg is not None and "reference" not in drawing.svg
    assert "too far from yours" in drawing.problems[0]


def test_samples_far_away_do_not_squeeze_the_reference():
    reference = sample_plots()["samples"]["reference"]
    strays = np.concatenate([reference[:50], [[1e9, 1e9]] * 3])
    (drawing,) = drawings({"samples": {"student": strays, "reference": reference}})
    assert "3 of your 53 points lie outside the picture" in drawing.problems[0]
    (alone,) = drawings({"samples": {"student": reference[:50], "reference": reference}})
    assert crosses(drawing) == crosses(alone) == 360


def crosses(drawing: Drawing) -> int:
    tree = well_formed(drawing)
    assert tree is not None
    return sum(path.attrib["d"].count("M") for path in tree.iter("path") if path.attrib["class"] == "cross reference")


def test_large_clouds_are_thinned():
    cloud = np.random.default_rng(0).normal(size=(200_000, 2))
    (drawing,) = drawings({"samples": {"student": cloud}})
    tree = well_formed(drawing)
    assert tree is not None
    (dots,) = [path for path in tree.iter("path") if path.attrib["class"] == "dots student"]
    assert POINTS / 2 < dots.attrib["d"].count("M") <= POINTS
    assert "n = 200000" in drawing.svg


def test_component_without_an_ellipse_is_named_and_the_others_drawn():
    plot = dict(sample_plots()["clusters"])
    plot["covariances"] = np.array(plot["covariances"])
    plot["covariances"][1] = [[1.0, 2.0], [2.0, 1.0]]
    (drawing,) = drawings({"clusters": plot})
    tree = well_formed(drawing)
    assert tree is not None
    assert "component 2 has no ellipse: its covariance is not positive definite" in drawing.problems[0]
    outlines = [path for path in tree.iter("path") if path.attrib["class"] == "line student"]
    assert sum("Z" in path.attrib["d"] for path in outlines) == 2


def test_ellipse_holds_95_percent_of_its_component():
    plot = {"means": [[0.0, 0.0]], "covariances": [np.eye(2)], "X": [[-4.0, -4.0], [4.0, 4.0]]}
    (drawing,) = drawings({"clusters": plot})
    tree = well_formed(drawing)
    assert tree is not None
    (outline,) = [
        p.attrib["d"] for p in tree.iter("path") if p.attrib["class"] == "line student" and "Z" in p.attrib["d"]
    ]
    data = next(p.attrib["d"] for p in tree.iter("path") if p.attrib["class"] == "dots data")
    xs = [float(x) for x in re.findall(r"[ML]([\d.]+) ", outline)]
    corners = [float(x) for x in re.findall(r"M([\d.]+) ", data)]
    radius = (max(xs) - min(xs)) / (corners[1] - corners[0]) * 4.0
    assert 1 - np.exp(-(radius**2) / 2) == pytest.approx(0.95, abs=2e-3)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_labels_are_text(hostile):
    (drawing,) = drawings(
        {"samples": {"student": [[0, 1], [2, 3]], "xlabel": hostile, "ylabel": hostile, "title": hostile}}
    )
    tree = well_formed(drawing)
    assert tree is not None
    assert {element.tag for element in tree.iter()} == {"svg", "title", "desc", "path", "text"}


def test_unknown_plots_and_trees_that_are_no_mappings_are_left_out():
    assert drawings({"radar": {"student": [1.0]}, "samples": 3, "log_likelihood": None}) == ()


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-2.45, -1.75), (1, 20), (-1e-9, 1e-9), (1e29, 2e29), (0, 100)])
def test_ticks_are_round_inside_and_told_apart(low, high):
    values = ticks(low, high)
    assert 2 <= len(values) <= 7
    assert all(low - 1e-9 * abs(low) <= v <= high + 1e-9 * abs(high) for v in values)
    assert len({tick_label(v, values[1] - values[0]) for v in values}) == len(values)


def test_tick_labels_have_the_decimals_that_their_step_needs():
    assert [tick_label(v, 0.25) for v in (-0.25, 0.0, 1.0)] == ["−0.25", "0.00", "1.00"]
    assert [tick_label(v, 5) for v in (0.0, 15.0)] == ["0", "15"]
