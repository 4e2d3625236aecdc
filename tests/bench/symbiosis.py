"""Time of the exchange networks: the park, all its coalitions, and thirty firms made at random.

Run `python -m tests.bench.symbiosis`. Times are CPU time on one core.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import time

import numpy as np
import xarray as xr

from tests.bench.machine import machine
from unlock import symbiosis

FIRMS, TARGET = 30, 60.0  # s to a gap of 0.1 %
KINDS = ["heat", "gas", "solids", "CO2", "water"]
COSTS = {  # fixed, pipe, capacity, running, haulage, loss, and what a unit is worth
    "heat": (8.0, 8.0, 60.0, 1.5, 0.0, 0.004, 43.0),
    "gas": (10.0, 6.0, 10.0, 0.5, 0.0, 0.0, 50.0),
    "solids": (5.0, 0.0, 30.0, 10.0, 0.45, 0.0, 120.0),
    "CO2": (12.0, 3.0, 80.0, 40.0, 0.0, 0.0, 150.0),
    "water": (4.0, 2.0, 4.0, 0.8, 0.0, 0.0, 4.5),
}


def generated(firms, *, seed):
    """A park of firms at random places, each with two by-products and two needs."""
    rng = np.random.default_rng(seed)
    names = [f"firm {n}" for n in range(firms)]
    place = rng.uniform(0, 30, (firms, 2))
    distance = 1.3 * np.linalg.norm(place[:, None] - place[None], axis=-1)
    count = 2 * firms
    label = {role: [f"{role} {n}" for n in range(count)] for role in ("source", "sink")}

    def stream(role):
        kind = rng.choice(KINDS, count)
        heat = kind == "heat"
        cold = np.where(heat, rng.uniform(30, 120, count), np.nan)
        worth = np.array([COSTS[k][-1] for k in kind]) * rng.uniform(0.6, 1.4, count)
        size = rng.lognormal(0, 1, count) * np.where(kind == "water", 5.0, 1.0)
        values = {"firm": np.repeat(names, 2), "kind": kind}
        values |= {"cold": cold, "hot": cold + np.where(heat, rng.uniform(20, 100, count), np.nan)}
        return {key: (role, array) for key, array in values.items()}, worth, size

    given, worth, size = stream("source")
    used = rng.uniform(0, 0.9, count)
    sources = xr.Dataset(
        given
        | {
            "supply": (("source", "use"), np.stack([size * (1 - used), size * used], 1)),
            "worth": (("source", "use"), np.stack([0 * worth, 0.9 * worth], 1)),
            "saved": (("source", "use"), np.stack([0 * worth, 0.002 * worth], 1)),
            "quality": ("source", rng.uniform(0.5, 2.0, count)),
        },
        {"source": label["source"], "use": list(symbiosis.USES)},
    )
    taken, worth, size = stream("sink")
    sinks = xr.Dataset(
        taken
        | {
            "demand": ("sink", size),
            "worth": ("sink", worth),
            "saved": ("sink", 0.002 * worth),
            "limit": ("sink", rng.uniform(0.8, 1.5, count)),
            "bought": ("sink", np.full(count, 0.5)),
        },
        {"sink": label["sink"]},
    )
    items = ("fixed", "pipe", "capacity", "running", "haulage", "loss")
    table = {item: ("kind", [COSTS[k][n] for k in KINDS]) for n, item in enumerate(items)}
    return symbiosis.network(
        sources,
        sinks,
        distance=xr.DataArray(distance, {"firm": names, "to": names}, ("firm", "to")),
        transport=xr.Dataset(table, {"kind": KINDS}),
        rate=0.08,
        life=20.0,
        search_cost=1.0,
    )


def timed(work):
    """CPU time in s, and the result."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def main():
    """Print the times."""
    print(machine())
    for firms in (8, FIRMS):
        net = generated(firms, seed=1)
        seconds, found = timed(lambda net=net: symbiosis.optimal_network(net, gap=1e-3))
        gap = float((found["bound"] - found["benefit"]) / found["bound"])
        print(
            f"{firms} firms, {net.sizes['link']} links, {net.sizes['lane']} lanes: {seconds:.1f} s "
            f"to a gap of {gap:.2%}, {int(found['exchanges'])} exchanges"
        )
    print(f"target for {FIRMS} firms: {TARGET:.0f} s: {'met' if seconds < TARGET else 'missed'}")


if __name__ == "__main__":
    main()
