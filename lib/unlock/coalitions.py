"""Climate coalitions: who joins, who stays out, and what holds a club together.

Regions choose a carbon price. A region alone looks at the damage that it suffers itself, a member
of a coalition at the damage of all members, or at a price that all have agreed. Outsiders enjoy the
abatement of members without paying for it; a charge on what they export can make that dear. A
coalition is stable if no member gains by leaving and no outsider by joining.

All 2^n coalitions are computed at once, along the dim `coalition`; its label is the sum of 2^k over
the members, k being the place of a region. All functions broadcast over any other dim (sample,
penalty). Labels along a shared dim must be the same.
"""

import numpy as np
import xarray as xr

MOST = 16  # regions; 2^16 coalitions are as many as fit beside some samples
TIE = 1e-9  # share of a payoff below which two are equal


def coalitions(regions):
    """Give all coalitions of some regions, from nobody to all.

    Parameters
    ----------
    regions : names, at most 16

    Returns
    -------
    M (coalition, region); True for a member

    Raises
    ------
    ValueError
        For no region, for more than 16, or for a name given twice.
    """
    regions = list(regions)
    if not 1 <= len(regions) <= MOST or len(set(regions)) < len(regions):
        raise ValueError(
            f"regions must be 1 to {MOST} different names, but {len(regions)} with "
            f"{len(set(regions))} different ones were given"
        )
    label = np.arange(2 ** len(regions))
    member = (label[:, None] >> np.arange(len(regions))) & 1
    return xr.DataArray(
        member.astype(bool),
        dims=("coalition", "region"),
        coords={"coalition": label, "region": regions},
    )


def carbon_prices(member, *, damage, agreed=None):
    """Give the carbon price that each region sets under each coalition.

    tau_i = sum over members j of d_j for a member (Barrett), or the price agreed (Nordhaus), but
    not less than d_i; tau_i = d_i for an outsider

    Parameters
    ----------
    member : DataArray (coalition, region); M as from `coalitions`
    damage : DataArray (region, any); d, what a tonne emitted anywhere costs region i; CNY/tCO2
    agreed : array, any dims but coalition; price that members agreed; CNY/tCO2, not negative

    Returns
    -------
    tau (coalition, region, any); CNY/tCO2

    Raises
    ------
    ValueError
        For a negative damage or price.

    Source: Barrett (1994), Oxford Economic Papers 46, 878-894; Nordhaus (2015), American Economic
    Review 105, 1339-1370.
    """
    _not_negative(damage=damage)
    if agreed is None:
        price = xr.dot(member.astype(float), damage, dim="region")
    else:
        _not_negative(agreed=agreed)
        price = np.maximum(agreed, damage)
    return _ordered(xr.where(member, price, damage)).assign_attrs(units="CNY/tCO2")


def payoffs(member, *, price, damage, response, leakage=0.0):
    """Give what each region gains under each coalition, against no carbon price anywhere.

    W_i = d_i (A - l A_S) - a_i tau_i / 2, with a_i = s_i tau_i, A the sum of all a and A_S that
    of the members

    Marginal cost rises in a straight line, so that abatement costs half of price times tonnes. Of
    what members abate, the share l comes back elsewhere.

    Parameters
    ----------
    member : DataArray (coalition, region); M
    price : DataArray (coalition, region, any); tau as from `carbon_prices`; CNY/tCO2
    damage : DataArray (region, any); d; CNY/tCO2
    response : DataArray (region, any); s, abatement for each CNY of the price; MtCO2/year over
        CNY/tCO2, above 0
    leakage : array, any dims but region; l; 1, at most 1

    Returns
    -------
    W (coalition, region, any); million CNY/year

    Raises
    ------
    ValueError
        For a response that is not positive, or a leakage above 1.

    Source: Barrett (1994), Oxford Economic Papers 46, 878-894, linear benefits.
    """
    if np.any(np.asarray(response) <= 0):
        raise ValueError(f"response must be above 0, but {float(np.min(response)):g} was given")
    if np.any(np.asarray(leakage) > 1):
        raise ValueError(f"leakage must be at most 1, but {float(np.max(leakage)):g} was given")
    cut = response * price
    total = cut.sum("region") - leakage * cut.where(member, 0.0).sum("region")
    return _ordered(damage * total - cut * price / 2).assign_attrs(units="MCNY/year")


