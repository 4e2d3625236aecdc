"""Industrial symbiosis: which exchanges of by-products between firms pay, and who gains.

An exchange network is a mixed-integer programme: flows of heat, gas, solids, CO2 and water from
sources to sinks, and links that must be built for them. Two textbook cases, a water network
and a heat cascade, have closed-form targets beside the programme. All amounts are in millions
of a kind's own unit a year (PJ, Mt, Mm3), so that prices in CNY a unit give millions of CNY.
"""

import numpy as np
import xarray as xr
from scipy.optimize import linprog

from unlock import _symbiosis, costs

USES = ("unused", "used")
HEAT = "heat"


def minimum_water(load, *, c_in, c_out, fresh=0.0, dim="operation"):
    r"""Give the least fresh water that a set of water-using operations needs.

    W = max over C of  sum_i m_i clip((C - c_in,i) / (c_out,i - c_in,i), 0, 1) / (C - c_0)

    with C over all limits above c_0: up to each concentration, water must carry off the load
    that is given off below it.

    Parameters
    ----------
    load : array (operation, any); contaminant m that an operation gives off; kg/h
    c_in, c_out : arrays (operation, any); highest concentration allowed at its inlet and
        outlet; ppm (g/t)
    fresh : array, any dims; concentration c_0 of fresh water; ppm
    dim : name of the dim of operations

    Returns
    -------
    W over all other dims; t/h

    Raises
    ------
    ValueError
        If an outlet limit is not above its inlet limit, or fresh water is dirtier than an
        inlet allows.

    Source: Wang and Smith (1994), Wastewater minimisation, Chemical Engineering Science 49,
    981-1006.
    """
    _check_water(c_in, c_out, fresh)
    limits = xr.concat([c_in, c_out], dim="limit").rename({dim: "at"})
    share = ((limits - c_in) / (c_out - c_in)).clip(0, 1)
    picked_up = (load * share).sum(dim)
    above = limits - fresh
    need = xr.where(above > 0, 1000 * picked_up / above.where(above > 0, 1.0), 0.0)
    return need.max(["limit", "at"]).assign_attrs(units="t/h")


def minimum_utilities(start, *, end, capacity, approach, dim="stream"):
    r"""Give the least outside heating and cooling of a set of streams, and the pinch.

    With all temperatures shifted by half the approach towards each other,
    Q_hot = max over T of max(0, heat that cold streams need above T - heat that hot streams
    give above T), and Q_cold = Q_hot + heat of hot streams - heat of cold streams.

    Parameters
    ----------
    start, end : arrays (stream, any); temperature at which a stream comes and must leave;
        degC. A stream that must cool down is hot
    capacity : array (stream, any); heat capacity flow; kW/K
    approach : array, any dims; smallest difference at which heat passes; K
    dim : name of the dim of streams

    Returns
    -------
    Dataset over all other dims: hot, cold in kW; pinch, the temperature midway between hot
    and cold streams where no heat passes, in degC (NaN if heating is needed nowhere)

    Raises
    ------
    ValueError
        If the approach is negative.

    Source: Linnhoff and Flower (1978), Synthesis of heat exchanger networks, AIChE Journal
    24, 633-642 (the problem table).
    """
    if np.any(np.asarray(approach) < 0):
        raise ValueError(f"approach must be 0 K or more, not {float(np.min(approach)):g}")
    hot = start > end
    shift = xr.where(hot, -0.5, 0.5) * approach
    top, bottom = np.maximum(start, end) + shift, np.minimum(start, end) + shift
    level = xr.concat([top, bottom], dim="edge").rename({dim: "at"})
    above = (np.minimum(top - bottom, (top - level).clip(0)) * capacity).where(top > level, 0.0)
    deficit = (above * xr.where(hot, -1.0, 1.0)).sum(dim)
    heating = deficit.max(["edge", "at"]).clip(0)
    heat = capacity * (top - bottom)
    cooling = heating + (heat * xr.where(hot, 1.0, -1.0)).sum(dim)
    at_pinch = level.where((deficit >= heating - 1e-9) & (heating > 1e-9))
    found = {"hot": heating, "cold": cooling, "pinch": at_pinch.max(["edge", "at"])}
    found["pinch"].attrs["units"] = "degC"
    for name in ("hot", "cold"):
        found[name].attrs["units"] = "kW"
    return xr.Dataset(found)


def water_network(load, *, c_in, c_out, fresh=0.0):
    r"""Give the water network with the least fresh water, and of those one with fewest pipes.

    Water leaves each operation at its outlet limit. With flows x_ij between operations, fresh
    water w_j and waste water o_i:

    sum_i x_ij + w_j = sum_k x_jk + o_j
    sum_i c_out,i x_ij + c_0 w_j + m_j = c_out,j (sum_i x_ij + w_j)
    sum_i c_out,i x_ij + c_0 w_j <= c_in,j (sum_i x_ij + w_j)

    First the sum of w_j is minimised, then at that sum the number of pipes that carry x_ij,
    a mixed-integer programme.

    Parameters
    ----------
    load : DataArray (operation); kg/h
    c_in, c_out : DataArrays (operation); limits at inlet and outlet; ppm
    fresh : number; concentration c_0 of fresh water; ppm

    Returns
    -------
    Dataset: reuse (operation, to), fresh (operation), waste (operation) and total in t/h, pipes
    (number of pipes between operations), bound and pipes_bound, what no network can beat

    Raises
    ------
    ValueError
        As `minimum_water`.

    Source: Savelski and Bagajewicz (2000), On the optimality conditions of water utilization
    systems, Chemical Engineering Science 55, 5035-5048.
    """
    _check_water(c_in, c_out, fresh)
    numbers = (load.values * 1000, c_in.values, c_out.values, float(fresh))
    reuse, bought, waste, total, pipes = _symbiosis.water_network(*numbers)
    names = load["operation"].values
    found = xr.Dataset(
        {
            "reuse": (("operation", "to"), reuse),
            "fresh": ("operation", bought),
            "waste": ("operation", waste),
            "total": total[0],
            "bound": total[1],
            "pipes": pipes[0],
            "pipes_bound": pipes[1],
        },
        coords={"operation": names, "to": names},
    )
    for name in ("reuse", "fresh", "waste", "total", "bound"):
        found[name].attrs["units"] = "t/h"
    return found


def heat_network(start, *, end, capacity, approach):
    r"""Give the heat network with least outside heating, and of those one with fewest matches.

    Temperatures are cut into intervals; a hot stream's heat of interval k may go to cold streams
    of the same or a colder interval (transshipment). First outside heating is minimised, then
    at that heating the number of pairs that exchange heat, above and below the pinch counted
    apart, a mixed-integer programme. Outside heating and cooling are streams too.

    Parameters
    ----------
    start, end : DataArrays (stream); temperatures; degC
    capacity : DataArray (stream); kW/K
    approach : number; K

    Returns
    -------
    Dataset: heat (hot, to_cold) in kW with the rows and columns "utility", hot_utility and
    cold_utility, bound (of heating) in kW, matches and matches_bound

    Raises
    ------
    ValueError
        As `minimum_utilities`, or if there is no stream to heat or none to cool.

    Source: Papoulias and Grossmann (1983), A structural optimization approach in process
    synthesis II, Computers & Chemical Engineering 7, 707-721.
    """
    target = minimum_utilities(start, end=end, capacity=capacity, approach=approach)
    warm = (start > end).values
    if warm.all() or not warm.any():
        raise ValueError("start and end must hold a stream to cool and a stream to heat")
    shift = np.where(warm, -0.5, 0.5) * float(approach)
    bounds = np.stack([start.values + shift, end.values + shift])
    pinch = float(target["pinch"])
    heat, utility, matches = _symbiosis.heat_network(bounds, capacity.values, warm, pinch)
    names = start["stream"].values
    found = xr.Dataset(
        {
            "heat": (("hot", "to_cold"), heat),
            "hot_utility": heat[-1].sum(),
            "cold_utility": heat[:, -1].sum(),
            "bound": utility[1],
            "matches": matches[0],
            "matches_bound": matches[1],
        },
        coords={"hot": [*names[warm], "utility"], "to_cold": [*names[~warm], "utility"]},
    )
    for name in ("heat", "hot_utility", "cold_utility", "bound"):
        found[name].attrs["units"] = "kW"
    return found


