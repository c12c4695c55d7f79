"""The built-in schema on a real socket in the test's event loop, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

import httpx2
import strawberry
from starlette.applications import Starlette

from incident_room import domain
from incident_room.components.types import Component
from incident_room.incidents.types import Incident, IncidentUpdate
from incident_room.members.types import Member
from incident_room.root import Mutation, Query, Subscription
from incident_room.topics import INCIDENTS
from tests.clients.documents import OPEN
from tests.support.backup import Copy, copied, restored
from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from tests.support.toy_server import serving
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword import HasScope, Info
from watchword.app import create_app
from watchword.auth.accounts.accounts import add_account
from watchword.auth.keys.signing_keys import ensure
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.config.settings import Settings
from watchword.domain import Mount
from watchword.relay.ids import decode_id
from watchword.storage.database import Database

PERSON, ADMIN = "person@example.com", "admin@example.com"
PASSWORD, OTHER = "correct horse battery staple", "staple battery horse correct"
LIVE = "subscription { incidentsChanged(present: true) { kind incident { name } update { body } } }"
NOTE = """
mutation Note($incident: ID!, $body: String!) {
  postUpdate(input: { incident: $incident, body: $body, visibility: INTERNAL }) { id }
}
"""
# Seconds for which an access token is valid.
LIFE = 600
# Seconds between two looks whether a server has stopped.
MOMENT = 0.01


@strawberry.type
class PrivateSubscription(Subscription):
    @strawberry.subscription(permission_classes=[HasScope("incidents:write")])
    async def opened(self, info: Info) -> AsyncIterator[str]:
        """Give each event's kind and its incident's key, also of what only responders see."""
        async for event in info.context.follow(INCIDENTS):
            yield f"{event.kind} {event.key}"


PRIVATE = strawberry.Schema(
    Query, Mutation, PrivateSubscription, types=[Component, Incident, IncidentUpdate, Member]
)


class Site:
    """A server with a clock that the test moves, and an admin who opens incidents."""

    schema: strawberry.Schema = PRIVATE

    def __init__(self, database_url: str, clock: MovedClock, **settings: Any) -> None:
        self.clock = clock
        self.opened: list[str] = []
        self.ids: dict[str, str] = {}
        """The id of each incident by its name."""
        self.names: dict[str, str] = {}
        """The name of each incident by its key in the log."""
        self.url = ""
        self._settings = Settings(
            _env_file=None,
            database_url=database_url,
            encryption_keys=(ENCRYPTION_KEY,),
            sign_in_limit_per_account="1000 per minute",
            drain_seconds=0,
            **settings,
        )
        self._running = AsyncExitStack()

    @asynccontextmanager
    async def running(self, *, at_a_name: bool = False) -> AsyncIterator[Self]:
        """Prepare the server, and run it for a block; at the name that passkeys need, or at its address."""
        await self.prepare()
        await (self.start_at_a_name() if at_a_name else self.start())
        try:
            yield self
        finally:
            await self.stop()

    async def prepare(self, *responders: str) -> None:
        """Add the signing key, an admin, a responder, and others by their addresses."""
        database = Database(self._settings.database_url)
        await ensure(database, VAULT, self._settings, self.clock.now())
        hash = await hash_chosen(PASSWORD)
        async with unit_of(database, self.clock.now()) as unit:
            for email in (PERSON, ADMIN, *responders):
                role = "admin" if email == ADMIN else "responder"
                await add_account(unit, email=email, name=role, roles=[role], hash=hash)
        await database.close()

    async def start(self) -> None:
        """Start the server, on the same port as before."""
        app = create_app(self._settings, Mount(self.schema, domain), self.clock)
        self.show(app)
        port = httpx2.URL(self.url).port if self.url else 0
        self.url, _ = await self._running.enter_async_context(
            serving(app, self._settings, port or 0)
        )

    @property
    def issuer(self) -> str:
        return self._settings.issuer

    async def become(self, issuer: str) -> None:
        """Start the server under another issuer's name."""
        self._settings = self._settings.model_copy(update={"issuer": issuer})
        await self.start()

    async def start_at_a_name(self) -> None:
        """Start the server with `localhost` in its issuer and its URL: browsers make no passkeys for an IP address."""
        # The port is known when the server has started.
        await self.start()
        await self.stop()
        name = self.url.replace("127.0.0.1", "localhost")
        await self.become(name)
        self.url = name

    def show(self, app: Starlette) -> None:
        """Add what else is served. Does nothing here."""

    async def stop(self) -> None:
        """Stop the server. Connections drain by its clock, which only tests move."""
        stopping = asyncio.create_task(self._running.aclose())
        while not stopping.done():
            self.clock.move(0)
            await asyncio.wait({stopping}, timeout=MOMENT)
        await stopping

    @asynccontextmanager
    async def elsewhere(self) -> AsyncIterator[None]:
        """Be away from clients while the block runs: serve the same database at another address."""
        await self.stop()
        url, self.url = self.url, ""
        await self.start()
        yield
        await self.stop()
        self.url = url
        await self.start()

    async def ask(self, query: str, by: str = ADMIN, **variables: Any) -> Any:
        """Sign in as the admin or another person, and run an operation."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=30) as client:
            person = {"email": by, "password": PASSWORD}
            made = (await client.post("/api/auth/login", json=person)).json()
            headers = {"authorization": f"Bearer {made['access_token']}"}
            body = {"query": query, "variables": variables}
            answer = (await client.post("/graphql", json=body, headers=headers)).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def open(self) -> str:
        """Open an incident; return its name."""
        name = f"Trouble number {len(self.opened) + 1}"
        self.opened.append(name)
        self.ids[name] = (await self.ask(OPEN, name=name))["openIncident"]["id"]
        self.names[decode_id(self.ids[name], "Incident")] = name
        return name

    async def note(self, body: str) -> None:
        """Post an update that only responders see, to the newest incident."""
        await self.ask(NOTE, incident=self.ids[self.opened[-1]], body=body)

    async def end_connections(self) -> int:
        """End all live connections of people, as an admin; return how many."""
        listed = (await self.ask("{ liveConnections { nodes { id subject } } }"))["liveConnections"]
        ids = [each["id"] for each in listed["nodes"] if each["subject"]]
        for id in ids:
            await self.ask("mutation E($id: ID!) { endConnection(id: $id) }", id=id)
        return len(ids)

    async def lose(self, copy: Copy) -> None:
        """Restore a copy of the log, as if the database had been restored from a backup."""
        database = Database(self._settings.database_url)
        await restored(database, copy)
        await database.close()

    async def copy(self) -> Copy:
        """Copy the log."""
        database = Database(self._settings.database_url)
        copy = await copied(database)
        await database.close()
        return copy

    async def people(self) -> dict[str, str]:
        """Return everybody's id by the address."""
        members = (await self.ask("{ members(first: 50) { nodes { id email } } }"))["members"]
        return {each["email"]: each["id"] for each in members["nodes"]}

    async def person(self) -> str:
        """Return the person's id."""
        return (await self.people())[PERSON]
