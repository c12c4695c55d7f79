"""Accounts: add, find, rename, give roles, disable; the last admin stays."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.clock import MovedClock
from tests.support.identity import sign_in_desk, unit_of
from watchword.auth.accounts.accounts import (
    accounts_by_id,
    add_account,
    disable,
    enable,
    find_account,
    list_accounts,
    new_id,
    set_password,
    set_roles,
)
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.auth.tables import Account, AuditEntry, Passkey, Password
from watchword.errors import BadUserInput, Conflict, NotFound
from watchword.storage.columns import moment
from watchword.storage.database import Database

NOW = MovedClock().now()


async def made(database: Database, email: str = "a@example.com", *roles: str) -> Account:
    async with unit_of(database, NOW) as unit:
        return await add_account(unit, email=email, name="A", roles=roles, hash="of a password")


def test_no_id_can_be_taken_for_an_option_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter(["-F3CkIzUMqXsYx0a", "--", "a-id"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _: next(made))
    assert new_id() == "a-id"


async def test_an_account_is_found_in_any_case(database: Database) -> None:
    account = await made(database, "Ünï@Example.com", "b", "a", "b")
    async with database.read() as db:
        found = await find_account(db, "üNÏ@EXAMPLE.com")
        assert found is not None
        assert (found.id, found.email, found.roles) == (account.id, "Ünï@Example.com", ["a", "b"])
        assert await find_account(db, "other@example.com") is None


async def test_an_address_has_one_account(database: Database) -> None:
    await made(database)
    with pytest.raises(BadUserInput) as error:
        await made(database, "A@EXAMPLE.COM")
    assert error.value.extensions["path"] == ["email"]


@pytest.mark.parametrize(
    "change",
    [
        {"email": "nobody"}, {"email": "@x"}, {"email": "a@"}, {"email": "a b@x"}, {"email": "a\x00@x"},
        {"email": "a" * 400 + "@x"}, {"email": "ß" * 300 + "@x"}, {"name": ""}, {"name": " "}, {"name": "x" * 300},
        {"name": "a\x00"}, {"name": "a\nb"}, {"name": "a\u202eb"}, {"name": "a\ud800"}, {"email": "a\u202eb@x"},
    ],
)  # fmt: skip
async def test_the_invalid_argument_is_named(change: dict[str, Any], database: Database) -> None:
    with pytest.raises(BadUserInput) as error:
        async with unit_of(database, NOW) as unit:
            given = {"email": "a@x", "name": "A", "hash": None} | change
            await add_account(unit, roles=[], **given)
    assert error.value.extensions["path"] == list(change)
    async with database.read() as db:
        assert await list_accounts(db) == []


async def test_roles_are_replaced_and_the_version_grows(database: Database) -> None:
    account = await made(database, "a@x", "viewer")
    async with unit_of(database) as unit:
        changed = await set_roles(unit, account.id, ["responder"], version=1)
    assert (changed.roles, changed.version) == (["responder"], 2)
    with pytest.raises(Conflict):
        async with unit_of(database) as unit:
            await set_roles(unit, account.id, [], version=1)
    with pytest.raises(NotFound):
        async with unit_of(database) as unit:
            await set_roles(unit, "nobody", [])


async def test_the_last_admin_stays(database: Database) -> None:
    first = await made(database, "a@x", "admin")
    second = await made(database, "b@x", "admin")
    async with unit_of(database) as unit:
        await disable(unit, second.id)
    with pytest.raises(BadUserInput, match="last admin"):
        async with unit_of(database) as unit:
            await set_roles(unit, first.id, ["viewer"])
    with pytest.raises(BadUserInput, match="last admin"):
        async with unit_of(database) as unit:
            await disable(unit, first.id)


async def test_an_account_that_cannot_sign_in_is_not_the_last_admin(database: Database) -> None:
    """Users of other issuers are admins by their current token, not by their first one."""
    first = await made(database, "a@x", "admin")
    async with unit_of(database, NOW) as unit:
        other = await add_account(unit, email="b@x", name="B", roles=["admin"], hash=None)
    async with unit_of(database) as unit:
        await disable(unit, other.id)
        await enable(unit, other.id)
    with pytest.raises(BadUserInput, match="last admin"):
        async with unit_of(database) as unit:
            await set_roles(unit, first.id, ["viewer"])
    async with unit_of(database) as unit:
        passkey = {"public_key": b"k", "sign_count": 0, "name": "Phone", "created_at": moment(NOW)}
        unit.db.add(Passkey(id="p", account_id=other.id, **passkey))
    async with unit_of(database) as unit:
        await set_roles(unit, first.id, ["viewer"])
    with pytest.raises(BadUserInput, match="last admin"):
        async with unit_of(database) as unit:
            await disable(unit, other.id)


async def test_admins_who_remove_each_other_leave_one(database: Database) -> None:
    async def leave(id: str, way: str) -> None:
        async with unit_of(database) as unit:
            if way == "roles":
                await set_roles(unit, id, ["viewer"])
            else:
                await disable(unit, id)

    for number in range(5):
        first = await made(database, f"a{number}@x", "admin")
        second = await made(database, f"b{number}@x", "admin")
        async with database.read() as db:
            others = [each.id for each in await list_accounts(db)]
        for id in set(others) - {first.id, second.id}:
            await leave(id, "roles")
        done = await asyncio.gather(
            leave(first.id, "roles"), leave(second.id, "disable"), return_exceptions=True
        )
        assert sum(isinstance(each, BadUserInput) for each in done) == 1, done


async def test_accounts_that_race_for_an_address_end_as_one(database: Database) -> None:
    done = await asyncio.gather(*(made(database) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, Account) for each in done) == 1
    assert sum(isinstance(each, BadUserInput) for each in done) == 4
    async with database.read() as db:
        assert len(await list_accounts(db)) == 1


async def test_many_are_loaded_at_once(database: Database) -> None:
    one, two = await made(database, "a@x"), await made(database, "b@x")
    async with database.read() as db:
        found = await accounts_by_id(db, [two.id, "nobody", one.id])
    assert set(found) == {one.id, two.id}


async def test_another_password_ends_all_sessions(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.login(delivery="body")).json()["refresh_token"]
        async with unit_of(database) as unit:
            await set_password(unit, desk.account.id, await hash_chosen("another good password"))
        assert (await desk.refresh(token)).status_code == 401
        assert (await desk.login()).status_code == 401
        assert (await desk.login(password="another good password")).status_code == 200
        async with database.read() as db:
            stored = await db.get_one(Password, desk.account.id)
        assert stored.hash.startswith("$argon2id$")


async def test_enabling_an_account_is_audited_once(
    database: Database,
) -> None:
    account = await made(database)
    async with unit_of(database) as unit:
        await disable(unit, account.id)
    for _ in range(2):
        async with unit_of(database) as unit:
            assert (await enable(unit, account.id)).disabled_at is None
    async with database.read() as db:
        said = (await db.execute(select(AuditEntry.action))).scalars().all()
    assert said == ["ACCOUNT_ADDED", "ACCOUNT_DISABLED", "ACCOUNT_ENABLED"]
