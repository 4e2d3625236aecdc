"""Claims and results: stored in the executed notebook itself, and read from there.

A record is a display output of a private media type. Its scrapbook metadata let MyST-NB keep it
out of the page.
"""

import ast
import csv
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import xarray as xr
from IPython.display import HTML, display

from compendium import data, parameters, paths, runs
from compendium.errors import CompendiumError

PREFIX = "application/papermill.record/"
MEDIA = "vnd.unlock.{}+json"
VERDICTS = ("confirmed", "conditional", "contradicted", "undecidable", "pending")
CONFIRMED, CONTRADICTED = 0.95, 0.05  # shares of samples that meet the criterion
DIGITS = 12  # significant digits stored, more than any input has


@dataclass
class _Chapter:
    name: str = ""
    claims: set[str] = field(default_factory=set)
    results: set[str] = field(default_factory=set)


_current = _Chapter()


def chapter(name: str, namespace: Mapping[str, Any]) -> None:
    """Open a chapter: check the parameters in the notebook's namespace.

    Raises ParameterError for an unknown, mistyped or out-of-bounds parameter.
    """
    specs = parameters.read(runs.path(name))
    given = {key: namespace[key] for key in _assigned(namespace.get("In", ()), specs)}
    given |= {key: namespace[key] for key in specs if key in namespace}
    parameters.check(specs, given)
    # What pandas guesses depends on where it was imported; tables must not.
    pd.set_option("display.max_columns", 20, "display.width", 120, "display.max_colwidth", None)
    _current.name = name
    _current.claims.clear()
    _current.results.clear()
    record = {"notebook": name, "parameters": given}
    display(_record("chapter", "chapter", record), raw=True, metadata=_hidden("chapter"))


def _assigned(history: list[str], specs: Mapping[str, parameters.Parameter]) -> list[str]:
    """Return the names set by the cell that papermill injects after the parameters cell."""
    injected = [source for source in history if source.startswith("# Parameters\n")]
    nodes = [node for source in injected for node in ast.parse(source).body]
    return [t.id for node in nodes if isinstance(node, ast.Assign) for t in node.targets]


def result(
    name: str,
    array: xr.DataArray | float,
    *,
    label: str,
    unit: str | None = None,
    low: xr.DataArray | float | None = None,
    high: xr.DataArray | float | None = None,
    moved_by: str | None = None,
    description: str = "",
) -> xr.Dataset:
    """Store a result and return its value with its 5 % and 95 % quantile.

    An array with a `sample` dimension is reduced to its median and quantiles; of another, `low` and
    `high` are taken as given. The unit is the array's own unless said.

    Raises CompendiumError for a name used twice or a result without unit.
    """
    if name in _current.results:
        raise CompendiumError(f"result {name!r}: the name is used twice in this chapter")
    summary = _summary(f"result {name!r}", array, low, high, unit)
    _current.results.add(name)
    record = _as_record(summary)
    record |= {"label": label, "moved_by": moved_by, "description": description}
    display(_record("result", name, {"name": name} | record), raw=True, metadata=_hidden(name))
    return summary


def claim(
    id: str,
    *,
    value: xr.DataArray | float | None,
    unit: str,
    why: str,
    low: float | None = None,
    high: float | None = None,
    share: float | None = None,
    verdict: str | None = None,
    decided_by: str | None = None,
    note: str = "",
) -> None:
    """Store the verdict on a claim of the paper and show it.

    `share` is the share of samples in which the criterion of `data/claims.csv` is met; the verdict
    follows from it: at least 0.95 confirmed, below 0.05 contradicted, between them conditional.

    Raises CompendiumError for an unknown claim, a claim of another chapter, one judged twice, a
    verdict that is none of the four, or a conditional one without the input that decides.
    """
    place = f"claim {id!r}"
    expected = _claim_row(id)
    if _current.name and expected["notebook"] != _current.name:
        raise CompendiumError(f"{place} belongs to the chapter {expected['notebook']!r}")
    if id in _current.claims:
        raise CompendiumError(f"{place} is judged twice in this chapter")
    verdict = verdict or _verdict(place, share)
    if verdict not in VERDICTS[:-1]:
        raise CompendiumError(f"{place}: verdict {verdict!r} is none of {', '.join(VERDICTS[:-1])}")
    if verdict == "conditional" and not decided_by:
        raise CompendiumError(f"{place}: a conditional verdict needs decided_by, the input")
    numbers = {"value": None, "low": None, "high": None}
    if value is not None:
        summary = _summary(place, value, low, high, unit)
        if summary["value"].ndim:
            raise CompendiumError(f"{place}: the value is an array over {summary['value'].dims}")
        numbers = {key: _number(summary[key].item()) for key in numbers}
    _current.claims.add(id)
    record = {"id": id, **numbers, "unit": unit, "verdict": verdict, "why": why}
    record |= {"decided_by": decided_by, "share": _number(share), "note": note}
    display(_record("claim", id, record), raw=True, metadata=_hidden(id))
    from compendium.charts import claim_html

    display(HTML(claim_html(record | {k: expected[k] for k in ("claim", "paper_value")})))


