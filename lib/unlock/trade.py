"""Carbon leakage: two regions that trade one good, and what a carbon cost in one of them does.

The home region pays for carbon, the region abroad does not. Each buys from both. Goods are either
differentiated by origin (Armington) or homogeneous. Demand and supply have constant elasticities,
and supply ends at capacity. Differentiated goods: excess demand is the gradient of a strictly
concave function of the two prices, so an equilibrium, where there is one, is the only one.

All functions broadcast over any dim (product, region, measure, sample). The dims `origin` and
`market` have the labels "home" and "abroad". Labels along a shared dim must be the same.
"""

import numpy as np
import xarray as xr

MEASURES = ("none", "border-adjustment", "export-rebate", "both", "output-based")
GOODS = ("differentiated", "homogeneous")
REGIONS = ["home", "abroad"]
NAMES = ("flows", "price", "price_index", "residual")  # what `_solve` gives
HIGHEST = 1e4  # prices are sought up to this multiple of today's
TOLERANCE = 1e-12  # relative excess demand at which a price counts as found


def pair(home, abroad, *, dim="origin"):
    """Put what holds at home and what holds abroad side by side.

    Parameters
    ----------
    home, abroad : arrays, any dims; one unit
    dim : "origin" or "market"

    Returns
    -------
    DataArray with the dim first, labels "home" and "abroad"
    """
    both = xr.broadcast(xr.DataArray(home), xr.DataArray(abroad))
    return xr.concat(both, dim=xr.DataArray(REGIONS, dims=dim, name=dim), coords="minimal")


def abatement_response(cut, *, price):
    """Give the rate at which emission intensity falls with the carbon price.

    phi = -ln(1 - a) / tau_a, so that intensity is 1 - a of today's at the price tau_a

    Parameters
    ----------
    cut : array, any dims; share a by which intensity falls at that price; 0 <= a < 1
    price : array, any dims; the carbon price tau_a; CNY/tCO2, above 0

    Returns
    -------
    phi over all dims together; tCO2/CNY

    Raises
    ------
    ValueError
        For a cut outside 0 to 1, or a price that is not positive.
    """
    _require("cut", cut, lower=0.0, upper=1.0, below=True)
    _require_positive("price", price)
    return -np.log1p(-cut) / price


def emission_intensity(intensity, *, carbon_price, response=0.0, coverage=1.0):
    """Give the emissions of a tonne once producers answer the carbon price.

    e = e_0 (1 - g + g exp(-phi tau))

    Parameters
    ----------
    intensity : array, any dims; e_0 without carbon price; tCO2/t
    carbon_price : array, any dims; tau; CNY/tCO2, not negative
    response : array, any dims; phi as from `abatement_response`; tCO2/CNY
    coverage : array, any dims; share g of emissions that is paid for; 0 to 1

    Returns
    -------
    e over all dims together; tCO2/t

    Raises
    ------
    ValueError
        For an argument out of bounds.
    """
    _require("intensity", intensity, lower=0.0)
    _require("carbon_price", carbon_price, lower=0.0)
    _require("response", response, lower=0.0)
    _require("coverage", coverage, lower=0.0, upper=1.0)
    return intensity * (1 + coverage * np.expm1(-(response * carbon_price)))


def intensity_abroad(world, *, home, world_output, home_output):
    """Give the emissions of a tonne made outside the home region.

    e_f = (e_w q_w - e_h q_h) / (q_w - q_h)

    Parameters
    ----------
    world, home : arrays, any dims; e_w and e_h; tCO2/t
    world_output, home_output : arrays, any dims; q_w and q_h; Mt/year

    Returns
    -------
    e_f over all dims together; tCO2/t

    Raises
    ------
    ValueError
        If the home region makes as much as the world, or emits as much.
    """
    rest = world_output - home_output
    left = world * world_output - home * home_output
    for name, array in (("world_output", rest), ("world", left)):
        if np.any(np.asarray(array) <= 0):
            raise ValueError(f"{name} must leave output and emissions to the rest of the world")
    return xr.DataArray(left / rest).assign_attrs(units="tCO2/t")


