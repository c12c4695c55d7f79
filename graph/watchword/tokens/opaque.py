"""Opaque tokens: random texts (refresh tokens, codes, client secrets), of which only hashes are stored. Pure."""

from __future__ import annotations

import hashlib
import secrets


def generate() -> str:
    """Return a new text with 256 random bits, in base64url."""
    return secrets.token_urlsafe(32)


def stored_hash(token: str) -> str:
    """Return the SHA-256 of an opaque token in hexadecimal, which is stored instead of the token.

    256 random bits cannot be guessed, so they need neither a salt nor a slow hash.
    """
    return hashlib.sha256(token.encode()).hexdigest()
