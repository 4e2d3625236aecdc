"""Rewrites the outputs that source notebooks keep: rounded tables that the tests compare."""

import os
from pathlib import Path

import nbformat

from compendium import execution, runs

TAG = "nbval-check-output"


def refresh(notebook: str) -> bool:
    """Run a notebook with its defaults, keep the outputs of tagged cells; say if it changed."""
    path = runs.path(notebook)
    before = path.read_text("utf-8")
    source = nbformat.reads(before, as_version=4)
    executed = execution.execute(runs.Run(path.stem, "default", "Defaults", {}))
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
