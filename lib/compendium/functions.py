"""Pages of the library: every public function with what it says of itself, and its source."""

import ast
from dataclasses import dataclass
from html import escape
from pathlib import Path


@dataclass(frozen=True)
class Function:
    """A public function as its page shows it."""

    name: str
    signature: str
    text: str
    source: str


@dataclass(frozen=True)
class Module:
    """A module of the library: what it says of itself, and its public functions."""

    name: str
    text: str
    functions: tuple[Function, ...]


def library(folder: Path) -> list[Module]:
    """Return the modules of a package that have public functions, by name."""
    found = []
    for file in sorted(folder.glob("[a-z]*.py")):
        source = file.read_text("utf-8")
        tree = ast.parse(source)
        public = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name[0] != "_"]
        functions = tuple(_function(node, source) for node in public)
        if functions:
            found.append(Module(file.stem, ast.get_docstring(tree) or "", functions))
    return found


def _function(node: ast.FunctionDef, source: str) -> Function:
    head = ast.unparse(ast.FunctionDef(**vars(node) | {"body": [ast.Pass()]}))
    head = "\n".join(line for line in head.splitlines() if not line.startswith("@"))
    signature = head.removeprefix("def ").removesuffix("pass").rstrip().removesuffix(":")
    text = ast.get_docstring(node) or ""
    return Function(node.name, signature, text, ast.get_source_segment(source, node) or "")


def link(function: str, *, up: str) -> str:
    """Return a link to a function given as `costs.levelised_cost`."""
    module, _, name = function.partition(".")
    return f'<a href="{up}functions/{module}.html#fn-{name}"><code>{function}</code></a>'


def module_page(module: Module) -> str:
    """Return the page of a module, as MyST."""
    parts = ["---\norphan: true\n---", f"# unlock.{module.name}", _text(module.text)]
    for function in module.functions:
        parts.append(_raw(f'<span id="fn-{function.name}"></span>'))
        parts.append(f"## {function.name}")
        parts.append(f"```python\n{function.signature}\n```")
        parts.append(_text(function.text))
        parts.append(f"::::{{dropdown}} Source\n```python\n{function.source}\n```\n::::")
    return "\n\n".join(parts) + "\n"


def index(modules: list[Module]) -> str:
    """Return the list of all functions by module, as HTML."""
    items = []
    for module in modules:
        names = ", ".join(
            f'<a href="functions/{module.name}.html#fn-{f.name}"><code>{f.name}</code></a>'
            for f in module.functions
        )
        first = escape(" ".join(module.text.partition("\n\n")[0].split()))
        items.append(
            f'<dt><a href="functions/{module.name}.html">unlock.{module.name}</a></dt>'
            f"<dd>{first}<br><small>{names}</small></dd>"
        )
    return f'<dl class="functions">{"".join(items)}</dl>'


def _text(text: str) -> str:
    """Return a docstring as it is written: its equations and lists stay in place."""
    return _raw(f'<div class="docstring">{escape(text)}</div>')


def _raw(html: str) -> str:
    # A blank line would not end the block, but a fence within it would.
    return f"~~~{{raw}} html\n{html}\n~~~"
