"""Power, hydrogen, distances and groups of places against hand cases."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from unlock import costs, zones

PLANT = {"rate": 0.0, "life": 20.0}


def test_power_by_hand():
    # 8,760 CNY/kW over 20 years without interest and 5 % upkeep: 876 a year for 8,760 x 0.25 hours
    price = zones.power_cost(8760.0, upkeep=0.05, capacity_factor=0.25, **PLANT)
    assert price * zones.KWH == pytest.approx(0.4)  # CNY/kWh


def test_hydrogen_by_hand():
    # the same capital and upkeep for the electrolyser: 0.4 CNY/kWh for power, 0.4 for the plant
    power = 0.4 / zones.KWH
    price = zones.hydrogen_cost(
        power,
        capex=8760.0,
        upkeep=0.05,
        capacity_factor=0.25,
        efficiency=0.5,
        storage=10.0,
        **PLANT,
    )
    assert price == pytest.approx(0.8 / zones.KWH / 0.5 + 10)


@given(st.floats(0.05, 0.9), st.floats(0.01, 0.15), st.floats(5, 40))
def test_the_levelised_cost_pays_the_plant_back(hours, rate, life):
    price = float(zones.power_cost(5000.0, rate=rate, life=life, upkeep=0.0, capacity_factor=hours))
    income = price * zones.KWH * zones.HOURS * hours
    assert income == pytest.approx(5000 * float(costs.annuity_factor(rate, life=life)))
    better = float(
        zones.power_cost(5000.0, rate=rate, life=life, upkeep=0.0, capacity_factor=hours * 1.1)
    )
    assert better == pytest.approx(price / 1.1)


def test_known_distances():
    quarter = zones.distance(0.0, longitude=0.0, other_latitude=90.0, other_longitude=77.0)
    assert quarter == pytest.approx(np.pi * zones.EARTH / 2)
    beijing_shanghai = zones.distance(
        39.9047, longitude=116.4072, other_latitude=31.2304, other_longitude=121.4737
    )
    assert beijing_shanghai == pytest.approx(1067, rel=0.01)  # km, any atlas


@given(st.floats(-80, 80), st.floats(-179, 179), st.floats(-80, 80), st.floats(-179, 179))
def test_a_distance_is_the_same_both_ways(a, b, c, d):
    there = zones.distance(a, longitude=b, other_latitude=c, other_longitude=d)
    back = zones.distance(c, longitude=d, other_latitude=a, other_longitude=b)
    assert there == pytest.approx(back, abs=1e-6)
    assert 0 <= there <= np.pi * zones.EARTH + 1e-6


def test_the_upper_third_is_the_third_with_the_highest_score():
    score = xr.DataArray([5.0, 1.0, 9.0, 3.0, 7.0, 2.0, 4.0], dims="province")
    found = zones.upper_third(score)
    assert list(found.values) == [False, False, True, False, True, False, False]
    many = xr.concat([score, -score], dim="sample")
    assert list(zones.upper_third(many).sum("province").values) == [2, 2]


def test_advantage_by_hand():
    cost = xr.DataArray([90.0, 80.0, 100.0, 100.0], dims="province")
    chosen = xr.DataArray([True, True, False, False], dims="province")
    assert float(zones.advantage(cost, chosen=chosen)) == pytest.approx(15)
    assert np.isnan(zones.advantage(cost, chosen=chosen & ~chosen))
    more = xr.concat([cost, 2 * cost], dim="sample")
    np.testing.assert_allclose(zones.advantage(more, chosen=chosen), 15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: zones.power_cost(1.0, upkeep=0.0, capacity_factor=0.0, **PLANT),
            "capacity_factor must be above 0 and at most 1, but 0 to 0 was given",
        ),
        (
            lambda: zones.hydrogen_cost(
                1.0, capex=1.0, upkeep=0.0, capacity_factor=0.3, efficiency=1.2, **PLANT
            ),
            "efficiency must be above 0 and at most 1, but 1.2 to 1.2 was given",
        ),
        (
            lambda: zones.upper_third(xr.DataArray([1.0, 2.0], dims="province")),
            "score must have 3 places or more, but 2 were given",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
