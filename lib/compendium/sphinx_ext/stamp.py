"""The foot of each page: how to cite it, what to take away, and what it was made from."""

import re
from html import escape, unescape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from compendium.sphinx_ext import context


def html(stamp: dict[str, Any], page: dict[str, str] | None) -> str:
    """Return the stamp of a page."""
    parts = []
    if page:
        parts.append(("Run", f"{page['title']} ({page['run']})"))
    parts.append(("Source", stamp["commit"]))
    parts.append(("Data", stamp["data"]))
    parts.append(("Made with", ", ".join(f"{k} {v}" for k, v in stamp["versions"].items())))
    items = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in parts)
    return f'<dl class="stamp" aria-label="What this page was made from">{items}</dl>'


def citation(stamp: dict[str, Any], name: str, title: str, page: dict[str, str] | None) -> str:
    """Return how to cite a page, as a sentence and as BibTeX."""
    book = stamp["book"]
    title = unescape(re.sub(r"<[^>]*>", "", title)).strip().rstrip(".")
    end = "" if title.endswith(("?", "!")) else "."
    where = f"version {book['version']}" + (f", run {page['run']}" if page else "")
    where += f", {stamp['commit']}"
    text = f"{book['author']} ({book['year']}). {title}{end} In: {book['title']}, {where}."
    entry = (
        f"@misc{{unlock-{re.sub(r'[^a-z0-9-]+', '-', name)},\n"
        f"  author = {{{{{book['author']}}}}},\n  title = {{{title}}},\n"
        f"  howpublished = {{In: {book['title']}}},\n"
        f"  year = {{{book['year']}}},\n  note = {{{where[0].upper()}{where[1:]}}}\n}}"
    )
    return (
        '<details class="cite-this"><summary>Cite this page</summary>'
        f"<p>{escape(text)}</p>"
        f'<div class="highlight"><pre>{escape(entry)}</pre></div></details>'
    )


def bundle(page: dict[str, str], up: str) -> str:
    """Return the link to the bundle of a chapter."""
    name = f"{page['chapter']}.zip"
    return (
        f'<p class="take"><a href="{up}bundles/{name}" download>Take this chapter with you</a>: '
        "notebook, data tables, library and lock, as a zip file.</p>"
    )


def add(
    app: Sphinx, pagename: str, template: str, variables: dict[str, Any], doctree: nodes.document
) -> None:
    """Add the foot to the body of every page that has a text."""
    if doctree is None:
        return
    book = context.read(app)
    page = book["pages"].get(pagename)
    foot = bundle(page, "../" * pagename.count("/")) if page else ""
    foot += citation(book["stamp"], pagename, variables.get("title", ""), page)
    variables["body"] += f'<footer class="page-foot">{foot}{html(book["stamp"], page)}</footer>'


def setup(app: Sphinx) -> None:
    """Register the foot."""
    app.connect("html-page-context", add)
