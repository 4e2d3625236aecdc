"""All measurements, each in a process of its own: `make bench`."""

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Run every module of this folder that measures."""
    folder = Path(__file__).parent
    modules = sorted(f.stem for f in folder.glob("[a-z]*.py") if f.stem not in ("machine",))
    for module in modules:
        print(f"\n== {module}", flush=True)
        subprocess.run([sys.executable, "-m", f"tests.bench.{module}"], check=True)


if __name__ == "__main__":
    main()
