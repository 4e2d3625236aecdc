"""Ten million levelised-cost samples of every steel route, chunked on dask through xarray.

Run `python -m tests.bench.ensemble`. Wall time on all cores; memory is the peak of the process.
"""

import resource
import time

import dask.array as da
import numpy as np
import xarray as xr

from compendium import load
from tests.bench.machine import machine
from unlock.costs import levelised_cost

SAMPLES = 10_000_000
CHUNK = 250_000


def drawn(value: xr.DataArray, seed: int) -> xr.DataArray:
    """Return lognormal draws around values, in chunks of samples."""
    rng = da.random.default_rng(seed)
    shape, chunks = (SAMPLES, *value.shape), (CHUNK, *value.shape)
    factor = rng.lognormal(0.0, 0.2, size=shape, chunks=chunks)
    return value * xr.DataArray(factor, dims=("sample", *value.dims))


def main() -> None:
    """Print time, memory and the cost of one route as a check."""
    listed = load("routes/routes", product="steel")
    use = load("routes/energy", dims=("route", "input"), unit="GJ/t")["value"]
    use = use.reindex(route=listed["route"].unique()).fillna(0)
    prices = load("prices/energy", dims=("item",), unit="CNY/GJ", region="China", year=2025)
    price = prices["value"].rename(item="input").reindex(input=use["input"]).fillna(0)
    where = {"item": "capex", "region": "China"}
    capital = load("routes/capital", dims=("route",), unit="CNY*year/t", **where)["value"]
    capex = capital.reindex(route=use["route"]).fillna(0)
    begin = time.perf_counter()
    cost = levelised_cost(
        use, price=drawn(price, 1), capex=drawn(capex, 2), fixed_cost=500.0, rate=0.07, life=25.0
    )
    mean, square = da.compute(cost.mean("sample").data, (cost**2).mean("sample").data)
    spent = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    spread = np.sqrt(square - mean**2)
    print(machine())
    print(f"{len(mean)} routes x {SAMPLES:,} samples: {spent:.0f} s, {peak:.2f} GiB (limit 4)")
    print(f"first route: {mean[0]:.0f} CNY/t, standard deviation {spread[0]:.0f}")


if __name__ == "__main__":
    main()
