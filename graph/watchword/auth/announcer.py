"""Tells the domain's hook what happens to accounts (`Domain.on_identity`), once for all processes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from watchword.auth.accounts.accounts import info_of
from watchword.auth.audit.audit import ANNOUNCED
from watchword.auth.tables import Account
from watchword.context import Services
from watchword.errors import CursorExpired
from watchword.events.event import Event, Place
from watchword.hooks import IdentityEvent, IdentityKind, answer_of
from watchword.process.background import Background, Supervised
from watchword.process.deadline import within
from watchword.storage.used_ids import use_once
from watchword.throttling.ceiling import most

log = logging.getLogger("watchword.sessions")

RECALLED = 3_600.0
"""A process that starts looks for events of the last so many seconds that no process has taken."""


class Announcer:
    """Follows the stream of announced events. The process that takes an event first calls the hook.

    An event is taken, in the database, before the hook is called. So no event is told twice, and one is not told at
    all if its process dies in that moment.
    """

    def __init__(
        self, services: Services, hook: Callable[[IdentityEvent], Awaitable[None]]
    ) -> None:
        self._services = services
        self._hook = hook

    def open(self, background: Background) -> None:
        """Begin to follow, until the background is closed."""
        background.start("the hook of identity events", self._follow)

    async def _follow(self, task: Supervised) -> None:
        while True:
            after = await self._recall()
            # CursorExpired: this process is so far behind that events were pruned, or did not fit into memory.
            with suppress(CursorExpired):
                await self._hear(task, after)

    async def _recall(self) -> Place:
        now = self._services.clock.now()
        happened, head = await self._services.event_log.since(ANNOUNCED, now - RECALLED)
        for event, _ in happened:
            await self._tell(event)
        return head

    async def _hear(self, task: Supervised, after: Place) -> None:
        reader, mailbox = await self._services.hub.follow(ANNOUNCED, None, after)
        task.well()
        try:
            while True:
                await self._tell(await reader.next(mailbox))
        finally:
            reader.leave(mailbox)

    async def _tell(self, event: Event) -> None:
        told = await self._told(event)
        # Take the event last: one that is taken is lost if the database cannot be asked for its account then.
        if told is None or not await self._take(event):
            return
        services = self._services
        try:
            await within(
                services.clock,
                most(services.settings, "operation_seconds"),
                answer_of(self._hook(told)),
            )
        except Exception:
            log.exception("Domain.on_identity failed at %s of %s", told.kind.value, event.key)

    async def _take(self, event: Event) -> bool:
        """Take an event for this process. Returns False if another process has it, or this one has had it."""
        until = int(event.data["at"] or 0) + 2 * RECALLED
        async with self._services.database.write() as db:
            return await use_once(db, "identity event", event.key, event.mark, until)

    async def _told(self, event: Event) -> IdentityEvent | None:
        async with self._services.database.read() as db:
            account = await db.get(Account, event.key)
        if account is None:
            return None
        at, session, client = (event.data.get(name) for name in ("at", "session", "client"))
        return IdentityEvent(
            IdentityKind(event.kind),
            info_of(account),
            float(at or 0),
            None if session is None else str(session),
            None if client is None else str(client),
        )
