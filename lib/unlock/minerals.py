"""Minerals of the energy transition: demand, supply, concentration, emissions paid and avoided.

Equipment in use drives what is added (`unlock.cohorts.stock_driven`); shares of sub-technologies
and intensities turn additions into minerals; the same survival turns minerals added into minerals
discarded (`unlock.cohorts.inflow_driven`). All functions broadcast over any further dimension
(pathway, mineral, sample). Time axes are in years, one step a year.
"""

import numpy as np
import xarray as xr
from scipy.interpolate import PchipInterpolator

__all__ = [
    "avoided_by_cars",
    "avoided_by_power",
    "concentration",
    "cumulative",
    "excess_years",
    "expected_supply",
    "growth_of_production",
    "intensity_path",
    "material_inflow",
    "payback_time",
    "payback_year",
    "produced_ahead",
    "production_emissions",
    "recovery_path",
    "secondary_supply",
    "stock_path",
]

Array = xr.DataArray | float
FULL_CONCENTRATION = 10_000.0  # one country with all of the market, shares in percent


def stock_path(nodes: xr.DataArray, *, time: np.ndarray) -> xr.DataArray:
    """Return a smooth path of equipment in use through known years.

    A piecewise cubic that keeps the shape of its nodes: it rises where they rise and never
    overshoots them, so that additions change without jumps.

    Args:
        nodes: stock at the end of known years, dim `year` (rising) and any others.
        time: years wanted, within the first and the last node.

    Returns:
        Stock over `time` and the other dims, in the unit of `nodes`.

    Raises:
        ValueError: if years do not rise, or a year lies outside the nodes.

    Source: Fritsch and Carlson (1980), SIAM Journal on Numerical Analysis 17, 238-246.
    """
    year = nodes["year"].values.astype(float)
    time = np.asarray(time)
    if len(year) < 2 or np.any(np.diff(year) <= 0):
        raise ValueError("nodes must have at least two years, in rising order")
    if time.min() < year[0] or time.max() > year[-1]:
        raise ValueError(
            f"time must lie within the nodes, {year[0]:g} to {year[-1]:g}, "
            f"but {time.min():g} to {time.max():g} was given"
        )
    other = nodes.transpose("year", ...)
    values = PchipInterpolator(year, other.values, axis=0)(time.astype(float))
    coords = {"time": time} | {d: other[d] for d in other.dims[1:] if d in other.coords}
    return xr.DataArray(values, dims=("time", *other.dims[1:]), coords=coords, attrs=nodes.attrs)


def intensity_path(
    intensity: Array, *, ratio: Array, time: xr.DataArray, base: float = 2020, end: float = 2050
) -> xr.DataArray:
    """Return the mineral in a new unit of equipment by year.

    i(t) = i_0 rho^((t - t_0) / (t_1 - t_0)), constant before t_0

    Args:
        intensity: i_0 of the base year, mass per unit, any dims.
        ratio: rho, intensity of the end year over that of the base year, any dims; above 0.
        time: years t.
        base, end: years t_0 and t_1.

    Returns:
        Intensity over all dims together.

    Raises:
        ValueError: if a ratio is not positive or the years do not rise.
    """
    if np.any(np.asarray(ratio) <= 0):
        raise ValueError(
            f"ratio must be above 0, but {float(np.nanmin(np.asarray(ratio))):g} was given"
        )
    if end <= base:
        raise ValueError(f"end must be after base {base:g}, but {end:g} was given")
    passed = np.maximum((time - base) / (end - base), 0.0)
    return intensity * ratio**passed


def material_inflow(
    additions: xr.DataArray,
    *,
    share: xr.DataArray,
    intensity: xr.DataArray,
    dim: str = "subtechnology",
) -> xr.DataArray:
    """Return the mineral that enters use with new equipment.

    M(t) = A(t) sum_k s_k(t) i_k(t)

    Args:
        additions: A, units a year, any dims but `dim`.
        share: s_k, share of sub-technology k in what is added, dim `dim` and any; sums to 1.
        intensity: i_k, mass per unit, dim `dim` and any; NaN where a sub-technology uses none.
        dim: name of the sub-technologies.

    Returns:
        M, mass a year, over all other dims.

    Raises:
        ValueError: if shares do not sum to 1 or sub-technologies do not agree.

    Source: IEA (2021), The Role of Critical Minerals in Clean Energy Transitions, annex.
    """
    total = share.sum(dim)
    if np.any(np.abs(total.values - 1) > 1e-9):
        worst = float(total.values.flat[np.abs(total.values - 1).argmax()])
        raise ValueError(f"share must sum to 1 over {dim!r}, but sums to {worst:g}")
    if set(share[dim].values) != set(intensity[dim].values):
        raise ValueError(f"share and intensity must have the same labels along {dim!r}")
    return additions * xr.dot(share, intensity.fillna(0.0), dim=dim)


