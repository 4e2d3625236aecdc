"""Time of the best research policy, beside the same search with numerical gradients.

Run `python tests/bench/innovation.py`. Times are CPU time on one core.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import platform
import time
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from compendium import load
from unlock import _innovation, innovation

PAIRS = [(10.0, 0.001), (10.0, 0.015), (3.0, 0.001), (3.0, 0.015)]
TARGET = 20.0  # s for one pair
STEPS = 100  # of the descent with numerical gradients


def machine():
    """Processor model and number of cores."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, one used"


def timed(work):
    """Result and CPU time in s."""
    begin = time.process_time()
    result = work()
    return result, time.process_time() - begin


def numerical(economy):
    """Loss after a descent with gradients from differences, research clean from the start."""
    n = economy.periods
    lower, upper = np.zeros(2 * n), np.repeat([1.0, _innovation.LARGEST_TAX], n)
    problem = innovation._problem(economy, lower, upper)
    start = _innovation.feasible(np.full(n, 0.99), problem)
    found = minimize(
        lambda policy: _innovation.loss(policy, problem)[0],
        start,
        method="L-BFGS-B",
        bounds=np.column_stack([lower, upper]),
        options={"maxiter": STEPS, "maxfun": 10**6},
    )
    return found.fun


def main():
    """Print the times of every pair."""
    calibration = load("research/calibration").set_index("quantity")["value"].to_dict()
    print(machine())
    slowest = 0.0
    for epsilon, discount in PAIRS:
        given = {"epsilon": epsilon, "discount": discount, "horizon": 400.0}
        economy = innovation.Economy(**(calibration | given))
        best, seconds = timed(lambda e=economy: innovation.best_policy(e))
        search = timed(lambda e=economy: innovation.best_policy(e, instruments="tax"))[1]
        loss, differences = timed(lambda e=economy: numerical(e))
        behind = 100 * (loss - float(np.log(-best["welfare"])))
        slowest = max(slowest, seconds, search)
        print(
            f"elasticity {epsilon:g}, discount {discount:g}: optimum {seconds:.2f} s, first-order "
            f"step {float(best['first_order']):.0e}; tax alone {search:.2f} s; by differences, "
            f"one start and {STEPS} steps, {differences:.2f} s and {behind:.3f} % behind"
        )
    print(
        f"slowest {slowest:.2f} s, target {TARGET:g} s: {'met' if slowest < TARGET else 'missed'}"
    )


if __name__ == "__main__":
    main()
