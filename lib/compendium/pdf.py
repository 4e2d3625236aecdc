"""The whole book as one PDF, printed by the system's Chromium: `make pdf`.

All pages become one document, so that links lead to pages of the same file and the headings are
its bookmarks. Further runs of a chapter and the page of thumbnails stay out: they repeat. Of a
long data table the first rows are printed; the CSV file has all.
"""

import re
import shutil
import sys
from html import escape
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any

import yaml
from bs4 import BeautifulSoup, Tag

from compendium import paths
from compendium.errors import CompendiumError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
REPEATED = {"charts"}
ANNEXES = ("functions", "tables")  # folders whose pages are in no table of contents
ROWS = 40
DROPPED = (
    "script, .headerlink, .chart-tools, .page-foot, .ledger-filter, .runs-more, .runs ul, "
    "details.above-input, .prev-next-footer, button, .sd-stretched-link"
)
NAMES = re.compile(r'(\s(?:id|for|aria-labelledby|aria-describedby)=")([^"]+)"')
FOOTER = (
    '<div style="width:100%;font:8px Arial;color:#555;text-align:center">'
    '<span class="pageNumber"></span></div>'
)


def main() -> None:
    """Print the book that `make book` has built."""
    try:
        print(paths.relative(make(paths.build())))
    except CompendiumError as error:
        sys.exit(f"error: {error}")


def make(build: Path) -> Path:
    """Print the built book into one PDF and return the file.

    Raises CompendiumError if the book is not built or Chromium is not there.
    """
    if not (build / "html" / "index.html").exists():
        raise CompendiumError("the book is not built: say make book first")
    source = build / "pdf" / "book.html"
    source.parent.mkdir(exist_ok=True)
    source.write_text(document(build), "utf-8")
    target = build / "unlock.pdf"
    _print(source, target)
    return target


def page_order(build: Path) -> list[str]:
    """Return the pages in the order of the contents, annexes last."""
    contents = yaml.safe_load((build / "source" / "_toc.yml").read_text("utf-8"))
    found = [name for entry in _entries(contents) for name in _named(entry, build / "source")]
    for folder in ANNEXES:
        found += sorted(f"{folder}/{p.stem}" for p in (build / "html" / folder).glob("*.html"))
    return [name for name in found if name not in REPEATED]


def _entries(node: Any) -> list[dict[str, str]]:
    if isinstance(node, list):
        return [entry for part in node for entry in _entries(part)]
    own = [node] if {"root", "file", "glob"} & set(node) else []
    return own + [e for k in ("parts", "chapters", "sections") for e in _entries(node.get(k, []))]


def _named(entry: dict[str, str], source: Path) -> list[str]:
    if "glob" in entry:
        return sorted(
            p.relative_to(source).with_suffix("").as_posix() for p in source.glob(entry["glob"])
        )
    return [entry.get("root") or entry["file"]]


def document(build: Path) -> str:
    """Return all pages as one document whose links lead within it."""
    names = page_order(build)
    slugs = {name: name.replace("/", "-") for name in names}
    parts = [_article(build / "html", name, slugs) for name in names]
    styles = "".join(
        f'<link rel="stylesheet" href="../html/{style}">' for style in _styles(build / "html")
    )
    listed = "".join(f'<li><a href="#{slugs[n]}">{escape(t)}</a></li>' for n, t, _ in parts)
    body = "".join(article for _, _, article in parts)
    return (
        '<!doctype html><html lang="en" data-theme="light" data-mode="light"><head>'
        f'<meta charset="utf-8"><title>Unlock</title>{styles}</head><body class="whole-book">'
        f'<nav class="book-contents"><p class="book-title">Unlock</p><ol>{listed}</ol></nav>'
        f'<main class="bd-content"><div class="bd-article-container">{body}</div></main></body>'
        "</html>"
    )


def _styles(html: Path) -> list[str]:
    page = (html / "index.html").read_text("utf-8")
    found = re.findall(r'<link[^>]*rel="stylesheet"[^>]*>', page)
    return [re.search(r'href="([^"?]+)', link)[1] for link in found]


def _article(html: Path, name: str, slugs: dict[str, str]) -> tuple[str, str, str]:
    """Return name, title and text of a page, with names and links that fit one document."""
    soup = BeautifulSoup((html / f"{name}.html").read_text("utf-8"), "html.parser")
    article = soup.select_one("article.bd-article")
    for part in article.select(DROPPED):
        part.decompose()
    for table in article.select("table.rows"):
        _shorten(table)
    for part in article.select("[src]"):
        part["src"] = f"../html/{normpath(join(dirname(name), part['src']))}"
        part.attrs.pop("loading", None)
    for part in article.select("a[href]"):
        part["href"] = _address(part["href"], name, slugs)
    title = article.select_one("h1").get_text(strip=True)
    slug = slugs[name]
    text = NAMES.sub(lambda m: f'{m[1]}{slug}--{m[2]}"', str(article))
    for start in ("url(#", 'xlink:href="#'):  # within pictures
        text = text.replace(start, f"{start}{slug}--")
    return name, title, f'<div class="book-page" id="{slug}">{text}</div>'


def _shorten(table: Tag) -> None:
    """Cut a long table of data and say so."""
    rows = table.select("tbody > tr")
    if len(rows) <= ROWS:
        return
    for row in rows[ROWS:]:
        row.decompose()
    note = f'<p class="table-cut">The first {ROWS} of {len(rows)} rows.</p>'
    table.insert_after(BeautifulSoup(note, "html.parser"))


def _address(link: str, name: str, slugs: dict[str, str]) -> str:
    """Return where a link leads in the one document; away from it the address stays."""
    if re.match(r"[a-z]+:", link):
        return link
    path, _, anchor = link.partition("#")
    target = normpath(join(dirname(name), path)).removesuffix(".html") if path else name
    target = target if target in slugs else dirname(target)  # a further run: its chapter
    if target not in slugs:
        return "#"
    return f"#{slugs[target]}--{anchor}" if anchor else f"#{slugs[target]}"


def _print(source: Path, target: Path) -> None:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        raise CompendiumError("Chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(java_script_enabled=False)
        page.set_default_timeout(600_000)
        page.goto(source.as_uri())
        page.pdf(
            path=target,
            format="A4",
            margin={"top": "16mm", "bottom": "18mm", "left": "16mm", "right": "16mm"},
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
            outline=True,
            tagged=True,
        )
        browser.close()


if __name__ == "__main__":
    main()
