"""Shapley values against their axioms and known games; LMDI against closed forms."""

from itertools import permutations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unlock import attribution

PLAYERS = ["a", "b", "c"]
numbers = st.floats(-100, 100)
positive = st.floats(1e-3, 1e3)
games = arrays(float, (2, 2, 2), elements=numbers)


def game(values, **dims):
    return xr.DataArray(values, dims=[*dims, *PLAYERS], coords=dims)


def shapley(values):
    return attribution.shapley(game(values), players=PLAYERS).values


@given(games)
def test_shapley_is_the_mean_over_all_orders_of_joining(values):
    expected = np.zeros(3)
    for order in permutations(range(3)):
        state = [0, 0, 0]
        for player in order:
            before = values[tuple(state)]
            state[player] = 1
            expected[player] += (values[tuple(state)] - before) / 6
    np.testing.assert_allclose(shapley(values), expected, atol=1e-9)


@given(games)
def test_shapley_values_add_up_to_the_whole(values):
    assert shapley(values).sum() == pytest.approx(values[1, 1, 1] - values[0, 0, 0], abs=1e-9)


@given(arrays(float, 4, elements=numbers))
def test_equal_players_get_equal_values(by_size):
    size = np.indices((2, 2, 2)).sum(axis=0)
    np.testing.assert_allclose(np.ptp(shapley(by_size[size])), 0, atol=1e-9)


@given(arrays(float, (2, 2), elements=numbers), numbers)
def test_a_player_who_adds_a_constant_gets_it_and_a_dummy_gets_nothing(others, own):
    values = np.stack([others, others + own])
    assert shapley(values)[0] == pytest.approx(own, abs=1e-9)
    assert shapley(np.stack([others, others]))[0] == pytest.approx(0, abs=1e-12)


@given(games, games)
def test_shapley_of_a_sum_is_the_sum(first, second):
    np.testing.assert_allclose(shapley(first + second), shapley(first) + shapley(second), atol=1e-9)


def test_glove_game():
    """One left glove and two right ones: a pair is worth 1; values 2/3, 1/6, 1/6."""
    left, right, other = np.indices((2, 2, 2))
    values = (left * np.maximum(right, other)).astype(float)
    np.testing.assert_allclose(shapley(values), [2 / 3, 1 / 6, 1 / 6])


def test_leave_one_out_and_first_in_of_the_glove_game():
    left, right, other = np.indices((2, 2, 2))
    values = game((left * np.maximum(right, other)).astype(float))
    lost = attribution.leave_one_out(values, players=PLAYERS)
    alone = attribution.first_in(values, players=PLAYERS)
    np.testing.assert_allclose(lost, [1, 0, 0])
    np.testing.assert_allclose(alone, [0, 0, 0])


def test_one_player_gets_all():
    values = xr.DataArray([2.0, 7.0], dims="a")
    assert attribution.shapley(values, players=["a"]).item() == 5


@given(arrays(float, (4, 2, 2, 2), elements=numbers))
def test_broadcasting_equals_looping(values):
    whole = attribution.shapley(game(values, sample=np.arange(4)), players=PLAYERS)
    loop = np.stack([shapley(value) for value in values], axis=1)
    np.testing.assert_allclose(whole.transpose("player", "sample"), loop, atol=1e-9)


def test_switches_make_all_combinations_by_broadcasting():
    on = attribution.switches(["a", "b"])
    values = (1 + on["a"]) * (1 + 2 * on["b"])
    np.testing.assert_array_equal(values.transpose("a", "b"), [[1, 3], [2, 6]])


def test_units_are_kept():
    values = game(np.zeros((2, 2, 2))).assign_attrs(units="Mt")
    assert attribution.shapley(values, players=PLAYERS).attrs["units"] == "Mt"


def test_bad_games_are_refused():
    with pytest.raises(ValueError, match="dimension 'd' of size 2"):
        attribution.shapley(game(np.zeros((2, 2, 2))), players=[*PLAYERS, "d"])
    with pytest.raises(ValueError, match="must differ"):
        attribution.switches(["a", "a"])


@given(positive, positive)
def test_log_mean_lies_between_geometric_and_arithmetic_mean(a, b):
    mean = float(attribution.log_mean(np.float64(a), np.float64(b)))
    assert np.sqrt(a * b) * (1 - 1e-9) <= mean <= (a + b) / 2 * (1 + 1e-9)


def test_log_mean_closed_forms():
    e = np.e
    assert float(attribution.log_mean(np.float64(e), np.float64(1.0))) == pytest.approx(e - 1)
    assert float(attribution.log_mean(np.float64(3.0), np.float64(3.0))) == pytest.approx(3)


@given(arrays(float, (2, 3), elements=positive))
def test_lmdi_adds_up_exactly(values):
    before, after = (dict(zip("xyz", map(xr.DataArray, row), strict=True)) for row in values)
    parts = attribution.lmdi(before, after)
    change = np.prod(values[1]) - np.prod(values[0])
    scale = np.prod(values[0]) + np.prod(values[1])
    assert float(parts.sum()) == pytest.approx(change, abs=1e-9 * scale)


def test_lmdi_of_two_factors_by_hand():
    """2 x 3 becomes 4 x 3: all of the change is the first factor's, L(12, 6) ln 2 = 6."""
    parts = attribution.lmdi(
        {"x": xr.DataArray(2.0), "y": xr.DataArray(3.0)},
        {"x": xr.DataArray(4.0), "y": xr.DataArray(3.0)},
    )
    np.testing.assert_allclose(parts.sel(factor="x"), 6)
    np.testing.assert_allclose(parts.sel(factor="y"), 0)


def test_lmdi_shares_a_doubling_by_logarithms():
    """1 x 1 becomes 2 x 4: parts 7/3 and 14/3, as ln 2 : ln 4."""
    one = xr.DataArray(1.0)
    parts = attribution.lmdi({"x": one, "y": one}, {"x": xr.DataArray(2.0), "y": xr.DataArray(4.0)})
    np.testing.assert_allclose(parts.sel(factor=["x", "y"]), [7 / 3, 14 / 3])


def test_lmdi_refuses_zeros_and_other_factors():
    one, zero = xr.DataArray(1.0), xr.DataArray(0.0)
    with pytest.raises(ValueError, match="positive"):
        attribution.lmdi({"x": one}, {"x": zero})
    with pytest.raises(ValueError, match="factors"):
        attribution.lmdi({"x": one}, {"y": one})
