"""The machinery of the compendium: what a notebook needs to become a chapter."""

from compendium.charts import show
from compendium.data import load
from compendium.records import chapter, claim, result

__all__ = ["chapter", "claim", "load", "result", "show"]
