"""The loader: what it converts, and what it refuses with file, row and column."""

import json

import numpy as np
import pytest

from compendium import data, units
from compendium.errors import DataError
from tests.conftest import clear_caches
from tests.small import HEADER, ROOT, ROWS


def write(root, rows, header=HEADER):
    (root / "data/toy/prices.csv").write_text(header + rows)
    clear_caches()


def test_money_is_deflated_at_home_then_exchanged(small):
    money = data.load("money")
    rate = money.query("currency == 'USD' and year == 2024 and item == 'cny_per_unit'").value.item()
    deflator = money.query("currency == 'USD' and year == 2020 and item == 'deflator_to_2024'")
    coal = data.load("toy/prices", item="coal")
    assert coal["value"].item() == pytest.approx(100 * deflator.value.item() * rate)
    assert coal["unit"].item() == "CNY/t"
    assert coal["currency_year"].item() == 2024


def test_units_convert_and_labels_keep_the_order_of_the_file(small):
    prices = data.load("toy/prices", dims=("item",), unit="CNY/t")
    assert prices["value"].sel(item="ore").item() == pytest.approx(60_000)
    assert list(prices["item"].values) == ["coal", "ore"]
    assert prices.attrs["units"] == "CNY/t"


def test_a_stated_range_is_kept_and_a_missing_one_assumed(small):
    frame = data.load("toy/prices").set_index("item")
    assert frame["low"]["coal"] / frame["value"]["coal"] == pytest.approx(0.9)
    assert not frame["assumed_range"]["coal"] and frame["assumed_range"]["ore"]
    # ore is derived from a source of 2025: factors 1.05 and 1.10, as squared geometric deviations
    spread = np.exp(1.6448536 / 2 * np.hypot(np.log(1.05), np.log(1.10)))
    assert frame["high"]["ore"] / 60 == pytest.approx(spread)
    assert frame["low"]["ore"] * frame["high"]["ore"] == pytest.approx(60**2)


