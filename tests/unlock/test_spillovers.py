"""Learning across borders: hand cases, limits, and what must hold for any numbers."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from unlock import learning, spillovers

few = settings(max_examples=25, deadline=None)
SIDES = ["home", "abroad"]


def paths(home, abroad):
    home, abroad = np.broadcast_arrays(home, abroad)
    return xr.DataArray(
        np.array([home, abroad], dtype=float),
        dims=("region", "year"),
        coords={"region": SIDES, "year": 2025 + np.arange(np.size(home))},
    )


def build(reference, spillover, **changed):
    given = {"initial": 10.0, "rate": 0.2, "reference_spillover": 1.0, "elasticity": 1.0}
    return spillovers.build_out(reference, spillover=spillover, **(given | changed))


def test_experience_by_hand():
    built = xr.DataArray([3.0, 5.0, 2.0], dims="region")
    np.testing.assert_allclose(spillovers.shared_experience(built, spillover=0.0), built)
    np.testing.assert_allclose(spillovers.shared_experience(built, spillover=1.0), 10.0)
    np.testing.assert_allclose(spillovers.shared_experience(built, spillover=0.5), [6.5, 7.5, 6])


def test_open_doors_give_the_reference():
    reference = paths([1, 2, 3], [4, 5, 6])
    found = build(reference, 1.0)
    np.testing.assert_allclose(found["built"], reference)
    np.testing.assert_allclose(found["cost"], found["reference_cost"])


def test_two_years_by_hand():
    # 10 known to all, then 10 each: shared 30, alone 20; a fifth cheaper with each doubling.
    found = build(paths([10, 10], [10, 10]), 0.0)
    np.testing.assert_allclose(found["cost"].isel(region=0), [1.0, 0.8])
    shared = 3 ** np.log2(0.8)
    np.testing.assert_allclose(found["reference_cost"].isel(region=0), [1.0, shared])
    np.testing.assert_allclose(found["built"].isel(region=0), [10, 10 * shared / 0.8])


def test_costs_without_answer_follow_the_experience_curve():
    reference = paths([1, 2, 3, 4], [4, 3, 2, 1])
    found = build(reference, 0.5, elasticity=0.0)
    before = reference.cumsum("year") - reference
    known = 10 + spillovers.shared_experience(before, spillover=0.5)
    expected = learning.unit_cost(known, initial_cumulative=10.0, rate=0.2)
    np.testing.assert_allclose(found["cost"], expected)
    np.testing.assert_allclose(found["built"], reference)


@few
@given(
    rate=st.floats(0.01, 0.4),
    eta=st.floats(0.1, 3),
    low=st.floats(0, 0.9),
    home=st.floats(0.1, 20),
    abroad=st.floats(0.1, 20),
)
def test_more_sharing_means_lower_cost_and_more_built(rate, eta, low, home, abroad):
    reference = paths([home] * 5, [abroad] * 5)
    less, more = (build(reference, s, rate=rate, elasticity=eta) for s in (low, low + 0.1))
    assert bool((more["cost"] <= less["cost"] + 1e-12).all())
    assert bool((more["built"] >= less["built"] - 1e-9).all())
    assert bool((less["built"] <= reference + 1e-9).all())


def test_the_smaller_side_loses_more():
    found = build(paths([10] * 6, [1] * 6), 0.0)
    ratio = (found["cost"] / found["reference_cost"]).isel(year=-1)
    assert float(ratio.sel(region="abroad")) > float(ratio.sel(region="home")) > 1


def test_avoided_by_hand():
    # 1 GW built in each of two years runs 1,000 h from the next year on, 0.5 tCO2/MWh: 0.5 Mt.
    built = xr.DataArray([1.0, 1.0], dims="year")
    saves = xr.DataArray([0.7, 0.5], dims="year")
    got = spillovers.avoided_emissions(built, hours=1000.0, displaced=saves)
    assert float(got) == pytest.approx(0.5)
    with_making = spillovers.avoided_emissions(built, hours=1000.0, displaced=saves, footprint=0.1)
    assert float(with_making) == pytest.approx(0.5 - 0.2)


def test_revenue_by_hand():
    sold = xr.DataArray([1.0, 2.0], dims="year")  # GW at 800 CNY/kW: 800 million CNY each
    assert float(spillovers.export_revenue(sold, price=800.0)) == pytest.approx(2400.0)
    assert float(spillovers.export_revenue(sold, price=800.0, margin=-0.1)) == pytest.approx(-240)


def test_broadcasting_equals_looping():
    reference = paths([1, 2, 3], [4, 5, 6])
    rate = xr.DataArray([0.1, 0.3], dims="technology")
    spill = xr.DataArray([0.0, 0.4, 1.0], dims="sample")
    whole = build(reference, spill, rate=rate)["built"]
    for i in range(2):
        for j in range(3):
            one = build(reference, float(spill[j]), rate=float(rate[i]))["built"]
            np.testing.assert_allclose(whole.isel(technology=i, sample=j).transpose(*one.dims), one)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"spillover": 1.2}, "spillover must lie from 0 to 1, but 1.2 to 1.2"),
        ({"elasticity": -1.0}, "elasticity must not be negative, but -1"),
        ({"rate": 1.0}, "rate must be below 1"),
        ({"initial": 0.0}, "must be above 0"),
    ],
)
def test_bad_input_is_named(changed, message):
    with pytest.raises(ValueError, match=message):
        build(paths([1, 2], [1, 2]), **({"spillover": 0.5} | changed))
