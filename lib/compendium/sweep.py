"""A sweep: one notebook over a grid or a Sobol sample of its parameters.

Every point becomes an executed notebook; all results together become one `results.nc` with the
parameters as labelled dimensions. Points that the store knows are not run again, so a sweep that
was interrupted goes on where it stopped.
"""

import itertools
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from compendium import parameters, paths, runs
from compendium.errors import CompendiumError, ParameterError

LARGE = 1_000_000
POINT = "point"
_RANGE = re.compile(r"([^:]+):([^:]+)(?::([^:]+))?")


@dataclass(frozen=True)
class Design:
    """The points of a sweep: named axes, spanned as a grid or listed as a sample."""

    notebook: str
    run: runs.Run
    axes: dict[str, list[parameters.Value]]
    sampled: bool

    def __len__(self) -> int:
        sizes = [len(values) for values in self.axes.values()]
        return sizes[0] if self.sampled else math.prod(sizes)

    @property
    def shape(self) -> dict[str, int]:
        """The sizes of the dimensions that the points span."""
        if self.sampled:
            return {POINT: len(self)}
        return {name: len(values) for name, values in self.axes.items()}

    def points(self) -> Iterator[dict[str, parameters.Value]]:
        """Yield the parameters of every point, the last axis fastest."""
        combine = zip(*self.axes.values(), strict=True) if self.sampled else None
        for values in combine or itertools.product(*self.axes.values()):
            yield dict(zip(self.axes, values, strict=True))

    def coords(self) -> dict[str, Any]:
        """The labels of the dimensions."""
        if not self.sampled:
            return self.axes
        return {name: (POINT, values) for name, values in self.axes.items()}


def design(
    notebook: str, texts: Sequence[str], *, run: str | None = None, samples: int | None = None
) -> Design:
    """Return the points that the words of a command line ask for.

    A word is `key=a:b:step` (both ends included), `key=x,y,z`, or with `samples` `key` (over its
    declared bounds) or `key=a:b`.

    Raises ParameterError for an unknown key, a value out of bounds or an axis without values.
    """
    base = runs.named(notebook, run)
    specs = parameters.read(runs.path(notebook))
    split = [text.partition("=") for text in texts]
    names = [name.strip() for name, _, _ in split]
    if not names:
        raise ParameterError("no axis: say key=a:b:step or key=x,y,z")
    double = {name for name in names if names.count(name) > 1}
    if double:
        raise ParameterError(f"axis {min(double)!r} is given twice")
    known = {name: specs[name] for name in names if name in specs}
    parameters.check(specs, {name: None for name in names if name not in known})
    if samples:
        axes = _sample({specs[n]: text.strip() for n, _, text in split}, samples)
    else:
        axes = {n: _grid(known[n], t.strip()) for n, (_, _, t) in zip(names, split, strict=True)}
    return Design(base.notebook, base, axes, bool(samples))


def _grid(spec: parameters.Parameter, text: str) -> list[parameters.Value]:
    if not text:
        raise ParameterError(f"axis {spec.name!r} has no values: say {spec.name}=a:b:step or x,y,z")
    if spec.type in ("float", "int") and (found := _RANGE.fullmatch(text)) and found[3]:
        start, stop, step = (_number(spec, part) for part in found.groups())
        if step == 0 or (stop - start) / step < 0:
            raise ParameterError(
                f"axis {spec.name!r}: {text!r} is empty: no step leads from a to b"
            )
        count = int((stop - start) / step + 1e-9) + 1
        if count > LARGE:
            raise ParameterError(f"axis {spec.name!r}: {text!r} has {count:,} values")
        # Rounding keeps 0.1:0.3:0.1 from ending in 0.30000000000000004.
        values: list[Any] = [float(f"{start + i * step:.12g}") for i in range(count)]
    else:
        values = [part.strip() for part in text.split(",")]
    checked = [spec.check(value) for value in values]
    if len(set(checked)) < len(checked):
        raise ParameterError(f"axis {spec.name!r}: {text!r} names a value twice")
    return checked


def _sample(axes: Mapping[parameters.Parameter, str], samples: int) -> dict[str, list]:
    from scipy.stats import qmc

    lows, highs = [], []
    for spec, text in axes.items():
        if spec.type not in ("float", "int"):
            raise ParameterError(
                f"axis {spec.name!r}: only numbers can be sampled; list its values"
            )
        found = _RANGE.fullmatch(text) if text else None
        if text and (not found or found[3]):
            raise ParameterError(f"axis {spec.name!r}: {text!r} is not a range a:b")
        ends = (found[1], found[2]) if found else (spec.low, spec.high)
        low, high = (spec.check(_number(spec, end)) for end in ends)
        if not low < high:
            raise ParameterError(f"axis {spec.name!r}: {text!r} is empty: a must be below b")
        lows.append(low)
        highs.append(high)
    engine = qmc.Sobol(len(lows), scramble=True, rng=np.random.default_rng(0))
    unit = engine.random_base2(max(samples - 1, 1).bit_length())[:samples]
    columns = qmc.scale(unit, lows, highs).T
    whole = [spec.type == "int" for spec in axes]
    return {
        spec.name: [spec.check(round(v) if is_int else float(f"{v:.12g}")) for v in column]
        for spec, column, is_int in zip(axes, columns, whole, strict=True)
    }


