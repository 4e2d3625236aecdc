import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from SALib.analyze import sobol as salib_analyze
from SALib.sample import sobol as salib_sample
from scipy import stats

from unlock import _uncertainty
from unlock.uncertainty import (
    DISTRIBUTIONS,
    most_influential,
    quantile_function,
    quantiles,
    sample,
    sobol_indices,
)

MEDIAN_AT_VALUE = ["normal", "lognormal"]
REGIONS = ["China", "India", "Europe"]


def cells(value, law="normal", spread=0.2, **dims):
    """A Dataset as the loader gives it, in USD/t."""
    array = xr.DataArray(np.asarray(value, dtype=float), dims=tuple(dims), coords=dims)
    names = xr.full_like(array, law, dtype=object)
    parts = {"value": array, "low": array * (1 - spread), "high": array * (1 + 2 * spread)}
    return xr.Dataset({**parts, "distribution": names}, attrs={"units": "USD/t"})


def pairs(*rows):
    return pd.DataFrame(rows, columns=["first", "second", "correlation"])


def rank_correlation(a, b):
    return stats.spearmanr(np.asarray(a), np.asarray(b)).statistic


class TestQuantileFunction:
    @settings(max_examples=80, deadline=None)
    @given(
        law=st.sampled_from(DISTRIBUTIONS[:-1]),
        value=st.floats(0.1, 1e4),
        down=st.floats(0, 0.9),
        up=st.floats(0, 3),
        sign=st.sampled_from([1, -1]),
    )
    def test_passes_through_low_and_high_and_rises(self, law, value, down, up, sign):
        low, value, high = sorted(sign * v for v in (value * (1 - down), value, value * (1 + up)))
        given = {"value": value, "low": low, "high": high, "distribution": law}
        p = np.array([0.05, 0.5, 0.95])
        ours = quantile_function(p, **given)
        np.testing.assert_allclose(ours[[0, 2]], [low, high], rtol=1e-9, atol=1e-9 * abs(value))
        if law in MEDIAN_AT_VALUE:
            assert ours[1] == value
        line = quantile_function(np.linspace(0.001, 0.999, 99), **given)
        assert np.all(np.diff(line) >= -1e-12 * abs(value))

    def test_normal_with_equal_sides_is_normal(self):
        p = np.linspace(0.01, 0.99, 9)
        ours = quantile_function(p, value=10, low=7, high=13, distribution="normal")
        np.testing.assert_allclose(ours, stats.norm(10, 3 / 1.6448536269514722).ppf(p))

    def test_lognormal_with_equal_ratios_is_lognormal(self):
        p = np.linspace(0.01, 0.99, 9)
        ours = quantile_function(p, value=10, low=5, high=20, distribution="lognormal")
        np.testing.assert_allclose(
            ours, stats.lognorm(np.log(2) / 1.6448536269514722, scale=10).ppf(p)
        )

    def test_negative_lognormal_is_the_mirror_image(self):
        p = np.linspace(0.01, 0.99, 9)
        ours = quantile_function(p, value=-10, low=-30, high=-8, distribution="lognormal")
        mirror = quantile_function(1 - p, value=10, low=8, high=30, distribution="lognormal")
        np.testing.assert_allclose(ours, -mirror)

    def test_uniform_is_flat_between_bounds_beyond_the_range(self):
        ours = quantile_function([0, 0.5, 1], value=2, low=1, high=10, distribution="uniform")
        np.testing.assert_allclose(ours, [0.5, 5.5, 10.5])

    @pytest.mark.parametrize(
        ("mode", "low", "high"), [(3, 2, 5), (3, 3, 5), (0, -4, 0), (-1, -2, 0)]
    )
    def test_triangular_is_the_triangle_with_that_mode(self, mode, low, high):
        ends = quantile_function([0, 1], value=mode, low=low, high=high, distribution="triangular")
        width = ends[1] - ends[0]
        peer = stats.triang((mode - ends[0]) / width, loc=ends[0], scale=width)
        p = np.linspace(0, 1, 21)
        ours = quantile_function(p, value=mode, low=low, high=high, distribution="triangular")
        np.testing.assert_allclose(ours, peer.ppf(p), atol=1e-6)
        np.testing.assert_allclose(peer.ppf([0.05, 0.95]), [low, high], atol=1e-9)

    @pytest.mark.parametrize("law", DISTRIBUTIONS)
    @pytest.mark.parametrize("value", [-2.0, 0.0, 3.5])
    def test_no_range_is_constant(self, law, value):
        p = np.array([0, 1e-9, 0.3, 1])
        ours = quantile_function(p, value=value, low=value, high=value, distribution=law)
        np.testing.assert_array_equal(ours, value)

    def test_fixed_needs_no_range(self):
        ours = quantile_function(0.9, value=4, low=np.nan, high=np.nan, distribution="fixed")
        assert ours == 4

    def test_a_law_for_each_cell(self):
        parts = cells([1.0, 2.0, np.nan], region=REGIONS)
        parts["distribution"] = ("region", np.array(["uniform", "fixed", np.nan], dtype=object))
        p = xr.DataArray([0.05, 0.95], dims="p")
        ours = quantile_function(p, **parts)
        assert ours.dims == ("p", "region")
        np.testing.assert_allclose(ours, [[0.8, 2, np.nan], [1.4, 2, np.nan]])

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"p": 1.2}, "p must be between 0 and 1"),
            ({"low": 6}, "low <= value <= high must hold, but 6, 5, 7 was given"),
            ({"high": np.nan}, "low <= value <= high must hold"),
            ({"distribution": "beta"}, "must be one of normal, lognormal.*not 'beta'"),
            (
                {"low": -1, "distribution": "lognormal"},
                "lognormal range must not meet 0, but -1 to 7",
            ),
        ],
    )
    def test_refuses(self, change, message):
        given = {"p": 0.5, "value": 5.0, "low": 4.0, "high": 7.0, "distribution": "normal"} | change
        with pytest.raises(ValueError, match=message):
            quantile_function(given.pop("p"), **given)


