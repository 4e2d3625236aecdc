"""Did I get the same numbers? A run set against the numbers published with the source.

`notebooks/published/NOTEBOOK.json` keeps the claims and scalar results of every named run, and what
they were computed from; `make refresh` writes it.
"""

import difflib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from compendium import paths, records, runs
from compendium.errors import CompendiumError

RTOL = 1e-6  # other processors round sums in another order
NUMBERS = ("value", "low", "high")


def published_file(notebook: str) -> Path:
    """Return the file that keeps the published numbers of a notebook."""
    return paths.notebooks() / "published" / f"{notebook}.json"


def summary(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is published of a run: parameters, inputs, claims and scalar results."""
    claims = {c["id"]: {k: c[k] for k in (*NUMBERS, "verdict")} for c in results["claims"]}
    scalars = {
        name: {k: record[k] for k in NUMBERS}
        for name, record in results["results"].items()
        if not record["dims"]
    }
    return {
        "parameters": results["parameters"],
        "inputs": results["inputs"],
        "claims": claims,
        "results": scalars,
    }


def write_published(notebook: str, named: Mapping[str, Mapping[str, Any]]) -> bool:
    """Write the published numbers of a notebook's runs; say whether they changed."""
    file = published_file(notebook)
    text = json.dumps({run: summary(r) for run, r in named.items()}, indent=1) + "\n"
    if file.exists() and file.read_text("utf-8") == text:
        return False
    file.parent.mkdir(exist_ok=True)
    temporary = file.with_suffix(".writing")
    temporary.write_text(text, "utf-8")
    os.replace(temporary, file)
    return True


def published(notebook: str, run: str) -> dict[str, Any]:
    """Return the published numbers of a run. Raises CompendiumError if there are none."""
    file = published_file(notebook)
    try:
        named = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        raise CompendiumError(f"{paths.relative(file)}: no published numbers to read") from None
    if run not in named:
        near = difflib.get_close_matches(run, named, n=1) or list(named)
        raise CompendiumError(
            f"{paths.relative(file)}: no run {run!r} is published; there is {', '.join(near)}"
        )
    return named[run]


def read(file: Path) -> dict[str, Any]:
    """Return the results of a `results.json` or an executed notebook.

    Raises CompendiumError if the file is neither.
    """
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CompendiumError(f"{file}: not readable: {type(error).__name__}") from None
    if "cells" not in content:
        if not {"notebook", "run", "parameters", "claims", "results"} <= set(content):
            raise CompendiumError(f"{file}: neither a results.json nor an executed notebook")
        return content
    node = nbformat.reads(json.dumps(content), as_version=4)
    opened = records.collect(node, "chapter")
    if not opened:
        raise CompendiumError(f"{file}: no chapter of the compendium has run in this notebook")
    given = opened[0]["parameters"]
    run = next((r.name for r in runs.listed().get(opened[0]["notebook"], {}).values()
                if _values(r) == given), "unnamed")  # fmt: skip
    return {
        "notebook": opened[0]["notebook"],
        "run": run,
        "parameters": given,
        "claims": records.collect(node, "claim"),
        "results": {r["name"]: r for r in records.collect(node, "result")},
        "inputs": {},
    }


def _values(run: runs.Run) -> dict[str, Any]:
    from compendium import parameters

    return parameters.complete(parameters.read(runs.path(run.notebook)), run.parameters)


def differences(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], rtol: float = RTOL
) -> list[dict[str, Any]]:
    """Return what differs between two summaries: name, published, ours and relative difference."""
    rows = []
    for kind in ("claims", "results"):
        for name in [*theirs[kind], *(n for n in ours[kind] if n not in theirs[kind])]:
            a, b = theirs[kind].get(name), ours[kind].get(name)
            if a is None or b is None:
                rows.append(_row(kind, name, "", "missing" if a is None else "there", 
                                 "missing" if b is None else "there", None))  # fmt: skip
                continue
            for key in a:
                relative = _relative(a[key], b.get(key))
                if relative is None or relative > rtol:
                    rows.append(_row(kind, name, key, a[key], b.get(key), relative))
    return rows


def _row(kind: str, name: str, key: str, published: Any, ours: Any, relative: float | None) -> dict:
    label = f"{'claim ' if kind == 'claims' else ''}{name}" + (f", {key}" if key else "")
    return {"what": label, "published": published, "ours": ours, "relative": relative}


def _relative(a: Any, b: Any) -> float | None:
    """Return the relative difference of two numbers, 0 if equal, None if not comparable."""
    if a == b:
        return 0.0
    if not all(isinstance(x, int | float) and math.isfinite(x) for x in (a, b)):
        return None
    return abs(a - b) / max(abs(a), abs(b))


def inputs(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return the names of the inputs that differ: parameters, data, library, versions, notebook."""
    found = []
    for name, value in theirs["parameters"].items():
        if ours["parameters"].get(name) != value:
            found.append(
                f"parameter {name}: {value} published, {ours['parameters'].get(name)} here"
            )
    for kind, theirs_of_kind in theirs["inputs"].items():
        ours_of_kind = ours["inputs"].get(kind)
        if ours_of_kind is None:
            continue
        if isinstance(theirs_of_kind, dict):
            names = sorted({*theirs_of_kind, *ours_of_kind})
            odd = [n for n in names if theirs_of_kind.get(n) != ours_of_kind.get(n)]
            said = [f"{n} {theirs_of_kind.get(n)} published, {ours_of_kind.get(n)} here"
                    for n in odd] if kind == "versions" else odd  # fmt: skip
            found += [f"{kind}: {name}" for name in said]
        elif theirs_of_kind != ours_of_kind:
            found.append(kind)
    return found
