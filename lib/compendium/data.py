"""The cited tables: checked when read, converted when loaded.

`load` is the only way from a table to a notebook. Without `dims` it gives a data frame, with
`dims` labelled arrays of value, 5 % and 95 % quantile.
"""

import csv
import difflib
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from compendium import paths, units
from compendium.errors import DataError

STANDARD = "value low high unit currency_year distribution source where seen status note".split()
STATUSES = ("read", "second-hand", "derived", "unconfirmed", "assumed")
DISTRIBUTIONS = ("normal", "lognormal", "uniform", "triangular", "fixed")
EDITION = 2025  # the year from which the age of a source is counted
Z95 = 1.6448536269514722  # standard normal quantile at 95 %

_used: dict[str, set[int]] = {}


def used() -> dict[str, list[tuple[int, int]]]:
    """Return the rows loaded so far in this process, by table: the first and last of each run."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for name, rows in sorted(_used.items()):
        ordered = sorted(rows)
        starts = [r for r in ordered if r - 1 not in rows]
        ends = [r for r in ordered if r + 1 not in rows]
        spans[name] = list(zip(starts, ends, strict=True))
    return spans


@cache
def package() -> dict[str, dict]:
    """Return the descriptors of all tables, by name."""
    descriptor = json.loads((paths.data() / "datapackage.json").read_text("utf-8"))
    return {resource["name"]: resource for resource in descriptor["resources"]}


@cache
def bibliography() -> dict[str, int | None]:
    """Return the year of each reference, by BibTeX key."""
    entries = re.split(r"(?m)^@", paths.bibliography().read_text("utf-8"))
    years = {}
    for entry in entries:
        if key := re.match(r"\w+\{([^,\s]+),", entry):
            year = re.search(r"\b(?:year|date)\s*=\s*[{\"]?(\d{4})", entry)
            years[key[1]] = int(year[1]) if year else None
    return years


@cache
def table(name: str) -> pd.DataFrame:
    """Return a table as it is written, checked row by row.

    Raises DataError naming file, row and column of the first fault.
    """
    resource = _resource(name)
    path = paths.data() / resource["path"]
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise DataError(f"{paths.relative(path)}: file not found (table {name!r})") from None
    except (pd.errors.ParserError, UnicodeDecodeError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{paths.relative(path)}: not a readable CSV table: {error}") from None
    return _Checker(paths.relative(path), resource, frame).checked()


def load(
    name: str,
    *,
    dims: Sequence[str] | None = None,
    unit: str | None = None,
    **where: object,
) -> pd.DataFrame | xr.Dataset:
    """Return the rows of a table that match `where`, money in real CNY of 2024.

    Without `dims`: a data frame. With `dims`: a data set with `value`, `low`, `high` (the 5 % and
    95 % quantiles) and `distribution` over those dims, `attrs["units"]` set. A row without a range
    gets a lognormal one from the pedigree table and is marked in `assumed_range`. `unit` converts
    every row. `where` holds `column=value` or `column=[values]`.

    Raises DataError for an unknown table, column or value, a unit that cannot be converted, or key
    columns that `dims` and `where` leave open.
    """
    frame = _select(name, _converted(name, unit), where)
    _used.setdefault(name, set()).update(frame.index.tolist())
    if dims is None:
        return frame.reset_index(drop=True)
    return _to_dataset(name, frame, tuple(dims), where)


def fingerprint(name: str) -> str:
    """Return a hash of all that `load` takes from a table: rows, description, years of sources."""
    resource = _resource(name)
    digest = hashlib.sha256(json.dumps(resource, sort_keys=True).encode())
    path = paths.data() / resource["path"]
    digest.update(path.read_bytes() if path.exists() else b"missing")
    years = bibliography()
    digest.update(json.dumps([[key, years.get(key)] for key in _sources(path)]).encode())
    return digest.hexdigest()


def _sources(path: Path) -> list[str]:
    """Return the keys of a file's sources, of one that is not checked yet."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return sorted({row.get("source") or "" for row in csv.DictReader(file)})


