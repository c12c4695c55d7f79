"""Imports are complete and idempotent; one invalid incident is skipped, and a foreign file is refused."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from incident_room.importers.statuspage import Report, import_statuspage
from tests.support.principals import Room
from watchword import Unsafe

PAGE = {"id": "page1", "name": "Example", "url": "https://status.example"}


def update(id: str, minute: int, status: str = "investigating", **changes: Any) -> dict[str, Any]:
    at = f"2026-03-01T10:{minute:02}:00.000Z"
    return {"id": id, "status": status, "body": f"body {id}", "created_at": at, "display_at": at,
            "affected_components": None} | changes  # fmt: skip


def incident(id: str, *updates: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "id": id, "name": f"Incident {id}", "status": "resolved", "impact": "minor",
        "created_at": "2026-03-01T10:00:00Z", "started_at": "2026-03-01T10:00:00Z",
        "updated_at": "2026-03-01T11:00:00Z", "monitoring_at": None,
        "resolved_at": "2026-03-01T11:00:00Z", "shortlink": f"https://status.example/{id}",
        "page_id": "page1", "incident_updates": list(updates),
        "components": [{"id": "c1", "name": "API", "status": "operational", "position": 1}],
        "something_new": {"unknown": True},
    } | changes  # fmt: skip


def file(*incidents: Any, at: str | None = None, **more: Any) -> bytes:
    """Return a file; `at` is the time of the page's last change."""
    page = PAGE if at is None else PAGE | {"updated_at": at}
    return json.dumps({"page": page, "incidents": list(incidents)} | more).encode()


TWO = (incident("a", update("u1", 1), update("u2", 2)), incident("b", update("u3", 3)))
LIST = "{ incidents(first: 100, orderBy: STARTED_AT_ASC) { totalCount nodes { name status updates { nodes { body } } components { name } } } components { name } }"


async def test_everything_is_there_and_in_order(room: Room) -> None:
    report = await import_statuspage(room.context("admin"), file(*TWO))
    assert report == Report(incidents_added=2, updates_added=3, components_added=1)
    data = await room.data("anonymous", LIST)
    assert data["components"] == [{"name": "API"}]
    found = {node["name"]: node for node in data["incidents"]["nodes"]}
    assert [each["body"] for each in found["Incident a"]["updates"]["nodes"]] == [
        "body u2",
        "body u1",
    ]
    assert found["Incident b"]["status"] == "RESOLVED"
    assert found["Incident b"]["components"] == [{"name": "API"}]


async def test_an_import_publishes_events_as_any_other_write_does(room: Room) -> None:
    await import_statuspage(room.context("admin"), file(*TWO))
    assert [event.kind for event in room.events] == ["STATUS_CHANGED", "OPENED", "OPENED"]
    room.events.clear()
    changed = deepcopy(TWO[0])
    changed["incident_updates"][0]["body"] = "Mended."
    changed["incident_updates"].append(update("u9", 9, "postmortem"))
    changed |= {"status": "postmortem", "impact": "major", "components": []}
    await import_statuspage(room.context("admin"), file(changed, TWO[1]))
    assert [event.kind for event in room.events] == [
        "COMPONENTS_CHANGED", "IMPACT_CHANGED", "UPDATE_POSTED", "EDITED", "STATUS_CHANGED",
    ]  # fmt: skip


async def test_again_nothing_is_doubled(room: Room) -> None:
    await import_statuspage(room.context("admin"), file(*TWO))
    before = await room.data("anonymous", LIST)
    report = await import_statuspage(room.context("admin"), file(*TWO))
    assert report == Report(incidents_unchanged=2)
    assert await room.data("anonymous", LIST) == before


