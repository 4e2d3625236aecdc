"""Exchange networks against hand cases, pinch targets, brute force and the axioms of the core."""

from itertools import pairwise, product

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.symbiosis import generated
from unlock import attribution, symbiosis

few = settings(max_examples=15, deadline=None)


def over(dim, values, labels=None):
    labels = range(len(values)) if labels is None else labels
    return xr.DataArray(np.asarray(values, float), {dim: list(labels)}, dim)


# Wang and Smith (1994): four operations; Kemp (2007): two hot and two cold streams.
WATER = {
    "load": over("operation", [2, 5, 30, 4]),
    "c_in": over("operation", [0, 50, 50, 400]),
    "c_out": over("operation", [100, 100, 800, 800]),
}
HEAT = {
    "start": over("stream", [170, 150, 20, 80], ["H1", "H2", "C1", "C2"]),
    "end": over("stream", [60, 30, 135, 140], ["H1", "H2", "C1", "C2"]),
    "capacity": over("stream", [3, 1.5, 2, 4], ["H1", "H2", "C1", "C2"]),
}


def water_by_intervals(load, c_in, c_out):
    """Fresh water by walking up the concentration intervals, as on paper."""
    levels = sorted({0.0, *c_in, *c_out})
    carried, need = 0.0, 0.0
    for low, high in pairwise(levels):
        for m, a, b in zip(load, c_in, c_out, strict=True):
            if a <= low and b >= high:
                carried += m * (high - low) / (b - a)
        need = max(need, 1000 * carried / high)
    return need


def utilities_by_cascade(start, end, capacity, approach):
    """Hot and cold utility by the problem table, interval by interval."""
    shift = [(-approach / 2 if a > b else approach / 2) for a, b in zip(start, end, strict=True)]
    ends = [(a + s, b + s) for a, b, s in zip(start, end, shift, strict=True)]
    levels = sorted({t for pair in ends for t in pair}, reverse=True)
    passed, lowest = 0.0, 0.0
    for high, low in pairwise(levels):
        for (a, b), c in zip(ends, capacity, strict=True):
            if max(a, b) >= high and min(a, b) <= low:
                passed += c * (high - low) * (1 if a > b else -1)
        lowest = min(lowest, passed)
    return -lowest, passed - lowest


def test_the_water_target_is_the_published_one():
    assert float(symbiosis.minimum_water(**WATER)) == pytest.approx(90)


def test_the_water_network_reaches_the_target_and_proves_it():
    found = symbiosis.water_network(**WATER)
    assert float(found["total"]) == pytest.approx(90)
    assert float(found["bound"]) == pytest.approx(90)
    assert int(found["pipes"]) == pytest.approx(float(found["pipes_bound"]))
    into = found["reuse"].sum("operation").rename(to="operation") + found["fresh"]
    out = found["reuse"].sum("to") + found["waste"]
    np.testing.assert_allclose(into, out)
    mixed = (found["reuse"] * WATER["c_out"]).sum("operation").rename(to="operation")
    np.testing.assert_allclose(mixed + 1000 * WATER["load"], WATER["c_out"] * into)
    assert (mixed <= WATER["c_in"] * into + 1e-6).all()


def test_the_fewest_pipes_are_those_of_every_choice_tried():
    # With n pipes forbidden at will, no network of fewer pipes keeps to 90 t/h.
    from scipy.optimize import linprog

    m, c_in, c_out = (WATER[k].values for k in ("load", "c_in", "c_out"))
    ways = [(i, j) for i in range(4) for j in range(4) if i != j]

    def fresh(allowed):
        # unknowns: x for each allowed way, w for each operation
        n = len(allowed)
        eq, limit, through = np.zeros((4, n + 4)), np.zeros((4, n + 4)), np.zeros((4, n + 4))
        for k, (i, j) in enumerate(allowed):
            eq[j, k] = c_out[i] - c_out[j]
            limit[j, k] = c_out[i] - c_in[j]
            through[i, k] += 1
            through[j, k] -= 1
        for j in range(4):
            eq[j, n + j], limit[j, n + j], through[j, n + j] = -c_out[j], -c_in[j], -1
        cost = np.append(np.zeros(n), np.ones(4))
        rows, right = np.vstack([limit, through]), np.zeros(8)
        found = linprog(cost, A_ub=rows, b_ub=right, A_eq=eq, b_eq=-1000 * m)
        return found.fun if found.status == 0 else np.inf

    best = int(symbiosis.water_network(**WATER)["pipes"])
    assert min(fresh([way]) for way in ways) > 90 + 1e-6
    assert best == 2
    assert min(fresh(list(two)) for two in product(ways, ways)) == pytest.approx(90)


