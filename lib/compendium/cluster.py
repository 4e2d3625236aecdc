"""The same sweep on a dask.distributed cluster: its workers run the notebooks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import nbformat

from compendium import execution, keys, runs
from compendium.errors import CompendiumError

TIMEOUT = 10  # seconds to reach a scheduler


@contextmanager
def connected(address: str) -> Iterator[tuple[Callable, int]]:
    """Yield a runner that sends plans to a cluster, and how many plans it takes at once.

    A worker that dies is replaced by another one; dask runs its plan again.

    Raises CompendiumError if the scheduler cannot be reached in 10 s, has no worker, or a worker
    has another library, data or versions.
    """
    from distributed import Client, KilledWorker

    try:
        client = Client(address, timeout=TIMEOUT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise CompendiumError(f"no cluster at {address!r}: {type(error).__name__}") from None
    with client:
        threads = client.nthreads()
        if not threads:
            raise CompendiumError(f"the cluster at {address!r} has no worker")
        _refuse_others(client)

        def runner(plan: execution.Plan) -> nbformat.NotebookNode:
            try:
                text = client.submit(_run, plan, pure=False, retries=3).result()
            except KilledWorker:
                raise CompendiumError(f"{plan.run.notebook}: its workers died") from None
            return nbformat.reads(text, as_version=4)

        yield runner, sum(threads.values())


def _run(plan: execution.Plan) -> str:
    return nbformat.writes(execution.run_notebook(plan))


def _fingerprints() -> dict[str, dict[str, str]]:
    """Return what this process would run with: library, data, notebooks and versions."""
    found = {name: keys.base(name) for name in runs.listed()}
    merged: dict[str, dict[str, str]] = {"notebook": {}, "library": {}, "data": {}}
    for name, base in found.items():
        merged["notebook"][name] = base["notebook"]
        merged["library"] |= base["library"]
        merged["data"] |= base["data"]
    return merged | {"versions": keys.versions()}


def _refuse_others(client) -> None:
    ours = _fingerprints()
    for worker, theirs in client.run(_fingerprints).items():
        for kind, expected in ours.items():
            odd = sorted(k for k, v in expected.items() if theirs[kind].get(k) != v)
            if odd:
                detail = f"{kind} {odd[0]!r} differs"
                if kind == "versions":
                    detail += f": {theirs[kind].get(odd[0])} there, {expected[odd[0]]} here"
                raise CompendiumError(f"worker {worker}: {detail}; give it the same checkout")