def network(
    sources,
    sinks,
    *,
    distance,
    transport,
    rate,
    life,
    search_cost=0.0,
    carbon_price=0.0,
    approach=10.0,
):
    r"""Give every exchange that is possible in a park, with what it costs and brings.

    A unit sent from source i to sink j over L km brings, in CNY and in tCO2,

    m = (1 - l L) w_j - v_i - c - c' L - a k + tau e,   e = (1 - l L) g_j - h_i

    and the link costs a (F + f L + S) a year, with the annuity a. Source and sink must be of
    one kind and of two firms. Heat passes from a temperature to another that is colder by
    the approach; other kinds mix with what the sink buys, q being the quality of the mix.

    Parameters
    ----------
    sources : Dataset over source: firm, kind (text), supply (source, use, any; millions of
        units/year), worth v and saved h of its use today (source, use, any; CNY/unit and
        tCO2/unit), quality (source; any unit) or, for heat, hot and cold, the temperatures
        between which it cools (degC)
    sinks : Dataset over sink: firm, kind, demand (sink, any), worth w and saved g of a unit
        received, limit and bought, the highest quality of the mix and that of what is bought
        (NaN: any), hot and cold for heat
    distance : DataArray (firm, to, any); km
    transport : Dataset over kind: fixed F (MCNY), pipe f (MCNY/km), capacity k (CNY for a
        unit a year), running c (CNY/unit), haulage c' (CNY/unit/km), loss l (1/km)
    rate, life : cost of capital (1/year) and life (year), any dims
    search_cost : S, one-off cost of finding and agreeing a link; MCNY, any dims
    carbon_price : tau; CNY/tCO2, any dims
    approach : smallest temperature difference; K

    Returns
    -------
    Dataset of lanes (a use and temperature interval of a source to one of a sink) and links,
    as `optimal_network` takes it

    Raises
    ------
    ValueError
        If no source can serve any sink, a kind has no transport, or an amount is negative.
    """
    _check_park(sources, sinks, transport)
    lanes = _lanes(sources, sinks, float(approach))
    if not lanes["link"].size:
        raise ValueError("no source can serve any sink: check kind, firm, hot, cold and approach")
    i, j = (xr.DataArray(lanes[key], dims="lane") for key in ("source", "sink"))
    use = xr.DataArray(lanes["use"], dims="lane")
    sent, wanted = sources.isel(source=i, use=use), sinks.isel(sink=j)
    kinds = xr.DataArray(sources["kind"].values[lanes["source"]], dims="lane")
    way = transport.sel(kind=kinds).drop_vars("kind")
    length = distance.sel(
        firm=xr.DataArray(sources["firm"].values[lanes["source"]], dims="lane"),
        to=xr.DataArray(sinks["firm"].values[lanes["sink"]], dims="lane"),
    ).drop_vars(["firm", "to"])
    annuity = costs.annuity_factor(rate, life=life)
    loss = (way["loss"] * length).clip(0, 0.95)
    saved = (1 - loss) * wanted["saved"] - sent["saved"]
    running = way["running"] + way["haulage"] * length
    gain = (1 - loss) * wanted["worth"] - sent["worth"] - running - annuity * way["capacity"]
    first = np.unique(lanes["link"], return_index=True)[1]
    one = {"lane": first}
    link_length, link_way = length.isel(one).rename(lane="link"), way.isel(one).rename(lane="link")
    invested = link_way["fixed"] + link_way["pipe"] * link_length
    net = xr.Dataset(
        {
            "margin": gain + carbon_price * saved,
            "saved": saved,
            "loss": loss.isel(one).rename(lane="link"),
            "lane_capital": way["capacity"],
            "link_capital": invested + search_cost,
            "fixed": annuity * (invested + search_cost),
            "supply": _rows(
                sources["supply"], lanes["supply_rows"], ("source", "use"), "supply_row"
            ),
            "demand": _rows(sinks["demand"], lanes["demand_rows"], ("sink",), "demand_row"),
            "blend": _blend(sinks, lanes),
        }
    ).drop_vars(["source", "sink", "use"], errors="ignore")
    names = {
        "link_source": sources["source"].values[lanes["source"][first]],
        "link_sink": sinks["sink"].values[lanes["sink"][first]],
        "link_from": sources["firm"].values[lanes["source"][first]],
        "link_to": sinks["firm"].values[lanes["sink"][first]],
        "link_kind": sources["kind"].values[lanes["source"][first]],
    }
    net = net.assign_coords({name: ("link", values) for name, values in names.items()})
    net = net.assign_coords(length=link_length)
    rows = {f"lane_{key}": ("lane", lanes[key]) for key in ("link", "supply", "demand", "blend")}
    net = net.assign_coords(rows | {"lane_quality": ("lane", lanes["quality"])})
    return net.assign_coords(lane_use=("lane", np.array(USES)[lanes["use"]]))


