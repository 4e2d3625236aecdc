"""Research programmes against closed forms, simulation, hand cases and first-order conditions."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from unlock import learning, research

YEARS = np.arange(2026, 2056)
RISING = xr.DataArray(np.linspace(1.0, 50.0, 30), dims="year", coords={"year": YEARS})
TERMS = {"stock": 30.0, "base": 4.0, "exponent": 0.2, "depreciation": 0.05, "discount": 0.04}
LINE = {"stock": 100.0, "base": 10.0, "exponent": -1.0, "depreciation": 0.0, "discount": 0.0}
STOPS = {"depth": 0.7, "going": 5.0, "stopped": 3.0, "ramp_loss": 0.3, "team_loss": 0.25}
STATES = ["go", "cut", "idle", "back"]


def worth(programme, exposed=RISING, **terms):
    found = research.programme_value(exposed, programme=programme, **(TERMS | terms))["value"]
    return (found * programme.start).sum("state")


def discounted(stock, exposed=RISING, discount=0.04):
    saved = research.saving(
        stock, initial=TERMS["stock"], exponent=TERMS["exponent"], exposed=exposed
    )
    t = xr.DataArray(np.arange(exposed.sizes["year"]), dims="year")
    return (saved * (1 + discount) ** -(t + 0.0)).sum("year")


def test_start_stock_is_what_growing_spending_leaves():
    spending = 5.0 * 1.08 ** -np.arange(400.0)[::-1]
    kept = learning.research_stock(
        xr.DataArray(spending, dims="year"), initial=0.0, depreciation=0.05
    )
    found = research.start_stock(5.0, growth=0.08, depreciation=0.05)
    assert found == pytest.approx(float(kept[-1]))


def test_twice_the_money_brings_less_than_twice_the_research():
    double = research.effective_research(8.0, reference=4.0, duplication=0.75)
    assert double == pytest.approx(4 * 2**0.75)
    assert research.effective_research(4.0, reference=4.0, duplication=0.5) == pytest.approx(4)
    assert research.effective_research(7.0, reference=4.0, duplication=1.0) == pytest.approx(7)


@given(st.floats(10, 500), st.floats(0.02, 0.6))
@settings(max_examples=40, deadline=None)
def test_saving_is_the_two_factor_curve(stock, rate):
    exponent = learning.experience_exponent(rate)
    saved = research.saving(stock, initial=30.0, exponent=exponent, exposed=100.0)
    cost = learning.unit_cost_with_research(
        1.0,
        initial_cumulative=1.0,
        rate=0.1,
        research=stock,
        initial_research=30.0,
        research_rate=rate,
        initial_cost=100.0,
    )
    assert 100.0 - saved == pytest.approx(cost)
    step = 1e-4 * stock
    slope = research.saving(stock + step, initial=30.0, exponent=exponent, exposed=100.0) - saved
    marginal = research.marginal_saving(stock, initial=30.0, exponent=exponent, exposed=100.0)
    assert marginal == pytest.approx(slope / step, rel=1e-3)


def test_returns_by_hand():
    marginal = xr.DataArray([0.1, 0.1], dims="year")
    once = research.return_on_one_year(marginal, depreciation=0.2, discount=0.25)
    assert once == pytest.approx(0.1 + 0.1 * 0.8 / 1.25)
    level = research.return_on_the_level(marginal, depreciation=0.2, discount=0.25)
    assert level == pytest.approx((0.1 * 1 + 0.1 * 1.8 / 1.25) / (1 + 1 / 1.25))
    kept = research.return_on_the_level(marginal, depreciation=0.0, discount=0.0)
    assert kept == pytest.approx((0.1 * 1 + 0.1 * 2) / 2)


@pytest.mark.parametrize("way", ["level", "once"])
def test_returns_are_what_a_little_more_research_saves(way):
    t = np.arange(30)
    small = 1e-4
    flow = np.full(30, 4.0) if way == "level" else np.zeros(30)
    more = flow.copy()
    more[0 if way == "once" else slice(None)] += small

    def path(spending):
        spent = xr.DataArray(spending, dims="year", coords={"year": YEARS})
        return learning.research_stock(spent, initial=30.0, depreciation=0.05)

    before = path(flow)
    gained = float(discounted(path(more)) - discounted(before))
    marginal = research.marginal_saving(before, initial=30.0, exponent=0.2, exposed=RISING)
    if way == "level":
        found = research.return_on_the_level(marginal, depreciation=0.05, discount=0.04)
        paid = small * float(np.sum(1.04 ** -(t + 0.0)))
    else:
        found = research.return_on_one_year(marginal, depreciation=0.05, discount=0.04)
        paid = small
    assert float(found) == pytest.approx(gained / paid, rel=1e-3)


@given(st.floats(0.1, 20), st.floats(0, 1), st.floats(1, 12), st.floats(1, 12), st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_a_programme_with_stops_has_its_mean_and_is_a_chain(mean, depth, going, stopped, loss):
    plan = research.stop_and_go(
        mean, depth=depth, going=going, stopped=stopped, ramp_loss=loss, team_loss=loss
    )
    np.testing.assert_allclose(plan.transition.sum("next"), 1)
    assert float(plan.start.sum()) == pytest.approx(1)
    again = (plan.transition * plan.start).sum("state")
    np.testing.assert_allclose(again, plan.start.values, atol=1e-12)  # its long-run distribution
    assert float((plan.budget * plan.start).sum()) == pytest.approx(mean)
    low, high = float(plan.budget.sel(state="idle")), float(plan.budget.sel(state="go"))
    assert low == pytest.approx((1 - depth) * high)
    assert list(plan.budget["state"].values) == STATES


@given(st.floats(1.0, 60.0), st.floats(1, 9), st.floats(1, 9), st.floats(0.1, 1))
@settings(max_examples=15, deadline=None)
def test_stops_cost_nothing_where_value_is_a_straight_line(mean, going, stopped, depth):
    flat = xr.DataArray(np.full(6, -100.0), dims="year")
    plan = research.stop_and_go(mean, depth=depth, going=going, stopped=stopped)
    terms = LINE | {"points": 65, "depreciation": 0.1}
    none = worth(research.steady(0.0), flat, **terms)
    even = worth(research.steady(mean), flat, **terms) - none
    assert float(worth(plan, flat, **terms) - none) == pytest.approx(float(even), rel=2e-3)
    t = np.arange(
        1, 7
    )  # each yuan of stock saves 1; what came k years ago has lost a tenth k times
    closed = mean * np.sum((1 - 0.9**t) / 0.1)
    assert float(even) == pytest.approx(closed, rel=2e-3)


def test_hand_case_with_a_slow_first_year_back():
    flat = xr.DataArray([-100.0, -100.0], dims="year")
    terms = LINE | {"points": 129}
    plan = research.stop_and_go(10.0, depth=1.0, going=2.0, stopped=2.0, ramp_loss=0.5)
    none = worth(research.steady(0.0), flat, **terms)
    assert float(worth(plan, flat, **terms) - none) == pytest.approx(22.5, rel=1e-3)


def test_without_uncertainty_the_induction_is_a_sum_over_the_path():
    steady = research.steady(4.0)
    path = research.stock_path(
        xr.zeros_like(RISING, dtype=int),
        programme=steady,
        stock=30.0,
        base=4.0,
        depreciation=0.05,
        duplication=0.75,
    )
    found = worth(steady, duplication=0.75)
    assert float(found) == pytest.approx(float(discounted(path)), rel=1e-5)


def test_the_induction_is_the_mean_over_many_histories():
    plan = research.stop_and_go(4.0, **STOPS)
    drawn = research.histories(plan, years=YEARS, n=6000, seed=1)
    path = research.stock_path(
        drawn, programme=plan, stock=30.0, base=4.0, depreciation=0.05, duplication=0.75
    )
    saved = discounted(path)
    found = float(worth(plan, duplication=0.75))
    error = float(saved.std()) / np.sqrt(saved.size)
    assert found == pytest.approx(float(saved.mean()), abs=3.5 * error)
    assert error < 0.01 * found
    share = (drawn == xr.DataArray(np.arange(4), dims="state")).mean(["history", "year"])
    np.testing.assert_allclose(share, plan.start, atol=0.02)


def test_luck_of_mean_one_lowers_a_concave_value_and_leaves_a_straight_one():
    plan = research.steady(4.0)
    lucky, sure = worth(plan, luck=0.8), worth(plan)
    assert float(lucky) < float(sure)
    flat = xr.DataArray(np.full(6, -100.0), dims="year")
    terms = LINE | {"points": 65}
    even = worth(research.steady(5.0), flat, **terms)
    assert float(worth(research.steady(5.0), flat, luck=0.5, **terms)) == pytest.approx(
        float(even), rel=1e-3
    )


@given(st.floats(0, 0.9), st.floats(0, 0.9))
@settings(max_examples=10, deadline=None)
def test_deeper_cuts_and_greater_losses_are_worse(depth, loss):
    def value(depth, loss):
        plan = research.stop_and_go(
            4.0, depth=depth, going=4.0, stopped=3.0, ramp_loss=loss, team_loss=loss
        )
        return float(worth(plan, duplication=0.8))

    here = value(depth, loss)
    assert value(depth + 0.1, loss) < here + 1e-3
    assert value(depth, loss + 0.1) <= here + 1e-3
    assert here <= float(worth(research.steady(4.0), duplication=0.8)) + 1e-3


def test_a_programme_with_stops_is_worth_no_less_than_none():
    plan = research.stop_and_go(4.0, **(STOPS | {"team_loss": 1.0, "ramp_loss": 1.0}))
    assert float(worth(plan)) > float(worth(research.steady(0.0)))


def test_a_director_spends_where_it_pays_and_holds_back_where_not():
    plan = research.steady(4.0)
    choice = {"shares": (0.0, 0.5, 1.0), "public_cost": 1.0}
    rich = research.programme_value(50 * RISING, programme=plan, **TERMS, **choice)
    poor = research.programme_value(1e-3 * RISING, programme=plan, **TERMS, **choice)
    assert rich["share"].item() == 1 and poor["share"].item() == 0
    forced = research.programme_value(1e-3 * RISING, programme=plan, **TERMS, public_cost=1.0)
    assert poor["value"].item() > forced["value"].item()
    bill = 4 * np.sum(1.04 ** -np.arange(30.0))
    free = research.programme_value(1e-3 * RISING, programme=plan, **TERMS)
    assert (free["value"] - forced["value"]).item() == pytest.approx(bill)


def test_the_grid_is_fine_enough():
    plan = research.stop_and_go(4.0, **STOPS)
    rough, fine = worth(plan, luck=0.3, points=17), worth(plan, luck=0.3, points=257, nodes=9)
    assert float(rough) == pytest.approx(float(fine), rel=5e-4)


def test_broadcasting_equals_looping():
    depth = xr.DataArray([0.2, 0.8], dims="sample")
    exposed = RISING * xr.DataArray([1.0, 3.0, 0.2], dims="technology")
    plan = research.stop_and_go(4.0, **(STOPS | {"depth": depth}))
    whole = worth(plan, exposed, luck=xr.DataArray([0.1, 0.4], dims="sample"))
    for s, (d, luck) in enumerate([(0.2, 0.1), (0.8, 0.4)]):
        for k, factor in enumerate([1.0, 3.0, 0.2]):
            one = worth(
                research.stop_and_go(4.0, **(STOPS | {"depth": d})), factor * RISING, luck=luck
            )
            # the grid of a whole call is that of each cell
            assert float(whole.isel(sample=s, technology=k)) == pytest.approx(float(one))


def test_a_split_makes_the_last_yuan_equal():
    slope = xr.DataArray([9.0, 3.0, 0.05], dims="technology", coords={"technology": list("abc")})

    def marginal(m):
        return slope / (1 + m)

    split = research.allocate(
        xr.DataArray([4.0, 10.0], dims="sample"), marginal=marginal, points=2001
    )
    np.testing.assert_allclose(split.sum("technology"), [4, 10])
    # (9 + 3) / (2 + M) is the common marginal: m = slope / mu - 1
    common = 12 / (2 + np.array([4.0, 10.0]))
    np.testing.assert_allclose(split.sel(technology="a"), 9 / common - 1, rtol=1e-3)
    np.testing.assert_allclose(split.sel(technology="b"), 3 / common - 1, rtol=1e-3)
    np.testing.assert_allclose(split.sel(technology="c"), 0, atol=1e-9)  # a corner: 0.05 < mu


@given(st.floats(0.5, 50), st.floats(0.1, 10), st.floats(0.1, 10))
@settings(max_examples=20, deadline=None)
def test_no_other_split_is_worth_more(budget, first, second):
    slope = xr.DataArray([first, second], dims="technology")
    split = research.allocate(budget, marginal=lambda m: slope / (1 + m), points=801)
    value = float((slope * np.log1p(split)).sum())
    for share in np.linspace(0, 1, 41):
        other = xr.DataArray([share * budget, (1 - share) * budget], dims="technology")
        assert float((slope * np.log1p(other)).sum()) <= value + 1e-3 * value


def test_half_of_the_final_use_comes_after_the_formative_phase_and_half_the_duration():
    t_m = research.midpoint(2021.0, formative=22.0, duration=30.0)
    assert t_m == 2058
    tenth = learning.logistic(2021.0 + 22.0, midpoint=t_m, duration=30.0)
    assert tenth == pytest.approx(0.1)
    shorter = research.midpoint(2021.0, formative=15.0, duration=30.0)
    assert t_m - shorter == 7


def test_all_ever_used_is_the_integral_of_the_curve():
    curve = {"midpoint": 2040.0, "duration": 25.0, "saturation": 160.0}
    fine = np.linspace(1900, 2050, 150_001)
    summed = np.trapezoid(learning.logistic(fine, **curve), fine)
    assert research.cumulative_logistic(2050.0, **curve) == pytest.approx(summed, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: research.stop_and_go(1.0, depth=1.5, going=5.0, stopped=3.0),
            "depth must lie from 0 to 1, but 1.5 to 1.5 was given",
        ),
        (
            lambda: research.stop_and_go(1.0, depth=0.5, going=0.5, stopped=3.0),
            "going must be 1 or more, but 0.5 was given",
        ),
        (
            lambda: research.programme_value(
                RISING, programme=research.steady(1.0), **(TERMS | {"stock": 0.0})
            ),
            "stock must be above 0, but 0 was given",
        ),
        (
            lambda: research.programme_value(
                RISING, programme=research.steady(1.0), **TERMS, points=3
            ),
            "points must be 5 or more, but 3 were given",
        ),
        (
            lambda: research.start_stock(1.0, growth=-0.1, depreciation=0.1),
            "growth \\+ depreciation must be above 0, but 0 was given",
        ),
        (
            lambda: research.allocate(
                1.0, marginal=lambda m: m * xr.DataArray([1.0, 2.0], dims="technology")
            ),
            "marginal must fall with the amount, but it rises",
        ),
        (
            lambda: research.midpoint(2021.0, formative=-1.0, duration=30.0),
            "formative must be 0 or more, but -1 was given",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
