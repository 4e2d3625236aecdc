"""Carbon prices that differ between markets, and instruments against two market failures.

The first part compares the price that a tonne cut meets in each market. The second is a model of
two periods after Fischer and Newell: coal-based and clean plants make one good, the clean ones get
cheaper by output and by research, and part of that knowledge spills over to others. All functions
broadcast over any dims of their arguments.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr

__all__ = [
    "INSTRUMENTS",
    "Sector",
    "cost_of_abatement",
    "efficiency_loss",
    "equilibrium",
    "least_cost",
    "policy_for",
    "price_from_energy",
    "price_ratio",
    "price_when_benchmarked",
    "price_when_output_falls",
]

Array = xr.DataArray | float
INSTRUMENTS = (
    "carbon price",
    "performance standard",
    "tax on the coal route",
    "share requirement",
    "clean subsidy",
    "research subsidy",
    "portfolio",
)
TURNS = 60  # of the fixed point that settles knowledge and rebates
HALVINGS = 36
WORTHS = 80  # worths of knowledge tried for the best allocation
NEWTON = 8


def price_when_benchmarked(price: Array, *, reward: Array) -> Array:
    """Return the price that a tonne meets which is cut by a lower intensity.

    p = c P

    Args:
        price: allowance price P, any unit, any dims.
        reward: allowances won or saved per tonne cut c, dimensionless, any dims; 1 under a full
            benchmark, 0 if allowances follow what is emitted.

    Returns:
        p, unit of the price, over all dims.
    """
    return price * reward


def price_when_output_falls(price: Array, *, free_share: Array) -> Array:
    """Return the price that a tonne meets which is cut by making less.

    p = (1 - b) P

    Args:
        price: allowance price P, any unit, any dims.
        free_share: allowances given per tonne emitted, benchmark over intensity b, any dims.

    Returns:
        p, unit of the price, over all dims.

    Source: Goulder et al. (2022), Journal of Environmental Economics and Management 111, 102561.
    """
    return price * (1 - free_share)


def price_from_energy(charge: Array, *, intensity: Array) -> Array:
    """Return the carbon price that a charge on energy, or a certificate for it, amounts to.

    p = q / g

    Args:
        charge: q per unit of energy, any dims.
        intensity: CO2 per unit of energy g, any dims; above 0.

    Returns:
        p, over all dims.

    Raises:
        ValueError: if an intensity is not positive.
    """
    if bool(np.any(np.asarray(intensity) <= 0)):
        raise ValueError(f"intensity must be above 0; got {float(np.min(intensity)):g}")
    return charge / intensity


def price_ratio(price: xr.DataArray, *, dim: str = "market") -> xr.DataArray:
    """Return the highest price over the lowest, markets without a price left out.

    R = max p_i / min p_i over p_i > 0

    Args:
        price: p, dim `dim` and any others; not negative.
        dim: name of the dim of the markets.

    Returns:
        R, dimensionless, at least 1, over the other dims; NaN where no market has a price.
    """
    paid = price.where(price > 0)
    return (paid.max(dim) / paid.min(dim)).assign_attrs(units="1")


def efficiency_loss(
    price: xr.DataArray, *, weight: xr.DataArray, dim: str = "market"
) -> xr.DataArray:
    """Return the share of abatement cost that equal prices would save at equal abatement.

    L = 1 - (sum w_i p_i)^2 / (sum w_i sum w_i p_i^2),
    since cost is sum w_i p_i^2 / 2 where each market abates a_i = w_i p_i

    Args:
        price: p, dim `dim` and any others.
        weight: w, abatement for each unit of price, dim `dim` and any others; any unit.
        dim: name of the dim of the markets.

    Returns:
        L, dimensionless, from 0 to 1, over the other dims.

    Raises:
        ValueError: if a weight is negative, or all prices are 0.

    Source: linear marginal cost, as in Weitzman (1974), Review of Economic Studies 41, 477-491.
    """
    if bool((weight < 0).any()):
        raise ValueError(f"weight must be 0 or more; got {float(weight.min()):g}")
    spent = (weight * price**2).sum(dim)
    if bool((spent <= 0).any()):
        raise ValueError("price must be above 0 in at least one market that has weight")
    loss = 1 - (weight * price).sum(dim) ** 2 / (weight.sum(dim) * spent)
    return loss.assign_attrs(units="1")


class Sector(NamedTuple):
    """One good made by a coal route and a clean route over two periods.

    Money is CNY per t of the good; period lengths are years.

    Attributes:
        coal_cost: c, cost of the coal route, CNY/t.
        intensity: e, its CO2, tCO2/t.
        abatement_slope: m, rise of marginal cost with CO2 cut within the coal route, CNY/tCO2 for
            all of it.
        abatement_most: largest share of its CO2 that the coal route can cut.
        clean_cost: g, cost of the clean route on its middle site today, CNY/t.
        learning_share: j, part of that cost that falls with knowledge.
        clean_spread: s, cheapest and dearest site below and above the middle, share.
        demand: Q, yearly use at today's price, Mt/year.
        elasticity: eta, of demand, positive.
        spillover: share of the gain from knowledge that others get, 0 to 1.
        learning: exponent l of clean output in knowledge.
        experience: X, clean output made before, Mt.
        research: exponent h of research in knowledge.
        research_stock: H, research before, million CNY.
        rate: r, discount rate, 1/year.
        first, second: lengths of the periods, year.
    """

    coal_cost: Array
    intensity: Array
    abatement_slope: Array
    abatement_most: Array
    clean_cost: Array
    learning_share: Array
    clean_spread: Array
    demand: Array
    elasticity: Array
    spillover: Array
    learning: Array
    experience: Array
    research: Array
    research_stock: Array
    rate: Array
    first: Array
    second: Array


class _Policy(NamedTuple):
    """What each instrument charges in the first period, in shares of `level`."""

    carbon: float = 0.0
    rebate: float = 0.0  # share of the carbon price paid back per tonne of output
    coal_tax: float = 0.0
    required: float = 0.0  # clean subsidy that a charge on coal steel pays for
    clean: float = 0.0
    research: float = 0.0
    corrected: float = 0.0  # spillovers corrected by subsidies on learning and research


_POLICIES = dict(
    zip(
        INSTRUMENTS,
        (
            _Policy(carbon=1.0),
            _Policy(carbon=1.0, rebate=1.0),
            _Policy(coal_tax=1.0),
            _Policy(required=1.0),
            _Policy(clean=1.0),
            _Policy(research=1.0),
            _Policy(carbon=1.0, corrected=1.0),
        ),
        strict=True,
    )
)
_RESEARCH_MOST = 0.999


def equilibrium(
    sector: Sector, *, instrument: str, level: Array, growth: Array = 1.0
) -> xr.Dataset:
    """Return what the market makes under one instrument, or none at level 0.

    Price of the good: P_t = c + m e a_t^2 / 2 + tau_t e (1 - a_t) + phi_t - b_t, a_t = tau_t / m
    Clean plants, first period: D_1 (P_1 + s_1 - g_1(q_1)) + (1 - z) Z d ln K / d q_1 = 0
    Clean plants, second period: P_2 + s_2 = g_2(q_2) u, u = 1 - j + j / K
    Research: 1 - sigma = (1 - z) Z h / (H + R)
    Knowledge: K = (1 + n_1 q_1 / X)^l (1 + R / H)^h, worth Z = D_2 C_2(q_2) j / K
    with g(q) = g (1 - s + 2 s q / Q), C its integral, z the spillover, n the years of a period
    and D its discounted years. Charges of the second period are those of the first times
    growth x exp(r (years between the middles)).

    Args:
        sector: the good; any dims.
        instrument: one of INSTRUMENTS.
        level: of the instrument in the first period: CNY/tCO2 for a carbon price, standard and
            portfolio, CNY/t for taxes and subsidies on output, share of its cost for research;
            any dims.
        growth: of the charge from the first to the second period, over the discount factor.

    Returns:
        emissions (GtCO2 over both periods), welfare (present value, million CNY, without the
        worth of cut emissions), knowledge K, research (million CNY), and clean and total output
        by period (Mt/year, dim `period`), over all dims.

    Raises:
        ValueError: for an unknown instrument or a level below 0.

    Source: Fischer and Newell (2008), Journal of Environmental Economics and Management 55,
    142-162, with continuous abatement in the emitting route and a clean route of rising cost.
    Knowledge is settled by iteration from K = 1, the market's lowest equilibrium. Coal sets the
    price, but in the second period clean plants do where they can meet all demand for less.
    """
    if instrument not in INSTRUMENTS:
        raise ValueError(f"instrument must be one of {', '.join(INSTRUMENTS)}; got {instrument!r}")
    if bool(np.any(np.asarray(level) < 0)):
        raise ValueError(f"level must be 0 or more; got {float(np.min(level)):g}")
    policy = _POLICIES[instrument]
    names = ("emissions", "welfare", "knowledge", "research")
    results = xr.apply_ufunc(
        lambda *a: _outcome(Sector(*a[2:]), policy, a[0], a[1]),
        level,
        growth,
        *sector,
        output_core_dims=[[], [], [], [], ["period"], ["period"]],
    )
    outcome = dict(zip((*names, "clean", "output"), results, strict=True))
    return xr.Dataset(outcome).assign_coords(period=["first", "second"])


def policy_for(
    sector: Sector, *, instrument: str, abatement: float, growth: Array = 1.0
) -> xr.DataArray:
    """Return the level at which an instrument cuts emissions by a share.

    level with E(level) = (1 - A) E(0), by bisection

    Args:
        sector: the good; any dims.
        instrument: one of INSTRUMENTS.
        abatement: A, share of emissions of both periods, above 0 and below 1.
        growth: as in `equilibrium`.

    Returns:
        level, as in `equilibrium`, over all dims; NaN where the instrument cannot reach A. Where
        knowledge pays so well that the market jumps past A, the lowest level after the jump.

    Raises:
        ValueError: if the abatement is not between 0 and 1.
    """
    if not 0 < abatement < 1:
        raise ValueError(f"abatement must be above 0 and below 1; got {abatement:g}")
    goal = (1 - abatement) * equilibrium(sector, instrument=instrument, level=0.0)["emissions"]
    top = _RESEARCH_MOST if instrument == "research subsidy" else 4.0 * sector.clean_cost

    def above(level):
        done = equilibrium(sector, instrument=instrument, level=level, growth=growth)
        return done["emissions"] > goal

    low = xr.zeros_like(goal) * growth
    high = low + top
    reached = ~above(high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        short = above(middle)
        low, high = xr.where(short, middle, low), xr.where(short, high, middle)
    return high.where(reached)


def cost_of_abatement(
    sector: Sector, *, instrument: str, abatement: float, growth: Array = 1.0
) -> xr.Dataset:
    """Return what an instrument costs society that cuts emissions by a share or more.

    C = W(no policy) - W(level that cuts A)

    Args:
        sector, instrument, abatement, growth: as in `policy_for`.

    Returns:
        cost C, present value, billion CNY, and the emissions reached, GtCO2, over all dims; NaN
        where the instrument cannot reach A.

    Raises:
        ValueError: as `policy_for`.
    """
    level = policy_for(sector, instrument=instrument, abatement=abatement, growth=growth)
    safe = level.fillna(0.0)
    done = equilibrium(sector, instrument=instrument, level=safe, growth=growth)
    cost = (_idle_welfare(sector) - done["welfare"]) / 1000
    outcome = xr.Dataset({"cost": cost, "emissions": done["emissions"]}).where(level.notnull())
    outcome["cost"].attrs["units"] = "billion CNY"
    return outcome


def least_cost(sector: Sector, *, emissions: Array) -> xr.DataArray:
    """Return the lowest cost at which emissions can be kept to a level, by whatever instruments.

    max over allocations of W, subject to E <= goal: for each worth of knowledge w the best
    allocation has one carbon price, that price is set to meet the goal, and the best w is taken

    The same allocation follows in the market from a carbon price with subsidies that make up for
    the spillover on learning and on research: the instrument "portfolio". Where knowledge has
    rising returns the market may rest short of it, and the portfolio must also say which of the
    two equilibria is meant.

    Args:
        sector: the good; any dims.
        emissions: goal over both periods, GtCO2, any dims; above 0.

    Returns:
        cost W(no policy) - W, present value, billion CNY, over all dims. Negative if curing the
        failure of knowledge is worth more than the cut costs.

    Raises:
        ValueError: if a goal is not positive or cannot be met.
    """
    if bool(np.any(np.asarray(emissions) <= 0)):
        raise ValueError(f"emissions must be above 0; got {float(np.min(emissions)):g}")
    best = xr.apply_ufunc(lambda goal, *s: _best_welfare(Sector(*s), goal), emissions, *sector)
    if bool(np.any(~np.isfinite(np.asarray(best)))):
        raise ValueError(
            f"emissions of {float(np.min(emissions)):g} GtCO2 are less than any allocation reaches"
        )
    return ((_idle_welfare(sector) - best) / 1000).assign_attrs(units="billion CNY")


def _idle_welfare(sector: Sector) -> xr.DataArray:
    return equilibrium(sector, instrument="carbon price", level=0.0)["welfare"]


def _discounted(s: Sector):
    """Discounted years of both periods, and the factor from the middle of one to the other."""
    first = -np.expm1(-s.rate * s.first) / s.rate
    second = np.exp(-s.rate * s.first) * -np.expm1(-s.rate * s.second) / s.rate
    return (first, second), np.exp(s.rate * (s.first + s.second) / 2)


def _outcome(s: Sector, policy: _Policy, level, growth):
    """Iterate clean output, prices and knowledge to rest, then account."""
    years, rise = _discounted(s)
    factor = (1.0, growth * rise)
    zero = np.zeros(np.broadcast_shapes(*(np.shape(a) for a in (level, growth, *s))))
    tau = [policy.carbon * level * f + zero for f in factor]
    cut = [np.minimum(t / s.abatement_slope, s.abatement_most) for t in tau]
    base = [
        s.coal_cost + s.abatement_slope * s.intensity * a**2 / 2 + t * s.intensity * (1 - a)
        for t, a in zip(tau, cut, strict=True)
    ]
    keep = 1 - s.spillover * (1 - policy.corrected)
    support = np.minimum(policy.research * level, _RESEARCH_MOST)
    unit, knowledge, clean, output = 1.0 + zero, 1.0 + zero, [zero, zero], [s.demand + zero] * 2
    for _ in range(TURNS):
        prices, subsidies = [], []
        for t in (0, 1):
            share = clean[t] / output[t]
            charged = level * factor[t]
            price, subsidy = _prices(s, policy, charged, base[t], tau[t], cut[t], share)
            prices.append(_cleared(s, price, subsidy, unit) if t else price)
            subsidies.append(subsidy)
        output = [s.demand * (price / s.coal_cost) ** -s.elasticity for price in prices]
        worth = years[1] * _site_cost(s, clean[1]) * s.learning_share / knowledge
        research = np.maximum(keep * s.research * worth / (1 - support) - s.research_stock, 0.0)
        gain = prices[0] + subsidies[0]
        clean = [
            _first_output(s, gain, output[0], years[0], keep * worth),
            _site_output(s, (prices[1] + subsidies[1]) / unit, output[1]),
        ]
        made = 1 + s.first * clean[0] / s.experience
        knowledge = made**s.learning * (1 + research / s.research_stock) ** s.research
        unit = 1 - s.learning_share * (1 - 1 / knowledge)
    return _account(s, years, prices, cut, clean, output, knowledge, research)


def _prices(s, policy, level, base, tau, cut, share):
    """Price at which the coal route repays itself, and what the clean route gets on top of it.

    A standard pays its carbon price back per tonne of output. Under a share requirement coal
    steel pays for certificates worth `level` each, so that charge x coal = subsidy x clean.
    """
    back = policy.rebate * tau * s.intensity * (1 - cut) * (1 - share)
    charge = policy.required * level * share + policy.coal_tax * level
    subsidy = policy.required * level * (1 - share) + policy.clean * level
    return base - back + charge, back + subsidy


def _cleared(s, price, subsidy, unit):
    """Price at which demand is met: that of coal, or less where clean plants can meet it all."""
    per_price = 1 / (2 * s.clean_spread * s.clean_cost * unit)
    least = (1 - s.clean_spread) / (2 * s.clean_spread)
    clear = price
    for _ in range(NEWTON):
        wanted = (clear / s.coal_cost) ** -s.elasticity
        excess = per_price * (clear + subsidy) - least - wanted
        clear = clear - excess / (per_price + s.elasticity * wanted / clear)
        clear = np.maximum(clear, 0.01 * price)
    return np.minimum(clear, price)


def _site_cost(s, clean):
    """Yearly cost of clean output at K = 1, the integral over sites from the cheapest."""
    return s.clean_cost * clean * (1 - s.clean_spread + s.clean_spread * clean / s.demand)


def _site_output(s, price, most):
    """Clean output whose last site costs the price."""
    share = (price / s.clean_cost - 1 + s.clean_spread) / (2 * s.clean_spread)
    return np.clip(share * s.demand, 0, most)


def _first_output(s, price, most, years, worth):
    """Clean output whose last tonne repays itself with the knowledge that it leaves.

    D (p - g (1 - s + 2 s q / Q)) + w l n / (X + n q) = 0, a quadratic in y = X + n q.
    """
    slope = 2 * s.clean_spread * s.clean_cost / s.demand
    rent = years * (price - s.clean_cost * (1 - s.clean_spread))
    a = years * slope / s.first
    b = rent + a * s.experience
    y = (b + np.sqrt(b**2 + 4 * a * worth * s.learning * s.first)) / (2 * a)
    return np.clip((y - s.experience) / s.first, 0, most)


def _best_welfare(s: Sector, goal):
    """Welfare of the best allocation; the worth of knowledge runs along a last axis."""
    s = Sector(*(np.asarray(a, float)[..., None] for a in s))
    goal = np.asarray(goal, float)[..., None]
    years, rise = _discounted(s)
    most = years[1] * s.clean_cost * s.demand * s.learning_share  # all made clean, at K = 1
    worth = most * np.concatenate([[0.0], np.geomspace(1e-3, 1.0, WORTHS)])
    zero = 0.0 * (worth + goal)

    def outcome(price):
        tau = (price, price * rise)
        cut = [np.minimum(t / s.abatement_slope, s.abatement_most) for t in tau]
        coal = [
            s.coal_cost + s.abatement_slope * s.intensity * a**2 / 2 + t * s.intensity * (1 - a)
            for t, a in zip(tau, cut, strict=True)
        ]
        first = s.demand * (coal[0] / s.coal_cost) ** -s.elasticity
        research = np.maximum(worth * s.research - s.research_stock, 0.0)
        clean = _first_output(s, coal[0], first, years[0], worth)
        knowledge = (1 + s.first * clean / s.experience) ** s.learning
        knowledge = knowledge * (1 + research / s.research_stock) ** s.research
        unit = 1 - s.learning_share * (1 - 1 / knowledge)
        price_2 = _cleared(s, coal[1], 0.0, unit)
        second = s.demand * (price_2 / s.coal_cost) ** -s.elasticity
        cleans = [clean, _site_output(s, price_2 / unit, second)]
        return _account(s, years, None, cut, cleans, [first, second], knowledge, research)[:2]

    low, high = zero, zero + 4 * s.clean_cost
    reached = outcome(high)[0] <= goal
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        short = outcome(middle)[0] > goal
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.where(reached, outcome(high)[1], -np.inf).max(axis=-1)


def _account(s, years, prices, cut, clean, output, knowledge, research):
    """Emissions and welfare of an allocation; consumers' worth of the good less what it takes."""
    emissions, welfare = 0.0, -research
    for t, length in enumerate((s.first, s.second)):
        emitting = output[t] - clean[t]
        emissions = emissions + length * s.intensity * (1 - cut[t]) * emitting / 1000
        coal = s.coal_cost + s.abatement_slope * s.intensity * cut[t] ** 2 / 2
        unit = 1 - s.learning_share * (1 - 1 / knowledge) if t else 1.0
        site = _site_cost(s, clean[t]) * unit
        welfare = welfare + years[t] * (_worth(s, output[t]) - coal * emitting - site)
    pairs = (np.stack(np.broadcast_arrays(*pair), axis=-1) for pair in (clean, output))
    return emissions, welfare, knowledge, research, *pairs


def _worth(s, output):
    """Consumers' worth of output above that of today's use, the area under demand."""
    size, power = output / s.demand, 1 - 1 / s.elasticity
    even = np.abs(power) < 1e-9
    bent = (size**power - 1) / np.where(even, 1.0, power)
    return s.coal_cost * s.demand * np.where(even, np.log(size), bent)
