"""The built book as files: links, anchors, stamps, weights and what must not be in it."""

import gzip
import re
from functools import cache
from urllib.parse import unquote

import pytest

from compendium import paths, records
from tests.book.conftest import page_names

KB = 1000


@cache
def anchors(file) -> set[str]:
    """Return all names on a page that a link can lead to."""
    return set(re.findall(r'\b(?:id|name)="([^"]+)"', file.read_text("utf-8")))


def test_every_link_leads_somewhere(built_book):
    faults = []
    for name in page_names(built_book):
        page = built_book / name
        text = re.sub(r"<script\b.*?</script>", "", page.read_text("utf-8"), flags=re.DOTALL)
        for link in set(
            re.findall(r'<(?:a|link|img|script)\b[^>]*?\b(?:href|src)="([^"]*)"', text)
        ):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = unquote(link.partition("?")[0]).partition("#")
            target = (page.parent / path) if path else page
            if not target.exists():
                faults.append(f"{name}: {link}")
            elif anchor and target.suffix == ".html" and anchor not in anchors(target.resolve()):
                faults.append(f"{name}: {link} (no such anchor)")
    assert faults == []


def test_no_page_loads_anything_from_elsewhere(built_book):
    faults = []
    for name in page_names(built_book):
        text = (built_book / name).read_text("utf-8")
        loads = re.findall(r'<(?:script|img|iframe|source)\b[^>]*?\bsrc="(https?:[^"]*)"', text)
        loads += re.findall(r'<link\b[^>]*?rel="stylesheet"[^>]*?href="(https?:[^"]*)"', text)
        faults += [f"{name}: {address}" for address in loads]
        faults += [
            f"{name}: {word}" for word in ("mathjax@", "unpkg", "jsdelivr", "cdnjs") if word in text
        ]
    assert faults == []


def test_every_page_says_what_it_was_made_from(built_book):
    written = [n for n in page_names(built_book) if n not in ("genindex.html", "search.html")]
    for name in written:
        text = (built_book / name).read_text("utf-8")
        assert text.count('<dl class="stamp"') == 1, name
        assert "jupyter-book" in text.partition('<dl class="stamp"')[2], name


def test_the_ledger_has_every_claim(built_book):
    text = (built_book / "ledger.html").read_text("utf-8")
    ids = re.findall(r'<tr id="claim-([^"]+)"', text)
    assert ids == list(records.claims())


def test_every_table_of_the_package_has_a_page_and_its_file(built_book):
    from compendium import data

    for name, resource in data.package().items():
        page = (built_book / "tables" / f"{name.replace('/', '-')}.html").read_text("utf-8")
        rows = len(data.table(name))
        assert page.count(f'<tr id="{name.replace("/", "-")}-row-') == rows, name
        file = built_book / "data" / resource["path"]
        assert file.read_bytes() == (paths.data() / resource["path"]).read_bytes()


def weight(file) -> float:
    """Return the size of a file as it travels, in kB."""
    return len(gzip.compress(file.read_bytes(), mtime=0)) / KB


def test_pages_are_light(built_book):
    heavy = {n: w for n in page_names(built_book) if (w := weight(built_book / n)) > 350}
    assert heavy == {}


def test_what_all_pages_share_is_light(built_book):
    page = (built_book / "ledger.html").read_text("utf-8")
    files = set(re.findall(r'(?:href|src)="([^":?]+\.(?:css|js))(?:\?[^"]*)?"', page))
    total = sum(weight(built_book / file) for file in files)
    fonts = [f for f in built_book.rglob("*.woff") if "solid" in f.name]
    assert total + sum(map(weight, fonts)) + weight(built_book / "vendor/vega.js") < 500


def test_only_the_search_loads_the_index_of_all_words(built_book):
    texts = {name: (built_book / name).read_text("utf-8") for name in page_names(built_book)}
    loads = [name for name, text in texts.items() if "searchindex.js" in text]
    assert loads == ["search.html"]


@pytest.mark.parametrize("suffix", [".map", ".ttf", ".woff2"])
def test_nothing_unread_is_published(built_book, suffix):
    assert list((built_book / "_static").rglob(f"*{suffix}")) == []
