"""The command line: `compendium book | run | sweep | check | claims | data | refresh`."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from compendium.errors import CellError, CompendiumError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
out, err = Console(emoji=False), Console(stderr=True, emoji=False)

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
    from compendium import parameters, paths, runs

    base = runs.named(notebook, run)
    specs = parameters.read(runs.path(notebook))
    values = base.parameters | parameters.check(specs, _assignments(parameter or []))
    name = base.name if values == base.parameters else f"{base.name}, changed"
    chosen = runs.Run(base.notebook, name, base.title, values)
    folder = folder or Path("out", base.notebook, base.name)
    paths.check_writable(folder)
    from compendium import execution

    with _progress(f"{base.notebook}, {name}", 1) as advance:
        executed = execution.execute(chosen)
        advance(name)
    executed.write(folder)
    _print_claims(executed.results["claims"])
    files = f"{base.notebook}.ipynb, results.json, results.nc"
    out.print(f"written: {_shown(folder)} ({files})", soft_wrap=True, highlight=False)


@app.command()
def sweep(
    notebook: Annotated[str, typer.Argument(help="a notebook's name, as cost-gaps")],
    axes: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=A:B:STEP | KEY=X,Y,Z", help="one per axis")
    ] = None,
    samples: Annotated[int | None, typer.Option(help="a Sobol sample instead of a grid")] = None,
    run: Annotated[str | None, typer.Option("--run", help="a named run to start from")] = None,
    workers: Annotated[int | None, typer.Option(help="notebooks at once; default: cores")] = None,
    cluster: Annotated[str | None, typer.Option(help="address of a dask scheduler")] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="folder to write into")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="allow more than a million points")] = False,
) -> None:
    """Run a notebook over a grid or a sample of its parameters; go on where it stopped."""
    from compendium import sweep

    if samples is not None and samples < 1:
        raise CompendiumError(f"--samples {samples} is not 1 or more")
    design = sweep.design(notebook, axes or [], run=run, samples=samples)
    if len(design) > sweep.LARGE and not yes:
        raise CompendiumError(f"{len(design):,} points are more than a million: say --yes")
    folder = folder or Path("out", f"{design.notebook}-sweep")
    with _points(f"{design.notebook}", len(design)) as done:
        failures = sweep.run_sweep(design, folder, workers=workers, cluster=cluster, done=done)
    for failure in failures[:20]:
        point = ", ".join(f"{name}={value}" for name, value in failure["parameters"].items())
        err.print(f"failed: {point}: {failure['error']}", style="red", markup=False, soft_wrap=True)
    good = len(design) - len(failures)
    out.print(f"{good} of {len(design)} points in {_shown(folder)}", highlight=False)
    if failures:
        raise typer.Exit(1)


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
def check(
    target: Annotated[
        str, typer.Argument(metavar="FILE|NAME", help="results.json, notebook, name")
    ],
    run: Annotated[str | None, typer.Option("--run", help="the published run to compare")] = None,
    against: Annotated[Path | None, typer.Option(help="another results.json")] = None,
    rtol: Annotated[float, typer.Option(help="relative difference that counts as equal")] = 1e-6,
) -> None:
    """Compare a run with the published numbers: what differs, by how much, and which input."""
    from compendium import check

    if target.endswith((".json", ".ipynb")) and Path(target).exists():
        ours = check.read(Path(target))
    else:
        from compendium import execution, runs

        with _progress(target, 1) as advance:
            ours = execution.execute(runs.named(target, run)).results
            advance(target)
    theirs = (
        check.summary(check.read(against))
        if against
        else check.published(ours["notebook"], run or ours["run"])
    )
    ours = check.summary(ours)
    rows, odd = check.differences(ours, theirs, rtol), check.inputs(ours, theirs)
    if rows:
        table = Table("what", "published", "ours", "relative difference")
        for row in rows:
            size = "" if row["relative"] is None else f"{row['relative']:.2g}"
            table.add_row(row["what"], str(row["published"]), str(row["ours"]), size)
        out.print(table)
    for name in odd:
        out.print(f"input differs: {name}", highlight=False)
    compared = len(theirs["claims"]) + len(theirs["results"])
    state = f"{len(rows)} numbers differ" if rows else "the same numbers"
    out.print(f"{state}: {compared} claims and results compared, tolerance {rtol:g}")
    if rows:
        raise typer.Exit(1)


@app.command()
def refresh() -> None:
    """Rewrite the tables and published numbers that are kept with the source notebooks."""
    from compendium import execution, refresh, runs

    wanted = [run for named in runs.listed().values() for run in named.values()]
    with _progress("refresh", len(wanted)) as advance:
        done = execution.execute_all(wanted, done=lambda run: advance(f"{run.notebook} {run.name}"))
    for notebook in runs.listed():
        new = refresh.refresh(notebook, [item for item in done if item.run.notebook == notebook])
        out.print(f"{notebook}: {'rewritten' if new else 'unchanged'}", highlight=False)


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
    with Progress(*columns, MofNCompleteColumn(), TimeElapsedColumn(), console=err) as progress:
        task = progress.add_task(title, total=total)
        yield lambda name: progress.update(task, advance=1, description=name)


@contextmanager
def _points(title: str, total: int) -> Iterator:
    """Show the progress of a sweep with its rate and the time left."""
    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    failed = 0
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task(title, total=total, rate="")

        def done(this_failed: bool) -> None:
            nonlocal failed
            failed += this_failed
            speed = progress.tasks[task].speed or 0.0
            text = f"{60 * speed:.0f} a minute" + (f", {failed} failed" if failed else "")
            progress.update(task, advance=1, rate=text)
            count = int(progress.tasks[task].completed)
            if not err.is_terminal and (count == total or count % max(total // 10, 1) == 0):
                err.print(f"{title}: {count} of {total}, {text}", highlight=False)

        yield done


def main() -> None:
    """Run the command line; a user's mistake ends in one sentence and exit code 2."""
    try:
        app()
    except CellError as error:
        _fail(str(error), 1)
    except CompendiumError as error:
        _fail(str(error), 2)
    except OSError as error:  # a full disk, a folder that may not be written
        _fail(": ".join(str(part) for part in (error.filename, error.strerror) if part), 2)


def _fail(message: str, code: int) -> NoReturn:
    err.print(f"error: {message}", style="red", soft_wrap=True, markup=False, highlight=False)
    sys.exit(code)


if __name__ == "__main__":
    main()
