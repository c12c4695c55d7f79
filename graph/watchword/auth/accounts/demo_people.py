"""Demo people: an account for each role that a domain names, so that a newcomer sees who sees what.

They are made by the first start of a server that only this machine can reach, and disabled by a start of one that
others can reach. Their addresses end in demo.example, which is nobody's (RFC 2606, section 2).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.auth.accounts.accounts import add_account, disable
from watchword.auth.tables import Account
from watchword.transaction import Transaction

_DOMAIN = "@demo.example"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One of them, as the terminal shows it once."""

    name: str
    role: str
    email: str
    password: str = field(repr=False)


def invent(people: Mapping[str, str]) -> list[DemoPerson]:
    """Make up passwords for people, which are named by their roles."""
    return [
        DemoPerson(name, role, _address(role), secrets.token_urlsafe(12))
        for role, name in people.items()
    ]


async def add(unit: Transaction, people: Sequence[DemoPerson], hashes: Sequence[str]) -> None:
    """Add their accounts, with the hashes of their passwords."""
    for each, hash in zip(people, hashes, strict=True):
        await add_account(unit, email=each.email, name=each.name, roles=[each.role], hash=hash)


async def able(db: AsyncSession, people: Mapping[str, str]) -> list[Account]:
    """Return those that can sign in, in the order of their addresses; those too whose role has another name now."""
    if not people:
        return []
    named = Account.email_folded.endswith(_DOMAIN)
    found = select(Account).where(named, Account.disabled_at.is_(None))
    return list(await db.scalars(found.order_by(Account.email_folded)))


async def keep_out(unit: Transaction, people: Mapping[str, str]) -> list[str]:
    """Disable those that can sign in. Returns their addresses."""
    found = await able(unit.db, people)
    for each in found:
        await disable(unit, each.id)
    return [each.email for each in found]


def _address(role: str) -> str:
    return f"{role.lower()}{_DOMAIN}"
