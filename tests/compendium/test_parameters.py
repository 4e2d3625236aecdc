"""Parameters: read from the tagged cell, typed, bounded, refused with the nearest name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compendium import parameters, runs
from compendium.errors import NotebookError, ParameterError
from tests.conftest import clear_caches
from tests.small import CELLS, notebook_text


@pytest.fixture
def specs(small):
    return parameters.read(small / "notebooks/carbon-lock-in.ipynb")


def rewrite(root, line):
    cells = [("code", line, ["parameters"]) if tags else (kind, text, tags)
             for kind, text, tags in CELLS]  # fmt: skip
    file = root / "notebooks/carbon-lock-in.ipynb"
    file.write_text(notebook_text(cells))
    clear_caches()
    return file


def test_the_cell_gives_type_unit_bounds_choices_and_meaning(specs):
    assert list(specs) == ["region", "price", "samples", "exact"]
    price = specs["price"]
    assert (price.type, price.default, price.unit) == ("float", 100, "CNY/tCO2")
    assert (price.low, price.high, price.description) == (0, 3000, "carbon price")
    assert specs["region"].choices == ("World", "China")
    assert specs["exact"].default is True
    assert specs["samples"].allowed == "a whole number from 16 to 4096"


def test_text_from_a_command_line_becomes_typed(specs):
    given = {"price": "50", "samples": "32", "region": "China", "exact": "false"}
    assert parameters.check(specs, given) == {
        "price": 50.0, "samples": 32, "region": "China", "exact": False,
    }  # fmt: skip
    assert parameters.complete(specs, {})["samples"] == 64


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prise": 3}, "no parameter 'prise'; did you mean 'price'?"),
        ({"zzz": 3}, "no parameter 'zzz'; the notebook has region, price, samples, exact"),
        ({"price": "abc"}, "parameter 'price': 'abc' is not 0 to 3000 CNY/tCO2"),
        ({"price": -1}, "parameter 'price': -1 is not 0 to 3000"),
        ({"price": float("nan")}, "parameter 'price': nan is not"),
        ({"price": True}, "parameter 'price': True is not"),
        ({"samples": 16.5}, "16.5 is not a whole number from 16 to 4096"),
        ({"region": "china"}, "'china' is not one of World, China; did you mean 'China'?"),
        ({"region": 5}, "parameter 'region': 5 is not one of"),
        ({"exact": "maybe"}, "parameter 'exact': 'maybe' is not true or false"),
    ],
)
def test_bad_values_are_refused_by_name(specs, given, message):
    with pytest.raises(ParameterError) as caught:
        parameters.check(specs, given)
    assert message in str(caught.value)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_number_passes_exactly_when_it_is_within_bounds(number):
    parameter = parameters.Parameter("p", "float", 1.0, "t", 0.0, 10.0)
    if 0 <= number <= 10:
        assert parameter.check(number) == number
    else:
        with pytest.raises(ParameterError):
            parameter.check(number)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("price = 100", "write `name: type = default"),
        ("price: float = 100  # paid by all", "'price' has no bounds"),
        ("price: str = (\n    'a'\n)  # {a, b} wrapped", "'price' has no comment on its line"),
        ("price: float = 100  # CNY [0, 50] too high", "the default breaks its own rule"),
        ("price: complex = 100  # CNY [0, 50]", "type 'complex' is none of"),
    ],
)
def test_a_malformed_cell_is_refused_with_its_line(small, line, message):
    with pytest.raises(NotebookError) as caught:
        parameters.read(rewrite(small, line))
    assert "notebooks/carbon-lock-in.ipynb, parameters line 1" in str(caught.value)
    assert message in str(caught.value)


def test_unknown_notebooks_and_runs_are_refused_with_the_nearest(small):
    with pytest.raises(NotebookError, match="no notebook 'carbon-lockin'; did you mean 'carbon-lo"):
        runs.path("carbon-lockin")
    with pytest.raises(NotebookError, match="no run 'loww'; did you mean 'low'"):
        runs.named("carbon-lock-in", "loww")
    with pytest.raises(NotebookError, match="no run 'zzz'; it has base, low"):
        runs.named("carbon-lock-in", "zzz")


def test_a_wrong_named_run_is_refused_with_its_place(small):
    file = small / "notebooks/runs.yml"
    file.write_text(file.read_text().replace("price: 50", "prize: 50"))
    clear_caches()
    with pytest.raises(
        NotebookError, match=r"runs\.yml, carbon-lock-in, low: no parameter 'prize'"
    ):
        runs.listed()
