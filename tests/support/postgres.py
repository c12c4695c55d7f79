"""A PostgreSQL server for the tests: one that a setting names, or one that the tests start."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.support import memory

SETTING = "WATCHWORD_TEST_POSTGRES"
DEFAULT = "postgresql://postgres@127.0.0.1:5432/postgres"


# Settings of a server whose data need not survive a crash of the machine.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "max_connections": "200",
}
# Waits until the tests' end of its input is closed, which happens even when they are killed.
GUARD = """read _; kill -INT "$(head -n 1 "$1/data/postmaster.pid")" && sleep 1; rm -rf "$1" """


class Missing(Exception):
    """This machine has no PostgreSQL that runs or could be started."""


@contextmanager
def server() -> Iterator[str]:
    """Lend the URL of a server, with the right to create databases.

    Start a server rather than use a running one: there, creating and dropping a database takes
    milliseconds, and up to a second on a server that waits for the disk each time.
    """
    if url := os.environ.get(SETTING):
        yield url
        return
    try:
        own = LivePostgres()
    except Missing:
        if not _answers(DEFAULT):
            raise
        yield DEFAULT
        return
    with own:
        yield own.url


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


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


class LivePostgres:
    """A PostgreSQL server on a free port, in a directory that is removed with it."""

    def __init__(self) -> None:
        self._binaries = _binaries()
        # initdb refuses to run as root; Debian's package creates the user "postgres".
        self._user = "postgres" if os.geteuid() == 0 else None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> LivePostgres:
        self._home = tempfile.TemporaryDirectory(dir=memory.folder())
        home = self._home.name
        self._guard = subprocess.Popen(
            ["sh", "-c", GUARD, "sh", home],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if self._user:
            shutil.chown(home, self._user)
        self._run(
            "initdb", "-D", f"{home}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"
        )
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._control("-m", "fast", "stop")
        self._home.cleanup()
        self._guard.communicate()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        settings = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        self._control("-o", f"-p {self.port} {settings} -k {self._home.name}", "start")

    def restart(self) -> None:
        """Crash the server, which cuts every connection, and start it again."""
        self._control("-m", "immediate", "stop")
        self.start()

    def save(self) -> None:
        """Copy all data, like a replica that lags behind."""
        self._control("-m", "immediate", "stop")
        shutil.rmtree(f"{self._home.name}/copy", ignore_errors=True)
        self._copy("data", "copy")
        self.start()

    def go_back(self) -> None:
        """Crash, and start with the copy: all later changes are gone."""
        self._control("-m", "immediate", "stop")
        shutil.rmtree(f"{self._home.name}/data")
        self._copy("copy", "data")
        self.start()

    def hang(self) -> None:
        """Stop answering until `go_on`, with every connection open."""
        # Stop the postmaster first, so that it starts no other processes.
        for pid in (self._postmaster, *self._backends()):
            _signal(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again, including the queries that arrived meanwhile."""
        for pid in (*self._backends(), self._postmaster):
            _signal(pid, signal.SIGCONT)

    @property
    def _postmaster(self) -> int:
        return int(Path(f"{self._home.name}/data/postmaster.pid").read_text().split()[0])

    def _backends(self) -> list[int]:
        children = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children")
        return [int(pid) for pid in children.read_text().split()]

    def _copy(self, source: str, target: str) -> None:
        home = self._home.name
        subprocess.run(["cp", "-a", f"{home}/{source}", f"{home}/{target}"], check=True)

    def _control(self, *arguments: str) -> None:
        home = self._home.name
        self._run("pg_ctl", "-D", f"{home}/data", "-w", "-l", f"{home}/log", *arguments)

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [self._binaries / name, *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            cwd=self._home.name,
        )
