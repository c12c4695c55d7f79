"""Passwords: argon2id (RFC 9106), each in its turn, in equal time for accounts that do not exist.

Never in a transaction: a hash waits for its turn, and others would wait for the transaction's locks.
"""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from graph.errors import BadUserInput
from graph.identity.turns import LANES, in_turn
from graph.settings import LONGEST_PASSWORD, MINIMUM_PASSWORD

_hasher = PasswordHasher(parallelism=LANES)
# What a password is compared with when there is no account, so that both take the same work.
_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$dugYaFLyD3WcgGIWgP7BMQ$"
    "es33bYiznrEcjjk93ALgp+iUVzLAApEU2RMq3LFmFuE"
)


def check_usable(password: str, argument: str = "password") -> None:
    """Raise `BadUserInput` that names the argument, when this cannot be a password."""
    if len(password) < MINIMUM_PASSWORD:
        raise BadUserInput(f"A password has at least {MINIMUM_PASSWORD} characters.", [argument])
    if len(password) > LONGEST_PASSWORD:
        raise BadUserInput(f"A password has at most {LONGEST_PASSWORD} characters.", [argument])


async def hash_chosen(password: str) -> str:
    """Return the hash of a password that somebody chose. Raises `BadUserInput` when it cannot be one."""
    check_usable(password)
    return await make_hash(password)


async def make_hash(password: str, address: str = "") -> str:
    """Return the argon2id hash of a password, for somebody at a network address.

    Raises `Unavailable` when too many wait.
    """
    return await in_turn(_hasher.hash, password, address=address)


async def fits(password: str, hash: str | None, address: str = "") -> bool:
    """Tell whether the password is the one that was hashed; no hash takes as long and never fits.

    `address` is the network address that asks. Raises `Unavailable` when too many wait.
    """
    return await in_turn(_fits, password, hash, address=address)


def is_outdated(hash: str) -> bool:
    """Tell whether the hash was made with weaker parameters than are used now."""
    return _hasher.check_needs_rehash(hash)


def _fits(password: str, hash: str | None) -> bool:
    try:
        _hasher.verify(hash or _NOBODY, password[:LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False
    return hash is not None
