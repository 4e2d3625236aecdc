"""A steel plant with its own power: hourly least-cost plan of sizes and operation.

Sun, wind, grid, battery, electrolyser, hydrogen store, shaft, store of briquetted iron and arc
furnace are one linear programme, over typical days whose stores are linked from day to day or
over a whole year. Every argument may carry further dims (sample, weather year, choice of parts);
each of their combinations is one programme.
"""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr

from unlock import _plant, costs

UNITS = tuple(
    "roof_pv land_pv wind grid battery_power battery_store electrolyser hydrogen_store shaft "
    "iron_store furnace".split()
)
PARTS, STORES = _plant.PARTS, _plant.STORES
TECHNOLOGY = tuple(
    "electrolyser_efficiency hydrogen_use shaft_power iron_use furnace_power battery_efficiency "
    "electrolyser_least shaft_least furnace_least shaft_ramp".split()
)
MARKET = tuple("import_price export_price levy service_price self_use own_share".split())
RESULTS = ("own", "imported", "exported", "charge", "discharge", "reserve", "capacity", "cost")
_TIME = ("period", "hour", "day", "unit")


def unit_cost(capex, *, rate, life, upkeep):
    """Give what a unit costs in a year: the charge for its capital and its upkeep.

    C = (a(r, L) + m) K

    Parameters
    ----------
    capex : array, any dims; price K of a unit; CNY per MW, MWh, t/h or t
    rate, life : arrays, any dims; cost of capital r and life L; 1/year and year
    upkeep : array, any dims; yearly upkeep m over the price; 1/year

    Returns
    -------
    C over all dims together; CNY/year per unit

    Raises
    ------
    ValueError
        As `costs.annuity_factor`.
    """
    return (costs.annuity_factor(rate, life=life) + upkeep) * capex


def time_of_use(tier, *, mean, demand_charge=0.0, spread=1.0):
    """Give the price of energy in each hour of the day under a time-of-use tariff.

    p_h = (p - D / 8760) (1 + s (m_h / mean(m) - 1)): a load that never changes pays p on average,
    demand charge D included, whatever the tariff.

    Parameters
    ----------
    tier : DataArray (hour, any); price of the hour over the flat price, m_h; dimensionless
    mean : array, any dims; p, all charges included; CNY/MWh
    demand_charge : array, any dims; D on the highest draw; CNY/year per MW
    spread : array, any dims; s, 0 for a flat price, 1 for the tariff; dimensionless

    Returns
    -------
    p_h over all dims together; CNY/MWh

    Raises
    ------
    ValueError
        For a demand charge that alone exceeds the mean price.
    """
    energy = mean - demand_charge / 8760
    if np.any(np.asarray(energy) <= 0):
        raise ValueError(
            f"demand_charge over 8,760 hours must be below mean, but {np.max(demand_charge):g} "
            f"CNY/year per MW and {np.min(mean):g} CNY/MWh were given"
        )
    price = energy * (1 + spread * (tier / tier.mean("hour") - 1))
    return price.assign_attrs(units="CNY/MWh")


def least_load(least, *, flexible):
    """Give the least load of a part that may be flexible, or runs evenly all year.

    l = 1 + f (l_0 - 1)

    Parameters
    ----------
    least : array, any dims; l_0, least load over capacity if flexible; dimensionless
    flexible : array, any dims; f, 1 if flexible and 0 if not

    Returns
    -------
    l over all dims together; dimensionless
    """
    return 1 + flexible * (least - 1)


