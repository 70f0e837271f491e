"""Reports as a run would make them, for the tests of pages and exports."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from grader.model import CheckResult, ItemResult, Report, Status, Submission, Tree, Verdict

ITEMS = (
    ("runs", "The notebook runs", 5),
    ("e_step", "TODO 1: E-step", 15),
    ("m_step", "TODO 2: M-step", 15),
    ("sample", "TODO 3: sampling", 15),
    ("training", "Training on three clusters", 10),
    ("discriminative", "TODO 4a: discriminative model", 5),
    ("generative", "TODO 4b: generative model", 5),
    ("interpolate", "TODO 5a: latent interpolation", 10),
    ("arithmetic", "TODO 5b: latent arithmetic", 5),
    ("visualisations", "Visualisations", 10),
    ("reflection", "Reflection", 5),
    ("bic", "Extension: BIC", 5),
    ("digits", "Extension: GMM on digits", 5),
    ("conditional_sample", "Extension: conditional sampling", 5),
    ("online_update", "Extension: online update", 5),
)
EXTENSIONS = frozenset(("bic", "digits", "conditional_sample", "online_update"))
HOSTILE = (
    "</title></style></script><script>document.title='hacked'</script>",
    "<img src=x onerror=\"document.title='hacked'\">",
    "' onmouseover='document.title=1' \" autofocus onfocus=alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    '=HYPERLINK("http://example.invalid")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "::set-output name=result::stolen\n::error::forged\n##[error]forged",
    "| a | b |\n|---|---|\n[link](javascript:alert(1)) ![x](http://example.invalid/x.png) `code` $x$",
    "lone surrogate \ud800, NUL \x00, bell \x07, escape \x1b[2J\x1b]0;title\x07",
    "right\u202eto\u202cleft, تعلّم الآلة, 混合高斯模型, Обучение, 🧪",
    "x" * 20_000,
)


def check(ident: str, title: str, verdict: Verdict, points: float, most: float, **more: object) -> CheckResult:
    return CheckResult(ident, title, verdict, points, most, **more)  # type: ignore[arg-type]


@cache
def sample_report() -> Report:
    """A report with nearly everything in it that a page may have to show."""
    items = tuple(
        ItemResult(
            ident,
            title,
            sum(one.points for one in checks),
            float(most),
            verdict,
            checks,
            ident in EXTENSIONS,
            _ASKED.get(ident, f"What the activity asks for in “{title}”."),
            notes,
        )
        for (ident, title, most), (verdict, checks, notes) in zip(ITEMS, _outcomes(), strict=True)
    )
    return scored(
        Report(
            assignment="activity09",
            title="Activity 09: introduction to generative models",
            submission=Submission("student-01", "student-01.ipynb", "5f2b" * 16, "Student 01"),
            status=Status.GRADED,
            items=items,
            score=None,
            max_score=100.0,
            bonus=None,
            percent=None,
            passed=None,
            pass_mark=70.0,
            seed=None,
            sandbox=("namespaces", "landlock", "seccomp", "cgroup: memory, pids"),
            versions={"python": "3.11.7", "numpy": "2.4.6", "scipy": "1.17.1", "grader": "0.1.0"},
            advice=(
                "TODO 1: E-step: You left the mixture weights out: multiply each density by its weight first.",
                "TODO 3: sampling: Your code raised ValueError: probabilities do not sum to 1.",
                "TODO 5a: latent interpolation: the path has 9 points where 10 were asked for.",
            ),
            notices=(
                "Cell 14 printed more than 200 000 bytes: the rest was cut off.",
                "`google.colab` is not on this machine, so cell 2 was passed over. This costs no points.",
            ),
            plots=sample_plots(),
        )
    )


def scored(report: Report) -> Report:
    """The report with its score added up from its items."""
    base = sum(item.points for item in report.items if not item.extension)
    bonus = sum(item.points for item in report.items if item.extension)
    percent = min(100.0, base + bonus)
    return replace(report, score=base, bonus=bonus, percent=percent, passed=percent >= report.pass_mark)


def harness_report() -> Report:
    """A submission that the grader itself failed on."""
    report = sample_report()
    told = "The grader itself failed here, so there is no score."
    items = tuple(
        replace(
            item,
            points=0.0,
            verdict=Verdict.HARNESS,
            checks=(check("harness", "The grader's own fault", Verdict.HARNESS, 0, item.max_points, message=told),),
        )
        for item in report.items
    )
    return replace(
        report,
        submission=replace(report.submission, id="student-13", path="student-13.ipynb", student="Student 13"),
        status=Status.HARNESS_ERROR,
        items=items,
        score=None,
        bonus=None,
        percent=None,
        passed=None,
        harness_error="The worker's socket closed before it greeted.",
        advice=(),
        plots={},
    )


def hostile_report(text: str = HOSTILE[0]) -> Report:
    """The sample with ``text`` in every field that a student can reach."""
    report = sample_report()
    items = tuple(
        replace(
            item,
            title=item.title + text,
            asked=text,
            notes=(text,),
            checks=tuple(
                replace(one, title=text, message=text, hint=text, diagnosis_text=text, needs_review=True)
                for one in item.checks
            ),
        )
        for item in report.items
    )
    return replace(
        report,
        title=text,
        submission=Submission(text, text, text, text),
        items=items,
        sandbox=(text,),
        versions={text: text},
        advice=(text,),
        notices=(text,),
        plots={
            "log_likelihood": {"student": text, "title": text, "ylabel": text},
            "samples": {"student": [[0.0, 1.0], [2.0, 3.0]], "title": text, "xlabel": text},
            "clusters": {"means": [text], "covariances": text},
            "figures": [
                {"cell": text, "mime": text, "data": text},
                {"cell": 3, "data": png(), "axes": [{"title": text}]},
            ],
        },
    )


def class_reports(size: int = 36) -> tuple[Report, ...]:
    """A class whose members lose different items, and one that the grader failed on."""
    rng = np.random.default_rng(9)
    reports: list[Report] = []
    for number in range(1, size + 1):
        skill = rng.normal(1.1, 1.0)
        items = tuple(_attempt(item, skill, rng) for item in sample_report().items)
        name = f"student-{number:02d}"
        submission = Submission(name, f"{name}.ipynb", f"{number:064x}", f"Student {number:02d}")
        reports.append(scored(replace(sample_report(), submission=submission, items=items, plots={})))
    reports[12:13] = [harness_report()]
    return tuple(reports)


def _attempt(item: ItemResult, skill: float, rng: np.random.Generator) -> ItemResult:
    hard = -1.2 if item.extension else 0.0
    share = float(np.clip(np.round((skill + hard + rng.normal(0.3, 0.8)) * 2) / 2, 0, 1))
    verdict = Verdict.PASS if share == 1 else Verdict.PARTIAL if share else Verdict.FAIL
    if verdict is Verdict.FAIL and (item.extension or rng.random() < 0.2):
        verdict = Verdict.MISSING
    named = verdict in (Verdict.FAIL, Verdict.PARTIAL) and item.id in ("e_step", "m_step", "sample")
    told = ("weights_left_out", "no_determinant", "uniform_choice")[int(rng.integers(3))]
    made = check(
        "match_reference",
        "Matches the reference",
        verdict,
        share * item.max_points,
        item.max_points,
        diagnosis=f"{item.id}.{told}" if named else None,
        diagnosis_text=f"You left something out ({told.replace('_', ' ')})." if named else "",
        needs_review=item.id == "reflection" and verdict is not Verdict.PASS,
    )
    return replace(item, points=made.points, verdict=verdict, checks=(made,))


_ASKED = {
    "e_step": "`GMM._e_step(X)` returns the responsibilities, shape `(n_samples, n_components)`: the posterior "
    "probability of each component for each point, from the current weights, means and covariances. Rows sum to 1.",
    "sample": "`GMM.sample(n_samples)` returns `(n_samples, n_features)` new points: for each, a component chosen with "
    "probability `weights[k]`, then a draw from N(`means[k]`, `covariances[k]`).",
    "reflection": "A markdown cell with a reflection of 3 to 5 sentences in your own words.",
}

_Outcome = tuple[Verdict, tuple[CheckResult, ...], tuple[str, ...]]


def _outcomes() -> tuple[_Outcome, ...]:
    """Verdict, checks and notes per item, in the order of `ITEMS`."""

    def passed(most: float, *titles: str) -> _Outcome:
        each = most / len(titles)
        return Verdict.PASS, tuple(check(f"c{n}", t, Verdict.PASS, each, each) for n, t in enumerate(titles)), ()

    e_step = (
        check("shape", "Responsibilities have one row per point", Verdict.PASS, 3, 3, public=True),
        check(
            "rows_sum_to_one",
            "Each row of the responsibilities sums to 1",
            Verdict.FAIL,
            0,
            4.5,
            message="Rows should sum to 1; yours sum to between 0.31 and 0.58.\n\n"
            "  row   obtained   expected   difference\n"
            "    0      0.412      1.000        0.588\n"
            "    1      0.310      1.000        0.690\n"
            "    7      0.577      1.000        0.423",
            hint="Divide by the sum over components: `r / r.sum(axis=1, keepdims=True)`.",
            public=True,
        ),
        check(
            "match_reference",
            "Responsibilities are the posterior probabilities",
            Verdict.PARTIAL,
            1.5,
            7.5,
            message="200 responsibilities were compared with the posterior; 131 of them are further than 0.01 away.",
            hint="Look at the line that multiplies weights and densities.",
            diagnosis="e_step.weights_left_out",
            diagnosis_text="You left the mixture weights out: multiply each density by its weight first.",
        ),
    )
    sample = (
        check(
            "draws",
            "Samples follow the mixture",
            Verdict.ERROR,
            0,
            15,
            message="Your code raised ValueError: probabilities do not sum to 1.",
            hint="Look in cell 9, line 12: `k = np.random.choice(self.n_components, p=self.pi)`",
        ),
    )
    blocked = (
        check("loglik", "The log-likelihood never falls", Verdict.PASS, 4, 4),
        check(
            "modes",
            "All three modes are found",
            Verdict.BLOCKED,
            0,
            6,
            message="Mend “TODO 1: E-step” first: this rests on it. One of three modes has no component near it.",
        ),
    )
    late = check(
        "path",
        "Interpolated points lie evenly on the line",
        Verdict.TIMEOUT,
        0,
        10,
        message="Your code gave no answer within 20 seconds.",
        hint="Look for a loop that does not end.",
    )
    reflection = check(
        "sentences",
        "Three to five sentences of your own",
        Verdict.PASS,
        5,
        5,
        message="Seven sentences were found where three to five were asked for.",
        needs_review=True,
    )
    missing = check(
        "defined", "The function is defined", Verdict.MISSING, 0, 5, message="`online_update` is not defined."
    )
    return (
        passed(5, "Every cell runs"),
        (Verdict.PARTIAL, e_step, ("Found your means under `mu` and your weights under `pi`.",)),
        passed(15, "Weights are the shares", "Means are weighted averages", "Covariances are weighted"),
        (Verdict.ERROR, sample, ()),
        (Verdict.BLOCKED, blocked, ()),
        passed(5, "Predictions agree with logistic regression"),
        passed(5, "Predictions agree with Gaussian naive Bayes"),
        (Verdict.TIMEOUT, (late,), ()),
        passed(5, "Decodes base plus attribute"),
        passed(10, "Pictures are drawn", "All five kinds are there"),
        (Verdict.PASS, (reflection,), ()),
        passed(5, "The criterion's value is right"),
        (
            Verdict.FAIL,
            (check("variety", "Samples cover the digits", Verdict.FAIL, 0, 5, message="3 of 10 digits."),),
            (),
        ),
        passed(5, "The known coordinates are held"),
        (Verdict.MISSING, (missing,), ()),
    )


@cache
def sample_plots() -> dict[str, Tree]:
    """Drawings of an imperfect fit beside a good one."""
    rng = np.random.default_rng(3)
    means = np.array([[2.1, 3.5], [5.8, 1.2], [1.5, 8.7]])
    shapes = np.array([[[0.6, 0.2], [0.2, 0.5]], [[0.8, -0.3], [-0.3, 0.4]], [[0.5, 0.0], [0.0, 0.9]]])
    data = np.concatenate([rng.multivariate_normal(m, s, 120) for m, s in zip(means, shapes, strict=True)])
    steps = np.arange(20)
    reference = -1.75 - 0.7 * np.exp(-steps / 4)
    student = -1.98 - 0.6 * np.exp(-steps[:14] / 3)
    student[9] -= 0.11
    mine = means + np.array([[0.7, -0.2], [-0.4, 0.6], [0.1, -0.9]])
    drawn = np.concatenate([rng.multivariate_normal(m, 1.6 * s, 120) for m, s in zip(mine, shapes, strict=True)])
    return {
        "log_likelihood": {"item": "training", "student": student.tolist(), "reference": reference},
        "clusters": {
            "item": "training",
            "X": data,
            "means": mine,
            "covariances": shapes * 1.7,
            "weights": np.array([0.31, 0.36, 0.33]),
            "reference_means": means,
            "reference_covariances": shapes,
        },
        "samples": {"item": "sample", "student": drawn, "reference": data[:360]},
        "figures": [
            {
                "cell": 11,
                "mime": "image/png",
                "data": png(),
                "axes": [{"title": "Fitted clusters", "xlabel": "x1", "ylabel": "x2", "points": 360, "lines": 3}],
            },
            {"cell": 12, "mime": "image/png", "data": png("samples")},
            {"cell": 15, "mime": "image/svg+xml", "data": b"<svg onload='document.title=1'/>"},
        ],
    }


@cache
def png(title: str = "clusters") -> bytes:
    """A picture as a notebook would make it."""
    rng = np.random.default_rng(1)
    figure = Figure(figsize=(5, 3.4))
    axes = figure.add_subplot()
    axes.scatter(*rng.normal(size=(2, 200)), s=9)
    axes.set(title=title, xlabel="x1", ylabel="x2")
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out)
    return out.getvalue()
