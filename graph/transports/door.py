"""What every door needs: one value, made by the app."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from graph.context import Services
from graph.delivery.groups import Groups
from graph.delivery.lease import Lease, Tenant
from graph.delivery.leases import Leases
from graph.errors import InvalidToken, TokenExpired, TokenRevoked
from graph.execution.engine import Engine
from graph.principal import Principal
from graph.settings import Settings
from graph.transports.admission import Admission
from graph.transports.authenticate import Authenticate
from graph.transports.frames import Wire

log = logging.getLogger("watchword.tokens")

Confirm = Callable[[Principal], Principal]
"""Returns the principal as its token is to be believed at this moment; asks nobody."""


@dataclass(frozen=True, slots=True)
class Door:
    """The stages behind a door, in the order in which a request passes them."""

    settings: Settings
    authenticate: Authenticate
    confirm: Confirm
    admission: Admission
    engine: Engine
    groups: Groups
    leases: Leases
    services: Services

    def still(self, principal: Principal) -> Principal:
        """Return a principal as it is to be believed after something was waited for; asks nobody.

        Raises `TokenExpired`, `TokenOutdated` or `TokenRevoked`.
        """
        try:
            if principal.expires_at <= self.services.clock.now():
                raise TokenExpired
            return self.confirm(principal)
        except (TokenExpired, TokenRevoked) as error:
            log.info("a token was refused by the rule: %s", error.rule)
            raise

    def lease(self, principal: Principal, tenant: Tenant) -> Lease:
        """Give a live connection its lease.

        Raises `RateLimited` when the principal has too many, and what `still` raises when something
        happened since it was authenticated.
        """
        principal = self.still(principal)
        if not principal.is_anonymous:
            self.admission.check(self.leases.count(principal.subject))
        settings = self.settings
        lease = Lease(self.services.clock, principal, tenant, settings.renew_before_seconds)
        self.leases.add(lease)
        return lease

    def give_back(self, lease: Lease) -> None:
        """Take a lease back: its connection is gone."""
        lease.release()
        self.leases.discard(lease)

    def is_slow(self, wire: Wire) -> bool:
        """Tell whether more waits for a client to read than is kept for it."""
        writes, size = wire.waiting
        settings = self.settings
        return size > settings.outgoing_limit_bytes or writes > settings.outgoing_limit

    async def drained(self, wire: Wire, give_up: Callable[[], object]) -> None:
        """Wait while a connection is full; its client may take so long, and is given up then."""
        if not wire.is_full:
            return
        clock = self.services.clock
        timer = clock.call_at(clock.now() + self.settings.slow_seconds, give_up)
        try:
            await wire.drained()
        finally:
            timer.cancel()


def check_renewal(now: Principal, then: Principal) -> None:
    """Raise `InvalidToken` when a connection of one principal cannot go on as the other."""
    for name in ("subject", "session", "client", "key"):
        if getattr(now, name) != getattr(then, name):
            raise InvalidToken(f"renewal with another {name}")
