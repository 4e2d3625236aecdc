"""Time and memory of cohort stocks beside plain numpy and flodym, on one core.

Run `python -m tests.bench.cohorts`. Times are CPU time, the median of five or more; memory is the
peak that Python and numpy allocate beyond the input, the result included.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import statistics
import sys
import time
import tracemalloc
from importlib.metadata import version

import numpy as np
import xarray as xr
from scipy.special import ndtr

from tests.bench.machine import machine
from unlock.cohorts import inflow_driven, stock_driven

try:
    import flodym
except ImportError:
    sys.exit(
        "flodym is missing. It is needed for this comparison only: "
        "install it with `pip install -e '.[bench]'` or `pip install flodym==1.1.0`."
    )

REPEATS = 5
YEARS = 150


def measure(work, repeats=REPEATS):
    """CPU time in ms, peak MiB, and the result of the last call.

    The first call warms up and is not counted; short work is repeated for a second.
    """
    begin = time.process_time()
    work()
    spent = time.process_time() - begin
    times = []
    for _ in range(max(repeats, min(50, int(1 / spent)))):
        begin = time.process_time()
        result = work()
        times.append((time.process_time() - begin) * 1e3)
        del result
    tracemalloc.start()
    result = work()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return statistics.median(times), peak, result


def plain(stock, mean, sd):
    """Inflow (year, column) by survival by age, without labels, checks or chunks."""
    share = ndtr((mean - np.arange(len(stock))[:, None]) / sd)
    inflow = np.empty((len(stock), len(mean)))
    for year in range(len(stock)):
        left = np.einsum("tc,tc->c", inflow[:year], share[year:0:-1])
        inflow[year] = (stock[year] - left) / share[0]
    return inflow


def plain_stock(inflow, mean, sd):
    """Stock (year, column), as `plain`."""
    share = ndtr((mean - np.arange(len(inflow))[:, None]) / sd)
    stock = np.empty((len(inflow), len(mean)))
    for year in range(len(inflow)):
        stock[year] = inflow[: year + 1, 0] @ share[year::-1]
    return stock


def flodym_model(kind, values, years, mean, sd):
    """Give a call that runs a flodym stock with samples as a dimension."""
    dims = flodym.DimensionSet(
        dim_list=[
            flodym.Dimension(letter="t", name="time", dtype=int, items=years.tolist()),
            flodym.Dimension(letter="s", name="sample", dtype=int, items=list(range(len(mean)))),
        ]
    )
    given = flodym.StockArray(dims=dims, values=np.broadcast_to(values, dims.shape).copy())
    samples = dims.get_subset(("s",))

    def run():
        lifetime = flodym.NormalLifetime(
            dims=dims,
            time_letter="t",
            inflow_at="end",
            mean=flodym.FlodymArray(dims=samples, values=mean),
            std=flodym.FlodymArray(dims=samples, values=sd),
        )
        if kind == "stock":
            model = flodym.StockDrivenDSM(dims=dims, stock=given, lifetime_model=lifetime)
        else:
            model = flodym.InflowDrivenDSM(dims=dims, inflow=given, lifetime_model=lifetime)
        model.compute()
        return (model.inflow if kind == "stock" else model.stock).values

    return run


def case(kind, columns, *, years=YEARS, own=False, peer=True, target=None):
    """Measure one piece of work three ways, check that they agree, and give a table row."""
    rng = np.random.default_rng(1)
    axis = np.arange(2050 - years, 2050)
    mean = rng.uniform(20, 40, columns)
    sd = 0.3 * mean
    values = np.linspace(1, 100, years)[:, None] * (rng.uniform(0.5, 2, columns) if own else 1)
    dims = ("time", "sample") if own else ("time",)
    driver = xr.DataArray(values if own else values[:, 0], dims=dims, coords={"time": axis})
    samples = xr.DataArray(mean, dims="sample")
    run, answer = (stock_driven, "inflow") if kind == "stock" else (inflow_driven, "stock")
    ours, peak, flows = measure(lambda: run(driver, mean=samples, sd=0.3 * samples))
    flat = plain if kind == "stock" else plain_stock
    bare, _, check = measure(lambda: flat(values, mean, sd))
    np.testing.assert_allclose(flows[answer].values, check, rtol=1e-9, atol=1e-9)
    result = sum(array.nbytes for array in flows.drop_vars(kind).data_vars.values()) / 2**20
    slow = None
    if peer:
        slow, big, check = measure(flodym_model(kind, values, axis, mean, sd))
        np.testing.assert_allclose(flows[answer].values, check, rtol=1e-8, atol=1e-8)
        note = f"{big:,.0f} MiB"
    else:
        note = f"at least {32 * columns * years**2 / 2**30:,.0f} GiB for its four cohort tables"
    return ours, bare, slow, peak, result, note


def verdict(ours, slow, peak, result, target):
    """Say whether a row meets its targets; memory of the result counts for small work only."""
    ms, mib, times = target
    if ms is None:
        return ""
    met = [ours < ms, peak - (result if result > mib else 0) < mib]
    wanted = [f"< {ms} ms", f"< {mib} MiB"]
    if times:
        met.append(slow >= times * ours)
        wanted.append(f">= {times} x flodym")
    return "; ".join(f"{w}: {'met' if m else 'MISSED'}" for m, w in zip(met, wanted, strict=True))


def main():
    """Print the table."""
    print(f"{machine()}; numpy {np.__version__}, flodym {version('flodym')}")
    print("| work | ours ms | plain numpy ms | flodym ms | ratio | peak MiB | target |")
    print("|---|---|---|---|---|---|---|")
    wide = {"target": (1000, 100, None), "peer": False}
    cases = [
        ("stock-driven, 150 years, 1 series", "stock", 1, {}),
        ("stock-driven, 150 years, 1,000 lifetimes", "stock", 1000, {"target": (20, 10, 100)}),
        ("inflow-driven, 150 years, 1,000 lifetimes", "inflow", 1000, {}),
        ("stock-driven, 300 years, 1,000 lifetimes", "stock", 1000, {"years": 300}),
        ("stock-driven, 150 years, 50,000 lifetimes", "stock", 50_000, wide),
        ("the same, each with its own stock", "stock", 50_000, wide | {"own": True}),
    ]
    notes = []
    for title, kind, columns, options in cases:
        ours, bare, slow, peak, result, note = case(kind, columns, **options)
        peer = f"{slow:,.0f} | {slow / ours:.0f}" if slow else "- | -"
        says = verdict(ours, slow, peak, result, options.get("target", (None,) * 3))
        size = f"{peak:.1f} (result {result:.1f})"
        print(f"| {title} | {ours:.1f} | {bare:.1f} | {peer} | {size} | {says} |", flush=True)
        notes.append(f"{title}: {note}")
    print("Memory of flodym. " + "; ".join(notes) + ".")


if __name__ == "__main__":
    main()