def within(net, members):
    """Tell which links lie within a coalition of firms.

    Parameters
    ----------
    net : Dataset, as `network` gives it
    members : {firm: array of 0 and 1, any dims}, as `attribution.switches` gives it

    Returns
    -------
    DataArray (link, dims of the members); true where both firms take part

    Raises
    ------
    ValueError
        If a firm of the net is missing.
    """
    ends = zip(net["link_from"].values, net["link_to"].values, strict=True)
    missing = ({*net["link_from"].values} | {*net["link_to"].values}) - set(members)
    if missing:
        raise ValueError(f"members must name every firm; '{min(missing)}' is missing")
    parts = [(members[a] * members[b]).drop_vars([a, b], errors="ignore") > 0 for a, b in ends]
    parts = xr.broadcast(*parts)
    return xr.concat(parts, dim="link")


def optimal_network(net, *, open=True, budget=np.inf, gap=0.0, rounded=False):
    r"""Give the exchanges that bring a park the most, proven to the gap.

    max sum m x - sum a (F + f L + S) y   over flows x >= 0 and links y in {0, 1}

    subject to what each source has, what each sink can take, x <= U y, the quality of each mix,
    sum (q_i - q_0) x <= (q_max - q_0) d, and capital spent <= budget.

    Every combination of labels along extra dims is a programme of its own. Links that cannot
    pay for themselves at the largest flow are left out beforehand, which changes nothing.

    Parameters
    ----------
    net : Dataset, as `network` gives it, any extra dims
    open : array (link, any) or true; links that may be built
    budget : array, any dims; capital; MCNY
    gap : relative difference between benefit and bound at which the search stops; 0 or more
    rounded : if true, only the relaxation with y between 0 and 1 is solved; links that it uses
        by a tenth or more are built, and those that lose are dropped until none does: quicker,
        and the bound still holds. Without a budget only

    Returns
    -------
    Dataset over all extra dims: built (link), flow (link, millions of units/year), used
    (link, the part of flow that has a use today), benefit and bound (MCNY/year), abatement
    (Mt/year), capital (MCNY), exchanges (number of links)

    Raises
    ------
    ValueError
        For a negative budget or gap, a rounded case with a budget, an open without the dim
        link, or where no mix meets the limit of a sink.

    Source: Boix, Montastruc, Azzaro-Pantel and Domenech (2015), Optimization methods applied to
    the design of eco-industrial parks, Journal of Cleaner Production 87, 303-317, a review.
    """
    if np.any(np.asarray(budget) < 0) or gap < 0:
        raise ValueError("budget and gap must be 0 or more")
    if rounded and np.isfinite(np.asarray(budget)).any():
        raise ValueError("rounded must be false where there is a budget, which rounding may break")
    if np.ndim(open) and "link" not in getattr(open, "dims", ()):
        raise ValueError("open must be true or an array with the dim 'link'")
    lane = {key: net[f"lane_{key}"].values for key in ("link", "supply", "demand", "blend")}
    lane["quality"] = net["lane_quality"].values
    shape = {name: net.sizes.get(f"{name}_row", 0) for name in ("supply", "demand", "blend")}
    shape["link"] = net.sizes["link"]
    names = ["margin", "loss", "lane_capital", "link_capital", "fixed", "supply", "demand", "blend"]
    arrays = {name: net[name] for name in names}
    arrays["open"] = xr.DataArray(open) * xr.ones_like(net["link_capital"], dtype=float)
    arrays["budget"] = xr.DataArray(budget)
    own = {"lane", "link", "supply_row", "demand_row", "blend_row"}
    extra = {
        dim: a for array in arrays.values() for dim, a in array.sizes.items() if dim not in own
    }
    dims = list(extra)
    count, cells, labels = int(np.prod(list(extra.values()))), {}, {}
    for name, array in arrays.items():
        labels |= {dim: array[dim] for dim in dims if dim in array.coords}
        inner = [dim for dim in array.dims if dim in own]
        full = array.expand_dims({d: n for d, n in extra.items() if d not in array.dims})
        values = full.transpose(*dims, *inner).values
        cells[name] = values.reshape(count, *(array.sizes[dim] for dim in inner))
    found = _symbiosis.solve_exchanges(shape, lane, cells, gap=gap, rounded=rounded)
    if np.isnan(found["benefit"]).any():
        raise ValueError(
            "no exchange network exists: bought is of worse quality than the limit of a sink, and "
            "nothing cleaner is on offer; lower bought or raise limit"
        )

    def labelled(values, *inner):
        array = values.reshape((*extra.values(), *values.shape[1:]))
        return xr.DataArray(array, dims=(*dims, *inner), coords=labels)

    flow, built = labelled(found["flow"], "lane"), labelled(found["built"], "link")
    group = net["lane_link"].drop_vars(net["lane_link"].coords)
    used = (net["lane_use"] == "used").drop_vars(net["lane_link"].coords)

    def by_link(array):
        ones = xr.DataArray(np.eye(shape["link"])[group.values], dims=("lane", "link"))
        return xr.dot(array, ones, dim="lane")

    capital = (built * net["link_capital"]).sum("link") + (flow * net["lane_capital"]).sum("lane")
    result = xr.Dataset(
        {
            "built": built > 0.5,
            "flow": by_link(flow),
            "used": by_link(flow * used),
            "benefit": labelled(found["benefit"]).assign_attrs(units="MCNY/year"),
            "bound": labelled(found["bound"]).assign_attrs(units="MCNY/year"),
            "abatement": (flow * net["saved"]).sum("lane").assign_attrs(units="Mt/year"),
            "saved": by_link(flow * net["saved"]).assign_attrs(units="Mt/year"),
            "capital": capital.assign_attrs(units="MCNY"),
            "exchanges": built.sum("link").assign_attrs(units="1"),
        }
    )
    extra_coords = [name for name in result.coords if name.startswith("lane_")]
    result = result.drop_vars(extra_coords)
    return result.assign_coords({n: net[n] for n in net.coords if n.startswith("link_")})


