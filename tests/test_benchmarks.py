"""The statistical benchmarks run, print what the documents quote, and train as the reference does."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from grader import laws
from reference.activity09 import GMM

ROOT = Path(__file__).parent.parent


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """A module of benchmarks/ by its name."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


def cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def rows(printed: str, first: str) -> list[list[str]]:
    """The rows of the printed tables whose first column begins like this."""
    return [cells(line) for line in printed.splitlines() if line.startswith(first)]


# --- tables ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "runs", "first", "count"),
    [
        ("sample", 20, "frequencies", 1),
        ("conditional_sample", 10, "given_two", 3),
        ("online_update", 10, "learns", 8),
    ],
)
def test_false_fail_tells_runs_failures_and_bounds(load, capsys, check: str, runs: int, first: str, count: int) -> None:
    load("false_fail").main(["--check", check, "--runs", str(runs)])
    printed = capsys.readouterr().out
    found = rows(printed, first)
    assert len(found) == count
    assert "failures" in printed
    assert "upper 95 %" in printed


def test_null_runs_of_sample_do_not_fail_and_stand_beside_their_exact_bound(load, capsys) -> None:
    load("false_fail").main(["--check", "sample", "--runs", "30"])
    printed = capsys.readouterr().out
    for name in (*load("null_draws").OF_4000, "one_by_one"):
        ((_, runs, failures, bound, upper, *_),) = rows(printed, name)
        assert (runs, failures) == ("30", "0")
        assert 0 < float(bound) <= 1e-6 / 7 + 1e-9
        assert float(upper) == pytest.approx(1 - 0.05 ** (1 / 30), rel=0.01)


def test_training_tells_the_share_of_bad_starts_of_every_style(load, capsys) -> None:
    load("false_fail").main(["--check", "training", "--runs", "40"])
    printed = capsys.readouterr().out
    for style in load("null_fits").STYLES:
        found = rows(printed, style)
        assert len(found) == 2
        assert all(row[1] == "20" and 0 <= float(row[3]) <= 1 for row in found)


def test_checks_without_chance_and_guards_are_told(load, capsys) -> None:
    load("false_fail").main(["--check", "fixed", "guards", "--runs", "100"])
    printed = capsys.readouterr().out
    assert all(float(row[3]) <= 1 for row in rows(printed, "m_step."))
    assert len(rows(printed, "m_step.")) == 8
    assert rows(printed, "parameters_small")


@pytest.mark.parametrize("item", ["conditional_sample", "little"])
def test_power_tells_what_is_caught(load, capsys, item: str) -> None:
    load("power").main(["--item", item, "--seeds", "1", "--all"])
    printed = capsys.readouterr().out
    found = rows(printed, "conditional_sample.") if item != "little" else rows(printed, "noise")
    assert len(found) >= 6
    assert all(row[-3] == "1" for row in found)


def test_digits_are_judged_by_the_rubric_itself(load) -> None:
    outcome = load("null_digits").digit_runs(0, 1, "raw pixels, K = 30, diagonal")
    assert {name: failures for name, (_, failures) in outcome.items()} == {"recognisable": 0, "varied": 0}
    assert all(0 < margins[0] < 1 for margins, _ in outcome.values())


# --- the bulk versions do what the plain ones do --------------------------------------------


def few(load, count: int = 3):
    fits = load("null_fits")
    X, truth = fits.data_sets(np.random.default_rng(1), count)
    return X, truth, fits.STYLES["random points, data covariance"](np.random.default_rng(2), X)


def plain(start, index: int) -> GMM:
    gmm = GMM(n_components=3)
    gmm.weights, gmm.means, gmm.covariances = start.weights[index], start.means[index], start.covariances[index]
    return gmm


def test_em_in_bulk_is_the_references(load) -> None:
    em = load("em_in_bulk")
    X, _, start = few(load)
    R, likelihoods = em.e_step(X, start)
    fitted = em.m_step(X, R)
    for index, points in enumerate(X):
        gmm = plain(start, index)
        assert gmm.log_likelihood(points) == pytest.approx(likelihoods[index], abs=1e-12)
        np.testing.assert_allclose(R[:, index].T, gmm._e_step(points), atol=1e-12)
        gmm._m_step(points, gmm._e_step(points))
        np.testing.assert_allclose(fitted.covariances[index], gmm.covariances, atol=1e-12)
        np.testing.assert_allclose(fitted.means[index], gmm.means, atol=1e-12)


def test_fits_in_bulk_stop_where_the_reference_stops(load, monkeypatch: pytest.MonkeyPatch) -> None:
    em = load("em_in_bulk")
    X, _, start = few(load)
    fitted, likelihoods = em.fit(X, start)
    for index, points in enumerate(X):
        gmm = plain(start, index)
        monkeypatch.setattr(gmm, "_initialise", lambda _X: None)
        gmm.fit(points)
        assert gmm.log_likelihoods[-1] == pytest.approx(likelihoods[index], abs=1e-10)
        np.testing.assert_allclose(fitted.means[index], gmm.means, atol=1e-8)


def test_streams_in_bulk_are_the_references(load) -> None:
    streams = load("null_streams")
    course = load("rates").rubric("online_update").course(np.random.default_rng(3))
    start = streams.Mixtures(*(course["start"][piece][None] for piece in streams.PIECES))
    end, _ = streams.followed(start, course["batches"][None, :40], course["only_one"][None], next(iter(streams.STYLES)))
    gmm = plain(start, 0)
    for batch in course["batches"][:40]:
        gmm.online_update(batch)
    np.testing.assert_allclose(end.means[0], gmm.means, atol=1e-4)
    np.testing.assert_allclose(end.covariances[0], gmm.covariances, atol=1e-4)


# --- rates ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("events", "runs", "upper"), [(0, 100_000, 2.9957e-5), (3, 100, 0.0757), (5, 5, 1.0)])
def test_the_upper_bound_is_clopper_and_pearsons(load, events: int, runs: int, upper: float) -> None:
    assert load("rates").clopper_pearson(events, runs) == pytest.approx(upper, rel=1e-3)


@pytest.mark.parametrize("p", [0.5, 1e-3, 1e-9])
def test_a_margin_gives_its_p_value_back(load, p: float) -> None:
    rates: ModuleType = load("rates")
    assert rates.p_of_deviate(laws.deviation(p) / laws.deviation(1e-7), 1e-7) == pytest.approx(p, rel=1e-6)


def test_every_random_check_is_told_of_in_the_document(load) -> None:
    text = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    false_fail, power = load("false_fail"), load("power")
    named = [*load("null_draws").OF_4000, *load("null_draws").TESTS, *load("null_streams").CHECKED, *power.SHARES]
    assert [name for name in named if f"`{name}`" not in text] == []
    assert [style for style in load("null_fits").STYLES if style not in text] == []
    commands = re.findall(r"^python benchmarks/(\w+)\.py ?(.*)$", text, re.MULTILINE)
    assert {script for script, _ in commands} == {"false_fail", "power"}
    for script, words in commands:
        options = words.split("#")[0].split()
        given = (false_fail if script == "false_fail" else power).parser().parse_args(options)
        assert given.jobs == 1
