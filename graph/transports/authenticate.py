"""Credential to principal: the same call for every door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from graph.principal import ANONYMOUS, Principal
from graph.tokens.credential import Credential
from graph.tokens.dpop import Target

Verify = Callable[[Credential, Target], Awaitable[Principal]]
"""Raises `InvalidToken`, `TokenExpired`, `TokenRevoked` or `InvalidProof`. The target is the request
that a proof must be made for."""
Authenticate = Callable[[Credential | None, Target], Awaitable[Principal]]
"""Raises as `Verify` does; a bad token is never anonymous."""


def authenticator(verify: Verify) -> Authenticate:
    """Make the one `authenticate` from what verifies a credential."""

    async def authenticate(credential: Credential | None, target: Target) -> Principal:
        return ANONYMOUS if credential is None else await verify(credential, target)

    return authenticate
