"""Cohort stocks: what enters, how long it lasts, what is in use and what leaves.

Time. A year `t` on the time axis is the end of a step that began at the year before it on
the axis; the first step is as long as the second. Stocks are counted at the end of a step.
Flows are amounts a year, constant in the step. What enters in the year that ends at t has
age 0 at t: survival at age 0 is the share that outlives the end of its first year. A step
of several years takes in a batch each year, so that it equals as many yearly steps.

Mass. stock(t) - stock(t - dt) = dt * (inflow - outflow - early retirement).
"""

import math

import numpy as np
import xarray as xr

from unlock import _cohorts

DISTRIBUTIONS = ("fixed", *_cohorts.LAWS)
ORDER = (
    "stock",
    "inflow",
    "outflow",
    "early_retirement",
    "initial_stock",
    "stock_by_cohort",
    "outflow_by_cohort",
    "early_retirement_by_cohort",
)
EARLY = ("report", "proportional", "oldest")


def survival(age, *, mean, sd=0.0, distribution="normal"):
    r"""Give the share of a cohort that is still in use at an age.

    S(a) = P(lifetime > a), where `mean` and `sd` are those of the lifetime itself:

    - normal: S(a) = Phi((mean - a) / sd). Not conditioned on a lifetime above 0, so that
      S(0) < 1: a part may fail in its first year.
    - lognormal: sigma^2 = ln(1 + (sd / mean)^2), mu = ln(mean) - sigma^2 / 2,
      S(a) = Phi((mu - ln a) / sigma).
    - weibull: S(a) = exp(-(a / lambda)^k), with k solved from
      Gamma(1 + 2 / k) / Gamma(1 + 1 / k)^2 = 1 + (sd / mean)^2,
      and lambda = mean / Gamma(1 + 1 / k).
    - gamma: shape (mean / sd)^2, scale sd^2 / mean.
    - fixed, or sd = 0: S(a) = 1 for a < mean, else 0.

    Parameters
    ----------
    age : array, any dims; years, not negative
    mean, sd : arrays, any dims; years; mean > 0, sd >= 0 (sd is not used by "fixed")
    distribution : one of normal, lognormal, weibull, gamma, fixed

    Returns
    -------
    Share between 0 and 1 over all dims together; NaN where an argument is NaN.

    Raises
    ------
    ValueError
        For a negative age, a mean that is not positive, a negative sd or an unknown law.
    """
    _check_lifetime(mean, sd, distribution)
    if np.any(np.asarray(age) < 0):
        raise ValueError(f"age must not be negative, but {float(np.nanmin(age)):g} was given")
    age, mean, sd = (
        part if isinstance(part, xr.DataArray) else np.asarray(part, dtype=float)
        for part in (age, mean, sd)
    )
    share = xr.apply_ufunc(
        _cohorts.survival, age, mean, sd, kwargs={"distribution": distribution}, join="exact"
    )
    return _with_units(share, "1") if isinstance(share, xr.DataArray) else share


def inflow_driven(
    inflow, *, mean, sd=0.0, distribution="normal", initial=None, by_cohort=False, time="time"
):
    """Give the stock and the outflow that follow from an inflow.

    stock(t) = sum over c <= t of dt(c) * inflow(c) * S(t - c)
               + sum over vintages v of initial(v) * S(t - v) / S(start - v)

    For a step of several years S(t - c) is the mean over its yearly batches.

    Parameters
    ----------
    inflow : DataArray (time, any); amount a year, constant in each step
    mean, sd : lifetime (any, may have `cohort`: vintage years and years of the time axis);
        years
    distribution : as in `survival`
    initial : DataArray (cohort = vintage year, any), optional; amount alive at the start of
        the first step. A vintage of which nothing can be left by then leaves in that step.
    by_cohort : also give tables by cohort (they take time x cohort x other dims)
    time : name of the time dimension; its coordinate is in years and may be uneven

    Returns
    -------
    Dataset with `inflow` and `outflow` (amount a year) and `stock` (amount); with
    `by_cohort` also `stock_by_cohort` and `outflow_by_cohort` (time, cohort, any); with
    `initial` also `initial_stock`.

    Raises
    ------
    ValueError
        For a missing or unordered time axis, labels that do not agree, lifetimes that miss
        a cohort, vintages after the start, or arguments that `survival` refuses.

    Source: Müller (2006), Ecological Economics 59, 142-156; Pauliuk and Heeren (2020),
    Journal of Industrial Ecology 24, 446-458.
    """
    return _run(inflow, "inflow", mean, sd, distribution, initial, by_cohort=by_cohort, time=time)


