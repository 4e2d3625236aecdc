"""The claim ledger: all claims of the paper with the verdicts computed so far."""

from typing import Any

from compendium import execution, publish, records
from compendium.errors import CompendiumError


def rows() -> list[dict[str, Any]]:
    """Return all claims in the paper's order, each with the verdict of its chapter's first run.

    A claim whose chapter is missing, or has not run since its inputs changed, is pending.
    """
    judged = {}
    reasons = {}
    for run in publish.first_runs():
        if execution.is_stored(run):
            judged |= {claim["id"]: claim for claim in execution.execute(run).results["claims"]}
        else:
            reasons[run.notebook] = "Not run since its inputs changed: make book computes it."
    return [_row(row, judged.get(row["id"]), reasons) for row in records.claims().values()]


def _row(row: dict[str, str], claim: dict | None, reasons: dict[str, str]) -> dict[str, Any]:
    base = {key: row[key] for key in ("id", "section", "notebook", "paper_value")}
    if claim is None:
        why = reasons.get(row["notebook"], "Its chapter is not written yet.")
        nothing = {"value": None, "low": None, "high": None, "unit": row["unit"]}
        return base | nothing | {"verdict": "pending", "why": why}
    return base | {k: claim[k] for k in ("value", "low", "high", "unit", "verdict", "why")}


def check_complete(notebook: str, claims: list[dict[str, Any]]) -> None:
    """Raise CompendiumError if a chapter leaves one of its claims without a verdict."""
    expected = {i for i, row in records.claims().items() if row["notebook"] == notebook}
    missing = sorted(expected - {claim["id"] for claim in claims})
    if missing:
        raise CompendiumError(f"{notebook}: no verdict on {', '.join(missing)}")
