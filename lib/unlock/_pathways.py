"""Kernel of the integrated pathway on plain arrays: one pass through the years.

Axes are (sample, case, route or product). Arrays that do not differ by case have length 1 there,
so that memory and time go to what differs. Routes of a product stand next to each other; sums
over them are `np.add.reduceat`. Only the years are looped over, since what is built in one year
sets the costs of the next.
"""

from typing import NamedTuple

import numpy as np

SMALL = 1e-9
FAMILIES = ("scrap", "hydrogen", "electric", "capture")
GROUPS = ("electrolyser", "capture", "plant")


class Routes(NamedTuple):
    """What does not differ by sample or case; R routes, P products."""

    product: np.ndarray  # (R,) index of the product, rising
    incumbent: np.ndarray  # (R,) bool: the standing plants' own routes, renewed in place
    new: np.ndarray  # (R,) bool: not yet usual; bears the premium and the delay
    family: dict  # name of FAMILIES to (R,) bool
    start: np.ndarray  # (R,) first year
    steel: int  # index of the product that melts scrap


class Costs(NamedTuple):
    """Inputs by sample, (S, 1, R) or (S, 1), and by year where said."""

    other: np.ndarray  # (T, S, 1, R) running cost without hydrogen and carbon, CNY/t
    hydrogen_use: np.ndarray  # GJ/t
    scrap_use: np.ndarray  # t/t
    stored: np.ndarray  # tCO2/t
    direct: np.ndarray  # tCO2/t
    indirect: np.ndarray  # (T, S, 1, R) tCO2/t
    fuel: np.ndarray  # (T, S, 1, R) part of the running cost that buys fossil fuel, CNY/t
    capex_fixed: np.ndarray  # CNY for a tonne a year; does not learn
    capex_renewed: np.ndarray  # of the incumbent, of which a renewal pays a share
    capex_learning: np.ndarray
    rate: np.ndarray  # 1/year
    life: np.ndarray  # year
    survival: np.ndarray  # (T, S, 1, R) share of a build left after so many years
    renewal: np.ndarray  # (S, 1, R) share of the incumbent's capital that a renewal costs
    spread: np.ndarray  # (S, 1, R) of sites, CNY/t
    hydrogen_power: np.ndarray  # (T, S, 1) part of the price of hydrogen, CNY/GJ
    hydrogen_plant: np.ndarray  # (S, 1) the same, for capital, CNY/GJ
    hydrogen_rate: np.ndarray  # (S, 1) 1/year
    hydrogen_life: float  # year


class Paths(NamedTuple):
    """What comes from outside, by year."""

    years: np.ndarray  # (T,)
    demand: np.ndarray  # (T, S, C, P) Mt/year
    scrap: np.ndarray  # (T, S, C) Mt/year
    remaining: np.ndarray  # (T, S, 1, P) share of today's plants that still stand
    mix: np.ndarray  # (R,) share of today's output
    carbon: np.ndarray  # (T, S, C) price that counts for a decision, CNY/tCO2
    limit: dict  # hydrogen (GJ/year x 1e6), capture (MtCO2/year), electric (share): (T, S, C)
    elsewhere: np.ndarray  # (T, S, C, 3) built elsewhere and learnt from, by GROUPS
    known: np.ndarray  # (T, S, C) fall of cost by research alone


class Learning(NamedTuple):
    """Experience by GROUPS, (S, 1, 3)."""

    initial: np.ndarray
    exponent: np.ndarray
    floor: np.ndarray
    gigawatt: np.ndarray  # (S, 1) electrolyser for a million GJ of hydrogen a year


class Policy(NamedTuple):
    """What pillars and levels move, (S, C)."""

    premium: np.ndarray  # 1/year on the capital of new routes
    closing: np.ndarray  # 1/year, most plants that close early
    delay: np.ndarray  # year until a new route can be built, after its first year
    saving: np.ndarray  # share of the price of hydrogen saved by flexible plants
    renewal: np.ndarray  # added to the share of capital that a renewal costs
    allowed: np.ndarray  # (C, R) bool