def carbon_cost(intensity, *, carbon_price, response=0.0, coverage=1.0, allocation=0.0):
    """Give what a carbon price adds to the cost of one more tonne.

    n = g (integral of e from 0 to tau - tau alpha e_0), the integral being
    e_0 (1 - exp(-phi tau)) / phi: carbon paid for and the cost of the carbon avoided

    Free allowances handed out by output lower the cost of a further tonne. Allowances handed out
    by past output do not, and are no argument here.

    Parameters
    ----------
    intensity, carbon_price, response, coverage : as in `emission_intensity`
    allocation : array, any dims; free allowances alpha by output, over e_0; not negative

    Returns
    -------
    n over all dims together; CNY/t; negative where more is handed out than emitted

    Raises
    ------
    ValueError
        For an argument out of bounds.

    Source: Fischer and Fox (2012), Journal of Environmental Economics and Management 64, 199-216.
    """
    _require("allocation", allocation, lower=0.0)
    given = {"carbon_price": carbon_price, "response": response, "coverage": coverage}
    emission_intensity(intensity, **given)  # refuses what is out of bounds
    exponent = xr.DataArray(response * carbon_price)
    safe = exponent.where(exponent > 1e-12, 1.0)
    mean = (-np.expm1(-safe) / safe).where(exponent > 1e-12, 1.0)  # mean of e / e_0 from 0 to tau
    return coverage * carbon_price * intensity * (mean - allocation)


def instruments(
    intensity,
    *,
    measures=MEASURES,
    carbon_price,
    charged_intensity,
    response=0.0,
    coverage=1.0,
    allocation=1.0,
    passed=1.0,
):
    """Give the costs and the charges at the border of each measure against leakage.

    cost n_home = psi n, with allocation only under "output-based";
    wedge t_abroad,home = g tau e_c under "border-adjustment" and "both" (imports are charged);
    wedge t_home,abroad = -psi g tau e under "export-rebate" and "both" (exports get back what they
    paid for the carbon that they emit)

    Parameters
    ----------
    intensity, carbon_price, response, coverage, allocation : as in `carbon_cost`, of home; e is
        the intensity of what is paid for, e_0 exp(-phi tau)
    measures : names out of MEASURES
    charged_intensity : array, any dims; e_c on which an imported tonne pays; tCO2/t
    passed : array, any dims; share psi of the cost that producers put into their price; 0 to 1

    Returns
    -------
    Dataset(cost (measure, origin, any), wedge (measure, origin, market, any)); CNY/t

    Raises
    ------
    ValueError
        For a measure that is unknown, or an argument out of bounds.
    """
    if unknown := [name for name in measures if name not in MEASURES]:
        raise ValueError(f"measures must be of {', '.join(MEASURES)}, not {unknown[0]!r}")
    _require("passed", passed, lower=0.0, upper=1.0)
    _require("charged_intensity", charged_intensity, lower=0.0)
    price = {"carbon_price": carbon_price, "response": response}
    paid = passed * carbon_cost(intensity, **price, coverage=coverage)
    eased = passed * carbon_cost(intensity, **price, coverage=coverage, allocation=allocation)
    charge = coverage * carbon_price * charged_intensity
    rebate = passed * coverage * carbon_price * emission_intensity(intensity, **price)
    cost, wedge = [], []
    for name in measures:
        home = eased if name == "output-based" else paid
        imports = charge if name in ("border-adjustment", "both") else 0.0 * charge
        exports = -rebate if name in ("export-rebate", "both") else 0.0 * rebate
        cost.append(pair(home, 0.0 * home))
        wedge.append(
            pair(
                pair(0.0 * exports, exports, dim="market"),
                pair(imports, 0.0 * imports, dim="market"),
            )
        )
    labels = xr.DataArray(list(measures), dims="measure", name="measure")
    return xr.Dataset(
        {
            "cost": xr.concat(cost, labels).assign_attrs(units="CNY/t"),
            "wedge": xr.concat(wedge, labels).assign_attrs(units="CNY/t"),
        }
    )


def flows_from_trade(production, *, exports, imports, world):
    """Give who sells to whom from the trade statistics of one region.

    d_hh = q - x; d_hf = x; d_fh = m; d_ff = q_world - q - m

    Parameters
    ----------
    production, exports, imports : arrays, any dims; q, x, m of the home region; Mt/year
    world : array, any dims; production of the world; Mt/year

    Returns
    -------
    d (origin, market, any); Mt/year

    Raises
    ------
    ValueError
        If exports reach production, or production and imports reach the world's production.
    """
    for name, array in (("exports", exports), ("imports", imports)):
        _require(name, array, lower=0.0)
    if np.any(np.asarray(production - exports) <= 0):
        raise ValueError("exports must be below production")
    if np.any(np.asarray(world - production - imports) <= 0):
        raise ValueError("world must exceed production and imports of the home region together")
    home = pair(production - exports, exports, dim="market")
    abroad = pair(imports, world - production - imports, dim="market")
    return pair(home, abroad).assign_attrs(units="Mt/year")


