"""A year of hourly sun and wind, read from a reader's own CSV file."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from compendium.errors import DataError

HOURS = 8760
COLUMNS = ("pv", "wind")


def read_hourly(path: str | Path) -> xr.Dataset:
    """Return the capacity factors of PV and wind in each hour of a year.

    The file has one line a hour, 8,760 of them, and the columns `pv` and `wind`, each from 0 to 1
    per unit of capacity; other columns are not read. Rows count from 2, below the heading.

    Raises DataError naming file, row and column, what was given and what is allowed, for a file
    that is missing or no CSV table, a missing column, a gap, a value that is no number from 0 to 1,
    and another number of rows.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: file not found; give the path of a CSV file with hourly values")
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, skip_blank_lines=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable CSV table: {error}") from None
    names = {str(name).strip().lower(): name for name in frame.columns}
    series = {}
    for column in COLUMNS:
        if column not in names:
            found = ", ".join(map(str, frame.columns))
            raise DataError(f"{path}, row 1: column {column!r} is missing; found {found}")
        text = frame[names[column]].astype(str).str.strip()
        number = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float)
        wrong = ~((number >= 0) & (number <= 1))
        if wrong.any():
            at = int(wrong.argmax())
            given = repr(text.iloc[at]) if text.iloc[at] else "a gap"
            raise DataError(
                f"{path}, row {at + 2}, column {column!r}: {given} is not a number from 0 to 1"
            )
        series[column] = number
    if len(frame) != HOURS:
        raise DataError(
            f"{path}, row {len(frame) + 1}: the table ends after {len(frame):,} hours; "
            f"{HOURS:,} are allowed, one for each hour of a year of 365 days"
        )
    return xr.Dataset(
        {name: ("hour", values, {"units": "1"}) for name, values in series.items()},
        {"hour": np.arange(HOURS)},
    )
