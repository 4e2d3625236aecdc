"""Coalitions: closed forms, known results of the field, and what must hold for any numbers."""

import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from unlock import coalitions

few = settings(max_examples=25, deadline=None)


def over(names, values):
    return xr.DataArray(values, dims="region", coords={"region": list(names)})


def game(damage, response, agreed=None, leakage=0.0):
    names = [f"r{i}" for i in range(len(damage))]
    member = coalitions.coalitions(names)
    d, s = over(names, damage), over(names, response)
    price = coalitions.carbon_prices(member, damage=d, agreed=agreed)
    payoff = coalitions.payoffs(member, price=price, damage=d, response=s, leakage=leakage)
    return member, price, payoff


def test_all_coalitions_stand_once_and_in_the_order_of_their_labels():
    member = coalitions.coalitions(["a", "b", "c"])
    assert member.shape == (8, 3)
    assert [tuple(row) for row in member.values[[0, 1, 6]]] == [
        (False, False, False),
        (True, False, False),
        (False, True, True),
    ]
    assert len({tuple(row) for row in member.values}) == 8


@pytest.mark.parametrize("n", [3, 4, 6, 9])
def test_two_or_three_equal_regions_hold_together_however_many_there_are(n):
    # Barrett (1994): with linear benefits the last that gains nothing by leaving is the third.
    member, _, payoff = game(np.full(n, 2.0), np.full(n, 5.0))
    stable = coalitions.stability(payoff, member=member)["stable"]
    sizes = set(member.sum("region").where(stable, drop=True).values)
    assert sizes == {0, 2, 3}


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_gain_of_joining_is_that_of_the_game(k):
    _, _, payoff = game(np.full(6, 3.0), np.full(6, 0.5))
    inside, without = 2**k - 1, 2 ** (k - 1) - 1
    joined = payoff.sel(coalition=inside, region=f"r{k - 1}")
    apart = payoff.sel(coalition=without, region=f"r{k - 1}")
    gain = coalitions.gain_of_joining(k, damage=3.0, response=0.5)
    assert float(joined - apart) == pytest.approx(gain)


def test_payoffs_by_hand():
    # Two regions with damage 1 and 2, response 1 and 1; both members set 3.
    _, price, payoff = game([1.0, 2.0], [1.0, 1.0])
    np.testing.assert_allclose(price.sel(coalition=0), [1, 2])
    np.testing.assert_allclose(price.sel(coalition=3), [3, 3])
    np.testing.assert_allclose(payoff.sel(coalition=0), [3 - 0.5, 6 - 2])
    np.testing.assert_allclose(payoff.sel(coalition=3), [6 - 4.5, 12 - 4.5])


def test_leakage_takes_its_share_of_what_members_abate():
    _, _, whole = game([1.0, 2.0], [1.0, 1.0])
    _, _, leaky = game([1.0, 2.0], [1.0, 1.0], leakage=0.5)
    np.testing.assert_allclose(leaky.sel(coalition=0), whole.sel(coalition=0))
    np.testing.assert_allclose((whole - leaky).sel(coalition=3), [3, 6])
    np.testing.assert_allclose((whole - leaky).sel(coalition=1), [0.5, 1])


def test_members_never_set_less_than_their_own_damage():
    _, price, _ = game([1.0, 9.0], [1.0, 1.0], agreed=5.0)
    np.testing.assert_allclose(price.sel(coalition=3), [5, 9])


@few
@given(
    damage=st.lists(st.floats(0.1, 10), min_size=4, max_size=4),
    response=st.lists(st.floats(0.1, 10), min_size=4, max_size=4),
)
def test_the_grand_coalition_of_joint_damages_gains_most_in_all(damage, response):
    _, _, payoff = game(damage, response)
    total = payoff.sum("region")
    assert float(total.isel(coalition=-1)) >= float(total.max()) * (1 - 1e-12)


