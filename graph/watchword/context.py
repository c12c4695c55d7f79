"""What resolvers see: fresh for each operation and for each event, never one per socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.dataloader import DataLoader

from watchword.config.settings import Settings
from watchword.domain import Domain
from watchword.errors import BadUserInput
from watchword.events.bus.bus import Bus
from watchword.events.event import Event
from watchword.events.follow import Follow
from watchword.events.hub import Hub
from watchword.events.log.event_log import EventLog
from watchword.principal import Actor, Holder, Principal, SharedPrincipal
from watchword.process.background import Background
from watchword.process.clock import Clock
from watchword.storage.database import NAMED_AT_ONCE, Database
from watchword.storage.vault import Vault
from watchword.throttling.attempts import Attempts
from watchword.transaction import Transaction, transaction

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Services:
    """What lives as long as the process and is shared by every context."""

    database: Database
    event_log: EventLog
    bus: Bus
    hub: Hub
    clock: Clock
    background: Background
    domain: Domain
    settings: Settings
    vault: Vault
    attempts: Attempts


Renew = Callable[[str, str | None], Awaitable[Principal]]
"""Renews the connection that an operation came over, with a new access token and its proof."""


@dataclass(slots=True)
class Guard:
    """A permission extension that let a subscription open: it is asked again before each event."""

    extension: Any
    source: Any
    info: Any
    arguments: dict[str, Any]


class Context:
    """The world as one operation, or one event of a subscription, sees it."""

    __slots__ = (
        "_follow",
        "_holder",
        "_loaders",
        "_principal",
        "_renew",
        "address",
        "guards",
        "services",
    )

    def __init__(
        self,
        services: Services,
        principal: Principal | SharedPrincipal,
        *,
        holder: Holder | None = None,
        follow: Follow | None = None,
        renew: Renew | None = None,
        address: str = "",
    ) -> None:
        """`holder` is asked for the principal each time, when that may change meanwhile; `address` is
        the network address that the operation came from."""
        self.services = services
        self.address = address
        self.guards: list[Guard] | None = None if follow is None else []
        self._principal = principal
        self._holder = holder
        self._follow = follow
        self._renew = renew
        self._loaders: dict[Any, DataLoader[Any, Any]] = {}

    @property
    def principal(self) -> Principal:
        """Who is asking. Where many are served at once, only their grants can be read."""
        return cast(Principal, self._principal) if self._holder is None else self._holder.principal

    @property
    def is_shared(self) -> bool:
        """Whether many are served at once."""
        return isinstance(self._principal, SharedPrincipal)

    @property
    def actor(self) -> Actor:
        """The actor of this operation: what the audit log records of it, and what it may give to others."""
        principal = self.principal
        return Actor(
            principal.subject or None,
            principal.session,
            principal.client,
            self.address,
            self.services.domain.reach(principal.grants),
        )

    @property
    def now(self) -> float:
        """The time in Unix seconds."""
        return self.services.clock.now()

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Lend a session for reading. Keep the block short: it holds a connection."""
        return self.services.database.read()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Run the block as one transaction, the events that it publishes included.

        Raises `Conflict` when another writer changed the same row meanwhile.
        """
        services = self.services
        async with transaction(services.database, services.bus, self.now, self.actor) as unit:
            yield unit
        self._loaders.clear()

    def loader(
        self, load: Callable[[Context, list[K]], Awaitable[Sequence[V | BaseException]]]
    ) -> DataLoader[K, V]:
        """Return this context's batch loader for `load`, which gets the keys of one tick.

        It gets at most `NAMED_AT_ONCE` (500) of them at once, so that one statement can name them.

        It remembers what it has loaded, as the context is fresh for each operation and each event. In
        the resolver of a subscription, it remembers nothing: that context lives for many events.
        """
        found = self._loaders.get(load)
        if found is None:

            async def batch(keys: list[K]) -> Sequence[V | BaseException]:
                return await load(self, keys)

            found = self._loaders[load] = DataLoader(
                load_fn=batch, max_batch_size=NAMED_AT_ONCE, cache=self._follow is None
            )
        return found

    def follow(
        self,
        stream: str,
        key: str | None = None,
        *,
        last: int | None = None,
        present: bool = False,
    ) -> AsyncIterator[Event]:
        """Yield what happens in a stream from now on, or to one key in it.

        With `last`, the last so many events come first; with `present`, an event of kind `PRESENT`
        comes first, which stands for the state of now. Nothing is lost or doubled between that and
        what follows. A client that comes back with a cursor goes on from there, whatever these say.
        Answer each event as often as you like, with the same answers in the same order whenever it is
        followed again: a client that was cut between two of them gets the others, and one that was
        cut inside the present state gets all of it again. The code after a `yield` runs up to where it
        waits before the answer is sent.
        Only a subscription's resolver can follow, and only one stream.
        """
        if self._follow is None:
            raise RuntimeError("only a subscription's own resolver can follow a stream")
        return self._follow.events(stream, key, last, present)

    async def renew(self, token: str, proof: str | None = None) -> Principal:
        """Go on with a new access token on the connection that this operation came over.

        A token that is bound to a key comes with a DPoP proof.

        Raises `BadUserInput` where there is none to renew.
        """
        if self._renew is None:
            raise BadUserInput(
                "There is no live connection to renew: send this over the WebSocket."
            )
        return await self._renew(token, proof)


Info = strawberry.Info[Context, None]
"""What a resolver annotates its `info` with."""
