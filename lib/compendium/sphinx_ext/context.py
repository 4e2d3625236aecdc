"""What assembly tells the extension: pages, their runs with results, and the stamp."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def read(app: Sphinx) -> dict[str, Any]:
    """Return the context that assembly wrote for this book."""
    return _read(Path(app.srcdir) / app.config.compendium_context)


@cache
def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))
