"""Charts for the book: one theme, a static picture first, the data behind each chart.

Text, axes and grid take the colour of the page (`currentColor`) and the background is clear, so
that one picture serves light pages, dark pages and paper. The live chart uses the same colours.
"""

import copy
import json
import math
import re
from collections.abc import Iterator
from html import escape
from typing import Any
from urllib.parse import quote

import altair as alt
import pandas as pd
import vl_convert
from IPython.display import display

from compendium.markup import claim_html, frame_html

__all__ = ["claim_html", "figure_html", "show"]

# Six colours that people with any common colour vision tell apart, each with a contrast of at
# least 3 to 1 on both backgrounds. tests/compendium/test_charts.py checks both.
PALETTE = ("#1860d0", "#d08008", "#087050", "#d82860", "#b080b8", "#888888")
BACKGROUNDS = {"light": "#ffffff", "dark": "#121212"}
INK = "currentColor"
FONT = "Arial, Liberation Sans, Helvetica, sans-serif"
WIDTHS = {"wide": 680, "narrow": 326}  # px of the whole picture; narrow is for phones
HEIGHT = 320
SHORT_NAME = 20  # letters of which two names fit side by side on a phone
LONG_TITLE = 36  # letters of the title of an axis that a phone shows on one line
LONG_LABEL = 22  # letters of a name beside a bar that leaves room for the bar on a phone
TWO_LINES = 28  # px that a name of two lines needs
PROBES = (16, 256)  # px by which plots are changed to see how the whole picture changes
TABLE_ROWS = 40
VEGA_LITE = "6.4"

# A Vega expression: a new line at the first space after so many letters.
BROKEN_LABEL = r"split(replace(datum.label, /(.{%d,}?) /g, '$1\n'), '\n')"

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_UNIT = re.compile(r"\(.+\)|, .+|%|\b(year|index|rank|number|count)\b", re.IGNORECASE)


@alt.theme.register("compendium", enable=True)
def theme() -> alt.theme.ThemeConfig:
    """Return the one theme of all charts."""
    text = {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12}
    lines = {"domainColor": INK, "tickColor": INK, "gridColor": INK}
    faint = {"domainOpacity": 0.5, "tickOpacity": 0.5, "gridOpacity": 0.11}
    axis = (
        text | lines | faint | {"titleFontWeight": "normal", "titlePadding": 8, "labelLimit": 300}
    )
    legend = text | {"orient": "top", "titleFontWeight": "normal", "labelLimit": 260}
    return {
        "config": {
            "aria": False,
            "background": None,
            "font": FONT,
            "padding": 3,
            "view": {"stroke": None, "continuousWidth": 620, "continuousHeight": HEIGHT},
            "axis": axis,
            "axisX": {"labelSeparation": 6},
            "axisY": {"titleAnchor": "start", "titleAngle": 0, "titleAlign": "left", "titleY": -12},
            "axisBand": {"grid": False},
            "legend": legend | {"symbolStrokeWidth": 3, "symbolOpacity": 1},
            "header": text | {"labelFontWeight": "bold"},
            "title": {"color": INK, "subtitleColor": INK, "anchor": "start"},
            "range": {"category": list(PALETTE), "ramp": "viridis", "heatmap": "viridis"},
            "mark": {"color": PALETTE[0]},
            "line": {"strokeWidth": 2.5},
            "area": {"fillOpacity": 0.85},
            "rule": {"color": INK},
            "text": {"color": INK, "fontSize": 12},
            "errorbar": {"color": INK},
            "tick": {"thickness": 2},
        }
    }


def show(
    chart: alt.TopLevelMixin, *, name: str, alt: str, data: pd.DataFrame | None = None
) -> None:
    """Display a chart in the book with its finding, its alternative text and its data.

    Raises ValueError naming the chart when its title, an axis title with unit or `alt` is missing.
    """
    html, title = figure_html(chart, name=name, alt=alt, data=data)
    display({"text/html": html, "text/plain": f"Chart {name}: {title}"}, raw=True)


