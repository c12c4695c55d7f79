"""When a connection ends, as the client is told in `connection_ack`, `ping` and `pong`."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from typing import Any

from watchword.delivery.lease import Lease


def expiry(lease: Lease) -> dict[str, Any] | None:
    """Return the times by which the connection ends (`expiresAt`) and should be renewed (`renewBefore`).

    Both are in UTC (ISO 8601). None for a connection that does not expire.
    """
    if not isfinite(lease.ends_at):
        return None
    return {"expiresAt": _timestamp(lease.ends_at), "renewBefore": _timestamp(lease.renew_at)}


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
