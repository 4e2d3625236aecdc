"""Pages of the book: an executed notebook as a chapter, and the pages made from data and claims."""

import copy
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import altair as alt
import nbformat
import pandas as pd
from bs4 import BeautifulSoup

from compendium import functions, records
from compendium.bars import range_bar
from compendium.charts import PALETTE, figure_html
from compendium.markup import (
    VERDICT_TEXT,
    claim_value,
    frame_html,
    table_html,
    verdict_badge,
)
from compendium.numbers import exact_text, quantity_text, range_text, unit_text, with_unit
from compendium.parameters import Parameter
from compendium.provenance import Origin
from compendium.sphinx_ext.numbers import parameter_text

ARRAY_ROWS = 60
ROW_LINKS = 6  # links to runs of rows, for each table
FULL_WIDTH = "---\nhtml_theme.sidebar_secondary.remove: true\norphan: true\n---"
SECTION = re.compile(r"^## Parameters[ \t]*$", re.MULTILINE)
UNITS_IN_WORDS = ("share", "ratio", "multiple", "HHI")
VERDICT_SHORT = VERDICT_TEXT | {"conditional": "With conditions"}
VERDICT_COLOUR = dict(
    zip(VERDICT_TEXT, (PALETTE[2], PALETTE[1], PALETTE[3], PALETTE[4], PALETTE[5]), strict=True)
)


def chapter_page(
    notebook: nbformat.NotebookNode,
    run: Mapping[str, Any],
    specs: Mapping[str, Parameter],
    *,
    selector: str,
    origins: Mapping[str, Origin],
    up: str = "",
) -> nbformat.NotebookNode:
    """Return an executed notebook as a page.

    The parameters become a table, in the section of that name if there is one; the injected cell
    goes; the choice of runs stands under the heading; and the table of results ends the page, each
    with what it is made from. `up` leads from the page to the folder of the book.
    """
    page = copy.deepcopy(notebook)
    page.cells = [c for c in page.cells if "injected-parameters" not in _tags(c)]
    for cell in page.cells:
        cell.metadata["anchors"] = [cell.id]
    _drop_records(page)
    _dress_tables(page)
    for cell in page.cells:
        if "parameters" in _tags(cell):
            cell.metadata["tags"] = [*_tags(cell), "hide-input"]
    page.cells = _merge_hidden(page.cells)
    _anchor_cells(page, {origin.cell for origin in origins.values()})
    _place_parameters(page, _fence(parameter_table(run["parameters"], specs)))
    _put_selector(page.cells[0], selector)
    parts = ["## Results in full", _inputs_text(run["inputs"])]
    parts.append(_fence(results_table(run["results"], origins, up)))
    page.cells.append(_markdown("results-in-full", "\n\n".join(parts)))
    return page


def _place_parameters(page: nbformat.NotebookNode, table: str) -> None:
    """Put the table under the heading of that name, else before the cell."""
    for cell in page.cells:
        if cell.cell_type == "markdown" and SECTION.search(cell.source):
            cell.source = SECTION.sub(lambda head: f"{head[0]}\n\n{table}\n", cell.source, count=1)
            return
    at = next(i for i, cell in enumerate(page.cells) if "parameters" in _tags(cell))
    page.cells.insert(at, _markdown("parameters", table))


