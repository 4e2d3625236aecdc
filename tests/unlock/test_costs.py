"""Levelised cost and break-even prices, against closed forms, substitution and Vogl et al. 2018."""

import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from unlock import costs

INPUTS = ["power", "coal", "ore"]
rates = st.floats(0.0, 0.3)
lives = st.floats(1, 60)
few = settings(max_examples=25, deadline=None)
amounts = st.floats(-5, 20)
prices = st.floats(0, 2000)


def over(dim, values, labels=None):
    coords = {} if labels is None else {dim: labels}
    return xr.DataArray(np.asarray(values, dtype=float), dims=dim, coords=coords)


def of_inputs(values):
    return over("input", values, INPUTS)


PLANT = {"capex": 1000.0, "fixed_cost": 50.0, "rate": 0.08, "life": 20.0}


def test_annuity_by_hand():
    # 1 / 1.1 + 1 / 1.21 = 1.735537 is what a payment of 1 in two years is worth.
    assert costs.annuity_factor(0.1, life=2) == pytest.approx(1 / 1.7355371900826446)


def test_annuity_without_interest_is_straight_line():
    assert costs.annuity_factor(0.0, life=25) == pytest.approx(1 / 25)


@given(life=lives)
def test_annuity_is_continuous_at_zero_interest(life):
    near = costs.annuity_factor(1e-9, life=life)
    assert near == pytest.approx(1 / life, rel=1e-7)


def test_annuity_of_a_plant_that_lasts_for_ever_is_the_interest():
    assert costs.annuity_factor(0.07, life=2000) == pytest.approx(0.07)


@given(rate=st.floats(1e-6, 0.3), life=st.integers(1, 60))
def test_annuity_repays_the_capital(rate, life):
    payment = costs.annuity_factor(rate, life=life)
    assert (payment / (1 + rate) ** np.arange(1, life + 1)).sum() == pytest.approx(1)


@given(rate=rates, life=lives, more=st.floats(0.001, 0.2))
def test_annuity_rises_with_interest_and_falls_with_life(rate, life, more):
    base = costs.annuity_factor(rate, life=life)
    assert costs.annuity_factor(rate + more, life=life) > base
    assert costs.annuity_factor(rate, life=life + 1) < base


@pytest.mark.parametrize(
    ("rate", "life", "says"),
    [(0.05, 0, "life must be above 0"), (-1.0, 10, "rate must be above -1")],
)
def test_annuity_refuses(rate, life, says):
    with pytest.raises(ValueError, match=says):
        costs.annuity_factor(rate, life=life)


def test_levelised_cost_by_hand():
    use, price = of_inputs([2.0, 3.0, 1.5]), of_inputs([100, 20, 80])
    got = costs.levelised_cost(
        use, price=price, **(PLANT | {"rate": 0.0}), emissions=2.0, carbon_price=30.0
    )
    # 1000 / 20 + 50 + 200 + 60 + 120 + 60
    assert got.item() == pytest.approx(540)
    assert got.attrs["units"] == "CNY/t"


@given(
    use=st.lists(amounts, min_size=3, max_size=3),
    price=st.lists(prices, min_size=3, max_size=3),
    carbon=prices,
)
@few
def test_components_sum_to_the_cost(use, price, carbon):
    arguments = PLANT | {"emissions": 1.8, "carbon_price": carbon}
    parts = costs.cost_components(of_inputs(use), price=of_inputs(price), **arguments)
    whole = costs.levelised_cost(of_inputs(use), price=of_inputs(price), **arguments)
    assert list(parts["component"].values) == ["capital", "fixed", *INPUTS, "carbon"]
    assert parts.sum("component").item() == pytest.approx(whole.item(), abs=1e-6)
    assert parts.sel(component="coal").item() == pytest.approx(use[1] * price[1])


