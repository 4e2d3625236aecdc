"""Private kernel of `plant`: one labelled linear programme over all cases, solved case by case."""

from dataclasses import dataclass

import highspy
import linopy
import numpy as np
import scipy.sparse as sp
import xarray as xr

CASE = "case"
OPTIONS = {"output_flag": False, "threads": 1, "random_seed": 0, "presolve": "on"}
STORES = ("battery", "hydrogen", "iron")
TINY = 1e-3  # CNY/MWh on every stored unit: of equal plans, the one that moves least



def build(data):
    """Return the linopy model of all cases; `data` holds arrays over the case, hours or both."""
    m = linopy.Model()
    case, period, hour = (data.indexes[dim] for dim in (CASE, "period", "hour"))
    hourly, by_period = [case, period, hour], [case, period]
    capacity = m.add_variables(
        lower=0, upper=data["limit"], coords=[case, data.indexes["unit"]], name="capacity"
    )
    names = "own imported exported charge discharge electrolyser shaft furnace".split()
    v = {name: m.add_variables(lower=0, coords=hourly, name=name) for name in names}
    wanted = (data["service_price"] > 0).any(CASE).values
    reserve = m.add_variables(lower=0, coords=[case, period, hour[wanted]], name="reserve")
    weight = data["weight"]
    runs = runs_of(data["period_of_day"].astype(int))

    def size(unit):
        return capacity.sel(unit=unit, drop=True)

    def yearly(expression):
        return (weight * expression).sum(["period", "hour"])

    available = data["pv"] * (size("roof_pv") + size("land_pv")) + data["wind"] * size("wind")
    m.add_constraints(v["own"] - available <= 0, name="available")
    m.add_constraints(v["exported"] - v["own"] <= 0, name="own_export")
    m.add_constraints(v["imported"] - size("grid") <= 0, name="peak_import")
    m.add_constraints(v["exported"] - size("grid") <= 0, name="peak_export")
    gain = v["own"] + v["imported"] + v["discharge"] - v["exported"] - v["charge"]
    process = data["shaft_power"] * v["shaft"] + data["furnace_power"] * v["furnace"]
    m.add_constraints(gain - v["electrolyser"] - process == 0, name="power")
    for unit in ("electrolyser", "shaft", "furnace"):
        m.add_constraints(v[unit] - size(unit) <= 0, name=f"{unit}_most")
        m.add_constraints(v[unit] - data[f"{unit}_least"] * size(unit) >= 0, name=f"{unit}_least")
    step = v["shaft"] - v["shaft"].roll(hour=1)  # the last hour of a period leads to its first
    m.add_constraints(step - data["shaft_ramp"] * size("shaft") <= 0, name="ramp_up")
    m.add_constraints(step + data["shaft_ramp"] * size("shaft") >= 0, name="ramp_down")
    m.add_constraints(v["charge"] - size("battery_power") <= 0, name="charge_most")
    m.add_constraints(v["discharge"] - size("battery_power") <= 0, name="discharge_most")

    kept = data["battery_efficiency"]
    change = {
        "battery": kept * v["charge"] - (1 / kept) * v["discharge"],
        "hydrogen": data["electrolyser_efficiency"] * v["electrolyser"]
        - data["hydrogen_use"] * v["shaft"],
        "iron": 1.0 * v["shaft"] - data["iron_use"] * v["furnace"],
    }
    for store in STORES:
        _add_store(m, store, change[store], size(f"{store}_store"), hourly, by_period, runs)

    m.add_constraints(yearly(v["furnace"]) == data["output"], name="steel")
    then = {"hour": np.flatnonzero(wanted)}
    least = data["electrolyser_least"] * size("electrolyser")
    m.add_constraints(reserve - v["electrolyser"].isel(then) + least <= 0, name="reserve_load")
    m.add_constraints(reserve - v["imported"].isel(then) <= 0, name="reserve_import")
    used = yearly(1.0 * v["own"] - v["exported"])
    m.add_constraints(used - data["self_use"] * yearly(available) >= 0, name="self_use")
    floor = data["own_share"]  # used / (used + bought) is at least the floor
    bought = yearly(1.0 * v["imported"])
    m.add_constraints((1 - floor) * used - floor * bought >= 0, name="own_share")

    running = (
        data["import_price"] * v["imported"]
        + data["levy"] * v["own"]
        - (data["export_price"] + data["levy"]) * v["exported"]
        + TINY * (v["charge"] + v["discharge"])
    )
    paid = (data["service_price"].isel(then) * weight * reserve).sum()
    m.add_objective((data["capacity_cost"] * capacity).sum() + (weight * running).sum() - paid)
    return m


