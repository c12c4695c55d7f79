"""Only small JSON documents from the configured hosts are fetched, within a time limit."""

from __future__ import annotations

import gzip
from typing import Any

import httpx2
import pytest

from tests.support.clock import MovedClock
from tests.support.issuer import JWKS, Answer, FakeIssuer, fake_issuer
from watchword.trust import fetch as module
from watchword.trust.fetch import LARGEST, FetchFailed, fetch, lifetime

NOW = MovedClock().now()
NEW_YEAR = "Tue, 01 Jan 2030 00:00:00 GMT"


async def failure(idp: FakeIssuer, path: str = JWKS) -> str:
    with pytest.raises(FetchFailed) as failed:
        await fetch(f"{idp.url}{path}", {f"127.0.0.1:{idp.port}"}, NOW)
    return str(failed.value)


async def test_a_json_object_is_fetched_with_its_lifetime(idp: FakeIssuer) -> None:
    idp.say("/x", {"a": 1}, cache_control="public, max-age=600")
    fetched = await fetch(f"{idp.url}/x", {f"127.0.0.1:{idp.port}"}, NOW)
    assert (fetched.document, fetched.seconds) == ({"a": 1}, 600)


async def test_another_place_is_not_asked(idp: FakeIssuer) -> None:
    with pytest.raises(FetchFailed, match="settings"):
        await fetch(f"{idp.url}/x", {"127.0.0.1:1"}, NOW)
    assert idp.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(idp: FakeIssuer, status: int) -> None:
    with fake_issuer() as other:
        idp.say(JWKS, {}, status, location=f"{other.url}{JWKS}")
        assert await failure(idp) == f"it answered {status}"
        idp.say(JWKS, {}, status, location="/elsewhere")
        await failure(idp)
        assert other.asked == []
        assert "/elsewhere" not in idp.asked


async def test_an_answer_that_does_not_come_is_not_waited_for(
    idp: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST", 0.2)
    idp.hang(JWKS)
    assert "longer than" in await failure(idp)


async def test_a_huge_answer_is_refused_before_it_is_held(idp: FakeIssuer) -> None:
    idp.say(JWKS, b'{"keys": "' + b"x" * 50 * LARGEST + b'"}')
    assert f"more than {LARGEST} bytes" in await failure(idp)


async def test_an_answer_that_would_grow_when_unpacked_is_refused(idp: FakeIssuer) -> None:
    idp.say(JWKS, gzip.compress(b"{}"), content_encoding="gzip")
    assert "compressed" in await failure(idp)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"1", b"null", b"{", b'{"a":1,"a":2}', b"\xff", b"[" * 100_000, b'{"a":NaN}']
)  # fmt: skip
async def test_what_is_no_json_object_is_refused(idp: FakeIssuer, body: bytes) -> None:
    idp.say(JWKS, body)
    assert "JSON" in await failure(idp)


async def test_a_page_is_no_json_whatever_is_in_it(idp: FakeIssuer) -> None:
    idp.say(JWKS, {}, content_type="text/html")
    assert "JSON" in await failure(idp)
    idp.answers[JWKS] = Answer(b"{}", headers={})
    assert "JSON" in await failure(idp)
    idp.say(JWKS, {}, content_type="application/jwk-set+json; charset=utf-8")
    await fetch(f"{idp.url}{JWKS}", {f"127.0.0.1:{idp.port}"}, NOW)


@pytest.mark.parametrize("status", [201, 204, 401, 404, 429, 500, 503])
async def test_another_status_is_a_failure(idp: FakeIssuer, status: int) -> None:
    idp.say(JWKS, {}, status)
    assert str(status) in await failure(idp)


async def test_who_cannot_be_reached_is_a_failure() -> None:
    with fake_issuer() as gone:
        pass
    assert "cannot be reached" in await failure(gone)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 300),
        ({"cache-control": "max-age=900"}, 900),
        ({"cache-control": 'Public, MAX-AGE="900", must-revalidate'}, 900),
        ({"cache-control": "max-age=900", "age": "300"}, 600),
        ({"cache-control": "max-age=900", "age": "x"}, 900),
        ({"cache-control": "s-maxage=900"}, 300),
        ({"cache-control": "max-age=1"}, 60),
        ({"cache-control": "max-age=999999999"}, 86400),
        ({"cache-control": f"max-age={'9' * 5000}"}, 86400),
        ({"cache-control": f"max-age={'9' * 5000}", "age": "9" * 5000}, 60),
        ({"cache-control": "max-age=0000000000900"}, 900),
        ({"cache-control": 'theirs="x, max-age=5", max-age=900'}, 900),
        ({"cache-control": 'theirs="\\", max-age=5", max-age=900'}, 900),
        ({"cache-control": 'theirs="no-store, no-cache", max-age=900'}, 900),
        ({"cache-control": "max-age=-5"}, 300),
        ({"cache-control": "no-store"}, 60),
        ({"cache-control": "no-cache, max-age=900"}, 60),
        ({"date": NEW_YEAR, "expires": "Tue, 01 Jan 2030 01:00:00 GMT"}, 3600),
        ({"date": NEW_YEAR, "expires": "Tue, 01 Jan 2030 01:00:00 -0000"}, 3600),
        ({"date": NEW_YEAR, "expires": "Tue, 01 Jan 2030 01:00:00 +0100"}, 3600),
        ({"date": NEW_YEAR, "expires": "Tue, 01 Jan 2030 01:00:00 GMT", "age": "3000"}, 600),
        ({"date": NEW_YEAR, "expires": "0"}, 60),
        ({"date": NEW_YEAR, "expires": "Thu, 01 Jan 99999999999999999999 00:00:00 GMT"}, 60),
        ({"date": NEW_YEAR, "expires": "Fri, 31 Dec 9999 00:00:00 +99999999999999999999"}, 60),
        ({"expires": "Fri, 15 Jan 2027 09:00:00 GMT"}, 3600),
        ({"expires": "Fri, 15 Jan 2027 07:00:00 GMT"}, 60),
        ({"cache-control": "max-age=900", "expires": "0"}, 900),
    ],
)  # fmt: skip
def test_an_answer_is_good_for_as_long_as_it_says_within_bounds(
    headers: dict[str, Any], seconds: float
) -> None:
    assert lifetime(httpx2.Headers(headers), NOW) == seconds
