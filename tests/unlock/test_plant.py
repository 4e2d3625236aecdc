"""The flexible plant: cases by hand, duality, balances, linked stores, and what it refuses."""

import numpy as np
import pytest
import xarray as xr

from unlock import _plant, plant, weather

HOUR = {"hour": np.arange(24)}
TECHNOLOGY = {
    "electrolyser_efficiency": 0.65,
    "hydrogen_use": 2.1,
    "shaft_power": 0.7,
    "iron_use": 1.0,
    "furnace_power": 0.64,
    "battery_efficiency": 0.96,
    "electrolyser_least": 0.1,
    "shaft_least": 0.5,
    "furnace_least": 0.2,
    "shaft_ramp": 0.1,
}
TIER = xr.DataArray(np.r_[np.full(8, 0.4), np.ones(8), np.full(6, 1.9), np.ones(2)], HOUR, "hour")
MARKET = {
    "import_price": 600 * TIER,
    "export_price": 250.0,
    "levy": 50.0,
    "service_price": xr.where(TIER > 1.5, 60.0, 0.0),
    "self_use": 0.6,
    "own_share": 0.0,
}
COST = dict.fromkeys(plant.UNITS, 0.0) | {
    "roof_pv": 4.4e5, "land_pv": 4.5e5, "wind": 7e5, "grid": 5e5, "battery_power": 1e5,
    "battery_store": 1e5, "electrolyser": 5e5, "hydrogen_store": 1.5e4, "shaft": 3e6,
    "iron_store": 250.0, "furnace": 1.5e6,
}  # fmt: skip


def by_unit(values):
    return xr.DataArray([values[u] for u in plant.UNITS], {"unit": list(plant.UNITS)}, "unit")


def limit(**given):
    return by_unit(dict.fromkeys(plant.UNITS, np.inf) | {"roof_pv": 0.05} | given)


def year(seed=0):
    """A rough year of sun and wind."""
    rng = np.random.default_rng(seed)
    hour, day = np.arange(8760) % 24, np.arange(8760) // 24
    sun = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * rng.uniform(0.2, 0.9, 365)[day]
    wind = np.clip(0.3 + 0.3 * rng.standard_normal(365)[day] + 0.05 * np.cos(hour), 0, 1)
    return (xr.DataArray(x, {"hour": np.arange(8760)}, "hour") for x in (sun, wind))


def solve(days, **changed):
    given = {
        "capacity_cost": by_unit(COST),
        "limit": limit(),
        "technology": TECHNOLOGY,
        "market": MARKET,
        "output": 8760.0,
    }
    return plant.optimise(days, **given | changed)


@pytest.fixture(scope="module")
def days():
    sun, wind = year()
    return weather.typical_days(sun, wind=wind, n=3)


@pytest.fixture(scope="module")
def plan(days):
    """One call: rigid and flexible plants."""
    return solve(days, **both())


def both(technology=TECHNOLOGY):
    flexible = xr.DataArray([0.0, 1.0], {"plant": ["rigid", "flexible"]}, "plant")
    least = {
        f"{p}_least": plant.least_load(technology[f"{p}_least"], flexible=flexible)
        for p in plant.PARTS
    }
    stored = xr.DataArray([u.startswith("battery") for u in plant.UNITS], limit().coords)
    return {
        "technology": technology | least,
        "limit": xr.where(stored & (flexible == 0), 0.0, limit()),
    }


def hand(prices, *, cost, least, sun=(0.0, 0.0), limits=None, self_use=0.0):
    """Two hours, two tonnes of steel, 1 MWh each, all other units free."""
    zero = {"period": [0], "day": [0], "hour": [0, 1]}
    days = xr.Dataset(
        {
            "pv": (("period", "hour"), [list(sun)]),
            "wind": (("period", "hour"), [[0.0, 0.0]]),
            "weight": ("period", [1.0]),
            "period_of_day": ("day", [0]),
        },
        zero,
    )
    works = dict.fromkeys(plant.TECHNOLOGY, 0.0)
    works |= dict.fromkeys(
        ["electrolyser_efficiency", "iron_use", "battery_efficiency", "furnace_power"], 1.0
    )
    works |= {"shaft_ramp": 1.0, "furnace_least": least}
    market = {"import_price": xr.DataArray(list(prices), {"hour": [0, 1]})}
    market |= dict.fromkeys(["export_price", "levy", "service_price", "own_share"], 0.0)
    return plant.optimise(
        days,
        capacity_cost=by_unit(dict.fromkeys(plant.UNITS, 0.0) | cost),
        limit=limit(battery_store=0.0, **limits or {"land_pv": 0.0, "roof_pv": 0.0}),
        technology=works,
        market=market | {"self_use": self_use},
        output=2.0,
    )


