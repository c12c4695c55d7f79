"""Revocation (RFC 7009): a client reports that it does not need a token any more."""

from __future__ import annotations

from fastapi import Request, Response

from watchword.auth.audit.audit import Action, record
from watchword.auth.http.http_json import device_of
from watchword.auth.revocation.identity_events import token_revoked
from watchword.auth.service import AuthService
from watchword.auth.sessions.sessions import revoke_by_token, session_of
from watchword.config.settings import Settings
from watchword.errors import InvalidToken, TokenExpired, TokenRevoked
from watchword.oauth.endpoints.client_authentication import authenticate_client
from watchword.oauth.endpoints.form import read_form, required
from watchword.oauth.errors import OAuthError
from watchword.oauth.tables import Client
from watchword.principal import Actor, Principal
from watchword.transaction import Transaction, transaction


async def revoke_token(auth: AuthService, request: Request) -> Response:
    """Answer a revocation request. A token that is invalid anyway gets the same answer.

    Revoking a refresh token ends its session with all access tokens. Raises `OAuthError` and
    `RateLimited`.
    """
    form = await read_form(request)
    client = await authenticate_client(auth, request, form)
    token = required(form, "token")
    principal = await _verified(auth, request, token)
    services = auth.services
    actor = Actor(client.id, None, client.id, device_of(request).address)
    async with transaction(services.database, services.bus, auth.clock.now(), actor) as unit:
        if principal is None:
            await _end_session(unit, client, token, auth.settings)
        else:
            _end_token(unit, client, principal)
    return Response(status_code=200, headers={"cache-control": "no-store"})


async def _verified(auth: AuthService, request: Request, token: str) -> Principal | None:
    try:
        return await auth.verify(token, device_of(request).address)
    except (InvalidToken, TokenExpired, TokenRevoked):
        return None


async def _end_session(unit: Transaction, client: Client, token: str, settings: Settings) -> None:
    found = await session_of(unit.db, token)
    if found is not None:
        session, known = found
        _check_own(client, session.client_id)
        await revoke_by_token(unit, session, known, Action.TOKEN_REVOKED, settings)


def _end_token(unit: Transaction, client: Client, principal: Principal) -> None:
    _check_own(client, principal.client)
    id, account = principal.token_id or "", principal.subject
    unit.publish(token_revoked(principal.subject, id))
    record(
        unit,
        Action.TOKEN_REVOKED,
        account=None if account == client.id else account,
        session=principal.session,
        client=client.id,
        token=id,
    )


def _check_own(client: Client, owner: str | None) -> None:
    # Section 2.1: refuse a request about another client's token with an error.
    if owner != client.id:
        raise OAuthError("unauthorized_client", "This token was given to another client.")
