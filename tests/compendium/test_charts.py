"""Charts: colours, checks, and what the figure in the page consists of."""

import itertools
import json
import re
from urllib.parse import unquote

import altair as alt
import numpy as np
import pandas as pd
import pytest

from compendium import charts
from compendium.charts import BACKGROUNDS, PALETTE, WIDTHS, figure_html

FRAME = pd.DataFrame(
    {"year": [2020, 2030] * 2, "mass": [1.0, 2.5, 3.0, 0.5], "route": ["a <b>"] * 2 + ["c"] * 2}
)
# Machado et al. 2009, full deficiency, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritan": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def linear(colour):
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def luminance(colour):
    return linear(colour) @ [0.2126, 0.7152, 0.0722]


def lab(rgb):
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ rgb / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def chart(**changes):
    given = {
        "x": alt.X("year:Q", title="Year"),
        "y": alt.Y("mass:Q", title="Mass (Mt)"),
        "color": alt.Color("route:N", title=None),
    }
    base = alt.Chart(FRAME, title=changes.pop("title", "Mass grows by half"))
    return base.mark_line(clip=True).encode(**given | changes)


def html(made=None, name="mass", **options):
    return figure_html(made or chart(), name=name, **{"alt": "Two lines."} | options)[0]


@pytest.mark.parametrize("background", BACKGROUNDS.values())
@pytest.mark.parametrize("colour", PALETTE)
def test_each_colour_stands_out_on_both_pages(colour, background):
    light, dark = sorted([luminance(colour), luminance(background)], reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


@pytest.mark.parametrize("vision", VISION)
def test_any_two_colours_can_be_told_apart(vision):
    seen = {c: lab(np.clip(np.array(VISION[vision]) @ linear(c), 0, 1)) for c in PALETTE}
    near = {
        (a, b): float(np.linalg.norm(seen[a] - seen[b])) for a, b in itertools.combinations(seen, 2)
    }
    assert min(near.values()) >= 15, min(near, key=near.get)


def test_the_theme_paints_with_the_colour_of_the_page():
    svg = re.search(r"<svg.*?</svg>", html())[0]
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg))
    assert colours <= {"none", "transparent", "currentColor", *PALETTE}
    assert "currentColor" in colours


def test_the_title_is_text_and_not_part_of_the_picture():
    page = html()
    assert '<span class="chart-title">Mass grows by half</span>' in page
    assert all("Mass grows" not in svg for svg in re.findall(r"<svg.*?</svg>", page))


def test_there_is_a_picture_for_wide_and_for_narrow_pages():
    boxes = re.findall(r'<svg [^>]*class="chart-(\w+)"[^>]*?viewBox="0 0 ([\d.]+)', html())
    assert [size for size, _ in boxes] == ["wide", "narrow"]
    for size, width in boxes:
        assert float(width) == pytest.approx(WIDTHS[size], abs=8)


@pytest.mark.parametrize(
    "made",
    [
        alt.hconcat(chart(title=""), chart(title="")).properties(title="Both"),
        chart(facet=alt.Facet("route:N", columns=2, title=None)).properties(width=200, height=90),
        chart(x=alt.X("mass:Q", title="Mass (Mt)"), y=alt.Y("route:N", title=None)).properties(
            height=alt.Step(20)
        ),
    ],
    ids=["concat", "facet", "step"],
)
def test_composed_charts_fit_their_page_too(made):
    for size, width in re.findall(r'class="chart-(\w+)"[^>]*?viewBox="0 0 ([\d.]+)', html(made)):
        assert WIDTHS[size] - 12 <= float(width) <= WIDTHS[size] + 1


def test_names_within_pictures_are_unlike_those_of_another_chart():
    names = [set(re.findall(r' id="([^"]+)"', html(name=name))) for name in ("first", "second")]
    assert names[0] and not names[0] & names[1]
    for name in ("first", "second"):
        page = html(name=name)
        used = set(re.findall(r"url\(#([^)]+)\)", page))
        assert used and used <= set(re.findall(r' id="([^"]+)"', page))


