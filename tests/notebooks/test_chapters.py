"""Every chapter: its shape, its runs and its claims; notebooks/conftest.py repeats a run."""

import json
import re

import nbformat
import pytest

from compendium import check, execution, ledger, parameters, paths, records, runs
from tests.small import ROOT

CHAPTERS = list(runs.listed())
NAMED = [(run.notebook, run.name) for named in runs.listed().values() for run in named.values()]
HEADINGS = ("Parameters", "model", "hand", "published", "leaves out", "Claims", "Exercises")


def source(chapter):
    return nbformat.read(runs.path(chapter), as_version=4)


def text(chapter):
    return "\n".join(c.source for c in source(chapter).cells if c.cell_type == "markdown")


class Executed(dict):
    """The runs by notebook and name; those of a chapter are executed when one is asked for."""

    def __missing__(self, name):
        for item in execution.execute_all(list(runs.listed()[name[0]].values())):
            self[item.run.notebook, item.run.name] = item
        return self[name]


@pytest.fixture(scope="module")
def executed():
    """Every named run, executed once for all tests of this module."""
    return Executed()


def test_every_notebook_has_its_runs():
    assert {f.stem for f in paths.notebooks().glob("*.ipynb")} == set(CHAPTERS)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_source_is_a_plain_valid_notebook(chapter):
    node = source(chapter)
    nbformat.validate(node)
    assert node.metadata["language_info"]["name"] == "python"
    assert len({cell.id for cell in node.cells}) == len(node.cells)
    for cell in node.cells:
        kept = "nbval-check-output" in cell.metadata.get("tags", [])
        if cell.cell_type == "code" and not kept:
            assert not cell.outputs and cell.execution_count is None, cell.id
        if kept:
            assert cell.outputs, f"{cell.id}: make refresh writes its table"
            assert any("text/html" in o.get("data", {}) for o in cell.outputs), cell.id


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_chapter_follows_the_template(chapter):
    words = text(chapter)
    for part in ("**You will be able to**", "**You need**"):
        assert part in words, part
    for heading in HEADINGS:
        assert re.search(rf"(?mi)^##+ .*{heading}", words), heading
    exercises = re.findall(rf":label: ex-{chapter}-(\d)", words)
    assert len(exercises) >= 4
    solutions = (ROOT / f"book/teaching/{chapter}-solutions.md").read_text()
    assert len(re.findall(r"(?m)^## ", solutions)) >= len(exercises)
    cells = source(chapter).cells
    for cell in cells:
        hidden = {"hide-input", "remove-cell", "remove-input", "parameters"}
        if cell.cell_type == "code" and not hidden & set(cell.metadata.get("tags", [])):
            assert len(cell.source.splitlines()) <= 20, cell.id
    assert any("assert " in c.source for c in cells if c.cell_type == "code")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_first_run_is_the_notebook_with_its_defaults(chapter):
    first = next(iter(runs.listed()[chapter].values()))
    specs = parameters.read(runs.path(chapter))
    assert parameters.complete(specs, first.parameters) == parameters.complete(specs, {})
    assert len(runs.listed()[chapter]) >= 2


@pytest.mark.parametrize(("chapter", "run"), NAMED)
def test_every_claim_of_the_chapter_has_a_verdict_and_every_headline_a_range(
    executed, chapter, run
):
    results = executed[chapter, run].results
    ledger.check_complete(chapter, results["claims"])
    for claim in results["claims"]:
        assert claim["verdict"] in records.VERDICTS[:-1]
        assert claim["why"].strip().endswith(".") and len(claim["why"]) > 20
        if claim["verdict"] != "undecidable":
            assert claim["low"] <= claim["value"] <= claim["high"], claim["id"]
    headlines = [r for r in results["results"].values() if r["moved_by"] and not r["dims"]]
    assert headlines, "a headline names the input that moves it most"
    for record in headlines:
        assert record["low"] <= record["value"] <= record["high"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_prose_takes_its_numbers_from_results(executed, chapter):
    run = next(iter(runs.listed()[chapter]))
    known = set(executed[chapter, run].results["results"])
    used = re.findall(r"\{(?:value|range|result|moved)\}`([^`\[|/]+)[`\[|]", text(chapter))
    assert len(used) >= 5
    assert set(used) <= known


@pytest.mark.parametrize(("chapter", "run"), NAMED)
def test_a_reader_sees_no_warning_and_no_bare_object(executed, chapter, run):
    outputs = [o for cell in executed[chapter, run].node.cells for o in cell.get("outputs", ())]
    assert not [o["text"] for o in outputs if o.get("name") == "stderr"]
    shown = [o["data"].get("text/plain", "") for o in outputs if "data" in o]
    assert not [text for text in shown if re.match(r"<(xarray\.|\w+(\.\w+)* object at )", text)]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_charts_have_a_finding_units_alt_text_and_data(executed, chapter):
    run = next(iter(runs.listed()[chapter]))
    pages = [
        output["data"]["text/html"]
        for cell in executed[chapter, run].node.cells
        for output in cell.get("outputs", ())
        if '<figure class="chart' in output.get("data", {}).get("text/html", "")
    ]
    assert len(pages) >= 3
    for page in pages:
        assert "<svg" in page and "<table" in page
        title = re.search(r'class="chart-title"[^>]*>(.*?)<', page)
        assert title and len(title[1].split()) >= 4


@pytest.mark.parametrize(("chapter", "run"), NAMED)
def test_the_published_numbers_are_those_of_the_code(executed, chapter, run):
    ours = check.summary(executed[chapter, run].results)
    rows = check.differences(ours, check.published(chapter, run))
    assert rows == [], "make refresh writes the published numbers"


def test_the_ledger_has_every_claim_once():
    rows = ledger.rows()
    assert [row["id"] for row in rows] == list(records.claims())
    pending = {row["notebook"] for row in rows if row["verdict"] == "pending"}
    assert not pending & set(CHAPTERS)
    json.dumps(rows, allow_nan=False)
