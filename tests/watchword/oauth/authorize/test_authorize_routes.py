"""The authorization endpoint: the consent page, and decisions with an access token."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.authorization import (
    CALLBACK,
    LOOPBACK,
    VERIFIER,
    answer,
    challenge,
    consent_desk,
)
from tests.support.clock import MovedClock
from tests.support.identity import EMAIL, ORIGIN, unit_of
from watchword.auth.accounts.accounts import set_roles
from watchword.storage.database import Database


async def test_the_page_is_served_for_a_good_request(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock) as room:
        shown = await room.show()
    assert shown.status_code == 200
    assert "Toy Counter" in shown.text
    assert shown.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": CALLBACK + "?more=1"},
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_certain(
    changes: dict[str, Any], database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        shown = await room.show(**changes)
        decided = await room.decide("allow", await room.token(), **changes)
    assert shown.status_code == 400
    assert "location" not in shown.headers
    assert "evil.example" not in shown.text
    assert decided.status_code == 400
    assert "redirect_to" not in decided.json()


async def test_other_errors_go_to_the_client(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock) as room:
        shown = await room.show(code_challenge=None)
        decided = await room.decide("allow", await room.token(), code_challenge=None)
    assert shown.status_code == 303
    assert decided.status_code == 200
    for url in (shown.headers["location"], decided.json()["redirect_to"]):
        assert url.startswith(CALLBACK + "?")
        told = answer(url)
        assert told.pop("error_description")
        assert told == {"error": "invalid_request", "state": "where I was", "iss": ORIGIN}


async def test_the_person_is_asked_in_words_and_allows_it(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        token = await room.token()
        asked = await room.decide("ask", token, scope="toys:count toys:all openid")
        assert asked.json() == {
            "application": "Toy Counter",
            "account": {"name": "Alice", "email": EMAIL},
            "scopes": [{"scope": "toys:count", "description": "Count the toys"}],
        }
        assert await room.audited("CONSENT_GIVEN") == []
        told = await room.told("allow", token, scope="toys:count toys:all openid")
        assert set(told) == {"code", "state", "iss"}
        assert len(told["code"]) == 43
        who = await room.redeem(told["code"])
        assert who is not None
        assert who.session.scope == "toys:count"


async def test_whoever_denies_need_not_be_known(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock) as room:
        told = await room.told("deny")
    assert told["error"] == "access_denied"


@pytest.mark.parametrize("token", [None, "", "x", "a.b.c"])
async def test_nobody_decides_for_nobody(
    token: str | None, database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        decided = await room.decide("allow", token)
    assert decided.status_code == 401
    assert decided.json()["error"] == "invalid_token"


async def test_a_decision_is_json_from_our_own_page(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock) as room:
        token = await room.token()
        foreign = await room.decide("allow", token, {"origin": "https://evil.example"})
        assert foreign.status_code == 403
        ours = await room.decide("ask", token, {"origin": ORIGIN})
        assert ours.status_code == 200
        # A proxy may put another name for this server into Host.
        proxied = await room.decide("ask", token, {"origin": ORIGIN, "host": "upstream:8000"})
        assert proxied.status_code == 200
        form = await room.desk.client.post("/oauth/authorize", data={"decision": "allow"})
        assert form.status_code == 415
        other = await room.decide("perhaps", token)
        assert other.status_code == 400
        unhashable = await room.desk.client.post(
            "/oauth/authorize", json=room.asked() | {"decision": {}}
        )
        assert unhashable.status_code == 400


async def test_the_code_holds_what_was_asked(database: Database, clock: MovedClock) -> None:
    async with consent_desk(database, clock, {"redirect_uris": [LOOPBACK]}) as room:
        uri = "http://127.0.0.1:49152/callback"
        verifier = "v" * 50
        code = await room.code(redirect_uri=uri, code_challenge=challenge(verifier))
        who = await room.redeem(code, redirect_uri=uri, code_verifier=verifier)
    assert who is not None


@pytest.mark.parametrize("more", [[], ["refresh_token"]])
async def test_a_client_without_the_grant_gets_no_refresh_token_with_its_code(
    database: Database, clock: MovedClock, more: list[str]
) -> None:
    async with consent_desk(database, clock, {"grants": ["authorization_code", *more]}) as room:
        form = {
            "grant_type": "authorization_code",
            "client_id": room.client.id,
            "code": await room.code(),
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        answer = await room.desk.client.post("/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    assert ("refresh_token" in answer.json()) == bool(more)


async def test_a_token_never_says_more_than_was_consented_to_however_much_the_person_has(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        async with unit_of(database) as unit:
            await set_roles(unit, room.desk.account.id, ["admin", "keeper"])
        who = {"client_id": room.client.id}
        exchange = {"code": await room.code(), "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        form = who | {"grant_type": "authorization_code"} | exchange
        first = (await room.desk.client.post("/oauth/token", data=form)).json()
        form = who | {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        second = (await room.desk.client.post("/oauth/token", data=form)).json()
        for answer in (first, second):
            principal = await room.desk.auth.verify(answer["access_token"])
            assert answer["scope"] == "toys:count"
            assert principal.grants.scopes == {"toys:count"}