def supply(price, *, output, base_price, cost=0.0, elasticity, capacity):
    """Give the output that producers offer at a price.

    S = q_0 min(k, ((w - n) / p_0)^epsilon), and 0 where w <= n

    Parameters
    ----------
    price : array, any dims; w that producers get; CNY/t
    output : array, any dims; q_0 today; Mt/year
    base_price : array, any dims; p_0 today; CNY/t
    cost : array, any dims; n added to the cost of a tonne; CNY/t
    elasticity : array, any dims; epsilon, above 0
    capacity : array, any dims; k, capacity over output today

    Returns
    -------
    S over all dims together; Mt/year

    Raises
    ------
    ValueError
        For an output, a price today, an elasticity or a capacity that is not positive.
    """
    positive = {"output": output, "base_price": base_price}
    positive |= {"elasticity": elasticity, "capacity": capacity}
    for name, array in positive.items():
        _require_positive(name, array)
    margin = np.maximum(xr.DataArray(price - cost) / base_price, 0.0)
    return output * np.minimum(capacity, margin**elasticity)


def demand(price, *, flows, base_price, substitution, elasticity):
    """Give what each market buys from each origin, goods being differentiated by origin.

    D_or = d_or (P_r)^(sigma - eta) (p_or / p_0o)^(-sigma),
    P_r = (sum over o of theta_or (p_or / p_0o)^(1 - sigma))^(1 / (1 - sigma))
    with theta_or the share of origin o in what market r spends today

    Parameters
    ----------
    price : DataArray (origin, market, any); p_or that buyers pay; CNY/t, above 0
    flows : DataArray (origin, market, any); d_or today; Mt/year
    base_price : DataArray (origin, any); p_0o today; CNY/t
    substitution : array, any dims; Armington elasticity sigma; above 0
    elasticity : array, any dims; elasticity eta of demand, as a positive number; not negative

    Returns
    -------
    D (origin, market, any); Mt/year

    Raises
    ------
    ValueError
        For a price, a price today or a substitution that is not positive, or a negative
        elasticity.

    Source: Armington (1969), IMF Staff Papers 16, 159-178.
    """
    for name, array in (("price", price), ("base_price", base_price)):
        _require_positive(name, array)
    _require_positive("substitution", substitution)
    _require("elasticity", elasticity, lower=0.0)
    sigma = _not_one(substitution)
    spent = flows * base_price
    share = spent / spent.sum("origin")
    relative = price / base_price
    index = (share * relative ** (1 - sigma)).sum("origin") ** (1 / (1 - sigma))
    bought = flows * index ** (sigma - elasticity) * relative**-sigma
    return bought.transpose("origin", "market", ...)


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
    goods="differentiated",
):
    """Give the prices at which both regions sell all that is bought.

    Differentiated goods: S_o(w_o) = sum over r of D_or(w_h + t_hr, w_f + t_fr) for both origins.
    Homogeneous goods: S_h + S_f = D_h + D_f, with today's price difference and a wedge d between
    home and abroad; d is the charge on imports where home imports, the rebate where home exports,
    and between them where it does neither. Where the rebate exceeds the charge, all home output
    is exported and all home demand imported.

    Parameters
    ----------
    flows : DataArray (origin, market, any); trade today; Mt/year. Homogeneous goods use only
        what each region makes and buys.
    base_price : DataArray (origin, any); price today; CNY/t
    cost : DataArray (origin, any); added to the cost of a tonne; CNY/t
    wedge : DataArray (origin, market, any); added to the price at the border; CNY/t
    demand_elasticity : array, any dims; eta, as a positive number; not negative
    supply_elasticity : array, any dims, or with `origin`; epsilon, above 0
    capacity : array, any dims, or with `origin`; capacity over output today, above 0
    substitution : array, any dims; Armington elasticity; above 0; differentiated goods only
    goods : "differentiated" or "homogeneous"

    Returns
    -------
    Dataset: flows (origin, market, any) and output (origin, any), Mt/year; price (origin, any)
    that producers get at home, CNY/t; price_index (market, any) of what buyers pay, today 1;
    residual (origin, any), demand over supply less 1

    Raises
    ------
    ValueError
        For an argument out of bounds, other goods, or where no price up to 10,000 times today's
        clears the market.
    """
    if goods not in GOODS:
        raise ValueError(f"goods must be one of {', '.join(GOODS)}, not {goods!r}")
    for name, array in (("base_price", base_price), ("supply_elasticity", supply_elasticity)):
        _require_positive(name, array)
    _require_positive("capacity", capacity)
    _require_positive("substitution", substitution)
    _require("demand_elasticity", demand_elasticity, lower=0.0)
    _require("flows", flows, lower=0.0)
    origin = ["origin"]
    given = [
        (flows, ["origin", "market"]),
        (base_price, origin),
        (cost, origin),
        (wedge, ["origin", "market"]),
        (_by_origin(supply_elasticity), origin),
        (_by_origin(capacity), origin),
        (demand_elasticity, []),
        (substitution, []),
    ]
    solved = xr.apply_ufunc(
        _solve,
        *(_ordered(array, dims) for array, dims in given),
        input_core_dims=[dims for _, dims in given],
        output_core_dims=[["origin", "market"], origin, ["market"], origin],
        kwargs={"goods": goods},
        join="exact",
    )
    found = xr.Dataset(dict(zip(NAMES, solved, strict=True)))
    found = found.assign(output=found["flows"].sum("market"))
    for name, unit in {"flows": "Mt/year", "output": "Mt/year", "price": "CNY/t"}.items():
        found[name].attrs["units"] = unit
    return found.assign_coords(origin=REGIONS, market=REGIONS)


