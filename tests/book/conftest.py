"""A browser, and one visit to every page of the book, that the tests then ask about."""

import functools
import http.server
import itertools
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import joblib
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from compendium import runs
from compendium.pdf import BROWSERS

QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
WIDTHS = (360, 768, 1280)
MODES = ("light", "dark")
STILL = "*, ::before, ::after { transition: none !important; animation: none !important }"


@pytest.fixture(scope="session")
def browser_program():
    """The system's Chromium; the tests that need it are skipped by name without it."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    return program


@contextmanager
def running(program: str) -> Iterator[Browser]:
    """A running browser."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def browser(browser_program):
    """A running browser."""
    with running(browser_program) as chromium:
        yield chromium


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


def visited(book: Path) -> list[tuple[str, bool]]:
    """Return the pages to visit, and whether each is visited in full.

    Generated pages of one kind are alike: of tables and functions some are visited, the largest
    among them. Further runs of a chapter are all visited, and two of them in full.
    """
    names = page_names(book)
    further = {f"{c}/{r}.html" for c, named in runs.listed().items() for r in list(named)[1:]}
    alike = {f: [n for n in names if n.startswith(f"{f}/")] for f in ("tables", "functions")}
    size = {name: (book / name).stat().st_size for name in names}
    left_out = {n for own in alike.values() for n in sorted(own, key=size.get, reverse=True)[3:]}
    in_full = set(sorted(further)[:2]) | (set(names) - further)
    return [(name, name in in_full) for name in names if name not in left_out]


@pytest.fixture(scope="session")
def visits(built_book, browser_program) -> list[Visit]:
    """The pages, opened from disk, each in light and in dark; a browser for each core."""
    wanted, browsers = visited(built_book), joblib.cpu_count()

    def share(number):
        with running(browser_program) as chromium:
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            return [
                seen
                for name, in_full in wanted[number::browsers]
                for seen in visit(page, (built_book / name).as_uri(), name, in_full=in_full)
            ]

    with ThreadPoolExecutor(browsers) as pool:
        return list(itertools.chain.from_iterable(pool.map(share, range(browsers))))


def visit(page, address: str, name: str, *, in_full: bool = True) -> list[Visit]:
    """Open a page, bring each chart on screen, and note all that can be wrong, light and dark."""
    light, dark = (Visit(name, mode) for mode in MODES)
    listeners = {
        "console": lambda m: m.type == "error" and light.errors.append(m.text),
        "pageerror": lambda e: light.errors.append(str(e)),
        "request": lambda r: light.requests.append(r.url),
        "requestfailed": lambda r: light.errors.append(f"not loaded: {r.url}"),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.emulate_media(color_scheme="light")
    page.goto(address)
    page.add_style_tag(content=STILL)  # a colour that fades must not be measured halfway
    draw_charts(page)
    _look(page, light)
    _turn(page, "dark")
    _look(page, dark)
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    dark.errors, dark.requests = light.errors, light.requests
    if in_full:  # last, for axe asks for style sheets itself
        dark.axe = axe_faults(page)
        _turn(page, "light")
        light.axe = axe_faults(page)
    return [light, dark]


def _turn(page, mode: str) -> None:
    """Turn the page to light or dark, as the reader's system would, and wait until it is done."""
    page.emulate_media(color_scheme=mode)
    page.wait_for_function(f"document.documentElement.dataset.theme === '{mode}'")


def _look(page, seen: Visit) -> None:
    seen.charts = page.locator("figure.chart").count()
    seen.live = page.locator("figure.chart .chart-live svg").count()
    seen.ink = page.evaluate(INK_FAULTS)
    seen.broken_images = page.evaluate(BROKEN_IMAGES)
    seen.same_ids = page.evaluate(SAME_IDS)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        seen.overflow[width] = page.evaluate(OVERFLOW)
    page.set_viewport_size({"width": 1280, "height": 900})


def draw_charts(page) -> None:
    """Bring every chart on screen and wait until it is live or has failed."""
    for figure in page.locator("figure.chart").all():
        figure.scroll_into_view_if_needed()
        figure.locator(".chart-live svg").wait_for(state="visible", timeout=20_000)


def axe_faults(page) -> list[str]:
    """Return what axe-core finds, but the minor; of a long table it sees the first rows."""
    page.evaluate(SHORT_TABLES)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{v['id']} ({v['impact']}, {len(v['nodes'])}): {v['nodes'][0]['html'][:150]}"
        for v in found
        if v["impact"] in ("moderate", "serious", "critical")
    ]


# A picture has one role and one text; its parts are not for axe, and INK_FAULTS sees its words.
SHORT_TABLES = """() => {
  document.querySelectorAll('tbody tr:nth-child(n+12)').forEach(r => r.remove());
  document.querySelectorAll('.chart-box svg, svg.range-bar').forEach(s => s.replaceChildren());
  document.querySelectorAll('details:not([open]) > :not(summary)').forEach(e => e.remove());
}"""
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


class Silent(http.server.SimpleHTTPRequestHandler):
    """A plain web server that writes no log."""

    def log_message(self, *args):
        """Say nothing."""


@contextmanager
def serving(handler: type[Silent], book: Path) -> Iterator[str]:
    """The address of a book on a web server of this machine."""
    made = functools.partial(handler, directory=str(book))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), made) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def served(built_book):
    """The address of the book on a plain web server of this machine."""
    with serving(Silent, built_book) as address:
        yield address
