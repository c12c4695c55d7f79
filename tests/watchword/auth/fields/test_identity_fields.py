"""`viewer` returns the signed-in caller, even if it has no account."""

from __future__ import annotations

import pytest
import strawberry

from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from tests.support.principals import open_services
from watchword.auth.accounts.accounts import add_account
from watchword.auth.fields.identity_fields import IdentityQuery
from watchword.context import Context
from watchword.principal import ANONYMOUS, Grants, Principal
from watchword.storage.database import Database

QUERY = "{ viewer { id name email roles scopes expiresAt } }"
schema = strawberry.Schema(IdentityQuery)


async def ask(database: Database, clock: MovedClock, principal: Principal) -> object:
    services, _ = await open_services(database, clock)
    result = await schema.execute(QUERY, context_value=Context(services, principal))
    assert result.data is not None
    return result.data["viewer"]


async def test_a_person_sees_themselves(database: Database, clock: MovedClock) -> None:
    async with unit_of(database) as unit:
        account = await add_account(unit, email="a@x", name="Alice", roles=["keeper"], hash=None)
    grants = Grants(frozenset({"keeper"}), frozenset({"c:d", "a:b"}))
    principal = Principal(account.id, grants, expires_at=clock.now() + 60)
    assert await ask(database, clock, principal) == {
        "id": account.id,
        "name": "Alice",
        "email": "a@x",
        "roles": ["keeper"],
        "scopes": ["a:b", "c:d"],
        "expiresAt": "2027-01-15T08:01:00+00:00",
    }


@pytest.mark.parametrize(("client", "is_told"), [("watchword", True), ("app", False)])
async def test_an_application_gets_neither_name_nor_address(
    client: str, is_told: bool, database: Database, clock: MovedClock
) -> None:
    async with unit_of(database) as unit:
        account = await add_account(unit, email="a@x", name="Alice", roles=[], hash=None)
    principal = Principal(account.id, client=client, session="s", expires_at=clock.now() + 60)
    viewer = await ask(database, clock, principal)
    assert isinstance(viewer, dict)
    known = ("Alice", "a@x") if is_told else (None, None)
    assert (viewer["name"], viewer["email"]) == known


async def test_a_machine_has_no_name(database: Database, clock: MovedClock) -> None:
    viewer = await ask(database, clock, Principal("machine", expires_at=clock.now()))
    assert isinstance(viewer, dict)
    assert (viewer["id"], viewer["name"], viewer["email"]) == ("machine", None, None)


async def test_an_anonymous_caller_has_no_viewer(database: Database, clock: MovedClock) -> None:
    assert await ask(database, clock, ANONYMOUS) is None
