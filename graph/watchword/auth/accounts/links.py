"""Links of accounts to subjects of other issuers.

A user is identified by issuer and subject, and never by an e-mail address: otherwise an attacker could
take over an account here by setting its address at some issuer.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.auth.accounts.accounts import (
    check_takeover,
    lock_account,
    raise_version,
)
from watchword.auth.audit.audit import Action, record
from watchword.auth.revocation.identity_events import account_revoked
from watchword.auth.tables import Account, ExternalIdentity
from watchword.errors import (
    BadUserInput,
    NotFound,
    TokenRevoked,
)
from watchword.principal import Principal
from watchword.storage.columns import moment
from watchword.storage.database import exclusive
from watchword.transaction import Transaction
from watchword.trust.mapping import LONGEST_SUBJECT, is_name

# The advisory lock that is held while an account is linked or unlinked.
LOCK = 7_709_017


async def find(
    db: AsyncSession, issuer: str, subject: str
) -> tuple[Account, ExternalIdentity] | None:
    """Find the account that is linked to an issuer's subject."""
    found = await db.execute(
        select(Account, ExternalIdentity)
        .join(ExternalIdentity, ExternalIdentity.account_id == Account.id)
        .where(ExternalIdentity.issuer == issuer, ExternalIdentity.subject == subject)
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


def check_standing(
    account: Account, identity: ExternalIdentity, principal: Principal, leeway: float
) -> None:
    """Raise `TokenRevoked` if the account is disabled, or was signed out after the token was issued.

    The issuer's clock may be ahead of ours by `leeway` seconds, so a token that is dated up to that long
    after the sign-out is refused too.
    """
    ended = identity.revoked_at
    is_over = ended is not None and principal.issued_at <= ended.timestamp() + leeway
    if account.disabled_at is not None or is_over:
        raise TokenRevoked


async def link(unit: Transaction, issuer: str, subject: str, account: str) -> ExternalIdentity:
    """Link an issuer's subject to an account.

    Raises `BadUserInput` when the subject is linked already or is not valid; `NotFound` when there is no
    such account; `Forbidden` for another account with roles beyond the actor's reach.
    """
    if not is_name(subject):
        raise BadUserInput(
            f"A subject has 1 to {LONGEST_SUBJECT} printable characters.", ["subject"]
        )
    await exclusive(unit.db, LOCK)
    check_takeover(unit, await lock_account(unit.db, account))
    if await find(unit.db, issuer, subject) is not None:
        raise BadUserInput("This person has an account already.", ["subject"])
    identity = ExternalIdentity(
        issuer=issuer, subject=subject, account_id=account, created_at=moment(unit.now)
    )
    unit.db.add(identity)
    await unit.db.flush()
    record(unit, Action.ACCOUNT_LINKED, account=account, issuer=issuer, subject=subject)
    return identity


async def unlink(unit: Transaction, issuer: str, subject: str) -> Account:
    """Unlink an issuer's subject from its account, and return the account.

    All tokens that were issued for the account end. Its own sessions stay open, but must refresh. Raises
    `NotFound` when the subject has no account.
    """
    await exclusive(unit.db, LOCK)
    found = await find(unit.db, issuer, subject)
    if found is None:
        raise NotFound("This person has no account.")
    account = await lock_account(unit.db, found[0].id)
    await unit.db.delete(found[1])
    await raise_version(unit, account)
    unit.publish(account_revoked(account.id, account.version))
    record(unit, Action.ACCOUNT_UNLINKED, account=account.id, issuer=issuer, subject=subject)
    return account
