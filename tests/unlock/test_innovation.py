"""Directed technical change: each equation by hand, the optimum by conditions it must meet."""

import dataclasses

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar

from compendium import load
from unlock import _innovation, innovation

CALIBRATION = load("research/calibration").set_index("quantity")["value"].to_dict()
PAIRS = [(10.0, 0.001), (10.0, 0.015), (3.0, 0.001), (3.0, 0.015)]
elasticities = st.floats(1.6, 15)
taxes = st.floats(0, 20)
ratios = st.floats(0.05, 20)


def economy(epsilon=10.0, discount=0.001, **other):
    given_ = {"epsilon": epsilon, "discount": discount, "horizon": 400.0} | other
    return innovation.Economy(**(CALIBRATION | given_))


def path_of(values):
    values = np.asarray(values, dtype=float)
    return xr.DataArray(values, dims="year", coords={"year": 5.0 * np.arange(len(values))})


@pytest.fixture(scope="module")
def optima():
    return {pair: innovation.best_policy(economy(*pair)) for pair in PAIRS}


@pytest.mark.parametrize("pair", PAIRS)
def test_first_technologies_return_the_recorded_outputs(pair):
    e = economy(*pair)
    made = innovation.outputs(*e.productivity, tax=0.0, **e.technology)
    np.testing.assert_allclose(made, [307.77, 1893.25], rtol=1e-12)


def test_the_damage_exponent_to_four_digits_and_as_a_bounded_search_finds_it():
    e = economy()
    assert round(float(e.exponent), 4) == 0.1443
    held = 280 * (1 + (np.arange(1000) + 0.5) / 1000)
    rise = 3 * np.log2(held / 280)

    def misfit(exponent):
        kept = innovation.quality(rise, disaster=6.0, exponent=exponent)
        return ((1 / (1 + 0.00284 * rise**2) - kept) ** 2).mean()

    found = minimize_scalar(misfit, bounds=(0.01, 0.9), method="bounded", options={"xatol": 1e-10})
    assert float(e.exponent) == pytest.approx(found.x, abs=1e-6)


def test_damage_exponents_of_many_calibrations_equal_one_at_a_time():
    damage = xr.DataArray([0.001, 0.00284, 0.01], dims="sample")
    disaster = xr.DataArray([5.0, 6.0], dims="td")
    every = innovation.damage_exponent(damage, disaster=disaster)
    for i, d in enumerate(damage.values):
        for j, td in enumerate(disaster.values):
            one = float(innovation.damage_exponent(d, disaster=td))
            assert float(every[i, j]) == pytest.approx(one, abs=1e-9)


@given(elasticities, taxes, ratios)
def test_outputs_solve_the_markets(epsilon, tax, ratio):
    """Price of the final good 1, its output spent on inputs, labour paid the same in both."""
    a, dirty = 1 / 3, 2.0
    clean = ratio * dirty
    y = innovation.outputs(clean, dirty, tax=tax, alpha=a, epsilon=epsilon)
    consumed = innovation.consumption(clean, dirty, tax=tax, alpha=a, epsilon=epsilon)
    power = (epsilon - 1) / epsilon
    total = (y[0] ** power + y[1] ** power) ** (1 / power)
    price = [(total / part) ** (1 / epsilon) for part in y]  # what buyers pay
    kept = [price[0], price[1] / (1 + tax)]  # what makers get
    assert price[0] * y[0] + price[1] * y[1] == pytest.approx(total)
    machines = a * (kept[0] * y[0] + kept[1] * y[1])
    assert consumed == pytest.approx(total - machines)
    scale = innovation.machine_scale(a)
    labour = [
        part / (scale * A * p ** (a / (1 - a)))
        for part, A, p in zip(y, (clean, dirty), kept, strict=True)
    ]
    assert sum(labour) == pytest.approx(1)
    wages = [(1 - a) * p * part / hours for p, part, hours in zip(kept, y, labour, strict=True)]
    assert wages[0] == pytest.approx(wages[1])


@given(elasticities, taxes, ratios)
def test_without_a_machine_subsidy_less_is_made_and_machines_cost_their_share(epsilon, tax, ratio):
    common = {"tax": tax, "alpha": 1 / 3, "epsilon": epsilon}
    y = innovation.outputs(ratio, 1.0, **common, subsidised=False)
    paid = innovation.outputs(ratio, 1.0, **common)
    np.testing.assert_allclose(np.divide(y, paid), 3**-0.5)
    less = innovation.consumption(ratio, 1.0, **common, subsidised=False)
    assert less < innovation.consumption(ratio, 1.0, **common)


