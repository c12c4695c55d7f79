"""The token endpoint (RFC 6749, section 3.2): a client exchanges a grant for tokens."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from typing import Any

from fastapi import Request, Response

from watchword.auth.http.http_json import device_of, json_response
from watchword.auth.http.request_auth import ProvenKey, Replayed, proven_key, use_alone
from watchword.auth.service import AuthService
from watchword.auth.sessions.sessions import SignedIn, session_of
from watchword.errors import Unauthenticated
from watchword.oauth.authorize import codes
from watchword.oauth.authorize.authorization import Parameters
from watchword.oauth.clients.registration import ClientAuthMethod, Grant
from watchword.oauth.endpoints.client_authentication import authenticate_client
from watchword.oauth.endpoints.form import read_form, required
from watchword.oauth.errors import OAuthError
from watchword.oauth.tables import Client
from watchword.principal import Actor
from watchword.tokens.issue import IssuedToken
from watchword.transaction import transaction

log = logging.getLogger("watchword.clients")

# RFC 7636, section 4.1.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


async def give_tokens(auth: AuthService, request: Request) -> Response:
    """Answer a token request. Raises `OAuthError`, `InvalidProof` and `RateLimited`."""
    form = await read_form(request)
    client = await authenticate_client(auth, request, form)
    grant = required(form, "grant_type")
    if grant not in [known.value for known in Grant]:
        raise OAuthError("unsupported_grant_type", f"Grants are {', '.join(Grant)}.")
    if grant not in client.grants:
        raise OAuthError("unauthorized_client", "This client may not use this grant.")
    proven = proven_key(auth, request, required=client.needs_dpop)
    try:
        match grant:
            case Grant.CLIENT_CREDENTIALS:
                return _answer(await _issue_to_client(auth, client, form, proven), proven.key)
            case Grant.REFRESH_TOKEN:
                return await _refresh(auth, client, request, form, proven)
        return await _exchange_code(auth, client, request, form, proven)
    except OAuthError as error:
        if error.error == "invalid_grant":
            limit = auth.settings.sign_in_limit_per_address
            await auth.services.attempts.count(limit, "grant", device_of(request).address)
        raise


async def _issue_to_client(
    auth: AuthService, client: Client, form: Parameters, proven: ProvenKey
) -> IssuedToken:
    """Issue a token to the client itself (RFC 6749, section 4.4), without a refresh token: the client can
    always request another access token."""
    scopes = _requested_scopes(form, client.scopes)
    await use_alone(auth, proven.use)
    log.info("issued a token to client %s", client.id)
    return await auth.issue_to_client(
        client.id, roles=client.roles, scopes=scopes, version=client.version, key=proven.key
    )


async def _refresh(
    auth: AuthService, client: Client, request: Request, form: Parameters, proven: ProvenKey
) -> Response:
    """Exchange a refresh token (RFC 6749, section 6), with rotation (RFC 9700, section 4.14.2)."""
    token = required(form, "refresh_token")
    async with auth.services.database.read() as db:
        found = await session_of(db, token)
    if found is None or found[0].client_id != client.id:
        raise _invalid_grant()
    # Check the scopes before the token is used up: a client that asks for too much may ask again.
    scopes = _requested_scopes(form, (found[0].scope or "").split())
    try:
        signed_in = await auth.refresh(
            token,
            device_of(request),
            client=client.id,
            key=proven.key,
            use=proven.use,
            is_public=client.authentication == ClientAuthMethod.NONE,
            needs_key=client.needs_dpop,
        )
    except Replayed:
        raise
    except Unauthenticated as error:
        raise _invalid_grant() from error
    return await _answer_with_session(auth, client, signed_in, scopes, proven.key)


async def _exchange_code(
    auth: AuthService, client: Client, request: Request, form: Parameters, proven: ProvenKey
) -> Response:
    """Exchange an authorization code (RFC 6749, section 4.1.3), with PKCE (RFC 7636, section 4.5)."""
    code, uri = required(form, "code"), required(form, "redirect_uri")
    verifier = required(form, "code_verifier")
    if not _VERIFIER.fullmatch(verifier):
        raise OAuthError("invalid_request", "A code_verifier has 43 to 128 characters (RFC 7636).")
    services, device = auth.services, device_of(request)
    actor = Actor(client=client.id, address=device.address)
    async with transaction(services.database, services.bus, auth.clock.now(), actor) as unit:
        signed_in = await codes.redeem(
            unit,
            auth,
            client,
            code=code,
            redirect_uri=uri,
            code_verifier=verifier,
            key=proven.key,
            device=device,
            use=proven.use,
        )
    # Raise after the commit: a refused code has effects (see `redeem`) that must not be rolled back.
    if signed_in is None:
        raise _invalid_grant()
    return await _answer_with_session(auth, client, signed_in, client.scopes, proven.key)


def _invalid_grant() -> OAuthError:
    return OAuthError("invalid_grant", "The grant is not valid, has ended, or is not yours.")


def _requested_scopes(form: Parameters, most: Collection[str]) -> frozenset[str]:
    """Return the requested scopes, or all of `most` if none are named. Raises `OAuthError` beyond `most`."""
    asked = form.get("scope")
    if asked is None:
        return frozenset(most)
    scopes = frozenset(asked.split(" "))
    if not scopes <= frozenset(most):
        raise OAuthError("invalid_scope", "A scope is asked for that was not granted.")
    return scopes


async def _answer_with_session(
    auth: AuthService, client: Client, signed_in: SignedIn, scopes: Collection[str], key: str | None
) -> Response:
    # The client may have lost scopes since its session began.
    may = frozenset(scopes) & frozenset(client.scopes)
    issued = await auth.issue(signed_in, scopes=may, key=key, client_version=client.version)
    if not issued.scope:
        # A token without a scope would be useless; there is at least one (RFC 6749, section 3.3).
        raise _invalid_grant()
    refresh_token = signed_in.refresh_token if Grant.REFRESH_TOKEN in client.grants else None
    return _answer(issued, signed_in.session.jkt or key, refresh_token)


def _answer(issued: IssuedToken, key: str | None, refresh_token: str | None = None) -> Response:
    """Return the token response (RFC 6749, section 5.1; RFC 9449, section 5)."""
    answer: dict[str, Any] = {
        "access_token": issued.token,
        "token_type": "Bearer" if key is None else "DPoP",
        "expires_in": issued.expires_in,
        "scope": issued.scope,
    }
    if refresh_token is not None:
        answer["refresh_token"] = refresh_token
    return json_response(answer)
