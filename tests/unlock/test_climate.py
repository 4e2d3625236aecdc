"""Pathways, the split of gases, warming and budgets, against closed forms and cases by hand."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from unlock import climate

levels = st.floats(1, 100)
shares = st.floats(0, 1)
YEARS = xr.DataArray(np.arange(2022, 2101.0), dims="year", coords={"year": np.arange(2022, 2101)})


def samples(values):
    return xr.DataArray(np.asarray(values, dtype=float), dims="sample")


@given(levels, levels, st.integers(1, 80))
def test_yearly_change_compounds_to_the_end(start, end, years):
    rate = climate.yearly_change(start, end=end, years=years)
    assert start * (1 + rate) ** years == pytest.approx(end)


def test_a_pathway_meets_its_target_and_then_compounds():
    path = climate.pathway_at_rate(
        YEARS, start=57.0, target=49.0, rate=-0.01, start_year=2022, target_year=2030
    )
    assert path.sel(year=2022).item() == pytest.approx(57)
    assert path.sel(year=2026).item() == pytest.approx(53)
    assert path.sel(year=2030).item() == pytest.approx(49)
    assert path.sel(year=2040).item() == pytest.approx(49 * 0.99**10)


def test_a_pathway_to_zero_stays_there():
    path = climate.pathway_to_zero(
        YEARS, start=40.0, target=20.0, years_to_zero=20.0, start_year=2022, target_year=2030
    )
    assert path.sel(year=2026).item() == pytest.approx(30)
    assert path.sel(year=2040).item() == pytest.approx(10)
    assert (path.sel(year=slice(2050, None)) == 0).all()
    total = climate.cumulative_co2(path, after=2029).sel(year=2100).item()
    assert total == pytest.approx(sum(20 * (1 - n / 20) for n in range(20)))


def test_pathways_of_many_samples_equal_one_at_a_time():
    rates, targets = samples([-0.02, 0.0, 0.01]), samples([41, 55, 60])
    common = {"start": 57.4, "start_year": 2022, "target_year": 2030}
    every = climate.pathway_at_rate(YEARS, target=targets, rate=rates, **common)
    for i in range(3):
        one = climate.pathway_at_rate(
            YEARS, target=float(targets[i]), rate=float(rates[i]), **common
        )
        np.testing.assert_allclose(every.isel(sample=i), one)


@given(levels, levels, levels, shares)
def test_the_split_and_the_sum_are_each_other_turned_round(co2, co2_start, other, response):
    start = {"ghg_start": co2_start + other, "co2_start": co2_start, "response": response}
    ghg = climate.ghg_of(co2, **start)
    assert climate.co2_of(ghg, **start) == pytest.approx(co2)
    assert climate.ghg_of(co2_start, **start) == pytest.approx(co2_start + other)


def test_other_gases_follow_a_share_of_the_cut():
    start = {"ghg_start": 60.0, "co2_start": 40.0, "response": 0.5}
    assert climate.ghg_of(0.0, **start) == pytest.approx(10)
    assert climate.ghg_of(20.0, **start) == pytest.approx(20 + 15)
    assert climate.co2_of(5.0, **start) < 0


def test_cumulative_emissions_by_hand():
    level = xr.full_like(YEARS, 40.0)
    total = climate.cumulative_co2(level, after=2024)
    assert total.sel(year=2024).item() == 0
    assert total.sel(year=2034).item() == 400
    assert total.attrs["units"] == "GtCO2"


def test_non_co2_term_by_hand():
    common = {"co2_today": 40.0, "other_today": 15.0, "aerosol": 0.3, "methane": 0.2}
    assert climate.non_co2_warming(40.0, other=15.0, **common) == 0
    assert climate.non_co2_warming(0.0, other=7.5, **common) == pytest.approx(0.3 - 0.1)
    assert climate.non_co2_warming(20.0, other=15.0, **common) == pytest.approx(0.15)


@given(st.floats(0, 3000), st.floats(0.1, 1), st.floats(-0.5, 0.5))
def test_warming_is_linear_in_what_is_emitted(total, tcre, non_co2):
    warm = climate.warming(total, today=1.3, tcre=tcre, non_co2=non_co2)
    twice = climate.warming(2 * total, today=1.3, tcre=tcre, non_co2=non_co2)
    assert twice - warm == pytest.approx(tcre * total / 1000, abs=1e-12)


def test_a_budget_emitted_holds_the_limit_with_its_likelihood():
    rng = np.random.default_rng(0)
    today, tcre = samples(rng.normal(1.3, 0.1, 4001)), samples(rng.lognormal(-0.8, 0.3, 4001))
    p = xr.DataArray([0.33, 0.5, 0.67, 0.83], dims="likelihood")
    limit = xr.DataArray([1.7, 2.0], dims="limit")
    terms = {"today": today, "tcre": tcre, "non_co2": 0.1}
    budget = climate.remaining_budget(limit, likelihood=p, **terms)
    assert budget.dims == ("likelihood", "limit")
    below = climate.warming(budget, **terms) <= limit + 1e-12
    np.testing.assert_allclose(
        below.mean("sample"), p.expand_dims(limit=2).transpose("likelihood", "limit"), atol=3e-4
    )
    assert (budget.diff("likelihood") < 0).all()


def test_budget_against_the_closed_form():
    grid = norm.ppf((np.arange(20001) + 0.5) / 20001)
    budget = climate.remaining_budget(
        2.0, today=samples(1.3 + 0.1 * grid), tcre=0.5, non_co2=0.1, likelihood=0.83
    )
    assert budget.item() == pytest.approx(1000 * (0.6 - 0.1 * norm.ppf(0.83)) / 0.5, abs=0.1)


def test_a_budget_already_spent_is_negative_and_its_share_infinite():
    spent = climate.remaining_budget(1.5, today=samples([1.6]), tcre=0.5, non_co2=0, likelihood=0.5)
    assert spent.item() == pytest.approx(-200)
    share = climate.budget_share(65.0, budget=xr.DataArray([130.0, -10.0, 0.0], dims="limit"))
    np.testing.assert_array_equal(share, [0.5, np.inf, np.inf])


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: climate.yearly_change(0.0, end=1.0, years=8), "start"),
        (lambda: climate.yearly_change(1.0, end=1.0, years=0), "years"),
        (
            lambda: climate.pathway_at_rate(
                YEARS, start=1.0, target=1.0, rate=-1.0, start_year=2022, target_year=2030
            ),
            "rate",
        ),
        (
            lambda: climate.pathway_at_rate(
                YEARS, start=1.0, target=1.0, rate=0.0, start_year=2030, target_year=2030
            ),
            "target_year",
        ),
        (
            lambda: climate.pathway_to_zero(
                YEARS, start=1.0, target=1.0, years_to_zero=0.0, start_year=2022, target_year=2030
            ),
            "years_to_zero",
        ),
        (lambda: climate.co2_of(50.0, ghg_start=40.0, co2_start=41.0, response=0.5), "ghg_start"),
        (lambda: climate.ghg_of(50.0, ghg_start=57.0, co2_start=41.0, response=1.5), "response"),
        (lambda: climate.co2_of(50.0, ghg_start=57.0, co2_start=0.0, response=0.5), "co2_start"),
        (lambda: climate.cumulative_co2(YEARS.rename(year="t"), after=2024), "year"),
        (lambda: climate.cumulative_co2(YEARS[::2], after=2024), "gaps"),
        (lambda: climate.cumulative_co2(YEARS, after=2000), "begin"),
        (
            lambda: climate.non_co2_warming(
                1.0, other=1.0, co2_today=0.0, other_today=1.0, aerosol=0.2, methane=0.2
            ),
            "co2_today",
        ),
        (
            lambda: climate.remaining_budget(
                2.0, today=1.3, tcre=samples([-0.1]), non_co2=0.0, likelihood=0.5
            ),
            "tcre",
        ),
        (
            lambda: climate.remaining_budget(
                2.0, today=samples([1.3]), tcre=0.5, non_co2=0.0, likelihood=50
            ),
            "likelihood",
        ),
        (
            lambda: climate.remaining_budget(2.0, today=1.3, tcre=0.5, non_co2=0.0, likelihood=0.5),
            "sample",
        ),
    ],
)
def test_bad_input_names_the_argument(call, word):
    with pytest.raises(ValueError, match=word):
        call()
