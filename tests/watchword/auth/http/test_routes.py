"""Sign-in and sign-out as a browser and as a native app do them."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from sqlalchemy import select

from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder
from tests.support.identity import EMAIL, ORIGIN, sign_in_desk, unit_of
from watchword.auth.accounts.accounts import disable
from watchword.auth.http.routes import COOKIE
from watchword.auth.tables import RefreshToken, Session
from watchword.errors import TokenExpired
from watchword.storage.database import Database

ROUTES = ["/api/auth/login", "/api/auth/refresh", "/api/auth/logout"]


async def test_a_browser_gets_the_refresh_token_in_a_cookie_only(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        response = await desk.login()
        assert response.status_code == 200
        answer = response.json()
        assert set(answer) == {"access_token", "token_type", "expires_in", "scope"}
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
        assert answer["scope"] == "toys:count"
        assert response.headers["cache-control"] == "no-store"
        cookie = response.headers["set-cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        for attribute in ("HttpOnly", "Secure", "SameSite=strict", "Path=/", "Max-Age=1209600"):
            assert attribute in cookie
        assert "Domain" not in cookie
        principal = await desk.auth.verify(answer["access_token"])
        assert principal.subject == desk.account.id
        assert principal.grants.roles == {"keeper"}


async def test_a_native_app_gets_it_in_the_body_only(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        response = await desk.login(delivery="body")
        assert "set-cookie" not in response.headers
        token = response.json()["refresh_token"]
        assert len(token) == 67
        again = await desk.refresh(token)
        assert again.status_code == 200
        assert again.json()["refresh_token"] != token
        assert "set-cookie" not in again.headers


async def test_the_database_holds_no_token(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.login(delivery="body")).json()["refresh_token"]
        fresh = (await desk.refresh(token)).json()["refresh_token"]
        async with database.read() as db:
            [row] = (await db.execute(select(Session))).scalars()
            known = (await db.execute(select(RefreshToken))).scalars().all()
        assert len(known) == 2
        stored = str([vars(row), *map(vars, known)])
        # Nor the family's name, which would be enough to end the session.
        assert token[:24] == fresh[:24]
        for secret in (token[:24], token[24:], fresh[24:]):
            assert secret not in stored
        assert (row.address, row.label) == ("203.0.113.7", desk.client.headers["user-agent"])


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "wrong horse battery"},
        {"email": "nobody@example.com"},
        {"password": "x" * 5000},
        {"email": "x" * 5000},
    ],
)
async def test_the_answer_does_not_reveal_what_is_wrong_with_the_credentials(
    changes: dict[str, str], database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        response = await desk.login(**changes)
        assert response.status_code == 401
        assert response.json() == {
            "error": "invalid_grant",
            "error_description": "The credentials are not valid.",
        }


async def test_the_case_of_the_address_does_not_matter(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        assert (await desk.login(email="ALICE@example.COM")).status_code == 200


async def test_a_disabled_account_can_neither_sign_in_nor_refresh(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.login(delivery="body")).json()["refresh_token"]
        async with unit_of(database) as unit:
            await disable(unit, desk.account.id)
        assert (await desk.login()).status_code == 401
        assert (await desk.refresh(token)).status_code == 401


async def test_sign_out_ends_the_session_and_forgets_the_cookie(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.login(delivery="body")).json()["refresh_token"]
        await desk.login()
        for _ in range(2):
            response = await desk.client.post("/api/auth/logout", json={})
            assert response.status_code == 204
        assert "Max-Age=0" in response.headers["set-cookie"]
        assert (await desk.refresh()).status_code == 401
        # The other session is on another device.
        assert (await desk.refresh(token)).status_code == 200


async def test_sign_out_by_body(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.login(delivery="body")).json()["refresh_token"]
        await desk.client.post("/api/auth/logout", json={"refresh_token": token})
        assert (await desk.refresh(token)).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": ORIGIN}, 200),
        ({"origin": "https://app.example.com"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
async def test_the_cookie_serves_pages_of_our_own_origin_only(
    headers: dict[str, str], status: int, database: Database, clock: MovedClock
) -> None:
    allowed = ("https://app.example.com",)
    async with sign_in_desk(database, clock, allowed_origins=allowed) as desk:
        await desk.login()
        assert (await desk.refresh(headers=headers)).status_code == status


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"x" * 1_000_001, "application/json", 413),
        (b"email=a&password=b", "application/x-www-form-urlencoded", 415),
        (b'{"email":"a","password":"b"}', "text/plain", 415),
        (b'{"email":7,"password":["x"],"refresh_token":7}', "application/json", 400),
        (b'{"email":"a\\u0000","password":"b","refresh_token":"\\u0000"}', "application/json", 400),
        (b'{"email":"","password":"","refresh_token":""}', "application/json", 400),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_bad_input_is_refused_in_the_form_of_rfc_6749(
    route: str, content: bytes, content_type: str, status: int, sqlite_desk: Any
) -> None:
    response = await sqlite_desk.client.post(
        route, content=content, headers={"content-type": content_type}
    )
    assert response.status_code == status
    assert response.json()["error"] == "invalid_request"
    said = response.json()["error_description"]
    assert (said == "The body is larger than 1000000 bytes.") if status == 413 else said


async def test_an_unknown_delivery_is_refused(sqlite_desk: Any) -> None:
    assert (await sqlite_desk.login(delivery="pigeon")).status_code == 400


async def test_every_401_has_a_challenge(sqlite_desk: Any, clock: MovedClock) -> None:
    """RFC 9110, section 15.5.2: every 401 names the scheme by which to authenticate."""
    for used, scheme in ((False, "Bearer"), (True, "DPoP")):
        proofs = {
            path: {"dpop": KeyHolder().proof("POST", ORIGIN + path, clock.now())} if used else {}
            for path in ("/api/auth/login", "/api/auth/refresh")
        }
        bodies: dict[str, dict[str, str]] = {
            "/api/auth/login": {"email": EMAIL, "password": "wrong horse battery"},
            "/api/auth/refresh": {"refresh_token": "nonsense"},
        }
        for path, body in bodies.items():
            refused = await sqlite_desk.client.post(path, json=body, headers=proofs[path])
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith(f'{scheme} realm="watchword"')


@pytest.mark.parametrize("scheme", ["Bearer", "DPoP"])
async def test_a_step_up_is_challenged_by_the_scheme_that_was_used(
    scheme: str, sqlite_desk: Any
) -> None:
    for path in ("/api/auth/step-up", "/api/auth/passkeys/options"):
        headers = {"authorization": f"{scheme} nonsense"}
        refused = await sqlite_desk.client.post(path, json={"password": "x"}, headers=headers)
        assert refused.status_code == 401
        said = refused.headers["www-authenticate"]
        assert said.startswith(f'{scheme} realm="watchword", error="invalid_token"')


async def test_the_key_set_can_be_asked_about(sqlite_desk: Any) -> None:
    asked, got = [
        await sqlite_desk.client.request(method, "/.well-known/jwks.json")
        for method in ("HEAD", "GET")
    ]
    assert (asked.status_code, asked.headers) == (200, got.headers)


async def test_a_stock_library_verifies_our_tokens_from_jwks(sqlite_desk: Any) -> None:
    response = await sqlite_desk.client.get("/.well-known/jwks.json")
    assert response.headers["cache-control"] == "public, max-age=300"
    token = (await sqlite_desk.login()).json()["access_token"]
    keys = jwt.PyJWKSet.from_dict(response.json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token,
        key,
        algorithms=["ES256"],
        audience="watchword",
        issuer=ORIGIN,
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )
    assert claims["sub"] == sqlite_desk.account.id


async def test_an_access_token_ends(sqlite_desk: Any, clock: MovedClock) -> None:
    token = (await sqlite_desk.login()).json()["access_token"]
    clock.move(600)
    with pytest.raises(TokenExpired):
        await sqlite_desk.auth.verify(token)


async def test_no_secret_reaches_the_log(
    sqlite_desk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    answer = (await sqlite_desk.login(delivery="body")).json()
    await sqlite_desk.login(password="wrong password here")
    await sqlite_desk.refresh(answer["refresh_token"])
    for secret in (answer["refresh_token"], answer["access_token"], "wrong password here"):
        assert secret not in caplog.text


@pytest.mark.parametrize(("published", "kept"), [(60, 30), (6000, 300)])
async def test_caches_keep_our_keys_for_half_the_time_before_a_new_one_signs(
    database: Database, clock: MovedClock, published: int, kept: int
) -> None:
    async with sign_in_desk(database, clock, key_publish_seconds=published) as desk:
        response = await desk.client.get("/.well-known/jwks.json")
    assert response.headers["cache-control"] == f"public, max-age={kept}"
