"""Changes to accounts are published as events of one stream, each about one account."""

from __future__ import annotations

import pytest

from tests.support.clock import MovedClock
from tests.support.identity import sign_in_desk, unit_of
from watchword.auth.accounts.accounts import add_account, disable, set_password, set_roles
from watchword.auth.revocation.identity_events import (
    STREAM,
    account_revoked,
    client_revoked,
    roles_changed,
    session_revoked,
    token_revoked,
)
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.events.event import BEGINNING, Event
from watchword.events.log.event_log import EventLog
from watchword.storage.database import Database


def test_each_is_about_one_account() -> None:
    assert session_revoked("a", "s") == Event(STREAM, "a", "SESSION_REVOKED", {"session": "s"})
    assert account_revoked("a", 2).data == {"version": 2, "kept": None}
    assert account_revoked("a", 2, "s") == Event(
        STREAM, "a", "ACCOUNT_REVOKED", {"version": 2, "kept": "s"}
    )
    assert token_revoked("a", "t") == Event(STREAM, "a", "TOKEN_REVOKED", {"token": "t"})
    assert client_revoked("c", 2) == Event(STREAM, "c", "CLIENT_REVOKED", {"version": 2})
    assert roles_changed("a", 2, {"y", "x"}).data == {"version": 2, "roles": "x y"}


async def kinds(database: Database) -> list[tuple[str, object]]:
    events = await EventLog(database).read(STREAM, None, BEGINNING, 100)
    return [(event.kind, event.data.get("version")) for event in events]


async def test_each_change_of_an_account_is_in_the_log_with_its_version(
    database: Database,
) -> None:
    async with unit_of(database) as unit:
        made = await add_account(
            unit, email="a@x", name="A", roles=["x"], hash=await hash_chosen("a good password")
        )
    async with unit_of(database) as unit:
        await set_roles(unit, made.id, ["y"])
    async with unit_of(database) as unit:
        await set_roles(unit, made.id, ["y"])
    async with unit_of(database) as unit:
        await set_password(unit, made.id, await hash_chosen("another good password"))
    async with unit_of(database) as unit:
        await disable(unit, made.id)
    assert await kinds(database) == [
        ("ROLES_CHANGED", 2), ("ACCOUNT_REVOKED", 3), ("ACCOUNT_REVOKED", 4),
    ]  # fmt: skip


@pytest.mark.parametrize("way", ["sign out", "reuse"])
async def test_a_session_that_ends_is_in_the_log_once(
    way: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.login(delivery="body")).json()["refresh_token"]
        if way == "reuse":
            for _ in range(2):
                await desk.refresh((await desk.refresh(token)).json().get("refresh_token", "x"))
            clock.move(60)
        for _ in range(2):
            if way == "reuse":
                await desk.refresh(token)
            else:
                await desk.client.post("/api/auth/logout", json={"refresh_token": token})
    assert await kinds(database) == [("SESSION_REVOKED", None)]


async def test_a_token_says_its_accounts_version(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database) as unit:
            await set_roles(unit, desk.account.id, ["admin", "keeper"])
        token = (await desk.login()).json()["access_token"]
        assert (await desk.auth.verify(token)).version == 2
