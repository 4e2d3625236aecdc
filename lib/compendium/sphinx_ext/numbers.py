"""Roles that set a computed number in prose: value, range, result, moved and param.

`` {value}`mean_age` `` gives "24.2 years"; `` {value}`gap[steel, h2dri_eaf]` `` picks a cell of
an array; `` {value}`share|.0%` `` formats; `` {value}`carbon-lock-in/mean_age` `` asks another
chapter.
"""

import difflib
import re
from collections.abc import Callable
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from compendium import numbers
from compendium.sphinx_ext import context

logger = logging.getLogger(__name__)

_TARGET = re.compile(
    r"(?:(?P<chapter>[\w-]+)/)?(?P<name>[\w-]+)"
    r"\s*(?:\[(?P<cell>[^\]]*)\])?\s*(?:\|(?P<spec>\S+))?"
)


class UnknownNumberError(LookupError):
    """A role that names nothing that exists."""


def select(record: dict[str, Any], labels: list[str]) -> tuple[float | None, ...]:
    """Return value, low and high of one cell of a stored result.

    Raises UnknownNumberError naming the dimension and the labels it has.
    """
    dims, coords = record.get("dims", []), record.get("coords", {})
    if len(labels) != len(dims):
        wanted = f"[{', '.join(dims)}]" if dims else "no [...]: it is one number"
        raise UnknownNumberError(f"has {len(labels)} labels, the result needs {wanted}")
    found = [record[key] for key in ("value", "low", "high")]
    for dim, label in zip(dims, labels, strict=True):
        names = [str(name) for name in coords[dim]]
        if label not in names:
            raise UnknownNumberError(f"{dim} has no {label!r}{_hint(label, names)}")
        index = names.index(label)
        found = [None if part is None else part[index] for part in found]
    return tuple(found)


def lookup(known: dict[str, Any], name: str, kind: str) -> Any:
    """Return an entry by name. Raises UnknownNumberError with the nearest names."""
    if name not in known:
        raise UnknownNumberError(f"there is no {kind} {name!r}{_hint(name, list(known))}")
    return known[name]


def _hint(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:6]
    return f"; nearest: {', '.join(near)}" if near else ""


class NumberRole(SphinxRole):
    """A role that sets a stored result, as text linked to the table of results."""

    def __init__(self, text_of: Callable[..., str]) -> None:
        self.text_of = text_of

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link, or the source text and a warning that names the nearest names."""
        try:
            return [self.node()], []
        except UnknownNumberError as error:
            message = "%s: role %s`%s`: %s"
            args = (self.env.docname, f"{{{self.name}}}", self.text, error)
            logger.warning(message, *args, location=self.get_location())
            return [nodes.literal(text=self.text)], []

    def node(self) -> nodes.Node:
        """Return the linked number."""
        target = _TARGET.fullmatch(self.text.strip())
        if target is None:
            raise UnknownNumberError("is not written as chapter/name[label, ...]|format")
        page, run = self.run_of(target["chapter"])
        return self.link(page, run, target)

    def run_of(self, chapter: str | None) -> tuple[str, dict[str, Any]]:
        """Return page and run: of the page itself, or the default run of another chapter."""
        book = context.read(self.env.app)
        here = book["pages"].get(self.env.docname)
        if chapter is None:
            if here is None:
                raise UnknownNumberError("this page has no results; write chapter/name")
            return self.env.docname, book["runs"][here["chapter"]][here["run"]]
        run = lookup(book["defaults"], chapter, "chapter")
        return chapter, book["runs"][chapter][run]

    def link(self, page: str, run: dict[str, Any], target: re.Match[str]) -> nodes.Node:
        """Return the text of a result, linked to its row in the table of results."""
        record = lookup(run["results"], target["name"], "result")
        labels = [part.strip() for part in (target["cell"] or "").split(",") if part.strip()]
        if self.name == "moved":
            text = record.get("moved_by")
            if not text:
                raise UnknownNumberError("the result has no moved_by")
        else:
            value, low, high = select(record, labels)
            if value is None:
                raise UnknownNumberError("the value is missing (not a number)")
            text = self.text_of(value, low, high, record["unit"], spec=target["spec"])
        return self.reference(page, f"result-{target['name']}", text, record["label"])

    def reference(self, page: str, anchor: str, text: str, title: str) -> nodes.reference:
        """Return a link to an anchor of a page."""
        uri = f"#{anchor}"
        if page != self.env.docname:
            uri = self.env.app.builder.get_relative_uri(self.env.docname, page) + uri
        return nodes.reference(
            text, text, refuri=uri, internal=True, reftitle=title, classes=["number"]
        )


class ParameterRole(NumberRole):
    """A role that sets the value that a parameter has in the run shown."""

    def link(self, page: str, run: dict[str, Any], target: re.Match[str]) -> nodes.Node:
        """Return the value with its unit, linked to the table of parameters."""
        entry = lookup(run["parameters"], target["name"], "parameter")
        text = parameter_text(entry["value"], entry["unit"], spec=target["spec"])
        return self.reference(page, f"param-{target['name']}", text, entry["description"])


def parameter_text(value: Any, unit: str, *, spec: str | None = None) -> str:
    """Return a parameter's value as a reader sees it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if spec is None:
        return numbers.with_unit(numbers.exact_text(value, unit), unit, value=value)
    return numbers.quantity_text(value, unit, spec=spec)


def _value(value, low, high, unit, *, spec):
    return numbers.quantity_text(value, unit, spec=spec)


def _range(value, low, high, unit, *, spec):
    if not numbers.has_range(low, high):
        raise UnknownNumberError("the result has no range")
    return numbers.range_text(low, high, unit, spec=spec)


def _result(value, low, high, unit, *, spec):
    return numbers.result_text(value, low, high, unit, spec=spec)


def setup(app: Sphinx) -> None:
    """Register the roles."""
    for name, text_of in {"value": _value, "range": _range, "result": _result}.items():
        app.add_role(name, NumberRole(text_of))
    app.add_role("moved", NumberRole(_value))
    app.add_role("param", ParameterRole(_value))
