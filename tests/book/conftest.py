"""A browser, and one visit to every page of the book, that the tests then ask about."""

import functools
import http.server
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
WIDTHS = (360, 768, 1280)


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium; the tests that need it are skipped by name without it."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """What happened on one page in one colour mode."""

    page: str
    mode: str
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    overflow: dict[int, int] = field(default_factory=dict)
    charts: int = 0
    live: int = 0
    ink: list[str] = field(default_factory=list)
    broken_images: list[str] = field(default_factory=list)
    same_ids: list[str] = field(default_factory=list)
    axe: list[str] = field(default_factory=list)


def page_names(book: Path) -> list[str]:
    """Return the pages of a built book, as paths."""
    names = (file.relative_to(book).as_posix() for file in book.rglob("*.html"))
    return sorted(name for name in names if not name.startswith("_"))


@pytest.fixture(scope="session")
def visits(built_book, browser) -> list[Visit]:
    """Every page, opened from disk, in light and in dark."""
    found = []
    for mode in ("light", "dark"):
        context = browser.new_context(color_scheme=mode, viewport={"width": 1280, "height": 900})
        page = context.new_page()
        names = page_names(built_book)
        tables = [name for name in names if name.startswith("tables/")]
        if mode == "dark":  # all tables are set the same way
            names = [name for name in names if name not in tables[2:]]
        for name in names:
            found.append(visit(page, (built_book / name).as_uri(), name, mode))
        context.close()
    return found


def visit(page, address: str, name: str, mode: str) -> Visit:
    """Open a page, bring each chart on screen, and note all that can be wrong."""
    seen = Visit(name, mode)
    listeners = {
        "console": lambda m: m.type == "error" and seen.errors.append(m.text),
        "pageerror": lambda e: seen.errors.append(str(e)),
        "request": lambda r: seen.requests.append(r.url),
        "requestfailed": lambda r: seen.errors.append(f"not loaded: {r.url}"),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.goto(address)
    draw_charts(page)
    seen.charts = page.locator("figure.chart").count()
    seen.live = page.locator("figure.chart .chart-live svg").count()
    seen.ink = page.evaluate(INK_FAULTS)
    seen.broken_images = page.evaluate(BROKEN_IMAGES)
    seen.same_ids = page.evaluate(SAME_IDS)
    if mode == "light":
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            seen.overflow[width] = page.evaluate(OVERFLOW)
        page.set_viewport_size({"width": 1280, "height": 900})
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    seen.axe = serious_faults(page)  # last, for it asks for style sheets itself
    return seen


def draw_charts(page) -> None:
    """Bring every chart on screen and wait until it is live or has failed."""
    for figure in page.locator("figure.chart").all():
        figure.scroll_into_view_if_needed()
        figure.locator(".chart-live svg").wait_for(state="visible", timeout=20_000)


def serious_faults(page) -> list[str]:
    """Return what axe-core finds serious or critical; of a long table it sees the first rows."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate(SHORT_TABLES)
    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']} ({v['impact']}, {len(v['nodes'])}): {v['nodes'][0]['html'][:150]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


SHORT_TABLES = "document.querySelectorAll('tbody tr:nth-child(n+12)').forEach(r => r.remove())"
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"
BROKEN_IMAGES = "[...document.images].filter(i => !i.naturalWidth).map(i => i.src)"
SAME_IDS = """() => {
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  return [...new Set(ids.filter((id, i) => ids.indexOf(id) !== i))];
}"""
# Words on a chart's axes must take the colour of the text around it.
INK_FAULTS = """() => [...document.querySelectorAll('figure.chart')].flatMap(figure => {
  const ink = getComputedStyle(figure.querySelector('.chart-box')).color;
  const words = [...figure.querySelectorAll('.chart-box svg text[fill="currentColor"]')];
  if (!words.length) return [figure.id + ': no words in the colour of the page'];
  const odd = words.filter(w => getComputedStyle(w).fill !== ink);
  return odd.map(w => figure.id + ': ' + w.textContent);
})"""


@pytest.fixture(scope="session")
def served(built_book):
    """The address of the book on a plain web server of this machine."""

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Silent, directory=str(built_book))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