def net_flows(flows):
    """Give the flows of a homogeneous good: what two regions ship to each other cancels.

    d'_hf = max(d_hf - d_fh, 0), d'_fh = max(d_fh - d_hf, 0), all else stays at home

    Parameters
    ----------
    flows : DataArray (origin, market, any); Mt/year

    Returns
    -------
    d' (origin, market, any); Mt/year; output and use of each region as before
    """
    out, back = (flows.sel(origin=o, market=m, drop=True) for o, m in (REGIONS, REGIONS[::-1]))
    both = np.minimum(out, back)
    cross = xr.DataArray([[1.0, -1.0], [-1.0, 1.0]], dims=("origin", "market"))
    return (flows + both * cross).transpose(*flows.dims).assign_attrs(flows.attrs)


def emissions(output, *, intensity):
    """Give the emissions of each region.

    E_o = e_o q_o

    Parameters
    ----------
    output : DataArray (origin, any); q; Mt/year
    intensity : DataArray (origin, any); e; tCO2/t

    Returns
    -------
    E (origin, any); MtCO2/year
    """
    return (intensity * output).assign_attrs(units="MtCO2/year")


def leakage(before, after):
    """Give the rise of emissions abroad over the cut at home.

    L = (E_f1 - E_f0) / (E_h0 - E_h1)

    Parameters
    ----------
    before, after : DataArrays (origin, any); emissions without and with the policy; MtCO2/year

    Returns
    -------
    L over all other dims; dimensionless; NaN where emissions at home do not fall

    Source: Branger and Quirion (2014), Ecological Economics 99, 29-39, definition of the ratio.
    """
    change = after - before
    cut = -change.sel(origin="home", drop=True)
    ratio = change.sel(origin="abroad", drop=True) / cut.where(cut > 0)
    return ratio.assign_attrs(units="1")


def energy_price_leakage(demand_elasticity, *, supply_elasticity, share_abroad):
    """Give the part of a cut in fuel use that cheaper fuel abroad takes back.

    L_e = eta s / (epsilon + eta s): a small cut lowers the world price of fuel; supply answers
    with epsilon, use abroad, the share s of all, with eta

    Parameters
    ----------
    demand_elasticity : array, any dims; eta of fuel, as a positive number; not negative
    supply_elasticity : array, any dims; epsilon of fuel; above 0
    share_abroad : array, any dims; s; 0 to 1

    Returns
    -------
    L_e over all dims together; dimensionless, below 1

    Raises
    ------
    ValueError
        For an argument out of bounds.
    """
    _require("demand_elasticity", demand_elasticity, lower=0.0)
    _require_positive("supply_elasticity", supply_elasticity)
    _require("share_abroad", share_abroad, lower=0.0, upper=1.0)
    answer = demand_elasticity * share_abroad
    return answer / (supply_elasticity + answer)


