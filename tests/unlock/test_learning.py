"""Experience curves and S-curves against closed forms and small cases."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from unlock import learning

RATES = st.floats(-0.2, 0.5)
YEARS = xr.DataArray(np.arange(2020.0, 2061), dims="year").assign_coords(
    year=np.arange(2020.0, 2061)
)


def test_each_doubling_takes_the_learning_rate_off():
    cost = learning.unit_cost(8.0, initial_cumulative=1.0, rate=0.2, initial_cost=100.0)
    assert cost == pytest.approx(100 * 0.8**3)
    floored = learning.unit_cost(
        4.0, initial_cumulative=1.0, rate=0.5, initial_cost=100.0, floor=20.0
    )
    assert floored == pytest.approx(20 + 80 / 4)


@given(RATES, RATES, st.floats(1, 1e4), st.floats(1, 1e4))
def test_two_factors_multiply(rate, search, built, found):
    both = learning.unit_cost_with_research(
        built,
        initial_cumulative=1.0,
        rate=rate,
        research=found,
        initial_research=1.0,
        research_rate=search,
    )
    one = learning.unit_cost(built, initial_cumulative=1.0, rate=rate)
    other = learning.unit_cost(found, initial_cumulative=1.0, rate=search)
    assert both == pytest.approx(one * other)


def test_research_stock_by_hand():
    spending = xr.DataArray([10.0, 0.0], dims="year")
    stock = learning.research_stock(spending, initial=100.0, depreciation=0.1)
    np.testing.assert_allclose(stock, [100.0, 90.0])


@given(st.floats(0, 1), st.floats(0.01, 100))
def test_steady_spending_keeps_the_stock_at_spending_over_depreciation(delta, amount):
    delta = max(delta, 0.01)
    spending = xr.DataArray(np.full(30, amount), dims="year")
    stock = learning.research_stock(spending, initial=amount / delta, depreciation=delta)
    np.testing.assert_allclose(stock, amount / delta)


def test_broadcasting_equals_looping():
    spending = xr.DataArray(np.random.default_rng(1).uniform(1, 5, (3, 20)), dims=("k", "year"))
    delta = xr.DataArray([0.05, 0.2], dims="sample")
    whole = learning.research_stock(spending, initial=2.0, depreciation=delta)
    for k in range(3):
        for s in range(2):
            one = learning.research_stock(
                spending.isel(k=k), initial=2.0, depreciation=float(delta[s])
            )
            np.testing.assert_allclose(whole.isel(k=k, sample=s), one)


@pytest.mark.parametrize("curve", [learning.logistic, learning.gompertz])
@given(st.floats(3, 80))
def test_an_s_curve_takes_its_duration_from_a_tenth_to_nine_tenths(curve, duration):
    fine = np.linspace(2000, 2600, 600_001)
    level = curve(fine, midpoint=2200.0, duration=duration)
    span = fine[np.searchsorted(level, 0.9)] - fine[np.searchsorted(level, 0.1)]
    assert span == pytest.approx(duration, abs=0.01)
    assert curve(2200.0, midpoint=2200.0, duration=duration) == pytest.approx(0.5)


def test_a_logistic_curve_starts_with_its_growth():
    early = learning.logistic(np.array([1800.0, 1801.0]), midpoint=2200.0, duration=20.0)
    assert early[1] / early[0] - 1 == pytest.approx(float(learning.diffusion_growth(20.0)))


def test_parity_lies_where_the_lines_cross():
    cost = 100 - 2 * (YEARS - 2020)
    assert learning.parity_year(cost, reference=45.0) == pytest.approx(2047.5)
    assert learning.parity_year(cost, reference=200.0) == 2020
    assert np.isnan(learning.parity_year(cost, reference=1.0))
    many = learning.parity_year(cost, reference=xr.DataArray([45.0, 1.0], dims="sample"))
    np.testing.assert_allclose(many, [2047.5, np.nan])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: learning.experience_exponent(1.0), "rate must be below 1, but 1 was given"),
        (
            lambda: learning.unit_cost(0.0, initial_cumulative=1.0, rate=0.1),
            "cumulative must be above 0, but 0 was given",
        ),
        (
            lambda: learning.logistic(2020.0, midpoint=2000.0, duration=0.0),
            "duration must be above 0, but 0 was given",
        ),
        (
            lambda: learning.research_stock(
                xr.DataArray([1.0], dims="year"), initial=0.0, depreciation=1.5
            ),
            "depreciation must lie from 0 to 1, but 1.5 to 1.5 was given",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
