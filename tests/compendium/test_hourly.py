"""A reader's own hourly file: what is read, and the one error for each fault."""

import numpy as np
import pandas as pd
import pytest

from compendium.errors import DataError
from compendium.hourly import read_hourly


def table(**changed):
    hours = np.arange(8760)
    frame = {"pv": np.round(hours % 24 / 24, 3), "wind": np.round(hours % 7 / 7, 3)}
    return pd.DataFrame(frame | changed)


def written(tmp_path, frame):
    path = tmp_path / "year.csv"
    frame.to_csv(path, index=False)
    return path


def test_a_good_file_is_read(tmp_path):
    got = read_hourly(written(tmp_path, table(site="here")[["site", "wind", "pv"]]))
    assert got["pv"].dims == ("hour",) and got.sizes["hour"] == 8760
    assert got["pv"].values[25] == pytest.approx(0.042)
    assert got["wind"].values[6] == pytest.approx(0.857)


def with_cell(row, column, value):
    frame = table().astype(object)
    frame.loc[row - 2, column] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (with_cell(100, "wind", ""), "row 100, column 'wind': a gap is not a number from 0 to 1"),
        (with_cell(12, "pv", "1.2"), "row 12, column 'pv': '1.2' is not a number from 0 to 1"),
        (with_cell(12, "pv", "-0.1"), "row 12, column 'pv': '-0.1' is not"),
        (with_cell(9, "pv", "calm"), "row 9, column 'pv': 'calm' is not"),
        (with_cell(9, "pv", "inf"), "row 9, column 'pv': 'inf' is not"),
        (table().iloc[:-1], "row 8760: the table ends after 8,759 hours; 8,760 are allowed"),
        (pd.concat([table(), table()[:24]]), "row 8785: the table ends after 8,784 hours"),
        (table().rename(columns={"pv": "sun"}), "row 1: column 'pv' is missing; found sun, wind"),
    ],
)
def test_a_fault_is_told_with_file_row_and_column(tmp_path, frame, says):
    path = written(tmp_path, frame)
    with pytest.raises(DataError) as error:
        read_hourly(path)
    assert str(error.value).startswith(str(path)) and says in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv: file not found"):
        read_hourly(tmp_path / "nowhere.csv")