def _number(spec: parameters.Parameter, text: object) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        raise ParameterError(f"axis {spec.name!r}: {text!r} is no number") from None


def run_sweep(
    design: Design,
    folder: Path,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    done=lambda failed: None,
) -> list[dict[str, Any]]:
    """Run all points and write `points/`, `results.nc` and, if a point fails, `failures.json`.

    Returns the failures: parameters and error of each. `done` hears after each point whether it
    failed.
    """
    from compendium import execution

    paths.check_writable(folder)
    points = list(design.points())
    width = len(str(len(points) - 1))
    wanted = [
        runs.Run(design.notebook, f"point {i:0{width}}", "", design.run.parameters | point)
        for i, point in enumerate(points)
    ]
    collected = _Collected(design)
    failures = {}
    with _runner(cluster) as (runner, capacity):
        outcomes = execution.execute_each(
            execution.plans(wanted), workers=workers or capacity, runner=runner
        )
        for number, outcome in outcomes:
            if isinstance(outcome, CompendiumError):
                failures[number] = {"parameters": points[number], "error": str(outcome)}
            else:
                _write_point(folder / "points" / f"{number:0{width}}.ipynb", outcome.notebook)
                collected.add(number, outcome.results)
            done(number in failures)
    listed = [failures[number] for number in sorted(failures)]
    _write(folder, collected, listed)
    return listed


def _runner(cluster: str | None):
    if cluster is None:
        from contextlib import nullcontext

        return nullcontext((None, None))
    from compendium.cluster import connected

    return connected(cluster)


def _write_point(file: Path, content: bytes) -> None:
    if file.exists() and file.read_bytes() == content:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.writing")
        temporary.write_bytes(content)
        os.replace(temporary, file)
    except OSError as error:
        raise CompendiumError(f"{file}: cannot be written: {error.strerror}") from None


def _write(folder: Path, collected: "_Collected", failures: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / ".results.nc.writing"
    try:
        collected.tree().to_netcdf(temporary, engine="h5netcdf")
        os.replace(temporary, folder / "results.nc")
        if failures:
            text = json.dumps(failures, indent=1, ensure_ascii=False) + "\n"
            _write_point(folder / "failures.json", text.encode())
        else:
            (folder / "failures.json").unlink(missing_ok=True)
    except OSError as error:
        raise CompendiumError(f"{folder}: cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


class _Collected:
    """The results of all points, gathered into arrays with the axes of the design in front."""

    def __init__(self, design: Design):
        self._design = design
        self._arrays: dict[str, dict[str, np.ndarray]] = {}
        self._records: dict[str, dict[str, Any]] = {}

    def add(self, number: int, results: Mapping[str, Any]) -> None:
        claims = {
            f"claim/{claim['id']}": claim | {"dims": [], "coords": {}, "label": claim["id"]}
            for claim in results["claims"]
            if claim["value"] is not None
        }
        for name, record in (results["results"] | claims).items():
            first = self._records.setdefault(name, record)
            if record["coords"] != first["coords"]:
                raise CompendiumError(
                    f"result {name!r} has other labels at {self._point(number)}: a sweep needs the "
                    "same labels at every point"
                )
            shape = tuple(len(record["coords"][dim]) for dim in record["dims"])
            for key in ("value", "low", "high"):
                empty = np.full((len(self._design), *shape), np.nan)
                array = self._arrays.setdefault(name, {}).setdefault(key, empty)
                array[number] = np.array(record[key], dtype=float).reshape(shape)

    def _point(self, number: int) -> str:
        point = next(itertools.islice(self._design.points(), number, None))
        return ", ".join(f"{name}={value}" for name, value in point.items())

    def tree(self) -> xr.DataTree:
        shape = self._design.shape
        groups = {"/": xr.Dataset(attrs={"notebook": self._design.notebook})}
        for name, arrays in sorted(self._arrays.items()):
            record = self._records[name]
            variables = {
                key: (
                    [*shape, *record["dims"]],
                    array.reshape(*shape.values(), *array.shape[1:]),
                    {"units": record["unit"]},
                )
                for key, array in arrays.items()
            }
            attrs = {"unit": record["unit"], "label": record["label"]}
            coords = {**record["coords"], **self._design.coords()}
            groups[name] = xr.Dataset(variables, coords=coords, attrs=attrs)
        return xr.DataTree.from_dict(groups)
