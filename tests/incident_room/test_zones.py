"""Zones are found by their names, and nothing else is read by a name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from incident_room.zones import zone


def test_a_zone_has_its_hours() -> None:
    assert datetime(2026, 7, 1, tzinfo=zone("Europe/Berlin")).utcoffset() == timedelta(hours=2)
    assert zone("UTC") is zone("Etc/UTC") is UTC


@pytest.mark.parametrize(
    "name",
    [
        "Mars/Olympus",
        "Europe",
        "../../etc/passwd",
        "/etc/passwd",
        "",
        "\x00",
        "\ud800",
        "x" * 65,
        "é",
    ],
)
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be a zone that is known here"):
        zone(name)
