"""The cycle of a metal in regions and end uses: from the furnace through use to scrap and back.

Ore-based (primary) and scrap-based (secondary) metal make crude metal. Forming it leaves home
scrap, fabricating goods leaves new scrap, goods that leave use give old scrap; some of what
leaves use stays where it stands (hibernates), some is lost. Flows are amounts a year.
"""

import numpy as np
import xarray as xr

from unlock import cohorts

SCRAP_TRADE = ("none", "free")
BELOW = ("hold", "refuse")
NODES = {
    "steelmaking": "primary + secondary - crude",
    "remelting": "scrap_used - secondary - remelting_loss",
    "forming": "crude - finished - home_scrap",
    "metal market": "finished - net_export - delivered",
    "fabrication": "delivered - fabricated - new_scrap - fabrication_loss",
    "goods market": "fabricated + net_import_goods + reused - inflow",
    "end of life": "outflow - reused - hibernating - old_scrap - lost",
    "scrap market": "home_scrap + new_scrap + old_scrap + scrap_net_import - scrap_used"
    " - scrap_surplus",
}
BY_END_USE = ("delivered", "fabricated", "new_scrap", "fabrication_loss", "net_import_goods")
BY_END_USE += ("reused", "inflow", "outflow", "hibernating", "old_scrap", "lost")


def shares(parts, *, dim):
    """Scale non-negative parts so that they sum to 1 over a dimension.

    s_i = p_i / sum_j p_j

    Parameters
    ----------
    parts : DataArray (dim, any); any unit, not negative, not all 0
    dim : dimension over which the shares add up

    Returns
    -------
    DataArray of the same dims; dimensionless.

    Raises
    ------
    ValueError
        If a part is negative or all parts are 0.
    """
    if bool((parts < 0).any()):
        raise ValueError(f"parts must not be negative, but {float(parts.min()):g} was given")
    total = parts.sum(dim)
    if bool((total == 0).any()):
        raise ValueError(f"parts must not all be 0 along {dim!r}")
    return _units(parts / total, "1")


def inflow_to_use(crude, *, forming_yield, split, fabrication_yield, net_export=0.0):
    r"""Give the metal in goods that enter use, from recorded crude production.

    I_u = s_u y_u (C f - X)

    Parameters
    ----------
    crude : DataArray (any); C, crude metal produced; amount a year
    forming_yield : f, finished metal per crude metal; 0 to 1
    split : DataArray (end use, any); s, share of finished metal by end use; sums to 1
    fabrication_yield : y, metal in goods per finished metal; 0 to 1
    net_export : X, exports less imports of finished metal; amount a year

    Returns
    -------
    DataArray in the unit of `crude`. A year in which exports pass production gives 0.

    Raises
    ------
    ValueError
        For a yield outside 0 to 1.

    Source: Pauliuk, Wang and Müller (2013), Resources, Conservation and Recycling 71, 22-30.
    """
    _within(forming_yield, "forming_yield")
    _within(fabrication_yield, "fabrication_yield")
    delivered = crude * forming_yield - net_export
    delivered = delivered.clip(min=0)
    return _units(delivered * split * fabrication_yield, crude.attrs.get("units"))


def survivors(inflow, *, mean, sd=0.0, distribution="normal", time="time"):
    """Give what is left of each vintage at the end of the time axis.

    left(c) = dt(c) inflow(c) S(T - c), T the last year

    Parameters
    ----------
    inflow : DataArray (time, any); amount a year, yearly steps
    mean, sd, distribution : lifetime, as in `cohorts.survival`; years
    time : name of the time dimension

    Returns
    -------
    DataArray (cohort = vintage year, any); amount. It serves as `initial` of the stock models.

    Raises
    ------
    ValueError
        If the time axis has steps other than one year.
    """
    years = inflow[time].values
    if np.any(np.diff(years) != 1):
        raise ValueError(f"{time} must have yearly steps, but has {np.unique(np.diff(years))}")
    vintages = inflow.rename({time: "cohort"})
    age = (years[-1] - vintages["cohort"]).astype(float)
    left = vintages * cohorts.survival(age, mean=mean, sd=sd, distribution=distribution)
    return _units(left, _amount(inflow))


