"""Footprints at a border: hand cases, limits, and what must hold for any numbers."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from unlock import footprints

few = settings(max_examples=50, deadline=None)


def test_the_charge_by_hand():
    # 2 t, of which 0.9 x 1 t are free, at 100 CNY.
    charge = footprints.border_charge(2.0, price=100.0, benchmark=1.0, phase_in=0.1)
    assert float(charge) == pytest.approx(110.0)
    credited = footprints.border_charge(
        2.0, price=100.0, benchmark=1.0, phase_in=0.1, paid_abroad=20.0
    )
    assert float(credited) == pytest.approx(70.0)


def test_the_default_with_mark_up_is_the_published_one():
    # Implementing Regulation (EU) 2025/2621, hot-rolled flats from China: 3.19, then 3.51 to 4.14.
    marked = footprints.default_emissions(3.19, markup=xr.DataArray([0.1, 0.2, 0.3], dims="year"))
    assert np.round(marked, 2).values.tolist() == [3.51, 3.83, 4.15]
    np.testing.assert_allclose(marked, [3.51, 3.82, 4.14], atol=0.01)


def test_a_clean_tonne_pays_nothing_and_gets_nothing():
    assert float(footprints.border_charge(0.5, price=100.0, benchmark=1.0, phase_in=0.0)) == 0
    assert float(footprints.border_charge(2.0, price=50.0, paid_abroad=80.0)) == 0


def test_divergence_by_hand():
    got = footprints.cost_of_divergence(
        300.0, accepted=100.0, audit=xr.DataArray([0.0, 8.0, 500.0, np.inf], dims="audit")
    )
    assert got.values.tolist() == [0.0, 8.0, 200.0, 200.0]
    # A default below the own figure is used either way.
    assert float(footprints.cost_of_divergence(50.0, accepted=100.0, audit=np.inf)) == 0.0


@few
@given(
    own=st.floats(0, 5),
    default=st.floats(0, 5),
    markup=st.floats(0, 0.5),
    benchmark=st.floats(0, 2),
    phase=st.floats(0, 1),
    audit=st.floats(0, 50),
)
def test_divergence_costs_no_less_than_nothing_and_no_more_than_the_audit(
    own, default, markup, benchmark, phase, audit
):
    paid = {"price": 100.0, "benchmark": benchmark, "phase_in": phase}
    on_default = footprints.border_charge(
        footprints.default_emissions(default, markup=markup), **paid
    )
    on_own = footprints.border_charge(own, **paid)
    cost = float(footprints.cost_of_divergence(on_default, accepted=on_own, audit=audit))
    assert -1e-9 <= cost <= audit + 1e-9
    refused = float(footprints.cost_of_divergence(on_default, accepted=on_own, audit=np.inf))
    assert cost <= refused + 1e-9


@few
@given(phase=st.floats(0, 1))
def test_above_the_benchmark_the_phase_in_does_not_change_what_divergence_costs(phase):
    paid = {"price": 100.0, "benchmark": 1.0, "phase_in": phase}
    on_default, on_own = (footprints.border_charge(e, **paid) for e in (3.0, 2.0))
    cost = footprints.cost_of_divergence(on_default, accepted=on_own, audit=np.inf)
    assert float(cost) == pytest.approx(100.0)


def test_broadcasting_equals_looping():
    e = xr.DataArray([0.5, 2.0, 3.0], dims="product")
    phase = xr.DataArray([0.0, 0.5], dims="year")
    whole = footprints.border_charge(e, price=80.0, benchmark=1.2, phase_in=phase)
    for i in range(3):
        for j in range(2):
            one = footprints.border_charge(
                float(e[i]), price=80.0, benchmark=1.2, phase_in=float(phase[j])
            )
            assert whole[i, j].item() == pytest.approx(one.item())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: footprints.default_emissions(-1.0, markup=0.1), "default must not be negative"),
        (lambda: footprints.border_charge(1.0, price=-5.0), "price must not be negative, but -5"),
        (
            lambda: footprints.border_charge(1.0, price=5.0, phase_in=1.5),
            "phase_in must lie from 0 to 1, but 1.5 to 1.5",
        ),
        (
            lambda: footprints.cost_of_divergence(1.0, accepted=1.0, audit=-1.0),
            "audit must not be negative",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
