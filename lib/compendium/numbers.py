"""Numbers, ranges and units as readers see them: three significant digits and real units."""

import math
import re

MINUS = "−"
NO_BREAK_SPACE = " "
DIGITS = 3

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_FORMULA = re.compile(r"(?:CO|CH|NH|NO|SO|H|O|N)\d+(?:O\d*)?")
_PLURAL = {"year": "years", "person": "people", "plant": "plants", "job": "jobs", "day": "days"}


def unit_text(unit: str, *, value: float | None = None) -> str:
    """Return a pint unit string as a reader expects it: tCO2 as tCO₂, percent as %, 1 as nothing.

    Units that are words take the plural unless `value` is one.
    """
    unit = str(unit or "").strip()
    if unit in ("", "1", "dimensionless"):
        return ""
    if unit == "percent":
        return "%"
    if unit in _PLURAL:
        return unit if value == 1 else _PLURAL[unit]
    text = unit.replace("degC", "°C").replace("delta_", "").replace("percent", "%")
    text = re.sub(r"\s*\*\*\s*(-?\d+)", lambda m: m[1].translate(_SUPERSCRIPTS), text)
    text = re.sub(r"\s*\*\s*", "·", text)
    text = re.sub(r"\s*/\s*", "/", text)
    return _FORMULA.sub(lambda m: m[0].translate(_SUBSCRIPTS), text)


def decimals(value: float) -> int:
    """Return how many decimals `value` needs for three significant digits; 0.4 needs only one."""
    if value == 0 or not math.isfinite(value):
        return 0
    exponent = math.floor(math.log10(abs(float(f"{value:.{DIGITS - 1}e}"))))
    most = max(0, DIGITS - 1 - exponent)
    exact = (n for n in range(most) if math.isclose(value, round(value, n), rel_tol=1e-12))
    return next(exact, most)


def number_text(value: float, *, places: int | None = None, unit: str = "") -> str:
    """Return `value` with three significant digits, grouped thousands and a true minus sign.

    A whole number below 1,000 stays whole, and a year of the calendar is not grouped.
    """
    value = float(value)
    if math.isnan(value):
        return "not defined"
    if math.isinf(value):
        return "unbounded" if value > 0 else f"{MINUS}unbounded"
    if is_calendar_year(value, unit):
        return f"{value:.0f}"
    if places is None and value.is_integer() and abs(value) < 1000:
        return _signed(f"{value:.0f}")
    if abs(value) >= 1e9 or (value != 0 and abs(value) < 1e-4):
        return _power_of_ten(value)
    places = decimals(value) if places is None else places
    rounded = float(f"{value:.{DIGITS - 1}e}") if abs(value) >= 1000 else value
    return _signed(f"{rounded:,.{places}f}")


def exact_text(value: float, unit: str = "") -> str:
    """Return a number as it was given, not rounded: a parameter or a bound."""
    if is_calendar_year(value, unit):
        return f"{value:g}"
    return _signed(f"{int(value):,}" if float(value).is_integer() else repr(float(value)))


def quantity_text(value: float, unit: str = "", *, spec: str | None = None) -> str:
    """Return a number with its unit; `spec` is a Python format (`.1f`, `.0%`) in place of ours."""
    if spec is not None and spec.endswith("%"):
        share = value / 100 if unit == "percent" else value
        return _signed(format(share, spec))
    number = number_text(value, unit=unit) if spec is None else _formatted(value, spec)
    return with_unit(number, unit, value=value)


def range_text(low: float, high: float, unit: str = "", *, spec: str | None = None) -> str:
    """Return "low to high unit", both ends with the same decimals when they are alike in size."""
    ends = _ends_text(low, high, unit, spec=spec)
    return ends if ends.endswith("%") else with_unit(ends, unit, value=high)


def result_text(value, low, high, unit: str = "", *, spec: str | None = None) -> str:
    """Return "value unit (low to high)", or only the value when there is no range."""
    text = quantity_text(value, unit, spec=spec)
    if not has_range(low, high):
        return text
    return f"{text} ({_ends_text(low, high, unit, spec=spec)})"


def has_range(low, high) -> bool:
    """Tell whether both ends of a range are there and are numbers."""
    return all(end is not None and not math.isnan(float(end)) for end in (low, high))


def common_decimals(*values: float) -> int | None:
    """Return the decimals that suit all values, or None when they differ tenfold or more."""
    sizes = [abs(float(v)) for v in values if v and math.isfinite(float(v))]
    if not sizes or max(sizes) >= 10 * min(sizes):
        return None
    largest = max(0, DIGITS - 1 - math.floor(math.log10(max(sizes))))
    return min(largest, max(map(decimals, sizes)))


def is_calendar_year(value: float, unit: str) -> bool:
    """Tell whether a value in years is a date: a duration of 1,800 years does not occur here."""
    return unit in ("year", "years") and 1800 <= value <= 2300


def with_unit(number: str, unit: str, *, value: float) -> str:
    """Join a number and its unit by a space that does not break; % follows without one."""
    if is_calendar_year(value, unit):
        return number
    text = unit_text(unit, value=value)
    if not text:
        return number
    return f"{number}{text}" if text == "%" else f"{number}{NO_BREAK_SPACE}{text}"


def _ends_text(low: float, high: float, unit: str, *, spec: str | None) -> str:
    if unit == "percent" or (spec or "").endswith("%"):
        ends = [quantity_text(end, unit, spec=spec) for end in (low, high)]
    elif spec is not None:
        ends = [_formatted(end, spec) for end in (low, high)]
    else:
        places = common_decimals(low, high)
        ends = [number_text(end, places=places, unit=unit) for end in (low, high)]
    return f"{ends[0]} to {ends[1]}"


def _formatted(value: float, spec: str) -> str:
    grouped = spec if "," in spec or abs(value) < 10_000 else spec.replace(".", ",.", 1)
    return _signed(format(float(value), grouped))


def _signed(text: str) -> str:
    zero = not any(c in "123456789" for c in text)
    return text.lstrip("-") if zero else text.replace("-", MINUS)


def _power_of_ten(value: float) -> str:
    mantissa, exponent = f"{value:.{DIGITS - 1}e}".split("e")
    power = str(int(exponent)).translate(_SUPERSCRIPTS)
    return f"{_signed(mantissa)}{NO_BREAK_SPACE}×{NO_BREAK_SPACE}10{power}"