@given(
    st.lists(
        st.tuples(st.floats(0.5, 30), st.integers(0, 8), st.integers(1, 9)), min_size=1, max_size=4
    )
)
@few
def test_water_targets_agree_with_the_intervals_and_broadcast(operations):
    m, a, rise = np.array(operations).T
    c_in, c_out = 50 * a, 50 * (a + rise)
    load = over("operation", m) * over("case", [1.0, 2.0])
    found = symbiosis.minimum_water(
        load, c_in=over("operation", c_in), c_out=over("operation", c_out)
    )
    for case, times in enumerate((1, 2)):
        expected = water_by_intervals(times * m, c_in, c_out)
        assert float(found.isel(case=case)) == pytest.approx(expected, abs=1e-9)


def test_dirtier_fresh_water_needs_more_and_too_dirty_water_is_refused():
    clean = {**WATER, "c_in": WATER["c_in"] + 20}
    need = [float(symbiosis.minimum_water(**clean, fresh=c)) for c in (0.0, 10.0, 20.0)]
    assert need == sorted(need) and need[0] < need[2]
    network = symbiosis.water_network(**clean, fresh=10.0)
    assert float(network["total"]) == pytest.approx(need[1])
    with pytest.raises(ValueError, match=r"fresh is 30 ppm, .* 20 ppm"):
        symbiosis.water_network(**clean, fresh=30.0)


def test_utilities_and_pinch_are_the_published_ones():
    found = symbiosis.minimum_utilities(**HEAT, approach=10.0)
    assert {k: float(v) for k, v in found.items()} == {"hot": 20, "cold": 60, "pinch": 85}


@given(
    st.lists(
        st.tuples(st.integers(20, 200), st.integers(20, 200), st.floats(0.5, 5)),
        min_size=2,
        max_size=5,
    ).filter(lambda streams: all(a != b for a, b, _ in streams)),
    st.integers(0, 30),
)
@few
def test_utilities_agree_with_the_problem_table(streams, approach):
    a, b, c = (over("stream", part) for part in np.array(streams, float).T)
    found = symbiosis.minimum_utilities(a, end=b, capacity=c, approach=float(approach))
    hot, cold = utilities_by_cascade(a.values, b.values, c.values, approach)
    assert float(found["hot"]) == pytest.approx(hot, abs=1e-6)
    assert float(found["cold"]) == pytest.approx(cold, abs=1e-6)


def test_the_heat_network_reaches_the_target_with_the_fewest_matches():
    found = symbiosis.heat_network(**HEAT, approach=10.0)
    assert float(found["hot_utility"]) == pytest.approx(20)
    assert float(found["bound"]) == pytest.approx(20)
    assert float(found["cold_utility"]) == pytest.approx(60)
    # Above the pinch five streams in two groups that balance, below it four in one: 3 + 3.
    assert int(found["matches"]) == 6 == pytest.approx(float(found["matches_bound"]))
    hot = HEAT["capacity"] * abs(HEAT["start"] - HEAT["end"])
    np.testing.assert_allclose(found["heat"].sum("to_cold").sel(hot=["H1", "H2"]), hot[:2])
    np.testing.assert_allclose(found["heat"].sum("hot").sel(to_cold=["C1", "C2"]), hot[2:])


def test_more_approach_needs_more_heat_in_network_and_target():
    for approach in (0.0, 30.0):
        network = symbiosis.heat_network(**HEAT, approach=approach)
        target = symbiosis.minimum_utilities(**HEAT, approach=approach)
        assert float(network["hot_utility"]) == pytest.approx(float(target["hot"]))
    with pytest.raises(ValueError, match="approach must be 0 K or more, not -5"):
        symbiosis.minimum_utilities(**HEAT, approach=-5.0)
    with pytest.raises(ValueError, match="a stream to cool and a stream to heat"):
        symbiosis.heat_network(**HEAT | {"start": HEAT["end"] + 500}, approach=1.0)


# A park of three firms: heat from a and b, needed at b and c; solids from a that c can blend.
KINDS = ["heat", "solids"]
NAN = np.nan


