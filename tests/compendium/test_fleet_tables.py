"""The blast-furnace tables agree with each other: every age basis holds the whole fleet."""

import pandas as pd
import pytest

from compendium import load

KEYS = ["as_of", "region", "economy", "state"]
RUNNING = ("operating", "operating pre-retirement", "operating, since retired")


def running():
    parts = [load("fleet/blast-furnaces"), load("fleet/blast-furnaces-undated")]
    table = pd.concat([part[[*KEYS, "basis", "value"]] for part in parts])
    return table[table["state"].isin(RUNNING)]


def test_each_basis_counts_the_same_capacity():
    total = running().groupby([*KEYS, "basis"])["value"].sum().unstack("basis")
    assert total.notna().all().all()
    for basis in total:
        assert total[basis].tolist() == pytest.approx(total["first start"].tolist(), abs=0.01)


def test_relining_never_makes_a_fleet_older():
    table = load("fleet/blast-furnaces", as_of=2025, state="operating")
    weighed = table.assign(sum=table["vintage"] * table["value"]).groupby("basis")[["sum", "value"]]
    sums = weighed.sum()
    vintage = sums["sum"] / sums["value"]
    assert vintage["first start"] < vintage["last full relining"] < vintage["last relining"]


def test_no_furnace_is_dated_after_the_year_in_which_it_is_seen():
    table = load("fleet/blast-furnaces")
    table = table[table["state"].isin(RUNNING)]
    assert (table["vintage"] <= table["as_of"]).all()
    assert (table.loc[table["basis"] == "first start", "relinings"] == 0).all()
