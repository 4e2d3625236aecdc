"""Formulas as MathML, written at build time, so that no script draws them."""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

# latex2mathml knows `split`, which sets the same table as these.
_ALIGNED = re.compile(r"\\(begin|end)\{(aligned|align\*?|gathered)\}")
_ALIGNMENT = re.compile(r'columnalign="(left|right|center)"')


class FormulaError(ValueError):
    """LaTeX that cannot be turned into MathML."""


def to_mathml(latex: str, *, display: bool) -> str:
    """Return a formula as MathML.

    Raises FormulaError naming the part that is not understood.
    """
    source = _ALIGNED.sub(r"\\\1{split}", latex.strip())
    try:
        markup = convert(source, display="block" if display else "inline")
    except Exception as error:  # latex2mathml raises many types, several of them bare
        raise FormulaError(f"{latex!r}: {type(error).__name__} {error}".rstrip()) from error
    if unknown := re.search(r"\\\w+|>&<", markup):
        raise FormulaError(f"{latex!r}: {unknown[0].strip('<>')!r} is not understood")
    markup = markup.replace('width="negativethinmathspace"', 'width="-0.167em"')
    return _ALIGNMENT.sub(r'style="text-align:\1"', markup)


def _formula(translator: HTML5Translator, node: nodes.Element, *, display: bool) -> str:
    try:
        return to_mathml(node.astext(), display=display)
    except FormulaError as error:
        logger.warning("formula %s", error, location=node)
        return f"<code>{translator.encode(node.astext())}</code>"


def visit_math(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(_formula(translator, node, display=False))
    raise nodes.SkipNode


def visit_displaymath(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, with its number and link if it has a label."""
    ids = "".join(f' id="{anchor}"' for anchor in node.get("ids", ())[:1])
    body = [f'<div class="formula"{ids} tabindex="0" role="group" aria-label="Formula">']
    body.append(_formula(translator, node, display=True))
    translator.body.append("".join(body))
    if node.get("number"):
        translator.body.append(f'<span class="eqno">({node["number"]})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the renderer `mathml`; `html_math_renderer` in the configuration selects it."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
