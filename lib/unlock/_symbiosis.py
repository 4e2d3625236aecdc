"""Kernels of `unlock.symbiosis`: mixed-integer programmes stated in linopy and solved by HiGHS.

The exchange network is stated once and solved for many cells (coalitions, samples, search
costs): between solutions only the costs, bounds and coefficients that differ are changed.
"""

import highspy
import linopy
import numpy as np
import xarray as xr
from scipy import sparse

# Restarts and the search for symmetry take longer than these small trees.
OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 1,
    "mip_allow_restart": False,
    "mip_detect_symmetry": False,
}
ROWS = ("supply", "demand")
SOME = 0.1  # share of a link in the relaxation that is worth a try
NONE = -1  # a lane without a row of that name
NO_SOLUTION = (
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kUnboundedOrInfeasible,
)


class Program:
    """A linopy model inside HiGHS whose numbers can be changed between solutions."""

    def __init__(self, model, gap=0.0):
        self.model, matrices = model, model.matrices
        self.places = matrices.vlabels, matrices.clabels
        solver = self.solver = highspy.Highs()
        for name, value in (OPTIONS | {"mip_rel_gap": gap, "mip_abs_gap": 0.0}).items():
            solver.setOptionValue(name, value)
        count = len(matrices.vlabels)
        solver.addVars(count, matrices.lb, matrices.ub)
        solver.changeColsCost(count, np.arange(count, dtype=np.int32), matrices.c)
        whole = np.flatnonzero(matrices.vtypes != "C").astype(np.int32)
        solver.changeColsIntegrality(len(whole), whole, np.ones(len(whole), np.uint8))
        a, b, sense = matrices.A.tocsr(), matrices.b, matrices.sense
        lower, upper = np.where(sense != "<", b, -np.inf), np.where(sense != ">", b, np.inf)
        solver.addRows(len(b), lower, upper, a.nnz, a.indptr, a.indices, a.data)
        self.coefficients = {}

    def columns(self, name):
        """Return the solver's columns of a variable, in the variable's order."""
        labels = self.model.variables[name].labels.values.ravel()
        return np.searchsorted(self.places[0], labels).astype(np.int32)

    def rows(self, name):
        """Return the solver's rows of a constraint, in the constraint's order."""
        labels = self.model.constraints[name].labels.values.ravel()
        return np.searchsorted(self.places[1], labels).astype(np.int32)

    def set_costs(self, columns, values):
        self.solver.changeColsCost(len(columns), columns, np.ascontiguousarray(values, float))

    def set_bounds(self, columns, lower, upper):
        lower, upper = (np.ascontiguousarray(values, float) for values in (lower, upper))
        self.solver.changeColsBounds(len(columns), columns, lower, upper)

    def relax(self, columns):
        """Let whole-numbered columns take any value between their bounds."""
        self.solver.changeColsIntegrality(len(columns), columns, np.zeros(len(columns), np.uint8))

    def set_at_most(self, rows, values):
        for row, value in zip(rows.tolist(), values.tolist(), strict=True):
            self.solver.changeRowBounds(row, -np.inf, value)

    def set_coefficients(self, rows, columns, values):
        """Change those coefficients that differ from what was put there before."""
        rows = np.broadcast_to(rows, columns.shape).tolist()
        for row, column, value in zip(rows, columns.tolist(), values.tolist(), strict=True):
            if self.coefficients.get((row, column), 1.0) != value:
                self.solver.changeCoeff(row, column, value)
                self.coefficients[row, column] = value

    def solve(self):
        """Return solution, objective and bound of the minimum; None if there is no solution."""
        # Always from the same start, so that no cell's result depends on the one before it.
        self.solver.clearSolver()
        self.solver.run()
        status = self.solver.getModelStatus()
        if status in NO_SOLUTION:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            told = self.solver.modelStatusToString(status)
            raise ValueError(f"the solver stopped without an optimum: {told}")
        info = self.solver.getInfo()
        values = np.array(self.solver.getSolution().col_value)
        # A linear programme has no bound of its own: its optimum is one.
        whole = info.mip_node_count >= 0
        return (
            values,
            info.objective_function_value,
            info.mip_dual_bound if whole else info.objective_function_value,
        )


