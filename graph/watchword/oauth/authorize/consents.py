"""Consents: the scopes that a person lets a client have, until the person withdraws the consent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.auth.accounts.accounts import lock_account
from watchword.auth.audit.audit import Action, record
from watchword.auth.sessions.sessions import revoke_of_client
from watchword.auth.tables import Account, Session
from watchword.oauth.tables import Client, Consent
from watchword.storage.columns import moment
from watchword.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Given:
    """A consent, with the client's name and the time when the client last got a token by it."""

    client: str
    name: str
    scopes: Sequence[str]
    granted_at: datetime
    used_at: datetime | None


async def covers(db: AsyncSession, account: str, client: str, scopes: Collection[str]) -> bool:
    """Tell whether an account has consented to at least these scopes for a client."""
    known = await db.get(Consent, (account, client), populate_existing=True)
    return known is not None and set(scopes) <= set(known.scopes)


async def give(unit: Transaction, account: Account, client: str, scopes: Collection[str]) -> None:
    """Add these scopes to an account's consent for a client.

    The account must be locked, so that two concurrent consents are merged.
    """
    known = await unit.db.get(Consent, (account.id, client), populate_existing=True)
    if known is None:
        known = Consent(account_id=account.id, client_id=client, scopes=[])
        unit.db.add(known)
    known.scopes = sorted({*known.scopes, *scopes})
    known.granted_at = moment(unit.now)
    await unit.db.flush()
    given = " ".join(sorted(scopes))
    record(unit, Action.CONSENT_GIVEN, account=account.id, client=client, scope=given)


async def withdraw(unit: Transaction, account: str, client: str) -> bool:
    """Delete an account's consent for a client, and end the client's sessions and tokens for it.

    Returns False if there was no consent.
    """
    session = unit.db
    # Lock the account against a concurrent exchange of a code. If the exchange was first, the session that
    # it opened ends below; if it comes later, it is refused, because a code is void without its consent.
    await lock_account(session, account)
    known = await session.get(Consent, (account, client), populate_existing=True)
    if known is None:
        return False
    await session.delete(known)
    await revoke_of_client(unit, account, client)
    record(unit, Action.CONSENT_WITHDRAWN, account=account, client=client)
    return True


async def list_consents(db: AsyncSession, account: str) -> Sequence[Given]:
    """Return an account's consents, the latest first."""
    used_at = (
        select(func.max(Session.used_at))
        .where(Session.account_id == Consent.account_id, Session.client_id == Consent.client_id)
        .scalar_subquery()
    )
    found = await db.execute(
        select(Consent, Client.name, used_at)
        .join(Client, Client.id == Consent.client_id)
        .where(Consent.account_id == account)
        .order_by(Consent.granted_at.desc(), Consent.client_id)
    )
    return [
        Given(consent.client_id, name, consent.scopes, consent.granted_at, used)
        for consent, name, used in found
    ]
