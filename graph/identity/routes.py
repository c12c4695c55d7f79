"""The sign-in routes: JSON in and out, in RFC 6749's names."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from graph.asgi import Gone, TooLarge, header, is_same_origin, read_body
from graph.errors import Unauthenticated
from graph.identity.identity import Identity
from graph.identity.sessions import Device, SignedIn
from graph.settings import Settings

COOKIE = "__Host-watchword"
# Seconds for which others may keep our public keys.
JWKS_MAX_AGE = 300


class Refusal(Exception):
    """An answer in the form of RFC 6749, section 5.2."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description

    def response(self) -> Response:
        return _json({"error": self.error, "error_description": self.description}, self.status)


def routes(identity: Identity) -> APIRouter:
    """Make login, refresh, logout and the key set."""
    router = APIRouter()
    settings, clock = identity.settings, identity.clock

    @router.post("/api/auth/login")
    async def login(request: Request) -> Response:
        try:
            body = await _body(request, settings)
            email, password = _required(body, "email"), _required(body, "password")
            in_body = _wants_body(body)
            device = _device(request)
            who = await identity.sessions.sign_in(email, password, device, clock.now())
            return await _answer(identity, who, in_body)
        except Refusal as refusal:
            return refusal.response()
        except Unauthenticated as error:
            return Refusal(401, "invalid_grant", error.message).response()

    @router.post("/api/auth/refresh")
    async def refresh(request: Request) -> Response:
        try:
            token, in_body = await _refresh_token(request, settings)
            if token is None:
                raise Refusal(401, "invalid_grant", "There is no refresh token. Sign in.")
            who = await identity.sessions.refresh(token, _device(request), clock.now())
            return await _answer(identity, who, in_body)
        except Refusal as refusal:
            return refusal.response()
        except Unauthenticated as error:
            response = Refusal(401, "invalid_grant", error.message).response()
            _forget_cookie(response)
            return response

    @router.post("/api/auth/logout")
    async def logout(request: Request) -> Response:
        try:
            token, _ = await _refresh_token(request, settings)
        except Refusal as refusal:
            return refusal.response()
        if token is not None:
            await identity.sessions.sign_out(token, _device(request), clock.now())
        response = Response(status_code=204)
        _forget_cookie(response)
        return response

    @router.get("/.well-known/jwks.json")
    async def jwks() -> Response:
        response = _json(await identity.jwks())
        response.headers["cache-control"] = f"public, max-age={JWKS_MAX_AGE}"
        return response

    return router


async def _answer(identity: Identity, who: SignedIn, in_body: bool) -> Response:
    issued = await identity.issue(who)
    answer: dict[str, Any] = {
        "access_token": issued.token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "scope": issued.scope,
    }
    if in_body:
        answer["refresh_token"] = who.refresh_token
    response = _json(answer)
    if not in_body:
        response.set_cookie(
            COOKIE,
            who.refresh_token,
            max_age=identity.settings.refresh_idle_seconds,
            secure=True,
            httponly=True,
            samesite="strict",
        )
    return response


async def _refresh_token(request: Request, settings: Settings) -> tuple[str | None, bool]:
    """Find the refresh token, and tell whether it came in the body (and the next one goes there)."""
    body = await _body(request, settings)
    if "refresh_token" in body:
        return _required(body, "refresh_token"), True
    scope = request.scope
    is_named = header(scope, b"origin") in settings.allowed_origins
    is_near = header(scope, b"sec-fetch-site") in ("", "same-origin", "same-site", "none")
    if not is_named and not (is_near and is_same_origin(scope)):
        raise Refusal(403, "invalid_request", "The cookie is for pages of our own origin.")
    return request.cookies.get(COOKIE), False


async def _body(request: Request, settings: Settings) -> dict[str, Any]:
    # Only JSON: a form could be sent by any web page without asking.
    media_type = header(request.scope, b"content-type").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal(415, "invalid_request", "Send Content-Type: application/json.")
    try:
        data = await read_body(request.scope, request.receive, settings.max_body_bytes)
        body = orjson.loads(data or b"{}")
    except TooLarge:
        raise Refusal(413, "invalid_request", "The body is too large.") from None
    except Gone:
        raise Refusal(400, "invalid_request", "The body did not arrive whole.") from None
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "invalid_request", f"The body is not JSON: {error.msg}.") from error
    if not isinstance(body, dict):
        raise Refusal(400, "invalid_request", "The body must be a JSON object.")
    return body


def _required(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value or "\x00" in value:
        raise Refusal(400, "invalid_request", f"The member {name!r} must be a text.")
    return value


def _wants_body(body: dict[str, Any]) -> bool:
    delivery = body.get("delivery", "cookie")
    if delivery not in ("cookie", "body"):
        raise Refusal(400, "invalid_request", "The member 'delivery' must be cookie or body.")
    return bool(delivery == "body")


def _device(request: Request) -> Device:
    label = header(request.scope, b"user-agent").replace("\x00", "")
    return Device(label, request.client.host if request.client else "")


def _json(content: Any, status: int = 200) -> Response:
    # RFC 6749, section 5.1: an answer that holds tokens is kept by nobody.
    return Response(
        orjson.dumps(content),
        status,
        headers={"cache-control": "no-store"},
        media_type="application/json",
    )


def _forget_cookie(response: Response) -> None:
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict")
