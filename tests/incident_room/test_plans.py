"""What the public pages ask for is found by indexes: no statement reads a whole table that grows."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from incident_room.incidents.lifecycle import ENDED
from incident_room.tables import IS_OPEN
from incident_room.vocabulary import IncidentStatus
from tests.incident_room.documents import SET_STATUS
from tests.support.principals import Room
from watchword.storage.database import Database

OPEN = """mutation { openIncident(input: {name: "Trouble", body: "Here.", components: ["%s"]}) {
  id components { id } updates { nodes { id } } } }"""
REGISTER = 'mutation { registerComponent(input: {name: "API"}) { id } }'
# What a page has all of is not counted: `counted` asks for less than there is.
SHOWN = """id name status components { name } updates(first: 3) { nodes { body
  componentChanges { at component { name } } incident { name } } } counted: updates(first: 0) { totalCount }"""
# The tables with few rows, whose rows are all shown.
SMALL = ("components", "watchword_accounts")

LIST = f"{{ incidents(first: 20) {{ nodes {{ {SHOWN} }} }} }}"
BY_UPDATE = f"{{ incidents(first: 20, orderBy: UPDATED_AT_DESC) {{ nodes {{ {SHOWN} }} }} }}"
OPEN_NOW = f"{{ incidents(first: 1, filter: {{open: true}}) {{ totalCount nodes {{ {SHOWN} }} }} }}"
OPEN_BY_UPDATE = "{ incidents(first: 1, filter: {open: true}, orderBy: UPDATED_AT_DESC) { totalCount nodes { id } } }"
BEGUN = "{ incidents(first: 1, filter: {statuses: [INVESTIGATING, IDENTIFIED]}) { totalCount nodes { id } } }"
ONE = f"query One($incident: ID!) {{ incident(id: $incident) {{ {SHOWN} }} }}"
OF_COMPONENT = (
    "query Of($component: ID!) { incidents(filter: {components: [$component]}) { nodes { id } } }"
)
COMPONENTS = "{ components { name changes(first: 3) { nodes { at } } counted: changes(first: 0) { totalCount } } }"
NODE = "query Node($update: ID!) { node(id: $update) { ... on IncidentUpdate { body } } }"
HISTORY = "{ components { name history { uptime days { date worst } } } }"
PAGES = [
    HISTORY,
    LIST,
    BY_UPDATE,
    OPEN_NOW,
    OPEN_BY_UPDATE,
    BEGUN,
    ONE,
    OF_COMPONENT,
    COMPONENTS,
    NODE,
]
QUESTIONS_OF_OPEN = [OPEN_NOW, OPEN_BY_UPDATE, BEGUN]


async def plans(room: Room, query: str) -> list[str]:
    """Run a query as the public; return how the database finds the rows of each of its statements."""
    database = room.services.database
    component = (await room.data("responder", REGISTER))["registerComponent"]["id"]
    changed = {"component": component, "status": "MAJOR_OUTAGE"}
    await room.data("responder", SET_STATUS, input=changed)
    await room.data("responder", OPEN % component)
    opened = (await room.data("responder", OPEN % component))["openIncident"]
    ids = {
        "incident": opened["id"],
        "component": component,
        "update": opened["updates"]["nodes"][0]["id"],
    }
    asked: list[tuple[str, list[Any]]] = []
    prepare = database._statements.prepare

    def noting(statement: Any, given: Any) -> Any:
        prepared, values = prepare(statement, given)
        asked.append((prepared.sql, values))
        return prepared, values

    database._statements.prepare = noting  # type: ignore[method-assign]
    named = {name: id for name, id in ids.items() if f"${name}:" in query}
    await room.data("anonymous", query, **named)
    database._statements.prepare = prepare  # type: ignore[method-assign]
    return [await explained(database, sql, values) for sql, values in asked]


async def explained(database: Database, sql: str, values: list[Any]) -> str:
    connection = await database.engine.raw_connection()
    driver: Any = connection.driver_connection
    if database.is_sqlite:
        found = await driver.execute_fetchall(f"EXPLAIN QUERY PLAN {sql}", values)
        plan = [row[3] for row in found]
    else:
        # With few rows, reading the whole table is cheapest, so the planner must avoid it if it can.
        async with driver.transaction():
            await driver.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
            )
            plan = [row[0] for row in await driver.fetch(f"EXPLAIN {sql}", *values)]
    connection.close()
    return "\n".join(plan)


def reads_whole_table(plan: str) -> bool:
    """Tell whether a plan reads all rows of a table that grows."""
    whole = ("SCAN ", "Seq Scan on ")
    return any(
        mark in line and line.partition(mark)[2].split()[0] not in (*SMALL, "anon_1", "(subquery-3)")
        and " USING INDEX ix_" not in line
        for line in plan.splitlines()
        for mark in whole
    )  # fmt: skip


@pytest.mark.parametrize("query", PAGES)
async def test_a_public_page_reads_no_whole_table(query: str, room: Room) -> None:
    found = await plans(room, query)
    assert found
    assert [plan for plan in found if reads_whole_table(plan)] == []


@pytest.mark.parametrize("query", QUESTIONS_OF_OPEN)
async def test_open_incidents_are_found_by_an_index_of_them(query: str, room: Room) -> None:
    found = [plan for plan in await plans(room, query) if "ix_incidents_" in plan]
    assert len(found) == 2
    assert all("ix_incidents_open_" in plan for plan in found)


async def test_the_incidents_of_a_history_are_found_by_when_they_ended(room: Room) -> None:
    [plan] = [each for each in await plans(room, HISTORY) if "incident_components" in each]
    assert "ix_incidents_resolved_at" in plan


async def test_without_its_indexes_the_open_incidents_would_be_searched_for_everywhere(
    room: Room,
) -> None:
    async with room.services.database.engine.begin() as connection:
        for column in ("started_at", "updated_at"):
            await connection.execute(text(f"DROP INDEX ix_incidents_open_{column}"))
    assert any(reads_whole_table(plan) for plan in await plans(room, OPEN_NOW))


def test_the_index_is_of_what_is_not_over() -> None:
    names = ", ".join(f"'{name}'" for name in sorted(status.value for status in ENDED))
    assert f"status NOT IN ({names})" == IS_OPEN
    assert {status for status in IncidentStatus if f"'{status.value}'" in IS_OPEN} == ENDED