def recovery_path(
    today: Array, *, later: Array, time: xr.DataArray, base: float = 2020, end: float = 2050
) -> xr.DataArray:
    """Return the share of discarded mineral that is recovered, straight between two years.

    r(t) = r_0 + (r_1 - r_0) min(max((t - t_0) / (t_1 - t_0), 0), 1)

    Args:
        today: r_0, share, any dims; 0 to 1.
        later: r_1, share, any dims; 0 to 1.
        time: years t.
        base, end: years t_0 and t_1.

    Returns:
        Share over all dims together.

    Raises:
        ValueError: if a share lies outside 0 to 1 or the years do not rise.
    """
    for name, share in (("today", today), ("later", later)):
        _require_share(name, share)
    if end <= base:
        raise ValueError(f"end must be after base {base:g}, but {end:g} was given")
    passed = ((time - base) / (end - base)).clip(0.0, 1.0)
    return today + (later - today) * passed


def secondary_supply(outflow: Array, *, recovery: Array, demand: Array) -> Array:
    """Return the demand that metal from discarded equipment meets.

    R = min(r O, D)

    Args:
        outflow: O, mineral in discarded equipment, mass a year, any dims.
        recovery: r, share recovered; 0 to 1.
        demand: D, mass a year.

    Returns:
        R, mass a year; what is left of the demand, D - R, is mined.

    Raises:
        ValueError: if a share lies outside 0 to 1.
    """
    _require_share("recovery", recovery)
    return np.minimum(recovery * outflow, demand)


def growth_of_production(ratio: Array, *, share: Array) -> Array:
    """Return by what share production must grow if one use grows and the others stay.

    g = x - s, where x is the demand of that use in the end year over all production of the
    base year, and s is the share of that use in the production of the base year.

    A ratio x is not an increase: the demand of the use itself multiplies by x / s.

    Args:
        ratio: x, dimensionless, any dims; not negative.
        share: s, dimensionless, any dims; 0 to 1.

    Returns:
        g, growth of all production as a share of that of the base year.

    Raises:
        ValueError: if a ratio is negative or a share lies outside 0 to 1.
    """
    _require_not_negative("ratio", ratio)
    _require_share("share", share)
    return ratio - share


def expected_supply(
    production: Array, *, trend: Array, time: xr.DataArray, base: float = 2020
) -> xr.DataArray:
    """Return supply if it goes on rising by as much a year as in the past.

    S(t) = P_0 + max(b, 0) (t - t_0)

    Args:
        production: P_0 of the base year, mass a year, any dims.
        trend: b, mass a year each year, any dims; a falling trend counts as flat.
        time: years t, from the base year on.
        base: year t_0.

    Returns:
        S, mass a year, over all dims together.

    Raises:
        ValueError: if production is negative.
    """
    _require_not_negative("production", production)
    return production + np.maximum(trend, 0.0) * (time - base)


def cumulative(flow: xr.DataArray, *, since: float | None = None) -> xr.DataArray:
    """Return the sum of a yearly flow from a year on.

    C(t) = sum_{u = since}^{t} F(u)

    Args:
        flow: F, amount a year, dim `time` in single years, and any.
        since: first year counted; the first of the axis if not given.

    Returns:
        C, amount, over the same dims; 0 before `since`.

    Raises:
        ValueError: if the time axis does not go by single years.
    """
    _require_yearly(flow)
    if since is not None:
        flow = flow.where(flow["time"] >= since, 0.0)
    return flow.cumsum("time").assign_coords(time=flow["time"])


def concentration(
    share: xr.DataArray, *, dim: str = "country", spread: Array = 0.0
) -> xr.DataArray:
    """Return the Herfindahl-Hirschman index of a market from the shares of its leaders.

    H = sum_j s_j^2 + w m r, with r = 100 - sum_j s_j what is not named and m the smallest share
    named. At w = 0 the rest is in many hands, at w = 1 in hands as large as the smallest named.

    Args:
        share: s_j, percent, dim `dim` and any; NaN where a country is not named. Shares that add
            to more than 100 are scaled to 100.
        dim: name of the dim of countries.
        spread: w, dimensionless, any dims; 0 to 1.

    Returns:
        H, 0 to 10,000, over the other dims.

    Raises:
        ValueError: if a share is negative or w lies outside 0 to 1.
    """
    _require_not_negative("share", share)
    _require_share("spread", spread)
    named = share.sum(dim)
    scale = np.maximum(named / 100.0, 1.0)
    share = share / scale
    rest = np.maximum(100.0 - share.sum(dim), 0.0)
    smallest = np.minimum(share.min(dim), rest)
    return (share**2).sum(dim) + spread * smallest * rest


def production_emissions(
    primary: Array, *, secondary: Array, factor: Array, recycled: Array
) -> Array:
    """Return the emissions of making metal.

    E = e (P + q R)

    Args:
        primary: P, mined metal, mass a year, any dims.
        secondary: R, recycled metal, mass a year.
        factor: e, CO2e per mass of mined metal.
        recycled: q, emissions of recycled metal over those of mined metal.

    Returns:
        E, CO2e a year, over all dims together.

    Raises:
        ValueError: if a factor is negative.
    """
    _require_not_negative("factor", factor)
    _require_not_negative("recycled", recycled)
    return factor * (primary + recycled * secondary)