def stability(payoff, *, member):
    """Give which coalitions nobody wants to leave, and nobody wants to join.

    internal: W_i(S) >= W_i(S without i) for every member i;
    external: W_i(S) >= W_i(S with i) for every outsider i; stable: both

    Payoffs that differ by less than 1e-9 of the largest count as equal.

    Parameters
    ----------
    payoff : DataArray (coalition, region, any); W; any unit
    member : DataArray (coalition, region); M of all coalitions, as from `coalitions`

    Returns
    -------
    Dataset(internal, external, stable) over coalition and any; True or False

    Raises
    ------
    ValueError
        If `member` does not hold all coalitions in their order.

    Source: d'Aspremont, Jacquemin, Gabszewicz and Weymark (1983), Canadian Journal of Economics
    16, 17-25.
    """
    regions = member["region"].values
    if not member.equals(coalitions(regions)):
        raise ValueError("member must hold all coalitions in their order, as from `coalitions`")
    payoff = payoff.sel(region=regions).transpose("coalition", "region", ...)
    values, isin = payoff.values, member.values
    isin = isin.reshape(isin.shape + (1,) * (values.ndim - 2))
    partner = np.arange(len(values))[:, None] ^ (1 << np.arange(len(regions)))
    other = values[partner, np.arange(len(regions))]  # the same region, having changed its mind
    content = values >= other - TIE * np.abs(values).max(initial=0.0)
    like = payoff.isel(region=0, drop=True)
    kept = {
        "internal": (content | ~isin).all(axis=1),
        "external": (content | isin).all(axis=1),
    }
    kept["stable"] = kept["internal"] & kept["external"]
    return xr.Dataset({name: like.copy(data=array) for name, array in kept.items()})


def gain_of_joining(size, *, damage, response):
    """Give what the k-th of equal regions gains by joining the k - 1 before it.

    G(k) = -s d^2 (k - 1) (k - 3) / 2, whatever the number of regions: the third is the last that
    does not lose

    Parameters
    ----------
    size : array, any dims; k with the one that joins; 1 or more
    damage, response : as in `payoffs`, the same for all regions

    Returns
    -------
    G over all dims together; million CNY/year

    Source: Barrett (1994), Oxford Economic Papers 46, 878-894, linear benefits.
    """
    return -0.5 * response * damage**2 * (size - 1) * (size - 3)


def proportional_trade(exports, *, imports, world):
    """Give who sells how much to whom, if all buy from all in proportion to what they sell.

    T_ij = m_j x_i / (X - x_j) for two different regions, 0 within one

    Parameters
    ----------
    exports, imports : DataArrays (region, any); x and m; any unit
    world : array, any dims; X, exports of the world; the same unit

    Returns
    -------
    T (exporter, region, any): exporter i, importer j

    Raises
    ------
    ValueError
        If the world does not export more than all regions together.
    """
    if np.any(np.asarray(world - exports.sum("region")) <= 0):
        raise ValueError("world must export more than the regions together")
    seller = exports.rename(region="exporter")
    flow = imports * seller / (world - exports)
    apart = flow["exporter"] != flow["region"]
    flow = flow.where(apart, 0.0).assign_attrs(getattr(exports, "attrs", {}))
    return flow.transpose("exporter", "region", ...)


