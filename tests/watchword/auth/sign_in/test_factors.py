"""The reset of all factors of an account: only the password remains."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from tests.support.authenticator import Authenticator
from tests.support.clock import MovedClock
from tests.support.factors import enrol, register
from tests.support.identity import ORIGIN, sign_in_desk, unit_of
from tests.support.vault import VAULT
from watchword.auth.passkeys import passkeys
from watchword.auth.second_factor import totp
from watchword.auth.sign_in import factors
from watchword.auth.tables import AuditEntry, Passkey, RecoveryCode, Totp
from watchword.errors import NotFound
from watchword.storage.database import Database


async def test_nothing_but_the_password_remains_and_sessions_end(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        account, settings, now = desk.account.id, desk.auth.settings, clock.now()
        token = (await desk.login(delivery="body")).json()["refresh_token"]
        await register(database, settings, account, Authenticator(ORIGIN), now)
        await enrol(database, settings, account, now)
        async with unit_of(database, now) as unit:
            await totp.begin(unit, VAULT, settings, account)
            await passkeys.begin(unit, settings, VAULT, account)
        assert (await desk.login()).status_code == 401
        async with unit_of(database, now) as unit:
            await factors.reset(unit, account)
        assert (await desk.login()).status_code == 200
        assert (await desk.refresh(token)).status_code == 401
    async with database.read() as db:
        for table in (Passkey, Totp, RecoveryCode):
            count = select(func.count()).select_from(table)
            assert (await db.execute(count)).scalar_one() == 0, table
        said = (await db.execute(select(AuditEntry.action))).scalars().all()
    assert {"PASSKEY_REMOVED", "TOTP_DISABLED"} <= set(said)


async def test_an_account_without_any_stays_as_it_is(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database, clock.now()) as unit:
            await factors.reset(unit, desk.account.id)
        assert (await desk.login()).status_code == 200


async def test_there_has_to_be_an_account(database: Database) -> None:
    async with unit_of(database) as unit:
        with pytest.raises(NotFound):
            await factors.reset(unit, "nobody")


async def test_an_unconfirmed_second_factor_is_removed_too(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        account, settings = desk.account.id, desk.auth.settings
        async with unit_of(database, clock.now()) as unit:
            await totp.begin(unit, VAULT, settings, account)
        async with unit_of(database, clock.now()) as unit:
            await factors.reset(unit, account)
        async with database.read() as db:
            assert (await db.execute(select(Totp))).first() is None
