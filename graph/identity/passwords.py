"""Passwords: argon2id (RFC 9106), off the event loop, in equal time for accounts that do not exist.

Never in a transaction: whoever hashes waits for its turn, and others would wait for its locks.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from graph.errors import BadUserInput
from graph.settings import LONGEST_PASSWORD, MINIMUM_PASSWORD

T = TypeVar("T")

_hasher = PasswordHasher()
# A hash keeps as many cores busy as it has lanes. More at once would be no faster, and while they
# compete nothing else would run; so whoever signs in queues for its turn.
_turns = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // _hasher.parallelism), "argon2")
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


async def make_hash(password: str) -> str:
    """Return the argon2id hash of a password."""
    return await _in_turn(_hasher.hash, password)


async def fits(password: str, hash: str | None) -> bool:
    """Tell whether the password is the one that was hashed; no hash takes as long and never fits."""
    return await _in_turn(_fits, password, hash)


def is_outdated(hash: str) -> bool:
    """Tell whether the hash was made with weaker parameters than are used now."""
    return _hasher.check_needs_rehash(hash)


async def _in_turn(work: Callable[..., T], *arguments: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(_turns, work, *arguments)


def _fits(password: str, hash: str | None) -> bool:
    try:
        _hasher.verify(hash or _NOBODY, password[:LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False
    return hash is not None
