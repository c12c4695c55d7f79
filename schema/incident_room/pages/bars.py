"""The bars of a component: one for each of its last days. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from incident_room.pages.words import Words

# The width of a bar with the gap behind it, and without, in units of the picture.
STEP, WIDTH = 3, 2
SECONDS = {
    "MAJOR_OUTAGE": "majorOutageSeconds",
    "PARTIAL_OUTAGE": "partialOutageSeconds",
    "DEGRADED_PERFORMANCE": "degradedSeconds",
    "UNDER_MAINTENANCE": "maintenanceSeconds",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A day on which something was wrong: its place from the left, its worst status, and words about it."""

    x: int
    status: str
    words: str


@dataclass(frozen=True, slots=True)
class Bars:
    """The picture of a component's days. Days before `known_x` are unknown."""

    width: int
    known_x: int
    label: str
    uptime: str
    summary: str
    bad: list[Bar]


def bars(name: str, history: Mapping[str, Any], words: Words) -> Bars:
    """Return the bars for the `history` of a component, as GraphQL answers it."""
    first, last = date.fromisoformat(history["firstDay"]), date.fromisoformat(history["lastDay"])
    known = date.fromisoformat(history["knownFrom"])
    count = (last - first).days + 1
    uptime = words.per_cent(history["uptime"])
    label = words("bars.label", name=name, uptime=uptime, days=count)
    if known > first:
        label += f"; {words('bars.unknown', day=words.day(known))}"
    bad = [_bar(day, first, words) for day in history["days"]]
    summary = words.count("bars.bad", len(bad)) if bad else ""
    return Bars(count * STEP - 1, (known - first).days * STEP, label, uptime, summary, bad)


def _bar(day: Mapping[str, Any], first: date, words: Words) -> Bar:
    at = date.fromisoformat(day["date"])
    parts = [
        f"{words(f'status.{status}')} {words.duration(day[name])}"
        for status, name in SECONDS.items()
        if day[name]
    ]
    said = f"{words.day(at)}: {', '.join(parts)}"
    return Bar((at - first).days * STEP, day["worst"], said)
