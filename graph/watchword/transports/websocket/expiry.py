"""The terms of a connection, as its client is told them."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from typing import Any

from watchword.delivery.lease import Lease


def expiry(lease: Lease) -> dict[str, Any] | None:
    """Return `expiresAt`, when the connection ends unless it is renewed, and `renewBefore`, by when
    it should be; None for a connection without an end."""
    if not isfinite(lease.ends_at):
        return None
    return {"expiresAt": _timestamp(lease.ends_at), "renewBefore": _timestamp(lease.renew_at)}


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
