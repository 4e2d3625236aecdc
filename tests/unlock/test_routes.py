"""Routes from the tables: complete, in the units of the levelised cost; unknown parts refused."""

import numpy as np
import pytest
import xarray as xr

from compendium import load
from unlock import costs, routes, uncertainty

ALL = routes.read(load, years=[2025, 2030])
MIDDLE = {name: figure["value"] for name, figure in ALL.inputs.items()}


def test_every_route_of_every_product_has_a_cost():
    cost = costs.levelised_cost(**routes.arguments(MIDDLE, routes=ALL))
    assert set(cost.dims) == {"route", "region", "year"}
    assert list(cost["route"].values) == list(ALL.table.index)
    assert float(cost.min()) > 200 and float(cost.max()) < 50_000  # CNY; cement to aluminium


def test_the_cost_of_one_route_by_hand():
    here = {"route": "bf_bof", "region": "China", "year": 2025}
    cell = {
        name: table.sel({dim: label for dim, label in here.items() if dim in table.dims})
        for name, table in MIDDLE.items()
    }
    bill = sum(float(cell[f"use of {n}"] * cell[f"price of {n}"]) for n in ALL.traded)
    rate = float(MIDDLE["cost of capital"].sel(item="cost_of_capital_steel", region="China"))
    life = float(ALL.life.sel(route=here["route"]))
    capital = float(cell["capital cost"]) * rate / (1 - (1 + rate) ** -life)
    carbon = float(cell["emissions"] * cell["price of carbon"])
    by_hand = bill + capital + float(cell["fixed cost"]) + carbon
    cost = costs.levelised_cost(**routes.arguments(MIDDLE, routes=ALL)).sel(here)
    assert float(cost) == pytest.approx(by_hand)


def test_capital_cost_changes_evenly_between_the_years_of_the_table():
    three = routes.read(load, years=[2025, 2037.5, 2050]).inputs["capital cost"]["value"]
    np.testing.assert_allclose(three.isel(year=1), three.isel(year=[0, 2]).mean("year"))


def test_one_draw_holds_for_all_years():
    draw = uncertainty.sample(ALL.inputs, n=64, shared=ALL.shared, correlation=ALL.correlation)
    price = draw["price of hydrogen"]
    ranks = price.sel(region="China").rank("sample")
    assert (ranks.isel(year=0) == ranks.isel(year=1)).all()


def test_a_fixed_figure_has_no_range():
    figure = routes.fixed(ALL.inputs["price of carbon"], 300)
    assert all((figure[key] == 300).all() for key in ("value", "low", "high"))


def test_pick_takes_the_cell_of_each_product():
    chosen = routes.role(ALL, "green")
    life = routes.pick(ALL.life, chosen)
    assert life.dims == ("product", "region")
    for product in life["product"].values:
        name = str(chosen.sel(product=product, region="Europe").item())
        assert life.sel(product=product, region="Europe") == ALL.life.sel(route=name)
    assert isinstance(life, xr.DataArray)


@pytest.mark.parametrize("years", [[2024], [2030, 2051], []])
def test_years_outside_the_tables_are_refused(years):
    with pytest.raises(ValueError, match="years must lie from 2025 to 2050"):
        routes.read(load, years=years)


def test_a_part_that_nobody_plays_is_refused():
    with pytest.raises(ValueError, match="no route of steel is 'purple' in China"):
        routes.role(ALL, "purple")
