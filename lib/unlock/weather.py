"""Synthetic hourly years of sun and wind for a place of which only statistics are known.

The sun's path is computed, clouds and wind are drawn. What is drawn meets the place's mean and
highest capacity factor, the correlation of sun and wind, and the number of hours in which both
are weak, over all years together; how long clouds and calms last is not in such statistics and
is an argument of its own. Hours are those of China Standard Time, of a year of 365 days.
"""

import numpy as np
import pandas as pd
import xarray as xr
from pvlib import clearsky, irradiance, location
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import brentq
from scipy.signal import lfilter
from scipy.special import betaln

HOURS, DAYS = 8760, 365
ZONE = "Etc/GMT-8"  # eight hours ahead of Greenwich, in pvlib's sense
WEAK = 0.05  # hours count as weak when half sun and half wind give less
LEAST_CLEAR = 0.05  # share of clear-sky light under the thickest cloud


def clear_sky(latitude, *, longitude, tilt=None, altitude=0.0, turbidity=3.5):
    """Give the light on a fixed south-facing panel under a clear sky, over its highest value.

    Sun's position by the algorithm of NREL, clear sky by Ineichen and Perez, sky light taken as
    the same from all sides: I = B cos(theta) + D (1 + cos(tilt)) / 2 + ground.

    Parameters
    ----------
    latitude, longitude : arrays, any dims; degree, north and east positive
    tilt : array, any dims; degree from flat; three quarters of the latitude if not given
    altitude : array, any dims; m
    turbidity : array, any dims; Linke turbidity of the air; dimensionless

    Returns
    -------
    DataArray (any, hour); dimensionless, highest value 1

    Raises
    ------
    ValueError
        For a latitude beyond 66 degrees, where days without sun occur.

    Source: Ineichen and Perez (2002), Solar Energy 73, 151-157; pvlib, Anderson et al. (2023),
    Journal of Open Source Software 8, 5994.
    """
    if np.any(np.abs(latitude) > 66):
        raise ValueError(f"latitude must be within 66 degrees, not {float(np.max(latitude)):g}")
    tilt = 0.75 * abs(latitude) if tilt is None else tilt
    light = xr.apply_ufunc(
        _panel_light,
        *(xr.DataArray(x) for x in (latitude, longitude, tilt, altitude, turbidity)),
        output_core_dims=[["hour"]],
        vectorize=True,
    )
    return (light / light.max("hour")).assign_coords(hour=np.arange(HOURS)).assign_attrs(units="1")


def solar_years(clear, *, mean, maximum, persistence, years, seed=0):
    """Give hourly capacity factors of PV in synthetic years.

    c = c_max I k, with k = k_0 + (1 - k_0) Phi(z)^g: the share of clear-sky light that clouds let
    through, z a standard normal process with autocorrelation exp(-1 / persistence) from hour to
    hour, and g such that the mean over all years is the one asked for.

    Parameters
    ----------
    clear : DataArray (hour); I as `clear_sky` gives it
    mean, maximum : numbers; of the capacity factor, c_max under the clearest sky; dimensionless
    persistence : number; time in which the memory of a cloud falls to 1/e; hour
    years : number of years
    seed : whole number

    Returns
    -------
    DataArray (weather_year, hour); dimensionless

    Raises
    ------
    ValueError
        For a mean that no clouds bring about, or a persistence that is not positive.
    """
    clear = clear.transpose("hour")
    highest = maximum * float(clear.mean())
    if not LEAST_CLEAR * highest < mean < highest:
        raise ValueError(
            f"mean must be between {LEAST_CLEAR * highest:.3f} and {highest:.3f}, the mean under a "
            f"clear sky, but {mean:g} was given"
        )
    passing = _ranks(_process(persistence, years, np.random.default_rng([seed, 1])))

    def average(g):
        return float((clear.values * _cloud(passing, g)).mean()) * maximum

    g = np.exp(brentq(lambda x: average(np.exp(x)) - mean, -12, 12, xtol=1e-10))
    return _years(maximum * clear.values * _cloud(passing, g))