def exchange_model(shape, lane):
    """State the exchange network; every coefficient and bound is 1 until a cell replaces it."""
    model = linopy.Model()
    flow = model.add_variables(
        lower=0, coords=[np.arange(len(lane["link"]))], dims=["lane"], name="flow"
    )
    links = [np.arange(shape["link"])]
    built = model.add_variables(coords=links, dims=["link"], name="built", binary=True)
    capital = model.add_variables(lower=0, name="capital")

    def over(name):
        given = lane[name]["lane"] if "by link" in name else lane[name]
        inside = np.flatnonzero(given != NONE)
        rows = xr.DataArray(given[inside], {"lane": inside}, "lane", name=name)
        return (1.0 * flow.isel(lane=inside)).groupby(rows).sum()

    for name in ("supply", "demand", "blend"):
        if shape[name]:
            model.add_constraints(over(name) <= 1.0, name=name)
    # One row for each row of supply and demand that a link draws on: close to the convex hull, so
    # that most networks are solved without branching.
    for name in ("supply", "demand"):
        label = f"{name} by link"
        on = xr.DataArray(lane[label]["link"], {label: np.arange(len(lane[label]["link"]))}, label)
        carried_by = (1.0 * built).isel(link=on).drop_vars("link")
        model.add_constraints(over(label) - carried_by <= 0.0, name=label)
    spent = (1.0 * flow).sum() + (1.0 * built).sum() - 1.0 * capital
    model.add_constraints(spent <= 0.0, name="spent")
    model.add_objective((1.0 * flow).sum() + (1.0 * built).sum())
    return model


def solve_exchanges(shape, lane, cells, *, gap, rounded):
    """Solve every cell; give flow, built, benefit and bound, NaN where there is no solution.

    cells holds arrays (cell, lane | link | row | nothing) of all numbers of the programme. Without
    a budget, parts of the network that share no source and no sink are solved one by one.
    """
    count = len(cells["supply"])
    total = {"benefit": np.zeros(count), "bound": np.zeros(count)}
    total |= {"flow": np.zeros((count, len(lane["link"])))}
    total |= {"built": np.zeros((count, shape["link"]))}
    limited = np.isfinite(cells["budget"]).any()
    part_of = np.zeros(shape["link"], int) if limited else _parts(shape, lane)
    for part in np.unique(part_of):
        links, lanes, piece = _piece(shape, lane, cells, part_of == part)
        found = _solve_part(*piece, gap, rounded)
        total["flow"][:, lanes], total["built"][:, links] = found["flow"], found["built"]
        total["benefit"] += found["benefit"]
        total["bound"] += found["bound"]
    return total


def _parts(shape, lane):
    """Number the parts of a network between which no row is shared; give each link its part."""
    count = shape["link"]
    ties = [(lane["link"], count + lane["supply"])]
    ties += [(lane["link"], count + shape["supply"] + lane["demand"])]
    ends = np.concatenate([np.stack(tie) for tie in ties], axis=1)
    size = count + shape["supply"] + shape["demand"]
    graph = sparse.coo_array((np.ones(ends.shape[1]), ends), shape=(size, size))
    return sparse.csgraph.connected_components(graph, directed=False)[1][:count]


def _piece(shape, lane, cells, chosen):
    """Cut a part out of a network, its links, lanes and rows numbered anew."""
    links, lanes = np.flatnonzero(chosen), np.flatnonzero(chosen[lane["link"]])
    cut, sizes = {"quality": lane["quality"][lanes]}, {"link": len(links)}
    cut["link"] = np.searchsorted(links, lane["link"][lanes])
    numbers = dict(cells)
    for name in ("supply", "demand", "blend"):
        rows = np.unique(lane[name][lanes])
        rows = rows[rows != NONE]
        sizes[name] = len(rows)
        numbers[name] = cells[name][:, rows]
        known = lane[name][lanes] != NONE
        cut[name] = np.where(known, np.searchsorted(rows, lane[name][lanes]), NONE)
    for name in ("margin", "lane_capital"):
        numbers[name] = cells[name][:, lanes]
    for name in ("loss", "link_capital", "fixed", "open"):
        numbers[name] = cells[name][:, links]
    return links, lanes, (sizes, cut, numbers)


