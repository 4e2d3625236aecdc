"""Trade in one good among many regions, some of which price carbon together.

As `unlock.trade`, for any number of regions: goods differ by origin (Armington), demand and supply
have constant elasticities, supply ends at capacity. Excess demand is the slope of a concave
function of all prices, so that an equilibrium, where there is one, is the only one.

All functions broadcast over any dim (coalition, measure, product, sample). The dims `origin` and
`market` have the same labels. Labels along a shared dim must be the same.
"""

import numpy as np
import xarray as xr

from unlock import trade

MEASURES = ("none", "border-adjustment", "both", "tariff")
REST = "Rest of world"
NAMES = ("flows", "price", "residual")  # what `_solve` gives
ROUNDS, HALVINGS, STEP = 200, 30, 0.5  # of Newton's method; the largest step of a log price
FLAT = 1e-10  # slope where nobody answers a price, so that a step is defined; it ends in an error


def flows_among(production, *, exports, imports, world, trade_among):
    """Give who sells to whom, the rest of the world as one more region.

    d_ij = T_ij; d_i,rest = x_i - sum over j of T_ij; d_rest,j = m_j - sum over i of T_ij;
    d_ii = q_i - x_i; d_rest,rest = Q - all else

    Where T would take more than 90 % of what a region exports or imports, it is cut to that.

    Parameters
    ----------
    production, exports, imports : DataArrays (region, any); q, x and m; Mt/year
    world : array, any dims; production Q of the world; Mt/year
    trade_among : DataArray (exporter, region, any); T, as from `coalitions.proportional_trade`

    Returns
    -------
    d (origin, market, any); Mt/year; the last label is "Rest of world"

    Raises
    ------
    ValueError
        If exports reach production, or the world makes less than all else adds up to.
    """
    limits = (
        (exports.rename(region="exporter"), trade_among.sum("region")),
        (imports, trade_among.sum("exporter")),
    )
    for most, taken in limits:
        trade_among = trade_among * np.minimum(1.0, 0.9 * most / taken.where(taken > 0, 1.0))
    names = [*production["region"].values, REST]
    apart = production - exports
    outward = exports - trade_among.sum("region").rename(exporter="region")
    inward = imports - trade_among.sum("exporter")
    left = world - production.sum("region") - inward.sum("region")
    for name, array in (("production", apart), ("world", left)):
        if np.any(np.asarray(array) <= 0):
            raise ValueError(f"{name} must exceed what is exported and sold elsewhere")
    axes = {"exporter": "origin", "region": "market"}
    same = trade_among["exporter"] == trade_among["region"]
    inner = (trade_among + xr.where(same, apart, 0.0)).rename(axes)
    across = xr.concat(
        [inner, outward.rename(region="origin").expand_dims(market=[REST])], dim="market"
    )
    below = xr.concat([inward.rename(region="market"), left.expand_dims(market=[REST])], "market")
    flows = xr.concat([across, below.expand_dims(origin=[REST])], dim="origin")
    flows = flows.sel(origin=names, market=names).transpose("origin", "market", ...)
    return flows.assign_attrs(units="Mt/year")


def terms_of_club(member, *, intensity, carbon_price, response, base_price, tariff=0.0):
    """Give the costs and the charges at the border when some regions price carbon together.

    cost n_o as from `trade.carbon_cost` for members; wedge under "border-adjustment":
    tau e_o on what an outsider o sells to a member; under "both" also - tau e_o exp(-phi tau) on
    what a member sells to an outsider; under "tariff": t p_o on what an outsider sells to a member

    Parameters
    ----------
    member : DataArray (origin, any); True for members
    intensity : DataArray (origin, any); e; tCO2/t
    carbon_price : array, any dims; tau of members; CNY/tCO2
    response : array, any dims; phi as from `trade.abatement_response`; tCO2/CNY
    base_price : DataArray (origin, any); p; CNY/t
    tariff : array, any dims; t; 1

    Returns
    -------
    Dataset: cost (origin, any), wedge (measure, origin, market, any), CNY/t; intensity (origin,
    any) once members answer the price, tCO2/t
    """
    inside, paid = member.astype(float), {"carbon_price": carbon_price, "response": response}
    cost = inside * trade.carbon_cost(intensity, **paid)
    cleaner = trade.emission_intensity(intensity, **paid)
    buyer = inside.rename(origin="market")
    enters, leaves = (1 - inside) * buyer, inside * (1 - buyer)
    charge, rebate = enters * carbon_price * intensity, leaves * carbon_price * cleaner
    wedges = (0 * (charge + rebate), charge, charge - rebate, enters * tariff * base_price)
    label = xr.DataArray(list(MEASURES), dims="measure", name="measure")
    wedge = xr.concat(xr.broadcast(*wedges), label)
    after = xr.where(member, cleaner, intensity)
    return xr.Dataset({"cost": cost, "wedge": wedge, "intensity": after})