def stock_driven(
    stock,
    *,
    mean,
    sd=0.0,
    distribution="normal",
    initial=None,
    early="report",
    by_cohort=False,
    time="time",
):
    """Give the inflow that keeps a stock at its given level, and the outflow.

    inflow(t) = (stock(t) - what is left at t of earlier cohorts) / (dt * S(0))

    Where the stock falls faster than cohorts die, more is left than the stock may hold.
    `early` says what happens then:

    - "report": nothing is retired early. The inflow is negative, as the equation has it, and
      `attrs["negative_inflow_cells"]` counts where.
    - "proportional": the inflow is 0 and the surplus retires, the same share of each cohort.
    - "oldest": the inflow is 0 and the surplus retires, the oldest cohorts first.

    `early_retirement` gives the surplus so retired; it is not part of `outflow`.

    Parameters
    ----------
    stock : DataArray (time, any); amount at the end of each step, not negative
    early : one of report, proportional, oldest
    mean, sd, distribution, initial, by_cohort, time : as in `inflow_driven`

    Returns
    -------
    Dataset with `stock` (amount), `inflow`, `outflow` and `early_retirement` (amount a
    year); with `by_cohort` also the three of `stock_by_cohort`, `outflow_by_cohort` and
    `early_retirement_by_cohort` (time, cohort, any); with `initial` also `initial_stock`.

    Raises
    ------
    ValueError
        As `inflow_driven`, and for a negative stock or an unknown rule.

    Source: as `inflow_driven`.
    """
    if early not in EARLY:
        raise ValueError(f"early must be one of {', '.join(EARLY)}, not {early!r}")
    if np.any(np.asarray(stock) < 0):
        raise ValueError(f"stock must not be negative, but {float(np.nanmin(stock)):g} was given")
    flows = _run(
        stock, "stock", mean, sd, distribution, initial, early=early, by_cohort=by_cohort, time=time
    )
    flows.attrs["early"] = early
    least = -1e-9 * float(np.nanmax(np.asarray(stock), initial=0))
    flows.attrs["negative_inflow_cells"] = int((flows["inflow"].values < least).sum())
    return flows


def balance(flows, *, time="time"):
    """Give what a set of flows fails to explain of the change in stock.

    residual(t) = stock(t) - stock(t - dt) - dt * (inflow - outflow - early_retirement)

    The stock before the first step is `initial_stock`, or 0 without it.

    Parameters
    ----------
    flows : Dataset with `stock` (amount), `inflow`, `outflow` and, optionally,
        `early_retirement` (amount a year), over time and any dims

    Returns
    -------
    DataArray (time, any) in the unit of the stock; 0 up to rounding where mass is kept.

    Raises
    ------
    ValueError
        If one of stock, inflow and outflow is missing, or the time axis is wrong.
    """
    missing = [name for name in ("stock", "inflow", "outflow") if name not in flows]
    if missing:
        raise ValueError(f"flows must hold stock, inflow and outflow; {missing[0]} is missing")
    stock = flows["stock"]
    lengths = xr.DataArray(_cohorts.step_lengths(_years(stock, "stock", time)), dims=time)
    net = flows["inflow"] - flows["outflow"] - flows.get("early_retirement", 0.0)
    before = stock.shift({time: 1}, fill_value=0)
    if "initial_stock" in flows:
        first = xr.DataArray(np.arange(stock.sizes[time]) == 0, dims=time)
        before = before + first * flows["initial_stock"]
    return _with_units(stock - before - lengths * net, stock.attrs.get("units"))


