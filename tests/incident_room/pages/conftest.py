"""The public page of an incident room, in this process, with a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from incident_room import domain, schema
from incident_room.importers.statuspage import Report, import_statuspage
from incident_room.pages.public import PublicPage
from incident_room.pages.settings import PageSettings
from tests.incident_room.pages.many_incidents import KINDS, PAGE, REAL, generated
from tests.support.clock import MovedClock
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.app import App, create_app
from watchword.auth.keys.signing_keys import ensure
from watchword.config.settings import Settings
from watchword.context import Context
from watchword.domain import Mount
from watchword.principal import FIRST_PARTY, Grants, Principal
from watchword.storage.database import Database

BASE = "https://status.example"


@dataclass
class Served:
    """A page that is served, and a commander that changes what it shows."""

    page: PublicPage
    app: App
    client: httpx2.AsyncClient

    def context(self) -> Context:
        roles = frozenset({"admin", "commander", "responder"})
        grants = Grants(roles, domain.scopes(roles))
        who = Principal("somebody", grants, client=FIRST_PARTY)
        return Context(self.app.pipeline.services, who)

    async def change(self, query: str, **given: Any) -> Any:
        """Run a mutation with one input, and return its data."""
        found = await schema.execute(query, {"input": given}, self.context())
        assert found.errors is None, found.errors
        return next(iter((found.data or {}).values()))

    async def take(self, content: bytes) -> Report:
        """Import a file of Statuspage."""
        return await import_statuspage(self.context(), content)

    async def text(self, path: str, **headers: str) -> str:
        response = await self.client.get(path, headers=headers)
        assert response.status_code == 200, (path, response.text)
        return response.text

    async def json(self, name: str) -> Any:
        response = await self.client.get(f"/api/v2/{name}.json")
        assert response.status_code == 200, response.text
        return response.json()


@asynccontextmanager
async def serving(url: str, clock: MovedClock, /, **settings: Any) -> AsyncIterator[Served]:
    """Serve the page on a database for a block."""
    read = Settings(
        _env_file=None, database_url=url, encryption_keys=(ENCRYPTION_KEY,), issuer=BASE
    )
    database = Database(url)
    await ensure(database, VAULT, read, clock.now())
    await database.close()
    page = PublicPage()
    page.use(PageSettings(_env_file=None, **settings))
    mount = Mount(schema, replace(domain, routes=page.routes(), startup=None))
    app = create_app(read, mount, clock)
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url=BASE) as client,
    ):
        await app.pipeline.services.hub.look()
        yield Served(page, app, client)


@pytest.fixture
async def served(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Served]:
    async with serving(sqlite_url, clock) as made:
        yield made


@pytest.fixture
async def same(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Served]:
    """A page that has the id of the page that is imported: as after moving here from Statuspage."""
    async with serving(sqlite_url, clock, page_id=PAGE, title="Acme") as made:
        yield made


@pytest.fixture(scope="module", params=KINDS)
def many(request: pytest.FixtureRequest) -> bytes:
    """A file with 819 incidents."""
    if request.param == "real":
        return REAL.read_bytes()
    return generated(datetime.fromtimestamp(MovedClock().now(), UTC))
