"""Users cannot grant what they do not have, and an application gives them no more than they have."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import jwt
import pytest
from sqlalchemy import func, select

from tests.support.authorization import CALLBACK, VERIFIER, ConsentDesk, consent_desk
from tests.support.clock import MovedClock
from tests.support.identity import DOMAIN, unit_of
from tests.support.oauth import APP, MACHINE, TokenDesk, keyed, token_desk
from tests.support.tokens import claims, signed
from watchword.auth.accounts.accounts import (
    add_account,
    disable,
    enable,
    rename,
    set_password,
    set_roles,
    sign_out,
)
from watchword.auth.accounts.links import link
from watchword.auth.sign_in.factors import reset
from watchword.auth.tables import Account, AuditEntry
from watchword.domain import Domain
from watchword.errors import Forbidden, TokenOutdated
from watchword.events.bus.memory import MemoryBus
from watchword.oauth.clients.clients import add_client, add_secret, change_client, disable_client
from watchword.oauth.clients.registration import Registration
from watchword.permissions.field import Delegated, HasRole, HasScope
from watchword.principal import Actor, Grants
from watchword.storage.database import Database
from watchword.transaction import Transaction, transaction

OWNER = "owner@example.com"
# A helper may manage accounts and clients, because the schema allows it, and nothing more.
HELPER = Actor(
    "helper", "s1", "watchword", "203.0.113.9", Grants(frozenset({"keeper"}), frozenset({"x:y"}))
)
Gift = Callable[[Transaction, str, str], Awaitable[object]]
"""Something that a helper does to the owner's account, or to a client that may do more."""

GIFTS: dict[str, Gift] = {
    "an account with a role": lambda unit, owner, client: add_account(
        unit, email="m@example.com", name="M", roles=["admin"], hash=None
    ),
    "a role": lambda unit, owner, client: set_roles(unit, owner, ["admin", "keeper", "boss"]),
    "another's password": lambda unit, owner, client: set_password(unit, owner, "hash"),
    "another's address": lambda unit, owner, client: rename(unit, owner, "m@example.com"),
    "another's person elsewhere": lambda unit, owner, client: link(
        unit, "https://idp", "mallory", owner
    ),
    "a way around another's second factor": lambda unit, owner, client: reset(unit, owner),
    "a machine with a role": lambda unit, owner, client: add_client(unit, DOMAIN, MACHINE),
    "an application with a scope": lambda unit, owner, client: add_client(unit, DOMAIN, APP),
    "a client's name": lambda unit, owner, client: change_client(
        unit, DOMAIN, client, {"name": "Mine"}
    ),
    "a client's redirect URI": lambda unit, owner, client: change_client(
        unit,
        DOMAIN,
        client,
        {
            "grants": ["authorization_code"],
            "roles": [],
            "redirect_uris": ["https://evil.example/cb"],
        },
    ),
    "a client's key": lambda unit, owner, client: change_client(
        unit, DOMAIN, client, {"jwks": keyed()[0].jwks}
    ),
    "a client's secret": lambda unit, owner, client: add_secret(unit, client),
}


@pytest.fixture
async def desk(database: Database, clock: MovedClock) -> AsyncIterator[TokenDesk]:
    async with token_desk(database, clock) as opened:
        yield opened


async def owner_of(desk: TokenDesk) -> str:
    async with unit_of(desk.database, desk.clock.now()) as unit:
        account = await add_account(unit, email=OWNER, name="O", roles=["admin"], hash="hash")
    return account.id


async def state(desk: TokenDesk) -> Any:
    async with desk.database.read() as db:
        accounts = await db.execute(select(Account.id, Account.roles, Account.version))
        entries = await db.scalar(select(func.count()).select_from(AuditEntry))
    return sorted(map(tuple, accounts.all())), entries


def helping(desk: TokenDesk, actor: Actor = HELPER) -> Any:
    return transaction(desk.database, MemoryBus(), desk.clock.now(), actor)


async def test_users_cannot_grant_what_they_do_not_have(desk: TokenDesk) -> None:
    owner, client = await owner_of(desk), (await desk.register(keyed(roles=["keeper"])[0])).id
    before = await state(desk)
    for what, give in GIFTS.items():
        with pytest.raises(Forbidden, match="not yours to give"):
            async with helping(desk) as unit:
                await give(unit, owner, client)
                pytest.fail(what)
    assert await state(desk) == before


