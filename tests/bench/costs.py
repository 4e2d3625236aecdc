"""Time of levelised cost for all routes and many samples, beside numpy and a row-wise table.

Run `python -m tests.bench.costs`. Times are CPU time on one core, the median of five.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import statistics
import time

import numpy as np
import pandas as pd
import xarray as xr

from compendium import load
from tests.bench.machine import machine
from unlock.costs import levelised_cost

REPEATS = 5
SAMPLES = 10_000
ROWWISE_SAMPLES = 200  # a table row for each route and sample; its time grows in proportion
TARGET = 0.5  # s


def measure(work):
    """Median CPU time in s, and the result of the last call."""
    times = []
    for _ in range(REPEATS):
        begin = time.process_time()
        result = work()
        times.append(time.process_time() - begin)
    return statistics.median(times), result


def arguments(samples):
    """Every argument of all routes with its own draws around the values of the tables."""
    rng = np.random.default_rng(1)

    def spread(array):
        factor = xr.DataArray(rng.lognormal(0, 0.2, (*array.shape, samples)))
        return array.fillna(0) * factor.rename(
            dict(zip(factor.dims, (*array.dims, "sample"), strict=True))
        )

    def both(energy, materials, unit, column, **where):
        dims = ("route", column) if column == "input" else (column,)
        parts = [
            load(energy, dims=dims, unit=unit[0], **where)["value"],
            load(materials, dims=dims, unit=unit[1], **where)["value"],
        ]
        return xr.concat(parts, dim=column, join="outer")

    price = both(
        "prices/energy", "prices/materials", ("CNY/GJ", "CNY/t"), "item", region="China", year=2025
    )
    plant = {
        item: load("routes/capital", dims=("route",), unit=unit, region="China", item=item)["value"]
        for item, unit in (("capex", "CNY*year/t"), ("fixed_cost", "CNY/t"), ("life", "year"))
    }
    emissions = load("routes/emissions", dims=("route",), item="direct")["value"]
    use = both("routes/energy", "routes/materials", ("GJ/t", "t/t"), "input")
    return {
        "use": spread(use),
        "price": spread(price.rename(item="input")),
        "capex": spread(plant["capex"]),
        "fixed_cost": spread(plant["fixed_cost"]),
        "rate": spread(xr.DataArray(0.08)),
        "life": plant["life"],
        "emissions": spread(emissions),
        "carbon_price": spread(xr.DataArray(100.0)),
    }


def plain(given):
    """The same without labels and checks."""
    order = given["use"]["input"].values
    route = given["use"]["route"].values
    row = {key: given[key].sel(route=route).values for key in ("capex", "fixed_cost", "emissions")}
    use, price = given["use"].values, given["price"].sel(input=order).values
    rate, life = given["rate"].values, given["life"].sel(route=route).values[:, None]
    carbon = given["carbon_price"].values

    def run():
        annuity = rate / -np.expm1(-life * np.log1p(rate))
        inputs = np.einsum("ris,is->rs", use, price)
        return annuity * row["capex"] + row["fixed_cost"] + inputs + row["emissions"] * carbon

    return run


def row_wise(given):
    """A table with a row for each route and sample, and a function applied to each row."""
    inputs = list(given["use"]["input"].values)
    columns = {f"use {name}": given["use"].sel(input=name, drop=True) for name in inputs}
    columns |= {f"price {name}": given["price"].sel(input=name, drop=True) for name in inputs}
    columns |= {key: given[key] for key in given if key not in ("use", "price")}
    table = xr.merge(
        [array.rename(name) for name, array in columns.items()], join="outer"
    ).to_dataframe(dim_order=["route", "sample"])

    def cost(row):
        total = row["fixed_cost"] + row["emissions"] * row["carbon_price"]
        total += annuity(row["rate"], row["life"]) * row["capex"]
        for name in inputs:
            total += row[f"use {name}"] * row[f"price {name}"]
        return total

    def annuity(rate, life):
        return rate / (1 - (1 + rate) ** -life)

    return lambda: table.apply(cost, axis=1)


def main():
    """Print the table."""
    print(f"{machine()}; numpy {np.__version__}, xarray {xr.__version__}, pandas {pd.__version__}")
    given = arguments(SAMPLES)
    ours, cost = measure(lambda: levelised_cost(**given))
    bare, check = measure(plain(given))
    np.testing.assert_allclose(cost.transpose("route", "sample").values, check, rtol=1e-12)
    few = arguments(ROWWISE_SAMPLES)
    slow, rows = measure(row_wise(few))
    again = levelised_cost(**few).transpose("route", "sample")
    np.testing.assert_allclose(again.values, rows.unstack().loc[again["route"].values], rtol=1e-12)
    slow *= SAMPLES / ROWWISE_SAMPLES
    cells = f"{given['use'].sizes['route']} routes x {given['use'].sizes['input']} inputs"
    print("| work | ours s | plain numpy s | rows of a table s | ratio to rows | target |")
    print("|---|---|---|---|---|---|")
    met = "met" if ours < TARGET else "MISSED"
    print(
        f"| {cells} x {SAMPLES:,} samples | {ours:.3f} | {bare:.3f} | {slow:.1f} "
        f"| {slow / ours:,.0f} | {met} (< {TARGET} s) |"
    )
    print(f"Rows: measured with {ROWWISE_SAMPLES} samples, scaled to {SAMPLES:,}.")


if __name__ == "__main__":
    main()
