"""Removes all passkeys and second factors of an account, for a user who has lost them."""

from __future__ import annotations

from sqlalchemy import delete

from watchword.auth.accounts.accounts import check_takeover, lock_account, sign_out
from watchword.auth.passkeys import passkeys
from watchword.auth.second_factor import recovery_codes, totp
from watchword.auth.tables import Totp
from watchword.transaction import Transaction


async def reset(unit: Transaction, account: str) -> None:
    """Remove an account's passkeys, second factor and recovery codes; its password remains.

    All its sessions end, because a thief may have the lost device. Raises `NotFound`, and `Forbidden` for
    another account with roles beyond the actor's reach.
    """
    check_takeover(unit, await lock_account(unit.db, account))
    for passkey in await passkeys.passkeys_of(unit.db, account):
        await passkeys.remove(unit, account, passkey.id)
    if await totp.is_enabled(unit.db, account):
        await totp.disable(unit, account)
    # Also delete a setup that was begun: it could be confirmed with the lost device.
    await unit.db.execute(delete(Totp).filter_by(account_id=account))
    await recovery_codes.forget(unit, account)
    await sign_out(unit, account)
