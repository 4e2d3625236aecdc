import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from unlock import _cohorts
from unlock.cohorts import balance, inflow_driven, stock_driven, survival

LAWS = ["normal", "lognormal", "weibull", "gamma", "fixed"]
SPREAD = LAWS[:-1]
CASES = [(30, 9), (5, 2), (12, 0.3), (40, 40), (20, 35)]  # mean and sd of a lifetime
RULES = ["report", "proportional", "oldest"]


def series(values, years=None, *, units="Mt", **dims):
    values = np.asarray(values, dtype=float)
    years = np.arange(2000, 2000 + len(values)) if years is None else years
    return xr.DataArray(
        values, dims=("time", *dims), coords={"time": years, **dims}, attrs={"units": units}
    )


def samples(values):
    return xr.DataArray(values, dims="sample")


def residual(flows):
    return float(abs(balance(flows)).max()) / max(1.0, float(abs(flows["stock"]).max()))


class TestSurvival:
    @pytest.mark.parametrize("law", SPREAD[1:])
    @pytest.mark.parametrize(("mean", "sd"), CASES)
    def test_moments_are_those_asked_for(self, law, mean, sd):
        def alive(age):
            return survival(age, mean=mean, sd=sd, distribution=law)

        edges = [0, mean, mean + 20 * sd, mean + 5000 * sd]
        pieces = list(itertools.pairwise(edges))
        first = sum(integrate.quad(alive, a, b, limit=400)[0] for a, b in pieces)
        second = sum(
            integrate.quad(lambda age: 2 * age * alive(age), a, b, limit=400)[0] for a, b in pieces
        )
        assert first == pytest.approx(mean, rel=1e-4)
        assert np.sqrt(second - first**2) == pytest.approx(sd, rel=2e-3)

    @pytest.mark.parametrize(("mean", "sd"), CASES)
    def test_normal_counts_lives_below_zero_as_zero(self, mean, sd):
        area = integrate.quad(lambda a: survival(a, mean=mean, sd=sd), 0, mean + 12 * sd)[0]
        z = mean / sd
        assert area == pytest.approx(mean * stats.norm.cdf(z) + sd * stats.norm.pdf(z), rel=1e-6)

    @pytest.mark.parametrize(
        ("law", "peer"),
        [
            ("normal", stats.norm(30, 9)),
            ("lognormal", stats.lognorm(0.29356, scale=28.73478)),
            ("gamma", stats.gamma(100 / 9, scale=2.7)),
        ],
    )
    def test_agrees_with_scipy_stats(self, law, peer):
        age = np.linspace(0, 90, 31)
        ours = survival(age, mean=30.0, sd=9.0, distribution=law)
        np.testing.assert_allclose(ours, peer.sf(age), atol=2e-5)

    def test_weibull_with_sd_as_large_as_mean_is_exponential(self):
        age = np.linspace(0, 100, 21)
        ours = survival(age, mean=20.0, sd=20.0, distribution="weibull")
        np.testing.assert_allclose(ours, np.exp(-age / 20), rtol=1e-12)

    def test_gamma_with_sd_as_large_as_mean_is_exponential(self):
        age = np.linspace(0, 100, 21)
        ours = survival(age, mean=20.0, sd=20.0, distribution="gamma")
        np.testing.assert_allclose(ours, np.exp(-age / 20), rtol=1e-12)

    def test_weibull_of_shape_two_is_rayleigh(self):
        sd = np.sqrt(4 / np.pi - 1) * 20  # coefficient of variation of a Rayleigh law
        age = np.linspace(0, 60, 21)
        ours = survival(age, mean=20.0, sd=sd, distribution="weibull")
        np.testing.assert_allclose(ours, np.exp(-np.pi / 4 * (age / 20) ** 2), rtol=1e-10)

    def test_weibull_shape_solves_its_equation_over_a_wide_range(self):
        variation = np.geomspace(1e-3, 8, 60)
        x = _cohorts.weibull_inverse_shape(variation)
        peer = stats.weibull_min(1 / x)
        np.testing.assert_allclose(peer.std() / peer.mean(), variation, rtol=2e-5)

    def test_lognormal_takes_moments_of_the_lifetime_not_of_its_logarithm(self):
        # Taking them for those of the logarithm is a known fault; it gives 0.30 here.
        assert survival(20, mean=30, sd=9, distribution="lognormal") == pytest.approx(
            0.891, abs=1e-3
        )

    def test_normal_part_may_fail_in_its_first_year(self):
        assert survival(0, mean=2.0, sd=1.0) == pytest.approx(stats.norm.sf(-2.0))

    def test_fixed_leaves_at_its_age(self):
        np.testing.assert_array_equal(
            survival([0, 9, 9.99, 10, 11], mean=10, distribution="fixed"), [1, 1, 1, 0, 0]
        )

    @pytest.mark.parametrize("law", LAWS)
    def test_no_spread_is_fixed(self, law):
        age = np.arange(20.0)
        mean = np.array([[3.0], [7.0]])
        ours = survival(age, mean=mean, sd=np.array([[0.0], [0.0]]), distribution=law)
        np.testing.assert_array_equal(ours, age < mean)

    def test_mixed_spread_and_none(self):
        ours = survival(6.0, mean=samples([5.0, 5.0, 7.0]), sd=samples([0.0, 2.0, 0.0]))
        np.testing.assert_allclose(ours, [0, stats.norm.sf(0.5), 1])

    @settings(max_examples=60, deadline=None)
    @given(
        law=st.sampled_from(LAWS),
        mean=st.floats(0.5, 200),
        variation=st.floats(0.01, 3),
        scale=st.floats(0.01, 100),
    )
    def test_falls_from_at_most_one_and_does_not_know_units(self, law, mean, variation, scale):
        age = np.linspace(0, 5 * mean, 50)
        alive = survival(age, mean=mean, sd=variation * mean, distribution=law)
        assert np.all((alive >= 0) & (alive <= 1))
        assert np.all(np.diff(alive) <= 1e-15)
        if law != "fixed":
            other = survival(
                age * scale, mean=mean * scale, sd=variation * mean * scale, distribution=law
            )
            np.testing.assert_allclose(alive, other, atol=1e-9)

    def test_broadcasts_over_labelled_dims(self):
        age = xr.DataArray(np.arange(4.0), dims="age")
        mean = xr.DataArray([10.0, np.nan], dims="region", coords={"region": ["China", "India"]})
        alive = survival(age, mean=mean, sd=3.0, distribution="gamma")
        assert alive.dims == ("age", "region") and alive.attrs["units"] == "1"
        assert np.isnan(alive.sel(region="India")).all()
        one = survival(2.0, mean=10.0, sd=3.0, distribution="gamma")
        assert float(alive.sel(region="China")[2]) == one

    @pytest.mark.parametrize(
        ("kwargs", "message"),
        [
            ({"age": -1.0, "mean": 5}, "age must not be negative, but -1 was given"),
            ({"age": 1.0, "mean": 0}, "mean must be above 0 years, but 0 was given"),
            ({"age": 1.0, "mean": 5, "sd": -2}, "sd must not be negative, but -2 was given"),
            ({"age": 1.0, "mean": 5, "distribution": "cauchy"}, "distribution must be one of"),
        ],
    )
    def test_refuses(self, kwargs, message):
        with pytest.raises(ValueError, match=message):
            survival(kwargs.pop("age"), **kwargs)


