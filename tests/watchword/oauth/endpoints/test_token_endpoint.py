"""The token endpoint gives a client only what it is registered for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from tests.support.clock import MovedClock
from tests.support.dpop import KeyHolder
from tests.support.identity import DOMAIN, ORIGIN, unit_of
from tests.support.oauth import (
    APP,
    MACHINE,
    REDIRECT,
    RegisteredClient,
    TokenDesk,
    keyed,
    token_desk,
)
from watchword.auth.accounts.accounts import set_roles
from watchword.auth.tables import AuditEntry, RefreshToken, Session
from watchword.errors import TokenRevoked
from watchword.oauth.clients.clients import (
    add_secret,
    change_client,
    disable_client,
    remove_secret,
    revoke_client,
    secrets_of,
)
from watchword.oauth.clients.registration import ClientAuthMethod, Grant
from watchword.storage.database import Database

CONFIDENTIAL = replace(APP, authentication=ClientAuthMethod.SECRET.value)


async def test_a_machine_gets_a_token_that_says_what_it_may(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        machine = await desk.register()
        response = await desk.token(machine)
        assert response.status_code == 200, response.text
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["pragma"] == "no-cache"
        answer = response.json()
        assert set(answer) == {"access_token", "token_type", "expires_in", "scope"}
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
        assert answer["scope"] == "toys:all toys:count"
        principal = await desk.auth.verify(answer["access_token"])
        assert (principal.subject, principal.client) == (machine.id, machine.id)
        assert (principal.session, principal.authenticated_at) == (None, 0)
        assert principal.grants.roles == {"keeper"}
        assert principal.client_version == 1


async def test_it_may_ask_for_less_and_not_for_more(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock) as desk:
        machine = await desk.register(replace(MACHINE, scopes=["toys:count"]))
        assert (await desk.token(machine, scope="toys:count")).json()["scope"] == "toys:count"
        for scope in ("toys:all", "toys:count toys:all", "toys:count  ", " "):
            response = await desk.token(machine, scope=scope)
            assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")


async def test_two_secrets_are_good_while_one_is_rotated(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        machine = await desk.register()
        async with unit_of(database, clock.now() + 1) as unit:
            second = await add_secret(unit, machine.id)
            [first, _] = await secrets_of(unit.db, machine.id)
        newer = replace(machine, secret=second.text)
        assert [(await desk.token(each)).status_code for each in (machine, newer)] == [200, 200]
        async with unit_of(database) as unit:
            await remove_secret(unit, machine.id, first.id)
        assert [(await desk.token(each)).status_code for each in (machine, newer)] == [401, 200]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
async def test_a_client_signs_instead_of_having_a_secret(
    database: Database, clock: MovedClock, algorithm: str
) -> None:
    async with token_desk(database, clock) as desk:
        asked, key = keyed(algorithm)
        signer = await desk.register(asked, key)
        response = await desk.token(signer)
        assert response.status_code == 200, response.text
        again = await desk.token(signer)
        assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


async def test_an_app_refreshes_and_its_token_is_rotated(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        app = await desk.register(APP)
        who = await desk.session(app)
        response = await desk.refresh(app, who.refresh_token)
        assert response.status_code == 200, response.text
        answer = response.json()
        assert answer["refresh_token"] != who.refresh_token
        principal = await desk.auth.verify(answer["access_token"])
        assert (principal.subject, principal.client) == (desk.desk.account.id, app.id)
        assert principal.session == who.session.id
        assert principal.client_version == 1
        clock.move(11)
        reused = await desk.refresh(app, who.refresh_token)
        assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
        ended = await desk.refresh(app, answer["refresh_token"])
        assert ended.json()["error"] == "invalid_grant"


async def refreshed(
    desk: TokenDesk, app: RegisteredClient, token: str, holder: KeyHolder | None = None
) -> httpx2.Response:
    """Refresh, with a proof if a key holder is given."""
    form, rest = {"grant_type": "refresh_token", "refresh_token": token}, {}
    if app.secret is None:
        form["client_id"] = app.id
    else:
        rest["auth"] = app.basic
    headers = {}
    if holder is not None:
        headers["dpop"] = holder.proof("POST", f"{ORIGIN}/oauth/token", desk.clock.now())
    return await desk.post("/oauth/token", form, headers=headers, **rest)


async def test_a_client_that_authenticates_refreshes_where_dpop_is_required(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock, dpop="required") as desk:
        app = await desk.register(CONFIDENTIAL)
        token = (await desk.session(app)).refresh_token
        # A confidential client's refresh token is bound to the client: it may change its key (RFC 9449, section 5).
        for holder in (KeyHolder(), KeyHolder("EdDSA")):
            answer = (await refreshed(desk, app, token, holder)).json()
            principal = await desk.auth.verify(answer["access_token"])
            assert (answer["token_type"], principal.key) == ("DPoP", holder.thumbprint)
            token = answer["refresh_token"]
        without = await refreshed(desk, app, token)
        assert (without.status_code, without.json()["error"]) == (400, "invalid_dpop_proof")


async def test_a_refresh_with_a_key_binds_what_comes_of_it(
    database: Database, clock: MovedClock
) -> None:
    """A public client's refresh token is bound to the key that it proves (RFC 9449, section 5)."""
    async with token_desk(database, clock) as desk:
        app, holder = await desk.register(APP), KeyHolder()
        token = (await desk.session(app)).refresh_token
        unbound = (await refreshed(desk, app, token)).json()
        assert unbound["token_type"] == "Bearer"
        bound = (await refreshed(desk, app, unbound["refresh_token"], holder)).json()
        assert bound["token_type"] == "DPoP"
        for other in (None, KeyHolder("EdDSA")):
            refused = await refreshed(desk, app, bound["refresh_token"], other)
            assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        again = await refreshed(desk, app, bound["refresh_token"], holder)
        assert (again.status_code, again.json()["token_type"]) == (200, "DPoP")