async def test_a_grown_file_brings_only_what_is_new(room: Room) -> None:
    await import_statuspage(room.context("admin"), file(*TWO))
    grown = deepcopy(TWO)
    grown[0]["incident_updates"].append(update("u9", 9, "postmortem"))
    grown[1].update(status="postmortem", updated_at="2026-03-02T00:00:00Z")
    grown[1]["components"].append({"id": "c2", "name": "Web", "status": "major_outage"})
    report = await import_statuspage(room.context("admin"), file(*grown, incident("c")))
    assert report == Report(
        incidents_added=1, incidents_changed=2, updates_added=1, components_added=1
    )
    data = await room.data("anonymous", LIST)
    found = {node["name"]: node for node in data["incidents"]["nodes"]}
    assert len(found["Incident a"]["updates"]["nodes"]) == 3
    assert found["Incident b"]["status"] == "POSTMORTEM"
    assert [part["name"] for part in found["Incident b"]["components"]] == ["API", "Web"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"status": "exploded"}, "status"),
        ({"impact": 7}, "impact"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"created_at": "2026-03-01T10:00:00"}, "created_at"),
        (
            {"incident_updates": [update("u1", 1), update("u2", 1, "exploded")]},
            "incident_updates.1.status",
        ),
        ({"incident_updates": [update("u1", 1, body=None)]}, "incident_updates.0.body"),
        ({"incident_updates": "none"}, "incident_updates"),
        ({"components": [{"id": "c9"}]}, "components.0.name"),
        ({"shortlink": "https://" + "x" * 493}, "shortlink"),
        ({"shortlink": "javascript:alert(1)//https://"}, "shortlink"),
        ({"shortlink": "\nhttps://status.example"}, "shortlink"),
    ],
)
async def test_one_bad_incident_is_skipped_with_the_reason(
    bad: dict[str, Any], reason: str, room: Room
) -> None:
    content = file(incident("bad", **bad), *TWO, "nonsense", None)
    report = await import_statuspage(room.context("admin"), content)
    assert report.incidents_added == 2
    assert [name for name, _ in report.skipped] == ["bad", *["an incident without an id"] * 2]
    assert report.skipped[0][1].startswith(f"{reason}: ")
    assert (await room.data("anonymous", LIST))["incidents"]["totalCount"] == 2


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff", b"[]", b"null", b"{}", b'{"incidents": []}', b'{"page": {}, "incidents": []}',
        b'{"page": {"id": 7}, "incidents": []}', b'{"page": {"id": "x"}}', b"[" * 100_000,
        b'{"page": {"id": "x"}, "incidents": {}}', b"<!doctype html><html></html>",
    ],
)  # fmt: skip
async def test_what_is_not_that_format_is_refused_in_one_sentence(
    content: bytes, room: Room
) -> None:
    with pytest.raises(Unsafe) as refusal:
        await import_statuspage(room.context("admin"), content)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith(".")


async def test_two_pages_with_the_same_ids_do_not_meet(room: Room) -> None:
    await import_statuspage(room.context("admin"), file(*TWO))
    other = file(*TWO).replace(b'"page1"', b'"page2"')
    report = await import_statuspage(room.context("admin"), other)
    assert (report.incidents_added, report.updates_added) == (2, 3)


async def test_an_id_that_comes_twice_is_one_incident(room: Room) -> None:
    twice = incident("a", update("u1", 1), update("u1", 1))
    report = await import_statuspage(room.context("admin"), file(twice, twice))
    assert (report.incidents_added, report.incidents_unchanged, report.updates_added) == (1, 1, 1)


async def test_progress_is_told(room: Room) -> None:
    told: list[tuple[int, int]] = []
    await import_statuspage(
        room.context("admin"), file(*TWO), lambda done, total: told.append((done, total))
    )
    assert told == [(0, 2), (1, 2), (2, 2)]


COMPONENTS = """{ components { name group status changes(first: 10) { totalCount nodes {
  oldStatus newStatus at component { name } } } } }"""
DOWN, UP = (
    {"id": "c1", "name": "API", "status": status, "position": 1}
    for status in ("major_outage", "operational")
)
FIRST, SECOND, THIRD = (f"2026-03-0{day}T00:00:00+00:00" for day in (1, 2, 3))


async def test_a_component_that_was_down_is_up_when_the_next_file_says_so(room: Room) -> None:
    await import_statuspage(room.context("admin"), file(incident("a", components=[DOWN]), at=FIRST))
    room.events.clear()
    report = await import_statuspage(
        room.context("admin"), file(incident("a", components=[UP]), at=SECOND)
    )
    # The incident's own fields are unchanged.
    assert report == Report(incidents_unchanged=1, components_changed=1)
    [component] = (await room.data("anonymous", COMPONENTS))["components"]
    assert component["status"] == "OPERATIONAL"
    assert component["changes"] == {
        "totalCount": 1,
        "nodes": [
            {
                "oldStatus": "MAJOR_OUTAGE",
                "newStatus": "OPERATIONAL",
                "at": SECOND,
                "component": {"name": "API"},
            }
        ],
    }
    assert [(event.stream, event.kind) for event in room.events] == [
        ("components", "STATUS_CHANGED")
    ]