def saturation_path(
    level,
    *,
    growth,
    saturation,
    start,
    settled,
    time,
    closeness=0.02,
    memory=10.0,
    momentum=5.0,
    below="hold",
):
    r"""Give a stock per head that leaves with today's growth and settles at saturation.

    A logistic curve whose rate slides from that of today to the one that settles in time:

    s(t) = \hat{s} / (1 + (\hat{s} / s_0 - 1) e^{-R(t)})
    R(t) = k (t - t_0) + (k_0 - k) m (1 - e^{-(t - t_0) / m})
    k_0 = g / (s_0 (1 - s_0 / \hat{s})),  R(T) = ln(|\hat{s} / s_0 - 1| / e)

    k_0 is held within 0.25 a year and k is not negative. A stock at or above saturation runs on
    for a while and stays: \hat{s} is at least s_0 + h g. With `below` = "refuse" a saturation
    below today's stock is an error instead.

    Parameters
    ----------
    level : s_0, stock per head in the year t_0; amount per person, above 0
    growth : g, its growth in t_0; amount per person and year
    saturation : \hat{s}, level at which it settles; amount per person, above 0
    start : t_0; year
    settled : T, year in which it is within `closeness` of saturation; after `start`
    time : DataArray of years, not before `start`
    closeness : e, relative distance to saturation at T
    memory : m, years over which the rate of today fades
    momentum : h, years of today's growth that a stock at saturation still runs on
    below : what happens where saturation is below today's stock, "hold" or "refuse"

    Returns
    -------
    DataArray over `time` and all dims of the arguments; unit of `level`.

    Raises
    ------
    ValueError
        For a level or saturation that is not positive, a year of settling not after start, or,
        with "refuse", a saturation below the level.

    Source: logistic stock patterns of Müller, Wang and Duval (2011), Environmental Science &
    Technology 45, 182-188; the sliding rate is ours.
    """
    if bool(np.any(np.asarray(level) <= 0)) or bool(np.any(np.asarray(saturation) <= 0)):
        raise ValueError("level and saturation must be above 0")
    if bool(np.any(np.asarray(settled) <= start)):
        raise ValueError(f"settled must be after start {start}")
    if below not in BELOW:
        raise ValueError(f"below must be one of {BELOW}, not {below!r}")
    if below == "refuse":
        _refuse_below(saturation, level)
    saturation = np.maximum(saturation, level + momentum * growth)
    gap = saturation / level - 1
    far = np.maximum(np.abs(gap), closeness)
    today = xr.where(gap == 0, 0.0, growth / (level * xr.where(gap == 0, 1, gap)))
    today = today * (1 + gap)  # 1 / (1 - s0/s) = (1 + gap) / gap
    today = today.clip(-0.25, 0.25)
    span = settled - start
    faded = memory * (1 - np.exp(-span / memory))
    rate = (np.log(far / closeness) - today * faded) / (span - faded)
    rate = np.maximum(rate, 0)
    since = time - start
    progress = rate * since + (today - rate) * memory * (1 - np.exp(-since / memory))
    path = saturation / (1 + gap * np.exp(-progress))
    return _units(path, getattr(level, "attrs", {}).get("units"))


