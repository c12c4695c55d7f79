"""Turns a credential into a principal, the same way for every transport."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from watchword.errors import TimedOut, Unavailable
from watchword.principal import ANONYMOUS, Principal
from watchword.process.clock import Clock
from watchword.process.deadline import limited
from watchword.process.eager import in_task
from watchword.tokens.credential import Credential
from watchword.tokens.dpop import Target

Verify = Callable[[Credential, Target], Awaitable[Principal]]
"""Verifies a credential. The target is the request for which a DPoP proof must have been made.

Raises `InvalidToken`, `TokenExpired`, `TokenRevoked` or `InvalidProof`."""
Recall = Callable[[Credential], Principal | None]
"""Returns the principal of a credential that was verified before; None if `Verify` must be asked. Does no I/O.

Raises as `Verify` does."""
RecallBearer = Callable[[bytes], Principal | None]
"""Returns the principal of a bearer token that was verified before and needs no proof; None for any other bytes.

Does no I/O. Raises as `Verify` does."""
Authenticate = Callable[[Credential | None, Target], Awaitable[Principal]]
"""Returns the principal of a credential; `ANONYMOUS` only if there is none.

Raises as `Verify` does, and `Unavailable` when verifying takes too long."""


def authenticator(
    verify: Verify, clock: Clock, seconds: float, recall: Recall = lambda _: None
) -> Authenticate:
    """Return the function `authenticate`. It asks `recall` first, and gives `verify` at most `seconds`."""

    async def authenticate(credential: Credential | None, target: Target) -> Principal:
        if credential is None:
            return ANONYMOUS
        if (known := recall(credential)) is not None:
            return known
        await in_task()
        try:
            return await limited(clock, seconds, verify(credential, target))
        except TimedOut as error:
            raise Unavailable("It takes too long to check the token. Try again soon.") from error

    return authenticate
