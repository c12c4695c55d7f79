"""Passwords: argon2id (RFC 9106), each in its turn, in equal time for accounts that do not exist.

Never in a transaction: a hash waits for its turn, and others would wait for the transaction's locks.
"""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from watchword.config.settings import LONGEST_PASSWORD, MINIMUM_PASSWORD
from watchword.errors import BadUserInput
from watchword.formats.text import is_storable
from watchword.throttling.hash_queue import LANES, in_turn

_hasher = PasswordHasher(parallelism=LANES)
# What a password is compared with when there is no account, so that both take the same work.
_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$dugYaFLyD3WcgGIWgP7BMQ$"
    "es33bYiznrEcjjk93ALgp+iUVzLAApEU2RMq3LFmFuE"
)


NO_PASSWORD = "A password holds no NUL and no half characters."


def prepared(password: str) -> str:
    """Return the form in which a password is hashed: NFKC, so that it is the same from any keyboard.

    NIST SP 800-63B, section 5.1.1.2, asks for NFKC or NFKD. NFKC makes one of what input methods make
    differently, such as full-width letters and no-break spaces, which covers the spaces that RFC 8265,
    section 4.2.2, maps.
    """
    return unicodedata.normalize("NFKC", password)


def check_usable(password: str, argument: str = "password") -> None:
    """Raise `BadUserInput` that names the argument, when this cannot be a password."""
    if not is_storable(password):
        raise BadUserInput(NO_PASSWORD, [argument])
    # One character can be eighteen in NFKC, and several can be one.
    if min(len(password), len(prepared(password))) < MINIMUM_PASSWORD:
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
    return await in_turn(_hasher.hash, prepared(password), address=address)


async def fitting(password: str, hash: str | None, address: str = "") -> str | None:
    """Return the password in the form that was hashed; None when it is not the one that was hashed.

    A hash from before passwords were normalised is of what was typed. No hash takes as long and never
    fits. `address` is the network address that asks. Raises `Unavailable` when too many wait.
    """
    if len(password) > LONGEST_PASSWORD or not is_storable(password):
        return None
    return await in_turn(_fitting, password, hash, address=address)


def is_outdated(hash: str, form: str) -> bool:
    """Tell whether a hash that a password fits in this form was made otherwise than is done now."""
    return form != prepared(form) or _hasher.check_needs_rehash(hash)


def _fitting(password: str, hash: str | None) -> str | None:
    for form in dict.fromkeys((prepared(password), password)):
        try:
            _hasher.verify(hash or _NOBODY, form)
        except (VerificationError, InvalidHashError):
            continue
        return None if hash is None else form
    return None