class TestSample:
    def test_quantiles_of_samples_are_those_of_the_rows(self):
        price = cells([100.0, 50.0, 80.0], law="lognormal", region=REGIONS)
        drawn = sample({"price": price}, n=2000)["price"]
        back = quantiles(drawn)
        assert drawn.dims == ("sample", "region") and drawn.attrs["units"] == "USD/t"
        for at, name in zip([0.05, 0.5, 0.95], ["low", "value", "high"], strict=True):
            np.testing.assert_allclose(back.sel(quantile=at), price[name], rtol=2e-3)

    def test_every_stratum_is_drawn_once(self):
        drawn = sample({"x": (0.0, -1.0, 1.0), "y": (5.0, 4.0, 6.0, "uniform")}, n=64)
        p = stats.norm(0, 1 / 1.6448536269514722).cdf(np.sort(drawn["x"]))
        np.testing.assert_array_equal(np.floor(p * 64), np.arange(64))
        p = (np.sort(drawn["y"]) - 4) / 2 * 0.9 + 0.05
        np.testing.assert_array_equal(np.floor(p * 64), np.arange(64))

    def test_each_cell_has_its_own_draws_unless_shared(self):
        price = cells(np.full((3, 2), 10.0), region=REGIONS, year=[2030, 2050])
        free = sample({"price": price}, n=500)["price"]
        assert abs(rank_correlation(free[:, 0, 0], free[:, 0, 1])) < 0.15
        tied = sample({"price": price}, n=500, shared={"price": "year"})["price"]
        np.testing.assert_array_equal(tied[:, :, 0], tied[:, :, 1])
        assert abs(rank_correlation(tied[:, 0, 0], tied[:, 1, 0])) < 0.15
        both = sample({"price": price}, n=500, shared={"price": ("region", "year")})["price"]
        np.testing.assert_array_equal(both, np.broadcast_to(both[:, :1, :1], both.shape))

    def test_seed_and_name_decide_not_the_order_nor_the_others(self):
        x, y, z = (1.0, 0.5, 2.0), (2.0, 1.0, 3.0), cells([1.0, 2.0, 3.0], region=REGIONS)
        table = pairs(("x", "y", 0.5))
        one = sample({"x": x, "y": y, "z": z}, n=50, seed=4, correlation=table)
        other = sample({"z": z, "y": y, "x": x, "w": x}, n=50, seed=4, correlation=table[::-1])
        for name in one:
            xr.testing.assert_identical(one[name], other[name])
        assert not other["w"].equals(one["x"].rename("w"))
        assert not sample({"x": x}, n=50, seed=5)["x"].equals(sample({"x": x}, n=50, seed=4)["x"])

    def test_missing_cells_stay_missing(self):
        price = cells([1.0, np.nan, 3.0], region=REGIONS)
        drawn = sample({"price": price}, n=20)["price"]
        assert np.isnan(drawn.sel(region="India")).all()
        assert not np.isnan(drawn.sel(region=["China", "Europe"])).any()

    def test_degenerate_input_is_constant(self):
        drawn = sample({"x": (7.0, 7.0, 7.0, "lognormal")}, n=10)["x"]
        np.testing.assert_array_equal(drawn, np.full(10, 7.0))

    def test_correlation_is_that_of_the_copula(self):
        inputs = {
            "gas": (10.0, 5.0, 30.0, "lognormal"),
            "power": (60.0, 40.0, 90.0),
            "coal": (3.0, 2.0, 5.0, "triangular"),
        }
        table = pairs(("gas", "power", 0.8), ("coal", "gas", -0.4), ("coal", "power", -0.2))
        draws = [sample(inputs, n=2048, seed=seed, correlation=table) for seed in range(12)]
        for first, second, rho in table.itertuples(index=False):
            found = [rank_correlation(drawn[first], drawn[second]) for drawn in draws]
            assert np.mean(found) == pytest.approx(6 / np.pi * np.arcsin(rho / 2), abs=0.02)
        np.testing.assert_allclose(quantiles(draws[0]["gas"]), [5, 10, 30], rtol=5e-3)

    def test_correlation_joins_cells_with_the_same_labels(self):
        inputs = {"a": cells(np.ones(3), region=REGIONS), "b": cells(np.ones(3), region=REGIONS)}
        drawn = sample(inputs, n=4096, correlation=pairs(("a", "b", 0.9)))
        found = [
            [rank_correlation(drawn["a"][:, i], drawn["b"][:, j]) for j in range(3)]
            for i in range(3)
        ]
        np.testing.assert_allclose(found, 6 / np.pi * np.arcsin(0.45) * np.eye(3), atol=0.06)

    def test_correlation_with_one_figure_holds_for_all_cells(self):
        inputs = {"world": (1.0, 0.5, 2.0), "price": cells(np.ones(3), region=REGIONS)}
        drawn = sample(inputs, n=4096, correlation=pairs(("price", "world", 0.6)))
        for cell in drawn["price"].transpose("region", "sample"):
            found = rank_correlation(cell, drawn["world"])
            assert found == pytest.approx(6 / np.pi * np.arcsin(0.3), abs=0.04)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"inputs": {}}, "inputs must name at least one input"),
            ({"n": 0}, "n must be a whole number above 0, not 0"),
            ({"n": 10.0}, "n must be a whole number above 0"),
            ({"seed": -1}, "seed must be a whole number"),
            ({"shared": {"c": ("year",)}}, "shared names 'c', which is not among the inputs"),
            ({"shared": {"a": ("year",)}}, "shared dim 'year' is not a dim of input 'a'"),
            ({"correlation": pairs(("a", "c", 0.5))}, "correlation names 'c'"),
            ({"correlation": pairs(("a", "b", 1.5))}, "a and b must be in -1 to 1, not 1.5"),
            ({"correlation": pairs(("a", "b", np.nan))}, "must be in -1 to 1"),
            ({"correlation": pairs(("a", "a", 0.5))}, "each pair once, but a, a"),
            ({"correlation": pairs(("a", "b", 0.5), ("b", "a", 0.4))}, "each pair once, but b, a"),
            ({"correlation": [("a", "b", 0.5)]}, "correlation must be a DataFrame"),
            ({"correlation": pairs(("a", "b", 1.0))}, r"not positive definite; .*\(a, b: 1\)"),
        ],
    )
    def test_refuses(self, options, message):
        inputs = {"a": cells(np.ones(3), region=REGIONS), "b": (1.0, 0.0, 2.0)}
        with pytest.raises(ValueError, match=message):
            sample(**{"inputs": inputs, "n": 8, **options})

    def test_refuses_correlations_that_contradict_each_other(self):
        inputs = dict.fromkeys("abcd", (1.0, 0.0, 2.0))
        table = pairs(("a", "b", 0.9), ("b", "c", 0.9), ("a", "c", -0.9))
        with pytest.raises(ValueError, match=r"\(a, b: 0.9; a, c: -0.9; b, c: 0.9\)"):
            sample(inputs, n=8, correlation=table)

    def test_refuses_correlated_cells_that_do_not_match(self):
        inputs = {
            "a": cells(np.ones(3), region=REGIONS),
            "b": cells(np.ones(2), year=[2030, 2050]),
            "c": cells(np.ones(3), region=REGIONS[::-1]),
        }
        with pytest.raises(ValueError, match="must be drawn over the same dims; share the others"):
            sample(inputs, n=8, correlation=pairs(("a", "b", 0.5)))
        with pytest.raises(ValueError, match="same labels along 'region'"):
            sample(inputs, n=8, correlation=pairs(("a", "c", 0.5)))
        shared = {"a": "region", "b": "year"}
        drawn = sample(inputs, n=512, correlation=pairs(("a", "b", 0.9)), shared=shared)
        assert rank_correlation(drawn["a"][:, 0], drawn["b"][:, 0]) > 0.8

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ((5.0, 6.0, 7.0), "input 'x': low <= value <= high must hold, but 6, 5, 7"),
            ((5.0, 4.0), r"input 'x' must be a Dataset or \(value, low, high"),
            (5.0, "input 'x' must be a Dataset or"),
            (
                cells([1.0]).drop_vars("low") if False else xr.Dataset({"value": 1.0}),
                "has no 'low'",
            ),
            ((5.0, 4.0, 6.0, "beta"), "input 'x': distribution must be one of"),
        ],
    )
    def test_refuses_input(self, given, message):
        with pytest.raises(ValueError, match=message):
            sample({"x": given}, n=4)


