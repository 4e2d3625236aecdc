"""Kills builds and sweeps at random moments and compares what the next start makes of them.

Run `make stress`, or `python -m tests.stress --kills 10`. It works in a scratch copy, on a sweep
and on a book of two chapters that has all that a chapter may have. With `--whole` it is the real
book, which takes hours.
"""

import argparse
import filecmp
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.book import small_book
from tests.small import ROOT, make

COMPENDIUM = [sys.executable, "-m", "compendium.cli"]
SWEEP = ["sweep", "carbon-lock-in", "price=1:16:1", "--out", "out"]
IGNORED = shutil.ignore_patterns("_build", ".venv", ".git", "out", "vendor", "__pycache__")


def run(command: list[str], root: Path, kill_after: float | None = None) -> float:
    """Run a command in a compendium; with `kill_after` kill it and all it started then."""
    environment = os.environ | {"COMPENDIUM_ROOT": str(root)}
    begin = time.monotonic()
    process = subprocess.Popen(
        command, cwd=root, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        _, errors = process.communicate(timeout=kill_after)
        if process.returncode:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{errors.decode()}")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    return time.monotonic() - begin


def differences(one: Path, two: Path) -> list[str]:
    """Return the files that differ between two folders, or that only one has."""
    compared = filecmp.dircmp(one, two, ignore=[])
    found = [str(Path(one, name)) for name in compared.left_only + compared.right_only]
    _, unequal, broken = filecmp.cmpfiles(one, two, compared.common_files, shallow=False)
    found += [str(Path(one, name)) for name in unequal + broken]
    for name in compared.common_dirs:
        found += differences(one / name, two / name)
    return found


def stress(name: str, command: list[str], root: Path, made: str, kills: int, seed: int) -> int:
    """Kill a command at random moments of its length; return how many results differed."""
    begin = time.monotonic()
    length = run(command, root)
    shutil.copytree(root / made, root / "undisturbed")
    moments, wrong, killed = random.Random(seed), 0, 0
    for number in range(kills):
        if number % 5 == 0:  # from nothing; the other four go on from what the last left
            shutil.rmtree(root / "book/_build", ignore_errors=True)
            shutil.rmtree(root / made, ignore_errors=True)
        spent = run(command, root, kill_after=moments.uniform(0.0, length))
        killed += spent < length
        if number % 5 == 4:
            run(command, root)
            odd = differences(root / "undisturbed", root / made)
            wrong += bool(odd)
            for path in odd[:5]:
                print(f"  differs: {path}")
    minutes = (time.monotonic() - begin) / 60
    print(f"{name}: killed {kills} times in {minutes:.1f} minutes, {kills // 5} finished results "
          f"compared, {wrong} differ", flush=True)  # fmt: skip
    return wrong


def main() -> None:
    """Stress a sweep and a build of the book."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="of each; a multiple of 5")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--whole", action="store_true", help="kill the build of the real book")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        small = make(Path(scratch, "small"))
        wrong = stress("sweep", [*COMPENDIUM, *SWEEP], small, "out", options.kills, options.seed)
        if options.whole:
            book = Path(shutil.copytree(ROOT, Path(scratch, "whole"), ignore=IGNORED))
        else:
            Path(scratch, "two").mkdir()
            book = small_book.write(Path(scratch, "two"))
        build = [*COMPENDIUM, "book"]
        wrong += stress("book", build, book, "book/_build/html", options.kills, options.seed)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
