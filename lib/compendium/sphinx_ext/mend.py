"""Faults of the theme and of other extensions, mended in the built pages.

Each is something that a screen reader stumbles over, or that a reader waits for in vain; tests/book
checks that none is left.
"""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from compendium.sphinx_ext import context

MENDED = {
    # A chevron that opens a part of the contents has no name.
    '<summary><span class="toctree-toggle"': (
        '<summary aria-label="Show or hide the pages of this part"><span class="toctree-toggle"'
    ),
    # The title and the search field stand outside of every landmark.
    '<div id="pst-primary-sidebar" class="': (
        '<div id="pst-primary-sidebar" role="complementary" aria-label="Book" class="'
    ),
    # Docutils makes a list of citations whose children are not list items.
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    ' role="doc-biblioentry"': "",
    ' role="doc-backlink"': "",
    # sphinx-exercise gives all exercises of a page the same name.
    ' id="exercise-content"': "",
    ' id="solution-content"': "",
}

# The theme loads the index of all words on every page, for a search while typing that is off.
SEARCH_TOOLS = re.compile(
    r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>'
)


def mend(app: Sphinx, error: Exception | None) -> None:
    """Mend every page of the built book."""
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        before = page.read_text("utf-8")
        after = before
        for fault, repair in MENDED.items():
            after = after.replace(fault, repair)
        if page.name != "search.html":
            after = SEARCH_TOOLS.sub("", after)
        if after != before:
            page.write_text(after, "utf-8")


def no_address(app: Sphinx, config: Config) -> None:
    """Take the launch buttons from all pages while the repository has no address."""
    if not config.html_theme_options.get("repository_url"):
        config.html_theme_options.pop("launch_buttons", None)


def launch(app: Sphinx, pagename: str, template: str, variables: dict[str, Any], tree: Any) -> None:
    """Take the launch buttons from a further run of a chapter: it has no notebook of its own."""
    page = context.read(app)["pages"].get(pagename)
    if page and pagename != page["chapter"]:
        buttons = variables["header_buttons"]
        buttons[:] = [button for button in buttons if button.get("label") != "launch-buttons"]


def setup(app: Sphinx) -> None:
    """Register the repairs, the one of the buttons after the theme has made them."""
    app.connect("config-inited", no_address)
    app.connect("html-page-context", launch, priority=502)
    app.connect("build-finished", mend)
