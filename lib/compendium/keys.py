"""The key of a run: a hash of everything that its numbers depend on.

Dependencies are read from the source: the modules a notebook imports, with theirs in turn, and the
tables that the notebook or one of these modules of the science names in text.
"""

import ast
import fnmatch
import hashlib
import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat

from compendium import data, parameters, paths, records, runs

NUMERIC = ("altair", "highspy", "linopy", "numpy", "pandas", "pint", "pvlib", "scipy", "xarray")
SCIENCE = "unlock"
PACKAGES = (SCIENCE, "compendium")
ALWAYS = ("compendium.execution",)  # runs outside the kernel, and shapes what comes out
TABLES_OF_LOADER = ("money", "pedigree")


def parts(run: runs.Run, shared: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what a run depends on: parameters as values, everything else as hashes.

    `shared` is the `base` of its notebook, given to save reading the files again.
    """
    values = parameters.complete(parameters.read(runs.path(run.notebook)), run.parameters)
    own = {"parameters": values, "files": _given_files(values)}
    return own | dict(shared or base(run.notebook))


def base(notebook: str) -> dict[str, Any]:
    """Return what every run of a notebook depends on besides its parameters."""
    node = nbformat.read(runs.path(notebook), as_version=4)
    trees = [ast.parse(cell.source) for cell in node.cells if cell.cell_type == "code"]
    cells = [[c.cell_type, c.source, c.metadata.get("tags", [])] for c in node.cells]
    claims = [row for row in records.claims().values() if row["notebook"] == notebook]
    library = modules(trees)
    science = [_module_tree(name) for name in library if name.split(".")[0] == SCIENCE]
    return {
        "notebook": _digest(cells),
        "library": {name: _module_digest(name) for name in library},
        "data": {name: data.fingerprint(name) for name in tables([*trees, *science])},
        "claims": _digest(claims),
        "versions": versions(),
    }


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that the numbers pass through."""
    installed = {name: metadata.version(name) for name in NUMERIC}
    return {"python": ".".join(platform.python_version_tuple()[:2])} | installed


def key(parts: Mapping[str, Any]) -> str:
    """Return the key that stands for all the parts."""
    return _digest(parts)


def tables(trees: list[ast.AST]) -> list[str]:
    """Return the tables that code names in a text, also in part (`f"routes/{product}"`)."""
    patterns = {name for name in TABLES_OF_LOADER if name in data.package()}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                texts = [v.value if isinstance(v, ast.Constant) else "*" for v in node.values]
                pattern = "".join(map(str, texts))
                # A pattern that fixes nothing would name every table.
                patterns |= {pattern} if "/" in pattern else set()
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                patterns |= {node.value} & set(data.package())
    return sorted(n for n in data.package() if any(fnmatch.fnmatchcase(n, p) for p in patterns))


def modules(trees: list[ast.AST]) -> list[str]:
    """Return the compendium's own modules that code imports, with theirs in turn."""
    found, waiting = set(), list(ALWAYS)
    for tree in trees:
        waiting += _imports(tree)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _module_imports(name)
    return sorted(found)


@cache
def _module_imports(name: str) -> list[str]:
    return _imports(_module_tree(name))


@cache
def _module_tree(name: str) -> ast.AST:
    return ast.parse(_module_file(name).read_text("utf-8"))


def _imports(tree: ast.AST) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
    parents = {n.rpartition(".")[0] for n in names if "." in n}
    return [n for n in {*names, *parents} if n.split(".")[0] in PACKAGES and _module_file(n)]


@cache
def _module_file(name: str) -> Path | None:
    stem = paths.root() / "lib" / Path(*name.split("."))
    return next((f for f in (stem / "__init__.py", stem.with_suffix(".py")) if f.exists()), None)


@cache
def _module_digest(name: str) -> str:
    return _file_digest(_module_file(name))


def _given_files(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the hashes of files that text parameters name."""
    found = {}
    for name, value in values.items():
        file = paths.notebooks() / value if isinstance(value, str) and value else None
        if file and file.is_file():
            found[name] = _file_digest(file)
    return found


def _file_digest(file: Path | None) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file and file.exists() else "missing"


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
