"""The context of resolvers. Each operation, and each event of a subscription, gets a new one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import strawberry
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.asgi.views import ConnectionView, RequestView, Via, address_via
from watchword.asgi.written_head import ResponseView, head_of
from watchword.config.settings import Settings
from watchword.connections.directory import Directory
from watchword.connections.live import LiveConnection
from watchword.connections.presence import PRESENCE, Present
from watchword.domain import Domain
from watchword.errors import BadUserInput
from watchword.events.bus.bus import Bus
from watchword.events.event import Event, Place
from watchword.events.follow import Follow
from watchword.events.hub import Hub
from watchword.events.log.event_log import EventLog
from watchword.events.sources import declared_by
from watchword.extras import ExtrasAccess, SetInSubscription, in_place
from watchword.extras_scope import ExtrasScope
from watchword.loader import Loader
from watchword.principal import Actor, Principal, PrincipalHolder, SharedExtensions, SharedPrincipal
from watchword.process.background import Background
from watchword.process.clock import Clock
from watchword.process.observed_refusals import ObservedRefusals
from watchword.storage.database import NAMED_AT_ONCE, Database
from watchword.storage.prepared import Rows
from watchword.storage.vault import Vault
from watchword.throttling.admission import DocumentQuota
from watchword.throttling.attempts import Attempts
from watchword.throttling.budgets import Budgets
from watchword.throttling.ceiling import most
from watchword.transaction import Transaction, transaction

K = TypeVar("K")
V = TypeVar("V")
if TYPE_CHECKING:
    import typing_extensions

    # With a default (PEP 696), `Info` and `Context` are types without an argument too.
    E = typing_extensions.TypeVar("E", default=Any)
else:
    E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Services:
    """The objects that live as long as the process and that all contexts share."""

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
    directory: Directory
    budgets: Budgets
    claims_read: frozenset[str] = frozenset()
    """The custom claims that permissions of the mounted schema read. They are part of all grants."""
    observed: ObservedRefusals = field(default_factory=ObservedRefusals)
    """What observed permissions would have refused."""
    subscribed: DocumentQuota = field(default_factory=DocumentQuota)


Renew = Callable[[str, str | None], Awaitable[Principal]]
"""Renews the connection that an operation came over, with a new access token and its proof."""


@dataclass(slots=True)
class Guard:
    """A permission extension that allowed a subscription to open. It is asked again before each event."""

    extension: Any
    source: Any
    info: Any
    arguments: dict[str, Any]


class Context(ExtrasAccess, Generic[E]):
    """The `info.context` of one operation, or of one event of a subscription."""

    __slots__ = (
        "_extensions",
        "_extras",
        "_follow",
        "_heads",
        "_holder",
        "_live",
        "_noted",
        "_observed",
        "_principal",
        "_reads",
        "_renew",
        "_via",
        "batch_loaders",
        "extras_scope",
        "guards",
        "refusals",
        "sent",
        "services",
        "undeclared",
    )

    def __init__(
        self,
        services: Services,
        principal: Principal | SharedPrincipal,
        *,
        holder: PrincipalHolder | None = None,
        follow: Follow | None = None,
        live: LiveConnection | None = None,
        renew: Renew | None = None,
        via: Via | None = None,
        extensions: Mapping[str, Any] | None = None,
        reads: frozenset[str] | None = None,
        refusals: str | None = None,
        noted: SetInSubscription | None = None,
    ) -> None:
        """With `holder`, the context's principal is always the holder's, which a renewal may change. `live` is the connection
        that a subscription came over, `via` the request or the socket of the operation, and `extensions` the member of
        this name of its request. `reads` are the streams that the operation declares to read, if its answer is to be
        shared. `noted` remembers what is set on the context of a subscription."""
        self.services = services
        self.refusals = refusals or (extensions and extensions.get("refusals")) or None
        """What becomes of what grants deny, if the request or the subscription asks for it; None for the setting's."""
        self._via = via
        self._extensions = extensions
        self._heads: dict[str, Place] = {}
        self.guards: list[Guard] | None = None if follow is None else []
        self._principal = principal
        self._holder = holder
        self._follow = follow
        self._live = live
        self._renew = renew
        self._reads = reads
        self.undeclared: tuple[str, str] | None = None
        """A loader that was used and reads streams that the operation does not declare: its name, and the streams."""
        self.sent: dict[int, Sequence[Any]] = {}
        """The guarded inputs that are sent to fields, by the identity of the field in the document."""
        self.batch_loaders: dict[Any, Loader[Any, Any]] = {}
        self._noted = noted
        self._observed: set[tuple[str, str]] | None = None
        self.extras_scope: ExtrasScope | None = None
        """Closes what `Domain.context` opens. The runtime ends it with the operation or event."""
        if (hook := services.domain.context) is not None:
            seconds = most(services.settings, "event_seconds")
            made = partial(hook, self), services.domain.awaits_context
            self.extras_scope = ExtrasScope(services.clock, seconds, *made)
            self.__class__ = _WritableContext

    @property
    def principal(self) -> Principal:
        """The caller. A run that several subscribers share can read only its `grants` and `is_anonymous`."""
        holder = self._holder
        return self._principal if holder is None else holder.principal  # type: ignore[return-value]

    @property
    def is_shared(self) -> bool:
        """Whether this run is shared by several callers."""
        return isinstance(self._principal, SharedPrincipal)

    @property
    def address(self) -> str:
        """The network address of the caller; empty if it is not known. Callers of a shared run have none in common."""
        return address_via(self._personal_via())

    @property
    def request(self) -> RequestView | None:
        """The HTTP request that the operation came in; None over a WebSocket. A run that reads it is not shared."""
        via = self._personal_via()
        return None if via is None or isinstance(via, ConnectionView) else RequestView(via)

    @property
    def connection(self) -> ConnectionView | None:
        """The WebSocket that the operation came over; None over HTTP. A run that reads it is not shared."""
        via = self._personal_via()
        return via if isinstance(via, ConnectionView) else None

    @property
    def response(self) -> ResponseView:
        """The head of the answer over HTTP, to set headers, cookies and the status. A run that writes is not shared."""
        return ResponseView(lambda: head_of(self._personal_via()))

    @property
    def extras(self) -> E:
        """What `Domain.context` makes for this context, an operation's or an event's; it is called when this is first read, or
        awaited before. None without such a hook, until an item of the context is set: then it is a dict."""
        try:
            return self._extras
        except AttributeError:
            scope = self.extras_scope
        made = None if scope is None else in_place(scope.read(), self)
        self._extras: E = cast(E, made)
        return self._extras

    def _personal_via(self) -> Via | None:
        if isinstance(self._principal, SharedPrincipal):
            self._principal.ask()
        return self._via

    @property
    def extensions(self) -> Mapping[str, Any] | None:
        """The member `extensions` of the request, `info.input_extensions`. A shared run ends when it is read."""
        if isinstance(self._principal, SharedPrincipal):
            return SharedExtensions(self._principal)
        return self._extensions

    @property
    def actor(self) -> Actor:
        """The caller as the audit log records it, with the roles and scopes that it may give to others."""
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
        if isinstance(self._principal, SharedPrincipal):
            self._principal.time_was_asked = True
        return self.services.clock.now()

    def would_refuse(self, place: str, needs: str, operation: str | None) -> None:
        """Count, once for this context, that an observed permission would have refused a field."""
        if self._observed is None:
            self._observed = set()
        if (place, needs) not in self._observed:
            self._observed.add((place, needs))
            self.services.observed.note(place, needs, operation, self.services.clock.now())

    @property
    def cursors(self) -> dict[str, str]:
        """For each stream that this context's transactions wrote, the cursor of a client that has all of it."""
        if not self._heads:
            return {}
        write = self.services.event_log.cursors.write
        return {stream: write(stream, None, place) for stream, place in self._heads.items()}

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite, and not PostgreSQL: some statements are best written for one of them."""
        return self.services.database.is_sqlite

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Return a database session for reading. Keep the block short: it holds a connection."""
        return self.services.database.read()

    async def rows(self, statement: Select[*tuple[Any, ...]], **given: Any) -> Rows:
        """Return the rows of one SELECT, each a named tuple of its columns, at a tenth of a session's cost.

        It must select columns and not entities: `select(Toy.id, Toy.size)`. Make the statement once, with
        `bindparam("name")` for each value in `given`, where you can. It sees what is committed at that moment.
        """
        return await self.services.database.rows(statement, **given)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Run the block as one transaction, which includes the events that it publishes. Raises `Conflict` if another
        writer changed the same row meanwhile."""
        services = self.services
        async with transaction(services.database, services.bus, self.now, self.actor) as unit:
            yield unit
        self._heads |= unit.heads
        self.batch_loaders.clear()

    def loader(
        self, load: Callable[[Context, list[K]], Awaitable[Sequence[V | BaseException]]]
    ) -> Loader[K, V]:
        """Return this context's batch loader for `load`.

        `load` is called with the keys that were asked for in one tick of the event loop, at most `NAMED_AT_ONCE` (500),
        so that one statement can name them all. Loaded values are cached for the life of the context: one operation or
        one event. The context of a subscription's resolver lives for many events, so it caches nothing.
        """
        found = self.batch_loaders.get(load)
        if found is None:
            if self._reads is not None:
                self._check_declared(load, self._reads)
            found = self.batch_loaders[load] = Loader(
                partial(load, self), NAMED_AT_ONCE, keeps=self._follow is None
            )
        return found

    def _check_declared(self, load: Any, declared: frozenset[str]) -> None:
        sources = declared_by(load)
        if sources is not None and (others := sources.streams - declared):
            self.undeclared = load.__name__, ", ".join(sorted(others))

    @property
    def event(self) -> Event | None:
        """The event that a subscription's resolver was given and has not finished; None otherwise."""
        return None if self._follow is None else self._follow.event

    def follow(
        self,
        stream: str,
        key: str | None = None,
        *,
        last: int | None = None,
        present: bool = False,
    ) -> AsyncIterator[Event]:
        """Yield the events of a stream, or of one key in it, from now on.

        With `last`, that many past events come first. With `present`, an event of kind `PRESENT` comes
        first: answer it with the present state. No event is lost or repeated between that and the first
        event that follows. If the client comes back with a cursor, its events continue after the cursor,
        whatever `last` and `present` say.

        Yield any number of answers to an event, but the same ones in the same order each time: a client that
        was disconnected between two of them is sent the remaining ones. A client that was disconnected
        inside the present state is sent all of it again. The code after a `yield` runs,
        until it first waits for something, before the answer is sent: do nothing slow there, and do not rely
        on the client having the answer.

        Only a subscription's resolver can follow, and only one stream.
        """
        if self._follow is None:
            raise RuntimeError("only a subscription's own resolver can follow a stream")
        return self._follow.events(stream, key, last, present)

    async def presence(self, place: str) -> AsyncIterator[list[Present]]:
        """Let the caller be present at a place, and yield who is present: at once, and whenever that changes.

        `place` is a name of your own, of at most 200 characters, such as `f"incident/{id}"`. Callers of all processes
        count, each once, however many windows they have; one whose connection ends has left some seconds later.
        For a subscription's resolver: it follows a stream, and can follow no other. Raises `Unauthenticated` for an
        anonymous caller, and `BadUserInput` for a place that is empty, longer, or has characters that no database keeps.
        """
        if isinstance(self._principal, SharedPrincipal):
            self._principal.ask()
        async with self.services.directory.presence.joined(self._live, place) as who:
            async for _ in self.follow(PRESENCE, place, present=True):
                yield await who()

    async def renew(self, token: str, proof: str | None = None) -> Principal:
        """Renew the connection that this operation came over with a new access token.

        `proof` is the DPoP proof of a token that is bound to a key. Raises `BadUserInput` if the operation did
        not come over a connection that can be renewed.
        """
        if isinstance(self._principal, SharedPrincipal):
            self._principal.ask()
        if self._renew is None:
            raise BadUserInput(
                "There is no live connection to renew: send this over the WebSocket."
            )
        return await self._renew(token, proof)


async def close_context(context: Context) -> None:
    """Close what `Domain.context` opened, and let go of the loaders and guards, which hold the context. Call it in a
    `finally` when the operation or event is over.

    Otherwise only a collection of garbage could release all that the loaders have loaded.
    """
    context.batch_loaders.clear()
    context.guards = None
    if context.extras_scope is not None:
        await context.extras_scope.end()


class _WritableContext(Context[E]):
    """The context of a schema with `Domain.context`: what resolvers set that is not the context's own is set on `extras`.

    It is a class of its own because the context of every other schema is made faster without this.
    """

    __slots__ = ()

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None:
            if hasattr(Context, name):
                object.__setattr__(self, name, value)
            else:
                setattr(self.extras, name, value)
                self._note(setattr, name, value)


Info = strawberry.Info[Context[E], None]
"""The type of a resolver's `info` argument. `Info[Extras]` says what `info.context.extras` is."""
