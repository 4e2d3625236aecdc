"""Levers: the same service, mass kept, less metal with each; emissions by hand."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from unlock import attribution, cohorts, cycles, materials

YEARS = np.arange(2023, 2061)
VINTAGES = np.arange(1960, 2023)
lever = st.floats(0, 0.6)


def run(service=None, **levers):
    growing = xr.DataArray(
        np.linspace(100, 160, len(YEARS)),
        dims="time",
        coords={"time": YEARS},
        attrs={"units": "Mt"},
    )
    old = xr.DataArray(
        np.linspace(0.1, 3, len(VINTAGES)), dims="cohort", coords={"cohort": VINTAGES}
    )
    options = {"mean": 25.0, "sd": 8.0, "initial": old * 100 / old.sum()} | levers
    return materials.metal_for_service(growing if service is None else service, **options)


def ramp(strength):
    years = xr.DataArray(YEARS.astype(float), dims="time", coords={"time": YEARS})
    return strength * materials.ramp(years, start=2025, full=2050)


def test_ramp_by_hand():
    years = np.array([2020.0, 2025, 2030, 2037.5, 2050, 2070])
    expected = [0, 0, 0.104, 0.5, 1, 1]
    np.testing.assert_allclose(materials.ramp(years, start=2025, full=2050), expected)


def test_without_levers_it_is_the_stock_driven_model():
    found = run()
    old = xr.DataArray(
        np.linspace(0.1, 3, len(VINTAGES)), dims="cohort", coords={"cohort": VINTAGES}
    )
    expected = cohorts.stock_driven(
        found["units"], mean=25.0, sd=8.0, initial=old * 100 / old.sum(), early="proportional"
    )
    for name in ("stock", "inflow", "outflow", "early_retirement"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-9)
    assert found["stock"].attrs["units"] == "Mt"
    assert found["inflow"].attrs["units"] == "Mt/year"


def test_lighter_units_on_paper():
    """A stock of 10 units that live one year exactly, each new one of half the metal."""
    service = xr.DataArray([10.0, 10.0, 10.0], dims="time", coords={"time": [1, 2, 3]})
    initial = xr.DataArray([10.0], dims="cohort", coords={"cohort": [0]})
    found = materials.metal_for_service(
        service, mean=1.0, sd=0.0, initial=initial, metal=0.5, distribution="fixed"
    )
    np.testing.assert_allclose(found["inflow"], [5, 5, 5])
    np.testing.assert_allclose(found["outflow"], [10, 5, 5])
    np.testing.assert_allclose(found["stock"], [5, 5, 5])


def test_slower_ageing_on_paper():
    """Units of life 2; at double life a unit of age 0 leaves after four years, not two."""
    service = xr.DataArray([10.0] * 5, dims="time", coords={"time": [1, 2, 3, 4, 5]})
    initial = xr.DataArray([10.0], dims="cohort", coords={"cohort": [0]})
    found = materials.metal_for_service(
        service, mean=2.0, sd=0.0, initial=initial, extension=1.0, distribution="fixed"
    )
    np.testing.assert_allclose(found["inflow"], [0, 0, 0, 10, 0])


def test_falling_need_retires_units_early_and_keeps_mass():
    service = xr.DataArray([100.0, 50.0, 60.0], dims="time", coords={"time": [2023, 2024, 2025]})
    found = run(service, metal=0.8)
    assert float(found["early_retirement"][1]) > 0
    assert float(found["inflow"][1]) == 0
    np.testing.assert_allclose(found["units"], service)
    np.testing.assert_allclose(cohorts.balance(found), 0, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(life=lever, use=lever, design=lever, swap=lever)
def test_service_is_the_same_and_mass_is_kept(life, use, design, swap):
    found = run(
        extension=ramp(life),
        intensity=ramp(use),
        metal=materials.metal_per_unit(design=ramp(design), substitution=ramp(swap)),
    )
    np.testing.assert_allclose(found["service"], run()["service"], rtol=1e-9)
    np.testing.assert_allclose(cohorts.balance(found), 0, atol=1e-9)
    assert float(found["inflow"].min()) >= 0
    assert float(found["outflow"].min()) >= -1e-9


@settings(deadline=None, max_examples=30)
@given(small=lever, more=lever)
def test_more_of_a_lever_never_asks_for_more_metal(small, more):
    low, high = min(small, more), max(small, more)
    for name in ("extension", "intensity"):
        less = run(**{name: ramp(low)})["inflow"].sum()
        assert run(**{name: ramp(high)})["inflow"].sum() <= less + 1e-9
    less = run(metal=1 - ramp(low))["inflow"].sum()
    assert run(metal=1 - ramp(high))["inflow"].sum() <= less + 1e-9


def test_levers_do_nothing_before_they_start():
    found = run(extension=ramp(0.9), intensity=ramp(0.3), metal=1 - ramp(0.3))
    before = slice(2023, 2025)
    np.testing.assert_allclose(
        found["inflow"].sel(time=before), run()["inflow"].sel(time=before), rtol=1e-12
    )


def test_broadcasting_equals_looping():
    rng = np.random.default_rng(2)
    draws = {
        "mean": xr.DataArray(rng.uniform(15, 40, 4), dims="sample"),
        "extension": ramp(xr.DataArray(rng.uniform(0, 1, 4), dims="sample")),
        "intensity": ramp(xr.DataArray(rng.uniform(0, 0.5, (4, 2)), dims=("sample", "region"))),
        "metal": 1 - ramp(xr.DataArray([0.0, 0.4], dims="design")),
    }
    whole = run(**draws)
    for sample in range(4):
        for region in range(2):
            for design in range(2):
                at = {"sample": sample, "region": region, "design": design}
                one = run(
                    **{k: v.isel({d: at[d] for d in v.dims if d in at}) for k, v in draws.items()}
                )
                for name in ("stock", "inflow", "outflow"):
                    np.testing.assert_allclose(whole[name].isel(at), one[name], rtol=1e-9)


def test_better_yield_and_metal_per_unit_by_hand():
    assert materials.better_yield(0.8, avoided=0.5) == pytest.approx(0.9)
    assert materials.metal_per_unit(design=0.3, substitution=0.1) == pytest.approx(0.63)


def test_ore_intensity_by_hand_and_back():
    """2.0 t with a fifth of scrap at 0.4: 0.8 x 2.4 + 0.2 x 0.4 = 2.0."""
    ore = materials.ore_intensity(2.0, scrap=0.4, scrap_share=0.2)
    assert ore == pytest.approx(2.4)


def test_emissions_by_hand():
    """60 ore-based, half of it switched to 0.4, the rest 10 % better than 2; 40 of scrap at 0.5."""
    sides = {"ore": 2.0, "scrap": 0.5, "near_zero": 0.4}
    primary, secondary = xr.DataArray(60.0), xr.DataArray(40.0)
    before = materials.emissions(primary, secondary, **sides)
    after = materials.emissions(
        primary, secondary, **sides, efficiency=0.1, switched=0.5, power=0.6
    )
    assert before.item() == pytest.approx(140)
    assert after.item() == pytest.approx(30 * 1.8 + 30 * 0.4 + 40 * 0.2)
    assert after.attrs["units"] == "MtCO2/year"


def test_bad_input_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="full must be after start"):
        materials.ramp(2030.0, start=2050, full=2050)
    with pytest.raises(ValueError, match="avoided must be between 0 and 1"):
        materials.better_yield(0.8, avoided=1.5)
    with pytest.raises(ValueError, match="design must be between 0 and 1"):
        materials.metal_per_unit(design=-0.1, substitution=0.0)
    with pytest.raises(ValueError, match="intensity must be between 0 and 1"):
        run(intensity=1.2)
    with pytest.raises(ValueError, match="extension must not be negative"):
        run(extension=-0.5)
    with pytest.raises(ValueError, match="service must be above 0"):
        run(xr.DataArray([0.0, 1.0], dims="time", coords={"time": [2023, 2024]}))
    with pytest.raises(ValueError, match="yearly steps"):
        run(xr.DataArray([1.0, 1.0], dims="time", coords={"time": [2023, 2030]}))
    with pytest.raises(ValueError, match="vintage 2022, not before 2020"):
        run(xr.DataArray([1.0, 1.0], dims="time", coords={"time": [2020, 2021]}))
    with pytest.raises(ValueError, match="scrap_share"):
        materials.ore_intensity(2.0, scrap=0.5, scrap_share=1.0)
    with pytest.raises(ValueError, match="power must be between 0 and 1"):
        materials.emissions(1.0, 1.0, ore=2.0, scrap=0.5, near_zero=0.4, power=2.0)


PAPER = {
    "lifetime": xr.DataArray([60.0, 15.0], dims="end_use", coords={"end_use": ["homes", "cars"]}),
    "spread": 0.3,
    "fabrication_yield": 0.85,
    "forming_yield": 0.9,
    "recovery": 0.8,
    "hibernation": 0.05,
    "collection": 0.9,
    "remelting_yield": 0.94,
}


def whole(levers, **options):
    split = xr.DataArray([0.7, 0.3], dims="end_use", coords={"end_use": ["homes", "cars"]})
    growing = xr.DataArray(
        np.linspace(100, 160, len(YEARS)),
        dims="time",
        coords={"time": YEARS},
        attrs={"units": "Mt"},
    )
    old = xr.DataArray(np.ones(len(VINTAGES)), dims="cohort", coords={"cohort": VINTAGES})
    here = xr.DataArray([1.0], dims="region", coords={"region": ["here"]})
    return materials.cycle_with_levers(
        (growing * split * here).assign_attrs(units="Mt"),
        levers=levers,
        cycle=PAPER | options,
        initial=old * 100 / old.sum() * split * here,
    )


REACH = dict.fromkeys((*materials.LEVERS, "forming"), 0.3)


def test_the_whole_cycle_closes_with_all_levers_and_keeps_the_service():
    found = whole({name: ramp(strength) for name, strength in REACH.items()})
    for node, residual in cycles.residuals(found).items():
        np.testing.assert_allclose(residual, 0, atol=1e-9, err_msg=node)
    np.testing.assert_allclose(found["service"], whole({})["service"], rtol=1e-9)


@pytest.mark.parametrize("name", REACH)
def test_each_lever_cuts_crude_metal_and_more_of_it_cuts_more(name):
    demand = [
        whole({name: ramp(strength)})["crude"].sel(time=2050).item() for strength in (0, 0.2, 0.4)
    ]
    assert demand[0] > demand[1] > demand[2]


def test_switches_give_the_same_as_separate_runs():
    on = attribution.switches(["life", "design", "reuse"])
    levers = {name: ramp(0.3) * switch for name, switch in on.items()}
    game = whole(levers)["crude"].sel(time=2050, region="here")
    for state in np.ndindex(2, 2, 2):
        alone = {n: ramp(0.3) * s for n, s in zip(on, state, strict=True)}
        expected = whole(alone)["crude"].sel(time=2050).item()
        assert game.isel(dict(zip(on, state, strict=True))).item() == pytest.approx(expected)


def test_reuse_saves_metal_by_hand():
    """All of the outflow reused: what must be made is the inflow less the outflow."""
    found = whole({"reuse": xr.DataArray(np.ones(len(YEARS)), dims="time", coords={"time": YEARS})})
    made = (found["inflow"] - found["outflow"]).sum("end_use") / 0.85 / 0.9
    np.testing.assert_allclose(found["crude"].transpose(*made.dims), made, atol=1e-9)
    np.testing.assert_allclose(found["old_scrap"], 0, atol=1e-9)


def test_unknown_levers_and_labels_that_disagree_are_refused():
    with pytest.raises(ValueError, match="levers has 'lightness'"):
        whole({"lightness": 0.1})
    with pytest.raises(ValueError):
        whole({}, recovery=xr.DataArray([0.5], dims="region", coords={"region": ["elsewhere"]}))
