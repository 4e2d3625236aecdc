"""The built book in a real browser: every page, light and dark, from disk and from a server."""

import json
import threading

import pytest
import vl_convert

from tests.book.conftest import Silent, draw_charts, page_names, serving, visit


def chart_pages(book):
    """Return the pages that have charts, of each chapter that of the first run."""
    names = [name for name in page_names(book) if "/" not in name]
    return [n for n in names if 'class="chart"' in (book / n).read_text("utf-8")]


def test_no_page_has_an_error_in_the_console(visits):
    assert {f"{v.page} {v.mode}": v.errors for v in visits if v.errors} == {}


def test_no_request_leaves_the_folder(visits):
    away = {v.page: [r for r in v.requests if not r.startswith(("file:", "data:"))] for v in visits}
    assert {page: requests for page, requests in away.items() if requests} == {}


def test_every_chart_is_drawn_live(visits):
    assert sum(v.charts for v in visits) > 0
    assert [(v.page, v.charts, v.live) for v in visits if v.live != v.charts] == []


def test_the_words_of_a_chart_have_the_colour_of_the_page(visits):
    assert {f"{v.page} {v.mode}": v.ink for v in visits if v.ink} == {}


def test_no_page_is_wider_than_the_screen(visits):
    wide = {v.page: v.overflow for v in visits if any(o > 0 for o in v.overflow.values())}
    assert wide == {}


def test_no_image_is_missing(visits):
    assert {v.page: v.broken_images for v in visits if v.broken_images} == {}


def test_no_name_is_used_twice_on_a_page(visits):
    assert {v.page: v.same_ids for v in visits if v.same_ids} == {}


def test_axe_finds_nothing_but_the_minor(visits):
    assert {f"{v.page} {v.mode}": v.axe for v in visits if v.axe} == {}


def test_a_plain_server_shows_the_same(browser, built_book, served):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    for name in [*chart_pages(built_book)[:3], "ledger.html"]:
        seen, _ = visit(page, f"{served}/{name}", name, in_full=False)
        assert seen.errors == []
        assert [r for r in seen.requests if not r.startswith((served, "data:", "blob:"))] == []
        assert seen.live == seen.charts
    page.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_without_scripts_each_chart_is_a_picture_with_its_data(browser, built_book, width):
    viewport = {"width": width, "height": 900}
    context = browser.new_context(java_script_enabled=False, viewport=viewport)
    page = context.new_page()
    for name in chart_pages(built_book):
        page.goto((built_book / name).as_uri())
        for figure in page.locator("figure.chart").all():
            shown = figure.locator(".chart-static svg:visible")
            assert shown.count() == 1
            assert (shown.get_attribute("aria-label") or "").strip()
            size = "narrow" if width < 600 else "wide"
            assert f"chart-{size}" in shown.get_attribute("class")
            assert figure.locator("table tbody tr").count() > 0
            assert figure.locator("a[download]").get_attribute("href").startswith("data:text/csv")
    context.close()


def test_on_a_phone_the_words_of_charts_are_large_enough(browser, built_book):
    page = browser.new_page(viewport={"width": 360, "height": 780})
    for name in chart_pages(built_book):
        page.goto((built_book / name).as_uri())
        draw_charts(page)
        sizes = page.evaluate(
            "[...document.querySelectorAll('.chart-live svg text')].map(t =>"
            " Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b)"
            " * parseFloat(getComputedStyle(t).fontSize))"
        )
        assert min(sizes) >= 10.5, name
    page.close()


def test_a_chart_can_be_saved_as_picture_and_as_specification(browser, built_book):
    page = browser.new_page(accept_downloads=True)
    name = chart_pages(built_book)[0]
    page.goto((built_book / name).as_uri())
    draw_charts(page)
    for kind, start in {"svg": b"<svg", "json": b"{"}.items():
        with page.expect_download() as waiting:
            page.locator(f"figure.chart [data-save={kind}]").first.click()
        with open(waiting.value.path(), "rb") as file:
            content = file.read()
        assert content.startswith(start)
    spec = json.loads(content)
    assert "vega-lite" in spec["$schema"] and spec["title"] and all(spec["datasets"].values())
    assert spec["datasets"] and spec["title"] in vl_convert.vegalite_to_svg(spec)
    page.close()


def test_a_chart_stays_a_picture_when_the_library_does_not_load(browser, built_book):
    page = browser.new_page()
    page.route("**/vendor/vega.js", lambda route: route.abort())
    page.goto((built_book / chart_pages(built_book)[0]).as_uri())
    figure = page.locator("figure.chart").first
    figure.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('figure.chart').dataset.live === 'failed'")
    assert figure.locator(".chart-static svg:visible").count() == 1
    page.close()


def test_a_chart_does_not_wait_for_the_end_of_its_page(browser, built_book):
    name, live = chart_pages(built_book)[0], threading.Event()

    class Halting(Silent):
        """Sends a page up to the end of its first chart, and the rest when that chart is live."""

        def copyfile(self, source, outputfile):
            first, end, rest = source.read().partition(b"</figure>")
            outputfile.write(first + end)
            if end:
                live.wait(30)
            outputfile.write(rest)

    page = browser.new_page()
    with serving(Halting, built_book) as address:
        page.goto(f"{address}/{name}", wait_until="commit")
        page.locator("figure.chart").scroll_into_view_if_needed()
        page.locator("figure.chart .chart-live svg").wait_for(timeout=20_000)
        assert page.evaluate("document.readyState") == "loading"
        live.set()
        page.wait_for_load_state("load")
        draw_charts(page)
    page.close()


def test_paper_is_light_whatever_the_screen_is(browser, built_book):
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto((built_book / chart_pages(built_book)[0]).as_uri())
    themes = page.evaluate(
        "['beforeprint', 'afterprint'].map(e => {"
        " window.dispatchEvent(new Event(e)); return document.documentElement.dataset.theme })"
    )
    assert themes == ["light", "dark"]
    page.emulate_media(media="print", color_scheme="dark")
    colours = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.querySelector('.chart-box')).color]"
    )
    assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    context.close()
