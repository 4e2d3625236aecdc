"""The page of all charts: a thumbnail each, which leads to the chart in its chapter."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import nbformat

FIGURE = re.compile(r'<figure class="chart" id="fig-([^"]+)">(.*?)</figure>', re.DOTALL)
TITLE = re.compile(r'<span class="chart-title">(.*?)</span>', re.DOTALL)
NARROW = re.compile(r'<svg [^>]*class="chart-narrow".*?</svg>', re.DOTALL)
ALT = re.compile(r'aria-label="([^"]*)"')
INK = "#20242b"  # a picture in a file does not know the colour of the page


@dataclass(frozen=True)
class Thumbnail:
    """A chart as the gallery shows it."""

    chapter: str
    name: str
    title: str
    alt: str
    picture: str


def thumbnails(chapter: str, page: nbformat.NotebookNode) -> list[Thumbnail]:
    """Return the charts of a chapter's page, in order."""
    found = []
    for cell in page.cells:
        for output in cell.get("outputs", ()):
            html = "".join(output.get("data", {}).get("text/html", ""))
            for name, inner in FIGURE.findall(html):
                picture = NARROW.search(inner)[0]
                title, alt = TITLE.search(inner)[1], ALT.search(picture)[1]
                found.append(Thumbnail(chapter, name, unescape(title), unescape(alt), picture))
    return found


def write(charts: Iterable[tuple[str, list[Thumbnail]]], folder: Path) -> str:
    """Write the pictures into a folder and return the gallery, as MyST; `charts` by heading."""
    folder.mkdir()
    parts = []
    for heading, found in ((heading, found) for heading, found in charts if found):
        cards = []
        for chart in found:
            file = folder / f"{chart.chapter}-{chart.name}.svg"
            file.write_text(_alone(chart.picture), "utf-8")
            cards.append(_card(chart, f"/{folder.name}/{file.name}"))
        grid = ["::::{grid} 1 2 2 3", ":gutter: 3", ":class-container: gallery", "", *cards, "::::"]
        parts += [f"## {heading}", "\n".join(grid)]
    return "\n\n".join(parts) + "\n"


def _alone(picture: str) -> str:
    """Return a picture as a file of its own."""
    picture = picture.replace(' style="display:none"', f' style="color:{INK}"', 1)
    if "xmlns=" not in picture:
        picture = picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return picture


def _card(chart: Thumbnail, picture: str) -> str:
    title = re.sub(r"([\\`*_{}\[\]<>$#|~])", r"\\\1", chart.title)
    options = {
        "img-top": picture,
        "img-alt": " ".join(chart.alt.split()),
        "link": f"{chart.chapter}.html#fig-{chart.name}",
        "link-type": "url",
        "link-alt": f"Go to the chart: {chart.title}",
    }
    lines = "\n".join(f":{key}: {value}" for key, value in options.items())
    return f":::{{grid-item-card}}\n{lines}\n\n{title}\n:::"