async def test_an_older_file_changes_nothing(room: Room) -> None:
    new = incident("a", update("u1", 1), components=[UP], updated_at=SECOND)
    old = incident("a", name="Old", components=[DOWN | {"name": "Old"}], updated_at=FIRST)
    await import_statuspage(room.context("admin"), file(new, at=SECOND))
    before = await room.data("anonymous", LIST)
    room.events.clear()
    report = await import_statuspage(room.context("admin"), file(old, at=FIRST))
    assert report == Report(incidents_unchanged=1)
    assert await room.data("anonymous", LIST) == before
    assert room.events == []


async def test_the_newest_mention_of_a_component_counts_wherever_it_is(room: Room) -> None:
    older, newer = (
        incident("a", components=[UP | {"updated_at": FIRST}]),
        incident("b", components=[DOWN | {"updated_at": SECOND}]),
    )
    for order in ((older, newer), (newer, older)):
        await import_statuspage(room.context("admin"), file(*order))
        [component] = (await room.data("anonymous", COMPONENTS))["components"]
        assert component["status"] == "MAJOR_OUTAGE"


async def test_changed_names_and_edited_updates_are_followed(room: Room) -> None:
    await import_statuspage(
        room.context("admin"), file(incident("a", update("u1", 1), update("u2", 2)), at=FIRST)
    )
    renamed = incident(
        "a", update("u1", 1, body="mended"), update("u2", 2), name="Renamed",
        components=[UP | {"name": "Public API"}],
    )  # fmt: skip
    report = await import_statuspage(room.context("admin"), file(renamed, at=SECOND))
    assert report == Report(incidents_changed=1, updates_changed=1, components_changed=1)
    [found] = (await room.data("anonymous", LIST))["incidents"]["nodes"]
    assert found["name"] == "Renamed"
    assert [each["body"] for each in found["updates"]["nodes"]] == ["body u2", "mended"]
    assert found["components"] == [{"name": "Public API"}]


async def test_what_responders_changed_here_stays_until_the_source_changes_too(room: Room) -> None:
    await import_statuspage(room.context("admin"), file(incident("a", status="monitoring")))
    listed = "{ incidents(first: 1) { nodes { id status } } }"
    [here] = (await room.data("anonymous", listed))["incidents"]["nodes"]
    change = (
        "mutation C($id: ID!) { changeImpact(input: {incident: $id, impact: CRITICAL}) { impact } }"
    )
    await room.data("admin", change, id=here["id"])
    same = await import_statuspage(room.context("admin"), file(incident("a", status="monitoring")))
    assert same.incidents_unchanged == 1
    impact = "{ incidents(first: 1) { nodes { impact } } }"
    read = await room.data("anonymous", impact)
    assert read["incidents"]["nodes"] == [{"impact": "CRITICAL"}]


async def test_an_update_tells_how_components_changed_and_when(room: Room) -> None:
    told = update("u1", 1, affected_components=[
        {"code": "c1", "name": "API", "old_status": "operational", "new_status": "major_outage"},
        {"code": "gone", "name": "?", "old_status": "operational", "new_status": "operational"},
    ])  # fmt: skip
    content = file(incident("a", told, components=[DOWN]), at=FIRST)
    report = await import_statuspage(room.context("admin"), content)
    assert report.notes == [
        "u1: the change of the component gone is left out, because the file does not have that component."
    ]
    query = "{ incidents(first: 1) { nodes { updates { nodes { componentChanges { oldStatus newStatus at component { name } } } } } } }"
    [found] = (await room.data("anonymous", query))["incidents"]["nodes"]
    change = {
        "oldStatus": "OPERATIONAL", "newStatus": "MAJOR_OUTAGE", "at": "2026-03-01T10:01:00+00:00",
        "component": {"name": "API"},
    }  # fmt: skip
    assert found["updates"]["nodes"] == [{"componentChanges": [change]}]
    # The next file reports the change back twice, in the update and in the component; record it once.
    back = update("u2", 2, affected_components=[
        {"code": "c1", "name": "API", "old_status": "major_outage", "new_status": "operational"}
    ])  # fmt: skip
    await import_statuspage(
        room.context("admin"), file(incident("a", told, back, components=[UP]), at=SECOND)
    )
    [component] = (await room.data("anonymous", COMPONENTS))["components"]
    assert component["status"] == "OPERATIONAL"
    assert [each["newStatus"] for each in component["changes"]["nodes"]] == [
        "OPERATIONAL",
        "MAJOR_OUTAGE",
    ]