@given(use=st.lists(amounts, min_size=3, max_size=3), change=st.floats(-500, 500))
@few
def test_cost_is_linear_in_every_price(use, change):
    use, price = of_inputs(use), of_inputs([300, 200, 100])
    base = costs.levelised_cost(use, price=price, **PLANT)
    for name in INPUTS:
        moved = price + change * (price["input"] == name)
        rise = costs.levelised_cost(use, price=moved, **PLANT) - base
        assert rise.item() == pytest.approx(change * use.sel(input=name).item(), abs=1e-6)


@given(use=st.lists(amounts, min_size=3, max_size=3))
@few
def test_units_do_not_matter(use):
    price = [500.0, 40.0, 700.0]
    in_mwh = costs.levelised_cost(of_inputs(use), price=of_inputs(price), **PLANT)
    in_gj = costs.levelised_cost(
        of_inputs([use[0] * 3.6, *use[1:]]), price=of_inputs([price[0] / 3.6, *price[1:]]), **PLANT
    )
    assert in_gj.item() == pytest.approx(in_mwh.item(), rel=1e-9, abs=1e-6)


@given(amount=amounts, other=amounts, price=prices, cost=prices, reference=prices)
@few
def test_break_even_price_by_substitution(amount, other, price, cost, reference):
    even = costs.break_even_price(
        cost, reference=reference, amount=amount, reference_amount=other, price=price
    ).item()
    if amount == other:
        assert np.isnan(even)
    elif abs(amount - other) > 1e-3:
        here = cost + amount * (even - price)
        there = reference + other * (even - price)
        assert here == pytest.approx(there, rel=1e-6, abs=1e-4)


def test_break_even_prices_close_the_gap_in_the_model():
    green, brown = of_inputs([4.0, 0.0, 1.6]), of_inputs([-0.3, 9.0, 1.5])
    price, carbon = of_inputs([600.0, 40.0, 700.0]), 50.0
    plants = {"green": PLANT | {"capex": 900.0}, "brown": PLANT}

    def cost(route, *, price=price, carbon=carbon):
        use, emissions = {"green": (green, 0.1), "brown": (brown, 2.2)}[route]
        return costs.levelised_cost(
            use, price=price, **plants[route], emissions=emissions, carbon_price=carbon
        )

    base = {"cost": cost("green"), "reference": cost("brown")}
    carbon_even = costs.break_even_price(**base, amount=0.1, reference_amount=2.2, price=carbon)
    assert cost("green", carbon=carbon_even).item() == pytest.approx(
        cost("brown", carbon=carbon_even).item()
    )
    power_even = costs.break_even_price(**base, amount=4.0, reference_amount=-0.3, price=600.0)
    moved = xr.where(price["input"] == "power", power_even, price)
    assert cost("green", price=moved).item() == pytest.approx(cost("brown", price=moved).item())


def test_break_even_carbon_price_does_not_depend_on_the_price_paid():
    use, price = of_inputs([1.0, 2.0, 0.0]), of_inputs([600.0, 40.0, 700.0])
    paid = over("carbon", [0.0, 100.0, 900.0])
    cost = costs.levelised_cost(use, price=price, **PLANT, emissions=0.1, carbon_price=paid)
    reference = costs.levelised_cost(
        use * 0.5, price=price, **PLANT, emissions=2.0, carbon_price=paid
    )
    even = costs.break_even_price(
        cost, reference=reference, amount=0.1, reference_amount=2.0, price=paid
    )
    np.testing.assert_allclose(even, even.isel(carbon=0).item())


def test_avoidance_cost_by_hand():
    got = costs.avoidance_cost(700.0, reference=500.0, emissions=0.1, reference_emissions=2.1)
    assert got.item() == pytest.approx(100.0)


