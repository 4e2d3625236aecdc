"""The comparison of a run with the published numbers."""

import json

from hypothesis import given
from hypothesis import strategies as st

from compendium import check
from tests.compendium.test_execution import compendium


def published(small):
    assert compendium("refresh", cwd=small).returncode == 0
    return json.loads((small / "notebooks/published/carbon-lock-in.json").read_text())


def test_the_same_numbers_are_said_to_be_the_same(small):
    assert set(published(small)) == {"base", "low"}
    done = compendium("check", "carbon-lock-in", "--run", "low", cwd=small)
    assert done.returncode == 0 and "the same numbers" in done.stdout


def test_a_difference_is_shown_with_its_size_and_its_input(small):
    published(small)
    words = ["run", "carbon-lock-in", "--run", "low", "-p", "price=60", "--out", "out"]
    compendium(*words, cwd=small)
    for file in ("out/results.json", "out/carbon-lock-in.ipynb"):
        done = compendium("check", file, "--run", "low", cwd=small)
        assert done.returncode == 1
        assert "claim bf-age, value" in done.stdout and "0.17" in done.stdout
        assert "parameter price: 50.0 published, 60.0 here" in done.stdout


def test_a_changed_table_is_named(small):
    published(small)
    table = small / "data/toy/prices.csv"
    table.write_text(table.read_text().replace("100,90", "100,85"))
    done = compendium("check", "carbon-lock-in", cwd=small)
    assert done.returncode == 0
    assert "input differs: data: toy/prices" in done.stdout


def test_what_cannot_be_compared_is_refused(small):
    (small / "odd.json").write_text("{}")
    done = compendium("check", "odd.json", cwd=small)
    assert done.returncode == 2 and "neither a results.json nor" in done.stderr
    done = compendium("check", "carbon-lock-in", cwd=small)
    assert done.returncode == 2 and "no published numbers" in done.stderr


@given(st.floats(-1e9, 1e9), st.floats(0, 1e-3))
def test_the_relative_difference_is_what_it_says(number, size):
    other = number * (1 + size)
    relative = check._relative(number, other)
    assert relative <= size * 1.001 + 1e-15
    assert check._relative(other, number) == relative


def test_missing_and_new_numbers_count_as_differences():
    one = {"claims": {}, "results": {"a": {"value": 1.0, "low": None, "high": None}}}
    two = {"claims": {}, "results": {"b": {"value": 1.0, "low": None, "high": None}}}
    assert [row["what"] for row in check.differences(one, two)] == ["b", "a"]
    assert check.differences(one, one) == []