def cycle(
    use,
    *,
    fabrication_yield,
    forming_yield,
    recovery,
    hibernation,
    collection,
    remelting_yield,
    reuse=0.0,
    net_export=0.0,
    net_import_goods=0.0,
    scrap_limit=1.0,
    scrap_trade="none",
    end_use="end_use",
    region="region",
):
    r"""Give all flows of the cycle around a stock in use.

    reused R_u = min(r_u O_u, I_u)
    fabricated G_u = I_u - R_u - M_u,  delivered D_u = G_u / y_u
    finished F = sum_u D_u + X,  crude C = F / f,  home scrap C - F
    new scrap N_u = c_u (D_u - G_u)
    hibernating H_u = h_u (O_u - R_u),  old scrap E_u = e_u (O_u - R_u - H_u)
    scrap used Z = min(C - F + sum_u (N_u + E_u) + trade, q C / z)
    secondary S = z Z,  primary P = C - S

    Parameters
    ----------
    use : Dataset with `inflow` I and `outflow` O (end use, any), optionally
        `early_retirement`, which leaves with the outflow; amount a year. With `stock` the
        residuals include the stock.
    fabrication_yield : y (end use, any); metal in goods per metal delivered
    forming_yield : f (any); finished per crude metal
    recovery : e (end use, any); share of what can be collected that becomes old scrap
    hibernation : h (end use, any); share of what leaves use that stays where it is
    collection : c (end use, any); share of fabrication scrap that is collected
    remelting_yield : z (any); metal per scrap
    reuse : r (end use, any); share of the outflow used again without remelting
    net_export : X (region, any); finished metal, amount a year; sums to 0 over the world
    net_import_goods : M (end use, any); metal in goods, amount a year
    scrap_limit : q (any); largest share of crude metal that may come from scrap
    scrap_trade : "none" or "free"; with "free", regions with scrap to spare fill the room of
        the others in proportion to it
    end_use, region : names of these dimensions

    Returns
    -------
    Dataset of the flows named in `NODES`, amount a year; those of `BY_END_USE` by end use.
    It closes: see `residuals`.

    Raises
    ------
    ValueError
        For a share or yield outside 0 to 1, an unknown rule of scrap trade, or labels of the
        arguments that do not agree.

    Source: the cycle of Pauliuk, Milford, Müller and Allwood (2013), Environmental Science &
    Technology 47, 3448-3454.
    """
    for name, share in (
        ("fabrication_yield", fabrication_yield),
        ("forming_yield", forming_yield),
        ("recovery", recovery),
        ("hibernation", hibernation),
        ("collection", collection),
        ("remelting_yield", remelting_yield),
        ("reuse", reuse),
        ("scrap_limit", scrap_limit),
    ):
        _within(share, name)
    if scrap_trade not in SCRAP_TRADE:
        raise ValueError(f"scrap_trade must be one of {SCRAP_TRADE}, not {scrap_trade!r}")
    given = {"inflow": use["inflow"], "outflow": use["outflow"] + use.get("early_retirement", 0)}
    given |= {"fabrication_yield": fabrication_yield, "forming_yield": forming_yield}
    given |= {"recovery": recovery, "hibernation": hibernation, "collection": collection}
    given |= {"remelting_yield": remelting_yield, "reuse": reuse, "scrap_limit": scrap_limit}
    given |= {"net_export": net_export, "net_import_goods": net_import_goods}
    given, coords = _bare(given)
    flows = _making(given, end_use)
    flows |= _end_of_life(flows, given)
    arising = flows["home_scrap"] + (flows["new_scrap"] + flows["old_scrap"]).sum(end_use)
    room = given["scrap_limit"] * flows["crude"] / given["remelting_yield"]
    flows |= _scrap_market(arising, room, scrap_trade, region)
    secondary = given["remelting_yield"] * flows["scrap_used"]
    flows |= {
        "secondary": secondary,
        "primary": flows["crude"] - secondary,
        "remelting_loss": flows["scrap_used"] - secondary,
    }
    result = xr.Dataset(flows).assign_coords(coords)
    for name in result:
        result[name].attrs = {"units": use["inflow"].attrs.get("units", "")}
    return result.assign({name: use[name] for name in ("stock", "initial_stock") if name in use})


