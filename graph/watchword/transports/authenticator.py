"""Credential to principal: the same call for every door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from watchword.errors import TimedOut, Unavailable
from watchword.principal import ANONYMOUS, Principal
from watchword.process.clock import Clock
from watchword.process.deadline import limited
from watchword.tokens.credential import Credential
from watchword.tokens.dpop import Target

Verify = Callable[[Credential, Target], Awaitable[Principal]]
"""Raises `InvalidToken`, `TokenExpired`, `TokenRevoked` or `InvalidProof`. The target is the request
that a proof must be made for."""
Authenticate = Callable[[Credential | None, Target], Awaitable[Principal]]
"""Raises as `Verify` does, and `Unavailable` when that takes too long; a bad token is never anonymous."""


def authenticator(verify: Verify, clock: Clock, seconds: float) -> Authenticate:
    """Make the one `authenticate` from what verifies a credential, and may take so many seconds."""

    async def authenticate(credential: Credential | None, target: Target) -> Principal:
        if credential is None:
            return ANONYMOUS
        try:
            return await limited(clock, seconds, verify(credential, target))
        except TimedOut as error:
            raise Unavailable("It takes too long to check the token. Try again soon.") from error

    return authenticate
