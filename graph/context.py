"""What resolvers see: fresh for each operation and for each event, never one per socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.dataloader import DataLoader

from graph.clock import Clock
from graph.database import Database
from graph.domain import Domain
from graph.ending import Ending
from graph.events import Event
from graph.fanout.bus import Bus
from graph.fanout.hub import Hub
from graph.principal import Principal
from graph.transaction import Transaction, transaction

K = TypeVar("K")
V = TypeVar("V")


class Ended(Exception):
    """A followed stream has ended; the connection's owner closes with its ending."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.reason)
        self.ending = ending


@dataclass(frozen=True, slots=True)
class Services:
    """What lives as long as the process and is shared by every context."""

    database: Database
    bus: Bus
    hub: Hub
    clock: Clock
    domain: Domain


class Context:
    """The world as one operation, or one event of a subscription, sees it."""

    __slots__ = ("_loaders", "_over", "principal", "services")

    def __init__(
        self,
        services: Services,
        principal: Principal,
        over: Callable[[Ending], object] = lambda ending: None,
    ) -> None:
        """`over` hears at once when this context's owner must end: when it is too slow."""
        self.services = services
        self.principal = principal
        self._over = over
        self._loaders: dict[Any, DataLoader[Any, Any]] = {}

    @property
    def now(self) -> float:
        """The time in Unix seconds."""
        return self.services.clock.now()

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Lend a session for reading. Keep the block short: it holds a connection."""
        return self.services.database.read()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Run the block as one transaction; what it published leaves after the commit.

        Raises `Conflict` when another writer changed the same row meanwhile.
        """
        services = self.services
        async with transaction(services.database, services.bus, services.clock.now()) as unit:
            yield unit
        self._loaders.clear()

    def loader(
        self, load: Callable[[Context, list[K]], Awaitable[Sequence[V | BaseException]]]
    ) -> DataLoader[K, V]:
        """Return this context's batch loader for `load`, which gets the keys of one tick at once."""
        found = self._loaders.get(load)
        if found is None:

            async def batch(keys: list[K]) -> Sequence[V | BaseException]:
                return await load(self, keys)

            found = self._loaders[load] = DataLoader(load_fn=batch)
        return found

    async def follow(self, stream: str, key: str | None = None) -> AsyncIterator[Event]:
        """Yield what happens in a stream from now on, or to one key in it.

        Raises `Ended` when this subscriber is too slow to be kept.
        """
        with self.services.hub.follow(stream, key, self._over) as mailbox:
            async for event in mailbox.read():
                yield event
            if mailbox.ending is not None:
                raise Ended(mailbox.ending)


Info = strawberry.Info[Context, None]
"""What a resolver annotates its `info` with."""
