"""Admins manage other people's accounts over HTTP: from the sign-in to the audit log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from incident_room import domain, schema
from tests.incident_room.documents import SET_ROLES
from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from tests.support.principals import Room
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.app import create_app
from watchword.auth.accounts.accounts import add_account
from watchword.auth.keys.signing_keys import ensure
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.config.settings import Settings
from watchword.domain import Mount
from watchword.relay.ids import encode_id
from watchword.storage.database import Database

PASSWORD = "correct horse battery"
SESSIONS = "query S($account: ID!) { accountSessions(account: $account) { id label current } }"
REVOKE = """mutation R($account: ID!, $session: ID!) {
  revokeAccountSession(account: $account, session: $session) { id } }"""
SIGN_OUT = "mutation S($account: ID!) { signOutAccount(account: $account) { name } }"
DISABLE = "mutation D($account: ID!) { disableAccount(account: $account) { name } }"
ENABLE = "mutation E($account: ID!) { enableAccount(account: $account) { name } }"
AUDIT = """query A($account: ID, $action: AuditAction) {
  auditLog(first: 50, account: $account, action: $action) {
    totalCount nodes { action actor account session client address detail at } } }"""


class Person:
    """A signed-in person, who uses the server over HTTP."""

    def __init__(self, client: httpx2.AsyncClient, id: str, email: str) -> None:
        self._client = client
        self.id = id
        self.member = encode_id("Member", id)
        self.email = email

    async def sign_in(self) -> httpx2.Response:
        body = {"email": self.email, "password": PASSWORD, "delivery": "body"}
        response = await self._client.post("/api/auth/login", json=body)
        self.token = response.json().get("access_token", "")
        return response

    async def step_up(self) -> None:
        body = {"password": PASSWORD}
        response = await self._client.post("/api/auth/step-up", json=body, headers=self._headers)
        self.token = response.json()["access_token"]

    async def ask(self, query: str, **variables: Any) -> httpx2.Response:
        body = {"query": query, "variables": variables}
        return await self._client.post("/graphql", json=body, headers=self._headers)

    async def data(self, query: str, **variables: Any) -> Any:
        response = await self.ask(query, **variables)
        assert "errors" not in response.json(), response.text
        return response.json()["data"]

    async def code(self, query: str, **variables: Any) -> str:
        response = await self.ask(query, **variables)
        return str(response.json()["errors"][0]["extensions"]["code"])

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


@asynccontextmanager
async def served(
    database: Database, clock: MovedClock, **changes: Any
) -> AsyncIterator[tuple[Person, Person]]:
    """The whole app with the built-in schema, and an admin and a responder who are signed in."""
    url = database.url.render_as_string(hide_password=False)
    settings = Settings(
        _env_file=None, database_url=url, encryption_keys=(ENCRYPTION_KEY,), **changes
    )
    await ensure(database, VAULT, settings, clock.now())
    app = create_app(settings, Mount(schema, domain), clock)
    transport = httpx2.ASGITransport(app, client=("203.0.113.7", 1234))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
    ):
        people = []
        for role in ("admin", "responder"):
            async with unit_of(database, clock.now()) as unit:
                email = f"{role}@example.com"
                account = await add_account(
                    unit,
                    email=email,
                    name=role.title(),
                    roles=[role],
                    hash=await hash_chosen(PASSWORD),
                )
            people.append(Person(client, account.id, email))
            await people[-1].sign_in()
        yield people[0], people[1]


async def test_what_is_dangerous_asks_for_a_recent_authentication_and_gets_it_on_the_same_session(
    database: Database, clock: MovedClock
) -> None:
    async with served(database, clock) as (admin, responder):
        clock.move(301)
        refused = await admin.ask(DISABLE, account=responder.member)
        assert refused.status_code == 200
        [error] = refused.json()["errors"]
        assert error["extensions"] == {
            "code": "STEP_UP_REQUIRED",
            "maxAge": 300,
            "requires": {"maxAge": 300},
        }
        # RFC 9470, section 3.
        assert refused.headers["www-authenticate"] == (
            'Bearer realm="watchword", error="insufficient_user_authentication", max_age="300"'
        )
        await admin.step_up()
        assert (await admin.data(DISABLE, account=responder.member))["disableAccount"]
        assert (await responder.ask("{ viewer { id } }")).status_code == 401
        assert (await responder.sign_in()).status_code == 401
        assert (await admin.data(ENABLE, account=responder.member))["enableAccount"]
        assert (await responder.sign_in()).status_code == 200
        assert (await responder.data("{ viewer { id } }"))["viewer"]["id"] == responder.id


async def test_how_recent_is_a_setting(database: Database, clock: MovedClock) -> None:
    async with served(database, clock, step_up_seconds=30) as (admin, responder):
        clock.move(31)
        refused = await admin.ask(SIGN_OUT, account=responder.member)
        assert 'max_age="30"' in refused.headers["www-authenticate"]


async def test_an_admin_sees_and_ends_the_sessions_of_others(
    database: Database, clock: MovedClock
) -> None:
    async with served(database, clock) as (admin, responder):
        old = responder.token
        await responder.sign_in()
        sessions = (await admin.data(SESSIONS, account=responder.member))["accountSessions"]
        assert [each["current"] for each in sessions] == [False, False]
        [mine] = [
            each["id"]
            for each in (await responder.data("{ sessions { id current } }"))["sessions"]
            if each["current"]
        ]
        left = await admin.data(REVOKE, account=responder.member, session=mine)
        assert mine not in str(left)
        assert (await responder.ask("{ viewer { id } }")).status_code == 401
        responder.token = old
        assert (await responder.ask("{ viewer { id } }")).status_code == 200
        await admin.data(SIGN_OUT, account=responder.member)
        assert (await responder.ask("{ viewer { id } }")).status_code == 401
        assert (await admin.data(SESSIONS, account=responder.member))["accountSessions"] == []
        assert await admin.code(REVOKE, account=admin.member, session=mine) == "NOT_FOUND"


async def test_the_audit_log_says_who_did_what_to_whom(
    database: Database, clock: MovedClock
) -> None:
    async with served(database, clock) as (admin, responder):
        await admin.data(SIGN_OUT, account=responder.member)
        await admin.data(SET_ROLES, input={"member": responder.member, "roles": ["VIEWER"]})
        found = await admin.data(AUDIT, account=responder.member)
        [changed, signed_out, signed_in, added] = found["auditLog"]["nodes"]
        assert [each["action"] for each in (changed, signed_out, signed_in, added)] == [
            "ROLES_CHANGED",
            "SIGNED_OUT_EVERYWHERE",
            "SIGNED_IN",
            "ACCOUNT_ADDED",
        ]
        assert (changed["actor"], changed["account"]) == (admin.id, responder.member)
        assert (changed["address"], changed["client"]) == ("203.0.113.7", "watchword")
        assert changed["detail"] == {"roles": "viewer"}
        assert signed_in["actor"] == responder.id
        assert found["auditLog"]["totalCount"] == 4
        only = await admin.data(AUDIT, account=responder.member, action="SIGNED_IN")
        assert only["auditLog"]["totalCount"] == 1


@pytest.mark.parametrize("query", [SESSIONS, SIGN_OUT, DISABLE, ENABLE])
async def test_nobody_else_does_any_of_it(query: str, room: Room, name: str) -> None:
    account = encode_id("Member", room.principals["viewer"].subject)
    code = {"anonymous": "UNAUTHENTICATED"}.get(name, "FORBIDDEN")
    # An application with an admin's token may not do it either.
    room.principals[name] = replace(room.principals[name], client="app")
    assert await room.code(name, query, account=account) == code


async def test_only_an_admin_reads_the_audit_log(room: Room, name: str) -> None:
    if name == "admin":
        assert (await room.data(name, AUDIT))["auditLog"]["totalCount"] > 0
    else:
        code = {"anonymous": "UNAUTHENTICATED"}.get(name, "FORBIDDEN")
        assert await room.code(name, AUDIT) == code


@pytest.mark.parametrize("id", ["x", encode_id("Incident", "x"), ""])
async def test_an_id_of_something_else_is_refused(
    id: str, database: Database, clock: MovedClock
) -> None:
    async with served(database, clock) as (admin, _):
        for query in (SESSIONS, SIGN_OUT, DISABLE, AUDIT):
            assert await admin.code(query, account=id) == "BAD_USER_INPUT"


async def test_an_account_that_there_is_not_is_not_found(
    database: Database, clock: MovedClock
) -> None:
    async with served(database, clock) as (admin, _):
        for query in (SIGN_OUT, DISABLE, ENABLE):
            assert await admin.code(query, account=encode_id("Member", "x")) == "NOT_FOUND"


async def test_the_last_admin_is_not_disabled(database: Database, clock: MovedClock) -> None:
    async with served(database, clock) as (admin, _):
        assert await admin.code(DISABLE, account=admin.member) == "BAD_USER_INPUT"
