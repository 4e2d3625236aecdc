"""Numbers and units as readers see them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compendium.numbers import number_text, quantity_text, range_text, result_text, unit_text


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("tCO2", "tCO₂"),
        ("MtCO2/year", "MtCO₂/year"),
        ("CNY/tCO2", "CNY/tCO₂"),
        ("tCO2e / t", "tCO₂e/t"),
        ("GJ/t", "GJ/t"),
        ("kg*m**-2", "kg·m⁻²"),
        ("degC", "°C"),
        ("percent", "%"),
        ("1", ""),
        ("person", "people"),
    ],
)
def test_units_are_written_as_readers_expect(unit, text):
    assert unit_text(unit) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (24.2345, "year", "24.2 years"),
        (1, "year", "1 year"),
        (2043, "year", "2043"),
        (2043.4, "year", "2043"),
        (1234.5, "CNY/t", "1,230 CNY/t"),
        (-3.2, "percent", "−3.2%"),
        (0.6, "1", "0.6"),
        (0.0642, "1", "0.0642"),
        (99.96, "Mt", "100 Mt"),
        (999.6, "Mt", "1,000 Mt"),
        (1.2e-5, "t", "1.20 × 10⁻⁵ t"),
        (-0.0, "t", "0 t"),
        (float("nan"), "1", "not defined"),
        (float("inf"), "1", "unbounded"),
    ],
)
def test_a_number_has_three_digits_and_its_unit(value, unit, text):
    assert quantity_text(value, unit).replace(" ", " ") == text


def test_a_format_is_taken_as_given():
    assert quantity_text(24.2345, "year", spec=".2f").replace(" ", " ") == "24.23 years"
    assert quantity_text(0.423, "1", spec=".0%") == "42%"
    assert quantity_text(42.3, "percent", spec=".0%") == "42%"
    assert quantity_text(12345.67, "t", spec=".1f").replace(" ", " ") == "12,345.7 t"


def test_both_ends_of_a_range_have_the_same_decimals():
    assert range_text(22.1, 25.96, "year").replace(" ", " ") == "22.1 to 26.0 years"
    assert range_text(0.4, 0.8, "1") == "0.4 to 0.8"
    assert range_text(0.012, 130, "Mt").replace(" ", " ") == "0.012 to 130 Mt"
    assert range_text(8, 16, "percent") == "8% to 16%"


def test_a_result_has_its_range_only_if_there_is_one():
    text = result_text(24.23, 22.1, 25.96, "year").replace(" ", " ")
    assert text == "24.2 years (22.1 to 26.0)"
    assert result_text(2043, 2040, 2047, "year") == "2043 (2040 to 2047)"
    assert result_text(0.6, None, None, "1") == "0.6"


@given(st.floats(min_value=1e-3, max_value=1e8), st.sampled_from(["", "GJ/t"]))
def test_a_number_reads_back_within_half_a_percent(value, unit):
    text = number_text(value, unit=unit).replace(",", "")
    assert float(text) == pytest.approx(value, rel=0.0051)


@given(st.floats(min_value=1e-3, max_value=1e8))
def test_a_negative_number_is_the_positive_one_with_a_sign(value):
    assert number_text(-value) == f"−{number_text(value)}"
