"""Fits against curves whose parameters are known, scipy, and published learning rates."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from compendium import load
from unlock import fits, learning

YEARS = np.arange(1990.0, 2031.0)
YEAR = xr.DataArray(YEARS, dims="year", coords={"year": YEARS})


def noisy(rate, n=20, seed=1):
    """Costs that follow a learning rate but for noise."""
    stream = np.random.default_rng(seed)
    built = xr.DataArray(np.cumsum(stream.uniform(1, 9, n)), dims="year")
    cost = learning.unit_cost(built, initial_cumulative=1.0, rate=rate, initial_cost=50.0)
    return cost * np.exp(0.1 * xr.DataArray(stream.standard_normal(n), dims="year")), built


@given(st.floats(-0.5, 0.6), st.floats(0.1, 1e3), st.floats(0.1, 1e3))
def test_an_exact_curve_is_found_in_any_unit(rate, money, amount):
    built = xr.DataArray([1.0, 3.0, 5.0, 20.0], dims="year")
    cost = money * learning.unit_cost(built, initial_cumulative=1.0, rate=rate)
    fit = fits.fit_experience(cost, cumulative=amount * built)
    assert float(fit["rate"]) == pytest.approx(rate, abs=1e-9)
    assert float(fit["exponent_error"]) == pytest.approx(0, abs=1e-6)


def test_a_fit_agrees_with_scipy_and_its_error_follows_from_r2_and_n():
    cost, built = noisy(0.2)
    fit = fits.fit_experience(cost, cumulative=built)
    reference = stats.linregress(np.log2(built), np.log2(cost))
    assert float(fit["exponent"]) == pytest.approx(-reference.slope)
    assert float(fit["exponent_error"]) == pytest.approx(reference.stderr)
    assert float(fit["r2"]) == pytest.approx(reference.rvalue**2)
    recovered = fits.exponent_error(fit["rate"], r2=fit["r2"], n=fit["n"])
    assert float(recovered) == pytest.approx(reference.stderr)


def test_points_left_out_do_not_count_and_two_points_make_no_fit():
    cost, built = noisy(0.2)
    gap = cost.where(np.arange(20) != 7)
    kept = np.delete(np.arange(20), 7)
    fit = fits.fit_experience(gap, cumulative=built)
    alone = fits.fit_experience(cost.isel(year=kept), cumulative=built.isel(year=kept))
    xr.testing.assert_allclose(fit, alone)
    few = fits.fit_experience(cost.isel(year=[0, 1]), cumulative=built.isel(year=[0, 1]))
    assert np.isnan(few["rate"]) and np.isnan(few["exponent_error"]) and few["n"] == 2


def test_broadcasting_equals_looping():
    pairs = [noisy(rate, seed=seed) for seed, rate in enumerate((0.1, 0.3, -0.1))]
    cost, built = (xr.concat(part, dim="technology") for part in zip(*pairs, strict=True))
    whole = fits.fit_experience(cost, cumulative=built)
    for k, (one, amount) in enumerate(pairs):
        xr.testing.assert_allclose(
            whole.isel(technology=k), fits.fit_experience(one, cumulative=amount)
        )


def test_quantiles_of_a_rate_by_hand():
    # b = -log2 0.8 = 0.3219; three points leave one degree of freedom, where t_0.95 = 6.3138
    low, middle, high = (
        fits.rate_quantile(p, rate=0.2, exponent_error=0.01, n=3) for p in (0.05, 0.5, 0.95)
    )
    assert float(middle) == pytest.approx(0.2)
    assert float(high) == pytest.approx(1 - 2 ** -(0.32193 + 0.063138), abs=1e-5)
    assert float(low) == pytest.approx(1 - 2 ** -(0.32193 - 0.063138), abs=1e-5)


@pytest.mark.parametrize(
    ("technology", "span", "rate", "digits"),
    [
        ("solar", (1977, 2022), 0.208, 3),
        ("solar", (2010, 2022), 0.296, 3),
        ("wind", (1984, 2022), 0.145, 3),
        ("wind", (2010, 2022), 0.310, 3),
    ],
)
def test_published_rates_come_out_of_the_series(technology, span, rate, digits):
    table = load("learning/curves").query("technology == @technology")
    wide = table.pivot(index="year", columns="item", values="value").loc[slice(*span)]
    cost, built = (wide[name].to_xarray() for name in ("cost", "cumulative"))
    assert round(float(fits.fit_experience(cost, cumulative=built)["rate"]), digits) == rate


@pytest.mark.parametrize("curve", fits.CURVES)
@given(duration=st.floats(4, 60), midpoint=st.floats(2000, 2020), top=st.floats(0.3, 1.0))
def test_an_exact_s_curve_is_found(curve, duration, midpoint, top):
    level = getattr(learning, curve)(YEAR, midpoint=midpoint, duration=duration, saturation=top)
    level = level.where((level > 1e-9 * top) & (level < (1 - 1e-9) * top))
    fit = fits.fit_diffusion(level, curve=curve, saturation=top)
    assert float(fit["duration"]) == pytest.approx(duration, rel=1e-4)
    assert float(fit["midpoint"]) == pytest.approx(midpoint, abs=1e-2)


def test_duration_error_by_hand():
    # the slope of ln(s / (1 - s)) over three years is ln 4.5 with a rest that scipy knows
    share = xr.DataArray([0.1, 0.4, 0.9], dims="year", coords={"year": [2000, 2001, 2002]})
    line = stats.linregress([2000, 2001, 2002], np.log([1 / 9, 2 / 3, 9]))
    fit = fits.fit_diffusion(share)
    assert float(fit["duration"]) == pytest.approx(np.log(81) / line.slope)
    relative = line.stderr / line.slope
    assert float(fit["duration_error"] / fit["duration"]) == pytest.approx(relative)


def test_quantiles_of_a_duration_by_hand():
    # three points: t_0.95 = 6.3138 with one degree of freedom; the slope is 1 / 10 +- 0.01 x t / 10
    low, middle, high = (
        fits.duration_quantile(p, duration=10.0, error=0.1, n=3) for p in (0.05, 0.5, 0.95)
    )
    assert float(middle) == pytest.approx(10)
    assert float(low) == pytest.approx(10 / 1.063138, rel=1e-5)
    assert float(high) == pytest.approx(10 / (1 - 0.063138), rel=1e-5)


def test_levels_outside_the_curve_are_left_out():
    level = learning.logistic(YEAR, midpoint=2010.0, duration=20.0)
    outside = level.where(YEAR > 1995, 0.0).where(YEAR < 2025, 1.0)
    assert float(fits.fit_diffusion(outside)["duration"]) == pytest.approx(20.0)
    assert fits.fit_diffusion(outside)["n"] == 29


def test_fastest_growth_by_hand():
    level = xr.DataArray(
        [1.0, 2.0, 8.0, 9.0], dims="year", coords={"year": [2000, 2001, 2002, 2004]}
    )
    assert float(fits.fastest_growth(level, window=1)) == pytest.approx(3.0)
    assert float(fits.fastest_growth(level, window=2)) == pytest.approx(8**0.5 - 1)
    assert np.isnan(fits.fastest_growth(level, window=7))


def test_steady_growth_is_found_over_any_window():
    level = 3.0 * 1.25 ** (YEAR - 1990)
    for window in (1, 5, 40):
        assert float(fits.fastest_growth(level, window=window)) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: fits.fit_experience(
                xr.DataArray([1.0, -1.0], dims="year"),
                cumulative=xr.DataArray([1.0, 2.0], dims="year"),
            ),
            "cost must be above 0, but -1 was given",
        ),
        (lambda: fits.exponent_error(0.2, r2=0.0, n=9), "r2 must be above 0 and at most 1, but 0"),
        (lambda: fits.exponent_error(0.2, r2=0.5, n=2), "n must be above 2, but 2 was given"),
        (
            lambda: fits.rate_quantile(1.0, rate=0.2, exponent_error=0.1, n=5),
            "p must lie between 0 and 1, but 1 to 1 was given",
        ),
        (lambda: fits.fit_diffusion(YEAR, curve="bass"), "curve must be one of logistic, gompertz"),
        (lambda: fits.fit_diffusion(YEAR, saturation=0.0), "saturation must be above 0, but 0"),
        (lambda: fits.fastest_growth(YEAR, window=0), "window must be above 0, but 0 was given"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
