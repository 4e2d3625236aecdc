"""The pages before they are built: chapters, tables, ledger, roles, formulas, icons, stamps."""

import re
import subprocess
import xml.etree.ElementTree as ElementTree

import nbformat
import pandas as pd
import pytest

from compendium import book, pages
from compendium.charts import claim_html
from compendium.parameters import Parameter
from compendium.provenance import Origin
from compendium.sphinx_ext import icons
from compendium.sphinx_ext.mathml import FormulaError, to_mathml
from compendium.sphinx_ext.numbers import UnknownNumberError, lookup, parameter_text, select

SCALAR = {
    "value": 24.2,
    "low": 22.1,
    "high": 26.0,
    "unit": "year",
    "label": "Mean age",
    "moved_by": "the <first> year",
    "description": "",
    "dims": [],
    "coords": {},
}
ARRAY = SCALAR | {
    "value": [[1.0, 2.0], [3.0, None]],
    "low": [[0.5, 1.0], [2.0, None]],
    "high": [[1.5, 3.0], [4.0, None]],
    "dims": ["region", "year"],
    "coords": {"region": ["China", "India"], "year": [2030, 2040]},
}
RUN = {
    "run": "base",
    "parameters": {"price": 100.0, "planned": True, "samples": 1024},
    "results": {"mean_age": SCALAR, "left": ARRAY},
    "inputs": {"data": {"steel/routes": "x"}, "library": {"unlock.costs": "x", "compendium": "x"}},
}
SPECS = {
    "price": Parameter("price", "float", 100.0, "CNY/tCO2", 0, 3000, (), "carbon price"),
    "planned": Parameter("planned", "bool", False, description="plants planned count"),
    "samples": Parameter("samples", "int", 1024, "1", 64, 16384, (), "size of the sample"),
}


def code(source, tags=(), outputs=()):
    cell = nbformat.v4.new_code_cell(source, outputs=list(outputs))
    cell.metadata["tags"] = list(tags)
    return cell


def display(data):
    return nbformat.v4.new_output("display_data", data=data)


