"""Rewrites what is kept of a run with the source: rounded tables and the published numbers."""

import os
from pathlib import Path

import nbformat

from compendium import check, execution, runs

TAG = "nbval-check-output"


def refresh(notebook: str, executed: list[execution.Executed]) -> bool:
    """Keep the published numbers of a notebook's runs, and the tables of the first; say if new."""
    named = {item.run.name: item.results for item in executed}
    return _keep_tables(notebook, executed[0]) | check.write_published(notebook, named)


def _keep_tables(notebook: str, executed: execution.Executed) -> bool:
    path = runs.path(notebook)
    before = path.read_text("utf-8")
    source = nbformat.reads(before, as_version=4)
    outputs = {cell.id: cell for cell in executed.node.cells}
    for cell in source.cells:
        if cell.cell_type == "code":
            kept = TAG in cell.metadata.get("tags", [])
            cell.outputs = outputs[cell.id].outputs if kept else []
            cell.execution_count = outputs[cell.id].execution_count if kept else None
    source.metadata = executed.node.metadata
    after = nbformat.writes(source) + "\n"
    if after != before:
        _replace(path, after)
    return after != before


def _replace(path: Path, text: str) -> None:
    temporary = path.with_suffix(".writing")
    temporary.write_text(text, "utf-8")
    os.replace(temporary, path)
