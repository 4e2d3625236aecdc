"""The integrated pathway: demand, fleets, routes, policy and supply in one model to 2060.

Six materials are made by many routes. Each year old plants reach the end of a cycle or close
early, demand asks for new ones, and each route gets a share of them by its levelised cost at the
sites there are, within what scrap, hydrogen, storage and new electric plants allow. What is built
lowers the cost of what comes. Pillars, levels and constraints are switches: each moves parameters
by amounts that are drawn like all others. Everything is in `unlock` already, the levelised cost,
experience curves, closing rules, the cycle of steel, the trigger of investment; this module joins
it. Years are stepped through, all else broadcasts: samples and any combination of switches.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from unlock import (
    _pathways,
    cohorts,
    costs,
    cycles,
    investment,
    learning,
    lockin,
    materials,
)
from unlock import routes as recipes

START, END, PAST = 2025, 2060, 2022
YEARS = np.arange(START, END + 1)
SECTORS = {"ammonia": "chemicals", "methanol": "chemicals", "ethylene": "chemicals"}
REGIONS = ("China", "World")
PILLARS = ("innovation", "institutions", "finance", "cooperation")
LEVELS = ("technology", "system", "business model")
CONSTRAINTS = ("lock-in", "resources", "cost", "institutions")
FOSSIL = ("thermal_coal", "gas", "coking_coal", "naphtha")
BOUNDS = {
    "reward": (0, 1),
    "convergence": (0, 1),
    "credibility": (0, 1),
    "premium": (-0.02, 0.3),
    "closing": (0, 0.3),
    "research": (0, 0.2),
    "delay": (0, 200),
    "spillover": (0, 1),
    "earlier": (-20, 30),
    "supply": (0.05, 10),
    "uptake": (0, 1),
    "scrap": (-0.5, 1),
    "flexible": (0, 0.6),
    "renewal": (0, 1),
}
GJ_PER_T_HYDROGEN = 120.0  # lower heating value
REWARD_FULL, CONVERGED, SAVED = 2035, 2045, 2050  # years in which policy and saving have come
SALT = 1e-9


class Pathway(NamedTuple):
    """Everything the model needs of one region, each figure with its range.

    region : China or World
    table : DataFrame by route: product, label, family, role, end_of_pipe, first year, share
    recipes : `routes.Routes` of both price regions
    inputs, shared, correlation : for `uncertainty.sample`
    moves : {kind: [(switch, parameter)]} of pillars, levels and constraints
    steel : what `steel_paths` needs
    """

    region: str
    table: pd.DataFrame
    recipes: recipes.Routes
    inputs: dict
    shared: dict
    correlation: pd.DataFrame
    moves: dict
    steel: dict


def read(load, *, region):
    """Give the inputs of one region.

    Parameters
    ----------
    load : function of a table's name with `dims`, `unit` and column=value, as `compendium.load`
    region : China or World; the world takes the mean of Chinese and European recipes and prices

    Returns
    -------
    Pathway

    Raises
    ------
    ValueError
        For another region.
    """
    if region not in REGIONS:
        raise ValueError(f"region must be one of {', '.join(REGIONS)}, not {region!r}")
    every = recipes.read(load, years=[2025, 2030, 2040, 2050])
    mix = load("pathway/mix", region=region).set_index("route")
    table = every.table.rename(columns={"value": "start"})[["product", "label", "start"]]
    table = table.join(mix[["family", "role", "end_of_pipe", "value"]], how="inner")
    table = table.rename(columns={"value": "share"})
    inputs = {name: _of_routes(figure, table.index) for name, figure in every.inputs.items()}
    if region == "China":
        inputs = {
            name: figure.sel(region="China", drop=True)
            if "region" in figure.dims and name != "price of carbon"
            else figure
            for name, figure in inputs.items()
        }
    for name in ("parameters", "fleet"):
        inputs |= _rows(load(f"pathway/{name}", region=[region, "all"][: 2 - (name == "fleet")]))
    inputs["demand"] = load("pathway/demand", dims=("product", "year"), region=region)
    inputs["saving"] = load("pathway/saving", dims=("product",))
    inputs |= _rows(load("pathway/base"), "base")
    moves = {}
    for kind, column in {"pillars": "pillar", "levels": "level", "constraints": "constraint"}.items():
        rows = load(f"pathway/{kind}")
        moves[kind] = list(zip(rows[column], rows["parameter"], strict=True))
        inputs |= _rows(rows, kind)
    inputs |= _learning_rates(load) | _volatility(load)
    plant = ("electrolyser_capex", "electrolyser_hours", "electrolyser_efficiency")
    for item, unit in zip(plant, ("CNY/kW", "hour/year", "1"), strict=True):
        inputs[item] = load("routes/supply", dims=(), unit=unit, item=item, region="China")
    names = dict(dims=("item",), unit="1/year", region="World")
    inputs["cost of capital of hydrogen"] = load(
        "finance", item="cost_of_capital_hydrogen", **names
    ).isel(item=0, drop=True)
    inputs |= {
        name: load("fleet/lifetimes", dims=(), sector="blast furnaces", quantity=name)
        for name in ("spread of lives", "undated furnaces older by")
    }
    inputs["closing time"] = load(
        "fleet/lifetimes",
        dims=(),
        sector="blast furnaces",
        quantity="closing time of overdue furnaces",
    )
    shared = {n: d for n, d in every.shared.items() if n in inputs}
    shared = {n: tuple(k for k in d if k in inputs[n].dims) for n, d in shared.items()}
    shared["price of carbon"] = ("year",)
    shared["demand"] = ("year",)
    return Pathway(
        region, table, every, inputs, shared, every.correlation, moves, _read_steel(load, region)
    )


def switches(names):
    """Give a switch, off and on, along a dim of its name for each of some names.

    Parameters
    ----------
    names : names, each once

    Returns
    -------
    {name: DataArray (name) of 0 and 1}, as `attribution.switches`
    """
    return {n: xr.DataArray([0.0, 1.0], dims=n, coords={n: [0, 1]}) for n in names}


def parameters(draw, *, pathway, pillars=None, levels=None, constraints=None):
    """Give the parameters of policy that a set of switches makes.

    theta_k = theta_0k + sum_i s_i D_ik - sum_l (1 - s_l) D_lk + sum_c s_c D_ck, held in bounds

    Parameters
    ----------
    draw : {name: DataArray (sample)}, the inputs of `pathway`
    pathway : Pathway
    pillars, levels, constraints : {name: number or array, any dims, 0 to 1}; a pillar or a
        constraint not named is off (0: not there, not relaxed), a level not named is on

    Returns
    -------
    {name: DataArray (sample, any)}, each in the unit of the table pathway/base

    Raises
    ------
    ValueError
        For an unknown name.
    """
    given = {"pillars": pillars or {}, "levels": levels or {}, "constraints": constraints or {}}
    known = dict(zip(given, (PILLARS, LEVELS, CONSTRAINTS), strict=True))
    for kind, values in given.items():
        if odd := set(values) - set(known[kind]):
            allowed = ", ".join(known[kind])
            raise ValueError(f"{kind} has {sorted(odd)[0]!r}; allowed are {allowed}")
    found = {name: draw[f"base: {name}"] for name in BOUNDS}
    for kind, moved in pathway.moves.items():
        for who, name in moved:
            change = draw[f"{kind}: {who}, {name}"]
            if kind == "levels":
                found[name] = found[name] - (1 - given[kind].get(who, 1.0)) * change
            elif who in given[kind]:
                found[name] = found[name] + given[kind][who] * change
    return {name: np.clip(found[name], *BOUNDS[name]) for name in found}


def decision_price(price, *, abroad, convergence, reward, multiple):
    """Give the carbon price that counts when a plant is chosen.

    p = r [(1 - w) P + w P_a] / m

    Parameters
    ----------
    price : P at home; CNY/tCO2, any dims
    abroad : P_a, towards which cooperation pulls; CNY/tCO2, any dims
    convergence : w; 0 to 1, any dims
    reward : r, share of the price that a tonne cut earns; 0 to 1, any dims
    multiple : m, by which an owner wants an unsure price to exceed what just pays, of
        `investment.trigger_multiple`; 1 or more, any dims

    Returns
    -------
    p over all dims together; CNY/tCO2

    Raises
    ------
    ValueError
        For a multiple below 1.

    Source: Dixit and Pindyck (1994), Investment under Uncertainty, for m.
    """
    if np.any(np.asarray(multiple) < 1):
        raise ValueError(f"multiple must be 1 or more, but {float(np.min(multiple)):g} was given")
    return reward * ((1 - convergence) * price + convergence * abroad) / multiple


def saved_demand(demand, *, potential, uptake, come=1.0):
    """Give the demand for a material when part of what can be saved is saved.

    D = D_0 (1 - u k v)

    Parameters
    ----------
    demand : D_0, Mt/year, any dims
    potential : v, share that could be saved for the same service; 0 to 1, any dims
    uptake : u, share of it that is taken up; 0 to 1, any dims
    come : k, how far saving has come by the year; 0 to 1, any dims

    Returns
    -------
    D over all dims together; Mt/year

    Raises
    ------
    ValueError
        For a share outside 0 to 1.
    """
    for name, share in (("potential", potential), ("uptake", uptake), ("come", come)):
        values = np.asarray(share)
        if np.any(values < 0) or np.any(values > 1):
            raise ValueError(
                f"{name} must lie from 0 to 1, but {values.min():g} to {values.max():g} was given"
            )
    return demand * (1 - uptake * come * potential)


def peak_year(emissions, *, dim="year"):
    """Give the year in which emissions are largest, the first of equals.

    t* = argmax_t E_t

    Parameters
    ----------
    emissions : DataArray (`dim`, any); E; MtCO2/year

    Returns
    -------
    DataArray (any); year
    """
    return emissions[dim][emissions.argmax(dim)].drop_vars(dim).assign_attrs(units="year")


def present_value(flow, *, rate, dim="year", start=START):
    """Give a sum of money over years as of the start.

    V = sum_t F_t (1 + r)^-(t - t_0)

    Parameters
    ----------
    flow : DataArray (`dim`, any); F; billion CNY a year
    rate : r; 1/year, any dims, above -1
    start : t_0

    Returns
    -------
    V over the other dims; billion CNY

    Raises
    ------
    ValueError
        For a rate of -1 or below.
    """
    if np.any(np.asarray(rate) <= -1):
        raise ValueError(f"rate must be above -1, but {float(np.min(rate)):g} was given")
    value = (flow * (1 + rate) ** -(flow[dim] - start)).sum(dim)
    return value.assign_attrs(units="GCNY")


def by_sector(array):
    """Give an array by product as an array by sector: the three chemicals are summed.

    Parameters
    ----------
    array : DataArray (product, any); a flow

    Returns
    -------
    DataArray (sector, any) in the same unit
    """
    names = [SECTORS.get(product, product) for product in array["product"].values]
    grouped = array.groupby(xr.DataArray(names, dims="product", name="sector")).sum()
    order = list(dict.fromkeys(names))
    return grouped.sel(sector=order).assign_attrs(array.attrs)


def steel_paths(draw, *, steel):
    """Give steel demand and scrap of the stock model, without levers and with all of them.

    The stock per head saturates (`cycles.saturation_path`); the cycle with no lever and with the
    whole potential of each (`materials.cycle_with_levers`) gives crude steel and scrap.

    Parameters
    ----------
    draw : {name: DataArray (sample, any)}, the inputs of `steel`
    steel : as in `Pathway.steel`

    Returns
    -------
    Dataset(demand, scrap) over (year, levers = none or all, sample); Mt/year
    """
    draw = {n: a.clip(0, 1) if a.attrs.get("units") == "1" else a for n, a in draw.items()}
    past = np.arange(1900, PAST + 1)
    years = np.arange(PAST + 1, END + 1)
    coming = xr.DataArray(years.astype(float), dims="time", coords={"time": years})
    lifetime = {"mean": draw["lifetime"], "sd": draw["lifetime"] * draw["spread"]}
    inflow = cycles.inflow_to_use(
        steel["crude"],
        forming_yield=_held(draw["forming_yield"], past),
        split=cycles.shares(draw["split"], dim="end_use"),
        fabrication_yield=draw["fabrication_yield"],
        net_export=steel["net_export"],
    )
    stock = cohorts.inflow_driven(inflow, **lifetime)["stock"]
    left = cycles.survivors(inflow, **lifetime)
    head = stock.sel(time=slice(PAST - 5, PAST)) * 1e6 / steel["people"]
    now, before = (head.sel(time=year, drop=True) for year in (PAST, PAST - 5))
    path = cycles.saturation_path(
        now,
        growth=(now - before) / 5,
        saturation=draw["saturation"],
        start=PAST,
        settled=draw["saturation_year"],
        time=coming,
    )
    needed = (path * steel["people"] / 1e6).sel(time=years)
    names = ("lifetime", "spread", "fabrication_yield", "recovery", "hibernation", "collection")
    cycle = {name: draw[name] for name in (*names, "remelting_yield")}
    cycle["forming_yield"] = draw["forming_yield"].isel(year=-1, drop=True)
    ramp = materials.ramp(coming, start=START, full=SAVED)
    uses = list(draw["lifetime"]["end_use"].values)
    reach = {
        lever: draw["potential"].sel(lever=lever, drop=True).sel(end_use=uses) * ramp
        for lever in materials.LEVERS
    }
    reach["forming"] = draw["potential"].sel(lever="yield", end_use="forming", drop=True) * ramp
    runs = []
    for levers in ({}, reach):
        flows = materials.cycle_with_levers(
            needed,
            levers=levers,
            cycle=cycle,
            initial=left,
            net_export=steel["net_export"].sel(time=PAST, drop=True),
        )
        scrap = flows["home_scrap"] + (flows["new_scrap"] + flows["old_scrap"]).sum("end_use")
        runs.append(xr.Dataset({"demand": flows["crude"], "scrap": scrap}).sum("region"))
    both = xr.concat(runs, dim=pd.Index(["none", "all"], name="levers"))
    both = both.rename(time="year").sel(year=YEARS)
    return both.map(lambda array: array.assign_attrs(units="Mt/year"))


def demand(draw, *, steel, uptake, scrap=0.0):
    """Give the demand for all products, and the scrap there is, for an uptake of saving.

    Steel is a mean of two views, weighted w: the stock model, scaled to today's output, and the
    business-as-usual path of the table. Between no lever and all levers it is taken as a line.

    Parameters
    ----------
    draw : {name: DataArray (sample, any)}, the inputs of a `Pathway`
    steel : as `steel_paths` gives it
    uptake, scrap : arrays, any dims; shares

    Returns
    -------
    Dataset: demand (product, year, any) and scrap (year, any); Mt/year
    """
    years = xr.DataArray(YEARS.astype(float), dims="year", coords={"year": YEARS})
    come = materials.ramp(years, start=START, full=SAVED)
    table = draw["demand"].interp(year=YEARS)
    w = draw["stock model weight"]
    bare = steel.sel(levers="none", drop=True)
    share = (1 - steel.sel(levers="all", drop=True) / bare).clip(0, 1)
    own = bare["demand"] / bare["demand"].sel(year=START, drop=True)
    own = own * table.sel(product="steel", year=START, drop=True)
    crude = w * own + (1 - w) * table.sel(product="steel", drop=True)
    crude = saved_demand(crude, potential=share["demand"], uptake=uptake)
    others = table.sel(product=draw["saving"]["product"])
    others = saved_demand(others, potential=draw["saving"], uptake=uptake, come=come)
    every = xr.concat([crude.expand_dims(product=["steel"]), others], dim="product")
    supply = w * bare["scrap"] + (1 - w) * table.sel(product="scrap", drop=True)
    supply = saved_demand(supply, potential=share["scrap"], uptake=uptake) * (1 + scrap * come)
    return xr.Dataset({"demand": every, "scrap": supply})


def remaining_fleet(draw, *, pathway):
    """Give the share of today's plants that has not come to the end of its cycle.

    Blast furnaces by vintage and the campaign of `lockin.closing`; other plants by a normal law
    around cycle less mean age (`lockin.remaining_share`).

    Parameters
    ----------
    draw : {name: DataArray (sample)}, the inputs of `pathway`
    pathway : Pathway

    Returns
    -------
    DataArray (product, year, sample); 1
    """
    years = xr.DataArray(YEARS.astype(float), dims="year", coords={"year": YEARS})
    products = list(dict.fromkeys(pathway.table["product"]))
    fleet = pathway.steel["fleet"]
    late = draw["closing time"]
    ends = lockin.closing(
        fleet,
        rule="campaign-end",
        life=40.0,
        campaign=draw["steel, cycle"],
        campaigns=xr.DataArray([20.0, 15.0, 10.0], dims="campaign"),
        undated_older=draw["undated furnaces older by"],
        spread=draw["spread of lives"],
    )
    share = lockin.remaining_share(years, today=START, closing_time=late, **ends)
    found = {"steel": (fleet * share).sum("cohort") / fleet.sum("cohort")}
    for product in products[1:]:
        vintage = START - draw[f"{product}, mean age"]
        cycle = draw[f"{product}, cycle"]
        found[product] = lockin.remaining_share(
            years,
            retirement=vintage + cycle,
            vintage=vintage,
            today=START,
            spread=draw["spread of lives"] * cycle,
            overdue="tail",
        )
    return xr.concat([found[p] for p in products], dim=pd.Index(products, name="product"))


def simulate(draw, *, pathway, steel, policy, end_of_pipe=0.0, by_route=False, block=24):
    """Give the pathway of every sample and every combination of switches.

    Year by year, for each product:

    - closing: a plant whose running cost is above the whole cost of the best new one closes with
      the chance h = c / (1 + exp(-(run - best) / s)); what nobody asks for closes as well
    - need N = D - what stands
    - choice: a route gets the share exp(-c_r / s) / sum exp(-c / s) of N, c its levelised cost
      with the carbon price that counts, s the spread of sites
    - limits: scrap, hydrogen, electric plants and storage cut their routes in proportion
    - learning: cost falls with what was built here, elsewhere and with research

    Parameters
    ----------
    draw : {name: DataArray (sample, any)}, the inputs of `pathway`
    pathway : Pathway
    steel : as `steel_paths` gives it, same samples
    policy : {name: DataArray (sample, any)}, as `parameters` gives it
    end_of_pipe : array, any dims of the switches; 1: only routes that renew, retrofit or exist,
        and no material is saved
    by_route : also give output and what is built by route
    block : samples worked on at a time

    Returns
    -------
    Dataset over (year, any, sample): emissions and direct emissions by product (MtCO2/year),
    demand by product, scrap and scrap_used (Mt/year), cost and its capital (billion CNY a year,
    without carbon payments), hydrogen (million GJ a year) and hydrogen_price (CNY/GJ), stored
    (MtCO2/year), closed (Mt/year), learning by group (1, share of today's cost), carbon_price
    that counts (CNY/tCO2), gap (Mt/year, output less demand; 0), and with `by_route` output and
    built (Mt/year) by route.

    Raises
    ------
    ValueError
        If the samples of `steel` and `draw` differ.
    """
    count = draw["site spread"].sizes["sample"]
    if steel.sizes["sample"] != count:
        raise ValueError(f"steel has {steel.sizes['sample']} samples, draw has {count}")
    policy = {**policy, "uptake": policy["uptake"] * (1 - xr.DataArray(end_of_pipe))}
    frame = xr.broadcast(*policy.values(), xr.DataArray(end_of_pipe))[0]
    known = [*PILLARS, *LEVELS, *CONSTRAINTS]
    dims = sorted(
        (d for d in frame.dims if d != "sample"),
        key=lambda d: known.index(d) if d in known else len(known),
    )
    cases = _Cases(frame, dims, count)
    routes = _routes(pathway.table)
    goods = demand(draw, steel=steel, uptake=policy["uptake"], scrap=policy["scrap"])
    inputs = _cost_inputs(draw, pathway)
    carbon = carbon_prices(draw, pathway=pathway, policy=policy)
    numbers = {name: cases.plain(policy[name]) for name in BOUNDS}
    barred = cases.flags(end_of_pipe)
    usable = (pathway.table["end_of_pipe"] == "yes").to_numpy()
    allowed = ~barred[:, None] | usable
    paths = {
        "demand": cases.plain(goods["demand"], "year", last="product"),
        "scrap": cases.plain(goods["scrap"], "year"),
        "carbon": cases.plain(carbon, "year"),
        "remaining": cases.plain(
            remaining_fleet(draw, pathway=pathway), "year", last="product"
        ),
        **_supply(draw, policy, cases),
    }
    parts = []
    for at in range(0, count, block):
        part = slice(at, min(at + block, count))
        parts.append(_run_block(routes, inputs, paths, numbers, allowed, pathway, part, by_route))
    found = {name: np.concatenate([p[name] for p in parts], axis=1) for name in parts[0]}
    return _labelled(found, cases, pathway, goods, carbon)


def carbon_prices(draw, *, pathway, policy):
    """Give the carbon price that counts, by year: `decision_price` as policy comes into force.

    The reward rises from today's to that of the policy by 2035, convergence by 2045; the multiple
    is that of `investment.trigger_multiple` for the volatility of markets and of a credible path,
    in between by credibility (geometric mean).

    Parameters
    ----------
    draw : {name: DataArray (sample, any)}, the inputs of `pathway`
    pathway : Pathway
    policy : as `parameters` gives it

    Returns
    -------
    DataArray (year, sample, any); CNY/tCO2
    """
    years = xr.DataArray(YEARS.astype(float), dims="year", coords={"year": YEARS})
    price = _prolonged(draw["price of carbon"])
    rate = draw["cost of capital"].mean([d for d in draw["cost of capital"].dims if d != "sample"])
    m = {
        name: investment.trigger_multiple(rate, volatility=draw[f"volatility, {name}"])
        for name in ("markets", "credible")
    }
    c = policy["credibility"]
    today = draw["base: reward"]
    come = materials.ramp(years, start=START, full=REWARD_FULL)
    return decision_price(
        price.sel(region="China", drop=True),
        abroad=price.sel(region="Europe", drop=True),
        convergence=policy["convergence"] * materials.ramp(years, start=START, full=CONVERGED),
        reward=today + (policy["reward"] - today) * come,
        multiple=m["markets"] ** (1 - c) * m["credible"] ** c,
    ).assign_attrs(units="CNY/tCO2")


def emissions_2020(draw, *, pathway, output):
    """Give what today's routes emitted in 2020.

    E = sum_p Q_p sum_r m_r (e_r + g x_r)

    Parameters
    ----------
    draw : {name: DataArray (sample, any)}, the inputs of `pathway`
    pathway : Pathway
    output : Q in 2020 (product, any); Mt/year

    Returns
    -------
    DataArray (product, any); MtCO2/year, grid power included
    """
    table = pathway.table
    power = _mean(draw["use of electricity"])
    grid = draw["grid 2020"] / 3.6
    each = _mean(draw["emissions"]) + grid * power
    mix = xr.DataArray(table["share"], dims="route", coords={"route": table.index.values})
    product = xr.DataArray(table["product"], dims="route", name="product")
    whole = (mix * each.sel(route=table.index.values)).groupby(product).sum()
    return (output * whole).assign_attrs(units="MtCO2/year")


class _Cases:
    """The combinations of switches laid out as one axis, and back."""

    def __init__(self, frame, dims, count):
        self.dims = dims
        self.sizes = [frame.sizes[d] for d in dims]
        self.coords = {d: frame[d].values for d in dims if d in frame.coords}
        self.count = int(np.prod(self.sizes, dtype=int))
        self.samples = count

    def plain(self, array, *first, last=None):
        """Numbers over (first, sample, case, last); cases of length 1 where nothing differs."""
        order = [*first, "sample", *self.dims, *([last] if last else [])]
        array = xr.DataArray(array)
        differs = any(d in array.dims for d in self.dims)
        sizes = dict(zip(self.dims, self.sizes, strict=True))
        for d in order:
            if d not in array.dims:
                array = array.expand_dims({d: sizes[d] if differs and d in sizes else 1})
        array = array.transpose(*order)
        lead = array.shape[: len(first)]
        tail = array.shape[-1:] if last else ()
        cells = self.count if differs else 1
        values = np.asarray(array.values, dtype=float)
        return values.reshape(*lead, array.sizes["sample"], cells, *tail)

    def flags(self, array):
        return np.broadcast_to(self.plain(array)[0] > 0, (self.count,))

    def label(self, values, lead=("year",), last=None):
        """A DataArray of numbers (lead, sample, case, last)."""
        tail = [last] if last else []
        shape = values.shape[: len(lead) + 1] + tuple(self.sizes) + values.shape[len(lead) + 2 :]
        array = xr.DataArray(values.reshape(shape), dims=[*lead, "sample", *self.dims, *tail])
        return array.assign_coords(self.coords)


def _of_routes(figure, routes):
    return figure.sel(route=list(routes)) if "route" in figure.dims else figure


def _rows(frame, kind=""):
    """Rows of a table as single figures, by a name made of their keys."""
    found = {}
    for row in frame.to_dict("records"):
        keys = [row.get(k) for k in ("pillar", "level", "constraint", "product", "item")]
        keys += [row.get("quantity"), row.get("parameter")]
        keys = [k for k in keys if k]
        if row.get("year", "all") != "all":
            keys.append(row["year"])
        name = (f"{kind}: " if kind else "") + ", ".join(keys)
        found[name] = (row["value"], row["low"], row["high"], row["distribution"])
    return found


def _learning_rates(load):
    names = {
        "stack": "electrolyser_stack",
        "balance": "electrolyser_balance",
        "capture": "capture_coal_power",
        "plant": "hydrogen_direct_reduction",
    }
    table = load("learning/rates", dims=("technology",))
    return {f"learning rate, {k}": table.sel(technology=v, drop=True) for k, v in names.items()}


def _volatility(load):
    """Volatility of allowance prices, and of a credible policy, as in policy coordination."""
    quotes = load("policy/allowance-prices", dims=("market", "year"))["value"]
    found = xr.concat(
        [
            investment.volatility_of(quotes.sel(market=m), averaged=m == "Europe")
            for m in ("China", "Europe")
        ],
        pd.Index(["China", "Europe"], name="market"),
    )
    pooled = investment.pooled_volatility(found)
    row = load("policy/price-processes").set_index(["process", "quantity"])
    row = row.loc["credible", "volatility"]
    return {
        "volatility, markets": (*(float(pooled[k]) for k in ("value", "low", "high")), "lognormal"),
        "volatility, credible": tuple(row[["value", "low", "high", "distribution"]]),
    }


def _read_steel(load, region):
    """Inputs and series of the stock model of steel, and the blast furnaces that stand."""
    regions = ["China"] if region == "China" else [
        "China", "India", "Europe", "United States", "Rest of world"
    ]
    uses = {
        "lifetime": ("end_use",),
        "fabrication_yield": ("end_use",),
        "recovery": ("end_use",),
        "hibernation": ("end_use",),
        "collection": ("end_use",),
        "split": ("region", "end_use"),
        "remelting_yield": (),
    }
    inputs = {n: load("steel/mfa", dims=d, parameter=n) for n, d in uses.items()}
    inputs["split"] = inputs["split"].sel(region=regions)
    inputs["spread"] = load("steel/mfa", dims=(), parameter="lifetime_spread")
    inputs["forming_yield"] = load("steel/forming", dims=("year",))
    inputs["saturation"] = load("steel/saturation", dims=("end_use",), item="level")
    settled = load("steel/saturation", dims=("region",), item="year")
    inputs["saturation_year"] = settled.sel(region=regions)
    levers = list(materials.LEVERS)
    inputs["potential"] = load("steel/levers", dims=("lever", "end_use"), lever=levers)
    crude = load("steel/crude_steel", dims=("region", "year"), item="total")["value"]
    heads = load("population", dims=("variant", "region", "year"))["value"].rename(year="time")
    counted, coming = (heads.sel(variant=v, drop=True) for v in ("estimate", "medium"))
    linked = coming * (counted / coming).sel(time=2024, drop=True)
    past = np.arange(1900, PAST + 1)
    rows = load("steel/trade").sort_values("year")
    known = [r for r in ("China", "India", "Europe", "United States")]
    net = xr.DataArray(
        [np.interp(past, t["year"], t["value"]) for t in (rows[rows["region"] == r] for r in known)],
        dims=("region", "time"),
        coords={"region": known, "time": past},
    )
    rest = (-net.sum("region")).expand_dims(region=["Rest of world"])
    tables = [load(f"fleet/blast-furnaces{end}", as_of=2025) for end in ("", "-undated")]
    fleet = pd.concat(tables, ignore_index=True)
    fleet = fleet[fleet["state"].str.startswith("operating")]
    if region == "China":
        fleet = fleet[fleet["region"] == "China"]
    fleet = fleet.assign(relinings=fleet["relinings"].fillna(0).astype(int))
    standing = lockin.standing_fleet(
        fleet, basis=["last relining"], state=sorted(fleet["state"].unique())
    )
    return {
        "inputs": inputs,
        "shared": {"forming_yield": ("year",)},
        "crude": crude.rename(year="time").sel(region=regions),
        "people": counted.fillna(linked).sel(region=regions),
        "net_export": xr.concat([net, rest], dim="region").sel(region=regions),
        "fleet": standing,
    }


def _held(table, years):
    """A table by year on other years, straight between its rows, constant outside."""
    inside = np.clip(years, *table["year"].values[[0, -1]])
    inside = xr.DataArray(inside, dims="time", coords={"time": years})
    return table.interp(year=inside).drop_vars("year")


def _yearly(array):
    """An array by year on all years of the model, its last value held."""
    if "year" not in array.dims:
        return array
    inside = np.minimum(YEARS, array["year"].values[-1])
    inside = xr.DataArray(inside, dims="year", coords={"year": YEARS})
    return array.interp(year=inside)


def _prolonged(price):
    """A price by year; after the last year it goes on growing as in the decade before."""
    last, before = price["year"].values[-1], price["year"].values[-2]
    growth = (price.sel(year=last) / price.sel(year=before)) ** (1 / (last - before))
    beyond = np.maximum(YEARS - last, 0)
    beyond = xr.DataArray(beyond, dims="year", coords={"year": YEARS})
    return _yearly(price) * growth.drop_vars("year", errors="ignore") ** beyond


def _grid(intensity):
    """Emissions of grid power; after the last year they fall on as in the decade before."""
    last, before = intensity["year"].values[-1], intensity["year"].values[-2]
    slope = (intensity.sel(year=last, drop=True) - intensity.sel(year=before, drop=True)) / (
        last - before
    )
    beyond = xr.DataArray(np.maximum(YEARS - last, 0), dims="year", coords={"year": YEARS})
    return (_yearly(intensity) + np.minimum(slope, 0) * beyond).clip(min=0)


def _mean(array):
    """Mean over price regions, if there are several."""
    return array.mean("region") if "region" in array.dims else array


def _routes(table):
    """Kernel's description of the routes."""
    family = {name: (table["family"] == name).to_numpy() for name in _pathways.FAMILIES}
    order = list(dict.fromkeys(table["product"]))
    return _pathways.Routes(
        product=table["product"].map(order.index).to_numpy(),
        incumbent=(table["role"] == "incumbent").to_numpy(),
        retrofit=(table["role"] == "retrofit").to_numpy(),
        new=family["hydrogen"] | family["electric"] | family["capture"],
        family=family,
        start=table["start"].to_numpy(dtype=float),
        steel=order.index("steel"),
    )


def _cost_inputs(draw, pathway):
    """Figures by sample and route for the kernel, as DataArrays."""
    table, every = pathway.table, pathway.recipes
    names = list(table.index)
    incumbent = table[table["role"] == "incumbent"].reset_index().set_index("product")["route"]
    first = xr.DataArray(
        table["product"].map(incumbent).to_numpy(), dims="route", coords={"route": names}
    )
    bought = [n for n in every.traded if n != "hydrogen"]
    price = {n: _mean(_yearly(draw[f"price of {n}"])) for n in bought}
    use = {n: draw[f"use of {n}"] for n in every.traded}
    running = _mean(draw["fixed cost"]) + sum(use[n] * price[n] for n in bought)
    capex = _mean(draw["capital cost"].sel(year=START, drop=True))
    rate = draw["cost of capital"]
    items = [f"cost_of_capital_{p}" for p in table["product"]]
    rate = rate.sel(item=xr.DataArray(items, dims="route", coords={"route": names}))
    rate = _mean(rate).drop_vars("item")
    base = capex.sel(route=first).drop_vars("route").assign_coords(route=names)
    kept = xr.DataArray(
        table["role"].isin(["incumbent", "retrofit"]).to_numpy(float), dims="route",
        coords={"route": names},
    )
    cycle = xr.concat(
        [draw[f"{p}, cycle"] for p in table["product"]], dim=pd.Index(names, name="route")
    )
    renewal = xr.concat(
        [draw[f"{p}, renewal"] for p in table["product"]], dim=pd.Index(names, name="route")
    )
    life = xr.where(kept > 0, cycle, every.life.sel(route=names))
    extra = (capex - base).clip(min=0)
    new = table["family"].isin(["hydrogen", "electric", "capture"]).to_numpy()
    new = xr.DataArray(new.astype(float), dims="route", coords={"route": names})
    learnt = new * xr.where(kept > 0, extra, capex)
    fixed = xr.where(kept > 0, (1 - new) * extra, (1 - new) * capex)
    grid = _mean(_grid(draw["emissions of grid power"]))
    today = running.sel(year=START, drop=True) + costs.capital_charge(
        capex, rate=rate, life=every.life.sel(route=names)
    )
    reference = today.sel(route=first).drop_vars("route").assign_coords(route=names)
    fuel = sum(use[n] * price[n] for n in FOSSIL)
    return {
        "other": running,
        "fuel": fuel,
        "hydrogen_use": use["hydrogen"],
        "scrap_use": use["scrap"],
        "stored": use["co2_storage"],
        "direct": draw["emissions"],
        "indirect": use["electricity"] * grid,
        "capex_fixed": fixed,
        "capex_renewed": kept * base,
        "capex_learning": learnt,
        "rate": rate,
        "life": life,
        "renewal": kept * renewal,
        "spread": draw["site spread"] * reference,
        "cycle_spread": draw["spread of lives"],
        **_hydrogen(draw),
        **_experience(draw),
    }


def _hydrogen(draw):
    """The price of hydrogen of today in two parts, power and plant, and how power gets cheaper."""
    rate, life = draw["cost of capital of hydrogen"], 20.0
    full = draw["electrolyser_hours"] * 0.0036 * draw["electrolyser_efficiency"]  # GJ/kW a year
    charge = draw["electrolyser_capex"] * (
        costs.annuity_factor(rate, life=life) + draw["electrolyser upkeep"]
    )
    price = _mean(draw["price of hydrogen"]).sel(year=START, drop=True)
    plant = np.minimum(charge / full, 0.7 * price)
    years = xr.DataArray(YEARS.astype(float), dims="year", coords={"year": YEARS})
    come = ((years - START) / 25).clip(max=1)
    power = (price - plant) * (1 - draw["green power fall"]) ** come
    return {
        "hydrogen_power": power,
        "hydrogen_plant": plant,
        "hydrogen_rate": rate,
        "gigawatt": 1 / full,  # GW for a million GJ a year
    }


def _experience(draw):
    stack = draw["stack share"]
    rate = stack * draw["learning rate, stack"] + (1 - stack) * draw["learning rate, balance"]
    rates = [rate, draw["learning rate, capture"], draw["learning rate, plant"]]
    first = [draw[f"initial {n}"] for n in ("electrolysers", "capture", "new plants")]
    group = pd.Index(list(_pathways.GROUPS), name="group")
    exponents = [learning.experience_exponent(r) for r in rates]
    return {
        "exponent": xr.concat(exponents, dim=group),
        "initial": xr.concat(first, dim=group),
        "floor": draw["learning floor"],
    }


def _supply(draw, policy, cases):
    """Limits of supply, what is built elsewhere and what research does, by year."""
    years = xr.DataArray(YEARS.astype(float), dims="year", coords={"year": YEARS})
    curve = learning.logistic(
        years,
        midpoint=draw["limit midpoint"] - policy["earlier"],
        duration=draw["limit duration"],
    )
    limit = {
        "hydrogen": draw["hydrogen limit"] * GJ_PER_T_HYDROGEN * policy["supply"] * curve,
        "capture": draw["capture limit"] * policy["supply"] * curve,
        "electric": draw["electric limit"] * curve,
    }
    built = []
    for name in ("electrolysers", "capture", "new plants"):
        points = [draw[f"{name} elsewhere, {year}"] for year in (2030, 2040, 2050)]
        points = [0 * points[0], *points]
        path = xr.concat(points, dim=pd.Index([2025, 2030, 2040, 2050], name="year"))
        built.append(_yearly(path))
    built = xr.concat(built, dim=pd.Index(list(_pathways.GROUPS), name="group"))
    stock = (1 + policy["research"]) ** (years - START)
    fall = stock ** -learning.experience_exponent(draw["research rate"])
    return {
        "limit": {name: cases.plain(array, "year") for name, array in limit.items()},
        "elsewhere": cases.plain(built * policy["spillover"], "year", last="group"),
        "known": cases.plain(fall, "year"),
    }


def _run_block(routes, inputs, paths, numbers, allowed, pathway, part, by_route):
    """Run the kernel on some samples."""

    def cut(array, first=0):
        at = (slice(None),) * first
        return array[(*at, part)] if array.shape[first] > 1 else array

    def by(name, *dims):
        array = inputs[name]
        order = [d for d in ("year",) if d in dims] + ["sample"]
        array = xr.DataArray(array)
        for d in (*dims, "sample"):
            if d not in array.dims:
                array = array.expand_dims(d)
        last = [d for d in dims if d != "year"]
        array = array.transpose(*order, *last)
        if array.sizes["sample"] > 1:
            array = array.isel(sample=part)
        values = array.values.astype(float)
        return np.expand_dims(values, axis=len(order))

    life, sd = by("life", "route"), by("cycle_spread")
    ages = np.arange(len(YEARS), dtype=float)
    survival = np.stack(
        [
            np.ones_like(life) if age == 0 else np.asarray(
                cohorts.survival(age, mean=life, sd=sd[..., None] * life)
            )
            for age in ages
        ]
    )
    block = _pathways.Costs(
        other=by("other", "year", "route"),
        hydrogen_use=by("hydrogen_use", "route"),
        scrap_use=by("scrap_use", "route"),
        stored=by("stored", "route"),
        direct=by("direct", "route"),
        indirect=by("indirect", "year", "route"),
        fuel=by("fuel", "year", "route"),
        capex_fixed=by("capex_fixed", "route"),
        capex_renewed=by("capex_renewed", "route"),
        capex_learning=by("capex_learning", "route"),
        rate=by("rate", "route"),
        life=life,
        survival=survival,
        renewal=by("renewal", "route"),
        spread=by("spread", "route"),
        hydrogen_power=by("hydrogen_power", "year"),
        hydrogen_plant=by("hydrogen_plant"),
        hydrogen_rate=by("hydrogen_rate"),
        hydrogen_life=20.0,
    )
    count = numbers["uptake"][part].shape[0]
    cells = allowed.shape[0]
    wide = {
        name: np.broadcast_to(cut(array), (count, cells)) for name, array in numbers.items()
    }

    def full(array, tail=()):
        array = cut(array, 1)
        return np.broadcast_to(array, (array.shape[0], count, cells, *tail))

    outside = _pathways.Paths(
        years=YEARS,
        demand=full(paths["demand"], paths["demand"].shape[-1:]),
        scrap=full(paths["scrap"]),
        remaining=cut(paths["remaining"], 1),
        mix=pathway.table["share"].to_numpy(dtype=float),
        carbon=full(paths["carbon"]),
        limit={name: full(array) for name, array in paths["limit"].items()},
        elsewhere=full(paths["elsewhere"], (3,)),
        known=full(paths["known"]),
    )
    learn = _pathways.Learning(
        initial=by("initial", "group"),
        exponent=by("exponent", "group"),
        floor=by("floor")[..., None],
        gigawatt=by("gigawatt"),
    )
    rules = _pathways.Policy(
        premium=wide["premium"],
        closing=wide["closing"],
        delay=wide["delay"],
        saving=wide["flexible"],
        renewal=wide["renewal"],
        allowed=allowed,
    )
    return _pathways.run(routes, block, outside, learn, rules, by_route=by_route)


UNITS = {
    "emissions": "MtCO2/year",
    "direct": "MtCO2/year",
    "cost": "GCNY/year",
    "capital": "GCNY/year",
    "fuel": "GCNY/year",
    "hydrogen": "1e6 GJ/year",
    "hydrogen_price": "CNY/GJ",
    "stored": "MtCO2/year",
    "scrap_used": "Mt/year",
    "closed": "Mt/year",
    "gap": "Mt/year",
    "learning": "1",
    "output": "Mt/year",
    "built": "Mt/year",
}


def _labelled(found, cases, pathway, goods, carbon):
    """Dataset of the kernel's numbers; money in billion CNY."""
    products = list(dict.fromkeys(pathway.table["product"]))
    last = {"emissions": "product", "direct": "product", "learning": "group"}
    last |= {"output": "route", "built": "route"}
    labels = {"product": products, "group": list(_pathways.GROUPS)}
    labels["route"] = list(pathway.table.index)
    arrays = {}
    for name, values in found.items():
        scale = 1e-3 if UNITS[name].startswith("GCNY") else 1.0
        tail = last.get(name)
        array = cases.label(values * scale, last=tail).assign_coords(year=YEARS)
        if tail:
            array = array.assign_coords({tail: labels[tail]})
        arrays[name] = array.assign_attrs(units=UNITS[name])
    arrays["demand"] = goods["demand"].assign_attrs(units="Mt/year")
    arrays["scrap"] = goods["scrap"].assign_attrs(units="Mt/year")
    arrays["carbon_price"] = carbon
    return xr.Dataset(arrays)
