"""A fleet as in production: PostgreSQL, Redis, and several server processes on fixed ports."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.support.postgres import LivePostgres
from tests.support.redis import LiveRedis
from tests.support.server import ISSUER
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.auth.keys.signing_keys import load
from watchword.storage.database import Database
from watchword.tokens.issue import TokenIssuer
from watchword.tokens.keys import KeyRing

PATIENCE = 60
ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Node:
    """One server process, which can be killed and started again on the same port."""

    def __init__(self, home: Path, settings: dict[str, str], schema: str) -> None:
        self.port = free_port()
        self._log = home / f"{self.port}.log"
        self._command = [sys.executable, "-m", "watchword", "serve", "--port", str(self.port)]
        self._command += ["--schema", schema]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("WATCHWORD_")}
        own = {"WATCHWORD_HOME": str(home / "home"), "WATCHWORD_ISSUER": ISSUER}
        self._environment = kept | own | settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def answers(self) -> None:
        """Wait until it is ready."""
        async with asyncio.timeout(PATIENCE), httpx2.AsyncClient(timeout=5) as client:
            while True:
                try:
                    if (await client.get(f"{self.url}/health/ready")).status_code == 200:
                        return
                except httpx2.HTTPError:
                    pass
                assert self._process is not None
                assert self._process.poll() is None, self.log
                await asyncio.to_thread(time.sleep, 0.05)

    def kill(self) -> None:
        """Kill the process, as a power failure would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)

    async def stop(self) -> int:
        """Ask the process to stop, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait, PATIENCE)


class Fleet:
    """Several nodes with one database and one bus, and the keys that sign their tokens."""

    def __init__(self, postgres: LivePostgres, redis: LiveRedis, nodes: list[Node], ring: KeyRing):
        self.postgres = postgres
        self.redis = redis
        self.nodes = nodes
        self._ring = ring
        self._issuer = TokenIssuer(ISSUER, "watchword", 600)

    @property
    def database_url(self) -> str:
        return self.postgres.url.replace("postgresql:", "postgresql+asyncpg:")

    def token(
        self,
        subject: str,
        *roles: str,
        seconds: int = 600,
        session: str | None = None,
        version: int = 1,
    ) -> str:
        """Return a token as the nodes would sign it."""
        return self._issuer.issue(
            self._ring,
            subject=subject,
            roles=roles,
            scopes=(),
            session=session or subject,
            now=time.time(),
            seconds=seconds,
            version=version,
        ).token

    async def ask(
        self, node: Node, query: str, token: str, after: str | None = None, **variables: Any
    ) -> dict[str, Any]:
        """Send a query to a node, perhaps with a cursor that the answer must not be older than.

        Raises `httpx2.HTTPError` if the node does not answer.
        """
        extensions = {} if after is None else {"after": after}
        async with httpx2.AsyncClient(timeout=10) as client:
            try:
                response = await client.post(
                    f"{node.url}/graphql",
                    json={"query": query, "variables": variables, "extensions": extensions},
                    headers={"authorization": f"Bearer {token}"},
                )
            except AttributeError as error:
                # anyio raises it for a connection that a killed node cuts while it is made.
                raise httpx2.ConnectError(str(error)) from error
            answer: dict[str, Any] = response.json()
            return answer


@asynccontextmanager
async def fleet(
    home: Path, count: int, schema: str = "tests.scenario.room:schema", **settings: str
) -> AsyncIterator[Fleet]:
    """Run a fleet for a block."""
    with LivePostgres() as postgres:
        redis = LiveRedis("--save", "", "--appendonly", "no")
        redis.start()
        given = {
            "WATCHWORD_DATABASE_URL": postgres.url.replace("postgresql:", "postgresql+asyncpg:"),
            "WATCHWORD_BUS_URL": redis.url,
            "WATCHWORD_UNPUBLISHED_WRITES": "raise",
            "WATCHWORD_ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "WATCHWORD_ADMIN_PASSWORD": secrets.token_urlsafe(12),
            "WATCHWORD_MAX_CONNECTIONS_PER_ADDRESS": "100000",
            "WATCHWORD_MAX_CONNECTIONS_PER_PRINCIPAL": "100000",
            "WATCHWORD_MAX_OPERATIONS_PER_ADDRESS": "100000",
            "WATCHWORD_MAX_OPERATIONS_PER_PRINCIPAL": "100000",
        } | settings
        nodes = [Node(home, given, schema) for _ in range(count)]
        try:
            for node in nodes:
                node.start()
            for node in nodes:
                await node.answers()
            database = Database(given["WATCHWORD_DATABASE_URL"])
            ring = await load(database, VAULT, time.time())
            await database.close()
            yield Fleet(postgres, redis, nodes, ring)
        finally:
            for node in nodes:
                node.kill()
            redis.kill()
