"""New incidents are added in batches, and are what they would be one by one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from incident_room.importers import statuspage
from incident_room.importers.statuspage import Report, import_statuspage
from incident_room.tables import Base, IncidentRow
from tests.support.principals import Room
from watchword import Conflict, Transaction

PAGE = {"id": "page1", "name": "Example"}


def incident(number: int) -> dict[str, Any]:
    at = f"2026-03-01T10:{number:02}:00Z"
    change = {"code": "c1", "old_status": "operational", "new_status": "major_outage"}
    updates = [
        {"id": f"u{number}-{each}", "status": "resolved", "body": "Over.", "created_at": at}
        for each in range(3)
    ]
    updates[1]["affected_components"] = [change, change | {"code": "gone"}]  # type: ignore[assignment]
    return {
        "id": f"i{number}", "name": f"Incident {number}", "status": "resolved", "impact": "minor", "created_at": at,
        "resolved_at": at, "incident_updates": updates, "components": [{"id": f"c{each}", "name": f"C {each}"} for each in (1, number)],
    }  # fmt: skip


def file(count: int) -> bytes:
    return json.dumps({"page": PAGE, "incidents": [incident(n) for n in range(count)]}).encode()


class Store:
    """A room's store that counts its transactions, and fails in the first ones that add much."""

    def __init__(self, room: Room, *errors: Exception) -> None:
        self._context = room.context("admin")
        self._errors = list(errors)
        self.transactions = 0

    def read(self) -> Any:
        return self._context.read()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        self.transactions += 1
        async with self._context.write() as unit:
            yield unit
            added = await unit.db.scalar(select(func.count()).select_from(IncidentRow))
            if added and self._errors:
                raise self._errors.pop(0)


async def counts(room: Room) -> dict[str, int]:
    """Return the number of rows in each of the domain's tables."""
    async with room.services.database.read() as db:
        return {
            table.name: (await db.execute(select(func.count()).select_from(table))).scalar_one()
            for table in Base.metadata.sorted_tables
        }


async def test_a_hundred_incidents_are_one_transaction_with_few_statements(
    room: Room, statements: list[str]
) -> None:
    store = Store(room)
    report = await import_statuspage(store, file(30))
    assert (report.incidents_added, report.updates_added) == (30, 90)
    # One for the components, one for the incidents, and one for the state of the components after them.
    assert store.transactions <= 3
    assert len(statements) < 30


@pytest.mark.parametrize("at_once", [1, 7, 100])
async def test_batches_of_any_size_give_the_same_rows_and_events(
    at_once: int, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statuspage, "AT_ONCE", at_once)
    report = await import_statuspage(room.context("admin"), file(20))
    assert (report.incidents_added, report.updates_added, report.components_added) == (20, 60, 20)
    assert report.notes == [
        f"u{n}-1: the change of the component gone is left out, because the file does not have that component."
        for n in range(20)
    ]
    assert await counts(room) == {
        "components": 20, "incidents": 20, "incident_components": 39, "incident_updates": 60, "component_changes": 20,
    }  # fmt: skip
    opened = [event for event in room.events if event.kind == "OPENED"]
    assert len(opened) == 20
    names = "{ incidents(first: 100, orderBy: STARTED_AT_ASC) { nodes { id name } } }"
    listed = (await room.data("anonymous", names))["incidents"]["nodes"]
    assert [node["name"] for node in listed] == [f"Incident {n}" for n in range(20)]
    assert await import_statuspage(room.context("admin"), file(20)) == Report(
        incidents_unchanged=20
    )


@pytest.mark.parametrize("error", [Conflict("another"), IntegrityError("INSERT", {}, Exception())])
async def test_a_batch_that_meets_another_writer_is_added_one_by_one(
    error: Exception, room: Room
) -> None:
    report = await import_statuspage(Store(room, error), file(10))
    assert (report.incidents_added, report.skipped) == (10, [])
    assert sum(event.kind == "OPENED" for event in room.events) == 10


async def test_an_incident_that_meets_another_writer_again_is_skipped_and_the_others_are_added(
    room: Room,
) -> None:
    report = await import_statuspage(Store(room, Conflict("a"), Conflict("b")), file(10))
    assert report.incidents_added == 9
    assert report.skipped == [("i0", "it changed here meanwhile; import it again")]
