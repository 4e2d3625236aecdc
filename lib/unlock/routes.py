"""Routes as inputs of the levelised cost: recipes, plants, prices, and what is drawn together.

A route makes one product in one way. Its figures come from the tables under `routes/` and
`prices/` through `load`, a function that reads a table by name: this module opens no file. What it
gives goes to `unlock.uncertainty.sample` and, drawn, to `unlock.costs.levelised_cost`.
"""

from typing import NamedTuple

import pandas as pd
import xarray as xr

from unlock import costs

REGIONS = ("China", "Europe")
TODAY, LAST = 2025, 2050  # years between which capital cost changes evenly
NUMBERS = ["value", "low", "high"]


class Routes(NamedTuple):
    """All routes of all products, each figure with its range.

    table : DataFrame by route: product, label, role_china, role_europe (incumbent, green, absent)
    inputs : {name: Dataset(value, low, high, distribution)} for `uncertainty.sample`:
        "price of X" (region, year), CNY/GJ or CNY/t; "use of X" (route), GJ/t or t/t;
        "capital cost" (route, region, year), CNY for a tonne a year; "fixed cost" (route, region),
        CNY/t; "cost of capital" (item, region), 1/year; "price of carbon" (region, year), CNY/tCO2;
        "emissions" (route), tCO2/t; "emissions of grid power" (region, year), tCO2/GJ
    shared : {name: dims along which all cells have the same luck} for `uncertainty.sample`
    correlation : DataFrame (first, second, correlation) for `uncertainty.sample`
    life : DataArray (route), year
    """

    table: pd.DataFrame
    inputs: dict
    shared: dict
    correlation: pd.DataFrame
    life: xr.DataArray

    @property
    def traded(self):
        """Names of all that a route buys or sells."""
        return [name.removeprefix("use of ") for name in self.inputs if name.startswith("use of ")]


def read(load, *, years):
    """Give all routes in both regions, with prices and capital costs of some years.

    Parameters
    ----------
    load : function of a table's name with `dims`, `unit` and column=value, as `compendium.load`
    years : years wanted, from 2025 to 2050; between those of the tables they are interpolated

    Returns
    -------
    Routes

    Raises
    ------
    ValueError
        For a year outside the tables.
    """
    years = sorted(set(years))
    if not years or years[0] < TODAY or years[-1] > LAST:
        raise ValueError(f"years must lie from {TODAY} to {LAST}, but {years} were given")
    table = load("routes/routes").set_index("route")

    def by_year(name, unit):
        found = load(name, dims=("item", "region", "year"), unit=unit)
        numbers = found[NUMBERS].interp(year=years)
        return numbers.assign(distribution=found["distribution"].isel(year=0, drop=True))

    def by_route(name, unit, dims=("route",), **where):
        found = load(name, dims=dims, unit=unit, **where).reindex(route=list(table.index))
        numbers = found[NUMBERS].fillna(0.0)  # an input not listed is not used
        known = numbers["value"] != 0
        return numbers.assign(distribution=found["distribution"].where(known, "fixed"))

    prices = _by_label(by_year("prices/energy", "CNY/GJ"), "item")
    prices |= _by_label(by_year("prices/materials", "CNY/t"), "item")
    uses = _by_label(by_route("routes/energy", "GJ/t", ("route", "input")), "input")
    uses |= _by_label(by_route("routes/materials", "t/t", ("route", "input")), "input")
    plant = {"dims": ("route", "region"), "name": "routes/capital"}
    life = by_route(unit="year", item="life", **plant)["value"].sel(region="China", drop=True)
    change = by_route(unit="1", item="capex_2050", **plant)["value"] - 1
    passed = xr.DataArray(years, coords={"year": years}, dims="year") - TODAY
    rate_items = [f"cost_of_capital_{product}" for product in table["product"].unique()]
    rates = {"dims": ("item", "region"), "item": rate_items, "region": list(REGIONS)}
    inputs = {f"price of {name}": found for name, found in prices.items()}
    inputs |= {f"use of {name}": uses[name] for name in prices}
    inputs |= {
        "capital cost": _scaled(
            by_route(unit="CNY*year/t", item="capex", **plant),
            1 + change * passed / (LAST - TODAY),
        ),
        "fixed cost": by_route(unit="CNY/t", item="fixed_cost", **plant),
        "cost of capital": load("finance", unit="1/year", **rates),
        "price of carbon": by_year("prices/carbon", "CNY/tCO2").sel(item="carbon", drop=True),
        "emissions": by_route("routes/emissions", "tCO2/t", item="direct"),
        "emissions of grid power": by_year("prices/grid_emissions", "tCO2/GJ").sel(
            item="grid", drop=True
        ),
    }
    correlation = load("prices/correlations").rename(columns={"value": "correlation"})
    correlation[["first", "second"]] = "price of " + correlation[["first", "second"]]
    return Routes(table, inputs, _shared(inputs), correlation, life)


