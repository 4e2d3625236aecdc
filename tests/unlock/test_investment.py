"""Triggers and delays: the solver against closed forms, and against a simulation."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from unlock import investment
from unlock.investment import Process

LIFE = 25.0
YEARS = xr.DataArray([1.0, 5.0, 10.0, 20.0, 40.0], dims="year")
YEARS = YEARS.assign_coords(year=YEARS.values)


def test_dixit_and_pindyck():
    assert investment.option_root(0.04, drift=0.0, volatility=0.2) == pytest.approx(2)
    assert investment.trigger_multiple(0.04, volatility=0.2) == pytest.approx(2)


@given(st.floats(0.02, 0.15), st.floats(-0.05, 0.015), st.floats(0.02, 0.9))
@settings(max_examples=50, deadline=None)
def test_root_solves_the_fundamental_quadratic(rate, drift, volatility):
    beta = investment.option_root(rate, drift=drift, volatility=volatility)
    left = volatility**2 / 2 * beta * (beta - 1) + drift * beta - rate
    assert beta > 1 and left == pytest.approx(0, abs=1e-9)


@given(st.floats(0.02, 0.15), st.floats(0.02, 0.5), st.floats(0.01, 0.3))
@settings(max_examples=30, deadline=None)
def test_more_volatility_raises_the_trigger(rate, volatility, more):
    calm = investment.trigger_multiple(rate, volatility=volatility)
    assert investment.trigger_multiple(rate, volatility=volatility + more) > calm > 1


@pytest.mark.parametrize("drift", [-0.02, 0.0, 0.02])
def test_a_certain_price_is_the_limit_of_a_calm_one(drift):
    certain = investment.trigger_multiple(0.07, drift=drift, volatility=0.0)
    assert certain == pytest.approx(0.07 / 0.05 if drift > 0 else 1.0)
    calm = investment.trigger_multiple(0.07, drift=drift, volatility=1e-4)
    assert calm == pytest.approx(certain, abs=2e-3)


@pytest.mark.parametrize("rate", [0.04, 0.07, 0.1])
@pytest.mark.parametrize("drift", [-0.03, 0.0, 0.02])
def test_solver_gives_the_closed_form_back(rate, drift):
    volatility = xr.DataArray([0.05, 0.1, 0.2, 0.4, 0.7], dims="sample")
    value = investment.present_value(rate, life=LIFE, drift=drift)
    process = Process(volatility, drift=drift)
    solved = investment.trigger(process, cost=3 * value, rate=rate, life=LIFE)
    exact = 3 * investment.trigger_multiple(rate, drift=drift, volatility=volatility)
    np.testing.assert_allclose(solved, exact, rtol=1e-3)


@pytest.mark.parametrize("volatility", [0.1, 0.3])
@pytest.mark.parametrize("stop", [0.05, 0.2])
def test_a_policy_stopped_for_good_is_a_higher_rate(volatility, stop):
    value = investment.present_value(0.07 + stop, life=LIFE)
    solved = investment.trigger(Process(volatility, stop=stop), cost=value, rate=0.07, life=LIFE)
    exact = investment.trigger_multiple(0.07 + stop, volatility=volatility)
    assert float(solved) == pytest.approx(exact, rel=1e-3)


def test_a_policy_that_comes_back_at_once_is_never_missed():
    common = {"cost": 12.0, "rate": 0.07, "life": LIFE}
    steady = investment.trigger(Process(0.3), **common)
    brief = investment.trigger(Process(0.3, stop=0.1, restart=1e4), **common)
    assert float(brief) == pytest.approx(float(steady), rel=1e-3)


def test_no_return_is_the_limit_of_a_slow_one():
    common = {"cost": 12.0, "rate": 0.07, "life": LIFE}
    # a slow return to the level has the drift -sigma^2 / 4 in ln P, that of a price with alpha
    slow = investment.trigger(Process(0.3, speed=1e-6), **common)
    free = investment.trigger(Process(0.3, drift=0.3**2 / 4), **common)
    assert float(slow) == pytest.approx(float(free), rel=2e-3)


def simulated(goal, *, speed, stop, restart, volatility, rate, cost, n=4000, step=0.05, years=120):
    """Mean value today of investing at a goal, by simulation, antithetic and seeded."""
    stream = np.random.default_rng(7)
    x, holds = np.zeros(n), np.ones(n, dtype=bool)
    worth, open_ = np.zeros(n), np.ones(n, dtype=bool)
    process = Process(volatility, speed=speed, stop=stop, restart=restart)
    for k in range(int(years / step)):
        act = open_ & holds & (x >= np.log(goal))
        if act.any():
            gain = investment.income(np.exp(x[act]), process=process, rate=rate, life=LIFE) - cost
            worth[act], open_[act] = np.exp(-rate * k * step) * gain, False
        half = stream.standard_normal(n // 2)
        move = (-speed * x - volatility**2 / 4) if speed else -(volatility**2) / 2
        x = x + move * step + volatility * np.sqrt(step) * np.concatenate([half, -half])
        change = stream.random(n) < step * np.where(holds, stop, restart)
        holds = holds ^ change
    return worth.mean()


@pytest.mark.parametrize(
    "way",
    [{"speed": 0.3, "stop": 0.0, "restart": 0.0}, {"speed": 0.0, "stop": 0.1, "restart": 0.3}],
)
def test_no_other_trigger_earns_more_in_a_simulation(way):
    common = way | {"volatility": 0.35, "rate": 0.08}
    cost = float(investment.present_value(0.08, life=LIFE))
    process = Process(0.35, **way)
    best = float(investment.trigger(process, cost=cost, rate=0.08, life=LIFE))
    earned = {f: simulated(f * best, cost=cost, **common) for f in (0.7, 1.0, 1.5)}
    assert earned[1.0] > earned[0.7] and earned[1.0] > earned[1.5]


@given(st.floats(0.2, 5), st.floats(0, 0.6), st.floats(0.02, 0.12), st.floats(5, 40))
@settings(max_examples=20, deadline=None)
def test_income_without_return_or_stop_is_the_annuity(price, volatility, rate, life):
    process = Process(volatility, drift=0.01)
    worth = investment.income(price, process=process, rate=rate, life=life)
    annuity = investment.present_value(rate, life=life, drift=0.01)
    assert float(worth) == pytest.approx(price * annuity, rel=1e-9)


def test_income_under_a_policy_that_stops_by_hand():
    worth = investment.income(1.0, process=Process(0.2, stop=0.1, restart=0.3), rate=0.07, life=25)
    exact = quad(lambda t: np.exp(-0.07 * t) * (0.3 + 0.1 * np.exp(-0.4 * t)) / 0.4, 0, 25)[0]
    assert float(worth) == pytest.approx(exact, rel=1e-9)


def test_a_returning_price_is_the_level_in_the_end():
    process = Process(0.4, speed=2.0, level=3.0)
    worth = investment.income(50.0, process=process, rate=0.001, life=4000.0)
    assert float(worth) == pytest.approx(3.0 * -np.expm1(-4.0) / 0.001, rel=0.02)


def test_chance_by_laplace_is_the_closed_form():
    common = {"trigger": xr.DataArray([1.2, 2.0, 4.0], dims="sample")}
    for drift, volatility in ((0.0, 0.3), (0.03, 0.2), (-0.02, 0.5)):
        ours = investment.chance_by(
            Process(volatility, drift=drift), price=1.0, year=YEARS, **common
        )
        exact = investment.chance_by_closed_form(
            1.0, drift=drift, volatility=volatility, year=YEARS, **common
        )
        np.testing.assert_allclose(ours, exact.transpose(*ours.dims), atol=2e-3)


def test_chance_in_the_end_is_the_chance_ever():
    late = investment.chance_by_closed_form(1.0, trigger=2.0, drift=0.0, volatility=0.3, year=1e6)
    ever = investment.chance_ever(1.0, trigger=2.0, drift=0.0, volatility=0.3)
    assert ever == pytest.approx(0.5) and late == pytest.approx(ever, abs=1e-6)
    assert investment.chance_ever(1.0, trigger=2.0, drift=0.1, volatility=0.3) == 1
    assert investment.chance_ever(3.0, trigger=2.0, drift=0.0, volatility=0.3) == 1


def test_interruptions_only_take_chances_away():
    common = {"trigger": 1.5, "price": 1.0, "year": YEARS}
    steady = investment.chance_by(Process(0.3), **common)
    shaky = investment.chance_by(Process(0.3, stop=0.2, restart=0.2), **common)
    assert np.all(shaky < steady) and np.all(np.diff(shaky) > 0)


def test_a_trigger_that_is_reached_is_acted_on_today():
    got = investment.chance_by(Process(0.3), trigger=0.9, price=1.0, year=YEARS)
    np.testing.assert_allclose(got, 1, atol=1e-6)


def test_median_delay_by_hand():
    chance = xr.DataArray(
        [[0.1, 0.3, 0.4], [0.4, 0.4, 0.4], [0.0, 0.0, 0.0]],
        dims=("case", "year"),
        coords={"year": [1.0, 2.0, 3.0]},
    )
    got = investment.median_delay(chance)
    np.testing.assert_allclose(got[:2], [1.5, 0.5])
    assert np.isnan(got[2])


def test_volatility_of_a_series_by_hand():
    price = xr.DataArray([1.0, np.e, 1.0, np.e], dims="year", coords={"year": [1, 2, 3, 4]})
    found = investment.volatility_of(price)
    assert found["value"].item() == pytest.approx(np.sqrt(4 / 3)) and found["freedom"] == 2
    raised = investment.volatility_of(price, averaged=True)
    assert raised["value"].item() == pytest.approx(np.sqrt(2))
    assert found["low"] < found["value"] < found["high"]
    mixed = investment.volatility_of(price.isel(year=[2, 0, 3, 1]))
    assert mixed["value"].item() == pytest.approx(found["value"].item())
    both = xr.concat([found, raised], "market")
    assert investment.pooled_volatility(both)["value"].item() == pytest.approx(np.sqrt(5 / 3))


def test_limits_hold_the_true_volatility_in_nine_of_ten():
    stream = np.random.default_rng(3)
    walk = np.exp(0.3 * stream.standard_normal((2000, 12)).cumsum(axis=1))
    found = investment.volatility_of(xr.DataArray(walk, dims=("sample", "year")))
    inside = ((found["low"] < 0.3) & (found["high"] > 0.3)).mean().item()
    assert inside == pytest.approx(0.9, abs=0.025)


def test_many_cells_equal_one_at_a_time():
    stop = xr.DataArray([0.0, 0.1], dims="sample")
    cost = xr.DataArray([8.0, 12.0, 20.0], dims="region")
    every = investment.trigger(
        Process(0.3, stop=stop, restart=0.2), cost=cost, rate=0.07, life=LIFE
    )
    assert set(every.dims) == {"sample", "region"}
    one = investment.trigger(Process(0.3, stop=0.1, restart=0.2), cost=20.0, rate=0.07, life=LIFE)
    assert every.sel(sample=1, region=2).item() == pytest.approx(float(one), rel=1e-9)


def test_the_trigger_scales_with_the_cost():
    common = {"rate": 0.07, "life": LIFE}
    way = Process(0.3, stop=0.1, restart=0.2)
    one, ten = (float(investment.trigger(way, cost=c, **common)) for c in (1.0, 10.0))
    assert ten == pytest.approx(10 * one, rel=1e-9)


@pytest.mark.parametrize(
    ("process", "change", "message"),
    [
        (Process(0.0), {}, "volatility must be above 0; got 0"),
        (Process(0.2, stop=-0.1), {}, "stop must be 0 or more a year; got -0.1"),
        (Process(0.2, speed=-1.0), {}, "speed must be 0 or more a year; got -1"),
        (Process(0.2, speed=1.0, level=0.0), {}, "level must be above 0; got 0"),
        (Process(0.2, drift=0.08), {}, "rate must be above 0 and above the drift"),
        (Process(0.2), {"cost": 0.0}, "cost must be above 0; got 0"),
        (Process(0.2), {"life": -1.0}, "life must be above 0 years; got -1"),
        (Process(0.2, stop=1e4), {}, "cost must be low enough"),
    ],
)
def test_trigger_refuses(process, change, message):
    with pytest.raises(ValueError, match=message):
        investment.trigger(process, **{"cost": 12.0, "rate": 0.07, "life": LIFE} | change)


def test_other_bad_input_is_refused():
    with pytest.raises(ValueError, match="volatility must be 0 or more; got -1"):
        investment.option_root(0.05, drift=0.0, volatility=-1.0)
    with pytest.raises(ValueError, match="chance must have the dim 'year'"):
        investment.median_delay(xr.DataArray([0.1], dims="case"))
    with pytest.raises(ValueError, match="price must be above 0; got -1"):
        investment.volatility_of(xr.DataArray([1.0, -1.0, 2.0], dims="year"))
    with pytest.raises(ValueError, match="at least three years"):
        investment.volatility_of(xr.DataArray([1.0, 2.0], dims="year"))
    with pytest.raises(ValueError, match="year must be 0 or more; got -1"):
        investment.chance_by_closed_form(1.0, trigger=2.0, drift=0.0, volatility=0.2, year=-1.0)
