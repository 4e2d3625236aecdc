"""Plain numpy kernels of `unlock.cohorts`."""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gamma, gammaincc, gammaln, ndtr

COLUMNS = 1024  # columns worked on at once: survival table and inflows then fit the cache
GONE = 1e-290  # a survival below this is nought: dividing by it would overflow


def normal(age, mean, sd):
    """Survival 1 - F(age) of a normal lifetime, not conditioned on a positive lifetime."""
    z = np.asarray(np.subtract(mean, age))
    z /= sd
    return ndtr(z, out=z)[()]


def lognormal(age, mean, sd):
    """Survival of a lognormal lifetime with this mean and standard deviation."""
    variance = np.log1p((sd / mean) ** 2)
    with np.errstate(divide="ignore"):
        return ndtr((np.log(mean) - variance / 2 - np.log(age)) / np.sqrt(variance))


def weibull(age, mean, sd):
    """Survival of a Weibull lifetime with this mean and standard deviation."""
    inverse_shape = weibull_inverse_shape(sd / mean)
    scale = mean / gamma(1 + inverse_shape)
    return np.exp(-((age / scale) ** (1 / inverse_shape)))


def weibull_inverse_shape(variation):
    """Solve Gamma(1 + 2x) / Gamma(1 + x)^2 = 1 + variation^2 for x by Newton steps.

    The logarithm of the left side is convex and rises, so the steps fall to the root
    from the right once they are there.
    """
    target = np.log1p(np.square(variation))
    x = np.asarray(variation, dtype=float) ** 1.086
    for _ in range(50):
        excess = gammaln(1 + 2 * x) - 2 * gammaln(1 + x) - target
        step = excess / (2 * (digamma(1 + 2 * x) - digamma(1 + x)))
        x = np.maximum(x - step, x / 10)
        if not np.any(np.abs(step) > 1e-14 * x):
            break
    return x


def gamma_law(age, mean, sd):
    """Survival of a gamma lifetime with this mean and standard deviation."""
    shape = (mean / sd) ** 2
    return gammaincc(shape, age * shape / mean)


def fixed(age, mean):
    """Survival of a lifetime without spread: 1 before the age `mean`, 0 from it on."""
    return np.where(np.isnan(mean + age), np.nan, age < mean)


LAWS = {"normal": normal, "lognormal": lognormal, "weibull": weibull, "gamma": gamma_law}


def survival(age, mean, sd, distribution):
    """Share still in use at `age`; cells with sd = 0 have a fixed lifetime."""
    if distribution == "fixed":
        return fixed(age, mean)
    certain = np.equal(sd, 0)
    if not certain.any():
        return LAWS[distribution](age, mean, sd)
    spread = LAWS[distribution](age, mean, np.where(certain, mean, sd))
    return np.where(certain, fixed(age, mean), spread)


def step_lengths(years):
    """Years that each step spans; the first is as long as the second."""
    if len(years) == 1:
        return np.ones(1)
    gaps = np.diff(years)
    return np.concatenate([gaps[:1], gaps])


@dataclass(frozen=True)
class Axis:
    """The time axis: steps, and the batches that enter in them.

    A step longer than a year takes its inflow in equal batches at most a year apart, the
    last at its end, so that a step of five years equals five steps of one year.
    Vintages of the initial stock are batches that entered before.
    """

    start: float  # moment at which the first step begins and the initial stock is counted
    years: np.ndarray  # end of each step
    lengths: np.ndarray  # years that each step spans
    entry: np.ndarray  # year in which each batch enters, ascending
    weight: np.ndarray  # amount of a batch per unit of inflow a year; 0 for vintages
    first: np.ndarray  # first batch of each cohort: vintages, then steps
    bounds: np.ndarray  # batches of step j are bounds[j] to bounds[j + 1]
    vintages: int  # how many batches are vintages

    @classmethod
    def build(cls, years, vintages):
        """Lay out batches for steps that end at `years` after the given vintage years."""
        lengths = step_lengths(years)
        counts = np.ceil(lengths - 1e-9).astype(int)
        bounds = len(vintages) + np.concatenate([[0], np.cumsum(counts)])
        part = np.repeat(lengths / counts, counts)
        to_come = np.repeat(bounds[1:], counts) - np.arange(bounds[0], bounds[-1]) - 1
        return cls(
            start=years[0] - lengths[0],
            years=years,
            lengths=lengths,
            entry=np.concatenate([vintages, np.repeat(years, counts) - to_come * part]),
            weight=np.concatenate([np.zeros(len(vintages)), part]),
            first=np.concatenate([np.arange(len(vintages)), bounds[:-1]]),
            bounds=bounds,
            vintages=len(vintages),
        )

    @property
    def age(self):
        """Age of each batch (moment, batch) at the start and at the end of each step.

        It is 0 for batches still to enter. Rounded, so that equal ages compare as equal.
        """
        moments = np.concatenate([[self.start], self.years])
        return np.maximum(np.round(moments[:, None] - self.entry, 9), 0)


