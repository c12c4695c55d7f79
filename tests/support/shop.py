"""A small schema whose answers are shared: it shows prices that a test sets, with an event for each change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import strawberry

from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.toy_server import toy_pipeline
from watchword.context import Context, Info
from watchword.errors import NotFound
from watchword.events.event import Event
from watchword.events.sources import reads
from watchword.execution.plan import Plan
from watchword.execution.shared.answers import SharedAnswers
from watchword.execution.shared.store import JsonAnswer
from watchword.permissions.field import HasScope, Public, SignedIn
from watchword.permissions.guarded import guarded_by
from watchword.principal import ANONYMOUS, IdentityAsked, Principal
from watchword.transaction import transaction
from watchword.transports.pipeline import Pipeline

PRICES, STAFF = "prices", "staff"


@dataclass
class World:
    """What resolvers read, and how often; with `gate`, they wait for it after reading."""

    price: int = 1
    asked: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)


world = World()


# Ways in which a resolver may ask who its caller is.
QUESTIONS: dict[str, Callable[[Info], object]] = {
    "subject": lambda info: info.context.principal.subject,
    "session": lambda info: info.context.principal.session,
    "client": lambda info: info.context.principal.client,
    "key": lambda info: info.context.principal.key,
    "expiry": lambda info: info.context.principal.expires_at,
    "sign_in": lambda info: info.context.principal.authenticated_at,
    "methods": lambda info: info.context.principal.methods,
    "claims": lambda info: info.context.principal.claims["department"],
    "all_claims": lambda info: list(info.context.principal.claims),
    "equality": lambda info: info.context.principal == ANONYMOUS,
    "actor": lambda info: info.context.actor,
    "address": lambda info: info.context.address,
    "request": lambda info: info.context.request,
    "connection": lambda info: info.context.connection,
    "response": lambda info: info.context.response.set_cookie("seen", "1"),
    "extensions": lambda info: (info.input_extensions or {}).get("region"),
}


@reads(STAFF)
async def load_names(_context: Context, keys: list[str]) -> list[str]:
    return keys


@reads(PRICES)
@guarded_by(Public)
@strawberry.type
class Item:
    price: int

    @reads(STAFF)
    @strawberry.field(permission_classes=[HasScope("staff")])
    def seller(self) -> str | None:
        return "Ada"

    @strawberry.field
    def undeclared(self) -> int:
        return 1


@strawberry.type
class Query:
    @reads(PRICES)
    @strawberry.field(permission_classes=[Public])
    async def item(self, of: int = 0, waits: bool = False) -> Item:
        world.asked += 1
        price = world.price
        if waits:
            await world.gate.wait()
        return Item(price=price + of)

    @reads(PRICES)
    @strawberry.field(permission_classes=[Public])
    def missing(self, id: int | None = None) -> Item | None:
        world.asked += 1
        raise NotFound("There is no such item.")

    @reads(PRICES)
    @strawberry.field(permission_classes=[Public])
    def crash(self) -> int | None:
        world.asked += 1
        raise RuntimeError

    @reads(PRICES)
    @strawberry.field(permission_classes=[Public])
    def mine(self, info: Info) -> str:
        world.asked += 1
        return info.context.principal.subject

    @reads(PRICES)
    @strawberry.field(permission_classes=[Public])
    def secretly_mine(self, info: Info) -> str:
        world.asked += 1
        try:
            return info.context.principal.subject
        except IdentityAsked:
            return "nobody"

    @reads(PRICES)
    @strawberry.field(permission_classes=[Public])
    def asks(self, info: Info, question: str, hides: bool) -> str:
        """Ask who the caller is, and perhaps hide that."""
        world.asked += 1
        try:
            QUESTIONS[question](info)
        except IdentityAsked:
            if not hides:
                raise
        return "answered"

    @reads(PRICES)
    @strawberry.field(permission_classes=[Public])
    def whispered(self) -> str:
        world.asked += 1
        return toy_schema.whisper.get()

    @reads(PRICES)
    @strawberry.field(permission_classes=[Public])
    def time(self, info: Info) -> float:
        world.asked += 1
        return info.context.now

    @reads(PRICES, seconds=10)
    @strawberry.field(permission_classes=[Public])
    def age(self, info: Info) -> float:
        world.asked += 1
        return info.context.now

    @reads(PRICES)
    @strawberry.field(permission_classes=[Public])
    async def hidden_source(self, info: Info) -> str:
        world.asked += 1
        return await info.context.loader(load_names).load("Ada")

    @reads(PRICES)
    @strawberry.field(permission_classes=[SignedIn])
    def wholesale(self) -> int:
        world.asked += 1
        return world.price

    @strawberry.field(permission_classes=[Public])
    def undeclared(self) -> int:
        world.asked += 1
        return world.price


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    async def set_price(self, info: Info, price: int) -> int | None:
        async with info.context.write() as unit:
            world.price = price
            unit.publish(Event(PRICES, "item", "CHANGED"))
        return price


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def prices(self, info: Info) -> AsyncIterator[int]:
        async for _ in info.context.follow(PRICES):
            yield world.price


schema = strawberry.Schema(Query, Mutation, Subscription)


class _Deaf:
    """A bus that loses every event."""

    def publish(self, _events: object) -> None: ...


@dataclass
class Shop:
    """The stages around the schema, in one process."""

    pipeline: Pipeline

    @property
    def shared(self) -> SharedAnswers:
        return self.pipeline.shared

    def plan(self, query: str) -> Plan:
        return self.pipeline.engine.plan(query, None)

    async def ask(
        self,
        query: str,
        principal: Principal = ANONYMOUS,
        after: tuple[str, ...] = (),
        **variables: object,
    ) -> bytes | None:
        """Return the shared answer to a query; None if the caller must execute it itself."""
        plan = self.plan(query)
        answer: JsonAnswer | None = await self.shared.answer(plan, variables, principal, after)
        return None if answer is None else answer.json

    async def happen(self, stream: str = PRICES, price: int | None = None) -> str:
        """Commit an event, and return its cursor."""
        context = Context(self.pipeline.services, ANONYMOUS)
        async with context.write() as unit:
            world.price = world.price + 1 if price is None else price
            unit.publish(Event(stream, "item", "CHANGED"))
        return context.cursors[stream]

    async def happen_unheard(self, price: int) -> str:
        """Commit an event of the prices that the bus loses, and return its cursor."""
        services = self.pipeline.services
        async with transaction(services.database, _Deaf(), 0) as unit:  # type: ignore[arg-type]
            world.price = price
            unit.publish(Event(PRICES, "item", "CHANGED"))
        return services.event_log.cursors.write(PRICES, "item", unit.heads[PRICES])


@asynccontextmanager
async def shop(clock: MovedClock, **settings: object) -> AsyncIterator[Shop]:
    """Open the shop with its first price, after a first look at the log."""
    world.__init__()  # type: ignore[misc]
    async with toy_pipeline(clock, schema, **settings) as (pipeline, _):
        await pipeline.services.hub.look()
        yield Shop(pipeline)
