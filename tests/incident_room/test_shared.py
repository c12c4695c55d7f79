"""Shared answers of the incident room are what an execution of one's own would say, after every change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest

from incident_room import schema
from incident_room.importers.statuspage import import_statuspage
from tests.incident_room.documents import (
    AFFECT,
    ASSIGN,
    CHANGE_IMPACT,
    CHANGE_STATUS,
    EVERYTHING,
    OPEN,
    PEOPLE,
    POST,
    REGISTER,
    RESOLVE,
    SET_ROLES,
    SET_STATUS,
)
from tests.incident_room.importers.test_statuspage import file, incident, update
from tests.support.principals import Room
from watchword import encode_id
from watchword.auth.accounts.accounts import disable, enable, rename, sign_out
from watchword.context import Context
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.execution.shared.answers import SharedAnswers

COMPONENTS = "{ components { id name group description status position version changes { totalCount nodes { oldStatus newStatus at component { name } } } } }"
STATUS_PAGE = """{
  incidents(first: 20) {
    totalCount
    pageInfo { endCursor hasNextPage }
    edges { cursor node { id name impact status createdAt startedAt updatedAt monitoringAt resolvedAt scheduledUntil shortlink version } }
    nodes {
      components { name status }
      updates(first: 3) { nodes { id status body visibility createdAt displayAt componentChanges { newStatus } incident { name } } }
    }
  }
}"""
NODE = """query Node($id: ID!) {
  node(id: $id) { id ... on Incident { name version } ... on Component { status } ... on Member { name } }
}"""
MEMBERS = "{ members(first: 50) { totalCount nodes { name roles version } } }"
RESPONDERS = """{
  incidents(first: 20) { nodes { commander { name roles } internalNotes { body author { name } } updates(first: 3) { nodes { author { name } } } } }
}"""
PUBLIC = [(COMPONENTS, {}), (STATUS_PAGE, {})]
SHARED = {
    "anonymous": PUBLIC,
    "viewer": PUBLIC,
    "machine": PUBLIC,
    "responder": [*PUBLIC, (RESPONDERS, {}), (MEMBERS, {})],
}


class Sharing:
    """The room with shared answers, beside executions of one's own."""

    def __init__(self, room: Room) -> None:
        self.room = room
        limits = Limits(2_000, 15, 50, 20_000)
        self.engine = Engine(schema, limits, 100)
        self.shared = SharedAnswers(self.engine, room.services)

    async def own(self, name: str, query: str, **variables: Any) -> Any:
        context = Context(self.room.services, self.room.principals[name])
        return await self.engine.execute(self.engine.plan(query, None), variables, context)

    async def ask(self, name: str, query: str, **variables: Any) -> Any:
        plan = self.engine.plan(query, None)
        found = await self.shared.answer(plan, variables, self.room.principals[name])
        return None if found is None else orjson.loads(found.json)

    async def agree(self) -> None:
        """Check that all shared answers are what executions of one's own say; ask often enough to keep them."""
        for name, asked in SHARED.items():
            for query, variables in asked:
                expected = orjson.loads(orjson.dumps(await self.own(name, query, **variables)))
                for _ in range(2):
                    assert await self.ask(name, query, **variables) == expected


@pytest.fixture
async def sharing(room: Room) -> AsyncIterator[Sharing]:
    made = Sharing(room)
    await room.services.hub.look()
    yield made
    await room.services.background.close()


