"""Challenges: what a passkey has to sign, once, within minutes, and for the one purpose it was made for.

A challenge holds its end and our signature, so the server stores nothing until one is answered. A
stranger who asks for many fills no table, and people behind one address need no common limit.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Literal

from watchword.storage import used_ids
from watchword.storage.vault import Vault
from watchword.transaction import Transaction

Purpose = Literal["register", "sign-in", "step-up"]

# For how long a challenge can be answered.
SECONDS = 300
# Random bytes; WebAuthn Level 3, section 13.4.3, asks for 16 at least.
RANDOM_BYTES = 32
_END_BYTES = 8
_SAID_BYTES = RANDOM_BYTES + _END_BYTES


def make(vault: Vault, purpose: Purpose, account: str | None, now: float) -> bytes:
    """Make a challenge for one account, or with None for any account. `now` is in Unix seconds."""
    end = int(now) + SECONDS
    said = secrets.token_bytes(RANDOM_BYTES) + end.to_bytes(_END_BYTES, "big")
    return said + next(_signatures(vault, said, purpose, account))


async def take(
    unit: Transaction, vault: Vault, value: bytes, purpose: Purpose, account: str | None
) -> bool:
    """Use a challenge up with this transaction; tell whether it was made for this and is still good."""
    said, signature = value[:_SAID_BYTES], value[_SAID_BYTES:]
    good = [
        hmac.compare_digest(signature, ours) for ours in _signatures(vault, said, purpose, account)
    ]
    end = int.from_bytes(said[RANDOM_BYTES:], "big")
    if not any(good) or unit.now >= end:
        return False
    id = urlsafe_b64encode(said).decode()
    return await used_ids.use_once(unit.db, "passkey challenge", purpose, id, end)


def _signatures(vault: Vault, said: bytes, purpose: str, account: str | None) -> Iterator[bytes]:
    # The account is last, and no purpose has a zero byte in it: no two of them are one text.
    whole = said + purpose.encode() + b"\0" + (account or "").encode()
    return vault.signatures("passkey challenge", whole)
