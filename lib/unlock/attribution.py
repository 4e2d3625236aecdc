"""Attribution of a change to the levers or factors that make it.

Shapley values share out what a set of levers achieves together, from the full set of 2^n runs;
the log-mean Divisia index (LMDI) shares out a change between the factors of a product.
"""

from math import factorial

import numpy as np
import xarray as xr


def switches(players):
    """Give for each player a switch that is off (0) and on (1) along a dimension of its name.

    A model fed with strength * switch computes all 2^n combinations in one call, by
    broadcasting.

    Parameters
    ----------
    players : sequence of names, each once

    Returns
    -------
    dict of DataArray (player,) with values and coordinate 0 and 1; dimensionless.

    Raises
    ------
    ValueError
        If a name is given twice.
    """
    if len(set(players)) < len(players):
        raise ValueError(f"players must differ, but {list(players)} was given")
    return {p: xr.DataArray([0.0, 1.0], dims=p, coords={p: [0, 1]}) for p in players}


def shapley(game, *, players):
    r"""Give each player's Shapley value.

    phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))

    Parameters
    ----------
    game : DataArray with one dimension of size 2 (off, on) for each player, and any dims; v
    players : names of those dimensions

    Returns
    -------
    DataArray (player, any) in the unit of the game. The values add up to v(all) - v(none).

    Raises
    ------
    ValueError
        If a player has no dimension of size 2 in the game.

    Source: Shapley (1953), A value for n-person games.
    """
    players = list(players)
    _check(game, players)
    n = len(players)
    weights = np.array([factorial(k) * factorial(n - k - 1) / factorial(n) for k in range(n)])
    values = []
    for player in players:
        others = [p for p in players if p != player]
        size = sum((_count(p) for p in others), xr.DataArray(0))
        values.append((_gain(game, player) * size.copy(data=weights[size.values])).sum(others))
    return _stack(values, players, game)


def leave_one_out(game, *, players):
    """Give what is lost if one player alone is taken away from all.

    l_i = v(all) - v(all but i)

    Parameters, errors: as `shapley`. Returns DataArray (player, any). Where levers overlap the
    losses add up to less than the whole, where they need each other to more.
    """
    _check(game, players)
    return _stack([_alone(game, p, players, 1) for p in players], players, game)


def first_in(game, *, players):
    """Give what one player alone achieves.

    f_i = v(i alone) - v(none)

    Parameters, errors: as `shapley`. Returns DataArray (player, any).
    """
    _check(game, players)
    return _stack([_alone(game, p, players, 0) for p in players], players, game)


def log_mean(a, b):
    """Give the logarithmic mean of two positive numbers.

    L(a, b) = (a - b) / ln(a / b), and L(a, a) = a

    Parameters
    ----------
    a, b : arrays, any dims; same unit, above 0

    Returns
    -------
    Array in the same unit, between a and b.

    Raises
    ------
    ValueError
        If a value is not positive.
    """
    if np.any(np.asarray(a) <= 0) or np.any(np.asarray(b) <= 0):
        raise ValueError("log_mean needs positive values; drop or shift those that are 0")
    ratio = np.log(a / b)
    near = np.abs(ratio) < 1e-6
    safe = xr.where(near, 1.0, ratio)
    # sqrt(ab) is the mean's expansion to second order where both are almost equal
    return xr.where(near, np.sqrt(a * b) * (1 + ratio**2 / 24), (a - b) / safe)


def lmdi(before, after, *, dim="factor"):
    r"""Give the part of a product's change that each factor makes (additive LMDI-I).

    V = prod_k x_k,  D_k = L(V_1, V_0) ln(x_k1 / x_k0),  sum_k D_k = V_1 - V_0

    Sum the result over sectors or regions where V is a sum of products.

    Parameters
    ----------
    before, after : dict of factor name to array, any dims; above 0; the same names in both
    dim : name of the dimension of factors

    Returns
    -------
    DataArray (factor, any) in the unit of V.

    Raises
    ------
    ValueError
        If the names differ or a factor is not positive.

    Source: Ang (2005), The LMDI approach to decomposition analysis, Energy Policy 33, 867-871.
    """
    if list(before) != list(after):
        raise ValueError(f"before has the factors {list(before)}, after has {list(after)}")
    product_before, product_after = _product(before), _product(after)
    mean = log_mean(product_after, product_before)
    parts = [mean * np.log(after[name] / before[name]) for name in before]
    index = xr.DataArray(list(before), dims=dim, name=dim)
    return xr.concat([xr.DataArray(part) for part in parts], dim=index, coords="minimal")


def _product(factors):
    product = 1.0
    for factor in factors.values():
        product = product * factor
    return product


def _check(game, players):
    for player in players:
        if game.sizes.get(player) != 2:
            raise ValueError(
                f"game needs a dimension {player!r} of size 2 (off, on); it has {dict(game.sizes)}"
            )


def _gain(game, player):
    return game.isel({player: 1}, drop=True) - game.isel({player: 0}, drop=True)


def _count(player):
    return xr.DataArray([0, 1], dims=player)


def _alone(game, player, players, state):
    others = {p: state for p in players if p != player}
    return _gain(game.isel(others, drop=True), player)


def _stack(values, players, game):
    index = xr.DataArray(list(players), dims="player", name="player")
    stacked = xr.concat(values, dim=index, coords="minimal", compat="override")
    stacked.attrs = {key: game.attrs[key] for key in ("units",) if key in game.attrs}
    return stacked
