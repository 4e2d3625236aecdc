"""One notebook and one parameter set become one executed notebook, through papermill.

What comes out is scrubbed of times, paths and random names, so that two runs are the same bytes.
It is kept in a store under the key of all that it depends on.
"""

import hashlib
import json
import logging
import math
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from queue import Empty
from typing import Any

import joblib
import locket
import nbformat
import papermill
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from compendium import data, keys, parameters, paths, records, runs, warm
from compendium.errors import CellError, CompendiumError, DataError

RECORD_KEYS = (
    "value low high unit label moved_by description dims coords".split(),
    "id value low high unit verdict why decided_by share note".split(),
)


@dataclass(frozen=True)
class Executed:
    """A run that has been executed: its notebook as bytes, and what it depends on."""

    run: runs.Run
    notebook: bytes
    parts: dict[str, Any]

    @cached_property
    def node(self) -> nbformat.NotebookNode:
        """The executed notebook."""
        return nbformat.reads(self.notebook.decode(), as_version=4)

    @cached_property
    def results(self) -> dict[str, Any]:
        """Claims and results, as `results.json` holds them."""
        found = {r["name"]: r for r in records.collect(self.node, "result")}
        results = {n: {k: r.get(k) for k in RECORD_KEYS[0]} for n, r in found.items()}
        claims = [
            {k: c.get(k) for k in RECORD_KEYS[1]} for c in records.collect(self.node, "claim")
        ]
        return {
            "notebook": self.run.notebook,
            "run": self.run.name,
            "parameters": self.parts["parameters"],
            "claims": claims,
            "results": results,
            "inputs": {k: v for k, v in self.parts.items() if k != "parameters"},
        }

    def write(self, folder: Path) -> None:
        """Write the executed notebook, `results.json` and `results.nc` into a folder.

        Each file is written under a temporary name and moved in place, `results.json` last.
        """
        paths.check_writable(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as scratch:
            files = [f"{self.run.notebook}.ipynb", "results.nc", "results.json"]
            Path(scratch, files[0]).write_bytes(self.notebook)
            tree = records.to_datatree(self.results["results"])
            tree.to_netcdf(Path(scratch, files[1]), engine="h5netcdf")
            text = json.dumps(self.results, indent=1, ensure_ascii=False) + "\n"
            Path(scratch, files[2]).write_text(text, "utf-8")
            for file in files:
                os.replace(Path(scratch, file), folder / file)


@dataclass(frozen=True)
class Plan:
    """A run before it is executed: what it depends on, and the values that are not defaults."""

    run: runs.Run
    parts: dict[str, Any]
    changed: dict[str, parameters.Value]


Runner = Callable[[Plan], nbformat.NotebookNode]


def plans(wanted: Sequence[runs.Run]) -> list[Plan]:
    """Return what executing runs takes. Raises ParameterError, NotebookError or DataError."""
    found, shared, defaults = [], {}, {}
    for run in wanted:
        if run.notebook not in shared:
            shared[run.notebook] = keys.base(run.notebook)
            for table in shared[run.notebook]["data"]:
                data.table(table)  # a wrong row is told before any kernel starts
            specs = parameters.read(runs.path(run.notebook))
            defaults[run.notebook] = parameters.complete(specs, {})
        parts = keys.parts(run, shared[run.notebook])
        values = parts["parameters"].items()
        changed = {n: value for n, value in values if value != defaults[run.notebook][n]}
        found.append(Plan(run, parts, changed))
    return found


def execute(run: runs.Run) -> Executed:
    """Return a run, executed now or taken from the store if nothing that it needs has changed.

    Raises ParameterError or NotebookError before a kernel starts, CellError if a cell fails.
    """
    return _carry_out(plans([run])[0], run_notebook)


def _carry_out(plan: Plan, runner: Runner) -> Executed:
    call = keys.key(plan.parts), partial(_execute, plan, runner)
    stored = _stored()
    with _alone(call[0]) if not stored.check_call_in_cache(*call) else nullcontext():
        entry = stored(*call)
    if hashlib.sha256(entry["notebook"]).hexdigest() != entry["sha256"]:
        stored.call_and_shelve(*call).clear()
        entry = stored(*call)
    return Executed(plan.run, entry["notebook"], plan.parts)


def _alone(key: str) -> AbstractContextManager:
    """Return a lock that lets one process execute a run while others wait for its outcome."""
    folder = paths.store() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return locket.lock_file(str(folder / key))


def is_stored(run: runs.Run) -> bool:
    """Return whether a run is in the store, with all that it depends on unchanged."""
    return _stored().check_call_in_cache(keys.key(keys.parts(run)), None)


def execute_each(
    plans: Sequence[Plan], *, workers: int | None = None, runner: Runner | None = None
) -> Iterator[tuple[int, Executed | CompendiumError]]:
    """Yield the number and the outcome of each plan as it ends; an error stops no other plan.

    `runner` says where a notebook is run; it is called from `workers` threads. Kernels are
    processes of their own, so threads are enough to look after them.
    """
    pool = ThreadPoolExecutor(max_workers=workers or joblib.cpu_count())
    work = {pool.submit(_carry_out, p, runner or run_notebook): i for i, p in enumerate(plans)}
    try:
        for future in as_completed(work):
            number = work.pop(future)
            try:
                outcome = future.result()
            except CompendiumError as error:
                outcome = error
            yield number, outcome
    finally:
        pool.shutdown(cancel_futures=True)


def execute_all(
    wanted: Sequence[runs.Run],
    *,
    workers: int | None = None,
    done: Callable[[runs.Run], None] = lambda run: None,
) -> list[Executed]:
    """Return several runs in the order given, executed side by side; `done` hears of each.

    Raises the first error once the runs already started have ended.
    """
    outcomes: dict[int, Executed] = {}
    for number, outcome in execute_each(plans(wanted), workers=workers):
        if isinstance(outcome, CompendiumError):
            raise outcome
        outcomes[number] = outcome
        done(outcome.run)
    return [outcomes[number] for number in range(len(wanted))]


def _stored() -> joblib.memory.MemorizedFunc:
    """Return the memory of executed plans, which tells them apart by their key alone."""
    warnings.filterwarnings("ignore", category=UserWarning, module="joblib")
    return joblib.Memory(paths.store(), verbose=0).cache(remember, ignore=["work"])


def remember(key: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do the work; joblib keeps what comes out under the key.

    Joblib empties its store when this function's code changes, so it holds nothing that may.
    """
    return work()


def _execute(plan: Plan, runner: Runner) -> dict[str, Any]:
    node = runner(plan)
    found = [r for kind in ("claim", "result") for r in records.collect(node, kind)]
    hidden = sorted({table for r in found for table in r["tables"]} - set(plan.parts["data"]))
    if hidden:
        raise DataError(
            f"{plan.run.notebook}: table {hidden[0]!r} is loaded under a computed name; write its "
            "name in the notebook, so that a change of the table is seen"
        )
    text = nbformat.writes(node).encode()
    return {"notebook": text, "sha256": hashlib.sha256(text).hexdigest()}


class _KernelClient(AsyncKernelClient):
    """A client that goes on with the first reply of its kernel.

    jupyter_client's own then listens for 0.2 s more to what it has no use for: every output names
    its request.
    """

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        end = time.monotonic() + (timeout or math.inf)
        while time.monotonic() < end and await self.is_alive():
            self.kernel_info()
            with suppress(Empty):
                await self.get_shell_msg(timeout=1)
                await self.get_iopub_msg(timeout=0.2)  # else the outputs are not connected yet
                return
        raise DeadKernelError("the kernel did not start")

    wait_for_ready = _async_wait_for_ready


class _KernelManager(AsyncKernelManager):
    """Starts warm kernels and talks to them through files: no port that another may take first."""

    def __init__(self, **kwargs):
        super().__init__(client_factory=_KernelClient, **kwargs)
        if os.name == "posix":
            self._folder = tempfile.TemporaryDirectory(prefix="kernel-")
            self.connection_file = str(Path(self._folder.name, "kernel.json"))
            self.transport = "ipc"
        self.kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": warm.NAME}

    async def start_kernel(self, **kwargs):
        # papermill's own cwd= moves the whole process, and with it every other thread.
        place = {"cwd": str(paths.notebooks()), "env": os.environ | warm.FIXED}
        await super().start_kernel(**kwargs | place)

    async def _async_wait(self, pollinterval: float = 0.005) -> None:
        await super()._async_wait(pollinterval)


def run_notebook(plan: Plan) -> nbformat.NotebookNode:
    """Return the executed notebook of a plan, scrubbed. Raises CellError if a cell fails."""
    source = runs.path(plan.run.notebook)
    logging.getLogger("papermill").setLevel(logging.ERROR)
    try:
        node = papermill.execute_notebook(
            source,
            None,  # the store writes it
            parameters=plan.changed,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            shutdown_kernel="immediate",
            kernel_manager_class=_KernelManager,
        )
    except PapermillExecutionError as error:
        raise _cell_error(plan.run, error) from None
    except DeadKernelError:
        why = "the kernel died (out of memory, or killed)"
        raise CellError(f"{plan.run.notebook}: {why}") from None
    return scrub(node)


def _cell_error(run: runs.Run, error: PapermillExecutionError) -> CompendiumError:
    if error.ename in _OURS:  # a mistake in what was given, not in the cell
        return CompendiumError(f"{run.notebook}: {error.evalue}")
    first = error.source.strip().splitlines()[0] if error.source.strip() else ""
    return CellError(
        f"{run.notebook}, cell {error.exec_count} (`{first}`): {error.ename}: {error.evalue}"
    )


_OURS = {kind.__name__ for kind in CompendiumError.__subclasses__()} - {"CellError"}


def scrub(node: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return an executed notebook without times, paths, durations and random names."""
    node.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(node.cells):
        tags = cell.metadata.get("tags", [])
        cell.metadata = {k: v for k, v in cell.metadata.items() if k not in _FLEETING}
        if "injected-parameters" in tags:
            cell.id = "injected-parameters"
        cell.setdefault("id", f"cell-{number}")
        if cell.cell_type == "code":
            cell.outputs = _merged(cell.outputs)
            for output in cell.outputs:
                output.get("metadata", {}).pop("execution", None)
    return node


_FLEETING = ("papermill", "execution", "ExecuteTime", "collapsed")


def _merged(outputs: list) -> list:
    """Join the pieces of one stream, whose cuts depend on timing."""
    joined: list = []
    for output in outputs:
        last = joined[-1] if joined else None
        if output.output_type == "stream" and last and last.get("name") == output.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined
