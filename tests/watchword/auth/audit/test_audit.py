"""The audit log: an entry is written with its action or not at all, and cannot be changed afterwards."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests.support.clock import MovedClock
from tests.support.identity import sign_in_desk, unit_of
from watchword.auth.audit.audit import Action, record
from watchword.auth.tables import AuditEntry
from watchword.principal import Actor
from watchword.storage.columns import moment
from watchword.storage.database import Database


async def entries(database: Database) -> list[AuditEntry]:
    async with database.read() as db:
        return list((await db.execute(select(AuditEntry).order_by(AuditEntry.position))).scalars())


async def test_an_entry_names_the_actor_and_defaults_to_its_session_and_client(
    database: Database, clock: MovedClock
) -> None:
    async with unit_of(database, clock.now()) as unit:
        unit.actor = Actor("alice", "s1", "app", "203.0.113.7")
        record(unit, Action.ACCOUNT_DISABLED, account="bob", reason="left")
        record(unit, Action.SESSION_REVOKED, account="bob", session="s2", client="other")
    disabled, revoked = await entries(database)
    assert (disabled.at, disabled.action) == (moment(clock.now()), "ACCOUNT_DISABLED")
    assert (disabled.actor, disabled.account_id) == ("alice", "bob")
    assert (disabled.session_id, disabled.client_id) == ("s1", "app")
    assert (disabled.address, disabled.detail) == ("203.0.113.7", {"reason": "left"})
    assert (revoked.session_id, revoked.client_id, revoked.detail) == ("s2", "other", {})


async def test_a_long_address_is_cut_to_its_column(database: Database) -> None:
    async with unit_of(database) as unit:
        unit.actor = Actor(address="x" * 500)
        record(unit, Action.SIGN_IN_FAILED)
    [entry] = await entries(database)
    assert entry.address == "x" * 64


async def test_an_entry_is_rolled_back_with_its_transaction(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with unit_of(database) as unit:
            record(unit, Action.SIGNED_OUT, account="alice")
            raise ZeroDivisionError
    assert await entries(database) == []


COLUMNS = "(position, at, action, address, detail)"
FORGED = (
    "SELECT position, at, 'SIGNED_OUT', address, detail FROM watchword_audit_entries WHERE true"
)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM watchword_audit_entries",
        "UPDATE watchword_audit_entries SET actor = 'nobody'",
        f"INSERT INTO watchword_audit_entries {COLUMNS} {FORGED}"
        " ON CONFLICT (position) DO UPDATE SET action = 'SIGNED_OUT'",
    ],
)
async def test_the_database_refuses_to_change_entries(
    change: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock):
        with pytest.raises(DBAPIError, match="audit entries are kept"):
            async with database.write() as db:
                await db.execute(text(change))


@pytest.mark.parametrize("way", ["REPLACE", "INSERT OR REPLACE"])
async def test_sqlite_refuses_to_replace_entries(
    way: str, sqlite_url: str, clock: MovedClock
) -> None:
    database = Database(sqlite_url)
    async with sign_in_desk(database, clock) as desk:
        await desk.login()
        with pytest.raises(DBAPIError, match="audit entries are kept"):
            async with database.write() as db:
                await db.execute(text(f"{way} INTO watchword_audit_entries {COLUMNS} {FORGED}"))
        assert await desk.audited() == ["ACCOUNT_ADDED", "SIGNED_IN"]
    await database.close()