def tariff_effects(value, *, tariff, supply_elasticity, demand_elasticity):
    """Give what a tariff takes from those who sell and leaves to those who buy and levy it.

    With rho = eta / (eta + omega), the part that falls on sellers, and epsilon = rho omega:
    sellers lose rho t V (1 - epsilon t / 2), buyers and treasury gain
    t V (rho - epsilon t (1 + rho) / 2); together they lose epsilon t^2 V / 2

    Straight lines of supply and demand. From t = 1 / epsilon on, nothing is traded.

    Parameters
    ----------
    value : array, any dims; V traded without tariff; any unit of money
    tariff : array, any dims; t over the price without it; 1, not negative
    supply_elasticity : array, any dims; omega of exports; above 0
    demand_elasticity : array, any dims; eta of imports, as a positive number; above 0

    Returns
    -------
    Dataset(loss, gain) over all dims together; unit of `value`

    Raises
    ------
    ValueError
        For a negative tariff, or an elasticity that is not positive.

    Source: Corden (1974), Trade Policy and Economic Welfare, terms of trade and the optimum tariff.
    """
    _not_negative(tariff=tariff)
    given = {"supply_elasticity": supply_elasticity, "demand_elasticity": demand_elasticity}
    for name, array in given.items():
        if np.any(np.asarray(array) <= 0):
            raise ValueError(f"{name} must be above 0, but {float(np.min(array)):g} was given")
    together = supply_elasticity + demand_elasticity
    part = demand_elasticity / together
    slope = demand_elasticity * supply_elasticity / together
    t = np.minimum(tariff, 1 / slope)
    loss = part * t * value * (1 - slope * t / 2)
    gain = t * value * (part - slope * t * (1 + part) / 2)
    return xr.Dataset({"loss": loss, "gain": gain})


def optimum_tariff(supply_elasticity, *, demand_elasticity):
    """Give the tariff that leaves the importing side most.

    t* = (1 / omega) / (1 + rho), with rho = eta / (eta + omega)

    Parameters
    ----------
    supply_elasticity, demand_elasticity : as in `tariff_effects`

    Returns
    -------
    t* over all dims together; 1
    """
    part = demand_elasticity / (demand_elasticity + supply_elasticity)
    return 1 / (supply_elasticity * (1 + part))


def penalty_effects(member, *, trade, loss, gain):
    """Give what charges on the exports of outsiders to members do to every region.

    P_i = - sum over members j of loss_i T_ij for an outsider;
    P_j = sum over outsiders i of gain_i T_ij for a member

    Parameters
    ----------
    member : DataArray (coalition, region); M
    trade : DataArray (exporter, region, any); T, money a year; exporters that are no region, such
        as the rest of the world, never belong to a coalition
    loss, gain : DataArrays (exporter, any), or with coalition; for each unit of T, as from
        `tariff_effects` of a value of 1

    Returns
    -------
    P (coalition, region, any); unit of `trade`
    """
    inside = member.astype(float)
    outside = 1 - inside.rename(region="exporter").reindex(
        exporter=trade["exporter"].values, fill_value=0.0
    )
    lost = loss * outside * xr.dot(inside, trade, dim="region")
    lost = lost.sel(exporter=member["region"].values).rename(exporter="region")
    won = inside * xr.dot(outside * gain, trade, dim="exporter")
    return _ordered(won - lost)


def best_stable(stable, *, score):
    """Give the coalition that scores highest among the stable ones.

    Parameters
    ----------
    stable : DataArray (coalition, any); True where stable
    score : DataArray (coalition, any); what is compared; above or equal to 0

    Returns
    -------
    DataArray over all dims but coalition: label of the coalition; -1 where none is stable
    """
    ranked = score.where(stable, -1.0)
    best = ranked["coalition"].isel(coalition=ranked.argmax("coalition"))
    return best.drop_vars("coalition").where(stable.any("coalition"), -1)


def _ordered(array):
    """An array whose first dims are coalition and region."""
    return array.transpose("coalition", "region", ...)


def _not_negative(**arrays):
    """Refuse numbers below 0."""
    for name, array in arrays.items():
        if np.any(np.asarray(array) < 0):
            raise ValueError(f"{name} must not be negative, but {float(np.min(array)):g} was given")
