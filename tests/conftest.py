"""What all tests share: the built book, a small compendium to break, and no silent skips in CI."""

import os
from pathlib import Path

import locket
import pytest
from hypothesis import HealthCheck, settings

from compendium import data, keys, paths, publish, records, runs, units, warm
from tests.small import make

os.environ |= warm.FIXED  # for the workers that start from here, and for the kernels of nbval

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


def pytest_collection_modifyitems(items):
    """Begin with the file that builds the book; the others that need it built come last."""
    turns = {}
    for item in items:
        needs = "built_book" in getattr(item, "fixturenames", ())
        turns[item.path] = max(needs, turns.get(item.path, False))
    turns |= {path: -1 for path in turns if path.name == "test_browser.py"}
    items.sort(key=lambda item: turns[item.path])


@pytest.fixture(scope="session")
def built_book() -> Path:
    """The folder of the published book, built first if it is stale; one worker builds for all."""
    paths.build().mkdir(parents=True, exist_ok=True)
    with locket.lock_file(str(paths.build() / ".building.lock")):
        return publish.publish()[0]


@pytest.fixture
def small(tmp_path, monkeypatch) -> Path:
    """A compendium of one chapter and one table, to run and to break."""
    root = make(tmp_path / "small")
    monkeypatch.setenv("COMPENDIUM_ROOT", str(root))
    clear_caches()
    yield root
    monkeypatch.undo()
    clear_caches()
