"""Execution: equal bytes twice, nothing stale, nothing half-written, errors in one sentence."""

import json
import resource
import shutil
import subprocess
import sys

import joblib
import nbformat
import pytest
import xarray as xr

from compendium import execution, keys, paths, records, runs
from compendium.errors import CellError, CompendiumError, DataError
from tests.conftest import clear_caches
from tests.small import CELLS, notebook_text

FILES = ("carbon-lock-in.ipynb", "results.json", "results.nc")


def compendium(*words, cwd, **options):
    command = [sys.executable, "-m", "compendium.cli", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, **options)


def with_cell(root, source):
    cells = [*CELLS, ("code", source, [])]
    (root / "notebooks/carbon-lock-in.ipynb").write_text(notebook_text(cells))
    clear_caches()


def test_two_runs_write_the_same_bytes(small, tmp_path):
    run = runs.named("carbon-lock-in", "low")
    for name in ("one", "two"):
        shutil.rmtree(small / "book/_build/store", ignore_errors=True)
        execution.execute(run).write(tmp_path / name)
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert str(tmp_path).encode() not in (tmp_path / "one" / FILES[0]).read_bytes()


def test_the_three_files_say_the_same(small, tmp_path):
    execution.execute(runs.named("carbon-lock-in", "low")).write(tmp_path)
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["notebook"] == "carbon-lock-in" and results["run"] == "low"
    assert results["parameters"]["price"] == 50
    claim = results["claims"][0]
    assert claim["id"] == "bf-age" and claim["verdict"] == "conditional"
    one = results["results"]["y"]
    assert one["low"] < one["value"] < one["high"] and one["unit"] == "tCO2"
    with xr.open_datatree(tmp_path / "results.nc", engine="h5netcdf") as tree:
        assert tree["x"].ds.sizes == {"k": 2}
        assert float(tree["x"]["value"].sel(k="a")) == one["value"]
        assert tree["x"]["value"].attrs["units"] == "tCO2"
    notebook = nbformat.read(tmp_path / FILES[0], as_version=4)
    nbformat.validate(notebook)
    assert records.collect(notebook, "claim")[0]["value"] == claim["value"]


def test_a_second_call_takes_the_store_and_a_change_does_not(small):
    run = runs.named("carbon-lock-in", None)
    assert not execution.is_stored(run)
    execution.execute(run)
    assert execution.is_stored(run)
    table = small / "data/toy/prices.csv"
    table.write_text(table.read_text().replace("100,90", "100,80"))
    clear_caches()
    assert not execution.is_stored(run)


def test_two_processes_that_want_the_same_run_execute_it_once(small, tmp_path):
    said = tmp_path / "said"
    with_cell(small, f'import time; time.sleep(4); open({str(said)!r}, "a").write("x");')
    command = [sys.executable, "-m", "compendium.cli", "run", "carbon-lock-in", "--out"]
    both = [subprocess.Popen([*command, name], cwd=small) for name in ("one", "two")]
    assert [process.wait(timeout=300) for process in both] == [0, 0]
    assert said.read_text() == "x"
    for file in FILES:
        assert (small / "one" / file).read_bytes() == (small / "two" / file).read_bytes()


def test_a_damaged_entry_is_found_and_rebuilt(small):
    run = runs.named("carbon-lock-in", None)
    good = execution.execute(run).notebook
    for file in (small / "book/_build/store").rglob("output.pkl"):
        entry = joblib.load(file)
        joblib.dump(entry | {"notebook": entry["notebook"].replace(b"World", b"Wolrd")}, file)
    assert execution.execute(run).notebook == good
    for file in (small / "book/_build/store").rglob("output.pkl"):
        file.write_bytes(file.read_bytes()[:100])
    assert execution.execute(run).notebook == good


def test_the_key_holds_what_the_notebook_uses_and_no_more(small):
    parts = keys.parts(runs.named("carbon-lock-in", None))
    assert set(parts["data"]) == {"money", "pedigree", "toy/prices"}
    assert "compendium.records" in parts["library"]
    assert not any(name.startswith("unlock.") for name in parts["library"])
    with_cell(small, "from unlock import cohorts")
    parts = keys.parts(runs.named("carbon-lock-in", None))
    assert "unlock.cohorts" in parts["library"] and "unlock.costs" not in parts["library"]


def test_the_key_holds_the_tables_that_the_library_names():
    found = keys.base("cost-gaps")["data"]
    assert {"routes/energy", "prices/carbon", "finance"} <= set(found)  # by unlock.routes alone
    assert "steel/levers" not in found


def test_a_table_under_a_computed_name_is_refused(small):
    source = CELLS[3][1].replace('load("toy/prices"', 'load("/".join(["toy", "prices"])')
    cells = [*CELLS[:3], ("code", source, []), *CELLS[4:]]
    (small / "notebooks/carbon-lock-in.ipynb").write_text(notebook_text(cells))
    clear_caches()
    with pytest.raises(DataError, match="'toy/prices' is loaded under a computed name"):
        execution.execute(runs.named("carbon-lock-in", None))


