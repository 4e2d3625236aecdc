"""Carbon lock-in: when standing plant retires, what it still emits, what closing it early costs.

A retirement rule gives the year R in which a plant is expected to close. Lives scatter around the
rule with a normal law that is cut off at what is known: a plant that stands today has not closed
yet. All functions broadcast over any dimension (cohort, region, rule, sample) of an argument.
"""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import log_ndtr

from unlock.costs import annuity_factor

__all__ = [
    "after_relinings",
    "allocate_undated",
    "annual_emissions",
    "campaign_end",
    "closing",
    "committed_emissions",
    "continuation_capital",
    "cumulative_emissions",
    "expected_remaining_life",
    "fixed_life",
    "mean_age",
    "remaining_share",
    "share_outliving",
    "standing_fleet",
    "stranded_value",
    "switching_price",
    "undepreciated_share",
]

Array = xr.DataArray | float
RULES = ("campaign-end", "relining", "fixed-life")
OVERDUE = ("spread", "now", "tail")
NO_SPREAD = 1e-6  # years below which all plants close exactly by the rule


def fixed_life(start: Array, *, life: Array) -> Array:
    """Return the year in which a plant closes that lives L years from its first start.

    R = s + L

    Args:
        start: year of first start s, any dims.
        life: L, year, any dims; L > 0.

    Returns:
        R, year, over all dims of both.

    Raises:
        ValueError: if a life is not positive.
    """
    _require_positive("life", life)
    return start + life


def campaign_end(investment: Array, *, campaign: Array) -> Array:
    """Return the year in which a furnace closes that is not relined again.

    R = v + N

    Args:
        investment: year of first start or last relining v, any dims.
        campaign: length of a campaign N, year, any dims; N > 0.

    Returns:
        R, year, over all dims of both.

    Raises:
        ValueError: if a campaign is not positive.

    Source: Vogl et al. (2021), Joule 5, 2646-2662.
    """
    _require_positive("campaign", campaign)
    return investment + campaign


def after_relinings(
    investment: Array, *, done: Array, further: int, campaigns: xr.DataArray
) -> xr.DataArray:
    """Return the year in which a furnace closes that is relined k more times.

    R = v + sum_{j=n}^{n+k} N_j, where N_j stays at the last length given

    Args:
        investment: year of first start or last relining v, any dims.
        done: relinings so far n, any dims; whole numbers, not negative.
        further: relinings to come k; whole number, not negative.
        campaigns: N_j, year, dim `campaign` (first, second, ...) and any others; above 0.

    Returns:
        R, year, over all dims but `campaign`.

    Raises:
        ValueError: if a campaign is not positive, or a number of relinings is negative.

    Source: Bachorz et al. (2026), Nature Climate Change 16, 681-689, with campaigns of 20, 15 and
    10 years.
    """
    _require_positive("campaigns", campaigns)
    if further < 0 or bool(np.any(np.asarray(done) < 0)):
        raise ValueError("relinings done and further must be 0 or more; got a negative number")
    last = campaigns.sizes["campaign"] - 1
    turns = xr.DataArray(np.arange(further + 1), dims="turn")
    which = np.minimum(xr.DataArray(done) + turns, last).astype(int)
    lengths = campaigns.drop_vars("campaign", errors="ignore").isel(campaign=which)
    return investment + lengths.sum("turn")


def closing(
    fleet: xr.DataArray,
    *,
    rule: str,
    life: Array,
    campaign: Array,
    campaigns: xr.DataArray,
    further: int = 1,
    undated_older: Array = 0.0,
    spread: Array = 0.0,
) -> xr.Dataset:
    """Return when the cohorts of a fleet close under a named rule.

    R by `fixed_life`, `campaign_end` or `after_relinings`;
    v = vintage, less `undated_older` where the date is not recorded; sigma = s (R - v)

    Args:
        fleet: cohorts with the coordinates vintage, relinings and undated, as `standing_fleet`.
        rule: campaign-end, relining or fixed-life.
        life: L of the rule fixed-life, year, any dims.
        campaign: N of the rule campaign-end, year, any dims.
        campaigns: N_j of the rule relining, year, dim `campaign` and any others.
        further: relinings to come under the rule relining.
        undated_older: years by which undated furnaces are older than dated ones, any dims.
        spread: standard deviation of a life over the life s, dimensionless, any dims.

    Returns:
        vintage v, retirement R and spread sigma, year, over `cohort` and the other dims.

    Raises:
        ValueError: for an unknown rule, and as the function of the rule.
    """
    vintage = fleet["vintage"] - fleet["undated"] * undated_older
    if rule == "fixed-life":
        end = fixed_life(vintage, life=life)
    elif rule == "campaign-end":
        end = campaign_end(vintage, campaign=campaign)
    elif rule == "relining":
        done = fleet["relinings"]
        end = after_relinings(vintage, done=done, further=further, campaigns=campaigns)
    else:
        raise ValueError(f"rule must be one of {', '.join(RULES)}; got {rule!r}")
    parts = {"vintage": vintage, "retirement": end, "spread": spread * (end - vintage)}
    return xr.Dataset({key: part.variable for key, part in parts.items()})


def remaining_share(
    year: Array,
    *,
    retirement: Array,
    vintage: Array,
    today: float,
    spread: Array = 0.0,
    overdue: str = "spread",
    closing_time: Array = 10.0,
) -> xr.DataArray:
    """Return the share of a cohort standing today (or built later) that still stands in a year.

    r(t) = Phi((R - t) / sigma) / Phi((R - t0) / sigma) for t >= t0, t0 = max(today, v)
    and for a cohort past its rule, R <= t0, by `overdue`:
    "spread": r(t) = 1 - (t - t0) / n, not below 0; "now": 0 after t0; "tail": r(t) as above

    Args:
        year: t, any dims.
        retirement: R, year, any dims.
        vintage: v, year of the event from which the rule counts, any dims; before v r is 0.
        today: year in which the fleet is seen.
        spread: standard deviation sigma of the year of closure, year, any dims; sigma >= 0.
        overdue: what becomes of cohorts past their rule: spread, now or tail.
        closing_time: n, year, any dims; n > 0.

    Returns:
        r, dimensionless, from 0 to 1, over all dims.

    Raises:
        ValueError: if a spread is negative, a closing time not positive, or `overdue` unknown.
    """
    _check(spread, closing_time, overdue)
    seen = np.maximum(today, vintage)
    share = xr.apply_ufunc(_share, year, retirement, seen, spread)
    if overdue != "tail":
        closed = (year - seen) / closing_time if overdue == "spread" else year > seen
        late = np.clip(1.0 - closed, 0, 1)
        share = xr.where(retirement <= seen, late, share)
    return _with_units(xr.where(year < vintage, 0.0, share), "1")


def expected_remaining_life(
    retirement: Array,
    *,
    vintage: Array,
    today: float,
    spread: Array = 0.0,
    overdue: str = "spread",
    closing_time: Array = 10.0,
) -> xr.DataArray:
    """Return the years a cohort is expected to run from today, or from its start if later.

    m = integral of r(t) dt = (R - t0) + sigma phi(z) / Phi(z), z = (R - t0) / sigma
    and for a cohort past its rule: n / 2 ("spread"), 0 ("now"), m as above ("tail")

    Args:
        retirement: R, year, any dims.
        vintage: v, year, any dims.
        today: year in which the fleet is seen.
        spread: standard deviation sigma of the year of closure, year, any dims; sigma >= 0.
        overdue: spread, now or tail, as in `remaining_share`.
        closing_time: n, year, any dims; n > 0.

    Returns:
        m, year, not negative, over all dims.

    Raises:
        ValueError: as in `remaining_share`.

    Source: mean of a normal law cut off from below.
    """
    _check(spread, closing_time, overdue)
    ahead = retirement - np.maximum(today, vintage)
    life = xr.apply_ufunc(_mean_above_zero, ahead, spread)
    if overdue != "tail":
        life = xr.where(ahead <= 0, closing_time / 2 if overdue == "spread" else 0.0, life)
    return _with_units(life, "year")


