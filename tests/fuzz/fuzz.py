"""Fuzz one target, or all: guided by coverage where atheris is installed, else by plain damage to good input.

    python -m tests.fuzz.fuzz [TARGET...] [--seconds 120] [--plain] [--seed 1]

Prints how many inputs were tried. An input that breaks a promise is written to ``crash-<target>-<hash>``, and the
exit status is 1.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.mutate import damaged


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--plain", action="store_true", help="never use atheris")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--guided", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.guided:
        guided(given.targets[0], given.seconds, given.seed)
    from tests.fuzz.targets import TARGETS

    if unknown := set(given.targets) - set(TARGETS):
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    found = False
    for name in given.targets or TARGETS:
        if importlib.util.find_spec("atheris") and not given.plain:
            found |= start_guided(name, given.seconds, given.seed)
        else:
            found |= plain(name, given.seconds, given.seed)
    return int(found)


def plain(name: str, seconds: float, seed: int) -> bool:
    """Damage good input until the time is up; whether a promise was broken."""
    from tests.fuzz.targets import TARGETS, seeds

    rng, corpus, target = random.Random(seed), seeds(name), TARGETS[name]
    tried, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = damaged(rng.choice(corpus), rng, corpus)
        tried += 1
        try:
            target(data)
        except Exception as error:  # noqa: BLE001  whatever it is, it is what we look for
            kept = _keep(name, data)
            print(f"{name}: {type(error).__name__} after {tried} inputs: {error}; {kept}")  # noqa: T201
            return True
    print(f"{name}: {tried} damaged inputs, no promise broken")  # noqa: T201
    return False


def start_guided(name: str, seconds: int, seed: int) -> bool:
    """In a process of its own, because libFuzzer ends the one that it runs in."""
    command = [sys.executable, "-m", "tests.fuzz.fuzz", name, "--guided", f"--seconds={seconds}", f"--seed={seed}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = ran.stderr.splitlines()
    done = [line for line in lines if line.startswith(("Done", "stat::", "#")) and ("DONE" in line or "Done" in line)]
    print(f"{name}: {'; '.join(done) or lines[-3:]}")  # noqa: T201
    if ran.returncode:
        print(ran.stdout[-2000:], ran.stderr[-4000:])  # noqa: T201
    return ran.returncode != 0


def guided(name: str, seconds: int, seed: int) -> None:
    """Does not return."""
    import atheris

    with atheris.instrument_imports(include=["grader"]):
        from tests.fuzz.targets import TARGETS, seeds

    target = TARGETS[name]
    target(seeds(name)[0])  # imports and sets up what it needs
    corpus = Path(tempfile.mkdtemp(prefix=f"corpus-{name}-"))
    for number, data in enumerate(seeds(name)):
        (corpus / str(number)).write_bytes(data)
    options = [f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=40000", "-timeout=60", "-rss_limit_mb=2000"]
    atheris.Setup([sys.argv[0], str(corpus), *options], target)
    atheris.Fuzz()


def _keep(name: str, data: bytes) -> Path:
    path = Path(f"crash-{name}-{hashlib.sha256(data).hexdigest()[:12]}")
    path.write_bytes(data)
    return path


if __name__ == "__main__":
    sys.exit(main())
