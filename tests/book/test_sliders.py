"""Charts with sliders: moved in a real browser, their numbers are those of the library."""

import random

import nbformat
import numpy as np
import pytest
import xarray as xr

import compendium
from compendium import paths
from tests.book.conftest import draw_charts
from unlock import costs, lockin, materials, uncertainty

POINTS = 20
CHARTS = {
    "cost-gaps": "move-prices",
    "carbon-lock-in": "move-campaigns",
    "material-efficiency": "move-uptake",
}
# What each mark of a live chart was drawn from.
DRAWN = """figure => {
  const rows = [];
  const visit = (item) => {
    if (item.datum && !item.items) rows.push({ ...item.datum });
    (item.items ?? []).forEach(visit);
  };
  visit(figure.view.scenegraph().root);
  return rows;
}"""


def namespace(chapter: str, **changed) -> dict:
    """Return what the cells of a notebook define up to its chart with sliders.

    Sensitivity indices are coarse and charts left out: the sliders do not use them. Parameters can
    be changed.
    """
    real = uncertainty.sobol_indices
    found: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        few = lambda model, inputs, *, n, **given: real(model, inputs, n=2, **given)  # noqa: E731
        patch.setattr(uncertainty, "sobol_indices", few)
        patch.setattr(compendium, "show", lambda *args, **given: None)
        for cell in nbformat.read(paths.notebooks() / f"{chapter}.ipynb", 4).cells:
            if cell.id == CHARTS[chapter]:
                return found
            if cell.cell_type == "code":
                exec(compile(cell.source, cell.id, "exec"), found)
            if "parameters" in cell.metadata.get("tags", ()):
                found |= changed
    raise AssertionError(f"{chapter} has no cell {CHARTS[chapter]}")


class Sliders:
    """A chart with sliders on an open page."""

    def __init__(self, page, chapter: str):
        self.figure = page.locator(f"#fig-{CHARTS[chapter]}")
        self.figure.scroll_into_view_if_needed()
        self.figure.locator(".chart-live svg").wait_for(state="visible", timeout=20_000)
        self.inputs = self.figure.locator("input[type=range]")

    def ends(self) -> dict[str, tuple[float, float, float]]:
        """Return lowest value, highest value and step of each slider."""
        read = "i => [i.name, +i.min, +i.max, +i.step]"
        return {name: tuple(rest) for name, *rest in (i.evaluate(read) for i in self.inputs.all())}

    def move(self, values: dict[str, float]) -> list[dict]:
        """Set each slider and return what the chart then shows."""
        for name, value in values.items():
            self.figure.locator(f"input[name={name}]").fill(f"{value:g}")
        self.figure.evaluate("figure => figure.view.runAsync().then(() => 0)")
        return self.figure.evaluate(DRAWN)


def points(ends: dict[str, tuple[float, float, float]]) -> list[dict[str, float]]:
    """Return values of the sliders, on their steps, the corners first."""
    draw = random.Random(4)

    def one(low, high, step):
        return round(low + step * draw.randint(0, round((high - low) / step)), 6)

    corners = [{k: e[i] for k, e in ends.items()} for i in (0, 1)]
    return corners + [{k: one(*e) for k, e in ends.items()} for _ in range(POINTS - 2)]