@given(rate=st.floats(0.0, 0.2), more=st.floats(0.001, 0.1), carbon=st.floats(1, 2000))
@few
def test_cost_rises_with_every_cost(rate, more, carbon):
    use, price = of_inputs([1.0, 2.0, 3.0]), of_inputs([600.0, 40.0, 700.0])
    base = PLANT | {"rate": rate, "emissions": 1.5, "carbon_price": carbon}
    cost = costs.levelised_cost(use, price=price, **base).item()
    dearer = [{"rate": rate + more}, {"capex": 1100.0}, {"fixed_cost": 60.0}]
    dearer += [{"carbon_price": carbon + 10.0}, {"emissions": 1.6}]
    for change in dearer:
        assert costs.levelised_cost(use, price=price, **(base | change)).item() > cost


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_broadcasting_equals_looping(seed):
    rng = np.random.default_rng(seed)
    sizes = {"route": 3, "region": 2, "year": 2, "sample": 4}
    labels = {"route": list("abc"), "region": ["China", "Europe"], "year": [2025, 2030]}

    def draw(*dims):
        coords = {dim: labels[dim] for dim in dims if dim in labels}
        coords |= {"input": INPUTS} if "input" in dims else {}
        shape = [sizes.get(dim, 3) for dim in dims]
        return xr.DataArray(rng.uniform(0.01, 9, shape), dims=dims, coords=coords)

    use = draw("route", "input", "sample")
    arguments = {
        "price": draw("input", "region", "year", "sample"),
        "capex": draw("route", "region"),
        "fixed_cost": draw("route", "sample"),
        "rate": draw("region") / 100,
        "life": draw("route"),
        "emissions": draw("route", "sample"),
        "carbon_price": draw("region", "year"),
    }
    whole = costs.levelised_cost(use, **arguments)
    assert dict(whole.sizes) == sizes
    for index in itertools.product(*(range(n) for n in sizes.values())):
        at = dict(zip(sizes, index, strict=True))

        def cell(array, at=at):
            return array.isel({dim: i for dim, i in at.items() if dim in array.dims})

        factor = costs.annuity_factor(
            cell(arguments["rate"]).item(), life=cell(arguments["life"]).item()
        )
        expected = (
            factor * cell(arguments["capex"]).item()
            + cell(arguments["fixed_cost"]).item()
            + float((cell(use).values * cell(arguments["price"]).values).sum())
            + cell(arguments["emissions"]).item() * cell(arguments["carbon_price"]).item()
        )
        assert whole.isel(at).item() == pytest.approx(expected)


def test_order_of_labels_does_not_matter():
    use, price = of_inputs([1.0, 2.0, 3.0]), of_inputs([10.0, 20.0, 30.0])
    turned = price.isel(input=[2, 0, 1])
    assert (
        costs.levelised_cost(use, price=turned, **PLANT).item()
        == costs.levelised_cost(use, price=price, **PLANT).item()
    )


def test_an_input_without_price_is_refused_rather_than_free():
    with pytest.raises(ValueError, match="along 'input'; only one has ore"):
        costs.levelised_cost(
            of_inputs([1, 2, 3]), price=of_inputs([1, 2, 3]).isel(input=[0, 1]), **PLANT
        )


def test_routes_that_differ_are_refused_rather_than_dropped():
    capex = over("route", [1.0, 2.0], ["a", "b"])
    with pytest.raises(ValueError, match="rate and life must have the same labels along 'route'"):
        costs.annuity_factor(over("route", [0.1], ["a"]), life=capex)


def test_arrays_without_inputs_are_refused():
    with pytest.raises(ValueError, match="price must have the dim 'input'"):
        costs.levelised_cost(of_inputs([1, 2, 3]), price=xr.DataArray(5.0), **PLANT)


def test_paid_emissions():
    assert costs.paid_emissions(2.0, power=5.0, grid_intensity=0.15) == 2.0
    both = costs.paid_emissions(2.0, power=5.0, grid_intensity=0.15, scope="direct+indirect")
    assert both == pytest.approx(2.75)
    sold = costs.paid_emissions(2.0, power=-1.0, grid_intensity=0.15, scope="direct+indirect")
    assert sold < 2.0
    with pytest.raises(ValueError, match="scope must be one of direct, direct"):
        costs.paid_emissions(2.0, scope="all")