class TestInflowDriven:
    def test_fixed_life_by_hand(self):
        # Life of 2 years: what enters in 2000 is there in 2000 and 2001 and leaves in 2002.
        flows = inflow_driven(series([10, 20, 0, 5]), mean=2, distribution="fixed")
        np.testing.assert_array_equal(flows["stock"], [10, 30, 20, 5])
        np.testing.assert_array_equal(flows["outflow"], [0, 0, 10, 20])

    def test_textbook_example_by_hand(self):
        # Survival 1, 0.5, 0 at ages 0, 1, 2: half of each cohort leaves a year after entry.
        mean = samples([1.0, 2.0])
        flows = inflow_driven(series([8, 4, 4]), mean=mean, distribution="fixed")
        half = flows.mean("sample")
        np.testing.assert_allclose(half["stock"], [8, 8, 6])
        np.testing.assert_allclose(half["outflow"], [0, 4, 6])

    def test_exponential_lives_give_a_geometric_stock(self):
        flows = inflow_driven(series(np.full(60, 3.0)), mean=10, sd=10, distribution="weibull")
        q = np.exp(-1 / 10)
        np.testing.assert_allclose(flows["stock"], 3 * (1 - q ** np.arange(1, 61)) / (1 - q))
        np.testing.assert_allclose(flows["outflow"][1:], flows["stock"][:-1] * (1 - q), rtol=1e-9)

    @pytest.mark.parametrize("law", LAWS)
    def test_steady_inflow_ends_in_inflow_times_life(self, law):
        # Survival at whole ages from 0 sums to the mean life plus about half a year.
        flows = inflow_driven(series(np.full(400, 2.0)), mean=25, sd=6, distribution=law)
        assert float(flows["stock"][-1]) == pytest.approx(2 * 25.5, abs=1.01)
        assert float(flows["outflow"][-1]) == pytest.approx(2, abs=1e-6)

    @pytest.mark.parametrize("law", LAWS)
    def test_long_step_equals_as_many_years(self, law):
        rates = [4.0, 1.0, 6.0, 2.0]
        lengths = [5, 5, 3, 1]
        years = np.array([1904, 1909, 1912, 1913])
        yearly = series(np.repeat(rates, lengths), np.arange(1900, 1914))
        coarse = inflow_driven(series(rates, years), mean=6, sd=2, distribution=law)
        fine = inflow_driven(yearly, mean=6, sd=2, distribution=law)
        np.testing.assert_allclose(coarse["stock"], fine["stock"].sel(time=years))
        before = np.cumsum(lengths) - lengths
        out = np.add.reduceat(fine["outflow"].values, before) / lengths
        np.testing.assert_allclose(coarse["outflow"], out, atol=1e-12)

    def test_initial_stock_by_hand(self):
        initial = xr.DataArray(
            [6.0, 9.0, 4.0], dims="cohort", coords={"cohort": [1999, 1995, 1996]}
        )
        flows = inflow_driven(
            series([0, 0, 0, 0]), mean=5, distribution="fixed", initial=initial, by_cohort=True
        )
        # Alive at the end of 1999: 1995 (age 4), 1996 (age 3), 1999 (age 0).
        np.testing.assert_array_equal(flows["stock"], [10, 6, 6, 6])
        np.testing.assert_array_equal(flows["outflow"], [9, 4, 0, 0])
        np.testing.assert_array_equal(flows["stock_by_cohort"].sel(cohort=1999), [6, 6, 6, 6])
        assert float(flows["initial_stock"]) == 19 and residual(flows) == 0

    def test_initial_stock_ages_by_conditional_survival(self):
        initial = xr.DataArray([10.0], dims="cohort", coords={"cohort": [1980]})
        flows = inflow_driven(series([0, 0]), mean=30, sd=9, initial=initial)
        start = survival(19, mean=30, sd=9)
        expected = [10 * survival(a, mean=30, sd=9) / start for a in (20, 21)]
        np.testing.assert_allclose(flows["stock"], expected)

    def test_initial_stock_continues_a_run(self):
        whole = inflow_driven(
            series(np.linspace(1, 9, 40)), mean=12, sd=4, distribution="weibull", by_cohort=True
        )
        last = whole["stock_by_cohort"].sel(time=2019).sel(cohort=slice(2000, 2019))
        rest = inflow_driven(
            whole["inflow"].sel(time=slice(2020, None)),
            mean=12,
            sd=4,
            distribution="weibull",
            initial=last.drop_vars("time"),
        )
        xr.testing.assert_allclose(rest["stock"], whole["stock"].sel(time=slice(2020, None)))

    def test_vintage_past_its_life_leaves_in_the_first_step(self):
        initial = xr.DataArray([7.0], dims="cohort", coords={"cohort": [1900]})
        flows = inflow_driven(series([0, 0]), mean=5, distribution="fixed", initial=initial)
        np.testing.assert_array_equal(flows["outflow"], [7, 0])

    def test_lifetimes_by_cohort_by_hand(self):
        mean = xr.DataArray(
            [1.0, 3.0, 1.0, 1.0], dims="cohort", coords={"cohort": range(2000, 2004)}
        )
        flows = inflow_driven(series([1, 10, 100, 1000]), mean=mean, distribution="fixed")
        np.testing.assert_array_equal(flows["stock"], [1, 10, 110, 1010])

    @pytest.mark.parametrize("law", LAWS)
    def test_same_lifetime_for_each_cohort_changes_nothing(self, law):
        inflow = series(np.linspace(1, 5, 12), np.r_[2000:2008, 2010, 2013.5, 2014, 2024])
        initial = xr.DataArray([5.0, 6.0], dims="cohort", coords={"cohort": [1990, 1995]})
        cohort = np.r_[1990, 1995, inflow["time"].values][::-1]
        mean = xr.DataArray(np.full(14, 7.0), dims="cohort", coords={"cohort": cohort})
        given = {"sd": 2.0, "distribution": law, "initial": initial}
        xr.testing.assert_allclose(
            inflow_driven(inflow, mean=mean, **given), inflow_driven(inflow, mean=7.0, **given)
        )

    def test_units(self):
        flows = inflow_driven(series([1, 2], units="Mt/year"), mean=5, by_cohort=True)
        assert flows["stock"].attrs["units"] == flows["stock_by_cohort"].attrs["units"] == "Mt"
        assert flows["inflow"].attrs["units"] == flows["outflow"].attrs["units"] == "Mt/year"
        assert balance(flows).attrs["units"] == "Mt"

    def test_arguments_stay_as_they_were(self):
        inflow = series([1, 2], units="Mt/year")
        kept = inflow.copy(deep=True)
        inflow_driven(inflow, mean=5)
        xr.testing.assert_identical(inflow, kept)


