"""How often each check fails a correct answer.

Random checks: null runs of correct samplers, updates and models, in several styles, judged by the checks themselves.
Exact bounds are those of the checks' docstrings; the upper bounds are Clopper and Pearson's at 95 %, one-sided. Checks
without chance: the worst of correct styles over many seeds. Power guards: how often they run out of tries.

    python benchmarks/false_fail.py [--check NAME ...] [--runs N] [--jobs N]

``--runs`` is the number for the cheap checks (sampling, exact conditional draws); dear ones get a share of it, which
the tables state.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import margins
import moved_draws
import null_digits
import null_draws
import null_fits
import null_streams
import numpy as np
from numpy.typing import NDArray
from rates import LEVEL, Clock, Rate, clopper_pearson, number, over, rubric, table

Array = NDArray[np.float64]
Outcomes = Mapping[str, tuple[Array, int]]
PROBED = 1e-3
"""A p-value that null runs reach often enough to see whether a law holds."""


def joined(parts: Sequence[Outcomes]) -> dict[str, tuple[Array, int]]:
    """Blocks of runs as one."""
    return {
        name: (np.concatenate([part[name][0] for part in parts]), sum(part[name][1] for part in parts))
        for name in parts[0]
    }


# --- random checks with exact laws ----------------------------------------------------------


def sample(runs: int, jobs: int) -> None:
    seventh = LEVEL / 7
    bounds = dict.fromkeys(null_draws.OF_4000, seventh) | {"one_by_one": 0.99 * seventh, "other_sizes": 0.01 * seventh}
    found = joined(over(null_draws.sample_runs, runs, 1000, jobs))
    exact_rows("sample: correct samplers in three styles", {name: (found[name], bounds[name]) for name in bounds})


def conditional_sample(runs: int, jobs: int) -> None:
    total = rubric("conditional_laws").TOTAL
    for way, told in null_draws.WAYS.items():
        count = runs if way == "exact" else max(1, runs // 10)
        found = joined(over(partial(null_draws.conditional_runs, way=way), count, 1000, jobs))
        probes = min(null_draws.PROBES, count)
        bounds = {name: moved_draws.bound(name, probes) if way == "moved" else total for name in found}
        exact_rows(f"conditional_sample: {told}", {name: (found[name], bounds[name]) for name in found})


def exact_rows(title: str, found: Mapping[str, tuple[tuple[Array, int], float | None]]) -> None:
    rows = []
    for name, ((p, failures), bound) in found.items():
        rate = Rate(name, len(p), failures, bound)
        reached = f"{np.mean(p <= PROBED) / PROBED:.2f}"
        rows.append(
            [name, str(rate.runs), str(rate.events), number(bound), number(rate.upper), number(p.min()), reached]
        )
    head = [
        "check",
        "runs",
        "failures",
        "bound",
        "upper 95 %",
        "smallest p",
        f"p <= {PROBED:g}, seen / level",
    ]
    table(title, head, rows)


# --- random checks without ------------------------------------------------------------------


def training(runs: int, jobs: int) -> None:
    starts = rubric("training").STARTS
    count = max(1, runs // 2)
    for tol in (1e-4, 1e-3):
        rows = []
        for style in null_fits.STYLES:
            parts = over(partial(bad_starts, style=style, tol=tol), count, 500, jobs)
            bad, without, useless = (sum(part[i] for part in parts) for i in range(3))
            q, worst = bad / count, clopper_pearson(bad, count)
            row = [style, str(count), str(bad), f"{q:.3f}", number(q**starts), number(worst**starts), str(without)]
            rows.append([*row, number(clopper_pearson(useless, count) ** 3)])
        head = ["start", "starts", "bad", "q", f"q^{starts}", "upper 95 %", "near, no mode", "fits_anew, upper"]
        table(f"training: single starts, tolerance {tol:g}", head, rows)


def bad_starts(seed: int, count: int, style: str, tol: float) -> tuple[int, int, int]:
    return null_fits.bad_starts(null_fits.starts_of(seed, count, style, tol))


def online_update(runs: int, jobs: int) -> None:
    found = {}
    for style in null_streams.STYLES:
        count = max(1, runs // (100 if style.startswith("point") else 10))
        parts = over(partial(null_streams.stream_runs, style=style), count, 100, jobs)
        found |= {(check, style): outcome for check, outcome in joined(parts).items()}
    margin_rows("online_update: streams", found)


def digits(runs: int, _jobs: int) -> None:
    count = max(1, runs // 100)
    found = {}
    for style in null_digits.STYLES:
        parts = [null_digits.digit_runs(0, count, style)]
        found |= {(check, style): outcome for check, outcome in joined(parts).items()}
    margin_rows(f"digits: 500 images each, {null_digits.FITS} fits in turn", found)


def margin_rows(title: str, found: Mapping[tuple[str, str], tuple[Array, int]]) -> None:
    rows = []
    for (check, style), (margin, failures) in sorted(found.items()):
        rate = Rate(check, len(margin), failures)
        rows.append([check, style, str(rate.runs), str(failures), number(rate.upper), *deviations(margin)])
    head = ["check", "style", "runs", "failures", "upper 95 %", "mean", "worst", "deviations to 1"]
    table(f"{title} (statistic over threshold)", head, rows)


def deviations(margin: Array) -> list[str]:
    """Mean and worst margin, and how many standard deviations of its logarithm the threshold is away."""
    logs = np.log(margin[margin > 0])
    spread = float(logs.std()) if len(logs) > 1 else 0.0
    far = f"{-logs.mean() / spread:.1f}" if spread > 0 else "-"
    return [f"{margin.mean():.3f}", f"{margin.max():.3f}", far]


# --- checks without chance ------------------------------------------------------------------


def fixed(runs: int, _jobs: int) -> None:
    seeds = max(1, runs // 50)
    found: dict[tuple[str, str], Array] = {}
    for part in (margins.e_step_margins, margins.m_step_margins, margins.classifier_margins):
        found |= part(seeds)
    rows = [
        [check, style, str(len(margin)), f"{margin.max():.3f}", str(int(np.sum(margin > 1)))]
        for (check, style), margin in found.items()
    ]
    table(
        "checks without chance: correct styles (statistic over threshold)",
        ["check", "style", "seeds", "worst", "above 1"],
        rows,
    )


def guards(runs: int, jobs: int) -> None:
    seeds = max(1, runs // 500)
    rows = []
    for ask in margins.guarded_asks():
        parts = over(partial(guarded, ask=ask), seeds, 50, jobs)
        tries = [count for part in parts for count, _ in part]
        given_up = Counter(near for part in parts for _, near in part if near)
        near = ", ".join(f"{name} {times}" for name, times in given_up.most_common(3))
        rows.append([ask, str(seeds), f"{np.mean(tries):.2f}", str(max(tries)), str(given_up.total()), near])
    table("power guards", ["question", "seeds", "draws, mean", "most", "gave up", "too near"], rows)


def guarded(seed: int, count: int, ask: str) -> list[tuple[int, str]]:
    return margins.guarded(ask, range(seed, seed + count))


CHECKS: dict[str, Callable[[int, int], None]] = {
    "sample": sample,
    "conditional_sample": conditional_sample,
    "online_update": online_update,
    "training": training,
    "digits": digits,
    "fixed": fixed,
    "guards": guards,
}


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    made.add_argument("--check", nargs="+", choices=[*CHECKS], default=[*CHECKS], help="by default all")
    made.add_argument("--runs", type=int, default=100_000, help="null runs of the cheap checks (default 100000)")
    made.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    return made


def main(words: Sequence[str] | None = None) -> None:
    """Measure what is asked for and print the tables."""
    given = parser().parse_args(words)
    for name in given.check:
        clock = Clock()
        CHECKS[name](given.runs, given.jobs)
        print(f"({clock} of processor time)" if given.jobs == 1 else "", flush=True)


if __name__ == "__main__":
    main()
