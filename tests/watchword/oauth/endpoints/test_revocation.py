"""A client revokes its tokens, which are invalid from then on."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.support.clock import MovedClock
from tests.support.oauth import APP, RegisteredClient, TokenDesk, token_desk
from watchword.auth.tables import AuditEntry, Session
from watchword.errors import TokenRevoked
from watchword.storage.database import Database


async def revoke(desk: TokenDesk, by: RegisteredClient, token: str, **form: str) -> int:
    who = {"client_id": by.id} if by.secret is None else {}
    auth = None if by.secret is None else by.basic
    response = await desk.post("/oauth/revoke", {"token": token} | who | form, auth=auth)
    return response.status_code


async def test_an_access_token_ends_alone(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock) as desk:
        machine = await desk.register()
        one, other = [(await desk.token(machine)).json()["access_token"] for _ in range(2)]
        assert await revoke(desk, machine, one, token_type_hint="access_token") == 200
        await desk.hear()
        with pytest.raises(TokenRevoked):
            await desk.auth.verify(one)
        assert (await desk.auth.verify(other)).subject == machine.id
        assert await revoke(desk, machine, one) == 200


async def test_a_refresh_token_ends_its_session(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock) as desk:
        app = await desk.register(APP)
        who, elsewhere = await desk.session(app), await desk.session(app)
        answer = (await desk.refresh(app, who.refresh_token)).json()
        # A wrong hint does not matter (section 2.1).
        token = answer["refresh_token"]
        assert await revoke(desk, app, token, token_type_hint="access_token") == 200
        assert (await desk.refresh(app, token)).json()["error"] == "invalid_grant"
        assert (await desk.refresh(app, elsewhere.refresh_token)).status_code == 200
        await desk.hear()
        with pytest.raises(TokenRevoked):
            await desk.auth.verify(answer["access_token"])
        async with database.read() as db:
            over = await db.get_one(Session, who.session.id)
            entries = (await db.execute(select(AuditEntry))).scalars().all()
        assert over.revoked_at is not None
        [entry] = [entry for entry in entries if entry.action == "TOKEN_REVOKED"]
        assert (entry.actor, entry.client_id, entry.session_id) == (app.id, app.id, who.session.id)
        assert entry.account_id == desk.desk.account.id


async def test_an_old_refresh_token_ends_its_session_as_reuse(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        app = await desk.register(APP)
        who = await desk.session(app)
        live = (await desk.refresh(app, who.refresh_token)).json()["refresh_token"]
        clock.move(60)
        assert await revoke(desk, app, who.refresh_token) == 200
        assert (await desk.refresh(app, live)).json()["error"] == "invalid_grant"
        async with database.read() as db:
            entries = (await db.execute(select(AuditEntry))).scalars().all()
        # Anyone who knows a public client's id can act as that client.
        [entry] = [entry for entry in entries if entry.session_id and "TOKEN" in entry.action]
        assert (entry.action, entry.actor) == ("REFRESH_TOKEN_REUSED", None)
        assert (entry.session_id, entry.address) == (who.session.id, "203.0.113.7")


async def test_what_is_anothers_is_not_ended(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock) as desk:
        machine, app = await desk.register(), await desk.register(APP)
        who = await desk.session(app)
        own = (await desk.desk.login(delivery="body")).json()
        token = (await desk.token(machine)).json()["access_token"]
        assert await revoke(desk, machine, who.refresh_token) == 400
        assert await revoke(desk, machine, own["refresh_token"]) == 400
        assert await revoke(desk, machine, own["access_token"]) == 400
        assert await revoke(desk, app, token) == 400
        await desk.hear()
        assert (await desk.auth.verify(token)).subject == machine.id
        assert (await desk.auth.verify(own["access_token"])).client == "watchword"
        assert (await desk.refresh(app, who.refresh_token)).status_code == 200
        assert (await desk.desk.refresh(own["refresh_token"])).status_code == 200


async def test_what_is_no_token_is_revoked_already(database: Database, clock: MovedClock) -> None:
    async with token_desk(database, clock) as desk:
        machine = await desk.register()
        for token in ("x", "a.b.c", "é", "x" * 9000):
            assert await revoke(desk, machine, token) == 200
        token = (await desk.token(machine)).json()["access_token"]
        clock.move(601)
        assert await revoke(desk, machine, token) == 200
        assert await revoke(desk, machine, "") == 400
        wrong = RegisteredClient(machine.id, "wrong")
        assert await revoke(desk, wrong, token) == 401


async def test_that_an_access_token_was_given_back_is_written_down(
    database: Database, clock: MovedClock
) -> None:
    async with token_desk(database, clock) as desk:
        machine = await desk.register()
        token = (await desk.token(machine)).json()["access_token"]
        id = (await desk.auth.verify(token)).token_id
        assert await revoke(desk, machine, token) == 200
        async with database.read() as db:
            found = select(AuditEntry).filter_by(action="TOKEN_REVOKED")
            entry = (await db.execute(found)).scalar_one()
    assert (entry.actor, entry.client_id, entry.account_id) == (machine.id, machine.id, None)
    assert (entry.address, entry.detail) == ("203.0.113.7", {"token": id})
