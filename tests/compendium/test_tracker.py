"""The reader of a newer tracker workbook, on small workbooks made here."""

import datetime
import re

import pandas as pd
import pytest

from compendium.errors import DataError
from compendium.tracker import FURNACES, RELININGS, read_tracker

UNIT = ["GEM Unit ID", "Country/Area", "Unit Status", "Start Date", "Current Capacity (ttpa)"]
RELINING = [
    "GEM Unit ID",
    "Relining Status",
    "Relining Type",
    "Furnace Relining Start Date",
    "Furnace Relining Stop Date",
]
UNITS = [
    ["U1", "China", "operating", 1995, 2000],
    ["U2", "China", "operating", "unknown", "1500"],
    ["U3", "Poland", "operating pre-retirement", datetime.datetime(1970, 5, 1), 1000.0],
    ["U4", "India", "construction", "2027-03", ">0"],
    ["U5", "India", "announced", 2029, 3000],
    ["U6", "Brazil", "retired", 1960, 900],
    ["U7", "Canada", "mothballed", 1980, 800],
]
EVENTS = [
    ["U1", "complete", "full", 2009, 2010],
    ["U1", "complete", "partial", 2019, None],
    ["U1", "complete", "full", 2026, 2027],
    ["U1", "planned", "full", 2020, 2021],
    ["U2", "complete", "unknown", "unknown", 2018],
    ["U3", "complete", "full", 1990, 1990],
    ["U3", "complete", "full", 2000, 2000],
    ["U3", "complete", "full", 2010, 2010],
]


@pytest.fixture
def workbook(tmp_path):
    def make(units=UNITS, events=EVENTS, unit=UNIT, relining=RELINING, drop=None):
        path = tmp_path / "tracker.xlsx"
        sheets = {
            "About": pd.DataFrame({"text": ["a tracker"]}),
            FURNACES: pd.DataFrame(units, columns=unit),
            RELININGS: pd.DataFrame(events, columns=relining),
        }
        with pd.ExcelWriter(path, engine="openpyxl") as writer:
            for name, frame in sheets.items():
                if name != drop:
                    frame.to_excel(writer, sheet_name=name, index=False)
        return path

    return make


def pick(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def test_capacity_by_state_is_that_of_the_workbook(workbook):
    fleet = read_tracker(workbook(), as_of=2025)
    for basis in ("first start", "last relining", "last full relining"):
        total = pick(fleet, basis=basis).groupby("state")["value"].sum()
        assert total.to_dict() == pytest.approx(
            {"operating": 3.5, "operating pre-retirement": 1.0, "announced": 3.0, "mothballed": 0.8}
        )
    assert set(fleet["unit"]) == {"Mt/year"} and set(fleet["as_of"]) == {2025}


def test_ages_under_each_basis(workbook):
    fleet = pick(read_tracker(workbook(), as_of=2025), region="China", state="operating")

    def dated(basis):
        rows = pick(fleet, basis=basis).dropna(subset="vintage")
        return list(zip(rows["vintage"], rows["relinings"], rows["value"], strict=True))

    assert dated("first start") == [(1995, 0, 2.0)]
    assert dated("last full relining") == [(2010, 1, 2.0)]
    assert sorted(dated("last relining")) == [(2018, 1, 1.5), (2019, 2, 2.0)]


def test_undated_furnaces_have_no_vintage_and_later_relinings_wait(workbook):
    path = workbook()
    undated = pick(read_tracker(path, as_of=2025), region="China", basis="first start")
    assert undated.loc[undated["vintage"].isna(), "value"].tolist() == [1.5]
    later = pick(read_tracker(path, as_of=2030), region="China", basis="last full relining")
    assert later["vintage"].max() == 2027


def test_more_than_two_relinings_count_as_two_and_countries_have_groups(workbook):
    fleet = pick(read_tracker(workbook(), as_of=2025), basis="last full relining")
    poland = pick(fleet, region="Europe").iloc[0]
    assert (poland["relinings"], poland["vintage"], poland["economy"]) == (2, 2010, "emerging")
    assert pick(fleet, state="mothballed").iloc[0][["region", "economy"]].tolist() == [
        "Rest of world",
        "advanced",
    ]


def test_headers_of_a_newer_edition_differ_in_case_only(workbook):
    newer = [name.capitalize() for name in UNIT]
    assert read_tracker(workbook(unit=newer), as_of=2025)["value"].sum() > 0


def test_the_table_has_the_keys_of_the_packaged_one(workbook):
    from compendium import load

    packaged = load("fleet/blast-furnaces", as_of=2025, state="operating")
    fleet = read_tracker(workbook(), as_of=2025)
    assert set(fleet.columns) <= set(packaged.columns)
    assert set(fleet["basis"]) == set(packaged["basis"])
    assert set(fleet["region"]) <= set(load("fleet/blast-furnaces")["region"])


def test_a_missing_file_and_a_file_that_is_no_workbook(tmp_path):
    with pytest.raises(DataError, match=r"none\.xlsx: file not found"):
        read_tracker(tmp_path / "none.xlsx", as_of=2025)
    text = tmp_path / "text.xlsx"
    text.write_text("capacity,1\n")
    with pytest.raises(DataError, match=r"text\.xlsx: not a readable \.xlsx workbook"):
        read_tracker(text, as_of=2025)


@pytest.mark.parametrize("sheet", [FURNACES, RELININGS])
def test_a_missing_sheet_is_named_with_those_found(workbook, sheet):
    with pytest.raises(DataError, match=f"sheet '{sheet}' is missing; found 'about'"):
        read_tracker(workbook(drop=sheet), as_of=2025)


@pytest.mark.parametrize(("column", "sheet"), [(2, FURNACES), (4, FURNACES), (4, RELININGS)])
def test_a_missing_column_is_named_with_its_sheet(workbook, column, sheet):
    kind = "unit" if sheet == FURNACES else "relining"
    headers = list(UNIT if sheet == FURNACES else RELINING)
    name, headers[column] = headers[column], "Something else"
    with pytest.raises(DataError) as error:
        read_tracker(workbook(**{kind: headers}), as_of=2025)
    assert f"sheet {sheet!r}: column {name!r} is missing" in str(error.value)


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        (4, "two million", "'two million' is not a number of thousand t/year"),
        (4, -5, "'-5' is not a number of thousand t/year"),
        (3, "soon", "'soon' is not a date or year from 1800 to 2100"),
        (3, 20255, "'20255' is not a date or year"),
        (2, "idle", "'idle' is not one of announced, construction"),
    ],
)
def test_a_wrong_cell_is_named_with_its_row_and_column(workbook, column, cell, words):
    units = [list(row) for row in UNITS]
    units[2][column] = cell
    place = f"sheet '{FURNACES}', row 4, column '{UNIT[column]}'"
    with pytest.raises(DataError, match=re.escape(place) + ".*" + re.escape(words)):
        read_tracker(workbook(units=units), as_of=2025)


def test_a_wrong_date_of_a_relining_is_named(workbook):
    events = [*EVENTS, ["U1", "complete", "full", 2012, "later"]]
    with pytest.raises(DataError, match=f"sheet '{RELININGS}', row 10, column"):
        read_tracker(workbook(events=events), as_of=2025)