def excess(game, *, allocation, players):
    r"""Give what each coalition could gain by leaving.

    e(S) = v(S) - sum over i in S of x_i; the allocation lies in the core if no e is above 0.

    Parameters
    ----------
    game : DataArray with one dim of size 2 (off, on) for each player, and any dims; v
    allocation : DataArray (player, any); x
    players : names of those dims

    Returns
    -------
    DataArray over the dims of the game, in its unit

    Raises
    ------
    ValueError
        If the allocation does not share out v of all players together.

    Source: Gillies (1959), Solutions to general non-zero-sum games.
    """
    total = game.isel({p: 1 for p in players}, drop=True)
    if not np.allclose(allocation.sum("player"), total, rtol=1e-6, atol=1e-6):
        raise ValueError("allocation must add up to what all players gain together")
    share = sum(
        xr.DataArray([0.0, 1.0], dims=p) * allocation.sel(player=p, drop=True) for p in players
    )
    return (game - share).assign_attrs(units=game.attrs.get("units", "1"))


def least_core(game, *, players):
    r"""Give the allocation with which the worst-off coalition loses least by staying.

    min epsilon  subject to  sum over i in S of x_i >= v(S) - epsilon for every S but none and
    all, and  sum of all x_i = v(all)

    A linear programme. The core is empty exactly if epsilon is above 0.

    Parameters
    ----------
    game : DataArray with one dim of size 2 for each player, and no other
    players : names of those dims, two or more

    Returns
    -------
    Dataset: epsilon, allocation (player), in the unit of the game

    Raises
    ------
    ValueError
        If the game has other dims than the players'.

    Source: Maschler, Peleg and Shapley (1979), Mathematics of Operations Research 4, 303-338.
    """
    players = list(players)
    if set(game.dims) != set(players):
        raise ValueError(f"game must have the dims {players}, not {list(game.dims)}")
    n = len(players)
    states = np.indices((2,) * n).reshape(n, -1).T
    values = game.transpose(*players).values.ravel()
    some = (states.sum(1) > 0) & (states.sum(1) < n)
    unknown = np.append(np.zeros(n), 1.0)
    inequality = np.column_stack([-states[some], -np.ones(some.sum())])
    found = linprog(
        unknown,
        A_ub=inequality,
        b_ub=-values[some],
        A_eq=[np.append(np.ones(n), 0.0)],
        b_eq=[values[-1]],
        bounds=(None, None),
        method="highs",
    )
    units = {"units": game.attrs.get("units", "1")}
    return xr.Dataset(
        {
            "epsilon": xr.DataArray(found.x[-1], attrs=units),
            "allocation": xr.DataArray(
                found.x[:-1], dims="player", coords={"player": players}, attrs=units
            ),
        }
    )


