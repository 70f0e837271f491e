"""How often the checks of random answers catch what is wrong: every catalogued mistake, and samplers a little off.

A mistake is caught where its item loses points. It is asked what a submission is asked, by the exam itself, and judged
by the item's own checks with the rubric's thresholds; each seed draws new inputs.

    python benchmarks/power.py [--item NAME ...] [--seeds N] [--jobs N] [--all]

``--seeds`` is the number for `sample`; the others, which are dearer, get a share of it, which the tables state.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import null_draws
import numpy as np
from numpy.typing import NDArray
from rates import Clock, Rate, assignment, failed, found, number, over, rubric, seeded, table

from grader.assignment import Assignment
from grader.exam import Exam, prepare
from grader.judge import judge
from grader.model import Recording, Submission
from grader.rubric import MistakeDef

Array = NDArray[np.float64]
WANTED = 0.999
SHARES = {"sample": 1, "conditional_sample": 1, "online_update": 10, "training": 20, "digits": 100}
"""Item -> its seeds are the number asked for over this."""


@cache
def only(item: str) -> Assignment:
    """The assignment with this item alone, with all that its checks ask, resting on no other item."""
    whole = assignment()
    kept = next(one for one in whole.spec.items if one.id == item).model_copy(update={"needs": ()})
    checks = {key: made for key, made in whole.checks.items() if made.item == item}
    asks = {ask.id: ask for made in checks.values() for ask in made.all_asks}
    mistakes = tuple(one for one in whole.mistakes_of(item) if not one.composite and one.outcome is None)
    spec = whole.spec.model_copy(update={"items": (kept,)})
    return replace(whole, spec=spec, asks=asks, checks=checks, mistakes=mistakes)


def caught_by(exam: Exam, mistake: MistakeDef) -> str:
    """The first check with points that the mistake fails, or nothing."""
    answers = {ask.id: exam.mistaken(mistake, ask.id) for ask in exam.paper.asks}
    # Without a catalogue to look in, nothing is named: that is not what is counted here, and costs most of the time.
    nameless = replace(exam, assignment=replace(exam.assignment, mistakes=()))
    report = judge(nameless, Submission("power", "power", ""), Recording("power", "", answers=answers))
    (item,) = report.items
    return next((one.id for one in item.checks if one.points < one.max_points), "")


def mistakes_over(seed: int, count: int, item: str) -> dict[str, list[str]]:
    """Mistake -> the check that caught it at each seed."""
    tallies: dict[str, list[str]] = {one.id: [] for one in only(item).mistakes}
    for run in range(seed, seed + count):
        exam = prepare(only(item), f"power-{run}")
        for mistake in exam.assignment.mistakes:
            tallies[mistake.id].append(caught_by(exam, mistake))
    return tallies


def catalogue(item: str, seeds: int, jobs: int, everything: bool) -> list[Rate]:
    """Print how often each mistake of the item was caught; all of them, or those that were not always."""
    parts = over(partial(mistakes_over, item=item), seeds, max(1, min(10, seeds // max(1, jobs))), jobs)
    rates, rows = [], []
    for one in only(item).mistakes:
        checks = [check for part in parts for check in part[one.id]]
        rate = Rate(one.id, len(checks), sum(bool(check) for check in checks))
        rates.append(rate)
        if everything or rate.events < rate.runs:
            rows.append([one.id, str(rate.runs), f"{rate.events / rate.runs:.4f}", number(rate.lower)])
    always = sum(rate.events == rate.runs for rate in rates)
    title = f"{item}: {len(rates)} catalogued mistakes, {seeds} seeds each; {always} of them caught every time"
    if rows:
        table(title, ["mistake", "seeds", "caught", "lower 95 %"], rows)
    else:
        print(f"\n{title}")
    return rates


# --- samplers a little off ------------------------------------------------------------------


@dataclass(frozen=True)
class Off:
    """What is off about a sampler: everything else is right."""

    noise: float = 1.0
    """Factor on the standard deviations."""
    shift: float = 0.0
    """Of every mean along the first axis, in that axis' standard deviations."""
    heaviest: float = 1.0
    """Factor on the largest weight."""

    def mixture(self, params: Mapping[str, Array]) -> dict[str, Array]:
        means = params["means"].copy()
        means[:, 0] += self.shift * np.sqrt(params["covariances"][:, 0, 0])
        weights = params["weights"].copy()
        weights[weights.argmax()] *= self.heaviest
        return {
            "weights": weights / weights.sum(),
            "means": means,
            "covariances": self.noise**2 * params["covariances"],
        }


LITTLE: dict[str, Off] = {f"noise {100 * (f - 1):+.0f} %": Off(noise=f) for f in (0.8, 0.9, 0.95, 1.05, 1.1, 1.2)}
LITTLE |= {f"means {100 * s:.0f} % of a deviation off": Off(shift=s) for s in (0.05, 0.1, 0.2)}
LITTLE |= {f"largest weight {100 * (f - 1):+.0f} %, before norming": Off(heaviest=f) for f in (1.1, 1.2, 1.5)}


def off_over(seed: int, count: int, name: str) -> list[str]:
    """The first check of `sample` that catches the sampler, at each seed."""
    caught = []
    for run in range(seed, seed + count):
        rng = seeded(12, run)
        params = rubric("shared").separated(rng, 2, 3)
        points = null_draws.drawn(rng, LITTLE[name].mixture(params), rubric("sample").N, null_draws.STYLES[0])
        answer, inputs = {"points": points, "shape": np.array(points.shape)}, {"params": params}
        failing = (c for c in null_draws.OF_4000 if failed(found("sample", c, answer=answer, inputs=inputs)))
        caught.append(next(failing, ""))
    return caught


def little_off(seeds: int, jobs: int) -> None:
    rows = []
    for name in LITTLE:
        checks = [one for part in over(partial(off_over, name=name), seeds, 250, jobs) for one in part]
        rate = Rate(name, seeds, sum(bool(check) for check in checks))
        rows.append([name, str(seeds), f"{rate.events / seeds:.3f}", number(rate.lower)])
    table("sample: samplers a little off", ["what is off", "seeds", "caught", "lower 95 %"], rows)


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    made.add_argument(
        "--item", nargs="+", choices=[*SHARES, "little"], default=[*SHARES, "little"], help="by default all"
    )
    made.add_argument("--seeds", type=int, default=1000, help="seeds of the cheap items (default 1000)")
    made.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    made.add_argument("--all", action="store_true", help="list the mistakes that were always caught too")
    return made


def main(words: Sequence[str] | None = None) -> None:
    """Measure what is asked for and print the tables."""
    given = parser().parse_args(words)
    rates: list[Rate] = []
    for item in given.item:
        clock = Clock()
        if item == "little":
            little_off(given.seeds, given.jobs)
        else:
            rates += catalogue(item, max(1, given.seeds // SHARES[item]), given.jobs, given.all)
        print(f"({clock} of processor time)" if given.jobs == 1 else "", flush=True)
    weak = [f"{one.name} ({one.events / one.runs:.3f})" for one in rates if one.events < WANTED * one.runs]
    if rates:
        print(f"\nBelow {WANTED}: {', '.join(weak) or 'none'}")


if __name__ == "__main__":
    main()
