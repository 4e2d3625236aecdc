"""Emissions, warming and carbon budgets: from what is emitted to what is left.

Temperature rises with the sum of CO2 emitted (TCRE, the transient response to cumulative
emissions) and with what other gases and aerosols do. Pathways are in CO2 equivalents, the response
is to CO2 alone, so that the two are split first. All functions broadcast over any dimension
(scenario, sample, likelihood) of an argument.
"""

from collections.abc import Hashable

import numpy as np
import xarray as xr

__all__ = [
    "budget_share",
    "co2_of",
    "cumulative_co2",
    "ghg_of",
    "non_co2_warming",
    "pathway_at_rate",
    "pathway_to_zero",
    "remaining_budget",
    "warming",
    "yearly_change",
]

Array = xr.DataArray | float
GT_PER_TT = 1000


def yearly_change(start: Array, *, end: Array, years: Array) -> Array:
    """Return the constant yearly change that leads from one level to another.

    r = (E_1 / E_0)^(1 / n) - 1

    Args:
        start: E_0, any unit, any dims; above 0.
        end: E_1, unit of `start`, any dims; above 0.
        years: n, year, any dims; above 0.

    Returns:
        r, 1/year, over all dims.

    Raises:
        ValueError: if a level or the number of years is not positive.
    """
    for name, value in {"start": start, "end": end, "years": years}.items():
        _require_positive(name, value)
    return _with_units((end / start) ** (1 / years) - 1, "1/year")


def pathway_at_rate(
    year: xr.DataArray,
    *,
    start: Array,
    target: Array,
    rate: Array,
    start_year: float,
    target_year: float,
) -> xr.DataArray:
    """Return emissions that run straight to a target and then change at a constant rate.

    G(t) = G_0 + (G_1 - G_0) (t - t_0) / (t_1 - t_0) for t <= t_1
    G(t) = G_1 (1 + r)^(t - t_1) for t > t_1

    Args:
        year: t, year, any dims.
        start: G_0, GtCO2/year, any dims.
        target: G_1, GtCO2/year, any dims.
        rate: r, 1/year, any dims; above -1.
        start_year: t_0, year.
        target_year: t_1, year, after t_0.

    Returns:
        G, unit of `start`, over all dims.

    Raises:
        ValueError: if the years are out of order or a rate is -1 or less.
    """
    _require_order(start_year, target_year)
    if bool(np.any(np.asarray(rate) <= -1)):
        raise ValueError(f"rate must be above -1; got {float(np.min(rate)):g}")
    path = _line(year, start, target, start_year, target_year)
    after = np.maximum(year - target_year, 0)
    return _with_units(path * (1 + rate) ** after, "GtCO2/year")


def pathway_to_zero(
    year: xr.DataArray,
    *,
    start: Array,
    target: Array,
    years_to_zero: Array,
    start_year: float,
    target_year: float,
) -> xr.DataArray:
    """Return emissions that run straight to a target, then straight to zero, and stay there.

    C(t) = C_0 + (C_1 - C_0) (t - t_0) / (t_1 - t_0) for t <= t_1
    C(t) = C_1 max(0, 1 - (t - t_1) / n) for t > t_1

    Args:
        year: t, year, any dims.
        start: C_0, GtCO2/year, any dims.
        target: C_1, GtCO2/year, any dims.
        years_to_zero: n, year, any dims; above 0.
        start_year: t_0, year.
        target_year: t_1, year, after t_0.

    Returns:
        C, unit of `start`, over all dims.

    Raises:
        ValueError: if the years are out of order or a time to zero is not positive.
    """
    _require_order(start_year, target_year)
    _require_positive("years_to_zero", years_to_zero)
    path = _line(year, start, target, start_year, target_year)
    left = 1 - np.maximum(year - target_year, 0) / years_to_zero
    return _with_units(path * np.maximum(left, 0), "GtCO2/year")


