"""Passkeys (WebAuthn Level 3): registered by a signed-in user, used to sign in and to step up.

A passkey is two factors at once: the device, and the finger, face or PIN that unlocks it. User verification
is therefore always required, and no other factor is asked for.

Code that changes or uses the factors of an account must lock the account first, so that concurrent calls
run one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.structs import AuthenticationCredential

from watchword.auth.accounts.accounts import lock_account
from watchword.auth.audit.audit import Action, record
from watchword.auth.passkeys import ceremonies, challenges
from watchword.auth.passkeys.ceremonies import PasskeyRefused
from watchword.auth.passkeys.challenges import Purpose
from watchword.auth.passkeys.relying_party import relying_party
from watchword.auth.tables import Account, Passkey
from watchword.config.settings import Settings
from watchword.errors import BadUserInput, NotFound
from watchword.formats.text import checked_text
from watchword.storage.columns import moment
from watchword.storage.vault import Vault
from watchword.transaction import Transaction

LONGEST_NAME = 200
MOST = 20
METHODS = ["hwk", "user", "mfa"]
"""The authentication methods of a passkey (RFC 8176)."""


async def passkeys_of(db: AsyncSession, account: str) -> Sequence[Passkey]:
    """Return an account's passkeys, the oldest first."""
    found = await db.execute(
        select(Passkey)
        .filter_by(account_id=account)
        .order_by(Passkey.created_at, Passkey.id)
        .execution_options(populate_existing=True)
    )
    return found.scalars().all()


async def begin(
    unit: Transaction, settings: Settings, vault: Vault, account: str
) -> dict[str, Any]:
    """Return the options for `navigator.credentials.create`, as JSON. Raises `BadUserInput`."""
    party = relying_party(settings)
    owner = await lock_account(unit.db, account)
    known = await _known_if_room(unit.db, account)
    challenge = challenges.make(vault, "register", account, unit.now)
    return ceremonies.creation_options(
        party, account, owner.email, owner.name, [passkey.id for passkey in known], challenge
    )


def options(
    settings: Settings,
    vault: Vault,
    now: float,
    account: str | None = None,
    known: Sequence[Passkey] = (),
) -> dict[str, Any]:
    """Return the options for `navigator.credentials.get`, as JSON. Raises `BadUserInput`.

    With an account and its `known` passkeys they are for a step-up. Without an account they are for a
    sign-in, and name no account. `now` is in Unix seconds.
    """
    party = relying_party(settings)
    purpose: Purpose = "sign-in" if account is None else "step-up"
    challenge = challenges.make(vault, purpose, account, now)
    return ceremonies.request_options(party, [passkey.id for passkey in known], challenge)


async def use_challenge(
    unit: Transaction, vault: Vault, credential: object, purpose: Purpose, account: str | None
) -> bytes:
    """Use up and return the challenge that a credential claims to have signed. The credential may be any JSON.

    Commit this before verifying the credential, so that the challenge is used up even if that fails.
    `account` is the account that must answer, None for a sign-in. Raises `PasskeyRefused`, an
    `Unauthenticated`, when the challenge has another purpose or account, has expired, or was used before.
    """
    challenge = ceremonies.challenge_of(credential)
    if not await challenges.use(unit, vault, challenge, purpose, account):
        raise PasskeyRefused("challenge", account)
    return challenge


async def add(
    unit: Transaction,
    settings: Settings,
    account: str,
    name: str,
    credential: object,
    challenge: bytes,
) -> Passkey:
    """Register a passkey that answers the challenge from `use_challenge`. Raises `BadUserInput`."""
    label = checked_text(name, ["name"], LONGEST_NAME)
    try:
        made = ceremonies.registered(credential, challenge, relying_party(settings))
    except PasskeyRefused:
        raise _unusable("it is not what this server asked the browser for") from None
    await lock_account(unit.db, account)
    await _known_if_room(unit.db, account)
    passkey = Passkey(
        id=made.id,
        account_id=account,
        public_key=made.public_key,
        sign_count=made.sign_count,
        name=label,
        created_at=moment(unit.now),
    )
    unit.db.add(passkey)
    try:
        await unit.db.flush()
    except IntegrityError:
        raise _unusable("it is registered already") from None
    record(unit, Action.PASSKEY_ADDED, account=account, name=label)
    return passkey