def equilibrium(
    flows,
    *,
    base_price,
    cost,
    wedge,
    demand_elasticity,
    supply_elasticity,
    capacity,
    substitution=3.0,
):
    """Give the prices at which every region sells all that is bought from it.

    S_o(w_o) = sum over markets r of D_or(w + t_r) for every origin o, with S and D as in
    `trade.supply` and `trade.demand`

    Parameters
    ----------
    flows : DataArray (origin, market, any); trade today; Mt/year
    base_price, cost : DataArrays (origin, any); price today, and what is added to cost; CNY/t
    wedge : DataArray (origin, market, any); added to the price at the border; CNY/t
    demand_elasticity, supply_elasticity, substitution : arrays, any dims but origin and market
    capacity : DataArray (origin, any); capacity over output today, above 0

    Returns
    -------
    Dataset: flows (origin, market, any) and output (origin, any), Mt/year; price (origin, any)
    that producers get, CNY/t; residual (origin, any), log of demand over supply

    Raises
    ------
    ValueError
        For arguments that `trade.supply` and `trade.demand` refuse, or where no prices were found
        that clear the market.
    """
    trade.supply(
        base_price, output=1.0, base_price=base_price, elasticity=supply_elasticity,
        capacity=capacity,
    )  # fmt: skip
    one = ["origin"]
    given = [
        (flows, ["origin", "market"]), (base_price, one), (cost, one),
        (wedge, ["origin", "market"]), (capacity, one),
        (supply_elasticity, []), (demand_elasticity, []), (substitution, []),
    ]  # fmt: skip
    labels = flows["origin"].values
    arrays = [
        xr.DataArray(array).sel({dim: labels for dim in dims if dim in array.dims})
        for array, dims in given
    ]
    solved = xr.apply_ufunc(
        _solve,
        *arrays,
        input_core_dims=[dims for _, dims in given],
        output_core_dims=[["origin", "market"], one, one],
        join="exact",
    )
    found = xr.Dataset(dict(zip(NAMES, solved, strict=True)))
    found = found.assign(output=found["flows"].sum("market"))
    for name, unit in {"flows": "Mt/year", "output": "Mt/year", "price": "CNY/t"}.items():
        found[name].attrs["units"] = unit
    return found


def leakage(before, after, *, member):
    """Give the rise of emissions outside a coalition over the cut inside it.

    L = sum over outsiders of (E_1 - E_0) / sum over members of (E_0 - E_1)

    Parameters
    ----------
    before, after : DataArrays (origin, any); emissions without and with the policy; MtCO2/year
    member : DataArray (origin, any); True for members

    Returns
    -------
    Dataset(rise, cut, ratio) over all other dims; MtCO2/year and 1; ratio NaN where emissions
    inside do not fall
    """
    change = after - before
    rise, cut = change.where(~member, 0.0).sum("origin"), -change.where(member, 0.0).sum("origin")
    return xr.Dataset({"rise": rise, "cut": cut, "ratio": rise / cut.where(cut > 0)})