@given(elasticities, taxes, ratios, st.floats(-0.5, 20), st.floats(0.02, 0.3), st.floats(0.02, 0.3))
def test_an_equilibrium_is_one_whatever_the_selection(epsilon, tax, ratio, subsidy, g_c, g_d):
    market = {
        "ratio": ratio,
        "tax": tax,
        "subsidy": subsidy,
        "alpha": 1 / 3,
        "epsilon": epsilon,
        "clean_step": g_c,
        "dirty_step": g_d,
    }
    for selection in innovation.SELECTIONS:
        s = float(innovation.equilibrium_share(**market, selection=selection))
        profit = innovation.profit_ratio(s, **market)
        if s == 1:
            assert profit >= 1 - 1e-9
        elif s == 0:
            assert profit <= 1 + 1e-9
        else:
            assert profit == pytest.approx(1)


def test_several_equilibria_and_the_one_chosen():
    market = {"alpha": 1 / 3, "epsilon": 10.0, "clean_step": 0.1, "dirty_step": 0.1}
    market |= {"ratio": 1.0, "tax": 0.0, "subsidy": 0.0}
    share = {
        s: float(innovation.equilibrium_share(**market, selection=s)) for s in innovation.SELECTIONS
    }
    assert share == {"interior": pytest.approx(0.5), "dirty": 0, "clean": 1}


def test_profit_of_clean_research_today_by_hand():
    e = economy(10.0)
    ratio = e.productivity[0] / e.productivity[1]
    profit = innovation.profit_ratio(1.0, ratio=ratio, tax=0.0, subsidy=0.0, **e.research)
    assert profit == pytest.approx(1.1**5 * (307.77 / 1893.25) ** 0.9)


@given(
    st.floats(0.3, 1.0), st.sampled_from([1.7, 2.5, 3.0, 10.0]), st.sampled_from([0.0, 0.4, 1.0])
)
def test_the_research_subsidy_makes_the_share_an_equilibrium(ratio, epsilon, share):
    market = {"alpha": 1 / 3, "epsilon": epsilon, "clean_step": 0.1, "dirty_step": 0.12}
    q = float(innovation.research_subsidy(share, ratio=ratio, tax=0.05, **market))
    profit = innovation.profit_ratio(share, ratio=ratio, tax=0.05, subsidy=q, **market)
    at_rest = {0.0: profit <= 1 + 1e-9, 1.0: profit >= 1 - 1e-9}
    assert at_rest.get(share, profit == pytest.approx(1))


@given(st.floats(0.2, 1.0), st.floats(2.6, 12))
def test_tax_thresholds_are_where_profits_are_equal(ratio, epsilon):
    market = {"alpha": 1 / 3, "epsilon": epsilon, "clean_step": 0.1, "dirty_step": 0.1}
    for side, share in (("dirty", 0.0), ("clean", 1.0)):
        tax = innovation.tax_threshold(ratio, against=side, **market)
        solved = brentq(
            lambda t, s=share: np.log(
                innovation.profit_ratio(s, ratio=ratio, tax=t, subsidy=0.0, **market)
            ),
            -0.9,
            1e4,
        )
        assert tax == pytest.approx(solved, rel=1e-6, abs=1e-9)


def test_tax_threshold_in_the_form_of_the_article():
    ratio, phi = 0.7, -6.0
    tax = innovation.tax_threshold(ratio, alpha=1 / 3, epsilon=10.0, clean_step=0.1, dirty_step=0.1)
    assert tax == pytest.approx((ratio**phi * 1.1 ** (-phi - 1)) ** 0.1 - 1)


def test_environment_by_hand_has_a_ceiling_and_a_floor():
    dirty = path_of([10, 0, 0, 100, 0])
    stock = innovation.environment(dirty, initial=50.0, xi=1.0, delta=0.1, ceiling=52.0)
    np.testing.assert_allclose(stock, [50, 45, 49.5, 52, 0])


def test_environment_of_many_samples_equals_one_at_a_time():
    dirty = path_of([3, 2, 1, 4]) * xr.DataArray([1.0, 2.0, 5.0], dims="sample")
    delta = xr.DataArray([0.0, 0.1, 0.2], dims="sample")
    every = innovation.environment(dirty, initial=30.0, xi=1.5, delta=delta, ceiling=40.0)
    for i in range(3):
        one = innovation.environment(
            dirty.isel(sample=i), initial=30.0, xi=1.5, delta=float(delta[i]), ceiling=40.0
        )
        np.testing.assert_allclose(every.isel(sample=i), one)