def wind_years(solar, *, mean, maximum, correlation, weak_hours, persistence, season, seed=0):
    """Give hourly capacity factors of wind in synthetic years.

    c = c_max (1 - (1 - u)^(1 / b))^(1 / a), the quantile of Kumaraswamy's law, u the rank of
    z = e + d s + season cos(day): e a standard normal process with autocorrelation
    exp(-1 / persistence), s the standardised sun. a and b meet the mean and the weak hours, d the
    correlation with the sun.

    Parameters
    ----------
    solar : DataArray (weather_year, hour); capacity factor of PV; dimensionless
    mean, maximum : numbers; of the capacity factor of wind; dimensionless
    correlation : number; of hourly sun and wind; dimensionless
    weak_hours : number; hours in which half sun and half wind give less than 5 %; hour/year
    persistence : number; time in which the memory of wind falls to 1/e; hour
    season : number; strength of the season, highest in mid March, in standard deviations of e
    seed : whole number

    Returns
    -------
    DataArray (weather_year, hour); dimensionless. Statistics hold over all years together, each
    year differs.

    Raises
    ------
    ValueError
        For a mean not below the maximum, a persistence that is not positive, or statistics that
        no law of this form meets together, named.
    """
    if not 0 < mean < maximum <= 1:
        raise ValueError(f"mean must be between 0 and maximum {maximum:g}, but {mean:g} was given")
    sun = solar.transpose("weather_year", "hour").values
    noise = _process(persistence, len(sun), np.random.default_rng([seed, 2]))
    day = np.arange(HOURS) // 24
    noise = noise + season * np.cos(2 * np.pi * (day - 75) / DAYS)
    shape = (sun - sun.mean()) / sun.std()
    d = 0.0
    for _ in range(4):  # the law and the correlation hardly depend on each other
        a = np.exp(_fit_law(sun, _ranks(noise + d * shape), mean, maximum, weak_hours))
        d = _fit_correlation(sun, noise, shape, a, mean, maximum, correlation)
    return _years(_wind(_ranks(noise + d * shape), a, mean, maximum))


def weak_hours(solar, wind):
    """Give the hours of a year in which half sun and half wind give less than 5 %.

    Parameters
    ----------
    solar, wind : DataArrays (hour, any); capacity factors; dimensionless

    Returns
    -------
    DataArray (any); hour/year
    """
    weak = (solar + wind) / 2 < WEAK
    return (weak.mean("hour") * HOURS).assign_attrs(units="hour/year")


def longest_lull(solar, wind, *, days=1):
    """Give the lowest mean of half sun and half wind over any stretch of days.

    Parameters
    ----------
    solar, wind : DataArrays (hour, any); capacity factors; dimensionless
    days : length of the stretch; whole number

    Returns
    -------
    DataArray (any); capacity factor; dimensionless
    """
    both = (solar + wind) / 2
    rolled = both.rolling(hour=24 * days).mean().isel(hour=slice(24 * days - 1, None))
    return rolled.min("hour").assign_attrs(units="1")


def typical_days(solar, *, wind, n):
    """Give a few days that stand for a year, how often each occurs, and in which order.

    Days are grouped by Ward's method on their hourly sun and wind, each group is shown by the day
    nearest its mean, and what these days give over the year is scaled to what the year gives.

    Parameters
    ----------
    solar, wind : DataArrays (hour of the year, any); capacity factors; dimensionless
    n : number of typical days, 1 to 365

    Returns
    -------
    Dataset over any and period, hour (of the day), day: `pv`, `wind` (period, hour), `weight`
    (period; days a year), `period_of_day` (day; the typical day of each day)

    Raises
    ------
    ValueError
        For n outside 1 to 365, or series that are not 8,760 hours long.

    Source: Kotzur et al. (2018), Applied Energy 213, 123-135; hierarchical with medoids.
    """
    if not 1 <= n <= DAYS:
        raise ValueError(f"n must be from 1 to {DAYS} typical days, but {n} was given")
    for name, array in (("solar", solar), ("wind", wind)):
        if array.sizes.get("hour") != HOURS:
            raise ValueError(f"{name} must have {HOURS} hours, not {array.sizes.get('hour')}")
    if n == DAYS:
        method = _every_day
    else:
        method = _typical_days
    pv, wind, weight, order = xr.apply_ufunc(
        method, solar, wind, kwargs={"n": n}, vectorize=True,
        input_core_dims=[["hour"], ["hour"]], exclude_dims={"hour"},
        output_core_dims=[["period", "hour"], ["period", "hour"], ["period"], ["day"]],
    )  # fmt: skip
    found = xr.Dataset({"pv": pv, "wind": wind, "weight": weight, "period_of_day": order})
    labels = {"period": np.arange(n), "hour": np.arange(24), "day": np.arange(DAYS)}
    return found.assign_coords(labels)


def whole_year(solar, *, wind):
    """Give a year as one period of 8,760 hours, in the form of `typical_days`.

    Parameters
    ----------
    solar, wind : DataArrays (hour, any); capacity factors; dimensionless

    Returns
    -------
    Dataset as of `typical_days`, with one period, one day and a weight of 1
    """
    shape = xr.zeros_like(solar.isel(hour=0, drop=True))
    return xr.Dataset(
        {
            "pv": solar.expand_dims(period=[0]),
            "wind": wind.expand_dims(period=[0]),
            "weight": (shape + 1.0).expand_dims(period=[0]),
            "period_of_day": shape.astype(int).expand_dims(day=[0]),
        }
    )