def produced_ahead(flow: xr.DataArray, *, lead: Array) -> xr.DataArray:
    """Return a flow moved to the earlier years in which it is produced.

    F'(t) = F(t + lead), straight between years; after its end the flow stays at its last value.

    Args:
        flow: F, amount a year, dim `time` in single years, and any.
        lead: year, any dims but `time`; 0 to 10.

    Returns:
        F', over the same time axis and all dims together.

    Raises:
        ValueError: if the lead lies outside 0 to 10 or the axis does not go by single years.
    """
    _require_yearly(flow)
    lead = xr.DataArray(lead)
    if bool(((lead < 0) | (lead > 10)).any()):
        raise ValueError("lead must be 0 to 10 years")
    last = flow.isel(time=-1, drop=True)
    parts = []
    for step in range(int(np.ceil(float(lead.max()))) + 1):
        weight = np.maximum(1.0 - np.abs(lead - step), 0.0)
        later = flow.shift(time=-step)
        parts.append(weight * (later if step == 0 else later.fillna(last)))
    return sum(parts).transpose(*flow.dims, ...)


def avoided_by_power(stock: Array, *, capacity_factor: Array, displaced: Array) -> Array:
    """Return the emissions that wind and sun avoid.

    V = K u h f, with h = 8.76 TWh/GW, hours of a year

    Args:
        stock: K, GW, any dims.
        capacity_factor: u, dimensionless; 0 to 1.
        displaced: f, emissions of the power displaced, tCO2/MWh.

    Returns:
        V, MtCO2 a year.

    Raises:
        ValueError: if a capacity factor lies outside 0 to 1.
    """
    _require_share("capacity_factor", capacity_factor)
    return stock * capacity_factor * 8.76 * displaced


def avoided_by_cars(
    stock: Array, *, distance: Array, petrol: Array, electric: Array, grid: Array
) -> Array:
    """Return the emissions that electric cars avoid.

    V = N d (p - l g)

    Args:
        stock: N, cars, any dims.
        distance: d, km a year.
        petrol: p, kgCO2/km of a petrol car.
        electric: l, kWh/km.
        grid: g, tCO2/MWh, which is kgCO2/kWh.

    Returns:
        V, MtCO2 a year; negative where the grid is dirtier than petrol.

    Raises:
        ValueError: if a stock or a distance is negative.
    """
    _require_not_negative("stock", stock)
    _require_not_negative("distance", distance)
    return stock * distance * (petrol - electric * grid) / 1e9


def excess_years(paid: xr.DataArray, *, avoided: xr.DataArray) -> xr.DataArray:
    """Return the number of years in which more is emitted than avoided.

    n = number of t with E(t) > V(t)

    Args:
        paid: E, CO2e a year, dim `time` and any.
        avoided: V, CO2 a year, dim `time` and any.

    Returns:
        n, year, over the other dims.

    Raises:
        ValueError: if either does not go by single years.
    """
    _require_yearly(paid)
    _require_yearly(avoided)
    return (paid > avoided).sum("time").assign_attrs(units="year")


def payback_year(paid: xr.DataArray, *, avoided: xr.DataArray) -> xr.DataArray:
    """Return the first year from which on all that was emitted has been avoided.

    The year after the last one in which C_E(t) > C_V(t), both summed from the start of the axis.

    Args:
        paid: E, CO2e a year, dim `time` and any.
        avoided: V, CO2 a year, dim `time` and any.

    Returns:
        Calendar year over the other dims; the first of the axis where it is paid back at once,
        NaN where it is not paid back by the end.

    Raises:
        ValueError: if either does not go by single years.
    """
    owed = cumulative(paid) > cumulative(avoided)
    after = owed["time"] + 1
    year = after.where(owed).max("time").fillna(float(owed["time"][0]))
    return year.where(~owed.isel(time=-1, drop=True)).assign_attrs(units="year")


def payback_time(paid: Array, *, avoided: Array) -> Array:
    """Return how long a unit runs until it has avoided what its minerals emitted.

    T = E / V

    Args:
        paid: E, CO2e per unit of equipment, any dims.
        avoided: V, CO2 a year per unit of equipment, any dims.

    Returns:
        T, year; infinite where nothing is avoided.

    Raises:
        ValueError: if emissions are negative.
    """
    _require_not_negative("paid", paid)
    gain = xr.DataArray(avoided)
    time = xr.where(gain > 0, paid / gain.where(gain > 0), np.inf)
    return time.assign_attrs(units="year")


def _require_share(name: str, value: Array) -> None:
    given = np.asarray(value, dtype=float)
    if np.any((given < 0) | (given > 1)):
        wrong = given[(given < 0) | (given > 1)].flat[0]
        raise ValueError(f"{name} must be between 0 and 1, but {wrong:g} was given")


def _require_not_negative(name: str, value: Array) -> None:
    given = np.asarray(value, dtype=float)
    if np.any(given < 0):
        raise ValueError(f"{name} must not be negative, but {np.nanmin(given):g} was given")


def _require_yearly(flow: xr.DataArray) -> None:
    if "time" not in flow.dims or np.any(np.diff(flow["time"].values.astype(float)) != 1):
        raise ValueError("flow must have a dim 'time' that goes by single years")