def account(room: Room, change: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """Change the commander's account."""

    async def work() -> None:
        async with room.context("admin").write() as unit:
            await change(unit, room.principals["commander"].subject, *arguments)

    return work()


async def test_every_change_of_the_room_ends_the_answers_that_it_concerns(
    sharing: Sharing, room: Room
) -> None:
    async def change(query: str, given: dict[str, Any], name: str = "commander") -> Any:
        found = await room.data(name, query, input=given)
        await sharing.agree()
        return next(iter(found.values()))

    await sharing.agree()
    part = (await change(REGISTER, {"name": "API"}))["id"]
    await change(SET_STATUS, {"component": part, "status": "MAJOR_OUTAGE"})
    opened = (await change(OPEN, {"name": "Down", "body": "We look."}))["id"]
    here = {"incident": opened}
    await change(AFFECT, here | {"components": [part]})
    await change(POST, here | {"body": "A note.", "visibility": "INTERNAL"})
    said = await change(POST, here | {"body": "It is the disk.", "status": "IDENTIFIED"})
    hide = "mutation H($input: ChangeVisibilityInput!) { changeVisibility(input: $input) { id } }"
    await change(hide, {"update": said["id"], "visibility": "INTERNAL"})
    await change(CHANGE_IMPACT, here | {"impact": "CRITICAL"})
    member = encode_id("Member", room.principals["commander"].subject)
    await change(ASSIGN, here | {"member": member})
    await change(CHANGE_STATUS, here | {"status": "MONITORING", "body": "It is back."})
    await change(RESOLVE, here)
    await change(SET_ROLES, {"member": member, "roles": ["COMMANDER", "VIEWER"]}, "admin")
    assert sharing.shared.counts["kept"] > 100


@pytest.mark.parametrize("change", [(rename, "new@example.com"), (disable,), (sign_out,)])
async def test_every_change_of_an_account_ends_the_answers_that_it_concerns(
    sharing: Sharing, room: Room, change: tuple[Any, ...]
) -> None:
    await sharing.agree()
    await account(room, *change)
    await sharing.agree()
    if change == (disable,):
        await account(room, enable)
        await sharing.agree()


async def test_every_import_ends_the_answers_that_it_concerns(sharing: Sharing, room: Room) -> None:
    affected = [{"code": "c1", "old_status": "operational", "new_status": "major_outage"}]
    first = incident("a", update("u1", 1), update("u2", 2))
    grown = incident(
        "a",
        update("u1", 1, affected_components=affected),
        update("u2", 2, body="edited"),
        updated_at="2026-03-01T12:00:00Z",
        created_at="2026-03-01T09:00:00Z",
    )
    other = grown | {"created_at": "2026-03-01T09:30:00Z"}
    for content in (file(first), file(grown), file(other), file(other)):
        await import_statuspage(room.context("admin"), content)
        await sharing.agree()


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("anonymous", COMPONENTS),
        ("anonymous", STATUS_PAGE),
        ("anonymous", "{ components { history { uptime days { date worst } } } }"),
        ("responder", EVERYTHING.replace(" commander { name email }", "")),
        ("responder", RESPONDERS),
        ("responder", MEMBERS),
        ("anonymous", "{ __schema { queryType { name } } }"),
    ],
)
async def test_the_fields_of_the_public_page_and_of_responders_are_shared(
    sharing: Sharing, name: str, query: str
) -> None:
    variables = {"first": 5} if "$first" in query else {}
    assert await sharing.ask(name, query, **variables) is not None


async def test_objects_by_id_are_shared(sharing: Sharing, room: Room) -> None:
    opened = await room.data("commander", OPEN, input={"name": "Down", "body": "We look."})
    id = opened["openIncident"]["id"]
    member = encode_id("Member", room.principals["commander"].subject)
    for query, given in ((NODE, id), (NODE, member), (PEOPLE, id)):
        assert await sharing.ask("responder", query, id=given) == orjson.loads(
            orjson.dumps(await sharing.own("responder", query, id=given))
        )


@pytest.mark.parametrize(
    "query",
    ["{ viewer { id } }", "{ sessions { id } }", "{ members(first: 1) { nodes { email } } }"],
)
async def test_what_is_about_the_caller_is_not_shared(sharing: Sharing, query: str) -> None:
    for _ in range(3):
        assert await sharing.ask("viewer" if "viewer" in query else "responder", query) is None