@few
@given(seed=st.integers(0, 10**6), agreed=st.one_of(st.none(), st.floats(1, 30)))
def test_stability_is_that_of_the_definition(seed, agreed):
    rng = np.random.default_rng(seed)
    member, _, payoff = game(rng.uniform(0.5, 5, 5), rng.uniform(0.5, 5, 5), agreed)
    found = coalitions.stability(payoff, member=member)
    by_set = {frozenset(np.flatnonzero(row)): i for i, row in enumerate(member.values)}
    W, slack = payoff.values, 1e-9 * np.abs(payoff.values).max()
    for inside, at in by_set.items():
        internal = all(W[at, i] >= W[by_set[inside - {i}], i] - slack for i in inside)
        others = set(range(5)) - inside
        external = all(W[at, i] >= W[by_set[inside | {i}], i] - slack for i in others)
        assert bool(found["internal"][at]) == internal
        assert bool(found["external"][at]) == external
        assert bool(found["stable"][at]) == (internal and external)


def test_an_agreed_price_far_above_damages_holds_nobody():
    member, _, payoff = game(np.full(5, 1.0), np.full(5, 1.0), agreed=20.0)
    stable = coalitions.stability(payoff, member=member)["stable"]
    assert member.sum("region").where(stable, drop=True).values.tolist() == [0]


@few
@given(t=st.floats(0, 2), omega=st.floats(0.2, 10), eta=st.floats(0.2, 10), value=st.floats(1, 1e6))
def test_a_tariff_loses_a_triangle(t, omega, eta, value):
    got = coalitions.tariff_effects(value, tariff=t, supply_elasticity=omega, demand_elasticity=eta)
    slope = omega * eta / (omega + eta)
    t = min(t, 1 / slope)
    assert float(got["loss"] - got["gain"]) == pytest.approx(slope * t**2 * value / 2, abs=1e-6)
    assert float(got["loss"]) >= 0


@few
@given(omega=st.floats(0.5, 10), eta=st.floats(0.5, 10))
def test_the_optimum_tariff_is_the_top_of_the_gain(omega, eta):
    best = coalitions.optimum_tariff(omega, demand_elasticity=eta)
    tried = xr.DataArray([0.99, 1.0, 1.01], dims="t") * best
    gain = coalitions.tariff_effects(
        100.0, tariff=tried, supply_elasticity=omega, demand_elasticity=eta
    )["gain"]
    assert int(gain.argmax("t")) == 1


def test_all_of_a_small_tariff_falls_on_sellers_without_another_market():
    # Buyers with endless other goods pay nothing of it: eta is far above omega.
    got = coalitions.tariff_effects(
        100.0, tariff=0.01, supply_elasticity=1e-3, demand_elasticity=1e6
    )
    assert float(got["loss"]) == pytest.approx(1.0, rel=1e-4)


def trade_of_three():
    names = ["a", "b", "c"]
    flow = coalitions.proportional_trade(
        over(names, [30.0, 20.0, 10.0]), imports=over(names, [10.0, 20.0, 30.0]), world=100.0
    )
    return names, flow


def test_trade_is_in_proportion_to_what_others_sell():
    _, flow = trade_of_three()
    assert float(flow.sel(exporter="a", region="c")) == pytest.approx(30 * 30 / 90)
    assert float(flow.sel(exporter="b", region="b")) == 0
    # What is not bought from the two others comes from the rest of the world, 40 of 100.
    rest = 10 - flow.sel(region="a").sum()
    assert float(rest) == pytest.approx(10 * 40 / 70)


def test_penalties_by_hand():
    names, flow = trade_of_three()
    member = coalitions.coalitions(names)
    every = xr.DataArray(np.ones(3), dims="exporter", coords={"exporter": names})
    got = coalitions.penalty_effects(member, trade=flow, loss=0.3 * every, gain=0.2 * every)
    ab = got.sel(coalition=3)  # a and b against c
    to_a, to_b = (float(flow.sel(exporter="c", region=name)) for name in "ab")
    np.testing.assert_allclose(ab, [0.2 * to_a, 0.2 * to_b, -0.3 * (to_a + to_b)])
    np.testing.assert_allclose(got.isel(coalition=[0, -1]), 0.0)