GROUP = {
    "id": "g1",
    "name": "Developers",
    "group": True,
    "components": ["c1"],
    "status": "operational",
}
INSIDE = UP | {"group": False, "group_id": "g1"}


async def test_components_come_in_by_their_own_file_and_a_group_is_their_group(room: Room) -> None:
    content = json.dumps({"page": PAGE | {"updated_at": FIRST}, "components": [GROUP, INSIDE]})
    report = await import_statuspage(room.context("admin"), content.encode())
    assert report == Report(components_added=1)
    [component] = (await room.data("anonymous", COMPONENTS))["components"]
    assert (component["name"], component["group"]) == ("API", "Developers")
    # Files about incidents contain only the id of a component's group.
    await import_statuspage(
        room.context("admin"), file(incident("a", components=[INSIDE]), at=SECOND)
    )
    [component] = (await room.data("anonymous", COMPONENTS))["components"]
    assert component["group"] == "Developers"


async def test_a_group_that_was_taken_for_a_component_is_one_no_more(room: Room) -> None:
    mistaken = {key: value for key, value in GROUP.items() if key != "group"}
    await import_statuspage(
        room.context("admin"), file(incident("a", components=[mistaken, UP]), at=FIRST)
    )
    report = await import_statuspage(
        room.context("admin"), file(incident("a", components=[GROUP, INSIDE]), at=SECOND)
    )
    assert report.notes == ["g1: the group 'Developers' is not a component any more."]
    components = (await room.data("anonymous", COMPONENTS))["components"]
    assert [(each["name"], each["group"]) for each in components] == [("API", "Developers")]


MAINTENANCE = incident(
    "m", update("u7", 7, "scheduled"), status="scheduled", impact="maintenance", resolved_at=None,
    scheduled_for=SECOND, scheduled_until=THIRD,
)  # fmt: skip


@pytest.mark.parametrize("with_all", [False, True], ids=["scheduled-maintenances", "summary"])
async def test_maintenance_comes_in_with_its_times(with_all: bool, room: Room) -> None:
    served: dict[str, Any] = {"page": PAGE, "scheduled_maintenances": [MAINTENANCE]}
    if with_all:
        served |= {"components": [UP], "incidents": [TWO[0]], "status": {"indicator": "none"}}
    report = await import_statuspage(room.context("admin"), json.dumps(served).encode())
    assert report.incidents_added == 1 + with_all
    query = "{ incidents(first: 5, filter: {statuses: [SCHEDULED]}) { nodes { name startedAt scheduledUntil } } }"
    [found] = (await room.data("anonymous", query))["incidents"]["nodes"]
    assert found == {"name": "Incident m", "startedAt": SECOND, "scheduledUntil": THIRD}


async def test_the_status_of_a_page_is_left_out_and_said(room: Room) -> None:
    content = json.dumps({"page": PAGE, "status": {"indicator": "none"}}).encode()
    report = await import_statuspage(room.context("admin"), content)
    assert report == Report(notes=['"status" is left out: it follows from the components.'])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
async def test_a_file_that_an_editor_saved_is_read_in_its_encoding(
    encoding: str, room: Room
) -> None:
    content = file(incident("a", name="Zürich 🚒")).decode().encode(encoding)
    await import_statuspage(room.context("admin"), content)
    [found] = (await room.data("anonymous", LIST))["incidents"]["nodes"]
    assert found["name"] == "Zürich 🚒"


async def test_half_an_emoji_in_one_incident_keeps_nothing_out(room: Room) -> None:
    broken = incident("a", update("u1", 1, body="fire \ud83d\x00!"))
    report = await import_statuspage(room.context("admin"), file(broken, TWO[1]))
    assert report.incidents_added == 2
    assert report.notes == ["a: 2 characters that cannot be kept became U+FFFD."]
    [found] = [
        each
        for each in (await room.data("anonymous", LIST))["incidents"]["nodes"]
        if each["name"] == "Incident a"
    ]
    assert found["updates"]["nodes"] == [{"body": "fire \ufffd\ufffd!"}]