@pytest.fixture
def sliders(browser, built_book, request):
    """The chart with sliders of a chapter, live on its page."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((built_book / f"{request.param}.html").as_uri())
    yield Sliders(page, request.param)
    page.close()


@pytest.mark.parametrize("sliders", ["cost-gaps"], indirect=True)
def test_the_gap_on_the_page_is_that_of_the_library(sliders):
    here = namespace("cost-gaps", samples=64)
    middle, pair, pick = here["middle"], here["pair"], here["pick"]
    distance = middle["price of green_power"] - middle["price of electricity"]
    tried = points(sliders.ends())
    assert len(tried) == POINTS
    for at in tried:
        power = xr.zeros_like(distance) + at["power_price"] / 3.6
        draw = middle | {
            "price of carbon": xr.zeros_like(distance) + at["carbon_price"],
            "price of hydrogen": xr.zeros_like(distance) + at["hydrogen_price"] / 0.12,
            "price of electricity": power,
            "price of green_power": power + distance,
        }
        cost = costs.levelised_cost(**here["arguments"](draw))
        ours = 100 * (pick(cost, pair["green"]) / pick(cost, pair["incumbent"]) - 1).to_series()
        shown = {r["product"]: r["gap"] for r in sliders.move(at) if "green" in r and "gap" in r}
        assert set(shown) == set(ours.index)
        for product, gap in shown.items():
            assert gap == pytest.approx(ours[product], rel=1e-6, abs=1e-6), (at, product)


@pytest.mark.parametrize("sliders", ["carbon-lock-in"], indirect=True)
def test_the_commitment_on_the_page_is_that_of_the_library(sliders):
    here = namespace("carbon-lock-in")
    x = {name: draws.median("sample") for name, draws in here["x"].items()}
    fleet, today = here["standing"]["campaign-end"], here["fleet_year"]
    places = xr.DataArray(fleet["region"].values, dims="cohort")
    late = {"overdue": here["overdue"], "closing_time": x["closing time of overdue furnaces"]}
    for at in points(sliders.ends()):
        annual = lockin.annual_emissions(
            here["weighed"](fleet, x),
            capacity_factor=at["use_of_capacity"] * x["capacity factor"].sel(region=places),
            hot_metal=x["hot metal per crude steel"],
            intensity=x["intensity, existing"],
        )
        close = lockin.closing(
            fleet,
            rule="relining",
            life=1.0,
            campaign=1.0,
            campaigns=xr.DataArray([float(at["campaign_length"])], dims="campaign"),
            further=int(at["relinings_to_come"]),
            undated_older=x["undated furnaces older by"],
            spread=x["spread of lives"],
        )
        left = lockin.expected_remaining_life(today=today, **close, **late)
        total = float(lockin.committed_emissions(annual, remaining_life=left).sum())
        years = xr.DataArray([today, 2040.0, 2060.0], dims="year")
        share = lockin.remaining_share(years, today=today, **close, **late)
        path = (annual * share).sum("cohort").values / 1000
        shown = sliders.move(at)
        (told,) = {r["committed"] for r in shown if "committed" in r}
        assert told == pytest.approx(total, abs=2e-4), at
        drawn = {r["year"]: r["emissions"] for r in shown if "emissions" in r}
        for year, emissions in zip(years.values, path, strict=True):
            assert drawn[int(year)] == pytest.approx(emissions, abs=2e-5), (at, year)


@pytest.mark.parametrize("sliders", ["material-efficiency"], indirect=True)
def test_the_demand_on_the_page_is_that_of_the_library(sliders):
    here = namespace("material-efficiency", samples=64)
    tried = points(sliders.ends())
    central = here["central"]
    taken, level = (
        xr.DataArray([at[name] / 100 for at in tried], dims="point")
        for name in ("uptake_percent", "saturation_percent")
    )
    past, left = here["history"](central)
    given = central | {"saturation": central["saturation"] * level}
    needed = here["service"](given, past)
    on = dict.fromkeys(materials.LEVERS, 1.0)
    with_levers, without = (
        here["here"](here["steel"](given | {"uptake": share}, on, needed, left)["crude"])
        for share in (taken, 0.0)
    )
    for number, at in enumerate(tried):
        shown = sliders.move(at)
        (told,) = {(r["with"], r["without"]) for r in shown if "cut" in r}
        ours = [float(d.isel(point=number).sel(time=2050)) for d in (with_levers, without)]
        assert told == pytest.approx(ours, abs=0.02), at
        drawn = {r["year"]: r["path"] for r in shown if r.get("levers") == "with levers"}
        line = with_levers.isel(point=number)
        np.testing.assert_allclose(
            [drawn[year] for year in (2030, 2060)], line.sel(time=[2030, 2060]), atol=0.02
        )


@pytest.mark.parametrize("sliders", ["cost-gaps"], indirect=True)
def test_the_keyboard_moves_a_slider_and_its_name_has_the_unit(sliders):
    slider = sliders.figure.get_by_label("Carbon (CNY/tCO₂)")
    words = sliders.figure.locator(".chart-live svg text", has_text="%")
    before = words.all_text_contents()
    slider.focus()
    for _ in range(30):
        slider.press("ArrowRight")
    assert slider.input_value() == "300"
    sliders.figure.evaluate("figure => figure.view.runAsync().then(() => 0)")
    assert words.all_text_contents() != before


@pytest.mark.parametrize("sliders", ["cost-gaps"], indirect=True)
def test_what_is_set_stays_when_the_window_changes(sliders):
    page = sliders.figure.page
    sliders.move({"carbon_price": 500})
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function(
        "document.querySelector('#fig-move-prices').dataset.live === 'narrow' &&"
        " document.querySelector('#fig-move-prices').view.signal('carbon_price') === 500"
    )
    draw_charts(page)
    assert sliders.figure.get_by_label("Carbon (CNY/tCO₂)").input_value() == "500"