def figure_html(
    chart: alt.TopLevelMixin, *, name: str, alt: str, data: pd.DataFrame | None = None
) -> tuple[str, str]:
    """Return a chart as one HTML figure, and its title."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"chart {name!r}: the name must be lower-case words joined by hyphens")
    if not alt.strip():
        raise ValueError(
            f"chart {name!r}: alt is empty; say what the chart shows and what it means"
        )
    spec = chart.to_dict()
    title, subtitle = _take_title(spec, name)
    _check_axes(spec, name)
    frame = _data_of(spec) if data is None else data
    sized = {size: _sized(spec, size) | {"description": alt} for size in WIDTHS}
    compiled = {size: _compiled(sized[size]) for size in WIDTHS}
    pictures = [_picture(compiled[size], f"{name}-{size}", alt, size) for size in WIDTHS]
    parts = [
        f'<figure class="chart" id="fig-{name}">',
        f'<figcaption><span class="chart-title">{escape(title)}</span>',
        f'<span class="chart-subtitle">{escape(subtitle)}</span>' if subtitle else "",
        "</figcaption>",
        f'<div class="chart-box"><div class="chart-static">{"".join(pictures)}</div></div>',
        f'<script type="application/json" class="chart-spec">{_payload(sized, compiled)}</script>',
        _tools(frame, name, alt, title),
        "</figure>",
    ]
    return "".join(parts), title


def _take_title(spec: dict[str, Any], name: str) -> tuple[str, str]:
    """Take the title out of a specification: it is set as text, which wraps on a phone."""
    holders = [spec, *spec.get("layer", ())]
    title = next((h.pop("title") for h in holders if h.get("title")), None)
    if not isinstance(title, dict):
        title = {"text": title}
    text, subtitle = (_joined(title.get(key)) for key in ("text", "subtitle"))
    if not text:
        raise ValueError(f"chart {name!r}: it has no title; give one that states the finding")
    return text, subtitle


def _joined(lines: str | list[str] | None) -> str:
    return " ".join(lines) if isinstance(lines, list) else (lines or "").strip()


def _check_axes(spec: dict[str, Any], name: str) -> None:
    for layers in _views(spec):
        for channel in ("x", "y"):
            given = [c for layer in layers if (c := layer.get("encoding", {}).get(channel))]
            fields = [c for c in given if "field" in c or "aggregate" in c]
            drawn = [c for c in fields if c.get("axis", {}) is not None]
            if not any(c.get("type") == "quantitative" for c in drawn):
                continue
            titles = [_axis_title(c) for c in drawn]
            if not any(titles):
                raise ValueError(f"chart {name!r}: its {channel} axis has no title with a unit")
            if not any(title and _UNIT.search(title) for title in titles):
                raise ValueError(
                    f"chart {name!r}: the title of its {channel} axis, "
                    f"{next(filter(None, titles))!r}, names no unit; write 'Emissions (MtCO₂)'"
                )


def _axis_title(channel: dict[str, Any]) -> str:
    return _joined(channel.get("title") or (channel.get("axis") or {}).get("title"))


def _views(spec: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield the layers of every view; those of one view share their axes."""
    for key in ("hconcat", "vconcat", "concat"):
        for part in spec.get(key, ()):
            yield from _views(part)
    if "spec" in spec:
        yield from _views(spec["spec"])
    if "layer" in spec:
        yield [layer for part in spec["layer"] for layer in (part, *part.get("layer", ()))] + [spec]
    elif "encoding" in spec:
        yield [spec]


def _data_of(spec: dict[str, Any]) -> pd.DataFrame:
    """Return the largest data set of a specification."""
    sets = [pd.DataFrame(rows) for rows in spec.get("datasets", {}).values()]
    return max(sets, key=lambda frame: frame.size, default=pd.DataFrame())


