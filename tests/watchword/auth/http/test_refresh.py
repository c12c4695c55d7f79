"""Refresh as browsers, tabs and native apps do it."""

from __future__ import annotations

import asyncio
from typing import Any

import jwt
import pytest

from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder
from tests.support.identity import ORIGIN, sign_in_desk
from watchword.auth.http.routes import COOKIE
from watchword.storage.database import Database


async def test_a_refresh_by_cookie_rotates_the_cookie(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        await desk.login()
        first = desk.client.cookies[COOKIE]
        response = await desk.refresh()
        assert response.status_code == 200
        assert "refresh_token" not in response.json()
        assert desk.client.cookies[COOKIE] != first


@pytest.mark.parametrize("generation", [0, 1, 2])
async def test_reusing_a_rotated_token_of_any_age_ends_the_session(
    generation: int, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        tokens = [(await desk.login(delivery="body")).json()["refresh_token"]]
        for _ in range(3):
            tokens.append((await desk.refresh(tokens[-1])).json()["refresh_token"])
        clock.move(11)
        assert (await desk.refresh(tokens[generation])).status_code == 401
        assert (await desk.refresh(tokens[-1])).status_code == 401


async def test_two_tabs_at_the_same_moment_both_succeed_and_end_on_one_family(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.login(delivery="body")).json()["refresh_token"]
        answers = await asyncio.gather(*(desk.refresh(token) for _ in range(4)))
        assert {answer.status_code for answer in answers} == {200}
        [fresh] = {answer.json()["refresh_token"] for answer in answers}
        clock.move(60)
        assert (await desk.refresh(fresh)).status_code == 200


async def test_a_client_that_did_not_hear_the_answer_asks_again_and_goes_on(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.login(delivery="body")).json()["refresh_token"]
        await desk.refresh(token)
        clock.move(9)
        again = (await desk.refresh(token)).json()["refresh_token"]
        clock.move(60)
        assert (await desk.refresh(again)).status_code == 200


async def test_a_tab_two_refreshes_behind_is_refused_and_the_session_lives(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.login(delivery="body")).json()["refresh_token"]
        second = (await desk.refresh(token)).json()["refresh_token"]
        third = (await desk.refresh(second)).json()["refresh_token"]
        assert (await desk.refresh(token)).status_code == 401
        assert (await desk.refresh(third)).status_code == 200


async def test_a_refused_tab_does_not_delete_the_cookie_of_another(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        await desk.login()
        late = desk.client.cookies[COOKIE]
        await desk.refresh()
        await desk.refresh()
        headers = {"cookie": f"{COOKIE}={late}"}
        refused = await desk.client.post("/api/auth/refresh", json={}, headers=headers)
        assert refused.status_code == 401
        assert "set-cookie" not in refused.headers
        assert (await desk.refresh()).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"optional": True}, 204),
        ({"optional": False}, 401),
        ({"optional": "yes"}, 401),
        ({}, 401),
        ({"optional": True, "refresh_token": "of nobody"}, 401),
    ],
)
async def test_a_page_may_ask_whether_anybody_is_signed_in_without_an_error(
    body: dict[str, Any], status: int, sqlite_desk: Any
) -> None:
    asked = await sqlite_desk.client.post("/api/auth/refresh", json=body)
    assert asked.status_code == status
    assert "set-cookie" not in asked.headers
    # A cookie that is refused is an error in any case: its session has ended.
    headers = {"cookie": f"{COOKIE}=of nobody"}
    refused = await sqlite_desk.client.post("/api/auth/refresh", json=body, headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_grant")
    await sqlite_desk.login()
    body.pop("refresh_token", None)
    assert (await sqlite_desk.client.post("/api/auth/refresh", json=body)).status_code == 200


async def test_signing_out_while_refreshing_ends_the_session(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        for _ in range(5):
            token = (await desk.login(delivery="body")).json()["refresh_token"]
            body = {"refresh_token": token}
            refreshes = [desk.refresh(token) for _ in range(3)]
            leaves = [desk.client.post("/api/auth/logout", json=body) for _ in range(3)]
            answers = await asyncio.gather(*refreshes, *leaves)
            assert {answer.status_code for answer in answers[:3]} <= {200, 401}
            assert {answer.status_code for answer in answers[3:]} == {204}
            for answer in answers[:3]:
                left = answer.json().get("refresh_token", token)
                assert (await desk.refresh(left)).status_code == 401


@pytest.mark.parametrize(
    ("moves", "alive"),
    [([600 * 1000] * 3, True), ([14 * 86400 + 1], False), ([13 * 86400] * 7, False)],
)
async def test_a_session_ends_when_idle_and_in_the_end_in_any_case(
    moves: list[float], alive: bool, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.login(delivery="body")).json()["refresh_token"]
        response = None
        for seconds in moves:
            clock.move(seconds)
            response = await desk.refresh(token)
            token = response.json().get("refresh_token", "none")
        assert response is not None
        assert (response.status_code == 200) is alive


async def test_a_refresh_may_ask_for_fewer_scopes_and_the_session_keeps_all(
    sqlite_desk: Any,
) -> None:
    tokens = await sqlite_desk.tokens()
    assert tokens["scope"] == "toys:count"
    # toys:all exists, and this account's roles do not give it.
    for asked, got in (
        ("toys:all", ""),
        ("toys:all toys:count", "toys:count"),
        (None, "toys:count"),
    ):
        body = {"refresh_token": tokens["refresh_token"], "scope": asked}
        tokens = (await sqlite_desk.client.post("/api/auth/refresh", json=body)).json()
        assert tokens["scope"] == got


@pytest.mark.parametrize(
    "scope", ["toys:unknown", "toys:count toys:unknown", " ", "", 7, ["toys:count"]]
)
async def test_a_scope_that_is_none_is_refused_and_the_refresh_token_is_not_used_up(
    sqlite_desk: Any, scope: object
) -> None:
    tokens = await sqlite_desk.tokens()
    body = {"refresh_token": tokens["refresh_token"], "scope": scope}
    refused = await sqlite_desk.client.post("/api/auth/refresh", json=body)
    assert refused.status_code == 400
    assert refused.json()["error"] in ("invalid_scope", "invalid_request")
    again = {"refresh_token": tokens["refresh_token"]}
    answer = await sqlite_desk.client.post("/api/auth/refresh", json=again)
    assert answer.status_code == 200


async def test_no_refresh_token_at_all_is_401(sqlite_desk: Any) -> None:
    response = await sqlite_desk.refresh()
    assert (response.status_code, response.json()["error"]) == (401, "invalid_grant")


async def test_a_refresh_with_a_proof_binds_the_tokens_to_its_key(
    sqlite_desk: Any, clock: MovedClock
) -> None:
    def proof(holder: KeyHolder) -> dict[str, str]:
        return {"dpop": holder.proof("POST", f"{ORIGIN}/api/auth/refresh", clock.now())}

    mine, other = KeyHolder(), KeyHolder("EdDSA")
    token = (await sqlite_desk.login(delivery="body")).json()["refresh_token"]
    answer = (await sqlite_desk.refresh(token, headers=proof(mine))).json()
    assert answer["token_type"] == "DPoP"
    bound = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert bound["cnf"] == {"jkt": mine.thumbprint}
    for headers in ({}, proof(other)):
        refused = await sqlite_desk.refresh(answer["refresh_token"], headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")
    again = await sqlite_desk.refresh(answer["refresh_token"], headers=proof(mine))
    assert (again.status_code, again.json()["token_type"]) == (200, "DPoP")
