"""A newer edition of the Global Iron and Steel Tracker, read from its own workbook.

`read_tracker` gives the same tidy table as `data/fleet/blast-furnaces.csv` and its undated
companion, so that the chapter on carbon lock-in runs on a fleet that a reader has downloaded.
"""

import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from compendium.errors import DataError

FURNACES, RELININGS = "Blast furnaces", "Blast furnace relinings"
COLUMNS = {
    FURNACES: {
        "unit": "GEM Unit ID",
        "country": "Country/Area",
        "state": "Unit Status",
        "start": "Start Date",
        "capacity": "Current Capacity (ttpa)",
    },
    RELININGS: {
        "unit": "GEM Unit ID",
        "state": "Relining Status",
        "type": "Relining Type",
        "start": "Furnace Relining Start Date",
        "stop": "Furnace Relining Stop Date",
    },
}
STATES = (
    "announced, construction, operating, operating pre-retirement, mothballed, "
    "mothballed pre-retirement, retired, cancelled"
).split(", ")
COUNTED = ("announced", "construction", "operating", "operating pre-retirement", "mothballed")
BASES = ("first start", "last relining", "last full relining")
UNKNOWN = ("", "unknown", "n/a", "nan", "none", "tbd")
YEARS = (1800, 2100)

_EURO = (
    "Austria Belgium Bulgaria Croatia Cyprus Denmark Estonia Finland France Germany Greece Hungary "
    "Ireland Italy Latvia Lithuania Luxembourg Malta Netherlands Poland Portugal Romania Slovakia "
    "Slovenia Spain Sweden"
).split()
REGIONS = {
    "China": ["China"],
    "India": ["India"],
    "Europe": [*_EURO, "Czech Republic", "Czechia", "United Kingdom"],
    "United States": ["United States"],
    "Japan-Korea-Taiwan": ["Japan", "South Korea", "Taiwan"],
    "Russia-Ukraine-Kazakhstan": ["Russia", "Ukraine", "Kazakhstan"],
}
_EMERGING_IN_EUROPE = {"Bulgaria", "Hungary", "Poland", "Romania"}
ADVANCED = {
    *(set(REGIONS["Europe"]) - _EMERGING_IN_EUROPE),
    *("United States", "Japan", "South Korea", "Taiwan"),
    *("Australia", "Canada", "Iceland", "Israel", "New Zealand", "Norway", "Switzerland"),
}
KEYS = ["as_of", "region", "economy", "state", "basis", "relinings", "vintage"]


def read_tracker(path: str | Path, *, as_of: int) -> pd.DataFrame:
    """Return the blast-furnace fleet of a tracker workbook, as `fleet/blast-furnaces` has it.

    One row for each year of seeing the fleet, region, economy, state, age basis, number of
    completed relinings (2 means two or more) and vintage year, with `value` the hot-metal capacity
    in Mt/year. A furnace without a date has no vintage; one without a capacity is left out.
    `as_of` is the year in which the workbook sees the fleet: later relinings do not count.

    Raises DataError naming file, sheet, row and column for a file that is missing or no workbook,
    a missing sheet or column, a capacity or date that is none, and an unknown status.

    Source of the workbook: Global Energy Monitor, Global Iron and Steel Tracker, iron unit data.
    """
    workbook = _Workbook(Path(path))
    units, relinings = workbook.units(), workbook.relinings()
    relinings = relinings[relinings["year"] <= as_of]
    parts = [_on_basis(units, relinings, basis) for basis in BASES]
    every = pd.concat(parts).assign(as_of=as_of)
    capacity = every.groupby(KEYS, dropna=False)["capacity"].sum() / 1000
    table = capacity.rename("value").reset_index()
    return table.assign(unit="Mt/year")


def _on_basis(units: pd.DataFrame, relinings: pd.DataFrame, basis: str) -> pd.DataFrame:
    if basis == "first start":
        counted = relinings.iloc[:0]
    elif basis == "last relining":
        counted = relinings
    else:
        counted = relinings[relinings["type"] == "full"]
    by_unit = counted.groupby("unit")["year"]
    last, number = units["unit"].map(by_unit.max()), units["unit"].map(by_unit.nunique())
    return units.assign(
        basis=basis,
        vintage=np.fmax(units["start"], last.astype(float)),
        relinings=number.fillna(0).clip(upper=2).astype(int),
    )


