"""What the days of a component were like, from the recorded changes of its status and its incidents. Pure.

A status holds from the change that set it until the next one. Incidents of which no change of the component was
recorded count by their impact: many status pages are imported from files that have no changes of components.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from incident_room.vocabulary import ComponentStatus, Impact

Status = ComponentStatus
# From the best to the worst. Maintenance was announced, so it counts for less than anything that was not.
SEVERITY = {
    status: rank
    for rank, status in enumerate(
        (
            Status.OPERATIONAL,
            Status.UNDER_MAINTENANCE,
            Status.DEGRADED_PERFORMANCE,
            Status.PARTIAL_OUTAGE,
            Status.MAJOR_OUTAGE,
        )
    )
}
STATUS_OF_IMPACT = {
    Impact.MINOR: Status.DEGRADED_PERFORMANCE,
    Impact.MAJOR: Status.PARTIAL_OUTAGE,
    Impact.CRITICAL: Status.MAJOR_OUTAGE,
    Impact.MAINTENANCE: Status.UNDER_MAINTENANCE,
}
# Shares of an outage's time that count as downtime, as on Statuspage
# (https://support.atlassian.com/statuspage/docs/display-historical-uptime-of-components/).
DOWNTIME = {Status.PARTIAL_OUTAGE: 0.3, Status.MAJOR_OUTAGE: 1.0}


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the status of a component."""

    at: datetime
    before: Status
    after: Status


@dataclass(frozen=True, slots=True)
class Affected:
    """The time in which an incident affected a component; `until` is None while it goes on."""

    since: datetime
    until: datetime | None
    impact: Impact


@dataclass(slots=True)
class Day:
    """A day: the worst status of the component, and how many seconds it had each status."""

    date: date
    worst: Status
    seconds: dict[Status, float]


@dataclass(slots=True)
class History:
    """The days of a component on which it was not operational all the time, the oldest first.

    `known_from` is the first day of which anything is known. `uptime` is in per cent of the time since then.
    """

    first_day: date
    last_day: date
    known_from: date
    uptime: float
    days: list[Day] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Span:
    since: datetime
    until: datetime
    status: Status


def history(
    now: datetime,
    days: int,
    known_since: datetime,
    status: Status,
    changes: Sequence[Change],
    incidents: Iterable[Affected],
    zone: tzinfo = UTC,
) -> History:
    """Return the last `days` days of a component in a zone, today included.

    `changes` are those since the first day, and the last one before, the oldest first. `known_since` is when the
    component was added here, and `status` its present status, which it always had if no change was recorded.
    """
    last = now.astimezone(zone).date()
    first = last - timedelta(days=days - 1)
    affected = [each for each in incidents if not _is_recorded(each, changes, now)]
    begun = [known_since, *(change.at for change in changes), *(each.since for each in affected)]
    window = max(min(begun), _midnight(first, zone))
    spans = list(_of_changes(changes, now)) or [_Span(known_since, now, status)]
    spans += _of_incidents(affected, now)
    found = _days([each for span in spans for each in _clipped(span, window, now, zone)], zone)
    known = max((now - window).total_seconds(), 1.0)
    down = sum(DOWNTIME.get(each, 0) * s for day in found for each, s in day.seconds.items())
    uptime = 100 * (1 - min(down / known, 1.0))
    return History(first, last, min(window.astimezone(zone).date(), last), uptime, found)


def _is_recorded(incident: Affected, changes: Sequence[Change], now: datetime) -> bool:
    until = incident.until or now
    return any(incident.since <= change.at <= until for change in changes)


def _of_changes(changes: Sequence[Change], now: datetime) -> Iterator[_Span]:
    if not changes:
        return
    # Before the first recorded change, the component had the status that it changed from.
    yield _Span(_EPOCH, changes[0].at, changes[0].before)
    for change, following in pairwise(changes):
        yield _Span(change.at, following.at, change.after)
    yield _Span(changes[-1].at, now, changes[-1].after)


def _of_incidents(incidents: Iterable[Affected], now: datetime) -> Iterator[_Span]:
    for each in incidents:
        if (status := STATUS_OF_IMPACT.get(each.impact)) is not None:
            yield _Span(each.since, each.until or now, status)


def _clipped(span: _Span, since: datetime, until: datetime, zone: tzinfo) -> Iterator[_Span]:
    """Yield the parts of a span in a time in which it was not operational, one for each day."""
    start, end = max(span.since, since), min(span.until, until)
    if span.status is Status.OPERATIONAL:
        return
    while start < end:
        tomorrow = start.astimezone(zone).date() + timedelta(days=1)
        following = min(_midnight(tomorrow, zone), end)
        yield _Span(start, following, span.status)
        start = following


def _days(spans: list[_Span], zone: tzinfo) -> list[Day]:
    by_day: defaultdict[date, list[_Span]] = defaultdict(list)
    for span in spans:
        by_day[span.since.astimezone(zone).date()].append(span)
    return [_day(each, by_day[each]) for each in sorted(by_day)]


def _day(day: date, spans: list[_Span]) -> Day:
    """Sum a day up. Of several statuses at one time, only the worst one counts."""
    seconds: defaultdict[Status, float] = defaultdict(float)
    moments = sorted({each.since for each in spans} | {each.until for each in spans})
    for since, until in pairwise(moments):
        now = [each.status for each in spans if each.since <= since and until <= each.until]
        if now:
            seconds[max(now, key=SEVERITY.__getitem__)] += (until - since).total_seconds()
    return Day(day, max(seconds, key=SEVERITY.__getitem__), dict(seconds))


def _midnight(day: date, zone: tzinfo) -> datetime:
    # In UTC, because Python takes times of one zone from each other as its clocks show them, without changes of the clocks.
    return datetime.combine(day, time(), zone).astimezone(UTC)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