def optimise(
    days: xr.Dataset,
    *,
    capacity_cost: xr.DataArray,
    limit: xr.DataArray,
    technology: Mapping[str, xr.DataArray | float],
    market: Mapping[str, xr.DataArray | float],
    output: xr.DataArray | float,
    solver: str = "choose",
    progress: Callable[[str], None] | None = None,
) -> xr.Dataset:
    """Give the plant that makes the steel of a year at least cost, and how it runs.

    min sum_u C_u K_u + sum_t w_t (p_t m_t + q o_t - (x + q) e_t - s_t r_t), where in each hour

    - o_t <= P_t (K_roof + K_land) + W_t K_wind, of which e_t <= o_t is sold;
    - o_t + m_t + d_t = e_t + c_t + l_t + u_s s_t + u_f f_t;
    - battery: change of level k c_t - d_t / k; hydrogen: n l_t - h s_t; iron: s_t - i f_t;
    - m_t, e_t <= K_grid; for electrolyser l, shaft s and furnace f: b K <= load <= K, and
      the shaft moves by at most g K from hour to hour;
    - r_t <= l_t - b K_electrolyser, r_t <= m_t: load that could be shed for the grid;

    and over the year sum f = output, sum (o - e) >= self_use x what sun and wind could give, and
    sum (o - e) >= own_share x sum (o - e + m). Levels of stores are those within the typical day
    plus what is carried from day to day (Kotzur et al. 2018).

    Parameters
    ----------
    days : Dataset as `weather.typical_days` or `weather.whole_year` gives it
    capacity_cost : DataArray (unit, any); C of every unit in `UNITS`; CNY/year per MW (sources,
        grid, battery power, electrolyser), MWh (battery and hydrogen store), t/h (shaft, furnace)
        or t (iron store)
    limit : DataArray (unit, any); highest capacity, may be infinite; MW, MWh, t/h or t
    technology : arrays by the names in `TECHNOLOGY`, any dims; electrolyser efficiency n and
        battery efficiency k (one way), dimensionless; hydrogen use h, MWh/t iron; power of the
        shaft u_s and the furnace u_f, MWh/t; iron use i, t/t; least loads b, dimensionless;
        ramp g of the shaft, 1/hour
    market : arrays by the names in `MARKET`, (hour, any) or any dims; import price p, export price
        x, levy q on own power used, price s of an hour in which load can be shed, CNY/MWh;
        least self_use and own_share, dimensionless
    output : array, any dims; t/year
    solver : HiGHS solver, "choose", "simplex", "ipm" or "hipo"; the last two are interior-point
        methods without crossover, and "hipo" is the fastest for a whole year
    progress : hears each line that HiGHS logs; the programmes are then solved one after another

    Returns
    -------
    Dataset over any and

    - `capacity` (unit), `cost` and `running_cost`, CNY/year;
    - `own`, `imported`, `exported`, `charge`, `discharge`, `electrolyser`, `reserve`, MW, `shaft`
      and `furnace`, t/h, all (period, hour); levels within a day, `battery_level` and so on
      (period, hour), and carried, `battery_carried` and so on (day), MWh or t;
    - shadow prices `power_price` (period, hour), CNY/MWh, and `steel_price`, CNY/t;
    - `pv`, `wind`, `weight` and `period_of_day` of `days`

    Raises
    ------
    ValueError
        For a missing name or unit, an unknown solver, labels that differ, a value that is out of
        its bounds, and a plant that cannot exist, naming the argument that stands in the way.
    """
    if solver not in _plant.SOLVERS:
        raise ValueError(
            f"solver must be one of {', '.join(_plant.SOLVERS)}, but {solver!r} was given"
        )
    data = _read(days, capacity_cost, limit, technology, market, output)
    stacked, extra = _stack(data)
    n = stacked.sizes[_plant.CASE]
    model = _plant.build(stacked)
    found = _plant.solve(model, n, {"solver": solver}, progress)
    for i, state in enumerate(found.status):
        if state != "optimal":
            raise ValueError(_why(stacked.isel({_plant.CASE: [i]}), state, solver))
    plan = _plant.collect(model, found, stacked["period_of_day"].astype(int))
    weight = stacked["weight"]
    plan["power_price"] = plan.pop("power_dual") / weight
    plan["steel_price"] = plan.pop("steel_dual")
    fixed = (stacked["capacity_cost"] * plan["capacity"]).sum("unit")
    plan["running_cost"] = _running_cost(plan, stacked)
    plan["cost"] = fixed + plan["running_cost"]
    whole = xr.Dataset(plan | {k: stacked[k] for k in ("pv", "wind", "weight", "period_of_day")})
    return _labelled(_unstack(whole, extra))


