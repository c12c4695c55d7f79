"""What Statuspage's readers read: its own shape, and what is exported and imported again is the same."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copyfile
from typing import Any

from sqlalchemy import select

from incident_room.importers.statuspage import Report
from incident_room.pages.statuspage import FILES, MOST
from incident_room.tables import Base
from incident_room.topics import COMPONENTS, INCIDENTS
from tests.incident_room.documents import OPEN, POST, REGISTER, SET_STATUS
from tests.incident_room.importers.test_statuspage import file, incident, update
from tests.incident_room.pages.conftest import BASE, Served, serving
from tests.incident_room.pages.many_incidents import PAGE
from tests.support.clock import MovedClock


def affected(*changes: tuple[str, str, str]) -> list[dict[str, str]]:
    return [{"code": c, "old_status": old, "new_status": new} for c, old, new in changes]


def planned(id: str, status: str, day: int) -> dict[str, Any]:
    return incident(
        id,
        update(f"{id}-1", 1, status),
        impact="maintenance",
        status=status,
        scheduled_for=f"2027-03-0{day}T12:00:00.250Z",
        scheduled_until=f"2027-03-0{day}T14:00:00Z",
    )


def generated() -> bytes:
    """A file with everything that an import keeps."""
    parts = [
        {"id": "g1", "name": "Shop", "status": "operational", "group": True},
        {"id": "c1", "name": "API", "status": "major_outage", "group_id": "g1", "position": 1},
        {"id": "c2", "name": "Web", "status": "operational", "description": "All pages."},
    ]
    outage = incident(
        "a",
        update("u1", 1, affected_components=affected(("c1", "operational", "partial_outage"))),
        update("u2", 2, body="Line 1\n\nLine <b>2</b> & more"),
        update(
            "u3",
            3,
            affected_components=affected(
                ("c1", "partial_outage", "major_outage"), ("c2", "operational", "operational")
            ),
        ),
        impact="major",
        status="investigating",
        monitoring_at="2026-03-01T12:30:00.123Z",
    )
    incidents = [
        outage,
        incident("b", update("u9", 4), started_at="2026-03-01T11:00:00Z"),
        planned("m1", "scheduled", 1),
    ]
    incidents.append(planned("m2", "in_progress", 2))
    page = {"id": PAGE, "updated_at": "2026-03-05T00:00:00Z"}
    return json.dumps({"page": page, "components": parts, "incidents": incidents}).encode()


async def rows(served: Served) -> dict[str, list[Any]]:
    """Return all rows of the room."""
    async with served.app.pipeline.services.database.read() as db:
        return {
            name: sorted(map(tuple, (await db.execute(select(table))).all()), key=str)
            for name, table in Base.metadata.tables.items()
        }


async def exported(served: Served) -> dict[str, bytes]:
    found = {}
    for name in FILES:
        response = await served.client.get(f"/api/v2/{name}.json")
        assert response.status_code == 200, (name, response.text)
        found[name] = response.content
    return found


async def check_again(served: Served) -> None:
    """Import what is exported, and check that nothing changes: no row, no event, no word of a change."""
    before, head = await rows(served), await position(served)
    for name, content in (await exported(served)).items():
        report = await served.take(content)
        kept = Report(incidents_unchanged=report.incidents_unchanged, notes=report.notes)
        assert report == kept, name
    assert await rows(served) == before
    assert await position(served) == head


async def position(served: Served) -> list[int]:
    """Return the number of events of incidents and of components."""
    known = served.app.pipeline.services.event_log.known
    return [known.position(stream) for stream in (INCIDENTS, COMPONENTS)]


async def test_what_is_exported_changes_nothing_where_it_came_from(same: Served) -> None:
    await same.take(generated())
    await check_again(same)


async def test_also_if_it_was_imported_from_another_page_or_made_here(served: Served) -> None:
    await served.take(generated())
    part = await served.change(REGISTER, name="Own", group="Ours", status="PARTIAL_OUTAGE")
    await served.change(SET_STATUS, component=part["id"], status="OPERATIONAL")
    opened = await served.change(OPEN, name="Mine", body="x", components=[part["id"]])
    await served.change(POST, incident=opened["id"], body="Secret.", visibility="INTERNAL")
    await check_again(served)


async def test_what_another_server_exports_is_the_same_again_after_an_import(
    same: Served, sqlite_template: Path, tmp_path: Path, clock: MovedClock
) -> None:
    await same.take(generated())
    first = await exported(same)
    copy = tmp_path / "other.db"
    copyfile(sqlite_template, copy)
    url = f"sqlite+aiosqlite:///{copy}"
    async with serving(url, clock, page_id=PAGE, title="Acme") as other:
        for content in (first["components"], first["incidents"], first["scheduled-maintenances"]):
            await other.take(content)
        second = await exported(other)
    for name, content in first.items():
        assert comparable(content) == comparable(second[name]), name


def comparable(content: bytes) -> Any:
    """Return what must be the same: all but when and where a component was added."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(each) for each in value]
        if not isinstance(value, dict):
            return value
        is_component = "showcase" in value
        own = ("created_at", "updated_at", "start_date", "position") if is_component else ()
        return {name: plain(each) for name, each in value.items() if name not in own}

    found = json.loads(content)
    del found["page"]["updated_at"]
    return plain(found)


