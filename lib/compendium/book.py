"""The book: pages put together from sources and executed runs, then built by Jupyter Book."""

import csv
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import vl_convert
import yaml

from compendium import bundles, functions, gallery, pages, parameters, provenance, runs, switch
from compendium.charts import VEGA_LITE
from compendium.errors import CompendiumError

VERSIONS = ("numpy", "xarray", "jupyter-book")
NOT_SOURCES = shutil.ignore_patterns("_build", "vendor", ".ipynb_checkpoints")


class BookError(CompendiumError):
    """A book that cannot be built: names page and fault."""


@dataclass(frozen=True)
class Shown:
    """A run as the book shows it."""

    chapter: str
    run: str
    title: str
    notebook: nbformat.NotebookNode
    record: dict[str, Any]
    specs: dict[str, parameters.Parameter]

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """The values of the run, each with its unit and meaning."""
        return {
            name: {
                "value": self.record["parameters"][name],
                "unit": spec.unit,
                "description": spec.description or name,
            }
            for name, spec in self.specs.items()
        }


def build_book(executed: Mapping[str, Mapping[str, Path]], root: Path) -> Path:
    """Build the book from executed runs, `{chapter: {run: folder}}`, and return its folder.

    Each run is a page, the first one the chapter's own. The old book stays until the new one is
    whole.

    Raises BookError naming the page when a chapter is missing or a page has a fault.
    """
    build = root / "book" / "_build"
    source = build / "source"
    contents = _contents(root / "book" / "_toc.yml", set(executed), _planned(root))
    shown = {
        chapter: [_read(chapter, run, folder) for run, folder in executed[chapter].items()]
        for chapter in _files(contents)
        if chapter in executed
    }
    assemble(shown, root, source)
    (source / "_toc.yml").write_text(yaml.safe_dump(contents, sort_keys=False), "utf-8")
    fresh = build / "next"
    shutil.rmtree(fresh, ignore_errors=True)
    _run_jupyter_book(source, root / "_config.yml", fresh)
    html = build / "html"
    shutil.rmtree(html, ignore_errors=True)
    os.replace(fresh / "_build" / "html", html)
    shutil.rmtree(fresh)
    return html


def _read(chapter: str, run: str, folder: Path) -> Shown:
    notebook = folder / f"{chapter}.ipynb"
    if not notebook.exists():
        raise BookError(f"chapter {chapter!r}, run {run!r}: the executed notebook is missing")
    listed = runs.listed().get(chapter, {})
    title = listed[run].title if run in listed else run
    record = json.loads((folder / "results.json").read_text("utf-8"))
    read = nbformat.read(notebook, as_version=4)
    return Shown(chapter, run, title, read, record, parameters.read(notebook))


def _planned(root: Path) -> set[str]:
    """Return the chapters that claims wait for, written or not."""
    with open(root / "data" / "claims.csv", encoding="utf-8", newline="") as file:
        return {row["notebook"] for row in csv.DictReader(file)}


def _contents(toc: Path, written: set[str], planned: set[str]) -> dict[str, Any]:
    """Return the table of contents without planned chapters that are not written yet.

    Raises BookError for a page that does not exist, and for a chapter that is not listed.
    """
    contents = yaml.safe_load(toc.read_text("utf-8"))
    listed = set(_files(contents))
    known = {p.stem for p in toc.parent.glob("*.md")} | written
    if missing := sorted(listed - known - planned):
        raise BookError(f"book/_toc.yml lists {', '.join(missing)}, which has no notebook or page")
    if extra := sorted(written - listed):
        raise BookError(f"book/_toc.yml does not list the chapter {', '.join(extra)}")
    return _only(contents, listed & known)


def _only(node: Any, known: set[str]) -> Any:
    """Return a part of the contents without files that are not known; None if nothing is left."""
    if isinstance(node, list):
        return [kept for part in node if (kept := _only(part, known))]
    if not isinstance(node, dict):
        return node
    if "file" in node and node["file"] not in known:
        return None
    kept = {key: _only(part, known) for key, part in node.items()}
    return kept if kept.get("chapters", True) else None


def _files(node: Any) -> Iterable[str]:
    if isinstance(node, list):
        for part in node:
            yield from _files(part)
    elif isinstance(node, dict):
        yield from (node[key] for key in ("file", "root") if key in node)
        for key in ("parts", "chapters", "sections", "entries"):
            yield from _files(node.get(key, []))