async def verify(
    unit: Transaction,
    settings: Settings,
    credential: object,
    challenge: bytes,
    account: str | None,
) -> Account:
    """Verify that a passkey answers the challenge from `use_challenge`; lock and return its account.

    `account` is the account that steps up, None for a sign-in. Raises `PasskeyRefused`, an
    `Unauthenticated`, whatever is wrong.
    """
    answer = ceremonies.assertion(credential)
    passkey, owner = await _find(unit.db, answer)
    if account not in (None, owner.id):
        raise PasskeyRefused("account", account)
    try:
        _check_user_handle(answer, owner, required=account is None)
        count = ceremonies.check_assertion(
            answer, challenge, relying_party(settings), passkey.public_key
        )
        if (count or passkey.sign_count) and count <= passkey.sign_count:
            # Section 6.1.1: the passkey may have been cloned, and this may be the thief's copy.
            raise PasskeyRefused("sign_count")
        if owner.disabled_at is not None:
            raise PasskeyRefused("disabled")
    except PasskeyRefused as refused:
        raise PasskeyRefused(refused.rule, owner.id) from None
    passkey.sign_count = count
    passkey.used_at = moment(unit.now)
    return owner


async def rename(unit: Transaction, account: str, id: str, name: str) -> Passkey:
    """Rename a passkey. Raises `NotFound` or `BadUserInput`."""
    label = checked_text(name, ["name"], LONGEST_NAME)
    await lock_account(unit.db, account)
    for passkey in await passkeys_of(unit.db, account):
        if passkey.id == id:
            passkey.name = label
            return passkey
    raise NotFound("There is no such passkey.")


async def remove(unit: Transaction, account: str, id: str) -> None:
    """Remove a passkey, so that it cannot be used any more. Raises `NotFound`."""
    await lock_account(unit.db, account)
    for passkey in await passkeys_of(unit.db, account):
        if passkey.id == id:
            await unit.db.execute(delete(Passkey).where(Passkey.id == passkey.id))
            record(unit, Action.PASSKEY_REMOVED, account=account, name=passkey.name)
            return
    raise NotFound("There is no such passkey.")


async def _find(db: AsyncSession, answer: AuthenticationCredential) -> tuple[Passkey, Account]:
    id = bytes_to_base64url(answer.raw_id)
    passkey = await db.get(Passkey, id)
    if passkey is None:
        raise PasskeyRefused("unknown")
    owner = await lock_account(db, passkey.account_id)
    # Read it again: it may have been removed or used before the account was locked.
    passkey = await db.get(Passkey, id, populate_existing=True)
    if passkey is None:
        raise PasskeyRefused("unknown", owner.id)
    return passkey, owner


async def _known_if_room(db: AsyncSession, account: str) -> Sequence[Passkey]:
    known = await passkeys_of(db, account)
    if len(known) >= MOST:
        raise BadUserInput(f"There are {MOST} passkeys, which is the most. Remove one first.")
    return known


def _check_user_handle(answer: AuthenticationCredential, owner: Account, required: bool) -> None:
    # Section 7.2, step 6: if the options named no account, the passkey must say to which one it belongs.
    handle = answer.response.user_handle
    if handle != owner.id.encode() and (required or handle is not None):
        raise PasskeyRefused("user_handle")


def _unusable(why: str) -> BadUserInput:
    return BadUserInput(
        f"The passkey cannot be registered: {why}. Begin again with beginPasskey.", ["credential"]
    )
