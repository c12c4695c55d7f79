"""Passkeys and one-time codes of an account, set up without a browser."""

from __future__ import annotations

from typing import Any

from pyotp import TOTP

from tests.support.authenticator import Authenticator
from tests.support.identity import unit_of
from tests.support.vault import VAULT
from watchword.auth.passkeys import passkeys
from watchword.auth.passkeys.challenges import Purpose
from watchword.auth.second_factor import totp
from watchword.auth.tables import Account, Passkey
from watchword.config.settings import Settings
from watchword.storage.database import Database


async def register(
    database: Database,
    settings: Settings,
    account: str,
    device: Authenticator,
    now: float,
    name: str = "phone",
    **twist: Any,
) -> Passkey:
    """Register a passkey as beginPasskey and addPasskey do."""
    async with unit_of(database, now) as unit:
        options = await passkeys.begin(unit, settings, VAULT, account)
    credential = device.create(options, **twist)
    async with unit_of(database, now) as unit:
        taken = await passkeys.use_challenge(unit, VAULT, credential, "register", account)
    async with unit_of(database, now) as unit:
        return await passkeys.add(unit, settings, account, name, credential, taken)


async def ask(
    database: Database,
    settings: Settings,
    now: float,
    account: str | None = None,
) -> dict[str, Any]:
    """Return request options for a passkey."""
    if account is None:
        return passkeys.options(settings, VAULT, now)
    async with database.read() as db:
        known = await passkeys.passkeys_of(db, account)
    return passkeys.options(settings, VAULT, now, account, known)


async def verify(
    database: Database,
    settings: Settings,
    credential: object,
    now: float,
    purpose: Purpose = "sign-in",
    account: str | None = None,
) -> Account:
    """Use the challenge up and verify the answer, as the routes do."""
    async with unit_of(database, now) as unit:
        taken = await passkeys.use_challenge(unit, VAULT, credential, purpose, account)
    async with unit_of(database, now) as unit:
        return await passkeys.verify(unit, settings, credential, taken, account)


async def enrol(
    database: Database, settings: Settings, account: str, now: float
) -> tuple[TOTP, list[str]]:
    """Turn one-time codes on, by the code of one step ago: those after it are unused. Returns the app
    and the recovery codes."""
    async with unit_of(database, now) as unit:
        setup = await totp.begin(unit, VAULT, settings, account)
        app = TOTP(setup.secret)
        codes = await totp.confirm(unit, VAULT, account, app.at(now - totp.STEP_SECONDS))
    return app, codes