def _run(driver, name, mean, sd, distribution, initial, *, by_cohort, time, early=None):
    """Check the arguments, run the kernel on blocks of columns and label the result."""
    _check_lifetime(mean, sd, distribution)
    years = _years(driver, name, time)
    driver = _floats(driver.transpose(time, ...))
    initial = _vintages(initial)
    axis = _cohorts.Axis.build(years, initial["cohort"].values.astype(float))
    _check_vintages(axis)
    cohort = np.concatenate([initial["cohort"].values, driver[time].values])
    mean, sd = _lifetimes(mean, sd, cohort, time)
    _check_labels({name: driver, "mean or sd": mean, "initial": initial}, time)
    columns = _Columns(driver, mean, sd, initial)
    out = _allocate(name, early, by_cohort, (len(years), len(cohort), columns.count))
    table = (_cohorts.CohortTable if "cohort" in mean.dims else _cohorts.AgeTable)(axis)
    for block in columns.blocks():
        alive = table.evaluate(*columns.lifetimes(block), distribution)
        given = columns.take(driver, block), columns.take(initial, block)
        part = {key: array[..., block] for key, array in out.items()}
        if name == "inflow":
            _cohorts.inflow_driven(axis, alive, *given, part)
        else:
            _cohorts.stock_driven(axis, alive, *given, part, early)
    flows = columns.label(out, (time, "cohort"))
    flows[name] = driver.variable
    if axis.vintages:
        flows["initial_stock"] = initial.variable.sum("cohort", skipna=False)
    units = _flow_units(driver.attrs.get("units"), name)
    coords = {time: driver[time].variable} | columns.coords
    coords |= {"cohort": cohort} if by_cohort else {}
    data = {
        key: (flows[key].dims, flows[key].data, units["stock" in key])
        for key in sorted(flows, key=ORDER.index)
    }
    return xr.Dataset(data, coords)


class _Columns:
    """Every combination of the extra dims, laid out as columns for the kernels.

    Dims of the lifetimes come first, so that a block of columns needs few survival curves.
    """

    def __init__(self, driver, mean, sd, initial):
        self.lead = {driver.dims[0], "cohort"}
        parts = (mean, driver, initial)
        self.sizes = {d: n for part in parts for d, n in part.sizes.items() if d not in self.lead}
        self.coords = {
            d: part[d].variable for part in parts for d in self.sizes if d in part.coords
        }
        named = [d for part in (driver, mean, initial) for d in part.dims]
        self.order = list(dict.fromkeys(d for d in named if d in self.sizes))
        self.count = math.prod(self.sizes.values())
        self.curves = math.prod(n for d, n in mean.sizes.items() if d != "cohort")
        by_cohort = (mean.sizes["cohort"],) if "cohort" in mean.dims else ()
        self.mean = mean.values.reshape(*by_cohort, self.curves)
        self.sd = sd.values.reshape(*by_cohort, self.curves)

    def blocks(self):
        """Slices of columns that fit the cache."""
        edges = range(0, self.count, _cohorts.COLUMNS)
        return [slice(at, min(at + _cohorts.COLUMNS, self.count)) for at in edges]

    def lifetimes(self, block):
        """Mean and sd of the curves a block needs, and which of them each column takes."""
        curve = np.arange(block.start, block.stop) // (self.count // self.curves)
        needed = slice(curve[0], curve[-1] + 1)
        one_each = needed.stop - needed.start in (1, len(curve))
        repeat = None if one_each else curve - curve[0]
        return self.mean[..., needed], self.sd[..., needed], repeat

    def take(self, array, block):
        """Columns of an array (lead, any): one column if it has no extra dims."""
        lead, *own = array.dims
        if not own:
            return array.values[:, None]
        if own == list(self.sizes):
            return array.values.reshape(array.sizes[lead], -1)[:, block]
        index = np.unravel_index(np.arange(block.start, block.stop), tuple(self.sizes.values()))
        where = dict(zip(self.sizes, index, strict=True))
        return array.values[(slice(None), *(where[dim] for dim in own))]

    def label(self, out, lead):
        """Variables of kernel arrays (time, [cohort,] column), dims in the caller's order."""
        flows = {}
        for name, array in out.items():
            dims = lead[: array.ndim - 1]
            shaped = array.reshape(*array.shape[:-1], *self.sizes.values())
            flows[name] = xr.Variable((*dims, *self.sizes), shaped).transpose(*dims, *self.order)
        return flows


def _allocate(name, early, by_cohort, shape):
    """Arrays for the kernel to fill: (step, column), and (step, cohort, column) if asked for."""
    names = ["outflow", "stock" if name == "inflow" else "inflow"]
    names += ["early_retirement"] if early else []
    out = {key: np.zeros((shape[0], shape[2])) for key in names}
    if by_cohort:
        tables = ["stock", *(key for key in names if key not in ("stock", "inflow"))]
        out |= {f"{key}_by_cohort": np.zeros(shape) for key in tables}
    return out