def assemble(shown: Mapping[str, list[Shown]], root: Path, source: Path) -> None:
    """Write everything that Jupyter Book reads into the folder `source`."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(root / "book", source, ignore=NOT_SOURCES)
    shutil.copytree(root / "data", source / "_extra" / "data")
    _copy_vega(root, source / "_extra" / "vendor")
    modules = functions.library(root / "lib" / "unlock")
    _write_functions(modules, source)
    charts = []
    for own in shown.values():
        title = pages.chapter_title(own[0].notebook)
        charts.append((title, _write_chapter(own, modules, root, source)))
        tables = own[0].record["inputs"]["data"]
        bundles.write(own[0].chapter, title, tables, root, source / "_extra" / "bundles")
    generated = source / "_generated"
    generated.mkdir()
    fragments = _fragments(shown, root) | {"functions.html": functions.index(modules)}
    fragments["charts.md"] = gallery.write(charts, source / "thumbnails")
    for name, text in fragments.items():
        (generated / name).write_text(text, "utf-8")
    _write_tables(root, source)
    (generated / "context.json").write_text(pages.dump(_context(shown, root)), "utf-8")


def _write_functions(modules: list[functions.Module], source: Path) -> None:
    folder = source / "functions"
    folder.mkdir()
    for module in modules:
        (folder / f"{module.name}.md").write_text(functions.module_page(module), "utf-8")


def _write_chapter(
    own: list[Shown], modules: list[functions.Module], root: Path, source: Path
) -> list[gallery.Thumbnail]:
    """Write a page for each run of a chapter, and return the charts of the first."""
    records, titles = [one.record for one in own], [one.title for one in own]
    public = {module.name: {f.name: f.source for f in module.functions} for module in modules}
    tables = [resource["name"] for resource in _package(root)["resources"]]
    charts = []
    for number, one in enumerate(own):
        page = pages.chapter_page(
            one.notebook,
            one.record,
            one.specs,
            selector=switch.selector(records, number, titles, one.specs),
            origins=provenance.origins(one.notebook, public, tables),
            up="../" * bool(number),
        )
        check_anchors(one.chapter, page)
        if number:
            switch.as_variant(page, one.run)
        else:
            charts = gallery.thumbnails(one.chapter, page)
        file = source / f"{switch.page_name(one.chapter, one.run, first=number == 0)}.ipynb"
        file.parent.mkdir(exist_ok=True)
        nbformat.write(page, file)
    return charts


def _copy_vega(root: Path, folder: Path) -> None:
    """Put the chart library beside the pages: one classic script, which also works from disk."""
    cache = root / "book" / "_extra" / "vendor" / "vega.js"
    name = f"// Vega for Vega-Lite {VEGA_LITE}, from vl-convert {version('vl-convert-python')}\n"
    if not cache.exists() or not cache.read_text("utf-8").startswith(name):
        bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
        if re.search(r"^\s*(import|export)\b", bundle, re.MULTILINE):
            raise BookError("the Vega bundle is a module; pages opened from disk cannot load it")
        cache.parent.mkdir(parents=True, exist_ok=True)
        temporary = cache.with_suffix(f".{os.getpid()}")
        temporary.write_text(f"{name}(() => {{{bundle}\n}})();\n", "utf-8")
        os.replace(temporary, cache)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(cache, folder / "vega.js")


def check_anchors(chapter: str, page: nbformat.NotebookNode) -> None:
    """Raise BookError if two charts, claims or results of a page have the same name."""
    texts = [
        o["data"].get("text/html", "")
        for c in page.cells
        for o in c.get("outputs", ())
        if "data" in o
    ]
    texts += [c.source for c in page.cells if c.cell_type == "markdown"]
    found = re.findall(r'\bid="((?:fig|claim|result|param)-[^"]+)"', "\n".join(map("".join, texts)))
    if twice := sorted({name for name in found if found.count(name) > 1}):
        raise BookError(f"chapter {chapter!r}: used twice on the page: {', '.join(twice)}")


def _fragments(shown: Mapping[str, list[Shown]], root: Path) -> dict[str, str]:
    """Return the generated parts of pages, by file name."""
    with open(root / "data" / "claims.csv", encoding="utf-8", newline="") as file:
        claims = list(csv.DictReader(file))
    judged = {c["id"]: c for own in shown.values() for c in own[0].record["claims"]}
    rows = pages.ledger_rows(claims, judged)
    notebooks = {chapter: own[0].notebook for chapter, own in shown.items()}
    titles = {chapter: pages.chapter_title(notebook) for chapter, notebook in notebooks.items()}
    package, frames = _data(root)
    solutions = (p.stem for p in (root / "book" / "teaching").glob("*.md"))
    return {
        "tally.html": pages.tally(rows),
        "verdicts.html": pages.verdict_chart(rows),
        "findings.html": pages.findings(titles, rows),
        "ledger.html": pages.ledger_table(rows, shown),
        "tables.html": pages.table_index(package, frames),
        "unconfirmed.html": pages.unconfirmed(package, frames),
        "exercises.html": pages.exercises(notebooks, solutions),
    }


def _package(root: Path) -> dict[str, Any]:
    return json.loads((root / "data" / "datapackage.json").read_text("utf-8"))


def _data(root: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    package = _package(root)
    frames = {
        resource["name"]: pages.read_table(root / "data" / resource["path"])
        for resource in package["resources"]
    }
    return package, frames


def _write_tables(root: Path, source: Path) -> None:
    folder = source / "tables"
    folder.mkdir()
    package, frames = _data(root)
    for resource in package["resources"]:
        text = pages.table_text(resource, frames[resource["name"]])
        (folder / f"{pages.table_page(resource['name'])}.md").write_text(text + "\n", "utf-8")


def _context(shown: Mapping[str, list[Shown]], root: Path) -> dict[str, Any]:
    """Return what the Sphinx extension needs to set numbers and stamps."""
    return {
        "pages": {
            switch.page_name(chapter, one.run, first=one is own[0]): {
                "chapter": chapter,
                "run": one.run,
                "title": one.title,
            }
            for chapter, own in shown.items()
            for one in own
        },
        "defaults": {chapter: own[0].run for chapter, own in shown.items()},
        "runs": {
            chapter: {
                one.run: {"results": one.record["results"], "parameters": one.parameters}
                for one in own
            }
            for chapter, own in shown.items()
        },
        "stamp": stamp(root) | {"book": _entry(root / "CITATION.cff")},
    }


def stamp(root: Path) -> dict[str, Any]:
    """Return commit, data and versions that the pages are made from."""
    versions = {"Python": platform.python_version()} | {name: version(name) for name in VERSIONS}
    return {"commit": _commit(root), "data": data_hash(root / "data"), "versions": versions}


def _entry(file: Path) -> dict[str, str]:
    """Return what a citation of the book needs."""
    content = yaml.safe_load(file.read_text("utf-8"))
    return {
        "author": ", ".join(author["name"] for author in content["authors"]),
        "title": content["title"],
        "version": content["version"],
        "year": content["date-released"][:4],
    }


def data_hash(folder: Path) -> str:
    """Return twelve letters that stand for the content of all tables."""
    digest = sha256()
    for file in sorted(p for p in folder.rglob("*") if p.suffix in (".csv", ".json")):
        digest.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        digest.update(sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def _commit(root: Path) -> str:
    """Return the commit and its date, and whether files differ from it."""
    try:
        head = _git(root, "log", "-1", "--format=%h of %cs")
        changed = _git(root, "status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return "no commit (not a git checkout)"
    return f"commit {head}" + (", with later changes" if changed else "")


def _git(root: Path, *command: str) -> str:
    done = subprocess.run(
        ["git", *command], cwd=root, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


def _run_jupyter_book(source: Path, config: Path, out: Path) -> None:
    """Run Jupyter Book; a warning is an error, and all of them are told."""
    program = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", program, "build", str(source)]
    command += ["--path-output", str(out), "--config", str(config)]
    command += ["--toc", str(source / "_toc.yml"), "--all", "-q", "-W", "--keep-going"]
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        lines = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr).splitlines()
        told = [line for line in lines if re.search(r"\b(WARNING|ERROR|CRITICAL)\b", line)]
        shown = "\n".join(told or lines[-15:])
        raise BookError(f"the book has faults:\n{shown.replace(f'{source}{os.sep}', '')}")