class TestStockDriven:
    @pytest.mark.parametrize("law", LAWS)
    def test_returns_the_inflow_that_made_the_stock(self, law):
        rng = np.random.default_rng(3)
        years = np.r_[1900:1950, 1955:1990:5, 1990.5, 1991, 2000]
        inflow = series(rng.uniform(1, 9, (len(years), 2)), years, region=["China", "India"])
        initial = xr.DataArray([3.0, 4.0], dims="cohort", coords={"cohort": [1880, 1890]})
        given = {"mean": samples([18.0, 30.0]), "sd": 5.0, "distribution": law, "initial": initial}
        there = inflow_driven(inflow, **given)
        back = stock_driven(there["stock"], **given)
        xr.testing.assert_allclose(
            back["inflow"], inflow.broadcast_like(back["inflow"]), rtol=1e-9, atol=1e-9
        )
        xr.testing.assert_allclose(back["outflow"], there["outflow"], rtol=1e-9, atol=1e-9)

    def test_first_year_failures_are_replaced_at_once(self):
        flows = stock_driven(series([10, 10]), mean=2.0, sd=1.0)
        s0, s1 = survival([0, 1], mean=2.0, sd=1.0)
        first = 10 / s0
        second = (10 - first * s1) / s0
        np.testing.assert_allclose(flows["inflow"], [first, second])
        np.testing.assert_allclose(flows["outflow"], [first - 10, second])

    def test_report_leaves_the_inflow_negative_and_counts_it(self):
        flows = stock_driven(series([10, 2, 2]), mean=5, distribution="fixed")
        np.testing.assert_array_equal(flows["inflow"], [10, -8, 0])
        np.testing.assert_array_equal(flows["early_retirement"], [0, 0, 0])
        assert flows.attrs == {"early": "report", "negative_inflow_cells": 1}

    def test_proportional_by_hand(self):
        flows = stock_driven(
            series([10, 30, 15, 15]),
            mean=3,
            distribution="fixed",
            early="proportional",
            by_cohort=True,
        )
        # 2002: 10 + 20 stand, 15 may: half of each goes. 2003: the 5 of 2000 die.
        np.testing.assert_allclose(flows["early_retirement"], [0, 0, 15, 0])
        np.testing.assert_allclose(flows["stock_by_cohort"].sel(time=2002), [5, 10, 0, 0])
        np.testing.assert_allclose(flows["outflow"], [0, 0, 0, 5])
        np.testing.assert_allclose(flows["inflow"], [10, 20, 0, 5])
        assert flows.attrs["negative_inflow_cells"] == 0

    def test_oldest_by_hand(self):
        flows = stock_driven(
            series([10, 30, 15, 15]), mean=3, distribution="fixed", early="oldest", by_cohort=True
        )
        np.testing.assert_allclose(flows["early_retirement"], [0, 0, 15, 0])
        np.testing.assert_allclose(
            flows["early_retirement_by_cohort"].sel(time=2002), [10, 5, 0, 0]
        )
        np.testing.assert_allclose(flows["stock_by_cohort"].sel(time=2002), [0, 15, 0, 0])
        np.testing.assert_allclose(flows["outflow"], [0, 0, 0, 0])

    @pytest.mark.parametrize("rule", RULES[1:])
    def test_stock_may_fall_to_nothing_and_return(self, rule):
        flows = stock_driven(series([10, 0, 0, 4]), mean=8, sd=2, early=rule)
        np.testing.assert_allclose(flows["inflow"][1:3], 0)
        assert float(flows["early_retirement"][1]) == pytest.approx(10, rel=1e-3)
        assert float(flows["outflow"][2]) == 0 and residual(flows) < 1e-12

    def test_oldest_lowers_mean_age_more_than_proportional(self):
        stock = series(np.r_[np.linspace(1, 60, 40), np.linspace(55, 20, 6)])
        ages = {}
        for rule in RULES[1:]:
            flows = stock_driven(stock, mean=30, sd=8, early=rule, by_cohort=True)
            last = flows["stock_by_cohort"].isel(time=-1)
            ages[rule] = float((last * (flows["time"][-1] - last["cohort"])).sum() / last.sum())
        assert ages["oldest"] < ages["proportional"]

    def test_early_retirement_only_where_the_stock_falls_too_fast(self):
        stock = series([[10, 10], [2, 10]], region=["China", "India"])
        flows = stock_driven(stock, mean=5, sd=1, early="oldest")
        assert float(flows["early_retirement"].sel(region="India").sum()) == 0
        assert float(flows["early_retirement"].sel(region="China").sum()) > 7

    def test_units(self):
        flows = stock_driven(series([1, 2]), mean=5)
        assert flows["stock"].attrs["units"] == "Mt"
        assert (
            flows["inflow"].attrs["units"] == flows["early_retirement"].attrs["units"] == "Mt/year"
        )

    def test_missing_cells_stay_missing(self):
        stock = series([[10, np.nan], [11, np.nan]], region=["China", "India"])
        flows = stock_driven(stock, mean=5, sd=1, early="oldest")
        assert np.isnan(flows["inflow"].sel(region="India")).all()
        assert not np.isnan(flows["inflow"].sel(region="China")).any()


