"""The integrated pathway: worlds of one product by hand, balances, and the model of China."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from compendium import load
from unlock import _pathways, attribution, pathways, uncertainty

few = settings(max_examples=20, deadline=None)
YEARS = np.arange(2025, 2035)
SHORT = 5  # samples of the model of China


def world(
    *,
    demand=100.0,
    remaining=1.0,
    cost=(1000.0, 1000.0),
    carbon=0.0,
    limit=1e9,
    closing=0.0,
    life=1e6,
    spread=50.0,
    exponent=0.0,
    capex=(0.0, 0.0),
    delay=0.0,
    elsewhere=0.0,
    samples=1,
    cases=1,
):
    """One product by an old route (2 t of CO2) and a hydrogen route (10 GJ, no CO2)."""
    T, S, C = len(YEARS), samples, cases

    def yearly(value, *tail):
        value = np.asarray(value, dtype=float)
        if value.ndim == 1:
            value = value.reshape(T, 1, 1, *[1] * len(tail))
        return np.broadcast_to(value, (T, S, C, *tail)).copy()

    def route(a, b):
        return np.broadcast_to(np.array([a, b], dtype=float), (S, 1, 2)).copy()

    none = np.zeros(2, dtype=bool)
    hydrogen = np.array([False, True])
    routes = _pathways.Routes(
        product=np.array([0, 0]),
        incumbent=~hydrogen,
        new=hydrogen,
        family={"scrap": none, "hydrogen": hydrogen, "electric": none, "capture": none},
        start=np.array([2020.0, 2020.0]),
        steel=0,
    )
    ages = np.arange(T)
    survival = np.broadcast_to((ages < life).astype(float)[:, None, None, None], (T, S, 1, 2))
    costs = _pathways.Costs(
        other=np.broadcast_to(np.array(cost, dtype=float), (T, S, 1, 2)),
        hydrogen_use=route(0, 10),
        scrap_use=route(0, 0),
        stored=route(0, 0),
        direct=route(2, 0),
        indirect=np.zeros((T, S, 1, 2)),
        fuel=np.zeros((T, S, 1, 2)),
        capex_fixed=route(0, 0),
        capex_renewed=route(0, 0),
        capex_learning=route(*capex),
        rate=route(0.05, 0.05),
        life=route(20, 20),
        survival=survival,
        renewal=route(1, 0),
        spread=route(spread, spread),
        hydrogen_power=np.zeros((T, S, 1)),
        hydrogen_plant=np.zeros((S, 1)),
        hydrogen_rate=np.full((S, 1), 0.05),
        hydrogen_life=20.0,
    )
    paths = _pathways.Paths(
        years=YEARS,
        demand=yearly(demand, 1),
        scrap=yearly(0.0),
        remaining=yearly(remaining, 1)[:, :, :1],
        mix=np.array([1.0, 0.0]),
        carbon=yearly(carbon),
        limit={
            "hydrogen": yearly(limit),
            "capture": yearly(0.0),
            "electric": yearly(0.0),
        },
        elsewhere=yearly(elsewhere, 3),
        known=yearly(1.0),
    )
    learning = _pathways.Learning(
        initial=np.full((S, 1, 3), 10.0),
        exponent=np.full((S, 1, 3), float(exponent)),
        floor=np.full((S, 1, 1), 0.01),
        gigawatt=np.full((S, 1), 0.1),
    )
    zero = np.zeros((S, C))
    policy = _pathways.Policy(
        premium=zero,
        closing=zero + closing,
        delay=zero + delay,
        saving=zero,
        renewal=zero,
        allowed=np.ones((C, 2), dtype=bool),
    )
    return routes, costs, paths, learning, policy


def run(**given):
    found = _pathways.run(*world(**given), by_route=True)
    return {name: values[:, 0, 0] for name, values in found.items()}


def test_where_nothing_ends_nothing_changes():
    found = run()
    np.testing.assert_allclose(found["emissions"][:, 0], 200)
    np.testing.assert_allclose(found["built"], 0, atol=1e-12)


def test_equal_costs_share_what_is_built_equally():
    gone = np.array([1.0] + [0.0] * 9)
    found = run(remaining=gone)
    np.testing.assert_allclose(found["output"][1:], 50)
    np.testing.assert_allclose(found["emissions"][1:, 0], 100)


def test_the_share_is_logistic_in_the_gap_of_cost():
    """50 CNY dearer at a spread of 50: 1 / (1 + e) of what is built."""
    found = run(remaining=np.array([1.0] + [0.0] * 9), cost=(1000, 1050))
    np.testing.assert_allclose(found["output"][1:, 1], 100 / (1 + np.e))


def test_a_carbon_price_of_25_closes_that_gap():
    found = run(remaining=np.array([1.0] + [0.0] * 9), cost=(1000, 1050), carbon=25)
    np.testing.assert_allclose(found["output"][1:, 1], 50)


def test_a_limit_binds_exactly_and_the_old_route_takes_the_rest():
    found = run(remaining=np.array([1.0] + [0.0] * 9), limit=100.0)
    np.testing.assert_allclose(found["hydrogen"][1:], 100)
    np.testing.assert_allclose(found["output"][1:, 1], 10)
    np.testing.assert_allclose(found["output"].sum(-1), 100)


def test_a_route_that_is_late_is_not_built_before():
    found = run(remaining=np.array([1.0] + [0.0] * 9), delay=8.0, life=1)
    assert (found["built"][YEARS < 2028, 1] == 0).all()
    assert (found["built"][YEARS >= 2028, 1] > 0).all()


def test_a_dear_plant_closes_with_the_chance_on_paper():
    """Running at 1050 where a new one costs 1000 in all, spread 50: h = c / (1 + 1 / e)."""
    found = run(cost=(1050, 1000), closing=0.1)
    hazard = 0.1 / (1 + np.exp(-1))
    built = found["built"][0].sum()
    assert built == pytest.approx(100 * hazard)
    assert found["closed"][0] == pytest.approx(100 * hazard)
    lost = 100 * hazard * np.exp(-1) / (1 + np.exp(-1))  # rebuilt by the old route all the same
    assert found["output"][0, 0] == pytest.approx(100 * (1 - hazard) + lost)


def test_builds_are_replaced_at_the_end_of_their_life():
    found = run(remaining=np.array([1.0] + [0.0] * 9), life=3)
    built = found["built"].sum(-1)
    np.testing.assert_allclose(built, [0, 100, 0, 0, 100, 0, 0, 100, 0, 0], atol=1e-9)


def test_falling_demand_closes_todays_plants_first():
    found = run(demand=np.linspace(100, 10, 10), remaining=np.array([1.0] + [0.5] * 9))
    np.testing.assert_allclose(found["output"].sum(-1), np.linspace(100, 10, 10))
    # 40 of 50 old plants are gone before any of the new ones closes
    new = found["output"][:, 1]
    assert new[5] == pytest.approx(new[1])


def test_cost_falls_on_the_experience_curve():
    """Elsewhere 10 more than the first 10: one doubling, exponent 1, half of the cost."""
    there = np.concatenate([[0.0], np.full(9, 10.0)])
    found = run(exponent=1.0, elsewhere=there)
    np.testing.assert_allclose(found["learning"][:2, 2], 1)
    np.testing.assert_allclose(found["learning"][2:, 2], 0.5)


def test_capital_is_the_annuity_of_what_was_built():
    found = run(remaining=np.array([1.0] + [0.0] * 9), capex=(0.0, 1000.0), cost=(1000, 1000))
    payment = 0.05 / (1 - 1.05**-20)
    assert found["capital"][1] == pytest.approx(1000 * payment * found["output"][1, 1])
    np.testing.assert_allclose(found["cost"] - found["capital"], 1000 * 100)


@few
@given(
    demand=st.lists(st.floats(1, 200), min_size=10, max_size=10),
    kept=st.lists(st.floats(0, 1), min_size=9, max_size=9),
    carbon=st.floats(0, 2000),
    limit=st.floats(0, 500),
    closing=st.floats(0, 0.3),
    life=st.integers(1, 12),
)
def test_mass_balances_whatever_comes(demand, kept, carbon, limit, closing, life):
    remaining = np.minimum.accumulate([1.0, *kept])
    found = run(
        demand=np.array(demand),
        remaining=remaining,
        carbon=carbon,
        limit=limit,
        closing=closing,
        life=life,
    )
    np.testing.assert_allclose(found["output"].sum(-1), demand, rtol=1e-9)
    assert (found["output"] >= -1e-9).all() and (found["built"] >= 0).all()
    assert (found["hydrogen"] <= limit + 1e-6).all()
    np.testing.assert_allclose(found["emissions"][:, 0], 2 * found["output"][:, 0])


def test_decision_price_by_hand():
    p = pathways.decision_price(100, abroad=300, convergence=0.5, reward=0.6, multiple=1.5)
    assert p == pytest.approx(80)
    with pytest.raises(ValueError, match=r"multiple must be 1 or more, but 0\.9"):
        pathways.decision_price(100, abroad=300, convergence=0.5, reward=0.6, multiple=0.9)


def test_saved_demand_by_hand():
    assert pathways.saved_demand(10, potential=0.5, uptake=0.4, come=0.5) == pytest.approx(9)
    with pytest.raises(ValueError, match="uptake must lie from 0 to 1"):
        pathways.saved_demand(10, potential=0.5, uptake=1.4)


def test_present_value_of_a_flow_for_ever_and_of_none():
    flow = xr.DataArray(np.ones(2000), {"year": 2025 + np.arange(2000)}, "year")
    assert float(pathways.present_value(flow, rate=0.05)) == pytest.approx(1.05 / 0.05)
    assert float(pathways.present_value(flow, rate=0.0)) == 2000
    with pytest.raises(ValueError, match="rate must be above -1"):
        pathways.present_value(flow, rate=-1)


def test_bounded_holds_prices_but_not_changes():
    low = xr.DataArray([-1.0, 2.0], dims="sample")
    found = pathways.bounded({"price of clay": low, "pillars: finance, premium": low})
    assert found["price of clay"].values.tolist() == [0, 2]
    assert found["pillars: finance, premium"].values.tolist() == [-1, 2]


def test_peak_year_is_the_first_of_equals():
    flow = xr.DataArray([1.0, 3, 3, 2], {"year": [2025, 2026, 2027, 2028]}, "year")
    assert int(pathways.peak_year(flow)) == 2026


def test_sectors_sum_the_chemicals():
    names = ["steel", "ammonia", "methanol", "ethylene"]
    found = pathways.by_sector(xr.DataArray([1.0, 2, 3, 4], {"product": names}, "product"))
    assert found.sel(sector="chemicals") == 9 and found["sector"].values[0] == "steel"


@pytest.fixture(scope="module")
def china():
    model = pathways.read(load, region="China")
    draw = uncertainty.sample(
        model.inputs, n=SHORT, seed=3, shared=model.shared, correlation=model.correlation
    )
    steel = uncertainty.sample(model.steel["inputs"], n=SHORT, seed=3, shared=model.steel["shared"])
    return model, draw, pathways.steel_paths(steel, steel=model.steel)


def simulate(china, *, end_of_pipe=0.0, **switches):
    model, draw, steel = china
    theta = pathways.parameters(draw, pathway=model, **switches)
    return pathways.simulate(
        draw, pathway=model, steel=steel, policy=theta, end_of_pipe=end_of_pipe, by_route=True
    )


@pytest.fixture(scope="module")
def sixteen(china):
    return simulate(china, pillars=attribution.switches(pathways.PILLARS))


def test_all_combinations_meet_demand_within_scrap_and_storage(china, sixteen):
    model, draw, _ = china
    product = xr.DataArray(model.table["product"].to_numpy(), dims="route", name="product")
    made = sixteen["output"].groupby(product).sum()
    xr.testing.assert_allclose(
        made, sixteen["demand"].sel(product=made["product"]).broadcast_like(made), rtol=1e-9
    )
    assert float((sixteen["scrap_used"] - sixteen["scrap"]).max()) < 1e-6
    stored = (sixteen["output"] * draw["use of co2_storage"]).sum("route")
    xr.testing.assert_allclose(stored, sixteen["stored"], rtol=1e-9)
    assert float((stored - draw["capture limit"]).max()) < 1e-6
    hydrogen = (sixteen["output"] * draw["use of hydrogen"]).sum("route")
    assert float((hydrogen - 120 * draw["hydrogen limit"]).max()) < 1e-6
    assert sixteen["emissions"].attrs["units"] == "MtCO2/year"


def test_emissions_are_output_times_intensity(china, sixteen):
    model, draw, _ = china
    product = xr.DataArray(model.table["product"].to_numpy(), dims="route", name="product")
    direct = (sixteen["output"] * draw["emissions"]).groupby(product).sum()
    same = sixteen["direct"]
    direct = direct.sel(product=same["product"]).transpose(*same.dims)
    np.testing.assert_allclose(direct, same, rtol=1e-9)


def test_one_call_equals_a_call_for_each_combination(china, sixteen):
    for case in ({}, {"institutions": 1}, dict.fromkeys(pathways.PILLARS, 1)):
        alone = simulate(china, pillars=case)
        same = sixteen.sel({p: case.get(p, 0) for p in pathways.PILLARS}, drop=True)
        for name in ("emissions", "cost", "saving", "hydrogen_price", "closed"):
            np.testing.assert_allclose(
                alone[name].transpose(*same[name].dims), same[name], rtol=1e-9, atol=1e-9
            )


def test_blocks_of_samples_do_not_change_the_result(china):
    model, draw, steel = china
    theta = pathways.parameters(draw, pathway=model, pillars={"finance": 1})
    found = [
        pathways.simulate(draw, pathway=model, steel=steel, policy=theta, block=n)["emissions"]
        for n in (1, SHORT)
    ]
    np.testing.assert_array_equal(*found)


def test_pillars_cut_emissions_of_2060(sixteen):
    left = sixteen["emissions"].sum("product").sel(year=2060)
    none, whole = (left.sel(dict.fromkeys(pathways.PILLARS, on)) for on in (0, 1))
    assert bool((whole < none).all())


def test_without_technology_no_new_route_is_built(china):
    found = simulate(china, pillars=dict.fromkeys(pathways.PILLARS, 1), levels={"technology": 0.0})
    new = china[0].table["family"].isin(["hydrogen", "electric", "capture"]).to_numpy()
    assert float(abs(found["built"].isel(route=new)).max()) == 0


def test_end_of_pipe_saves_no_material_and_builds_only_what_it_may(china):
    found = simulate(china, pillars=dict.fromkeys(pathways.PILLARS, 1), end_of_pipe=1.0)
    barred = (china[0].table["end_of_pipe"] == "no").to_numpy()
    assert float(abs(found["built"].isel(route=barred)).max()) == 0
    assert float(abs(found["saving"]).max()) < 1e-9


def test_saving_is_exact_where_the_stock_model_was_run(china):
    _, draw, steel = china
    pure = draw | {"stock model weight": 1 + 0 * draw["site spread"]}
    for taken in (0.0, 0.5, 1.0):
        found = pathways.demand(pure, steel=steel, uptake=taken)["demand"].sel(product="steel")
        exact = steel["demand"] / steel["demand"].sel(uptake=0.0, year=2025)
        exact = exact.sel(uptake=taken) * found.sel(year=2025)
        np.testing.assert_allclose(found.transpose(*exact.dims), exact, rtol=1e-9)


def test_what_todays_routes_emit_is_what_they_emit_today(china, sixteen):
    """Before anything is built the model emits what `emissions_of_today` gives, less closures."""
    first = sixteen.isel(year=0).sel(dict.fromkeys(pathways.PILLARS, 0))
    gap = first["direct"].sum("product") / first["as_today"] - 1
    assert float(abs(gap).max()) < 0.03


def test_unknown_names_are_refused(china):
    model, draw, steel = china
    with pytest.raises(ValueError, match="pillars has 'luck'; allowed are innovation"):
        pathways.parameters(draw, pathway=model, pillars={"luck": 1})
    with pytest.raises(ValueError, match="region must be one of China, World, not 'Mars'"):
        pathways.read(load, region="Mars")
    theta = pathways.parameters(draw, pathway=model)
    with pytest.raises(ValueError, match="steel has 2 samples, draw has 5"):
        pathways.simulate(draw, pathway=model, steel=steel.isel(sample=slice(2)), policy=theta)
