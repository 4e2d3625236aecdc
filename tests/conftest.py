"""What all tests share: the built book, a small compendium to break, and no silent skips in CI."""

import fcntl
import json
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, settings

from compendium import data, keys, paths, publish, records, runs, units

ROOT = Path(__file__).parents[1]
settings.register_profile(
    "book", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("book")


def pytest_sessionfinish(session, exitstatus):
    """In CI a skipped test is a failed one."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter else 0
    if os.environ.get("CI") and skipped and exitstatus == 0:
        reporter.write_line(f"CI allows no skipped test; skipped: {skipped}", red=True)
        session.exitstatus = 1


def clear_caches() -> None:
    """Forget what was read from the project's files."""
    for module in (data, keys, records, runs, units):
        for function in vars(module).values():
            if hasattr(function, "cache_clear") and function.__module__ == module.__name__:
                function.cache_clear()


@pytest.fixture(scope="session")
def built_book() -> Path:
    """The folder of the published book, built first if it is stale; one worker builds for all."""
    paths.build().mkdir(parents=True, exist_ok=True)
    with open(paths.build() / ".building.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return publish.publish()[0]


CELLS = [
    ("markdown", "# A small chapter", []),
    (
        "code",
        'region: str = "World"  # {World, China} fleet shown\n'
        "price: float = 100  # CNY/tCO2 [0, 3000] carbon price\n"
        "samples: int = 64  # 1 [16, 4096] samples\n"
        "exact: bool = True  # use the exact law",
        ["parameters"],
    ),
    (
        "code",
        "import numpy as np\nimport xarray as xr\n"
        "from compendium import chapter, claim, load, result\n"
        'chapter("carbon-lock-in", globals())',
        [],
    ),
    (
        "code",
        'rate = load("toy/prices", unit="CNY/t")\n'
        "draws = np.random.default_rng(0).normal(price, 10, (samples, 2))\n"
        'x = xr.DataArray(draws, dims=("sample", "k"), coords={"k": ["a", "b"]},'
        ' attrs={"units": "tCO2"})\n'
        'result("x", x, label="a pair")\n'
        'result("y", x.sel(k="a"), label="one", moved_by="the price");',
        [],
    ),
    (
        "code",
        'claim("bf-age", value=x.sel(k="a"), unit="year", share=0.5, decided_by="age", why="So.")',
        [],
    ),
]
HEADER = "item,value,low,high,unit,currency_year,distribution,source,where,seen,status,note\n"
ROWS = "coal,100,90,120,USD/t,2020,,hu2025,p. 1,,read,\nore,60,,,CNY/kg,2024,,hu2025,,,derived,\n"


def notebook_text(cells=CELLS) -> str:
    """Return a notebook file of cells (kind, source, tags) with stable ids."""
    nodes = []
    for number, (kind, source, tags) in enumerate(cells):
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        nodes.append(make(source, id=f"cell-{number}", metadata={"tags": tags} if tags else {}))
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    return nbformat.writes(nbformat.v4.new_notebook(cells=nodes, metadata=metadata)) + "\n"


@pytest.fixture
def small(tmp_path, monkeypatch) -> Path:
    """A compendium of one chapter and one table, to run and to break."""
    root = tmp_path / "small"
    for folder in ("notebooks", "book", "data/toy"):
        (root / folder).mkdir(parents=True)
    for file in ("claims.csv", "money.csv", "pedigree.csv"):
        shutil.copy(ROOT / "data" / file, root / "data" / file)
    shutil.copy(ROOT / "book/references.bib", root / "book/references.bib")
    (root / "lib").symlink_to(ROOT / "lib")
    (root / "requirements.lock").write_text("# none\n")
    package = json.loads((ROOT / "data/datapackage.json").read_text("utf-8"))
    resources = {r["name"]: r for r in package["resources"] if r["name"] in ("money", "pedigree")}
    standard = [f for f in resources["pedigree"]["schema"]["fields"] if f["name"] in data.STANDARD]
    schema = {"primaryKey": ["item"], "fields": [{"name": "item", "type": "string"}, *standard]}
    toy = {"name": "toy/prices", "path": "toy/prices.csv", "title": "Toy", "schema": schema}
    package["resources"] = [*resources.values(), toy]
    (root / "data/datapackage.json").write_text(json.dumps(package))
    (root / "data/toy/prices.csv").write_text(HEADER + ROWS)
    (root / "notebooks/carbon-lock-in.ipynb").write_text(notebook_text())
    (root / "notebooks/runs.yml").write_text(
        "carbon-lock-in:\n  base: {title: Base, parameters: {}}\n"
        "  low: {title: Low price, parameters: {price: 50}}\n"
    )
    monkeypatch.setenv("COMPENDIUM_ROOT", str(root))
    clear_caches()
    yield root
    monkeypatch.undo()
    clear_caches()
