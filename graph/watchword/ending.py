"""Why a connection or a stream ends, and what its client should do about it."""

from __future__ import annotations

from enum import Enum


class Ending(Enum):
    """A named ending: WebSocket close code, reason, and the error code for streams over HTTP.

    The stock graphql-ws client gives up on 4401 and comes back after 4403, 1012 and 1013.
    """

    EXPIRED = (4403, "token expired", "TOKEN_EXPIRED")
    OUTDATED = (4403, "token is from before a change to its account", "TOKEN_EXPIRED")
    REVOKED = (4401, "session revoked", "TOKEN_REVOKED")
    DRAINING = (1012, "server is restarting", "DRAINING")
    SLOW = (1013, "too slow: come back with your cursor", "TOO_SLOW")

    def __init__(self, close_code: int, reason: str, code: str) -> None:
        self.close_code = close_code
        self.reason = reason
        self.code = code