async def test_a_page_with_many_incidents_comes_back_as_it_was(same: Served, many: bytes) -> None:
    await same.take(many)
    await check_again(same)
    told = json.loads(many)["incidents"]
    told = [each for each in told if each["impact"] != "maintenance"][:50]
    ours = (await same.json("incidents"))["incidents"]
    for expected, found in zip(told, ours, strict=True):
        for name in ("id", "name", "status", "impact", "shortlink", "page_id"):
            assert found[name] == expected[name]
        for name in ("created_at", "started_at", "monitoring_at", "resolved_at"):
            assert (
                found[name] == expected[name] or found[name].replace(".000Z", "Z") == expected[name]
            )
        # Of updates with one time, either may be first.
        assert updates(found) == updates(expected)


def updates(node: Any) -> set[tuple[str, ...]]:
    return {(each["id"], each["status"], each["body"]) for each in node["incident_updates"]}


async def test_each_file_has_the_members_of_statuspage(same: Served) -> None:
    await same.take(generated())
    summary = await same.json("summary")
    assert [*summary] == ["page", "components", "incidents", "scheduled_maintenances", "status"]
    assert summary["page"] == {
        "id": PAGE,
        "name": "Acme",
        "url": BASE,
        "time_zone": "Etc/UTC",
        "updated_at": summary["page"]["updated_at"],
    }
    assert summary["status"] == {"indicator": "critical", "description": "Major outage"}
    assert [each["name"] for each in summary["components"]] == ["Shop", "API", "Web"]
    group, api, _ = summary["components"]
    assert (group["group"], group["components"], api["group_id"]) == (True, ["c1"], group["id"])
    assert [each["id"] for each in summary["incidents"]] == ["a"]
    assert {each["id"] for each in summary["scheduled_maintenances"]} == {"m1", "m2"}
    ids = {
        "incidents": ["b", "a"],
        "incidents/unresolved": ["a"],
        "scheduled-maintenances/upcoming": ["m1"],
        "scheduled-maintenances/active": ["m2"],
    }
    for name, expected in ids.items():
        file = await same.json(name)
        key = "incidents" if "incidents" in file else "scheduled_maintenances"
        assert sorted(each["id"] for each in file[key]) == sorted(expected), name
    assert [*(await same.json("status"))] == ["page", "status"]
    [upcoming] = (await same.json("scheduled-maintenances/upcoming"))["scheduled_maintenances"]
    assert upcoming["scheduled_for"] == "2027-03-01T12:00:00.250Z"
    told = summary["incidents"][0]["incident_updates"]
    assert [each["id"] for each in told] == ["u3", "u2", "u1"]
    assert told[0]["affected_components"][0] == {
        "code": "c1",
        "name": "Shop - API",
        "old_status": "partial_outage",
        "new_status": "major_outage",
    }


async def test_scripts_of_other_sites_may_read_the_files(served: Served) -> None:
    response = await served.client.get(
        "/api/v2/status.json", headers={"origin": "https://x.example"}
    )
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert "etag" in response.headers


async def test_planned_maintenance_pushes_nothing_out_of_the_state_of_everything(
    same: Served,
) -> None:
    active = planned("active", "in_progress", 1)
    later = [planned(f"later{number}", "scheduled", 2) for number in range(MOST + 1)]
    await same.take(file(active, *later))
    for name in ("status", "summary"):
        told = (await same.json(name))["status"]
        assert told == {"indicator": "maintenance", "description": "Maintenance is under way"}
