"""A PostgreSQL server for the tests: the one that the settings name, or one that we start."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

SETTING = "WATCHWORD_TEST_POSTGRES"
DEFAULT = "postgresql://postgres@127.0.0.1:5432/postgres"


class Missing(Exception):
    """There is no PostgreSQL on this machine, neither running nor to be started."""


@contextmanager
def server() -> Iterator[str]:
    """Lend the URL of a running server, with the right to create databases."""
    url = os.environ.get(SETTING, DEFAULT)
    if _answers(url):
        yield url
        return
    with _started(_binaries()) as own:
        yield own


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 5432), 2).close()
    except OSError:
        return False
    return True


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    if on_path := shutil.which("initdb"):
        return Path(on_path).parent
    raise Missing(f"no PostgreSQL: set {SETTING} to the URL of one, or apt-get install postgresql")


@contextmanager
def _started(binaries: Path) -> Iterator[str]:
    # initdb refuses to run as root; Debian's package brings the user "postgres".
    user = "postgres" if os.geteuid() == 0 else None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        if user:
            shutil.chown(home, user)
        data = f"{home}/data"
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"],
            check=True, capture_output=True, user=user, cwd=home,
        )  # fmt: skip
        control = [binaries / "pg_ctl", "-D", data, "-w", "-l", f"{home}/log"]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {home}"
        subprocess.run(
            [*control, "-o", options, "start"], check=True, capture_output=True, user=user, cwd=home
        )
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run(
                [*control, "-m", "fast", "stop"],
                check=True,
                capture_output=True,
                user=user,
                cwd=home,
            )
