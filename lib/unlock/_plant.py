"""Private kernel of `plant`: one labelled linear programme over all cases, solved case by case."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import highspy
import joblib
import linopy
import numpy as np
import pandas as pd
import scipy.sparse as sp
import xarray as xr

CASE = "case"
OPTIONS = {"output_flag": False, "threads": 1, "random_seed": 0, "presolve": "on"}
INTERIOR = ("ipm", "hipo")  # solvers whose result is used without a crossover to a vertex
SOLVERS = ("choose", "simplex", *INTERIOR)
PARTS = ("electrolyser", "shaft", "furnace")
STORES = ("battery", "hydrogen", "iron")
FLOWS = ("own", "imported", "exported", "charge", "discharge", *PARTS)
FILLS = {"battery": "charge", "hydrogen": "electrolyser", "iron": "shaft"}
DRAINS = {"battery": "discharge", "hydrogen": "shaft", "iron": "furnace"}
OWN_SIZE = {part: part for part in PARTS}
BOUND = {  # each flow by the unit that it cannot exceed
    "imported": "grid", "exported": "grid", "charge": "battery_power",
    "discharge": "battery_power", **OWN_SIZE,
}  # fmt: skip
TINY = 1e-3  # CNY/MWh on every stored unit: of equal plans, the one that moves least


def build(data):
    """Return the linopy model of all cases; `data` holds arrays over the case, hours or both."""
    m = linopy.Model()
    case, period, hour = (data.indexes[dim] for dim in (CASE, "period", "hour"))
    wanted = (data["service_price"] > 0).any(CASE).values
    wanted[:1] |= not wanted.any()  # a variable needs one hour, if only one without pay
    then, weight = hour[wanted], data["weight"]

    size = m.add_variables(
        lower=0, upper=data["limit"], coords=[case, data.indexes["unit"]], name="capacity"
    )
    flows = pd.Index(FLOWS, name="flow")
    flow = m.add_variables(lower=0, coords=[case, flows, period, hour], name="flow")
    reserve = m.add_variables(lower=0, coords=[case, period, then], name="reserve")
    own, imported, exported = (_one(flow, "flow", name) for name in FLOWS[:3])
    electrolyser, shaft, furnace = (_one(flow, "flow", name) for name in PARTS)

    given = _along("unit", {"roof_pv": data["pv"], "land_pv": data["pv"], "wind": data["wind"]})
    sources = size.sel(unit=given["unit"].values)
    m.add_constraints(own <= (given * sources).sum("unit"), name="available")
    m.add_constraints(exported <= own, name="own_export")
    most = _as(size, "unit", "flow", BOUND)
    m.add_constraints(flow.sel(flow=list(BOUND)) <= most, name="most")
    least = _along("flow", {part: data[f"{part}_least"] for part in PARTS})
    least = least * _as(size, "unit", "flow", OWN_SIZE)
    m.add_constraints(flow.sel(flow=list(PARTS)) >= least, name="least")
    power = {"own": 1, "imported": 1, "discharge": 1, "exported": -1, "charge": -1}
    power |= {"electrolyser": -1, "shaft": -data["shaft_power"], "furnace": -data["furnace_power"]}
    balance = (_along("flow", power) * flow.sel(flow=list(power))).sum("flow")
    m.add_constraints(balance == 0, name="power")
    way = xr.DataArray([-1, 1], {"way": [-1, 1]}, "way")
    step = shaft - shaft.roll(hour=1)  # the last hour of a period leads to its first
    ramp = data["shaft_ramp"] * _one(size, "unit", "shaft")
    m.add_constraints(way * step <= ramp, name="ramp")

    _add_stores(m, data, flow, size)

    shed, drawn = (x.sel(hour=then) for x in (electrolyser, imported))
    kept = data["electrolyser_least"] * _one(size, "unit", "electrolyser")
    m.add_constraints(reserve <= shed - kept, name="reserve_load")
    m.add_constraints(reserve <= drawn, name="reserve_import")

    def yearly(x):
        return (weight * x).sum(["period", "hour"])

    m.add_constraints(yearly(furnace) == data["output"], name="steel")
    used, floor = own - exported, data["own_share"]  # used / (used + bought) >= floor
    could = (yearly(given) * sources).sum("unit")
    m.add_constraints(yearly(used) >= data["self_use"] * could, name="self_use")
    m.add_constraints(yearly((1 - floor) * used - floor * imported) >= 0, name="own_share")

    levy = data["levy"]
    paid = {"own": levy, "imported": data["import_price"], "exported": -data["export_price"] - levy}
    paid |= {"charge": TINY, "discharge": TINY}
    running = weight * _along("flow", paid) * flow.sel(flow=list(paid))
    service = weight * data["service_price"].sel(hour=then) * reserve
    m.add_objective((data["capacity_cost"] * size).sum() + running.sum() - service.sum())
    return m


def _along(dim, parts):
    """One array over a further dim, from a number or an array for each of its labels."""
    arrays = xr.broadcast(*map(xr.DataArray, parts.values()))
    return xr.concat(arrays, pd.Index(list(parts), name=dim))


def _one(variable, dim, label):
    return variable.sel({dim: label}, drop=True)


def _as(variable, dim, new, labels):
    """The variable over another dim, each of whose labels stands for one of the old."""
    chosen = variable.sel({dim: list(labels.values())}).rename({dim: new})
    return chosen.assign_coords({new: list(labels)})


def _add_stores(m, data, flow, size):
    """Levels of the stores at the end of each hour: what they held, and what flows in and out."""
    dims = [data.indexes[dim] for dim in (CASE, "period", "hour")]
    stores = pd.Index(STORES, name="store")
    runs = runs_of(data["period_of_day"].astype(int))
    whole = runs is None  # one period that is not repeated: it ends as it begins
    level = m.add_variables(
        lower=0 if whole else -np.inf, coords=[dims[0], stores, *dims[1:]], name="level"
    )
    before = level.roll(hour=1) if whole else level.shift(hour=1).fillna(0)
    kept = data["battery_efficiency"]
    gain = {"battery": kept, "hydrogen": data["electrolyser_efficiency"], "iron": 1}
    loss = {"battery": 1 / kept, "hydrogen": data["hydrogen_use"], "iron": data["iron_use"]}
    gain, loss = (_along("store", factors) for factors in (gain, loss))
    fill, drain = (_as(flow, "flow", "store", names) for names in (FILLS, DRAINS))
    m.add_constraints(level - before == gain * fill - loss * drain, name="stored")
    room = _as(size, "unit", "store", {store: f"{store}_store" for store in STORES})
    if whole:
        m.add_constraints(level <= room, name="full")
    else:
        _link_days(m, level, room, runs)


def _link_days(m, level, room, runs):
    """Levels carried from day to day, on top of those within each typical day.

    Only the highest and lowest point in each typical day bound the carried level. Source: Kotzur
    et al. (2018), Applied Energy 213, 123-135. Days in a row that are alike move it by the same
    step, so that their first and last bound all.
    """
    case, stores, period = (level.indexes[dim] for dim in (CASE, "store", "period"))
    run = runs["length"].indexes["run"]
    carried = m.add_variables(lower=0, coords=[case, stores, run], name="carried")
    top = m.add_variables(lower=0, coords=[case, stores, period], name="top")
    bottom = m.add_variables(upper=0, coords=[case, stores, period], name="bottom")
    m.add_constraints(level <= top, name="under_top")
    m.add_constraints(level >= bottom, name="over_bottom")
    at = {CASE: xr.DataArray(case, dims=CASE), "period": runs["period"].drop_vars("run")}
    where = {"run": run, "period": ((CASE, "run"), runs["period"].values)}
    last = level.isel(hour=-1, drop=True)
    top, bottom, step = (x.sel(at).assign_coords(where) for x in (top, bottom, last))
    length = runs["length"]
    m.add_constraints(carried.roll(run=-1) == carried + length * step, name="next_run")
    days = _along("at", {"first": 0, "last": (length - 1).clip(min=0)})
    start = carried + days * step
    m.add_constraints(start + top <= room, name="full")
    m.add_constraints(start + bottom >= 0, name="empty")


def runs_of(order):
    """Return typical day and length of each run of days that are alike; None for a whole year."""
    if order.sizes["day"] == 1:
        return None
    days = order.transpose(CASE, "day").values
    starts = np.diff(days, axis=1, prepend=-1) != 0
    number = starts.cumsum(axis=1) - 1
    count = number.max() + 1
    period, length = (np.zeros((len(days), count), dtype=int) for _ in range(2))
    case = np.broadcast_to(np.arange(len(days))[:, None], days.shape)
    np.add.at(length, (case, number), 1)  # a case with fewer runs ends in runs without days
    period[case, number] = days
    coords = {CASE: order.indexes[CASE], "run": np.arange(count)}
    return {
        name: xr.DataArray(values, coords, (CASE, "run"))
        for name, values in (("period", period), ("length", length))
    }


def _by_day(level, carried, order):
    """Level carried to each day: that of the first, and what the days before have added."""
    last = level.isel(hour=-1, drop=True)
    if carried is None:  # a whole year ends as it begins
        return last.rename(period="day").assign_coords(day=order.indexes["day"])
    days = order.transpose(CASE, "day")
    steps = last.transpose(CASE, "store", "period").values
    added = np.take_along_axis(steps, days.values[:, None], axis=2).cumsum(axis=2)
    added = np.concatenate([np.zeros_like(added[..., :1]), added[..., :-1]], axis=2)
    return carried.isel(run=0, drop=True) + days.expand_dims(store=STORES, axis=1).copy(data=added)


@dataclass(frozen=True)
class Found:
    """Values and duals by label, and the status of each case."""

    values: np.ndarray
    duals: np.ndarray
    status: list[str]


def solve(m, n, options=None, progress=None):
    """Solve each case of a model by itself, as many at a time as there are cores."""
    matrix = m.matrices
    columns, rows = matrix.vlabels, matrix.clabels
    of_column, of_row = (
        _cases(part, n)[labels] for part, labels in ((m.variables, columns), (m.constraints, rows))
    )
    by_column, by_row = (np.argsort(part, kind="stable") for part in (of_column, of_row))
    column_ends, row_ends = (
        np.r_[0, np.cumsum(np.bincount(part, minlength=n))] for part in (of_column, of_row)
    )
    A = sp.csr_matrix(matrix.A)[by_row].tocsc()[:, by_column].tocsr()
    bounds = {key: getattr(matrix, key) for key in ("lb", "ub", "c", "b", "sense")}
    own = [by_column[slice(*ends)] for ends in pairwise(column_ends)]
    lines = [by_row[slice(*ends)] for ends in pairwise(row_ends)]

    def solved(i):
        block = {key: bounds[key][own[i]] for key in ("lb", "ub", "c")}
        block |= {key: bounds[key][lines[i]] for key in ("b", "sense")}
        part = A[row_ends[i] : row_ends[i + 1], column_ends[i] : column_ends[i + 1]]
        return _solve_block(part, options or {}, progress, **block)

    x, dual = np.full(1 + columns.max(), np.nan), np.full(1 + rows.max(), np.nan)
    status = []
    # One thread if somebody hears what HiGHS logs, so that the lines of cases do not mix.
    workers = 1 if progress else joblib.cpu_count()
    for i, (state, values, duals) in enumerate(_map(solved, range(n), workers)):
        status.append(state)
        if state == "optimal":
            x[columns[own[i]]], dual[rows[lines[i]]] = values, duals
    return Found(x, dual, status)


def _map(function, items, workers):
    """Results in order; HiGHS lets go of Python's lock while it solves."""
    if min(workers, len(items)) == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