def test_the_rest_of_the_world_pays_and_is_no_player():
    names, flow = trade_of_three()
    rest = (over(names, [10.0, 20.0, 30.0]) - flow.sum("exporter")).expand_dims(exporter=["rest"])
    whole = xr.concat([flow, rest], "exporter")
    every = xr.ones_like(whole.isel(region=0, drop=True))
    got = coalitions.penalty_effects(
        coalitions.coalitions(names), trade=whole, loss=0.3 * every, gain=0.2 * every
    )
    assert list(got["region"].values) == names
    np.testing.assert_allclose(got.isel(coalition=-1), 0.2 * rest.isel(exporter=0))


def test_a_penalty_holds_a_club_that_nothing_else_holds():
    names, flow = trade_of_three()
    member = coalitions.coalitions(names)
    damage, response = over(names, [1.0] * 3), over(names, [1.0] * 3)
    price = coalitions.carbon_prices(member, damage=damage, agreed=4.0)
    plain = coalitions.payoffs(member, price=price, damage=damage, response=response)
    every = xr.DataArray(np.ones(3), dims="exporter", coords={"exporter": names})
    effect = coalitions.penalty_effects(member, trade=flow, loss=2 * every, gain=0 * every)
    assert not bool(coalitions.stability(plain, member=member)["stable"][-1])
    assert bool(coalitions.stability(plain + effect, member=member)["stable"][-1])


def test_best_stable_takes_the_highest_score_and_says_if_there_is_none():
    stable = xr.DataArray(
        [[True, False], [False, False], [True, False]],
        dims=("coalition", "sample"),
        coords={"coalition": [0, 1, 2]},
    )
    score = xr.DataArray([1.0, 9.0, 3.0], dims="coalition", coords={"coalition": [0, 1, 2]})
    assert coalitions.best_stable(stable, score=score).values.tolist() == [2, -1]


def test_broadcasting_equals_looping():
    rng = np.random.default_rng(3)
    names = ["a", "b", "c"]
    member = coalitions.coalitions(names)
    damage = xr.DataArray(rng.uniform(1, 5, (3, 4)), dims=("region", "sample"))
    damage = damage.assign_coords(region=names)
    response = over(names, [1.0, 2.0, 3.0])
    agreed = xr.DataArray([1.0, 8.0], dims="target")

    def stable(damage, agreed):
        price = coalitions.carbon_prices(member, damage=damage, agreed=agreed)
        payoff = coalitions.payoffs(member, price=price, damage=damage, response=response)
        return payoff, coalitions.stability(payoff, member=member)["stable"]

    payoff, whole = stable(damage, agreed)
    for i, j in itertools.product(range(4), range(2)):
        one, is_stable = stable(damage.isel(sample=i), float(agreed[j]))
        np.testing.assert_allclose(payoff.isel(sample=i, target=j), one)
        np.testing.assert_array_equal(whole.isel(sample=i, target=j), is_stable)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coalitions.coalitions([]), "regions must be 1 to 16"),
        (lambda: coalitions.coalitions(["a", "a"]), "1 different ones were given"),
        (lambda: game([-1.0], [1.0]), "damage must not be negative, but -1"),
        (lambda: game([1.0], [0.0]), "response must be above 0, but 0"),
        (lambda: game([1.0], [1.0], leakage=1.5), "leakage must be at most 1, but 1.5"),
        (
            lambda: coalitions.tariff_effects(
                1.0, tariff=-0.1, supply_elasticity=1.0, demand_elasticity=1.0
            ),
            "tariff must not be negative, but -0.1",
        ),
        (
            lambda: coalitions.tariff_effects(
                1.0, tariff=0.1, supply_elasticity=0.0, demand_elasticity=1.0
            ),
            "supply_elasticity must be above 0",
        ),
        (
            lambda: coalitions.proportional_trade(
                over("a", [5.0]), imports=over("a", [1.0]), world=5.0
            ),
            "world must export more",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_stability_wants_all_coalitions():
    member, _, payoff = game([1.0, 2.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="member must hold all coalitions"):
        coalitions.stability(payoff.isel(coalition=[0, 1]), member=member.isel(coalition=[0, 1]))