class _Workbook:
    """One tracker workbook; a fault is told with file, sheet, row and column."""

    def __init__(self, path: Path):
        self.path = path
        if not path.is_file():
            raise DataError(f"{path}: file not found; give the path of a tracker workbook (.xlsx)")
        try:
            sheets = pd.read_excel(path, sheet_name=None, dtype=object, engine="openpyxl")
        except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
            raise DataError(f"{path}: not a readable .xlsx workbook ({error})") from None
        self.sheets = {name.strip().lower(): frame for name, frame in sheets.items()}

    def units(self) -> pd.DataFrame:
        frame = self._columns(FURNACES)
        frame["state"] = frame["state"].map(_text)
        for row, state in frame["state"].items():
            if state not in STATES:
                raise self._fault(FURNACES, row, "state", state, "one of " + ", ".join(STATES))
        frame["start"] = self._years(FURNACES, frame, "start")
        frame["capacity"] = self._capacities(frame)
        country = frame["country"].astype(str).str.strip()
        places = {name: region for region, names in REGIONS.items() for name in names}
        frame["region"] = country.map(places).fillna("Rest of world")
        frame["economy"] = np.where(country.isin(ADVANCED), "advanced", "emerging")
        return frame[frame["state"].isin(COUNTED) & (frame["capacity"] > 0)]

    def relinings(self) -> pd.DataFrame:
        frame = self._columns(RELININGS)
        start, stop = (self._years(RELININGS, frame, name) for name in ("start", "stop"))
        frame = frame.assign(year=stop.fillna(start), type=frame["type"].map(_text))
        done = frame["state"].map(_text).isin(("complete", "completed"))
        return frame[done & frame["year"].notna()]

    def _columns(self, sheet: str) -> pd.DataFrame:
        if sheet.lower() not in self.sheets:
            found = ", ".join(repr(name) for name in self.sheets)
            raise DataError(f"{self.path}: sheet {sheet!r} is missing; found {found}")
        frame = self.sheets[sheet.lower()]
        given = {str(name).strip().lower(): name for name in frame.columns}
        for wanted in COLUMNS[sheet].values():
            if wanted.lower() not in given:
                raise DataError(f"{self.path}, sheet {sheet!r}: column {wanted!r} is missing")
        picked = {key: frame[given[name.lower()]] for key, name in COLUMNS[sheet].items()}
        return pd.DataFrame(picked).dropna(how="all")

    def _years(self, sheet: str, frame: pd.DataFrame, key: str) -> pd.Series:
        years = [_year(cell) for cell in frame[key]]
        for row, year in zip(frame.index, years, strict=True):
            if year is None or (not np.isnan(year) and not YEARS[0] <= year <= YEARS[1]):
                allowed = f"a date or year from {YEARS[0]} to {YEARS[1]}, 'unknown' or blank"
                raise self._fault(sheet, row, key, frame.at[row, key], allowed)
        return pd.Series(years, index=frame.index, dtype=float)

    def _capacities(self, frame: pd.DataFrame) -> pd.Series:
        # The tracker writes ">0" where a furnace has a capacity that nobody has published.
        text = frame["capacity"].map(_text).replace(">0", "")
        blank = text.isin(UNKNOWN)
        capacity = pd.to_numeric(text.where(~blank), errors="coerce").astype(float)
        wrong = (capacity.isna() & ~blank) | (capacity < 0) | np.isinf(capacity)
        for row in frame.index[wrong]:
            allowed = "a number of thousand t/year from 0 on, '>0', 'unknown' or blank"
            raise self._fault(FURNACES, row, "capacity", frame.at[row, "capacity"], allowed)
        return capacity.fillna(0.0)

    def _fault(self, sheet: str, row: int, key: str, given: object, allowed: str) -> DataError:
        place = f"{self.path}, sheet {sheet!r}, row {row + 2}, column {COLUMNS[sheet][key]!r}"
        return DataError(f"{place}: {str(given)!r} is not {allowed}")


def _text(cell: object) -> str:
    return "" if pd.isna(cell) else str(cell).strip().lower()


def _year(cell: object) -> float | None:
    """The year of a cell, NaN where the date is not known, None where it is no date."""
    if hasattr(cell, "year") and not pd.isna(cell):
        return float(cell.year)
    text = _text(cell)
    if text in UNKNOWN:
        return np.nan
    date = re.fullmatch(r"(\d{4})(\.0)?([-/]\d{1,2}){0,2}( 00:00:00)?", text)
    return float(date[1]) if date else None
