"""A client that does not read is dropped in time, and no other client is."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.support.clock import MovedClock
from tests.support.outlet import FakeOutgoing
from watchword.asgi.backlog import Backlog, BacklogLimits

LIMITS = BacklogLimits(writes=10, size=1_000, seconds=10)


class Case:
    """A backlog, with the outgoing counters and the clock that it checks."""

    def __init__(self, clock: MovedClock) -> None:
        self.outgoing = FakeOutgoing()
        self.dropped: list[float] = []
        self.backlog = Backlog(
            clock, LIMITS, self.outgoing, lambda: self.dropped.append(clock.now())
        )

    def write(self, size: int) -> None:
        self.outgoing.write(size)
        self.backlog.wrote(*self.outgoing.unsent)


@pytest.fixture
def case(clock: MovedClock) -> Case:
    return Case(clock)


def test_a_client_that_reads_nothing_is_dropped_in_time(case: Case, clock: MovedClock) -> None:
    start = clock.now()
    case.write(1)
    clock.move(9)
    case.write(1)
    assert not case.dropped
    clock.move(1)
    assert case.dropped == [start + 10]


def test_a_client_that_stops_reading_is_dropped_in_time(case: Case, clock: MovedClock) -> None:
    case.write(500)
    for _ in range(20):
        clock.move(4)
        case.outgoing.read(10)
    assert not case.dropped
    stopped = clock.now()
    clock.move(60)
    assert case.dropped[0] - stopped <= 1.5 * LIMITS.seconds


def test_a_client_that_reads_slowly_is_kept(case: Case, clock: MovedClock) -> None:
    for _ in range(100):
        case.write(3)
        clock.move(6)
        case.outgoing.read(3)
    assert not case.dropped


def test_one_that_has_read_everything_may_be_idle(case: Case, clock: MovedClock) -> None:
    case.write(3)
    case.outgoing.read(3)
    clock.move(1_000)
    assert not case.dropped
    case.write(3)
    clock.move(9)
    assert not case.dropped
    clock.move(1)
    assert len(case.dropped) == 1


@pytest.mark.parametrize(("size", "times"), [(501, 2), (1, 11)])
def test_one_for_which_too_much_waits_is_dropped_at_once(case: Case, size: int, times: int) -> None:
    for _ in range(times - 1):
        case.write(size)
    assert not case.dropped
    case.write(size)
    case.write(size)
    assert len(case.dropped) == 1


def test_one_that_has_left_is_not_dropped(case: Case, clock: MovedClock) -> None:
    case.write(1)
    case.backlog.close()
    case.write(10_000)
    clock.move(100)
    assert not case.dropped


class AnyReader(RuleBasedStateMachine):
    """A client that reads at random times, checked against the rule in one sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = MovedClock()
        self.case = Case(self.clock)
        # The time at which something began to wait, or was last read.
        self.since = self.clock.now()

    @rule(size=st.integers(1, 200))
    def is_written_to(self, size: int) -> None:
        if not self.case.outgoing.unsent[1]:
            self.since = self.clock.now()
        self.case.write(size)
        writes, waits = self.case.outgoing.unsent
        if waits > LIMITS.size or writes > LIMITS.writes:
            assert self.case.dropped

    @rule(size=st.integers(1, 300))
    def reads(self, size: int) -> None:
        if self.case.outgoing.unsent[1]:
            self.since = self.clock.now()
        self.case.outgoing.read(size)

    @rule(seconds=st.integers(1, 20))
    def waits(self, seconds: int) -> None:
        was_dropped = bool(self.case.dropped)
        self.clock.move(seconds)
        unread = self.clock.now() - self.since if self.case.outgoing.unsent[1] else 0
        if unread >= 1.5 * LIMITS.seconds:
            assert self.case.dropped
        elif unread < LIMITS.seconds and not was_dropped:
            assert not self.case.dropped


TestAnyReader = AnyReader.TestCase