def _panel_light(latitude, longitude, tilt, altitude, turbidity):
    """Clear-sky light on a panel in the middle of each hour; W/m2."""
    times = pd.date_range("2019-01-01 00:30", periods=HOURS, freq="h", tz=ZONE)
    sun = location.Location(latitude, longitude, ZONE, altitude).get_solarposition(times)
    mass = location.Location(latitude, longitude, ZONE, altitude).get_airmass(solar_position=sun)[
        "airmass_absolute"
    ]
    extra = irradiance.get_extra_radiation(times)
    sky = clearsky.ineichen(sun["apparent_zenith"], mass, turbidity, altitude, extra)
    south = 180.0 if latitude >= 0 else 0.0
    panel = irradiance.get_total_irradiance(
        tilt, south, sun["apparent_zenith"], sun["azimuth"], sky["dni"], sky["ghi"], sky["dhi"]
    )
    return panel["poa_global"].fillna(0.0).to_numpy()


def _process(persistence, years, rng):
    """Standard normal first-order autoregressive process, one row a year."""
    if not persistence > 0:
        raise ValueError(f"persistence must be above 0 hours, but {persistence:g} was given")
    r = np.exp(-1 / persistence)
    shocks = rng.standard_normal((years, HOURS))
    shocks[:, 1:] *= np.sqrt(1 - r**2)
    return lfilter([1.0], [1.0, -r], shocks, axis=1)


def _ranks(z):
    """Ranks over all years together, as probabilities."""
    order = np.empty(z.size)
    order[np.argsort(z, axis=None, kind="stable")] = (np.arange(z.size) + 0.5) / z.size
    return order.reshape(z.shape)


def _cloud(passing, g):
    """Share of clear-sky light that passes."""
    return LEAST_CLEAR + (1 - LEAST_CLEAR) * passing**g


def _wind(u, a, mean, maximum):
    """Kumaraswamy quantile with shape a whose mean is as asked for."""
    asked = np.log(mean / maximum)
    b = np.exp(brentq(lambda x: x + betaln(1 + 1 / a, np.exp(x)) - asked, -15, 40))
    return maximum * (-np.expm1(np.log1p(-u) / b)) ** (1 / a)


def _weak_hours(sun, wind):
    return np.mean((sun + wind) / 2 < WEAK) * HOURS


def _fit_law(sun, ranks, mean, maximum, asked):
    """Logarithm of the shape that gives the weak hours asked for."""

    def weak(x):
        return _weak_hours(sun, _wind(ranks, np.exp(x), mean, maximum))

    return _meet(weak, (-1.2, 2.0), "weak_hours", asked)


def _fit_correlation(sun, noise, shape, a, mean, maximum, asked):
    """Weight of the sun in the wind that gives the correlation asked for."""

    def correlation(d):
        wind = _wind(_ranks(noise + d * shape), a, mean, maximum)
        return np.corrcoef(sun.ravel(), wind.ravel())[0, 1]

    return _meet(correlation, (-1.5, 1.5), "correlation", asked)


def _meet(statistic, bounds, name, asked):
    """Where a statistic has the value asked for; one out of reach is named."""
    ends = sorted(statistic(end) for end in bounds)
    if not ends[0] <= asked <= ends[1]:
        raise ValueError(
            f"{name} must be between {ends[0]:.3g} and {ends[1]:.3g} for this mean and sun, but "
            f"{asked:g} was given"
        )
    return brentq(lambda x: statistic(x) - asked, *bounds, xtol=1e-3, rtol=1e-6)


def _years(values):
    coords = {"weather_year": np.arange(len(values)), "hour": np.arange(HOURS)}
    return xr.DataArray(values, coords, ("weather_year", "hour"), attrs={"units": "1"})


def _typical_days(solar, wind, *, n):
    """Typical days of one year."""
    series = [solar.reshape(DAYS, 24), wind.reshape(DAYS, 24)]
    features = np.hstack([part / max(part.std(), 1e-12) for part in series])
    group = fcluster(linkage(features, "ward"), n, "maxclust") - 1
    medoid = np.empty(n, dtype=int)
    for k in range(n):
        members = np.flatnonzero(group == k)
        if not len(members):  # days that are all alike make fewer groups than asked for
            members = np.array([0])
        distance = ((features[members] - features[members].mean(axis=0)) ** 2).sum(axis=1)
        medoid[k] = members[distance.argmin()]
    weight = np.bincount(group, minlength=n).astype(float)
    return *(_scaled(part, part[medoid], weight) for part in series), weight, group


def _scaled(year, days, weight):
    """Typical days that give over the year what the year gives, and never more than its highest."""
    top = year.max()
    for _ in range(20):
        given = (weight[:, None] * days).sum()
        if given == 0 or abs(year.sum() / given - 1) < 1e-12:
            break
        days = np.minimum(days * (year.sum() / given), top)
    return days


def _every_day(solar, wind, *, n):
    return solar.reshape(n, 24), wind.reshape(n, 24), np.ones(n), np.arange(n)