def park(**changed):
    sources = xr.Dataset(
        {
            "firm": ("source", ["a", "b", "a"]),
            "kind": ("source", ["heat", "heat", "solids"]),
            "supply": (("source", "use"), [[10.0, 4.0], [5.0, 0.0], [2.0, 8.0]]),
            "worth": (("source", "use"), [[0.0, 45.0], [0.0, 0.0], [-5.0, 100.0]]),
            "saved": (("source", "use"), [[0.0, 0.1], [0.0, 0.0], [0.0, 0.75]]),
            "quality": ("source", [NAN, NAN, 2.0]),
            "hot": ("source", [120.0, 200.0, NAN]),
            "cold": ("source", [80.0, 160.0, NAN]),
        },
        {"source": ["low heat", "high heat", "slag"], "use": list(symbiosis.USES)},
    )
    sinks = xr.Dataset(
        {
            "firm": ("sink", ["c", "b", "c"]),
            "kind": ("sink", ["heat", "heat", "solids"]),
            "demand": ("sink", [12.0, 6.0, 20.0]),
            "worth": ("sink", [40.0, 40.0, 100.0]),
            "saved": ("sink", [0.1, 0.1, 0.75]),
            "limit": ("sink", [NAN, NAN, 1.2]),
            "bought": ("sink", [NAN, NAN, 1.0]),
            "hot": ("sink", [150.0, 100.0, NAN]),
            "cold": ("sink", [100.0, 60.0, NAN]),
        },
        {"sink": ["steam", "warm water", "blend"]},
    )
    firms = ["a", "b", "c"]
    distance = xr.DataArray(
        [[0.0, 5, 10], [5, 0, 5], [10, 5, 0]], {"firm": firms, "to": firms}, ("firm", "to")
    )
    transport = xr.Dataset(
        {
            "fixed": ("kind", [10.0, 5.0]),
            "pipe": ("kind", [8.0, 0.0]),
            "capacity": ("kind", [20.0, 10.0]),
            "running": ("kind", [1.0, 4.0]),
            "haulage": ("kind", [0.0, 0.5]),
            "loss": ("kind", [0.01, 0.0]),
        },
        {"kind": KINDS},
    )
    settings = {"rate": 0.0, "life": 10.0, "search_cost": 1.0}
    inputs = {"sources": sources, "sinks": sinks, "distance": distance, "transport": transport}
    inputs |= settings | changed
    return symbiosis.network(inputs.pop("sources"), inputs.pop("sinks"), **inputs)


def by_link(found, name):
    ends = zip(found["link_source"].values, found["link_sink"].values, strict=True)
    return {f"{a} > {b}": float(v) for (a, b), v in zip(ends, found[name].values, strict=True)}


def test_the_small_park_by_hand():
    found = symbiosis.optimal_network(park())
    flow = by_link(found, "flow")
    # Low heat comes at 110 degC to the other side: a quarter of it, 2.5, lies above 100 degC, and
    # no more goes into steam. It serves all warm water. 5 of high heat serve the rest of the steam.
    assert flow["high heat > steam"] == pytest.approx(5)
    assert flow["low heat > warm water"] == pytest.approx(6 / 0.95)
    # The blend takes (1.2 - 1.0) 20 / (2 - 1.0) = 4 of slag: 2 unused; used slag would only lose.
    assert flow["slag > blend"] == pytest.approx(2)
    assert by_link(found, "used")["slag > blend"] == pytest.approx(0, abs=1e-9)
    assert flow["low heat > steam"] == pytest.approx(2.5)
    low = 2.5 * (0.9 * 40 - 1 - 2) - 0.1 * (10 + 80 + 1)
    steam = 5 * (0.95 * 40 - 1 - 2) - 0.1 * (10 + 40 + 1)
    warm = 6 * 40 - 3 * 6 / 0.95 - 0.1 * (10 + 40 + 1)
    slag = 2 * (100 + 5 - 4 - 5 - 1) - 0.1 * (5 + 1)
    assert float(found["benefit"]) == pytest.approx(low + steam + warm + slag)
    assert float(found["bound"]) == pytest.approx(float(found["benefit"]))
    capital = 91 + 51 + 51 + 6 + 20 * (2.5 + 5 + 6 / 0.95) + 10 * 2
    assert float(found["capital"]) == pytest.approx(capital)
    saved = 0.1 * (2.5 * 0.9 + 5 * 0.95 + 6) + 0.75 * 2
    assert float(found["abatement"]) == pytest.approx(saved)


def test_slag_that_is_used_already_earns_nothing():
    sources_used = park()
    only_used = sources_used.assign(supply=sources_used["supply"].copy())
    slag = (only_used["lane_link"] == only_used.sizes["link"] - 1).values
    rows = np.unique(only_used["lane_supply"].values[slag & (only_used["lane_use"] == "unused")])
    only_used["supply"][rows] = 0.0
    flow = by_link(symbiosis.optimal_network(only_used), "flow")
    assert flow["slag > blend"] == 0


