"""Observed refusals are counted each, and logged now and then without anything of the caller."""

from __future__ import annotations

import pytest

from watchword.process.observed_refusals import LOG_SECONDS, LONGEST_NAME, ObservedRefusals


def test_each_is_counted_and_the_log_says_how_many_came_since(
    caplog: pytest.LogCaptureFixture,
) -> None:
    observed = ObservedRefusals()
    for now in (0, 1, LOG_SECONDS - 1):
        observed.note("Ship.captain", "scope a", "Fleet", now)
    observed.note("Ship.captain", "role b", None, 1)
    assert observed.counts == {("Ship.captain", "scope a"): 3, ("Ship.captain", "role b"): 1}
    first, other = [record.getMessage() for record in caplog.records]
    assert "Ship.captain in 1 operations" in first
    assert first.endswith("lately in Fleet. It needs: scope a")
    assert "in one without a name" in other
    observed.note("Ship.captain", "scope a", "n" * 10_000, LOG_SECONDS)
    again = caplog.records[-1].getMessage()
    assert "Ship.captain in 3 operations" in again
    assert f"lately in {'n' * LONGEST_NAME}. " in again