def scrap_within_copper(scrap, *, copper, crude, tolerance, remelting_yield, ore=0.0):
    r"""Give the most scrap that can be melted without too much copper in any product group.

    Copper stays in the melt, so a group u may take scrap with an excess of copper over ore,
    e_k = max(c_k - z c_0, 0), up to B_u = (x_u - c_0) C_u, and a mass up to M_u = C_u / z. Scrap
    is sorted by source and blended freely. With groups in rising order of tolerance, and G(q)
    the mass of the cleanest scrap whose excess is q, the pinch is where the groups up to j must
    take what the others have no room for:

    T = min over j of ( sum_{u > j} M_u + G( sum_{u <= j} B_u ) ), and T is at most sum_k A_k

    Parameters
    ----------
    scrap : A (scrap, any); amount of scrap by source, not negative
    copper : c (scrap, any); mass of copper per mass of scrap
    crude : C (end use, any); crude metal for each product group, not negative
    tolerance : x (end use, any); largest mass of copper per mass of crude metal
    remelting_yield : z (any); crude metal per scrap
    ore : c_0 (any); copper in ore-based metal, at most the tolerance

    Returns
    -------
    DataArray (any); amount of scrap, the unit of `scrap`.

    Raises
    ------
    ValueError
        For a negative amount, or a tolerance below the copper of ore-based metal.

    Source: copper as the limit after Daehn, Cabrera Serrenho and Allwood (2017), Environmental
    Science & Technology 51, 6599-6606; the closed form is ours, tested against a linear
    programme.
    """
    for name, amount in (("scrap", scrap), ("crude", crude)):
        if bool((amount < 0).any()):
            raise ValueError(f"{name} must not be negative, but {float(amount.min()):g} was given")
    if bool(np.any(np.asarray(tolerance - ore) < 0)):
        raise ValueError("tolerance must not be below ore, the copper of ore-based metal")
    excess = np.maximum(copper - remelting_yield * ore, 0)
    most = xr.apply_ufunc(
        _pinch,
        *(scrap, excess, crude / remelting_yield, (tolerance - ore) * crude, tolerance),
        input_core_dims=[["scrap"], ["scrap"], ["end_use"], ["end_use"], ["end_use"]],
        join="exact",
    )
    return _units(most, scrap.attrs.get("units"))


def copper_limit(
    flows,
    *,
    copper,
    tolerance,
    remelting_yield,
    ore=0.0,
    scrap_trade="none",
    end_use="end_use",
    region="region",
):
    """Give the largest share of scrap in crude metal that copper allows, for `cycle`.

    q = z T / C, with T of `scrap_within_copper` for each region. Product groups are the end
    uses; what is exported is made of the same groups. With free trade of scrap the world sorts
    and blends as one: what it can melt beyond the sum of its regions goes to each in proportion
    to the room it has left.

    Parameters
    ----------
    flows : Dataset as `cycle` gives it; its scrap market is not used
    copper : (scrap = "home", "new" and the names of the end uses, any); mass per mass of scrap
    tolerance, remelting_yield, ore : as in `scrap_within_copper`; without a region if traded
    scrap_trade : "none" or "free"
    end_use, region : names of these dimensions

    Returns
    -------
    DataArray of the dims of `flows` without end use; dimensionless, 0 to 1. 0 where no metal is
    made.

    Raises
    ------
    ValueError
        For an unknown rule of scrap trade, or as `scrap_within_copper`.
    """
    if scrap_trade not in SCRAP_TRADE:
        raise ValueError(f"scrap_trade must be one of {SCRAP_TRADE}, not {scrap_trade!r}")
    scrap, crude = _by_origin(flows, end_use), _by_group(flows, end_use)
    limits = {"copper": copper.sel(scrap=scrap["scrap"].values), "tolerance": tolerance}
    limits |= {"remelting_yield": remelting_yield, "ore": ore}
    most = scrap_within_copper(scrap, crude=crude, **limits)
    made = crude.sum("end_use")
    if scrap_trade == "free":
        world = scrap_within_copper(scrap.sum(region), crude=crude.sum(region), **limits)
        left = made / remelting_yield - most
        room = left.sum(region)
        beyond = (world - most.sum(region)).clip(min=0)
        most = most + left * beyond / room.where(room > 0, 1)
    share = (remelting_yield * most / made.where(made > 0)).fillna(0).clip(0, 1)
    return _units(share, "1")


