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

from unlock import _pathway_inputs as _inputs
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

START, END, PAST, YEARS = _inputs.START, _inputs.END, _inputs.PAST, _inputs.YEARS
SECTORS = {"ammonia": "chemicals", "methanol": "chemicals", "ethylene": "chemicals"}
REGIONS = ("China", "World")
PILLARS = ("innovation", "institutions", "finance", "cooperation")
LEVELS = ("technology", "system", "business model")
CONSTRAINTS = ("lock-in", "resources", "cost", "institutions")
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
# Years in which the reward, the border, convergence and saving have fully come.
REWARD_FULL, BORDER_FULL, CONVERGED, SAVED = 2035, 2034, 2045, 2050


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
    inputs = {name: _inputs.of_routes(figure, table.index) for name, figure in every.inputs.items()}
    if region == "China":
        inputs = {
            name: figure.sel(region="China", drop=True)
            if "region" in figure.dims and name != "price of carbon"
            else figure
            for name, figure in inputs.items()
        }
    for name in ("parameters", "fleet"):
        inputs |= _inputs.rows(
            load(f"pathway/{name}", region=[region, "all"][: 2 - (name == "fleet")])
        )
    inputs["demand"] = load("pathway/demand", dims=("product", "year"), region=region)
    inputs["saving"] = load("pathway/saving", dims=("product",))
    inputs |= _inputs.rows(load("pathway/base"), "base")
    moves = {}
    for kind, column in {
        "pillars": "pillar",
        "levels": "level",
        "constraints": "constraint",
    }.items():
        rows = load(f"pathway/{kind}")
        moves[kind] = list(zip(rows[column], rows["parameter"], strict=True))
        inputs |= _inputs.rows(rows, kind)
    inputs |= _inputs.learning_rates(load) | _inputs.volatility(load)
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
        region,
        table,
        every,
        inputs,
        shared,
        every.correlation,
        moves,
        _inputs.read_steel(load, region),
    )


def bounded(draw):
    """Hold at 0 what cannot be negative: the tail of a normal law may pass it.

    Parameters
    ----------
    draw : {name: DataArray}, the inputs of a `Pathway`

    Returns
    -------
    The same; changes by pillars, levels and constraints, power, and the age of undated furnaces
    keep their sign.
    """
    signed = ("pillars: ", "levels: ", "constraints: ", "use of electricity", "undated ")
    return {n: a if n.startswith(signed) else a.clip(min=0) for n, a in draw.items()}


