"""Finance against closed forms, small cases by hand, and drawn pools."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from unlock import costs, finance

SHARES = st.floats(0.02, 0.9)
PROBABILITIES = st.floats(0.01, 0.7)
CORRELATIONS = st.floats(0.0, 0.6)


@given(st.floats(0.005, 0.3), st.floats(2, 60))
def test_the_gradient_is_the_slope_of_the_annuity(rate, life):
    step = 1e-6
    ends = [costs.annuity_factor(rate + s, life=life) for s in (-step, step)]
    slope = float(ends[1] - ends[0]) / (2 * step)
    assert finance.cost_gradient(1000.0, rate=rate, life=life) == pytest.approx(
        1000 * slope, rel=1e-5
    )


def test_a_margin_on_debt_lowers_the_cost_of_capital_by_its_share():
    before = finance.cost_of_capital(0.05, equity_rate=0.1, debt_share=0.6)
    after = finance.cost_of_capital(0.04, equity_rate=0.1, debt_share=0.6)
    assert before == pytest.approx(0.07)
    assert before - after == pytest.approx(0.006)


def test_a_step_up_by_hand():
    charge = finance.step_up_charge(0.0025, debt=4000.0)
    assert charge == pytest.approx(10)
    # ten yuan in each of two years, the first a year from now, at 10 % interest
    value = finance.step_up_value(0.0025, debt=4000.0, rate=0.1, years=2)
    assert float(value) == pytest.approx(10 / 1.1 + 10 / 1.21)
    later = finance.step_up_value(0.0025, debt=4000.0, rate=0.1, years=2, delay=5)
    assert float(later / value) == pytest.approx(1.1**-5)


@given(PROBABILITIES, CORRELATIONS, st.floats(0.1, 1.0))
def test_the_pool_loses_what_its_projects_lose(probability, correlation, lgd):
    losses = finance.pool_losses(probability, loss_given_default=lgd, correlation=correlation)
    assert float(losses.mean()) == pytest.approx(probability * lgd, rel=2e-3)
    assert (losses.diff("state") >= 0).all()


@pytest.mark.parametrize("correlation", [0.1, 0.24, 0.5])
def test_the_spread_of_the_pool_is_that_of_two_joint_failures(correlation):
    p = 0.2
    losses = finance.pool_losses(p, loss_given_default=1.0, correlation=correlation)
    both = multivariate_normal(cov=[[1, correlation], [correlation, 1]]).cdf([norm.ppf(p)] * 2)
    assert float(losses.var()) == pytest.approx(both - p**2, rel=0.01)


def test_drawn_pools_come_to_the_large_pool():
    chance = {"loss_given_default": 0.5, "correlation": 0.2}
    drawn = finance.draw_losses(0.3, projects=500, states=20_000, seed=1, **chance)
    exact = finance.pool_losses(0.3, **chance)
    for q in (0.05, 0.5, 0.95):
        assert float(drawn.quantile(q)) == pytest.approx(float(exact.quantile(q)), abs=0.006)


@given(st.floats(0, 0.6), SHARES)
def test_tranches_share_out_the_whole_loss(loss, cut):
    first = finance.tranche_loss(loss, attachment=0.0, detachment=cut) * cut
    rest = finance.tranche_loss(loss, attachment=cut) * (1 - cut)
    assert first + rest == pytest.approx(loss)


@given(PROBABILITIES, CORRELATIONS, st.floats(0.2, 0.9), st.floats(0.002, 0.05))
def test_the_cover_leaves_just_the_loss_that_is_tolerated(probability, rho, lgd, tolerated):
    arguments = {"loss_given_default": lgd, "correlation": rho}
    f = finance.required_first_loss(probability, tolerated=tolerated, **arguments)
    losses = finance.pool_losses(probability, **arguments)
    if float(losses.mean()) <= tolerated:
        assert float(f) == 0
    else:
        left = finance.tranche_loss(losses, attachment=f).mean("state")
        assert float(left) == pytest.approx(tolerated, rel=1e-6)


def test_without_correlation_the_loss_is_sure_and_the_cover_exact():
    # the pool loses 0.3 * 0.5 = 0.15 for certain: (0.15 - f) / (1 - f) = 0.01
    f = finance.required_first_loss(0.3, loss_given_default=0.5, correlation=0.0, tolerated=0.01)
    assert float(f) == pytest.approx(0.14 / 0.99, rel=1e-6)
    assert float(finance.mobilised(f)) == pytest.approx(0.85 / 0.14, rel=1e-5)


@given(CORRELATIONS, CORRELATIONS)
def test_correlated_losses_take_more_cover(one, other):
    low, high = sorted((one, other))
    f = finance.required_first_loss(
        0.2,
        loss_given_default=0.5,
        correlation=xr.DataArray([low, high], dims="rho"),
        tolerated=0.01,
    )
    assert float(f[1]) >= float(f[0]) - 1e-9


def test_broadcasting_equals_looping():
    rng = np.random.default_rng(0)
    p = xr.DataArray(rng.uniform(0.05, 0.5, 5), dims="sample")
    rho = xr.DataArray([0.1, 0.3], dims="case")
    whole = finance.required_first_loss(p, loss_given_default=0.5, correlation=rho, tolerated=0.01)
    for i in range(5):
        for j in range(2):
            one = finance.required_first_loss(
                float(p[i]), loss_given_default=0.5, correlation=float(rho[j]), tolerated=0.01
            )
            assert float(whole.isel(sample=i, case=j)) == pytest.approx(float(one))


def test_two_firms_trade_by_hand():
    # slopes 1 and 3, two units each: alone 2 + 6 = 8; free trade equates a = 3 b with a + b = 4
    slope = xr.DataArray([1.0, 3.0], dims="firm")
    free = finance.trade(slope, cut=2.0)
    np.testing.assert_allclose(free["cut"], [3, 1])
    assert float(free["price"]) == pytest.approx(3)
    assert float(free["cost"]) == pytest.approx(6) and float(free["alone"]) == pytest.approx(8)
    assert float(free["gain"]) == pytest.approx(0.25)
    # a cost of 2 a unit: p - 1 = a, p + 1 = 3 b, a + b = 4, so b = 1.5
    dear = finance.trade(slope, cut=2.0, transaction_cost=2.0)
    np.testing.assert_allclose(dear["cut"], [2.5, 1.5])
    assert float(dear["cost"]) == pytest.approx(2.5**2 / 2 + 3 * 1.5**2 / 2 + 2 * 0.5)


@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=8), st.floats(0, 5))
def test_trade_cuts_as_much_and_never_costs_more(slopes, transaction_cost):
    slope = xr.DataArray(slopes, dims="firm")
    traded = finance.trade(slope, cut=1.0, transaction_cost=transaction_cost)
    assert float(traded["cut"].sum()) == pytest.approx(len(slopes), rel=1e-9)
    assert float(traded["gain"]) >= -1e-9
    assert float(traded["gain"]) <= float(finance.trade(slope, cut=1.0)["gain"]) + 1e-9


def test_many_log_normal_firms_gain_as_the_closed_form_says():
    # 1 - 1 / (E c E 1/c) = 1 - exp(-s^2)
    middles = (np.arange(20_000) + 0.5) / 20_000
    slope = xr.DataArray(np.exp(0.5 * norm.ppf(middles)), dims="firm")
    assert float(finance.trade(slope, cut=1.0)["gain"]) == pytest.approx(
        1 - np.exp(-0.25), rel=2e-3
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: finance.cost_of_capital(0.05, equity_rate=0.1, debt_share=1.2),
            "debt_share must lie from 0 to 1, but 1.2 was given",
        ),
        (
            lambda: finance.default_given_factor(0.0, correlation=0.1, factor=0.0),
            "probability must lie between 0 and 1, but 0 was given",
        ),
        (
            lambda: finance.pool_losses(0.1, loss_given_default=0.5, correlation=1.0),
            "correlation must be 0 or more and below 1, but 1 was given",
        ),
        (
            lambda: finance.tranche_loss(0.1, attachment=0.5, detachment=0.5),
            "detachment must be above attachment",
        ),
        (
            lambda: finance.required_first_loss(
                0.1, loss_given_default=0.5, correlation=0.1, tolerated=0.0
            ),
            "tolerated must be above 0, but 0 was given",
        ),
        (
            lambda: finance.trade(xr.DataArray([1.0], dims="firm"), cut=1.0, transaction_cost=-1.0),
            "transaction_cost must be 0 or more, but -1 was given",
        ),
        (
            lambda: finance.draw_losses(
                0.1, loss_given_default=0.5, correlation=0.1, projects=0, states=5
            ),
            "projects and states must be above 0, not 0 and 5",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
