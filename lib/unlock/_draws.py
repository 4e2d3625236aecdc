"""Probabilities for the cells of uncertain inputs: independent, shared and correlated."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from unlock import _uncertainty

DISTRIBUTIONS = tuple(_uncertainty.LAWS)


@dataclass(frozen=True)
class Input:
    """One uncertain input and the grid of its independent draws."""

    name: str
    value: xr.DataArray
    low: np.ndarray  # as value
    high: np.ndarray  # as value
    law: np.ndarray  # as value
    drawn: tuple[str, ...]  # dims of value along which draws are independent

    @property
    def grid(self):
        """Number of draws along each drawn dim."""
        return tuple(self.value.sizes[dim] for dim in self.drawn)

    @property
    def draws(self):
        """Number of draws."""
        return math.prod(self.grid)

    @property
    def column(self):
        """The draw of each cell, flat."""
        number = xr.Variable(self.drawn, np.arange(self.draws).reshape(self.grid))
        return number.set_dims(dict(self.value.sizes)).values.ravel()

    @property
    def live(self):
        """Draws that some cell with a spread takes."""
        return np.unique(self.column[(self.low < self.high).ravel()])

    def labels(self, dim):
        """Labels along a dim."""
        return self.value[dim].values

    def realise(self, p):
        """Values (sample, dims of the input) for probabilities (sample, draw)."""
        cells = [part.ravel() for part in (self.value.values, self.low, self.high, self.law)]
        drawn = _uncertainty.quantile_function(p[:, self.column], *cells)
        return xr.DataArray(
            drawn.reshape(len(p), *self.value.shape),
            dims=("sample", *self.value.dims),
            coords=self.value.coords,
            attrs=self.value.attrs,
            name=self.name,
        )


@dataclass(frozen=True)
class Group:
    """Inputs that are correlated with each other, or one that is with none."""

    parts: tuple[Input, ...]  # fewest draws first, then by name
    label: str
    factor: np.ndarray  # lower triangle L with L L^T = correlation

    @property
    def names(self):
        """Names of the inputs."""
        return [part.name for part in self.parts]

    @property
    def live(self):
        """Draws that matter, by input; the cells of correlated inputs need each other's."""
        if len(self.parts) == 1 or not any(part.live.size for part in self.parts):
            return {part.name: part.live for part in self.parts}
        return {part.name: np.arange(part.draws) for part in self.parts}

    @property
    def varies(self):
        """Whether any input has a spread."""
        return any(live.size for live in self.live.values())

    def join(self, p):
        """Correlated probabilities {name: (sample, draw)} from independent ones."""
        if len(self.parts) == 1:
            return p
        normal = [
            xr.DataArray(
                ndtri(inside(p[part.name])).reshape(-1, *part.grid), dims=("s", *part.drawn)
            )
            for part in self.parts
        ]
        joined = {}
        for part, weights in zip(self.parts, self.factor, strict=True):
            z = sum(w * e for w, e in zip(weights, normal, strict=True) if w)
            z = z.transpose("s", *part.drawn).values
            joined[part.name] = ndtr(z).reshape(len(z), -1)
        return joined


def read_inputs(inputs, shared):
    """Check all inputs and lay them out as arrays over cells."""
    if not inputs:
        raise ValueError("inputs must name at least one input")
    shared = shared or {}
    unknown = [name for name in shared if name not in inputs]
    if unknown:
        raise ValueError(f"shared names {unknown[0]!r}, which is not among the inputs")
    return {name: read_input(name, given, shared.get(name, ())) for name, given in inputs.items()}


def read_input(name, given, shared):
    """One input from a Dataset or a tuple."""
    if isinstance(given, xr.Dataset):
        missing = [key for key in ("value", "low", "high", "distribution") if key not in given]
        if missing:
            raise ValueError(f"input {name!r} has no {missing[0]!r}")
        parts = [given[key] for key in ("value", "low", "high", "distribution")]
        parts[0] = parts[0].assign_attrs({**given.attrs, **parts[0].attrs})
    elif isinstance(given, tuple) and len(given) in (3, 4):
        parts = [xr.DataArray(part) for part in (*given, "normal")[:4]]
    else:
        raise ValueError(f"input {name!r} must be a Dataset or (value, low, high[, distribution])")
    try:
        value, low, high, law = xr.broadcast(*xr.align(*parts, join="exact", copy=False))
    except ValueError as error:
        raise ValueError(f"labels of value, low, high of input {name!r} differ: {error}") from None
    shared = (shared,) if isinstance(shared, str) else tuple(shared)
    unknown = [dim for dim in shared if dim not in value.dims]
    if unknown:
        raise ValueError(f"shared dim {unknown[0]!r} is not a dim of input {name!r}: {value.dims}")
    value = value.astype(float).assign_attrs(parts[0].attrs)
    low, high, law = check_ranges(
        value.values, low.values, high.values, law.values, f"input {name!r}: "
    )
    drawn = tuple(dim for dim in value.dims if dim not in shared)
    return Input(name, value, low, high, law, drawn)