@pytest.mark.parametrize(
    ("row", "place", "reason"),
    [
        ("coal,100,110,120,USD/t,2020,,hu2025,,,read,\n", "row 2, column 'low'", "above value 100"),
        ("coal,100,90,80,USD/t,2020,,hu2025,,,read,\n", "row 2, column 'low'", "above high 80"),
        ("coal,100,90,95,USD/t,2020,,hu2025,,,read,\n", "row 2, column 'high'", "below value 100"),
        ("coal,100,90,,USD/t,2020,,hu2025,,,read,\n", "row 2, column 'high'", "one end"),
        ("coal,100,,,furlongz/t,,,hu2025,,,read,\n", "row 2, column 'unit'", "'furlongz/t'"),
        ("coal,100,,,bushel of coal,,,hu2025,,,read,\n", "row 2, column 'unit'", "not known"),
        ("coal,100,,,USD/t,,,hu2025,,,read,\n", "row 2, column 'currency_year'", "is money"),
        ("coal,1e5x,,,t,,,hu2025,,,read,\n", "row 2, column 'value'", "'1e5x' is not a number"),
        ("coal,,,,t,,,hu2025,,,read,\n", "row 2, column 'value'", "is not a number"),
        ("coal,1,,,t,,,,,,read,\n", "row 2, column 'source'", "no citation"),
        ("coal,1,,,t,,,nobody1900,,,read,\n", "row 2, column 'source'", "'nobody1900'"),
        ("coal,1,,,t,,,hu2025,,,certain,\n", "row 2, column 'status'", "'certain' is none of"),
        ("coal,1,,,t,,flat,hu2025,,,read,\n", "row 2, column 'distribution'", "'flat' is none of"),
        ("coal,1,,,t,,,hu2025,,,read,\n" * 2, "row 3, column 'item'", "stands twice"),
        (ROWS + "gas,1,,,USD/t,1720,,hu2025,,,read,\n", "row 4, column 'unit'", "no USD of 1720"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(small, row, place, reason):
    write(small, row)
    with pytest.raises(DataError) as caught:
        data.load("toy/prices")
    assert "data/toy/prices.csv, " + place in str(caught.value)
    assert reason in str(caught.value)


def test_missing_and_undeclared_columns_are_refused(small):
    write(small, "coal,1\n", "item,value\n")
    with pytest.raises(DataError, match=r"prices\.csv: column 'low' is missing"):
        data.load("toy/prices")
    write(small, "coal,1,,,t,,,hu2025,,,read,,x\n", HEADER.strip() + ",colour\n")
    with pytest.raises(DataError, match=r"column 'colour' is not in data/datapackage\.json"):
        data.load("toy/prices")


def test_what_a_caller_gets_wrong_is_named(small):
    with pytest.raises(DataError, match="no table 'toy/price'; did you mean 'toy/prices'"):
        data.load("toy/price")
    with pytest.raises(DataError, match="no column 'itm'; did you mean 'item'"):
        data.load("toy/prices", itm="coal")
    with pytest.raises(DataError, match="no row has 'cole'; rows have coal, ore"):
        data.load("toy/prices", item="cole")
    with pytest.raises(DataError, match="row 2: unit 'USD/t' cannot be converted"):
        data.load("toy/prices", unit="GJ")
    with pytest.raises(DataError, match="rows have several units"):
        data.load("toy/prices", dims=("item",))
    with pytest.raises(DataError, match="'item' is neither in dims nor fixed; it holds coal, ore"):
        data.load("toy/prices", dims=(), unit="CNY/t")


def test_the_fingerprint_follows_rows_description_and_year_of_source(small):
    before = data.fingerprint("toy/prices")
    write(small, ROWS.replace("100,90", "100,91"))
    changed = data.fingerprint("toy/prices")
    assert changed != before
    write(small, ROWS)
    assert data.fingerprint("toy/prices") == before
    bib = small / "book/references.bib"
    bib.write_text(bib.read_text().replace("year = {2025}", "year = {2013}", 1))
    clear_caches()
    assert data.fingerprint("toy/prices") != before


@pytest.mark.parametrize(
    ("unit", "target", "number"),
    [
        ("MWh/t", "GJ/t", 3.6),
        ("GtCO2", "tCO2", 1e9),
        ("CNY/MWh", "CNY/GJ", 1 / 3.6),
        ("Mt/year", "t/year", 1e6),
        ("percent", "1", 0.01),
        ("kg/t", "1", 1e-3),
    ],
)
def test_units_of_the_tables(unit, target, number):
    assert units.factor(unit, target) == pytest.approx(number)


def test_carbon_is_no_mass_and_currencies_do_not_mix():
    with pytest.raises(ValueError, match="cannot be converted"):
        units.factor("tCO2", "t")
    with pytest.raises(ValueError, match="cannot be converted"):
        units.factor("USD", "CNY")
    assert units.currency("USD/t") == ("USD", 1.0)
    assert units.currency("t/EUR") == ("EUR", -1.0)
    assert units.in_base_currency("EUR/MWh") == "CNY/MWh"


@pytest.mark.parametrize("name", list(data.package()))
def test_every_table_of_the_package_loads(name):
    frame = data.load(name)
    assert len(frame)
    assert (frame["low"] <= frame["high"]).all()


def test_the_package_is_valid_frictionless():
    from frictionless import Package, system

    with system.use_context(trusted=True):
        report = Package(str(ROOT / "data/datapackage.json")).validate()
    assert report.valid, report.flatten(["fieldName", "rowNumber", "message"])[:5]


def test_every_csv_is_described_and_every_table_names_its_terms():
    described = {resource["path"] for resource in data.package().values()}
    files = {str(f.relative_to(ROOT / "data")) for f in (ROOT / "data").rglob("*.csv")}
    assert files - described == {"claims.csv"}
    for resource in data.package().values():
        assert resource["licenses"] and resource["sources"] and resource["description"]


def test_the_descriptor_and_the_loader_agree_on_the_standard_columns():
    for name, resource in data.package().items():
        names = [field["name"] for field in resource["schema"]["fields"]]
        assert names[-len(data.STANDARD) :] == data.STANDARD, name
    assert json.loads((ROOT / "data/datapackage.json").read_text())["profile"] == "data-package"


def test_the_rows_that_were_loaded_are_known(small):
    data._used.clear()
    data.load("toy/prices", item="ore")
    assert data.used() == {"toy/prices": [(1, 1)]}
    data.load("toy/prices")
    assert data.used() == {"toy/prices": [(0, 1)]}
    data._used.clear()
