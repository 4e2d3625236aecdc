"""The machinery of the compendium: what a notebook needs to become a chapter."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compendium.charts import show
    from compendium.data import load
    from compendium.records import chapter, claim, result

__all__ = ["chapter", "claim", "load", "result", "show"]
_HOME = {"chapter": "records", "claim": "records", "load": "data", "result": "records",
         "show": "charts"}  # fmt: skip


def __getattr__(name: str):
    # Imported on demand, so that the command line does not wait for the chart library.
    if name not in _HOME:
        raise AttributeError(f"module 'compendium' has no attribute {name!r}")
    return getattr(import_module(f"compendium.{_HOME[name]}"), name)
