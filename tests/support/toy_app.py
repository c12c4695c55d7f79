"""The whole app around the toy schema, on a database with one account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.app import create_app
from watchword.auth.accounts.accounts import add_account
from watchword.auth.keys.signing_keys import ensure
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.config.settings import Settings
from watchword.domain import Domain, Mount
from watchword.storage.database import Database
from watchword.telemetry.traces.tracing import Tracing

MOUNT = Mount(toy_schema.schema, Domain(roles={"keeper": frozenset({"toys:count"})}))
EMAIL, PASSWORD = "alice@example.com", "correct horse battery"
CREDENTIALS = {"email": EMAIL, "password": PASSWORD}
FRIEND, STRANGER = "https://app.example.com", "https://evil.example.com"


@dataclass
class Running:
    """An app between its start and its stop, with a client in front of it."""

    client: httpx2.AsyncClient

    async def token(self) -> str:
        """Sign in, and return the access token."""
        response = await self.client.post("/api/auth/login", json=CREDENTIALS)
        return str(response.json()["access_token"])

    async def ask(self, query: str, **headers: str) -> Any:
        response = await self.client.post("/graphql", json={"query": query}, headers=headers)
        return response.json()


async def prepared(url: str, clock: MovedClock, **settings: Any) -> Settings:
    """Add a signing key and an account to a database, and return settings for it."""
    read = Settings(_env_file=None, database_url=url, encryption_keys=(ENCRYPTION_KEY,), **settings)
    database = Database(url)
    await ensure(database, VAULT, read, clock.now())
    async with unit_of(database, clock.now()) as unit:
        await add_account(
            unit, email=EMAIL, name="Alice", roles=["keeper"], hash=await hash_chosen(PASSWORD)
        )
    await database.close()
    return read


@asynccontextmanager
async def running(url: str, clock: MovedClock, **settings: Any) -> AsyncIterator[Running]:
    """Prepare a database, and run the app on it for a block."""
    async with started(await prepared(url, clock, **settings), clock) as app:
        yield app


@asynccontextmanager
async def started(
    settings: Settings, clock: MovedClock, tracing: Tracing | None = None
) -> AsyncIterator[Running]:
    """Run the app around the toy schema for a block, as a server would."""
    app = create_app(settings, MOUNT, clock, tracing)
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="https://watchword.example") as client,
    ):
        # Each background task takes its first step, and then waits for its time.
        await asyncio.sleep(0)
        yield Running(client)


def cors(response: httpx2.Response) -> dict[str, str]:
    return {
        name: value
        for name, value in response.headers.items()
        if name.startswith("access-control-")
    }