def with_energy_prices(ratio, *, energy_leakage, fuel_share):
    """Give leakage through trade and through the price of energy together.

    L = L_t + (1 - L_t) a L_e: what trade leaves of the cut, as far as it is fuel, is taken back

    Parameters
    ----------
    ratio : array, any dims; leakage L_t through trade; dimensionless
    energy_leakage : array, any dims; L_e as from `energy_price_leakage`
    fuel_share : array, any dims; share a of emissions that come from fuel; 0 to 1

    Returns
    -------
    L over all dims together; dimensionless

    Raises
    ------
    ValueError
        For a share outside 0 to 1.
    """
    _require("fuel_share", fuel_share, lower=0.0, upper=1.0)
    return ratio + (1 - ratio) * fuel_share * energy_leakage


def net_imports(flows):
    """Give what the home region buys abroad less what it sells there.

    N = d_fh - d_hf

    Parameters
    ----------
    flows : DataArray (origin, market, any); Mt/year

    Returns
    -------
    N over all other dims; Mt/year
    """
    bought = flows.sel(origin="abroad", market="home", drop=True)
    return bought - flows.sel(origin="home", market="abroad", drop=True)


def pass_through(price, *, base_price, cost):
    """Give the part of an added cost that appears in the price.

    pi = (w - p_0) / n

    Parameters
    ----------
    price, base_price : arrays, any dims; price with and without the cost; CNY/t
    cost : array, any dims; n; CNY/t

    Returns
    -------
    pi over all dims together; dimensionless; NaN without a cost
    """
    cost = xr.DataArray(cost)
    return ((price - base_price) / cost.where(cost != 0)).assign_attrs(units="1")


def _solve(flows, base_price, cost, wedge, supply, capacity, demand, substitution, *, goods):
    """Equilibrium of plain arrays whose last axes are origin and market."""
    whole = np.broadcast_shapes(
        flows.shape[:-2], wedge.shape[:-2], demand.shape, substitution.shape,
        *(array.shape[:-1] for array in (base_price, cost, supply, capacity)),
    )  # fmt: skip
    pair, four = (*whole, 2), (*whole, 2, 2)
    flat = {
        "flows": np.broadcast_to(flows, four).reshape(-1, 2, 2).transpose(1, 2, 0),
        "wedge": np.broadcast_to(wedge, four).reshape(-1, 2, 2).transpose(1, 2, 0),
        "demand": np.broadcast_to(demand, whole).reshape(-1),
        "substitution": np.broadcast_to(_not_one(substitution), whole).reshape(-1),
    }
    named = {"price": base_price, "cost": cost, "supply": supply, "capacity": capacity}
    for name, array in named.items():
        flat[name] = np.broadcast_to(array, pair).reshape(-1, 2).T
    solver = _differentiated if goods == "differentiated" else _homogeneous
    traded, price, index, residual = solver(**{k: v.astype(float) for k, v in flat.items()})
    worst = np.nanmax(np.abs(residual), axis=0)
    if np.any(missed := worst > 1e-9):
        raise ValueError(
            f"no equilibrium in {missed.sum()} of {missed.size} cases: at every price up to "
            f"{HIGHEST:,.0f} times today's, demand and supply differ; raise capacity or "
            f"demand_elasticity (lowest given: {capacity.min():g} and {demand.min():g})"
        )
    return (
        traded.transpose(2, 0, 1).reshape(four),
        price.T.reshape(pair),
        index.T.reshape(pair),
        residual.T.reshape(pair),
    )