def best_retrofits(benefit, *, capital, budget, dim="retrofit"):
    r"""Give the share of each retrofit that brings the most within a budget.

    max sum b_r z_r  subject to  sum K_r z_r <= B and 0 <= z_r <= 1

    Retrofits can be done in part, so that taking them in the order of b / K is best.

    Parameters
    ----------
    benefit : array (retrofit, any); yearly gain b after the cost of capital; MCNY/year
    capital : array (retrofit, any); K, above 0; MCNY
    budget : array, any dims; B, 0 or more; MCNY
    dim : name of the dim of retrofits

    Returns
    -------
    z (retrofit, any); 1

    Raises
    ------
    ValueError
        If a capital is not above 0 or a budget is negative.

    Source: Dantzig (1957), Discrete-variable extremum problems, Operations Research 5, 266-277.
    """
    if np.any(np.asarray(capital) <= 0):
        raise ValueError("capital must be above 0 for every retrofit")
    if np.any(np.asarray(budget) < 0):
        raise ValueError(f"budget must be 0 or more, not {float(np.min(budget)):g}")
    return xr.apply_ufunc(
        _symbiosis.fractional_knapsack,
        benefit,
        capital,
        budget,
        input_core_dims=[[dim], [dim], []],
        output_core_dims=[[dim]],
    ).assign_attrs(units="1")


def _check_water(c_in, c_out, fresh):
    if np.any(np.asarray(c_out - c_in) <= 0):
        raise ValueError("c_out must be above c_in for every operation")
    if np.any(np.asarray(c_in - fresh) < 0):
        lowest = float(np.min(c_in))
        raise ValueError(
            f"no water network exists: fresh is {float(np.max(fresh)):g} ppm, but an operation "
            f"takes water of {lowest:g} ppm at most; lower fresh"
        )


def _check_park(sources, sinks, transport):
    for name, amounts in (("supply", sources["supply"]), ("demand", sinks["demand"])):
        if np.any(amounts.values < 0):
            raise ValueError(f"{name} must be 0 or more, but {float(amounts.min()):g} was given")
    kinds = {*sources["kind"].values} | {*sinks["kind"].values}
    missing = kinds - {*transport["kind"].values}
    if missing:
        raise ValueError(f"transport has no kind '{min(missing)}'")


def _grades(hot, cold, edges):
    """Shares of a temperature range in each interval between edges, from the hottest down."""
    upper, lower = edges[:-1], edges[1:]
    width = np.clip(np.minimum(hot, upper) - np.maximum(cold, lower), 0, None)
    return width / (hot - cold)


