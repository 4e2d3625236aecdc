"""Places for green industry: power and hydrogen from sun and wind, freight, and where both meet.

All functions broadcast over any dims (province, city, source, sample) of their arguments.
"""

import numpy as np

from unlock import costs

HOURS = 8760.0  # in a year
KWH = 0.0036  # GJ
EARTH = 6371.0  # km, mean radius


def power_cost(capex, *, rate, life, upkeep, capacity_factor):
    """Give the levelised cost of power from sun or wind.

    p = (a(r, L) + f) K / (8760 h)

    Parameters
    ----------
    capex : array, any dims; K; CNY/kW
    rate, life : as in `costs.annuity_factor`
    upkeep : array, any dims; f, yearly share of K for running and repairs; 1/year
    capacity_factor : array, any dims; h, mean output over capacity; 1, above 0

    Returns
    -------
    p over all dims together; CNY/GJ

    Raises
    ------
    ValueError
        For a capacity factor outside 0 to 1, or as `costs.annuity_factor`.

    Source: IEA and NEA (2020), Projected Costs of Generating Electricity.
    """
    _share("capacity_factor", capacity_factor)
    yearly = (costs.annuity_factor(rate, life=life) + upkeep) * capex
    return yearly / (HOURS * capacity_factor * KWH)


def hydrogen_cost(power, *, capex, rate, life, upkeep, capacity_factor, efficiency, storage=0.0):
    """Give the levelised cost of hydrogen from an electrolyser that follows its power plant.

    p_H = p / eta + (a(r, L) + f) K / (8760 h eta) + p_st

    The electrolyser is as large as the power plant, so that nothing is thrown away and both run
    equally many hours.

    Parameters
    ----------
    power : array, any dims; p; CNY/GJ
    capex : array, any dims; K of the electrolyser for each kW of power it takes; CNY/kW
    rate, life, upkeep, capacity_factor : as in `power_cost`, of the electrolyser
    efficiency : array, any dims; eta, lower heating value of hydrogen over power; 1
    storage : array, any dims; p_st for a steady supply; CNY/GJ

    Returns
    -------
    p_H over all dims together; CNY/GJ of lower heating value

    Raises
    ------
    ValueError
        For an efficiency or a capacity factor outside 0 to 1, or as `costs.annuity_factor`.
    """
    _share("efficiency", efficiency)
    electrolyser = power_cost(
        capex, rate=rate, life=life, upkeep=upkeep, capacity_factor=capacity_factor
    )
    return (power + electrolyser) / efficiency + storage


def distance(latitude, *, longitude, other_latitude, other_longitude):
    """Give the way along a great circle.

    d = 2 R asin sqrt(sin^2((b - a) / 2) + cos a cos b sin^2((m - l) / 2))

    Parameters
    ----------
    latitude, longitude : arrays, any dims; a and l; degree
    other_latitude, other_longitude : arrays, any dims; b and m; degree

    Returns
    -------
    d over all dims together; km

    Source: Sinnott (1984), Sky and Telescope 68, 159 (haversine).
    """
    a, b = np.radians(latitude), np.radians(other_latitude)
    east = np.radians(other_longitude - longitude)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(east / 2) ** 2
    return 2 * EARTH * np.arcsin(np.sqrt(half))


def upper_third(score, *, dim="province"):
    """Tell which places are among the third with the highest score.

    rank of x <= n // 3, ranks from the highest score down; equals take their mean rank

    Parameters
    ----------
    score : DataArray (`dim`, any); higher is better; any unit
    dim : dimension of the places

    Returns
    -------
    bool over the dims of `score`

    Raises
    ------
    ValueError
        For fewer than three places.
    """
    if score.sizes[dim] < 3:
        raise ValueError(f"score must have 3 places or more, but {score.sizes[dim]} were given")
    return (-score).rank(dim) <= score.sizes[dim] // 3


def advantage(cost, *, chosen, dim="province"):
    """Give by how much the mean cost of chosen places lies below that of all others.

    A = 100 (1 - c_in / c_out)

    Parameters
    ----------
    cost : DataArray (`dim`, any); CNY/t
    chosen : bool DataArray (`dim`, any)
    dim : dimension of the places

    Returns
    -------
    A over all dims together but `dim`; percent; NaN where all places or none are chosen
    """
    inside, outside = cost.where(chosen).mean(dim), cost.where(~chosen).mean(dim)
    return (100 * (1 - inside / outside)).assign_attrs(units="percent")


def _share(name, array):
    """Refuse numbers outside 0 to 1, and 0."""
    odd = np.asarray(array, dtype=float)
    if np.any((odd <= 0) | (odd > 1)):
        raise ValueError(
            f"{name} must be above 0 and at most 1, but {odd.min():g} to {odd.max():g} was given"
        )
