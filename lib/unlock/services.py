"""Selling a thing, lending it or selling what it does: what each makes a producer want to build.

A product gives service, such as kilometres, until it fails. It fails by wear, the sooner the more
it is used, and by age. A producer chooses how much wear it stands (its durability z, 1 today) and
how much energy it takes (epsilon, 1 today), and offers it in one of three contracts:

- sale: the user owns it, pays for the energy, and judges both with the discount rate and the
  attention of a buyer;
- lease: the producer owns it, the user pays a rent and the energy;
- result: the producer owns it, pays for the energy and is paid by the unit of service.

A seller's old products compete with the new ones. One who cannot commit to future prices for
longer than a period keeps only the part theta of the margin: none of it as the period goes to
nothing (Coase), all of it where everything sold is gone within the period (Bulow). Durability is
then worth less to the seller than to the user. With equal discount rates, full attention and full
commitment every owner chooses the same durability (Swan).

Each producer faces a demand that falls in a line with its own price, as on the circle of Salop, so
that its margin m is an amount of money by unit of service. Markets are in a stationary state.
Hazards are constant. All functions broadcast over any dims of their arguments. Money is CNY, time
in years, and a unit of service is whatever the product gives.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
import xarray as xr

__all__ = [
    "Product",
    "Terms",
    "backfire_elasticity",
    "calibrate",
    "commitment",
    "efficiency",
    "hazard",
    "lease",
    "least_cost_durability",
    "material_flow",
    "profit",
    "result",
    "sale",
    "sale_condition",
    "sale_offer",
    "service_demand",
    "unit_cost",
    "units",
    "user_cost",
]

Array = xr.DataArray | float
LONGEST = np.inf  # the commitment period of a producer who keeps every promise
LOWEST, HIGHEST = 1e-3, 1e3  # durability is sought between these multiples of today's
STEPS = 50  # halvings of the bracket in logarithms: to 1e-14


@dataclass(frozen=True)
class Product:
    """A product as it is today, under sale.

    Attributes:
        cost: c_0 of making one, CNY; above 0.
        use: u, units of service that one gives in a year; above 0.
        wear: w_0, part of the hazard of failure that comes from use, 1/year; above 0.
        ageing: omega, part that comes from age, 1/year; not negative.
        energy: q, energy cost of a unit of service, CNY; above 0.
        rate: r of the producer, 1/year; above 0.
        buyer_rate: r_b at which a buyer discounts, 1/year; above 0.
        attention: a, share of a change of durability that a buyer sees; 0 to 1.
        energy_attention: alpha, share of the energy cost that a user counts; above 0, to 1.
        commitment: Delta, years for which a seller can promise prices; above 0, may be infinite.
        margin: m, margin of a producer that keeps all of it, CNY by unit of service; above 0.
        durability_share: gamma, part of the cost that buys durability; 0 to 1.
        efficiency_elasticity: kappa, rise of cost in percent for 1 % less energy; above 0.
        limit: largest durability that can be built; at least 1.
        least_energy: smallest efficiency epsilon that can be built; 0 to 1.
    """

    cost: Array
    use: Array
    wear: Array
    ageing: Array
    energy: Array
    rate: Array
    buyer_rate: Array
    attention: Array = 1.0
    energy_attention: Array = 1.0
    commitment: Array = LONGEST
    margin: Array = 0.0
    durability_share: Array = 0.5
    efficiency_elasticity: Array = 1.0
    limit: Array = np.inf
    least_energy: Array = 0.0

    def __post_init__(self):
        for name in ("cost", "use", "wear", "energy", "rate", "buyer_rate", "commitment"):
            _require(name, getattr(self, name), above=0.0)
        _require("energy_attention", self.energy_attention, above=0.0, upper=1.0)
        _require("attention", self.attention, lower=0.0, upper=1.0)
        _require("ageing", self.ageing, lower=0.0)
        _require("margin", self.margin, lower=0.0)
        _require("durability_share", self.durability_share, above=0.0, upper=1.0)
        _require("efficiency_elasticity", self.efficiency_elasticity, above=0.0)
        _require("limit", self.limit, lower=1.0)
        _require("least_energy", self.least_energy, lower=0.0, upper=1.0)


@dataclass(frozen=True)
class Terms:
    """What a contract changes besides who owns the product.

    Attributes:
        intensity: s, use of one product over its use under sale; above 0.
        carelessness: h, extra wear by users who do not own it, over their use; not negative.
        empty: e, service given to no one, such as empty trips, over service used; not negative.
        overhead: o, cost of running the contract, CNY by unit of service; not negative.
        inconvenience: i, what users would pay to have their own, CNY by unit of service.
        remanufactured: f, share of failed products that is remanufactured; 0 to 1.
        remanufacturing_cost: cost of it over that of a new one; 0 to 1.
        remanufacturing_material: new material in it over that of a new one; 0 to 1.
        term: T, mean length of a lease, years; above 0, may be infinite.
        newness: b, what users pay more for a product in its first lease, CNY by unit of service.
        resale: v, value of a product withdrawn after its first lease over its cost; 0 to 1.
    """

    intensity: Array = 1.0
    carelessness: Array = 0.0
    empty: Array = 0.0
    overhead: Array = 0.0
    inconvenience: Array = 0.0
    remanufactured: Array = 0.0
    remanufacturing_cost: Array = 1.0
    remanufacturing_material: Array = 1.0
    term: Array = LONGEST
    newness: Array = 0.0
    resale: Array = 0.0

    def __post_init__(self):
        for name in ("intensity", "term"):
            _require(name, getattr(self, name), above=0.0)
        for name in ("carelessness", "empty", "overhead"):
            _require(name, getattr(self, name), lower=0.0)
        for name in ("remanufactured", "remanufacturing_cost", "remanufacturing_material"):
            _require(name, getattr(self, name), lower=0.0, upper=1.0)
        _require("resale", self.resale, lower=0.0, upper=1.0)

    @property
    def renewal(self) -> Array:
        """Cost of a replacement over that of a new product: phi = 1 - f (1 - x)."""
        return 1 - self.remanufactured * (1 - self.remanufacturing_cost)

    @property
    def new_material(self) -> Array:
        """New material of a replacement over that of a new product: 1 - f (1 - y)."""
        return 1 - self.remanufactured * (1 - self.remanufacturing_material)


def hazard(durability: Array, *, wear: Array, ageing: Array, stress: Array = 1.0) -> Array:
    """Return the rate at which products fail.

    delta = omega + w_0 sigma / z; sigma is how much harder than today a product is used,
    s (1 + h)

    Args:
        durability: z, 1 today, any dims; above 0.
        wear: w_0 today, 1/year, any dims.
        ageing: omega, 1/year, any dims.
        stress: sigma, any dims; 1 today.

    Returns:
        delta over all dims together, 1/year.

    Raises:
        ValueError: for a durability that is not positive, or a negative hazard.
    """
    _require("durability", durability, above=0.0)
    for name, value in (("wear", wear), ("ageing", ageing), ("stress", stress)):
        _require(name, value, lower=0.0)
    return ageing + wear * stress / durability


def commitment(hazard: Array, *, rate: Array, buyer_rate: Array, period: Array) -> Array:
    """Return the part of its margin that a seller keeps who can promise prices for a period only.

    theta = d (1 - rho_b (1 - d)) / ((1 - rho (1 - d)) (1 - rho_b (1 - d) lambda)) with
    d = 1 - exp(-delta Delta), rho = exp(-r Delta), rho_b = exp(-r_b Delta) and the share lambda
    of the last stock in the next one, lambda = (1 - sqrt(1 - rho (1 - d)^2)) / (rho (1 - d));
    with r_b = r it is theta = d / sqrt(1 - rho (1 - d)^2).

    It is the stationary Markov-perfect equilibrium of a producer whose demand for the stock is a
    line: the seller chooses the stock of the period, knowing that it will do so again in the next.
    theta goes to 0 with the period, and to 1 with a period far beyond the life of the product.

    Args:
        hazard: delta, 1/year, any dims; above 0.
        rate: r of the seller, 1/year, any dims; above 0.
        buyer_rate: r_b, 1/year, any dims; above 0.
        period: Delta, years, any dims; above 0, may be infinite.

    Returns:
        theta over all dims together; 0 to 1 where the rates are equal.

    Raises:
        ValueError: for an argument that is not positive.

    Source: Coase (1972), Journal of Law and Economics 15, 143-149; Bulow (1982), Journal of
    Political Economy 90, 314-332; Bond and Samuelson (1984), RAND Journal of Economics 15,
    336-345, for goods that wear out.
    """
    given = {"hazard": hazard, "rate": rate, "buyer_rate": buyer_rate, "period": period}
    for name, value in given.items():
        _require(name, value, above=0.0)
    kept = np.exp(-hazard * period)  # 1 - d
    now, buyers = np.exp(-rate * period) * kept, np.exp(-buyer_rate * period) * kept
    # rho (1 - d) lambda = 1 - sqrt(1 - rho (1 - d)^2), and rho_b / rho scales it
    ratio = np.exp((rate - buyer_rate) * np.minimum(period, 1e3))
    future = ratio * (1 - np.sqrt(1 - now * kept))
    return (1 - kept) * (1 - buyers) / ((1 - now) * (1 - future))


def unit_cost(durability: Array, *, cost: Array, durability_share: Array) -> Array:
    """Return the cost of making one product, without what efficiency adds.

    c = c_0 (1 - gamma + gamma z)

    Args:
        durability: z, any dims; above 0.
        cost: c_0, CNY, any dims.
        durability_share: gamma, any dims; 0 to 1.

    Returns:
        c over all dims together, CNY.
    """
    _require("durability", durability, above=0.0)
    _require("durability_share", durability_share, lower=0.0, upper=1.0)
    return cost * (1 - durability_share + durability_share * durability)


def user_cost(
    cost: Array,
    *,
    rate: Array,
    hazard: Array,
    use: Array,
    renewal: Array = 1.0,
    withdrawal: Array = 0.0,
    resale: Array = 0.0,
) -> Array:
    """Return what it costs to keep enough products standing for a unit of service a year.

    k = c (r + phi delta + (phi - v) / T) / u: interest on the first ones, replacement of those
    that fail and, where products are withdrawn after a lease of length T, of those less their
    resale

    Args:
        cost: c, CNY, any dims.
        rate: r, 1/year, any dims.
        hazard: delta, 1/year, any dims.
        use: u, service used by the year and product, any dims; above 0.
        renewal: phi, cost of a replacement over a new product, any dims.
        withdrawal: 1 / T, 1/year, any dims; 0 where products stay until they fail.
        resale: v over the cost, any dims.

    Returns:
        k over all dims together, CNY by unit of service.
    """
    _require("use", use, above=0.0)
    return cost * (rate + renewal * hazard + withdrawal * (renewal - resale)) / use


def least_cost_durability(
    durability_share: Array,
    *,
    rate: Array,
    wear: Array,
    ageing: Array,
    stress: Array = 1.0,
    renewal: Array = 1.0,
    withdrawal: Array = 0.0,
    resale: Array = 0.0,
) -> Array:
    """Return the durability at which a unit of service costs least.

    z = sqrt((1 - gamma) phi w_0 sigma / (gamma (r + phi omega + (phi - v) / T))), from
    d/dz (1 - gamma + gamma z) (r + phi (omega + w_0 sigma / z) + (phi - v) / T) = 0

    Args:
        durability_share: gamma, any dims; above 0, to 1.
        rate, wear, ageing, stress, renewal, withdrawal, resale: as in `hazard` and `user_cost`.

    Returns:
        z over all dims together.

    Raises:
        ValueError: for a share outside 0 to 1.
    """
    _require("durability_share", durability_share, above=0.0, upper=1.0)
    waiting = rate + renewal * ageing + withdrawal * (renewal - resale)
    body = (1 - durability_share) / durability_share
    return np.sqrt(body * renewal * wear * stress / waiting)


def efficiency(
    capital: Array,
    *,
    energy: Array,
    elasticity: Array,
    attention: Array = 1.0,
    least: Array = 0.0,
) -> Array:
    """Return the energy a product takes, 1 today, at which a unit of service costs least.

    epsilon = (kappa k / (alpha q))^(1 / (1 + kappa)), from
    d/d epsilon (k epsilon^-kappa + alpha q epsilon) = 0, and not below what can be built

    Args:
        capital: k, cost of capital by unit of service at today's efficiency, CNY, any dims.
        energy: q, energy cost of a unit of service today, CNY, any dims.
        elasticity: kappa, any dims; above 0.
        attention: alpha, share of the energy cost that counts, any dims; above 0.
        least: smallest epsilon that can be built, any dims.

    Returns:
        epsilon over all dims together.
    """
    _require("elasticity", elasticity, above=0.0)
    best = (elasticity * capital / (attention * energy)) ** (1 / (1 + elasticity))
    return np.maximum(best, least)


def calibrate(product: Product, *, price: Array) -> Product:
    """Return the product with the margin, gamma and kappa that make today's the seller's choice.

    m = (p - c_0) (r_b + delta) / (u theta);
    gamma = (a w_0 + (u / c_0) R) / (r_b + delta), R being the right side of `sale_condition`;
    kappa = alpha q / k with k = c_0 (r_b + delta) / u

    Nothing about a lease or a result contract goes into it: what today's product shows is how much
    durability and efficiency cost, given how buyers and seller see them.

    Args:
        product: what is known; margin, durability_share and efficiency_elasticity are replaced.
        price: p at which it is sold, CNY, any dims; above the cost.

    Returns:
        The product. NaN in `durability_share` where no share between 0 and 1 explains today's
        durability: a seller with so little commitment, before buyers with so little attention,
        would have built a less durable product.

    Raises:
        ValueError: for a price that is not above the cost.
    """
    _require("price", price - product.cost, above=0.0, words="price less cost")
    delta = product.wear + product.ageing
    theta = _theta(product, delta)
    margin = (price - product.cost) * (product.buyer_rate + delta) / (product.use * theta)
    pull = _pull(product, 1.0, margin)
    wanted = product.attention * product.wear + pull * product.use / product.cost
    share = wanted / (product.buyer_rate + delta)
    capital = product.cost * (product.buyer_rate + delta) / product.use
    share = xr.DataArray(share)
    return replace(
        product,
        margin=margin,
        durability_share=share.where((share > 0) & (share < 1)),
        efficiency_elasticity=product.energy_attention * product.energy / capital,
    )


def sale_condition(durability: Array, *, product: Product) -> Array:
    """Return by how much a seller's marginal loss from more durability exceeds the gain.

    F = (c / u) (gamma_z (r_b + delta) - a w) - R with w = w_0 / z,
    gamma_z = gamma z / (1 - gamma + gamma z), and
    R = (1 + theta) m (a w / (r_b + delta) - w / (r + delta)) / 2
        + (1 - theta) m (d ln theta / d ln z) / 2

    F = 0 is the first-order condition of profit in ln z, taken where all sellers choose alike: the
    first part is the cost of service as the buyer sees it, the second what the seller gains from a
    replacement, the third the fear of its own old products.

    Args:
        durability: z, any dims; above 0.
        product: with margin, gamma and kappa.

    Returns:
        F over all dims together, CNY by unit of service.
    """
    z, p = durability, product
    delta = hazard(z, wear=p.wear, ageing=p.ageing)
    capital = _sale_capital(p, z)
    share = p.durability_share * z / (1 - p.durability_share + p.durability_share * z)
    own = capital * (share - p.attention * (p.wear / z) / (p.buyer_rate + delta))
    return own - _pull(p, z, p.margin)


def sale_offer(durability: Array, *, product: Product) -> xr.Dataset:
    """Return what a seller offers and earns at a durability, the efficiency being its choice.

    k = c (r_b + delta) / u at the buyer's rate, epsilon from `efficiency` with the user's
    attention, and the price k + theta m + q epsilon by unit of service

    Args:
        durability: z, any dims; 1 is today's product.
        product: with margin, gamma and kappa, as from `calibrate`.

    Returns:
        Dataset of durability and efficiency (1 today); hazard (1/year); kept (theta); annuity (G,
        what a stream that the buyer discounts is worth to the seller); product and energy cost,
        perceived (all that the user counts, without the margin), overlooked (energy cost that it
        does not count) and price (all that it pays), in CNY by unit of service; withdrawn (0);
        condition (F, 0 or below 0 where z is at its limit) and energy_condition (the same for
        ln epsilon, 0 or above 0 at the limit).
    """
    p, z = product, durability
    delta = hazard(z, wear=p.wear, ageing=p.ageing)
    base = unit_cost(z, cost=p.cost, durability_share=p.durability_share)
    base = user_cost(base, rate=p.buyer_rate, hazard=delta, use=p.use)
    eps = _efficiency(p, base, p.energy, p.energy_attention)
    theta = _theta(p, delta)
    cost = base * eps**-p.efficiency_elasticity
    paid = p.energy * eps
    return _dataset(
        durability=z,
        efficiency=eps,
        hazard=delta,
        kept=theta,
        annuity=(p.rate + delta) / (p.buyer_rate + delta),
        product=cost,
        energy=paid,
        perceived=cost + p.energy_attention * paid,
        overlooked=(1 - p.energy_attention) * paid,
        price=cost + theta * p.margin + paid,
        withdrawn=0.0,
        condition=sale_condition(z, product=p),
        energy_condition=p.energy_attention * paid - p.efficiency_elasticity * cost,
    )


def sale(product: Product, *, attention: Array | None = None) -> xr.Dataset:
    """Return what a seller builds and earns.

    F(z) = 0, or z at its limit where F is below 0 there; found by halving a bracket, all cells at
    once.

    Args:
        product: with margin, gamma and kappa, as from `calibrate`.
        attention: a in place of the product's own, any dims; 1 is a warranty, under which the
            seller answers for every change of durability.

    Returns:
        Dataset as `sale_offer` gives it.

    Raises:
        ValueError: if no durability above a thousandth of today's is a seller's choice; the
            message names attention.
    """
    p = product if attention is None else replace(product, attention=attention)
    names = [field.name for field in fields(p)]
    arrays = xr.broadcast(*(xr.DataArray(getattr(p, name)) for name in names))
    plain = replace(p, **{n: a.values for n, a in zip(names, arrays, strict=True)})
    z = xr.zeros_like(arrays[0], dtype=float).copy(data=_choice(plain))
    return sale_offer(z.drop_attrs(), product=p)


def lease(product: Product, terms: Terms, *, policy: str = "best") -> xr.Dataset:
    """Return what a lessor builds and earns.

    z from `least_cost_durability`, epsilon from `efficiency` with the user's attention. After the
    first lease products are let again, or withdrawn so that all are in their first lease, for
    which users pay b more; "best" takes the cheaper in what the user counts. Of products that are
    let again the share delta / (delta + 1 / T) is in its first lease, as under sale.

    Args:
        product: as from `calibrate`.
        terms: of the lease.
        policy: "best", "remarketed" or "withdrawn".

    Returns:
        Dataset as `sale_offer` gives it, `withdrawn` 1 where products are withdrawn; `condition` is
        the derivative of what the user counts by ln z.

    Raises:
        ValueError: for another policy, or withdrawal with a term that is infinite.
    """
    if policy not in ("best", "remarketed", "withdrawn"):
        raise ValueError(f"policy must be best, remarketed or withdrawn, not {policy!r}")
    if policy == "remarketed" or (policy == "best" and not np.isfinite(np.max(terms.term))):
        return _owned(product, terms, product.energy_attention, 0.0)
    if not np.isfinite(np.max(terms.term)):
        raise ValueError("term must be finite where products are withdrawn at its end")
    gone = _owned(product, terms, product.energy_attention, 1.0)
    if policy == "withdrawn":
        return gone
    again = _owned(product, terms, product.energy_attention, 0.0)
    better = gone["perceived"] < again["perceived"]
    return xr.where(better, gone, again)


def result(product: Product, terms: Terms) -> xr.Dataset:
    """Return what a producer builds and earns that is paid by the unit of service.

    z from `least_cost_durability`, epsilon from `efficiency` with full attention: the producer
    pays for the energy.

    Args:
        product: as from `calibrate`.
        terms: of the result contract.

    Returns:
        Dataset as `lease` gives it.
    """
    return _owned(product, terms, 1.0, 0.0)


def units(offer: xr.Dataset, *, rival: xr.Dataset, margin: Array) -> Array:
    """Return the service that a producer supplies when all others make the rival offer.

    n = (K_r - K + (1 + theta_r) m) / ((1 + theta) m), 0 where it would be negative, from marginal
    revenue equal to cost, K_r + (1 + theta_r) m - (1 + theta) m n = K; K is what users count.
    1 for an offer equal to the rival's.

    Args:
        offer, rival: as from `sale`, `lease` or `result`.
        margin: m, CNY by unit of service, any dims; above 0.

    Returns:
        n over all dims together, over what the rivals supply each.

    Source: Salop (1979), Bell Journal of Economics 10, 141-156, for the demand.
    """
    _require("margin", margin, above=0.0)
    room = rival["perceived"] - offer["perceived"] + (1 + rival["kept"]) * margin
    return np.maximum(room, 0.0) / ((1 + offer["kept"]) * margin)


def profit(offer: xr.Dataset, *, rival: xr.Dataset, margin: Array) -> Array:
    """Return a producer's profit when all others make the rival offer.

    pi = G theta m n^2, n as from `units`: the margin theta m n on n units. It is the yearly amount
    whose present value at the producer's rate is the discounted profit of building the stock and
    keeping it up, by unit of service that the rivals supply each. For an offer equal to the
    rival's it is G theta m.

    Args:
        offer, rival: as from `sale`, `lease` or `result`.
        margin: m, CNY by unit of service, any dims; above 0.

    Returns:
        pi over all dims together, CNY by unit of service.
    """
    supplied = units(offer, rival=rival, margin=margin)
    return offer["annuity"] * offer["kept"] * margin * supplied**2


def service_demand(price: Array, *, base: Array, elasticity: Array) -> Array:
    """Return the service used over today's: the rebound.

    X / X_0 = (P / P_0)^-eta

    Args:
        price: P, all that a unit of service costs the user, CNY, any dims; above 0.
        base: P_0 today, CNY, any dims; above 0.
        elasticity: eta, as a positive number, any dims; not negative, 0 for no rebound.

    Returns:
        X / X_0 over all dims together.
    """
    _require("elasticity", elasticity, lower=0.0)
    _require("price", price, above=0.0)
    return (price / base) ** -elasticity


def backfire_elasticity(material: Array, *, price: Array, base: Array) -> Array:
    """Return the elasticity of use at which rebound takes back all the material saved.

    eta* = ln b / ln(P / P_0), b being the new material without rebound over today's; from
    b (P / P_0)^-eta = 1

    Args:
        material: b, any dims; above 0.
        price, base: P and P_0, CNY by unit of service, any dims; above 0.

    Returns:
        eta* over all dims together; infinite where material is saved and use gets no cheaper, NaN
        where none is saved without rebound.
    """
    for name, value in (("material", material), ("price", price), ("base", base)):
        _require(name, value, above=0.0)
    saved, cheaper = np.log(xr.DataArray(material)), np.log(xr.DataArray(price) / base)
    finite = saved / cheaper.where(cheaper < 0)
    return finite.fillna(np.inf).where((saved < 0) & cheaper.notnull())


def material_flow(
    offer: xr.Dataset, *, terms: Terms, durability_material: Array, demand: Array = 1.0
) -> Array:
    """Return the new material that products take in a year, by unit of material in one today.

    B = (X / X_0) (1 + e) / s (1 - nu + nu z) (delta + 1 / T) (1 - f (1 - y)), the term in 1 / T
    where products are withdrawn

    Args:
        offer: as from `sale`, `lease` or `result`.
        terms: of the contract; `Terms()` for a sale.
        durability_material: nu, part of the material that buys durability, any dims; 0 to 1.
        demand: X / X_0 as from `service_demand`, any dims.

    Returns:
        B over all dims together, 1/year: today's is the hazard today.
    """
    _require("durability_material", durability_material, lower=0.0, upper=1.0)
    standing = demand * (1 + terms.empty) / terms.intensity
    mass = 1 - durability_material + durability_material * offer["durability"]
    leaving = offer["hazard"] + offer["withdrawn"] / terms.term
    return standing * mass * leaving * terms.new_material


def _choice(p):
    """Durability that a seller chooses, for a product of plain arrays; NaN where not explained."""
    known = ~np.isnan(p.durability_share)
    p = replace(p, durability_share=np.where(known, p.durability_share, 0.5))
    low = np.full(p.cost.shape, np.log(LOWEST))
    if np.any((sale_condition(np.exp(low), product=p) > 0) & known):
        raise ValueError(
            "attention is so low that a seller gains from ever less durability; "
            f"lowest given: {np.min(p.attention):g}"
        )
    high = np.log(np.minimum(p.limit, HIGHEST))
    for _ in range(STEPS):
        middle = (low + high) / 2
        above = sale_condition(np.exp(middle), product=p) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(known, np.exp(high), np.nan)


def _owned(p: Product, terms: Terms, attention: Array, withdrawn: float) -> xr.Dataset:
    """What a producer builds that keeps the product, all withdrawn after a lease or none."""
    gone = withdrawn / terms.term
    stress = terms.intensity * (1 + terms.carelessness)
    after = {"renewal": terms.renewal, "withdrawal": gone, "resale": terms.resale}
    share = p.durability_share
    z = np.minimum(
        least_cost_durability(
            share, rate=p.rate, wear=p.wear, ageing=p.ageing, stress=stress, **after
        ),
        p.limit,
    )
    delta = hazard(z, wear=p.wear, ageing=p.ageing, stress=stress)
    used = p.use * terms.intensity / (1 + terms.empty)
    base = unit_cost(z, cost=p.cost, durability_share=share)
    base = user_cost(base, rate=p.rate, hazard=delta, use=used, **after)
    energy = p.energy * (1 + terms.empty)
    eps = _efficiency(p, base, energy, attention)
    cost, paid = base * eps**-p.efficiency_elasticity, energy * eps
    running = p.rate + terms.renewal * delta + gone * (terms.renewal - terms.resale)
    slope = share * z / (1 - share + share * z) - terms.renewal * (p.wear * stress / z) / running
    # Sale has the same share in its first use, so that only the difference counts.
    today = p.wear + p.ageing
    first = withdrawn - today / (today + 1 / terms.term) if withdrawn else 0.0
    extra = terms.overhead + terms.inconvenience
    return _dataset(
        durability=z,
        efficiency=eps,
        hazard=delta,
        kept=1.0,
        annuity=1.0,
        product=cost,
        energy=paid,
        perceived=cost + attention * paid + extra - first * terms.newness,
        overlooked=(1 - attention) * paid,
        price=cost + p.margin + paid + extra,
        withdrawn=withdrawn,
        condition=cost * slope,
        energy_condition=attention * paid - p.efficiency_elasticity * cost,
    )


def _dataset(**parts):
    """Parts over the dims they have in common."""
    like = sum(0.0 * xr.DataArray(part) for part in parts.values())
    return xr.Dataset({name: like + part for name, part in parts.items()})


def _theta(p, delta):
    """`commitment` of a product's seller."""
    return commitment(delta, rate=p.rate, buyer_rate=p.buyer_rate, period=p.commitment)