def test_warming_and_quality_at_their_ends():
    e = economy()
    assert e.ceiling == pytest.approx(840) and e.initial == pytest.approx(741)
    rise = innovation.warming(np.array([840.0, 560.0, 0.0]), disaster=6.0)
    np.testing.assert_allclose(rise, [0, 3, 6], atol=1e-12)
    np.testing.assert_allclose(
        innovation.quality(np.array([0.0, 6.0]), disaster=6.0, exponent=0.1443), [1, 0], atol=1e-12
    )


@given(st.floats(0, 5.9), st.floats(0.01, 0.1), st.floats(0.05, 0.9))
def test_quality_falls_with_warming(rise, more, exponent):
    low, high = (
        innovation.quality(r, disaster=6.0, exponent=exponent) for r in (rise + more, rise)
    )
    assert 0 <= low < high <= 1 + 1e-12


def test_welfare_by_hand_and_cost_as_consumption():
    consumed = path_of([2.0, 4.0])
    u = innovation.welfare(consumed, kept=path_of([1, 0.5]), discount=0.02, sigma=2.0, period=5.0)
    assert float(u) == pytest.approx(-0.5 - 0.5 / 1.1)
    ones = path_of([1, 1])
    for sigma in (1.5, 2.0, 3.0):
        common = {"kept": ones, "discount": 0.02, "sigma": sigma, "period": 5.0}
        full, less = (innovation.welfare(f * consumed, **common) for f in (1.0, 0.93))
        cost = innovation.welfare_cost(less, reference=full, sigma=sigma)
        assert float(cost) == pytest.approx(7)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_market_alone_never_turns_clean_and_meets_the_disaster(pair):
    alone = innovation.laissez_faire(economy(*pair))
    assert np.isinf(alone["clean_year"]) and alone["disaster_year"] == 85
    assert np.isneginf(alone["welfare"]) and (alone["share"] == 0).all()


def test_research_turns_clean_alone_where_clean_technology_leads():
    ahead = innovation.laissez_faire(economy(clean=10000.0))
    assert ahead["clean_year"] == 0 and np.isinf(ahead["disaster_year"])


def test_the_kernel_is_the_model(optima):
    e = economy(3.0, 0.015)
    rng = np.random.default_rng(1)
    policy = np.concatenate([rng.uniform(0.5, 1, 80), rng.uniform(0.3, 1, 80)])
    problem = innovation._problem(e, np.zeros(160), np.ones(160))
    share, tax = path_of(policy[:80]), path_of(np.expm1(policy[80:]))
    whole = innovation.simulate(e, share, tax=tax)
    assert (whole["environment"] > 10).all()
    value, gradient = _innovation.loss(policy, problem)
    assert value == pytest.approx(float(np.log(-whole["welfare"])), rel=1e-10)
    for i in (0, 7, 40, 80, 95, 150):
        step = np.zeros(160)
        step[i] = 1e-6
        ends = [_innovation.loss(policy + sign * step, problem)[0] for sign in (1, -1)]
        assert gradient[i] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_optimum_meets_its_first_order_conditions_and_no_change_helps(pair, optima):
    best = optima[pair]
    assert best["first_order"] < 1e-4
    rng = np.random.default_rng(2)
    size = xr.DataArray(10.0 ** rng.uniform(-6, 0, 400), dims="trial")
    noise = rng.standard_normal((2, 400, 80))
    shake = [size * xr.DataArray(part, dims=("trial", "year")) for part in noise]
    share, tax = (
        (best[k] + s).clip(0, m) for k, s, m in zip(("share", "tax"), shake, (1, 50), strict=True)
    )
    tried = innovation.simulate(economy(*pair), share, tax=tax)["welfare"]
    assert (tried <= best["welfare"] * (1 - 1e-12)).all()


@pytest.mark.parametrize(("pair", "year"), list(zip(PAIRS, (0, 0, 0, 50), strict=True)))
def test_research_turns_clean_when_the_article_says(pair, year, optima):
    share = optima[pair]["share"]
    assert share["year"].where(share > 0.5).min() == year


def test_the_best_of_several_local_optima_is_kept(optima):
    """Turning research late is a local optimum at elasticity 10 and discount 0.015."""
    losses = optima[10.0, 0.015]["local"].values
    assert np.ptp(losses) > 5e-3
    assert np.log(-optima[10.0, 0.015]["welfare"]) == pytest.approx(losses.min(), rel=1e-12)


@pytest.mark.parametrize(("pair", "cost"), list(zip(PAIRS[:3], (1.02, 1.66, 1.92), strict=True)))
def test_cost_of_a_tax_alone_as_published(pair, cost, optima):
    taxed = innovation.best_policy(economy(*pair), instruments="tax", iterations=400)
    ours = innovation.welfare_cost(taxed["welfare"], reference=optima[pair]["welfare"], sigma=2.0)
    assert round(float(ours), 2) == cost
    before = (taxed["clean_productivity"] / taxed["dirty_productivity"]).shift(year=1)[1:]
    needed = innovation.tax_threshold(before, **economy(*pair).research)
    assert (taxed["tax"][1:] >= needed - 1e-9).all()
    np.testing.assert_allclose(taxed["subsidy"], 0, atol=1e-9)


