"""Three contracts for a durable good: closed forms, games solved the long way, what must hold."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from unlock import cohorts, services

few = settings(max_examples=15, deadline=None)
CAR = {
    "cost": 150e3, "use": 11_500.0, "wear": 0.03, "ageing": 0.02, "energy": 0.5, "rate": 0.07,
    "buyer_rate": 0.1, "attention": 0.8, "energy_attention": 0.76,
}  # fmt: skip
PRICE = 176e3
SHARED = services.Terms(
    intensity=3.0,
    carelessness=0.2,
    empty=0.12,
    overhead=0.4,
    inconvenience=0.2,
    remanufactured=0.2,
    remanufacturing_cost=0.5,
    remanufacturing_material=0.3,
)


def car(**changed):
    return services.calibrate(services.Product(**(CAR | changed)), price=PRICE)


def game(*, kept, rho, rho_b, periods=4000):
    """Solve the seller's game by backward induction; return its margin over the slope of demand."""
    a, b, c = 10.0, 1.0, 4.0
    p0, p1 = 0.0, 0.0  # price after the last period
    v1, v2 = 0.0, 0.0
    rule = (0.0, 0.0)
    for _ in range(periods):
        # buyers pay for today's service and for what the good is worth in the next period
        p0, p1 = a + rho_b * kept * (p0 - p1 * rule[0]), b + rho_b * kept * p1 * rule[1]
        bottom = 2 * (p1 - rho * v2)
        start, slope = (p0 - c + rho * v1) / bottom, p1 * kept / bottom
        # value (P(Q) - c)(Q - kept q) + rho V(Q) at Q = start + slope q, by powers of q
        m0, m1 = p0 - p1 * start - c, -p1 * slope
        s0, s1 = start, slope - kept
        v1, v2 = (
            m0 * s1 + m1 * s0 + rho * (v1 * slope + 2 * v2 * start * slope),
            m1 * s1 + rho * v2 * slope**2,
        )
        rule = (start, slope)
    stock = rule[0] / (1 - rule[1])
    return (p0 - p1 * stock - c) * (1 - rho_b * kept) / (b * stock)


@pytest.mark.parametrize(("period", "rate", "buyer_rate"), [(1, 0.05, 0.05), (4, 0.07, 0.12)])
def test_commitment_is_the_outcome_of_the_game_played_backwards(period, rate, buyer_rate):
    delta = 0.06
    kept, rho, rho_b = (float(np.exp(-r * period)) for r in (delta, rate, buyer_rate))
    theta = services.commitment(delta, rate=rate, buyer_rate=buyer_rate, period=period)
    assert theta == pytest.approx(game(kept=kept, rho=rho, rho_b=rho_b), rel=1e-7)


def test_commitment_with_equal_rates_has_the_short_form():
    delta, r, period = 0.05, 0.08, np.array([0.5, 2.0, 10.0])
    d, rho = 1 - np.exp(-delta * period), np.exp(-r * period)
    theta = services.commitment(delta, rate=r, buyer_rate=r, period=period)
    np.testing.assert_allclose(theta, d / np.sqrt(1 - rho * (1 - d) ** 2), rtol=1e-12)


def test_coase_and_bulow_are_the_two_ends():
    rates = {"rate": 0.06, "buyer_rate": 0.06}
    assert services.commitment(0.05, period=1e-6, **rates) < 1e-3
    assert services.commitment(0.05, period=np.inf, **rates) == pytest.approx(1.0)
    # A good that is gone within the period is rented, whatever the seller promises.
    assert services.commitment(50.0, period=1.0, **rates) == pytest.approx(1.0)


@pytest.mark.parametrize("period", [1.0, 6.0, np.inf])
def test_the_slope_of_commitment_is_its_derivative(period):
    p = car(commitment=period)
    delta, h = np.linspace(0.02, 0.4, 9), 1e-6
    up, down = (np.log(services._theta(p, delta + s)) for s in (h, -h))
    np.testing.assert_allclose(services._theta_slope(p, delta), (up - down) / (2 * h), atol=1e-4)


