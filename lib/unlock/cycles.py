"""The cycle of a metal in regions and end uses: from the furnace through use to scrap and back.

Ore-based (primary) and scrap-based (secondary) metal make crude metal. Forming it leaves home
scrap, fabricating goods leaves new scrap, goods that leave use give old scrap; some of what
leaves use stays where it stands (hibernates), some is lost. Flows are amounts a year.
"""

import numpy as np
import xarray as xr

from unlock import cohorts

SCRAP_TRADE = ("none", "free")
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
):
    r"""Give a stock per head that leaves with today's growth and settles at saturation.

    A logistic curve whose rate slides from that of today to the one that settles in time:

    s(t) = \hat{s} / (1 + (\hat{s} / s_0 - 1) e^{-R(t)})
    R(t) = k (t - t_0) + (k_0 - k) m (1 - e^{-(t - t_0) / m})
    k_0 = g / (s_0 (1 - s_0 / \hat{s})),  R(T) = ln(|\hat{s} / s_0 - 1| / e)

    k_0 is held within 0.25 a year and k is not negative. A stock at or above saturation runs on
    for a while and stays: \hat{s} is at least s_0 + h g.

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

    Returns
    -------
    DataArray over `time` and all dims of the arguments; unit of `level`.

    Raises
    ------
    ValueError
        For a level or saturation that is not positive or a year of settling not after start.

    Source: logistic stock patterns of Müller, Wang and Duval (2011), Environmental Science &
    Technology 45, 182-188; the sliding rate is ours.
    """
    if bool(np.any(np.asarray(level) <= 0)) or bool(np.any(np.asarray(saturation) <= 0)):
        raise ValueError("level and saturation must be above 0")
    if bool(np.any(np.asarray(settled) <= start)):
        raise ValueError(f"settled must be after start {start}")
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