def yearly(plan, *, flow):
    """Give the sum of an hourly flow over the year.

    Parameters
    ----------
    plan : Dataset as `optimise` gives it
    flow : name of one of its hourly arrays

    Returns
    -------
    DataArray (any); MWh/year, or t/year for shaft and furnace
    """
    total = (plan[flow] * plan["weight"]).sum(["period", "hour"])
    unit = "t/year" if flow in ("shaft", "furnace") else "MWh/year"
    return total.assign_attrs(units=unit)


def own_share(plan):
    """Give the share of the power used on site that comes from the plant's own sun and wind.

    sum (own - exported) / sum (own - exported + imported)

    Parameters
    ----------
    plan : Dataset as `optimise` gives it

    Returns
    -------
    DataArray (any); percent
    """
    used = yearly(plan, flow="own") - yearly(plan, flow="exported")
    return (100 * used / (used + yearly(plan, flow="imported"))).assign_attrs(units="percent")


def grid_peak(plan, *, when=None):
    """Give the highest draw from the grid, or that in certain hours of the day.

    Parameters
    ----------
    plan : Dataset as `optimise` gives it
    when : DataArray (hour) of truth values, as many as a period has hours; all if not given

    Returns
    -------
    DataArray (any); MW
    """
    drawn = plan["imported"] if when is None else plan["imported"].where(when, 0.0)
    return drawn.max(["period", "hour"]).assign_attrs(units="MW")


def unused_share(plan):
    """Give the share of what sun and wind could give that is neither used nor sold.

    Parameters
    ----------
    plan : Dataset as `optimise` gives it

    Returns
    -------
    DataArray (any); percent; NaN without sources
    """
    given = (_available(plan) * plan["weight"]).sum(["period", "hour"])
    share = 100 * (1 - yearly(plan, flow="own") / given.where(given > 0))
    return share.assign_attrs(units="percent")


def residuals(plan, *, technology):
    """Give the largest gap in the balances of power, hydrogen and iron, over the mean flow.

    The levels of the stores are followed through all days of the year, so that the links between
    days are checked too.

    Parameters
    ----------
    plan : Dataset as `optimise` gives it
    technology : as in `optimise`

    Returns
    -------
    DataArray (balance, any); "power", "battery", "hydrogen", "iron"; dimensionless
    """
    t = {name: xr.DataArray(value) for name, value in technology.items()}
    load = plan["electrolyser"] + t["shaft_power"] * plan["shaft"]
    load = load + t["furnace_power"] * plan["furnace"]
    gain = plan["own"] + plan["imported"] + plan["discharge"] - plan["exported"] - plan["charge"]
    mean = {"power": load.mean(["period", "hour"])}
    gap = {"power": abs(gain - load).max(["period", "hour"])}
    kept = t["battery_efficiency"]
    hydrogen = t["hydrogen_use"] * plan["shaft"]
    change = {
        "battery": kept * plan["charge"] - plan["discharge"] / kept,
        "hydrogen": t["electrolyser_efficiency"] * plan["electrolyser"] - hydrogen,
        "iron": plan["shaft"] - t["iron_use"] * plan["furnace"],
    }
    mean |= {"battery": mean["power"], "hydrogen": hydrogen.mean(["period", "hour"])}
    mean |= {"iron": plan["shaft"].mean(["period", "hour"])}
    for store in STORES:
        level = through_the_year(plan, level=store)
        before = level.roll(time=1, roll_coords=False)
        moved = _in_order(plan, change[store])
        gap[store] = abs(level - before - moved).max("time")
    names = list(gap)
    parts = xr.broadcast(*(gap[name] / mean[name] for name in names))
    return xr.concat(parts, dim="balance").assign_coords(balance=names).assign_attrs(units="1")


def through_the_year(plan, *, flow=None, level=None):
    """Give an hourly flow or the level of a store through all hours of the year in order.

    Parameters
    ----------
    plan : Dataset as `optimise` gives it
    flow : name of an hourly array; or
    level : name of a store, "battery", "hydrogen" or "iron"

    Returns
    -------
    DataArray (time, any); hour of the year; MW, t/h, MWh or t
    """
    if flow is not None:
        return _in_order(plan, plan[flow])
    if plan.sizes["day"] == 1:
        return _in_order(plan, plan[f"{level}_level"])
    within, carried = (plan[f"{level}_{kind}"] for kind in ("level", "carried"))
    return _in_order(plan, within, carried)


