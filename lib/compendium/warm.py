"""Kernels that start at once: forked from a process that has the libraries loaded.

`WarmProvisioner` is a kernel provisioner of jupyter_client, registered by entry point under the
name `compendium-warm`. Every kernel is a fresh process, so no state passes from one notebook to
the next. On systems without fork it starts a cold kernel and says so once.

The server below is started by the first kernel and ends with the process that started it. It
serves one connection a kernel: a request comes in, the process id goes out, and at the end the
exit code. A connection that closes early ends its kernel.
"""

import gc
import json
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

NAME = "compendium-warm"
# Sets keep one order in every run. Kernels run side by side, one on each core, so that threads
# inside them would only wait for each other, and sums would depend on their number.
FIXED = {
    "PYTHONHASHSEED": "0",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
RETIRE = bytes(8)  # in place of the length of a request
LIBRARIES = (
    "IPython.core.completer ipykernel.kernelapp ipykernel.ipkernel altair numpy pandas pint "
    "scipy.interpolate scipy.optimize scipy.special scipy.stats.qmc vl_convert xarray "
    "compendium.charts compendium.data compendium.records unlock"
).split()
log = logging.getLogger("compendium")


class WarmProvisioner(LocalProvisioner):
    """Forks kernels from the warm server; else looks after them as after any local process."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        """Start a kernel and return how to reach it."""
        if not hasattr(os, "fork"):
            log.warning("this system cannot fork: kernels start cold, some seconds each")
            return await super().launch_kernel(cmd, **kwargs)
        cwd = str(kwargs.get("cwd") or Path.cwd())
        self.process = _start(cmd, cwd, dict(kwargs.get("env") or os.environ))
        self.pid = self.pgid = self.process.pid
        self.cwd = cwd
        return self.connection_info


class _Kernel:
    """A forked kernel, seen as `subprocess.Popen` shows a process."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int):
        self._connection, self.pid, self.returncode = connection, pid, None

    def poll(self) -> int | None:
        return self._receive(0.0)

    def wait(self, timeout: float | None = None) -> int | None:
        if self._receive(timeout) is None:
            raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return self.returncode

    def _receive(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                line = self._connection.recv(64)
                self.returncode = int(line) if line else -signal.SIGKILL
                self._connection.close()
            except (BlockingIOError, TimeoutError):
                return None
            except OSError:
                self.returncode = -signal.SIGKILL
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Server:
    """The warm process, as the process that started it sees it."""

    def __init__(self, sources: dict[str, int]):
        self._sources = sources
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        self._address = str(Path(self._folder.name, "socket"))
        # Ends when its standard input closes, also if this process is killed.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "compendium.warm", self._address],
            env=os.environ | FIXED,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("the warm process did not start")

    def start(self, argv: list[str], cwd: str, env: dict[str, str]) -> _Kernel:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        request = json.dumps({"argv": argv, "cwd": cwd, "env": env}).encode()
        connection.sendall(len(request).to_bytes(8, "big") + request)
        return _Kernel(connection, int(connection.makefile("rb").readline()))

    def fresh(self, sources: dict[str, int]) -> bool:
        """Return whether the server lives and has loaded the library as it is now."""
        return self._process.poll() is None and self._sources == sources

    def retire(self) -> None:
        """Let the server end once its last kernel has ended."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._address)
            connection.sendall(RETIRE)


_lock = threading.Lock()
_running: _Server | None = None


def _start(argv: list[str], cwd: str, env: dict[str, str]) -> _Kernel:
    """Fork a kernel from this process's server, which is replaced if the library has changed."""
    with _lock:
        return _server().start(argv, cwd, env)


def _server() -> _Server:
    global _running
    sources = _sources()
    if _running is None or not _running.fresh(sources):
        if _running:
            _running.retire()
        _running = _Server(sources)
    return _running


def _sources() -> dict[str, int]:
    """Return the times at which the files of the compendium's packages changed."""
    lib = Path(__file__).parents[1]
    files = [f for package in ("compendium", "unlock") for f in (lib / package).rglob("*.py")]
    return {str(file): file.stat().st_mtime_ns for file in files}


def _warm_up() -> None:
    science = sorted((Path(__file__).parents[1] / "unlock").glob("[a-z]*.py"))
    for name in [*LIBRARIES, *(f"unlock.{file.stem}" for file in science)]:
        with suppress(Exception):  # the notebook that imports it will say what is wrong
            import_module(name)
    # The first array and the first chart import their optional partners.
    xarray, altair, pandas = (sys.modules[n] for n in ("xarray", "altair", "pandas"))
    array = xarray.DataArray([0.0, 1.0], dims="x", name="y")
    array.quantile(0.5, dim="x").item()
    array.to_dataframe().to_xarray()
    sys.modules["compendium.units"].registry()
    altair.Chart(pandas.DataFrame({"x": [1]})).mark_point().encode(x="x").to_dict()
    gc.collect()
    gc.freeze()


def _serve(address: str) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    print("ready", flush=True)
    kernels: dict[int, socket.socket] = {}
    wake, woken = socket.socketpair()
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    selector = selectors.DefaultSelector()
    for file in (sys.stdin.fileno(), listener, wake):
        selector.register(file, selectors.EVENT_READ)
    retired = False
    while kernels or not retired:
        for key, _ in selector.select():
            if key.fileobj == sys.stdin.fileno():
                _end(kernels)
                return
            if key.fileobj is wake:
                wake.recv(4096)
                _reap(kernels, selector)
            elif key.fileobj is listener:
                connection, _ = listener.accept()
                request = _exactly(connection, 8)
                if request == RETIRE:
                    retired = True
                    continue
                kernels[_fork(connection, listener, int.from_bytes(request, "big"))] = connection
                selector.register(connection, selectors.EVENT_READ)
            else:  # the other end closed: nobody wants this kernel any more
                selector.unregister(key.fileobj)
                _end({p: c for p, c in kernels.items() if c is key.fileobj})


def _fork(connection: socket.socket, listener: socket.socket, length: int) -> int:
    """Fork a kernel and tell its process id."""
    request = json.loads(_exactly(connection, length))
    pid = os.fork()
    if pid == 0:
        _become_kernel(request, (connection, listener))
    connection.sendall(f"{pid}\n".encode())
    return pid


def _exactly(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        received += connection.recv(length - len(received)) or sys.exit(1)
    return received


def _become_kernel(request: dict[str, Any], inherited: tuple[socket.socket, ...]) -> None:
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        for item in inherited:
            item.close()
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(null, stream)
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        from ipykernel.kernelapp import IPKernelApp

        # What follows the module name in `python -m ipykernel_launcher -f FILE ...`.
        words = request["argv"][3:]
        # The kernel ends by itself if the server is gone.
        IPKernelApp.launch_instance([*words, f"--IPKernelApp.parent_handle={os.getppid()}"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        os._exit(code)


def _reap(kernels: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    for pid in list(kernels):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            connection = kernels.pop(pid)
            if connection in {key.fileobj for key in selector.get_map().values()}:
                selector.unregister(connection)
            try:
                connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            except OSError:
                pass  # nobody asks any more
            connection.close()


def _end(kernels: dict[int, socket.socket]) -> None:
    for pid in kernels:
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


if __name__ == "__main__":
    _warm_up()
    _serve(sys.argv[1])
    os._exit(0)
