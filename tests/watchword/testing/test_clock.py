"""A clock that is moved runs each timer once, at its time and in the order of the times."""

from __future__ import annotations

from watchword.testing.clock import MovedClock


def test_timers_run_at_their_time_and_in_their_order() -> None:
    clock = MovedClock(100)
    ran: list[tuple[str, float]] = []
    for name, when in (("late", 130), ("early", 110), ("never", 200)):
        clock.call_at(when, lambda name=name: ran.append((name, clock.now())))
    assert clock.next_at == 110
    clock.move(50)
    assert clock.next_at == 200
    assert ran == [("early", 110), ("late", 130)]
    assert clock.now() == 150
    assert clock.is_waiting_for(50)
    assert not clock.is_waiting_for(49)


def test_a_cancelled_timer_does_not_run() -> None:
    clock = MovedClock()
    ran: list[int] = []
    clock.call_at(clock.now() + 1, lambda: ran.append(1)).cancel()
    assert (clock.waiting, clock.next_at) == (0, None)
    clock.move(1)
    assert ran == []


def test_a_timer_that_is_set_by_another_runs_in_the_same_move() -> None:
    clock = MovedClock(0)
    ran: list[float] = []

    def again() -> None:
        ran.append(clock.now())
        clock.call_at(clock.now() + 10, again)

    clock.call_at(10, again)
    clock.move(35)
    assert ran == [10, 20, 30]