def fixed(figure, value):
    """Give a figure whose cells all hold one value without range.

    Parameters
    ----------
    figure : Dataset (value, low, high, distribution), any dims and unit
    value : number in the unit of the figure

    Returns
    -------
    Dataset of the same dims
    """
    exact = {key: xr.full_like(figure[key], value, dtype=float) for key in NUMBERS}
    return figure.assign(exact)


def arguments(draw, *, routes, scope="direct"):
    """Give the arguments of `costs.levelised_cost` for inputs by name, drawn or not.

    Parameters
    ----------
    draw : {name: DataArray}, the inputs of `routes`; routes, regions or years may be selected
    routes : Routes
    scope : "direct" or "direct+indirect", emissions on which carbon is paid

    Returns
    -------
    {argument: DataArray (input, route, region, year, any)}

    Raises
    ------
    ValueError
        For another scope.
    """
    index = pd.Index(routes.traded, name="input")
    use = xr.concat([draw[f"use of {name}"] for name in index], dim=index)
    chosen = use["route"].values
    names = [f"cost_of_capital_{routes.table['product'][name]}" for name in chosen]
    rate = draw["cost of capital"].sel(item=xr.DataArray(names, dims="route"))
    return {
        "use": use,
        "price": xr.concat([draw[f"price of {name}"] for name in index], dim=index),
        "capex": draw["capital cost"],
        "fixed_cost": draw["fixed cost"],
        "rate": rate.drop_vars("item").assign_coords(route=chosen),
        "life": routes.life.sel(route=chosen),
        "emissions": costs.paid_emissions(
            draw["emissions"],
            power=draw["use of electricity"],
            grid_intensity=draw["emissions of grid power"],
            scope=scope,
        ),
        "carbon_price": draw["price of carbon"],
    }


def role(routes, name):
    """Give the route that plays a part today, by product and region.

    Parameters
    ----------
    routes : Routes
    name : "incumbent", makes most of the product; "green", lives on green hydrogen or power

    Returns
    -------
    DataArray (product, region) of names of routes

    Raises
    ------
    ValueError
        For a part that no route of a product plays.
    """
    table, products = routes.table, list(routes.table["product"].unique())

    def found(product, region):
        plays = (table["product"] == product) & (table[f"role_{region.lower()}"] == name)
        if not plays.any():
            raise ValueError(f"no route of {product} is {name!r} in {region}")
        return table.index[plays][0]

    names = [[found(product, region) for region in REGIONS] for product in products]
    return xr.DataArray(names, dims=("product", "region"), coords=[products, list(REGIONS)])


def pick(array, chosen):
    """Give the cells of chosen routes.

    Parameters
    ----------
    array : DataArray (route, any)
    chosen : DataArray of names of routes over (product) or (product, region)

    Returns
    -------
    DataArray over the dims of `chosen` and those of `array` without `route`
    """
    where = {"name": chosen}
    if "region" in array.dims and "region" in chosen.dims:
        where["region"] = chosen["region"]
    return array.rename(route="name").sel(where).drop_vars("name")


def _by_label(table, dim):
    """One table for each label along a dim."""
    return {name: table.sel({dim: name}, drop=True) for name in table[dim].values}


def _scaled(figure, factor):
    return figure.assign({key: figure[key] * factor for key in NUMBERS})


def _shared(inputs):
    """Dims along which a draw is the same luck in all cells.

    A year that is dear is dear throughout; what makes one route thrifty makes all of them so.
    """
    shared = {name: ("year",) for name, figure in inputs.items() if "year" in figure.dims}
    shared["cost of capital"] = ("item",)
    for name, figure in inputs.items():
        if "route" in figure.dims:
            shared[name] = ("route", *shared.get(name, ()))
    return shared