def collect(m, found, order):
    """Return the variables of a solved model as arrays, and the duals of power and steel."""
    plan = {
        name: variable.labels.copy(data=found.values[variable.labels.values])
        for name, variable in m.variables.items()
    }
    for name in ("power", "steel"):
        labels = m.constraints[name].labels
        plan[f"{name}_dual"] = xr.DataArray(found.duals[labels.values], labels.coords, labels.dims)
    hours = plan["level"].indexes["hour"]
    plan["reserve"] = plan["reserve"].reindex(hour=hours, fill_value=0.0)
    flow, level = plan.pop("flow"), plan.pop("level")
    carried = _by_day(level, plan.pop("carried", None), order)
    plan |= {name: _one(flow, "flow", name) for name in FLOWS}
    for store in STORES:
        plan[f"{store}_level"] = _one(level, "store", store)
        plan[f"{store}_carried"] = _one(carried, "store", store)
    return {name: array for name, array in plan.items() if name not in ("top", "bottom")}


def _cases(container, n):
    """Return the number of the case of each label."""
    size = 1 + max(int(c.labels.max()) for _, c in container.items())
    found = np.zeros(size, dtype=int)
    for _, item in container.items():
        labels = item.labels.transpose(CASE, ...).values.reshape(n, -1)
        number = np.broadcast_to(np.arange(n)[:, None], labels.shape)
        found[labels[labels >= 0]] = number[labels >= 0]
    return found


def _solve_block(A, options, progress, lb, ub, c, b, sense):
    """Solve one programme with HiGHS."""
    A = A.tocsc()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = A.shape[1], A.shape[0]
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = c, lb, ub
    lp.row_lower_ = np.where(sense == "<", -np.inf, b)
    lp.row_upper_ = np.where(sense == ">", np.inf, b)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = A.indptr, A.indices, A.data
    solver = highspy.Highs()
    crossover = "off" if options.get("solver") in INTERIOR else "on"
    for name, value in (OPTIONS | {"run_crossover": crossover} | options).items():
        solver.setOptionValue(name, value)
    if progress:
        solver.setOptionValue("output_flag", True)
        solver.setOptionValue("log_to_console", False)
        solver.cbLogging.subscribe(lambda event: progress(event.message))
    solver.passModel(lp)
    solver.run()
    state = solver.modelStatusToString(solver.getModelStatus()).lower()
    solution = solver.getSolution()
    return state, np.array(solution.col_value), np.array(solution.row_dual)