async def test_users_cannot_enable_an_account_with_more_rights(desk: TokenDesk) -> None:
    owner = await owner_of(desk)
    async with unit_of(desk.database, desk.clock.now()) as unit:
        await add_account(unit, email="b@example.com", name="B", roles=["admin"], hash="hash")
        await disable(unit, owner)
    with pytest.raises(Forbidden, match="the role admin is not yours"):
        async with helping(desk) as unit:
            await enable(unit, owner)


async def test_users_grant_their_own_rights_and_take_those_of_others(desk: TokenDesk) -> None:
    owner, client = await owner_of(desk), (await desk.register()).id
    async with helping(desk) as unit:
        await set_roles(unit, owner, ["admin", "keeper"])
        asked = Registration("Own", grants=["client_credentials"], scopes=["x:y"], roles=["keeper"])
        own = await add_client(unit, Domain(), asked)
        await add_secret(unit, own.id)
        # The schema decides who may take rights away.
        await sign_out(unit, owner)
        await disable_client(unit, client)


async def test_users_change_their_own_password_with_any_token(desk: TokenDesk) -> None:
    owner = await owner_of(desk)
    async with helping(desk, Actor(owner)) as unit:
        await set_password(unit, owner, "hash")


# --- Rights of applications ---


async def exchanged(room: ConsentDesk, **changes: Any) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "client_id": room.client.id,
        "code": await room.code(**changes),
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    got = (await room.desk.client.post("/oauth/token", data=form)).json()
    assert "access_token" in got, got
    return dict(got)


async def refreshed(room: ConsentDesk, token: str) -> Any:
    form = {
        "grant_type": "refresh_token",
        "client_id": room.client.id,
        "refresh_token": token,
    }
    return (await room.desk.client.post("/oauth/token", data=form)).json()


async def give_roles(room: ConsentDesk, *roles: str) -> None:
    async with unit_of(room.database, room.clock.now()) as unit:
        await set_roles(unit, room.desk.account.id, roles)
        for event in unit.events:
            room.desk.auth.revocations.add(event, unit.now)


async def test_an_application_has_the_scopes_of_its_person_and_no_role(room: ConsentDesk) -> None:
    auth = room.desk.auth
    got = await exchanged(room)
    for token in (got, await refreshed(room, got["refresh_token"])):
        said = jwt.decode(token["access_token"], options={"verify_signature": False})
        assert (said["roles"], said["scope"]) == ([], "toys:count")
        principal = await auth.verify(token["access_token"])
        assert principal.grants == Grants(scopes=frozenset({"toys:count"}), is_delegated=True)
        assert not HasRole("keeper").allows(principal)
        assert (HasScope("toys:count") & (HasRole("keeper") | Delegated)).allows(principal)
    own = await auth.verify(await room.token())
    assert HasRole("keeper").allows(own)
    assert not own.grants.is_delegated


async def test_a_token_from_when_applications_had_roles_has_none(
    room: ConsentDesk, clock: MovedClock
) -> None:
    auth = room.desk.auth
    settings = auth.settings
    said = claims(
        clock.now(),
        iss=settings.issuer,
        aud=settings.audience,
        sub=room.desk.account.id,
        client_id=room.client.id,
        roles=["keeper", "admin"],
    )
    principal = await auth.verify(signed(auth.keys.ring.signing, said))
    assert principal.grants.roles == frozenset()
    assert principal.grants.is_delegated


@pytest.mark.parametrize("on_role_change", ["renew", "downgrade"])
async def test_a_right_that_a_user_loses_is_lost_for_its_applications(
    on_role_change: str, database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock, on_role_change=on_role_change) as room:
        async with unit_of(database, clock.now()) as unit:
            await add_account(unit, email=OWNER, name="O", roles=["admin"], hash="hash")
        await give_roles(room, "keeper", "admin")
        got = await exchanged(room, scope="toys:count toys:all")
        assert got["scope"] == "toys:all toys:count"
        await give_roles(room, "keeper")
        verifying = room.desk.auth.verify(got["access_token"])
        if on_role_change == "renew":
            with pytest.raises(TokenOutdated):
                await verifying
        else:
            left = (await verifying).grants
            assert left == Grants(scopes=frozenset({"toys:count"}), is_delegated=True)
        again = await refreshed(room, got["refresh_token"])
        assert again["scope"] == "toys:count"
        await give_roles(room)
        assert (await refreshed(room, again["refresh_token"]))["error"] == "invalid_grant"


async def test_a_machine_keeps_the_roles_that_it_was_given(desk: TokenDesk) -> None:
    got = (await desk.token(await desk.register())).json()
    principal = await desk.auth.verify(got["access_token"])
    assert principal.grants.roles == {"keeper"}
    assert not principal.grants.is_delegated