def distinct(age):
    """Give the ages that occur, ascending, and the place of each cell among them."""
    step = age[age > 0].min() if age.any() else 1.0
    place = np.rint(age / step).astype(int)
    if place.max() < age.size and np.array_equal(np.round(place * step, 9), age):
        return np.round(np.arange(place.max() + 1) * step, 9), place  # even steps need no sorting
    found, place = np.unique(age, return_inverse=True)
    return found, place.reshape(age.shape)


class AgeTable:
    """Survival by age and column, for lifetimes that no cohort changes."""

    def __init__(self, axis):
        age, rows = distinct(axis.age)
        rows = len(age) - 1 - rows
        self.age = age[::-1]
        # Rows that follow each other become a slice, so that no row is copied.
        follow = (np.diff(rows, axis=1) == 1).sum(axis=1) == axis.bounds - 1
        self.rows = [
            slice(row[0], row[0] + count) if even else row[:count]
            for row, count, even in zip(rows, axis.bounds, follow, strict=True)
        ]

    def evaluate(self, mean, sd, repeat, distribution):
        """Give a function: step -> survival of each batch (batch, column); -1 is the start."""
        table = survival(self.age[:, None], mean, sd, distribution)
        table = table if repeat is None else table[:, repeat]
        return lambda step: table[self.rows[step + 1]]


class CohortTable:
    """Survival by batch and column, for lifetimes that differ between cohorts."""

    def __init__(self, axis):
        batches = np.diff(np.append(axis.first, len(axis.entry)))
        cohort = np.repeat(np.arange(len(axis.first)), batches)
        self.cohort = [cohort[:count] for count in axis.bounds]
        self.age = [age[:count, None] for age, count in zip(axis.age, axis.bounds, strict=True)]

    def evaluate(self, mean, sd, repeat, distribution):
        """Give a function: step -> survival of each batch (batch, column); -1 is the start."""

        def alive(step):
            cohort = self.cohort[step + 1]
            share = survival(self.age[step + 1], mean[cohort], sd[cohort], distribution)
            return share if repeat is None else share[:, repeat]

        return alive


def contract(batches, share):
    """Stock left of all batches: sum over batches of amount x share alive."""
    if share.shape[1] == 1:
        return share[:, 0] @ batches
    if batches.shape[1] == 1:
        return batches[:, 0] @ share
    return np.einsum("bc,bc->c", batches, share)


def stack(first, then):
    """Batches of vintages above batches of steps, over the columns of both."""
    columns = max(first.shape[1], then.shape[1])
    return np.concatenate([np.broadcast_to(part, (len(part), columns)) for part in (first, then)])


def vintage_batches(axis, alive, initial):
    """Amounts that once entered, if `initial` is left of them at the start."""
    share = alive(-1)
    old = share > GONE
    return np.where(old, initial / np.where(old, share, 1), np.where(np.isnan(share), share, 0))


