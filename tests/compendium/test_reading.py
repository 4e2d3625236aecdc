"""What readers take and look up: small bars, functions, gallery, bundles, citations."""

import json
import re
import zipfile
from xml.etree import ElementTree

import nbformat
import pytest

from compendium import bars, bundles, functions, gallery, pages, paths
from compendium.sphinx_ext import stamp

CLAIM = {
    "value": 10.4,
    "low": 8.8,
    "high": 12.0,
    "unit": "year",
    "paper_value": "13",
    "paper_unit": "years",
}


@pytest.mark.parametrize(
    ("figure", "unit", "ours", "ends"),
    [
        ("13", "years", "year", (13, 13)),
        ("2.5-2.9", "degC", "degC", (2.5, 2.9)),
        (">0.5", "share", "1", (0.5, float("inf"))),
        ("<1", "share", "1", (float("-inf"), 1)),
        (">0", "CNY/t", "percent", (0, float("inf"))),
        ("100", "CNY/t", "percent", None),
        ("several-tens", "multiple", "1", None),
        ("", "share", "1", None),
    ],
)
def test_the_papers_figure_is_read_where_it_can_be_compared(figure, unit, ours, ends):
    assert bars.paper_bounds(figure, unit, ours) == ends


def marks(row):
    """Return the places of zero, range, value and the paper's figure in a bar."""
    picture = ElementTree.fromstring(bars.range_bar(row))
    found = {part.get("class"): part.attrib for part in picture}
    start = float(found["range"]["x"])
    return {
        "zero": float(found["zero"]["x1"]),
        "low": start,
        "high": start + float(found["range"]["width"]),
        "value": float(found["value"]["cx"]),
        "paper": float(found["paper"]["x1"]),
        "label": picture.get("aria-label"),
    }


def test_the_places_in_a_bar_are_in_proportion():
    at = marks(CLAIM)
    scale = (at["paper"] - at["zero"]) / 13
    for name, number in {"low": 8.8, "value": 10.4, "high": 12.0}.items():
        assert at[name] == pytest.approx(at["zero"] + scale * number, abs=0.15)
    assert "Here 10.4" in at["label"] and "the paper's 13" in at["label"]


def test_a_bar_of_negative_numbers_keeps_nought_in_sight():
    at = marks(CLAIM | {"value": -3.0, "low": -5.0, "high": 2.0, "paper_value": "1"})
    assert at["low"] < at["value"] < at["zero"] < at["paper"] < at["high"]


def test_without_a_number_there_is_no_bar():
    assert bars.range_bar(CLAIM | {"value": None}) == ""


def test_the_filters_offer_each_section_verdict_and_chapter():
    rows = [
        {"section": "1; 2.1", "verdict": "confirmed", "notebook": "ages"},
        {"section": "2.1", "verdict": "pending", "notebook": "carbon-leakage"},
    ]
    form = pages.ledger_filters(rows)
    assert re.findall(r'<option value="([^"]*)"', form) == [
        *("", "1", "2", "2.1"),
        *("", "confirmed", "pending"),
        *("", "ages", "carbon-leakage"),
    ]
    assert form.startswith('<form class="ledger-filter" hidden>')


def test_the_library_is_listed_with_signature_text_and_source(tmp_path):
    (tmp_path / "_private.py").write_text("def hidden():\n    pass\n")
    (tmp_path / "costs.py").write_text(
        '"""Costs.\n\nMore."""\n\ndef price(x, *, rate=0.1):\n'
        '    """Give <p>.\n\n    p = x\n    """\n'
        "    return x\n\ndef _part(x):\n    return x\n"
    )
    (module,) = functions.library(tmp_path)
    (function,) = module.functions
    assert (module.name, function.name) == ("costs", "price")
    assert function.signature == "price(x, *, rate=0.1)"
    page = functions.module_page(module)
    assert '<span id="fn-price"></span>' in page and "Give &lt;p&gt;.\n\np = x" in page
    assert "return x" in page and "_part" not in page
    assert 'href="functions/costs.html#fn-price"' in functions.index([module])


def test_every_function_of_the_library_has_a_page():
    for module in functions.library(paths.root() / "lib" / "unlock"):
        page = functions.module_page(module)
        assert all(function.text for function in module.functions), module.name
        assert page.count('<span id="fn-') == len(module.functions)


FIGURE = (
    '<figure class="chart" id="fig-a"><figcaption><span class="chart-title">A &amp; b</span>'
    '</figcaption><svg class="chart-wide"></svg><svg width="3" class="chart-narrow" '
    'style="display:none" role="img" aria-label="Two lines."><g></g></svg></figure>'
)


def test_the_gallery_shows_each_chart_and_leads_to_it(tmp_path):
    output = nbformat.v4.new_output("display_data", data={"text/html": FIGURE})
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])
    (found,) = gallery.thumbnails("ages", page)
    assert (found.title, found.alt) == ("A & b", "Two lines.")
    text = gallery.write([("Ages", [found])], tmp_path / "thumbnails")
    assert ":link: ages.html#fig-a" in text and ":img-alt: Two lines." in text
    picture = ElementTree.parse(tmp_path / "thumbnails" / "ages-a.svg").getroot()
    assert picture.tag.endswith("}svg") and "display" not in picture.get("style")


def test_a_bundle_has_the_same_bytes_each_time_and_only_its_own_tables(tmp_path):
    root = paths.root()
    tables = ["money", "pedigree", "finance"]
    first, second = (
        bundles.write("cost-gaps", "Costs", tables, root, tmp_path / name) for name in "ab"
    )
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        names = {name.removeprefix("unlock-cost-gaps/") for name in archive.namelist()}
        package = json.loads(archive.read("unlock-cost-gaps/data/datapackage.json"))
    assert {"notebooks/cost-gaps.ipynb", "requirements.lock", "data/claims.csv"} <= names
    assert {r["name"] for r in package["resources"]} == set(tables)
    assert "data/routes/routes.csv" not in names and "lib/unlock/costs.py" in names


def test_a_page_says_how_to_cite_it():
    book = {"author": "The authors", "title": "Unlock", "version": "1.2", "year": "2026"}
    page = {"chapter": "ages", "run": "china", "title": "China"}
    made = {"commit": "commit abc", "book": book}
    html = stamp.citation(made, "ages/china", "How <i>old</i>?", page)
    assert "The authors (2026). How old? In: Unlock, version 1.2, run china, commit abc." in html
    assert "@misc{unlock-ages-china," in html and "author = {{The authors}}" in html
