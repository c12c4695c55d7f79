"""Prepares a home directory with a database, keys and tokens, and runs the measured servers in it."""

from __future__ import annotations

import os
import secrets
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks.schema import schema
from benchmarks.watchword import STREAM
from watchword.auth.keys.signing_keys import load as load_keys
from watchword.bootstrap import bootstrap
from watchword.config.settings import Settings
from watchword.domain import Domain, Mount
from watchword.process.clock import SystemClock
from watchword.storage.database import Database
from watchword.storage.vault import vault
from watchword.tokens.issue import TokenIssuer
from watchword.tokens.keys import KeyRing

CORES = sorted(os.sched_getaffinity(0))
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PEOPLE = 200


@dataclass
class Running:
    """A server process: its origin, and the processor time and memory that it uses."""

    origin: str
    process: subprocess.Popen[bytes]

    def cpu(self) -> float:
        """Return the processor time that the process has used, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> int:
        """Return the resident memory of the process, in bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE


@dataclass
class Place:
    """The home directory that all servers of a measurement use."""

    settings: Settings
    ring: KeyRing

    @classmethod
    async def prepare(cls, home: Path) -> Place:
        """Make the database and the keys."""
        settings = Settings(home=home, admin_password=secrets.token_urlsafe(), _env_file=None)
        await bootstrap(settings, Mount(schema, Domain()), SystemClock())
        database = Database(settings.database_url)
        ring = await load_keys(database, vault(settings), time.time())
        await database.close()
        return cls(settings, ring)

    def tokens(self, classes: int = 1) -> list[str]:
        """Return tokens of many people, with `classes` different sets of grants."""
        issuer = TokenIssuer(self.settings.issuer, self.settings.audience, 3600)
        return [
            issuer.issue(
                self.ring,
                subject=f"user{n}",
                roles=["responder"],
                scopes=["incidents:internal", "incidents:read", f"class:{n % classes}"],
                session=f"s{n}",
                now=time.time(),
            ).token
            for n in range(PEOPLE)
        ]

    def fill_log(self, count: int) -> None:
        """Add so many events to the log."""
        path = self.settings.home / "watchword.db"
        with sqlite3.connect(path) as connection:
            connection.execute(
                "INSERT INTO watchword_log_streams (name, position, mark, before, pruned, pruned_mark, changed)"
                " VALUES (?, 0, '', '', 0, '', 0) ON CONFLICT DO NOTHING",
                (STREAM,),
            )
            row = connection.execute(
                "SELECT position FROM watchword_log_streams WHERE name = ?", (STREAM,)
            )
            [head] = row.fetchone()
            at = time.strftime("%Y-%m-%d %H:%M:%S.000000", time.gmtime())
            connection.executemany(
                "INSERT INTO watchword_log_events VALUES (?, ?, ?, 'POSTED', '{}', ?, ?)",
                ((STREAM, head + n + 1, str(n), at, str(n)) for n in range(count)),
            )
            connection.execute(
                "UPDATE watchword_log_streams SET position = position + ?, mark = ? WHERE name = ?",
                (count, str(count - 1), STREAM),
            )

    @contextmanager
    def serve(self, name: str, **settings: str) -> Iterator[Running]:
        """Run a server on the first core while the block runs."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server", str(port)],
            env={**self._environment(), "BENCH_SERVER": name, **settings},
            stdout=subprocess.DEVNULL,
        )
        os.sched_setaffinity(process.pid, {CORES[0]})
        try:
            while process.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            yield Running(f"http://127.0.0.1:{port}", process)
        finally:
            process.kill()
            process.wait()

    def _environment(self) -> dict[str, str]:
        public = self.ring.signing.public.public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return {
            **os.environ,
            "WATCHWORD_HOME": str(self.settings.home),
            "WATCHWORD_ADMIN_PASSWORD": secrets.token_urlsafe(),
            "WATCHWORD_ISSUER": self.settings.issuer,
            "WATCHWORD_AUDIENCE": self.settings.audience,
            "WATCHWORD_LOG_LEVEL": "WARNING",
            "WATCHWORD_MAX_CONNECTIONS_PER_ADDRESS": "100000",
            "WATCHWORD_MAX_CONNECTIONS_PER_PRINCIPAL": "100000",
            "WATCHWORD_MAX_OPERATIONS_PER_ADDRESS": "100000",
            "WATCHWORD_MAX_OPERATIONS_PER_PRINCIPAL": "100000",
            "WATCHWORD_MAX_OPERATIONS_PER_PROCESS": "100000",
            "BENCH_PUBLIC_KEY": public.decode(),
        }