def _sale_capital(p, z):
    """Cost of capital by unit of service as a buyer counts it, efficiency chosen."""
    delta = hazard(z, wear=p.wear, ageing=p.ageing)
    base = unit_cost(z, cost=p.cost, durability_share=p.durability_share)
    base = user_cost(base, rate=p.buyer_rate, hazard=delta, use=p.use)
    return base * _efficiency(p, base, p.energy, p.energy_attention) ** -p.efficiency_elasticity


def _efficiency(p, capital, energy, attention):
    """`efficiency` within what can be built."""
    choice = {"elasticity": p.efficiency_elasticity, "least": p.least_energy}
    return efficiency(capital, energy=energy, attention=attention, **choice)


def _pull(p, z, margin):
    """Right side R of the seller's condition: what durability does to the margin."""
    w = p.wear / z
    delta = p.ageing + w
    theta = _theta(p, delta)
    replacing = p.attention * w / (p.buyer_rate + delta) - w / (p.rate + delta)
    erosion = -w * _theta_slope(p, delta)  # d ln theta / d ln z
    return margin * ((1 + theta) * replacing + (1 - theta) * erosion) / 2


def _theta_slope(p, delta):
    """d ln theta / d delta in closed form."""
    period = np.minimum(p.commitment, 1e3)  # an infinite period times a vanished share is 0
    kept = np.exp(-delta * period)
    now, buyers = np.exp(-p.rate * period) * kept, np.exp(-p.buyer_rate * period) * kept
    ratio = np.exp((p.rate - p.buyer_rate) * period)
    root = np.sqrt(1 - now * kept)
    future = ratio * (1 - root)
    # d kept = -Delta kept, likewise now and buyers; d (now kept) = -2 Delta now kept
    slope = kept / (1 - kept) + buyers / (1 - buyers) - now / (1 - now)
    return period * (slope - ratio * now * kept / root / (1 - future))


def _require(name, value, *, above=None, lower=None, upper=np.inf, words=None):
    """Refuse a value out of bounds; NaN passes and stays."""
    array = np.asarray(value, dtype=float)
    array = array[~np.isnan(array)]
    low = above if above is not None else lower
    wrong = array <= above if above is not None else array < lower
    wrong = wrong | (array > upper)
    if np.any(wrong):
        bound = f"above {low:g}" if above is not None else f"at least {low:g}"
        bound += "" if np.isinf(upper) else f" and at most {upper:g}"
        raise ValueError(f"{words or name} must be {bound}, not {float(array[wrong].flat[0]):g}")
