"""The least that answers the measured list of the incident room: the driver's statements, and orjson.

Nobody is asked for a token, and no query is read.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import aiosqlite
import asyncpg
import orjson

URL = os.environ["WATCHWORD_DATABASE_URL"]
IS_SQLITE = URL.startswith("sqlite")
FIRST, UPDATES = 20, 3
INCIDENTS = (
    "SELECT id, name, impact, status, started_at, commander_id FROM incidents"
    f" ORDER BY started_at DESC, id DESC LIMIT {FIRST}"
)
COMPONENTS = (
    "SELECT l.incident_id, c.id, c.name, c.status FROM components c"
    " JOIN incident_components l ON l.component_id = c.id WHERE l.incident_id IN ({})"
    " ORDER BY c.position, c.id"
)
MEMBERS = "SELECT id, name FROM watchword_accounts WHERE id IN ({})"
TIMELINES = (
    "SELECT * FROM (SELECT incident_id, id, status, body, display_at, row_number() OVER"
    " (PARTITION BY incident_id ORDER BY display_at DESC, id DESC) AS number FROM incident_updates"
    " WHERE incident_id IN ({})) AS numbered WHERE number <= " + str(UPDATES) + " ORDER BY number"
)
Row = Mapping[str, Any]


class Driver:
    """A connection to SQLite, or a pool of them to PostgreSQL, opened at the first request."""

    def __init__(self) -> None:
        self._connection: Any = None

    async def fetch(self, statement: str, values: Sequence[str] = ()) -> Sequence[Row]:
        """Run a statement with a placeholder for each value."""
        if self._connection is None:
            self._connection = await self._connect()
        if IS_SQLITE:
            marks = ",".join("?" * len(values))
            return list(await self._connection.execute_fetchall(statement.format(marks), values))
        marks = ",".join(f"${number}" for number in range(1, len(values) + 1))
        return list(await self._connection.fetch(statement.format(marks), *values))

    async def _connect(self) -> Any:
        if not IS_SQLITE:
            return await asyncpg.create_pool(URL.replace("+asyncpg", ""))
        connection = await aiosqlite.connect(URL.partition(":///")[2])
        connection.row_factory = aiosqlite.Row
        return connection


driver = Driver()


def global_id(kind: str, key: str) -> str:
    return urlsafe_b64encode(f"{kind}:{key}".encode()).decode()


def shown(time: Any) -> str:
    """Return a time as the answer has it; SQLite keeps times as texts in UTC."""
    if isinstance(time, str):
        return time.replace(" ", "T").removesuffix(".000000") + "+00:00"
    return str(time.isoformat())


async def answer() -> dict[str, Any]:
    rows = await driver.fetch(INCIDENTS)
    keys = [row["id"] for row in rows]
    components: dict[str, list[Row]] = defaultdict(list)
    for row in await driver.fetch(COMPONENTS, keys):
        components[row["incident_id"]].append(
            {"id": global_id("Component", row["id"]), "name": row["name"], "status": row["status"]}
        )
    commanders = {row["commander_id"] for row in rows}
    members = {
        row["id"]: {"id": global_id("Member", row["id"]), "name": row["name"]}
        for row in await driver.fetch(MEMBERS, sorted(commanders))
    }
    updates: dict[str, list[Row]] = defaultdict(list)
    for row in await driver.fetch(TIMELINES, keys):
        updates[row["incident_id"]].append(
            {
                "id": global_id("IncidentUpdate", row["id"]),
                "status": row["status"],
                "body": row["body"],
                "displayAt": shown(row["display_at"]),
            }
        )
    nodes = [
        {
            "id": global_id("Incident", row["id"]),
            "name": row["name"],
            "impact": row["impact"],
            "status": row["status"],
            "startedAt": shown(row["started_at"]),
            "components": components[row["id"]],
            "commander": members.get(row["commander_id"]),
            "updates": {"nodes": updates[row["id"]]},
        }
        for row in rows
    ]
    return {"data": {"incidents": {"nodes": nodes}}}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    body = orjson.dumps(await answer())
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