axes = st.lists(st.sampled_from([0.25, 0.5, 1, 1, 1, 2, 2.5, 5, 10]), min_size=1, max_size=12)


@st.composite
def problems(draw):
    """A random time axis, driver, lifetimes and initial stock."""
    years = 2000 + np.cumsum(draw(axes))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    driver = series(rng.uniform(0, 10, (len(years), 2)), years, region=["China", "India"])
    lives = samples(rng.uniform(0.6, 40, 3))
    options = {
        "mean": lives,
        "sd": lives * draw(st.sampled_from([0.0, 0.1, 0.4, 1.2])),
        "distribution": draw(st.sampled_from(LAWS)),
    }
    if draw(st.booleans()):
        start = years[0] - (years[1] - years[0] if len(years) > 1 else 1)
        vintage = np.sort(start - rng.choice(60, 4, replace=False))
        options["initial"] = xr.DataArray(
            rng.uniform(0, 5, (4, 2)),
            dims=("cohort", "region"),
            coords={"cohort": vintage, "region": ["China", "India"]},
        )
    if draw(st.booleans()):
        cohort = np.r_[options["initial"]["cohort"] if "initial" in options else [], years]
        change = xr.DataArray(
            rng.uniform(0.8, 1.2, len(cohort)), dims="cohort", coords={"cohort": cohort}
        )
        options["mean"] = options["mean"] * change
    return driver, options


