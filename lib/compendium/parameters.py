"""Parameters of a notebook: read from its own tagged cell, typed and bounded.

A line of the cell reads `carbon_price: float = 100  # CNY/tCO2 [0, 3000] paid on every tonne`,
or with choices `region: str = "China"  # {China, World} fleet shown`, or
`planned: bool = True  # plants under construction count`.
"""

import ast
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat

from compendium import paths
from compendium.errors import NotebookError, ParameterError

TYPES = {"float": float, "int": int, "str": str, "bool": bool}
Value = float | int | str | bool


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell."""

    name: str
    type: str
    default: Value
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    description: str = ""

    @property
    def allowed(self) -> str:
        """The values that are allowed, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.type == "bool":
            return "true or false"
        if self.low is not None:
            kind = "a whole number from " if self.type == "int" else ""
            unit = "" if self.unit == "1" else f" {self.unit}"
            return f"{kind}{self.low:g} to {self.high:g}{unit}"
        return {"float": "a number", "int": "a whole number", "str": "a text"}[self.type]

    def check(self, given: object) -> Value:
        """Return a value of this parameter's type; text is read as from a command line.

        Raises ParameterError naming the parameter, what was given and what is allowed.
        """
        value = self._convert(given)
        bounded = value is not None and self.low is not None
        outside = bounded and not self.low <= value <= self.high
        if value is None or outside or (self.choices and value not in self.choices):
            near = difflib.get_close_matches(str(given), self.choices, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ParameterError(f"parameter {self.name!r}: {given!r} is not {self.allowed}{hint}")
        return value

    def _convert(self, given: object) -> Value | None:
        if self.type == "str":
            return given if isinstance(given, str) else None
        if self.type == "bool":
            if isinstance(given, bool):
                return given
            return {"true": True, "false": False}.get(str(given).lower())
        try:
            if isinstance(given, bool):
                return None
            number = float(given)
        except (TypeError, ValueError):
            return None
        if self.type == "int":
            return int(number) if number.is_integer() else None
        return number if number == number and abs(number) != float("inf") else None


def read(notebook: Path) -> dict[str, Parameter]:
    """Return the parameters of a notebook file, in the order of its cell.

    Raises NotebookError naming file and line when the cell is missing or malformed.
    """
    file = paths.relative(notebook)
    cells = [
        cell
        for cell in nbformat.read(notebook, as_version=4).cells
        if "parameters" in cell.metadata.get("tags", [])
    ]
    if len(cells) != 1:
        raise NotebookError(f"{file}: {len(cells)} cells are tagged 'parameters'; one is allowed")
    lines = cells[0].source.splitlines()
    found = {}
    for node in ast.parse(cells[0].source).body:
        parameter = _parse(node, lines[node.lineno - 1], f"{file}, parameters line {node.lineno}")
        found[parameter.name] = parameter
    return found


def _parse(node: ast.stmt, line: str, place: str) -> Parameter:
    if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value):
        raise NotebookError(f"{place}: write `name: type = default  # unit [low, high] meaning`")
    kind = ast.unparse(node.annotation)
    if kind not in TYPES:
        raise NotebookError(f"{place}: type {kind!r} is none of {', '.join(TYPES)}")
    comment = line[node.end_col_offset :].partition("#")[2].strip()
    if not comment:
        raise NotebookError(f"{place}: {node.target.id!r} has no comment on its line")
    bounds = re.match(r"(?P<unit>\S*)\s*\[(?P<low>[^,\]]+),(?P<high>[^\]]+)\]\s*", comment)
    choices = re.match(r"\{(?P<choices>[^}]*)\}\s*", comment)
    found = bounds or choices
    parameter = Parameter(
        name=node.target.id,
        type=kind,
        default=ast.literal_eval(node.value),
        unit=(bounds["unit"] or "1") if bounds else "",
        low=float(bounds["low"]) if bounds else None,
        high=float(bounds["high"]) if bounds else None,
        choices=tuple(c.strip() for c in choices["choices"].split(",")) if choices else (),
        description=comment[found.end() :] if found else comment,
    )
    if kind in ("float", "int") and not bounds:
        raise NotebookError(f"{place}: {parameter.name!r} has no bounds; write # unit [low, high]")
    try:
        parameter.check(parameter.default)
    except ParameterError as error:
        raise NotebookError(f"{place}: the default breaks its own rule: {error}") from None
    return parameter


def check(specs: Mapping[str, Parameter], given: Mapping[str, object]) -> dict[str, Value]:
    """Return the given values, typed; those not given are left out.

    Raises ParameterError for the first unknown name (with the nearest one) or bad value.
    """
    for name in given:
        if name not in specs:
            near = difflib.get_close_matches(name, specs, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ParameterError(
                f"no parameter {name!r}{hint} The notebook has {', '.join(specs)}."
                if near
                else f"no parameter {name!r}; the notebook has {', '.join(specs)}"
            )
    return {name: specs[name].check(value) for name, value in given.items()}


def complete(specs: Mapping[str, Parameter], given: Mapping[str, object]) -> dict[str, Value]:
    """Return every parameter with its given or default value, typed."""
    defaults = {name: spec.check(spec.default) for name, spec in specs.items()}
    return defaults | check(specs, given)
