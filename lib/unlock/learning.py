"""Experience curves and diffusion: how cost falls with what is built, and how fast things spread.

A technology gets cheaper by the same share each time that all ever built doubles; research adds to
that. New things spread along an S-curve. All functions broadcast over any dims (technology, region,
sample) of their arguments.
"""

import numpy as np
import xarray as xr

LN81 = float(np.log(81.0))  # from 10 to 90 % of a logistic curve
GOMPERTZ_SPAN = float(np.log(np.log(10.0) / np.log(10.0 / 9.0)))  # the same of a Gompertz curve


def experience_exponent(rate):
    """Give the exponent of an experience curve.

    b = -log2(1 - LR)

    Parameters
    ----------
    rate : array, any dims; learning rate LR, the share by which cost falls with each doubling;
        1, below 1; negative where cost rises

    Returns
    -------
    b over the dims of `rate`; 1

    Raises
    ------
    ValueError
        For a rate of 1 or more.

    Source: Wright (1936), Journal of the Aeronautical Sciences 3, 122-128.
    """
    if np.any(np.asarray(rate) >= 1):
        raise ValueError(f"rate must be below 1, but {float(np.max(rate)):g} was given")
    return -np.log2(1 - rate)


def unit_cost(cumulative, *, initial_cumulative, rate, initial_cost=1.0, floor=0.0):
    """Give the cost of a unit when so much has been built.

    c = c_min + (c_0 - c_min) (X / X_0)^-b

    Parameters
    ----------
    cumulative : array, any dims; all ever built X, in a unit of amount, above 0
    initial_cumulative : array, any dims; X_0 at which the cost is c_0; unit of X, above 0
    rate : array, any dims; learning rate LR of b; 1
    initial_cost : array, any dims; c_0; any unit
    floor : array, any dims; c_min below which cost does not fall; unit of c_0

    Returns
    -------
    c over all dims together; unit of `initial_cost`

    Raises
    ------
    ValueError
        For an amount that is not positive, or a rate of 1 or more.

    Source: Wright (1936), Journal of the Aeronautical Sciences 3, 122-128.
    """
    _positive(cumulative=cumulative, initial_cumulative=initial_cumulative)
    fall = (cumulative / initial_cumulative) ** -experience_exponent(rate)
    return floor + (initial_cost - floor) * fall


def unit_cost_with_research(
    cumulative,
    *,
    initial_cumulative,
    rate,
    research,
    initial_research,
    research_rate,
    initial_cost=1.0,
):
    """Give the cost of a unit by what was built and by what was found (two-factor curve).

    c = c_0 (X / X_0)^-b (K / K_0)^-g, with b and g from the two learning rates

    Parameters
    ----------
    cumulative, initial_cumulative, rate, initial_cost : as in `unit_cost`
    research : array, any dims; stock of research K, as of `research_stock`; money, above 0
    initial_research : array, any dims; K_0 at which the cost is c_0; unit of K, above 0
    research_rate : array, any dims; learning by searching, the share by which cost falls with each
        doubling of K; 1, below 1

    Returns
    -------
    c over all dims together; unit of `initial_cost`

    Raises
    ------
    ValueError
        For an amount or a stock that is not positive, or a rate of 1 or more.

    Source: Kouvaritakis, Soria and Isoard (2000), International Journal of Global Energy Issues 14,
    104-115.
    """
    _positive(research=research, initial_research=initial_research)
    built = unit_cost(
        cumulative, initial_cumulative=initial_cumulative, rate=rate, initial_cost=initial_cost
    )
    return built * (research / initial_research) ** -experience_exponent(research_rate)


def research_stock(spending, *, initial, depreciation, dim="year"):
    """Give what is still known of all research, year by year.

    K_t = (1 - delta) K_(t-1) + R_t, with K before the first year given

    Parameters
    ----------
    spending : DataArray (`dim`, any); research spending R of each year; money a year
    initial : array, any dims but `dim`; K before the first year; money
    depreciation : array, any dims but `dim`; share delta of what is known that is lost in a year;
        1, from 0 to 1
    dim : dimension of the years, one step a year

    Returns
    -------
    K over all dims together, `dim` last; money

    Raises
    ------
    ValueError
        For a depreciation outside 0 to 1.

    Source: Griliches (1979), Bell Journal of Economics 10, 92-116 (perpetual inventory).
    """
    if np.any((np.asarray(depreciation) < 0) | (np.asarray(depreciation) > 1)):
        odd = np.asarray(depreciation, dtype=float)
        raise ValueError(
            f"depreciation must lie from 0 to 1, but {odd.min():g} to {odd.max():g} was given"
        )
    return xr.apply_ufunc(
        _perpetual_inventory,
        spending,
        initial,
        depreciation,
        input_core_dims=[[dim], [], []],
        output_core_dims=[[dim]],
    )


