"""Time of `make book`: everything anew, and with nothing changed.

Run `python -m tests.bench.book`. It empties the build folder first.
"""

import shutil
import subprocess
import time

from compendium import paths, publish
from tests.bench.machine import machine


def make_book() -> float:
    """Return the wall time of one `make book`."""
    begin = time.perf_counter()
    subprocess.run(["make", "book"], cwd=paths.root(), check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    """Print the two times."""
    print(machine())
    shutil.rmtree(paths.build(), ignore_errors=True)
    count = len(publish.published_runs())
    whole = make_book()
    again = min(make_book() for _ in range(3))
    print(f"make book, {count} notebooks, warm environment: {whole:.1f} s")
    print(f"make book, nothing changed: {again:.1f} s (target 8)")


if __name__ == "__main__":
    main()
