"""`watchword accounts reset-factors` lets a person who has lost every second factor sign in again."""

from __future__ import annotations

import asyncio

from click.testing import CliRunner, Result
from sqlalchemy import select

from tests.support.authenticator import Authenticator
from tests.support.clock import MovedClock
from tests.support.factors import enrol, register
from tests.support.identity import ORIGIN, unit_of
from tests.support.vault import ENCRYPTION_KEY
from watchword.auth.accounts.accounts import add_account
from watchword.auth.passkeys.passkeys import passkeys_of
from watchword.auth.second_factor.totp import is_enabled
from watchword.auth.tables import AuditEntry
from watchword.cli.commands import cli
from watchword.config.settings import Settings
from watchword.storage.database import Database

ALICE = "alice@example.com"
NOW = MovedClock().now()
SETTINGS = Settings(_env_file=None, issuer=ORIGIN)


def reset(url: str, email: str) -> Result:
    given = {"WATCHWORD_DATABASE_URL": url, "WATCHWORD_ENCRYPTION_KEYS": ENCRYPTION_KEY}
    return CliRunner(env=given, catch_exceptions=False).invoke(
        cli, ["accounts", "reset-factors", email]
    )


async def alice_with_factors(url: str) -> str:
    database = Database(url)
    async with unit_of(database) as unit:
        account = await add_account(unit, email=ALICE, name="A", roles=[], hash=None)
    await register(database, SETTINGS, account.id, Authenticator(ORIGIN), NOW)
    await enrol(database, SETTINGS, account.id, NOW)
    await database.close()
    return account.id


async def factors_and_actors(
    url: str, account: str
) -> tuple[int, bool, set[tuple[str, str | None]]]:
    database = Database(url)
    async with database.read() as db:
        count = len(await passkeys_of(db, account))
        enabled = await is_enabled(db, account)
        found = await db.execute(select(AuditEntry.action, AuditEntry.actor))
        said = {(action, actor) for action, actor in found}
    await database.close()
    return count, enabled, said


def test_passkeys_and_one_time_codes_are_removed_and_it_is_written_down(database_url: str) -> None:
    account = asyncio.run(alice_with_factors(database_url))
    result = reset(database_url, ALICE.upper())
    assert result.exit_code == 0, result.output
    assert "signs in by password" in result.output
    count, enabled, said = asyncio.run(factors_and_actors(database_url, account))
    assert (count, enabled) == (0, False)
    assert {("PASSKEY_REMOVED", "operator"), ("TOTP_DISABLED", "operator")} <= said


def test_an_unknown_email_is_named(sqlite_url: str) -> None:
    result = reset(sqlite_url, "nobody@example.com")
    assert result.exit_code == 1
    assert "nobody@example.com" in result.stderr