async def test_what_is_bound_to_no_key_is_refused_once_its_client_must_show_one(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        public, confidential = await desk.register(APP), await desk.register(CONFIDENTIAL)
        holder = KeyHolder()
        bound = await desk.session(public, key=holder.thumbprint)
        for app, who, status in (
            (public, await desk.session(public), 400),
            (public, bound, 200),
            (confidential, await desk.session(confidential), 200),
        ):
            async with unit_of(database) as unit:
                await change_client(unit, DOMAIN, app.id, {"needs_dpop": True})
            answer = await refreshed(desk, app, who.refresh_token, holder)
            assert answer.status_code == status, answer.text


async def test_who_asks_a_refresh_for_too_much_keeps_its_token(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        app = await desk.register(APP)
        who = await desk.session(app)
        response = await desk.refresh(app, who.refresh_token, scope="toys:all")
        assert response.json()["error"] == "invalid_scope"
        async with database.read() as db:
            [token] = (await db.execute(select(RefreshToken))).scalars()
        assert token.used_at is None


async def test_a_refresh_gives_what_person_and_client_still_may(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        app = await desk.register(replace(APP, scopes=["toys:count", "toys:all"]))
        async with unit_of(database) as unit:
            await set_roles(unit, desk.desk.account.id, ["keeper", "admin"])
        who = await desk.session(app, scopes=["toys:count", "toys:all"])
        answer = (await desk.refresh(app, who.refresh_token)).json()
        assert answer["scope"] == "toys:all toys:count"
        narrow = (await desk.refresh(app, answer["refresh_token"], scope="toys:all")).json()
        assert narrow["scope"] == "toys:all"
        async with unit_of(database) as unit:
            await set_roles(unit, desk.desk.account.id, ["admin"])
        answer = (await desk.refresh(app, narrow["refresh_token"])).json()
        assert answer["scope"] == "toys:all"
        async with unit_of(database) as unit:
            await change_client(unit, DOMAIN, app.id, {"scopes": ["toys:count"]})
        await refused_for_nothing(desk, app, answer["refresh_token"])


async def test_a_refresh_that_would_give_nothing_is_refused(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        app = await desk.register(APP)
        who = await desk.session(app)
        async with unit_of(database) as unit:
            await set_roles(unit, desk.desk.account.id, [])
        await refused_for_nothing(desk, app, who.refresh_token)


async def refused_for_nothing(desk: TokenDesk, app: RegisteredClient, token: str) -> None:
    response = await desk.refresh(app, token)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


async def test_without_the_grant_a_client_gets_no_refresh_token(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        app = await desk.register(replace(APP, grants=[Grant.AUTHORIZATION_CODE.value]))
        who = await desk.session(app)
        response = await desk.refresh(app, who.refresh_token)
        assert response.json()["error"] == "unauthorized_client"


async def test_what_is_taken_from_a_client_ends_its_tokens_and_new_ones_are_good(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        machine, app = await desk.register(), await desk.register(APP)
        other = (await desk.token(await desk.register())).json()["access_token"]
        who = await desk.session(app)
        old = [
            (await desk.token(machine)).json()["access_token"],
            (await desk.refresh(app, who.refresh_token)).json()["access_token"],
        ]
        async with unit_of(database, clock.now()) as unit:
            await change_client(unit, DOMAIN, machine.id, {"scopes": ["toys:count"]})
            await change_client(unit, DOMAIN, app.id, {"name": "Renamed"})
            await revoke_client(unit, app.id)
        # In the same second as the change.
        new = (await desk.token(machine)).json()["access_token"]
        await desk.hear()
        for token in old:
            with pytest.raises(TokenRevoked):
                await desk.auth.verify(token)
        assert (await desk.auth.verify(new)).grants.scopes == {"toys:count"}
        assert (await desk.auth.verify(other)).grants.scopes == {"toys:count", "toys:all"}


async def test_a_disabled_client_gets_nothing_and_its_sessions_are_over(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        machine, app = await desk.register(), await desk.register(CONFIDENTIAL)
        who = await desk.session(app)
        token = (await desk.token(machine)).json()["access_token"]
        async with unit_of(database, clock.now()) as unit:
            await disable_client(unit, machine.id)
            await disable_client(unit, app.id)
        async with database.read() as db:
            over = await db.get_one(Session, who.session.id)
        assert over.revoked_at is not None
        assert (await desk.token(machine)).status_code == 401
        assert (await desk.refresh(app, who.refresh_token)).status_code == 401
        await desk.hear()
        with pytest.raises(TokenRevoked):
            await desk.auth.verify(token)


async def test_two_who_refresh_at_once_both_succeed(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock) as desk:
        app = await desk.register(APP)
        who = await desk.session(app)
        answers = await asyncio.gather(*(desk.refresh(app, who.refresh_token) for _ in range(4)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["refresh_token"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": "toys:count"}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "nonsense"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "c"}, "invalid_request"),
        (
            {"grant_type": "authorization_code", "code": "c", "redirect_uri": REDIRECT},
            "invalid_request",
        ),
        (
            {
                "grant_type": "authorization_code",
                "code": "c",
                "redirect_uri": REDIRECT,
                "code_verifier": "short",
            },
            "invalid_request",
        ),
        (
            {
                "grant_type": "authorization_code",
                "code": "c",
                "redirect_uri": REDIRECT,
                "code_verifier": "v" * 43,
            },
            "invalid_grant",
        ),
    ],
)
async def test_what_cannot_be_granted_is_refused_in_the_words_of_the_rfc(
    database: Database, clock: MovedClock, form: dict[str, Any], error: str
) -> None:
    async with token_desk(database, clock) as desk:
        app = await desk.register(CONFIDENTIAL)
        response = await desk.post("/oauth/token", form, auth=app.basic)
        assert (response.status_code, response.json()["error"]) == (400, error)
        assert response.headers["cache-control"] == "no-store"


async def test_who_keeps_guessing_is_slowed_down_and_no_honest_client_with_it(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock, sign_in_limit_per_address="3 per minute") as desk:
        machine = await desk.register()
        wrong = replace(machine, secret="wrong")
        answers = [await desk.token(wrong) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
        assert answers[-1].json()["error"] == "slow_down"
        assert int(answers[-1].headers["retry-after"]) > 0
        assert (await desk.token(machine)).status_code == 200
        async with database.read() as db:
            entries = (await db.execute(select(AuditEntry))).scalars().all()
        refused = [entry for entry in entries if entry.action == "CLIENT_REFUSED"]
        assert len(refused) == 3
        assert (refused[0].client_id, refused[0].address) == (machine.id, "203.0.113.7")
        assert refused[0].detail == {"rule": "secret"}


async def test_who_keeps_bringing_grants_that_are_not_good_is_slowed_down(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock, sign_in_limit_per_address="3 per minute") as desk:
        app = await desk.register(APP)
        who = await desk.session(app)
        statuses = [(await desk.refresh(app, "nonsense")).status_code for _ in range(5)]
        assert statuses == [400, 400, 400, 429, 429]
        assert (await desk.refresh(app, who.refresh_token)).status_code == 200
