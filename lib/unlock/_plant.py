"""Private kernel of `plant`: one labelled linear programme over all cases, solved case by case."""

from dataclasses import dataclass

import highspy
import linopy
import numpy as np
import scipy.sparse as sp
import xarray as xr

CASE = "case"
OPTIONS = {"output_flag": False, "threads": 1, "random_seed": 0, "presolve": "on"}
PARTS = ("electrolyser", "shaft", "furnace")
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
    size = {unit: capacity.sel(unit=unit, drop=True) for unit in data["unit"].values}
    names = "own imported exported charge discharge electrolyser shaft furnace".split()
    v = {name: m.add_variables(lower=0, coords=hourly, name=name) for name in names}
    wanted = (data["service_price"] > 0).any(CASE).values
    wanted[:1] |= not wanted.any()  # a variable needs one hour, if only one without pay
    then = {"hour": np.flatnonzero(wanted)}
    reserve = m.add_variables(lower=0, coords=[case, period, hour[wanted]], name="reserve")
    weight = data["weight"]
    runs = runs_of(data["period_of_day"].astype(int))

    def row(name, sign, right, *terms):
        m.add_constraints(m.linexpr(*terms), sign, right, name=name)

    def most(name, unit):
        row(f"{name}_most", "<=", 0, (1, v[name]), (-1, size[unit]))

    sun, wind = -data["pv"], -data["wind"]
    sources = (sun, size["roof_pv"]), (sun, size["land_pv"]), (wind, size["wind"])
    row("available", "<=", 0, (1, v["own"]), *sources)
    row("own_export", "<=", 0, (1, v["exported"]), (-1, v["own"]))
    for name, unit in (
        ("imported", "grid"), ("exported", "grid"), ("charge", "battery_power"),
        ("discharge", "battery_power"), *((part, part) for part in PARTS),
    ):  # fmt: skip
        most(name, unit)
    for part in PARTS:
        row(f"{part}_least", ">=", 0, (1, v[part]), (-data[f"{part}_least"], size[part]))
    gain = [(1, v[name]) for name in ("own", "imported", "discharge")]
    loss = [(-1, v[name]) for name in ("exported", "charge", "electrolyser")]
    loss += [(-data[f"{part}_power"], v[part]) for part in ("shaft", "furnace")]
    row("power", "=", 0, *gain, *loss)
    before = v["shaft"].roll(hour=1)  # the last hour of a period leads to its first
    for sign, way in (("<=", -1), (">=", 1)):
        ramp = (way * data["shaft_ramp"], size["shaft"])
        row(f"ramp_{way}", sign, 0, (1, v["shaft"]), (-1, before), ramp)

    kept = data["battery_efficiency"]
    losses = {  # of the level, so that level - level before + losses = 0
        "battery": [(-kept, v["charge"]), (1 / kept, v["discharge"])],
        "hydrogen": [
            (-data["electrolyser_efficiency"], v["electrolyser"]),
            (data["hydrogen_use"], v["shaft"]),
        ],
        "iron": [(-1, v["shaft"]), (data["iron_use"], v["furnace"])],
    }
    for store, terms in losses.items():
        _add_store(m, row, store, terms, size[f"{store}_store"], hourly, by_period, runs)

    then_least = (data["electrolyser_least"], size["electrolyser"])
    row("reserve_load", "<=", 0, (1, reserve), (-1, v["electrolyser"].isel(then)), then_least)
    row("reserve_import", "<=", 0, (1, reserve), (-1, v["imported"].isel(then)))

    def yearly(*terms):
        return m.linexpr(*((weight * factor, x) for factor, x in terms)).sum(["period", "hour"])

    m.add_constraints(yearly((1, v["furnace"])), "=", data["output"], name="steel")
    used = [(1, v["own"]), (-1, v["exported"])]
    sun, wind = (
        (-data["self_use"] * weight * data[name]).sum(["period", "hour"]) for name in ("pv", "wind")
    )
    given = m.linexpr((sun, size["roof_pv"]), (sun, size["land_pv"]), (wind, size["wind"]))
    m.add_constraints(yearly(*used) + given, ">=", 0, name="self_use")
    floor = data["own_share"]  # used / (used + bought) is at least the floor
    share = yearly(*(((1 - floor) * k, x) for k, x in used), (-floor, v["imported"]))
    m.add_constraints(share, ">=", 0, name="own_share")

    running = m.linexpr(
        (weight * data["import_price"], v["imported"]),
        (weight * data["levy"], v["own"]),
        (-weight * (data["export_price"] + data["levy"]), v["exported"]),
        (weight * TINY, v["charge"]),
        (weight * TINY, v["discharge"]),
    ).sum()
    paid = m.linexpr((-weight * data["service_price"].isel(then), reserve)).sum()
    m.add_objective(m.linexpr((data["capacity_cost"], capacity)).sum() + running + paid)
    return m


def _add_store(m, row, store, losses, size, hourly, by_period, runs):
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
    start = [(-1, carried)] if whole else []
    in_first, in_later = ([(k, x.isel(part)) for k, x in losses] for part in (first, later))
    before = level.isel(hour=slice(None, -1)).assign_coords(hour=hour[1:])
    row(f"{store}_start", "=", 0, (1, level.isel(first)), *start, *in_first)
    row(f"{store}_balance", "=", 0, (1, level.isel(later)), (-1, before), *in_later)
    last = level.isel(hour=-1, drop=True)
    if whole:
        row(f"{store}_full", "<=", 0, (1, level), (-1, size))
        row(f"{store}_next_day", "=", 0, (1, last.isel(period=0, drop=True)), (-1, carried))
        return
    top = m.add_variables(lower=0, coords=by_period, name=f"{store}_top")
    bottom = m.add_variables(upper=0, coords=by_period, name=f"{store}_bottom")
    row(f"{store}_under_top", "<=", 0, (1, level), (-1, top))
    row(f"{store}_over_bottom", ">=", 0, (1, level), (-1, bottom))
    at = {CASE: xr.DataArray(case, dims=CASE), "period": runs["period"].drop_vars("run")}
    top, bottom, step = (
        x.sel(at).assign_coords(run=by_run[1], period=(("case", "run"), runs["period"].values))
        for x in (top, bottom, last)
    )
    now = (1, carried)
    row(
        f"{store}_next_day",
        "=",
        0,
        (1, carried.roll(run=-1)),
        (-1, carried),
        (-runs["length"], step),
    )
    to_last = ((runs["length"] - 1).clip(min=0), step)
    for name, more in (("", []), ("_last", [to_last])):
        row(f"{store}_full{name}", "<=", 0, now, *more, (1, top), (-1, size))
        row(f"{store}_empty{name}", ">=", 0, now, *more, (1, bottom))


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


def solve(m, n, options=None, progress=None):
    """Solve each case of a model by itself."""
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
    x, dual = np.full(1 + columns.max(), np.nan), np.full(1 + rows.max(), np.nan)
    status = []
    for i in range(n):
        own = by_column[column_ends[i] : column_ends[i + 1]]
        lines = by_row[row_ends[i] : row_ends[i + 1]]
        block = {key: bounds[key][own] for key in ("lb", "ub", "c")}
        block |= {key: bounds[key][lines] for key in ("b", "sense")}
        part = A[row_ends[i] : row_ends[i + 1], column_ends[i] : column_ends[i + 1]]
        state, values, duals = _solve_block(part, options or {}, progress, **block)
        status.append(state)
        if state == "optimal":
            x[columns[own]], dual[rows[lines]] = values, duals
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
    for name, value in (OPTIONS | options).items():
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