def _solve_part(shape, lane, cells, gap, rounded):
    """Solve every cell of one part; equal cells once."""
    lane = lane | {f"{name} by link": _pairs(lane["link"], lane[name]) for name in ROWS}
    most, worth_building = _limits(shape, lane, cells)
    count, known = len(most), {}
    sizes = {"flow": (count, len(lane["link"])), "built": (count, shape["link"])}
    sizes |= {"benefit": (count,), "bound": (count,)}
    if not (cells["open"] * worth_building).any() and (cells["blend"] >= 0).all():
        return {name: np.zeros(size) for name, size in sizes.items()}
    out = {name: np.full(size, np.nan) for name, size in sizes.items()}
    program = ExchangeProgram(shape, lane, gap, rounded)
    for at in range(count):
        cell = {name: values[at] for name, values in cells.items()}
        cell |= {"open": cell["open"] * worth_building[at], "most": most[at]}
        key = b"".join(np.ascontiguousarray(values).tobytes() for values in cell.values())
        if key not in known:
            known[key] = program.solved(cell)
        if known[key] is not None:
            for name, values in known[key].items():
                out[name][at] = values
    return out


class ExchangeProgram(Program):
    """The exchange network, each number of which a cell can set."""

    def __init__(self, shape, lane, gap, rounded):
        super().__init__(exchange_model(shape, lane), gap)
        self.lane, self.rounded = lane, rounded
        self.flow, self.built, self.capital = map(self.columns, ("flow", "built", "capital"))
        self.limits = [name for name in ("supply", "demand", "blend") if shape[name]]
        by_link = [f"{name} by link" for name in ROWS]
        self.row = {name: self.rows(name) for name in (*self.limits, *by_link, "spent")}
        if rounded:
            self.relax(self.built)
        mixed = np.flatnonzero(lane["blend"] != NONE)
        if len(mixed):
            into = self.row["blend"][lane["blend"][mixed]]
            self.set_coefficients(into, self.flow[mixed], lane["quality"][mixed])

    def solved(self, cell):
        """Give flow, built, benefit and bound of a cell; None if it has no solution."""
        lane, kept = self.lane, 1 - cell["loss"]
        self.set_costs(self.flow, -cell["margin"])
        self.set_costs(self.built, cell["fixed"])
        none = np.zeros(len(self.built))
        self.set_bounds(self.built, none, cell["open"])
        self.set_bounds(self.capital, none[:1], cell["budget"].reshape(1))
        for name in self.limits:
            self.set_at_most(self.row[name], cell[name])
        received = kept[lane["link"]]
        self.set_coefficients(self.row["demand"][lane["demand"]], self.flow, received)
        for name in ROWS:
            pair = lane[f"{name} by link"]
            limit = cell[name][pair["row"]] / (kept[pair["link"]] if name == "demand" else 1.0)
            most = np.minimum(limit, cell["most"][pair["link"]])
            self.set_coefficients(self.row[f"{name} by link"], self.built[pair["link"]], -most)
        if np.isfinite(cell["budget"]):
            self.set_coefficients(self.row["spent"], self.flow, cell["lane_capital"])
            self.set_coefficients(self.row["spent"], self.built, cell["link_capital"])
        found = self.solve()
        if found is None:
            return None
        values, objective, bound = found
        if self.rounded:
            found = self.round_up_and_drop(values[self.built], cell)
            if found is None:
                return None
            values, objective, _ = found
        flow = np.where(values[self.flow] < 1e-9, 0.0, values[self.flow])
        built = np.round(values[self.built])
        return {"flow": flow, "built": built, "benefit": 0.0 - objective, "bound": 0.0 - bound}

    def round_up_and_drop(self, share, cell):
        """Build every link that the relaxation uses; then drop those that lose, until none does."""
        whole, best = (share > SOME).astype(float), None
        for _ in range(len(whole)):
            self.set_bounds(self.built, whole, whole)
            found = self.solve()
            if found is None or (best is not None and found[1] >= best[1]):
                break
            best = found
            earned = np.bincount(
                self.lane["link"], cell["margin"] * found[0][self.flow], minlength=len(whole)
            )
            kept = whole * (earned > cell["fixed"])
            if (kept == whole).all():
                break
            whole = kept
        return best


