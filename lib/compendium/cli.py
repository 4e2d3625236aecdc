"""The command line: `compendium book | run | claims | data | refresh`."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.table import Table

from compendium.errors import CellError, CompendiumError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
out, err = Console(), Console(stderr=True)

Set = Annotated[
    list[str] | None, typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="set one value")
]
Json = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]


@app.command()
def book(
    workers: Annotated[int | None, typer.Option(help="notebooks at once; default: cores")] = None,
) -> None:
    """Run every notebook whose inputs changed, and publish the book."""
    from compendium import publish

    total = len(publish.published_runs()) + 1
    with _progress("book", total) as advance:
        html, stale = publish.publish(workers=workers, done=advance)
    state = "published" if stale else "up to date"
    out.print(f"{state}: {_shown(html / 'index.html')}", soft_wrap=True)


@app.command()
def run(
    notebook: Annotated[str, typer.Argument(help="a notebook's name, as carbon-lock-in")],
    parameter: Set = None,
    run: Annotated[str | None, typer.Option("--run", help="a named run to start from")] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="folder to write into")] = None,
) -> None:
    """Run one notebook with named or given parameters, and write its results."""
    from compendium import execution, parameters, runs

    base = runs.named(notebook, run)
    specs = parameters.read(runs.path(notebook))
    values = base.parameters | parameters.check(specs, _assignments(parameter or []))
    name = base.name if values == base.parameters else f"{base.name}, changed"
    chosen = runs.Run(base.notebook, name, base.title, values)
    folder = folder or Path("out", base.notebook, base.name)
    execution.check_writable(folder)
    with _progress(f"{base.notebook}, {name}", 1) as advance:
        executed = execution.execute(chosen)
        advance(name)
    executed.write(folder)
    _print_claims(executed.results["claims"])
    files = f"{base.notebook}.ipynb, results.json, results.nc"
    out.print(f"written: {_shown(folder)} ({files})", soft_wrap=True, highlight=False)


@app.command()
def claims(as_json: Json = False) -> None:
    """List the 63 claims with their verdicts; a claim not yet computed is pending."""
    from compendium import ledger

    rows = ledger.rows()
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        _print_claims(rows)


@app.command()
def data(as_json: Json = False) -> None:
    """Check every table and list it with its rows and their status."""
    from compendium import data as tables

    rows = []
    for name, resource in tables.package().items():
        counts = tables.table(name)["status"].value_counts()
        status = {s: int(counts[s]) for s in tables.STATUSES if s in counts}
        rows.append({"name": name, "title": resource["title"], "rows": sum(status.values())})
        rows[-1] |= {"status": status}
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    table = Table("table", "rows", "status", "title")
    for row in rows:
        status = ", ".join(f"{n} {s}" for s, n in row["status"].items())
        table.add_row(row["name"], str(row["rows"]), status, row["title"])
    out.print(table)


@app.command()
def refresh() -> None:
    """Rewrite the stored outputs of the source notebooks that the tests compare."""
    from compendium import refresh, runs

    for notebook in runs.listed():
        state = "rewritten" if refresh.refresh(notebook) else "unchanged"
        out.print(f"{notebook}: {state}", highlight=False)


def _assignments(texts: list[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CompendiumError(f"-p {text!r} is not of the form name=value")
        if name.strip() in found:
            raise CompendiumError(f"-p {name.strip()!r} is given twice")
        found[name.strip()] = value.strip()
    return found


def _print_claims(rows: list[dict]) -> None:
    table = Table("claim", "verdict", "value", "5-95 %", "unit", "why")
    for row in rows:
        value, low, high = ("" if row[k] is None else f"{row[k]:.3g}" for k in _NUMBERS)
        spread = f"{low} to {high}" if low else ""
        table.add_row(row["id"], row["verdict"], value, spread, row["unit"] or "", row["why"] or "")
    out.print(table)


_NUMBERS = ("value", "low", "high")


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@contextmanager
def _progress(title: str, total: int) -> Iterator:
    """Show a bar on a terminal, a line an event elsewhere."""
    if not err.is_terminal:
        yield lambda name: err.print(f"done: {name}", highlight=False)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, MofNCompleteColumn(), Elapsed(), console=err) as progress:
        task = progress.add_task(title, total=total)
        yield lambda name: progress.update(task, advance=1, description=name)


def main() -> None:
    """Run the command line; a user's mistake ends in one sentence and exit code 2."""
    try:
        app()
    except CellError as error:
        err.print(f"error: {error}", style="red", soft_wrap=True, markup=False, highlight=False)
        sys.exit(1)
    except CompendiumError as error:
        err.print(f"error: {error}", style="red", soft_wrap=True, markup=False, highlight=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
