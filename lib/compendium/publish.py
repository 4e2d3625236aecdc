"""From source to published book: execute what changed, build what is stale."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from compendium import keys, paths, runs

if TYPE_CHECKING:
    from compendium import execution

STAMP = "published.json"
GENERATED = {"_build", "vendor", "__pycache__", ".ipynb_checkpoints"}


def first_runs() -> list[runs.Run]:
    """Return the first run of each notebook, whose verdicts stand in the ledger."""
    return [next(iter(named.values())) for named in runs.listed().values()]


def published_runs() -> list[runs.Run]:
    """Return the runs that the book shows: all that have a name."""
    return [run for named in runs.listed().values() for run in named.values()]


def publish(
    *, workers: int | None = None, done: Callable[[str], None] = lambda name: None
) -> tuple[Path, bool]:
    """Execute the notebooks, build the book, and return its folder and whether it was stale.

    `done` hears the name of each run and, at the end, of the book.
    """
    wanted = published_runs()
    html = paths.build() / "html"
    stamp = _stamp(wanted)
    if _is_published(stamp):
        return html, False
    from compendium import execution  # slow to import, and not needed where nothing has changed

    executed = execution.execute_all(
        wanted, workers=workers, done=lambda run: done(f"{run.notebook}, {run.name}")
    )
    folders = _write(executed)
    _stamp_file().unlink(missing_ok=True)
    from compendium.book import build_book

    build_book(folders, paths.root())
    temporary = _stamp_file().with_suffix(".writing")
    temporary.write_text(json.dumps(stamp, indent=1) + "\n", "utf-8")
    os.replace(temporary, _stamp_file())
    done("book")
    return html, True


def is_stale() -> bool:
    """Return whether the published book is missing or older than anything it is made from."""
    return not _is_published(_stamp(published_runs()))


def _stamp(wanted: list[runs.Run]) -> dict:
    """Return what the book is made from: the keys of its runs, its sources and the commit."""
    bases = {notebook: keys.base(notebook) for notebook in {run.notebook for run in wanted}}
    found = {f"{r.notebook}/{r.name}": keys.key(keys.parts(r, bases[r.notebook])) for r in wanted}
    return {"runs": found, "sources": _sources_digest(), "commit": _commit()}


def _is_published(stamp: dict) -> bool:
    try:
        return json.loads(_stamp_file().read_text("utf-8")) == stamp
    except (OSError, ValueError):
        return False


def _stamp_file() -> Path:
    return paths.build() / STAMP


def _write(executed: "list[execution.Executed]") -> dict[str, dict[str, Path]]:
    """Write the runs into the build folder; runs no longer wanted are removed."""
    base = paths.build() / "runs"
    shutil.rmtree(base, ignore_errors=True)
    folders: dict[str, dict[str, Path]] = {}
    for item in executed:
        folder = base / item.run.notebook / item.run.name
        item.write(folder)
        folders.setdefault(item.run.notebook, {})[item.run.name] = folder
    return folders


def _sources_digest() -> str:
    """Return a hash of the files that the book is made from besides the runs."""
    root = paths.root()
    files = [root / "_config.yml", root / "pyproject.toml", root / "notebooks" / "runs.yml"]
    for folder in ("book", "data", "lib"):
        for place, inner, names in os.walk(root / folder):
            inner[:] = [n for n in inner if n not in GENERATED and not n.endswith(".egg-info")]
            files += [Path(place, name) for name in names]
    digest = hashlib.sha256()
    for file in sorted(files):
        name = file.relative_to(root)
        digest.update(f"{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _commit() -> str:
    """Return the commit and whether the tree differs from it: both stand on every page."""
    commands = (["git", "rev-parse", "HEAD"], ["git", "status", "--porcelain"])
    try:
        head, changes = (
            subprocess.run(c, cwd=paths.root(), capture_output=True, text=True, check=True).stdout
            for c in commands
        )
    except (OSError, subprocess.CalledProcessError):
        return "no commit"
    return head.strip() + (" with changes" if changes.strip() else "")
