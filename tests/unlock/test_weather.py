"""Synthetic weather: the statistics asked for, the sun's path, and typical days."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from unlock import weather

ZHANGJIAKOU = {"mean": 0.199, "maximum": 0.9, "persistence": 18.0}
WIND = {"mean": 0.268, "maximum": 0.991, "correlation": 0.105, "weak_hours": 1872.0}
WIND |= {"persistence": 24.0, "season": 0.25}


@pytest.fixture(scope="module")
def clear():
    return weather.clear_sky(40.8, longitude=114.9)


@pytest.fixture(scope="module")
def years(clear):
    sun = weather.solar_years(clear, years=3, **ZHANGJIAKOU)
    return sun, weather.wind_years(sun, **WIND)


def test_the_sun_is_highest_at_noon_and_gone_at_night(clear):
    by_hour = clear.values.reshape(365, 24).mean(axis=0)
    assert by_hour.argmax() in (11, 12)  # 114.9 degrees east is near the zone's 120
    assert (clear.values.reshape(365, 24)[:, [0, 1, 2, 22, 23]] == 0).all()
    assert float(clear.max()) == 1.0
    west = weather.clear_sky(43.9, longitude=87.6).values.reshape(365, 24).mean(axis=0)
    assert west.argmax() == by_hour.argmax() + 2  # Urumqi lives on Beijing's clock


def test_day_length_follows_the_season(clear):
    lit = (clear.values.reshape(365, 24) > 0).sum(axis=1)
    assert lit[172] - lit[355] == pytest.approx(5.7, abs=1.5)  # 40.8 degrees north


def test_places_broadcast():
    both = weather.clear_sky(xr.DataArray([21.2, 40.8], dims="city"), longitude=114.9)
    assert both.dims == ("city", "hour")
    np.testing.assert_allclose(both.isel(city=1), weather.clear_sky(40.8, longitude=114.9))


def test_sun_and_wind_have_the_statistics_asked_for(years):
    sun, wind = years
    assert float(sun.mean()) == pytest.approx(0.199, abs=1e-6)
    assert float(sun.max()) <= 0.9
    assert float(wind.mean()) == pytest.approx(0.268, abs=1e-4)
    assert float(wind.max()) <= 0.991
    both = np.corrcoef(sun.values.ravel(), wind.values.ravel())[0, 1]
    assert both == pytest.approx(0.105, abs=2e-3)
    assert float(weather.weak_hours(sun, wind).mean()) == pytest.approx(1872, abs=20)


def test_years_differ_and_a_seed_repeats_them(clear, years):
    sun, wind = years
    assert float(wind.mean("hour").std()) > 0.003
    again = weather.wind_years(weather.solar_years(clear, years=3, **ZHANGJIAKOU), **WIND)
    xr.testing.assert_identical(again, wind)
    other = weather.solar_years(clear, years=3, seed=1, **ZHANGJIAKOU)
    assert float(abs(other - sun).max()) > 0.1


def test_longer_memory_makes_longer_lulls_with_the_same_statistics(years):
    sun, wind = years
    slow = weather.wind_years(sun, **WIND | {"persistence": 96.0})
    assert float(slow.mean()) == pytest.approx(float(wind.mean()), abs=1e-4)
    lull = [float(weather.longest_lull(sun, w, days=5).mean()) for w in (slow, wind)]
    assert lull[0] < lull[1]


def test_longest_lull_by_hand():
    wind = xr.DataArray(np.r_[np.ones(48), np.zeros(24), np.ones(48)], dims="hour")
    sun = xr.zeros_like(wind)
    assert float(weather.longest_lull(sun, wind, days=1)) == 0.0
    assert float(weather.longest_lull(sun, wind, days=2)) == pytest.approx(0.25)
    assert float(weather.weak_hours(sun, wind)) == pytest.approx(8760 * 24 / 120)


@given(n=st.integers(1, 40))
@settings(max_examples=6, deadline=None)
def test_typical_days_keep_the_energy_of_the_year(years, n):
    sun, wind = (x.isel(weather_year=0) for x in years)
    days = weather.typical_days(sun, wind=wind, n=n)
    assert float(days["weight"].sum()) == 365
    for name, year in (("pv", sun), ("wind", wind)):
        assert float((days[name] * days["weight"]).sum()) == pytest.approx(float(year.sum()))
        assert float(days[name].max()) <= float(year.max()) + 1e-12
    counted = np.bincount(days["period_of_day"].values.astype(int), minlength=n)
    np.testing.assert_array_equal(counted, days["weight"])


def test_every_day_as_a_typical_day_is_the_year(years):
    sun, wind = (x.isel(weather_year=slice(0, 2)) for x in years)
    days = weather.typical_days(sun, wind=wind, n=365)
    assert days["pv"].dims == ("weather_year", "period", "hour")
    np.testing.assert_array_equal(days["wind"].values.reshape(2, -1), wind.values)


def test_more_typical_days_show_the_year_better(years):
    sun, wind = (x.isel(weather_year=0) for x in years)

    def error(n):
        days = weather.typical_days(sun, wind=wind, n=n)
        shown = days["wind"].sel(period=days["period_of_day"].astype(int)).values.ravel()
        return np.abs(shown - wind.values).mean()

    assert error(40) < error(10) < error(2)


def test_statistics_out_of_reach_are_named(clear, years):
    with pytest.raises(ValueError, match=r"mean must be between .* under a clear sky, but 0\.9"):
        weather.solar_years(clear, years=1, **ZHANGJIAKOU | {"mean": 0.9})
    with pytest.raises(ValueError, match=r"weak_hours must be between .* but 8000"):
        weather.wind_years(years[0], **WIND | {"weak_hours": 8000.0})
    with pytest.raises(ValueError, match=r"correlation must be between .* but 0\.99"):
        weather.wind_years(years[0], **WIND | {"correlation": 0.99})


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda s, w: weather.typical_days(s, wind=w, n=0), "n must be from 1 to 365"),
        (lambda s, w: weather.typical_days(s[:, :100], wind=w, n=3), "solar must have 8760 hours"),
        (lambda s, w: weather.wind_years(s, **WIND | {"mean": 0.0}), "mean must be between 0"),
        (lambda s, w: weather.clear_sky(70.0, longitude=0.0), "latitude must be within 66"),
        (
            lambda s, w: weather.wind_years(s, **WIND | {"persistence": 0.0}),
            "persistence must be above 0",
        ),
    ],
)
def test_bad_arguments_are_refused(years, call, says):
    with pytest.raises(ValueError, match=says):
        call(*years)
