"""Demand for minerals, supply, concentration and pay-back, against cases by hand."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from unlock import cohorts, minerals

YEARS = np.arange(2020, 2031)
TIME = xr.DataArray(YEARS, dims="time", coords={"time": YEARS})
positive = st.floats(0.01, 1e3)
part = st.floats(0.0, 1.0)


def series(values, start=2020):
    time = np.arange(start, start + len(values))
    return xr.DataArray(np.asarray(values, dtype=float), dims="time", coords={"time": time})


def nodes(values, years=(2020, 2025, 2030)):
    return xr.DataArray(np.asarray(values, dtype=float), dims="year", coords={"year": list(years)})


def test_path_meets_its_nodes_and_a_straight_line_stays_straight():
    path = minerals.stock_path(nodes([10.0, 60.0, 110.0]), time=YEARS)
    np.testing.assert_allclose(path, 10 + 10 * (YEARS - 2020))
    bent = minerals.stock_path(nodes([1.0, 5.0, 100.0]), time=YEARS)
    np.testing.assert_allclose(bent.sel(time=[2020, 2025, 2030]), [1, 5, 100])


@given(st.lists(positive, min_size=3, max_size=3))
def test_path_that_rises_never_overshoots(steps):
    values = np.cumsum(steps)
    path = minerals.stock_path(nodes(values), time=YEARS).values
    assert np.all(np.diff(path) >= -1e-9)
    assert path.min() >= values[0] - 1e-9 and path.max() <= values[-1] + 1e-9


def test_path_of_many_columns_equals_one_at_a_time():
    many = nodes([1.0, 5.0, 9.0]) * xr.DataArray([1.0, 3.0], dims="sample")
    both = minerals.stock_path(many, time=YEARS)
    for s in range(2):
        one = minerals.stock_path(many.isel(sample=s), time=YEARS)
        np.testing.assert_allclose(both.isel(sample=s), one)


def test_path_refuses_years_it_does_not_know():
    with pytest.raises(ValueError, match="time must lie within the nodes"):
        minerals.stock_path(nodes([1.0, 2.0, 3.0]), time=np.array([2019, 2020]))
    with pytest.raises(ValueError, match="rising order"):
        minerals.stock_path(nodes([1.0, 2.0, 3.0], (2020, 2020, 2030)), time=YEARS)


def test_intensity_halves_in_its_time_and_was_constant_before():
    time = xr.DataArray([2010.0, 2020, 2035, 2050], dims="time")
    path = minerals.intensity_path(8.0, ratio=0.25, time=time)
    np.testing.assert_allclose(path, [8, 8, 4, 2])
    with pytest.raises(ValueError, match="ratio must be above 0"):
        minerals.intensity_path(8.0, ratio=0.0, time=time)
    with pytest.raises(ValueError, match="end must be after base"):
        minerals.intensity_path(8.0, ratio=0.5, time=time, base=2050, end=2020)


def test_inflow_by_hand_and_blank_cells_hold_nothing():
    kinds = {"subtechnology": ["geared", "direct"]}
    share = xr.DataArray([0.75, 0.25], coords=kinds)
    recipe = xr.DataArray(
        [[19.0, 3.0], [179.0, np.nan]], coords={**kinds, "mineral": ["neodymium", "tin"]}
    )
    inflow = minerals.material_inflow(xr.DataArray(2.0), share=share, intensity=recipe)
    np.testing.assert_allclose(inflow.sel(mineral="neodymium"), 118.0)
    np.testing.assert_allclose(inflow.sel(mineral="tin"), 4.5)


def test_inflow_refuses_shares_that_miss_or_mislabel():
    share = xr.DataArray([0.5, 0.4], coords={"subtechnology": ["a", "b"]})
    recipe = share.copy(data=[1.0, 1.0])
    with pytest.raises(ValueError, match="share must sum to 1"):
        minerals.material_inflow(xr.DataArray(1.0), share=share, intensity=recipe)
    other = recipe.assign_coords(subtechnology=["a", "c"])
    whole = share.copy(data=[0.5, 0.5])
    with pytest.raises(ValueError, match="same labels"):
        minerals.material_inflow(xr.DataArray(1.0), share=whole, intensity=other)


@given(part, positive, positive)
def test_recycled_and_mined_make_up_demand(recovery, outflow, demand):
    again = minerals.secondary_supply(outflow, recovery=recovery, demand=demand)
    assert 0 <= again <= demand and again <= recovery * outflow + 1e-12
    with pytest.raises(ValueError, match="recovery must be between 0 and 1"):
        minerals.secondary_supply(1.0, recovery=1.1, demand=1.0)


def test_recovery_is_straight_between_two_years_and_flat_outside():
    time = xr.DataArray([2010, 2020, 2035, 2050, 2060], dims="time")
    path = minerals.recovery_path(0.2, later=0.8, time=time)
    np.testing.assert_allclose(path, [0.2, 0.2, 0.5, 0.8, 0.8])
    with pytest.raises(ValueError, match="later must be between 0 and 1"):
        minerals.recovery_path(0.2, later=80, time=time)


def test_steady_equipment_recycled_in_full_needs_no_mine():
    units = cohorts.stock_driven(
        series(np.full(60, 100.0), 1990), mean=10.0, sd=2.0, distribution="normal"
    )["inflow"]
    metal = cohorts.inflow_driven(units * 0.5, mean=10.0, sd=2.0)
    again = minerals.secondary_supply(metal["outflow"], recovery=1.0, demand=metal["inflow"])
    mined = metal["inflow"] - again
    np.testing.assert_allclose(mined.isel(time=-1), 0.0, atol=1e-6)
    residual = cohorts.balance(metal)
    assert float(abs(residual).max()) < 1e-9 * float(metal["stock"].max())


def test_a_ratio_of_488_percent_is_not_an_increase_of_488_percent():
    assert minerals.growth_of_production(4.88, share=0.2) == pytest.approx(4.68)
    assert minerals.growth_of_production(0.2, share=0.2) == 0
    with pytest.raises(ValueError, match="ratio must not be negative"):
        minerals.growth_of_production(-1.0, share=0.2)


def test_supply_follows_its_trend_but_does_not_fall():
    rising = minerals.expected_supply(100.0, trend=2.0, time=TIME)
    falling = minerals.expected_supply(100.0, trend=-2.0, time=TIME)
    assert float(rising.sel(time=2030)) == 120 and float(falling.sel(time=2030)) == 100


def test_cumulative_starts_where_it_is_told():
    total = minerals.cumulative(series([1.0, 2.0, 3.0]), since=2021)
    assert list(total.values) == [0, 2, 5]
    with pytest.raises(ValueError, match="single years"):
        minerals.cumulative(series([1.0, 2.0, 3.0]).isel(time=[0, 2]))


def market(*shares):
    return xr.DataArray(np.asarray(shares, dtype=float), dims="country")


def test_concentration_by_hand():
    assert float(minerals.concentration(market(100))) == minerals.FULL_CONCENTRATION
    assert float(minerals.concentration(market(50, 50))) == 5000
    assert float(minerals.concentration(market(60, 30, np.nan))) == 4500
    # A rest of 40 in hands of at most 20 adds two such hands.
    assert float(minerals.concentration(market(40, 20), spread=1.0)) == 40**2 + 3 * 20**2
    # Shares that add to more than all are scaled.
    assert float(minerals.concentration(market(120, 120))) == 5000
    with pytest.raises(ValueError, match="share must not be negative"):
        minerals.concentration(market(-5, 50))


@given(st.lists(st.floats(0.5, 30), min_size=1, max_size=3), part)
def test_concentration_lies_between_its_ends(shares, spread):
    low, mid, high = (
        float(minerals.concentration(market(*shares), spread=w)) for w in (0.0, spread, 1.0)
    )
    assert low - 1e-9 <= mid <= high + 1e-9 <= minerals.FULL_CONCENTRATION + 2e-9


def test_emissions_of_metal_by_hand():
    assert minerals.production_emissions(10.0, secondary=4.0, factor=3.0, recycled=0.25) == 33
    with pytest.raises(ValueError, match="factor must not be negative"):
        minerals.production_emissions(1.0, secondary=0.0, factor=-1.0, recycled=0.2)


def test_metal_is_made_ahead():
    flow = series([0.0, 10.0, 20.0])
    whole = minerals.produced_ahead(flow, lead=1.0)
    half = minerals.produced_ahead(flow, lead=0.5)
    assert list(whole.values) == [10, 20, 20] and list(half.values) == [5, 15, 20]
    assert list(minerals.produced_ahead(flow, lead=0.0).values) == [0, 10, 20]
    leads = xr.DataArray([0.0, 0.5, 1.0], dims="sample")
    every = minerals.produced_ahead(flow, lead=leads)
    for s, lead in enumerate(leads.values):
        one = minerals.produced_ahead(flow, lead=float(lead))
        np.testing.assert_allclose(every.isel(sample=s), one)
    with pytest.raises(ValueError, match="lead must be 0 to 10"):
        minerals.produced_ahead(flow, lead=-1.0)


def test_avoided_by_hand():
    # 1 GW at a quarter of the year makes 2.19 TWh.
    power = minerals.avoided_by_power(1.0, capacity_factor=0.25, displaced=1.0)
    assert power == pytest.approx(2.19)
    cars = minerals.avoided_by_cars(1e6, distance=1e4, petrol=0.2, electric=0.2, grid=0.5)
    assert cars == pytest.approx(1.0)
    with pytest.raises(ValueError, match="capacity_factor"):
        minerals.avoided_by_power(1.0, capacity_factor=25, displaced=1.0)
    with pytest.raises(ValueError, match="stock must not be negative"):
        minerals.avoided_by_cars(-1.0, distance=1e4, petrol=0.2, electric=0.2, grid=0.5)


def test_payback_by_hand():
    paid, avoided = series([5.0, 5.0, 5.0, 5.0]), series([1.0, 4.0, 20.0, 20.0])
    assert float(minerals.excess_years(paid, avoided=avoided)) == 2
    assert float(minerals.payback_year(paid, avoided=avoided)) == 2022
    assert float(minerals.payback_year(avoided, avoided=avoided)) == 2020
    assert np.isnan(float(minerals.payback_year(paid, avoided=0 * avoided)))
    assert float(minerals.payback_time(1.5, avoided=1.8)) == pytest.approx(10 / 12)
    assert np.isinf(float(minerals.payback_time(1.5, avoided=0.0)))
    with pytest.raises(ValueError, match="paid must not be negative"):
        minerals.payback_time(-1.5, avoided=1.0)


@settings(max_examples=30)
@given(st.floats(0.1, 10), positive)
def test_payback_does_not_depend_on_the_unit_of_mass(factor, scale):
    paid, avoided = series([5.0, 5.0, 5.0]) * factor, series([1.0, 12.0, 40.0])
    year = minerals.payback_year(paid, avoided=avoided)
    again = minerals.payback_year(scale * paid, avoided=scale * avoided)
    np.testing.assert_equal(float(year), float(again))