def _pairs(link, row):
    """Number the pairs of a link and a row; give each lane its pair, and each pair its two."""
    pairs, number = np.unique(np.stack([link, row]), axis=1, return_inverse=True)
    return {"lane": number.ravel(), "link": pairs[0], "row": pairs[1]}


def _limits(shape, lane, cells):
    """Largest flow of each link, and whether the link can pay for itself or helps a mix."""
    count, links = len(cells["supply"]), shape["link"]
    supply, demand, best = (np.zeros((count, links)) for _ in range(3))
    cleaner = np.zeros(links, bool)
    for link in range(links):
        inside = np.flatnonzero(lane["link"] == link)
        best[:, link] = cells["margin"][:, inside].max(axis=1)
        supply[:, link] = cells["supply"][:, np.unique(lane["supply"][inside])].sum(axis=1)
        demand[:, link] = cells["demand"][:, np.unique(lane["demand"][inside])].sum(axis=1)
        cleaner[link] = (lane["quality"][inside] < 0).any()
    most = np.minimum(supply, demand / (1 - cells["loss"]))
    return most, (best * most > cells["fixed"]) | cleaner


def water_network(load, c_in, c_out, fresh):
    """Least fresh water and, at it, fewest pipes; loads in g/h, so that amounts are t/h."""
    at = np.arange(len(load))
    model = linopy.Model()
    x = model.add_variables(lower=0, coords=[at, at], dims=["i", "j"], name="reuse")
    w = model.add_variables(lower=0, coords=[at], dims=["j"], name="fresh")
    o = model.add_variables(lower=0, coords=[at], dims=["i"], name="waste")
    y = model.add_variables(coords=[at, at], dims=["i", "j"], name="pipe", binary=True)
    upper_in, upper_out = (xr.DataArray(c, {"j": at}, "j") for c in (c_in, c_out))
    out_i, m = xr.DataArray(c_out, {"i": at}, "i"), xr.DataArray(load, {"j": at}, "j")
    into = x.sum("i") + w
    carried = (x * out_i).sum("i") + fresh * w
    model.add_constraints(carried - upper_out * into == -m, name="pickup")
    model.add_constraints(carried - upper_in * into <= 0, name="inlet")
    model.add_constraints(x.sum("j") + o - into.rename(j="i") == 0, name="through")
    # No pipe need carry more than an operation takes that is fed at its inlet limit.
    most = xr.DataArray(load / (c_out - c_in), {"j": at}, "j")
    other = xr.DataArray(1.0 - np.eye(len(at)), {"i": at, "j": at}, ("i", "j"))
    model.add_constraints(x - most * other * y <= 0, name="pipe")
    model.add_objective(w.sum() + 0.0 * y.sum())
    least = Program(model)
    total = least.solve()
    model.add_constraints(w.sum() <= total[1] * (1 + 1e-9), name="least")
    model.add_objective(y.sum(), overwrite=True)
    fewest = Program(model)
    values, pipes, bound = fewest.solve()
    reuse, bought, waste = (_clean(values[fewest.columns(n)]) for n in ("reuse", "fresh", "waste"))
    return reuse.reshape(len(at), -1), bought, waste, total[1:], (round(pipes), bound)


