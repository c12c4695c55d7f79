"""Forms are read by RFC 6749: a parameter occurs once, and one without a value counts as not sent."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import Request, Response

from tests.support.away import away
from watchword.errors import NonceNeeded, RateLimited
from watchword.oauth.endpoints.form import MEDIA_TYPE, oauth_response, read_form, required
from watchword.oauth.errors import OAuthError


def request(body: bytes, media_type: str = MEDIA_TYPE, query: bytes = b"") -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    headers = [(b"content-type", media_type.encode())]
    scope = {"type": "http", "headers": headers, "query_string": query}
    return Request(scope, receive)


@pytest.mark.parametrize(
    "media_type", [MEDIA_TYPE, MEDIA_TYPE.upper(), f"{MEDIA_TYPE}; charset=UTF-8"]
)
async def test_it_is_read_in_utf8(media_type: str) -> None:
    form = await read_form(request(b"a=%C3%A9+b&empty=&c=d%2Be", media_type))
    assert (form.get("a"), form.get("c")) == ("é b", "d+e")
    assert (form.get("empty"), form.get("none")) == (None, None)
    assert required(form, "c") == "d+e"
    for name in ("empty", "none"):
        with pytest.raises(OAuthError, match=name):
            required(form, name)


async def test_who_leaves_in_the_middle_is_refused() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    left = Request(request(b"").scope, receive)
    with pytest.raises(OAuthError, match="did not arrive whole"):
        await read_form(left)


async def test_a_form_that_is_too_large_is_refused_in_the_words_of_all_limits() -> None:
    with pytest.raises(OAuthError, match="The body is larger than 65536 bytes.") as raised:
        await read_form(request(b"a" * 65_537))
    assert raised.value.status == 413


@pytest.mark.parametrize(
    ("error", "status", "name", "header"),
    [
        (OAuthError("invalid_grant", "No."), 400, b'"invalid_grant"', None),
        (OAuthError("invalid_client", "No.", 401), 401, b'"invalid_client"', "www-authenticate"),
        (RateLimited("Too many.", 7), 429, b'"slow_down"', "retry-after"),
        (NonceNeeded("n1"), 400, b'"use_dpop_nonce"', "dpop-nonce"),
        (away(OSError("away")), 503, b'"temporarily_unavailable"', "retry-after"),
    ],
)
async def test_a_refusal_is_told_in_the_words_of_the_rfc(
    error: Exception, status: int, name: bytes, header: str | None
) -> None:
    async def work() -> Response:
        raise error

    response = await oauth_response(request(b""), work())
    assert (response.status_code, response.headers["cache-control"]) == (status, "no-store")
    assert name in bytes(response.body)
    assert header is None or response.headers[header]
