"""The cycle against a case on paper, and the balance of every node."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from unlock import cohorts, cycles

USES = ["buildings", "cars"]
PAPER = {
    "fabrication_yield": xr.DataArray([0.9, 0.8], dims="end_use", coords={"end_use": USES}),
    "forming_yield": xr.DataArray(0.8),
    "recovery": xr.DataArray([0.5, 0.75], dims="end_use", coords={"end_use": USES}),
    "hibernation": xr.DataArray([0.2, 0.0], dims="end_use", coords={"end_use": USES}),
    "collection": xr.DataArray([0.5, 1.0], dims="end_use", coords={"end_use": USES}),
    "remelting_yield": xr.DataArray(0.9),
}
share = st.floats(0.05, 0.95)


def in_use(inflow, outflow, regions=("here",)):
    dims, coords = ("region", "end_use"), {"region": list(regions), "end_use": USES}
    flows = [xr.DataArray(np.array(f, float), dims=dims, coords=coords) for f in (inflow, outflow)]
    flows[0].attrs["units"] = "Mt/year"
    return xr.Dataset({"inflow": flows[0], "outflow": flows[1]})


def test_a_cycle_on_paper():
    """90 + 80 in goods need 100 + 100 finished, 250 crude; scrap 50 + 25 + 24 makes 89.1."""
    flows = cycles.cycle(in_use([[90, 80]], [[10, 8]]), reuse=0.0, **PAPER)
    expected = {
        "delivered": [100, 100],
        "new_scrap": [5, 20],
        "fabrication_loss": [5, 0],
        "hibernating": [2, 0],
        "old_scrap": [4, 6],
        "lost": [4, 2],
        "finished": 200,
        "crude": 250,
        "home_scrap": 50,
        "scrap_used": 85,
        "secondary": 76.5,
        "primary": 173.5,
        "remelting_loss": 8.5,
        "scrap_surplus": 0,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(flows[name].isel(region=0), value, err_msg=name)
    assert flows["crude"].attrs["units"] == "Mt/year"


def test_reuse_takes_from_scrap_and_from_demand():
    before = cycles.cycle(in_use([[90, 80]], [[10, 8]]), **PAPER)
    after = cycles.cycle(in_use([[90, 80]], [[10, 8]]), reuse=0.5, **PAPER)
    np.testing.assert_allclose(after["reused"].isel(region=0), [5, 4])
    np.testing.assert_allclose(after["old_scrap"].isel(region=0), [2, 3])
    saved = 5 / 0.9 / 0.8 + 4 / 0.8 / 0.8
    np.testing.assert_allclose(before["crude"] - after["crude"], [saved])


def test_reuse_stops_at_what_is_wanted():
    flows = cycles.cycle(in_use([[3, 80]], [[10, 8]]), reuse=0.9, **PAPER)
    np.testing.assert_allclose(flows["reused"].isel(region=0), [3, 7.2])


def test_scrap_limit_leaves_scrap_over():
    flows = cycles.cycle(in_use([[90, 80]], [[10, 8]]), scrap_limit=0.09, **PAPER)
    np.testing.assert_allclose(flows["secondary"], [22.5])
    np.testing.assert_allclose(flows["scrap_surplus"], [85 - 25])


def test_free_trade_moves_scrap_to_where_ore_is_used():
    use = in_use([[9, 8], [90, 80]], [[100, 80], [0, 0]], regions=("old", "young"))
    alone = cycles.cycle(use, scrap_trade="none", **PAPER)
    traded = cycles.cycle(use, scrap_trade="free", **PAPER)
    assert alone["scrap_surplus"].sel(region="old") > 0
    assert traded["scrap_net_import"].sel(region="young") > 0
    np.testing.assert_allclose(traded["scrap_net_import"].sum(), 0, atol=1e-12)
    np.testing.assert_allclose(traded["scrap_surplus"].sum(), 0, atol=1e-12)
    assert traded["primary"].sum() < alone["primary"].sum()


def test_exports_are_made_here_and_used_elsewhere():
    use = in_use([[90, 80], [90, 80]], [[0, 0], [0, 0]], regions=("out", "in"))
    net = xr.DataArray([20.0, -20.0], dims="region", coords={"region": ["out", "in"]})
    flows = cycles.cycle(use, net_export=net, **PAPER)
    np.testing.assert_allclose(flows["finished"], [220, 180])


@settings(deadline=None, max_examples=30)
@given(
    shares=st.lists(share, min_size=10, max_size=10),
    reuse=share,
    limit=share,
    trade=st.sampled_from(cycles.SCRAP_TRADE),
    amounts=st.lists(st.floats(0, 1000), min_size=8, max_size=8),
    goods=st.floats(-5, 5),
)
def test_every_node_balances(shares, reuse, limit, trade, amounts, goods):
    use = in_use(np.reshape(amounts[:4], (2, 2)) + 10, np.reshape(amounts[4:], (2, 2)), ("a", "b"))
    by_use = {
        name: xr.DataArray(shares[at : at + 2], dims="end_use", coords={"end_use": USES})
        for at, name in enumerate(["fabrication_yield", "recovery", "hibernation", "collection"])
    }
    flows = cycles.cycle(
        use,
        **by_use,
        forming_yield=shares[8],
        remelting_yield=shares[9],
        reuse=reuse,
        scrap_limit=limit,
        scrap_trade=trade,
        net_import_goods=goods,
    )
    scale = max(float(flows["crude"].max()), 1)
    for node, residual in cycles.residuals(flows).items():
        np.testing.assert_allclose(residual, 0, atol=1e-9 * scale, err_msg=node)


def test_residuals_find_a_hole():
    flows = cycles.cycle(in_use([[90, 80]], [[10, 8]]), **PAPER)
    broken = flows.assign(old_scrap=flows["old_scrap"] + 1)
    found = cycles.residuals(broken)
    np.testing.assert_allclose(found["end of life"], -2)
    np.testing.assert_allclose(found["scrap market"], 2)


def test_history_gives_back_the_crude_steel_it_came_from():
    years = np.arange(1900, 1951)
    crude = xr.DataArray(
        np.linspace(1, 50, 51)[:, None],
        dims=("time", "region"),
        coords={"time": years, "region": ["here"]},
        attrs={"units": "Mt/year"},
    )
    split = xr.DataArray([0.6, 0.4], dims="end_use", coords={"end_use": USES})
    mean = xr.DataArray([50.0, 15.0], dims="end_use", coords={"end_use": USES})
    yields = {name: PAPER[name] for name in ("fabrication_yield", "forming_yield")}
    inflow = cycles.inflow_to_use(crude, split=split, net_export=0.5, **yields)
    use = cohorts.inflow_driven(inflow, mean=mean, sd=0.3 * mean)
    flows = cycles.cycle(use, net_export=0.5, **PAPER)
    np.testing.assert_allclose(flows["crude"].transpose(*crude.dims), crude)
    assert max(float(abs(r).max()) for r in cycles.residuals(flows).values()) < 1e-9
    left = cycles.survivors(inflow, mean=mean, sd=0.3 * mean)
    np.testing.assert_allclose(left.sum("cohort"), use["stock"].isel(time=-1))
    assert left.attrs["units"] == "Mt"


def test_exports_above_production_leave_nothing_to_use():
    crude = xr.DataArray([10.0], dims="time", coords={"time": [2000]})
    inflow = cycles.inflow_to_use(
        crude, forming_yield=0.9, split=1.0, fabrication_yield=0.9, net_export=20
    )
    assert inflow.item() == 0


YEARS = xr.DataArray(np.arange(2023.0, 2301.0), dims="time", coords={"time": range(2023, 2301)})


def path(level=2.0, growth=0.05, saturation=10.0, settled=2080.0, **options):
    level = xr.DataArray(level)
    return cycles.saturation_path(
        level,
        growth=xr.DataArray(growth),
        saturation=xr.DataArray(saturation),
        start=2022,
        settled=settled,
        time=YEARS,
        **options,
    )


def test_path_leaves_with_todays_growth_and_settles_in_time():
    found = path()
    assert float(found[0]) == pytest.approx(2.05, abs=0.01)
    assert float(found.sel(time=2080)) == pytest.approx(10 / 1.02, rel=0.01)
    assert float(found[-1]) == pytest.approx(10, rel=1e-3)
    assert bool((found.diff("time") >= -1e-12).all())


def test_plain_logistic_where_todays_rate_is_the_one_that_settles():
    """With k0 = k the path is the logistic curve itself."""
    gap = 10 / 2 - 1
    rate = np.log(gap / 0.02) / (2080 - 2022)
    found = path(growth=rate * 2 * (1 - 2 / 10))
    logistic = 10 / (1 + gap * np.exp(-rate * (YEARS - 2022)))
    np.testing.assert_allclose(found, logistic, rtol=1e-9)


def test_a_stock_above_saturation_runs_on_for_a_while_and_stays():
    for growth in (-0.1, 0.1):
        found = path(level=12.0, growth=growth)
        assert float(found[0]) == pytest.approx(12 + growth, abs=0.02)
        assert float(found[-1]) == pytest.approx(12 + 5 * growth, rel=0.01)


@settings(deadline=None, max_examples=40)
@given(
    level=st.floats(0.01, 20),
    growth=st.floats(-0.3, 0.5),
    saturation=st.floats(0.1, 20),
    settled=st.floats(2030, 2200),
)
def test_path_is_positive_and_finite(level, growth, saturation, settled):
    found = path(level, growth, saturation, settled)
    assert bool((found > 0).all())
    assert bool(np.isfinite(found).all())


def test_saturation_below_todays_stock_is_refused_by_name():
    level = xr.DataArray([8.0, 10.7], dims="region", coords={"region": ["China", "Europe"]})
    with pytest.raises(ValueError, match=r"saturation .* 9 was given .* 10\.7 \(region Europe\)"):
        path(level=level, saturation=9.0, below="refuse")
    assert path(level=level, saturation=11.0, below="refuse").sizes["region"] == 2
    with pytest.raises(ValueError, match="below must be one of"):
        path(below="ignore")


def amounts(values, dim, labels=None):
    coords = {dim: labels} if labels else {}
    return xr.DataArray(np.asarray(values, float), dims=dim, coords=coords)


def within(scrap, copper, crude, tolerance, **rest):
    rest = {"remelting_yield": 1.0, **rest}
    return cycles.scrap_within_copper(
        amounts(scrap, "scrap"),
        copper=amounts(copper, "scrap"),
        crude=amounts(crude, "end_use"),
        tolerance=amounts(tolerance, "end_use"),
        **rest,
    ).item()


def test_copper_on_paper():
    """Bars take 4 kg/t and sheet 1: of 100 t with 2 kg/t, 50 fit bars and 25 the sheet."""
    assert within([100], [0.002], [50, 50], [0.004, 0.001]) == pytest.approx(75)
    # clean scrap first: 30 t without copper leave 20 t of room in sheet, all of it in reach
    assert within([70, 30], [0.002, 0], [50, 50], [0.004, 0.001]) == pytest.approx(100)
    # ore brings copper too: 0.5 kg/t leaves sheet 0.5 of its 1, and scrap 1.5 of excess
    found = within([100], [0.002], [50, 50], [0.004, 0.001], ore=0.0005)
    assert found == pytest.approx(50 + 50 * 0.5 / 1.5)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_pinch_is_the_optimum_of_the_linear_programme(sources, groups, seed):
    rng = np.random.default_rng(seed)
    scrap, crude = rng.uniform(0, 3, sources), rng.uniform(0, 3, groups)
    copper = rng.uniform(0, 0.5, sources) * (rng.random(sources) > 0.2)
    tolerance, melt, ore = rng.uniform(0.05, 0.45, groups), 0.9, 0.04
    excess = np.maximum(copper - melt * ore, 0)
    of_source = np.kron(np.eye(sources), np.ones(groups))
    of_group = np.kron(np.ones(sources), np.eye(groups))
    in_group = np.kron(excess, np.eye(groups))
    best = linprog(
        -np.ones(sources * groups),
        A_ub=np.vstack([of_source, of_group, in_group]),
        b_ub=np.concatenate([scrap, crude / melt, (tolerance - ore) * crude]),
    )
    found = within(scrap, copper, crude, tolerance, remelting_yield=melt, ore=ore)
    assert found == pytest.approx(-best.fun, abs=1e-7)


COPPER = amounts([0.001, 0.001, 0.002, 0.004], "scrap", ["home", "new", *USES])


def limited(use, trade, tolerance=(0.003, 0.001)):
    flows = cycles.cycle(use, scrap_trade=trade, **PAPER)
    limit = cycles.copper_limit(
        flows,
        copper=COPPER,
        tolerance=amounts(tolerance, "end_use", USES),
        remelting_yield=PAPER["remelting_yield"],
        scrap_trade=trade,
    )
    return flows, cycles.cycle(use, scrap_trade=trade, scrap_limit=limit, **PAPER)


def test_copper_limit_bites_only_where_scrap_is_dirty():
    use = in_use([[90, 80], [90, 80]], [[10, 8], [150, 120]], regions=("young", "old"))
    free, held = limited(use, "none")
    np.testing.assert_allclose(
        held["secondary"].sel(region="young"), free["secondary"].sel(region="young")
    )
    assert held["secondary"].sel(region="old") < free["secondary"].sel(region="old")
    assert held["scrap_surplus"].sel(region="old") > 0
    clean, same = limited(use, "free", tolerance=(1.0, 1.0))
    xr.testing.assert_allclose(clean, same)


def test_trade_lets_the_world_blend_as_one():
    use = in_use([[90, 80], [90, 80]], [[10, 8], [150, 120]], regions=("young", "old"))
    alone, traded = (limited(use, trade)[1] for trade in ("none", "free"))
    assert traded["secondary"].sum() > alone["secondary"].sum()
    assert traded["scrap_net_import"].sel(region="young") > 0
    for residual in cycles.residuals(traded).values():
        np.testing.assert_allclose(residual, 0, atol=1e-9)


def test_copper_refuses_bad_input():
    with pytest.raises(ValueError, match="tolerance must not be below ore"):
        within([1], [0.002], [1], [0.0001], ore=0.0002)
    with pytest.raises(ValueError, match="scrap must not be negative"):
        within([-1], [0.002], [1], [0.001])
    use = in_use([[90, 80]], [[10, 8]])
    with pytest.raises(ValueError, match="scrap_trade must be one of"):
        limited(use, "some")


def test_first_year_is_the_first_or_none():
    years = xr.DataArray([2020, 2021, 2022], dims="time")
    holds = xr.DataArray(
        [[False, True, False], [False, False, False]],
        dims=("case", "time"),
        coords={"time": years},
    )
    found = cycles.first_year(holds)
    assert found[0] == 2021
    assert np.isnan(found[1])
    assert found.attrs["units"] == "year"


def test_shares_add_up():
    parts = xr.DataArray([[1.0, 3.0], [2.0, 2.0]], dims=("sample", "end_use"))
    np.testing.assert_allclose(cycles.shares(parts, dim="end_use"), [[0.25, 0.75], [0.5, 0.5]])


def test_broadcasting_equals_looping():
    rng = np.random.default_rng(1)
    dims, coords = ("sample", "region", "end_use"), {"region": ["a", "b"], "end_use": USES}
    use = xr.Dataset(
        {
            "inflow": (dims, rng.uniform(1, 9, (3, 2, 2))),
            "outflow": (dims, rng.uniform(0, 5, (3, 2, 2))),
        },
        coords=coords,
    )
    recovery = xr.DataArray(rng.uniform(0, 1, (3, 2)), dims=("sample", "end_use"))
    rest = {**PAPER, "scrap_trade": "free", "reuse": 0.2}
    whole = cycles.cycle(use, **{**rest, "recovery": recovery})
    for sample in range(3):
        one = cycles.cycle(
            use.isel(sample=sample), **{**rest, "recovery": recovery.isel(sample=sample)}
        )
        xr.testing.assert_allclose(whole.isel(sample=sample), one)


def test_bad_input_is_refused_in_one_sentence():
    use = in_use([[90, 80]], [[10, 8]])
    with pytest.raises(ValueError, match="recovery must be between 0 and 1"):
        cycles.cycle(use, **{**PAPER, "recovery": 1.2})
    with pytest.raises(ValueError, match="scrap_trade must be one of"):
        cycles.cycle(use, scrap_trade="some", **PAPER)
    with pytest.raises(ValueError, match="forming_yield"):
        cycles.inflow_to_use(use["inflow"], forming_yield=-0.1, split=1.0, fabrication_yield=1.0)
    with pytest.raises(ValueError, match="yearly steps"):
        coarse = xr.DataArray([1.0, 1.0], dims="time", coords={"time": [2000, 2005]})
        cycles.survivors(coarse, mean=10)
    with pytest.raises(ValueError, match="not be negative"):
        cycles.shares(xr.DataArray([-1.0, 2.0], dims="x"), dim="x")
    with pytest.raises(ValueError, match="not all be 0"):
        cycles.shares(xr.DataArray([0.0, 0.0], dims="x"), dim="x")
    with pytest.raises(ValueError, match="above 0"):
        path(level=0.0)
    with pytest.raises(ValueError, match="after start"):
        path(settled=2022)