class TestProperties:
    @settings(max_examples=60, deadline=None)
    @given(problems())
    def test_inflow_driven_keeps_mass(self, problem):
        driver, options = problem
        flows = inflow_driven(driver, **options, by_cohort=True)
        assert residual(flows) < 1e-9
        for name in ("stock", "outflow"):
            total = flows[f"{name}_by_cohort"].sum("cohort")
            np.testing.assert_allclose(total, flows[name].transpose(*total.dims), atol=1e-9)
        assert float(flows["outflow_by_cohort"].min()) > -1e-9

    @settings(max_examples=60, deadline=None)
    @given(problems(), st.sampled_from(RULES))
    def test_stock_driven_keeps_mass(self, problem, rule):
        driver, options = problem
        flows = stock_driven(driver, **options, early=rule, by_cohort=True)
        assert residual(flows) < 1e-9
        scale = max(1.0, float(abs(flows["inflow"]).max()))
        total = flows["stock_by_cohort"].sum("cohort")
        np.testing.assert_allclose(
            total, driver.broadcast_like(total).transpose(*total.dims), atol=1e-9 * scale
        )
        for name in ("outflow", "early_retirement"):
            total = flows[f"{name}_by_cohort"].sum("cohort")
            np.testing.assert_allclose(total, flows[name], atol=1e-9 * scale)
        if rule != "report":
            assert float(flows["inflow"].min()) >= 0
            assert float(flows["early_retirement"].min()) >= 0
            assert float((flows["inflow"] * flows["early_retirement"]).max()) == 0

    @settings(max_examples=25, deadline=None)
    @given(problems(), st.sampled_from(RULES))
    def test_broadcasting_equals_looping(self, problem, rule):
        driver, options = problem
        whole = stock_driven(driver, **options, early=rule, by_cohort=True)
        region, sample = "India", 2
        one = {
            key: part.isel(sample=sample) if "sample" in getattr(part, "dims", ()) else part
            for key, part in options.items()
        }
        if "initial" in one:
            one["initial"] = one["initial"].sel(region=region, drop=True)
        alone = stock_driven(
            driver.sel(region=region, drop=True), **one, early=rule, by_cohort=True
        )
        scale = max(1.0, float(abs(whole["inflow"]).max()))
        for name in ("inflow", "outflow", "early_retirement", "stock_by_cohort"):
            part = whole[name].sel(region=region).isel(sample=sample)
            np.testing.assert_allclose(part, alone[name], rtol=1e-9, atol=1e-11 * scale)

    @settings(max_examples=25, deadline=None)
    @given(problems(), st.floats(1e-6, 1e6))
    def test_units_of_mass_do_not_matter(self, problem, factor):
        driver, options = problem
        flows = stock_driven(driver, **options, early="oldest")
        if "initial" in options:
            options["initial"] = options["initial"] * factor
        scaled = stock_driven(driver * factor, **options, early="oldest")
        for name in ("inflow", "outflow", "early_retirement"):
            np.testing.assert_allclose(scaled[name] / factor, flows[name], rtol=1e-7, atol=1e-9)

    def test_blocks_of_columns_do_not_matter(self, monkeypatch):
        rng = np.random.default_rng(5)
        stock = series(rng.uniform(1, 9, (20, 7)), product=np.arange(7))
        mean = xr.DataArray(rng.uniform(3, 20, (5, 3)), dims=("sample", "region"))
        whole = stock_driven(stock, mean=mean, sd=2.0, early="proportional")
        for width in (1, 4, 11):
            monkeypatch.setattr(_cohorts, "COLUMNS", width)
            parts = stock_driven(stock, mean=mean, sd=2.0, early="proportional")
            xr.testing.assert_allclose(whole, parts, rtol=1e-10)

    def test_dims_come_in_the_order_of_the_caller(self):
        stock = series(np.ones((3, 2)), product=["a", "b"]).transpose("product", "time")
        flows = stock_driven(stock, mean=samples([5.0, 6.0]), by_cohort=True)
        assert flows["inflow"].dims == ("time", "product", "sample")
        assert flows["stock_by_cohort"].dims == ("time", "cohort", "product", "sample")
        assert list(flows["inflow"]["product"].values) == ["a", "b"]

    def test_other_name_of_time(self):
        stock = series([1, 2, 3]).rename(time="year")
        flows = stock_driven(stock, mean=5, time="year")
        assert float(abs(balance(flows, time="year")).max()) < 1e-12