def test_a_rigid_and_a_flexible_furnace_by_hand():
    least = xr.DataArray([1.0, 0.0], {"plant": ["rigid", "flexible"]}, "plant")
    got = hand((100.0, 300.0), cost={"furnace": 30.0}, least=least)
    np.testing.assert_allclose(got["cost"], [30 + 100 + 300, 60 + 200])
    np.testing.assert_allclose(got["furnace"].squeeze(), [[1, 1], [2, 0]], atol=1e-9)
    np.testing.assert_allclose(got["steel_price"], got["cost"] / 2)
    np.testing.assert_allclose(got["power_price"].sel(plant="rigid").squeeze(), [100, 300])


def test_the_roof_is_respected_and_its_scarcity_is_rent_by_hand():
    # Sun in the first hour at 10 a MW; the roof holds 1 MW, the rest is bought for 100.
    got = hand((100.0, 300.0), cost={"furnace": 30.0, "roof_pv": 10.0}, least=0.0, sun=(1.0, 0.0),
               limits={"land_pv": 0.0, "roof_pv": 1.0})  # fmt: skip
    assert got["capacity"].sel(unit="roof_pv").item() == pytest.approx(1.0)
    assert got["cost"].item() == pytest.approx(60 + 10 + 100)
    assert got["steel_price"].item() == pytest.approx(130.0)  # the next tonne is bought
    rent = 2 * got["steel_price"] - got["cost"]
    assert rent.item() == pytest.approx(100 - 10)


def test_a_demand_charge_is_paid_on_the_highest_draw():
    got = hand((100.0, 100.0), cost={"grid": 50.0}, least=0.0)
    assert plant.grid_peak(got).item() == pytest.approx(1.0)  # even draw is cheapest
    assert got["cost"].item() == pytest.approx(200 + 50)


def test_balances_close_through_the_whole_year(plan):
    gaps = plant.residuals(plan, technology=both()["technology"])
    assert float(gaps.max()) < 1e-9
    for store in plant.STORES:
        level = plant.through_the_year(plan, level=store)
        size = plan["capacity"].sel(unit=f"{store}_store", drop=True)
        assert (level >= -1e-6).all() and (level <= size + 1e-6).all()
    assert float(plan["capacity"].sel(unit="hydrogen_store", plant="flexible")) > 1


def test_a_broken_plan_does_not_close(plan):
    broken = plan.assign(charge=plan["charge"] + 0.01)
    assert float(plant.residuals(broken, technology=both()["technology"]).max()) > 1e-4


def test_limits_hold_in_every_hour(plan):
    size = plan["capacity"]
    assert (plant.yearly(plan, flow="furnace") - 8760).max() < 1e-6
    assert (size.sel(unit="roof_pv") <= 0.05 + 1e-9).all()
    assert (plan["imported"] <= size.sel(unit="grid") + 1e-7).all()
    assert (plan["exported"] <= plan["own"] + 1e-7).all()
    assert (plan["reserve"] <= plan["imported"] + 1e-7).all()
    step = plan["shaft"] - plan["shaft"].roll(hour=1, roll_coords=False)
    assert (abs(step) <= 0.1 * size.sel(unit="shaft") + 1e-7).all()
    rigid = plan.sel(plant="rigid")
    assert float(rigid["shaft"].max() - rigid["shaft"].min()) < 1e-7


