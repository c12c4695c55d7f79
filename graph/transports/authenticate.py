"""Credential to principal: the same call for every door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from graph.principal import ANONYMOUS, Principal
from graph.transports.credential import Credential

Authenticate = Callable[[Credential | None], Awaitable[Principal]]
"""Raises `InvalidToken`, `TokenExpired` or `TokenRevoked`; a bad token is never anonymous."""


def authenticator(verify: Callable[[str], Awaitable[Principal]]) -> Authenticate:
    """Make the one `authenticate` from what verifies a token."""

    async def authenticate(credential: Credential | None) -> Principal:
        return ANONYMOUS if credential is None else await verify(credential.token)

    return authenticate
