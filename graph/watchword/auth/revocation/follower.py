"""Follows the stream of identity events: a revocation by any process takes effect in this one at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from watchword.auth.revocation.identity_events import (
    ACCOUNT_REVOKED,
    CLIENT_REVOKED,
    ROLES_CHANGED,
    SESSION_REVOKED,
    STREAM,
    TOKEN_REVOKED,
)
from watchword.auth.revocation.revocations import Revocations
from watchword.context import Services
from watchword.delivery.lease import narrowed
from watchword.delivery.leases import Leases
from watchword.errors import CursorExpired, Ending
from watchword.events.event import Event, Place
from watchword.process.background import Supervised

# Seconds within which a connection of the kept session must renew its token, if the settings give no grace
# period for outdated tokens.
KEPT_GRACE = 10.0
# Seconds between two removals of outdated revocations from memory.
FORGET_SECONDS = 60.0


class RevocationFollower:
    """Follows the stream of identity events for this process.

    At the start it reads the events of the last `seconds`, the longest lifetime of a token. When roles
    change, connections have `grace` seconds to renew their token; None keeps them open with the grants
    that are left.
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
        self.heard: Counter[str] = Counter()
        """How many events this process heard while it followed the stream, by their kind."""
        self.on_heard: Callable[[Event, float], object] | None = None
        """Called with each of them and the time (Unix seconds)."""

    async def open(self) -> None:
        """Read the recent events, then follow new ones until the background is closed."""
        await self._recall()
        background = self._services.background
        background.start("the follower of revocations", self._follow, is_needed=True)
        background.every(FORGET_SECONDS, "the dropping of old revocations", self.forget)

    async def forget(self) -> None:
        """Drop the revocations that are older than any token."""
        self._revocations.forget(self._services.clock.now())

    def apply(self, event: Event, at: float) -> None:
        """Apply an event that happened at `at` (Unix seconds) to live connections and to later checks."""
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
                # Do not end it at once: it may be the connection that waits for the result of this change.
                lease.outdate(self._services.clock.now() + grace)
            else:
                lease.end(Ending.REVOKED)

    def _outdate(self, event: Event) -> None:
        now = self._services.clock.now()
        grants = self._revocations.grants(event)
        for lease in self._leases.outdated(event.key, int(event.data["version"] or 0)):
            # Removed roles and scopes end at once, even while the token may still be renewed.
            lease.narrow(narrowed(lease.principal, grants))
            if self._grace is not None:
                lease.outdate(now + self._grace)

    async def _recall(self) -> Place:
        now = self._services.clock.now()
        happened, head = await self._services.event_log.since(STREAM, now - self._seconds)
        for event, at in happened:
            self.apply(event, at)
        return head

    async def _follow(self, task: Supervised) -> None:
        while True:
            # Read everything again: if this task failed at an event, that event must not be skipped.
            after = await self._recall()
            # CursorExpired: events were pruned before they were read. The next recall reads those that still matter.
            with suppress(CursorExpired):
                await self._hear(task, after)

    async def _hear(self, task: Supervised, after: Place) -> None:
        reader, mailbox = await self._services.hub.follow(STREAM, None, after)
        task.well()
        try:
            while True:
                event = await reader.next(mailbox)
                now = self._services.clock.now()
                self.apply(event, now)
                self.heard[event.kind] += 1
                if self.on_heard is not None:
                    self.on_heard(event, now)
        finally:
            reader.leave(mailbox)