def levelised_cost(plan, *, output, other=0.0):
    """Give the levelised cost of a tonne of steel.

    c = (cost of plant, sources and power) / output + other

    Parameters
    ----------
    plan : Dataset as `optimise` gives it
    output : array, any dims; t/year
    other : array, any dims; ore, labour and all that the plan does not choose; CNY/t

    Returns
    -------
    c over all dims together; CNY/t
    """
    return (plan["cost"] / output + other).assign_attrs(units="CNY/t")


def _in_order(plan, array, carried=None):
    """Hours of the typical days laid out through the year, plus what is carried to each day."""
    order = plan["period_of_day"].astype(int)
    laid = array.sel(period=order).drop_vars("period", errors="ignore")
    if carried is not None:
        laid = laid + carried
    laid = laid.transpose("day", "hour", ...)
    time = np.arange(laid.sizes["day"] * laid.sizes["hour"])
    flat = laid.stack(time=("day", "hour"), create_index=False).drop_vars(["day", "hour"])
    return flat.assign_coords(time=time).transpose("time", ...)


def _available(plan):
    """What sun and wind could give; MW."""
    size = plan["capacity"]
    sun = size.sel(unit="roof_pv", drop=True) + size.sel(unit="land_pv", drop=True)
    return plan["pv"] * sun + plan["wind"] * size.sel(unit="wind", drop=True)


def _running_cost(plan, data):
    hourly = (
        data["import_price"] * plan["imported"]
        + data["levy"] * (plan["own"] - plan["exported"])
        - data["export_price"] * plan["exported"]
        - data["service_price"] * plan["reserve"]
    )
    return (hourly * data["weight"]).sum(["period", "hour"])


def _read(days, capacity_cost, limit, technology, market, output):
    """All arguments as one Dataset, checked."""
    for name, given, needed in (
        ("technology", technology, TECHNOLOGY),
        ("market", market, MARKET),
    ):
        if missing := [key for key in needed if key not in given]:
            raise ValueError(f"{name} has no {missing[0]!r}; it needs {', '.join(needed)}")
    for name, array in (("capacity_cost", capacity_cost), ("limit", limit)):
        if missing := [unit for unit in UNITS if unit not in array["unit"].values]:
            raise ValueError(f"{name} has no unit {missing[0]!r}; it needs {', '.join(UNITS)}")
    arrays = {key: xr.DataArray(technology[key]) for key in TECHNOLOGY}
    arrays |= {key: xr.DataArray(market[key]) for key in MARKET}
    arrays |= {"output": xr.DataArray(output)}
    shares = [key for key in (*TECHNOLOGY, "self_use", "own_share") if not key.endswith("use")]
    shares = [key for key in shares if not key.endswith("_power")] + ["self_use"]
    for key in dict.fromkeys(shares):
        if ((arrays[key] < 0) | (arrays[key] > 1)).any():
            worst = arrays[key].where((arrays[key] < 0) | (arrays[key] > 1)).max()
            raise ValueError(f"{key} must be from 0 to 1, but {float(worst):g} was given")
    for key in ("electrolyser_efficiency", "battery_efficiency", "iron_use", "output"):
        if (arrays[key] <= 0).any():
            raise ValueError(f"{key} must be above 0, but {float(arrays[key].min()):g} was given")
    for key in MARKET[:4]:
        arrays[key] = _hourly(arrays[key], days.sizes["hour"])
    if (arrays["service_price"] < 0).any():
        raise ValueError("service_price must not be negative")
    units = {"unit": list(UNITS)}
    arrays |= {"capacity_cost": capacity_cost.sel(units), "limit": limit.sel(units)}
    if (arrays["capacity_cost"] < 0).any() or (arrays["limit"] < 0).any():
        raise ValueError("capacity_cost and limit must not be negative")
    try:
        return xr.merge(
            [days, *(a.rename(k).drop_attrs() for k, a in arrays.items())],
            join="exact",
            combine_attrs="drop",
        )
    except ValueError as error:
        raise ValueError(f"the arguments have labels that differ: {error}") from None


