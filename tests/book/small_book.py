"""A small compendium of two chapters that uses everything the pages offer."""

import json
import shutil
from pathlib import Path

from tests.small import notebook_text

ROOT = Path(__file__).parents[2]

LOCK_IN = [
    (
        "markdown",
        "# How old are the furnaces?\n\n"
        "The mean age is {result}`mean_age`, moved most by {moved}`mean_age`, "
        "at a price of {param}`price` in {param}`region` {cite:p}`hu2025`.",
        [],
    ),
    (
        "code",
        'region: str = "World"  # {World, China} fleet shown\n'
        "price: float = 100  # CNY/tCO2 [0, 3000] carbon price\n"
        "samples: int = 64  # 1 [16, 4096] samples",
        ["parameters"],
    ),
    (
        "code",
        "import altair as alt\nimport numpy as np\nimport pandas as pd\nimport xarray as xr\n"
        "from compendium import chapter, claim, load, result, show\n"
        'chapter("carbon-lock-in", globals())',
        [],
    ),
    (
        "markdown",
        "## The model\n\nSurvival $s(a)$ falls with age:\n\n"
        "$$\ns(a) = \\exp\\left(-\\frac{a}{\\tau}\\right)\n$$ (survival)\n\n"
        "and the stock follows from {eq}`survival`:\n\n"
        "$$\n\\begin{aligned} S_t &= \\sum_{c \\le t} I_c \\, s(t-c) \\\\ O_t &= S_{t-1} - S_t"
        " + I_t \\end{aligned}\n$$",
        [],
    ),
    (
        "code",
        'money = load("money")\n'
        "age = xr.DataArray(np.random.default_rng(0).normal(24.2, 1.1, samples), "
        'dims="sample", attrs={"units": "year"})\n'
        'mean_age = result("mean_age", age, label="Mean age", moved_by="the first year")\n'
        'years = np.arange(2025, 2061)\nregions = ["China", "India", "Europe"]\n'
        "falls = np.exp(-(years - 2025) / np.array([[20.0], [35.0], [12.0]]))\n"
        'left = xr.DataArray(1500 * falls, dims=("region", "year"), attrs={"units": "MtCO2/year"},'
        ' coords={"region": regions, "year": years})\n'
        'result("left", left, low=0.8 * left, high=1.2 * left, label="Emissions left");',
        [],
    ),
    (
        "code",
        'frame = left.rename("left").to_dataframe().reset_index()\n'
        'frame["low"], frame["high"] = 0.8 * frame["left"], 1.2 * frame["left"]\n'
        'base = alt.Chart(frame).encode(x=alt.X("year:Q", title="Year", axis=alt.Axis(format="d")),'
        ' color=alt.Color("region:N", title=None))\n'
        'band = base.mark_area(opacity=0.2).encode(y=alt.Y("low:Q",'
        ' title="Emissions (MtCO₂/year)"), y2="high:Q")\n'
        'line = base.mark_line().encode(y="left:Q", tooltip=["region", "year", "left"])\n'
        "title = f\"Furnaces aged {float(mean_age['value']):.0f} years emit until 2060\"\n"
        'show((band + line).properties(title=title, height=300), name="emissions-left",'
        ' alt="Lines of emissions falling from 2025 to 2060 in three regions, India slowest.")',
        ["hide-input"],
    ),
    (
        "code",
        'names = ["Furnace with coal", "Hydrogen shaft and arc furnace", "Scrap arc furnace"]\n'
        'cost = pd.DataFrame({"route": names, "cost": [2900.0, 4700.0, 3300.0]})\n'
        'bars = alt.Chart(cost, title="Hydrogen steel costs most").mark_bar().encode('
        'x=alt.X("cost:Q", title="Cost (CNY/t)"), y=alt.Y("route:N", title=None, sort="-x"))\n'
        'show(bars.properties(height=130), name="costs", alt="Bars of cost: hydrogen highest.")',
        ["hide-input"],
    ),
    ("code", "cost.round(0)", []),
    (
        "markdown",
        "China has {value}`left[China, 2040]` left in 2040 ({range}`left[China, 2040]`), or "
        "{value}`left[China, 2040]|.1f`. A green tonne costs {value}`cost-gaps/gap`; see "
        "[costs](cost-gaps.ipynb), {doc}`re-run` and {ref}`the exercise <ex-carbon-lock-in-1>`.",
        [],
    ),
    (
        "code",
        'claim("bf-age", value=age, unit="year", share=0.97, why="The mean is 24.2 years.")\n'
        'claim("committed", value=0.6, unit="1", low=0.4, high=0.8, share=0.6,'
        ' decided_by="the retirement rule", why="Six of ten samples exceed one half.")\n'
        'claim("sunk-cost", value=None, unit="CNY/tCO2", share=0.01, why="It is reversed.")\n'
        'claim("asset-stock", value=None, unit="year", verdict="undecidable",'
        ' why="No open series of kilns by year.", note="Sought in two registers.")',
        [],
    ),
    (
        "markdown",
        "## Exercises\n\n:::{exercise} Read the chart\n:label: ex-carbon-lock-in-1\n\n"
        "Which region falls slowest?\n\n:::{dropdown} Hint\nLook at the right end.\n:::\n:::\n\n"
        ":::{admonition} What this leaves out\nCokeries.\n:::",
        [],
    ),
]

