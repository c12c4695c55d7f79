"""JSON requests and responses: errors in the form of RFC 6749, and the check of the origin."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import Request, Response
from sqlalchemy.exc import OperationalError

from tests.support.away import away
from watchword.asgi.types import is_same_origin
from watchword.auth.http.http_json import Refusal, check_origin, optional_text, respond
from watchword.auth.second_factor.totp import SecondFactorRequired
from watchword.config.settings import Settings
from watchword.errors import (
    BadUserInput,
    Conflict,
    InvalidProof,
    NonceNeeded,
    RateLimited,
    Unauthenticated,
    Unavailable,
)


def asked(*headers: tuple[bytes, bytes]) -> Request:
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refusal(418, "teapot", "I am one."), 418, "teapot"),
        (Unauthenticated("No."), 401, "invalid_grant"),
        (SecondFactorRequired(), 401, "mfa_required"),
        (InvalidProof("htm"), 400, "invalid_dpop_proof"),
        (NonceNeeded("n1"), 400, "use_dpop_nonce"),
        (RateLimited("Slowly.", 12.4), 429, "slow_down"),
        (BadUserInput("No.", ["x"]), 400, "invalid_request"),
        (Conflict("Again."), 503, "temporarily_unavailable"),
        (Unavailable("Away."), 503, "temporarily_unavailable"),
        (away(ConnectionRefusedError()), 503, "temporarily_unavailable"),
        (
            away(OperationalError("x", {}, Exception("database is locked"))),
            503,
            "temporarily_unavailable",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_refusal_is_told_in_the_words_of_oauth(
    error: Exception, status: int, code: str
) -> None:
    async def work() -> Response:
        raise error

    response = await respond(asked(), work())
    answer = json.loads(bytes(response.body))
    assert (response.status_code, answer["error"]) == (status, code)
    assert answer["error_description"]
    assert response.headers["cache-control"] == "no-store"
    if status in (429, 503):
        assert int(response.headers["retry-after"]) >= 1
    assert response.headers.get("dpop-nonce") == ("n1" if code == "use_dpop_nonce" else None)
    challenge = response.headers.get("www-authenticate")
    assert challenge == ('Bearer realm="watchword"' if status == 401 else None)


@pytest.mark.parametrize("headers", [[(b"dpop", b"x")], [(b"authorization", b"DPoP a")]])
async def test_a_dpop_request_is_challenged_for_dpop(headers: list[tuple[bytes, bytes]]) -> None:
    async def work() -> Response:
        raise Unauthenticated("No.")

    response = await respond(asked(*headers), work())
    assert response.headers["www-authenticate"].startswith('DPoP realm="watchword", algs="')


async def test_unexpected_errors_are_raised() -> None:
    async def work() -> Response:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await respond(asked(), work())


async def test_connection_errors_outside_the_database_are_raised() -> None:
    async def work() -> Response:
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        await respond(asked(), work())


@pytest.mark.parametrize(
    ("scheme", "headers", "is_ours"),
    [
        ("https", {}, True),
        ("https", {"origin": "https://a.example"}, True),
        ("http", {"origin": "http://a.example"}, True),
        # A proxy may terminate TLS.
        ("http", {"origin": "https://a.example"}, True),
        ("https", {"origin": "http://a.example"}, False),
        ("https", {"origin": "https://b.example"}, False),
        ("https", {"origin": "https://friend.example", "sec-fetch-site": "cross-site"}, True),
        ("https", {"sec-fetch-site": "same-site"}, False),
        # A proxy may change the name in Host, or add the port.
        ("https", {"origin": "https://issuer.example"}, True),
        ("https", {"origin": "https://issuer.example", "sec-fetch-site": "same-site"}, False),
        ("https", {"origin": "http://issuer.example"}, False),
        ("https", {"origin": "https://issuer.example:8443"}, False),
        ("https", {"origin": "null"}, False),
        ("https", {"origin": "capacitor://a.example"}, False),
        ("https", {"sec-fetch-site": "none"}, True),
    ],
)
def test_a_page_of_our_own_is_told_from_others(
    scheme: str, headers: dict[str, str], is_ours: bool
) -> None:
    raw = [(b"host", b"a.example"), *((k.encode(), v.encode()) for k, v in headers.items())]
    request = Request({"type": "http", "scheme": scheme, "headers": raw})
    ours = {"issuer": "https://issuer.example/x", "allowed_origins": ["https://friend.example"]}
    settings = Settings(_env_file=None, **ours)
    if is_ours:
        check_origin(request, settings)
    else:
        with pytest.raises(Refusal):
            check_origin(request, settings)


@pytest.mark.parametrize(
    ("host", "given", "is_ours"),
    [
        ("a.example:443", "https://a.example", True),
        ("A.example", "https://a.example", True),
        ("a.example:8443", "https://a.example:8443", True),
        ("a.example:8443", "https://a.example", False),
        ("a.example@b.example", "https://b.example", False),
        ("", "https://b.example", False),
    ],
)
def test_the_host_is_compared_as_browsers_write_it(host: str, given: str, is_ours: bool) -> None:
    scope: Any = {"headers": [(b"host", host.encode()), (b"origin", given.encode())]}
    assert is_same_origin(scope, []) is is_ours


@pytest.mark.parametrize(("body", "text"), [({}, None), ({"a": None}, None), ({"a": "b"}, "b")])
def test_a_member_may_be_missing(body: dict[str, Any], text: str | None) -> None:
    assert optional_text(body, "a") == text


@pytest.mark.parametrize("value", [7, "", [], {}, False, "\x00"])
def test_a_member_that_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(Refusal):
        optional_text({"a": value}, "a")
