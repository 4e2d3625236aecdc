"""Jobs at steelworks by place, against cases by hand."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from unlock import jobs

size = st.floats(0.1, 300)


def places(*values):
    return xr.DataArray(np.array(values, dtype=float), dims="province")


def test_jobs_of_a_mixed_works_by_hand():
    got = jobs.coal_route_jobs(11_000.0, coal_capacity=10.0, arc_capacity=2.0, ratio=0.5)
    assert got.item() == pytest.approx(10_000)
    nothing = jobs.coal_route_jobs(0.0, coal_capacity=0.0, arc_capacity=0.0, ratio=0.5)
    assert nothing.item() == 0


@given(size, size, size, st.floats(0.01, 3))
@settings(max_examples=50, deadline=None)
def test_the_two_routes_share_the_workforce(workers, coal, arc, ratio):
    first = jobs.coal_route_jobs(workers, coal_capacity=coal, arc_capacity=arc, ratio=ratio)
    second = jobs.coal_route_jobs(workers, coal_capacity=arc, arc_capacity=coal, ratio=1 / ratio)
    assert first.item() + second.item() == pytest.approx(workers)


def test_new_works_fill_what_demand_still_asks_for():
    standing, closed = places(40, 60), places(30, 10)
    part = jobs.output_to_rebuild(120.0, standing=standing, closed=closed)
    np.testing.assert_allclose(part, [15, 5])
    np.testing.assert_allclose(jobs.output_to_rebuild(90.0, standing=standing, closed=closed), 0)
    np.testing.assert_allclose(
        jobs.output_to_rebuild(500.0, standing=standing, closed=closed), closed
    )
    np.testing.assert_allclose(
        jobs.output_to_rebuild(500.0, standing=standing, closed=0 * closed), 0
    )


@given(st.lists(size, min_size=2, max_size=5), st.floats(0, 800), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_rebuilt_output_is_never_more_than_asked_or_closed(total, demand, share):
    closed = share * places(*total)
    standing = places(*total) - closed
    new = jobs.output_to_rebuild(demand, standing=standing, closed=closed)
    assert np.all(new >= 0) and np.all(new <= closed + 1e-9)
    assert new.sum() + standing.sum() <= max(demand, float(standing.sum())) + 1e-6


def test_new_jobs_by_hand():
    assert jobs.jobs_created(2.0, labour=600.0, power=2000.0, power_jobs=0.3) == 2400
    assert jobs.jobs_created(2.0, labour=600.0) == 1200


def test_share_lost_by_hand():
    np.testing.assert_allclose(
        jobs.share_lost(places(40, 110), before=places(100, 100)), [0.6, -0.1]
    )


def test_samples_broadcast():
    ratio = xr.DataArray([0.2, 0.5, 1.0], dims="sample")
    every = jobs.coal_route_jobs(
        places(1000, 500), coal_capacity=places(1, 2), arc_capacity=places(1, 0), ratio=ratio
    )
    assert every.attrs["units"] == "person" and set(every.dims) == {"province", "sample"}
    one = jobs.coal_route_jobs(1000.0, coal_capacity=1.0, arc_capacity=1.0, ratio=0.5)
    assert every.isel(province=0, sample=1).item() == pytest.approx(one.item())


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="arc_capacity must be 0 or more; got -1"):
        jobs.coal_route_jobs(1.0, coal_capacity=1.0, arc_capacity=-1.0, ratio=1.0)
    with pytest.raises(ValueError, match="ratio must be 0 or more; got -2"):
        jobs.coal_route_jobs(1.0, coal_capacity=1.0, arc_capacity=1.0, ratio=-2.0)
    with pytest.raises(ValueError, match="closed must be 0 or more; got -3"):
        jobs.output_to_rebuild(1.0, standing=places(1, 1), closed=places(1, -3))
    with pytest.raises(ValueError, match="before must be above 0 persons; got 0"):
        jobs.share_lost(1.0, before=0.0)
