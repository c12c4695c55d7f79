"""A lease ends once, at its moment, for its first reason."""

from __future__ import annotations

from graph.delivery.lease import Lease
from graph.ending import Ending
from graph.principal import ANONYMOUS, Principal
from tests.support.clock import MovedClock


def test_it_ends_at_the_moment_of_expiry(clock: MovedClock) -> None:
    endings: list[Ending] = []
    Lease(clock, Principal("alice", expires_at=clock.now() + 10), endings.append)
    clock.move(9.999)
    assert endings == []
    clock.move(0.001)
    assert endings == [Ending.EXPIRED]


def test_the_first_reason_stands(clock: MovedClock) -> None:
    endings: list[Ending] = []
    lease = Lease(clock, Principal("alice", expires_at=clock.now() + 10), endings.append)
    lease.end(Ending.REVOKED)
    lease.end(Ending.SLOW)
    clock.move(20)
    assert endings == [Ending.REVOKED]
    assert lease.ending is Ending.REVOKED


def test_anonymous_has_no_end(clock: MovedClock) -> None:
    endings: list[Ending] = []
    Lease(clock, ANONYMOUS, endings.append)
    clock.move(1e9)
    assert endings == []


def test_a_released_lease_says_nothing(clock: MovedClock) -> None:
    endings: list[Ending] = []
    lease = Lease(clock, Principal("alice", expires_at=clock.now() + 10), endings.append)
    lease.release()
    clock.move(20)
    assert endings == []


def test_a_timer_that_comes_early_is_set_again(clock: MovedClock) -> None:
    endings: list[Ending] = []
    Lease(clock, Principal("alice", expires_at=clock.now() + 10), endings.append)
    [(_, _, timer)] = clock._timers
    assert timer.callback is not None
    timer.callback()
    assert endings == []
    clock.move(10)
    assert endings == [Ending.EXPIRED]