def _edges(hot, cold, approach):
    """Edges of temperature intervals, the hottest first.

    The temperatures at which streams come are enough: between two of them every stream to cool
    is there from the top and every stream to heat from the bottom, so that any pair can
    exchange heat along its whole length (Cerda et al. 1983, Chemical Engineering Science 38).
    """
    starts = [hot["hot"].values - approach, cold["cold"].values]
    ends = [hot["cold"].values - approach, cold["hot"].values]
    every = np.concatenate(starts + ends)
    if not every.size:
        return np.zeros(1)
    return np.unique(np.concatenate([*starts, [every.min(), every.max()]]))[::-1]


def _lanes(sources, sinks, approach):
    """List all lanes: index of source, use, sink, link and rows, and the quality coefficient."""
    firm_i, firm_j = sources["firm"].values, sinks["firm"].values
    kind_i, kind_j = sources["kind"].values, sinks["kind"].values
    warm, cool = kind_i == HEAT, kind_j == HEAT
    edges = _edges(sources.isel(source=warm), sinks.isel(sink=cool), approach)
    given = [
        _grades(h - approach, c - approach, edges) if heat else np.ones(1)
        for h, c, heat in zip(sources["hot"].values, sources["cold"].values, warm, strict=True)
    ]
    taken = [
        _grades(h, c, edges) if heat else np.ones(1)
        for h, c, heat in zip(sinks["hot"].values, sinks["cold"].values, cool, strict=True)
    ]
    limit, bought = sinks["limit"].values, sinks["bought"].values
    some = sources["supply"].values.reshape(*sources["supply"].shape[:2], -1).max(-1) > 0
    rows = {"supply": {}, "demand": {}, "blend": {}, "link": {}}
    lanes = {name: [] for name in ("source", "use", "sink", "link", "supply", "demand", "blend")}
    lanes["quality"] = []

    def row(name, key):
        return rows[name].setdefault(key, len(rows[name]))

    for i, j in np.ndindex(len(firm_i), len(firm_j)):
        if kind_i[i] != kind_j[j] or firm_i[i] == firm_j[j]:
            continue
        steps = [
            (p, q)
            for p in np.flatnonzero(given[i] > 1e-12)
            for q in np.flatnonzero(taken[j] > 1e-12)
            if q >= p
        ]
        mixed = np.isfinite(limit[j]) and not warm[i]
        for use in np.flatnonzero(some[i]):
            for p, q in steps:
                lanes["source"].append(i)
                lanes["use"].append(use)
                lanes["sink"].append(j)
                lanes["link"].append(row("link", (i, j)))
                lanes["supply"].append(row("supply", (i, use, p, given[i][p])))
                lanes["demand"].append(row("demand", (j, q, taken[j][q])))
                lanes["blend"].append(row("blend", (j,)) if mixed else -1)
                lanes["quality"].append(sources["quality"].values[i] - bought[j] if mixed else 0.0)
    whole = {
        name: np.array(values, dtype=int) for name, values in lanes.items() if name != "quality"
    }
    whole["quality"] = np.array(lanes["quality"], dtype=float)
    for name in ("supply", "demand", "blend"):
        whole[f"{name}_rows"] = list(rows[name])
    return whole


def _rows(amount, rows, dims, name):
    """Amount of each row: that of its source or sink times the share of its interval."""
    where = {dim: xr.DataArray([row[at] for row in rows], dims=name) for at, dim in enumerate(dims)}
    share = xr.DataArray([row[-1] for row in rows], dims=name)
    return (amount.isel(where) * share).drop_vars(dims, errors="ignore")


def _blend(sinks, lanes):
    """Right-hand side of each mix: (q_max - q_0) d."""
    rows = xr.DataArray([row[0] for row in lanes["blend_rows"]], dims="blend_row").astype(int)
    mixed = sinks[["limit", "bought", "demand"]].isel(sink=rows)
    return ((mixed["limit"] - mixed["bought"]) * mixed["demand"]).drop_vars("sink", errors="ignore")
