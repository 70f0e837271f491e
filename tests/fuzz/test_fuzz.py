"""Every target with some damaged input at each run of the tests; `tests.fuzz.fuzz` does it for longer."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import damaged
from tests.fuzz.targets import TARGETS, seeds

ROOT = Path(__file__).parents[2]
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", TARGETS)
def test_good_input_is_good(name: str) -> None:
    assert seeds(name)
    for data in seeds(name):
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
@SLOW
@given(st.randoms(use_true_random=False))
def test_damaged_input_breaks_no_promise(name: str, rng: random.Random) -> None:
    corpus = seeds(name)
    TARGETS[name](damaged(rng.choice(corpus), rng, corpus))


@pytest.mark.parametrize("name", TARGETS)
@SLOW
@given(st.binary(max_size=400))
def test_any_bytes_break_no_promise(name: str, data: bytes) -> None:
    TARGETS[name](data)


def test_the_long_run_prints_its_counts() -> None:
    command = [sys.executable, "-m", "tests.fuzz.fuzz", "wire", "--plain", "--seconds", "1"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "damaged inputs, no promise broken" in ran.stdout
