"""Keys whose run could not be shared have growing pauses, and take limited memory."""

from __future__ import annotations

import pytest

from watchword.execution import troubles
from watchword.execution.troubles import FIRST_PAUSE, LONGEST_PAUSE, Troubles


def pauses(noted: Troubles, times: int) -> list[float]:
    """Return the pauses of this many troubles in a row, each right after the previous pause."""
    now, found = 0.0, []
    for _ in range(times):
        noted.note("key", now, is_lasting=False)
        begin = now
        while not noted.allows("key", now):
            now += FIRST_PAUSE
        found.append(now - begin)
    return found


def test_pauses_grow_up_to_the_longest() -> None:
    assert pauses(Troubles(), 12) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_after_a_pause_without_trouble_the_first_pause_is_short_again() -> None:
    noted = Troubles()
    assert pauses(noted, 3)[-1] == 4
    noted.note("key", 7 + 4 + 0.1, is_lasting=False)
    assert noted.allows("key", 7 + 4 + 0.1 + FIRST_PAUSE)


def test_lasting_trouble_has_the_longest_pause_at_once() -> None:
    noted = Troubles()
    noted.note("key", 0, is_lasting=True)
    assert not noted.allows("key", LONGEST_PAUSE - 1)
    assert noted.allows("key", LONGEST_PAUSE)
    assert noted.allows("other", 0)


def test_the_number_of_keys_is_limited_and_old_ones_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(troubles, "MOST", 3)
    noted = Troubles()
    for key in range(10):
        noted.note(key, key, is_lasting=False)
    assert len(noted) == 3
    noted.note("late", 1_000, is_lasting=False)
    assert len(noted) == 1


def test_it_says_until_when_a_key_is_not_allowed() -> None:
    noted = Troubles()
    assert noted.until("key") == 0
    noted.note("key", 5, is_lasting=False)
    assert noted.until("key") == 5 + FIRST_PAUSE