def logistic(year, *, midpoint, duration, saturation=1.0):
    """Give the level of a logistic S-curve.

    s = K / (1 + exp(-ln(81) (t - t_m) / D))

    Parameters
    ----------
    year : array, any dims; t; year
    midpoint : array, any dims; t_m at which half of K is reached; year
    duration : array, any dims; D from 10 to 90 % of K; year, above 0
    saturation : array, any dims; K; any unit

    Returns
    -------
    s over all dims together; unit of K

    Raises
    ------
    ValueError
        For a duration that is not positive.

    Source: Wilson et al. (2013), Climatic Change 118, 381-395.
    """
    _positive(duration=duration)
    return saturation / (1 + np.exp(-LN81 * (year - midpoint) / duration))


def gompertz(year, *, midpoint, duration, saturation=1.0):
    """Give the level of a Gompertz S-curve, which starts fast and ends slowly.

    s = K exp(-ln(2) exp(-k (t - t_m))), with k = ln(ln(10) / ln(10/9)) / D

    Parameters
    ----------
    year, saturation : as in `logistic`
    midpoint : array, any dims; t_m at which half of K is reached; year
    duration : array, any dims; D from 10 to 90 % of K; year, above 0

    Returns
    -------
    s over all dims together; unit of K

    Raises
    ------
    ValueError
        For a duration that is not positive.

    Source: Gompertz (1825), Philosophical Transactions 115, 513-583.
    """
    _positive(duration=duration)
    growth = GOMPERTZ_SPAN / duration
    return saturation * np.exp(-np.log(2) * np.exp(-growth * (year - midpoint)))


def diffusion_growth(duration):
    """Give the yearly growth with which a logistic S-curve starts.

    g = exp(ln(81) / D) - 1

    Parameters
    ----------
    duration : array, any dims; D from 10 to 90 %; year, above 0

    Returns
    -------
    g over the dims of `duration`; 1/year

    Raises
    ------
    ValueError
        For a duration that is not positive.
    """
    _positive(duration=duration)
    return np.expm1(LN81 / duration)


def parity_year(cost, *, reference, dim="year"):
    """Give the first year in which something costs no more than what it replaces.

    t* = min {t : c_t <= c_ref,t}, between two years where the line of the gap crosses zero

    Parameters
    ----------
    cost : DataArray (`dim`, any); c; money for a unit
    reference : array, any dims; c_ref; the same
    dim : dimension of the years, rising

    Returns
    -------
    t* over all dims together but `dim`; year. The first year where parity holds from the start,
    NaN where there is none.
    """
    gap = cost - reference
    return xr.apply_ufunc(
        _first_crossing, gap, gap[dim], input_core_dims=[[dim], [dim]], output_core_dims=[[]]
    )


def _perpetual_inventory(spending, initial, depreciation):
    """Stock of plain arrays, the years last."""
    shape = np.broadcast_shapes(spending.shape[:-1], np.shape(initial), np.shape(depreciation))
    stock = np.empty((*shape, spending.shape[-1]))
    known = np.broadcast_to(np.asarray(initial, dtype=float), shape)
    for t in range(spending.shape[-1]):
        known = (1 - depreciation) * known + spending[..., t]
        stock[..., t] = known
    return stock


def _first_crossing(gap, year):
    """Where a line through the gaps, years last, first comes down to zero."""
    year = np.asarray(year, dtype=float)
    below = gap <= 0
    first = below.argmax(axis=-1)
    before = np.maximum(first - 1, 0)
    low = np.take_along_axis(gap, before[..., None], -1)[..., 0]
    high = np.take_along_axis(gap, first[..., None], -1)[..., 0]
    drop = low - high
    part = np.where(first > 0, low / np.where(drop == 0, 1, drop), 0)
    crossing = year[before] + part * (year[first] - year[before])
    return np.where(below.any(axis=-1), np.where(first > 0, crossing, year[0]), np.nan)


def _positive(**arrays):
    """Refuse numbers that are not above 0."""
    for name, array in arrays.items():
        if np.any(np.asarray(array) <= 0):
            least = float(np.min(array))
            raise ValueError(f"{name} must be above 0, but {least:g} was given")