def test_a_failing_cell_is_told_in_one_sentence(small):
    with_cell(small, "1 / 0")
    with pytest.raises(CellError) as caught:
        execution.execute(runs.named("carbon-lock-in", None))
    assert "cell 5 (`1 / 0`): ZeroDivisionError: division by zero" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('claim("bf-aeg", value=1, unit="t", share=1, why="")', "did you mean 'bf-age'"),
        ('claim("bf-age", value=1, unit="t", share=1, why="")', "judged twice"),
        ('claim("cost-gap", value=1, unit="t", share=1, why="")', "belongs to the chapter 'cost-"),
        ('claim("committed", value=1, unit="t", share=0.5, why="")', "needs decided_by"),
        ('claim("committed", value=1, unit="t", share=2, why="")', "share is 2"),
        ('claim("committed", value=1, unit="t", verdict="true", why="")', "'true' is none of"),
        ('result("x", 1.0, unit="t", label="")', "the name is used twice"),
        ('result("z", 1.0, label="")', "has no unit"),
    ],
)
def test_what_a_notebook_records_wrongly_is_refused(small, source, message):
    with_cell(small, source)
    with pytest.raises(CellError) as caught:
        execution.execute(runs.named("carbon-lock-in", None))
    assert message in str(caught.value)


def test_the_notebook_itself_refuses_bad_parameters_of_plain_papermill(small, tmp_path):
    import papermill

    for bad, message in (({"price": 1e6}, "1000000.0 is not 0 to 3000"), ({"prise": 1}, "'prise'")):
        with pytest.raises(papermill.PapermillExecutionError) as caught:
            papermill.execute_notebook(
                small / "notebooks/carbon-lock-in.ipynb", tmp_path / "out.ipynb", bad,
                cwd=small / "notebooks", progress_bar=False,
            )  # fmt: skip
        assert caught.value.ename == "ParameterError"
        assert message in caught.value.evalue


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "carbon-lockin"], "did you mean 'carbon-lock-in'"),
        (["run", "carbon-lock-in", "--run", "lo"], "did you mean 'low'"),
        (["run", "carbon-lock-in", "-p", "prise=1"], "did you mean 'price'"),
        (["run", "carbon-lock-in", "-p", "price"], "not of the form name=value"),
        (["run", "carbon-lock-in", "-p", "price=1", "-p", "price=2"], "'price' is given twice"),
        (["run", "carbon-lock-in", "-p", "price=9999"], "is not 0 to 3000"),
        (["run", "carbon-lock-in", "--out", "/proc/none"], "cannot be written"),
    ],
)
def test_the_command_line_refuses_with_one_error_and_writes_nothing(small, words, message):
    before = sorted(small.rglob("*"))
    done = compendium(*words, cwd=small)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert sorted(small.rglob("*")) == before


def test_the_command_line_runs_and_lists(small):
    done = compendium("run", "carbon-lock-in", "--run", "low", "--out", "out", cwd=small)
    assert done.returncode == 0, done.stderr
    assert sorted(f.name for f in (small / "out").iterdir()) == sorted(FILES)
    claims = json.loads(compendium("claims", "--json", cwd=small).stdout)
    assert len(claims) == 63
    assert list(claims[0]) == (
        "id section notebook paper_value value low high unit verdict why".split()
    )
    assert {c["verdict"] for c in claims} == {"pending"}
    tables = json.loads(compendium("data", "--json", cwd=small).stdout)
    assert {t["name"] for t in tables} == {"money", "pedigree", "toy/prices"}


def test_a_failing_run_leaves_no_file(small):
    with_cell(small, "1 / 0")
    done = compendium("run", "carbon-lock-in", "--out", "out", cwd=small)
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr
    assert not (small / "out").exists()


def test_runs_side_by_side_keep_their_order(small):
    wanted = [runs.named("carbon-lock-in", name) for name in ("low", "base")]
    heard = []
    executed = execution.execute_all(wanted, workers=2, done=lambda run: heard.append(run.name))
    assert [item.run.name for item in executed] == ["low", "base"]
    assert sorted(heard) == ["base", "low"]
    assert executed[0].results["parameters"]["price"] == 50


def test_a_read_only_folder_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(CompendiumError, match="cannot be written"):
        paths.check_writable(file / "below")


def test_a_full_disk_is_told_and_leaves_nothing_half_written(small):
    def small_files_only():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    words = ["run", "carbon-lock-in", "--out", "out"]
    done = compendium(*words, cwd=small, preexec_fn=small_files_only)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ") or "\nerror: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not any((small / "out").glob("*"))
    assert compendium(*words, cwd=small).returncode == 0
