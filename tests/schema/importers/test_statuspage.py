"""Imports are whole, idempotent and tolerant of one bad incident, never of a foreign file."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
import pytest

from graph import Database, Unsafe
from schema.importers.statuspage import Report, import_statuspage
from tests.support.principals import Room

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


def file(*incidents: Any) -> bytes:
    return orjson.dumps({"page": PAGE, "incidents": list(incidents)})


TWO = (incident("a", update("u1", 1), update("u2", 2)), incident("b", update("u3", 3)))
LIST = "{ incidents(first: 100, orderBy: STARTED_AT_ASC) { totalCount nodes { name status updates { nodes { body } } components { name } } } components { name } }"


async def test_everything_is_there_and_in_order(room: Room) -> None:
    report = await import_statuspage(room.services.database, file(*TWO))
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
    assert room.events == []


async def test_again_nothing_is_doubled(room: Room) -> None:
    await import_statuspage(room.services.database, file(*TWO))
    before = await room.data("anonymous", LIST)
    report = await import_statuspage(room.services.database, file(*TWO))
    assert report == Report(incidents_unchanged=2)
    assert await room.data("anonymous", LIST) == before


async def test_a_grown_file_brings_only_what_is_new(room: Room) -> None:
    await import_statuspage(room.services.database, file(*TWO))
    grown = deepcopy(TWO)
    grown[0]["incident_updates"].append(update("u9", 9, "postmortem"))
    grown[1].update(status="postmortem", updated_at="2026-03-02T00:00:00Z")
    grown[1]["components"].append({"id": "c2", "name": "Web", "status": "major_outage"})
    report = await import_statuspage(room.services.database, file(*grown, incident("c")))
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
        ({"name": "a\x00b"}, "name"),
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
        ({"shortlink": "x" * 501}, "shortlink"),
    ],
)
async def test_one_bad_incident_is_skipped_with_the_reason(
    bad: dict[str, Any], reason: str, room: Room
) -> None:
    content = file(incident("bad", **bad), *TWO, "nonsense", None)
    report = await import_statuspage(room.services.database, content)
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
    content: bytes, database: Database
) -> None:
    with pytest.raises(Unsafe) as refusal:
        await import_statuspage(database, content)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).endswith(".")


async def test_two_pages_with_the_same_ids_do_not_meet(room: Room) -> None:
    await import_statuspage(room.services.database, file(*TWO))
    other = file(*TWO).replace(b'"page1"', b'"page2"')
    report = await import_statuspage(room.services.database, other)
    assert (report.incidents_added, report.updates_added) == (2, 3)


async def test_an_id_that_comes_twice_is_one_incident(room: Room) -> None:
    twice = incident("a", update("u1", 1), update("u1", 1))
    report = await import_statuspage(room.services.database, file(twice, twice))
    assert (report.incidents_added, report.incidents_unchanged, report.updates_added) == (1, 1, 1)


async def test_progress_is_told(database: Database) -> None:
    told: list[tuple[int, int]] = []
    await import_statuspage(database, file(*TWO), lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]