COST_GAPS = [
    ("markdown", "# What does green cost?\n\nThe gap is {result}`gap`.", []),
    ("code", "price: float = 100  # CNY/tCO2 [0, 3000] carbon price", ["parameters"]),
    (
        "code",
        "from compendium import chapter, result\n"
        'chapter("cost-gaps", globals())\n'
        'result("gap", 1800 - 2 * price, unit="CNY/t", low=900, high=2400, label="Gap of steel");',
        [],
    ),
]

NOT_SMALL = ("_build", "teaching", "paper-references.md")  # they name chapters of the real book
TOC = """\
format: jb-book
root: index
parts:
  - caption: Chapters
    chapters:
      - file: carbon-lock-in
      - file: cost-gaps
      - file: emissions-gap
  - caption: Evidence
    chapters:
      - file: ledger
      - file: charts
      - file: data-and-sources
      - file: functions
  - caption: Use
    chapters:
      - file: re-run
      - file: teach
      - file: glossary
      - file: cite
      - file: references
"""
INDEX = """\
# A small book

How much is locked in: {result}`carbon-lock-in/mean_age`.

```{raw} html
:file: _generated/tally.html
```

```{raw} html
:file: _generated/verdicts.html
```

```{raw} html
:file: _generated/findings.html
```
"""
RUNS = """\
carbon-lock-in:
  base: {title: "As it stands", parameters: {}}
  dear: {title: "A dear tonne", parameters: {price: 300}}
cost-gaps:
  base: {title: "As it stands", parameters: {}}
"""


def write(folder: Path) -> Path:
    """Write the small compendium into a folder and return the folder."""
    shutil.copytree(ROOT / "book", folder / "book", ignore=shutil.ignore_patterns(*NOT_SMALL))
    _write_data(folder / "data")
    for file in ("_config.yml", "pyproject.toml", "requirements.lock", "CITATION.cff", "LICENSE"):
        shutil.copy(ROOT / file, folder)
    (folder / "lib").symlink_to(ROOT / "lib")
    (folder / "notebooks").mkdir()
    for name, cells in {"carbon-lock-in": LOCK_IN, "cost-gaps": COST_GAPS}.items():
        (folder / "notebooks" / f"{name}.ipynb").write_text(notebook_text(cells), "utf-8")
    (folder / "notebooks" / "runs.yml").write_text(RUNS, "utf-8")
    (folder / "book" / "_toc.yml").write_text(TOC, "utf-8")
    (folder / "book" / "index.md").write_text(INDEX, "utf-8")
    return folder


def _write_data(folder: Path) -> None:
    """Write the claims and the two tables that the loader itself needs."""
    folder.mkdir()
    for file in ("claims.csv", "money.csv", "pedigree.csv"):
        shutil.copy(ROOT / "data" / file, folder)
    package = json.loads((ROOT / "data" / "datapackage.json").read_text("utf-8"))
    package["resources"] = [r for r in package["resources"] if r["name"] in ("money", "pedigree")]
    (folder / "datapackage.json").write_text(json.dumps(package), "utf-8")
