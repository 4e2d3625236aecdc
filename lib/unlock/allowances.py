"""A market for emission allowances: what plants cut, the price that clears it, and what buyers pay.

A product is made by plants that stand and by plants that are due for renewal. Those that stand can
cut a little at rising cost; those that are due choose among options, each at a cost of its own.
Allowances are given by output and a benchmark (a tradable performance standard), given once and for
all, or sold. All functions broadcast over any dims of their arguments; `product` is the dim over
which one market clears and `option` that of the choices of a plant, the incumbent route first.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

__all__ = [
    "Plants",
    "Rules",
    "allowances_issued",
    "bank_balance",
    "banked_price",
    "clearing_price",
    "convertible_price",
    "demand_for_green",
    "excess_demand",
    "green_premium",
    "internal_rate_of_return",
    "outcome",
    "willing_share",
]

Array = xr.DataArray | float
HIGHEST = 20_000.0  # CNY/tCO2, above which no market is taken to clear
CLEARED = 1e-9  # excess demand over demand at which the search ends; 1e-6 is promised
SCALE = 50.0  # CNY/tCO2, below which steps of the search are even in the price, above in its log
TURNS = 80
CHEAPEST = 0.01  # of its price, below which no subsidy of output takes a product
LOWEST_RATE, HIGHEST_RATE = -0.99, 10.0  # 1/year, ends of the search for a rate of return


class Plants(NamedTuple):
    """What makes each product, and what it could do instead.

    Attributes:
        output: Q_0, at a carbon price of 0, Mt/year (TWh/year for power), dim `product`.
        product_price: P_0, CNY/t, dim `product`.
        extra_cost: d of an option over the incumbent route, CNY/t, dims `product`, `option`; the
            incumbent's is 0, infinite where a product has no such option.
        intensity: e of an option, tCO2/t, dims `product`, `option`; any where the cost is infinite.
        spread: scale s of the costs of an option over plants, CNY/t, dim `product`; above 0.
        due: share y of plants that have come up for renewal, 0 to 1.
        slope: m, rise of marginal cost with the share cut within a plant, CNY/tCO2; above 0.
        most: A, largest share that a plant can cut without another route, 0 to 1.
        elasticity: eta of demand, positive number.
        passed: share rho of a rise of marginal cost that the price of the product follows, 0 to 1.
    """

    output: Array
    product_price: Array
    extra_cost: xr.DataArray
    intensity: xr.DataArray
    spread: Array
    due: Array
    slope: Array
    most: Array
    elasticity: Array
    passed: Array


class Rules(NamedTuple):
    """How allowances come into the market.

    Attributes:
        benchmark: b, allowances for each tonne of output, tCO2/t, dim `product`.
        auctioned: share alpha of allowances that is sold, 0 to 1.
        by_output: share phi of the free ones that follows this year's output: 1 for a tradable
            performance standard, 0 for a cap.
        covered: whether a product is in the market, dim `product`.
        added: allowances from elsewhere, MtCO2/year.
    """

    benchmark: Array
    auctioned: Array = 0.0
    by_output: Array = 1.0
    covered: Array = True
    added: Array = 0.0


def outcome(price: Array, *, plants: Plants, rules: Rules) -> xr.Dataset:
    """Return what plants and buyers do at an allowance price.

    Cut within a plant: a = min(p / m, A), which costs it g = p - m a^2 / 2 - a (p - m a)
    per tonne emitted before, allowances for the rest included
    Choice of plants that are due: w_i = exp(-c_i / s) / sum_j exp(-c_j / s),
    with c_1 = e_1 g for the incumbent and c_i = d_i + p e_i for the others,
    of mean cost u = -s ln sum_i exp(-c_i / s)
    Cost, allowances included: k = (1 - y) e_1 g + y (u(p) - u(0))
    Emissions per tonne: z = dk/dp = ((1 - y) + y w_1) e_1 (1 - a) + y sum_{i>1} w_i e_i
    Price: P = P_0 + rho (k - h p), h = (1 - alpha) phi b, at least P_0 / 100;
    output: Q = Q_0 (P / P_0)^-eta

    Args:
        price: allowance price p, CNY/tCO2, any dims; not negative.
        plants: the products.
        rules: of the market.

    Returns:
        Over all dims, `product` included: intensity z (tCO2/t), product_price P (CNY/t), output Q
        (Mt/year), emissions Q z (MtCO2/year), uncut (emissions at p = 0), cut (uncut less
        emissions), cut_by_less_output ((Q_0 - Q) z, MtCO2/year), passed_through ((P - P_0) / (p z),
        NaN at p = 0 or z = 0), cost (of abatement, million CNY/year: Q (k - p z) and the loss of
        consumers' worth, a triangle), revenue (million CNY/year, alpha b Q_0 p).

    Raises:
        ValueError: if a price is negative, a spread or slope is not positive, or a share lies
            outside 0 to 1.

    Source: McFadden (1974), Frontiers in Econometrics, 105-142 (choice); Goulder et al. (2022),
    Journal of Environmental Economics and Management 111, 102561 (the standard as a subsidy h p
    of output).
    """
    if bool(np.any(np.asarray(price) < 0)):
        raise ValueError(f"price must be 0 or more; got {float(np.min(price)):g}")
    _check(plants, rules)
    covered = xr.DataArray(rules.covered)
    price = xr.where(covered, price, 0.0)
    options = _options(plants)
    zero = _idle_cost(plants, options)
    unit, intensity = _unit(price, plants, options, zero)
    free = _free_at_margin(rules)
    product_price = _product_price(unit, free, price, plants)
    output = _output(product_price, plants)
    idle = _unit(0.0 * price, plants, options, zero)[1]
    emissions, uncut = output * intensity, plants.output * idle
    lost = (plants.output - output) * (product_price - plants.product_price) / 2
    paid = price * intensity
    return xr.Dataset(
        {
            "intensity": intensity,
            "product_price": product_price,
            "output": output,
            "emissions": emissions,
            "uncut": uncut,
            "cut": uncut - emissions,
            "cut_by_less_output": (plants.output - output) * intensity,
            "passed_through": (product_price - plants.product_price) / paid.where(paid > 0),
            "cost": output * (unit - paid) + lost,
            "revenue": rules.auctioned * rules.benchmark * plants.output * price * covered,
        }
    )


def allowances_issued(output: Array, *, plants: Plants, rules: Rules) -> xr.DataArray:
    """Return the allowances of a year.

    A = sum over covered products of (h Q + (b - h) Q_0) + X, h = (1 - alpha) phi b

    Args:
        output: Q, Mt/year, dim `product`.
        plants: the products.
        rules: of the market; X is what is added.

    Returns:
        A, MtCO2/year, over all dims but `product`.
    """
    free = _free_at_margin(rules)
    issued = free * output + (rules.benchmark - free) * plants.output
    return (xr.DataArray(rules.covered) * issued).sum("product") + rules.added


def excess_demand(price: Array, *, plants: Plants, rules: Rules) -> xr.DataArray:
    """Return by how much emissions exceed allowances at a price.

    Z = sum over covered products of Q z - A

    Args:
        price, plants, rules: as in `outcome`.

    Returns:
        Z, MtCO2/year, over all dims but `product`.

    Raises:
        ValueError: as `outcome`.
    """
    _check(plants, rules)
    return _excess(plants, rules)(xr.DataArray(price))


def clearing_price(plants: Plants, *, rules: Rules) -> xr.DataArray:
    """Return the allowance price at which a market clears within the year.

    0 <= p, Z(p) <= 0, p Z(p) = 0

    Args:
        plants: the products.
        rules: of the market.

    Returns:
        p, CNY/tCO2, over all dims but `product`: 0 where allowances are left over without a
        price, else Z = 0 to 1e-6 of demand.

    Raises:
        ValueError: if the market does not clear at 20,000 CNY/tCO2 or less; names `benchmark` and
            the cells.
    """
    _check(plants, rules)
    return _cleared(_excess(plants, rules)).assign_attrs(units="CNY/tCO2")


def banked_price(
    plants: Plants, *, rules: Rules, rate: Array, bank: Array = 0.0, dim: str = "year"
) -> xr.DataArray:
    """Return the path of the allowance price when allowances may be kept for later years.

    q_t = p_t / (1 + r)^(t - t_0) never rises, and falls only where the bank is empty:
    q_t = min over i <= t of max over j >= t of q(i, j),
    where q(i, j) clears the years from i to j together

    Args:
        plants: the products, with the dim `dim`, whole years in order.
        rules: of the market.
        rate: r at which the holder of an allowance discounts, 1/year; above -1.
        bank: allowances kept from before the first year, MtCO2; not negative.
        dim: name of the dim of years.

    Returns:
        p_t, CNY/tCO2, over all dims but `product`. Nothing is left in the bank at the end, unless
        the price is 0.

    Raises:
        ValueError: as `clearing_price`; if the bank is negative or the years are not whole.

    Source: Rubin (1996), Journal of Environmental Economics and Management 31, 269-286; the
    closed form is that of monotone regression, Robertson, Wright and Dykstra (1988), Order
    Restricted Statistical Inference.
    """
    _check(plants, rules)
    years = _years(plants, rules, dim)
    if bool(np.any(np.asarray(bank) < 0)):
        raise ValueError(f"bank must be 0 or more; got {float(np.min(bank)):g}")
    size = len(years)
    blocks = [(i, j) for i in range(size) for j in range(i, size)]
    cells = np.array([(n, t) for n, (i, j) in enumerate(blocks) for t in range(i, j + 1)])
    block, cell = (xr.DataArray(column, dims="cell") for column in cells.T)
    starts = np.searchsorted(cells[:, 0], np.arange(len(blocks)))

    def at(value):
        return (
            value.isel({dim: cell}).drop_vars(dim) if dim in getattr(value, "dims", ()) else value
        )

    grown = (1 + rate) ** xr.DataArray(years - years[0], dims="cell")[cells[:, 1]]
    inner = _excess(Plants(*map(at, plants)), Rules(*map(at, rules)))
    first = xr.DataArray([float(i == 0) for i, _ in blocks], dims="block")

    def excess(price):
        each = inner(price.isel(block=block) * grown).transpose(..., "cell")
        dims = [*each.dims[:-1], "block"]
        return (
            xr.DataArray(
                np.add.reduceat(each.values, starts, axis=-1),
                dims=dims,
                coords={
                    d: c for d, c in each.coords.items() if d != "cell" and "cell" not in c.dims
                },
            )
            - first * bank
        )

    cleared = _cleared(excess, blocks=len(blocks))
    path = []
    for t in range(size):
        highest = [
            cleared.isel(block=[n for n, (a, b) in enumerate(blocks) if a == i and b >= t]).max(
                "block"
            )
            for i in range(t + 1)
        ]
        lowest = xr.concat(highest, dim="start").min("start")
        path.append(lowest * (1 + rate) ** float(years[t] - years[0]))
    return xr.concat(path, dim=xr.DataArray(years, dims=dim, name=dim)).assign_attrs(
        units="CNY/tCO2"
    )


def bank_balance(
    price: xr.DataArray, *, plants: Plants, rules: Rules, bank: Array = 0.0, dim: str = "year"
) -> xr.DataArray:
    """Return the allowances in the bank at the end of each year.

    B_t = B_0 + sum over years to t of (A - E)

    Args:
        price: path of the allowance price, CNY/tCO2, dim `dim`.
        plants, rules, bank, dim: as in `banked_price`.

    Returns:
        B_t, MtCO2, over all dims but `product`; negative where the path is none of a market.
    """
    return bank - excess_demand(price, plants=plants, rules=rules).cumsum(dim)


def convertible_price(
    plants: Plants, *, rules: Rules, certificates: Array, worth: Array, conversion: Array
) -> xr.Dataset:
    """Return the price of allowances when certificates may be handed in for them, cap unchanged.

    Owners convert v certificates, 0 <= v <= V, each into c allowances, until c p = w:
    p = p(V) where c p(V) >= w, else min(p(0), w / c), with p(v) clearing at c v more allowances

    Args:
        plants: the products.
        rules: of the market without certificates.
        certificates: V, million MWh/year.
        worth: w of a certificate in its own market, CNY/MWh.
        conversion: c, tCO2/MWh; above 0.

    Returns:
        price (CNY/tCO2) and added (c v, MtCO2/year: emissions on top of the cap), over all dims
        but `product`.

    Raises:
        ValueError: as `clearing_price`; if the conversion is not positive.
    """
    if bool(np.any(np.asarray(conversion) <= 0)):
        raise ValueError(f"conversion must be above 0; got {float(np.min(conversion)):g}")
    alone = clearing_price(plants, rules=rules)
    flood = certificates * conversion
    full = clearing_price(plants, rules=rules._replace(added=rules.added + flood))
    floor = worth / conversion
    price = np.maximum(full, np.minimum(alone, floor))
    wanted = excess_demand(price, plants=plants, rules=rules)
    added = xr.where(price > 0, np.clip(wanted, 0.0, flood), 0.0)
    return xr.Dataset({"price": price, "added": added})


def willing_share(premium: Array, *, share: Array, middle: Array, most: Array, none: Array):
    """Return the share of buyers who would pay a premium.

    S = S_0 - (S_0 - S_1) x / x_1 up to x_1, S_1 (x_2 - x) / (x_2 - x_1) up to x_2, 0 above

    Args:
        premium: x, CNY/t, any dims; not negative.
        share: S_0 who would pay any premium, 0 to 1.
        middle: S_1 who would pay x_1, at most S_0.
        most: x_1, CNY/t; above 0.
        none: x_2 that nobody pays, CNY/t; above x_1.

    Returns:
        S, dimensionless, over all dims.

    Raises:
        ValueError: if the points are not in order.
    """
    if bool(np.any(np.asarray(most) <= 0)) or bool(np.any(np.asarray(none - most) <= 0)):
        raise ValueError("none must lie above most, and most above 0")
    if bool(np.any(np.asarray(middle - share) > 0)):
        raise ValueError("middle must not be above share")
    first = share - (share - middle) * premium / most
    second = middle * (none - premium) / (none - most)
    return np.maximum(xr.where(premium < most, first, second), 0.0)


def demand_for_green(premium: Array, *, willing: Callable, public: Array, required: Array):
    """Return the share of a market that asks for the green product at a premium.

    D = g q + (1 - g) S(x)

    Args:
        premium: x, CNY/t, any dims.
        willing: S, function of the premium.
        public: share g of the market bought with public money, 0 to 1.
        required: share q of it that must be green whatever it costs, 0 to 1.

    Returns:
        D, dimensionless, over all dims.
    """
    return public * required + (1 - public) * willing(premium)


def green_premium(
    plants: Plants, *, price: Array, green: xr.DataArray, demand: Callable
) -> xr.Dataset:
    """Return the premium at which as much of a product is made green as is asked for.

    G(x) = y sum over green options of w_i(d_i - x), D(x) <= G(x), x >= 0, x (G - D) = 0

    Args:
        plants: the product or products.
        price: allowance price p, CNY/tCO2, any dims.
        green: whether an option counts as green, dim `option` (and any); the incumbent never does.
        demand: D, falling function of the premium that gives a share of the market.

    Returns:
        premium x (CNY/t), uptake G(x) and uptake without demand G(0) (`idle`), over all dims.

    Raises:
        ValueError: if not enough is due for renewal to meet demand at any premium; names
            `required`.
    """

    others = green.isel(option=slice(1, None))

    def made(premium):
        paid = plants._replace(extra_cost=plants.extra_cost - xr.where(green, premium, 0.0))
        share = _shares(price, paid, _options(paid))
        return plants.due * share.where(others, 0.0).sum("option")

    short = demand(xr.DataArray(HIGHEST)) - made(xr.DataArray(HIGHEST))
    if bool((short > 0).any()):
        raise ValueError(
            f"required asks for {float(short.max()):.3g} of the market more than the plants that "
            "are due can make green; lower it or choose a later year"
        )
    premium = _search(lambda x: demand(x) - made(x), xr.ones_like(demand(made(0.0))))
    return xr.Dataset({"premium": premium, "uptake": made(premium), "idle": made(0.0)})


def internal_rate_of_return(outlay: Array, *, income: xr.DataArray, dim: str = "year"):
    """Return the rate at which an investment repays itself.

    K = sum over years n = 1 ... L of F_n / (1 + r)^n

    Args:
        outlay: K in the year before the first, CNY, any dims; above 0.
        income: F_n, CNY, dim `dim`; not negative.
        dim: name of the dim of years.

    Returns:
        r, 1/year, over all dims but `dim`, from -0.99 to 10.

    Raises:
        ValueError: if the outlay is not positive or an income is negative.
    """
    if bool(np.any(np.asarray(outlay) <= 0)):
        raise ValueError(f"outlay must be above 0; got {float(np.min(outlay)):g}")
    if bool((income < 0).any()):
        raise ValueError(f"income must be 0 or more; got {float(income.min()):g}")
    passed = xr.DataArray(np.arange(1.0, income.sizes[dim] + 1), dims=dim)
    income = income.drop_vars(dim, errors="ignore")

    def worth(log_factor):
        return (income * np.exp(-log_factor * passed)).sum(dim) - outlay

    low = xr.full_like(worth(0.0), np.log1p(LOWEST_RATE))
    high = xr.full_like(low, np.log1p(HIGHEST_RATE))
    for _ in range(60):
        middle = (low + high) / 2
        pays = worth(middle) > 0
        low, high = xr.where(pays, middle, low), xr.where(pays, high, middle)
    return np.expm1((low + high) / 2).assign_attrs(units="1/year")


def _free_at_margin(rules):
    """Allowances that one more tonne of output brings."""
    return (1 - rules.auctioned) * rules.by_output * rules.benchmark


def _product_price(unit, free, price, plants):
    rise = plants.passed * (unit - free * price)
    return np.maximum(plants.product_price + rise, CHEAPEST * plants.product_price)


def _output(product_price, plants):
    return plants.output * (product_price / plants.product_price) ** -plants.elasticity


def _within(price, plants):
    """Share cut within a plant, and its cost with allowances for the rest, per tonne before."""
    cut = np.minimum(price / plants.slope, plants.most)
    return cut, price * (1 - cut) + plants.slope * cut**2 / 2


class _Options(NamedTuple):
    """The incumbent's emissions, and cost and emissions of the other options over the spread."""

    old: xr.DataArray
    cost: xr.DataArray
    intensity: xr.DataArray


def _options(plants):
    others = {"option": slice(1, None)}
    return _Options(
        plants.intensity.isel(option=0, drop=True),
        plants.extra_cost.isel(others) / plants.spread,
        plants.intensity.isel(others) / plants.spread,
    )


def _relative_gain(price, plants, options):
    """Cut and cost within a plant, and that cost over the spread, what other options save on."""
    cut, inside = _within(price, plants)
    return cut, inside, options.old * inside / plants.spread


def _mean_cost(price, plants, options):
    """Mean cost of plants that choose, the share that leaves the old route, and what it emits."""
    cut, inside, saved = _relative_gain(price, plants, options)
    log_sum, left, emitted = xr.apply_ufunc(
        _logit,
        *(saved, price, options.cost, options.intensity),
        input_core_dims=[[], [], ["option"], ["option"]],
        output_core_dims=[[], [], []],
    )
    mean = options.old * inside - plants.spread * log_sum
    return cut, inside, mean, left, emitted * plants.spread


def _shares(price, plants, options):
    """Shares of the options other than the old route."""
    saved = _relative_gain(price, plants, options)[2]
    return xr.apply_ufunc(
        lambda *a: np.divide(*_weights(*a)[1:]),
        *(saved, price, options.cost, options.intensity),
        input_core_dims=[[], [], ["option"], ["option"]],
        output_core_dims=[["option"]],
    )


def _logit(saved, price, cost, intensity):
    top, weight, total = _weights(saved, price, cost, intensity)
    total = total[..., 0]
    emitted = np.einsum("...i,...i", weight, np.broadcast_to(intensity, weight.shape))
    return top + np.log(total), weight.sum(-1) / total, emitted / total


def _weights(saved, price, cost, intensity):
    """exp(gain) of each option over the old route, scaled to stay in bounds, in one array."""
    saved, price = np.asarray(saved)[..., None], np.asarray(price)[..., None]
    shapes = (np.shape(a) for a in (saved, price, cost, intensity))
    gain = np.empty(np.broadcast_shapes(*shapes))
    np.multiply(intensity, price, out=gain)
    gain += cost
    np.subtract(saved, gain, out=gain)
    top = np.maximum(gain.max(-1), 0.0)
    gain -= top[..., None]
    np.exp(gain, out=gain)
    return top, gain, np.exp(-top)[..., None] + gain.sum(-1, keepdims=True)


def _idle_cost(plants, options):
    return _mean_cost(xr.DataArray(0.0), plants, options)[2]


def _unit(price, plants, options, idle):
    """Cost with allowances and emissions, both for a tonne of product; the second is the slope."""
    cut, inside, mean, left, new = _mean_cost(price, plants, options)
    unit = (1 - plants.due) * options.old * inside + plants.due * (mean - idle)
    return unit, (1 - plants.due * left) * options.old * (1 - cut) + plants.due * new


def _excess(plants, rules):
    """Excess demand as a function of the price alone, with what does not move computed once."""
    options, free = _options(plants), _free_at_margin(rules)
    idle = _idle_cost(plants, options)
    covered = xr.DataArray(rules.covered)
    fixed = (covered * (rules.benchmark - free) * plants.output).sum("product") + rules.added

    def excess(price):
        unit, intensity = _unit(price, plants, options, idle)
        made = _output(_product_price(unit, free, price, plants), plants)
        return (covered * made * (intensity - free)).sum("product") - fixed

    return excess


def _cleared(excess, blocks=None):
    """Price at which excess demand vanishes, 0 if there is none without a price."""
    sizes = {} if blocks is None else {"block": blocks}
    start = xr.DataArray(np.zeros(tuple(sizes.values())), dims=tuple(sizes))
    idle = excess(start)
    beyond = excess(start + HIGHEST)
    if bool((beyond > 0).any()):
        worst = beyond.where(beyond == beyond.max(), drop=True).squeeze()
        where = ", ".join(f"{d} {worst[d].item()}" for d in worst.coords if worst[d].ndim == 0)
        raise ValueError(
            f"benchmark is too tight: at {HIGHEST:,.0f} CNY/tCO2 emissions exceed allowances by "
            f"{float(beyond.max()):,.3g} MtCO2{' (' + where + ')' if where else ''}; raise it"
        )
    return _search(excess, xr.ones_like(idle), idle=idle, beyond=beyond)


def _search(excess, like, *, idle=None, beyond=None):
    """Root of a falling function from 0 to HIGHEST, 0 where it starts below 0.

    False position (Illinois) with a halving every fourth turn, in log(1 + p / SCALE).
    """
    low, high = 0.0 * like, 0.0 * like + np.log1p(HIGHEST / SCALE)
    f_low = excess(0.0 * like) if idle is None else idle
    f_high = excess(0.0 * like + HIGHEST) if beyond is None else beyond
    idle, size = f_low, np.abs(f_low - f_high)
    root, side = low, 0.0 * like
    for turn in range(TURNS):
        fall = f_low - f_high
        at = np.clip(f_low / fall.where(fall > 0, 1.0), 0.0, 1.0) if turn % 4 < 3 else 0.5
        root = low + (high - low) * at
        found = excess(SCALE * np.expm1(root))
        if bool(((np.abs(found) <= CLEARED * size) | (idle <= 0)).all()):
            break
        above = found > 0
        # An end that stays twice is given half its weight, or the other would creep.
        f_high = xr.where(above, xr.where(side > 0, f_high / 2, f_high), found)
        f_low = xr.where(above, found, xr.where(side < 0, f_low / 2, f_low))
        low, high = xr.where(above, root, low), xr.where(above, high, root)
        side = xr.where(above, 1.0, -1.0)
    return xr.where(idle > 0, SCALE * np.expm1(root), 0.0)


def _years(plants, rules, dim):
    """Years of the market, in order and one apart or more."""
    for value in (*plants, *rules):
        if dim in getattr(value, "dims", ()):
            years = value[dim].values
            if np.any(years != np.round(years)) or np.any(np.diff(years) <= 0):
                raise ValueError(f"{dim} must hold whole years in order; got {list(years)}")
            return years
    raise ValueError(f"plants or rules must have the dim {dim!r}")


def _check(plants, rules):
    """Refuse figures outside their bounds."""
    for name in ("spread", "slope"):
        value = getattr(plants, name)
        if bool(np.any(np.asarray(value) <= 0)):
            raise ValueError(f"{name} must be above 0; got {float(np.min(value)):g}")
    shares = {name: getattr(plants, name) for name in ("due", "most", "passed")}
    shares |= {name: getattr(rules, name) for name in ("auctioned", "by_output")}
    for name, value in shares.items():
        least, most = float(np.min(np.asarray(value))), float(np.max(np.asarray(value)))
        if least < 0 or most > 1:
            given = least if least < 0 else most
            raise ValueError(f"{name} must be from 0 to 1; got {given:g}")
    if bool(np.any(np.asarray(rules.benchmark) < 0)):
        raise ValueError(f"benchmark must be 0 or more; got {float(np.min(rules.benchmark)):g}")
