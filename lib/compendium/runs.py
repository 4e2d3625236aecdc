"""Notebooks and their named runs, as `notebooks/runs.yml` lists them."""

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from compendium import parameters, paths
from compendium.errors import NotebookError


@dataclass(frozen=True)
class Run:
    """A named parameter set of a notebook."""

    notebook: str
    name: str
    title: str
    parameters: dict[str, parameters.Value]


@cache
def listed() -> dict[str, dict[str, Run]]:
    """Return the named runs of every notebook, checked; the first of each is its default.

    Raises NotebookError naming file, notebook and run.
    """
    file = paths.notebooks() / "runs.yml"
    try:
        content = yaml.safe_load(file.read_text("utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise NotebookError(f"{paths.relative(file)}: not readable: {error}") from None
    found = {}
    for notebook, named in content.items():
        specs = parameters.read(path(notebook))
        found[notebook] = {}
        for name, entry in named.items():
            try:
                given = parameters.check(specs, entry.get("parameters") or {})
            except parameters.ParameterError as error:
                raise NotebookError(f"notebooks/runs.yml, {notebook}, {name}: {error}") from None
            found[notebook][name] = Run(notebook, name, entry["title"], given)
    return found


def path(notebook: str) -> Path:
    """Return the file of a notebook given by name or path. Raises NotebookError if none fits."""
    name = Path(notebook).stem if notebook.endswith(".ipynb") else notebook
    file = paths.notebooks() / f"{name}.ipynb"
    if not file.exists():
        names = sorted(p.stem for p in paths.notebooks().glob("*.ipynb"))
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"
        raise NotebookError(f"no notebook {name!r}{hint}")
    return file


def named(notebook: str, run: str | None) -> Run:
    """Return a named run of a notebook, the first if no name is given.

    Raises NotebookError with the nearest name.
    """
    runs = listed().get(path(notebook).stem, {})
    if run is None:
        return next(iter(runs.values()), Run(path(notebook).stem, "default", "Defaults", {}))
    if run not in runs:
        near = difflib.get_close_matches(run, runs, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise NotebookError(
            f"notebook {path(notebook).stem!r} has no run {run!r}{hint} It has {', '.join(runs)}."
            if near
            else f"notebook {path(notebook).stem!r} has no run {run!r}; it has {', '.join(runs)}"
        )
    return runs[run]
