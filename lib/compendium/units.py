"""Units of data rows, and money in real Chinese yuan of 2024."""

from functools import cache

import pint

BASE_CURRENCY = "CNY"
BASE_YEAR = 2024
CURRENCIES = ("CNY", "USD", "EUR", "GBP", "JPY", "AUD", "KRW", "INR")


@cache
def registry() -> pint.UnitRegistry:
    """Return the unit registry: pint's own, with carbon, people and currencies as dimensions."""
    units = pint.UnitRegistry(cache_folder=None)
    units.define("tCO2 = [carbon_dioxide]")
    units.define("tCO2e = tCO2")
    units.define("person = [people]")
    for currency in CURRENCIES:
        units.define(f"{currency} = [money_{currency}]")
    return units


@cache
def parse(unit: str) -> pint.Unit:
    """Return a unit from its text; `1` is dimensionless. Raises ValueError if it is unknown."""
    try:
        return registry().parse_units("" if unit == "1" else unit)
    except Exception as error:
        raise ValueError(f"unit {unit!r} is not known ({type(error).__name__})") from None


@cache
def currency(unit: str) -> tuple[str, float] | None:
    """Return the currency in a unit and its exponent, or None if the unit has no money."""
    for name, exponent in parse(unit)._units.items():
        base = registry().parse_unit_name(name)[0][1]
        if base in CURRENCIES:
            return base, float(exponent)
    return None


@cache
def in_base_currency(unit: str) -> str:
    """Return the unit's text with its currency replaced by the base currency."""
    found = currency(unit)
    return unit.replace(found[0], BASE_CURRENCY) if found else unit


@cache
def factor(unit: str, target: str) -> float:
    """Return the number that turns a value in `unit` into one in `target`.

    Raises ValueError if the two measure different things.
    """
    try:
        return float((1.0 * parse(unit)).to(parse(target)).magnitude)
    except pint.DimensionalityError:
        raise ValueError(f"unit {unit!r} cannot be converted to {target!r}") from None
