"""Reads the forms that clients post (RFC 6749, appendix B), and turns errors into responses."""

from __future__ import annotations

from collections.abc import Awaitable
from urllib.parse import parse_qsl

from fastapi import Request, Response

from watchword.asgi.types import (
    BodyTooLarge,
    Gone,
    UnsupportedContent,
    check_content,
    header_table,
    read_body,
)
from watchword.auth.http.http_json import Refusal, respond
from watchword.config.limits import fixed
from watchword.oauth.authorize.authorization import Parameters
from watchword.oauth.errors import OAuthError
from watchword.throttling.ceiling import refusal

MEDIA_TYPE = "application/x-www-form-urlencoded"
# Bytes of a form; an assertion and a token have at most 8 KB each.
LARGEST = fixed("form_bytes")
MOST_PARAMETERS = fixed("form_parameters")


async def read_form(request: Request) -> Parameters:
    """Read the form of a request, in which each parameter may occur once. Raises `OAuthError`."""
    if request.scope["query_string"]:
        # RFC 6749, section 2.3.1: URLs end up in logs.
        raise OAuthError("invalid_request", "Send the parameters in the body, never in the URL.")
    try:
        check_content(header_table(request.scope), MEDIA_TYPE)
        data = await read_body(header_table(request.scope), request.receive, LARGEST)
        pairs = parse_qsl(data.decode(), True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnsupportedContent as fault:
        raise OAuthError("invalid_request", fault.sentence, 415) from None
    except BodyTooLarge:
        said = refusal("form_bytes", LARGEST + 1, LARGEST, "The body").message
        raise OAuthError("invalid_request", said, 413) from None
    except Gone:
        raise OAuthError("invalid_request", "The body did not arrive whole.") from None
    except ValueError:
        raise OAuthError("invalid_request", "The body is no form in UTF-8.") from None
    if any("\x00" in text for pair in pairs for text in pair):
        raise OAuthError("invalid_request", "A parameter holds a character that is no text.")
    form = Parameters(pairs)
    form.check_single()
    return form


def required(form: Parameters, name: str) -> str:
    """Return a required parameter. Raises `OAuthError` when it is missing."""
    value = form.get(name)
    if value is None:
        raise OAuthError("invalid_request", f"The parameter {name} is missing.")
    return value


async def oauth_response(request: Request, work: Awaitable[Response]) -> Response:
    """Return an endpoint's response; turn an `OAuthError` into one (RFC 6749, section 5.2)."""
    return await respond(request, _with_oauth_errors(work))


async def _with_oauth_errors(work: Awaitable[Response]) -> Response:
    try:
        return await work
    except OAuthError as error:
        # RFC 9110, section 15.5.2: a 401 must name an authentication scheme. Basic is for clients with a secret.
        way = {"www-authenticate": 'Basic realm="watchword", charset="UTF-8"'}
        headers = way if error.status == 401 else {}
        raise Refusal(error.status, error.error, error.description, headers) from error
