"""Least-cost mixes against small cases, and balances that hold for any cost."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from unlock import mix

ROUTES = ["coal", "capture", "hydrogen"]
COSTS = st.lists(st.floats(1, 1e4), min_size=3, max_size=3)
SPREADS = st.one_of(st.just(0.0), st.floats(0.02, 2.0))


def cost_of(*values):
    return xr.DataArray(list(values), dims="route", coords={"route": ROUTES})


def test_the_cheapest_route_that_is_allowed_takes_all():
    cost = cost_of(100.0, 300.0, 200.0)
    np.testing.assert_array_equal(mix.least_cost_share(cost), [1, 0, 0])
    allowed = cost_of(False, True, True)
    np.testing.assert_array_equal(mix.least_cost_share(cost, allowed=allowed), [0, 0, 1])
    np.testing.assert_array_equal(mix.least_cost_share(cost_of(2.0, 1.0, 1.0)), [0, 1, 0])


def test_scattered_sites_by_hand():
    # costs 100 and 200, spread 1: shares 1/100 and 1/200 of their sum, 2/3 and 1/3
    share = mix.least_cost_share(cost_of(100.0, 200.0, np.nan), spread=1.0)
    np.testing.assert_allclose(share, [2 / 3, 1 / 3, 0])


def test_without_an_allowed_route_there_is_no_mix():
    share = mix.least_cost_share(cost_of(1.0, 2.0, 3.0), allowed=cost_of(False, False, False))
    assert share.isnull().all()
    assert mix.least_cost_share(cost_of(np.nan, np.nan, np.nan), spread=0.1).isnull().all()


@given(COSTS, SPREADS)
def test_shares_sum_to_one_and_follow_cost(values, spread):
    share = mix.least_cost_share(cost_of(*values), spread=spread)
    assert float(share.sum()) == pytest.approx(1)
    order = np.argsort(values, kind="stable")
    assert (np.diff(share.values[order]) <= 1e-12).all()


@given(COSTS)
def test_a_vanishing_spread_leaves_the_cheapest(values):
    gap = np.diff(np.sort(values))[0] / min(values)
    if gap > 1e-2:
        narrow = mix.least_cost_share(cost_of(*values), spread=1e-4)
        np.testing.assert_allclose(narrow, mix.least_cost_share(cost_of(*values)), atol=1e-9)


def test_broadcasting_equals_looping():
    stream = np.random.default_rng(3)
    cost = xr.DataArray(stream.uniform(1, 9, (4, 3, 2)), dims=("sample", "route", "region"))
    cost = cost.assign_coords(route=ROUTES)
    allowed = cost_of(True, True, False)
    for spread in (0.0, 0.3):
        whole = mix.least_cost_share(cost, allowed=allowed, spread=spread)
        for s in range(4):
            for r in range(2):
                cell = cost.isel(sample=s, region=r)
                alone = mix.least_cost_share(cell, allowed=allowed, spread=spread)
                xr.testing.assert_allclose(whole.isel(sample=s, region=r), alone)


def test_abatement_by_hand():
    share = cost_of(0.5, 0.2, 0.3)
    avoided = mix.abatement(share, emissions=cost_of(2.0, 0.5, 0.0), reference=2.0)
    np.testing.assert_allclose(avoided, [0, 0.3, 0.6])
    unknown = mix.abatement(cost_of(0.0, 0.0, 1.0), emissions=cost_of(np.nan, 1, 1), reference=2.0)
    np.testing.assert_allclose(unknown, [0, 0, 1])


@given(COSTS, st.lists(st.sampled_from("ab"), min_size=3, max_size=3))
def test_groups_keep_the_sum(values, kinds):
    array = cost_of(*values)
    groups = mix.by_group(array, group=dict(zip(ROUTES, kinds, strict=True)))
    assert float(groups.sum()) == pytest.approx(float(array.sum()))
    assert list(groups["group"].values) == list(dict.fromkeys(kinds))
    for kind in groups["group"].values:
        members = [v for v, k in zip(values, kinds, strict=True) if k == kind]
        assert float(groups.sel(group=kind)) == pytest.approx(sum(members))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mix.least_cost_share(cost_of(1.0, 2.0, 3.0), spread=-0.1),
            "spread must be 0 or more, but -0.1 was given",
        ),
        (
            lambda: mix.least_cost_share(cost_of(1.0, -2.0, 3.0), spread=0.1),
            "cost must be above 0, but -2 was given",
        ),
        (
            lambda: mix.by_group(cost_of(1.0, 2.0, 3.0), group={"coal": "a"}),
            "group must name all routes, but capture, hydrogen is missing",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
