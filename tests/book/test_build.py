"""Building a small book: numbers in prose, the same bytes twice, and faults that are told."""

import hashlib
import json
import re

import pytest

from compendium import book, numbers, publish
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
    (folder,) = runs_of(root)["carbon-lock-in"].values()
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


def test_a_missing_chapter_is_an_error(root):
    only = {"cost-gaps": runs_of(root)["cost-gaps"]}
    with pytest.raises(book.BookError, match="lists carbon-lock-in, which has no notebook"):
        book.build_book(only, root)
    with pytest.raises(book.BookError, match="does not list the chapter extra"):
        book.build_book(runs_of(root) | {"extra": runs_of(root)["cost-gaps"]}, root)