@pytest.fixture
def page():
    record = display({"application/papermill.record/vnd.unlock.result+json": {"name": "x"}})
    cells = [
        nbformat.v4.new_markdown_cell("# A title\n\nFirst words."),
        code("price: float = 100", ["parameters"]),
        code("# Parameters\nprice = 50", ["injected-parameters"]),
        code("import numpy", ["hide-input"]),
        code("setup()", ["hide-input"], [record]),
        code("draw()", ["hide-input"], [display({"text/html": "<p>chart</p>"})]),
        nbformat.v4.new_markdown_cell("## Parameters\n\nThey are few."),
        code("table", outputs=[display({"text/html": FRAME_HTML})]),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    origins = {"mean_age": Origin(cells[4].id, ["costs.levelised_cost"], ["steel/routes"])}
    return pages.chapter_page(
        notebook, RUN, SPECS, selector="<p>A choice of runs</p>", origins=origins, up="../"
    )


FRAME = pd.DataFrame({"name": ["b", "a"], "mass": [1.0, -2.5]}, index=["x", "y"])
FRAME_HTML = FRAME.to_html()


def sources(page):
    return [cell.source for cell in page.cells]


def test_the_parameters_become_a_table_and_the_injected_cell_goes(page):
    table = next(source for source in sources(page) if source.startswith("## Parameters"))
    assert table.endswith("They are few.")
    assert not any("price = 50" in source for source in sources(page))
    assert '<tr id="param-price">' in table and "100 CNY/tCO₂" in table
    assert "0 to 3,000 CNY/tCO₂" in table and "64 to 16,384" in table
    assert "true or false" in table and "<td>yes</td>" in table


def test_the_choice_of_runs_stands_under_the_heading(page):
    first = page.cells[0].source
    assert first.startswith("# A title\n") and first.endswith("First words.")
    assert "A choice of runs" in first


def test_hidden_cells_in_a_row_are_one_and_records_are_dropped(page):
    hidden = next(cell for cell in page.cells if "draw()" in cell.source)
    assert hidden.source == "price: float = 100\n\nimport numpy\n\nsetup()\n\ndraw()"
    assert "hide-input" in hidden.metadata["tags"]
    assert not any(
        media.startswith("application/papermill")
        for cell in page.cells
        for output in cell.get("outputs", ())
        for media in output.data
    )


def test_the_results_end_the_page(page):
    last = page.cells[-1].source
    assert last.startswith("## Results in full")
    assert '<tr id="result-mean_age">' in last and "22.1 to 26.0 years" in last
    assert "[steel/routes](/tables/steel-routes.md)" in last
    assert "[unlock.costs](/functions/costs.md)" in last and "compendium" not in last
    assert 'href="../functions/costs.html#fn-levelised_cost"' in last
    assert 'href="../tables/steel-routes.html"' in last
    anchor = re.search(r'href="#(cell-[^"]+)"', last)[1]
    assert any(f'<span id="{anchor}"></span>' in source for source in sources(page))
    assert "4 values (2 region × 2 year), 1 to 3 years" in last
    assert "the &lt;first&gt; year" in last


def test_a_data_frame_has_numbers_right_and_names_left():
    table = pages.dressed_table(FRAME_HTML, name='Table 1, a "b"')
    assert 'role="region" aria-label="Table 1, a &quot;b&quot;"' in table
    cells = re.findall(r'<td( class="n")?>([^<]*)</td>', table)
    assert ("", "b") in cells and (' class="n"', "-2.5") in cells
    assert 'scope="row">x</th>' in table and "<style" not in table
    assert '<th class="n" scope="col">mass</th>' in table


def test_an_array_is_a_row_a_cell():
    frame = pages.result_frame(ARRAY)
    assert frame.shape == (4, 5)
    assert frame.loc[2].tolist() == ["India", 2030, 3.0, 2.0, 4.0]


def test_one_name_used_twice_on_a_page_is_told():
    cell = nbformat.v4.new_markdown_cell('<i id="fig-a"></i><i id="fig-a"></i><i id="fig-b"></i>')
    notebook = nbformat.v4.new_notebook(cells=[cell])
    with pytest.raises(book.BookError, match="chapter 'x': used twice on the page: fig-a"):
        book.check_anchors("x", notebook)


# Claims

CLAIMS = [
    {
        "id": i,
        "section": section,
        "claim": f"Claim <{i}>",
        "notebook": "ages",
        "paper_value": "13",
        "unit": "years",
    }
    for i, section in (("one", "1"), ("two", "2.1; 3"))
]
JUDGED = {
    "two": {
        "id": "two",
        "value": 24.2,
        "low": 22.1,
        "high": 26.0,
        "unit": "year",
        "verdict": "conditional",
        "why": "Because <so>.",
        "decided_by": "the rule",
        "note": "",
    }
}


def test_a_claim_without_a_chapter_is_pending():
    rows = pages.ledger_rows(CLAIMS, JUDGED)
    assert [row["verdict"] for row in rows] == ["pending", "conditional"]
    table = pages.ledger_table(rows, ["ages"])
    first, second = re.findall(r"<tr id=.*?</tr>", table)
    assert "Pending" in first and 'data-verdict="pending"' in first and "13 years" in first
    assert "24.2" in second and "Decided by the rule." in second
    assert 'href="ages.html#claim-two"' in second and "&lt;so&gt;" in second


def test_the_tally_counts_every_verdict():
    tally = pages.tally(pages.ledger_rows(CLAIMS, JUDGED))
    assert re.findall(r"<strong>(\d+)</strong>", tally) == ["0", "1", "0", "0", "1"]


def test_the_chart_of_verdicts_counts_what_is_decided():
    chart = pages.verdict_chart(pages.ledger_rows(CLAIMS, JUDGED))
    assert "1 of 2 claims have a verdict so far" in chart
    assert "1 with conditions, 1 pending" in chart


def test_when_all_is_decided_the_chart_says_what_holds_and_nothing_is_pending():
    rows = pages.ledger_rows(CLAIMS, JUDGED | {"one": JUDGED["two"] | {"verdict": "contradicted"}})
    assert "Of 2 claims 0 hold, 1 hold with conditions and 1 do not" in pages.verdict_chart(rows)
    assert re.findall(r"<strong>(\d+)</strong>", pages.tally(rows)) == ["0", "1", "1", "0"]


def test_the_box_of_a_claim_says_number_verdict_and_why():
    box = claim_html(JUDGED["two"] | {"claim": "A claim", "share": 0.6})
    assert 'class="claim verdict-conditional" id="claim-two"' in box
    assert "Confirmed with conditions" in box and "&lt;so&gt;" in box
    assert "Criterion met in 60% of samples" in box and "the rule" in box


# Data

ROW = {
    "item": "coal",
    "value": "100",
    "low": "90",
    "high": "120",
    "unit": "CNY/tCO2",
    "currency_year": "2020",
    "source": "hu2025",
    "where": "p. 1",
    "seen": "a copy",
    "status": "unconfirmed",
    "note": "a <note>",
}
RESOURCE = {
    "name": "toy/prices",
    "path": "toy/prices.csv",
    "title": "Toy $prices$",
    "description": "What a *toy* costs.",
    "licenses": [{"name": "CC-BY-4.0", "path": "https://example.org/by"}],
    "sources": [{"title": "A [source]"}],
    "schema": {"primaryKey": ["item"]},
}
ROWS = pd.DataFrame([ROW, ROW | {"item": "ore", "status": "read", "low": "", "high": ""}])
ROWS.index = [2, 3]


def test_a_table_page_shows_every_row_with_source_and_status():
    text = pages.table_text(RESOURCE, ROWS)
    assert r"# Toy \$prices\$" in text and r"a \*toy\* costs" in text
    assert "2 rows: 1 read, 1 unconfirmed." in text
    assert text.count('<tr id="toy-prices-row-') == 2
    assert 'href="../references.html#ref-hu2025"' in text and "CNY/tCO₂ of 2020" in text
    assert "90 to 120" in text and "seen: a copy" in text and "a &lt;note&gt;" in text


def test_rows_not_confirmed_are_listed():
    package, frames = {"resources": [RESOURCE]}, {"toy/prices": ROWS}
    listed = pages.unconfirmed(package, frames)
    assert "1 of 2 rows" in listed and "coal" in listed and "ore" not in listed
    assert pages.unconfirmed(package, {"toy/prices": ROWS.iloc[1:]}) == "<p>None.</p>"


def test_exercises_are_found_in_a_notebook():
    first = ":::{exercise} Read it\n:label: ex-1\n\nWhat?\n:::"
    text = f"# Ages\n\n{first}\n\n```{{exercise}}\n*Ask on.* Why?\n```"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    listed = pages.exercises({"ages": notebook}, ["ages-solutions"])
    assert '<a href="ages.html#ex-1">Read it</a>' in listed and ">Ask on<" in listed
    assert 'href="teaching/ages-solutions.html"' in listed


# Roles


def test_a_cell_of_an_array_is_chosen_by_its_labels():
    assert select(ARRAY, ["India", "2030"]) == (3.0, 2.0, 4.0)
    assert select(SCALAR, []) == (24.2, 22.1, 26.0)


@pytest.mark.parametrize(
    ("record", "labels", "message"),
    [
        (ARRAY, [], r"needs \[region, year\]"),
        (ARRAY, ["Chin", "2030"], "region has no 'Chin'; nearest: China"),
        (SCALAR, ["China"], "it is one number"),
    ],
)
def test_a_wrong_choice_says_what_there_is(record, labels, message):
    with pytest.raises(UnknownNumberError, match=message):
        select(record, labels)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownNumberError, match="no result 'mean_agee'; nearest: mean_age"):
        lookup({"mean_age": 1, "left": 2}, "mean_agee", "result")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (True, "", "yes"),
        ("one-relining", "", "one-relining"),
        (16384, "1", "16,384"),
        (2035, "year", "2035"),
        (0.085, "1", "0.085"),
        (-1.0, "CNY/GJ", "−1 CNY/GJ"),
    ],
)
def test_a_parameter_is_shown_as_it_was_given(value, unit, text):
    assert parameter_text(value, unit).replace(" ", " ") == text