def check_ranges(value, low, high, law, where=""):
    """Check ranges and laws of known cells; a fixed figure has no range."""
    law = np.asarray(law).astype(str)
    known = ~np.isnan(value)
    unknown = set(law[known].tolist()) - set(DISTRIBUTIONS)
    if unknown:
        allowed = ", ".join(DISTRIBUTIONS)
        raise ValueError(f"{where}distribution must be one of {allowed}, not {min(unknown)!r}")
    low = np.where(law == "fixed", value, low).astype(float)
    high = np.where(law == "fixed", value, high).astype(float)
    wrong = known & ~((low <= value) & (value <= high))
    if wrong.any():
        a, b, c = low[wrong][0], value[wrong][0], high[wrong][0]
        raise ValueError(
            f"{where}low <= value <= high must hold, but {a:g}, {b:g}, {c:g} was given"
        )
    meets = known & (law == "lognormal") & (low < high) & (low <= 0) & (high >= 0)
    if meets.any():
        a, c = low[meets][0], high[meets][0]
        raise ValueError(f"{where}a lognormal range must not meet 0, but {a:g} to {c:g} was given")
    return low, high, law


def group_inputs(cells, correlation):
    """Groups of inputs that are correlated, in the order of the inputs."""
    pairs = read_pairs(cells, correlation)
    group_of = {name: frozenset([name]) for name in cells}
    for pair in pairs:
        merged = frozenset().union(*(group_of[name] for name in pair))
        group_of |= dict.fromkeys(merged, merged)
    groups = []
    for members in dict.fromkeys(group_of.values()):
        parts = sorted(
            (cells[name] for name in members), key=lambda part: (len(part.drawn), part.name)
        )
        groups.append(make_group(tuple(parts), pairs))
    return groups


def read_pairs(cells, correlation):
    """Correlations by pair of names, checked; those of 0 say nothing."""
    if correlation is None:
        return {}
    columns = ["first", "second", "correlation"]
    if not isinstance(correlation, pd.DataFrame) or not set(columns) <= set(correlation.columns):
        raise ValueError(f"correlation must be a DataFrame with the columns {', '.join(columns)}")
    pairs = {}
    for one, other, value in correlation[columns].itertuples(index=False):
        for name in (one, other):
            if name not in cells:
                raise ValueError(f"correlation names {name!r}, which is not among the inputs")
        pair = frozenset([one, other])
        if len(pair) == 1 or pair in pairs:
            raise ValueError(f"correlation must give each pair once, but {one}, {other} is not so")
        if not -1 <= value <= 1:
            raise ValueError(f"correlation of {one} and {other} must be in -1 to 1, not {value}")
        pairs[pair] = float(value)
    return {pair: value for pair, value in pairs.items() if value}


def make_group(parts, pairs):
    """A group with the triangular factor of its correlations."""
    names = [part.name for part in parts]
    matrix = np.eye(len(names))
    for (i, one), (j, other) in itertools.permutations(enumerate(names), 2):
        matrix[i, j] = pairs.get(frozenset([one, other]), 0.0)
    if np.linalg.eigvalsh(matrix)[0] < 1e-10:
        inside = ([*sorted(pair), value] for pair, value in pairs.items() if pair <= set(names))
        listed = "; ".join(f"{a}, {b}: {value:g}" for a, b, value in sorted(inside))
        raise ValueError(f"correlation is not positive definite; no inputs can have ({listed})")
    factor = np.linalg.cholesky(matrix)
    for i, j in zip(*np.nonzero(np.tril(factor, -1)), strict=True):
        check_joint(parts[j], parts[i])
    return Group(parts, " & ".join(sorted(names)), factor)


def check_joint(small, large):
    """Refuse correlated inputs whose draws cannot be matched cell by cell."""
    if not set(small.drawn) <= set(large.drawn):
        raise ValueError(
            f"correlated inputs {small.name!r} (drawn over {small.drawn}) and {large.name!r} "
            f"({large.drawn}) must be drawn over the same dims; share the others"
        )
    for dim in small.drawn:
        if not np.array_equal(small.labels(dim), large.labels(dim)):
            raise ValueError(
                f"correlated inputs {small.name!r} and {large.name!r} must have the same labels "
                f"along {dim!r}"
            )


def base_samples(cells, groups, n, seed):
    """Two independent sets of probabilities {name: (sample, draw)} from one Sobol sequence."""
    live = {name: draws for group in groups for name, draws in group.live.items()}
    names = sorted(live)
    ends = np.cumsum([live[name].size for name in names], dtype=int)
    if 2 * ends[-1] > qmc.Sobol.MAXDIM:
        raise ValueError(
            f"inputs have {ends[-1]} cells to draw; at most {qmc.Sobol.MAXDIM // 2} can be drawn: "
            "let cells share a draw (shared)"
        )
    points = qmc.Sobol(max(2 * ends[-1], 1), rng=np.random.default_rng(seed)).random(n)
    halves = []
    for half in (points[:, : ends[-1]], points[:, ends[-1] :]):
        p = {name: np.full((n, cells[name].draws), 0.5) for name in names}
        for name, end in zip(names, ends, strict=True):
            p[name][:, live[name]] = half[:, end - live[name].size : end]
        joined = [group.join({name: p[name] for name in group.names}) for group in groups]
        halves.append({name: inside(p) for part in joined for name, p in part.items()})
    return halves


def inside(p):
    """Probabilities kept off 0 and 1, where quantiles are infinite."""
    return np.clip(p, 1e-12, 1 - 1e-12)


def strata(p):
    """Middles of equal strata in the order of p, column by column."""
    return (p.argsort(axis=0).argsort(axis=0) + 0.5) / len(p)
