"""Recovery codes: each replaces a one-time code once, for example when the phone is lost.

A code has 120 random bits. NIST SP 800-63B, section 5.1.2.2, requires a slow hash of look-up secrets only
below 112 bits, so a fast hash is enough.

Earlier versions made codes of ten characters, with 50 bits and a slow hash, salted by the account. Unused
ones are still valid. Their hashes are queued (`hash_queue`), and must be made before a transaction begins.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from argon2.low_level import Type, hash_secret_raw
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from watchword.auth.audit.audit import Action, record
from watchword.auth.tables import RecoveryCode
from watchword.formats.text import plain_code
from watchword.storage.columns import moment
from watchword.throttling.hash_queue import run_queued
from watchword.transaction import Transaction

COUNT = 10
LENGTH, GROUP = 24, 4
SHORT_LENGTH = 10
"""Characters of a code from an earlier version, with a slow hash."""
# Crockford's base32, in which no two characters look alike.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LOOK_ALIKE = str.maketrans("oil", "011")
_CODE = re.compile(rf"[{ALPHABET}]+")


async def renew(unit: Transaction, account: str) -> list[str]:
    """Replace all codes of an account, and return the new ones. They are not stored in the clear."""
    await forget(unit, account)
    codes = [_new() for _ in range(COUNT)]
    unit.db.add_all(RecoveryCode(account_id=account, hash=_hash(account, code)) for code in codes)
    record(unit, Action.RECOVERY_CODES_MADE, account=account)
    starts = range(0, LENGTH, GROUP)
    return ["-".join(code[start : start + GROUP] for start in starts) for code in codes]


async def hash_of(account: str, code: str, address: str = "") -> str:
    """Return the hash of a code as the user typed it; empty, which matches no code, if it is malformed.

    `address` is the client's network address. Raises `Unavailable` when too many slow hashes are queued.
    """
    text = _read(code)
    if len(text) == SHORT_LENGTH:
        return await run_queued(_slow_hash, account, text, address=address)
    return _hash(account, text) if len(text) == LENGTH else ""


async def use(unit: Transaction, account: str, hash: str) -> bool:
    """Use up the code with this hash. Returns False if there is none, or if it was used before."""
    unused = update(RecoveryCode).filter_by(account_id=account, hash=hash, used_at=None)
    used = await unit.db.execute(
        unused.values(used_at=moment(unit.now)).returning(RecoveryCode.hash),
        execution_options={"synchronize_session": False},
    )
    if used.first() is None:
        return False
    count = await left(unit.db, account)
    record(unit, Action.RECOVERY_CODE_USED, account=account, left=str(count))
    return True


async def left(db: AsyncSession, account: str) -> int:
    """Return the number of unused codes."""
    unused = select(func.count()).select_from(RecoveryCode)
    found = await db.execute(unused.filter_by(account_id=account, used_at=None))
    return found.scalar_one()


async def forget(unit: Transaction, account: str) -> None:
    """Delete all codes of an account."""
    await unit.db.execute(delete(RecoveryCode).filter_by(account_id=account))


def _new() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def _read(code: str) -> str:
    """Normalise a typed code, also with O for 0 and I or L for 1; return "" if it is malformed."""
    text = plain_code(code).translate(_LOOK_ALIKE)
    return text if _CODE.fullmatch(text) else ""


def _hash(account: str, code: str) -> str:
    return hashlib.sha256(f"{account}:{code}".encode()).hexdigest()


def _slow_hash(account: str, code: str) -> str:
    salt = hashlib.sha256(account.encode()).digest()[:16]
    # OWASP's password storage cheat sheet: argon2id with 19 MiB and two passes.
    return hash_secret_raw(code.encode(), salt, 2, 19_456, 1, 32, Type.ID).hex()
