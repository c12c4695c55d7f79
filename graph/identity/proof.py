"""What a request to our routes proves: the key that it holds (DPoP, RFC 9449), and who it is."""

from __future__ import annotations

from starlette.requests import Request

from graph.identity.identity import Identity


async def key_of(identity: Identity, request: Request, *, required: bool = False) -> str | None:
    """Return the thumbprint of the key that a request proves to hold; None when it proves none."""
    return None