def _solve(flows, price, cost, wedge, capacity, supply, demand, substitution):
    """Equilibrium of plain arrays, origin and market last: Newton's method in the log of prices."""
    whole = np.broadcast_shapes(
        flows.shape[:-2], wedge.shape[:-2], supply.shape, demand.shape, substitution.shape,
        *(array.shape[:-1] for array in (price, cost, capacity)),
    )  # fmt: skip
    n = flows.shape[-1]

    def flat(array, *core):
        return np.broadcast_to(array, (*whole, *core)).reshape(-1, *core).astype(float)

    flows, wedge = flat(flows, n, n), flat(wedge, n, n)
    price, cost, capacity = (flat(array, n) for array in (price, cost, capacity))
    supply, demand, sigma = (flat(array) for array in (supply, demand, substitution))
    sigma = np.where(np.abs(sigma - 1) < 1e-6, 1 + 1e-6, sigma)
    t, n_cost = wedge / price[:, :, None], cost / price
    spent = flows * price[:, :, None]
    share, q0 = spent / spent.sum(axis=1, keepdims=True), flows.sum(axis=2)
    # Prices above this floor leave a margin on costs and no buyer with a price below 0.
    floor = np.maximum(np.maximum(n_cost, -t.min(axis=2)), 0.0)

    def excess(y, cells):
        """Log of demand over supply, its slopes, what is bought; y is log of price over floor."""
        above = np.exp(y)
        w = floor[cells] + above
        p = w[:, :, None] + t[cells]
        s, eta = sigma[cells, None, None], demand[cells, None, None]
        weight = share[cells] * p ** (1 - s)
        total = weight.sum(axis=1, keepdims=True)
        index = total ** (1 / (1 - s))
        bought = flows[cells] * index ** (s - eta) * p**-s
        q = bought.sum(axis=2)
        pull = (s - eta) * weight / (p * total)
        slope = np.einsum("nir,njr->nij", bought, pull) / q[:, :, None]
        margin = (floor - n_cost)[cells] + above
        offered = supply[cells, None] * np.log(margin)
        bound = offered >= np.log(capacity[cells])
        own = (s * bought / p).sum(axis=2) / q + np.where(bound, 0, supply[cells, None] / margin)
        slope[:, np.arange(n), np.arange(n)] -= own + FLAT
        value = np.log(q / q0[cells]) - np.minimum(offered, np.log(capacity[cells]))
        return value, slope * above[:, None, :], bought

    y = np.log(np.maximum(1 + np.maximum(n_cost, 0.0) - floor, 1e-3))
    cells = np.arange(len(y))
    for _ in range(ROUNDS):
        value, slope, _ = excess(y[cells], cells)
        size = np.abs(value).max(axis=1)
        going = size > trade.TOLERANCE
        if not going.any():
            break
        cells, value, slope, size = (a[going] for a in (cells, value, slope, size))
        step = np.linalg.solve(slope, -value[:, :, None])[:, :, 0]
        step *= np.minimum(1, STEP / np.maximum(np.abs(step).max(axis=1), 1e-300))[:, None]
        before, open_, part = y[cells].copy(), np.arange(len(cells)), np.ones(len(cells))
        for _ in range(HALVINGS):  # a step over the end of capacity may go too far
            new = before[open_] + part[open_, None] * step[open_]
            y[cells[open_]] = np.minimum(new, np.log(trade.HIGHEST))
            tried = np.abs(excess(y[cells[open_]], cells[open_])[0]).max(axis=1)
            open_ = open_[~(tried < size[open_])]
            if not open_.size:
                break
            part[open_] /= 2
    value, _, bought = excess(y, np.arange(len(y)))
    worst = np.abs(value).max(axis=1)
    if np.any(missed := ~(worst < 1e-9)):
        raise ValueError(
            f"no equilibrium in {missed.sum()} of {missed.size} cases: demand and supply differ at "
            "all prices tried; lower the carbon price or tariff, or raise capacity or "
            f"demand_elasticity (lowest given: {capacity.min():g} and {demand.min():g})"
        )
    return (
        bought.reshape(*whole, n, n),
        ((floor + np.exp(y)) * price).reshape(*whole, n),
        value.reshape(*whole, n),
    )
