"""Sphinx extension of the book: numbers by name, formulas without scripts, stamp, icons."""

from typing import Any

from sphinx.application import Sphinx

from compendium.sphinx_ext import icons, mathml, mend, numbers, once, stamp


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything with Sphinx."""
    app.add_config_value("compendium_context", "_generated/context.json", "env", str)
    # Jupyter Book always sets it, although the extension that reads it is not loaded.
    app.add_config_value("comments_config", {}, "", dict)
    for part in (once, numbers, mathml, stamp, icons, mend):
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
