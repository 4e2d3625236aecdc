"""Backward induction over (research stock, budget state) on plain arrays, cells first."""

import numpy as np

HALVINGS = 80
MARGIN = 0.02  # ln K that the grid reaches beyond the stocks that can occur


def luck_nodes(spread, number):
    """Nodes (node, cell) of a lognormal law of mean 1, and their weights."""
    root, weight = np.polynomial.hermite_e.hermegauss(number)
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
    nodes,
):
    """Values and best shares of the budget in the first year (cell, state).

    exposed (cell, year); budget, delivered and lost (cell, state); transition (cell, state, next);
    all else (cell). The grid is even in ln(K / K_0), from the lowest to the highest stock in reach.
    """
    luck, weights = luck_nodes(luck, nodes)  # (node, cell), (node)
    keep = 1 - depreciation[:, None]  # (cell, any)
    spent = [share * budget for share in shares]
    found = [
        effective(base[:, None] + delivered * money, reference[:, None], duplication[:, None])
        / stock[:, None]
        for money in spent
    ]
    steady = effective(base, reference, duplication) / stock
    alone = base_path(steady, depreciation, exposed.shape[1])  # B / K_0, (year, cell)
    factor = 1 / (1 + discount)
    origin, step = _grid(found, 1 - keep[:, 0], luck, points)
    level = origin[:, None] + step[:, None] * np.arange(points)  # ln(K / K_0), (cell, point)
    ahead = np.zeros((*budget.shape, points))
    for year in reversed(range(exposed.shape[1])):
        chosen = None
        later = np.einsum("cst,ctp->csp", transition, ahead) * factor[:, None, None]
        held = np.exp(level)[:, None, :]
        added = np.maximum(0, held - alone[year][:, None, None])
        kept = keep[:, :, None] * (held - lost[:, :, None] * added)
        for share, money, gain in zip(shares, spent, found, strict=True):
            value = -(public_cost[:, None] * money)[:, :, None] + np.zeros_like(kept)
            for node, weight in zip(luck, weights, strict=True):
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


def base_path(gain, depreciation, years):
    """Stock over K_0 before each year (year, any) that the base alone would build, without luck."""
    path = [np.ones(np.broadcast_shapes(np.shape(gain), np.shape(depreciation)))]
    for _ in range(years - 1):
        path.append((1 - depreciation) * path[-1] + gain)
    return np.stack(path)


def _grid(found, depreciation, luck, points):
    """First node and spacing of the grid (cell), in ln(K / K_0)."""
    least = np.minimum.reduce([gain.min(axis=1) for gain in found]) * luck.min(axis=0)
    most = np.maximum.reduce([gain.max(axis=1) for gain in found]) * luck.max(axis=0)
    low = np.log(np.minimum(1, least / np.maximum(depreciation, 1e-6))) - MARGIN
    high = np.log(np.maximum(1, most / np.maximum(depreciation, 0.01))) + MARGIN
    return low, (high - low) / (points - 1)


def _place(position, origin, step, points):
    """Left node and the distance beyond it, in steps."""
    where = (position - origin[:, None, None]) / step[:, None, None]
    left = np.clip(np.floor(where), 1, points - 3).astype(int)
    return left, where - left


def _read(table, position, origin, step):
    """Cubic (four-point Lagrange) reading of a table (cell, state, point)."""
    left, t = _place(position, origin, step, table.shape[-1])
    rows = np.arange(table[..., 0].size).reshape(*table.shape[:-1], 1) * table.shape[-1]
    place, flat = rows + left, table.ravel()  # faster than along an axis
    before, here, after, beyond = (flat.take(place + shift) for shift in (-1, 0, 1, 2))
    return (
        -t * (t - 1) * (t - 2) / 6 * before
        + (t + 1) * (t - 1) * (t - 2) / 2 * here
        - (t + 1) * t * (t - 2) / 2 * after
        + (t + 1) * t * (t - 1) / 6 * beyond
    )


def split(budget, amounts, marginal):
    """Amounts (cell, item) at which marginals are equal, and the common marginal (cell).

    amounts (cell, item, point) rise and marginals fall along the points.
    """
    low, high = marginal[..., -1].min(axis=1), marginal[..., 0].max(axis=1)
    for _ in range(HALVINGS):
        price = (low + high) / 2
        over = _demand(price, amounts, marginal).sum(axis=1) > budget
        low, high = np.where(over, price, low), np.where(over, high, price)
    found = _demand((low + high) / 2, amounts, marginal)
    return found * (budget / found.sum(axis=1))[:, None]


def _demand(price, amounts, marginal):
    """Amount (cell, item) down to which the marginal stays above a price (cell)."""
    above = (marginal > price[:, None, None]).sum(axis=-1)  # how many points
    left = np.clip(above - 1, 0, marginal.shape[-1] - 2)[..., None]
    value, following = (np.take_along_axis(marginal, left + k, -1)[..., 0] for k in (0, 1))
    start, end = (np.take_along_axis(amounts, left + k, -1)[..., 0] for k in (0, 1))
    part = np.clip((value - price[:, None]) / np.maximum(value - following, 1e-300), 0, 1)
    return start + part * (end - start)