def _resource(name: str) -> dict:
    if name not in package():
        near = difflib.get_close_matches(name, package(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(f"data/datapackage.json: no table {name!r}{hint}")
    return package()[name]


class _Checker:
    """Checks one table; a fault is told with file, row and column."""

    def __init__(self, file: str, resource: dict, frame: pd.DataFrame):
        self.file, self.frame = file, frame
        self.holds_exchange_rates = resource["name"] == "money"
        self.fields = {field["name"]: field for field in resource["schema"]["fields"]}
        self.keys = list(resource["schema"]["primaryKey"])

    def fault(self, position: int, column: str, problem: str) -> DataError:
        return DataError(f"{self.file}, row {position + 2}, column {column!r}: {problem}")

    def checked(self) -> pd.DataFrame:
        missing = [c for c in [*self.keys, *STANDARD] if c not in self.frame]
        if missing:
            raise DataError(f"{self.file}: column {missing[0]!r} is missing")
        extra = [c for c in self.frame if c not in self.fields]
        if extra:
            raise DataError(f"{self.file}: column {extra[0]!r} is not in data/datapackage.json")
        for column, field in self.fields.items():
            if field["type"] in ("number", "integer", "year") and column in self.frame:
                self._to_number(column, field["type"])
        self._choices("status", STATUSES)
        self._choices("distribution", ("", *DISTRIBUTIONS))
        self._order()
        self._units()
        self._sources()
        self._unique()
        return self.frame

    def _to_number(self, column: str, kind: str) -> None:
        text = self.frame[column]
        number = pd.to_numeric(text.where(text != ""), errors="coerce").astype(float)
        required = column == "value" or column in self.keys
        wrong = number.isna() & ((text != "") | required) | np.isinf(number)
        if kind != "number":
            wrong |= number.notna() & (number % 1 != 0)
        if wrong.any():
            at = int(wrong.argmax())
            allowed = "a number" if kind == "number" else "a whole number"
            raise self.fault(at, column, f"{text.iloc[at]!r} is not {allowed}")
        whole = kind != "number" and number.notna().all()
        self.frame[column] = number.astype(int) if whole else number

    def _choices(self, column: str, allowed: Sequence[str]) -> None:
        wrong = ~self.frame[column].isin(allowed)
        if wrong.any():
            at = int(wrong.argmax())
            given = self.frame[column].iloc[at]
            raise self.fault(at, column, f"{given!r} is none of {', '.join(filter(None, allowed))}")

    def _order(self) -> None:
        low, value, high = (self.frame[c].to_numpy() for c in ("low", "value", "high"))
        for column, other, wrong in (
            ("low", "high", low > high),
            ("low", "value", low > value),
            ("high", "value", high < value),
        ):
            if wrong.any():
                at = int(wrong.argmax())
                row = self.frame.iloc[at]
                relation = "below" if column == "high" else "above"
                raise self.fault(
                    at, column, f"{row[column]:g} is {relation} {other} {row[other]:g}"
                )
        half = np.isnan(low) != np.isnan(high)
        if half.any():
            at = int(half.argmax())
            raise self.fault(at, "low" if np.isnan(low[at]) else "high", "the range has one end")

    def _units(self) -> None:
        for at, (unit, year) in enumerate(
            zip(self.frame["unit"], self.frame["currency_year"], strict=True)
        ):
            try:
                money = units.currency(unit)
            except ValueError as error:
                raise self.fault(at, "unit", str(error)) from None
            if money and np.isnan(year) and not self.holds_exchange_rates:
                raise self.fault(at, "currency_year", f"unit {unit!r} is money, its year is blank")

    def _sources(self) -> None:
        wrong = ~self.frame["source"].isin(bibliography())
        if wrong.any():
            at = int(wrong.argmax())
            given = self.frame["source"].iloc[at]
            problem = f"{given!r} is no key of book/references.bib" if given else "no citation"
            raise self.fault(at, "source", problem)

    def _unique(self) -> None:
        double = self.frame.duplicated(self.keys)
        if double.any():
            at = int(double.argmax())
            key = ", ".join(f"{c}={self.frame[c].iloc[at]}" for c in self.keys)
            raise self.fault(at, self.keys[0], f"the key {key} stands twice")


@cache
def _money() -> dict[tuple[str, int], float]:
    """Return CNY of 2024 per unit of each currency and year.

    The currency's own deflator leads to its 2024 value, the 2024 exchange rate to yuan.
    """
    if "money" not in package():
        return {(units.BASE_CURRENCY, units.BASE_YEAR): 1.0}
    wide = table("money").pivot(index=["currency", "year"], columns="item", values="value")
    rate = wide["cny_per_unit"].xs(units.BASE_YEAR, level="year")
    factors = wide["deflator_to_2024"] * rate.reindex(wide.index, level="currency")
    return {key: float(number) for key, number in factors.dropna().items()}


@cache
def _factor(unit: str, year: float, target: str | None) -> float:
    number = 1.0
    if (money := units.currency(unit)) and not np.isnan(year):
        if (money[0], int(year)) not in _money():
            raise ValueError(f"data/money.csv has no {money[0]} of {int(year)}")
        number = _money()[money[0], int(year)] ** money[1]
    return number * units.factor(units.in_base_currency(unit), target) if target else number


@cache
def _converted(name: str, target: str | None) -> pd.DataFrame:
    frame = table(name).copy()
    file = _resource(name)["path"]
    numbers = np.ones(len(frame))
    convertible = np.ones(len(frame), dtype=bool)
    for at, (unit, year) in enumerate(zip(frame["unit"], frame["currency_year"], strict=True)):
        try:
            numbers[at] = _factor(unit, year, target)
        except ValueError as error:
            if target is None:
                raise DataError(f"data/{file}, row {at + 2}, column 'unit': {error}") from None
            convertible[at] = False
    for column in ("value", "low", "high"):
        frame[column] = frame[column] * np.where(convertible, numbers, np.nan)
    frame["unit"] = [
        (target or units.in_base_currency(unit)) if good else unit
        for unit, good in zip(frame["unit"], convertible, strict=True)
    ]
    frame["currency_year"] = np.where(
        [bool(units.currency(unit)) for unit in frame["unit"]], units.BASE_YEAR, np.nan
    )
    frame["_convertible"] = convertible
    return _with_ranges(frame)


@cache
def _pedigree() -> dict[tuple[str, str], float]:
    if "pedigree" not in package():
        raise DataError("data/datapackage.json: no table 'pedigree', which rows without range need")
    rows = table("pedigree")
    return dict(zip(zip(rows["criterion"], rows["level"], strict=True), rows["value"], strict=True))


@cache
def _spread(status: str, year: int | None) -> float:
    """Return high / value of a row without a range, by its status and the age of its source.

    The squared geometric standard deviation of the pedigree approach,
    U = exp sqrt(sum_i (ln U_i)^2), is a 95 % interval; z95/z97.5 turns it into 5-95 %.
    """
    age = EDITION - year if year else None
    classes = (("under 3", 3), ("under 6", 6), ("under 10", 10), ("under 15", 15))
    level = next((c for c, years in classes if age is not None and age < years), "older")
    factors = [
        _pedigree()["basic", "all"],
        _pedigree()["reliability", status],
        _pedigree()["age", level],
    ]
    return float(np.exp(Z95 / 2 * np.sqrt(np.sum(np.log(factors) ** 2))))


def _with_ranges(frame: pd.DataFrame) -> pd.DataFrame:
    """Fill blank ranges: fixed rows with the value itself, others from the pedigree table."""
    blank = frame["low"].isna() & frame["value"].notna()
    fixed = frame["distribution"] == "fixed"
    frame["assumed_range"] = blank & ~fixed
    frame["distribution"] = frame["distribution"].mask(
        frame["distribution"] == "", pd.Series(np.where(blank, "lognormal", "normal"), frame.index)
    )
    spread = [
        1.0 if certain else _spread(status, bibliography()[source])
        for certain, status, source in zip(
            fixed[blank], frame.loc[blank, "status"], frame.loc[blank, "source"], strict=True
        )
    ]
    value = frame.loc[blank, "value"].to_numpy()
    frame.loc[blank, ["low", "high"]] = np.sort([value / spread, value * spread], axis=0).T
    return frame


def _select(name: str, frame: pd.DataFrame, where: dict[str, object]) -> pd.DataFrame:
    for column, wanted in where.items():
        if column not in frame:
            near = difflib.get_close_matches(column, frame.columns, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise DataError(f"table {name!r} has no column {column!r}{hint}")
        wanted = list(wanted) if isinstance(wanted, list | tuple | set) else [wanted]
        unknown = [item for item in wanted if item not in set(frame[column])]
        if unknown:
            allowed = ", ".join(map(str, pd.unique(frame[column])[:20]))
            raise DataError(
                f"table {name!r}, column {column!r}: no row has {unknown[0]!r}; rows have {allowed}"
            )
        frame = frame[frame[column].isin(wanted)]
    stuck = ~frame["_convertible"]
    if stuck.any():
        row = frame[stuck].iloc[0]
        target = frame.loc[~stuck, "unit"].iloc[0] if (~stuck).any() else "the unit asked for"
        raise DataError(
            f"table {name!r}, row {row.name + 2}: unit {row['unit']!r} cannot be converted "
            f"to {target!r}"
        )
    return frame.drop(columns="_convertible")


def _to_dataset(
    name: str, frame: pd.DataFrame, dims: tuple[str, ...], where: dict[str, object]
) -> xr.Dataset:
    keys = _resource(name)["schema"]["primaryKey"]
    unknown = [dim for dim in dims if dim not in keys]
    if unknown:
        raise DataError(f"table {name!r}: {unknown[0]!r} is no key column; they are {keys}")
    for key in keys:
        if key not in dims and frame[key].nunique() > 1:
            found = ", ".join(map(str, pd.unique(frame[key])[:8]))
            raise DataError(
                f"table {name!r}: column {key!r} is neither in dims nor fixed; it holds {found}"
            )
    if frame["unit"].nunique() > 1:
        found = ", ".join(pd.unique(frame["unit"])[:8])
        raise DataError(f"table {name!r}: rows have several units ({found}); say unit=...")
    columns = ["value", "low", "high", "distribution"]
    if not dims:
        dataset = xr.Dataset({c: frame[c].iloc[0] for c in columns})
    else:
        dataset = frame.set_index(list(dims))[columns].to_xarray()
        # to_xarray sorts text labels; the order of the file is the author's.
        dataset = dataset.reindex({dim: pd.unique(frame[dim]) for dim in dims})
        filled = np.where(pd.isna(dataset["distribution"]), "fixed", dataset["distribution"])
        dataset["distribution"] = (dataset["distribution"].dims, filled.astype(str))
    unit = frame["unit"].iloc[0]
    for column in ("value", "low", "high"):
        dataset[column].attrs["units"] = unit
    return dataset.assign_attrs(units=unit, table=name)