class TestQuantiles:
    def test_by_hand(self):
        array = xr.DataArray(
            [[0.0, 1], [10, 1], [20, np.nan]], dims=("sample", "region"), attrs={"units": "t"}
        )
        found = quantiles(array, q=(0.25, 0.5))
        np.testing.assert_allclose(found, [[5, np.nan], [10, np.nan]])
        assert found.dims == ("quantile", "region") and found.attrs["units"] == "t"
        assert quantiles(array, q=0.5).dims == ("region",)

    def test_refuses(self):
        array = xr.DataArray([1.0, 2.0], dims="draw")
        with pytest.raises(ValueError, match="array must have the dim 'sample'"):
            quantiles(array)
        with pytest.raises(ValueError, match="q must be between 0 and 1"):
            quantiles(array, dim="draw", q=5)


def uniform(low, high):
    """An input that is uniform between two bounds."""
    width = high - low
    return ((low + high) / 2, low + 0.05 * width, high - 0.05 * width, "uniform")


ISHIGAMI = {f"x{i}": uniform(-np.pi, np.pi) for i in (1, 2, 3)}


def ishigami(x, a=7.0, b=0.1):
    return np.sin(x["x1"]) + a * np.sin(x["x2"]) ** 2 + b * x["x3"] ** 4 * np.sin(x["x1"])


