"""A client that may introspect learns whether a token is active, and nothing about inactive tokens."""

from __future__ import annotations

from dataclasses import replace

from tests.support.clock import MovedClock
from tests.support.identity import DOMAIN, ORIGIN, unit_of
from tests.support.issuer import fake_issuer
from tests.support.oauth import APP, RegisteredClient, TokenDesk, token_desk
from watchword.auth.accounts.accounts import set_roles
from watchword.oauth.clients.clients import change_client, revoke_client
from watchword.oauth.clients.registration import ClientAuthMethod, Registration
from watchword.storage.database import Database

GATEWAY = Registration("Gateway", may_introspect=True)
PORTAL = replace(APP, authentication=ClientAuthMethod.SECRET.value, may_introspect=True)


async def ask(desk: TokenDesk, by: RegisteredClient, token: str) -> object:
    response = await desk.post("/oauth/introspect", {"token": token}, auth=by.basic)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    return response.json()


async def test_of_an_access_token_it_hears_what_rfc_7662_names(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        gateway, machine = await desk.register(GATEWAY), await desk.register()
        token = (await desk.token(machine, scope="toys:count")).json()["access_token"]
        told = await ask(desk, gateway, token)
        assert isinstance(told, dict)
        assert told.pop("jti")
        assert told == {
            "active": True,
            "iss": ORIGIN,
            "aud": "watchword",
            "sub": machine.id,
            "client_id": machine.id,
            "exp": clock.now() + 600,
            "nbf": clock.now(),
            "iat": clock.now(),
            "scope": "toys:count",
            "token_type": "Bearer",
        }
        clock.move(600)
        assert await ask(desk, gateway, token) == {"active": False}


async def test_of_a_bound_token_it_hears_the_key(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock) as desk:
        gateway = await desk.register(GATEWAY)
        issued = await desk.auth.issue_to_client(
            "client_x", roles=[], scopes=[], version=1, key="thumb"
        )
        told = await ask(desk, gateway, issued.token)
        assert isinstance(told, dict)
        assert (told["cnf"], told["token_type"]) == ({"jkt": "thumb"}, "DPoP")


async def test_a_revoked_token_is_inactive(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock) as desk:
        gateway, machine = await desk.register(GATEWAY), await desk.register()
        token = (await desk.token(machine)).json()["access_token"]
        async with unit_of(database, clock.now()) as unit:
            await revoke_client(unit, machine.id)
        await desk.hear()
        assert await ask(desk, gateway, token) == {"active": False}


async def test_of_a_refresh_token_only_its_own_client_hears(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        gateway, portal = await desk.register(GATEWAY), await desk.register(PORTAL)
        who = await desk.session(portal)
        assert await ask(desk, gateway, who.refresh_token) == {"active": False}
        assert await ask(desk, portal, who.refresh_token) == {
            "active": True,
            "iss": ORIGIN,
            "sub": desk.desk.account.id,
            "client_id": portal.id,
            "iat": clock.now(),
            "exp": clock.now() + 14 * 86400,
            "scope": "toys:count",
            "token_type": "refresh_token",
        }
        answer = (await desk.refresh(portal, who.refresh_token)).json()
        assert await ask(desk, portal, who.refresh_token) == {"active": False}
        clock.move(14 * 86400)
        assert await ask(desk, portal, answer["refresh_token"]) == {"active": False}


async def test_a_refresh_token_is_worth_what_it_would_give(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        portal = await desk.register(replace(PORTAL, scopes=["toys:count", "toys:all"]))
        token = (await desk.session(portal, scopes=["toys:count", "toys:all"])).refresh_token

        async def scope_with(*roles: str, **changes: object) -> object:
            async with unit_of(database, clock.now()) as unit:
                await set_roles(unit, desk.desk.account.id, list(roles))
                await change_client(unit, DOMAIN, portal.id, changes)
            told = await ask(desk, portal, token)
            assert isinstance(told, dict)
            return told["scope"] if told["active"] else None

        assert await scope_with("keeper") == "toys:count"
        assert await scope_with() is None
        assert await scope_with("keeper", "admin") == "toys:all toys:count"
        assert await scope_with("keeper", "admin", scopes=["toys:count"]) == "toys:count"
        assert (await desk.refresh(portal, token)).json()["scope"] == "toys:count"


async def test_without_the_grant_a_refresh_token_is_inactive(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        portal = await desk.register(PORTAL)
        token = (await desk.session(portal)).refresh_token
        async with unit_of(database, clock.now()) as unit:
            await change_client(unit, DOMAIN, portal.id, {"grants": ["authorization_code"]})
        assert await ask(desk, portal, token) == {"active": False}
        assert (await desk.refresh(portal, token)).json()["error"] == "unauthorized_client"


async def test_the_refresh_token_of_a_sign_in_here_is_nobodys(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        gateway = await desk.register(GATEWAY)
        own = (await desk.desk.login(delivery="body")).json()
        assert await ask(desk, gateway, own["refresh_token"]) == {"active": False}
        told = await ask(desk, gateway, own["access_token"])
        assert isinstance(told, dict)
        assert (told["sub"], told["client_id"]) == (desk.desk.account.id, "watchword")
        assert set(told).isdisjoint({"username", "roles", "sid", "email"})


async def test_whatever_is_no_token_is_inactive(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock) as desk:
        gateway = await desk.register(GATEWAY)
        for token in ("x", "a.b.c", "é", " ", "\r\n", "null", "x" * 9000, "{}", "'; --"):
            assert await ask(desk, gateway, token) == {"active": False}


async def test_who_may_not_is_refused(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock) as desk:
        machine, app = await desk.register(), await desk.register(APP)
        token = (await desk.token(machine)).json()["access_token"]
        own = await desk.post("/oauth/introspect", {"token": token}, auth=machine.basic)
        assert (own.status_code, own.json()["error"]) == (403, "unauthorized_client")
        public = await desk.post("/oauth/introspect", {"token": token, "client_id": app.id})
        assert public.status_code == 403
        nobody = await desk.post("/oauth/introspect", {"token": token})
        assert (nobody.status_code, nobody.json()["error"]) == (401, "invalid_client")
        bearer = await desk.post(
            "/oauth/introspect", {"token": token}, headers={"authorization": f"Bearer {token}"}
        )
        assert bearer.status_code == 401


async def test_a_token_of_a_trusted_issuer_is_for_its_issuer_to_tell_of(
    database: Database, clock: MovedClock
) -> None:
    with fake_issuer() as idp:
        async with token_desk(database, clock, trusted_issuers=[idp.setting()]) as desk:
            gateway = await desk.register(GATEWAY)
            token = idp.token(now=clock.now())
            assert (await desk.auth.verify(token)).client == "example|front"
            assert await ask(desk, gateway, token) == {"active": False}