def co2_of(ghg: Array, *, ghg_start: Array, co2_start: Array, response: Array) -> Array:
    """Return the CO2 in emissions of all greenhouse gases.

    Other gases N fall by a share phi of the relative cut of CO2: N = N_0 (1 - phi (1 - C / C_0)),
    N_0 = G_0 - C_0. With G = C + N,
    C = (G - N_0 (1 - phi)) / (1 + phi N_0 / C_0)

    Args:
        ghg: G, GtCO2/year in CO2 equivalents, any dims.
        ghg_start: G_0, GtCO2/year, any dims; at least C_0.
        co2_start: C_0, GtCO2/year, any dims; above 0.
        response: phi, dimensionless, any dims; 0 to 1.

    Returns:
        C, GtCO2/year, over all dims; negative where the other gases alone exceed G.

    Raises:
        ValueError: if CO2 exceeds all gases, is not positive, or a response is outside 0 to 1.
    """
    other = _other_at_start(ghg_start, co2_start, response)
    co2 = (ghg - other * (1 - response)) / (1 + response * other / co2_start)
    return _with_units(co2, "GtCO2/year")


def ghg_of(co2: Array, *, ghg_start: Array, co2_start: Array, response: Array) -> Array:
    """Return emissions of all greenhouse gases for a level of CO2.

    G = C + N_0 (1 - phi (1 - C / C_0)), N_0 = G_0 - C_0

    Args:
        co2: C, GtCO2/year, any dims.
        ghg_start: G_0, GtCO2/year, any dims; at least C_0.
        co2_start: C_0, GtCO2/year, any dims; above 0.
        response: phi, dimensionless, any dims; 0 to 1.

    Returns:
        G, GtCO2/year in CO2 equivalents, over all dims.

    Raises:
        ValueError: as in `co2_of`.
    """
    other = _other_at_start(ghg_start, co2_start, response)
    return _with_units(co2 + other * (1 - response * (1 - co2 / co2_start)), "GtCO2/year")


def cumulative_co2(annual: xr.DataArray, *, after: float, dim: Hashable = "year") -> xr.DataArray:
    """Return the CO2 emitted since the end of a year, by year.

    Q(t) = sum of C(s) over years s with after < s <= t

    Args:
        annual: C, GtCO2/year, dim `dim` with one value for each year, and any others.
        after: last year that does not count.
        dim: name of the axis of years.

    Returns:
        Q, GtCO2, same dims; 0 up to `after`.

    Raises:
        ValueError: if the axis is missing, has gaps, or begins later than the year after `after`.
    """
    if dim not in annual.dims:
        raise ValueError(
            f"annual must have the dim {dim!r}; it has {', '.join(map(str, annual.dims))}"
        )
    years = annual[dim].values
    if bool(np.any(np.diff(years) != 1)):
        raise ValueError(f"annual must have every year once along {dim!r}; it has gaps")
    if years[0] > after + 1:
        raise ValueError(f"annual must begin by {after + 1:g}; it begins in {years[0]:g}")
    counted = annual.where(annual[dim] > after, 0.0)
    return _with_units(counted.cumsum(dim).assign_coords({dim: annual[dim]}), "GtCO2")


def non_co2_warming(
    co2: Array,
    *,
    other: Array,
    co2_today: Array,
    other_today: Array,
    aerosol: Array,
    methane: Array,
) -> Array:
    """Return the change of warming by aerosols and gases other than CO2 since today.

    W = A (1 - C / C_t) - M (1 - N / N_t)

    Aerosols come from the fires that emit CO2 and fall out in days, so that their cooling A fades
    with C. Methane lives about a decade, so that its warming M follows its emissions.

    Args:
        co2: C, GtCO2/year, any dims.
        other: emissions of other gases N, GtCO2/year, any dims.
        co2_today: C_t, GtCO2/year, any dims; above 0.
        other_today: N_t, GtCO2/year, any dims; above 0.
        aerosol: A, degC, any dims.
        methane: M, degC, any dims.

    Returns:
        W, degC, over all dims.

    Raises:
        ValueError: if emissions of today are not positive.
    """
    _require_positive("co2_today", co2_today)
    _require_positive("other_today", other_today)
    change = aerosol * (1 - co2 / co2_today) - methane * (1 - other / other_today)
    return _with_units(change, "degC")


