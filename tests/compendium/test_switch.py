"""The switch between runs: what differs, where it leads, and pages that no search finds."""

import re

import nbformat
import pytest

from compendium import switch
from compendium.parameters import Parameter

SPECS = {
    "region": Parameter("region", "str", "World", choices=("World", "China")),
    "fleet_year": Parameter("fleet_year", "int", 2025, "year", 2020, 2035, (), "year seen"),
    "price": Parameter(
        "price", "float", -1.0, "CNY/GJ", -1, 10, (), "green hydrogen; -1 takes the table's"
    ),
    "tracker": Parameter("tracker", "str", "", description="a file"),
}
BASE = {"region": "World", "fleet_year": 2025, "price": -1.0, "tracker": ""}


def record(run, **changed):
    return {"notebook": "ages", "run": run, "parameters": BASE | changed}


def test_what_differs_is_said_in_words():
    other = BASE | {"region": "China", "fleet_year": 2020}
    text = switch.differences(other, BASE, SPECS)
    assert text == "region China, not World; fleet year 2020, not 2025"
    assert switch.differences(BASE, BASE, SPECS) == "nothing"


@pytest.mark.parametrize(("value", "text"), [(-1.0, "the table's"), (3.0, "3 CNY/GJ")])
def test_a_price_that_stands_for_the_table_says_so(value, text):
    assert re.sub(r"\s", " ", switch.setting_text(value, SPECS["price"])) == text


def test_no_file_reads_as_none():
    assert switch.setting_text("", SPECS["tracker"]) == "none"


def test_links_lead_from_each_page_to_the_others():
    own = [record("base"), record("china", region="China"), record("late", fleet_year=2030)]
    titles = ["As it <stands>", "China", "Late"]
    first = switch.selector(own, 0, titles, SPECS)
    assert re.findall(r'href="([^"]+)"', first) == ["ages/china.html", "ages/late.html"]
    assert "As it &lt;stands&gt;" in first and "region China, not World" in first
    last = switch.selector(own, 2, titles, SPECS)
    assert re.findall(r'href="([^"]+)"', last) == ["../ages.html", "china.html"]
    assert "fleet year 2025, not 2030" in last
    assert last.count('aria-current="page"') == 1


def test_one_run_needs_no_choice():
    text = switch.selector([record("base")], 0, ["As it stands"], SPECS)
    assert "As it stands" in text and "<a " not in text


def test_a_further_run_has_labels_of_its_own_and_links_that_lead_out():
    text = (
        "$$\nx\n$$ (law)\n\n{eq}`law` and {value}`law` law {doc}`other` [a](b.md#c) [d](#law)"
        " [e](https://f.org) [g](/h.md)\n\n:::{exercise}\n:label: ex-1\n:::\n\n"
        "(here)=\n{ref}`t <here>`"
    )
    cell = nbformat.v4.new_markdown_cell(text)
    page = nbformat.v4.new_notebook(cells=[cell])
    switch.as_variant(page, "china")
    assert page.metadata["orphan"] and page.metadata["nosearch"]
    found = page.cells[0].source
    assert "$$ (law-china)" in found and "{eq}`law-china` and {value}`law` law" in found
    assert "{doc}`/other` [a](/b.md#c) [d](#law-china) [e](https://f.org) [g](/h.md)" in found
    assert ":label: ex-1-china" in found and "(here-china)=\n{ref}`t <here-china>`" in found
