"""Watches what happens to accounts, wherever it happens, and lets it have its effect here at once."""

from __future__ import annotations

import asyncio
import logging

from graph.context import Services
from graph.database import is_unavailable
from graph.delivery.lease import narrowed
from graph.delivery.leases import Leases
from graph.delivery.run import Patience
from graph.ending import Ending
from graph.errors import CursorExpired
from graph.events import Event
from graph.identity.happenings import (
    ACCOUNT_REVOKED,
    CLIENT_REVOKED,
    ROLES_CHANGED,
    SESSION_REVOKED,
    STREAM,
    TOKEN_REVOKED,
)
from graph.identity.revocations import Revocations

log = logging.getLogger("watchword.revocations")

# Seconds for which a connection of a session that is kept may go on by its old token, where there is
# no grace to renew other tokens.
KEPT_GRACE = 10.0


class Watch:
    """Follows the stream of identity for this process.

    `seconds` is how far back it looks at the start: as long as a token can live. `grace` is how many
    seconds a connection may live by a token that must be renewed; None for one that goes on with
    what its owner still has.
    """

    def __init__(
        self,
        services: Services,
        revocations: Revocations,
        leases: Leases,
        seconds: float,
        grace: float | None,
    ) -> None:
        self._services = services
        self._revocations = revocations
        self._leases = leases
        self._seconds = seconds
        self._grace = grace
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Take in what happened of late, and begin to follow."""
        after = await self._recall()
        self._task = asyncio.create_task(self._follow(after))

    async def close(self) -> None:
        """Follow no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def forget(self, now: float) -> None:
        """Forget what no token can remember any more at this time, in Unix seconds."""
        self._revocations.forget(now)

    def take(self, event: Event, at: float) -> None:
        """Let what happened at a time have its effect on tokens to come and on connections that
        live."""
        self._revocations.add(event, at)
        match event.kind:
            case kind if kind == SESSION_REVOKED:
                self._leases.revoke_session(event.key, str(event.data["session"]))
            case kind if kind == TOKEN_REVOKED:
                self._leases.revoke_token(event.key, str(event.data["token"]))
            case kind if kind == CLIENT_REVOKED:
                self._leases.revoke_client(event.key, int(event.data["version"] or 0))
            case kind if kind == ACCOUNT_REVOKED:
                self._revoke(event)
            case kind if kind == ROLES_CHANGED:
                self._outdate(event)

    def _revoke(self, event: Event) -> None:
        kept = event.data.get("kept")
        grace = KEPT_GRACE if self._grace is None else self._grace
        for lease in self._leases.outdated(event.key, int(event.data["version"] or 0)):
            if kept is not None and lease.principal.session == kept:
                # Not at once: it may be the connection that waits to hear of this very change.
                lease.outdate(self._services.clock.now() + grace)
            else:
                lease.end(Ending.REVOKED)

    def _outdate(self, event: Event) -> None:
        now = self._services.clock.now()
        grants = self._revocations.grants(event)
        for lease in self._leases.outdated(event.key, int(event.data["version"] or 0)):
            # What was taken away is gone at once, whatever becomes of the token.
            lease.narrow(narrowed(lease.principal, grants))
            if self._grace is not None:
                lease.outdate(now + self._grace)

    async def _recall(self) -> int:
        now = self._services.clock.now()
        happened, head = await self._services.log.since(STREAM, now - self._seconds)
        for event, at in happened:
            self.take(event, at)
        return head

    async def _follow(self, after: int) -> None:
        patience = Patience(self._services.clock)
        while True:
            try:
                reader, mailbox = await self._services.hub.follow(STREAM, None, after)
                try:
                    while True:
                        event = await reader.next(mailbox)
                        after = event.position
                        self.take(event, self._services.clock.now())
                finally:
                    reader.leave(mailbox)
            except CursorExpired:
                after = await self._recall()
            except Exception as error:
                if not is_unavailable(error):
                    log.exception("the watch over sessions stumbled")
                await patience.wait(error)