def run(routes, costs, paths, learning, policy, *, by_route=False):
    """Step through the years; return arrays by name, the year first."""
    p, first = routes.product, np.flatnonzero(np.diff(routes.product, prepend=-1))
    T, (S, C, P), R = len(paths.years), paths.demand.shape[1:], len(p)
    shape = (T, S, C)
    out = {"emissions": np.empty((*shape, P)), "direct": np.empty((*shape, P))}
    out |= {name: np.empty(shape) for name in ("cost", "capital", "fuel", "hydrogen", "stored")}
    out |= {name: np.empty(shape) for name in ("scrap_used", "hydrogen_price", "gap", "closed")}
    out["learning"] = np.empty((*shape, len(GROUPS)))
    if by_route:
        out |= {"output": np.empty((*shape, R)), "built": np.empty((*shape, R))}

    def total(array):  # over the routes of each product
        return np.add.reduceat(array, first, axis=-1)

    rate = costs.rate + policy.premium[..., None] * routes.new
    annuity, social = _annuity(rate, costs.life), _annuity(costs.rate, costs.life)
    renewal = np.clip(costs.renewal + policy.renewal[..., None], 0, 1)
    fixed = costs.capex_fixed + renewal * costs.capex_renewed
    hydrogen_rate = policy.premium + costs.hydrogen_rate
    plant = costs.hydrogen_plant * (
        _annuity(hydrogen_rate, costs.hydrogen_life)
        / _annuity(costs.hydrogen_rate, costs.hydrogen_life)
    )
    standing = (paths.mix * paths.demand[0][..., p]).copy()  # today's plants, before any closes
    kept_old, kept_new = np.ones((S, C, R)), np.ones((S, C, R))
    builds, charges = np.zeros((T, S, C, R)), np.zeros((T, S, C, R))
    experience = np.broadcast_to(learning.initial, (S, C, 3)).copy()
    own = np.zeros((S, C, 3))
    arc = np.flatnonzero(routes.family["scrap"])

    for t, year in enumerate(paths.years):
        learnt = (experience / learning.initial) ** -learning.exponent * paths.known[t][..., None]
        learnt = np.maximum(learnt, learning.floor)
        price = (1 - policy.saving) * (costs.hydrogen_power[t] + plant * learnt[..., 0])
        which = np.where(routes.family["capture"], 1, 2)
        capex = fixed + costs.capex_learning * learnt[..., which]
        running = costs.other[t] + costs.hydrogen_use * price[..., None]
        carbon = costs.direct * paths.carbon[t][..., None]
        whole = running + carbon + annuity * capex
        ready = policy.allowed & (year >= routes.start + policy.delay[..., None] * routes.new)
        whole = np.where(ready, whole, np.inf)
        best = np.minimum.reduceat(whole, first, axis=-1)[..., p]
        edge = np.clip((running + carbon - best) / costs.spread, -50, 50)
        stays = 1 - policy.closing[..., None] / (1 + np.exp(-edge))

        old = standing * paths.remaining[t][..., p] * kept_old
        new = kept_new * np.einsum("csir,csir->sir", builds[:t], _aged(costs.survival, t))
        before = old + new
        old, new = old * stays, new * stays
        kept_old, kept_new = kept_old * stays, kept_new * stays
        demand = paths.demand[t]
        old, new, left_old, left_new = _fit(old, new, demand, total, p)
        kept_old, kept_new = kept_old * left_old, kept_new * left_new
        old, new, left = _within_scrap(old, new, paths.scrap[t], costs.scrap_use, arc)
        kept_old, kept_new = kept_old * left, kept_new * left
        stock = old + new
        out["closed"][t] = (before - stock).sum(-1)
        need = np.maximum(demand - total(stock), 0)
        with np.errstate(invalid="ignore"):
            weight = np.exp(-(whole - best) / costs.spread)
        share = weight / total(weight)[..., p]
        build = _build(need, share, stock, routes, costs, paths, t, demand, total)

        kept = np.maximum(kept_new, SMALL)
        builds[t] = build / kept
        charges[t] = build * capex * social
        stock = stock + build
        price_of_stock = np.einsum("csir,csir->sir", charges[:t], _aged(costs.survival, t))
        capital = (price_of_stock + charges[t]).sum(-1)
        hydrogen = (stock * costs.hydrogen_use).sum(-1)
        out["emissions"][t] = total(stock * (costs.direct + costs.indirect[t]))
        out["direct"][t] = total(stock * costs.direct)
        out["capital"][t] = capital
        out["cost"][t] = (stock * running).sum(-1) + capital
        out["fuel"][t] = (stock * costs.fuel[t]).sum(-1)
        out["hydrogen"][t], out["hydrogen_price"][t] = hydrogen, price
        out["stored"][t] = (stock * costs.stored).sum(-1)
        melted = stock * costs.scrap_use
        arcs = melted[..., arc].sum(-1)
        rest = np.maximum(paths.scrap[t] - arcs, 0)  # converters short of scrap take ore instead
        out["scrap_used"][t] = arcs + np.minimum(melted.sum(-1) - arcs, rest)
        out["gap"][t] = np.abs(total(stock) - demand).max(-1)
        out["learning"][t] = learnt
        if by_route:
            out["output"][t], out["built"][t] = stock, build
        made = [learning.gigawatt * hydrogen, out["stored"][t]]
        own[..., 0] = np.maximum(own[..., 0], made[0])
        own[..., 1] = np.maximum(own[..., 1], made[1])
        fresh = routes.new & ~routes.family["capture"]
        own[..., 2] += (build * costs.capex_learning * fresh).sum(-1) / 1000  # billion CNY
        experience = learning.initial + own + paths.elsewhere[t]
    return out