def annual_emissions(
    capacity: Array, *, capacity_factor: Array, hot_metal: Array, intensity: Array
) -> Array:
    """Return what a blast-furnace fleet emits in a year.

    E = C u e / h

    Args:
        capacity: hot-metal capacity C, Mt/year, any dims.
        capacity_factor: hot metal made per capacity u, dimensionless, any dims.
        hot_metal: hot metal per crude steel h, t/t, any dims; h > 0.
        intensity: CO2 per crude steel e, tCO2/t, any dims.

    Returns:
        E, MtCO2/year, over all dims.

    Raises:
        ValueError: if the hot metal per steel is not positive.
    """
    _require_positive("hot_metal", hot_metal)
    return _with_units(capacity * capacity_factor * intensity / hot_metal, "MtCO2/year")


def committed_emissions(annual: Array, *, remaining_life: Array) -> Array:
    """Return the CO2 that a cohort emits until it closes.

    M = E m

    Args:
        annual: emissions of the whole cohort E, MtCO2/year, any dims.
        remaining_life: expected years left m, year, any dims.

    Returns:
        M, GtCO2, over all dims.
    """
    return _with_units(annual * remaining_life / 1000, "GtCO2")


def cumulative_emissions(annual: xr.DataArray, *, dim: Hashable = "year") -> xr.DataArray:
    """Return emissions summed over the years of an axis, which may be uneven.

    M = integral of E(t) dt, by the trapezoidal rule

    Args:
        annual: E, MtCO2/year, dim `dim` (years) and any others.
        dim: name of the axis.

    Returns:
        M, GtCO2, over the other dims.

    Raises:
        ValueError: if the array has no such axis.
    """
    if dim not in annual.dims:
        raise ValueError(f"annual must have the dim {dim!r}; it has {', '.join(annual.dims)}")
    return _with_units(annual.integrate(dim) / 1000, "GtCO2")


def mean_age(
    capacity: xr.DataArray, *, vintage: Array, year: Array, dim: Hashable = "cohort"
) -> xr.DataArray:
    """Return the capacity-weighted mean age of a fleet.

    a = sum_c C_c (t - v_c) / sum_c C_c

    Args:
        capacity: C, Mt/year, dim `dim` and any others; not negative.
        vintage: v, year, any dims.
        year: t in which the age is counted.
        dim: dim of the cohorts, or several.

    Returns:
        a, year, over the other dims; NaN where there is no capacity.
    """
    total = capacity.sum(dim)
    return _with_units((capacity * (year - vintage)).sum(dim) / total.where(total > 0), "year")


def allocate_undated(
    capacity: xr.DataArray, *, undated: xr.DataArray, group: str = "region", dim: str = "cohort"
) -> xr.DataArray:
    """Return undated capacity spread over the vintages of its group as the dated capacity is.

    U_c = U_g C_c / sum_{c in g} C_c

    Args:
        capacity: dated capacity C, Mt/year, dim `dim` with a coordinate `group`.
        undated: U, Mt/year, dim `group`.
        group: name of the coordinate that holds the group of a cohort.
        dim: dim of the cohorts.

    Returns:
        U_c, Mt/year, dims of `capacity`.

    Raises:
        ValueError: if a group has undated but no dated capacity.
    """
    groups = capacity[group]
    total = capacity.groupby(group).sum(dim)
    lost = undated.where(undated > 0, drop=True)[group].values
    missing = sorted({str(g) for g in lost} - {str(g) for g in total[group].values})
    if missing:
        raise ValueError(f"undated capacity of {', '.join(missing)} has no dated one to follow")
    known = undated.reindex({group: total[group]}, fill_value=0.0)
    share = (known / total).sel({group: groups})
    return _with_units((capacity * share.drop_vars(group)).transpose(*capacity.dims), "Mt/year")


def standing_fleet(
    table: pd.DataFrame, *, basis: Sequence[str], state: Sequence[str]
) -> xr.DataArray:
    """Return a fleet as cohorts, its undated capacity spread over the vintages of its region.

    Args:
        table: columns region, economy, state, basis, relinings, vintage (year, NaN where
            undated) and value (Mt/year), one row a group of furnaces.
        basis: age bases to take; each gives the whole fleet once.
        state: states to take, summed.

    Returns:
        Capacity, Mt/year, dim `cohort`, with the coordinates region, economy, relinings, vintage,
        basis and undated (True for the part without a date).

    Raises:
        ValueError: if a basis has no furnace in these states, or a region no dated one.
    """
    return xr.concat([_fleet_on(table, b, state) for b in basis], "cohort", join="exact")


