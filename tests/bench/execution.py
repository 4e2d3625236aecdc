"""Notebooks a minute and memory: ours, papermill in a loop, and Jupyter Book executing by itself.

Run `python -m tests.bench.execution`. All do the same light notebook of five cells with other
parameters each time; wall time, everything idle besides.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.machine import machine
from tests.small import CELLS, make, notebook_text

POINTS = 10
LONG = 1000
PAPERMILL = str(Path(sys.executable).with_name("papermill"))
JUPYTER_BOOK = str(Path(sys.executable).with_name("jupyter-book"))


def seconds(command: list[str], cwd: Path) -> float:
    """Return the wall time of a command that must succeed."""
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - begin


def papermill_loop(root: Path, points: int) -> float:
    """Return the seconds a notebook of papermill called once for each."""
    notebook = "carbon-lock-in.ipynb"
    times = [
        seconds([PAPERMILL, notebook, f"out-{i}.ipynb", "-p", "price", str(i + 1)],
                root / "notebooks")
        for i in range(points)
    ]  # fmt: skip
    return statistics.mean(times)


def sweep(root: Path, points: int, offset: int) -> float:
    """Return the seconds of a whole sweep, with its start."""
    axis = f"price={offset}:{offset + points - 1}:1"
    words = ["sweep", "carbon-lock-in", axis, "--out", f"out-{offset}"]
    return seconds([sys.executable, "-m", "compendium.cli", *words], root)


def overhead(root: Path) -> tuple[float, float]:
    """Return the seconds around one warm notebook, one after another, and its cells' own."""
    program = """
import time
from compendium import execution, runs
def once(price):
    plan = execution.plans([runs.Run("carbon-lock-in", "x", "", {"price": price})])[0]
    begin = time.perf_counter(); execution.run_notebook(plan); return time.perf_counter() - begin
once(2901.0)
print(sorted(once(2902.0 + i) for i in range(7))[3])
"""
    environment = os.environ | {"COMPENDIUM_ROOT": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    cells = "".join(f"\n{source}" for kind, source, _ in CELLS if kind == "code")
    inner = f"""
import time, sys
sys.argv = ["x"]
from compendium import chapter, claim, load, result
import xarray, pandas, altair, compendium.charts, compendium.records, compendium.units
compendium.units.registry(); xarray.DataArray([1.0], dims="x").quantile(0.5)
begin = time.perf_counter()
exec({cells!r}, globals())
print(time.perf_counter() - begin)
"""
    own = subprocess.run(
        [sys.executable, "-c", inner], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout), float(own.stdout.split()[-1])


def jupyter_book(root: Path, pages: int) -> float:
    """Return the seconds a notebook when Jupyter Book executes a book of copies."""
    book = root / "by-itself"
    book.mkdir()
    for i in range(pages):
        cells = [(k, s.replace("= 100 ", f"= {i + 1} "), t) for k, s, t in CELLS]
        (book / f"page-{i}.ipynb").write_text(notebook_text(cells))
    (book / "_config.yml").write_text("title: Bench\nexecute:\n  execute_notebooks: force\n")
    chapters = "".join(f"- file: page-{i}\n" for i in range(1, pages))
    (book / "_toc.yml").write_text(f"format: jb-book\nroot: page-0\nchapters:\n{chapters}")
    return seconds([JUPYTER_BOOK, "build", str(book)], root) / pages


def main() -> None:
    """Print the table."""
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        root = make(Path(scratch, "small"))
        os.environ["COMPENDIUM_ROOT"] = str(root)
        base = papermill_loop(root, 4)
        book = jupyter_book(root, 6)
        short = sweep(root, POINTS, 1)
        long = sweep(root, LONG, 1001)
        again = sweep(root, LONG, 1001)
        one, cells = overhead(root)
        rate = (long - short) / (LONG - POINTS)
        rows = [
            ("papermill in a loop", base, 1.0),
            ("jupyter-book executing by itself", book, base / book),
            (f"sweep of {POINTS}, start included", short / POINTS, base * POINTS / short),
            (f"sweep of {LONG}, start included", long / LONG, base * LONG / long),
            (f"sweep, each further point up to {LONG}", rate, base / rate),
            (f"the same sweep of {LONG} again, from the store", again / LONG, base * LONG / again),
            ("one notebook after another, warm", one, base / one),
        ]
        print(f"{'work':48} {'s a notebook':>12} {'times faster':>12}")
        for name, cost, ratio in rows:
            print(f"{name:48} {cost:12.3f} {ratio:12.1f}")
        print(f"beyond the cells' own {cells:.2f} s: {one - cells:.2f} s a notebook (target 0.5)")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"largest process: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
