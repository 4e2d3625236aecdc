"""Inputs of the integrated pathway: tables to figures, draws to the numbers of the kernel."""

import numpy as np
import pandas as pd
import xarray as xr

from unlock import _pathways, costs, investment, learning, lockin, materials

START, END, PAST = 2025, 2060, 2022
YEARS = np.arange(START, END + 1)
FOSSIL = ("thermal_coal", "gas", "coking_coal", "naphtha")
NEW = ("hydrogen", "electric", "capture")  # families of routes that are not yet usual


def of_routes(figure, routes):
    return figure.sel(route=list(routes)) if "route" in figure.dims else figure


def rows(frame, kind=""):
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


def learning_rates(load):
    names = {
        "stack": "electrolyser_stack",
        "balance": "electrolyser_balance",
        "capture": "capture_coal_power",
        "plant": "hydrogen_direct_reduction",
    }
    table = load("learning/rates", dims=("technology",))
    return {f"learning rate, {k}": table.sel(technology=v, drop=True) for k, v in names.items()}


def volatility(load):
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


def read_steel(load, region):
    """Inputs and series of the stock model of steel, and the blast furnaces that stand."""
    regions = (
        ["China"]
        if region == "China"
        else ["China", "India", "Europe", "United States", "Rest of world"]
    )
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
        [
            np.interp(past, t["year"], t["value"])
            for t in (rows[rows["region"] == r] for r in known)
        ],
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


def held(table, years):
    """A table by year on other years, straight between its rows, constant outside."""
    inside = np.clip(years, *table["year"].values[[0, -1]])
    inside = xr.DataArray(inside, dims="time", coords={"time": years})
    return table.interp(year=inside).drop_vars("year")


def yearly(array):
    """An array by year on all years of the model, its last value held."""
    if "year" not in array.dims:
        return array
    inside = np.minimum(YEARS, array["year"].values[-1])
    inside = xr.DataArray(inside, dims="year", coords={"year": YEARS})
    return array.interp(year=inside)


def prolonged(price):
    """A price by year; after the last year it goes on growing as in the decade before."""
    price = price.clip(min=1.0)  # the tail of a normal law passes 0
    last, before = price["year"].values[-1], price["year"].values[-2]
    growth = (price.sel(year=last) / price.sel(year=before)) ** (1 / (last - before))
    beyond = np.maximum(YEARS - last, 0)
    beyond = xr.DataArray(beyond, dims="year", coords={"year": YEARS})
    return yearly(price) * growth.drop_vars("year", errors="ignore") ** beyond


def grid(intensity):
    """Emissions of grid power; after the last year they fall on as in the decade before."""
    last, before = intensity["year"].values[-1], intensity["year"].values[-2]
    slope = (intensity.sel(year=last, drop=True) - intensity.sel(year=before, drop=True)) / (
        last - before
    )
    beyond = xr.DataArray(np.maximum(YEARS - last, 0), dims="year", coords={"year": YEARS})
    return (yearly(intensity) + np.minimum(slope, 0) * beyond).clip(min=0)


def incumbents(table):
    """The incumbent route of each product."""
    found = table[table["role"] == "incumbent"].reset_index().set_index("product")["route"]
    return xr.DataArray(found.to_numpy(), dims="product", coords={"product": found.index.values})


def mean(array):
    """Mean over price regions, if there are several."""
    return array.mean("region") if "region" in array.dims else array


def kernel_routes(table):
    """Kernel's description of the routes."""
    family = {name: (table["family"] == name).to_numpy() for name in _pathways.FAMILIES}
    order = list(dict.fromkeys(table["product"]))
    return _pathways.Routes(
        product=table["product"].map(order.index).to_numpy(),
        incumbent=(table["role"] == "incumbent").to_numpy(),
        new=table["family"].isin(NEW).to_numpy(),
        family=family,
        start=table["start"].to_numpy(dtype=float),
        steel=order.index("steel"),
    )


def cost_inputs(draw, pathway):
    """Figures by sample and route for the kernel, as DataArrays."""
    table, every = pathway.table, pathway.recipes
    names = list(table.index)
    own = incumbents(table).to_series()
    first = xr.DataArray(
        table["product"].map(own).to_numpy(), dims="route", coords={"route": names}
    )
    bought = [n for n in every.traded if n != "hydrogen"]
    price = {n: mean(yearly(draw[f"price of {n}"])) for n in bought}
    use = {n: draw[f"use of {n}"] for n in every.traded}
    running = mean(draw["fixed cost"]) + sum(use[n] * price[n] for n in bought)
    capex = mean(draw["capital cost"].sel(year=START, drop=True))
    rate = draw["cost of capital"]
    items = [f"cost_of_capital_{p}" for p in table["product"]]
    rate = rate.sel(item=xr.DataArray(items, dims="route", coords={"route": names}))
    rate = mean(rate).drop_vars("item")
    base = capex.sel(route=first).drop_vars("route").assign_coords(route=names)
    kept = xr.DataArray(
        table["role"].isin(["incumbent", "retrofit"]).to_numpy(float),
        dims="route",
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
    new = table["family"].isin(NEW).to_numpy()
    new = xr.DataArray(new.astype(float), dims="route", coords={"route": names})
    learnt = new * xr.where(kept > 0, extra, capex)
    fixed = xr.where(kept > 0, (1 - new) * extra, (1 - new) * capex)
    power = mean(grid(draw["emissions of grid power"]))
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
        "indirect": use["electricity"] * power,
        "capex_fixed": fixed,
        "capex_renewed": kept * base,
        "capex_learning": learnt,
        "rate": rate,
        "life": life,
        "renewal": kept * renewal,
        "reference": reference,
        "spread": draw["site spread"] * reference,
        "cycle_spread": draw["spread of lives"],
        **hydrogen(draw),
        **experience(draw),
    }


def hydrogen(draw):
    """The price of hydrogen of today in two parts, power and plant, and how power gets cheaper."""
    rate, life = draw["cost of capital of hydrogen"], 20.0
    full = draw["electrolyser_hours"] * 0.0036 * draw["electrolyser_efficiency"]  # GJ/kW a year
    charge = draw["electrolyser_capex"] * (
        costs.annuity_factor(rate, life=life) + draw["electrolyser upkeep"]
    )
    price = mean(draw["price of hydrogen"]).sel(year=START, drop=True)
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


def experience(draw):
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


def elsewhere(draw, name):
    """What is built elsewhere of electrolysers, capture or new plants, by year; held after 2050."""
    points = [draw[f"{name} elsewhere, {year}"] for year in (2030, 2040, 2050)]
    path = xr.concat([0 * points[0], *points], pd.Index([START, 2030, 2040, 2050], name="year"))
    return yearly(path)
