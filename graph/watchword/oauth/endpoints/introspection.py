"""Introspection (RFC 7662): a resource server asks whether a token is active."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import Request, Response

from watchword.auth.http.http_json import device_of, json_response
from watchword.auth.service import AuthService
from watchword.auth.sessions.sessions import session_of
from watchword.errors import InvalidToken, TokenExpired, TokenRevoked
from watchword.oauth.clients.clients import scopes_left
from watchword.oauth.clients.registration import Grant
from watchword.oauth.endpoints.client_authentication import authenticate_client
from watchword.oauth.endpoints.form import read_form, required
from watchword.oauth.errors import OAuthError
from watchword.oauth.tables import Client
from watchword.storage.columns import moment
from watchword.tokens.jose.compact import decode
from watchword.tokens.members import members

# The answer says neither why a token is inactive nor whether it ever existed (section 2.2).
INACTIVE: dict[str, Any] = {"active": False}
# The claims that the answer contains; a person's roles and session are left out.
TOLD = (
    "iss",
    "aud",
    "sub",
    "client_id",
    "exp",
    "nbf",
    "iat",
    "jti",
    "auth_time",
    "amr",
    "acr",
    "cnf",
)


async def introspect(auth: AuthService, request: Request) -> Response:
    """Answer an introspection request. Raises `OAuthError` and `RateLimited`."""
    form = await read_form(request)
    client = await authenticate_client(auth, request, form)
    if not client.may_introspect:
        raise OAuthError("unauthorized_client", "This client may not introspect tokens.", 403)
    token = required(form, "token")
    return json_response(
        await _access_token(auth, request, token) or await _refresh_token(auth, client, token)
    )


async def _access_token(auth: AuthService, request: Request, token: str) -> dict[str, Any] | None:
    try:
        principal = await auth.verify(token, device_of(request).address)
    except (InvalidToken, TokenExpired, TokenRevoked):
        return None
    claims = members(decode(token.split(".")[1]))
    if claims.get("iss") != auth.settings.issuer:
        # A trusted issuer's token: introspect it at that issuer.
        return None
    return {
        "active": True,
        **{name: claims[name] for name in TOLD if name in claims},
        "scope": " ".join(sorted(principal.grants.scopes)),
        "token_type": "Bearer" if principal.key is None else "DPoP",
    }


async def _refresh_token(auth: AuthService, client: Client, token: str) -> dict[str, Any]:
    """Describe a refresh token, but only to the client that it was issued to (section 4)."""
    async with auth.services.database.read() as db:
        found = await session_of(db, token)
        if found is None or found[0].client_id != client.id:
            return INACTIVE
        live, known = found
        scopes = await scopes_left(db, auth.domain, client, live)
    idle = timedelta(seconds=auth.settings.refresh_idle_seconds)
    ends_at = min(live.expires_at, live.used_at + idle)
    is_over = live.revoked_at is not None or ends_at <= moment(auth.clock.now())
    is_good = known is not None and known.used_at is None and not is_over
    # Active means that the token endpoint would accept it.
    if not is_good or not scopes or Grant.REFRESH_TOKEN not in client.grants:
        return INACTIVE
    return {
        "active": True,
        "iss": auth.settings.issuer,
        "sub": live.account_id,
        "client_id": client.id,
        "iat": int(live.used_at.timestamp()),
        "exp": int(ends_at.timestamp()),
        "scope": " ".join(sorted(scopes)),
        "token_type": "refresh_token",
    }
