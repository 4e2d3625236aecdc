"""The stamp at the foot of each page: which run, which commit, which data, which versions."""

from html import escape
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


def add(
    app: Sphinx, pagename: str, template: str, variables: dict[str, Any], doctree: nodes.document
) -> None:
    """Add the stamp to the body of every page that has a text."""
    if doctree is not None:
        book = context.read(app)
        variables["body"] += html(book["stamp"], book["pages"].get(pagename))


def setup(app: Sphinx) -> None:
    """Register the stamp."""
    app.connect("html-page-context", add)
