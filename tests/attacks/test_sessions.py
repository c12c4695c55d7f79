"""Attacks on sign-in and on sessions: each is refused with its status, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder
from tests.support.identity import EMAIL, ORIGIN, PASSWORD, SignInDesk, sign_in_desk, unit_of
from watchword.auth.accounts.accounts import add_account
from watchword.auth.http.routes import COOKIE
from watchword.auth.sessions.sessions import Device, NewSession, Sessions
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.auth.tables import RefreshToken, Session
from watchword.storage.database import Database

FRIEND = "https://app.example.com"
ROUTES = ["login", "refresh", "logout", "step-up"]
FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://watchword.example"},
    {"origin": "https://watchword.example:8443"},
    {"origin": "https://watchword.example.evil.example"},
    {"origin": "https://app.watchword.example", "sec-fetch-site": "same-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site"},
    {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
    {"origin": f"{ORIGIN}, {ORIGIN}"},
]


async def post(desk: SignInDesk, route: str, body: Any, **headers: str) -> httpx2.Response:
    return await desk.client.post(f"/api/auth/{route}", json=body, headers=headers)


async def count(database: Database, entity: Any, **by: Any) -> int:
    async with database.read() as db:
        counted = select(func.count()).select_from(entity).filter_by(**by)
        return int((await db.execute(counted)).scalar_one())


async def native(desk: SignInDesk, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await desk.login(delivery="body", **changes)).json()
    return answer


# Refresh tokens (RFC 9700, section 4.14)


async def test_a_stolen_refresh_token_ends_the_session_of_thief_and_owner(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        stolen = (await native(desk))["refresh_token"]
        owner = (await desk.refresh(stolen)).json()["refresh_token"]
        clock.move(11)
        thief = await desk.refresh(stolen)
        assert (thief.status_code, thief.json()["error"]) == (401, "invalid_grant")
        assert (await desk.refresh(owner)).status_code == 401
        assert await count(database, Session, revoked_at=None) == 0
        assert (await desk.audited()).count("REFRESH_TOKEN_REUSED") == 1


async def test_a_faster_thief_is_thrown_out_when_the_owner_refreshes(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        stolen = (await native(desk))["refresh_token"]
        thief = (await desk.refresh(stolen)).json()["refresh_token"]
        clock.move(600)
        thief = (await desk.refresh(thief)).json()["refresh_token"]
        assert (await desk.refresh(stolen)).status_code == 401
        assert (await desk.refresh(thief)).status_code == 401


async def test_the_reuse_of_a_token_by_many_at_once_gives_none_of_them_anything(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        stolen = (await native(desk))["refresh_token"]
        await desk.refresh(stolen)
        clock.move(11)
        answers = await asyncio.gather(*(desk.refresh(stolen) for _ in range(8)))
        assert {answer.status_code for answer in answers} == {401}
        assert (await desk.audited()).count("REFRESH_TOKEN_REUSED") == 1


async def test_a_refresh_token_of_another_client_is_refused(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        services = desk.auth.services
        sessions = Sessions(database, services.bus, desk.auth.settings)
        device, now = Device("app", "203.0.113.8"), clock.now()
        async with unit_of(database, now) as unit:
            opening = NewSession(["pwd"], now, client="app", scopes=["toys:count"])
            theirs = await sessions.open(unit, desk.account, device, opening)
        assert (await desk.refresh(theirs.refresh_token)).status_code == 401
        body = {"refresh_token": theirs.refresh_token}
        assert (await post(desk, "logout", body)).status_code == 204
        # The attempts neither used it up nor revoked it.
        await sessions.refresh(theirs.refresh_token, device, now, client="app")


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        answer = await native(desk)
        assert (await desk.refresh(answer["access_token"])).status_code == 401
        response = await desk.step_up(answer["refresh_token"], password=PASSWORD)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_token")


async def test_a_bound_refresh_token_without_its_key_is_refused(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        owner, thief, now = KeyHolder(), KeyHolder(), clock.now()
        body = {"email": EMAIL, "password": PASSWORD, "delivery": "body"}
        proof = owner.proof("POST", f"{ORIGIN}/api/auth/login", now)
        answer = (await post(desk, "login", body, dpop=proof)).json()
        assert answer["token_type"] == "DPoP"
        principal = await desk.auth.verify(answer["access_token"])
        assert principal.key == owner.thumbprint
        stolen, url = {"refresh_token": answer["refresh_token"]}, f"{ORIGIN}/api/auth/refresh"
        assert (await post(desk, "refresh", stolen)).json()["error"] == "invalid_dpop_proof"
        for proof in (thief.proof("POST", url, now), owner.proof("GET", url, now), "x", ""):
            refused = await post(desk, "refresh", stolen, dpop=proof)
            assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")
        good = owner.proof("POST", url, now)
        fresh = await post(desk, "refresh", stolen, dpop=good)
        assert (fresh.status_code, fresh.json()["token_type"]) == (200, "DPoP")
        body = {"refresh_token": fresh.json()["refresh_token"]}
        assert (await post(desk, "refresh", body, dpop=good)).status_code == 400


async def test_a_bound_access_token_cannot_step_up_without_its_proof(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        owner, url = KeyHolder(), f"{ORIGIN}/api/auth/step-up"
        proof = owner.proof("POST", f"{ORIGIN}/api/auth/login", clock.now())
        body = {"email": EMAIL, "password": PASSWORD}
        token = (await post(desk, "login", body, dpop=proof)).json()["access_token"]
        for scheme in ("Bearer", "DPoP"):
            refused = await post(
                desk, "step-up", {"password": PASSWORD}, authorization=f"{scheme} {token}"
            )
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("DPoP ")
        good = {
            "authorization": f"DPoP {token}",
            "dpop": owner.proof("POST", url, clock.now(), token),
        }
        assert (await post(desk, "step-up", {"password": PASSWORD}, **good)).status_code == 200


async def test_where_every_token_is_bound_an_unbound_session_gives_none(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        old = (await native(desk))["refresh_token"]
        settings = desk.auth.settings.model_copy(update={"dpop": "required"})
        desk.auth.settings = settings
        desk.auth.sessions._settings = settings
        assert (await desk.login()).json()["error"] == "invalid_dpop_proof"
        url = f"{ORIGIN}/api/auth/refresh"
        proof = KeyHolder().proof("POST", url, clock.now())
        refused = await post(desk, "refresh", {"refresh_token": old}, dpop=proof)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_grant")


# Other sites (login CSRF, and requests in the user's name)


@pytest.mark.parametrize("route", ROUTES)
async def test_no_other_site_signs_anybody_in_or_out_or_refreshes(
    route: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock, allowed_origins=(FRIEND,)) as desk:
        token = (await desk.login()).json()["access_token"]
        body = {"email": EMAIL, "password": PASSWORD}
        for headers in FOREIGN:
            cookie = desk.client.cookies[COOKIE]
            refused = await post(desk, route, body, authorization=f"Bearer {token}", **headers)
            assert (refused.status_code, refused.json()["error"]) == (403, "invalid_request"), (
                headers
            )
            assert "set-cookie" not in refused.headers, headers
            assert desk.client.cookies[COOKIE] == cookie, headers
            assert await count(database, Session) == 1, headers
            assert (await desk.refresh()).status_code == 200, headers


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": FRIEND, "sec-fetch-site": "cross-site"},
        {"origin": FRIEND, "sec-fetch-site": "same-site"},
        {"origin": ORIGIN, "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {},
    ],
)
async def test_our_own_pages_and_friends_and_programs_may(
    headers: dict[str, str], database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock, allowed_origins=(FRIEND,)) as desk:
        body = {"email": EMAIL, "password": PASSWORD}
        answer = await post(desk, "login", body, **headers)
        assert answer.status_code == 200
        authorization = f"Bearer {answer.json()['access_token']}"
        for route in ("refresh", "step-up", "logout"):
            done = await post(desk, route, body, authorization=authorization, **headers)
            assert done.status_code in (200, 204), (route, done.text)


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "", "text/json"],
)
async def test_form_bodies_are_refused(
    content_type: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        content = b'{"email": "%s", "password": "%s"}' % (EMAIL.encode(), PASSWORD.encode())
        for route in ROUTES:
            response = await desk.client.post(
                f"/api/auth/{route}", content=content, headers={"content-type": content_type}
            )
            assert response.status_code == 415


# Session fixation


async def test_a_planted_cookie_is_never_signed_in(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database) as unit:
            await add_account(
                unit, email="m@x.org", name="Mallory", roles=[], hash=await hash_chosen(PASSWORD)
            )
        planted = (await native(desk, email="m@x.org"))["refresh_token"]
        for cookie in (planted, "x" * 43, "", "%00"):
            desk.client.cookies.clear()
            answer = await post(
                desk, "login", {"email": EMAIL, "password": PASSWORD}, cookie=f"{COOKIE}={cookie}"
            )
            assert answer.status_code == 200
            assert desk.client.cookies[COOKIE] != cookie
            principal = await desk.auth.verify(answer.json()["access_token"])
            assert principal.subject == desk.account.id
        # The attacker still has only its own session.
        theirs = (await desk.refresh(planted)).json()["access_token"]
        assert (await desk.auth.verify(theirs)).subject != desk.account.id


async def test_a_cookie_of_long_ago_ends_nothing(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        old = (await native(desk))["refresh_token"]
        fresh = (await desk.refresh(old)).json()["refresh_token"]
        await post(desk, "login", {"email": EMAIL, "password": PASSWORD}, cookie=f"{COOKIE}={old}")
        assert (await desk.refresh(fresh)).status_code == 200


# Guessing


async def test_guesses_at_many_accounts_from_one_address_end(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        answers = [await desk.login(email=f"{number}@x.org") for number in range(101)]
        assert [answer.status_code for answer in answers] == [401] * 100 + [429]


async def test_guesses_at_one_account_at_the_same_moment_are_counted_all(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        tries = [desk.login(password=f"wrong horse battery {number}") for number in range(30)]
        answers = await asyncio.gather(*tries)
        assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 20


# Step-up


async def test_the_password_of_another_account_cannot_step_up(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database) as unit:
            await add_account(
                unit,
                email="m@x.org",
                name="Mallory",
                roles=[],
                hash=await hash_chosen("mallory's password"),
            )
        token = (await native(desk))["access_token"]
        body = {"password": "mallory's password", "email": "m@x.org"}
        response = await desk.step_up(token, **body)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_grant")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\xff", "Bearer x", "x" * 9000])
async def test_an_invalid_token_cannot_step_up(
    token: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        headers = [(b"authorization", b"Bearer " + token.encode("latin-1"))]
        response = await desk.client.post(
            "/api/auth/step-up", json={"password": PASSWORD}, headers=headers
        )
        assert (response.status_code, response.json()["error"]) == (401, "invalid_token")
        assert 'error="invalid_token"' in response.headers["www-authenticate"]


async def test_a_token_of_a_third_party_cannot_step_up(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        sessions, now = desk.auth.sessions, clock.now()
        for client in ("app", "watchword"):
            async with unit_of(database, now) as unit:
                opening = NewSession(["pwd"], now, client=client)
                signed_in = await sessions.open(unit, desk.account, Device("", ""), opening)
            token = (await desk.auth.issue(signed_in)).token
            response = await desk.step_up(token, password=PASSWORD)
            assert response.status_code == (200 if client == "watchword" else 403)


# Arbitrary JSON and bytes

# Including lone surrogates and numbers that JSON does not allow.
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    ["email", "password", "otp", "recovery_code", "passkey", "refresh_token", "delivery"]
)


@pytest.mark.parametrize("route", ROUTES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(MEMBERS, JSON, max_size=5))
async def test_no_body_makes_the_server_stumble(
    route: str, body: dict[str, Any], sqlite_desk: SignInDesk
) -> None:
    token = (await native(sqlite_desk))["access_token"]
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    content = json.dumps(body).encode()
    response = await sqlite_desk.client.post(f"/api/auth/{route}", content=content, headers=headers)
    assert response.status_code in (204, 400, 401, 429), response.text
    if response.content:
        assert set(response.json()) == {"error", "error_description"}


async def test_a_refused_request_leaves_no_rows(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        await desk.login(password="wrong horse battery")
        await desk.login(email="nobody@example.com")
        await desk.refresh("x" * 43)
        assert await count(database, Session) == 0
        assert await count(database, RefreshToken) == 0