def _tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def _markdown(name: str, text: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(text, id=f"unlock-{name}")


def _fence(html: str) -> str:
    return f"```{{raw}} html\n{html}\n```"


def _merge_hidden(cells: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join a hidden cell that shows nothing with the hidden one after it: one click, not two."""
    merged: list[nbformat.NotebookNode] = []
    for cell in cells:
        before = merged[-1] if merged else None
        if before is not None and _is_hidden(before) and not before.outputs and _is_hidden(cell):
            cell.source = f"{before.source}\n\n{cell.source}"
            cell.metadata["anchors"] = before.metadata["anchors"] + cell.metadata["anchors"]
            cell.metadata["tags"] = sorted({*_tags(before), *_tags(cell)})
            merged[-1] = cell
        else:
            merged.append(cell)
    return merged


def _is_hidden(cell: nbformat.NotebookNode) -> bool:
    return cell.cell_type == "code" and "hide-input" in _tags(cell)


def _anchor_cells(page: nbformat.NotebookNode, wanted: set[str]) -> None:
    """Put an anchor before each cell in which a result is made."""
    cells = []
    for cell in page.cells:
        if names := [name for name in cell.metadata.pop("anchors") if name in wanted]:
            spans = "".join(f'<span id="cell-{name}"></span>' for name in names)
            cells.append(_markdown(f"at-{names[0]}", _fence(spans)))
        cells.append(cell)
    page.cells = cells


def _drop_records(page: nbformat.NotebookNode) -> None:
    """Drop the stored claims and results: the page shows them in its own way."""
    for cell in page.cells:
        if "outputs" in cell:
            cell.outputs = [o for o in cell.outputs if not _is_record(o)]


def _is_record(output: nbformat.NotebookNode) -> bool:
    return any(media.startswith(records.PREFIX) for media in output.get("data", {}))


def _dress_tables(page: nbformat.NotebookNode) -> None:
    """Give the tables of pandas the look of all others, and each a name of its own."""
    heading, number = "", 0
    for cell in page.cells:
        if cell.cell_type == "markdown":
            found = re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)
            heading = re.sub(r"[`*$]|\{\w+\}", "", found[-1]) if found else heading
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html", "")
            if 'class="dataframe"' in html:
                number += 1
                name = f"Table {number}, {heading}"
                output["data"]["text/html"] = dressed_table(html, name=name)


def dressed_table(html: str, *, name: str) -> str:
    """Return the HTML of a pandas data frame as a table of the book: numbers right, no styles."""
    soup = BeautifulSoup(html, "html.parser")
    found = soup.find("table", class_="dataframe")
    body = [[cell.get_text() for cell in row.find_all("td")] for row in found.tbody.find_all("tr")]
    flush = [all(map(_is_number, column)) for column in zip(*body, strict=True)]
    found.attrs = {"class": "plain"}
    for row in found.find_all("tr"):
        row.attrs = {}
        cells = row.find_all(["td", "th"])[-len(flush) :]
        for cell, right in zip(cells, flush, strict=False):
            if right:
                cell["class"] = "n"
    for cell in found.find_all("th"):
        if cell.get_text():
            cell["scope"] = "col" if cell.find_parent("thead") else "row"
        else:
            cell.name = "td"
    note = "".join(str(p) for p in soup.find_all("p"))
    box = f'<div class="table-box" tabindex="0" role="region" aria-label="{escape(name)}">'
    return f"{box}{found}</div>{note}"


def _is_number(text: str) -> bool:
    return not re.search(r"[A-Za-z]", text.replace("NaN", "").replace("e", ""))


def _put_selector(cell: nbformat.NotebookNode, selector: str) -> None:
    """Say under the first heading which run the page shows, and which others there are."""
    head, _, rest = cell.source.partition("\n")
    cell.source = f"{head}\n\n{_fence(selector)}\n{rest}"


def chapter_title(notebook: nbformat.NotebookNode) -> str:
    """Return the first heading of a notebook. Raises ValueError if it does not begin with one."""
    first = notebook.cells[0].source.lstrip() if notebook.cells else ""
    if not first.startswith("# "):
        raise ValueError("the notebook does not begin with a heading '# ...'")
    return re.sub(r"\{\w+\}`([^`]*)`", r"\1", first.splitlines()[0][2:]).strip()


def parameter_table(values: Mapping[str, Any], specs: Mapping[str, Parameter]) -> str:
    """Return the parameters of a run as a table, one anchor a parameter."""
    rows = [
        [
            f"<code>{name}</code>",
            escape(parameter_text(values[name], spec.unit)),
            escape(_allowed(spec)),
            escape(spec.description),
        ]
        for name, spec in specs.items()
    ]
    return table_html(
        ["Parameter", "In this run", "Allowed", "Meaning"],
        rows,
        wide=[3],
        caption="Parameters of the run shown",
        row_ids=[f"param-{name}" for name in specs],
    )


def _allowed(spec: Parameter) -> str:
    if spec.low is None:
        return spec.allowed
    ends = " to ".join(exact_text(end, spec.unit) for end in (spec.low, spec.high))
    return with_unit(ends, spec.unit, value=spec.high)


def results_table(
    results: Mapping[str, Mapping[str, Any]], origins: Mapping[str, Origin], up: str
) -> str:
    """Return all results of a run as a table, one anchor a result."""
    rows = []
    for name, record in results.items():
        what = escape(record["label"] or name)
        if record.get("description"):
            what += f"<br><small>{escape(record['description'])}</small>"
        if name in origins:
            what += _origin_html(origins[name], up)
        value, spread = _array_cells(record) if record["dims"] else _scalar_cells(record)
        moved = escape(record.get("moved_by") or "")
        rows.append([f"<code>{name}</code>", what, value, spread, moved])
    return table_html(
        ["Name", "What, and from what", "Value", "5 to 95 %", "Moved most by"],
        rows,
        caption="Every result of this page",
        row_ids=[f"result-{name}" for name in results],
    )


def _origin_html(origin: Origin, up: str) -> str:
    """Return the way of a result: cell of the notebook, functions, and rows of data."""
    used = ", ".join(functions.link(name, up=up) for name in origin.functions)
    rows = ", ".join(_rows_html(name, origin.rows.get(name, []), up) for name in origin.tables)
    parts = [f'<a href="#cell-{origin.cell}">this cell</a> of the notebook']
    parts += [f"functions {used}"] * bool(used) + [f"rows of {rows}"] * bool(rows)
    return f"<details><summary>From</summary><small>{'; '.join(parts)}</small></details>"


def _rows_html(table: str, spans: Sequence[Sequence[int]], up: str) -> str:
    """Return links to a table and to the rows of it that were loaded, counted as in its file."""
    page = f"{up}tables/{table_page(table)}.html"
    links = [
        f'<a href="{page}#{table_page(table)}-row-{first + 2}">'
        f"{first + 2}{f'–{last + 2}' if last > first else ''}</a>"
        for first, last in spans[:ROW_LINKS]
    ]
    more = [f"{len(spans) - ROW_LINKS} more"] * (len(spans) > ROW_LINKS)
    told = f" ({', '.join(links + more)})" if spans else ""
    return f'<a href="{page}">{escape(table)}</a>{told}'


def _scalar_cells(record: Mapping[str, Any]) -> tuple[str, str]:
    if record["value"] is None:
        return "not defined", ""
    value = escape(quantity_text(record["value"], record["unit"]))
    if record["low"] is None or record["high"] is None:
        return value, ""
    return value, escape(range_text(record["low"], record["high"], record["unit"]))


def _array_cells(record: Mapping[str, Any]) -> tuple[str, str]:
    frame = result_frame(record)
    known = frame["value"].dropna()
    sizes = " × ".join(f"{len(labels)} {dim}" for dim, labels in record["coords"].items())
    text = f"{len(frame)} values ({escape(sizes)})"
    if len(known):
        text += f", {escape(range_text(known.min(), known.max(), record['unit']))}"
    table = frame_html(frame, limit=ARRAY_ROWS, caption=record["label"] or "Values")
    return f"{text}<details><summary>Values</summary>{table}</details>", ""


def result_frame(record: Mapping[str, Any]) -> pd.DataFrame:
    """Return an array result as a tidy table: a row a cell."""
    dims, coords = record["dims"], record["coords"]
    keys = list(itertools.product(*(coords[dim] for dim in dims)))
    columns = {dim: [key[i] for key in keys] for i, dim in enumerate(dims)}
    numbers = {key: _flat(record[key], len(dims)) for key in ("value", "low", "high")}
    frame = pd.DataFrame(columns | numbers)
    frame[list(numbers)] = frame[list(numbers)].astype(float)
    return frame.dropna(axis="columns", how="all")


def _flat(nested: Any, depth: int) -> list[Any]:
    for _ in range(depth - 1):
        nested = [item for part in nested for item in part]
    return nested


def _inputs_text(inputs: Mapping[str, Any]) -> str:
    """Say which tables and modules the numbers come from."""
    tables = inputs.get("tables") or inputs.get("data") or []
    modules = inputs.get("modules") or inputs.get("library") or []
    links = [f"[{name}](/tables/{table_page(name)}.md)" for name in tables]
    public = [m for m in modules if m.startswith("unlock.") and "._" not in m]
    names = [f"[{m}](/functions/{m.removeprefix('unlock.')}.md)" for m in public]
    return (
        "Each number in the text leads here. The page as a whole rests on the tables "
        f"{', '.join(links) or '(none)'} and on the modules {', '.join(names) or '(none)'}; "
        "what a single number rests on opens beside it."
    )


def table_page(name: str) -> str:
    """Return the page name of a table: `steel/routes` has the page steel-routes."""
    return name.replace("/", "-")


# Claims


def ledger_rows(
    claims: Iterable[Mapping[str, str]], judged: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return all claims in the paper's order, those without a verdict as pending."""
    pending = {"verdict": "pending", "value": None}
    return [{**row, "paper_unit": row["unit"], **judged.get(row["id"], pending)} for row in claims]


def ledger_table(rows: list[dict[str, Any]], chapters: Iterable[str]) -> str:
    """Return the ledger as a table that needs no script; a small one adds the filters above it."""
    written = set(chapters)
    cells = [
        [
            escape(row["section"]),
            f"{escape(row['claim'])}<br><small>{_chapter_link(row, written)}</small>",
            escape(_paper_value(row)),
            f"{claim_value(row) or '–'}{range_bar(row)}",
            f"{verdict_badge(row['verdict'])}{_why(row)}",
        ]
        for row in rows
    ]
    table = table_html(
        ["Section", "Claim", "Paper", "Here", "Verdict and why"],
        cells,
        wide=(1, 4),
        caption=f"All {len(rows)} claims",
        css="ledger",
        row_ids=[f"claim-{row['id']}" for row in rows],
        row_data=[{key: row[key] for key in ("section", "verdict", "notebook")} for row in rows],
    )
    return f'{ledger_filters(rows)}{table}<script src="ledger.js"></script>'


def ledger_filters(rows: list[dict[str, Any]]) -> str:
    """Return the choices above the ledger; its script shows them."""
    sections = sorted({part for row in rows for part in row["section"].split("; ")})
    tops = {part.partition(".")[0] for part in sections}
    notebooks = dict.fromkeys(row["notebook"] for row in rows)
    verdicts = [verdict for verdict in VERDICT_TEXT if any(r["verdict"] == verdict for r in rows)]
    choices = {
        "section": ("Section", {part: part for part in sorted(tops.union(sections))}),
        "verdict": ("Verdict", {verdict: VERDICT_TEXT[verdict] for verdict in verdicts}),
        "notebook": ("Chapter", {name: name.replace("-", " ") for name in notebooks}),
    }
    fields = []
    for name, (label, options) in choices.items():
        listed = "".join(
            f'<option value="{escape(value)}">{escape(text)}</option>'
            for value, text in options.items()
        )
        fields.append(
            f'<label>{label} <select name="{name}"><option value="">all</option>{listed}</select>'
            "</label>"
        )
    return (
        f'<form class="ledger-filter" hidden>{"".join(fields)}<button type="reset">Show all'
        "</button><output></output></form>"
    )


def _paper_value(row: Mapping[str, str]) -> str:
    """Return the paper's figure, or nothing where the paper gives only a direction."""
    figure, unit = row["paper_value"], row["paper_unit"]
    if not re.search(r"\d|tens", figure):
        return "–"
    return f"{figure} {unit_text(unit)}" if unit not in UNITS_IN_WORDS else figure


def _why(row: Mapping[str, Any]) -> str:
    if row["verdict"] == "pending":
        return ""
    text = f"<br>{escape(row['why'])}"
    if row.get("decided_by"):
        text += f" Decided by {escape(row['decided_by'])}."
    return text + (f"<br><small>{escape(row['note'])}</small>" if row.get("note") else "")


def _chapter_link(row: Mapping[str, str], written: set[str]) -> str:
    name = row["notebook"]
    if name not in written:
        return escape(name)
    anchor = f"#claim-{row['id']}" if row["verdict"] != "pending" else ""
    return f'<a href="{name}.html{anchor}">{escape(name)}</a>'


def tally(rows: list[dict[str, Any]]) -> str:
    """Return how many claims have which verdict."""
    counts = Counter(row["verdict"] for row in rows)
    items = "".join(
        f"<li><strong>{counts[verdict]}</strong>{verdict_badge(verdict)}</li>"
        for verdict in VERDICT_TEXT
        if counts[verdict] or verdict != "pending"
    )
    return f'<ul class="tally">{items}</ul>'


def verdict_chart(rows: list[dict[str, Any]]) -> str:
    """Return the chart of claims by section and verdict."""
    frame = pd.DataFrame(
        {"section": row["section"].split(";")[0], "verdict": VERDICT_SHORT[row["verdict"]]}
        for row in rows
    )
    frame = frame.value_counts(["section", "verdict"], sort=False).rename("claims").reset_index()
    order = {text: i for i, text in enumerate(VERDICT_SHORT.values())}
    frame["order"] = frame["verdict"].map(order)
    frame = frame.sort_values(["section", "order"], ignore_index=True)
    counts = dict(_counted(frame))
    decided = len(rows) - counts.get(VERDICT_SHORT["pending"], 0)
    title = f"{decided} of {len(rows)} claims have a verdict so far"
    if decided == len(rows):
        hold, partly, fail = (counts.get(v, 0) for v in list(VERDICT_SHORT.values())[:3])
        title = f"Of {decided} claims {hold} hold, {partly} hold with conditions and {fail} do not"
    shown = [text for text in order if text in set(frame["verdict"])]
    colours = [VERDICT_COLOUR[v] for v, text in VERDICT_SHORT.items() if text in shown]
    chart = (
        alt.Chart(frame, title=title)
        .mark_bar()
        .encode(
            x=alt.X("claims:Q", title="Claims (number)", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("section:N", title="Section of the paper", sort=None),
            color=alt.Color(
                "verdict:N", title=None, scale=alt.Scale(domain=shown, range=colours), sort=shown
            ),
            order=alt.Order("order:Q"),
            tooltip=["section", "verdict", "claims"],
        )
        .properties(height=alt.Step(20))
    )
    words = ", ".join(f"{n} {v.lower()}" for v, n in counts.items())
    return figure_html(
        chart,
        name="verdicts",
        alt=f"Bars of the number of claims in each section of the paper, by verdict: {words}.",
        data=frame.drop(columns="order"),
    )[0]


def _counted(frame: pd.DataFrame) -> list[tuple[str, int]]:
    sums = frame.groupby("verdict")["claims"].sum()
    return [(text, int(sums[text])) for text in VERDICT_SHORT.values() if text in sums]


def findings(chapters: Mapping[str, str], rows: list[dict[str, Any]]) -> str:
    """Return what each written chapter found: its title, its verdicts and the reason for each."""
    items = []
    for name, title in chapters.items():
        own = [row for row in rows if row["notebook"] == name]
        lines = "".join(
            f'<li>{verdict_badge(row["verdict"])} <a href="{name}.html#claim-{row["id"]}">'
            f"{escape(row['claim'])}</a></li>"
            for row in own
            if row["verdict"] != "pending"
        )
        items.append(
            f'<li><a href="{name}.html"><strong>{escape(title)}</strong></a><ul>{lines}</ul></li>'
        )
    return f'<ul class="findings">{"".join(items)}</ul>'


# Data


def table_index(package: Mapping[str, Any], frames: Mapping[str, pd.DataFrame]) -> str:
    """Return the list of all tables with their rows, status and licence."""
    rows = []
    for resource in package["resources"]:
        name = resource["name"]
        counts = frames[name]["status"].value_counts()
        status = ", ".join(f"{counts[s]} {s}" for s in sorted(counts.index))
        rows.append(
            [
                f'<a href="tables/{table_page(name)}.html">{escape(resource["title"])}</a>'
                f"<br><small>{escape(name)}</small>",
                str(len(frames[name])),
                escape(status),
                _licences(resource),
                f'<a href="data/{escape(resource["path"])}" download>CSV</a>',
            ]
        )
    header = ["Table", "Rows", "Status of rows", "Licence", "File"]
    return table_html(header, rows, numeric=[1], caption=f"{len(rows)} tables")


def _licences(resource: Mapping[str, Any]) -> str:
    return ", ".join(
        f'<a href="{escape(x["path"])}">{escape(x["name"])}</a>'
        if x.get("path")
        else escape(x["name"])
        for x in resource.get("licenses", ())
    )


def table_text(resource: Mapping[str, Any], frame: pd.DataFrame) -> str:
    """Return the page of one table, as MyST: what it is, where it comes from, and every row."""
    sources = "\n".join(
        f"- [{_plain(s['title'])}]({s['path']})" if s.get("path") else f"- {_plain(s['title'])}"
        for s in resource.get("sources", ())
    )
    counts = frame["status"].value_counts()
    status = ", ".join(f"{counts[s]} {s}" for s in sorted(counts.index))
    path = escape(resource["path"])
    return "\n\n".join(
        [
            FULL_WIDTH,
            f"# {_plain(resource['title'])}",
            _plain(resource["description"]),
            f"{len(frame)} rows: {status}. Licence: {_licences(resource)}. "
            f'File: <a href="../data/{path}" download>{path}</a>. '
            "What the status means, and [all tables](/data-and-sources.md).",
            f"**Sources**\n\n{sources}",
            _fence(data_rows(resource, frame)),
        ]
    )


def _plain(text: str) -> str:
    """Return text in which Markdown finds nothing to format."""
    return re.sub(r"([\\`*_{}\[\]<>$#|~])", r"\\\1", text)


def data_rows(
    resource: Mapping[str, Any], frame: pd.DataFrame, *, up: str = "../", caption: str = ""
) -> str:
    """Return rows of a table with value, range, unit, source and status; an anchor a row."""
    key = resource["schema"]["primaryKey"]
    key = [key] if isinstance(key, str) else list(key)
    header = [*key, "value", "5 to 95 %", "unit", "source", "status", "note"]
    rows = []
    for row in frame.to_dict("records"):
        low, high = row.get("low", ""), row.get("high", "")
        year = row.get("currency_year", "")
        unit = unit_text(row["unit"]) + (f" of {year}" if year else "")
        rows.append(
            [
                *(escape(row[k]) for k in key),
                escape(row["value"]),
                escape(f"{low} to {high}") if low else "",
                escape(unit),
                _source(row, up),
                escape(row["status"]),
                escape(row.get("note", "")),
            ]
        )
    return table_html(
        [escape(name) for name in header],
        rows,
        numeric=[len(key), len(key) + 1],
        wide=(len(header) - 3, len(header) - 1),
        caption=caption or escape(resource["title"]),
        css="rows",
        row_ids=[f"{table_page(resource['name'])}-row-{i}" for i in frame.index],
    )


def _source(row: Mapping[str, str], up: str) -> str:
    key = row["source"]
    text = f'<a href="{up}references.html#ref-{escape(key)}">{escape(key)}</a>'
    if row.get("where"):
        text += f", {escape(row['where'])}"
    if row.get("seen"):
        text += f"<br><small>seen: {escape(row['seen'])}</small>"
    return text


def unconfirmed(package: Mapping[str, Any], frames: Mapping[str, pd.DataFrame]) -> str:
    """Return all rows whose status is unconfirmed, by table."""
    parts = []
    for resource in package["resources"]:
        frame = frames[resource["name"]]
        chosen = frame[frame["status"] == "unconfirmed"]
        if len(chosen):
            title = f"{escape(resource['title'])}: {len(chosen)} of {len(frame)} rows"
            parts.append(data_rows(resource, chosen, up="", caption=title))
    return "\n".join(parts) or "<p>None.</p>"


# Teaching

# A title, options, and the words in italics with which the text begins.
_EXERCISE = re.compile(
    r"^[:`]{3,}\{exercise(?:-start)?\}[ \t]*(.*)\n((?::\w+:.*\n)*)\s*(?:\*([^*\n]+)\*)?",
    re.MULTILINE,
)
LABEL = re.compile(r":label:\s*(\S+)")


def exercises(chapters: Mapping[str, nbformat.NotebookNode], solutions: Iterable[str]) -> str:
    """Return a list of the exercises of each chapter, with its solutions if there are any."""
    known = set(solutions)
    parts = []
    for name, notebook in chapters.items():
        text = "\n".join(c.source + "\n" for c in notebook.cells if c.cell_type == "markdown")
        found = [
            (title.strip() or start.strip(" .") or f"Exercise {i}", LABEL.search(options))
            for i, (title, options, start) in enumerate(_EXERCISE.findall(text), start=1)
        ]
        items = "".join(
            f'<li><a href="{name}.html{f"#{label[1]}" if label else ""}">{escape(title)}</a></li>'
            for title, label in found
        )
        page = f"{name}-solutions"
        link = f'<p><a href="teaching/{page}.html">Solutions</a></p>' if page in known else ""
        title = escape(chapter_title(notebook))
        parts.append(f'<h2 class="h4">{title}</h2><ul>{items}</ul>{link}')
    return "".join(parts)


def read_table(path: Any) -> pd.DataFrame:
    """Return a CSV table as text, as it is written; the index is the line in the file."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame.index = frame.index + 2
    return frame


def dump(content: Any) -> str:
    """Return JSON that is the same each time."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
