"""Backward induction over (research stock, budget state) on plain arrays, cells first."""

import numpy as np

LUCK_NODES = 5
MARGIN = 0.02  # ln K that the grid reaches beyond the stocks that can occur


def luck_nodes(spread):
    """Nodes (node, cell) of a lognormal law of mean 1, and their weights."""
    root, weight = np.polynomial.hermite_e.hermegauss(LUCK_NODES)
    return np.exp(spread * root[:, None] - spread**2 / 2), weight / weight.sum()


def effective(spending, reference, duplication):
    """Research that spending amounts to where work on the same thing overlaps."""
    return reference * (spending / reference) ** duplication


def backward_induction(
    exposed,
    stock,
    base,
    reference,
    budget,
    delivered,
    lost,
    transition,
    exponent,
    depreciation,
    discount,
    duplication,
    luck,
    public_cost,
    shares,
    points,
):
    """Values and best shares of the budget in the first year (cell, state).

    exposed (cell, year); budget, delivered and lost (cell, state); transition (cell, state, next);
    all else (cell). The grid is even in ln(K / K_0), from the lowest to the highest stock in reach.
    """
    nodes, weights = luck_nodes(luck)  # (node, cell), (node)
    keep = 1 - depreciation[:, None] - lost  # (cell, state)
    spent = [share * budget for share in shares]
    found = [
        effective(base[:, None] + delivered * money, reference[:, None], duplication[:, None])
        / stock[:, None]
        for money in spent
    ]
    factor = 1 / (1 + discount)
    origin, step = _grid(found, keep, nodes, points)
    level = origin[:, None] + step[:, None] * np.arange(points)  # ln(K / K_0), (cell, point)
    ahead = np.zeros((*budget.shape, points))
    for year in reversed(range(exposed.shape[1])):
        chosen = None
        later = np.einsum("cst,ctp->csp", transition, ahead) * factor[:, None, None]
        kept = keep[:, :, None] * np.exp(level)[:, None, :]
        for share, money, gain in zip(shares, spent, found, strict=True):
            value = -(public_cost[:, None] * money)[:, :, None] + np.zeros_like(kept)
            for node, weight in zip(nodes, weights, strict=True):
                following = np.log(kept + (gain * node[:, None])[:, :, None])
                saved = 1 - np.exp(-exponent[:, None, None] * following)
                value += weight * (
                    exposed[:, year, None, None] * saved + _read(later, following, origin, step)
                )
            if chosen is None:
                chosen, taken = value, np.full(value.shape, share)
            else:
                better = value > chosen
                chosen, taken = np.where(better, value, chosen), np.where(better, share, taken)
        ahead = chosen
    now = np.zeros((*budget.shape, 1))
    best = np.take_along_axis(taken, _place(now, origin, step, points)[0], -1)[..., 0]
    return _read(ahead, now, origin, step)[..., 0], best


def _grid(found, keep, nodes, points):
    """First node and spacing of the grid (cell), in ln(K / K_0)."""
    least = np.minimum.reduce([gain.min(axis=1) for gain in found]) * nodes.min(axis=0)
    most = np.maximum.reduce([gain.max(axis=1) for gain in found]) * nodes.max(axis=0)
    slowest, fastest = 1 - keep.max(axis=1), 1 - keep.min(axis=1)
    low = np.log(np.minimum(1, least / np.maximum(fastest, 1e-6))) - MARGIN
    high = np.log(np.maximum(1, most / np.maximum(slowest, 0.01))) + MARGIN
    return low, (high - low) / (points - 1)


def _place(position, origin, step, points):
    """Left node and the distance beyond it, in steps."""
    where = (position - origin[:, None, None]) / step[:, None, None]
    left = np.clip(np.floor(where), 1, points - 3).astype(int)
    return left, where - left


def _read(table, position, origin, step):
    """Cubic (four-point Lagrange) reading of a table (cell, state, point)."""
    left, t = _place(position, origin, step, table.shape[-1])
    before, here, after, beyond = (
        np.take_along_axis(table, left + shift, -1) for shift in (-1, 0, 1, 2)
    )
    return (
        -t * (t - 1) * (t - 2) / 6 * before
        + (t + 1) * (t - 1) * (t - 2) / 2 * here
        - (t + 1) * t * (t - 2) / 2 * after
        + (t + 1) * t * (t - 1) / 6 * beyond
    )
