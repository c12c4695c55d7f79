"""Passwords that cost next to nothing, for tests that sign in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher

from watchword.auth.sign_in import passwords

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
NOBODY = HASHER.hash("nobody's password")


@contextmanager
def cheap_passwords() -> Iterator[None]:
    """Hash passwords with the least work for a block, in this process."""
    before = passwords.hasher, passwords.NOBODY
    passwords.hasher, passwords.NOBODY = HASHER, NOBODY
    try:
        yield
    finally:
        passwords.hasher, passwords.NOBODY = before