def test_waiting_keeps_hands_off_and_costs_more_the_longer(optima):
    e, costs = economy(), [0.0]
    for delay in (10, 20):
        late = innovation.best_policy(e, delay=delay, starts=(0,), near=[optima[10.0, 0.001]])
        waited = late.sel(year=slice(0, delay - 1))
        assert (waited["share"] == 0).all() and (waited["tax"] == 0).all()
        best = optima[10.0, 0.001]["welfare"]
        costs.append(float(innovation.welfare_cost(late["welfare"], reference=best, sigma=2.0)))
    assert costs[0] < costs[1] < costs[2]


def test_a_sample_is_solved_cell_by_cell():
    sample = {"damage": xr.DataArray([0.002, 0.004], dims="sample")}
    common = {"starts": (0,), "iterations": 60}
    every = innovation.best_policy(economy(horizon=200.0, **sample), **common)
    assert every["share"].dims == ("sample", "year")
    for i, damage in enumerate(sample["damage"].values):
        one = innovation.best_policy(economy(horizon=200.0, damage=float(damage)), **common)
        assert float(every["welfare"][i]) == pytest.approx(float(one["welfare"]), rel=1e-12)
        np.testing.assert_allclose(every["tax"][i], one["tax"], atol=1e-12)


@given(st.floats(0.5, 2))
@settings(max_examples=5, deadline=None)
def test_the_unit_of_energy_does_not_matter(unit):
    first = {k: CALIBRATION[k] * unit for k in ("clean", "dirty")}
    share, tax = path_of(np.ones(80)), 0.1
    plain = innovation.simulate(economy(), share, tax=tax)
    scaled = innovation.simulate(economy(**first), share, tax=tax)
    np.testing.assert_allclose(plain["environment"], scaled["environment"])
    np.testing.assert_allclose(unit * plain["consumption"], scaled["consumption"])


FIELDS = {field.name for field in dataclasses.fields(innovation.Economy)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epsilon": 1.0}, "epsilon must be above 1; got 1"),
        ({"sigma": 0.5}, "sigma must be above 1; got 0.5"),
        ({"alpha": 1.2}, "alpha must be below 1; got 1.2"),
        ({"discount": -0.1}, "discount must be at least 0; got -0.1"),
        ({"eta_d": 0.0}, "eta_d must be above 0; got 0"),
        ({"damage": float("nan")}, "damage must be above 0; got nan"),
        ({"rise": 900.0}, "rise must be below S_bar = 840; got 900"),
        ({"horizon": 401.0}, "horizon must be a whole number of 5-year periods; got 401"),
        (
            {"emissions": xr.DataArray([1.0, -2.0], dims="sample")},
            "emissions must be above 0; got -2",
        ),
    ],
)
def test_an_impossible_number_is_named(change, words):
    assert set(change) <= FIELDS
    with pytest.raises(ValueError, match=words):
        economy(**change)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda e: innovation.best_policy(e, delay=7), "delay must be a whole number of 5-year"),
        (lambda e: innovation.best_policy(e, delay=-5), "delay must be a whole number"),
        (
            lambda e: innovation.best_policy(e, delay=90),
            "delay must end before the disaster in year 85; got 90",
        ),
        (
            lambda e: innovation.best_policy(e, instruments="ban"),
            "instruments must be one of both, subsidy, tax; got 'ban'",
        ),
        (
            lambda e: innovation.best_policy(e, selection="interior"),
            "selection must be one of dirty, clean; got 'interior'",
        ),
        (
            lambda e: innovation.best_policy(e, delay=60, instruments="subsidy", starts=(0,)),
            "no policy averts the disaster with instruments='subsidy' and delay=60",
        ),
        (
            lambda e: innovation.laissez_faire(e, selection="any"),
            "selection must be one of interior, dirty, clean; got 'any'",
        ),
        (
            lambda e: innovation.tax_threshold(1.0, against="both", **e.research),
            "against must be one of dirty, clean; got 'both'",
        ),
        (
            lambda e: innovation.damage_exponent(0.003, disaster=2.5),
            "disaster must lie above 3 degC",
        ),
        (
            lambda e: innovation.environment(
                xr.DataArray(1.0), initial=1.0, xi=1.0, delta=0.0, ceiling=1.0
            ),
            "dirty must have the dim 'year'; it has none",
        ),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(economy(3.0))
