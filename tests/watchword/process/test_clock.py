"""The system's clock, and the tests' clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tests.support.clock import MovedClock
from tests.support.outlet import Noted
from watchword.delivery.lease import Lease
from watchword.errors import Ending
from watchword.principal import Principal
from watchword.process import clock as module
from watchword.process.clock import LONGEST_NAP, SystemClock


async def test_a_time_that_has_passed_is_called_back_at_once() -> None:
    clock = SystemClock()
    called = asyncio.Event()
    clock.call_at(clock.now() - 100, called.set)
    await asyncio.wait_for(called.wait(), 10)


async def test_a_cancelled_timer_is_not_called() -> None:
    clock = SystemClock()
    called: list[int] = []
    done = asyncio.Event()
    clock.call_at(clock.now() - 1, lambda: called.append(1)).cancel()
    clock.call_at(clock.now(), done.set)
    await asyncio.wait_for(done.wait(), 10)
    assert called == []


class Machine:
    """An event loop's clock and a wall clock that run together until the wall clock is set."""

    def __init__(self) -> None:
        self.timers = MovedClock(0)
        self.wall = 1_800_000_000.0

    def time(self) -> float:
        return self.timers.now()

    def call_later(self, delay: float, callback: Callable[[], object]) -> object:
        return self.timers.call_at(self.time() + delay, callback)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    wall = SimpleNamespace(time=lambda: made.wall + made.time())
    monkeypatch.setattr(module, "time", wall)
    monkeypatch.setattr(module, "asyncio", SimpleNamespace(get_running_loop=lambda: made))
    return made


def test_a_timer_runs_at_its_time_and_once(machine: Machine) -> None:
    clock, seen = SystemClock(), list[float]()
    for delay in (0, LONGEST_NAP, 600):
        clock.call_at(clock.now() + delay, lambda: seen.append(machine.time()))
    machine.timers.move(2000)
    assert seen == [0, LONGEST_NAP, 600]


def test_a_clock_that_jumps_is_noticed(machine: Machine) -> None:
    clock, seen = SystemClock(), list[float]()
    clock.call_at(clock.now() + 600, lambda: seen.append(machine.time()))
    machine.timers.move(10)
    machine.wall += 3600
    machine.timers.move(LONGEST_NAP)
    assert seen == [LONGEST_NAP]


def test_a_clock_that_is_put_back_lets_nobody_wait_for_longer(machine: Machine) -> None:
    clock, seen = SystemClock(), list[float]()
    clock.call_at(clock.now() + 600, lambda: seen.append(machine.time()))
    machine.timers.move(10)
    machine.wall -= 3600
    machine.timers.move(2000)
    assert seen == [600]


def test_a_timer_that_is_cancelled_between_its_naps_is_not_called(machine: Machine) -> None:
    clock, seen = SystemClock(), list[int]()
    timer = clock.call_at(clock.now() + 600, lambda: seen.append(1))
    machine.timers.move(100)
    timer.cancel()
    machine.timers.move(2000)
    assert seen == []


def test_a_lease_ends_when_the_clock_jumps_past_its_token(machine: Machine) -> None:
    clock, holder = SystemClock(), Noted()
    Lease(clock, Principal("alice", expires_at=clock.now() + 600), holder, renew_before=60)
    machine.wall += 3600
    machine.timers.move(30)
    assert holder.endings == [Ending.EXPIRED]


def test_a_moved_clock_runs_its_timers_in_order_at_their_own_time() -> None:
    clock = MovedClock(0)
    seen: list[tuple[str, float]] = []
    clock.call_at(5, lambda: seen.append(("b", clock.now())))
    clock.call_at(3, lambda: seen.append(("a", clock.now())))
    clock.call_at(11, lambda: seen.append(("c", clock.now())))
    clock.move(10)
    assert seen == [("a", 3), ("b", 5)]
    assert clock.now() == 10
