"""A compendium of one chapter and one table: small enough to run often and to break."""

import json
import shutil
from pathlib import Path

import nbformat

from compendium import data

ROOT = Path(__file__).parents[1]
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


def make(root: Path) -> Path:
    """Write the small compendium into a folder; the library is the real one."""
    for folder in ("notebooks", "book", "data/toy"):
        (root / folder).mkdir(parents=True)
    for file in ("claims.csv", "money.csv", "pedigree.csv"):
        shutil.copy(ROOT / "data" / file, root / "data" / file)
    shutil.copy(ROOT / "book/references.bib", root / "book/references.bib")
    (root / "lib").symlink_to(ROOT / "lib")
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
    return root
