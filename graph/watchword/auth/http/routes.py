"""The sign-in routes: JSON requests and responses, with the names of RFC 6749."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response

from watchword.auth.http import request_auth
from watchword.auth.http.http_json import (
    Refusal,
    challenge_header,
    check_origin,
    device_of,
    json_body,
    json_response,
    optional_text,
    required_text,
    respond,
)
from watchword.auth.service import AuthService
from watchword.auth.sessions.sessions import Device, SignedIn
from watchword.auth.sign_in import known_devices
from watchword.auth.sign_in.authentication import Authentication
from watchword.auth.sign_in.password_checks import Evidence
from watchword.auth.tables import Account
from watchword.config.settings import Settings
from watchword.errors import InvalidProof, Unauthenticated
from watchword.principal import FIRST_PARTY, Principal

COOKIE = "__Host-watchword"
JWKS = "/.well-known/jwks.json"
# Seconds for which caches may keep our public keys.
JWKS_MAX_AGE = 300


def routes(auth: AuthService) -> APIRouter:
    """Return the routes for login, refresh, step-up, logout and the key set."""
    router = APIRouter()
    settings = auth.settings

    @router.post("/api/auth/login")
    async def login(request: Request) -> Response:
        """Sign in with a password, a passkey and a second factor: answers an access token, and a refresh
        token in a cookie or, with `"delivery": "body"`, in the answer."""
        return await respond(request, _login(auth, request))

    @router.post("/api/auth/refresh")
    async def refresh(request: Request) -> Response:
        """Exchange a refresh token for a new access token and a new refresh token. With `"scope"`, the access
        token has these scopes at most (RFC 6749, section 6). With `"optional": true`, a request without a refresh
        token, which is refused otherwise, is answered with 204."""
        return await respond(request, _refresh(auth, request))

    @router.post("/api/auth/step-up")
    async def step_up(request: Request) -> Response:
        """Authenticate again on the same session: answers a new access token with a new `auth_time`."""
        return await respond(request, _step_up(auth, request))

    @router.post("/api/auth/logout")
    async def logout(request: Request) -> Response:
        """End the session of a refresh token, which is in the cookie or in the body, with all its tokens and live
        connections. An access token ends nothing: answers 204 all the same."""
        return await respond(request, _logout(auth, request))

    # RFC 9110, section 9.1: a server that supports GET must support HEAD.
    @router.api_route(JWKS, methods=["GET", "HEAD"])
    async def jwks() -> Response:
        """The public keys that verify our tokens, as a JWK Set (RFC 7517)."""
        # At most half the time between publishing a key and signing with it, so that caches have it in time.
        max_age = min(JWKS_MAX_AGE, settings.key_publish_seconds // 2)
        return json_response(await auth.jwks(), kept=max_age)

    return router


async def _login(auth: AuthService, request: Request) -> Response:
    body = await json_body(request, auth.settings)
    in_body = _wants_body(body)
    if not in_body:
        # Without this check another site could sign a user in to the attacker's account (login CSRF).
        check_origin(request, auth.settings)
    device, now = _device(request, body), auth.clock.now()
    authentication = Authentication(auth.services, auth.source)
    replaces = None if in_body else request.cookies.get(COOKIE)
    passkey, evidence = _passkey(body), None
    if passkey is None:
        email, evidence = required_text(body, "email"), _evidence(body)
    proven = request_auth.proven_key(auth, request)
    if evidence is None:
        signed_in = await authentication.sign_in_by_passkey(
            passkey, device, now, key=proven.key, use=proven.use, replaces=replaces
        )
    else:
        signed_in = await authentication.sign_in(
            email, evidence, device, now, key=proven.key, use=proven.use, replaces=replaces
        )
    signed_in = await auth.ready(signed_in, device)
    return await _delivered(auth, signed_in, device, in_body)


async def _refresh(auth: AuthService, request: Request) -> Response:
    body = await json_body(request, auth.settings)
    token, in_body = _refresh_token(request, body, auth.settings)
    if token is None:
        # A browser logs each 401 as an error, also that of a visitor who has never signed in.
        if body.get("optional") is True:
            return Response(status_code=204)
        raise Unauthenticated("There is no refresh token. Sign in.")
    device, scopes = _device(request, body), _scopes(auth, body)
    proven = request_auth.proven_key(auth, request)
    # A refusal must not delete the cookie: another tab may have stored a newer one in the meantime.
    signed_in = await auth.refresh(token, device, key=proven.key, use=proven.use)
    return await _delivered(auth, signed_in, device, in_body, scopes)


async def _step_up(auth: AuthService, request: Request) -> Response:
    check_origin(request, auth.settings)
    body = await json_body(request, auth.settings)
    passkey = _passkey(body)
    evidence = _evidence(body) if passkey is None else None
    principal = await first_party(auth, request)
    address, now = device_of(request).address, auth.clock.now()
    authentication = Authentication(auth.services, auth.source)
    if evidence is None:
        signed_in = await authentication.step_up_by_passkey(principal, passkey, address, now)
    else:
        signed_in = await authentication.step_up(principal, evidence, address, now)
    signed_in = await auth.ready(signed_in, device_of(request))
    return json_response(await _tokens(auth, signed_in))


async def _logout(auth: AuthService, request: Request) -> Response:
    body = await json_body(request, auth.settings)
    token, _ = _refresh_token(request, body, auth.settings)
    if token is not None:
        await auth.sessions.sign_out(token, device_of(request), auth.clock.now())
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict")
    return response


async def _tokens(
    auth: AuthService, signed_in: SignedIn, scopes: Collection[str] | None = None
) -> dict[str, Any]:
    issued = await auth.issue(signed_in, scopes=scopes)
    return {
        "access_token": issued.token,
        "token_type": "Bearer" if signed_in.session.jkt is None else "DPoP",
        "expires_in": issued.expires_in,
        "scope": issued.scope,
    }


async def _delivered(
    auth: AuthService,
    signed_in: SignedIn,
    device: Device,
    in_body: bool,
    scopes: Collection[str] | None = None,
) -> Response:
    answer = await _tokens(auth, signed_in, scopes)
    known_by = await _device_token(auth, signed_in, device)
    if in_body:
        answer |= {"refresh_token": signed_in.refresh_token}
        return json_response(answer | ({"device_token": known_by} if known_by else {}))
    response = json_response(answer)
    _set_cookie(response, COOKIE, signed_in.refresh_token, auth.settings.refresh_idle_seconds)
    if known_by:
        cookie = known_devices.with_token(device.tokens, known_by)
        _set_cookie(response, known_devices.COOKIE, cookie, known_devices.SECONDS)
    return response


async def _device_token(auth: AuthService, signed_in: SignedIn, device: Device) -> str | None:
    """Return a device token for the account, or None if the device has sent one already."""
    services, now, account = auth.services, auth.clock.now(), signed_in.account.id
    async with services.database.read() as db:
        is_account = Account.id == account
        known = await known_devices.find(db, services.vault, device.tokens, now, is_account)
        if known is not None and known.id == signed_in.session.id:
            return None
        return await known_devices.token_for(db, services.vault, account, signed_in.session.id, now)


def _set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(name, value, max_age=seconds, secure=True, httponly=True, samesite="strict")


def _device(request: Request, body: dict[str, Any]) -> Device:
    """Return the device that a request comes from. A browser sends its device tokens in a cookie, an app
    sends its one token in the body."""
    device, token = device_of(request), optional_text(body, "device_token")
    return device if token is None else replace(device, tokens=[token])


def _refresh_token(
    request: Request, body: dict[str, Any], settings: Settings
) -> tuple[str | None, bool]:
    """Return the refresh token, and whether it came in the body (the next one is then returned there)."""
    if "refresh_token" in body:
        return required_text(body, "refresh_token"), True
    check_origin(request, settings)
    return request.cookies.get(COOKIE), False


async def first_party(auth: AuthService, request: Request) -> Principal:
    """Return the principal of a request with an access token of our own sign-in. Raises `Refusal`."""
    try:
        principal = await request_auth.principal_of(auth, request)
    except Unauthenticated as error:
        error_code = error.error if isinstance(error, InvalidProof) else "invalid_token"
        headers = challenge_header(request, error)
        if isinstance(error, InvalidProof) and error.nonce is not None:
            headers["dpop-nonce"] = error.nonce
        raise Refusal(401, error_code, error.message, headers) from error
    if principal.client != FIRST_PARTY or principal.session is None:
        raise Refusal(
            403,
            "access_denied",
            "Only a session that was opened by this server's own sign-in can step up.",
        )
    return principal


def _evidence(body: dict[str, Any]) -> Evidence:
    password = required_text(body, "password")
    return Evidence(password, optional_text(body, "otp"), optional_text(body, "recovery_code"))


def _scopes(auth: AuthService, body: dict[str, Any]) -> frozenset[str] | None:
    """Return the scopes that a refresh asks for; None if it asks for all. Raises `Refusal`.

    It may ask for those that the schema has; the token gets those of them that the account's roles give.
    """
    asked = optional_text(body, "scope")
    if asked is None:
        return None
    scopes = frozenset(asked.split(" "))
    if not scopes <= auth.domain.scopes(frozenset(auth.domain.roles)):
        raise Refusal(400, "invalid_scope", "There is no such scope.")
    return scopes


def _passkey(body: dict[str, Any]) -> dict[str, Any] | None:
    passkey = body.get("passkey")
    if passkey is None:
        return None
    if not isinstance(passkey, dict) or "password" in body:
        raise Refusal(400, "invalid_request", "Send a passkey, an object, or a password.")
    return passkey


def _wants_body(body: dict[str, Any]) -> bool:
    delivery = body.get("delivery", "cookie")
    if delivery not in ("cookie", "body"):
        raise Refusal(400, "invalid_request", "The member 'delivery' must be cookie or body.")
    return bool(delivery == "body")
