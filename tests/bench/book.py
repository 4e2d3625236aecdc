"""Time of `make book`: everything anew, with nothing changed, and for the first three chapters.

Run `python -m tests.bench.book`, or with `three` after it for the last alone. It empties the build
folder first.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from compendium import paths, publish
from tests.bench.machine import machine

FIRST = ("carbon-lock-in", "cost-gaps", "material-efficiency")


def make_book(**variables: str) -> float:
    """Return the wall time of one `make book`."""
    begin = time.perf_counter()
    done = subprocess.run(
        ["make", "book"],
        cwd=paths.root(),
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"make book failed:\n{done.stderr[-3000:]}")
    return time.perf_counter() - begin


def three_chapters(root: Path) -> Path:
    """Copy the compendium without all chapters but the first three, and what speaks of them."""
    for name in ("book", "data", "lib", "notebooks"):
        left_out = shutil.ignore_patterns("_build", "vendor", "__pycache__")
        shutil.copytree(paths.root() / name, root / name, ignore=left_out)
    for file in ("_config.yml", "pyproject.toml", "requirements.lock", "LICENSE", "CITATION.cff"):
        shutil.copy(paths.root() / file, root / file)
    listed = yaml.safe_load((root / "notebooks" / "runs.yml").read_text("utf-8"))
    kept = {name: named for name, named in listed.items() if name in FIRST}
    (root / "notebooks" / "runs.yml").write_text(yaml.safe_dump(kept, sort_keys=False), "utf-8")
    for name in set(listed) - set(FIRST):
        (root / "notebooks" / f"{name}.ipynb").unlink()
        (root / "book" / "teaching" / f"{name}-solutions.md").unlink(missing_ok=True)
    missing = re.compile("|".join(set(listed) - set(FIRST)))
    for page in (root / "book").rglob("*.md"):
        paragraphs = page.read_text("utf-8").split("\n\n")
        page.write_text("\n\n".join(p for p in paragraphs if not missing.search(p)), "utf-8")
    return root


def main() -> None:
    """Print the times."""
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        root = three_chapters(Path(scratch))
        took = make_book(COMPENDIUM_ROOT=str(root))
        print(f"make book, three chapters, warm environment: {took:.1f} s (target 90)")
    if sys.argv[1:] == ["three"]:
        return
    shutil.rmtree(paths.build(), ignore_errors=True)
    count = len(publish.published_runs())
    whole = make_book()
    again = min(make_book() for _ in range(3))
    print(f"make book, {count} notebooks, warm environment: {whole:.1f} s")
    print(f"make book, nothing changed: {again:.1f} s (target 8)")


if __name__ == "__main__":
    main()
