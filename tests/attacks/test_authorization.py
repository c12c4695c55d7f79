"""Attacks on authorization codes and consents: open redirects, stolen and injected codes, downgrades,
mix-ups, and forged consents."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.authorization import (
    CALLBACK,
    KEY,
    LOOPBACK,
    VERIFIER,
    ConsentDesk,
    answer,
    challenge,
    consent_desk,
)
from tests.support.clock import MovedClock
from tests.support.identity import ORIGIN, unit_of
from watchword.auth.accounts.accounts import set_roles
from watchword.storage.database import Database

EVIL = "https://evil.example"


# --- Open redirects (RFC 9700, section 4.11) ---


UNREGISTERED = [
    EVIL,
    f"{EVIL}/callback",
    f"{CALLBACK}.evil.example",
    f"{CALLBACK}/../../evil",
    f"{CALLBACK}/..;/evil",
    f"{CALLBACK}?next={EVIL}",
    f"{CALLBACK}#{EVIL}",
    f"{CALLBACK}%2e%2e",
    f"{CALLBACK}\\evil",
    f"{CALLBACK}\r\nLocation: {EVIL}",
    f"{CALLBACK}\x00",
    f" {CALLBACK}",
    f"{CALLBACK} {EVIL}",
    "https://app.example@evil.example/callback",
    "https://app.example:pw@evil.example/callback",
    "https://app.example\\@evil.example/callback",
    "https://APP.example/callback",
    "https://аpp.example/callback",
    "//evil.example/callback",
    "/callback",
    "http://app.example/callback",
    "http://127.0.0.1:80@evil.example/callback",
    "http://127.0.0.1.evil.example/callback",
    "http://127.0.0.1:1234/callback?next=/evil",
    "http://[::ffff:127.0.0.1]/callback",
    "http://[",
    "javascript:alert(document.domain)//",
    "data:text/html,<script>alert(1)</script>",
    "<script>alert(1)</script>",
    "*",
    "x" * 20_000,
]


async def test_no_redirect_goes_to_an_unregistered_uri(room: ConsentDesk) -> None:
    token = await room.token()
    for uri in UNREGISTERED:
        # Whatever else is wrong with the request: a redirected error helps an attacker as much as a code.
        for more in ({}, {"response_type": "token"}, {"scope": "nothing"}, {"prompt": "none"}):
            shown = await room.show(redirect_uri=uri, **more)
            assert shown.status_code == 400, uri
            assert "location" not in shown.headers, uri
            assert "<script" not in shown.text, uri
        for decision in ("ask", "allow", "deny"):
            decided = await room.decide(decision, token, redirect_uri=uri)
            assert decided.status_code == 400, uri
            assert "redirect_to" not in decided.json(), uri


async def test_an_unknown_application_causes_no_redirect(room: ConsentDesk) -> None:
    other = await room.register(redirect_uris=["https://other.example/cb"])
    for changes in (
        {"client_id": "client_x"},
        {"client_id": "watchword"},
        {"client_id": "' OR 1=1 --"},
        {"client_id": "\x00"},
        # A redirect URI of another client is not its own.
        {"client_id": other.id},
    ):
        shown = await room.show(**changes)
        assert shown.status_code == 400
        assert "location" not in shown.headers


# --- Duplicate and mistyped parameters ---


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
async def test_two_addresses_are_none(name: str, room: ConsentDesk) -> None:
    asked = room.asked()
    for pairs in (
        [*asked.items(), (name, asked[name])],
        [(name, EVIL), *asked.items()],
        [*asked.items(), (name, EVIL)],
    ):
        shown = await room.desk.client.get(f"/oauth/authorize?{urlencode(pairs)}")
        assert shown.status_code == 400
        assert "location" not in shown.headers


@pytest.mark.parametrize(
    "name", ["state", "scope", "code_challenge", "code_challenge_method", "response_type", "more"]
)
async def test_a_parameter_that_comes_twice_is_refused(name: str, room: ConsentDesk) -> None:
    pairs = [*room.asked(more="1").items(), (name, "other")]
    shown = await room.desk.client.get(f"/oauth/authorize?{urlencode(pairs)}")
    assert shown.status_code == 303
    told = answer(shown.headers["location"])
    assert told["error"] == "invalid_request"
    assert ("state" in told) == (name != "state")


@pytest.mark.parametrize(
    "query", ["%", "%ff", "a" * 20_000, "&" * 60, "=", "%00", "client_id[]=1", "a=b;c=d", "?" * 100]
)
async def test_any_query_gets_an_answer(query: str, room: ConsentDesk) -> None:
    shown = await room.desk.client.get(f"/oauth/authorize?{query}")
    assert shown.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"allow"',
        b"{",
        b'{"decision": ["allow"]}',
        b'{"decision": "allow", "client_id": {}}',
        b'{"decision": "allow", "client_id": 1}',
        b'{"decision": "allow", "client_id": "\\ud800"}',
        b'{"decision": "allow", "client_id": "\\u0000"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
async def test_any_body_gets_an_answer(body: bytes, room: ConsentDesk) -> None:
    headers = {"content-type": "application/json"}
    bearer = {"authorization": f"Bearer {await room.token()}"}
    decided = await room.desk.client.post(
        "/oauth/authorize", content=body, headers=headers | bearer
    )
    assert decided.status_code == 400
    assert decided.json()["error"]


# --- Codes: replayed, injected, stolen (RFC 9700, sections 4.2 and 4.5) ---


async def test_a_code_that_comes_again_ends_the_session_that_it_opened(room: ConsentDesk) -> None:
    code = await room.code()
    first = (await room.exchange(code)).json()
    again = await room.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    refreshed = await room.desk.client.post(
        "/oauth/token",
        data={
            "grant_type": "refresh_token",
            "client_id": room.client.id,
            "refresh_token": first["refresh_token"],
        },
    )
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")
    assert len(await room.audited("CODE_REPLAYED")) == 1


@pytest.mark.parametrize("end", ["idle", "absolute"])
async def test_a_session_that_is_over_gives_no_code(
    end: str, database: Database, clock: MovedClock
) -> None:
    idle = {"idle": 600, "absolute": 700}[end]
    ends = {"refresh_idle_seconds": idle, "refresh_absolute_seconds": 700}
    async with consent_desk(database, clock, access_token_seconds=900, **ends) as room:
        token = await room.token()
        principal = await room.desk.auth.verify(token)
        for moved, status in ((599, 200), (101 if end == "absolute" else 1, 401)):
            clock.move(moved)
            # By a token that outlives its session, whatever the reason.
            longer = room.desk.auth.issuer.issue(
                room.desk.auth.keys.ring,
                subject=principal.subject,
                roles=principal.grants.roles,
                scopes=principal.grants.scopes,
                session=principal.session,
                version=principal.version,
                now=clock.now(),
            )
            for decision in ("ask", "allow"):
                assert (await room.decide(decision, longer.token)).status_code == status


async def test_a_stolen_code_is_useless_to_another_client(room: ConsentDesk) -> None:
    code = await room.code()
    thief = await room.register(name="Thief")
    stolen = await room.exchange(code, client_id=thief.id)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (await room.exchange(code)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "a" * 43}, "invalid_grant"),
        ({"code_verifier": challenge()}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"redirect_uri": LOOPBACK}, "invalid_grant"),
        ({"redirect_uri": EVIL}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
    ],
)
async def test_a_code_is_injected_into_no_other_flow(
    changes: dict[str, Any], error: str, room: ConsentDesk
) -> None:
    refused = await room.exchange(await room.code(), **changes)
    assert (refused.status_code, refused.json()["error"]) == (400, error)


async def test_a_verifier_is_guessed_once(room: ConsentDesk) -> None:
    code = await room.code()
    assert (await room.exchange(code, code_verifier="a" * 43)).status_code == 400
    assert (await room.exchange(code)).status_code == 400


async def test_a_code_bound_to_a_key_needs_its_proof(room: ConsentDesk) -> None:
    refused = await room.exchange(await room.code(dpop_jkt=KEY))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


async def test_a_code_is_no_token_and_a_token_no_code(room: ConsentDesk) -> None:
    token, code = await room.token(), await room.code()
    assert (await room.decide("allow", code)).status_code == 401
    refused = await room.exchange(token)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


# --- PKCE downgrade (RFC 9700, section 4.8.2) ---


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge_method": "S256 plain"},
        {"code_challenge": None},
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": VERIFIER[:-1]},
        {"code_challenge": "x" * 44},
    ],
)
async def test_there_is_no_code_without_its_challenge(
    changes: dict[str, Any], room: ConsentDesk
) -> None:
    told = await room.told("allow", await room.token(), **changes)
    assert told["error"] == "invalid_request"
    assert "code" not in told


# --- Mix-up (RFC 9207) ---


async def test_every_answer_names_its_issuer(room: ConsentDesk) -> None:
    token = await room.token()
    answers = [
        await room.told("allow", token),
        await room.told("deny"),
        await room.told("allow", token, scope="toys:all"),
        await room.told("ask", token, response_type="token"),
        answer((await room.show(scope=None)).headers["location"]),
    ]
    assert {told["iss"] for told in answers} == {ORIGIN}


# --- Scopes ---


async def test_a_code_grants_no_more_than_the_user_and_the_client_have(
    room: ConsentDesk,
) -> None:
    token = await room.token()
    for scope in ("toys:all", "toys:all admin", "admin", "*"):
        told = await room.told("allow", token, scope=scope)
        assert told["error"] in ("access_denied", "invalid_scope")
    got = (await room.exchange(await room.code(scope="toys:count toys:all"))).json()
    assert got["scope"] == "toys:count"
    refreshed = await room.desk.client.post(
        "/oauth/token",
        data={
            "grant_type": "refresh_token",
            "client_id": room.client.id,
            "refresh_token": got["refresh_token"],
            "scope": "toys:count toys:all",
        },
    )
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_scope")


async def test_a_consent_that_was_given_for_less_gives_no_more(
    room: ConsentDesk, clock: MovedClock
) -> None:
    got = (await room.exchange(await room.code())).json()
    async with unit_of(room.database, clock.now()) as unit:
        await set_roles(unit, room.desk.account.id, ["keeper", "admin"])
    asked = await room.decide("ask", await room.token(), scope="toys:count toys:all")
    assert "redirect_to" not in asked.json()
    refreshed = await room.desk.client.post(
        "/oauth/token",
        data={
            "grant_type": "refresh_token",
            "client_id": room.client.id,
            "refresh_token": got["refresh_token"],
        },
    )
    assert refreshed.json()["scope"] == "toys:count"


# --- Consent without the user ---
