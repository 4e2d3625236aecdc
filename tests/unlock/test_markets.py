"""Implicit prices by hand, and the instruments against the planner's optimum."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from unlock import markets

STEEL = markets.Sector(
    coal_cost=4000.0,
    intensity=2.2,
    abatement_slope=2000.0,
    abatement_most=0.25,
    clean_cost=5500.0,
    learning_share=0.4,
    clean_spread=0.25,
    demand=900.0,
    elasticity=0.3,
    spillover=0.5,
    learning=0.1,
    experience=50.0,
    research=0.1,
    research_stock=30_000.0,
    rate=0.05,
    first=10.0,
    second=25.0,
)
SINGLES = markets.INSTRUMENTS[:-1]


def over_markets(*values):
    return xr.DataArray(np.array(values, dtype=float), dims="market")


def test_prices_of_a_tonne_by_hand():
    assert markets.price_when_benchmarked(80.0, reward=0.15) == pytest.approx(12)
    assert markets.price_when_output_falls(80.0, free_share=0.97) == pytest.approx(2.4)
    assert markets.price_from_energy(19.0, intensity=0.57) == pytest.approx(33.33, abs=0.01)


def test_energy_without_carbon_has_no_carbon_price():
    with pytest.raises(ValueError, match="intensity must be above 0; got 0"):
        markets.price_from_energy(19.0, intensity=0.0)


def test_ratio_leaves_out_markets_without_a_price():
    assert markets.price_ratio(over_markets(0, 5, 20)).item() == 4
    assert np.isnan(markets.price_ratio(over_markets(0, 0)).item())


def test_two_equal_margins_with_prices_0_and_2_lose_half():
    assert markets.efficiency_loss(over_markets(0, 2), weight=over_markets(1, 1)).item() == 0.5


positive = st.lists(st.floats(0.1, 500), min_size=2, max_size=6)


@given(positive, st.floats(0.1, 50), st.data())
@settings(max_examples=40, deadline=None)
def test_loss_is_a_share_and_knows_no_unit(prices, unit, data):
    sizes = data.draw(st.lists(st.floats(0.1, 9), min_size=len(prices), max_size=len(prices)))
    price, weight = over_markets(*prices), over_markets(*sizes)
    loss = markets.efficiency_loss(price, weight=weight).item()
    assert -1e-12 <= loss < 1
    scaled = markets.efficiency_loss(price * unit, weight=weight / unit).item()
    assert scaled == pytest.approx(loss, abs=1e-12)
    even = markets.efficiency_loss(0 * price + unit, weight=weight).item()
    assert even == pytest.approx(0, abs=1e-12)


def test_loss_equals_the_cost_that_one_price_saves():
    price, weight = over_markets(0, 10, 80), over_markets(3, 1, 2)
    one = (weight * price).sum() / weight.sum()
    saved = 1 - (weight * one**2).sum() / (weight * price**2).sum()
    assert markets.efficiency_loss(price, weight=weight).item() == pytest.approx(saved.item())


@pytest.mark.parametrize(
    ("price", "weight", "message"),
    [((0, 0), (1, 1), "price must be above 0"), ((1, 2), (1, -1), "weight must be 0 or more")],
)
def test_loss_refuses(price, weight, message):
    with pytest.raises(ValueError, match=message):
        markets.efficiency_loss(over_markets(*price), weight=over_markets(*weight))


@pytest.mark.parametrize("name", markets.INSTRUMENTS)
def test_every_instrument_cuts_what_it_is_set_to_cut(name):
    level = markets.policy_for(STEEL, instrument=name, abatement=0.4)
    if name == "research subsidy":  # dear clean steel stays unused however cheap research is
        assert np.isnan(level)
        return
    idle = markets.equilibrium(STEEL, instrument=name, level=0.0)["emissions"]
    done = markets.equilibrium(STEEL, instrument=name, level=level)["emissions"]
    assert (done / idle).item() == pytest.approx(0.6, abs=1e-7)


def allocation(sector, v):
    cuts, clean, output, research = v[:2], v[2:4], v[4:6], 1000 * v[6]
    made = 1 + sector.first * clean[0] / sector.experience
    search = 1 + research / sector.research_stock
    knowledge = made**sector.learning * search**sector.research
    years = markets._discounted(sector)[0]
    return markets._account(sector, years, None, cuts, clean, output, knowledge, research)[:2]


def planner(sector, abatement):
    """Best allocation found by a general optimiser, which knows nothing of prices."""
    goal = (
        (1 - abatement) * sector.intensity * sector.demand * (sector.first + sector.second) / 1000
    )
    keep = [
        {"type": "ineq", "fun": lambda v: (goal - allocation(sector, v)[0]) / goal},
        {"type": "ineq", "fun": lambda v: (v[4] - v[2]) / 100},
        {"type": "ineq", "fun": lambda v: (v[5] - v[3]) / 100},
    ]
    most = sector.abatement_most
    bounds = [(0, most), (0, most), (0, 900), (0, 900), (1, 900), (1, 900), (0, 1e4)]
    best = -np.inf
    for start in ([0.05, 0.1, 100, 300, 880, 860, 100], [0.2, 0.2, 50, 500, 800, 800, 400]):
        found = minimize(
            lambda v: -allocation(sector, v)[1] / 1e6,
            start,
            bounds=bounds,
            constraints=keep,
            method="SLSQP",
            options={"maxiter": 500, "ftol": 1e-13},
        )
        if max(-c["fun"](found.x) for c in keep) < 1e-7:
            best = max(best, -found.fun * 1e6)
    return best


@pytest.mark.parametrize("spillover", [0.2, 0.7])
def test_the_portfolio_is_the_planners_optimum(spillover):
    sector = STEEL._replace(spillover=spillover)
    level = markets.policy_for(sector, instrument="portfolio", abatement=0.4)
    done = markets.equilibrium(sector, instrument="portfolio", level=level)
    best = planner(sector, 0.4)
    assert np.isfinite(best)
    assert done["welfare"].item() == pytest.approx(best, rel=2e-5)
    least = markets.least_cost(sector, emissions=done["emissions"]).item()
    portfolio = markets.cost_of_abatement(sector, instrument="portfolio", abatement=0.4)["cost"]
    assert least == pytest.approx(portfolio.item(), rel=2e-3)


def test_the_least_cost_is_the_planners_where_returns_to_knowledge_rise():
    steep = STEEL._replace(learning=0.2, research=0.2, clean_spread=0.15)
    least = markets.least_cost(steep, emissions=0.6 * 2.2 * 900 * 35 / 1000).item()
    idle = markets.equilibrium(steep, instrument="carbon price", level=0.0)["welfare"].item()
    assert least <= (idle - planner(steep, 0.4)) / 1000 + 2


@given(st.floats(4500, 7000), st.floats(0.05, 0.25), st.floats(0.15, 0.4), st.floats(0, 0.9))
@settings(max_examples=4, deadline=None)
def test_no_single_instrument_is_cheaper_than_the_portfolio(clean, learning, spread, spillover):
    sector = STEEL._replace(
        clean_cost=clean, learning=learning, clean_spread=spread, spillover=spillover
    )
    for name in SINGLES[:5]:
        growth = xr.DataArray([0.7, 1.0, 1.4], dims="growth")
        got = markets.cost_of_abatement(sector, instrument=name, abatement=0.3, growth=growth)
        got = got.dropna("growth")
        least = markets.least_cost(sector, emissions=got["emissions"])
        assert np.all(got["cost"] >= least - 0.005 * abs(least) - 0.5)


def test_without_spillover_the_carbon_price_is_the_portfolio():
    whole = STEEL._replace(spillover=0.0)
    got = markets.cost_of_abatement(whole, instrument="carbon price", abatement=0.4)
    least = markets.least_cost(whole, emissions=got["emissions"])
    assert got["cost"].item() == pytest.approx(least.item(), rel=2e-3)


def test_more_spillover_makes_the_portfolio_worth_more():
    spilt = STEEL._replace(spillover=xr.DataArray([0.0, 0.3, 0.6, 0.9], dims="sample"))
    price = markets.cost_of_abatement(spilt, instrument="carbon price", abatement=0.4)
    least = markets.least_cost(spilt, emissions=price["emissions"])
    assert np.all(np.diff(1 - least / price["cost"]) > 0)


def test_single_instruments_rank_as_in_fischer_and_newell():
    cost = [
        markets.cost_of_abatement(STEEL, instrument=name, abatement=0.4)["cost"]
        .fillna(np.inf)
        .item()
        for name in SINGLES
    ]
    assert cost == sorted(cost)


def test_many_samples_equal_one_at_a_time():
    clean = xr.DataArray([4800.0, 5500.0, 6200.0], dims="sample")
    slope = xr.DataArray([0.8, 1.2], dims="growth")
    every = markets.cost_of_abatement(
        STEEL._replace(clean_cost=clean),
        instrument="performance standard",
        abatement=0.3,
        growth=slope,
    )["cost"]
    assert set(every.dims) == {"sample", "growth"}
    for k in range(3):
        one = markets.cost_of_abatement(
            STEEL._replace(clean_cost=float(clean[k])),
            instrument="performance standard",
            abatement=0.3,
            growth=1.2,
        )["cost"]
        assert every.isel(sample=k, growth=1).item() == pytest.approx(one.item(), rel=1e-7)
    goal = xr.DataArray([40.0, 50.0], dims="goal")
    least = markets.least_cost(STEEL._replace(clean_cost=clean), emissions=goal)
    one = markets.least_cost(STEEL._replace(clean_cost=6200.0), emissions=50.0)
    assert least.isel(sample=2, goal=1).item() == pytest.approx(one.item(), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"instrument": "hope"}, "instrument must be one of"),
        ({"abatement": 0.0}, "abatement must be above 0 and below 1; got 0"),
        ({"abatement": 1.2}, "abatement must be above 0 and below 1; got 1.2"),
    ],
)
def test_policy_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        markets.policy_for(STEEL, **{"instrument": "carbon price", "abatement": 0.3} | change)


def test_emissions_out_of_reach_are_refused():
    stiff = STEEL._replace(intensity=1e-6, abatement_most=0.0)
    with pytest.raises(ValueError, match="emissions of 1e-09 GtCO2 are less than any allocation"):
        markets.least_cost(stiff, emissions=1e-9)
    with pytest.raises(ValueError, match="emissions must be above 0; got -1"):
        markets.least_cost(STEEL, emissions=-1.0)


def test_a_negative_level_is_refused():
    with pytest.raises(ValueError, match="level must be 0 or more; got -1"):
        markets.equilibrium(STEEL, instrument="carbon price", level=-1.0)
