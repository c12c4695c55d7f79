"""Reads and answers JSON over HTTP, with the error names of RFC 6749."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

import orjson
from fastapi import Request, Response
from sqlalchemy.exc import SQLAlchemyError

from watchword.asgi.types import (
    BodyTooLarge,
    Gone,
    UnsupportedContent,
    check_content,
    header,
    header_table,
    is_same_origin,
    read_body,
)
from watchword.auth.second_factor.totp import SecondFactorRequired
from watchword.auth.sessions.sessions import Device
from watchword.auth.sign_in import known_devices
from watchword.config.settings import Settings
from watchword.errors import (
    BadUserInput,
    Conflict,
    InvalidProof,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from watchword.formats import origin
from watchword.formats.exact_json import encode
from watchword.storage.database import is_unavailable
from watchword.throttling.ceiling import Ceiling
from watchword.tokens.challenge import challenge
from watchword.tokens.credential import uses_dpop


class Refusal(Exception):
    """An error response in the form of RFC 6749, section 5.2."""

    def __init__(
        self, status: int, error: str, description: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description
        self.headers = headers or {}

    def response(self) -> Response:
        answer = {"error": self.error, "error_description": self.description}
        response = json_response(answer, self.status)
        response.headers.update(self.headers)
        return response


async def respond(request: Request, work: Awaitable[Response]) -> Response:
    """Return the response of the work, or the error response for what it raised."""
    try:
        return await work
    except Refusal as refusal:
        return refusal.response()
    except (Unauthenticated, RateLimited, BadUserInput, Conflict, Unavailable) as error:
        return _refusal(request, error).response()
    except (SQLAlchemyError, OSError) as error:
        if not is_unavailable(error):
            raise
        away = Unavailable("The database cannot be asked just now.")
        return _refusal(request, away).response()


def challenge_header(request: Request, error: Unauthenticated | None = None) -> dict[str, str]:
    """Return the WWW-Authenticate header, which every 401 must have (RFC 9110, section 15.5.2).

    Its scheme is the one that the request used. `error` says what is wrong with the access token; None on
    routes that need none.
    """
    bound = uses_dpop(request.scope["headers"])
    return {"www-authenticate": challenge(error, bound=bound)}


def _refusal(
    request: Request,
    error: Unauthenticated | RateLimited | BadUserInput | Conflict | Unavailable,
) -> Refusal:
    match error:
        case RateLimited():
            after = {"retry-after": str(round(error.extensions["retryAfter"]))}
            return Refusal(429, "slow_down", error.message, after)
        case BadUserInput():
            return Refusal(400, "invalid_request", error.message)
        case Conflict() | Unavailable():
            return Refusal(503, "temporarily_unavailable", error.message, {"retry-after": "1"})
        case InvalidProof():
            # RFC 9449, sections 5 and 8.
            nonce = {} if error.nonce is None else {"dpop-nonce": error.nonce}
            return Refusal(400, error.error, error.message, nonce)
        case SecondFactorRequired():
            return Refusal(401, "mfa_required", error.message, challenge_header(request))
    return Refusal(401, "invalid_grant", error.message, challenge_header(request))


def check_origin(request: Request, settings: Settings) -> None:
    """Raise `Refusal` if a request comes from a web page of neither our own nor an allowed origin.

    Another origin on the same site is not our own: it must be among the allowed origins.
    """
    scope = request.scope
    given = header(scope, b"origin")
    if origin.is_among(given, settings.allowed_origins):
        return
    is_near = header(scope, b"sec-fetch-site") in ("", "same-origin", "none")
    is_plain = scope["scheme"] == "https" and given.lower().startswith("http:")
    if is_plain or not is_near or not is_same_origin(scope, [settings.own_origin]):
        raise Refusal(403, "invalid_request", "This is for pages of our own origin.")


async def json_body(request: Request, settings: Settings) -> dict[str, Any]:
    """Read a JSON object. Raises `Refusal` for anything else."""
    try:
        # Only JSON: any web page can send a form to us without a CORS preflight.
        check_content(header_table(request.scope), "application/json")
        data = await read_body(
            header_table(request.scope), request.receive, Ceiling(settings).most("body_bytes")
        )
        body = orjson.loads(data or b"{}")
    except UnsupportedContent as fault:
        raise Refusal(415, "invalid_request", fault.sentence) from None
    except BodyTooLarge:
        said = Ceiling(settings).refusal("body_bytes", "The body").message
        raise Refusal(413, "invalid_request", said) from None
    except Gone:
        raise Refusal(400, "invalid_request", "The body did not arrive whole.") from None
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "invalid_request", f"The body is not JSON: {error.msg}.") from error
    if not isinstance(body, dict):
        raise Refusal(400, "invalid_request", "The body must be a JSON object.")
    return body


def required_text(body: dict[str, Any], name: str) -> str:
    """Return a member that must be a non-empty string. Raises `Refusal`."""
    value = body.get(name)
    if not isinstance(value, str) or not value or "\x00" in value:
        raise Refusal(400, "invalid_request", f"The member {name!r} must be a text.")
    return value


def optional_text(body: dict[str, Any], name: str) -> str | None:
    """Return a member that must be a non-empty string if it is present; None if not. Raises `Refusal`."""
    return None if body.get(name) is None else required_text(body, name)


def device_of(request: Request) -> Device:
    """Return the device that a request comes from: its user agent, address, and device tokens."""
    label = header(request.scope, b"user-agent").replace("\x00", "")
    tokens = known_devices.in_cookie(request.cookies.get(known_devices.COOKIE, ""))
    return Device(label, request.client.host if request.client else "", tokens)


def json_response(content: Any, status: int = 200, kept: int = 0) -> Response:
    """Return a JSON response that caches may keep for `kept` seconds; 0 forbids caching."""
    # RFC 6749, section 5.1: a response with tokens must have both headers, so that no cache keeps it.
    headers = {"cache-control": "no-store", "pragma": "no-cache"}
    headers = {"cache-control": f"public, max-age={kept}"} if kept else headers
    return Response(encode(content), status, headers, media_type="application/json")