def ishigami_indices(a=7.0, b=0.1):
    v1 = 0.5 * (1 + b * np.pi**4 / 5) ** 2
    v2 = a**2 / 8
    v13 = b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    v = v1 + v2 + v13
    return np.array([v1, v2, 0]) / v, np.array([v1 + v13, v2, v13]) / v


class TestSobolIndices:
    def test_ishigami(self):
        found = sobol_indices(ishigami, ISHIGAMI, n=8192)
        first, total = ishigami_indices()
        np.testing.assert_allclose(found["first_order"], first, atol=0.01)
        np.testing.assert_allclose(found["total"], total, atol=0.01)

    def test_sobol_g(self):
        a = np.array([0, 1, 4.5, 9, 99, 99])

        def g(x):
            terms = [(abs(4 * x[f"x{i}"] - 2) + a[i]) / (1 + a[i]) for i in range(6)]
            return xr.concat(terms, "term").prod("term")

        found = sobol_indices(g, {f"x{i}": uniform(0, 1) for i in range(6)}, n=8192)
        part = 1 / (3 * (1 + a) ** 2)
        variance = np.prod(1 + part) - 1
        np.testing.assert_allclose(found["first_order"], part / variance, atol=0.01)
        total = part * np.prod(1 + part) / (1 + part) / variance
        np.testing.assert_allclose(found["total"], total, atol=0.01)

    def test_linear_model_with_normal_inputs(self):
        inputs = {"x": (0.0, -1.0, 1.0), "y": (0.0, -2.0, 2.0)}
        found = sobol_indices(lambda d: 3 * d["x"] + d["y"], inputs, n=2048)
        np.testing.assert_allclose(found["first_order"], [9 / 13, 4 / 13], atol=0.01)
        np.testing.assert_allclose(found["total"], [9 / 13, 4 / 13], atol=0.01)

    def test_same_design_and_estimates_as_salib(self):
        n, seed = 512, 11
        problem = {"num_vars": 3, "names": list(ISHIGAMI), "bounds": [[-np.pi, np.pi]] * 3}
        design = salib_sample.sample(
            problem, n, calc_second_order=False, seed=np.random.default_rng(seed)
        )
        seen = []

        def model(x):
            seen.append(np.stack([x[name].values for name in ISHIGAMI], axis=1))
            return ishigami(x)

        ours = sobol_indices(model, ISHIGAMI, n=n, seed=seed)
        theirs = design.reshape(n, 5, 3)
        seen = np.concatenate(seen).reshape(5, n, 3)
        np.testing.assert_allclose(seen, theirs[:, [0, 4, 1, 2, 3]].swapaxes(0, 1), atol=1e-9)
        x = {name: design[:, i] for i, name in enumerate(ISHIGAMI)}
        peer = salib_analyze.analyze(problem, ishigami(x), calc_second_order=False, seed=1)
        np.testing.assert_allclose(ours["total"], peer["ST"], rtol=1e-9)
        # SALib centres on the mean of all runs, ours on that of the two base samples.
        np.testing.assert_allclose(ours["first_order"], peer["S1"], atol=2e-3)
        y = ishigami(x).reshape(n, 5)
        base = y[:, [0, 4]]
        for i in range(3):
            first, _ = _uncertainty.sobol_estimates(
                y[:, 0], y[:, 4], y[:, i + 1], y.mean(), base.var()
            )
            assert first == pytest.approx(peer["S1"][i], rel=1e-9)

    def test_every_output_dim_is_kept_and_equals_a_loop(self):
        weight = xr.DataArray(
            [[1.0, 0.2, 0.0], [0.3, 2.0, 1.0]],
            dims=("year", "region"),
            coords={"year": [2030, 2050], "region": REGIONS},
        )

        def model(x):
            return (weight * x["x1"] + x["x2"] ** 2).transpose("region", "sample", "year")

        whole = sobol_indices(model, ISHIGAMI, n=256)
        assert whole["total"].dims == ("input", "region", "year")
        assert list(whole["input"].values) == ["x1", "x2", "x3"]
        for year in (2030, 2050):
            for region in REGIONS:
                where = {"year": year, "region": region}

                def one(x, where=where):
                    return model(x).sel(where, drop=True)

                alone = sobol_indices(one, ISHIGAMI, n=256)
                xr.testing.assert_allclose(whole.sel(where, drop=True), alone)

    def test_a_whole_input_is_one_factor(self):
        inputs = {
            "price": cells([1.0, np.nan, 1.0], region=REGIONS),
            "yield": (0.0, -1.0, 1.0),
            "year": (2024.0, 2024.0, 2024.0, "fixed"),
        }
        samples = []

        def model(x):
            samples.append(x["price"].sizes["sample"])
            return x["price"].sum("region") + 0 * x["yield"] + x["year"]

        found = sobol_indices(model, inputs, n=1024)
        np.testing.assert_allclose(found["total"], [1, 0, 0], atol=0.02)
        np.testing.assert_allclose(found["first_order"], [1, 0, 0], atol=0.02)
        assert sum(samples) == 4 * 1024  # two base samples and two inputs that vary

    @pytest.mark.parametrize("at_once", [1, 256, 600])
    def test_how_many_samples_go_together_changes_nothing(self, at_once):
        whole = sobol_indices(ishigami, ISHIGAMI, n=256)
        apart = sobol_indices(ishigami, ISHIGAMI, n=256, at_once=at_once)
        xr.testing.assert_identical(apart, whole)

    def test_correlated_inputs_are_one_factor(self):
        inputs = dict.fromkeys(("power", "coal", "gas"), (0.0, -1.0, 1.0))
        table = pairs(("gas", "coal", 0.5))
        found = sobol_indices(
            lambda x: x["gas"] + x["coal"] + x["power"], inputs, n=4096, correlation=table
        )
        assert list(found["input"].values) == ["power", "coal & gas"]
        np.testing.assert_allclose(found["total"], [0.25, 0.75], atol=0.01)

    def test_correlation_with_a_missing_cell_keeps_the_spread_of_the_other(self):
        inputs = {
            "a": cells([1.0, np.nan, np.nan], region=REGIONS),
            "b": cells([1.0, 1.0, 1.0], region=REGIONS),
        }
        spread = []

        def model(x):
            spread.append(x["b"].std("sample"))
            return x["b"].sum("region")

        sobol_indices(model, inputs, n=1024, correlation=pairs(("a", "b", 0.9)))
        np.testing.assert_allclose(spread[0], np.full(3, spread[0][0]), rtol=0.05)

    def test_missing_and_certain_cells_take_no_draws(self):
        sparse = cells([1.0, np.nan, 1.0, 5.0], region=["a", "b", "c", "d"])
        sparse["distribution"][3] = "fixed"
        dense = cells([1.0, 1.0], region=["a", "c"])
        other = (0.0, -1.0, 1.0)

        def model(x):
            return x["x"].sel(region=["a", "c"]).prod("region") * x["y"]

        one = sobol_indices(model, {"x": sparse, "y": other}, n=64)
        xr.testing.assert_identical(one, sobol_indices(model, {"x": dense, "y": other}, n=64))

    def test_output_that_does_not_vary_is_moved_by_nothing(self):
        def model(x):
            return xr.concat([0 * x["x1"] + 0.1, x["x1"], x["x1"] * np.nan], "k")

        found = sobol_indices(model, ISHIGAMI, n=64)
        np.testing.assert_array_equal(found["total"][:, 0], 0)
        assert np.isnan(found["total"][:, 2]).all()
        assert list(most_influential(found).values) == ["x1", "x1", ""]

    def test_order_of_inputs_does_not_matter(self):
        one = sobol_indices(ishigami, ISHIGAMI, n=64)
        other = sobol_indices(ishigami, dict(reversed(ISHIGAMI.items())), n=64)
        xr.testing.assert_identical(one, other.sel(input=one["input"]))

    def test_large_offset_does_not_cost_precision(self):
        found = sobol_indices(lambda x: ishigami(x) + 1e6, ISHIGAMI, n=256)
        xr.testing.assert_allclose(found, sobol_indices(ishigami, ISHIGAMI, n=256), atol=1e-6)

    @pytest.mark.parametrize(
        ("model", "n", "message"),
        [
            (ishigami, 100, "n must be a power of 2, such as 64, not 100"),
            (lambda x: 1.0, 8, "model must give a DataArray with a dim 'sample' as long as"),
            (lambda x: x["x1"][:4], 8, "as long as that of its inputs, 40"),
        ],
    )
    def test_refuses(self, model, n, message):
        with pytest.raises(ValueError, match=message):
            sobol_indices(model, ISHIGAMI, n=n)

    def test_refuses_more_cells_than_a_sobol_sequence_has(self):
        many = {"x": cells(np.ones(10601), cell=np.arange(10601))}
        with pytest.raises(ValueError, match="10601 cells to draw; at most 10600"):
            sobol_indices(ishigami, many, n=2)


class TestMostInfluential:
    def test_one_name(self):
        indices = sobol_indices(lambda x: x["x1"] + 9 * x["x3"], ISHIGAMI, n=64)
        assert most_influential(indices) == "x3"

    def test_by_cell(self):
        total = xr.DataArray(
            [[0.2, 0.9], [0.7, 0.05]],
            dims=("input", "region"),
            coords={"input": ["price", "yield"], "region": ["China", "India"]},
        )
        found = most_influential(xr.Dataset({"total": total}))
        assert found.sel(region="China") == "yield" and found.sel(region="India") == "price"

    def test_refuses(self):
        with pytest.raises(ValueError, match="indices must hold 'total' with a dim 'input'"):
            most_influential(xr.Dataset({"total": 1.0}))