def _annuity(rate, life):
    """Yearly payment that repays one unit over a life."""
    rate = np.maximum(rate, 1e-6)
    return rate / -np.expm1(-life * np.log1p(rate))


def _aged(survival, t):
    """Survival of the builds of years 0 to t - 1 in year t."""
    return survival[t:0:-1]


def _fit(old, new, demand, total, p):
    """Close what nobody asks for: today's plants first, each product's in proportion."""
    sum_old, sum_new = total(old), total(new)
    over = np.maximum(sum_old + sum_new - demand, 0)
    from_old = np.minimum(over, sum_old)
    from_new = np.minimum(over - from_old, sum_new)
    left_old = (1 - from_old / np.maximum(sum_old, SMALL))[..., p]
    left_new = (1 - from_new / np.maximum(sum_new, SMALL))[..., p]
    return old * left_old, new * left_new, left_old, left_new


def _within_scrap(old, new, scrap, use, arc):
    """Close arc furnaces for which there is no scrap."""
    stock = old + new
    need = (stock * use).sum(-1)
    melted = (stock * use)[..., arc].sum(-1)
    over = np.clip(need - scrap, 0, melted)
    left = np.ones_like(stock)
    left[..., arc] = (1 - over / np.maximum(melted, SMALL))[..., None]
    return old * left, new * left, left


def _build(need, share, stock, routes, costs, paths, t, demand, total):
    """Share what is needed among the routes, within what scrap, hydrogen and storage allow.

    A family that meets its limit builds less in one proportion; the rest goes to routes of the
    same product outside the families already limited, as their shares say.
    """
    p = routes.product
    want = need[..., p] * share
    barred = np.zeros(len(p), dtype=bool)
    for family in FAMILIES:
        inside = routes.family[family]
        barred = barred | inside
        if family == "scrap":
            use = costs.scrap_use
            most = np.where(inside, 0, use).max(-1) * need[..., routes.steel]
            room = paths.scrap[t] - (stock * use).sum(-1) - most
            limited = (want * use * inside).sum(-1)
        elif family == "electric":
            room = paths.limit[family][t][..., None] * demand - total(stock * inside)
            limited = total(want * inside)
        else:
            use = costs.hydrogen_use if family == "hydrogen" else costs.stored
            room = paths.limit[family][t] - (stock * use).sum(-1)
            limited = (want * use * inside).sum(-1)
        part = np.clip(room / np.maximum(limited, SMALL), 0, 1)
        part = part[..., p] if family == "electric" else part[..., None]
        held = np.where(inside, want * (1 - part), 0.0)
        free = np.where(barred, 0.0, share)
        sum_free = total(free)
        # If no free route has a share to speak of, the product's own incumbents take the rest.
        spare = np.where(routes.incumbent & ~barred, 1.0, 0.0)
        spare = spare / total(spare)[..., p]
        usual = free / np.maximum(sum_free, 1e-300)[..., p]
        free = np.where(sum_free[..., p] > 1e-200, usual, spare)
        want = want - held + total(held)[..., p] * free
    return want