def _sized(spec: dict[str, Any], size: str) -> dict[str, Any]:
    """Return a copy of a specification whose whole picture is as wide as its page allows."""
    spec = copy.deepcopy(spec)
    width = WIDTHS[size]
    spec["config"]["legend"]["offset"] = 34 if _has_y_title(spec) else 12
    if size == "narrow":
        _stack(spec)
        columns = 2 if _longest_name(spec) <= SHORT_NAME else 1
        spec["config"]["legend"] |= {"columns": columns, "labelLimit": 300 // columns}
        for layers in _views(spec):
            _break_title(layers)
            longest = max(map(len, _names(spec, layers)), default=0)
            if longest > LONG_LABEL:
                _heighten(spec, layers)
            if _row_height(spec, layers) >= TWO_LINES:
                _break_labels(layers, longest)
    if _is_single(spec):
        spec |= {"width": width, "autosize": {"type": "fit-x", "contains": "padding"}}
        return spec
    return _fitted(spec, width)


def _fitted(spec: dict[str, Any], width: float) -> dict[str, Any]:
    """Return a specification whose plots are all changed alike until the picture has a width."""
    spec = _widened(spec, 0, start=width)
    for _ in range(3):
        missing = width - _picture_width(spec)
        if -1 < missing < 8:
            break
        for probe in PROBES:  # a legend wider than the plots hides a small change
            grown = _picture_width(_widened(spec, probe)) + missing - width
            if grown > 0:
                spec = _widened(spec, missing / grown * probe)
                break
    return spec


def _has_y_title(spec: dict[str, Any]) -> bool:
    """Tell whether a title stands above the y axis, where the legend is too."""
    channels = [
        layer.get("encoding", {}).get("y", {}) for layers in _views(spec) for layer in layers
    ]
    return any(c.get("axis", {}) is not None and _axis_title(c) for c in channels)


def _row_height(spec: dict[str, Any], layers: list[dict[str, Any]]) -> float:
    """Return the height that each name beside horizontal bars has for itself."""
    height = next((x["height"] for x in (*layers, spec) if "height" in x), {"step": 20})
    if isinstance(height, dict):
        return height["step"]
    return height / max(1, len(_names(spec, layers)))


def _heighten(spec: dict[str, Any], layers: list[dict[str, Any]]) -> None:
    """Give each name beside horizontal bars room for two lines."""
    holder = next((x for x in (*layers, spec) if "height" in x), spec)
    if (now := _row_height(spec, layers)) >= TWO_LINES:
        return
    if isinstance(holder.get("height", {}), dict):
        holder["height"] = {"step": TWO_LINES}
    else:
        holder["height"] *= TWO_LINES / now


def _names(spec: dict[str, Any], layers: list[dict[str, Any]]) -> set[str]:
    """Return the names beside horizontal bars."""
    channels = [layer.get("encoding", {}).get("y") or {} for layer in layers]
    named = [c for c in channels if c.get("type") in ("nominal", "ordinal")]
    fields = {c.get("field") for c in named if c.get("axis", {}) is not None}
    rows = [row for rows in spec.get("datasets", {}).values() for row in rows]
    return {str(row[field]) for field in fields for row in rows if field in row}


def _longest_name(spec: dict[str, Any]) -> int:
    """Return the length of the longest name in a legend."""
    channels = [
        layer.get("encoding", {}).get(channel, {})
        for layers in _views(spec)
        for layer in layers
        for channel in ("color", "shape", "strokeDash")
    ]
    names = {str(name) for c in channels for name in (c.get("scale") or {}).get("domain", ())}
    fields = {c["field"] for c in channels if "field" in c and c.get("legend", {}) is not None}
    rows = [row for rows in spec.get("datasets", {}).values() for row in rows]
    names |= {row[f] for row in rows for f in fields if isinstance(row.get(f), str)}
    return max(map(len, names), default=0)


def _break_labels(layers: list[dict[str, Any]], longest: int) -> None:
    """Break the names beside horizontal bars into lines, where there is little room."""
    broken = BROKEN_LABEL % max(10, longest // 2 - 6)
    for layer in layers:
        channel = layer.get("encoding", {}).get("y", {})
        if channel.get("type") in ("nominal", "ordinal") and channel.get("axis", {}) is not None:
            channel["axis"] = {"labelExpr": broken} | channel.get("axis", {})


def _break_title(layers: list[dict[str, Any]]) -> None:
    """Set a long title below an axis on two lines, where there is little room."""
    for layer in layers:
        channel = layer.get("encoding", {}).get("x") or {}
        for holder in (channel, channel.get("axis") or {}):
            title = holder.get("title")
            if isinstance(title, str) and len(title) > LONG_TITLE:
                spaces = [i for i, letter in enumerate(title) if letter == " "]
                middle = min(spaces, key=lambda i: abs(i - len(title) / 2), default=len(title))
                holder["title"] = [title[:middle], title[middle + 1 :]]


def _is_single(spec: dict[str, Any]) -> bool:
    """Tell whether a specification is one plot of known height, which Vega-Lite itself can fit."""
    if {"row", "column", "facet"} & set(spec.get("encoding", {})):
        return False
    if {"hconcat", "vconcat", "concat", "spec"} & set(spec) or isinstance(spec.get("height"), dict):
        return False
    layers = next(_views(spec), [])
    kinds = {layer.get("encoding", {}).get("y", {}).get("type") for layer in layers}
    return "height" in spec or not kinds & {"nominal", "ordinal"}


def _stack(spec: dict[str, Any]) -> None:
    """Put the views of a specification below one another."""
    if "hconcat" in spec:
        spec["vconcat"] = spec.pop("hconcat")
    if "concat" in spec or "facet" in spec:
        spec["columns"] = 1
    if facet := spec.get("encoding", {}).get("facet"):
        facet["columns"] = 1
    if "column" in spec.get("encoding", {}) and "row" not in spec["encoding"]:
        spec["encoding"]["row"] = spec["encoding"].pop("column")
    for part in spec.get("vconcat", []) + spec.get("concat", []):
        _stack(part)


def _widened(spec: dict[str, Any], by: float, *, start: float = 0) -> dict[str, Any]:
    """Return a copy with every plot wider by so many pixels; `start` if it has no width yet."""
    spec = copy.deepcopy(spec)
    composed = {"hconcat", "vconcat", "concat"} & set(spec)
    for key in composed:
        spec[key] = [_widened(part, by, start=start) for part in spec[key]]
    if not composed:
        plot = spec.get("spec", spec)
        now = plot.get("width")
        start = now if isinstance(now, int | float) else start
        plot["width"] = max(40, math.floor(start + by))
    return spec


def _compiled(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a specification as Vega, which draws it: once here and not on each visit of a page."""
    return vl_convert.vegalite_to_vega(spec, vl_version=VEGA_LITE)


def _picture_width(spec: dict[str, Any]) -> float:
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    return float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])


def _picture(spec: dict[str, Any], prefix: str, alt: str, size: str) -> str:
    """Return the static picture; page style shows the narrow one where the page is narrow."""
    svg = _compact(vl_convert.vega_to_svg(spec), prefix)
    hidden = ' style="display:none"' if size == "narrow" else ""
    attributes = f'class="chart-{size}"{hidden} role="img" aria-label="{escape(alt)}"'
    return svg.replace('class="marks"', attributes, 1)


def _compact(svg: str, prefix: str) -> str:
    """Return a picture without what a browser does not need, its ids made unique on the page."""
    svg = re.sub(r' (aria-[a-z]+|role|pointer-events)="[^"]*"', "", svg)
    svg = re.sub(r' (opacity|stroke-width|stroke-opacity|fill-opacity)="1"', "", svg)
    svg = re.sub(r' class="(mark-|background|foreground|role-)[^"]*"', "", svg)
    svg = svg.replace(f' font-family="{FONT}"', "").replace(' font-weight="normal"', "")
    svg = svg.replace(' xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1"', "")
    svg = re.sub(r'<path d="(M0,0h0v0h0Z)?"[^>]*/>', "", svg)
    svg = re.sub(r"(\d+\.\d{2})\d+", r"\1", svg)
    while "<g></g>" in svg:
        svg = svg.replace("<g></g>", "")
    # The renderer counts on from one chart to the next.
    for number, name in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))):
        fresh = f"{prefix}-{number}"
        svg = svg.replace(f'id="{name}"', f'id="{fresh}"').replace(f"#{name})", f"#{fresh})")
        svg = svg.replace(f'href="#{name}"', f'href="#{fresh}"')
    return svg.replace("<svg ", f'<svg font-family="{FONT}" ', 1)


def _payload(sized: dict[str, dict[str, Any]], compiled: dict[str, dict[str, Any]]) -> str:
    """Return what draws the live chart in each width and what a reader can save, data once."""
    datasets = sized["wide"].get("datasets", {})
    parts = {"datasets": datasets, "lite": sized["wide"] | {"datasets": {}}}
    for size, spec in compiled.items():
        bare = [
            {key: value for key, value in own.items() if value != datasets.get(own["name"])}
            for own in spec["data"]
        ]
        parts[size] = spec | {"data": bare}
    return json.dumps(parts, separators=(",", ":")).replace("<", "\\u003c")


def _tools(frame: pd.DataFrame, name: str, alt: str, title: str) -> str:
    """Return the row below a chart: its description and data, and its downloads."""
    csv = frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    link = f"data:text/csv;charset=utf-8,{quote(csv, safe=' ,()/:;.-_')}"
    table = frame_html(frame, limit=TABLE_ROWS, caption=f"Data of the chart: {title}")
    more = " The CSV file has all of them." if len(frame) > TABLE_ROWS else ""
    return (
        '<div class="chart-tools"><details><summary>Description and data</summary>'
        f'<p class="chart-alt">{escape(alt)}</p>{table}{more}</details>'
        f'<span class="chart-downloads"><a href="{escape(link)}" download="{name}.csv">CSV</a>'
        '<button type="button" data-save="svg">SVG</button>'
        '<button type="button" data-save="json">Vega-Lite</button></span></div>'
    )
