"""The conda and Binder environment: the same versions as the lock."""

import re
from pathlib import Path

from compendium import paths

PYTHON = "3.11"
HEAD = f"""\
# The versions of requirements.lock, for conda and Binder. Written by `make lock`.
name: unlock
channels: [conda-forge]
dependencies:
  - python={PYTHON}
  - pip
  - pip:
"""


def pins(lock: Path) -> dict[str, str]:
    """Return the packages that the lock installs on Python 3.11 on Linux or macOS, by name."""
    pinned = re.compile(r"([\w.-]+)(?:\[[^\]]*\])?==([^ ;\\]+)\s*(?:;\s*(.*?))?\s*\\?$")
    matches = map(pinned.match, lock.read_text("utf-8").splitlines())
    found = [match.groups() for match in matches if match]
    return {name.lower(): version for name, version, marker in found if _applies(marker)}


def _applies(marker: str | None) -> bool:
    marker = marker or ""
    elsewhere = ("python_full_version", "implementation_name", "darwin", "platform_system")
    return not any(word in marker for word in elsewhere) and "== 'win32'" not in marker


def text(lock: Path) -> str:
    """Return the text of `environment.yml` that agrees with a lock."""
    lines = [f"      - {name}=={version}" for name, version in pins(lock).items()]
    return HEAD + "\n".join([*lines, "      - -e ."]) + "\n"


if __name__ == "__main__":
    root = paths.root()
    (root / "environment.yml").write_text(text(root / "requirements.lock"), "utf-8")