def _hourly(array, hours):
    """A price of each hour of the day, repeated where a period is longer than a day."""
    if "hour" not in array.dims:
        return array
    if array.sizes["hour"] == hours:
        return array.assign_coords(hour=np.arange(hours))
    if hours % array.sizes["hour"]:
        raise ValueError(
            f"prices have {array.sizes['hour']} hours, which is no part of the {hours} of a period"
        )
    again = np.arange(hours) % array.sizes["hour"]
    return array.isel(hour=again).assign_coords(hour=np.arange(hours))


def _stack(data):
    """One dim `case` for all dims that are not those of the programme."""
    extra = {d: data.sizes[d] for d in data.dims if d not in _TIME}
    if taken := sorted(set(extra) & {*PARTS, *RESULTS}):
        raise ValueError(f"a dim of an argument is named {taken[0]!r}, like a result; rename it")
    labels = {d: data.indexes[d] for d in extra if d in data.indexes}
    once = {d: np.arange(n) for d, n in extra.items()}
    shape = list(extra.values())
    n = int(np.prod(shape)) if shape else 1
    stacked = {}
    for name, array in data.data_vars.items():
        own = [d for d in array.dims if d in _TIME]
        if name in ("import_price", "export_price", "levy", "service_price"):
            own = ["hour"]
        template = xr.DataArray(np.zeros(shape), once, list(extra))
        full = array.assign_coords({d: once[d] for d in array.dims if d in extra})
        if own == ["hour"] and "hour" not in full.dims:
            full = full.expand_dims(hour=data.indexes["hour"])
        full = (
            (full + template).transpose(*extra, *own)
            if name != "limit"
            else (full.broadcast_like(template).transpose(*extra, *own))
        )
        values = full.values.reshape(n, *(data.sizes[d] for d in own))
        stacked[name] = ((_plant.CASE, *own), values)
    coords = {d: data.indexes[d] for d in _TIME} | {_plant.CASE: np.arange(n)}
    return xr.Dataset(stacked, coords), (extra, labels)


def _unstack(whole, extra):
    sizes, labels = extra
    parts = {}
    for name, array in whole.data_vars.items():
        own = [d for d in array.dims if d != _plant.CASE]
        values = array.transpose(_plant.CASE, *own).values
        values = values.reshape((*sizes.values(), *values.shape[1:]))
        parts[name] = ((*sizes, *own), values)
    return xr.Dataset(parts, {d: whole.indexes[d] for d in _TIME} | labels)


def _labelled(plan):
    units = {"cost": "CNY/year", "running_cost": "CNY/year", "steel_price": "CNY/t"}
    units |= {"power_price": "CNY/MWh", "shaft": "t/hour", "furnace": "t/hour", "pv": "1"}
    units |= {"iron_level": "t", "iron_carried": "t", "wind": "1", "weight": "1"}
    for store in STORES[:2]:
        units |= {f"{store}_{kind}": "MWh" for kind in ("level", "carried")}
    for name, array in plan.data_vars.items():
        array.attrs["units"] = units.get(name, "MW")
    return plan


def _why(case, state, solver):
    """What stands in the way of a plant, found by leaving one condition out at a time."""
    if "unbounded" in state:
        price = float(case["export_price"].max())
        return (
            f"export_price {price:g} CNY/MWh pays for sources without end: it must be below what "
            "own power costs, or self_use or limit must hold exports back"
        )
    for name, allowed in (("own_share", 0.0), ("limit", np.inf)):
        loose = case.assign({name: xr.full_like(case[name], allowed)})
        model = _plant.build(loose)
        if _plant.solve(model, 1, {"solver": solver}).status[0] == "optimal":
            if name == "own_share":
                return (
                    f"own_share {float(case['own_share'].max()):g} cannot be met: sun and wind "
                    "within their limits never give so much; lower own_share or raise the limits"
                )
            bound = case["limit"].isel({_plant.CASE: 0})
            bound = bound[np.isfinite(bound.values)].to_series()
            named = ", ".join(f"{unit} {size:g}" for unit, size in bound.items())
            return f"limit is too low for the output of the year; limits given: {named}"
    return f"no plant meets own_share and limit together (HiGHS: {state})"
