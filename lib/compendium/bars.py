"""The small bar beside a number in the ledger: our range, our value, and the paper's figure."""

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from compendium.numbers import has_range, quantity_text, range_text

WIDTH, HEIGHT, MARGIN = 150, 18, 4
SAME_UNIT = {"years": "year", "%": "percent", "share": "1", "ratio": "1", "multiple": "1"}
_FIGURE = re.compile(r"([<>]?)\s*(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?")


def paper_bounds(figure: str, unit: str, ours: str) -> tuple[float, float] | None:
    """Return the ends of the paper's figure in our unit; an open end is infinite.

    None where the paper gives no number, or one in another unit; nought is nought in every unit.
    """
    found = _FIGURE.fullmatch(figure.strip())
    if not found:
        return None
    low = float(found[2])
    if SAME_UNIT.get(unit, unit) != ours and low != 0:
        return None
    if found[1]:
        return (low, float("inf")) if found[1] == ">" else (float("-inf"), low)
    return low, float(found[3] or found[2])


def range_bar(row: Mapping[str, Any]) -> str:
    """Return the bar of a claim as a picture within the line, or nothing without a number."""
    value, low, high = row.get("value"), row.get("low"), row.get("high")
    if value is None:
        return ""
    paper = paper_bounds(row["paper_value"], row["paper_unit"], row["unit"])
    ends = [value, *(e for e in (low, high) if e is not None), *(paper or ())]
    shown = [0.0, *(end for end in ends if abs(end) != float("inf"))]
    left, right = min(shown), max(shown)
    room = (right - left or 1.0) * 0.06
    left, right = left - (room if left < 0 else 0), right + room

    def at(number: float) -> float:
        inside = min(max(number, left), right)
        return round(MARGIN + (inside - left) / (right - left) * (WIDTH - 2 * MARGIN), 1)

    parts = [f'<line class="zero" x1="{at(0)}" x2="{at(0)}" y1="1" y2="{HEIGHT - 1}"/>']
    if paper:
        parts.append(_paper(at(paper[0]), at(paper[1])))
    if has_range(low, high):
        x = at(low)
        wide = max(1, at(high) - x)
        parts.append(f'<rect class="range" x="{x}" y="6" width="{wide:.1f}" height="6"/>')
    parts.append(f'<circle class="value" cx="{at(value)}" cy="9" r="3.5"/>')
    return (
        f'<svg class="range-bar" role="img" aria-label="{escape(_words(row, paper))}" '
        f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}</svg>'
    )


def _paper(start: float, end: float) -> str:
    if end - start < 1:
        return f'<line class="paper" x1="{start}" x2="{start}" y1="1" y2="{HEIGHT - 1}"/>'
    size = f'width="{end - start:.1f}" height="{HEIGHT - 2}"'
    return f'<rect class="paper" x="{start}" y="1" {size}/>'


def _words(row: Mapping[str, Any], paper: tuple[float, float] | None) -> str:
    unit = row["unit"]
    text = f"Here {quantity_text(row['value'], unit)}"
    if has_range(row.get("low"), row.get("high")):
        text += f", from {range_text(row['low'], row['high'], unit)}"
    return text + (f"; marked, the paper's {row['paper_value']}" if paper else "")
