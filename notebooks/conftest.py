"""nbval runs each notebook once more, in a cold kernel: all cells give what is published."""

from functools import cache

import nbformat
import pytest
from nbval.plugin import IPyNbCell

from compendium import execution, runs


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Compare the outputs of a cell that nbval has run with those of the published run."""
    result = yield
    if isinstance(item, IPyNbCell) and item.path.stem in runs.listed():
        cell = nbformat.v4.new_code_cell(item.cell.source, outputs=item.test_outputs)
        again = execution.scrub(nbformat.v4.new_notebook(cells=[cell])).cells[0]
        if shown(again) != published(item.path.stem)[item.cell.id]:
            item.raise_cell_error("The cell does not repeat the output of the published run")
    return result


@cache
def published(chapter: str) -> dict[str, list]:
    """Return the outputs of every code cell of a chapter's first run."""
    first = next(iter(runs.listed()[chapter].values()))
    cells = execution.execute(first).node.cells
    return {cell.id: shown(cell) for cell in cells if cell.cell_type == "code"}


def shown(cell: nbformat.NotebookNode) -> list[dict]:
    """Return the outputs of a cell, as nbval sees them too.

    It keeps no history, so that outputs have no number and a last semicolon hides nothing.
    """
    hidden = "execute_result" if cell.source.rstrip().endswith(";") else None
    outputs = [output for output in cell.outputs if output.output_type != hidden]
    return [{k: v for k, v in output.items() if k != "execution_count"} for output in outputs]