def parameters(draw, *, pathway, pillars=None, levels=None, constraints=None):
    """Give the parameters of policy that a set of switches makes.

    theta_k = theta_0k + sum_i s_i D_ik - sum_l (1 - s_l) D_lk + sum_c s_c D_ck, held in bounds

    Parameters
    ----------
    draw : {name: DataArray (sample)}, the inputs of `pathway`
    pathway : Pathway
    pillars, levels, constraints : {name: number or array, any dims}; 0 to 1, or above 1 for what
        is stronger than the table has it; a pillar or a constraint not named is off (0: not there,
        not relaxed), a level not named is on

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


def steel_paths(draw, *, steel, reach=(0.0, 0.5, 1.0)):
    """Give steel demand and scrap of the stock model, for some uptakes of its levers.

    The stock per head saturates (`cycles.saturation_path`); the cycle with a
    share of the potential of every lever (`materials.cycle_with_levers`) gives crude steel and
    scrap.

    Parameters
    ----------
    draw : {name: DataArray (sample, any)}, the inputs of `steel`
    steel : as in `Pathway.steel`
    reach : uptakes wanted; 0 to 1

    Returns
    -------
    Dataset(demand, scrap) over (uptake, year, sample); Mt/year
    """
    draw = {n: a.clip(0, 1) if a.attrs.get("units") == "1" else a for n, a in draw.items()}
    past = np.arange(1900, PAST + 1)
    years = np.arange(PAST + 1, END + 1)
    coming = xr.DataArray(years.astype(float), dims="time", coords={"time": years})
    lifetime = {"mean": draw["lifetime"], "sd": draw["lifetime"] * draw["spread"]}
    inflow = cycles.inflow_to_use(
        steel["crude"],
        forming_yield=_inputs.held(draw["forming_yield"], past),
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
    levers = {
        lever: draw["potential"].sel(lever=lever, drop=True).sel(end_use=uses) * ramp
        for lever in materials.LEVERS
    }
    levers["forming"] = draw["potential"].sel(lever="yield", end_use="forming", drop=True) * ramp
    runs = []
    for taken in reach:
        flows = materials.cycle_with_levers(
            needed,
            levers={lever: taken * come for lever, come in levers.items()},
            cycle=cycle,
            initial=left,
            net_export=steel["net_export"].sel(time=PAST, drop=True),
        )
        scrap = flows["home_scrap"] + (flows["new_scrap"] + flows["old_scrap"]).sum("end_use")
        runs.append(xr.Dataset({"demand": flows["crude"], "scrap": scrap}).sum("region"))
    both = xr.concat(runs, dim=pd.Index(list(reach), name="uptake"))
    both = both.rename(time="year").sel(year=YEARS)
    return both.map(lambda array: array.assign_attrs(units="Mt/year"))


def demand(draw, *, steel, uptake, scrap=0.0):
    """Give the demand for all products, and the scrap there is, for an uptake of saving.

    Steel is a mean of two views, weighted w: the stock model, scaled to today's output, and the
    business-as-usual path of the table. What is saved is a parabola through the stock model at an
    uptake of 0, 1/2 and 1.

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
    bare = steel.sel(uptake=0.0, drop=True)
    half, whole = ((1 - steel.sel(uptake=u, drop=True) / bare).clip(0, 1) for u in (0.5, 1.0))
    saved = uptake * ((4 * half - whole) + uptake * (2 * whole - 4 * half))
    saved = saved.clip(0, 1)
    own = bare["demand"] / bare["demand"].sel(year=START, drop=True)
    own = own * table.sel(product="steel", year=START, drop=True)
    crude = w * own + (1 - w) * table.sel(product="steel", drop=True)
    crude = crude * (1 - saved["demand"])
    others = table.sel(product=draw["saving"]["product"])
    others = saved_demand(others, potential=draw["saving"], uptake=uptake, come=come)
    every = xr.concat([crude.expand_dims(product=["steel"]), others], dim="product")
    supply = w * bare["scrap"] + (1 - w) * table.sel(product="scrap", drop=True)
    supply = supply * (1 - saved["scrap"]) * (1 + scrap * come)
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
    (MtCO2/year), closed (Mt/year), saving (billion CNY a year, spent on saving material),
    learning by group (1, share of today's cost), carbon_price that counts (CNY/tCO2),
    as_today (MtCO2/year that today's routes would emit at the works for the same output), gap
    (Mt/year, output less demand; 0), and with `by_route` output and built (Mt/year) by route.

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
    routes = _inputs.kernel_routes(pathway.table)
    goods = demand(draw, steel=steel, uptake=policy["uptake"], scrap=policy["scrap"])
    inputs = _inputs.cost_inputs(draw, pathway)
    carbon = carbon_prices(draw, pathway=pathway, policy=policy)
    numbers = {name: cases.plain(policy[name]) for name in BOUNDS}
    barred = cases.flags(end_of_pipe)
    usable = (pathway.table["end_of_pipe"] == "yes").to_numpy()
    allowed = ~barred[:, None] | usable
    paths = {
        "demand": cases.plain(goods["demand"], "year", last="product"),
        "scrap": cases.plain(goods["scrap"], "year"),
        "carbon": cases.plain(carbon, "year"),
        "remaining": cases.plain(remaining_fleet(draw, pathway=pathway), "year", last="product"),
        **_supply(draw, policy, cases),
    }
    parts = []
    for at in range(0, count, block):
        part = slice(at, min(at + block, count))
        parts.append(_run_block(routes, inputs, paths, numbers, allowed, pathway, part, by_route))
    found = {name: np.concatenate([p[name] for p in parts], axis=1) for name in parts[0]}
    found = _labelled(found, cases, pathway, goods, carbon)
    same = emissions_of_today(draw, pathway=pathway, output=goods["demand"], scope="direct")
    bare = demand(draw, steel=steel, uptake=0.0)["demand"]
    saved = (bare - goods["demand"]) * inputs["reference"].sel(
        route=_inputs.incumbents(pathway.table)
    )
    spent = (draw["cost of saving"] * saved).sum("product") / 1000
    return found.assign(saving=spent.assign_attrs(units="GCNY/year"), as_today=same.sum("product"))


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
    price = _inputs.prolonged(draw["price of carbon"])
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


def emissions_of_today(draw, *, pathway, output, scope="direct+indirect", grid=0.0):
    """Give what an output would emit if today's routes made it.

    E = sum_p Q_p sum_r m_r (e_r + g x_r)

    Parameters
    ----------
    draw : {name: DataArray (sample, any)}, the inputs of `pathway`
    pathway : Pathway
    output : Q (product, any); Mt/year
    scope : "direct", or "direct+indirect" with grid power
    grid : g; tCO2/MWh, any dims

    Returns
    -------
    DataArray (product, any); MtCO2/year
    """
    table = pathway.table
    names = {"route": list(table.index)}
    each = costs.paid_emissions(
        _inputs.mean(draw["emissions"]),
        power=_inputs.mean(draw["use of electricity"]),
        grid_intensity=grid / 3.6,
        scope=scope,
    )
    mix = xr.DataArray(table["share"].to_numpy(), names, "route")
    product = xr.DataArray(table["product"].to_numpy(), dims="route", name="product")
    whole = (mix * each.sel(names)).groupby(product).sum()
    return (output * whole.sel(product=output["product"])).assign_attrs(units="MtCO2/year")


def border_price(draw):
    """Give the carbon price at Europe's border, by year: it comes in evenly from 2025 to 2034.

    Parameters
    ----------
    draw : {name: DataArray (sample, any)}, with "price of carbon"

    Returns
    -------
    DataArray (year, sample); CNY/tCO2

    Source: Directive (EU) 2023/959, end of free allocation in 2034.
    """
    years = xr.DataArray(YEARS.astype(float), dims="year", coords={"year": YEARS})
    price = _inputs.prolonged(draw["price of carbon"]).sel(region="Europe", drop=True)
    come = materials.ramp(years, start=START, full=BORDER_FULL)
    return (price * come).assign_attrs(units="CNY/tCO2")


def equipment_elsewhere(draw, *, learning):
    """Give the value of electrolysers and new plants built elsewhere each year.

    V = k_e l_e dX_e / dt + l_n dX_n / dt

    Parameters
    ----------
    draw : {name: DataArray (sample)}, with what is built elsewhere X and the cost k_e
    learning : l (group, year, any); share of today's cost, as `simulate` gives it

    Returns
    -------
    DataArray (year, any); billion CNY a year
    """
    rise = {
        name: _inputs.elsewhere(draw, name).diff("year").reindex(year=YEARS, fill_value=0.0)
        for name in ("electrolysers", "new plants")
    }
    electrolysers = rise["electrolysers"] * draw["electrolyser_capex"] * 1e-3  # GW x CNY/kW
    value = electrolysers * learning.sel(group="electrolyser", drop=True)
    value = value + rise["new plants"] * learning.sel(group="plant", drop=True)
    return value.assign_attrs(units="GCNY/year")


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
        built.append(_inputs.elsewhere(draw, name))
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
            np.ones_like(life)
            if age == 0
            else np.asarray(cohorts.survival(age, mean=life, sd=sd[..., None] * life))
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
    wide = {name: np.broadcast_to(cut(array), (count, cells)) for name, array in numbers.items()}

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