def _bracketed_newton(function, *, start, low, high):
    """Roots of functions that fall from above 0 to below 0, all cells at once.

    `function(y, cells)` gives value and slope for a subset of cells. A Newton step that leaves
    the bracket, or that did not halve the value, is replaced by its middle, so that no kink,
    such as the end of capacity, can trap it. Cells that are found drop out.
    """
    y, cells = np.clip(start, low, high), np.arange(start.size)
    low, high = (np.full(start.size, bound) for bound in (low, high))
    last = np.full(start.size, np.inf)
    for _ in range(200):
        value, slope = function(y[cells], cells)
        here = y[cells]
        low[cells] = np.where(value > 0, here, low[cells])
        high[cells] = np.where(value > 0, high[cells], here)
        wide = high[cells] - low[cells] > 4e-16 * (1 + np.abs(here))
        going = ~(np.abs(value) <= TOLERANCE) & wide
        if not going.any():
            break
        with np.errstate(invalid="ignore", divide="ignore"):
            step = here - value / slope
        slow = ~(np.abs(value) <= 0.5 * last[cells])
        last[cells] = np.abs(value)
        middle = 0.5 * (low[cells] + high[cells])
        fits = (step > low[cells]) & (step < high[cells]) & ~slow
        cells, step = cells[going], np.where(fits, step, middle)[going]
        y[cells] = step
    return y


def _differentiated(*, flows, price, cost, wedge, supply, capacity, demand, substitution):
    """Armington equilibrium: the price abroad is found for each price at home."""
    t, n = wedge / price[:, None], cost / price
    spent = flows * price[:, None]
    share, q0 = spent / spent.sum(axis=0), flows.sum(axis=1)
    # Prices above this floor leave a margin on costs and no buyer with a price below 0.
    floor = np.maximum(np.maximum(n, -t.min(axis=1)), 0.0)
    with np.errstate(divide="ignore"):
        log_capacity = np.log(capacity)

    def excess(y, cells):
        """Log of demand over supply by origin, and its slopes; y is the log of price over floor."""
        above = np.exp(y)
        w = floor[:, cells] + above
        p = w[:, None] + t[:, :, cells]
        sigma, eta = substitution[cells], demand[cells]
        weight = share[:, :, cells] * p ** (1 - sigma)
        total = weight.sum(axis=0)
        index = total ** (1 / (1 - sigma))
        bought = flows[:, :, cells] * index ** (sigma - eta) * p**-sigma
        pull = (sigma - eta) * weight / (p * total)  # of each price on what a market buys
        q = bought.sum(axis=1)
        margin = (floor - n)[:, cells] + above  # w - n, without losing what is small beside n
        offered = supply[:, cells] * np.log(margin)
        bound = offered >= log_capacity[:, cells]
        value = np.log(q / q0[:, cells]) - np.minimum(offered, log_capacity[:, cells])
        slope = np.einsum("irn,jrn->ijn", bought, pull) / q[:, None]
        own = sigma * (bought / p).sum(axis=1) / q + np.where(bound, 0.0, supply[:, cells] / margin)
        slope[0, 0] -= own[0]
        slope[1, 1] -= own[1]
        return value, slope * above, (bought, index)

    top = np.log(HIGHEST)
    start = np.log(np.maximum(1 + np.maximum(n, 0.0) - floor, 1e-3))
    y_abroad = start[1].copy()

    def abroad(y_home, cells):
        def inner(y, some):
            value, slope, _ = excess(np.stack([y_home[some], y]), cells[some])
            return value[1], slope[1, 1]

        y_abroad[cells] = _bracketed_newton(inner, start=y_abroad[cells], low=-60.0, high=top)
        return y_abroad[cells]

    def outer(y_home, cells):
        value, slope, _ = excess(np.stack([y_home, abroad(y_home, cells)]), cells)
        with np.errstate(invalid="ignore", divide="ignore"):
            through = slope[0, 1] * slope[1, 0] / slope[1, 1]
        return value[0], slope[0, 0] - through

    y_home = _bracketed_newton(outer, start=start[0], low=-60.0, high=top)
    y = np.stack([y_home, abroad(y_home, np.arange(y_home.size))])
    value, _, (bought, index) = excess(y, np.arange(y_home.size))
    return bought, (floor + np.exp(y)) * price, index, np.expm1(value)