def _verdict(place: str, share: float | None) -> str:
    if share is None or not 0 <= float(share) <= 1:
        raise CompendiumError(f"{place}: give share, from 0 to 1, or verdict; share is {share!r}")
    if float(share) >= CONFIRMED:
        return "confirmed"
    return "contradicted" if float(share) < CONTRADICTED else "conditional"


@cache
def claims() -> dict[str, dict[str, str]]:
    """Return the rows of `data/claims.csv` by id, in the paper's order."""
    with open(paths.data() / "claims.csv", encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def _claim_row(id: str) -> dict[str, str]:
    if id not in claims():
        near = difflib.get_close_matches(id, claims(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise CompendiumError(f"data/claims.csv has no claim {id!r}{hint}")
    return claims()[id]


def _summary(place: str, array, low, high, unit: str | None) -> xr.Dataset:
    array = array if isinstance(array, xr.DataArray) else xr.DataArray(array)
    unit = unit or array.attrs.get("units")
    if not unit:
        raise CompendiumError(f"{place} has no unit: say unit=... or set attrs['units']")
    if "sample" in array.dims:
        array = array.drop_vars("sample", errors="ignore")
        spread = array.quantile([0.05, 0.5, 0.95], dim="sample", skipna=True)
        low, value, high = (spread.isel(quantile=i, drop=True) for i in range(3))
    else:
        value = array
    missing = xr.full_like(value, np.nan, dtype=float)
    summary = xr.Dataset(
        {
            "value": value.astype(float),
            "low": missing if low is None else xr.zeros_like(missing) + low,
            "high": missing if high is None else xr.zeros_like(missing) + high,
        }
    )
    extra = [name for name in summary.coords if name not in summary.dims]
    summary = summary.drop_vars(extra).transpose(*value.dims)
    for variable in summary.data_vars.values():
        variable.attrs = {"units": unit}
    return summary.assign_attrs(units=unit)


def _as_record(summary: xr.Dataset) -> dict[str, Any]:
    dims = list(summary["value"].dims)
    numbers = {key: _numbers(summary[key].values) for key in ("value", "low", "high")}
    labels = {
        dim: summary[dim].values.tolist() if dim in summary.coords else list(range(size))
        for dim, size in summary["value"].sizes.items()
    }
    return numbers | {"unit": summary.attrs["units"], "dims": dims, "coords": labels}


def _number(number: float | None) -> float | None:
    if number is None or not np.isfinite(number):
        return None
    return float(f"{float(number):.{DIGITS}g}")


def _numbers(values: np.ndarray) -> Any:
    if values.ndim:
        return [_numbers(part) for part in values]
    return _number(values.item())


def _record(kind: str, name: str, content: dict[str, Any]) -> dict[str, Any]:
    content = content | {"tables": data.used()}
    return {PREFIX + MEDIA.format(kind): content, PREFIX + "text/plain": f"{kind} {name}"}


def _hidden(name: str) -> dict[str, Any]:
    return {"scrapbook": {"name": name, "mime_prefix": PREFIX}}


def collect(notebook: nbformat.NotebookNode, kind: str) -> list[dict[str, Any]]:
    """Return the records of a kind (chapter, claim, result) in an executed notebook, in order."""
    media = PREFIX + MEDIA.format(kind)
    return [
        dict(output["data"][media])
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if media in output.get("data", {})
    ]


def to_datatree(results: Mapping[str, Mapping[str, Any]]) -> xr.DataTree:
    """Return results as labelled arrays: one group a result, with value, low and high."""
    groups = {}
    for name, record in results.items():
        shape = tuple(len(record["coords"][dim]) for dim in record["dims"])
        groups[name] = xr.Dataset(
            {
                key: (record["dims"], np.array(record[key], dtype=float).reshape(shape))
                for key in ("value", "low", "high")
            },
            coords=record["coords"],
            attrs={key: record[key] or "" for key in ("unit", "label", "moved_by")},
        )
        for variable in groups[name].data_vars.values():
            variable.attrs["units"] = record["unit"]
    return xr.DataTree.from_dict(groups)