def test_cost_is_duty_times_shadow_price_less_rent(plan):
    # All else is homogeneous: only the output and the roof have a right-hand side.
    value = 8760 * plan["steel_price"] - plan["cost"]
    assert (value >= -1e-3 * plan["cost"]).all()
    assert (value <= 0.05 * 1e6).all()  # the roof cannot earn more than free power all year


def test_bending_never_costs_more(plan):
    rigid, flexible = (float(plan["cost"].sel(plant=p)) for p in ("rigid", "flexible"))
    assert flexible < 0.99 * rigid


def test_cost_adds_up_from_its_parts(plan):
    fixed = (plan["capacity"] * by_unit(COST)).sum("unit")
    np.testing.assert_allclose(fixed + plan["running_cost"], plan["cost"])
    one = plan.sel(plant="flexible")
    hourly = 600 * TIER * one["imported"] + 50 * (one["own"] - one["exported"])
    hourly = hourly - 250 * one["exported"] - MARKET["service_price"] * one["reserve"]
    assert float((hourly * one["weight"]).sum()) == pytest.approx(float(one["running_cost"]))
    got = plant.levelised_cost(plan, output=8760.0, other=100.0)
    np.testing.assert_allclose(got, plan["cost"] / 8760 + 100)


def test_linked_typical_days_are_the_year_when_every_day_is_its_own():
    # Four days, solved as one period of 96 hours and as four linked days.
    sun, wind = (x.isel(hour=slice(0, 96)) for x in year(3))
    whole = weather.whole_year(sun, wind=wind)
    linked = xr.Dataset(
        {
            "pv": (("period", "hour"), sun.values.reshape(4, 24)),
            "wind": (("period", "hour"), wind.values.reshape(4, 24)),
            "weight": ("period", np.ones(4)),
            "period_of_day": ("day", np.arange(4)),
        },
        {"period": np.arange(4), "day": np.arange(4), **HOUR},
    )
    cost = by_unit(COST) * 96 / 8760
    calm = TECHNOLOGY | {"shaft_ramp": 1.0}  # the ramp closes within a period
    a, b = (solve(d, capacity_cost=cost, output=96.0, technology=calm) for d in (whole, linked))
    assert float(a["cost"]) == pytest.approx(float(b["cost"]), rel=1e-7)
    np.testing.assert_allclose(plant.own_share(a).item(), plant.own_share(b).item(), rtol=1e-3)
    assert float(plant.residuals(a, technology=calm).max()) < 1e-9


def test_runs_of_alike_days_are_linked_as_single_days_are():
    # The same two days, ten times each: once as two typical days, once as twenty of their own.
    sun, wind = (x.values.reshape(365, 24)[[10, 200]] for x in year(5))
    order = np.repeat([0, 1, 0, 1], 5)
    coords = {"day": np.arange(20), **HOUR}
    few = xr.Dataset(
        {
            "pv": (("period", "hour"), sun),
            "wind": (("period", "hour"), wind),
            "weight": ("period", [10.0, 10.0]),
            "period_of_day": ("day", order),
        },
        coords | {"period": [0, 1]},
    )
    many = xr.Dataset(
        {
            "pv": (("period", "hour"), sun[order]),
            "wind": (("period", "hour"), wind[order]),
            "weight": ("period", np.ones(20)),
            "period_of_day": ("day", np.arange(20)),
        },
        coords | {"period": np.arange(20)},
    )
    cost = by_unit(COST) * 480 / 8760
    a, b = (solve(d, capacity_cost=cost, output=480.0) for d in (few, many))
    # Twenty days may differ from each other, two typical ones may not: never dearer.
    assert float(b["cost"]) <= float(a["cost"]) * (1 + 1e-9)
    assert float(a["cost"]) == pytest.approx(float(b["cost"]), rel=0.02)


def test_broadcasting_equals_looping(days, plan):
    names = ["rigid", "flexible"]
    for name in names:
        given = both()
        technology = {
            k: float(v.sel(plant=name)) if isinstance(v, xr.DataArray) else v
            for k, v in given["technology"].items()
        }
        one = solve(days, technology=technology, limit=given["limit"].sel(plant=name, drop=True))
        assert one["cost"].dims == ()
        assert float(one["cost"]) == pytest.approx(float(plan["cost"].sel(plant=name)), rel=1e-9)