def share_outliving(
    capacity: xr.DataArray, *, remaining_life: Array, years: float, dim: Hashable = "cohort"
) -> xr.DataArray:
    """Return the share of capacity that is expected to run for more than some years.

    f = sum_c C_c [m_c > y] / sum_c C_c

    Args:
        capacity: C, Mt/year, dim `dim` and any others.
        remaining_life: m, year, any dims.
        years: y, year.
        dim: dim of the cohorts, or several.

    Returns:
        f, dimensionless, over the other dims; NaN where there is no capacity.
    """
    total = capacity.sum(dim)
    long = (capacity * (remaining_life > years)).sum(dim)
    return _with_units(long / total.where(total > 0), "1")


def undepreciated_share(age: Array, *, life: Array) -> Array:
    """Return the share of an investment that is not written off, straight line.

    b = 1 - a / L, from 0 to 1

    Args:
        age: years since the investment a, any dims.
        life: years over which it is written off L, any dims; L > 0.

    Returns:
        b, dimensionless, over all dims.

    Raises:
        ValueError: if a life is not positive.
    """
    _require_positive("life", life)
    return _with_units(np.clip(1 - age / life, 0, 1), "1")


def stranded_value(
    capacity: xr.DataArray,
    *,
    vintage: Array,
    year: Array,
    cost: Array,
    life: Array,
    dim: Hashable = "cohort",
) -> xr.DataArray:
    """Return the book value lost when all capacity that stands in a year closes in it.

    V(t) = sum_c C_c(t) K b(t - v_c)

    Args:
        capacity: capacity standing in year t, C, Mt/year, dim `dim` and any others.
        vintage: v, year of the investment, any dims.
        year: t, year of closure, any dims.
        cost: investment per capacity K, CNY/(t/year), any dims.
        life: years over which it is written off L, any dims; L > 0.
        dim: dim of the cohorts, or several.

    Returns:
        V, million CNY, over the other dims.

    Raises:
        ValueError: if a life is not positive.
    """
    book = undepreciated_share(year - vintage, life=life)
    return _with_units((capacity * cost * book).sum(dim), "million CNY")


def continuation_capital(
    age: Array, *, relining: Array, campaign: Array, next_campaign: Array, rate: Array
) -> Array:
    """Return the capital, per tonne, that an owner still spends to keep a furnace running.

    k(a) = F (1 + r)^-(N - a) annuity(r, N - a + N')

    What was spent before is sunk and not in it: the owner of a furnace of age a pays the next
    relining F when the campaign ends, N - a years from now, and spreads it over all the years the
    furnace then runs. At a >= N the relining is due at once.

    Args:
        age: years since the last relining a, any dims; not negative.
        relining: cost of a relining F per yearly output, CNY/(t/year), any dims.
        campaign: length of the present campaign N, year, any dims; N > 0.
        next_campaign: length of the next campaign N', year, any dims; N' > 0.
        rate: real cost of capital r, 1/year, any dims.

    Returns:
        k, CNY/t, over all dims.

    Raises:
        ValueError: if an age is negative or a campaign not positive.
    """
    _require_positive("campaign", campaign)
    _require_positive("next_campaign", next_campaign)
    if bool(np.any(np.asarray(age) < 0)):
        raise ValueError(f"age must be 0 or more years; got {float(np.min(age)):g}")
    left = np.maximum(campaign - age, 0)
    spent = relining * (1 + rate) ** -left
    return _with_units(spent * annuity_factor(rate, life=left + next_campaign), "CNY/t")