def first_year(condition, *, time="time"):
    """Give the first year in which a condition holds.

    Parameters
    ----------
    condition : DataArray of truth values (time, any)
    time : name of the time dimension, with years

    Returns
    -------
    DataArray (any); year, NaN where the condition never holds.
    """
    first = condition[time].isel({time: condition.argmax(time)}).drop_vars(time)
    return _units(first.where(condition.any(time)).astype(float), "year")


def residuals(flows, *, end_use="end_use", time="time"):
    """Give what fails to balance at each node of the cycle, and over the whole of it.

    Each node's inputs less its outputs, as in `NODES`. The system: what enters (primary metal,
    net imports of metal, goods and scrap) less what stays in use, hibernates, is lost or left
    over. With `stock` also the use phase: change of stock less inflow plus outflow.

    Parameters
    ----------
    flows : Dataset as `cycle` gives it
    end_use, time : names of these dimensions

    Returns
    -------
    Dataset with one variable a node, amount a year, summed over end uses; 0 up to rounding.
    """
    total = {
        name: flow.sum(end_use) if name in BY_END_USE and end_use in flow.dims else flow
        for name, flow in flows.items()
    }
    found = {node: _evaluate(terms, total) for node, terms in NODES.items()}
    found["system"] = _evaluate(
        "primary + net_import_goods - net_export + scrap_net_import - inflow + outflow"
        " - hibernating - lost - fabrication_loss - remelting_loss - scrap_surplus",
        total,
    )
    if "stock" in flows:
        use = ["stock", "inflow", "outflow", *(n for n in ("initial_stock",) if n in flows)]
        found["use"] = cohorts.balance(flows[use], time=time).sum(end_use)
    return xr.Dataset(found)


def _refuse_below(saturation, level):
    """Refuse a saturation below the level, naming the cell that is furthest below."""
    short = xr.DataArray(level) - saturation
    if bool((short > 0).any()):
        cell = short.argmax(...)
        where = {dim: short[dim].values[at] for dim, at in cell.items() if dim in short.coords}
        at = f" ({', '.join(f'{dim} {label}' for dim, label in where.items())})" if where else ""
        given, today = xr.broadcast(xr.DataArray(saturation), xr.DataArray(level))
        raise ValueError(
            f"saturation must not be below today's stock per head, but {float(given[cell]):.3g}"
            f" was given and the stock is {float(today[cell]):.3g}{at}"
        )


def _by_origin(flows, end_use):
    """Scrap by origin: home, new and, by end use, old."""
    made = {"home": flows["home_scrap"], "new": flows["new_scrap"].sum(end_use)}
    made = [flow.expand_dims(scrap=[name]) for name, flow in made.items()]
    old = flows["old_scrap"].rename({end_use: "scrap"})
    return xr.concat([*made, old], dim="scrap").clip(min=0)


def _by_group(flows, end_use):
    """Crude metal by product group, in proportion to what is delivered to each end use."""
    delivered = flows["delivered"].clip(min=0)
    total = delivered.sum(end_use)
    groups = flows["crude"].clip(min=0) * delivered / total.where(total > 0, 1)
    return groups.rename({end_use: "end_use"})