def test_the_same_chart_gives_the_same_bytes():
    assert html() == html()


def test_the_specification_can_be_read_back():
    text = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html())[1]
    parts = json.loads(text)
    assert "vega-lite" in parts["lite"]["$schema"]
    for size, width in WIDTHS.items():
        assert parts[size]["description"] == "Two lines."
        assert parts[size]["width"] == width
        assert [own["name"] for own in parts[size]["data"] if "url" in own or "values" in own] == []
    (rows,) = parts["datasets"].values()
    assert pd.DataFrame(rows)["mass"].tolist() == FRAME["mass"].tolist()


def test_text_in_the_data_is_never_markup():
    page = html(chart(title="<script>alert(1)</script>"), alt='"><b>')
    assert "<script>alert" not in page and "<b>" not in page and "a &lt;b&gt;" in page


def test_the_data_is_a_table_and_a_file():
    page = html()
    assert page.count("<tr>") == 1 + len(FRAME)
    link = re.search(r'href="data:text/csv;charset=utf-8,([^"]*)" download="mass.csv"', page)[1]
    lines = unquote(link.replace("&lt;", "<").replace("&gt;", ">")).splitlines()
    assert lines[0] == "year,mass,route" and len(lines) == 1 + len(FRAME)


def test_a_long_table_is_cut_and_says_so():
    page = html(data=pd.DataFrame({"n": range(500)}))
    assert "The first 40 of 500 rows." in page and page.count("%0A") == 501


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"title": ""}, {}, "chart 'mass': it has no title"),
        ({"y": alt.Y("mass:Q")}, {}, "chart 'mass': its y axis has no title"),
        ({"y": alt.Y("mass:Q", title="Mass")}, {}, "'Mass', names no unit"),
        ({}, {"alt": " "}, "chart 'mass': alt is empty"),
        ({}, {"name": "Mass 1"}, "chart 'Mass 1': the name must be"),
    ],
    ids=["title", "axis", "unit", "alt", "name"],
)
def test_a_chart_that_lacks_something_is_refused(change, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        html(chart(**change), **options)


def test_one_layer_may_name_the_axis_for_all():
    named = chart().mark_area().encode(y2="mass:Q")
    bare = chart(y=alt.Y("mass:Q"))
    assert "chart-title" in html(alt.layer(named, bare).properties(title="Both"))


def test_a_long_title_below_an_axis_takes_two_lines_on_a_phone_only():
    long = "Carbon price at which an owner of a plant invests (CNY/tCO₂)"
    chart = alt.Chart(pd.DataFrame({"a": [1.0], "b": [2.0]}), title="It rises with doubt")
    chart = chart.mark_bar().encode(alt.X("a:Q", title=long), alt.Y("b:Q", title="Share (%)"))
    spec = chart.properties(height=200).to_dict()
    assert charts._sized(spec, "wide")["encoding"]["x"]["title"] == long
    lines = charts._sized(spec, "narrow")["encoding"]["x"]["title"]
    assert " ".join(lines) == long and max(map(len, lines)) <= charts.LONG_TITLE


def test_long_names_beside_bars_take_two_lines_and_leave_room_on_a_phone():
    names = [f"Hydrogen direct reduction with a melter {i}" for i in range(12)]
    bars = (
        alt.Chart(pd.DataFrame({"route": names, "cost": range(12)}))
        .mark_bar()
        .encode(alt.X("cost:Q", title="Cost (%)"), alt.Y("route:N", title=None))
        .properties(title="Bars", height=240)
    )
    html, _ = figure_html(bars, name="bars", alt="Bars.")
    wide, narrow = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert names[3] in wide and names[3] not in narrow
    assert "Hydrogen direct</text>" in narrow.replace("</tspan>", "</text>")
    height = float(re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)', narrow)[1])
    assert height > 12 * charts.TWO_LINES
    bar = max(float(w) for w in re.findall(r"<path[^>]*d=\"M0,[\d.]+h([\d.]+)v", narrow))
    assert bar > WIDTHS["narrow"] / 3
