"""No request fails while keys are rotated under load, with two server processes on one database."""

from __future__ import annotations

import asyncio
import sqlite3
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import orjson
import pytest

from tests.support.command_line import refused_start
from tests.support.server import LiveServer, live_server
from tests.support.vault import ENCRYPTION_KEY
from watchword.bootstrap import bootstrap
from watchword.config.settings import Settings
from watchword.domain import load
from watchword.process.clock import SystemClock

VIEWER = "{ viewer { email } }"
PATIENCE = 90
# A key for these tests only.
OTHER_KEY = "YW5vdGhlciBrZXkgb2YgdGhlIHRlc3RzLCAzMiBieXQ="


@contextmanager
def pair(database_url: str, tmp_path: Path, **given: str) -> Iterator[list[LiveServer]]:
    """Run two processes on one database: with SQLite in one home directory, with PostgreSQL in one each."""
    homes = [tmp_path / "home"] * 2
    if database_url.startswith("postgresql"):
        homes = [tmp_path / name for name in ("one", "two")]
        given["WATCHWORD_ENCRYPTION_KEYS"] = ENCRYPTION_KEY
    with ExitStack() as stack:
        yield [stack.enter_context(live_server(home, database_url, **given)) for home in homes]


class Load:
    """Clients that refresh their tokens at either server and query both, and readers of the key sets."""

    def __init__(self, servers: list[LiveServer], client: httpx2.AsyncClient) -> None:
        self.servers = servers
        self.client = client
        self.rounds = 0
        self.published: dict[str, set[str]] = {server.url: set() for server in servers}
        self.signing: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self._used = asyncio.Event()

    async def live(self, place: int) -> None:
        """Act as a signed-in client until cancelled."""
        server = self.servers[place % len(self.servers)]
        body = {"email": server.email, "password": server.password, "delivery": "body"}
        answer = await self._post(f"{server.url}/api/auth/login", body)
        while True:
            await self._use(server.url, answer["access_token"])
            server = self.servers[(place := place + 1) % len(self.servers)]
            again = {"refresh_token": answer["refresh_token"]}
            answer = await self._post(f"{server.url}/api/auth/refresh", again)
            self.rounds += 1

    async def read(self, url: str) -> None:
        """Read a server's key set until cancelled."""
        while True:
            answer = await self.client.get(f"{url}/.well-known/jwks.json")
            assert answer.status_code == 200, answer.text
            keys = answer.json()["keys"]
            assert all("d" not in key for key in keys)
            self.published[url] |= {key["kid"] for key in keys}

    async def accepted(self, token: str) -> None:
        """Send a query with a token to both servers."""
        bearer = {"authorization": f"Bearer {token}"}
        for server in self.servers:
            answer = await self._post(f"{server.url}/graphql", {"query": VIEWER}, bearer)
            assert answer == {"data": {"viewer": {"email": server.email}}}

    async def _use(self, url: str, token: str) -> None:
        kid = orjson.loads(urlsafe_b64decode(token.partition(".")[0] + "=="))["kid"]
        if self.rounds:
            assert all(kid in kids for kids in self.published.values()), "signed before published"
        self.signing[url] = kid
        self.tokens.setdefault(kid, token)
        await self.accepted(token)
        self._used.set()

    async def _post(
        self, url: str, body: object, headers: dict[str, str] | None = None
    ) -> dict[str, object]:
        answer = await self.client.post(url, json=body, headers=headers)
        assert answer.status_code == 200, (url, answer.status_code, answer.text)
        content: dict[str, object] = answer.json()
        return content

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until a condition holds, which is checked after each use of a token."""
        async with asyncio.timeout(PATIENCE):
            while not done():
                self._used.clear()
                await self._used.wait()

    async def until_both_sign_with(self, kid: str) -> None:
        await self.until(lambda: [*self.signing.values()] == [kid] * len(self.servers))


async def under_load(
    servers: list[LiveServer], rotations: Callable[[Load], Awaitable[None]]
) -> Load:
    """Run a block under load. Check that no request failed, and that every signed token is valid."""
    async with httpx2.AsyncClient(timeout=PATIENCE) as client:
        load = Load(servers, client)
        work = [asyncio.create_task(load.live(place)) for place in range(4)]
        work += [asyncio.create_task(load.read(server.url)) for server in servers]
        rotated = asyncio.ensure_future(rotations(load))
        # The first failure ends everything.
        await asyncio.wait([*work, rotated], return_when=asyncio.FIRST_COMPLETED)
        for task in work:
            task.cancel()
        results = await asyncio.gather(*work, return_exceptions=True)
        assert [each for each in results if not isinstance(each, asyncio.CancelledError)] == []
        await rotated
        for token in load.tokens.values():
            await load.accepted(token)
    for server in servers:
        assert "Traceback" not in server.log
    return load


@pytest.mark.exhaustive
async def test_no_request_fails_while_keys_are_rotated(database_url: str, tmp_path: Path) -> None:
    made: list[str] = []

    async def rotate(load: Load, server: LiveServer, *arguments: str) -> None:
        said = await asyncio.to_thread(server.run, "keys", "rotate", *arguments)
        made.append(said.partition(" ")[0])
        await load.until_both_sign_with(made[-1])

    async def rotations(load: Load) -> None:
        await load.until(lambda: load.rounds >= 10)
        await rotate(load, load.servers[0])
        await rotate(load, load.servers[1], "--now")

    with pair(database_url, tmp_path, WATCHWORD_KEY_PUBLISH_SECONDS="0") as servers:
        load = await under_load(servers, rotations)
    # Tokens that the first key signed are still valid.
    assert list(load.tokens)[1:] == made


@pytest.mark.exhaustive
async def test_no_request_fails_while_two_processes_rotate_keys_by_schedule(
    database_url: str, tmp_path: Path
) -> None:
    async def rotations(load: Load) -> None:
        await load.until(lambda: load.rounds >= 10)
        first = next(iter(load.signing.values()))
        await load.until(
            lambda: first not in load.signing.values() and len({*load.signing.values()}) == 1
        )

    schedule = {"WATCHWORD_KEY_ROTATION_SECONDS": "10", "WATCHWORD_KEY_PUBLISH_SECONDS": "5"}
    with pair(database_url, tmp_path, **schedule) as servers:
        load = await under_load(servers, rotations)
    # Two processes that find the key too old at the same moment make only one new key.
    made = sum(server.log.count("was made; it signs later") for server in servers)
    assert len(servers[0].run("keys", "list").splitlines()) == 1 + made
    assert len(load.tokens) >= 2


def test_a_server_with_another_encryption_key_does_not_start_and_changes_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    _prepare(home, sqlite_url)
    before = _dump(sqlite_url)
    given = {"WATCHWORD_DATABASE_URL": sqlite_url, "WATCHWORD_ENCRYPTION_KEYS": OTHER_KEY}
    said = refused_start(home, **given)
    assert said.startswith(
        "What is sealed in the database cannot be opened: set WATCHWORD_ENCRYPTION_KEYS"
    )
    assert _dump(sqlite_url) == before


def test_a_server_without_its_key_file_does_not_make_another_one(
    sqlite_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "home"
    _prepare(home, sqlite_url)
    assert caplog.text.count("Keep a copy of it apart from the database's") == 1
    key = (home / "encryption.key").rename(tmp_path / "kept")
    before = _dump(sqlite_url)
    said = refused_start(home, WATCHWORD_DATABASE_URL=sqlite_url)
    assert said.startswith(f"{home}/encryption.key is not there")
    assert "bring it back from a copy" in said
    assert not (home / "encryption.key").exists()
    assert _dump(sqlite_url) == before
    key.rename(home / "encryption.key")
    caplog.clear()
    _prepare(home, sqlite_url)
    assert "Keep a copy" not in caplog.text


def _prepare(home: Path, url: str) -> None:
    """Make what the first start makes."""
    settings = Settings(_env_file=None, home=home, database_url=url)
    asyncio.run(bootstrap(settings, load(settings.mount), SystemClock()))


def _dump(url: str) -> list[str]:
    connection = sqlite3.connect(url.removeprefix("sqlite+aiosqlite:///"))
    lines = list(connection.iterdump())
    connection.close()
    return lines
