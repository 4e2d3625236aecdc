"""Trade among many regions: the two-region market as second opinion, and what must hold."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from unlock import coalitions, multilateral, trade

few = settings(max_examples=25, deadline=None)
NAMES = ["a", "b"]
ALL = [*NAMES, multilateral.REST]


def over(dim, names, values):
    return xr.DataArray(values, dims=dim, coords={dim: list(names)})


PRODUCTION = over("region", NAMES, [100.0, 40.0])
EXPORTS, IMPORTS = over("region", NAMES, [15.0, 4.0]), over("region", NAMES, [5.0, 12.0])
AMONG = coalitions.proportional_trade(EXPORTS, imports=IMPORTS, world=60.0)
FLOWS = multilateral.flows_among(
    PRODUCTION, exports=EXPORTS, imports=IMPORTS, world=400.0, trade_among=AMONG
)
PRICE = over("origin", ALL, [500.0, 600.0, 450.0])
INTENSITY = over("origin", ALL, [2.0, 1.2, 1.9])
CAPACITY = over("origin", ALL, [1.1, 1.4, 1.3])
MARKET = {"demand_elasticity": 0.4, "supply_elasticity": 2.0, "substitution": 3.0}


def solve(member, price=300.0, tariff=0.05, capacity=CAPACITY, **changed):
    terms = multilateral.terms_of_club(
        over("origin", ALL, member),
        intensity=INTENSITY,
        carbon_price=price,
        response=1e-4,
        base_price=PRICE,
        tariff=tariff,
    )
    found = multilateral.equilibrium(
        FLOWS,
        base_price=PRICE,
        cost=terms["cost"],
        wedge=terms["wedge"],
        capacity=capacity,
        **(MARKET | changed),
    )
    return terms, found


def test_flows_add_up_to_what_was_given():
    assert float(FLOWS.sum()) == pytest.approx(400.0)
    np.testing.assert_allclose(FLOWS.sum("market").sel(origin=NAMES), PRODUCTION)
    for name, x, m in (("a", 15.0, 5.0), ("b", 4.0, 12.0)):
        home = float(FLOWS.sel(origin=name, market=name))
        assert float(FLOWS.sel(origin=name).sum()) - home == pytest.approx(x)
        assert float(FLOWS.sel(market=name).sum()) - home == pytest.approx(m)


def test_trade_among_regions_is_cut_to_what_they_trade():
    flows = multilateral.flows_among(
        PRODUCTION, exports=EXPORTS, imports=IMPORTS, world=400.0, trade_among=100 * AMONG
    )
    assert bool((flows >= 0).all())
    assert float(flows.sel(origin="b", market="a")) <= 0.9 * 4.0 + 1e-12


def test_without_a_price_nothing_changes():
    _, found = solve([False] * 3)
    np.testing.assert_allclose(
        found["flows"].isel(measure=0), FLOWS.transpose(*found["flows"].isel(measure=0).dims)
    )
    _, found = solve([True, False, False], price=0.0, tariff=0.0)
    np.testing.assert_allclose(found["price"].isel(measure=0), PRICE, rtol=1e-9)


@pytest.mark.parametrize("measure", ["none", "border-adjustment", "both"])
def test_two_regions_agree_with_the_two_region_market(measure):
    flows = trade.flows_from_trade(100.0, exports=15.0, imports=25.0, world=600.0)
    price, e = trade.pair(500.0, 450.0), trade.pair(1.5, 2.0)
    paid = {"carbon_price": 200.0, "response": 2e-4}
    known = trade.instruments(
        e.sel(origin="home", drop=True),
        measures=[measure],
        charged_intensity=e.sel(origin="abroad", drop=True),
        **paid,
    )
    capacity = trade.pair(1.2, 1.3)
    one = trade.equilibrium(
        flows,
        base_price=price,
        cost=known["cost"],
        wedge=known["wedge"],
        capacity=capacity,
        **MARKET,
    ).isel(measure=0)
    terms = multilateral.terms_of_club(
        over("origin", trade.REGIONS, [True, False]), intensity=e, base_price=price, **paid
    )
    other = multilateral.equilibrium(
        flows,
        base_price=price,
        cost=terms["cost"],
        wedge=terms["wedge"].sel(measure=measure),
        capacity=capacity,
        **MARKET,
    )
    np.testing.assert_allclose(other["output"], one["output"], rtol=1e-8)
    np.testing.assert_allclose(other["price"], one["price"], rtol=1e-8)
    before = e * flows.sum("market")
    after = terms["intensity"] * other["output"]
    ratio = multilateral.leakage(
        before, after, member=over("origin", trade.REGIONS, [True, False])
    )["ratio"]
    assert float(ratio) == pytest.approx(float(trade.leakage(before, after)))


def test_the_market_clears_by_the_functions_of_supply_and_demand():
    terms, found = solve([True, True, False])
    w = found["price"]
    bought = trade.demand(
        w + terms["wedge"], flows=FLOWS, base_price=PRICE, substitution=3.0, elasticity=0.4
    ).sum("market")
    offered = trade.supply(
        w,
        output=FLOWS.sum("market"),
        base_price=PRICE,
        cost=terms["cost"],
        elasticity=2.0,
        capacity=CAPACITY,
    )
    np.testing.assert_allclose(bought, offered.transpose(*bought.dims), rtol=1e-8)


@few
@given(
    price=st.floats(1, 2000),
    tariff=st.floats(0, 0.5),
    sigma=st.floats(0.3, 12),
    eta=st.floats(0.05, 2),
    eps=st.floats(0.3, 9),
    spare=st.floats(0.01, 1),
    who=st.integers(1, 3),
)
def test_markets_clear(price, tariff, sigma, eta, eps, spare, who):
    market = {"substitution": sigma, "demand_elasticity": eta, "supply_elasticity": eps}
    member = [bool(who & 1), bool(who & 2), False]
    capacity = over("origin", ALL, [1 + spare] * 3)
    _, found = solve(member, price, tariff, capacity, **market)
    assert float(np.abs(found["residual"]).max()) < 1e-9
    assert bool((found["flows"] >= 0).all())
    limit = FLOWS.sum("market") * (1 + spare) * (1 + 1e-9)
    assert bool((found["output"] <= limit).all())


@few
@given(price=st.floats(10, 600))
def test_a_charge_on_imports_leaves_less_leakage_than_nothing(price):
    member = over("origin", ALL, [True, False, False])
    terms, found = solve([True, False, False], price)
    before = INTENSITY * FLOWS.sum("market")
    ratio = multilateral.leakage(before, terms["intensity"] * found["output"], member=member)
    ratio = ratio["ratio"]
    assert float(ratio.sel(measure="none")) > 0
    assert float(ratio.sel(measure="border-adjustment")) < float(ratio.sel(measure="none"))
    assert float(ratio.sel(measure="tariff")) < float(ratio.sel(measure="none"))


def test_broadcasting_equals_looping():
    price = xr.DataArray([50.0, 400.0], dims="sample")
    _, whole = solve([True, True, False], price)
    for i in range(2):
        _, one = solve([True, True, False], float(price[i]))
        np.testing.assert_allclose(
            whole["output"].isel(sample=i).transpose(*one["output"].dims), one["output"], rtol=1e-9
        )


def test_units_do_not_matter():
    _, found = solve([True, False, False])
    terms = multilateral.terms_of_club(
        over("origin", ALL, [True, False, False]),
        intensity=INTENSITY,
        carbon_price=3000.0,
        response=1e-5,
        base_price=10 * PRICE,
        tariff=0.05,
    )
    scaled = multilateral.equilibrium(
        7 * FLOWS,
        base_price=10 * PRICE,
        cost=terms["cost"],
        wedge=terms["wedge"],
        capacity=CAPACITY,
        **MARKET,
    )
    np.testing.assert_allclose(scaled["output"], 7 * found["output"], rtol=1e-8)
    np.testing.assert_allclose(scaled["price"], 10 * found["price"], rtol=1e-8)


def test_no_leakage_where_emissions_inside_do_not_fall():
    before, after = over("origin", ALL, [1.0, 1.0, 1.0]), over("origin", ALL, [1.1, 1.0, 1.2])
    got = multilateral.leakage(before, after, member=over("origin", ALL, [True, False, False]))
    assert np.isnan(got["ratio"]) and float(got["rise"]) == pytest.approx(0.2)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="production must exceed"):
        multilateral.flows_among(
            PRODUCTION, exports=2 * PRODUCTION, imports=IMPORTS, world=400.0, trade_among=AMONG
        )
    with pytest.raises(ValueError, match="world must exceed"):
        multilateral.flows_among(
            PRODUCTION, exports=EXPORTS, imports=IMPORTS, world=145.0, trade_among=AMONG
        )
    with pytest.raises(ValueError, match="capacity must be above 0"):
        solve([True, False, False], capacity=0 * CAPACITY)


def test_a_market_without_equilibrium_says_so():
    # Nobody abroad can make more, and buyers answer no price.
    tight = over("origin", ALL, [0.5, 0.5, 0.5])
    with pytest.raises(ValueError, match="raise capacity or demand_elasticity"):
        solve([True, False, False], capacity=tight, demand_elasticity=0.0)