def test_tornado_moves_one_input_at_a_time():
    inputs = {
        name: xr.Dataset({"value": mid, "low": low, "high": high})
        for name, low, mid, high in (("a", 1.0, 2.0, 4.0), ("b", 10.0, 20.0, 25.0))
    }
    got = costs.tornado(lambda x: x["a"] * 100 + x["b"], inputs)
    assert got.sel(factor="a").values.tolist() == [120.0, 420.0]
    assert got.sel(factor="b").values.tolist() == [210.0, 225.0]
    assert list(got["bound"].values) == ["low", "high"]


def test_tornado_keeps_the_dims_of_the_result():
    table = xr.Dataset(
        {
            key: over("region", values)
            for key, values in (("value", [2, 3]), ("low", [1, 2]), ("high", [3, 4]))
        }
    )
    got = costs.tornado(lambda x: x["a"], {"a": table})
    assert got.dims == ("factor", "bound", "region")


@pytest.mark.parametrize(
    ("inputs", "says"),
    [({}, "at least one input"), ({"a": xr.Dataset({"value": 1.0})}, "input 'a' has no 'low'")],
)
def test_tornado_refuses(inputs, says):
    with pytest.raises(ValueError, match=says):
        costs.tornado(lambda x: x["a"], inputs)


# Set-up of Vogl, Ahman and Nilsson (2018), EUR of 2018; see data/published/vogl-setup.csv.
VOGL_INPUTS = ["power", "pellets", "lime", "alloys", "electrodes", "oxygen"]
ELECTROLYSIS = 0.051 * 33.33 / 0.72  # MWh/t


def vogl_cost(power_price):
    power = ELECTROLYSIS + 0.286 + 0.753 + 0.08
    use = over("input", [power, 1.504, 0.05, 0.011, 0.002, -0.6 * 8 * 0.051], VOGL_INPUTS)
    price = over("input", [power_price, 100, 90, 1777, 4000, 60.8], VOGL_INPUTS)
    electrolyser = 590 * ELECTROLYSIS / 8.76  # EUR for a tonne a year
    plant = 230 + 184
    fixed = 53.2 + 0.03 * (plant + electrolyser)
    fixed += float(costs.capital_charge(electrolyser, rate=0.05, life=10))
    return costs.levelised_cost(
        use, price=price, capex=plant, fixed_cost=fixed, rate=0.05, life=20
    ).item()


def test_vogl_power_use():
    assert ELECTROLYSIS + 0.286 + 0.753 + 0.08 == pytest.approx(3.48, abs=0.005)


@pytest.mark.parametrize(("power_price", "published"), [(20, 361), (100, 640)])
def test_vogl_cost_range(power_price, published):
    assert vogl_cost(power_price) == pytest.approx(published, rel=0.005)


def test_vogl_break_even_carbon_price():
    relined = 304 + float(costs.capital_charge(48.3, rate=0.05, life=20))
    even = costs.avoidance_cost(
        vogl_cost(40), reference=relined, emissions=0.053, reference_emissions=1.87
    )
    assert even.item() == pytest.approx(68, abs=1)


def test_a_chunked_ensemble_stays_lazy_and_gives_the_same_numbers():
    use = xr.DataArray([[1.0, 2.0]], dims=("route", "input"), coords={"input": ["coal", "ore"]})
    draws = np.random.default_rng(0).lognormal(0, 0.2, (1000, 2))
    price = xr.DataArray(draws, dims=("sample", "input"), coords={"input": ["coal", "ore"]})
    capex = xr.DataArray(draws[:, 0], dims="sample")
    rest = {"fixed_cost": 5.0, "rate": 0.07, "life": 25.0}
    whole = costs.levelised_cost(use, price=price, capex=capex, **rest)
    pieces = {"price": price.chunk(sample=100), "capex": capex.chunk(sample=100)}
    lazy = costs.levelised_cost(use, **pieces, **rest)
    assert lazy.chunks is not None
    xr.testing.assert_allclose(lazy.compute(), whole)
