"""Challenges: what a passkey has to sign, once, within minutes, and for the one purpose it was made for."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, select

from graph.columns import moment
from graph.identity.tables import Challenge
from graph.transaction import Transaction

Purpose = Literal["register", "sign-in", "step-up"]

# For how long a challenge can be answered.
SECONDS = 300
# WebAuthn Level 3, section 13.4.3, asks for 16 at least.
BYTES = 32
PRUNED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Taken:
    """A challenge that was taken out of the database: nobody can take it again."""

    value: bytes = field(repr=False)
    purpose: str
    account: str | None
    expires_at: datetime

    def is_for(self, purpose: Purpose, account: str | None, now: float) -> bool:
        """Tell whether it was made for this, for this account (None for whoever comes), and lives."""
        made_for = (self.purpose, self.account)
        return made_for == (purpose, account) and moment(now) < self.expires_at


async def make(unit: Transaction, purpose: Purpose, account: str | None) -> bytes:
    """Make a challenge, and drop those that have ended."""
    await _prune(unit)
    value = secrets.token_bytes(BYTES)
    unit.session.add(
        Challenge(
            hash=_hash(value),
            purpose=purpose,
            account_id=account,
            expires_at=moment(unit.now + SECONDS),
        )
    )
    return value


async def take(unit: Transaction, value: bytes) -> Taken | None:
    """Take a challenge, whatever it was made for; None when there is none."""
    found = await unit.session.execute(
        delete(Challenge)
        .where(Challenge.hash == _hash(value))
        .returning(Challenge.purpose, Challenge.account_id, Challenge.expires_at)
    )
    row = found.one_or_none()
    return None if row is None else Taken(value, row.purpose, row.account_id, row.expires_at)


async def _prune(unit: Transaction) -> None:
    # A few more than are made, and none that another process drops at this moment.
    ended = select(Challenge.hash).where(Challenge.expires_at < moment(unit.now))
    some = ended.limit(PRUNED_AT_ONCE).with_for_update(skip_locked=True)
    await unit.session.execute(
        delete(Challenge).where(Challenge.hash.in_(some)),
        execution_options={"synchronize_session": False},
    )


def _hash(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()