def heat_network(bounds, capacity, warm, pinch):
    """Least outside heating and, at it, fewest matches above and below the pinch.

    bounds are shifted temperatures (start, end) by stream. The last row and column of the
    heat matrix are outside heating and outside cooling.
    """
    edges = np.unique(bounds)[::-1]
    top, bottom = bounds.max(axis=0), bounds.min(axis=0)
    part = np.minimum.outer(top, edges[:-1]) - np.maximum.outer(bottom, edges[1:])
    heat = np.clip(part, 0, None) * capacity[:, None]
    hot, cold, steps = heat[warm], heat[~warm], len(edges) - 1
    n_hot, n_cold = len(hot), len(cold)
    k, i, j = np.arange(steps), np.arange(n_hot + 1), np.arange(n_cold + 1)
    model = linopy.Model()
    q = model.add_variables(lower=0, coords=[i, j, k], dims=["i", "j", "k"], name="heat")
    # What a hot stream has not given up in an interval goes on to the next colder one.
    r = model.add_variables(lower=0, coords=[i[:-1], k], dims=["i", "k"], name="residual")
    y = model.add_variables(coords=[i, j, [0, 1]], dims=["i", "j", "side"], name="m", binary=True)
    before = r.shift(k=1).fillna(0)
    given = xr.DataArray(hot, {"i": i[:-1], "k": k}, ("i", "k"))
    taken = xr.DataArray(cold, {"j": j[:-1], "k": k}, ("j", "k"))
    from_hot = q.isel(i=slice(0, n_hot)).sum("j")
    model.add_constraints(from_hot + r - before == given, name="give")
    model.add_constraints(q.isel(j=slice(0, n_cold)).sum("i") == taken, name="take")
    model.add_constraints(r.isel(k=-1) == 0, name="end")
    # Outside cooling takes the coldest heat; outside heating does not go to outside cooling.
    outside = q.isel(j=n_cold)
    model.add_constraints(outside.isel(i=n_hot) == 0, name="no loop")
    if steps > 1:
        warmer = outside.isel(k=slice(0, steps - 1))
        model.add_constraints(warmer == 0, name="cold end")
    heating = q.isel(i=n_hot).sum()
    model.add_objective(heating + 0.0 * y.sum())
    least = Program(model)
    total = least.solve()
    model.add_constraints(heating <= total[1] + 1e-7, name="least")
    side = (edges[1:] < pinch - 1e-9).astype(int) if np.isfinite(pinch) else np.ones(steps, int)
    most = float(heat.sum())
    for s in (0, 1):
        inside = np.flatnonzero(side == s)
        if len(inside):
            sent = q.isel(k=inside).sum("k")
            model.add_constraints(sent - most * y.sel(side=s) <= 0, name=f"match {s}")
    model.add_objective(y.sum(), overwrite=True)
    fewest = Program(model)
    values, matches, bound = fewest.solve()
    matrix = _clean(values[fewest.columns("heat")]).reshape(n_hot + 1, n_cold + 1, steps).sum(-1)
    return matrix, total[1:], (round(matches), bound)


def fractional_knapsack(benefit, capital, budget):
    """Share of each item, taken in the order of benefit over capital; items on the last axis."""
    benefit, capital = np.broadcast_arrays(benefit, capital)
    order = np.argsort(-benefit / capital, axis=-1, kind="stable")
    cost = np.take_along_axis(np.where(benefit > 0, capital, 0.0), order, axis=-1)
    before = np.cumsum(cost, axis=-1) - cost
    left = np.clip(np.asarray(budget)[..., None] - before, 0, None)
    share = np.clip(left / np.where(cost > 0, cost, 1.0), 0, 1) * (cost > 0)
    shape = np.broadcast_shapes(share.shape, order.shape)
    share, order = np.broadcast_to(share, shape).copy(), np.broadcast_to(order, shape)
    result = np.empty(shape)
    np.put_along_axis(result, order, share, axis=-1)
    return result


def _clean(values):
    """Set to zero what is only a trace of the solver's tolerance."""
    return np.where(np.abs(values) < 1e-7, 0.0, values)
