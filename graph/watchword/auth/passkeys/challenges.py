"""Challenges that passkeys sign: valid once, for minutes, and for one purpose.

A challenge contains its expiry and our signature, so the server stores nothing until one is answered. An
attacker cannot fill a table by requesting many, so requests are not limited by address.
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

# Seconds for which a challenge can be answered.
SECONDS = 300
# WebAuthn Level 3, section 13.4.3, requires 16 at least.
RANDOM_BYTES = 32
_END_BYTES = 8
_PAYLOAD_BYTES = RANDOM_BYTES + _END_BYTES


def make(vault: Vault, purpose: Purpose, account: str | None, now: float) -> bytes:
    """Make a challenge for an account, or for any account if None. `now` is in Unix seconds."""
    end = int(now) + SECONDS
    payload = secrets.token_bytes(RANDOM_BYTES) + end.to_bytes(_END_BYTES, "big")
    return payload + next(_signatures(vault, payload, purpose, account))


async def use(
    unit: Transaction, vault: Vault, value: bytes, purpose: Purpose, account: str | None
) -> bool:
    """Use up a challenge in this transaction.

    Returns False if it has expired, was used before, or was not made by us for this purpose and account.
    """
    payload, signature = value[:_PAYLOAD_BYTES], value[_PAYLOAD_BYTES:]
    good = [
        hmac.compare_digest(signature, ours)
        for ours in _signatures(vault, payload, purpose, account)
    ]
    end = int.from_bytes(payload[RANDOM_BYTES:], "big")
    if not any(good) or unit.now >= end:
        return False
    id = urlsafe_b64encode(payload).decode()
    return await used_ids.use_once(unit.db, "passkey challenge", purpose, id, end)


def _signatures(vault: Vault, payload: bytes, purpose: str, account: str | None) -> Iterator[bytes]:
    # Unambiguous, because the account comes last and no purpose contains a zero byte.
    whole = payload + purpose.encode() + b"\0" + (account or "").encode()
    return vault.signatures("passkey challenge", whole)
