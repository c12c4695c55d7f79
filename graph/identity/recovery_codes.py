"""Recovery codes: each stands in for a one-time code once, when the phone is lost.

50 bits are few enough to be written down and too few for a fast hash, so they are hashed as passwords
are, salted by the account: one hash tells whether a code is among ten. As with passwords, that is
done before a transaction begins.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from dataclasses import dataclass, field

from argon2.low_level import Type, hash_secret_raw
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from graph.columns import moment
from graph.identity.audit import Action, record
from graph.identity.tables import RecoveryCode
from graph.transaction import Transaction

COUNT = 10
LENGTH = 10
# Crockford's base32: nothing in it looks like something else.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LOOK_ALIKE = str.maketrans("oil", "011")
_CODE = re.compile(rf"[{ALPHABET}]{{{LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Made:
    """Codes of an account, to be read this once, and the hashes by which they are known."""

    account: str
    codes: list[str] = field(repr=False)
    hashes: list[str] = field(repr=False)


async def make(account: str) -> Made:
    """Make codes for an account, which are good when they are put in place."""
    codes = [_new() for _ in range(COUNT)]
    hashes = await asyncio.to_thread(lambda: [_hash(account, code) for code in codes])
    return Made(account, [f"{code[:5]}-{code[5:]}" for code in codes], hashes)


async def put(unit: Transaction, made: Made) -> None:
    """Put codes in place of those that their account has."""
    account = made.account
    await forget(unit, account)
    unit.session.add_all(RecoveryCode(account_id=account, hash=hash) for hash in made.hashes)
    record(unit, Action.RECOVERY_CODES_MADE, account=account)


async def hash_of(account: str, code: str) -> str:
    """Return the hash by which an account's code is known, as somebody wrote it; that of none, empty,
    when it is no code."""
    text = _read(code)
    return "" if text is None else await asyncio.to_thread(_hash, account, text)


async def use(unit: Transaction, account: str, hash: str) -> bool:
    """Use a code up, known by its hash; tell whether it was one, and had not been used."""
    unused = update(RecoveryCode).filter_by(account_id=account, hash=hash, used_at=None)
    used = await unit.session.execute(
        unused.values(used_at=moment(unit.now)).returning(RecoveryCode.hash),
        execution_options={"synchronize_session": False},
    )
    if used.first() is None:
        return False
    count = await left(unit.session, account)
    record(unit, Action.RECOVERY_CODE_USED, account=account, left=str(count))
    return True


async def left(session: AsyncSession, account: str) -> int:
    """Return how many codes have not been used."""
    unused = select(func.count()).select_from(RecoveryCode)
    found = await session.execute(unused.filter_by(account_id=account, used_at=None))
    return found.scalar_one()


async def forget(unit: Transaction, account: str) -> None:
    """Drop all of an account's codes."""
    await unit.session.execute(delete(RecoveryCode).filter_by(account_id=account))


def _new() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def _read(code: str) -> str | None:
    """Read a code as people write them: in any case, with spaces and hyphens, O for 0 and I or L for 1."""
    if len(code) > 4 * LENGTH:
        return None
    text = re.sub(r"[\s-]", "", code).lower().translate(_LOOK_ALIKE)
    return text if _CODE.fullmatch(text) else None


def _hash(account: str, code: str) -> str:
    salt = hashlib.sha256(account.encode()).digest()[:16]
    # OWASP's password storage cheat sheet: argon2id with 19 MiB and two passes.
    return hash_secret_raw(code.encode(), salt, 2, 19_456, 1, 32, Type.ID).hex()
