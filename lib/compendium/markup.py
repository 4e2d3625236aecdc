"""Pieces of HTML that charts, claims and generated pages share."""

import math
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import pandas as pd

from compendium.numbers import number_text, result_text

VERDICT_TEXT = {
    "confirmed": "Confirmed",
    "conditional": "Confirmed with conditions",
    "contradicted": "Contradicted",
    "undecidable": "Not decidable",
    "pending": "Pending",
}
VERDICT_SIGN = {
    "confirmed": "✓",
    "conditional": "◐",
    "contradicted": "✕",
    "undecidable": "?",
    "pending": "…",
}


def verdict_badge(verdict: str) -> str:
    """Return a verdict as a label whose meaning does not rest on colour."""
    sign, text = VERDICT_SIGN[verdict], VERDICT_TEXT[verdict]
    return (
        f'<span class="verdict verdict-{verdict}"><span aria-hidden="true">{sign}</span> '
        f"{text}</span>"
    )


def claim_html(record: Mapping[str, Any]) -> str:
    """Return the box that states a claim of the paper, our number, the verdict and why."""
    verdict = record["verdict"]
    numbers = _claim_numbers(record)
    lines = [
        f'<p class="claim-head">{verdict_badge(verdict)} '
        f'<span class="claim-text">{escape(record.get("claim") or record["id"])}</span></p>',
        f'<p class="claim-number">{numbers}</p>' if numbers else "",
        f'<p class="claim-why">{escape(record["why"])}</p>',
        _small("Decided by", record.get("decided_by")),
        _small("Note", record.get("note")),
    ]
    return (
        f'<div class="claim verdict-{verdict}" id="claim-{escape(record["id"])}" role="group" '
        f'aria-label="Claim {escape(record["id"])}: {VERDICT_TEXT[verdict].lower()}">'
        + "".join(lines)
        + "</div>"
    )


def _claim_numbers(record: Mapping[str, Any]) -> str:
    parts = []
    if record.get("value") is not None:
        parts.append(f"Here: <strong>{claim_value(record)}</strong>")
    if record.get("paper_value"):
        parts.append(f"In the paper: {escape(str(record['paper_value']))}")
    if record.get("share") is not None:
        parts.append(f"Criterion met in {record['share']:.0%} of samples")
    return " · ".join(parts)


def claim_value(record: Mapping[str, Any]) -> str:
    """Return the number of a claim with its range and unit, escaped, or nothing."""
    if record.get("value") is None:
        return ""
    text = result_text(record["value"], record.get("low"), record.get("high"), record["unit"])
    return escape(text)


def _small(name: str, text: str | None) -> str:
    return f'<p class="claim-note"><span>{name}:</span> {escape(text)}</p>' if text else ""


def table_html(
    header: Iterable[str],
    rows: Iterable[Iterable[str]],
    *,
    numeric: Iterable[int] = (),
    wide: Iterable[int] = (),
    caption: str,
    css: str = "",
    row_ids: Iterable[str] | None = None,
    row_data: Iterable[Mapping[str, str]] | None = None,
) -> str:
    """Return a table in a box of its own that scrolls sideways; cells are HTML already.

    `numeric` are the columns set flush right, `wide` those that hold sentences; `row_ids` are
    anchors and `row_data` the data attributes of the rows.
    """
    rows = [list(row) for row in rows]
    css_of = dict.fromkeys(wide, "wide") | dict.fromkeys(numeric, "n")
    ids = list(row_ids) if row_ids is not None else [""] * len(rows)
    data = list(row_data) if row_data is not None else [{}] * len(rows)
    head = "".join(_cell("th", cell, css_of.get(i, "")) for i, cell in enumerate(header))
    body = "\n".join(_row(*row, css_of) for row in zip(rows, ids, data, strict=True))
    return (
        f'<div class="table-box" tabindex="0" role="region" aria-label="{_text(caption)}">'
        f'<table class="plain {css}"><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def _row(cells: list[str], anchor: str, data: Mapping[str, str], css_of: Mapping[int, str]) -> str:
    mark = f' id="{escape(anchor)}"' if anchor else ""
    mark += "".join(f' data-{key}="{escape(value)}"' for key, value in data.items())
    inner = "".join(_cell("td", cell, css_of.get(i, "")) for i, cell in enumerate(cells))
    return f"<tr{mark}>{inner}</tr>"


def _cell(tag: str, content: str, css: str) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    mark = f' class="{css}"' if css else ""
    return f"<{tag}{scope}{mark}>{content}</{tag}>"


def _text(markup: str) -> str:
    """Return markup without its tags, for an attribute."""
    return re.sub(r"<[^>]*>", "", markup).replace('"', "&quot;")


def frame_html(frame: pd.DataFrame, *, limit: int, caption: str) -> str:
    """Return a data frame as a rounded table, cut after `limit` rows with a note that says so."""
    shown = frame.head(limit)
    numeric = [
        i for i, name in enumerate(frame.columns) if pd.api.types.is_numeric_dtype(frame[name])
    ]
    rows = [[cell_text(cell) for cell in row] for row in shown.itertuples(index=False)]
    table = table_html(
        [escape(str(name)) for name in frame.columns],
        rows,
        numeric=numeric,
        caption=escape(caption),
    )
    if len(frame) > limit:
        table += f'<p class="table-cut">The first {limit} of {len(frame)} rows.</p>'
    return table


def cell_text(cell: object) -> str:
    """Return the text of a table cell: numbers rounded, missing ones blank, all escaped."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)) or cell is pd.NaT:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int | float):
        year = float(cell).is_integer() and 1800 <= cell <= 2300
        return f"{cell:.0f}" if year else number_text(cell)
    return escape(str(cell))