def deviating(z, p):
    """Return log profit of a seller that builds z while its rivals build today's product."""
    norm = services.sale_offer(1.0, product=p)
    delta = services.hazard(z, wear=p.wear, ageing=p.ageing)
    believed = services.hazard(z**p.attention, wear=p.wear, ageing=p.ageing)
    base = services.unit_cost(z, cost=p.cost, durability_share=p.durability_share)
    base = services.user_cost(base, rate=p.buyer_rate, hazard=believed, use=p.use)
    eps = services.efficiency(
        base, energy=p.energy, elasticity=p.efficiency_elasticity, attention=p.energy_attention
    )
    seen = base * eps**-p.efficiency_elasticity + p.energy_attention * p.energy * eps
    theta = services._theta(p, delta)
    room = norm["perceived"] + (1 + norm["kept"]) * p.margin - seen
    annuity = (p.rate + delta) / (p.buyer_rate + believed)
    return np.log(annuity * theta * room**2 / (1 + theta) ** 2)


@pytest.mark.parametrize("period", [6.0, np.inf])
@pytest.mark.parametrize("attention", [0.8, 1.0])
def test_the_sellers_condition_is_the_derivative_of_its_profit(period, attention):
    p = car(commitment=period, attention=attention)
    np.testing.assert_allclose(services.sale_condition(1.0, product=p), 0.0, atol=1e-12)
    # At another technology today's product is not the choice, and the condition shows by how much.
    dear = replace(p, durability_share=p.durability_share * 1.5)
    h = 1e-5
    slope = (deviating(np.exp(h), dear) - deviating(np.exp(-h), dear)) / (2 * h)
    theta = services.sale_offer(1.0, product=dear)["kept"]
    expected = -2 * services.sale_condition(1.0, product=dear) / ((1 + theta) * dear.margin)
    np.testing.assert_allclose(slope, expected, rtol=1e-5)


@pytest.mark.parametrize("period", [6.0, np.inf])
def test_no_other_durability_pays_a_seller_better(period):
    p = car(commitment=period)
    z = xr.DataArray(np.geomspace(0.2, 5, 81), dims="z")
    best = z[int(np.argmax(deviating(z, p).values))]
    assert float(best) == pytest.approx(1.0, abs=0.05)


@few
@given(
    wear=st.floats(0.01, 0.1),
    ageing=st.floats(0.0, 0.08),
    attention=st.floats(0.5, 1.0),
    buyer_rate=st.floats(0.07, 0.15),
    period=st.sampled_from([4.0, 8.0, np.inf]),
)
def test_a_seller_of_the_calibrated_product_builds_todays(
    wear, ageing, attention, buyer_rate, period
):
    changed = {"wear": wear, "ageing": ageing, "attention": attention, "buyer_rate": buyer_rate}
    p = car(commitment=period, **changed)
    offer = services.sale(p)
    if bool(p.durability_share.isnull()):
        assert bool(offer["durability"].isnull())
    else:
        assert float(offer["durability"]) == pytest.approx(1.0, rel=1e-9)
        assert float(offer["efficiency"]) == pytest.approx(1.0, rel=1e-9)
        price = offer["price"] - offer["energy"]
        paid = price * p.use / (p.buyer_rate + offer["hazard"])
        assert float(paid) == pytest.approx(PRICE, rel=1e-9)


def test_swan_durability_does_not_depend_on_who_sells():
    p = car(attention=1.0, buyer_rate=0.07, energy_attention=1.0)
    share = {"rate": p.rate, "wear": p.wear, "ageing": p.ageing}
    best = services.least_cost_durability(p.durability_share, **share)
    sold, let = services.sale(p), services.lease(p, services.Terms())
    paid = services.result(p, services.Terms())
    for offer in (sold, let, paid):
        np.testing.assert_allclose(offer["durability"], best, rtol=1e-9)
        np.testing.assert_allclose(offer["efficiency"], 1.0, rtol=1e-9)
        gained = services.profit(offer, rival=sold, margin=p.margin)
        np.testing.assert_allclose(gained, p.margin, rtol=1e-9)


def test_a_seller_with_a_shorter_promise_or_duller_buyers_builds_less():
    p = replace(car(), commitment=xr.DataArray([1.0, 3.0, 10.0, 50.0], dims="period"))
    built = services.sale(p)["durability"]
    assert bool((built.diff("period") > 0).all())
    seen = services.sale(car(), attention=xr.DataArray([0.6, 0.8, 1.0], dims="a"))["durability"]
    assert bool((seen.diff("a") > 0).all())