class TestRefusals:
    @pytest.mark.parametrize(
        ("driver", "message"),
        [
            (np.ones(3), "inflow must be a DataArray with the dim 'time'"),
            (xr.DataArray(np.ones(3), dims="year"), "inflow must be a DataArray with the dim"),
            (xr.DataArray(np.ones(3), dims="time"), "must have a coordinate 'time' in years"),
            (series([1, 2, 3], [2000, 2002, 2001]), "years in rising order"),
            (series([1, 2], [2000, 2000]), "years in rising order"),
        ],
    )
    def test_time_axis(self, driver, message):
        with pytest.raises(ValueError, match=message):
            inflow_driven(driver, mean=5)

    def test_dates_are_not_years(self):
        driver = series([1, 2], np.array(["2000-01-01", "2001-01-01"], dtype="datetime64[ns]"))
        with pytest.raises(ValueError, match="in years, as numbers"):
            inflow_driven(driver, mean=5)

    def test_lifetime_over_time(self):
        with pytest.raises(
            ValueError, match="mean has the dim 'time'; a lifetime varies by 'cohort'"
        ):
            inflow_driven(series([1, 2]), mean=series([5, 6]))

    def test_lifetime_missing_for_a_cohort(self):
        mean = xr.DataArray([5.0], dims="cohort", coords={"cohort": [2000]})
        with pytest.raises(ValueError, match="mean has no lifetime for cohort 2001"):
            inflow_driven(series([1, 2]), mean=mean)

    def test_labels_that_differ(self):
        mean = xr.DataArray([5.0, 6.0], dims="region", coords={"region": ["India", "China"]})
        with pytest.raises(ValueError, match="same labels along 'region'"):
            inflow_driven(series(np.ones((2, 2)), region=["China", "India"]), mean=mean)

    def test_vintage_after_the_start(self):
        initial = xr.DataArray([5.0], dims="cohort", coords={"cohort": [2000]})
        with pytest.raises(ValueError, match=r"vintages after 1999.*2000 was given"):
            inflow_driven(series([1, 2]), mean=5, initial=initial)

    @pytest.mark.parametrize(
        ("initial", "message"),
        [
            (3.0, "initial must be a DataArray with a coordinate 'cohort'"),
            (
                xr.DataArray([-1.0], dims="cohort", coords={"cohort": [1990]}),
                "initial must not be negative",
            ),
            (
                xr.DataArray([1.0, 1.0], dims="cohort", coords={"cohort": [1990, 1990]}),
                "each vintage once",
            ),
        ],
    )
    def test_initial(self, initial, message):
        with pytest.raises(ValueError, match=message):
            inflow_driven(series([1, 2]), mean=5, initial=initial)

    def test_negative_stock(self):
        with pytest.raises(ValueError, match="stock must not be negative, but -2 was given"):
            stock_driven(series([1, -2]), mean=5)

    def test_unknown_rule(self):
        with pytest.raises(ValueError, match="early must be one of report, proportional, oldest"):
            stock_driven(series([1, 2]), mean=5, early="youngest")

    def test_balance_without_outflow(self):
        with pytest.raises(ValueError, match="outflow is missing"):
            balance(stock_driven(series([1, 2]), mean=5).drop_vars("outflow"))

    def test_balance_finds_what_is_missing(self):
        flows = stock_driven(series([5, 6, 7]), mean=5, sd=1)
        flows["outflow"] = flows["outflow"] + xr.DataArray([0, 0.5, 0], dims="time")
        np.testing.assert_allclose(balance(flows), [0, 0.5, 0], atol=1e-12)
