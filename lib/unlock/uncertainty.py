"""Uncertain inputs: ranges to samples, samples to ranges, and which input moves a result.

An input is a best figure with a range: `value`, `low` (5 % quantile), `high` (95 % quantile)
and the name of a distribution, each over the same dims (one cell for each combination).
"""

import itertools
import numbers

import numpy as np
import xarray as xr
from scipy.stats import qmc

from unlock import _draws, _uncertainty

DISTRIBUTIONS = _draws.DISTRIBUTIONS


def quantile_function(p, *, value, low, high, distribution):
    """Give the quantile of an uncertain figure at a probability.

    `low` and `high` are the 5 % and the 95 % quantile. With z = Phi^-1(p) / Phi^-1(0.95),
    and h = high for z > 0, low for z < 0:

    - normal: value + |z| (h - value): two half normals, median `value`.
    - lognormal: value (h / value)^|z|: two half lognormals, median `value`. Figures below 0
      are mirrored; low, value and high must have one sign.
    - uniform: low + (p - 0.05) / 0.9 (high - low). Its middle need not be `value`.
    - triangular: the triangle with its mode at `value` whose quantiles are low and high.
      Its median need not be `value`.
    - fixed: value.

    Parameters
    ----------
    p : array, any dims; probability, 0 to 1
    value, low, high : arrays, any dims; one unit; low <= value <= high
    distribution : name or array of names, any dims

    Returns
    -------
    Quantile over all dims together, in the unit of `value`; NaN where `value` is NaN.

    Raises
    ------
    ValueError
        For a probability outside 0 to 1, low > value or value > high, a missing range, an
        unknown distribution, or a lognormal figure whose range meets 0.
    """
    if np.any((np.asarray(p) < 0) | (np.asarray(p) > 1)):
        raise ValueError("p must be between 0 and 1")
    quantile = xr.apply_ufunc(_quantile_cells, p, value, low, high, distribution, join="exact")
    units = getattr(value, "attrs", {}).get("units")
    return quantile if units is None else quantile.assign_attrs(units=units)


def sample(inputs, *, n, seed=0, correlation=None, shared=None):
    """Draw a Latin hypercube sample of every input.

    Each cell of each input gets its own draws, in n strata of equal probability. The draws
    of an input depend on the seed and its name only: other inputs and their order do not
    change them, save those it is correlated with.

    Correlated inputs are joined by a Gaussian copula: with L L^T = R, standard normal e and
    z = L e, the probability of a draw is Phi(z); its ranks choose the strata. The
    correlation is that of z. It holds between cells that agree in the labels they share, so
    that all cells of one input move together as far as they follow one draw of another.

    Parameters
    ----------
    inputs : {name: Dataset(value, low, high, distribution)} or {name: (value, low, high)} or
        (value, low, high, distribution), normal if not given; numbers or DataArrays
    n : number of samples
    seed : whole number
    correlation : DataFrame (first, second, correlation), names of inputs; optional
    shared : {name: dims over which all cells take one draw}; optional

    Returns
    -------
    {name: DataArray (sample, dims of the input)}, units as those of `value`. Cells without a
    value stay NaN.

    Raises
    ------
    ValueError
        For an unknown name or dim, correlations that no set of variables can have, correlated
        inputs drawn over dims that are not part of each other, or ranges that
        `quantile_function` refuses.
    """
    cells = _draws.read_inputs(inputs, shared)
    _check_count(n, seed)

    def hypercube(part):
        stream = np.random.default_rng([seed, *part.name.encode()])
        return qmc.LatinHypercube(part.draws, rng=stream).random(n)

    draws = {}
    for group in _draws.group_inputs(cells, correlation):
        drawn = group.join({name: hypercube(cells[name]) for name in group.names})
        draws |= drawn if len(drawn) == 1 else {name: _draws.strata(p) for name, p in drawn.items()}
    return {name: cells[name].realise(draws[name]) for name in inputs}


def quantiles(array, *, dim="sample", q=(0.05, 0.5, 0.95)):
    """Give quantiles of an array over its samples.

    Parameters
    ----------
    array : DataArray (dim, any)
    dim : the dim to summarise
    q : probabilities, 0 to 1

    Returns
    -------
    DataArray (quantile, any), or (any) for a single number q; units as those of `array`. NaN
    where a sample is NaN.

    Raises
    ------
    ValueError
        If the array lacks `dim`, or q is outside 0 to 1.
    """
    if dim not in array.dims:
        raise ValueError(f"array must have the dim {dim!r}; its dims are {tuple(array.dims)}")
    if np.any((np.asarray(q) < 0) | (np.asarray(q) > 1)):
        raise ValueError(f"q must be between 0 and 1, not {q}")
    return array.quantile(q, dim=dim, skipna=False, keep_attrs=True)