def test_the_optimum_is_the_best_of_every_choice_of_links():
    net = park()
    best = symbiosis.optimal_network(net)
    count = net.sizes["link"]
    choices = xr.DataArray(
        np.array(list(product([0, 1], repeat=count)), float), dims=("choice", "link")
    )
    # Every link of a choice is paid for, whether it carries anything or not.
    forced = net.assign(fixed=0 * net["fixed"])
    free = symbiosis.optimal_network(forced, open=choices)["benefit"]
    paid = free - (choices * net["fixed"]).sum("link")
    assert float(best["benefit"]) == pytest.approx(float(paid.max()))


def test_a_stack_of_cases_equals_a_loop_over_them():
    search = over("search", [0.0, 5.0, 50.0])
    price = over("price", [0.0, 500.0])
    stacked = symbiosis.optimal_network(park(search_cost=search, carbon_price=price))
    for s, p in product(range(3), range(2)):
        one = symbiosis.optimal_network(
            park(search_cost=search[s].item(), carbon_price=price[p].item())
        )
        cell = stacked.isel(search=s, price=p)
        for name in ("benefit", "abatement", "capital", "exchanges", "bound"):
            assert float(cell[name]) == pytest.approx(float(one[name])), name


def test_dearer_search_lowers_the_gain_and_a_budget_is_kept():
    search = over("search", [0.0, 1.0, 10.0, 100.0])
    found = symbiosis.optimal_network(park(search_cost=search))
    assert (found["benefit"].diff("search") <= 1e-9).all()
    assert (found["exchanges"].diff("search") <= 0).all()
    budget = over("budget", [0.0, 50.0, 150.0, 1000.0])
    held = symbiosis.optimal_network(park(), budget=budget)
    assert (held["capital"] <= budget + 1e-6).all()
    assert (held["benefit"].diff("budget") >= -1e-9).all()
    assert float(held["benefit"][-1]) == pytest.approx(
        float(symbiosis.optimal_network(park())["benefit"])
    )


def test_a_carbon_price_counts_what_is_saved():
    first = over("link", [1, 0, 0, 0]).drop_vars("link")
    plain, priced = (
        symbiosis.optimal_network(park(carbon_price=price), open=first) for price in (0, 100)
    )
    gain = float(priced["benefit"] - plain["benefit"])
    assert gain == pytest.approx(100 * float(plain["abatement"]))


def test_the_rounded_case_lies_between_nothing_and_its_bound():
    search = over("search", [0.0, 3.0, 30.0])
    exact = symbiosis.optimal_network(park(search_cost=search))
    quick = symbiosis.optimal_network(park(search_cost=search), rounded=True)
    assert (quick["benefit"] <= exact["benefit"] + 1e-9).all()
    assert (exact["benefit"] <= quick["bound"] + 1e-9).all()


def test_what_cannot_be_is_told_in_one_message():
    net = park()
    with pytest.raises(ValueError, match="budget and gap must be 0 or more"):
        symbiosis.optimal_network(net, budget=-1.0)
    with pytest.raises(ValueError, match="open must be true or an array with the dim 'link'"):
        symbiosis.optimal_network(net, open=[1, 0, 0, 0])
    with pytest.raises(ValueError, match="rounded must be false where there is a budget"):
        symbiosis.optimal_network(net, budget=10.0, rounded=True)
    with pytest.raises(ValueError, match="members must name every firm; 'c'"):
        symbiosis.within(net, attribution.switches(["a", "b"]))
    dirty = net.assign(blend=-net["blend"])
    with pytest.raises(ValueError, match="lower bought or raise limit"):
        symbiosis.optimal_network(dirty)
    lone = xr.DataArray(np.zeros((3, 3)), {"firm": ["a", "b", "c"], "to": ["a", "b", "c"]},
                        ("firm", "to"))  # fmt: skip
    with pytest.raises(ValueError, match="no source can serve any sink"):
        park(distance=lone, approach=500.0, sources=_only_heat())


def _only_heat():
    found = xr.Dataset(
        {
            "firm": ("source", ["a"]),
            "kind": ("source", ["heat"]),
            "supply": (("source", "use"), [[1.0, 0.0]]),
            "worth": (("source", "use"), [[0.0, 0.0]]),
            "saved": (("source", "use"), [[0.0, 0.0]]),
            "quality": ("source", [NAN]),
            "hot": ("source", [120.0]),
            "cold": ("source", [80.0]),
        },
        {"source": ["low heat"]},
    )
    return found


