"""Authenticates the client of a request, by exactly one method of RFC 6749, section 2.3, or RFC 7523."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from fastapi import Request

from watchword.auth.audit.audit import Action, record
from watchword.auth.http.http_json import device_of
from watchword.auth.service import AuthService
from watchword.errors import InvalidToken
from watchword.oauth.authorize.authorization import Parameters
from watchword.oauth.clients import client_assertion
from watchword.oauth.clients.clients import find_client, matches_secret, secrets_of
from watchword.oauth.clients.registration import ClientAuthMethod
from watchword.oauth.errors import OAuthError
from watchword.oauth.tables import Client, ClientSecret
from watchword.principal import Actor
from watchword.storage.used_ids import use_once
from watchword.transaction import transaction

log = logging.getLogger("watchword.clients")

_BASIC = re.compile(rb"basic +([A-Za-z0-9+/]+={0,2})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The client id in a request, and the secret or assertion that must prove it. A public client sends
    neither."""

    id: str
    secret: str | None = field(default=None, repr=False)
    assertion: str | None = field(default=None, repr=False)


async def authenticate_client(auth: AuthService, request: Request, form: Parameters) -> Client:
    """Return the client that a request comes from. Raises `OAuthError` and `RateLimited`.

    A failure is recorded in the audit log and counted by network address. Only failures are limited, so
    an attacker's attempts never lock out the client itself.
    """
    shown = _presented(request, form)
    async with auth.services.database.read() as db:
        # Run the same queries for an unknown id, so that the time does not show whether a client exists.
        client = await find_client(db, shown.id)
        secrets = await secrets_of(db, client.id if client else "")
    fault = await _fault(auth, client, secrets, shown)
    if fault is None and client is not None:
        return client
    await _record_failure(auth, client, fault or "client", device_of(request).address)
    raise _invalid_client()


def _presented(request: Request, form: Parameters) -> ClientCredentials:
    basic = _basic(request)
    id, secret = form.get("client_id"), form.get("client_secret")
    assertion, kind = form.get("client_assertion"), form.get("client_assertion_type")
    if len([way for way in (basic, secret, assertion) if way is not None]) > 1:
        raise OAuthError("invalid_request", "Authenticate in one way, not in several.")
    if assertion is not None:
        if kind != client_assertion.TYPE:
            raise OAuthError(
                "invalid_request", f"The client_assertion_type is {client_assertion.TYPE}."
            )
        shown = ClientCredentials(_named_client(assertion), assertion=assertion)
    else:
        shown = basic or ClientCredentials(id or "", secret)
    if id is not None and id != shown.id:
        raise OAuthError("invalid_request", "The client_id is another one's.")
    return shown


def _basic(request: Request) -> ClientCredentials | None:
    """Read the credentials of HTTP Basic. Both parts are form-encoded (RFC 6749, section 2.3.1)."""
    given = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if not given:
        return None
    match = _BASIC.fullmatch(given[0]) if len(given) == 1 else None
    try:
        decoded = base64.b64decode(match[1], validate=True).decode() if match else ""
        id, colon, secret = decoded.partition(":")
        id, secret = unquote_plus(id, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError:
        raise _invalid_client() from None
    if not colon or not secret:
        raise _invalid_client()
    return ClientCredentials(id, secret)


def _named_client(assertion: str) -> str:
    try:
        return client_assertion.claimed_client(assertion)
    except InvalidToken:
        raise _invalid_client() from None


async def _fault(
    auth: AuthService,
    client: Client | None,
    secrets: Sequence[ClientSecret],
    shown: ClientCredentials,
) -> str | None:
    """Return why the credentials are refused, or None when they are the client's."""
    # Compare even if the client is unknown, so that the answer takes the same time.
    fits = matches_secret(secrets, shown.secret or "")
    match client.authentication if client else None:
        case ClientAuthMethod.SECRET if shown.secret is not None:
            return None if fits else "secret"
        case ClientAuthMethod.KEY if client and shown.assertion is not None:
            return await _fault_of_assertion(auth, client, shown.assertion)
        case ClientAuthMethod.NONE if shown.secret is None and shown.assertion is None:
            return None
        case None:
            return "client"
    return "method"


async def _fault_of_assertion(auth: AuthService, client: Client, assertion: str) -> str | None:
    settings, services, now = auth.settings, auth.services, auth.clock.now()
    try:
        good = client_assertion.check(
            assertion,
            client.id,
            client.jwks,
            issuer=settings.issuer,
            now=now,
            leeway=settings.leeway_seconds,
        )
    except InvalidToken as error:
        return f"assertion {error.rule}"
    async with transaction(services.database, services.bus, now) as unit:
        is_first = await use_once(unit.db, "client assertion", client.id, good.id, good.expires_at)
    return None if is_first else "assertion replayed"


async def _record_failure(
    auth: AuthService, client: Client | None, fault: str, address: str
) -> None:
    services, settings = auth.services, auth.settings
    await services.attempts.count(settings.sign_in_limit_per_address, "client", address)
    log.info("a client was refused by the rule: %s", fault)
    actor = Actor(address=address)
    async with transaction(services.database, services.bus, auth.clock.now(), actor) as unit:
        known = None if client is None else client.id
        record(unit, Action.CLIENT_REFUSED, client=known, rule=fault)


def _invalid_client() -> OAuthError:
    # Do not say whether the client is unknown or its proof is wrong.
    return OAuthError("invalid_client", "The client's credentials are not valid.", 401)
