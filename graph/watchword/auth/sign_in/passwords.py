"""Password hashes: argon2id (RFC 9106), with the same work for accounts that do not exist.

Hashes are queued (`hash_queue`). Never make one in a transaction, or other transactions wait for its locks.
"""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from watchword.config.auth_settings import LONGEST_PASSWORD, MINIMUM_PASSWORD
from watchword.errors import BadUserInput
from watchword.formats.text import is_storable
from watchword.throttling.hash_queue import LANES, run_queued

hasher = PasswordHasher(parallelism=LANES)
# Passwords for unknown accounts are compared with this hash, so that they take the same amount of work.
NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$dugYaFLyD3WcgGIWgP7BMQ$"
    "es33bYiznrEcjjk93ALgp+iUVzLAApEU2RMq3LFmFuE"
)


NO_PASSWORD = "A password holds no NUL and no half characters."


def prepared(password: str) -> str:
    """Return the form in which a password is hashed: NFKC, so that it is the same from any keyboard.

    NIST SP 800-63B, section 5.1.1.2, asks for NFKC or NFKD. NFKC unifies characters that input methods
    write differently, such as full-width letters and no-break spaces, and so covers the mapping of spaces
    in RFC 8265, section 4.2.2.
    """
    return unicodedata.normalize("NFKC", password)


def check_usable(password: str, argument: str = "password") -> None:
    """Raise `BadUserInput`, naming the argument, when this is not allowed as a password."""
    if not is_storable(password):
        raise BadUserInput(NO_PASSWORD, [argument])
    # NFKC can turn one character into eighteen, and several into one, so check both lengths.
    if min(len(password), len(prepared(password))) < MINIMUM_PASSWORD:
        raise BadUserInput(f"A password has at least {MINIMUM_PASSWORD} characters.", [argument])
    if len(password) > LONGEST_PASSWORD:
        raise BadUserInput(f"A password has at most {LONGEST_PASSWORD} characters.", [argument])


async def hash_chosen(password: str) -> str:
    """Return the hash of a new password. Raises `BadUserInput` when it is not allowed."""
    check_usable(password)
    return await make_hash(password)


async def make_hash(password: str, address: str = "") -> str:
    """Return the argon2id hash of a password. `address` is the client's network address.

    Raises `Unavailable` when too many hashes are queued.
    """
    return await run_queued(hasher.hash, prepared(password), address=address)


async def matching_form(password: str, hash: str | None, address: str = "") -> str | None:
    """Return the form of the password that matches the hash, or None if none does.

    Early hashes are of the password as typed, later ones of its normal form. Comparing with None takes
    as long and never matches. `address` is the client's network address. Raises `Unavailable` when too
    many hashes are queued.
    """
    if len(password) > LONGEST_PASSWORD or not is_storable(password):
        return None
    return await run_queued(_matching_form, password, hash, address=address)


def is_outdated(hash: str, form: str) -> bool:
    """Tell whether a hash has outdated parameters, or was made of a `form` that is not the normal one."""
    return form != prepared(form) or hasher.check_needs_rehash(hash)


def _matching_form(password: str, hash: str | None) -> str | None:
    for form in dict.fromkeys((prepared(password), password)):
        try:
            hasher.verify(hash or NOBODY, form)
        except (VerificationError, InvalidHashError):
            continue
        return None if hash is None else form
    return None
