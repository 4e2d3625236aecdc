"""Sweeps: the points asked for, resumed, reported, the same on a cluster as on one machine."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from compendium import execution, sweep
from compendium.errors import CompendiumError, ParameterError
from tests.compendium.test_execution import compendium, with_cell
from tests.conftest import clear_caches


def design(*words, **options):
    return sweep.design("carbon-lock-in", words, **options)


def test_a_grid_includes_both_ends_and_keeps_the_order(small):
    grid = design("price=0:100:50", "region=China,World")
    assert grid.axes == {"price": [0.0, 50.0, 100.0], "region": ["China", "World"]}
    assert len(grid) == 6 and grid.shape == {"price": 3, "region": 2}
    assert next(grid.points()) == {"price": 0.0, "region": "China"}


@given(st.integers(0, 200), st.integers(1, 50), st.sampled_from([0.1, 0.25, 1.0, 7.0]))
def test_steps_land_on_round_numbers(start, count, step):
    spec = sweep.parameters.Parameter("p", "float", 1.0, "1", 0, 1e6)
    stop = start + (count - 1) * step
    values = sweep._grid(spec, f"{start}:{stop:.6g}:{step}")
    assert len(values) == count
    assert values[-1] == pytest.approx(stop, abs=1e-9)


def test_a_sample_fills_the_declared_bounds(small):
    sample = design("price", "samples=16:32", samples=64)
    assert sample.shape == {"point": 64}
    prices, counts = np.array(sample.axes["price"]), np.array(sample.axes["samples"])
    assert prices.min() >= 0 and prices.max() <= 3000 and abs(prices.mean() - 1500) < 60
    assert set(counts) <= set(range(16, 33)) and counts.dtype.kind == "i"
    assert design("price", samples=64).axes == design("price", samples=64).axes


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        ((), {}, "no axis"),
        (("prise=1,2",), {}, "did you mean 'price'"),
        (("price",), {}, "axis 'price' has no values"),
        (("price=5:1:1",), {}, "'5:1:1' is empty"),
        (("price=1:5:0",), {}, "'1:5:0' is empty"),
        (("price=1,1",), {}, "names a value twice"),
        (("price=1,4000",), {}, "'4000' is not 0 to 3000"),
        (("price=1", "price=2"), {}, "axis 'price' is given twice"),
        (("price=a:b:1",), {}, "'a' is no number"),
        (("region",), {"samples": 8}, "only numbers can be sampled"),
        (("price=9:3",), {"samples": 8}, "is empty"),
        (("price=1:2:1",), {"samples": 8}, "is not a range a:b"),
    ],
)
def test_wrong_axes_are_refused(small, words, options, message):
    with pytest.raises(ParameterError) as caught:
        design(*words, **options)
    assert message in str(caught.value)


def test_the_arrays_hold_what_each_run_gives(small, tmp_path):
    grid = design("price=50,200", "region=World,China")
    assert sweep.run_sweep(grid, tmp_path) == []
    assert len(list((tmp_path / "points").iterdir())) == 4
    alone = execution.execute(sweep.runs.named("carbon-lock-in", "low")).results
    with xr.open_datatree(tmp_path / "results.nc", engine="h5netcdf") as tree:
        swept = tree["x"].ds.sel(price=50, region="World")
        for key in ("value", "low", "high"):
            assert swept[key].values.tolist() == alone["results"]["x"][key]
        assert tree["x"]["value"].dims == ("price", "region", "k")
        assert float(tree["claim/bf-age"]["value"].sel(price=50, region="China")) == pytest.approx(
            alone["claims"][0]["value"]
        )


def test_a_failed_point_is_reported_and_the_rest_goes_on(small):
    with_cell(small, "assert price != 100, 'no such price'")
    done = compendium("sweep", "carbon-lock-in", "price=50:150:50", "--out", "out", cwd=small)
    assert done.returncode == 1
    assert "price=100.0" in done.stderr and "no such price" in done.stderr
    assert "2 of 3 points" in done.stdout
    failures = json.loads((small / "out/failures.json").read_text())
    assert [f["parameters"] for f in failures] == [{"price": 100.0}]
    with xr.open_datatree(small / "out/results.nc", engine="h5netcdf") as tree:
        assert np.isnan(tree["y"]["value"].sel(price=100).item())
        assert np.isfinite(tree["y"]["value"].sel(price=150).item())


def test_an_interrupted_sweep_goes_on_where_it_stopped(small):
    words = ["sweep", "carbon-lock-in", "price=1:12:1", "--workers", "1", "--out", "out"]
    command = [sys.executable, "-m", "compendium.cli", *words]
    process = subprocess.Popen(command, cwd=small, stderr=subprocess.DEVNULL)
    points = small / "out/points"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and len(list(points.glob("*.ipynb"))) < 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {f.name: f.stat().st_mtime_ns for f in points.glob("*.ipynb")}
    assert 3 <= len(before) < 12
    assert compendium(*words, cwd=small).returncode == 0
    after = {f.name: f.stat().st_mtime_ns for f in points.glob("*.ipynb")}
    assert len(after) == 12
    assert all(after[name] == time for name, time in before.items())
    whole = (small / "out/results.nc").read_bytes()
    shutil.rmtree(small / "book/_build/store")
    shutil.rmtree(small / "out")
    clear_caches()
    sweep.run_sweep(design("price=1:12:1"), small / "out")
    assert (small / "out/results.nc").read_bytes() == whole


def test_a_million_points_need_a_yes(small):
    words = ["sweep", "carbon-lock-in", "price=0:3000:0.1", "samples=16:4096:1"]
    done = compendium(*words, cwd=small)
    assert done.returncode == 2 and "more than a million" in done.stderr
    assert not (small / "out").exists()


@pytest.fixture
def scheduler(small):
    """A dask scheduler and two worker processes on loopback, each its own process."""
    processes = []

    def start(*words):
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
        processes.append(subprocess.Popen(command, cwd=small, stderr=subprocess.DEVNULL))
        return processes[-1]

    file = small / "scheduler.json"
    start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
          "--scheduler-file", str(file))  # fmt: skip
    deadline = time.monotonic() + 300
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    address = json.loads(file.read_text())["address"]

    def worker(**environment):
        words = (address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        saved = os.environ.copy()
        os.environ.update(environment)
        try:
            return start("worker", *words)
        finally:
            os.environ.clear()
            os.environ.update(saved)

    yield address, worker
    for process in processes:
        process.kill()
        process.wait()


def wait_for_workers(address, count):
    from distributed import Client

    with Client(address, timeout=30, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=90)


def test_a_cluster_survives_a_killed_worker_and_gives_the_same_bytes(scheduler, small, tmp_path):
    address, worker = scheduler
    first, _ = worker(), worker()
    wait_for_workers(address, 2)
    killed = []

    def kill_one(failed):
        if not killed:
            killed.append(first.kill())

    grid = design("price=1:10:1")
    assert sweep.run_sweep(grid, tmp_path / "cluster", cluster=address, done=kill_one) == []
    assert killed and first.wait(timeout=30) is not None
    shutil.rmtree(small / "book/_build/store")
    assert sweep.run_sweep(grid, tmp_path / "local") == []
    assert (tmp_path / "cluster/results.nc").read_bytes() == (
        tmp_path / "local/results.nc"
    ).read_bytes()


def test_a_worker_with_other_data_is_refused_by_name(scheduler, small, tmp_path):
    address, worker = scheduler
    other = tmp_path / "other"
    shutil.copytree(small, other, symlinks=True)
    table = other / "data/toy/prices.csv"
    table.write_text(table.read_text().replace("100,90", "100,85"))
    worker(COMPENDIUM_ROOT=str(other))
    wait_for_workers(address, 1)
    with pytest.raises(CompendiumError, match=r"worker tcp://.*: data 'toy/prices' differs"):
        sweep.run_sweep(design("price=1,2"), tmp_path / "out", cluster=address)
    assert not (tmp_path / "out").exists()


def test_an_unreachable_cluster_is_told_within_ten_seconds(small, tmp_path):
    start = time.monotonic()
    with pytest.raises(CompendiumError, match="no cluster at"):
        sweep.run_sweep(design("price=1"), tmp_path / "out", cluster="tcp://127.0.0.1:9")
    assert time.monotonic() - start < 15
    assert not (tmp_path / "out").exists()
