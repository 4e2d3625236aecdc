"""The switch between the published runs of a chapter: one page a run, at addresses that stay.

The first run has the chapter's own address, `ages.html`; the others lie below, `ages/china.html`.
Figures, claims and results have the same anchors on each; labels that Sphinx wants to be unique
in the whole book get the name of the run.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import nbformat

from compendium.parameters import Parameter
from compendium.sphinx_ext.numbers import parameter_text

LABEL = re.compile(
    r"^:(?:label|name):[ \t]*(\S+)|^\(([^)\s]+)\)=[ \t]*$|\$\$[ \t]*\(([^)\s]+)\)[ \t]*$",
    re.MULTILINE,
)
REFERENCE = r"(:(?:label|name):[ \t]*|^\(|\$\$[ \t]*\(|\{{(?:ref|numref|eq)\}}`(?:[^`]*<)?|\]\(#){}"
LINK = re.compile(r"(\]\()(?![a-z]+:|[/#])(?=[^)\s]+\))")
DOC = re.compile(r"(\{doc\}`(?:[^`<]*<)?)(?=[^/`<]+>?`)")
SENTINEL = r"(?<!\S){} takes (the [\w' ]+)"


def page_name(chapter: str, run: str, *, first: bool) -> str:
    """Return the page of a run, without ending."""
    return chapter if first else f"{chapter}/{run}"


def differences(
    values: Mapping[str, Any], shown: Mapping[str, Any], specs: Mapping[str, Parameter]
) -> str:
    """Say in words which parameters of another run differ from those of the run shown."""
    parts = [
        f"{name.replace('_', ' ')} {setting_text(values[name], spec)}, "
        f"not {setting_text(shown[name], spec)}"
        for name, spec in specs.items()
        if values[name] != shown[name]
    ]
    return "; ".join(parts) or "nothing"


def setting_text(value: Any, spec: Parameter) -> str:
    """Return a parameter's value in words: -1 as what the description says that it takes."""
    if isinstance(value, str | bool):
        return parameter_text(value, spec.unit) or "none"
    told = re.search(SENTINEL.format(re.escape(f"{value:g}")), spec.description)
    return told[1].strip() if told else parameter_text(value, spec.unit)


def selector(
    own: Sequence[Mapping[str, Any]], shown: int, titles: Sequence[str], specs: Mapping[str, Any]
) -> str:
    """Return the list of a chapter's runs, which opens at the top of its page; no script needed.

    `own` are the results of the runs, the first run first, and `shown` the number of the page's.
    """
    here = own[shown]
    name = f"<strong>{escape(titles[shown])}</strong> <code>{escape(here['run'])}</code>"
    if len(own) == 1:
        return f'<p class="runs run-shown">Run shown: {name}</p>'
    items = []
    for i, (record, title) in enumerate(zip(own, titles, strict=True)):
        if i == shown:
            items.append(f'<li aria-current="page">{escape(title)} <small>shown here</small></li>')
            continue
        text = differences(record["parameters"], here["parameters"], specs)
        link = _address(record, first=i == 0, from_first=shown == 0)
        items.append(f'<li><a href="{link}">{escape(title)}</a> <small>{escape(text)}</small></li>')
    return (
        '<nav class="runs" aria-label="Runs of this chapter"><details><summary>'
        f'<span class="run-shown">Run shown: {name}</span> '
        f'<span class="runs-more">{len(own)} runs</span></summary>'
        f"<ul>{''.join(items)}</ul></details></nav>"
    )


def _address(record: Mapping[str, Any], *, first: bool, from_first: bool) -> str:
    chapter, run = record["notebook"], record["run"]
    if from_first:
        return f"{chapter}/{run}.html"
    return f"../{chapter}.html" if first else f"{run}.html"


def as_variant(page: nbformat.NotebookNode, run: str) -> None:
    """Make a page one of the further runs: found by no search, in no table of contents."""
    page.metadata |= {"orphan": True, "nosearch": True}
    cells = [cell for cell in page.cells if cell.cell_type == "markdown"]
    labels = {next(filter(None, found)) for c in cells for found in LABEL.findall(c.source)}
    for cell in cells:
        for label in sorted(labels):
            known = re.compile(REFERENCE.format(re.escape(label)) + r"(?![\w-])", re.MULTILINE)
            cell.source = known.sub(lambda m, label=label: f"{m[1]}{label}-{run}", cell.source)
        cell.source = DOC.sub(r"\1/", LINK.sub(r"\1/", cell.source))