@few
@given(
    share=st.floats(0.02, 0.9),
    stress=st.floats(0.5, 6),
    renewal=st.floats(0.3, 1),
    withdrawal=st.floats(0, 0.5),
)
def test_least_cost_durability_and_efficiency_are_minima(share, stress, renewal, withdrawal):
    after = {"renewal": renewal, "withdrawal": withdrawal, "resale": 0.2}

    def cost(log_z):
        z = np.exp(log_z)
        delta = services.hazard(z, wear=0.03, ageing=0.02, stress=stress)
        making = services.unit_cost(z, cost=100.0, durability_share=share)
        return services.user_cost(making, rate=0.06, hazard=delta, use=2.0, **after)

    after_z = {"rate": 0.06, "wear": 0.03, "ageing": 0.02, "stress": stress}
    z = services.least_cost_durability(share, **after_z, **after)
    found = minimize_scalar(cost, bounds=(-6, 6), method="bounded", options={"xatol": 1e-9})
    assert np.log(z) == pytest.approx(found.x, abs=1e-5)

    def running(log_eps):
        return share * np.exp(-0.7 * log_eps) + 0.8 * 0.5 * np.exp(log_eps)

    eps = services.efficiency(share, energy=0.5, elasticity=0.7, attention=0.8)
    found = minimize_scalar(running, bounds=(-6, 6), method="bounded", options={"xatol": 1e-9})
    assert np.log(eps) == pytest.approx(found.x, abs=1e-5)


def test_by_hand():
    z = services.least_cost_durability(0.2, rate=0.06, wear=0.06, ageing=0.0)
    delta = services.hazard(z, wear=0.06, ageing=0.0)
    making = services.unit_cost(z, cost=100.0, durability_share=0.2)
    assert (z, delta, making) == pytest.approx((2.0, 0.03, 120.0))
    cost = services.user_cost(making, rate=0.06, hazard=delta, use=1.0)
    assert cost == pytest.approx(10.8)


def test_what_cannot_be_built_ends_the_choice():
    p = replace(car(), limit=1.2, least_energy=0.9)
    offer = services.result(p, SHARED)
    assert (float(offer["durability"]), float(offer["efficiency"])) == (1.2, 0.9)
    assert float(offer["condition"]) < 0 < float(offer["energy_condition"])
    free = services.result(car(), SHARED)
    assert float(abs(free["condition"])) < 1e-12 and float(abs(free["energy_condition"])) < 1e-12
    at_most = services.sale(replace(car(), limit=1.05), attention=1.0)
    assert float(at_most["durability"]) == pytest.approx(1.05)
    assert float(at_most["condition"]) < 0


def test_a_producer_supplies_what_pays_best():
    p = car()
    rival = services.sale_offer(1.0, product=p)
    offer = services.result(p, replace(SHARED, inconvenience=0.0))
    n = float(services.units(offer, rival=rival, margin=p.margin))
    ceiling = float(rival["perceived"] + (1 + rival["kept"]) * p.margin - offer["perceived"])

    def loss(supplied):
        return -(ceiling - float(p.margin) * supplied) * supplied

    found = minimize_scalar(loss, bounds=(0, 50), method="bounded", options={"xatol": 1e-9})
    assert n == pytest.approx(found.x, rel=1e-6)
    gained = float(services.profit(offer, rival=rival, margin=p.margin))
    assert gained == pytest.approx(-found.fun, rel=1e-9)
    hopeless = offer.assign(perceived=offer["perceived"] + 1e3)
    assert float(services.profit(hopeless, rival=rival, margin=p.margin)) == 0.0
    own = services.profit(rival, rival=rival, margin=p.margin)
    np.testing.assert_allclose(own, rival["annuity"] * rival["kept"] * p.margin)


def test_a_lessor_withdraws_good_products_when_new_ones_fetch_enough():
    p = car()
    few_like = services.Terms(term=3.0, newness=0.05, resale=0.2)
    many_like = replace(few_like, newness=5.0)
    assert float(services.lease(p, few_like)["withdrawn"]) == 0
    gone = services.lease(p, many_like)
    assert float(gone["withdrawn"]) == 1
    again = services.lease(p, many_like, policy="remarketed")
    assert float(gone["perceived"]) < float(again["perceived"])
    assert float(gone["durability"]) < float(again["durability"])
    new, kept = (
        services.material_flow(offer, terms=many_like, durability_material=0.2)
        for offer in (gone, again)
    )
    assert float(new) > 3 * float(kept)


