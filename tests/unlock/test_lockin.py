"""Retirement, committed emissions, ages, book value and switching price, against cases by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, truncnorm

from unlock import lockin
from unlock.cohorts import survival
from unlock.costs import annuity_factor, capital_charge

years = st.floats(1, 60)
CAMPAIGNS = xr.DataArray([20.0, 15.0, 10.0], dims="campaign")


def cohorts(values, dim="cohort", **coords):
    return xr.DataArray(np.asarray(values, dtype=float), dims=dim, coords=coords)


def test_rules_by_hand():
    assert lockin.fixed_life(1990, life=40) == 2030
    assert lockin.campaign_end(2015, campaign=17) == 2032


@pytest.mark.parametrize(
    ("done", "further", "expected"),
    [(0, 0, 2030), (0, 1, 2045), (1, 1, 2035), (2, 1, 2030), (5, 0, 2020), (0, 4, 2075)],
)
def test_relinings_add_the_campaigns_that_follow(done, further, expected):
    got = lockin.after_relinings(2010, done=done, further=further, campaigns=CAMPAIGNS)
    assert got.item() == expected


def test_relinings_of_many_furnaces_equal_one_at_a_time():
    vintage, done = cohorts([2000, 2010, 2020]), xr.DataArray([0, 1, 2], dims="cohort")
    lengths = CAMPAIGNS * xr.DataArray([1.0, 1.1], dims="sample")
    every = lockin.after_relinings(vintage, done=done, further=1, campaigns=lengths)
    assert set(every.dims) == {"cohort", "sample"}
    for c in range(3):
        for s in range(2):
            one = lockin.after_relinings(
                float(vintage[c]), done=int(done[c]), further=1, campaigns=lengths.isel(sample=s)
            )
            assert every.isel(cohort=c, sample=s).item() == pytest.approx(one.item())


def test_a_campaign_per_relining_with_equal_lengths_is_the_campaign_rule():
    lengths = xr.DataArray([17.0, 17.0, 17.0], dims="campaign")
    got = lockin.after_relinings(2012, done=1, further=0, campaigns=lengths).item()
    assert got == lockin.campaign_end(2012, campaign=17)


def test_without_spread_a_plant_stands_until_its_year():
    year = np.arange(2025, 2034)
    share = lockin.remaining_share(year, retirement=2030.0, vintage=2010.0, today=2025)
    assert list(share) == [1, 1, 1, 1, 1, 0, 0, 0, 0]


def test_overdue_furnaces_follow_the_argument():
    year = np.array([2025.0, 2026, 2030, 2035, 2036])
    common = dict(retirement=2020.0, vintage=2000.0, today=2025, spread=5.0)
    spread = lockin.remaining_share(year, **common, overdue="spread", closing_time=10)
    np.testing.assert_allclose(spread, [1, 0.9, 0.5, 0, 0])
    np.testing.assert_allclose(
        lockin.remaining_share(year, **common, overdue="now"), [1, 0, 0, 0, 0]
    )
    tail = lockin.remaining_share(year, **common, overdue="tail")
    np.testing.assert_allclose(tail, norm.sf(year, 2020, 5) / norm.sf(2025, 2020, 5))


def test_share_is_the_survival_of_the_cohort_stock_given_that_it_stands_today():
    year = xr.DataArray(np.arange(2025, 2060.0), dims="year")
    share = lockin.remaining_share(year, retirement=2040.0, vintage=2000.0, today=2025, spread=12.0)
    alive = survival(year - 2000, mean=40.0, sd=12.0) / survival(25.0, mean=40.0, sd=12.0)
    np.testing.assert_allclose(share, alive, rtol=1e-12)


def test_a_plant_not_built_yet_stands_from_its_start():
    year = np.arange(2025, 2031)
    share = lockin.remaining_share(
        year, retirement=2060.0, vintage=2028.0, today=2025, spread=3.0, overdue="now"
    )
    assert list(share[:3]) == [0, 0, 0]
    assert share[3] == 1


@given(ahead=st.floats(-80, 60), spread=st.floats(0.5, 20))
def test_tail_stays_a_falling_share_far_past_the_rule(ahead, spread):
    year = np.linspace(2025, 2125, 60)
    share = lockin.remaining_share(
        year, retirement=2025 + ahead, vintage=1900.0, today=2025, spread=spread, overdue="tail"
    )
    assert np.all(np.isfinite(share)) and np.all(np.diff(share) <= 1e-12)
    assert share[0] == 1 and share.min() >= 0


@pytest.mark.parametrize("overdue", lockin.OVERDUE)
@given(ahead=st.floats(-30, 40), spread=st.floats(1, 15), closing=st.floats(1, 20))
@settings(max_examples=15, deadline=None)
def test_expected_life_is_the_area_under_the_share(overdue, ahead, spread, closing):
    common = dict(vintage=1950.0, today=2025, spread=spread, overdue=overdue, closing_time=closing)
    year = xr.DataArray(np.linspace(2025, 2225, 40_001), dims="year")
    year = year.assign_coords(year=year)
    area = lockin.remaining_share(year, retirement=2025.0 + ahead, **common).integrate("year")
    life = lockin.expected_remaining_life(2025.0 + ahead, **common)
    assert float(area) == pytest.approx(float(life), abs=5e-3)


def test_expected_life_is_the_truncated_normal_mean():
    life = lockin.expected_remaining_life(
        2033.0, vintage=2000.0, today=2025, spread=6.0, overdue="tail"
    )
    assert float(life) == pytest.approx(truncnorm.mean(-8 / 6, np.inf, loc=8, scale=6))


@given(years, years, st.floats(0, 10))
def test_longer_lives_never_shorten_the_wait(life, more, spread):
    common = dict(vintage=2010.0, today=2025, spread=spread, overdue="tail")
    short = lockin.expected_remaining_life(2010 + life, **common)
    assert lockin.expected_remaining_life(2010 + life + more, **common) >= short - 1e-9


@given(spread=st.floats(0.01, 2))
def test_expected_life_far_past_the_rule_follows_the_law_of_the_tail(spread):
    life = lockin.expected_remaining_life(
        1900.0, vintage=1800.0, today=2025, spread=spread, overdue="tail"
    )
    assert float(life) == pytest.approx(spread**2 / 125, rel=2e-3)


def test_emissions_by_hand():
    # 930 t of hot metal make 1,000 t of steel, which emit 2,300 t
    annual = lockin.annual_emissions(0.93, capacity_factor=1.0, hot_metal=0.93, intensity=2.3)
    assert annual == pytest.approx(2.3)
    assert lockin.committed_emissions(annual, remaining_life=10.0) == pytest.approx(0.023)


def test_emissions_by_year_add_up_to_the_committed_emissions():
    vintage = cohorts([1985, 2005, 2018, 2030])
    common = dict(
        retirement=vintage + 30, vintage=vintage, today=2025, spread=8.0, closing_time=10.0
    )
    year = xr.DataArray(np.arange(2025, 2200, 0.05), dims="year")
    year = year.assign_coords(year=year)
    annual = cohorts([10, 20, 30, 40.0])
    by_year = (annual * lockin.remaining_share(year, **common)).sum("cohort")
    life = lockin.expected_remaining_life(common.pop("retirement"), **common)
    total = lockin.committed_emissions(annual, remaining_life=life).sum("cohort")
    assert lockin.cumulative_emissions(by_year).item() == pytest.approx(total.item(), rel=2e-3)


def test_cumulative_emissions_on_an_uneven_axis():
    annual = xr.DataArray([1000.0, 1000, 0], dims="year", coords={"year": [2020, 2022, 2032]})
    assert lockin.cumulative_emissions(annual).item() == pytest.approx(2 + 5)


def test_mean_age_weighs_by_capacity_and_broadcasts():
    capacity = cohorts([1, 3])
    vintage = cohorts([2000, 2010]) + xr.DataArray([0.0, 1.0], dims="sample")
    np.testing.assert_allclose(lockin.mean_age(capacity, vintage=vintage, year=2020), [12.5, 11.5])
    assert np.isnan(lockin.mean_age(capacity * 0, vintage=vintage, year=2020)).all()


@given(st.lists(st.floats(0.1, 100), min_size=4, max_size=4), st.floats(0, 500), st.floats(0, 500))
def test_undated_capacity_follows_its_region_and_none_is_lost(dated, first, second):
    capacity = cohorts(dated, region=("cohort", ["A", "B", "A", "B"]))
    undated = xr.DataArray([second, first], dims="region", coords={"region": ["B", "A"]})
    spread = lockin.allocate_undated(capacity, undated=undated)
    assert float(spread.sum()) == pytest.approx(first + second)
    assert float(spread[0]) == pytest.approx(first * dated[0] / (dated[0] + dated[2]))


def test_undated_capacity_of_an_unknown_region_is_an_error():
    capacity = cohorts([1.0], region=("cohort", ["A"]))
    undated = xr.DataArray([5.0, 0.0], dims="region", coords={"region": ["B", "C"]})
    with pytest.raises(ValueError, match="undated capacity of B has no dated one"):
        lockin.allocate_undated(capacity, undated=undated)


FLEET = pd.DataFrame(
    [
        ("A", "emerging", "operating", "first start", 0, 2000.0, 3.0),
        ("A", "advanced", "operating", "first start", 0, 2000.0, 2.0),
        ("A", "emerging", "mothballed", "first start", 0, 1990.0, 1.0),
        ("A", "emerging", "operating", "first start", 0, 2010.0, 5.0),
        ("A", "emerging", "operating", "first start", 0, np.nan, 4.0),
        ("B", "emerging", "operating", "first start", 0, 2005.0, 7.0),
        ("A", "emerging", "operating", "last relining", 1, 2015.0, 14.0),
        ("B", "emerging", "operating", "last relining", 2, 2012.0, 7.0),
    ],
    columns=["region", "economy", "state", "basis", "relinings", "vintage", "value"],
)


def test_standing_fleet_keeps_all_capacity_and_its_labels():
    fleet = lockin.standing_fleet(FLEET, basis=["first start"], state=["operating"])
    assert float(fleet.sum()) == pytest.approx(21)
    assert float(fleet.where(fleet.undated).sum()) == pytest.approx(4)
    assert float(fleet.where(fleet.undated & (fleet.vintage == 2010)).sum()) == pytest.approx(2)
    assert float(fleet.where(fleet.region == "B").sum()) == 7
    both = lockin.standing_fleet(FLEET, basis=["first start", "last relining"], state=["operating"])
    totals = both.groupby("basis").sum()
    np.testing.assert_allclose(totals.sel(basis=["first start", "last relining"]), [21, 21])


def test_standing_fleet_without_furnaces_is_an_error():
    with pytest.raises(ValueError, match="no dated furnace with basis 'last relining' and state x"):
        lockin.standing_fleet(FLEET, basis=["last relining"], state=["x"])


@pytest.mark.parametrize(
    ("rule", "basis", "expected"),
    [
        ("fixed-life", "first start", {"A": {2040, 2050, 2038, 2048}, "B": {2045, 2043}}),
        ("campaign-end", "last relining", {"A": {2032, 2030}, "B": {2029, 2027}}),
        ("relining", "last relining", {"A": {2040, 2038}, "B": {2032, 2030}}),
    ],
)
def test_closing_follows_the_rule_and_the_age_of_undated_furnaces(rule, basis, expected):
    fleet = lockin.standing_fleet(FLEET, basis=[basis], state=["operating"])
    close = lockin.closing(
        fleet,
        rule=rule,
        life=40.0,
        campaign=17.0,
        campaigns=CAMPAIGNS,
        undated_older=2.0,
        spread=xr.DataArray([0.0, 0.25], dims="sample"),
    )
    for region, years in expected.items():
        mine = (fleet["region"] == region).values
        assert set(close["retirement"].values[mine]) == years
    lives = close["retirement"] - close["vintage"]
    np.testing.assert_allclose(close["spread"].isel(sample=1), 0.25 * lives)


def test_an_unknown_rule_is_an_error():
    fleet = lockin.standing_fleet(FLEET, basis=["first start"], state=["operating"])
    with pytest.raises(ValueError, match="rule must be one of campaign-end, relining, fixed-life"):
        lockin.closing(fleet, rule="never", life=1, campaign=1, campaigns=CAMPAIGNS)


def test_share_outliving_by_hand():
    share = lockin.share_outliving(
        cohorts([1, 2, 5]), remaining_life=cohorts([20, 15, 16]), years=15
    )
    assert float(share) == pytest.approx(6 / 8)


def test_book_value_falls_in_a_straight_line_to_nothing():
    np.testing.assert_allclose(
        lockin.undepreciated_share(np.array([-1.0, 0, 5, 20, 30]), life=20), [1, 1, 0.75, 0, 0]
    )
    lost = lockin.stranded_value(
        cohorts([2, 4]), vintage=cohorts([2020, 2000]), year=2025, cost=500.0, life=10.0
    )
    assert float(lost) == pytest.approx(2 * 500 * 0.5)
    assert lost.attrs["units"] == "million CNY"


def test_continuation_capital_by_hand_at_both_ends_of_a_campaign():
    fresh = lockin.continuation_capital(
        0.0, relining=800.0, campaign=17.0, next_campaign=15.0, rate=0.07
    )
    assert fresh == pytest.approx(800 / 1.07**17 * annuity_factor(0.07, life=32.0))
    due = lockin.continuation_capital(
        20.0, relining=800.0, campaign=17.0, next_campaign=15.0, rate=0.07
    )
    assert due == pytest.approx(capital_charge(800.0, rate=0.07, life=15.0))


@given(st.floats(0, 16), st.floats(0.1, 1), st.floats(0.01, 0.15))
def test_the_nearer_the_relining_the_more_capital_is_still_avoidable(age, step, rate):
    common = dict(relining=800.0, campaign=17.0, next_campaign=15.0, rate=rate)
    assert lockin.continuation_capital(age + step, **common) > lockin.continuation_capital(
        age, **common
    )


def test_switching_price_is_where_the_two_routes_cost_the_same():
    common = dict(new_capital=400.0, avoided_capital=150.0, intensity=2.3, new_intensity=0.1)
    price = lockin.switching_price(1300.0, **common)
    assert 150 + price * 2.3 == pytest.approx(1300 + 400 + price * 0.1)


@given(st.floats(0, 500), st.floats(0.1, 500))
def test_more_sunk_capital_raises_the_switching_price(avoided, sunk):
    common = dict(new_capital=400.0, intensity=2.3, new_intensity=0.1)
    high = lockin.switching_price(1000.0, avoided_capital=avoided, **common)
    assert high > lockin.switching_price(1000.0, avoided_capital=avoided + sunk, **common)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lockin.fixed_life(2000, life=0), "life must be above 0"),
        (lambda: lockin.campaign_end(2000, campaign=-1), "campaign must be above 0; got -1"),
        (
            lambda: lockin.after_relinings(2000, done=0, further=-1, campaigns=CAMPAIGNS),
            "must be 0 or more",
        ),
        (
            lambda: lockin.remaining_share(
                2030, retirement=2040, vintage=2000, today=2025, spread=-1
            ),
            "spread must be 0 or more years; got -1",
        ),
        (
            lambda: lockin.expected_remaining_life(2040, vintage=2000, today=2025, overdue="never"),
            "overdue must be one of spread, now, tail; got 'never'",
        ),
        (
            lambda: lockin.annual_emissions(1, capacity_factor=1, hot_metal=0, intensity=2),
            "hot_metal must be above 0",
        ),
        (
            lambda: lockin.cumulative_emissions(xr.DataArray([1.0], dims="time")),
            "annual must have the dim 'year'; it has time",
        ),
        (
            lambda: lockin.continuation_capital(
                -1, relining=1, campaign=1, next_campaign=1, rate=0.1
            ),
            "age must be 0 or more years; got -1",
        ),
        (
            lambda: lockin.switching_price(
                1, new_capital=1, avoided_capital=1, intensity=1, new_intensity=1
            ),
            "new_intensity must be below intensity",
        ),
        (lambda: lockin.undepreciated_share(1, life=0), "life must be above 0"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