def _add_store(m, store, change, size, hourly, by_period, runs):
    """Levels within each typical day, and those carried from day to day.

    The level is the sum of both; only its highest and lowest point in each typical day bound the
    carried one. Source: Kotzur et al. (2018), Applied Energy 213, 123-135. Days in a row that are
    alike move the carried level by the same step, so that their first and last bound all.
    """
    case, hour = hourly[0], hourly[-1]
    first, later = {"hour": slice(0, 1)}, {"hour": slice(1, None)}
    whole = runs is None  # one period that is not repeated: its level is the level
    by_run = [case] if whole else [case, runs["length"].indexes["run"]]
    carried = m.add_variables(lower=0, coords=by_run, name=f"{store}_carried")
    level = m.add_variables(  # at the end of the hour
        lower=0 if whole else -np.inf, coords=hourly, name=f"{store}_level"
    )
    start = carried if whole else 0.0
    before = level.isel(hour=slice(None, -1)).assign_coords(hour=hour[1:])
    m.add_constraints((level - change).isel(first) - start == 0, name=f"{store}_start")
    step = level.isel(later) - before - change.isel(later)
    m.add_constraints(step == 0, name=f"{store}_balance")
    last = level.isel(hour=-1, drop=True)
    if whole:
        m.add_constraints(level - size <= 0, name=f"{store}_full")
        m.add_constraints(last.sel(period=0, drop=True) - carried == 0, name=f"{store}_next_day")
        return
    top = m.add_variables(lower=0, coords=by_period, name=f"{store}_top")
    bottom = m.add_variables(upper=0, coords=by_period, name=f"{store}_bottom")
    m.add_constraints(level - top <= 0, name=f"{store}_under_top")
    m.add_constraints(level - bottom >= 0, name=f"{store}_over_bottom")
    at = {CASE: xr.DataArray(case, dims=CASE), "period": runs["period"]}

    def of_run(variable):
        return (1.0 * variable.sel(at)).drop_vars("period")

    moved = runs["length"] * of_run(last)
    m.add_constraints(carried.roll(run=-1) - carried - moved == 0, name=f"{store}_next_day")
    to_last = (runs["length"] - 1).clip(min=0) * of_run(last)
    for name, extra in (("", None), ("_last", to_last)):
        now = 1.0 * carried if extra is None else carried + extra
        m.add_constraints(now + of_run(top) - size <= 0, name=f"{store}_full{name}")
        m.add_constraints(now + of_run(bottom) >= 0, name=f"{store}_empty{name}")


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


def _by_day(plan, store, order):
    """Level carried to each day: that of the first, and what the days before have added."""
    carried = plan[f"{store}_carried"]
    if order.sizes["day"] == 1:
        return carried.expand_dims(day=order.indexes["day"], axis=1)
    step = plan[f"{store}_level"].isel(hour=-1, drop=True).values
    added = np.take_along_axis(step, order.transpose(CASE, "day").values, axis=1)
    added = np.hstack([np.zeros((len(added), 1)), added.cumsum(axis=1)[:, :-1]])
    return carried.isel(run=0, drop=True) + order.copy(data=added)


@dataclass(frozen=True)
class Found:
    """Values and duals by label, and the status of each case."""

    values: np.ndarray
    duals: np.ndarray
    status: list[str]


def solve(m, n, options=None, done=lambda: None):
    """Solve each case of a model by itself."""
    matrix = m.matrices
    columns, rows = matrix.vlabels, matrix.clabels
    of_column, of_row = (
        _cases(part, n)[labels]
        for part, labels in ((m.variables, columns), (m.constraints, rows))
    )
    by_column, by_row = (np.argsort(part, kind="stable") for part in (of_column, of_row))
    column_ends, row_ends = (
        np.r_[0, np.cumsum(np.bincount(part, minlength=n))] for part in (of_column, of_row)
    )
    A = sp.csr_matrix(matrix.A)[by_row].tocsc()[:, by_column].tocsr()
    bounds = {key: getattr(matrix, key) for key in ("lb", "ub", "c", "b", "sense")}
    x, dual = np.full(1 + columns.max(), np.nan), np.full(1 + rows.max(), np.nan)
    status = []
    for i in range(n):
        own = by_column[column_ends[i] : column_ends[i + 1]]
        lines = by_row[row_ends[i] : row_ends[i + 1]]
        block = {key: bounds[key][own] for key in ("lb", "ub", "c")}
        block |= {key: bounds[key][lines] for key in ("b", "sense")}
        part = A[row_ends[i] : row_ends[i + 1], column_ends[i] : column_ends[i + 1]]
        state, values, duals = _solve_block(part, options or {}, **block)
        status.append(state)
        if state == "optimal":
            x[columns[own]], dual[rows[lines]] = values, duals
        done()
    return Found(x, dual, status)


def collect(m, found, order):
    """Return the variables of a solved model as arrays, and the duals of power and steel."""
    plan = {}
    for name, variable in m.variables.items():
        if name.endswith(("_top", "_bottom")):
            continue
        values = variable.labels
        plan[name] = values.copy(data=found.values[values.values])
    for name in ("power", "steel"):
        labels = m.constraints[name].labels
        plan[f"{name}_dual"] = xr.DataArray(found.duals[labels.values], labels.coords, labels.dims)
    for store in STORES:
        plan[f"{store}_carried"] = _by_day(plan, store, order)
    hours = plan["imported"].indexes["hour"]
    plan["reserve"] = plan["reserve"].reindex(hour=hours, fill_value=0.0)
    return plan


def _cases(container, n):
    """Return the number of the case of each label."""
    size = 1 + max(int(c.labels.max()) for _, c in container.items())
    found = np.zeros(size, dtype=int)
    for _, item in container.items():
        labels = item.labels.transpose(CASE, ...).values.reshape(n, -1)
        number = np.broadcast_to(np.arange(n)[:, None], labels.shape)
        found[labels[labels >= 0]] = number[labels >= 0]
    return found


def _solve_block(A, options, lb, ub, c, b, sense):
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
    for name, value in (OPTIONS | options).items():
        solver.setOptionValue(name, value)
    solver.passModel(lp)
    solver.run()
    state = solver.modelStatusToString(solver.getModelStatus()).lower()
    solution = solver.getSolution()
    return state, np.array(solution.col_value), np.array(solution.row_dual)
