"""The client is told when its connection ends, and when to renew."""

from __future__ import annotations

from tests.support.clock import MovedClock
from tests.support.outlet import Noted
from watchword.delivery.lease import Lease
from watchword.principal import ANONYMOUS, Principal
from watchword.transports.websocket.expiry import expiry


def test_they_are_moments_in_utc(clock: MovedClock) -> None:
    principal = Principal("alice", expires_at=clock.now() + 600)
    assert expiry(Lease(clock, principal, Noted(), renew_before=60)) == {
        "expiresAt": "2027-01-15T08:10:00Z",
        "renewBefore": "2027-01-15T08:09:00Z",
    }


def test_a_connection_that_does_not_expire_has_no_expiry(clock: MovedClock) -> None:
    assert expiry(Lease(clock, ANONYMOUS, Noted())) is None
