"""What a reader pays: weights, time to text and to live charts on a slow processor, faults.

Run `python -m tests.bench.reader` on a built book. The processor is slowed four times through the
DevTools protocol; the book comes from a plain server on this machine, so the network costs nothing.
"""

import functools
import gzip
import http.server
import shutil
import statistics
import sys
import threading
from pathlib import Path

from compendium import paths, runs
from compendium.pdf import BROWSERS
from tests.bench.machine import machine

SLOWED = 4
VISITS = 5
PHONE = {"width": 390, "height": 844}
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
# The reader goes to the first chart as soon as it is on the page; Vega's drawing makes it live.
TO_CHART = """
const once = (found, then) => new MutationObserver((_, own) => {
  const element = document.querySelector(found);
  if (!element) return;
  own.disconnect();
  then(element);
}).observe(document, { childList: true, subtree: true });
once("figure.chart .chart-tools", (tools) => tools.closest("figure").scrollIntoView());
once(".chart-live svg", () => { window.liveAt = performance.now(); });
"""


def kilobytes(file: Path) -> float:
    """Return the size of a file as it travels, in kB."""
    packed = file.suffix in (".woff", ".png", ".zip")
    size = file.stat().st_size if packed else len(gzip.compress(file.read_bytes(), mtime=0))
    return size / 1000


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A plain file server that says nothing."""

    def log_message(self, *args):
        """Say nothing."""


def measure(context, address: str) -> dict[str, float | list[str]]:
    """Open a page once, slowed, with an empty cache; return times in ms and requests."""
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    tools = context.new_cdp_session(page)
    tools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    page.add_init_script(TO_CHART)
    page.goto(address, wait_until="commit")
    page.wait_for_function("window.liveAt", timeout=60_000)
    found = {"text": page.evaluate(PAINTED), "live": page.evaluate("window.liveAt")}
    page.close()
    return found | {"requests": requests}


def faults(context, address: str) -> dict[str, int]:
    """Count what axe-core finds on a page, by impact."""
    from axe_playwright_python.sync_playwright import Axe

    page = context.new_page()
    page.goto(address)
    found: dict[str, int] = {}
    for violation in Axe().run(page).response["violations"]:
        found[violation["impact"]] = found.get(violation["impact"], 0) + len(violation["nodes"])
    page.close()
    return found


def main() -> None:
    """Print all measures of the published chapters."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    book = paths.build() / "html"
    if program is None or not book.exists():
        sys.exit("needs Chromium and a built book: make book")
    print(machine())
    chapters = list(runs.listed())
    handler = functools.partial(Quiet, directory=str(book))
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        sync_playwright() as p,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}"
        browser = p.chromium.launch(executable_path=program, args=["--headless", "--no-sandbox"])
        context = browser.new_context(viewport=PHONE)
        shared: set[str] = set()
        for chapter in chapters:
            address = f"{root}/{chapter}.html"
            visits = [measure(context, address) for _ in range(VISITS)]
            text, live = (statistics.median(v[key] for v in visits) for key in ("text", "live"))
            away = [r for r in visits[0]["requests"] if not r.startswith((root, "data:", "blob:"))]
            own = kilobytes(book / f"{chapter}.html")
            names = {r.removeprefix(f"{root}/").partition("?")[0] for r in visits[0]["requests"]}
            shared |= {n for n in names if (book / n).is_file() and not n.endswith(".html")}
            print(
                f"{chapter}: own {own:.0f} kB, first text {text:.0f} ms, first live chart "
                f"{live:.0f} ms, {len(visits[0]['requests'])} requests, {len(away)} away"
            )
        print(f"shared on a first visit: {sum(kilobytes(book / n) for n in shared):.0f} kB")
        for mode in ("light", "dark"):
            seen = browser.new_context(color_scheme=mode)
            counts: dict[str, int] = {}
            for chapter in [*chapters, "index", "ledger"]:
                for impact, number in faults(seen, f"{root}/{chapter}.html").items():
                    counts[impact] = counts.get(impact, 0) + number
            print(f"axe, {mode}: {counts or 'nothing found'}")
        browser.close()
        server.shutdown()


if __name__ == "__main__":
    main()
