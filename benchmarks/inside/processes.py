"""Runs several server processes on one database, as behind a load balancer."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PATIENCE = 60.0
PASSWORD = secrets.token_urlsafe()


@contextmanager
def processes(
    home: Path, count: int, database_url: str = "", bus_url: str = ""
) -> Iterator[list[str]]:
    """Run `count` servers while the block runs; yield their origins."""
    shared = environment(home, WATCHWORD_DATABASE_URL=database_url, WATCHWORD_BUS_URL=bus_url)
    with ExitStack() as stack:
        # Start them one after the other: the first creates the database.
        yield [stack.enter_context(serving(shared))[0] for _ in range(count)]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a server in a home directory, with settings in place of those of this process."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("WATCHWORD_")},
        "WATCHWORD_HOME": str(home),
        "WATCHWORD_ADMIN_PASSWORD": PASSWORD,
        "WATCHWORD_DEMO": "false",
        "WATCHWORD_LOG_LEVEL": "WARNING",
        "WATCHWORD_SIGN_IN_LIMIT_PER_ACCOUNT": "1000000 per minute",
        "WATCHWORD_SIGN_IN_LIMIT_PER_ADDRESS": "1000000 per minute",
        **more,
    }


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Run a server while the block runs; yield its origin and its process id."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "watchword", "serve", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        origin = f"http://127.0.0.1:{port}"
        _wait(origin, process)
        yield origin, process.pid
    finally:
        process.kill()
        process.wait()


def _wait(origin: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"{origin}/.well-known/jwks.json", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{origin} did not start")
