"""Building a small book: numbers in prose, the same bytes twice, and faults that are told."""

import hashlib
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from compendium import book, execution, numbers, pdf, publish, runs
from tests.book import small_book
from tests.conftest import clear_caches


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A small compendium whose book is built."""
    folder = small_book.write(tmp_path_factory.mktemp("small"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPENDIUM_ROOT", str(folder))
        patch.delenv("COMPENDIUM_STORE", raising=False)
        clear_caches()
        publish.publish(workers=2)
        yield folder
    clear_caches()


def runs_of(root):
    """Return the executed runs as `build_book` takes them."""
    base = root / "book" / "_build" / "runs"
    return {
        chapter.name: {run.name: run for run in sorted(chapter.iterdir())}
        for chapter in sorted(base.iterdir())
    }


def page(root, name):
    return (root / "book" / "_build" / "html" / f"{name}.html").read_text("utf-8")


def digests(root):
    html = root / "book" / "_build" / "html"
    return {
        file.relative_to(html).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in html.rglob("*")
        if file.is_file()
    }


def link(text, target, label):
    return f'<a class="number reference internal" href="{target}" title="{label}">{text}</a>'


def test_numbers_in_prose_are_those_of_the_run_and_lead_to_their_row(root):
    folder = runs_of(root)["carbon-lock-in"]["base"]
    results = json.loads((folder / "results.json").read_text("utf-8"))["results"]
    age, left = results["mean_age"], results["left"]
    text = page(root, "carbon-lock-in")
    told = numbers.result_text(age["value"], age["low"], age["high"], "year")
    assert link(told, "#result-mean_age", "Mean age") in text
    cell = left["value"][0][left["coords"]["year"].index(2040)]
    told = numbers.quantity_text(cell, "MtCO2/year")
    assert link(told, "#result-left", "Emissions left") in text
    assert link("the first year", "#result-mean_age", "Mean age") in text
    assert (
        link("1,600 CNY/t".replace(" ", " "), "cost-gaps.html#result-gap", "Gap of steel") in text
    )
    assert text.count('id="result-mean_age"') == 1
    assert '<tr id="param-price">' in text and 'href="#param-price"' in text


def test_each_run_has_a_page_with_its_own_numbers(root):
    for run, at in {"base": "carbon-lock-in", "dear": "carbon-lock-in/dear"}.items():
        text = page(root, at)
        results = json.loads((runs_of(root)["carbon-lock-in"][run] / "results.json").read_text())
        price = numbers.with_unit(f"{results['parameters']['price']:.0f}", "CNY/tCO2", value=2)
        assert f'href="#param-price" title="carbon price">{price}</a>' in text
        assert f"<code>{run}</code>" in text.partition('class="run-shown"')[2][:200]
        assert text.count('id="fig-emissions-left"') == 1
    text = page(root, "carbon-lock-in/dear")
    assert '<a href="../carbon-lock-in.html">As it stands</a>' in text
    assert "price 100" in text and 'id="equation-survival-dear"' in text
    for target in ("../cost-gaps.html", "../re-run.html", "#ex-carbon-lock-in-1-dear"):
        assert f'href="{target}"' in text


def test_the_search_knows_only_the_first_run(root):
    html = root / "book" / "_build" / "html"
    index = (html / "searchindex.js").read_text("utf-8")
    content = json.loads(index.removeprefix("Search.setIndex(").rstrip(")"))
    number = content["docnames"].index("carbon-lock-in/dear")
    assert content["titles"][number] == ""
    places = [n if isinstance(n, list) else [n] for n in content["terms"].values()]
    assert not any(number in place for place in places)


def test_buttons_to_run_a_chapter_elsewhere_come_with_the_address(root):
    assert "mybinder.org" not in page(root, "cost-gaps")
    config = root / "_config.yml"
    bare = config.read_text("utf-8")
    config.write_text(bare.replace('url: ""', "url: https://github.com/someone/unlock"), "utf-8")
    try:
        book.build_book(runs_of(root), root)
        where = "someone/unlock/main?urlpath=lab/tree/notebooks/cost-gaps.ipynb"
        assert f"https://mybinder.org/v2/gh/{where}" in page(root, "cost-gaps")
        assert "colab.research.google.com/github/someone/unlock" in page(root, "cost-gaps")
        assert "mybinder.org" not in page(root, "carbon-lock-in/dear")
    finally:
        config.write_text(bare, "utf-8")
        book.build_book(runs_of(root), root)


def test_the_book_is_one_document_whose_links_lead_within_it(root):
    text = pdf.document(root / "book" / "_build")
    names = re.findall(r'\sid="([^"]+)"', text)
    assert len(names) == len(set(names))
    links = set(re.findall(r'<a\b[^>]*href="#([^"]+)"', text))
    assert len(links) > 20 and links <= set(names)
    for title in ("How old are the furnaces?", "Claim ledger", "Glossary", "levelised_cost"):
        assert re.search(rf"<h[12][^>]*>{re.escape(title)}", text), title


def test_the_book_is_printed_into_one_file(root, browser_program):
    # The thread of the tests may already have a browser of its own.
    with ThreadPoolExecutor(1) as pool:
        file = pool.submit(pdf.make, root / "book" / "_build").result()
    content = file.read_bytes()
    assert content.startswith(b"%PDF") and len(re.findall(rb"/Type /Page\b", content)) > 15
    assert b"/Outlines" in content


def test_a_bundle_runs_by_itself(root, tmp_path, monkeypatch):
    shutil.unpack_archive(root / "book/_build/html/bundles/cost-gaps.zip", tmp_path)
    monkeypatch.setenv("COMPENDIUM_ROOT", str(tmp_path / "unlock-cost-gaps"))
    clear_caches()
    try:
        done = execution.execute(runs.named("cost-gaps", None))
        folder = runs_of(root)["cost-gaps"]["base"]
    finally:
        monkeypatch.undo()
        clear_caches()
    published = json.loads((folder / "results.json").read_text("utf-8"))
    assert done.results["results"] == published["results"]


def test_a_formula_is_markup_with_its_number(root):
    text = page(root, "carbon-lock-in")
    assert re.search(r'<div class="formula" id="equation-survival".*?<math', text)
    assert '<span class="eqno">(1)' in text and "\\frac" not in text


def test_claims_charts_and_the_ledger_agree(root):
    text, ledger = page(root, "carbon-lock-in"), page(root, "ledger")
    assert len(re.findall(r'<div class="claim verdict-', text)) == 4
    assert len(re.findall(r'<tr id="claim-[^>]*data-verdict="pending"', ledger)) == 59
    assert 'href="carbon-lock-in.html#claim-bf-age"' in ledger
    assert "4 of 63 claims have a verdict so far" in page(root, "index")
    assert 'id="fig-emissions-left"' in text and 'id="fig-costs"' in text


def test_two_builds_give_the_same_bytes(root):
    before = digests(root)
    book.build_book(runs_of(root), root)
    assert digests(root) == before


def test_a_wrong_name_stops_the_build_and_the_old_book_stays(root):
    before = digests(root)
    source = root / "book" / "cite.md"
    good = source.read_text("utf-8")
    source.write_text(
        f"{good}\n{{value}}`cost-gaps/gapp` and {{param}}`price` and $\\nonsense{{x}}$\n"
    )
    with pytest.raises(book.BookError) as caught:
        book.build_book(runs_of(root), root)
    source.write_text(good)
    told = str(caught.value)
    assert "cite: role {value}`cost-gaps/gapp`: there is no result 'gapp'; nearest: gap" in told
    assert "this page has no results; write chapter/name" in told
    assert "formula '\\\\nonsense{x}': '\\\\nonsense' is not understood" in told
    assert str(root) not in told
    assert digests(root) == before


def test_the_contents_leave_out_what_is_planned_and_nothing_else(root):
    html = page(root, "index")
    assert "emissions-gap.html" not in html and "cost-gaps.html" in html
    toc = root / "book" / "_toc.yml"
    good = toc.read_text("utf-8")
    toc.write_text(good.replace("file: emissions-gap", "file: emission-gap"), "utf-8")
    with pytest.raises(book.BookError, match="lists emission-gap, which has no notebook"):
        book.build_book(runs_of(root), root)
    toc.write_text(good, "utf-8")
    with pytest.raises(book.BookError, match="does not list the chapter extra"):
        book.build_book(runs_of(root) | {"extra": runs_of(root)["cost-gaps"]}, root)