@few
@given(
    intensity=st.floats(0.5, 5), part=st.floats(0, 1), nu=st.floats(0, 0.5), used=st.floats(0.5, 2)
)
def test_material_is_what_a_stationary_stock_takes_in(intensity, part, nu, used):
    p = car()
    terms = replace(SHARED, intensity=intensity, remanufactured=part)
    offer = services.result(p, terms)
    b = services.material_flow(offer, terms=terms, durability_material=nu, demand=used)
    standing = used * 1.12 / intensity  # products for the service that one gives today
    time = np.arange(0, 15, 0.05)
    stock = xr.DataArray(np.full(time.size, standing), coords={"time": time}, dims="time")
    life = float(1 / offer["hazard"])
    run = cohorts.stock_driven(stock, mean=life, sd=life, distribution="weibull")
    mass = 1 + nu * (float(offer["durability"]) - 1)
    taken = float(run["inflow"].isel(time=-1)) * mass * (1 - part * 0.7)
    assert float(b) == pytest.approx(taken, rel=0.02)  # steps of a twentieth of a year
    today = services.sale_offer(1.0, product=p)
    flow = services.material_flow(today, terms=services.Terms(), durability_material=nu)
    assert float(flow) == pytest.approx(0.05)


@few
@given(saved=st.floats(0.1, 0.99), cheaper=st.floats(0.3, 0.98))
def test_rebound_takes_all_back_at_the_backfire_elasticity(saved, cheaper):
    eta = services.backfire_elasticity(saved, price=cheaper, base=1.0)
    used = services.service_demand(cheaper, base=1.0, elasticity=float(eta))
    assert saved * used == pytest.approx(1.0)


def test_rebound_takes_nothing_back_where_use_gets_dearer():
    assert np.isinf(services.backfire_elasticity(0.5, price=1.1, base=1.0))
    assert np.isnan(services.backfire_elasticity(1.2, price=0.9, base=1.0))
    assert services.service_demand(0.5, base=1.0, elasticity=0.0) == 1.0


@settings(max_examples=5, deadline=None)
@given(
    s=st.lists(st.floats(0.5, 5), min_size=2, max_size=2),
    a=st.lists(st.floats(0.5, 1), min_size=2, max_size=2),
)
def test_broadcasting_equals_looping(s, a):
    intensity, attention = xr.DataArray(s, dims="s"), xr.DataArray(a, dims="a")
    p = car(attention=attention, commitment=8.0)
    terms = replace(SHARED, intensity=intensity, term=4.0, newness=0.3, resale=0.5)
    together = services.lease(p, terms)
    sold = services.sale(p, attention=1.0)
    for i, one_s in enumerate(s):
        for j, one_a in enumerate(a):
            own = car(attention=one_a, commitment=8.0)
            alone = services.lease(own, replace(terms, intensity=one_s))
            for name, value in alone.items():
                cell = together[name].isel({d: n for d, n in (("s", i), ("a", j))
                                            if d in together[name].dims})  # fmt: skip
                np.testing.assert_allclose(cell, value, rtol=1e-9, atol=1e-12)
            here = services.sale(own, attention=1.0)["durability"]
            np.testing.assert_allclose(sold["durability"].isel(a=j), here, rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cost": 0.0}, "cost must be above 0"),
        ({"attention": 1.2}, "attention must be at least 0 and at most 1, not 1.2"),
        ({"energy_attention": 0.0}, "energy_attention must be above 0"),
        ({"rate": -0.1}, "rate must be above 0"),
        ({"limit": 0.5}, "limit must be at least 1"),
        ({"least_energy": 1.5}, "least_energy must be at least 0 and at most 1"),
    ],
)
def test_a_product_out_of_bounds_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        services.Product(**(CAR | change))


def test_terms_and_choices_out_of_bounds_are_refused():
    with pytest.raises(ValueError, match="remanufactured must be at least 0 and at most 1"):
        services.Terms(remanufactured=1.1)
    with pytest.raises(ValueError, match="intensity must be above 0"):
        services.Terms(intensity=0.0)
    with pytest.raises(ValueError, match="policy must be best, remarketed or withdrawn"):
        services.lease(car(), services.Terms(), policy="scrapped")
    with pytest.raises(ValueError, match="term must be finite"):
        services.lease(car(), services.Terms(), policy="withdrawn")
    with pytest.raises(ValueError, match="price less cost must be above 0"):
        services.calibrate(services.Product(**CAR), price=CAR["cost"])
    with pytest.raises(ValueError, match="attention is so low"):
        services.sale(car(), attention=0.0)


def test_a_product_that_no_seller_would_build_is_not_explained():
    p = car(commitment=0.5, attention=0.3)
    assert bool(p.durability_share.isnull())
    assert bool(services.sale(p)["durability"].isnull())