def test_the_solvers_agree(days):
    costs = [float(solve(days, solver=name)["cost"]) for name in ("simplex", "ipm", "hipo")]
    np.testing.assert_allclose(costs, costs[0], rtol=1e-6)


def test_an_unknown_solver_is_refused(days):
    says = "solver must be one of choose, simplex, ipm, hipo, but 'glpk' was given"
    with pytest.raises(ValueError, match=says):
        solve(days, solver="glpk")


def test_the_number_of_workers_changes_nothing(days, monkeypatch):
    price = xr.DataArray([200.0, 250.0, 300.0], dims="price")  # six programmes
    found = []
    for workers in (1, 2, 5):
        monkeypatch.setattr(_plant.joblib, "cpu_count", lambda workers=workers: workers)
        found.append(solve(days, **both(), market=MARKET | {"export_price": price}))
    for other in found[1:]:
        xr.testing.assert_identical(found[0], other)


def test_one_plant_of_many_that_cannot_exist_is_named(days):
    share = xr.DataArray([0.0, 0.5], dims="share")
    few = limit(land_pv=0.0, wind=0.0)
    with pytest.raises(ValueError, match=r"own_share 0\.5 cannot be met"):
        solve(days, limit=few, market=MARKET | {"own_share": share})


def test_progress_hears_the_cases_one_after_another(days):
    heard = []
    solve(days, **both(), progress=heard.append)
    assert sum("Running HiGHS" in line for line in heard) == 2


def test_time_of_use_costs_an_even_load_the_mean_price():
    mean, charge = 640.0, 480e3
    price = plant.time_of_use(
        TIER, mean=mean, demand_charge=charge, spread=xr.DataArray([0, 0.5, 1])
    )
    np.testing.assert_allclose(price.mean("hour") + charge / 8760, mean)
    assert float(price.isel(dim_0=0).std()) == 0
    with pytest.raises(ValueError, match="demand_charge over 8,760 hours must be below mean"):
        plant.time_of_use(TIER, mean=50.0, demand_charge=480e3)


def test_least_load_and_unit_cost():
    assert plant.least_load(0.3, flexible=1.0) == pytest.approx(0.3)
    assert plant.least_load(0.3, flexible=0.0) == 1.0
    assert float(plant.unit_cost(1000.0, rate=0.0, life=20, upkeep=0.02)) == pytest.approx(70.0)


def test_more_own_share_than_sources_give_names_the_parameter(days):
    few = limit(land_pv=0.0, wind=0.0)
    with pytest.raises(ValueError, match=r"own_share 0\.5 cannot be met"):
        solve(days, limit=few, market=MARKET | {"own_share": 0.5})


def test_a_line_that_is_too_thin_names_the_limit(days):
    with pytest.raises(ValueError, match=r"limit is too low.*grid 0\.1"):
        solve(days, limit=limit(grid=0.1, land_pv=0.0, wind=0.0))


def test_power_sold_dearer_than_it_is_made_names_the_price(days):
    with pytest.raises(ValueError, match="export_price 5000"):
        solve(days, market=MARKET | {"export_price": 5000.0, "self_use": 0.0})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"technology": {}}, "technology has no 'electrolyser_efficiency'"),
        ({"market": {}}, "market has no 'import_price'"),
        ({"technology": TECHNOLOGY | {"shaft_least": 1.2}}, "shaft_least must be from 0 to 1"),
        ({"output": 0.0}, "output must be above 0, but 0"),
        ({"limit": limit().isel(unit=slice(0, 3))}, "limit has no unit 'grid'"),
        (
            {"output": xr.DataArray([1.0, 2.0], dims="shaft")},
            "a dim of an argument is named 'shaft'",
        ),
        (
            {"market": MARKET | {"import_price": xr.DataArray(np.ones(7), dims="hour")}},
            "prices have 7 hours, which is no part of the 24",
        ),
    ],
)
def test_bad_arguments_are_refused(days, changed, says):
    with pytest.raises(ValueError, match=says):
        solve(days, **changed)