def _homogeneous(*, flows, price, cost, wedge, supply, capacity, demand, substitution):
    """Equilibrium of one good: home imports, exports, or trades nothing."""
    q0, d0 = flows.sum(axis=1), flows.sum(axis=0)
    charge, rebate = wedge[1, 0], -wedge[0, 1]
    none = np.zeros_like(charge)

    def clear(made, paid, joined=(True, True)):
        """Change of the price abroad that clears the regions joined, and what they then do."""
        chosen = np.array(joined, dtype=float)[:, None]
        at_gate, at_till = np.stack([made, none]), np.stack([paid, none])
        lowest = np.where(chosen > 0, price + np.minimum(at_gate, at_till), np.inf).min(axis=0)
        scale = np.where(chosen > 0, price, 0.0).max(axis=0)

        def sides(y, cells):
            x = np.exp(y) * scale[cells] - lowest[cells]
            gate = price[:, cells] + at_gate[:, cells] + x
            till = np.maximum(price[:, cells] + at_till[:, cells] + x, 1e-9 * scale[cells])
            bought = d0[:, cells] * (till / price[:, cells]) ** -demand[cells]
            margin = np.maximum(gate - cost[:, cells], 0.0)
            free = (margin / price[:, cells]) ** supply[:, cells]
            offered = q0[:, cells] * np.minimum(free, capacity[:, cells])
            return bought, offered, gate, till, margin, free < capacity[:, cells]

        def excess(y, cells):
            bought, offered, _, till, margin, free = sides(y, cells)
            b, s = ((chosen * side).sum(axis=0) for side in (bought, offered))
            with np.errstate(divide="ignore", invalid="ignore"):
                rise = np.where(free & (margin > 0), supply[:, cells] * offered / margin, 0.0)
                slope = -(chosen * demand[cells] * bought / till).sum(axis=0) / b
                slope = slope - (chosen * rise).sum(axis=0) / s
                return np.log(b) - np.log(s), slope * np.exp(y) * scale[cells]

        start = np.log(np.maximum(lowest / scale, 1e-3))
        y = _bracketed_newton(excess, start=start, low=-60.0, high=np.log(HIGHEST))
        cells = np.arange(y.size)
        bought, offered, gate, till, _, _ = sides(y, cells)
        return bought, offered, gate, till, np.expm1(excess(y, cells)[0])

    importing, exporting = clear(charge, charge), clear(rebate, rebate)
    crossing = clear(rebate, charge)
    home, abroad = (clear(none, none, joined) for joined in ((True, False), (False, True)))
    apart = [np.stack([h[0], a[1]]) for h, a in zip(home[:4], abroad[:4], strict=True)]
    apart.append(np.where(np.abs(home[4]) > np.abs(abroad[4]), home[4], abroad[4]))

    crossed = rebate > charge
    imports = ~crossed & (importing[0][0] >= importing[1][0])
    exports = ~crossed & ~imports & (exporting[1][0] >= exporting[0][0])
    cases = [crossed, imports, exports]
    bought, offered, gate, till, residual = (
        np.select(cases, [crossing[i], importing[i], exporting[i]], apart[i]) for i in range(5)
    )
    out = np.where(crossed, offered[0], np.maximum(offered[0] - bought[0], 0.0))
    back = np.where(crossed, bought[0], np.maximum(bought[0] - offered[0], 0.0))
    traded = np.stack([np.stack([offered[0] - out, out]), np.stack([back, offered[1] - back])])
    return traded, gate, till / price, np.stack([residual, residual])


def _by_origin(array):
    """An array with the dim `origin`."""
    array = xr.DataArray(array)
    return array if "origin" in array.dims else array.expand_dims(origin=REGIONS)


def _ordered(array, dims):
    """An array with home before abroad, and refused if it lacks a dim."""
    array = xr.DataArray(array)
    if missing := [dim for dim in dims if dim not in array.dims]:
        raise ValueError(f"an array of {', '.join(array.dims) or 'no dims'} lacks {missing[0]!r}")
    return array.sel({dim: REGIONS for dim in dims if dim in array.coords})


def _not_one(substitution):
    """The Armington elasticity, moved off 1, where the price index has a limit but no formula."""
    return xr.where(np.abs(substitution - 1) < 1e-6, 1 + 1e-6, substitution)


def _require_positive(name, array):
    """Refuse an array that is not above 0 everywhere."""
    if np.any(np.asarray(array) <= 0):
        raise ValueError(f"{name} must be above 0, but {float(np.min(array)):g} was given")


def _require(name, array, *, lower, upper=np.inf, below=False):
    """Refuse an array outside its bounds."""
    values = np.asarray(array)
    if np.any(values < lower):
        raise ValueError(
            f"{name} must be {lower:g} or more, but {float(np.min(values)):g} was given"
        )
    if np.any(values >= upper if below else values > upper):
        word = "below" if below else "at most"
        raise ValueError(
            f"{name} must be {word} {upper:g}, but {float(np.max(values)):g} was given"
        )
