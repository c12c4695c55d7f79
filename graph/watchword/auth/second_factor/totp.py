"""One-time codes (TOTP, RFC 6238) as the second factor beside the password.

The parameters are those that every authenticator app supports: SHA-1, six digits, 30 seconds. SHA-1 is
secure in HMAC (RFC 6194, section 3.3). A code is valid once, and one time step early or late.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pyotp import TOTP, random_base32
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.auth.accounts.accounts import lock_account
from watchword.auth.audit.audit import Action, record
from watchword.auth.second_factor import recovery_codes
from watchword.auth.tables import Totp
from watchword.config.settings import Settings
from watchword.errors import BadUserInput, NotFound, Unauthenticated
from watchword.formats.text import plain_code
from watchword.storage.vault import Vault
from watchword.transaction import Transaction

STEP_SECONDS = 30
# Section 5.2: one step each way, for clocks that differ and for the time it takes to type.
DRIFT = 1
METHODS = ["otp", "mfa"]
"""The methods that a one-time code adds to those of a sign-in (RFC 8176)."""
_CODE = re.compile(r"[0-9]{6}", re.ASCII)


class SecondFactorRequired(Unauthenticated):
    """The password is right, but a one-time code or a recovery code is needed too."""

    def __init__(self) -> None:
        super().__init__("A one-time code is needed too: send otp, or recovery_code.")


@dataclass(frozen=True, slots=True)
class Setup:
    """What an authenticator app needs: the secret in base32, and a URI with it for a QR code."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


async def check(
    unit: Transaction, vault: Vault, account: str, otp: object, recovery_hash: str | None
) -> list[str]:
    """Check the second factor, if the account has one, and return the methods that it adds.

    A valid code is used up in this transaction. `otp` may be any JSON. `otp` and the hash of a recovery
    code are None if they were not sent. Raises `SecondFactorRequired` if neither was, and
    `Unauthenticated` for an invalid code.
    """
    secret = await unit.db.get(Totp, (account, True))
    if secret is None:
        return []
    if otp is not None:
        good = await _use(unit, account, step_of(vault.open(secret.sealed_secret), otp, unit.now))
    elif recovery_hash is not None:
        good = await recovery_codes.use(unit, account, recovery_hash)
    else:
        raise SecondFactorRequired
    if not good:
        raise Unauthenticated("The code is not valid. Each is good once: wait for the next one.")
    return METHODS


async def is_enabled(db: AsyncSession, account: str) -> bool:
    """Tell whether an account has a second factor beside its password."""
    return await db.get(Totp, (account, True)) is not None


async def begin(unit: Transaction, vault: Vault, settings: Settings, account: str) -> Setup:
    """Make a secret that takes effect when it is confirmed; until then nothing changes."""
    owner = await lock_account(unit.db, account)
    secret = random_base32()
    made = Totp(account_id=account, is_confirmed=False, sealed_secret=vault.seal(secret))
    made.last_step = 0
    await unit.db.merge(made)
    issuer = urlsplit(settings.issuer).hostname
    return Setup(secret, TOTP(secret).provisioning_uri(name=owner.email, issuer_name=issuer))


async def confirm(unit: Transaction, vault: Vault, account: str, otp: str) -> list[str]:
    """Enable the secret from `begin` if `otp` proves that the app has it, and return recovery codes.

    Raises `BadUserInput`.
    """
    await lock_account(unit.db, account)
    begun = await unit.db.get(Totp, (account, False), populate_existing=True)
    if begun is None:
        raise BadUserInput("There is nothing to confirm. Begin with beginTotp.")
    step = step_of(vault.open(begun.sealed_secret), otp, unit.now)
    if step is None:
        raise BadUserInput("This is not the app's code of this moment. Try the next one.", ["otp"])
    await unit.db.execute(delete(Totp).filter_by(account_id=account, is_confirmed=True))
    await unit.db.execute(
        update(Totp)
        .filter_by(account_id=account, is_confirmed=False)
        .values(is_confirmed=True, last_step=step),
        execution_options={"synchronize_session": False},
    )
    record(unit, Action.TOTP_ENABLED, account=account)
    return await recovery_codes.renew(unit, account)


async def disable(unit: Transaction, account: str) -> None:
    """Disable the second factor, and delete the recovery codes. Raises `NotFound`."""
    await lock_account(unit.db, account)
    if not await is_enabled(unit.db, account):
        raise NotFound("There is no second factor.")
    await unit.db.execute(delete(Totp).filter_by(account_id=account))
    await recovery_codes.forget(unit, account)
    record(unit, Action.TOTP_DISABLED, account=account)


async def renew_recovery_codes(unit: Transaction, account: str) -> list[str]:
    """Replace the recovery codes, and return the new ones. Raises `NotFound` without a second factor."""
    await lock_account(unit.db, account)
    if not await is_enabled(unit.db, account):
        raise NotFound("There is no second factor. Begin with beginTotp.")
    return await recovery_codes.renew(unit, account)


def step_of(secret: str, otp: object, now: float) -> int | None:
    """Return the time step that a code is from; None if it matches no step near `now` (Unix seconds).

    `otp` may be any JSON; spaces in it are ignored.
    """
    typed = plain_code(otp) if isinstance(otp, str) else ""
    if not _CODE.fullmatch(typed):
        return None
    code, current = TOTP(secret), int(now // STEP_SECONDS)
    near = range(current - DRIFT, current + DRIFT + 1)
    fits = [step for step in near if hmac.compare_digest(code.generate_otp(step), typed)]
    return max(fits, default=None)


async def _use(unit: Transaction, account: str, step: int | None) -> bool:
    if step is None:
        return False
    unused = update(Totp).where(
        Totp.account_id == account, Totp.is_confirmed, Totp.last_step < step
    )
    used = await unit.db.execute(
        unused.values(last_step=step).returning(Totp.account_id),
        execution_options={"synchronize_session": False},
    )
    return used.first() is not None
