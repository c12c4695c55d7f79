"""Clients are registered, changed, given secrets and disabled, and the audit log says so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.identity import DOMAIN, unit_of
from tests.support.oauth import APP, MACHINE, keyed
from watchword.auth.revocation.identity_events import CLIENT_REVOKED
from watchword.auth.tables import AuditEntry
from watchword.errors import BadUserInput, Conflict, NotFound, WatchwordError
from watchword.events.bus.memory import MemoryBus
from watchword.events.event import Event
from watchword.oauth.clients.clients import (
    NewSecret,
    add_client,
    add_secret,
    change_client,
    count_clients,
    disable_client,
    find_client,
    get_client,
    matches_secret,
    page_of_clients,
    remove_secret,
    revoke_client,
    secrets_of,
)
from watchword.oauth.tables import ClientSecret
from watchword.principal import Actor
from watchword.relay.page import page
from watchword.storage.database import Database
from watchword.transaction import transaction


async def added(database: Database, asked: Any = MACHINE) -> str:
    async with unit_of(database) as unit:
        return (await add_client(unit, DOMAIN, asked)).id


async def changed(database: Database, id: str, **changes: Any) -> list[Event]:
    """Change a client, and return the published events."""
    async with unit_of(database) as unit:
        await change_client(unit, DOMAIN, id, changes)
        return list(unit.events)


async def audited(database: Database) -> list[AuditEntry]:
    async with database.read() as db:
        found = await db.execute(select(AuditEntry).order_by(AuditEntry.position))
        return list(found.scalars())


async def test_a_client_is_registered_under_an_id_of_ours(database: Database) -> None:
    ids = {await added(database) for _ in range(3)}
    assert len(ids) == 3
    assert all(id.startswith("client_") and len(id) < 32 for id in ids)
    async with database.read() as db:
        client = await get_client(db, min(ids))
        assert (client.name, client.version, client.disabled_at) == ("Counter", 1, None)
        assert client.scopes == ["toys:all", "toys:count"]
        found = await page_of_clients(db, page(2, None, None, None))
        assert (len(found.rows), found.has_next) == (2, True)
        assert await count_clients(db) == 3


async def test_nobody_finds_what_there_is_not(database: Database) -> None:
    for id in ("client_none", "", "a\x00b", "\ud800", "x" * 1000, "é"):
        async with unit_of(database) as unit:
            assert await find_client(unit.db, id) is None
            for work in (disable_client, revoke_client, add_secret):
                with pytest.raises(NotFound):
                    await work(unit, id)
            with pytest.raises(NotFound):
                await remove_secret(unit, id, id)
            with pytest.raises(NotFound):
                await change_client(unit, DOMAIN, id, {"name": "x"})


@pytest.mark.parametrize(
    "less",
    [
        {"scopes": ["toys:count"]},
        {"roles": []},
        {"needs_dpop": True},
        {"grants": [], "roles": [], "may_introspect": True},
    ],
)
async def test_what_takes_something_away_ends_the_tokens(
    database: Database, less: dict[str, Any]
) -> None:
    id = await added(database)
    [event] = await changed(database, id, **less)
    assert (event.kind, event.key, event.data) == (CLIENT_REVOKED, id, {"version": 2})


@pytest.mark.parametrize(
    "more",
    [
        {"name": "Another"},
        {"roles": ["keeper", "admin"]},
        {"may_introspect": True},
        {"scopes": ["toys:all", "toys:count"]},
    ],
)
async def test_what_takes_nothing_away_lets_the_tokens_live(
    database: Database, more: dict[str, Any]
) -> None:
    assert await changed(database, await added(database), **more) == []


async def test_a_lost_redirect_uri_ends_the_tokens_too(database: Database) -> None:
    both = [*APP.redirect_uris, "https://other.example/"]
    id = await added(database, replace(APP, redirect_uris=both))
    [event] = await changed(database, id, redirect_uris=["https://other.example/"])
    assert event.kind == CLIENT_REVOKED


async def test_a_key_is_rotated_and_the_tokens_live(database: Database) -> None:
    asked, _ = keyed()
    id = await added(database, asked)
    assert await changed(database, id, jwks=keyed()[0].jwks) == []


async def test_who_changes_what_another_changed_meanwhile_hears_of_it(database: Database) -> None:
    id = await added(database)
    await changed(database, id, name="Another")
    async with unit_of(database) as unit:
        with pytest.raises(Conflict):
            await change_client(unit, DOMAIN, id, {"name": "Third"}, version=1)


async def test_how_it_authenticates_stays(database: Database) -> None:
    id = await added(database)
    with pytest.raises(BadUserInput, match="stays as it is"):
        await changed(database, id, authentication="private_key_jwt", jwks=keyed()[0].jwks)


async def test_a_secret_is_kept_as_a_hash_and_known_again(database: Database) -> None:
    id = await added(database)
    async with unit_of(database) as unit:
        made = await add_secret(unit, id)
    async with database.read() as db:
        [row] = (await db.execute(select(ClientSecret))).scalars()
        known = await secrets_of(db, id)
    assert made.text not in str(vars(row)) + repr(made)
    assert matches_secret(known, made.text)
    for wrong in ("", made.id, row.hash, made.text + "x", made.text[:-1]):
        assert not matches_secret(known, wrong)
    assert not matches_secret([], made.text)


async def test_there_are_two_secrets_at_most_however_many_ask_at_once(database: Database) -> None:
    id = await added(database)

    async def ask() -> NewSecret | WatchwordError:
        try:
            async with unit_of(database) as unit:
                return await add_secret(unit, id)
        except WatchwordError as error:
            return error

    got = await asyncio.gather(*(ask() for _ in range(6)))
    assert len([each for each in got if isinstance(each, NewSecret)]) == 2
    assert all("at most 2" in str(each) for each in got if isinstance(each, BadUserInput))


async def test_a_secret_is_removed_by_its_own_client_only(database: Database) -> None:
    one, other = await added(database), await added(database)
    async with unit_of(database) as unit:
        made = await add_secret(unit, one)
        for id in (made.id + "x", "a\x00b", "\ud800"):
            with pytest.raises(NotFound):
                await remove_secret(unit, one, id)
        with pytest.raises(NotFound):
            await remove_secret(unit, other, made.id)
        await remove_secret(unit, one, made.id)
        assert await secrets_of(unit.db, one) == []


@pytest.mark.parametrize("asked", [APP, keyed()[0]])
async def test_who_authenticates_otherwise_gets_no_secret(database: Database, asked: Any) -> None:
    id = await added(database, asked)
    async with unit_of(database) as unit:
        with pytest.raises(BadUserInput, match="not authenticate by a secret"):
            await add_secret(unit, id)


async def test_a_disabled_client_stays_so_and_is_told_of_once(database: Database) -> None:
    id = await added(database)
    async with unit_of(database) as unit:
        await disable_client(unit, id)
        await disable_client(unit, id)
        assert [(event.key, event.data) for event in unit.events] == [(id, {"version": 2})]
    async with unit_of(database) as unit:
        assert await find_client(unit.db, id) is None
        assert (await get_client(unit.db, id)).disabled_at is not None
        for work in (revoke_client, add_secret):
            with pytest.raises(BadUserInput, match="disabled"):
                await work(unit, id)


async def test_a_client_that_is_revoked_has_another_version_from_then_on(
    database: Database,
) -> None:
    id = await added(database)
    async with unit_of(database) as unit:
        client = await revoke_client(unit, id)
        assert [(event.key, event.data) for event in unit.events] == [(id, {"version": 2})]
    assert client.version == 2


async def test_all_of_it_is_written_down_without_a_secret(database: Database) -> None:
    actor = Actor("alice", "s1", "watchword", "203.0.113.9", reach=None)
    async with transaction(database, MemoryBus(), 1_800_000_000.0, actor) as unit:
        id = (await add_client(unit, DOMAIN, MACHINE)).id
        made = await add_secret(unit, id)
        await change_client(unit, DOMAIN, id, {"scopes": ["toys:count"]})
        await change_client(unit, DOMAIN, id, {"scopes": ["toys:count"]})
        await remove_secret(unit, id, made.id)
        await revoke_client(unit, id)
        await disable_client(unit, id)
    entries = await audited(database)
    assert [entry.action for entry in entries] == [
        "CLIENT_ADDED",
        "CLIENT_SECRET_ADDED",
        "CLIENT_CHANGED",
        "CLIENT_SECRET_REMOVED",
        "TOKEN_REVOKED",
        "CLIENT_DISABLED",
    ]
    assert {(entry.actor, entry.client_id, entry.address) for entry in entries} == {
        ("alice", id, "203.0.113.9")
    }
    assert entries[2].detail == {"scopes": "toys:count"}
    assert made.text not in str([entry.detail for entry in entries])
