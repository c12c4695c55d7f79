"""Servers that are forked from a process that has imported everything, which saves most of a start."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support import quick_watchword
from tests.support.quick_watchword import FORK

PROGRAM = (sys.executable, "-P", str(Path(quick_watchword.__file__)))


class Forked:
    """A process of PROGRAM, with the methods of `subprocess.Popen` that a `LiveServer` uses."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str], cwd: Path) -> None:
        read, write = os.pipe()
        self.stdout = os.fdopen(read)
        self._connection = _connect()
        socket.send_fds(self._connection, [b"\0"], [write])
        os.close(write)
        asked = {"arguments": arguments, "environment": environment, "cwd": str(cwd)}
        self._connection.sendall(json.dumps(asked).encode() + b"\n")
        self._lines = self._connection.makefile()
        self.pid = int(self._lines.readline())
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(9)

    def wait(self, timeout: float) -> int:
        """Wait until the process has ended, and return its exit code. Raises TimeoutError."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            self.returncode = int(self._lines.readline())
            self._lines.close()
            self._connection.close()
        return self.returncode


def _connect() -> socket.socket:
    """Return a connection to the process that forks for all workers of pytest-xdist. Start it if there is none."""
    # The workers have one parent.
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    folder = Path(tempfile.gettempdir(), f"watchword-forks-{owner}")
    folder.mkdir(mode=0o700, exist_ok=True)
    connection = socket.socket(socket.AF_UNIX)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            connection.connect(str(folder / "socket"))
        except OSError:
            _start(folder, owner)
            connection.connect(str(folder / "socket"))
    return connection


def _start(folder: Path, owner: int) -> None:
    """Start the process that forks, and wait until it listens. It ends soon after its owner."""
    (folder / "socket").unlink(missing_ok=True)
    subprocess.run(
        [*PROGRAM, FORK, folder, str(owner)],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
