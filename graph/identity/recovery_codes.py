"""Recovery codes: each stands in for a one-time code once, when the phone is lost.

50 bits are few enough to be written down and too few for a fast hash, so they are hashed as passwords
are, salted by the account: one hash tells whether a code is among ten.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets

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


async def make(unit: Transaction, account: str) -> list[str]:
    """Make an account's codes, in place of those it has; they can be read this once."""
    codes = [_new() for _ in range(COUNT)]
    hashes = await asyncio.to_thread(lambda: [_hash(account, code) for code in codes])
    await forget(unit, account)
    unit.session.add_all(RecoveryCode(account_id=account, hash=hash) for hash in hashes)
    record(unit, Action.RECOVERY_CODES_MADE, account=account)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


async def use(unit: Transaction, account: str, code: object) -> bool:
    """Use a code up; tell whether it was one, and had not been used."""
    text = _read(code)
    if text is None:
        return False
    hash = await asyncio.to_thread(_hash, account, text)
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


def _read(code: object) -> str | None:
    """Read a code as people write them: in any case, with spaces and hyphens, O for 0 and I or L for 1."""
    if not isinstance(code, str) or len(code) > 4 * LENGTH:
        return None
    text = re.sub(r"[\s-]", "", code).lower().translate(_LOOK_ALIKE)
    return text if _CODE.fullmatch(text) else None


def _hash(account: str, code: str) -> str:
    salt = hashlib.sha256(account.encode()).digest()[:16]
    # OWASP's password storage cheat sheet: argon2id with 19 MiB and two passes.
    return hash_secret_raw(code.encode(), salt, 2, 19_456, 1, 32, Type.ID).hex()
