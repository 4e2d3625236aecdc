"""A chapter to take away: its notebook, the tables it reads, the library and the lock, zipped."""

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

FIXED = ("pyproject.toml", "requirements.lock", "LICENSE", "CITATION.cff", "book/references.bib")
ALWAYS = ("data/claims.csv",)
EARLIEST = (1980, 1, 1, 0, 0, 0)  # a zip file cannot do without a time; this one says nothing
README = """\
# {title}

A chapter of Unlock, a computational companion to Hu (2025): its notebook, the data tables that it
reads, the library and the versions of all packages. You need Python 3.11 or newer.

    python -m venv .venv
    .venv/bin/pip install --require-hashes -r requirements.lock
    .venv/bin/pip install --no-deps -e .
    .venv/bin/compendium run {chapter} --out out

Or open notebooks/{chapter}.ipynb in JupyterLab with the same environment.
Text and figures CC BY 4.0, code BSD-3-Clause, data as data/datapackage.json says.
"""


def write(chapter: str, title: str, tables: Iterable[str], root: Path, folder: Path) -> Path:
    """Write the bundle of a chapter into a folder; the same content gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{chapter}.zip"
    content = _content(chapter, title, set(tables), root)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(f"unlock-{chapter}/{name}", EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content[name])
    return target


def _content(chapter: str, title: str, tables: set[str], root: Path) -> Mapping[str, bytes]:
    package = json.loads((root / "data" / "datapackage.json").read_text("utf-8"))
    package["resources"] = [r for r in package["resources"] if r["name"] in tables]
    runs = yaml.safe_load((root / "notebooks" / "runs.yml").read_text("utf-8"))
    content = {
        "README.md": README.format(title=title, chapter=chapter),
        "data/datapackage.json": _json(package),
        "notebooks/runs.yml": yaml.safe_dump(
            {chapter: runs[chapter]}, sort_keys=False, allow_unicode=True
        ),
    }
    files = [root / name for name in (*FIXED, *ALWAYS)]
    files += [root / "notebooks" / f"{chapter}.ipynb"]
    files += [root / "data" / r["path"] for r in package["resources"]]
    files += [f for f in (root / "lib").rglob("*.py") if "__pycache__" not in f.parts]
    encoded = {name: text.encode() for name, text in content.items()}
    known = {f.relative_to(root).as_posix(): f.read_bytes() for f in files if f.exists()}
    return known | encoded


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