def _floats(array):
    """The array as floats; itself if it holds floats."""
    return array if array.dtype == float else array.astype(float)


def _lifetimes(mean, sd, cohort, time):
    """Mean and sd over the same dims, `cohort` first and in the order of the cohorts."""
    mean, sd = (_lifetime(part, key, cohort, time) for part, key in ((mean, "mean"), (sd, "sd")))
    _check_labels({"mean": mean, "sd": sd}, time)
    mean, sd = xr.broadcast(mean, sd)
    if "cohort" in mean.dims:
        return mean.transpose("cohort", ...), sd.transpose("cohort", ...)
    return mean, sd


def _lifetime(part, key, cohort, time):
    """One of mean and sd as an array of floats with a value for each cohort."""
    part = part if isinstance(part, xr.DataArray) else xr.DataArray(np.asarray(part, dtype=float))
    if time in part.dims:
        raise ValueError(f"{key} has the dim {time!r}; a lifetime varies by 'cohort': rename it")
    if "cohort" not in part.dims:
        return _floats(part)
    missing = np.setdiff1d(cohort, part["cohort"].values)
    if missing.size:
        raise ValueError(f"{key} has no lifetime for cohort {missing[0]:g}; every cohort needs one")
    return _floats(part.sel(cohort=cohort))


def _vintages(initial):
    """Initial stock (cohort, any) in the order of its vintages; empty if there is none."""
    if initial is None:
        return xr.DataArray(np.zeros(0), dims="cohort", coords={"cohort": np.zeros(0, dtype=int)})
    if not isinstance(initial, xr.DataArray) or "cohort" not in initial.coords:
        raise ValueError("initial must be a DataArray with a coordinate 'cohort' of vintage years")
    if np.any(initial.values < 0):
        raise ValueError("initial must not be negative")
    initial = _floats(initial.transpose("cohort", ...).sortby("cohort"))
    if np.any(np.diff(initial["cohort"].values) <= 0):
        raise ValueError("initial must hold each vintage once")
    return initial


def _years(array, name, time):
    """The time axis as floats, checked."""
    if not isinstance(array, xr.DataArray) or time not in array.dims:
        raise ValueError(f"{name} must be a DataArray with the dim {time!r}")
    if time not in array.coords or array[time].dtype.kind not in "iuf":
        raise ValueError(f"{name} must have a coordinate {time!r} in years, as numbers")
    years = array[time].values.astype(float)
    if not years.size or np.any(~(np.diff(years) > 0)):
        raise ValueError(f"{time} of {name} must hold years in rising order, each once")
    return years


def _check_lifetime(mean, sd, distribution):
    """Refuse lifetimes that no law can have; NaN passes and gives NaN."""
    if distribution not in DISTRIBUTIONS:
        allowed = ", ".join(DISTRIBUTIONS)
        raise ValueError(f"distribution must be one of {allowed}, not {distribution!r}")
    if np.any(np.asarray(mean) <= 0):
        raise ValueError(f"mean must be above 0 years, but {float(np.nanmin(mean)):g} was given")
    if np.any(np.asarray(sd) < 0):
        raise ValueError(f"sd must not be negative, but {float(np.nanmin(sd)):g} was given")


def _check_vintages(axis):
    """Refuse vintages that cannot be alive at the start."""
    if axis.vintages and axis.entry[axis.vintages - 1] > axis.start + 1e-9:
        raise ValueError(
            f"initial must not hold vintages after {axis.start:g}, where the first step starts, "
            f"but {axis.entry[axis.vintages - 1]:g} was given"
        )


def _check_labels(parts, time):
    """Refuse arrays that label the same dim differently."""
    seen = {}
    for name, part in parts.items():
        for dim in part.dims:
            if dim in (time, "cohort"):
                continue
            other, labels = seen.setdefault(dim, (name, part[dim].values))
            if not np.array_equal(labels, part[dim].values):
                raise ValueError(f"{other} and {name} must have the same labels along {dim!r}")


def _flow_units(units, name):
    """Attributes of flows and of stocks: a flow is an amount a year."""
    if units is None:
        return {}, {}
    if name == "stock":
        return {"units": f"{units}/year"}, {"units": units}
    amount = units.removesuffix("/year") if units.endswith("/year") else f"{units}*year"
    return {"units": units}, {"units": amount}


def _with_units(array, units):
    """The array with its unit said, if there is one."""
    return array if units is None else array.assign_attrs(units=units)