def test_coalitions_share_out_the_gain():
    net, players = park(), ["a", "b", "c"]
    inside = symbiosis.within(net, attribution.switches(players))
    game = symbiosis.optimal_network(net, open=inside)["benefit"]
    assert float(game.sel(a=0, b=0, c=0)) == 0
    assert float(game.sel(a=1, b=0, c=0)) == 0  # own heat in the own plant is no exchange
    whole = symbiosis.optimal_network(net)["benefit"]
    assert float(game.sel(a=1, b=1, c=1)) == pytest.approx(float(whole))
    phi = attribution.shapley(game, players=players)
    assert float(phi.sum()) == pytest.approx(float(whole))
    assert (game.diff("a") >= -1e-9).all()  # nobody does harm by joining


def three(pair, whole):
    """A game in which one alone gains nothing, two gain `pair`, all gain `whole`."""
    size = np.indices((2, 2, 2)).sum(axis=0)
    return xr.DataArray(np.array([0.0, 0.0, pair, whole])[size], dims=["a", "b", "c"])


def test_the_core_is_empty_where_two_gain_too_much():
    # Three pairs share each player twice: the core is empty once 3 pair > 2 whole.
    for pair, empty in ((60.0, False), (200 / 3, False), (70.0, True), (100.0, True)):
        found = symbiosis.least_core(three(pair, 100.0), players=["a", "b", "c"])
        assert float(found["epsilon"]) == pytest.approx(max(pair - 200 / 3, -100 / 3))
        assert (float(found["epsilon"]) > 1e-9) == empty
        assert float(found["allocation"].sum()) == pytest.approx(100)


def test_a_glove_game_has_its_core_in_one_corner_and_shapley_outside():
    # One left glove, two right ones: the core gives all to the left, Shapley 2/3, 1/6, 1/6.
    values = np.zeros((2, 2, 2))
    values[1, 1, :] = values[1, :, 1] = 1.0
    game, players = xr.DataArray(values, dims=["left", "r1", "r2"]), ["left", "r1", "r2"]
    phi = attribution.shapley(game, players=players)
    np.testing.assert_allclose(phi, [2 / 3, 1 / 6, 1 / 6])
    excess = symbiosis.excess(game, allocation=phi, players=players)
    assert float(excess.max()) == pytest.approx(1 / 6)
    found = symbiosis.least_core(game, players=players)
    assert float(found["epsilon"]) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(found["allocation"], [1, 0, 0], atol=1e-9)
    with pytest.raises(ValueError, match="allocation must add up"):
        symbiosis.excess(game, allocation=phi * 2, players=players)
    with pytest.raises(ValueError, match="game must have the dims"):
        symbiosis.least_core(game.expand_dims("sample"), players=players)


@given(
    st.lists(st.tuples(st.floats(-5, 20), st.floats(1, 50)), min_size=1, max_size=5),
    st.floats(0, 150),
)
@few
def test_retrofits_are_the_best_the_budget_buys(items, budget):
    from scipy.optimize import linprog

    gain, capital = (over("retrofit", part) for part in np.array(items).T)
    share = symbiosis.best_retrofits(gain, capital=capital, budget=over("case", [budget, 1e6]))
    expected = linprog(-gain.values, A_ub=[capital.values], b_ub=[budget], bounds=(0, 1))
    assert float((share * gain).sum("retrofit")[0]) == pytest.approx(-expected.fun, abs=1e-6)
    assert float((share * capital).sum("retrofit")[0]) <= budget + 1e-6
    assert float((share * gain).sum("retrofit")[1]) == pytest.approx(float(gain.clip(0).sum()))


def test_retrofits_refuse_what_is_not_a_budget():
    one = over("retrofit", [1.0])
    with pytest.raises(ValueError, match="budget must be 0 or more, not -1"):
        symbiosis.best_retrofits(one, capital=one, budget=-1.0)
    with pytest.raises(ValueError, match="capital must be above 0"):
        symbiosis.best_retrofits(one, capital=0 * one, budget=1.0)


def test_a_generated_park_is_solved_to_its_bound():
    found = symbiosis.optimal_network(generated(6, seed=1), gap=1e-3)
    assert float(found["exchanges"]) > 0
    assert 0 <= float(found["bound"] - found["benefit"]) <= 1e-3 * float(found["bound"]) + 1e-6