# Formulas


@pytest.mark.parametrize(
    "latex",
    [
        r"c = \frac{r}{1-(1+r)^{-n}} K + \sum_i p_i x_i",
        r"\begin{aligned} a &= b \\ c &= \left(d\right) \end{aligned}",
        r"\Phi\!\left(\frac{\mu - a}{\sigma}\right) \ge 0 \quad \text{for all } t",
    ],
)
def test_a_formula_becomes_well_formed_markup(latex):
    tree = ElementTree.fromstring(to_mathml(latex, display=True))
    assert tree.tag.endswith("math") and tree.get("display") == "block"
    assert "\\" not in "".join(tree.itertext()) and "&" not in "".join(tree.itertext())


@pytest.mark.parametrize("latex", [r"\unknowncommand{x}", r"x_{", r"a & b"])
def test_a_formula_that_is_not_understood_is_told(latex):
    with pytest.raises(FormulaError):
        to_mathml(latex, display=True)


# Icons and stamp


def test_only_icons_in_use_stay():
    style = (
        '@font-face{src:url(../webfonts/fa-solid-900.woff2) format("woff2"),url(x.ttf) format("y")}'
        '.fa-bars:before,.fa-navicon:before{content:"\\f0c9"}.fa-ghost:before{content:"\\f6e2"}'
        '.tip{--pst-icon-bell:"\uf0f3"}'
    )
    cut, codes = icons.trimmed(style, {"fa-bars"})
    assert codes == {0xF0C9, 0xF0F3}
    assert "fa-ghost" not in cut and "fa-navicon" in cut
    assert 'src:url(../webfonts/fa-solid-900.woff) format("woff")}' in cut


def test_the_stamp_says_so_when_there_is_no_commit(tmp_path):
    (tmp_path / "data").mkdir()
    found = book.stamp(tmp_path)
    assert found["commit"].startswith("no commit")
    assert {"Python", "numpy", "xarray", "jupyter-book"} == set(found["versions"])


def test_the_stamp_names_commit_date_and_changes(tmp_path):
    (tmp_path / "data").mkdir()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    (tmp_path / "file").write_text("one")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "m"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    assert re.fullmatch(r"commit [0-9a-f]{7,} of \d{4}-\d\d-\d\d", book.stamp(tmp_path)["commit"])
    (tmp_path / "file").write_text("two")
    assert book.stamp(tmp_path)["commit"].endswith(", with later changes")


def test_the_data_hash_changes_with_the_data(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    before = book.data_hash(tmp_path)
    assert before == book.data_hash(tmp_path) and len(before) == 12
    (tmp_path / "a.csv").write_text("2")
    assert book.data_hash(tmp_path) != before
