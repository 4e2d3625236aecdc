"""The market for allowances: hand cases, closed forms, and what must hold in any market."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from unlock import allowances, costs
from unlock.allowances import Plants, Rules

FEW = settings(max_examples=15, deadline=None)
share = st.floats(0.0, 1.0)


def over(dim, values):
    values = list(values)
    return xr.DataArray(values, coords={dim: list(range(len(values)))}, dims=dim)


def plants(output=(100.0,), *, due=0.0, slope=1000.0, most=0.5, elasticity=0.0, passed=1.0, **more):
    """Products that emit 2 t a tonne, with a clean option at 100 CNY/t more."""
    output = over("product", output)
    options = xr.DataArray([0.0, more.get("extra", 100.0)], dims="option")
    return Plants(
        output=output,
        product_price=more.get("product_price", 1000.0),
        extra_cost=options + 0 * output,
        intensity=xr.DataArray([2.0, more.get("clean", 0.2)], dims="option") + 0 * output,
        spread=more.get("spread", 30.0),
        due=due,
        slope=slope,
        most=most,
        elasticity=elasticity,
        passed=passed,
    )


def standard(benchmark=1.9, **more):
    return Rules(benchmark + 0.0 * over("product", [0.0]), **more)


def test_a_twentieth_less_costs_a_twentieth_of_the_slope():
    price = allowances.clearing_price(plants(), rules=standard())
    assert float(price) == pytest.approx(50.0, rel=1e-6)
    done = allowances.outcome(price, plants=plants(), rules=standard()).squeeze()
    assert float(done["intensity"]) == pytest.approx(1.9)
    assert float(done["product_price"]) == pytest.approx(1002.5)  # 100 t x 2 t x 50^2 / 2000 / 100
    assert float(done["cost"]) == pytest.approx(250.0)
    assert float(done["revenue"]) == 0.0


def test_selling_the_allowances_puts_their_whole_price_on_the_product():
    rules = standard(auctioned=1.0)
    price = allowances.clearing_price(plants(), rules=rules)
    done = allowances.outcome(price, plants=plants(), rules=rules).squeeze()
    assert float(done["product_price"]) == pytest.approx(1002.5 + 50 * 1.9)
    assert float(done["revenue"]) == pytest.approx(50 * 190.0)
    assert float(done["passed_through"]) == pytest.approx(97.5 / 95.0)


def test_plants_that_choose_split_evenly_where_both_options_cost_the_same():
    price = 100.0 / 1.8
    done = allowances.outcome(price, plants=plants(due=1.0, most=0.0), rules=standard())
    assert done["intensity"].item() == pytest.approx(1.1)


def test_emissions_are_the_slope_of_unit_cost():
    firms = plants(due=0.4, slope=700.0)
    prices = np.array([1.0, 20.0, 56.0, 200.0, 400.0])  # the cut within plants ends at 350
    rules = standard(by_output=0.0)

    def unit(p):
        return allowances.outcome(over("price", p), plants=firms, rules=rules)

    slope = (unit(prices + 1e-3)["product_price"] - unit(prices - 1e-3)["product_price"]) / 2e-3
    np.testing.assert_allclose(slope, unit(prices)["intensity"], rtol=1e-6)


def test_a_cap_is_met_exactly_and_who_gets_it_does_not_matter():
    firms = plants(due=0.3, elasticity=0.5)
    sold = over("sold", [0.0, 0.4, 1.0])
    rules = standard(1.6, auctioned=sold, by_output=0.0)
    price = allowances.clearing_price(firms, rules=rules)
    np.testing.assert_allclose(price, price.isel(sold=0), rtol=1e-6)
    done = allowances.outcome(price, plants=firms, rules=rules)
    np.testing.assert_allclose(done["emissions"].sum("product"), 160.0, rtol=1e-6)


def test_a_standard_subsidises_output_and_costs_more_than_a_cap_for_the_same_emissions():
    firms = plants(due=0.3, elasticity=0.8)
    price = allowances.clearing_price(firms, rules=standard(1.6))
    done = allowances.outcome(price, plants=firms, rules=standard(1.6)).sum("product")
    cap = standard(0.0, added=done["emissions"])
    cheap = allowances.clearing_price(firms, rules=cap)
    best = allowances.outcome(cheap, plants=firms, rules=cap).sum("product")
    assert float(best["emissions"]) == pytest.approx(float(done["emissions"]))
    assert float(cheap) < float(price) and float(best["cost"]) < float(done["cost"])
    assert float(best["output"]) < float(done["output"]) < 100.0


def test_allowances_that_nobody_needs_are_worth_nothing():
    assert float(allowances.clearing_price(plants(), rules=standard(2.1))) == 0.0


def test_a_product_outside_the_market_does_not_move():
    firms = plants((100.0, 50.0), due=0.2, elasticity=0.5)
    rules = Rules(over("product", [1.8, 1.8]), covered=over("product", [True, False]))
    price = allowances.clearing_price(firms, rules=rules)
    done = allowances.outcome(price, plants=firms, rules=rules).isel(product=1)
    assert float(price) > 0 and float(done["cut"]) == 0.0 and float(done["output"]) == 50.0


def test_a_market_that_cannot_clear_names_the_benchmark():
    with pytest.raises(ValueError, match=r"benchmark is too tight: at 20,000 .* exceed .* by 50"):
        allowances.clearing_price(plants(), rules=standard(0.5))


@given(st.floats(1.0, 1.99), share, share, st.floats(0.0, 0.9), st.floats(0.0, 1.5), share)
@FEW
def test_any_market_clears_or_has_no_price(benchmark, sold, by_output, due, eta, passed):
    firms = plants((100.0, 30.0), due=due, most=0.6, elasticity=eta, passed=passed)
    rules = standard(benchmark, auctioned=sold, by_output=by_output)
    price = allowances.clearing_price(firms, rules=rules)
    left = allowances.excess_demand(price, plants=firms, rules=rules)
    done = allowances.outcome(price, plants=firms, rules=rules)
    issued = allowances.allowances_issued(done["output"], plants=firms, rules=rules)
    assert float(done["emissions"].sum("product") - issued) == pytest.approx(float(left), abs=1e-9)
    assert float(left) <= 1e-6 * 260.0
    assert float(price) == 0.0 or abs(float(left)) <= 1e-6 * 260.0


@given(st.floats(1.2, 1.9), st.floats(0.01, 0.2))
@FEW
def test_a_tighter_benchmark_costs_more(benchmark, less):
    firms = plants(due=0.4, elasticity=0.3)
    pair = standard(over("case", [benchmark, benchmark - less]) + 0.0 * over("product", [0.0]))
    price = allowances.clearing_price(firms, rules=pair).values
    assert price[1] > price[0] > 0


def test_one_call_equals_many():
    firms = plants((100.0, 40.0), due=over("sample", [0.1, 0.5]), elasticity=0.4)
    rules = standard(over("case", [1.5, 1.8]), auctioned=over("sold", [0.0, 0.7]))
    together = allowances.clearing_price(firms, rules=rules)
    for s in (0, 1):
        for c in (0, 1):
            for a in (0, 1):
                one = allowances.clearing_price(
                    firms._replace(due=firms.due[s]),
                    rules=Rules(rules.benchmark[c], auctioned=rules.auctioned[a]),
                )
                cell = together.isel(sample=s, case=c, sold=a)
                assert float(cell) == pytest.approx(float(one), rel=1e-6)


def years(benchmarks, **more):
    benchmark = over("year", benchmarks)
    benchmark = benchmark.assign_coords(year=benchmark["year"] + 2025)
    return standard(benchmark, by_output=0.0, **more)


def test_two_years_share_a_bank_as_the_closed_form_says():
    # Emissions 200 - p / 5: with p_2 = 1.1 p_1 the sum of cuts is (p_1 + p_2) / 5 = 30.
    rules = years([1.95, 1.75])
    price = allowances.banked_price(plants(), rules=rules, rate=0.1)
    np.testing.assert_allclose(price.squeeze(), [150 / 2.1, 165 / 2.1], rtol=1e-7)
    bank = allowances.bank_balance(price, plants=plants(), rules=rules)
    np.testing.assert_allclose(bank.squeeze(), [150 / 2.1 / 5 - 5, 0.0], atol=1e-6)


def test_what_was_kept_before_counts():
    rules = years([1.9, 1.9])
    price = allowances.banked_price(plants(), rules=rules, rate=0.1, bank=9.0)
    np.testing.assert_allclose(price.squeeze(), [55 / 2.1, 60.5 / 2.1], rtol=1e-7)


def test_no_bank_forms_where_caps_loosen():
    rules = years([1.7, 1.8, 1.95])
    price = allowances.banked_price(plants(), rules=rules, rate=0.05)
    alone = allowances.clearing_price(plants(), rules=rules)
    np.testing.assert_allclose(price.squeeze(), alone.squeeze(), rtol=1e-6)


@given(st.lists(st.floats(1.4, 2.1), min_size=3, max_size=6), st.floats(0.0, 0.15), share)
@FEW
def test_a_bank_keeps_the_rules_of_arbitrage(benchmarks, rate, by_output):
    firms, rules = plants(due=0.2, elasticity=0.3), years(benchmarks)._replace(by_output=by_output)
    price = allowances.banked_price(firms, rules=rules, rate=rate)
    bank = allowances.bank_balance(price, plants=firms, rules=rules).values.ravel()
    path = price.values.ravel()
    assert bank.min() > -1e-3
    growth = path[1:] - (1 + rate) * path[:-1]
    assert growth.max(initial=0.0) < 1e-6 * path.max(initial=1.0)
    np.testing.assert_allclose(growth[bank[:-1] > 1e-3], 0.0, atol=1e-6 * max(path.max(), 1.0))
    assert abs(bank[-1]) < 1e-3 or path[-1] == 0.0


def test_a_bank_needs_whole_years():
    rules = years([1.9, 1.9])
    odd = rules._replace(benchmark=rules.benchmark.assign_coords(year=[2025.0, 2025.5]))
    with pytest.raises(ValueError, match="year must hold whole years in order"):
        allowances.banked_price(plants(), rules=odd, rate=0.1)
    with pytest.raises(ValueError, match="bank must be 0 or more; got -1"):
        allowances.banked_price(plants(), rules=rules, rate=0.1, bank=-1.0)
    with pytest.raises(ValueError, match="plants or rules must have the dim 'year'"):
        allowances.banked_price(plants(), rules=standard(), rate=0.1)


def test_certificates_flood_a_market_down_to_their_own_price():
    # Emissions 200 - p / 5, cap 190: 50 CNY alone. A certificate for half a tonne sells at w.
    link = {"rules": standard(by_output=0.0), "conversion": 0.5}
    some = allowances.convertible_price(plants(), certificates=8.0, worth=5.0, **link)
    np.testing.assert_allclose([some["price"], some["added"]], [30.0, 4.0], rtol=1e-6)
    many = allowances.convertible_price(plants(), certificates=100.0, worth=5.0, **link)
    np.testing.assert_allclose([many["price"], many["added"]], [10.0, 8.0], rtol=1e-6)
    none = allowances.convertible_price(plants(), certificates=100.0, worth=40.0, **link)
    np.testing.assert_allclose([none["price"], none["added"]], [50.0, 0.0], atol=1e-5)
    with pytest.raises(ValueError, match="conversion must be above 0"):
        allowances.convertible_price(
            plants(), rules=standard(), certificates=1.0, worth=1.0, conversion=0.0
        )


SURVEY = {"share": 0.6, "middle": 0.2, "most": 500.0, "none": 2500.0}


def test_buyers_fall_away_as_the_premium_rises():
    premium = over("premium", [0.0, 250.0, 500.0, 1500.0, 2500.0, 9000.0])
    found = allowances.willing_share(premium, **SURVEY)
    np.testing.assert_allclose(found, [0.6, 0.4, 0.2, 0.1, 0.0, 0.0])
    with pytest.raises(ValueError, match="none must lie above most"):
        allowances.willing_share(premium, **SURVEY | {"none": 400.0})
    with pytest.raises(ValueError, match="middle must not be above share"):
        allowances.willing_share(premium, **SURVEY | {"middle": 0.7})


def green(public, *, due=0.5, price=0.0):
    mark = xr.DataArray([False, True], dims="option")

    def demand(premium):
        return allowances.demand_for_green(
            premium,
            willing=lambda x: allowances.willing_share(x, **SURVEY),
            public=0.3,
            required=public,
        )

    firms = plants(due=due)
    found = allowances.green_premium(firms, price=price, green=mark, demand=demand)
    return found.squeeze(), demand


def test_green_steel_clears_where_supply_meets_demand():
    found, demand = green(0.5)
    assert float(demand(found["premium"])) == pytest.approx(float(found["uptake"]), abs=1e-8)
    x = float(found["premium"])
    assert float(found["uptake"]) == pytest.approx(0.5 / (1 + np.exp((100 - x) / 30)), rel=1e-9)
    assert float(found["idle"]) == pytest.approx(0.5 / (1 + np.exp(100 / 30)), rel=1e-9)


def test_public_works_raise_uptake_and_premium_and_a_carbon_price_lowers_it():
    lax, strict = green(0.2)[0], green(0.9)[0]
    assert strict["premium"] > lax["premium"] and strict["uptake"] > lax["uptake"]
    assert green(0.2, price=40.0)[0]["premium"] < lax["premium"]


def test_more_green_than_plants_due_can_make_names_the_required_share():
    with pytest.raises(ValueError, match=r"required asks for 0\.2 of the market more"):
        green(1.0, due=0.1)


@given(st.floats(-0.5, 0.5), st.integers(1, 40))
@FEW
def test_the_rate_of_return_inverts_the_annuity(rate, life):
    income = xr.DataArray(np.ones(life), dims="year")
    outlay = 1 / costs.annuity_factor(rate, life=life)
    found = allowances.internal_rate_of_return(outlay, income=income)
    assert float(found) == pytest.approx(rate, abs=1e-6)


def test_a_rate_of_return_refuses_what_it_cannot_read():
    income = xr.DataArray([1.0, -1.0], dims="year")
    with pytest.raises(ValueError, match="income must be 0 or more; got -1"):
        allowances.internal_rate_of_return(1.0, income=income)
    with pytest.raises(ValueError, match="outlay must be above 0; got 0"):
        allowances.internal_rate_of_return(0.0, income=abs(income))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"due": 1.2}, "due must be from 0 to 1; got 1.2"),
        ({"most": -0.1}, "most must be from 0 to 1; got -0.1"),
        ({"spread": 0.0}, "spread must be above 0; got 0"),
        ({"slope": -5.0}, "slope must be above 0; got -5"),
    ],
)
def test_figures_outside_their_bounds_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        allowances.clearing_price(plants()._replace(**change), rules=standard())


def test_rules_and_prices_outside_their_bounds_are_named():
    with pytest.raises(ValueError, match="auctioned must be from 0 to 1; got 2"):
        allowances.clearing_price(plants(), rules=standard(auctioned=2.0))
    with pytest.raises(ValueError, match="price must be 0 or more; got -1"):
        allowances.outcome(-1.0, plants=plants(), rules=standard())
    with pytest.raises(ValueError, match="benchmark must be 0 or more"):
        allowances.clearing_price(plants(), rules=standard(-1.0))