def sobol_indices(model, inputs, *, n, seed=0, correlation=None, shared=None, at_once=4096):
    """Give Sobol indices of every cell of a model's output.

    For factor i, output Y and all other factors ~i:
    first_order = Var(E(Y | X_i)) / Var(Y), total = E(Var(Y | X_~i)) / Var(Y).

    With base samples A and B and A_i, which is A with factor i taken from B:
    first_order = mean((Y_B - mean Y) (Y_Ai - Y_A)) / Var(Y),
    total = mean((Y_A - Y_Ai)^2) / (2 Var(Y)).
    A and B are halves of one scrambled Sobol sequence. Var(Y) is that of A and B together.

    A whole input is one factor, all its cells. Inputs that are correlated are one factor
    together, called "a & b", because an index for one of them has no meaning. An input
    without spread has indices 0, and so has every input where the output does not vary.

    Parameters
    ----------
    model : function of {name: DataArray (sample, any)} that gives a DataArray (sample, any), a
        sample of which depends on that sample of the inputs alone; it is called with as many
        base samples together as fit
    inputs, seed, correlation, shared : as in `sample`
    n : size of a base sample, a power of 2
    at_once : the most samples of one call, unless a base sample is larger

    Returns
    -------
    Dataset(first_order, total) over `input` and every dim of the output; dimensionless

    Raises
    ------
    ValueError
        As `sample`; if n is not a power of 2; if the output has no dim `sample` of the size of
        the input's.

    Source: Saltelli et al. (2010), Computer Physics Communications 181, 259-270; Jansen
    (1999), Computer Physics Communications 117, 35-43.
    """
    cells = _draws.read_inputs(inputs, shared)
    _check_count(n, seed)
    if n & (n - 1):
        raise ValueError(f"n must be a power of 2, such as {1 << (n.bit_length() - 1)}, not {n}")
    groups = _draws.group_inputs(cells, correlation)
    first, second = _draws.base_samples(cells, groups, n, seed)

    def outputs():
        moved = (first | {name: second[name] for name in g.names} for g in groups if g.varies)
        wanted = itertools.chain([first, second], moved)
        while together := list(itertools.islice(wanted, max(1, at_once // n))):
            drawn = {
                name: cells[name].realise(np.concatenate([draws[name] for draws in together]))
                for name in inputs
            }
            found = _output(model(drawn), n * len(together))
            yield from (found.isel(sample=slice(k * n, k * n + n)) for k in range(len(together)))

    found = outputs()
    y_a, y_b = next(found), next(found)
    pooled = np.concatenate([y_a.values, y_b.values])
    centre, variance = pooled.mean(axis=0), pooled.var(axis=0)
    variance = np.where(variance <= 1e-24 * centre**2, 0.0, variance)
    indices = []
    for group in groups:
        y_ab = next(found).values if group.varies else y_a.values
        indices.append(_uncertainty.sobol_estimates(y_a.values, y_b.values, y_ab, centre, variance))
    return _label_indices(indices, [group.label for group in groups], y_a)


def most_influential(indices):
    """Give the input with the largest total index.

    Parameters
    ----------
    indices : Dataset with `total` (input, any), as `sobol_indices` gives it

    Returns
    -------
    The name, or a DataArray of names (any); an empty name where no index is known. The first
    of equals.

    Raises
    ------
    ValueError
        If there is no `total` with a dim `input`.
    """
    if "total" not in indices or "input" not in indices["total"].dims:
        raise ValueError("indices must hold 'total' with a dim 'input', as sobol_indices gives it")
    total = indices["total"].transpose("input", ...)
    names = total["input"].values.astype(str)
    best = names[np.where(np.isnan(total.values), -np.inf, total.values).argmax(axis=0)]
    best = np.where(np.isnan(total.values).all(axis=0), "", best)
    return str(best) if best.ndim == 0 else total.isel(input=0, drop=True).copy(data=best)


def _quantile_cells(p, value, low, high, law):
    """Quantiles of arrays that broadcast, each figure checked."""
    p, value, low, high, law = np.broadcast_arrays(p, value, low, high, law)
    shape, value = p.shape, value.astype(float).ravel()
    low, high, law = _draws.check_ranges(value, low.ravel(), high.ravel(), law.ravel())
    cells = p.astype(float).reshape(1, -1)
    return _uncertainty.quantile_function(cells, value, low, high, law).reshape(shape)


def _check_count(n, seed):
    """Refuse a number of samples or a seed that is not a whole number."""
    if not isinstance(n, numbers.Integral) or n < 1:
        raise ValueError(f"n must be a whole number above 0, not {n!r}")
    if not isinstance(seed, numbers.Integral) or seed < 0:
        raise ValueError(f"seed must be a whole number, 0 or more, not {seed!r}")


def _output(result, n):
    """A model's output with `sample` first, checked."""
    if not isinstance(result, xr.DataArray) or result.sizes.get("sample") != n:
        raise ValueError(
            f"model must give a DataArray with a dim 'sample' as long as that of its inputs, {n}"
        )
    return result.transpose("sample", ...).astype(float)


def _label_indices(indices, labels, output):
    """Dataset of indices (input, dims of the output)."""
    like = output.isel(sample=0, drop=True)
    data = {
        key: xr.DataArray(
            np.stack(values),
            dims=("input", *like.dims),
            coords={"input": labels, **like.coords},
            attrs={"units": "1"},
        )
        for key, values in zip(("first_order", "total"), zip(*indices, strict=True), strict=True)
    }
    return xr.Dataset(data)