def inflow_driven(axis, alive, inflow, initial, out):
    """Stock and outflow from inflow a year; fills the arrays in `out` (step, column)."""
    batches = np.repeat(inflow, np.diff(axis.bounds), axis=0) * axis.weight[axis.vintages :, None]
    if axis.vintages:
        batches = stack(vintage_batches(axis, alive, initial), batches)
    for step, end in enumerate(axis.bounds[1:]):
        share = alive(step)
        out["stock"][step] = contract(batches[:end], share)
        if "stock_by_cohort" in out:
            tables(axis, out, step, batches[:end], share, inflow[step], initial)
    close(axis, out, inflow, out["stock"], initial)


def stock_driven(axis, alive, stock, initial, out, early):
    """Inflow and outflow a year from stock; fills the arrays in `out` (step, column)."""
    batches = np.empty((len(axis.entry), out["inflow"].shape[1]))
    if axis.vintages:
        batches[: axis.vintages] = vintage_batches(axis, alive, initial)
    for step, (begin, end) in enumerate(itertools.pairwise(axis.bounds)):
        share, weight = alive(step), axis.weight[begin:end, None]
        need = stock[step] - contract(batches[:begin], share[:begin])
        if early != "report":
            need = retire_early(axis, out, step, batches[:begin], share[:begin], need, early)
        several = end - begin > 1  # a sum over one batch takes longer than the batch itself
        new = (weight * share[begin:end]).sum(axis=0) if several else weight[0] * share[begin]
        inflow = np.divide(need, new, out=out["inflow"][step])
        np.multiply(weight, inflow, out=batches[begin:end])
        if "stock_by_cohort" in out:
            tables(axis, out, step, batches[:end], share, inflow, initial)
    close(axis, out, out["inflow"], stock, initial)


def close(axis, out, inflow, stock, initial):
    """Write the outflow a year that closes the balance of every step."""
    outflow = out["outflow"]
    outflow[0] = initial.sum(axis=0) - stock[0]
    outflow[1:] = stock[:-1] - stock[1:]
    outflow /= axis.lengths[:, None]
    outflow += inflow
    if "early_retirement" in out:
        outflow -= out["early_retirement"]


def retire_early(axis, out, step, batches, share, need, early):
    """Take surplus stock out of use by the rule; return what inflow has to supply."""
    surplus = np.flatnonzero(need < 0)
    if not surplus.size:
        return need
    kept_share = share if share.shape[1] == 1 else share[:, surplus]
    alive = batches[:, surplus] * kept_share
    gone = {"proportional": in_proportion, "oldest": oldest_first}[early](alive, -need[surplus])
    batches[:, surplus] *= 1 - gone / np.where(alive > 0, alive, 1)
    out["early_retirement"][step, surplus] = -need[surplus] / axis.lengths[step]
    if "early_retirement_by_cohort" in out:
        first = axis.first[: axis.vintages + step]
        rate = np.add.reduceat(gone, first, axis=0) / axis.lengths[step]
        out["early_retirement_by_cohort"][step, : len(first), surplus] = rate.T
    return np.maximum(need, 0)


def in_proportion(alive, surplus):
    """Early retirement by batch, the same share of each."""
    return alive * (surplus / alive.sum(axis=0))


def oldest_first(alive, surplus):
    """Early retirement by batch, the oldest batches first."""
    older = np.cumsum(alive, axis=0) - alive
    return np.clip(surplus - older, 0, alive)


def tables(axis, out, step, batches, share, inflow, initial):
    """Write stock and outflow by cohort."""
    first = axis.first[: axis.vintages + step + 1]
    stocks = out["stock_by_cohort"]
    before = stocks[step - 1, : len(first)].copy()
    if step == 0:
        before[:] = 0
        before[: axis.vintages] = initial
    stocks[step, : len(first)] = np.add.reduceat(batches * share, first, axis=0)
    before[-1] += inflow * axis.lengths[step]
    gone = (before - stocks[step, : len(first)]) / axis.lengths[step]
    if "early_retirement_by_cohort" in out:
        gone -= out["early_retirement_by_cohort"][step, : len(first)]
    out["outflow_by_cohort"][step, : len(first)] = gone
