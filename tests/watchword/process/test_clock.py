"""The system's clock, and the tests' clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, ContextVar
from functools import partial
from types import SimpleNamespace

import pytest

from tests.support.clock import MovedClock
from tests.support.outlet import Noted
from watchword.delivery.lease import Lease
from watchword.errors import Ending
from watchword.principal import Principal
from watchword.process import clock as module
from watchword.process.clock import LONGEST_NAP, MOST_CANCELLED, SystemClock


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

    def call_soon(self, callback: Callable[[], object], *, context: Context) -> None:
        context.run(callback)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    wall = SimpleNamespace(time=lambda: made.wall + made.time(), monotonic=made.time)
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


def test_a_timer_that_is_due_earlier_than_the_others_runs_first(machine: Machine) -> None:
    clock, seen = SystemClock(), list[str]()
    for delay, name in ((500, "last"), (20, "second"), (5, "first"), (500, "too")):
        clock.call_at(clock.now() + delay, partial(seen.append, name))
    machine.timers.move(5)
    assert seen == ["first"]
    machine.timers.move(1000)
    assert seen == ["first", "second", "last", "too"]


def test_a_timer_cancelled_by_another_of_the_same_moment_is_not_called(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, seen = SystemClock(), list[str]()
    waiting = list[Callable[[], object]]()
    monkeypatch.setattr(machine, "call_soon", lambda call, context: waiting.append(call))
    when = clock.now() + 5
    clock.call_at(when, lambda: second.cancel())
    second = clock.call_at(when, lambda: seen.append("second"))
    machine.timers.move(5)
    for each in waiting:
        each()
    assert len(waiting) == 2
    assert seen == []


def test_a_jump_forward_after_one_back_lets_nobody_wait_for_longer(machine: Machine) -> None:
    clock, seen = SystemClock(), list[str]()
    clock.call_at(clock.now() + 600, lambda: seen.append("before"))
    machine.wall -= 3600
    machine.timers.move(LONGEST_NAP)
    clock.call_at(clock.now() + 100, lambda: seen.append("between"))
    machine.wall += 3600
    machine.timers.move(LONGEST_NAP)
    assert seen == ["between"]
    machine.timers.move(600)
    assert seen == ["between", "before"]


def test_all_timers_together_have_one_of_the_loop(machine: Machine) -> None:
    clock = SystemClock()
    for delay in (600, 700, 500, 800):
        clock.call_at(clock.now() + delay, list)
    assert machine.timers.waiting == 1


def test_cancelled_timers_are_not_kept_to_their_time(machine: Machine) -> None:
    clock = SystemClock()
    for _ in range(20 * MOST_CANCELLED):
        clock.call_at(clock.now() + 600, list).cancel()
    assert clock._timers is not None
    assert len(clock._timers._heap) <= 2 * MOST_CANCELLED


async def test_a_timer_has_the_context_variables_of_its_making() -> None:
    clock, name, seen = SystemClock(), ContextVar[str]("name"), list[str]()
    done = asyncio.Event()
    name.set("maker")

    def note() -> None:
        seen.append(name.get())
        done.set()

    clock.call_at(clock.now(), note)
    name.set("later")
    await asyncio.wait_for(done.wait(), 10)
    assert seen == ["maker"]


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