def switching_price(
    cost_gap: Array,
    *,
    new_capital: Array,
    avoided_capital: Array,
    intensity: Array,
    new_intensity: Array,
) -> Array:
    """Return the carbon price at which the clean route costs as much as the incumbent.

    p = (g + k_new - k_avoided) / (e - e_new)

    For a standing furnace k_avoided is `continuation_capital`; for the choice of a new plant it is
    the capital charge of the greenfield incumbent.

    Args:
        cost_gap: running cost of the clean route above the incumbent's g, CNY/t, any dims.
        new_capital: capital charge of the clean route k_new, CNY/t, any dims.
        avoided_capital: capital charge that the switch saves k_avoided, CNY/t, any dims.
        intensity: of the incumbent e, tCO2/t, any dims.
        new_intensity: of the clean route e_new, tCO2/t, any dims; below e.

    Returns:
        p, CNY/tCO2, over all dims.

    Raises:
        ValueError: if the clean route emits as much as the incumbent, or more.
    """
    saved = intensity - new_intensity
    if bool(np.any(np.asarray(saved) <= 0)):
        raise ValueError("new_intensity must be below intensity, else no carbon price switches")
    return _with_units((cost_gap + new_capital - avoided_capital) / saved, "CNY/tCO2")


def _fleet_on(table: pd.DataFrame, basis: str, state: Sequence[str]) -> xr.DataArray:
    rows = table[(table["basis"] == basis) & table["state"].isin(list(state))]
    keys = ["region", "economy", "relinings", "vintage"]
    dated = rows.groupby(keys, as_index=False)["value"].sum()
    if dated.empty:
        raise ValueError(f"no dated furnace with basis {basis!r} and state {', '.join(state)}")
    capacity = xr.DataArray(
        dated["value"].to_numpy(float),
        dims="cohort",
        coords={key: ("cohort", dated[key].to_numpy()) for key in keys},
        attrs={"units": "Mt/year"},
    ).assign_coords(basis=("cohort", np.full(len(dated), basis, dtype=object)))
    missing = rows[rows["vintage"].isna()].groupby("region")["value"].sum()
    undated = xr.DataArray(
        missing.to_numpy(float), dims="region", coords={"region": missing.index.to_numpy(object)}
    )
    without = allocate_undated(capacity, undated=undated)
    parts = [
        part.assign_coords(undated=("cohort", np.full(len(dated), flag)))
        for part, flag in ((capacity, False), (without, True))
    ]
    return xr.concat(parts, "cohort", join="exact")


def _share(year, retirement, seen, spread):
    """Phi((R - t) / sigma) / Phi((R - t0) / sigma); logarithms, since both may be tiny."""
    year = np.maximum(year, seen)
    scale = np.where(spread > NO_SPREAD, spread, 1.0)
    smooth = np.exp(log_ndtr((retirement - year) / scale) - log_ndtr((retirement - seen) / scale))
    step = ((year < retirement) | (year <= seen)).astype(float)
    return np.where(spread > NO_SPREAD, smooth, step)


def _mean_above_zero(mean, spread):
    """Mean of a normal law cut off below 0; its series far in the tail, where digits cancel."""
    scale = np.where(spread > NO_SPREAD, spread, 1.0)
    z = mean / scale
    near = np.clip(z, -50, 50)
    hazard = np.exp(-0.5 * near**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(near))
    far = np.minimum(z, -50)
    life = np.where(z < -50, -scale / far * (1 - 2 / far**2), mean + scale * hazard)
    return np.where(spread > NO_SPREAD, life, np.maximum(mean, 0.0))


def _check(spread: Array, closing_time: Array, overdue: str) -> None:
    if bool(np.any(np.asarray(spread) < 0)):
        raise ValueError(f"spread must be 0 or more years; got {float(np.min(spread)):g}")
    _require_positive("closing_time", closing_time)
    if overdue not in OVERDUE:
        raise ValueError(f"overdue must be one of {', '.join(OVERDUE)}; got {overdue!r}")


def _require_positive(name: str, value: Array) -> None:
    if bool(np.any(np.asarray(value) <= 0)):
        raise ValueError(f"{name} must be above 0; got {float(np.min(value)):g}")


def _with_units(array: Array, units: str) -> Array:
    return array.assign_attrs(units=units) if isinstance(array, xr.DataArray) else array
