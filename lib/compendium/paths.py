"""Where the parts of the compendium lie."""

import os
import tempfile
from pathlib import Path

from compendium.errors import CompendiumError


def root() -> Path:
    """Return the folder that holds `data/`, `notebooks/` and `book/`.

    It is the checkout that the package is installed from, or `COMPENDIUM_ROOT` if that is set.
    """
    return Path(os.environ.get("COMPENDIUM_ROOT") or Path(__file__).parents[2]).resolve()


def data() -> Path:
    """Return the folder of the data package."""
    return root() / "data"


def notebooks() -> Path:
    """Return the folder of the source notebooks."""
    return root() / "notebooks"


def bibliography() -> Path:
    """Return the file of all references."""
    return root() / "book" / "references.bib"


def build() -> Path:
    """Return the folder of everything generated."""
    return root() / "book" / "_build"


def store() -> Path:
    """Return the folder of executed runs: `COMPENDIUM_STORE`, else a folder of the build."""
    return Path(os.environ.get("COMPENDIUM_STORE") or build() / "store").resolve()


def relative(path: Path) -> str:
    """Return a path as a person names it: from the root if it lies there."""
    try:
        return str(Path(path).resolve().relative_to(root()))
    except ValueError:
        return str(path)


def check_writable(folder: Path) -> None:
    """Raise CompendiumError if a folder can neither be written nor be made."""
    nearest = next(f for f in (folder.absolute(), *folder.absolute().parents) if f.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise CompendiumError(f"folder {str(folder)!r} cannot be written: {reason}") from None
