"""Warm kernels: fresh processes that share no state, end with their owner, and notice changes."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from compendium import execution, runs, warm
from compendium.errors import CellError
from tests.compendium.test_execution import with_cell

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="warm kernels need fork")


def run(price):
    return execution.execute(runs.Run("carbon-lock-in", "x", "", {"price": price}))


def test_no_state_passes_from_one_notebook_to_the_next(small):
    source = "import pandas, os\nassert not hasattr(pandas, 'left')\npandas.left = price\nx = 5"
    with_cell(small, source + "\nassert 'LEFT' not in os.environ\nos.environ['LEFT'] = 'x'")
    for price in (1.0, 2.0, 3.0):
        run(price)


def test_the_libraries_are_loaded_before_the_notebook_starts(small):
    server = warm._server()
    with_cell(small, f"import os\nassert os.getppid() == {server._process.pid}")
    run(1.0)


def test_a_kernel_that_dies_is_told(small):
    with_cell(small, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(CellError, match="kernel died"):
        run(1.0)
    with_cell(small, "1")
    run(1.0)


def test_the_server_and_its_kernels_end_with_their_owner(small):
    with_cell(
        small, "import os, time\nopen('kernel.pid', 'w').write(str(os.getpid()))\ntime.sleep(600)"
    )
    program = (
        "from compendium import execution, runs, warm\n"
        "print(warm._server()._process.pid, flush=True)\n"
        "execution.execute(runs.Run('carbon-lock-in', 'x', '', {}))"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    server = int(owner.stdout.readline())
    file = small / "notebooks/kernel.pid"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (file.exists() and file.read_text()):
        time.sleep(0.1)
    kernel = int(file.read_text())
    owner.kill()
    owner.wait()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (alive(server) or alive(kernel)):
        time.sleep(0.1)
    assert not alive(server) and not alive(kernel)


def test_a_kernel_ends_when_its_server_is_killed(small):
    source = "import os, time\nopen('kernel.pid', 'w').write(str(os.getpid()))\ntime.sleep(600)"
    with_cell(small, source)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(run, 1.0)
        file = small / "notebooks/kernel.pid"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (file.exists() and file.read_text()):
            time.sleep(0.1)
        warm._server()._process.kill()
        with pytest.raises(CellError, match="kernel died"):
            slow.result(timeout=60)
    kernel = int(file.read_text())
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and alive(kernel):
        time.sleep(0.1)
    assert not alive(kernel)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_changed_library_starts_a_new_server(small, monkeypatch):
    first = warm._server()
    assert warm._server() is first
    monkeypatch.setattr(warm, "_sources", lambda: {"changed": 1})
    second = warm._server()
    assert second is not first
    assert first._process.wait(timeout=20) == 0


def test_a_kernel_survives_the_change_of_the_library(small, monkeypatch):
    with_cell(small, "import time\ntime.sleep(3)")
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(run, 1.0)
        time.sleep(1.5)
        monkeypatch.setattr(warm, "_sources", lambda: {"changed": 2})
        assert pool.submit(run, 2.0).result().results["parameters"]["price"] == 2.0
        assert slow.result().results["parameters"]["price"] == 1.0


def test_without_fork_kernels_start_cold_and_say_so(small, monkeypatch, caplog):
    monkeypatch.delattr(os, "fork")
    assert run(7.0).results["parameters"]["price"] == 7.0
    assert "kernels start cold" in caplog.text
