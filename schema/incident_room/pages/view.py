"""What the templates show, made of the answers of /graphql. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from incident_room.pages.bars import Bars, bars
from incident_room.pages.overall import indicator
from incident_room.pages.words import Words
from watchword import decode_id

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Update:
    """A message about an incident."""

    id: str
    step: str
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """An incident or a maintenance. `key` is its id in URLs."""

    key: str
    name: str
    impact: str
    step: str
    since: datetime
    until: datetime | None
    changed: datetime
    components: list[str]
    updates: list[Update]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A component with its bars."""

    key: str
    name: str
    about: str
    status: str
    bars: Bars | None


@dataclass(frozen=True, slots=True)
class Group:
    """Components that belong together; `name` is None for those without a group."""

    name: str | None
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class PastDay:
    """The incidents that began on a day."""

    day: date
    incidents: list[Shown]


@dataclass(frozen=True, slots=True)
class StatusView:
    """The first page. There are `more_…` incidents that it does not show."""

    indicator: str
    groups: list[Group]
    now: list[Shown]
    more_now: int
    scheduled: list[Shown]
    more_scheduled: int
    past: list[PastDay]
    more_past: int


def status_view(data: Answer, words: Words, days: Iterable[date]) -> StatusView:
    """Return what the first page shows. `days` are the days of which the past is shown, the newest first."""
    parts = [(node["group"], _part(node, words)) for node in data["components"]]
    now, scheduled, past = (
        [shown(node) for node in data[name]["nodes"]] for name in ("now", "scheduled", "past")
    )
    more_past = _more(data["past"])
    by_day = {each.day: each for each in _by_day([*map(_short, now), *past], words)}
    # Of the days before, it is not known here whether there was an incident.
    first = past[-1].since.astimezone(words.zone).date() if more_past else date.min
    return StatusView(
        indicator(data["components"], data["now"]["nodes"]),
        _groups(parts),
        now,
        _more(data["now"]),
        scheduled,
        _more(data["scheduled"]),
        [by_day.get(day, PastDay(day, [])) for day in days if day >= first],
        more_past,
    )


def _more(connection: Answer) -> int:
    """Return how many incidents are not among the nodes."""
    total: int = connection["totalCount"]
    return max(0, total - len(connection["nodes"]))


def past_days(data: Answer, words: Words) -> list[PastDay]:
    """Return past incidents by the days on which they began, the newest first."""
    return _by_day([shown(node) for node in data["past"]["nodes"]], words)


def _by_day(incidents: list[Shown], words: Words) -> list[PastDay]:
    newest_first = sorted(incidents, key=lambda each: each.since, reverse=True)
    by_day = groupby(newest_first, key=lambda each: each.since.astimezone(words.zone).date())
    return [PastDay(day, list(those)) for day, those in by_day]


def _short(incident: Shown) -> Shown:
    """Return an incident with its newest update only."""
    return replace(incident, updates=incident.updates[:1])


def last_days(today: date, count: int) -> list[date]:
    """Return a number of days, from today back."""
    return [today - timedelta(days=each) for each in range(count)]


def shown(node: Answer) -> Shown:
    """Return what is shown of an incident."""
    updates = node["updates"]
    until = node["scheduledUntil"] if node["impact"] == "MAINTENANCE" else None
    return Shown(
        decode_id(node["id"], "Incident"),
        node["name"],
        node["impact"],
        node["status"],
        datetime.fromisoformat(node["startedAt"]),
        None if until is None else datetime.fromisoformat(until),
        datetime.fromisoformat(node["updatedAt"]),
        [each["name"] for each in node["components"]],
        [_update(each) for each in updates["nodes"]],
        updates.get("pageInfo", {}).get("hasNextPage", False),
    )


def _update(node: Answer) -> Update:
    at = datetime.fromisoformat(node["displayAt"])
    return Update(decode_id(node["id"], "IncidentUpdate"), node["status"], node["body"], at)


def _part(node: Answer, words: Words) -> Part:
    history = node["history"]
    return Part(
        decode_id(node["id"], "Component"),
        node["name"],
        node["description"] or "",
        node["status"],
        None if history is None else bars(node["name"], history, words),
    )


def _groups(parts: list[tuple[str | None, Part]]) -> list[Group]:
    """Return the groups in the order of their first components; those without a group come last."""
    groups: dict[str | None, Group] = {}
    for name, part in parts:
        groups.setdefault(name, Group(name, [])).parts.append(part)
    return sorted(groups.values(), key=lambda group: group.name is None)
