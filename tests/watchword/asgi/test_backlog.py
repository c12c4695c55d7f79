"""A client that does not read is given up in time, whatever it does, and no other is."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.support.clock import MovedClock
from tests.support.outlet import FakeOutgoing
from watchword.asgi.backlog import Backlog, BacklogLimits

LIMITS = BacklogLimits(writes=10, size=1_000, seconds=10)


class Case:
    """A backlog, with the line and the clock that it looks at."""

    def __init__(self, clock: MovedClock) -> None:
        self.line = FakeOutgoing()
        self.given_up: list[float] = []
        self.backlog = Backlog(clock, LIMITS, self.line, lambda: self.given_up.append(clock.now()))

    def write(self, size: int) -> None:
        self.line.write(size)
        self.backlog.wrote(*self.line.unsent)


@pytest.fixture
def case(clock: MovedClock) -> Case:
    return Case(clock)


def test_one_that_reads_nothing_is_given_up_in_time(case: Case, clock: MovedClock) -> None:
    start = clock.now()
    case.write(1)
    clock.move(9)
    case.write(1)
    assert not case.given_up
    clock.move(1)
    assert case.given_up == [start + 10]


def test_one_that_stops_after_a_while_is_given_up_in_time(case: Case, clock: MovedClock) -> None:
    case.write(500)
    for _ in range(20):
        clock.move(4)
        case.line.read(10)
    assert not case.given_up
    stopped = clock.now()
    clock.move(60)
    assert case.given_up[0] - stopped <= 1.5 * LIMITS.seconds


def test_one_that_reads_slowly_is_kept(case: Case, clock: MovedClock) -> None:
    for _ in range(100):
        case.write(3)
        clock.move(6)
        case.line.read(3)
    assert not case.given_up


def test_one_that_has_read_everything_may_be_idle(case: Case, clock: MovedClock) -> None:
    case.write(3)
    case.line.read(3)
    clock.move(1_000)
    assert not case.given_up
    case.write(3)
    clock.move(9)
    assert not case.given_up
    clock.move(1)
    assert len(case.given_up) == 1


@pytest.mark.parametrize(("size", "times"), [(501, 2), (1, 11)])
def test_one_for_which_too_much_waits_is_given_up_at_once(
    case: Case, size: int, times: int
) -> None:
    for _ in range(times - 1):
        case.write(size)
    assert not case.given_up
    case.write(size)
    case.write(size)
    assert len(case.given_up) == 1


def test_one_that_has_left_is_not_given_up(case: Case, clock: MovedClock) -> None:
    case.write(1)
    case.backlog.close()
    case.write(10_000)
    clock.move(100)
    assert not case.given_up


class AnyReader(RuleBasedStateMachine):
    """A client that reads when it likes, against a rule that is told in one sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = MovedClock()
        self.case = Case(self.clock)
        # When something began to wait, or was read last.
        self.since = self.clock.now()

    @rule(size=st.integers(1, 200))
    def is_written_to(self, size: int) -> None:
        if not self.case.line.unsent[1]:
            self.since = self.clock.now()
        self.case.write(size)
        writes, waits = self.case.line.unsent
        if waits > LIMITS.size or writes > LIMITS.writes:
            assert self.case.given_up

    @rule(size=st.integers(1, 300))
    def reads(self, size: int) -> None:
        if self.case.line.unsent[1]:
            self.since = self.clock.now()
        self.case.line.read(size)

    @rule(seconds=st.integers(1, 20))
    def waits(self, seconds: int) -> None:
        was_given_up = bool(self.case.given_up)
        self.clock.move(seconds)
        unread = self.clock.now() - self.since if self.case.line.unsent[1] else 0
        if unread >= 1.5 * LIMITS.seconds:
            assert self.case.given_up
        elif unread < LIMITS.seconds and not was_given_up:
            assert not self.case.given_up


TestAnyReader = AnyReader.TestCase