def _pinch(scrap, excess, room, budget, tolerance):
    """The most scrap within mass and copper; sources and groups along the last axes."""
    scrap, excess = np.broadcast_arrays(scrap, excess)
    order = np.argsort(excess, axis=-1, kind="stable")
    scrap, excess = (np.take_along_axis(part, order, -1) for part in (scrap, excess))
    room, budget, tolerance = np.broadcast_arrays(room, budget, tolerance)
    order = np.argsort(tolerance, axis=-1, kind="stable")
    room, budget = (np.take_along_axis(part, order, -1) for part in (room, budget))
    above = np.flip(np.cumsum(np.flip(room, -1), -1), -1)  # groups j and up
    most = np.minimum(above[..., 0], scrap.sum(-1))  # j = 0: no group is short of copper
    before = np.cumsum(scrap * excess, -1) - scrap * excess
    spent = np.cumsum(budget, -1)
    for j in range(room.shape[-1]):
        left = np.maximum(spent[..., j, None] - before, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            mass = np.where(excess > 0, left / excess, np.inf)
        others = above[..., j + 1] if j + 1 < room.shape[-1] else 0.0
        most = np.minimum(most, others + np.minimum(scrap, mass).sum(-1))
    return most


def _bare(given):
    """Check that labels agree, once, and give the arrays without them: sums then run faster."""
    arrays = [xr.DataArray(part) for part in given.values()]
    arrays = xr.align(*arrays, join="exact")
    coords = {d: a[d] for a in arrays for d in a.dims if d in a.coords}
    return {
        name: a.drop_vars(list(a.coords)) for name, a in zip(given, arrays, strict=True)
    }, coords


def _making(given, end_use):
    """Flows from the furnace to the goods."""
    inflow, outflow, goods = given["inflow"], given["outflow"], given["net_import_goods"]
    reused = np.minimum(given["reuse"] * outflow, np.maximum(inflow, 0))
    fabricated = inflow - reused - goods
    delivered = fabricated / given["fabrication_yield"]
    home = delivered.sum(end_use)
    net_export = given["net_export"] + 0 * home
    finished = home + net_export
    crude = finished / given["forming_yield"]
    new_scrap = given["collection"] * (delivered - fabricated)
    return {
        "inflow": inflow,
        "outflow": outflow,
        "reused": reused,
        "fabricated": fabricated,
        "net_import_goods": goods + 0 * inflow,
        "delivered": delivered,
        "new_scrap": new_scrap,
        "fabrication_loss": delivered - fabricated - new_scrap,
        "net_export": net_export,
        "finished": finished,
        "crude": crude,
        "home_scrap": crude - finished,
    }


def _end_of_life(flows, given):
    """Flows of what leaves use and is not used again."""
    free = flows["outflow"] - flows["reused"]
    hibernating = given["hibernation"] * free
    old_scrap = given["recovery"] * (free - hibernating)
    return {
        "hibernating": hibernating,
        "old_scrap": old_scrap,
        "lost": free - hibernating - old_scrap,
    }


def _scrap_market(arising, room, scrap_trade, region):
    """Scrap used at home, traded and left over."""
    room = room.clip(min=0)
    used = np.minimum(arising, room)
    trade = 0 * used
    if scrap_trade == "free":
        spare, wanted = (arising - used).clip(min=0), (room - used).clip(min=0)
        all_spare, all_wanted = spare.sum(region), wanted.sum(region)
        traded = np.minimum(all_spare, all_wanted)
        to = wanted * (traded / all_wanted.where(all_wanted > 0)).fillna(0)
        trade = to - spare * (traded / all_spare.where(all_spare > 0)).fillna(0)
        used = used + to
    return {
        "scrap_net_import": trade,
        "scrap_used": used,
        "scrap_surplus": arising + trade - used,
    }


def _evaluate(terms, flows):
    """Sum the flows named in a text such as `a + b - c`."""
    words = ["+", *terms.split()]
    signed = zip(words[::2], words[1::2], strict=True)
    return sum(flows[name] if sign == "+" else -flows[name] for sign, name in signed)


def _within(share, name):
    """Refuse a share outside 0 to 1."""
    low, high = float(np.nanmin(np.asarray(share))), float(np.nanmax(np.asarray(share)))
    if low < 0 or high > 1:
        raise ValueError(f"{name} must be between 0 and 1, but {low:g} to {high:g} was given")


def _units(array, units):
    if units:
        array.attrs = {"units": units}
    return array


def _amount(flow):
    """Unit of a flow times a year: what is left of `Mt/year` is `Mt`."""
    return flow.attrs.get("units", "").removesuffix("/year") or None
