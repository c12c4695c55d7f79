"""Incident rooms with generated incidents, on SQLite and on PostgreSQL, for the measures of the domain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa

from benchmarks.home import Home
from incident_room import domain, schema
from incident_room.tables import ComponentRow, IncidentComponentRow, IncidentRow, UpdateRow
from watchword import Account, Database, moment
from watchword.domain import Mount

PLACES = ("sqlite", "postgresql")
NAME = "watchword_benchmark_room"
SCOPES = "incidents:read members:read"
INCIDENTS, COMPONENTS, COMMANDERS, UPDATES = 819, 10, 5, 5
BEGINNING, HOUR = 1_700_000_000.0, 3_600.0
IMPACTS = ("MINOR", "MAJOR", "CRITICAL", "NONE")
BODY = "Update {} of incident {}: some requests are answered late or not at all. " * 2


@contextmanager
def rooms(path: Path, places: set[str], server: str) -> Iterator[dict[str, Home]]:
    """Make a room in each place while the block runs; `server` is PostgreSQL's URL.

    Leaves out PostgreSQL if it does not answer.
    """
    homes = {}
    for place in places - {""}:
        (path / place).mkdir()
    if "sqlite" in places:
        homes["sqlite"] = asyncio.run(_make(path / "sqlite", ""))
    try:
        if "postgresql" in places and asyncio.run(_recreate(server)):
            url = server.replace("postgresql:", "postgresql+asyncpg:").rpartition("/")[0]
            homes["postgresql"] = asyncio.run(_make(path / "postgresql", f"{url}/{NAME}"))
        yield homes
    finally:
        if "postgresql" in homes:
            asyncio.run(_administer(server, f"DROP DATABASE {NAME} WITH (FORCE)"))


async def _recreate(server: str) -> bool:
    try:
        await _administer(server, f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        await _administer(server, f"CREATE DATABASE {NAME}")
    except OSError:
        return False
    return True


async def _administer(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute(statement)
    await connection.close()


async def _make(path: Path, url: str) -> Home:
    home = await Home.make(path, Mount(schema, domain), SCOPES, url)
    database = Database(home.database_url)
    async with database.write() as db:
        for table, rows in _rows().items():
            await db.execute(sa.insert(table), rows)
    await database.close()
    return home


def _rows() -> dict[type[Any], list[dict[str, Any]]]:
    incidents = range(INCIDENTS)
    return {
        Account: [_account(number) for number in range(COMMANDERS)],
        ComponentRow: [_component(number) for number in range(COMPONENTS)],
        IncidentRow: [_incident(number) for number in incidents],
        IncidentComponentRow: [
            {"incident_id": f"i{number}", "component_id": f"c{(number + n) % COMPONENTS}"}
            for number in incidents
            for n in range(1 + number % 3)
        ],
        UpdateRow: [_update(number, n) for number in incidents for n in range(UPDATES)],
    }


def _account(number: int) -> dict[str, Any]:
    email = f"commander{number}@example.com"
    return {
        "id": f"m{number}",
        "email": email,
        "email_folded": email,
        "name": f"Commander {number}",
        "roles": ["commander"],
        "created_at": moment(BEGINNING),
        "version": 1,
    }


def _component(number: int) -> dict[str, Any]:
    return {
        "id": f"c{number}",
        "name": f"Component {number}",
        "status": "OPERATIONAL",
        "position": number,
        "created_at": moment(BEGINNING),
        "version": 1,
    }


def _incident(number: int) -> dict[str, Any]:
    at = moment(BEGINNING + number * HOUR)
    return {
        "id": f"i{number}",
        "name": f"Requests to service {number} fail",
        "impact": IMPACTS[number % 4],
        "status": "RESOLVED",
        "commander_id": f"m{number % COMMANDERS}",
        "created_at": at,
        "started_at": at,
        "updated_at": at,
        "resolved_at": at,
        "version": 1,
    }


def _update(incident: int, number: int) -> dict[str, Any]:
    at = moment(BEGINNING + incident * HOUR + number * 60)
    return {
        "id": f"u{incident}-{number}",
        "incident_id": f"i{incident}",
        "status": "INVESTIGATING" if number < UPDATES - 1 else "RESOLVED",
        "body": BODY.format(number, incident, number, incident),
        "visibility": "PUBLIC",
        "created_at": at,
        "display_at": at,
    }
