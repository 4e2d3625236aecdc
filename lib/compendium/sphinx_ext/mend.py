"""Faults of the theme and of other extensions, mended in the built pages.

Each is something that a screen reader stumbles over; tests/book checks that none is left.
"""

from pathlib import Path

from sphinx.application import Sphinx

MENDED = {
    # A chevron that opens a part of the contents has no name.
    '<summary><span class="toctree-toggle"': (
        '<summary aria-label="Show or hide the pages of this part"><span class="toctree-toggle"'
    ),
    # Docutils makes a list of citations whose children are not list items.
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    ' role="doc-biblioentry"': "",
    ' role="doc-backlink"': "",
    # sphinx-exercise gives all exercises of a page the same name.
    ' id="exercise-content"': "",
    ' id="solution-content"': "",
}


def mend(app: Sphinx, error: Exception | None) -> None:
    """Mend every page of the built book."""
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        before = page.read_text("utf-8")
        after = before
        for fault, repair in MENDED.items():
            after = after.replace(fault, repair)
        if after != before:
            page.write_text(after, "utf-8")


def setup(app: Sphinx) -> None:
    """Register the repair for the end of the build."""
    app.connect("build-finished", mend)
