"""What a reader does with the book, in a real browser: switch runs, search, filter, tab, print."""

import re

import pytest

from compendium import runs
from tests.book.conftest import draw_charts, page_names


@pytest.fixture
def page(browser):
    """An empty page of a wide screen."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    yield page
    page.close()


def chapters_with_runs():
    """Return the chapters that have more than one run."""
    return [name for name, named in runs.listed().items() if len(named) > 1]


def test_every_run_of_every_chapter_has_its_page(built_book):
    for chapter, named in runs.listed().items():
        first, *others = named.values()
        for number, run in enumerate([first, *others]):
            name = f"{chapter}/{run.name}.html" if number else f"{chapter}.html"
            text = (built_book / name).read_text("utf-8")
            shown = re.search(
                r'run-shown">Run shown: <strong>.*?</strong> <code>(.*?)</code>', text
            )
            assert shown and shown[1] == run.name, name


def test_a_change_of_run_keeps_the_figure_in_place(page, built_book):
    for chapter in chapters_with_runs()[:3]:
        page.goto((built_book / f"{chapter}.html").as_uri())
        figure = page.locator("figure.chart").nth(2)
        name = figure.get_attribute("id")
        figure.evaluate("f => scrollTo(0, scrollY + f.getBoundingClientRect().top - 170)")
        page.wait_for_timeout(100)
        before = figure.bounding_box()["y"]
        page.locator(".runs summary").click()
        link = page.locator(".runs a").first
        target, title = link.get_attribute("href"), link.inner_text()
        link.click()
        page.wait_for_url(f"**/{target}")
        assert page.locator(".run-shown strong").inner_text() == title
        page.wait_for_function("scrollY > 200")
        after = page.locator(f"#{name}").bounding_box()["y"]
        # Charts above may become live meanwhile, which moves the page by some pixels.
        assert after == pytest.approx(before, abs=16), chapter


def test_the_choice_of_runs_says_what_differs_and_closes_by_the_keyboard(page, built_book):
    chapter = chapters_with_runs()[0]
    page.goto((built_book / f"{chapter}.html").as_uri())
    page.locator(".runs summary").focus()
    page.keyboard.press("Enter")
    items = page.locator(".runs li")
    assert items.count() == len(runs.listed()[chapter])
    assert items.first.get_attribute("aria-current") == "page"
    assert ", not " in items.nth(1).locator("small").inner_text()
    page.keyboard.press("Escape")
    assert not items.first.is_visible()


def test_the_search_finds_a_chapter_once(page, built_book):
    page.goto((built_book / "search.html").as_uri() + "?q=furnaces")
    found = page.locator("#search-results li a")
    found.first.wait_for(timeout=20_000)
    page.wait_for_function("!/Searching/.test(document.querySelector('#search-results').innerText)")
    links = [link.partition("?")[0].partition("#")[0] for link in _links(found)]
    assert any(link.endswith("carbon-lock-in.html") for link in links)
    further = {f"{c}/{r}.html" for c, named in runs.listed().items() for r in list(named)[1:]}
    assert not [link for link in links if link.split("html/")[-1] in further]


def test_the_search_finds_a_chinese_term(page, built_book):
    page.goto((built_book / "search.html").as_uri() + "?q=高炉")
    found = page.locator("#search-results li a")
    found.first.wait_for(timeout=20_000)
    assert any("glossary.html" in link for link in _links(found))


def _links(found):
    return [link.get_attribute("href") for link in found.all()]


def test_the_contents_beside_the_text_have_each_chapter_once(built_book):
    text = (built_book / "index.html").read_text("utf-8")
    side = text.partition('id="pst-primary-sidebar"')[2].partition("</nav>")[0]
    for chapter, named in runs.listed().items():
        assert side.count(f'href="{chapter}.html"') == 1
        assert not [run for run in list(named)[1:] if f'"{chapter}/{run}.html"' in side]


# Ledger


def visible_rows(page):
    return page.locator("table.ledger tbody tr:visible")


def test_the_ledger_can_be_filtered_and_shows_all_again(page, built_book):
    page.goto((built_book / "ledger.html").as_uri())
    every = visible_rows(page).count()
    wanted = {"verdict": "confirmed", "notebook": "cost-gaps", "section": "2"}
    for name, attribute in wanted.items():
        page.get_by_role("button", name="Show all").click()
        page.wait_for_function("!document.querySelector('tr[hidden]')")
        page.locator(f"select[name={name}]").select_option(attribute)
        shown = visible_rows(page)
        values = shown.evaluate_all(f"rows => rows.map(r => r.dataset.{name})")
        assert 0 < len(values) < every
        if name == "section":
            assert all(re.search(r"(^|; )2(\.|;|$)", value) for value in values)
        else:
            assert set(values) == {attribute}
        told = page.locator(".ledger-filter output").inner_text()
        assert told == f"{len(values)} of {every} claims"


def test_a_link_to_a_claim_shows_it_whatever_the_filter(page, built_book):
    page.goto((built_book / "ledger.html").as_uri())
    page.locator("select[name=notebook]").select_option("cost-gaps")
    page.evaluate("location.hash = '#claim-bf-age'")
    row = page.locator("#claim-bf-age")
    row.wait_for(state="visible")
    assert row.bounding_box()["y"] < 900


def test_without_scripts_the_ledger_is_a_plain_table(browser, built_book):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((built_book / "ledger.html").as_uri())
    assert visible_rows(page).count() == 63
    assert not page.locator(".ledger-filter").is_visible()
    assert page.locator("svg.range-bar").count() >= 5
    context.close()


# Keyboard and paper

ON_SCREEN = ".chart-tools, .vega-bindings, .runs-more, .bd-header-article, .cite-this, .copybtn"
CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex='0']"
UNREACHED = f"""() => [...document.querySelectorAll("{CONTROLS}")].filter(e =>
  e.checkVisibility({{visibilityProperty: true}}) && !e.disabled && !e.dataset.reached
  && e.getClientRects().length && !e.closest("[inert]")).map(e => e.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("name", ["cost-gaps.html", "ledger.html", "charts.html"])
def test_the_keyboard_reaches_every_control(page, built_book, name):
    page.goto((built_book / name).as_uri())
    if name != "ledger.html":
        draw_charts(page)
    page.evaluate(
        "addEventListener('focusin', e => (e.target.dataset.reached = 1));"
        "document.activeElement.blur(); scrollTo(0, 0)"
    )
    count = page.locator(CONTROLS).count()
    for _ in range(count + 20):
        page.keyboard.press("Tab")
    assert page.evaluate(UNREACHED) == []


def test_paper_has_the_text_and_the_charts_and_no_controls(page, built_book):
    page.emulate_media(media="print")
    for chapter in runs.listed():
        page.goto((built_book / f"{chapter}.html").as_uri())
        for figure in page.locator("figure.chart").all():
            assert figure.locator("svg:visible").count() == 1
        assert page.locator(ON_SCREEN).locator("visible=true").count() == 0
        assert page.locator(".run-shown strong").first.is_visible()
        assert page.locator("dl.stamp").is_visible()


def test_the_gallery_has_every_chart_of_every_chapter(page, built_book):
    page.goto((built_book / "charts.html").as_uri())
    links = set(_links(page.locator(".gallery a.sd-stretched-link")))
    for chapter in runs.listed():
        text = (built_book / f"{chapter}.html").read_text("utf-8")
        names = re.findall(r'<figure class="chart" id="(fig-[^"]+)"', text)
        assert names and {f"{chapter}.html#{name}" for name in names} <= links


def test_a_chapter_can_be_taken_along(built_book):
    for chapter in runs.listed():
        assert (built_book / "bundles" / f"{chapter}.zip").stat().st_size < 2_000_000
    named = [n for n in page_names(built_book) if "/" not in n]
    cited = [n for n in named if "Cite this page" in (built_book / n).read_text("utf-8")]
    assert set(named) - set(cited) <= {"genindex.html", "search.html"}
