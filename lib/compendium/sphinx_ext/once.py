"""Work that Sphinx and its extensions repeat on every page, done once."""

from functools import cache
from typing import Any

from pybtex import plugin
from sphinx.application import Sphinx
from sphinx.highlighting import PygmentsBridge
from sphinx.search.en import SearchEnglish

_highlighted: dict[tuple, str] = {}
_highlight = PygmentsBridge.highlight_block


def highlight(
    bridge: PygmentsBridge,
    source: str,
    lang: str,
    opts: dict | None = None,
    force: bool = False,
    location: Any = None,
    **options: Any,
) -> str:
    """Highlight a piece of code; the runs of a chapter show the same code."""
    key = (id(bridge), source, lang, repr(opts), force, repr(options))
    if key not in _highlighted:
        _highlighted[key] = _highlight(bridge, source, lang, opts, force, location, **options)
    return _highlighted[key]


def setup(app: Sphinx) -> None:
    """Remember highlighted code, stems of words, and the plugins that set citations."""
    PygmentsBridge.highlight_block = highlight
    SearchEnglish.stem = cache(SearchEnglish.stem)
    plugin._load_entry_point = cache(plugin._load_entry_point)
