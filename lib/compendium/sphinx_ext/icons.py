"""The theme's icons, cut down to those that the book shows.

The theme draws icons with 1.5 MB of script and carries fonts of 300 kB. Its style sheet can draw
them from the fonts alone, so the script goes and the fonts keep only the glyphs in use.
"""

import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

SCRIPT = "_static/scripts/fontawesome.js"
FONTS = "_static/vendor/fontawesome/webfonts"
STYLE = "_static/styles/pydata-sphinx-theme.css"
SEARCHED = ("*.html", "_static/scripts/*theme.js", "_static/*.js")

ICON_RULE = re.compile(
    r'(?P<selectors>(?:\.fa-[a-z0-9-]+:before,?)+)\{content:"\\(?P<code>[0-9a-f]+)"\}'
)
FONT_SOURCE = re.compile(r"src:url\(([^)]*/fa-[a-z]+-\d+)\.woff2\)[^}]*")


def used_names(folder: Path) -> set[str]:
    """Return the names of the icons that pages and scripts mention."""
    files = [file for pattern in SEARCHED for file in folder.rglob(pattern)]
    text = "".join(file.read_text("utf-8") for file in sorted(set(files)))
    return set(re.findall(r"\bfa-[a-z][a-z0-9-]*", text))


def trimmed(style: str, names: set[str]) -> tuple[str, set[int]]:
    """Return the style sheet without the rules of unused icons, and the glyphs that it needs."""
    codes = {ord(char) for char in style if "\ue000" <= char <= "\uf8ff"}

    def keep(rule: re.Match[str]) -> str:
        if not names & set(re.findall(r"fa-[a-z0-9-]+", rule["selectors"])):
            return ""
        codes.add(int(rule["code"], 16))
        return rule[0]

    style = ICON_RULE.sub(keep, style)
    return FONT_SOURCE.sub(r'src:url(\1.woff) format("woff")', style), codes


def cut(app: Sphinx, error: Exception | None) -> None:
    """Cut script and fonts down in the built book."""
    folder = Path(app.outdir)
    if error or app.builder.format != "html" or not (folder / SCRIPT).exists():
        return
    style = (folder / STYLE).read_text("utf-8")
    style, codes = trimmed(style, used_names(folder))
    for font in sorted((folder / FONTS).glob("*.ttf")):
        _subset(font, codes)
    (folder / STYLE).write_text(style, "utf-8")
    (folder / SCRIPT).write_text("// Icons come from the style sheet's font.\n", "utf-8")
    for stale in [*(folder / FONTS).glob("*.woff2"), *(folder / FONTS).glob("*.ttf")]:
        stale.unlink()
    for unread in (folder / "_static").rglob("*.map"):
        unread.unlink()


def _subset(path: Path, codes: set[int]) -> None:
    font = TTFont(path, recalcTimestamp=False)
    options = subset.Options(flavor="woff", notdef_outline=True, layout_features=[])
    worker = subset.Subsetter(options)
    worker.populate(unicodes=codes)
    worker.subset(font)
    font.flavor = "woff"
    font.save(path.with_suffix(".woff"))


def setup(app: Sphinx) -> None:
    """Register the cut for the end of the build."""
    app.connect("build-finished", cut)
