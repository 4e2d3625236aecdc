"""Two-region trade: closed forms, a general solver as the second opinion, and what must hold."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import root

from unlock import trade

few = settings(max_examples=25, deadline=None)
MARKET = {"demand_elasticity": 0.4, "supply_elasticity": 2.0, "capacity": 1.3, "substitution": 3.0}
FLOWS = trade.flows_from_trade(100.0, exports=15.0, imports=25.0, world=600.0)
PRICE = trade.pair(500.0, 450.0)
NO_WEDGE = 0 * FLOWS


def solve(cost=0.0, wedge=NO_WEDGE, flows=FLOWS, **changed):
    return trade.equilibrium(
        flows, base_price=PRICE, cost=trade.pair(cost, 0.0), wedge=wedge, **(MARKET | changed)
    )


def wedges(imports=0.0, exports=0.0):
    return trade.pair(
        trade.pair(0.0, -exports, dim="market"), trade.pair(imports, 0.0, dim="market")
    )


@pytest.mark.parametrize("goods", trade.GOODS)
def test_without_policy_nothing_changes(goods):
    found = solve(goods=goods)
    base = FLOWS if goods == "differentiated" else trade.net_flows(FLOWS)
    np.testing.assert_allclose(found["flows"], base, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found["price"], PRICE, rtol=1e-9)
    np.testing.assert_allclose(found["price_index"], 1.0, rtol=1e-9)


def test_homogeneous_goods_by_hand():
    flows = trade.flows_from_trade(100.0, exports=0.0, imports=0.0, world=200.0)
    found = trade.equilibrium(
        flows,
        base_price=trade.pair(1.0, 1.0),
        cost=trade.pair(0.1, 0.0),
        wedge=0 * flows,
        demand_elasticity=1.0,
        supply_elasticity=1.0,
        capacity=2.0,
        goods="homogeneous",
    )
    p = (0.1 + np.sqrt(0.01 + 16)) / 4  # 2 p^2 - 0.1 p = 2
    np.testing.assert_allclose(found["price"], p, rtol=1e-10)
    np.testing.assert_allclose(found["output"], [100 * (p - 0.1), 100 * p], rtol=1e-10)


def test_differentiated_goods_agree_with_a_general_solver():
    wedge = wedges(imports=60.0, exports=40.0)
    found = solve(cost=90.0, wedge=wedge)

    def excess(w):
        w = trade.pair(*w)
        bought = trade.demand(
            w + wedge, flows=FLOWS, base_price=PRICE, substitution=3.0, elasticity=0.4
        ).sum("market")
        offered = trade.supply(
            w,
            output=FLOWS.sum("market"),
            base_price=PRICE,
            cost=trade.pair(90.0, 0.0),
            elasticity=2.0,
            capacity=1.3,
        )
        return (bought - offered).values

    other = root(excess, PRICE.values, tol=1e-12)
    np.testing.assert_allclose(found["price"], other.x, rtol=1e-9)
    assert np.abs(excess(found["price"].values)).max() < 1e-8


@few
@given(
    cost=st.floats(-200, 3000),
    charge=st.floats(0, 800),
    rebate=st.floats(0, 400),
    sigma=st.floats(0.2, 12),
    eta=st.floats(0.05, 2),
    eps=st.floats(0.2, 10),
    spare=st.floats(0.001, 1),
    goods=st.sampled_from(trade.GOODS),
)
def test_markets_clear(cost, charge, rebate, sigma, eta, eps, spare, goods):
    market = {"substitution": sigma, "demand_elasticity": eta, "supply_elasticity": eps}
    found = solve(
        cost, wedges(imports=charge, exports=rebate), capacity=1 + spare, goods=goods, **market
    )
    assert float(np.abs(found["residual"]).max()) < 1e-8
    sold, made = found["flows"].sum(), found["output"].sum()
    assert float(sold) == pytest.approx(float(made), rel=1e-9)
    assert bool((found["output"] <= FLOWS.sum("market") * (1 + spare) * (1 + 1e-8)).all())
    assert bool((found["flows"] >= -1e-9).all())


def test_a_good_that_hardly_sells_still_clears():
    # The margin that suffices is lost beside the cost unless it is kept apart.
    market = {"substitution": 12.0, "demand_elasticity": 2.0, "supply_elasticity": 0.5}
    found = solve(2000.0, wedges(imports=0.0, exports=0.0), capacity=2.0, **market)
    assert float(np.abs(found["residual"]).max()) < 1e-8


@few
@given(cost=st.floats(1, 400), goods=st.sampled_from(trade.GOODS))
def test_a_cost_at_home_moves_output_abroad(cost, goods):
    found, dearer = (solve(c, goods=goods)["output"] for c in (cost, cost + 20))
    assert dearer.sel(origin="home") < found.sel(origin="home")
    assert dearer.sel(origin="abroad") > found.sel(origin="abroad")


@few
@given(factor=st.floats(0.01, 100))
def test_units_of_money_and_mass_do_not_matter(factor):
    found = solve(80.0, wedges(imports=50.0))
    scaled = trade.equilibrium(
        7 * FLOWS,
        base_price=factor * PRICE,
        cost=trade.pair(80.0 * factor, 0.0),
        wedge=wedges(imports=50.0 * factor),
        **MARKET,
    )
    np.testing.assert_allclose(scaled["flows"], 7 * found["flows"], rtol=1e-8)
    np.testing.assert_allclose(scaled["price"], factor * found["price"], rtol=1e-8)


def test_broadcasting_equals_looping():
    cost = xr.DataArray([10.0, 100.0, 400.0], dims="sample")
    sigma = xr.DataArray([1.0, 5.0], dims="product")
    both = solve(cost, substitution=sigma)
    assert both["output"].dims == ("sample", "product", "origin")
    for i in range(3):
        for j in range(2):
            one = solve(float(cost[i]), substitution=float(sigma[j]))
            np.testing.assert_allclose(
                both["output"].isel(sample=i, product=j), one["output"], rtol=1e-9
            )


def test_goods_easily_replaced_come_close_to_homogeneous_ones():
    flows = trade.flows_from_trade(100.0, exports=5.0, imports=30.0, world=600.0)
    same = trade.pair(500.0, 500.0)
    near, exact = (
        trade.equilibrium(
            flows,
            base_price=same,
            cost=trade.pair(15.0, 0.0),
            wedge=0 * flows,
            **(MARKET | {"substitution": 2000.0, "goods": goods}),
        )
        for goods in trade.GOODS
    )
    np.testing.assert_allclose(near["output"], exact["output"], rtol=2e-3)


def test_full_capacity_abroad_stops_leakage():
    bound = solve(100.0, capacity=trade.pair(2.0, 1.0))
    assert float(bound["output"].sel(origin="abroad")) == pytest.approx(500.0)
    assert float(bound["price"].sel(origin="abroad")) > 450.0


def test_import_charge_and_export_rebate_together_restore_a_level_field():
    # Equal emissions and no abatement: with both, home and foreign goods bear the cost alike in
    # the home market and not at all abroad.
    terms = trade.instruments(2.0, carbon_price=50.0, charged_intensity=2.0)
    found = trade.equilibrium(
        FLOWS, base_price=PRICE, cost=terms["cost"], wedge=terms["wedge"], **MARKET
    )
    home = found["output"].sel(origin="home")
    assert home.sel(measure="both") > home.sel(measure="border-adjustment")
    assert home.sel(measure="both") > home.sel(measure="export-rebate")
    assert home.sel(measure="export-rebate") > home.sel(measure="none")
    np.testing.assert_allclose(home.sel(measure="output-based"), 100.0, rtol=1e-9)


@pytest.mark.parametrize(("imports", "exports", "gap"), [(30.0, 5.0, 25.0), (5.0, 30.0, 0.0)])
def test_homogeneous_price_gap_follows_the_direction_of_trade(imports, exports, gap):
    flows = trade.flows_from_trade(100.0, exports=exports, imports=imports, world=600.0)
    found = solve(wedge=wedges(imports=25.0), flows=flows, goods="homogeneous")
    rise = found["price"] - PRICE
    assert float(rise[0] - rise[1]) == pytest.approx(gap, abs=1e-6)


def test_homogeneous_region_may_cease_to_trade():
    flows = trade.flows_from_trade(100.0, exports=0.0, imports=1.0, world=600.0)
    found = solve(wedge=wedges(imports=200.0), flows=flows, goods="homogeneous")
    cross = found["flows"].sel(origin="abroad", market="home")
    assert float(cross) == pytest.approx(0.0, abs=1e-8)
    assert 0 < float((found["price"] - PRICE).sel(origin="home")) < 200


def test_rebate_above_the_charge_sends_all_home_output_abroad():
    found = solve(50.0, wedges(imports=10.0, exports=40.0), goods="homogeneous")
    stays = found["flows"].sel(origin="home", market="home")
    assert float(stays) == pytest.approx(0.0, abs=1e-9)


def test_no_equilibrium_names_the_parameter():
    with pytest.raises(ValueError, match=r"no equilibrium.*raise capacity or demand_elasticity"):
        solve(demand_elasticity=0.0, capacity=0.8)
    with pytest.raises(ValueError, match=r"no equilibrium.*raise capacity or demand_elasticity"):
        solve(demand_elasticity=0.0, capacity=0.8, goods="homogeneous")


def test_demand_that_answers_finds_a_price_under_the_same_capacity():
    found = solve(demand_elasticity=0.4, capacity=0.8)
    np.testing.assert_allclose(found["output"], 0.8 * FLOWS.sum("market"), rtol=1e-9)


def test_carbon_cost_is_the_area_under_emissions():
    response = trade.abatement_response(0.1, price=300.0)
    taxes = np.linspace(0, 400, 40001)
    e = trade.emission_intensity(2.0, carbon_price=xr.DataArray(taxes), response=response)
    area = np.trapezoid(e, taxes)
    assert float(trade.carbon_cost(2.0, carbon_price=400.0, response=response)) == pytest.approx(
        area, rel=1e-8
    )
    assert float(trade.emission_intensity(2.0, carbon_price=300.0, response=response)) == (
        pytest.approx(1.8)
    )


def test_carbon_cost_by_hand():
    assert float(trade.carbon_cost(2.0, carbon_price=50.0)) == 100.0
    assert float(trade.carbon_cost(2.0, carbon_price=50.0, coverage=0.5)) == 50.0
    assert float(trade.carbon_cost(2.0, carbon_price=50.0, allocation=0.9)) == pytest.approx(10.0)
    assert float(trade.carbon_cost(2.0, carbon_price=50.0, allocation=1.2)) == pytest.approx(-20.0)


def test_instruments_put_wedges_where_they_belong():
    terms = trade.instruments(
        2.0, carbon_price=50.0, charged_intensity=3.0, allocation=0.5, coverage=0.8, passed=0.5
    )
    wedge = terms["wedge"].sel(measure="both")
    assert float(wedge.sel(origin="abroad", market="home")) == pytest.approx(0.8 * 50 * 3)
    assert float(wedge.sel(origin="home", market="abroad")) == pytest.approx(-0.5 * 0.8 * 50 * 2)
    assert float(abs(terms["wedge"].sel(measure=["none", "output-based"])).max()) == 0
    cost = terms["cost"].sel(origin="home")
    assert float(cost.sel(measure="none")) == pytest.approx(0.5 * 0.8 * 100)
    assert float(cost.sel(measure="output-based")) == pytest.approx(0.5 * 0.8 * 50)


def test_flows_add_up():
    assert float(FLOWS.sum()) == 600.0
    assert float(FLOWS.sum("market").sel(origin="home")) == 100.0
    assert float(trade.net_imports(FLOWS)) == 10.0
    net = trade.net_flows(FLOWS)
    np.testing.assert_allclose(net.sum("market"), FLOWS.sum("market"))
    np.testing.assert_allclose(net.sum("origin"), FLOWS.sum("origin"))
    assert float(net.sel(origin="home", market="abroad")) == 0.0
    assert float(trade.net_imports(net)) == 10.0


def test_intensity_abroad_makes_up_the_world():
    abroad = trade.intensity_abroad(2.4, home=3.3, world_output=183.0, home_output=54.9)
    assert float(abroad) * (183.0 - 54.9) + 3.3 * 54.9 == pytest.approx(2.4 * 183.0)


def test_leakage_and_its_absence():
    before = trade.pair(100.0, 500.0)
    assert float(trade.leakage(before, trade.pair(90.0, 502.0))) == pytest.approx(0.2)
    assert np.isnan(trade.leakage(before, trade.pair(101.0, 499.0)))


def test_energy_price_leakage_against_a_solved_fuel_market():
    eta, eps, s = 0.4, 1.5, 0.7
    cut = 1e-6  # of the world's fuel, taken out of home's demand

    def excess(price):
        return s * price**-eta + (1 - s) - cut - price**eps

    price = root(excess, 1.0, tol=1e-14).x[0]
    taken_back = s * (price**-eta - 1) / cut
    got = trade.energy_price_leakage(eta, supply_elasticity=eps, share_abroad=s)
    assert got == pytest.approx(taken_back, rel=1e-4)
    assert trade.with_energy_prices(0.2, energy_leakage=0.1, fuel_share=0.5) == pytest.approx(0.24)
    assert trade.with_energy_prices(1.0, energy_leakage=0.1, fuel_share=1.0) == 1.0


def test_pass_through_is_full_where_supply_is_flat_and_alone():
    flat = solve(50.0, supply_elasticity=1e6, capacity=5.0)
    got = trade.pass_through(flat["price"], base_price=PRICE, cost=trade.pair(50.0, 0.0))
    assert float(got.sel(origin="home")) == pytest.approx(1.0, abs=1e-4)
    assert np.isnan(got.sel(origin="abroad"))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: solve(capacity=0.0), "capacity must be above 0"),
        (lambda: solve(supply_elasticity=0.0), "supply_elasticity must be above 0"),
        (lambda: solve(substitution=-1.0), "substitution must be above 0"),
        (lambda: solve(demand_elasticity=-0.3), "demand_elasticity must be 0 or more"),
        (lambda: solve(goods="steel"), "goods must be one of differentiated, homogeneous"),
        (lambda: solve(flows=FLOWS.sum("market")), "lacks 'market'"),
        (
            lambda: trade.instruments(2.0, measures=["tax"], carbon_price=1.0, charged_intensity=1),
            "measures must be of none",
        ),
        (
            lambda: trade.instruments(2.0, carbon_price=1.0, charged_intensity=1, passed=2.0),
            "passed must be at most 1",
        ),
        (lambda: trade.carbon_cost(2.0, carbon_price=-1.0), "carbon_price must be 0 or more"),
        (
            lambda: trade.carbon_cost(2.0, carbon_price=1.0, coverage=2.0),
            "coverage must be at most",
        ),
        (lambda: trade.abatement_response(1.0, price=100.0), "cut must be below 1"),
        (
            lambda: trade.flows_from_trade(10.0, exports=10.0, imports=1.0, world=100.0),
            "exports must be below production",
        ),
        (
            lambda: trade.flows_from_trade(90.0, exports=1.0, imports=10.0, world=100.0),
            "world must exceed",
        ),
        (
            lambda: trade.intensity_abroad(1.0, home=3.0, world_output=100.0, home_output=50.0),
            "world must leave",
        ),
        (
            lambda: trade.energy_price_leakage(0.4, supply_elasticity=0.0, share_abroad=0.5),
            "supply_elasticity must be above 0",
        ),
    ],
)
def test_bad_input_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