def warming(cumulative: Array, *, today: Array, tcre: Array, non_co2: Array = 0.0) -> Array:
    """Return warming since pre-industrial times.

    T = T_t + kappa Q + W

    Args:
        cumulative: CO2 emitted from today on Q, GtCO2, any dims.
        today: warming of today T_t, degC, any dims.
        tcre: kappa, degC/TtCO2, any dims.
        non_co2: W, degC, any dims.

    Returns:
        T, degC, over all dims.

    Source: IPCC (2021), Working Group I, section 5.5.
    """
    return _with_units(today + tcre * cumulative / GT_PER_TT + non_co2, "degC")


def remaining_budget(
    limit: Array,
    *,
    today: Array,
    tcre: Array,
    non_co2: Array,
    likelihood: Array,
    dim: Hashable = "sample",
) -> xr.DataArray:
    """Return the CO2 that may still be emitted to stay below a limit with a likelihood.

    B_p is the (1 - p) quantile over samples of (T* - T_t - W) / kappa: with B_p emitted, a share
    p of the samples stays below T*.

    Args:
        limit: T*, degC, any dims.
        today: T_t, degC, any dims.
        tcre: kappa, degC/TtCO2, any dims; above 0.
        non_co2: W when CO2 emissions have ended, degC, any dims.
        likelihood: p, 0 to 1, any dims but `dim`.
        dim: dim of the samples; at least one of the other arguments has it.

    Returns:
        B, GtCO2, over the dims of `likelihood` and the others but `dim`; negative where the
        limit is passed already.

    Raises:
        ValueError: if a TCRE is not positive, a likelihood is outside 0 to 1, or no argument has
            the dim.

    Source: Rogelj et al. (2019), Nature 571, 335-342.
    """
    _require_positive("tcre", tcre)
    _require_share("likelihood", likelihood)
    room = GT_PER_TT * (limit - today - non_co2) / tcre
    if not isinstance(room, xr.DataArray) or dim not in room.dims:
        raise ValueError(f"limit, today, tcre or non_co2 must have the dim {dim!r}")
    p = likelihood if isinstance(likelihood, xr.DataArray) else xr.DataArray(likelihood)
    levels = xr.DataArray(1 - p.values.ravel(), dims="quantile")
    budget = room.quantile(levels.values, dim=dim)
    parts = budget.values.reshape(p.shape + budget.shape[1:])
    rest = [d for d in room.dims if d != dim]
    coords = {d: room[d] for d in rest if d in room.coords} | {d: p[d] for d in p.coords}
    return xr.DataArray(parts, dims=[*p.dims, *rest], coords=coords, attrs={"units": "GtCO2"})


def budget_share(cumulative: Array, *, budget: Array) -> Array:
    """Return emissions as a share of a budget.

    s = Q / B; infinite where no budget is left

    Args:
        cumulative: Q, GtCO2, any dims.
        budget: B, GtCO2, any dims.

    Returns:
        s, dimensionless, over all dims.
    """
    left = xr.DataArray(budget)
    share = xr.where(left > 0, cumulative / left.where(left > 0), np.inf)
    return _with_units(share, "1")


def _line(year, start, target, start_year, target_year):
    """A straight line up to the target year, level after it."""
    gone = (np.minimum(year, target_year) - start_year) / (target_year - start_year)
    return start + (target - start) * gone


def _other_at_start(ghg_start, co2_start, response):
    """N_0, checked."""
    _require_positive("co2_start", co2_start)
    _require_share("response", response)
    other = ghg_start - co2_start
    if bool(np.any(np.asarray(other) < 0)):
        raise ValueError("ghg_start must be at least co2_start; other gases would be negative")
    return other


def _require_positive(name: str, value: Array) -> None:
    if bool(np.any(np.asarray(value) <= 0)):
        raise ValueError(f"{name} must be above 0; got {float(np.min(value)):g}")


def _require_share(name: str, value: Array) -> None:
    number = np.asarray(value)
    if bool(np.any((number < 0) | (number > 1))):
        wrong = float(number.max() if number.max() > 1 else number.min())
        raise ValueError(f"{name} must be between 0 and 1; got {wrong:g}")


def _require_order(start_year: float, target_year: float) -> None:
    if target_year <= start_year:
        raise ValueError(
            f"target_year must be after start_year; got {target_year:g} and {start_year:g}"
        )


def _with_units(array: Array, units: str) -> Array:
    return array.assign_attrs(units=units) if isinstance(array, xr.DataArray) else array
