"""A lease ends once, in time, for its first reason; and reminds its holder before that."""

from __future__ import annotations

import pytest

from tests.support.clock import MovedClock
from tests.support.outlet import Noted
from watchword.delivery.lease import Lease, narrowed
from watchword.errors import Ending
from watchword.principal import ANONYMOUS, Grants, Principal

KEEPER = Grants(frozenset({"keeper"}), frozenset({"a:b"}))


@pytest.fixture
def holder() -> Noted:
    return Noted()


def alice(clock: MovedClock, seconds: float = 10, **more: object) -> Principal:
    return Principal("alice", KEEPER, expires_at=clock.now() + seconds, **more)  # type: ignore[arg-type]


def test_it_ends_at_the_moment_of_expiry(clock: MovedClock, holder: Noted) -> None:
    Lease(clock, alice(clock), holder)
    clock.move(9.999)
    assert holder.endings == []
    clock.move(0.001)
    assert holder.endings == [Ending.EXPIRED]


def test_it_reminds_once_before_its_end(clock: MovedClock, holder: Noted) -> None:
    lease = Lease(clock, alice(clock), holder, renew_before=4)
    assert (lease.renew_at, lease.ends_at) == (clock.now() + 6, clock.now() + 10)
    clock.move(5.999)
    assert holder.told == []
    clock.move(0.001)
    assert holder.told == ["reminded"]
    clock.move(4)
    assert holder.told == ["reminded", "ended"]


def test_a_lease_shorter_than_the_reminder_ends_without_one(
    clock: MovedClock, holder: Noted
) -> None:
    Lease(clock, alice(clock, 3), holder, renew_before=4)
    clock.move(3)
    assert holder.told == ["ended"]


def test_the_first_reason_stands(clock: MovedClock, holder: Noted) -> None:
    lease = Lease(clock, alice(clock), holder)
    lease.end(Ending.REVOKED)
    lease.end(Ending.SLOW)
    clock.move(20)
    assert holder.endings == [Ending.REVOKED]
    assert lease.ending is Ending.REVOKED


def test_an_anonymous_lease_never_ends(clock: MovedClock, holder: Noted) -> None:
    Lease(clock, ANONYMOUS, holder, renew_before=4)
    clock.move(1e9)
    assert holder.told == []


def test_a_released_lease_tells_its_holder_nothing(clock: MovedClock, holder: Noted) -> None:
    Lease(clock, alice(clock), holder, 4).release()
    clock.move(20)
    assert holder.told == []


def test_a_timer_that_runs_early_is_set_again(clock: MovedClock, holder: Noted) -> None:
    Lease(clock, alice(clock), holder)
    [(_, _, timer)] = clock._timers
    assert timer.callback is not None
    timer.callback()
    clock.move(9.9)
    assert holder.endings == []
    clock.move(0.1)
    assert holder.endings == [Ending.EXPIRED]


def test_a_renewed_lease_ends_with_the_new_token(clock: MovedClock, holder: Noted) -> None:
    lease = Lease(clock, alice(clock), holder, renew_before=4)
    clock.move(7)
    lease.renew(alice(clock))
    clock.move(5.999)
    assert holder.told == ["reminded"]
    clock.move(4.001)
    assert holder.told == ["reminded", "reminded", "ended"]


def test_a_lease_that_has_ended_is_not_renewed(clock: MovedClock, holder: Noted) -> None:
    lease = Lease(clock, alice(clock), holder)
    clock.move(10)
    lease.renew(alice(clock, 100))
    lease.narrow(ANONYMOUS)
    lease.outdate(clock.now() + 5)
    clock.move(100)
    assert holder.told == ["ended"]
    assert lease.principal.grants == KEEPER


def test_the_holder_is_told_of_other_grants_but_not_of_the_same(
    clock: MovedClock, holder: Noted
) -> None:
    lease = Lease(clock, alice(clock), holder)
    lease.renew(alice(clock))
    assert holder.told == []
    lease.narrow(narrowed(lease.principal, Grants()))
    assert holder.told == ["regranted"]
    assert lease.principal.grants == Grants()


def test_an_outdated_lease_ends_after_its_grace(clock: MovedClock, holder: Noted) -> None:
    lease = Lease(clock, alice(clock, 100), holder)
    lease.outdate(clock.now() + 5)
    assert holder.told == ["reminded"]
    clock.move(5)
    assert holder.endings == [Ending.OUTDATED]


def test_an_outdated_lease_that_is_renewed_continues(clock: MovedClock, holder: Noted) -> None:
    lease = Lease(clock, alice(clock, 100), holder)
    lease.outdate(clock.now() + 5)
    lease.renew(alice(clock, 100))
    clock.move(99)
    assert holder.endings == []


def test_the_grace_ends_with_the_token_at_the_latest(clock: MovedClock, holder: Noted) -> None:
    lease = Lease(clock, alice(clock, 3), holder)
    lease.outdate(clock.now() + 5)
    clock.move(3)
    assert holder.endings == [Ending.EXPIRED]


def test_a_narrowed_principal_keeps_everything_but_its_grants(clock: MovedClock) -> None:
    principal = alice(clock, session="s", client="c", token_id="t", issued_at=1.0, version=3)
    left = narrowed(principal, Grants(frozenset({"child"}), frozenset({"a:b", "c:d"})))
    assert left.grants == Grants(frozenset(), frozenset({"a:b"}))
    assert (left.subject, left.session, left.client) == ("alice", "s", "c")
    assert (left.token_id, left.issued_at, left.version) == ("t", 1.0, 3)
    assert left.expires_at == principal.expires_at
