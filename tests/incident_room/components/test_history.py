"""The days of a component follow from its changes and its incidents, and are read in one statement."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from incident_room.components.history import Affected, Change, Day, Status, history
from incident_room.importers.statuspage import import_statuspage
from incident_room.vocabulary import Impact
from tests.incident_room.documents import OPEN, REGISTER, RESOLVE, SET_STATUS
from tests.incident_room.importers.test_statuspage import file, incident, update
from tests.support.clock import MovedClock
from tests.support.principals import Room

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GOOD, MINOR, PART, MAJOR = (
    Status.OPERATIONAL,
    Status.DEGRADED_PERFORMANCE,
    Status.PARTIAL_OUTAGE,
    Status.MAJOR_OUTAGE,
)


def days(*changes: Change, incidents: Any = (), status: Status = GOOD, count: int = 90) -> Any:
    return history(NOW, count, NOW - 200 * DAY, status, changes, incidents)


def test_without_changes_every_day_is_as_it_is_now() -> None:
    found = days()
    assert (found.first_day, found.last_day) == (date(2025, 12, 11), date(2026, 3, 10))
    assert (found.known_from, found.days, found.uptime) == (found.first_day, [], 100.0)
    assert [day.worst for day in days(status=PART, count=3).days] == [PART] * 3


def test_a_status_holds_from_its_change_to_the_next_over_midnight() -> None:
    found = days(
        Change(MIDNIGHT - 2 * HOUR, GOOD, PART),
        Change(MIDNIGHT + 1 * HOUR, PART, MAJOR),
        Change(MIDNIGHT + 4 * HOUR, MAJOR, GOOD),
    )
    assert found.days == [
        Day(date(2026, 3, 9), PART, {PART: 7_200}),
        Day(date(2026, 3, 10), MAJOR, {PART: 3_600, MAJOR: 10_800}),
    ]


def test_a_partial_outage_counts_for_a_part_of_its_time() -> None:
    half = Change(NOW - 12 * HOUR, GOOD, PART)
    found = history(NOW, 90, NOW - DAY, GOOD, [half], [])
    assert found.uptime == pytest.approx(85.0)
    assert found.known_from == date(2026, 3, 9)


def test_the_last_change_before_the_days_says_how_they_begin() -> None:
    found = days(Change(NOW - 50 * DAY, GOOD, MAJOR), Change(MIDNIGHT, MAJOR, GOOD), count=3)
    assert [(day.date.day, day.worst) for day in found.days] == [(8, MAJOR), (9, MAJOR)]


def test_before_the_first_change_it_was_what_that_changed() -> None:
    found = days(Change(MIDNIGHT, PART, GOOD), count=2)
    assert found.days == [Day(date(2026, 3, 9), PART, {PART: 86_400})]


def test_an_incident_counts_by_its_impact_where_no_change_was_recorded() -> None:
    over = Affected(MIDNIGHT - DAY, MIDNIGHT - DAY + HOUR, Impact.CRITICAL)
    open_ = Affected(NOW - HOUR, None, Impact.MINOR)
    found = days(incidents=[over, open_, Affected(NOW - HOUR, None, Impact.NONE)])
    assert found.days == [
        Day(date(2026, 3, 9), MAJOR, {MAJOR: 3_600}),
        Day(date(2026, 3, 10), MINOR, {MINOR: 3_600}),
    ]


def test_recorded_changes_count_and_not_the_impact_of_their_incident() -> None:
    critical = Affected(NOW - 3 * HOUR, NOW, Impact.CRITICAL)
    found = days(
        Change(NOW - 2 * HOUR, GOOD, MINOR), Change(NOW - HOUR, MINOR, GOOD), incidents=[critical]
    )
    assert found.days == [Day(date(2026, 3, 10), MINOR, {MINOR: 3_600})]


def test_of_two_at_one_time_the_worse_one_counts_once() -> None:
    two = [
        Affected(NOW - 3 * HOUR, NOW - HOUR, Impact.MAJOR),
        Affected(NOW - 2 * HOUR, NOW, Impact.CRITICAL),
    ]
    assert days(incidents=two).days[0].seconds == {PART: 3_600, MAJOR: 7_200}


BERLIN, HAVANA = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Havana")


def test_days_begin_and_end_where_the_zone_has_its_midnight() -> None:
    late = Change(datetime(2026, 3, 8, 23, 30, tzinfo=UTC), GOOD, MAJOR)
    end = Change(datetime(2026, 3, 9, 0, 30, tzinfo=UTC), MAJOR, GOOD)
    of_utc = history(NOW, 3, NOW - 200 * DAY, GOOD, [late, end], [])
    assert of_utc.days == [
        Day(date(2026, 3, 8), MAJOR, {MAJOR: 1_800}),
        Day(date(2026, 3, 9), MAJOR, {MAJOR: 1_800}),
    ]
    of_berlin = history(NOW, 3, NOW - 200 * DAY, GOOD, [late, end], [], BERLIN)
    assert of_berlin.days == [Day(date(2026, 3, 9), MAJOR, {MAJOR: 3_600})]
    assert of_berlin.uptime == pytest.approx(of_utc.uptime, abs=0.1)
    evening = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
    assert history(evening, 3, NOW, GOOD, [], [], BERLIN).last_day == date(2026, 3, 11)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (BERLIN, date(2026, 3, 29), 23),
        (BERLIN, date(2026, 10, 25), 25),
        # Clocks are moved at midnight: the day begins at one, or midnight is twice.
        (HAVANA, date(2026, 3, 8), 23),
        (HAVANA, date(2026, 11, 1), 25),
        (UTC, date(2026, 3, 29), 24),
    ],
)
def test_a_day_has_the_hours_that_its_clocks_say(zone: Any, day: date, hours: int) -> None:
    now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + 2 * DAY
    found = history(now, 5, now - 200 * DAY, MAJOR, [], [], zone)
    [seconds] = [each.seconds[MAJOR] for each in found.days if each.date == day]
    assert seconds == hours * 3_600
    assert found.uptime == 0.0


def test_what_will_happen_is_no_past() -> None:
    found = history(NOW, 90, NOW + DAY, PART, [], [])
    assert (found.days, found.uptime, found.known_from) == ([], 100.0, NOW.date())


ASK = """query($days: Int! = 90, $zone: String! = "UTC") { components { name history(days: $days, timeZone: $zone) {
  firstDay lastDay knownFrom uptime days { date worst partialOutageSeconds majorOutageSeconds degradedSeconds maintenanceSeconds } } } }"""


async def asked(room: Room, **given: Any) -> dict[str, Any]:
    data = await room.data("anonymous", ASK, **given)
    return {each["name"]: each["history"] for each in data["components"]}


async def test_each_change_is_in_the_history_at_once(room: Room, clock: MovedClock) -> None:
    part = await room.data("responder", REGISTER, input={"name": "API"})
    given = {"component": part["registerComponent"]["id"]}
    clock.move(86_400)
    await room.data("responder", SET_STATUS, input=given | {"status": "PARTIAL_OUTAGE"})
    clock.move(600)
    await room.data("responder", SET_STATUS, input=given | {"status": "OPERATIONAL"})
    found = (await asked(room))["API"]
    assert sum(day["partialOutageSeconds"] for day in found["days"]) == pytest.approx(600)
    assert found["uptime"] == pytest.approx(100 * (1 - 0.3 * 600 / 87_000))


async def test_an_incident_affects_its_components_until_it_is_over(
    room: Room, clock: MovedClock
) -> None:
    part = (await room.data("responder", REGISTER, input={"name": "API"}))["registerComponent"]
    given = {"name": "Down", "body": "We look.", "impact": "CRITICAL", "components": [part["id"]]}
    opened = (await room.data("commander", OPEN, input=given))["openIncident"]
    clock.move(60)
    await room.data("commander", RESOLVE, input={"incident": opened["id"]})
    clock.move(600)
    found = (await asked(room))["API"]
    assert sum(day["majorOutageSeconds"] for day in found["days"]) == pytest.approx(60)


async def test_what_an_import_says_of_components_is_their_history(
    room: Room, clock: MovedClock
) -> None:
    def affected(old: str, new: str) -> list[dict[str, str]]:
        return [{"code": "c1", "old_status": old, "new_status": new}]

    content = file(
        incident(
            "a",
            update("u1", 1, affected_components=affected("operational", "major_outage")),
            update("u2", 2, affected_components=affected("major_outage", "operational")),
        )
    )
    await import_statuspage(room.context("admin"), content)
    said = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
    clock.move(said + 86_400 - clock.now())
    [found] = (await asked(room)).values()
    [day] = found["days"]
    assert (day["worst"], day["date"]) == ("MAJOR_OUTAGE", "2026-03-01")


def at(day: str) -> str:
    return f"{day}T10:00:00Z"


def over(id: str, since: str, until: str | None, **changes: Any) -> dict[str, Any]:
    """An incident that began on a day and was resolved on another, an hour later on the clock."""
    times = {"created_at": at(since), "started_at": at(since)}
    ended = {
        "resolved_at": until and f"{until}T11:00:00Z",
        "updated_at": f"{until or since}T11:00:00Z",
    }
    return incident(id, update(f"u{id}", 1), **(times | ended | changes))


@pytest.mark.parametrize(
    ("starts", "known"),
    [
        (["2027-01-05"], "2027-01-05"),
        (["2027-01-05", "2026-12-24", "2027-01-10"], "2026-12-24"),
        (["2027-01-05", "2024-02-01", "2025-02-01"], "2026-10-18"),
    ],
)
async def test_an_imported_component_is_known_since_its_first_incident_but_no_longer_than_is_shown(
    room: Room, starts: list[str], known: str
) -> None:
    incidents = [over(str(number), each, each) for number, each in enumerate(starts)]
    await import_statuspage(room.context("admin"), file(*incidents))
    assert (await asked(room))["API"]["knownFrom"] == known


async def test_an_incident_counts_if_it_was_not_over_before_the_first_day(room: Room) -> None:
    incidents = [
        over("before", "2026-10-01", "2026-10-02"),
        over("touched", "2026-10-03", "2026-10-03", updated_at=at("2027-01-02")),
        over("long", "2026-10-04", "2026-10-18"),
        over("inside", "2027-01-05", "2027-01-05"),
        over("unsaid", "2027-01-10", None),
        over("unsaid before", "2026-10-05", None),
        over("none", "2027-01-08", "2027-01-08", impact="none"),
        over("open", "2027-01-14", None, status="investigating"),
        over("planned", "2027-01-12", None, status="scheduled", impact="maintenance"),
    ]
    await import_statuspage(room.context("admin"), file(*incidents))
    days = [day["date"] for day in (await asked(room))["API"]["days"]]
    assert days == ["2026-10-18", "2027-01-05", "2027-01-10", "2027-01-14", "2027-01-15"]


async def test_all_histories_are_one_statement(room: Room, statements: list[str]) -> None:
    for number in range(7):
        await room.data("responder", REGISTER, input={"name": f"Part {number}"})
    statements.clear()
    assert len(await asked(room)) == 7
    assert len(statements) == 2, statements


@pytest.mark.parametrize("count", [0, -1, 367, 2_000_000_000])
async def test_a_number_of_days_that_nobody_can_mean_is_refused(room: Room, count: int) -> None:
    await room.data("responder", REGISTER, input={"name": "API"})
    assert await room.code("anonymous", ASK, days=count) == "BAD_USER_INPUT"


async def test_the_days_are_those_of_a_zone(room: Room, clock: MovedClock) -> None:
    part = await room.data("responder", REGISTER, input={"name": "API"})
    given = {"component": part["registerComponent"]["id"]}
    # It is 08:00 in UTC, and the evening of the day before in Hawaii.
    await room.data("responder", SET_STATUS, input=given | {"status": "MAJOR_OUTAGE"})
    clock.move(600)
    [there] = (await asked(room, zone="Pacific/Honolulu"))["API"]["days"]
    [here] = (await asked(room))["API"]["days"]
    assert (there["date"], here["date"]) == ("2027-01-14", "2027-01-15")
    assert there["majorOutageSeconds"] == here["majorOutageSeconds"] == pytest.approx(600)


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "../../etc/passwd", "", "\x00", "x" * 5_000, "é", "Europe"]
)
async def test_a_zone_that_is_none_is_refused(room: Room, zone: str) -> None:
    await room.data("responder", REGISTER, input={"name": "API"})
    assert await room.code("anonymous", ASK, zone=zone) == "BAD_USER_INPUT"
