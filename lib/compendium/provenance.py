"""Where a result comes from: the cell that states it, and what that cell rests on.

A backward slice over the statements of the notebook: the names that the statement uses, the
statements that bind those names, and so on. It may name too much, never too little, as long as a
notebook binds names by statements.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

import nbformat

from compendium import records


@dataclass
class Statement:
    """A top-level statement of a notebook: its cell, the names it binds, and those it uses."""

    cell: str
    node: ast.stmt
    binds: set[str]
    uses: set[str]


@dataclass
class Origin:
    """What a result is made in and from; `rows` has the first and last row of each run of rows."""

    cell: str
    functions: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    rows: dict[str, list[list[int]]] = field(default_factory=dict)


def origins(
    notebook: nbformat.NotebookNode,
    public: Mapping[str, Mapping[str, str]],
    tables: Iterable[str],
) -> dict[str, Origin]:
    """Return for each result of an executed notebook the cell, functions and tables behind it.

    `public` are the functions of each module of the library with their source, `tables` the names
    of all tables. A table that a function names is behind what the function gives.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    steps = [step for cell in code for step in _statements(cell)]
    modules = {name: module for step in steps for name, module in _imports(step.node)}
    tables = frozenset(tables)
    called = {id(step): set(_functions(step.node, modules, public)) for step in steps}
    named_in = {id(step): set(_tables(step.node, tables)) for step in steps}
    found = {}
    for cell in code:
        only = nbformat.v4.new_notebook(cells=[cell])
        for record in records.collect(only, "result"):
            chain = _behind(steps, cell.id, record["name"])
            functions = set().union(*(called[id(step)] for step in chain))
            sources = [public[m][f] for m, _, f in (name.partition(".") for name in functions)]
            named = set().union(*(named_in[id(step)] for step in chain))
            named |= set().union(*(_tables_of_source(source, tables) for source in sources))
            loaded = record.get("tables", {})
            rows = {t: loaded[t] for t in sorted(named) if t in loaded}
            found[record["name"]] = Origin(cell.id, sorted(functions), sorted(named), rows)
    return found


def _statements(cell: nbformat.NotebookNode) -> list[Statement]:
    nodes = ast.parse(cell.source).body
    return [Statement(cell.id, node, _bound(node), _used(node)) for node in nodes]


def _bound(node: ast.stmt) -> set[str]:
    """Return the names that a statement binds or changes."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    names = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store):
            while isinstance(part, ast.Subscript | ast.Attribute):
                part = part.value
        elif not (isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)):
            continue
        if isinstance(part, ast.Name):
            names.add(part.id)
    return names


def _used(node: ast.AST) -> set[str]:
    changed = _bound(node) if isinstance(node, ast.AugAssign) else set()
    return changed | {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _imports(node: ast.stmt) -> Iterable[tuple[str, str]]:
    if isinstance(node, ast.ImportFrom) and node.module == "unlock":
        for alias in node.names:
            yield alias.asname or alias.name, alias.name


def _behind(steps: list[Statement], cell: str, result: str) -> list[Statement]:
    """Return the statement that states a result and all that it rests on, last first."""
    here = [i for i, step in enumerate(steps) if step.cell == cell]
    stating = [i for i in here if _states(steps[i].node, result)] or here
    needed, chain = set(), []
    for number in range(max(stating), -1, -1):
        step = steps[number]
        if number in stating or step.binds & needed:
            needed |= step.uses
            chain.append(step)
    return chain


def _states(node: ast.stmt, result: str) -> bool:
    """Tell whether a statement calls `result` with this name, or with one that may become it."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "result" and call.args:
            name = call.args[0]
            if isinstance(name, ast.Constant) and name.value == result:
                return True
            if isinstance(name, ast.JoinedStr) and re.fullmatch(_pattern(name), result):
                return True
    return False


def _pattern(text: ast.JoinedStr) -> str:
    parts = (p.value if isinstance(p, ast.Constant) else None for p in text.values)
    return "".join(".*" if part is None else re.escape(part) for part in parts)


def _functions(
    node: ast.stmt, modules: Mapping[str, str], public: Mapping[str, Mapping[str, str]]
) -> Iterable[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            module = modules.get(part.value.id)
            if module and part.attr in public.get(module, ()):
                yield f"{module}.{part.attr}"


@cache
def _tables_of_source(source: str, tables: frozenset[str]) -> frozenset[str]:
    return frozenset(_tables(ast.parse(source), tables))


def _tables(node: ast.AST, tables: frozenset[str]) -> Iterable[str]:
    """Yield the tables that code names, also by a pattern such as f"fleet/{kind}"."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and part.value in tables:
            yield part.value
        elif isinstance(part, ast.JoinedStr) and "/" in (pattern := _pattern(part)):
            yield from (name for name in tables if re.fullmatch(pattern, name))
