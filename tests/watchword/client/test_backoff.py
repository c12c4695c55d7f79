"""How long a client waits before it connects again."""

from __future__ import annotations

from watchword.client.backoff import LONGEST, MOST_ASKED, Backoff


def test_the_first_attempt_waits_for_nothing() -> None:
    assert Backoff().pause() == 0


def test_pauses_double_to_the_longest_and_begin_again_after_a_connection_that_lasted() -> None:
    backoff, pauses = Backoff(lambda: 1.0), []
    for _ in range(7):
        backoff.failed()
        pauses.append(backoff.pause())
    assert pauses == [1, 2, 4, 8, 16, LONGEST, LONGEST]
    backoff.reset()
    assert backoff.pause() == 0


def test_after_weeks_of_failures_the_pause_is_the_longest() -> None:
    backoff = Backoff(lambda: 1.0)
    backoff.failures = 100_000
    assert backoff.pause() == LONGEST


def test_clients_that_fail_together_come_back_apart() -> None:
    pauses = set()
    for _ in range(100):
        backoff = Backoff()
        backoff.failed()
        pauses.add(backoff.pause())
    assert len(pauses) > 50
    assert max(pauses) <= 1


def test_no_pause_is_shorter_than_the_server_asks() -> None:
    backoff = Backoff(lambda: 0.0)
    backoff.failed()
    assert backoff.pause(7.0) == 7


def test_a_proxy_that_asks_for_a_year_is_waited_for_an_hour() -> None:
    assert Backoff().pause(31_536_000.0) == MOST_ASKED
