"""`sessions`, `revokeSession`, `signOutEverywhere` and `changePassword`, with real tokens."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry

from tests.support.clock import MovedClock
from tests.support.identity import PASSWORD, SignInDesk, sign_in_desk, unit_of
from watchword.auth.accounts.accounts import add_account
from watchword.auth.fields.identity_fields import IdentityMutation, IdentityQuery
from watchword.auth.revocation.identity_events import STREAM
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.context import Context
from watchword.errors import BadUserInput, TokenOutdated, TokenRevoked, WatchwordError
from watchword.principal import Principal
from watchword.storage.database import Database

schema = strawberry.Schema(IdentityQuery, IdentityMutation)
SESSIONS = "{ sessions { id label address current methods client createdAt usedAt } }"
REVOKE = "mutation R($id: ID!) { revokeSession(id: $id) }"
EVERYWHERE = "mutation E($except: Boolean!) { signOutEverywhere(exceptCurrent: $except) { id } }"
CHANGE = "mutation C($c: String!, $n: String!) { changePassword(current: $c, new: $n) { current } }"


class Asker:
    """A user with a session, that queries with its token."""

    def __init__(self, desk: SignInDesk, principal: Principal, refresh_token: str) -> None:
        self._desk = desk
        self.principal = principal
        self.refresh_token = refresh_token

    @classmethod
    async def sign_in(cls, desk: SignInDesk, **changes: Any) -> Asker:
        answer = (await desk.login(delivery="body", **changes)).json()
        principal = await desk.auth.verify(answer["access_token"])
        return cls(desk, principal, answer["refresh_token"])

    async def result(self, query: str, **variables: Any) -> Any:
        context = Context(
            self._desk.auth.services, self.principal, via={"client": ("203.0.113.9", 1)}
        )
        return await schema.execute(query, variables, context)

    async def data(self, query: str, **variables: Any) -> Any:
        result = await self.result(query, **variables)
        assert result.errors is None, result.errors
        return result.data

    async def code(self, query: str, **variables: Any) -> str:
        [error] = (await self.result(query, **variables)).errors
        assert isinstance(error.original_error, WatchwordError), error
        return error.original_error.code

    async def is_in(self) -> bool:
        return (await self._desk.refresh(self.refresh_token)).status_code == 200


async def test_a_person_sees_where_it_is_signed_in(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        desk.client.headers["user-agent"] = "Mozilla/5.0 (X11; Linux) Firefox/130.0"
        phone = await Asker.sign_in(desk)
        clock.move(60)
        desktop = await Asker.sign_in(desk)
        async with unit_of(database) as unit:
            await add_account(
                unit, email="b@x.org", name="Bob", roles=[], hash=await hash_chosen(PASSWORD)
            )
        bob = await Asker.sign_in(desk, email="b@x.org")
        assert (await bob.data(SESSIONS))["sessions"][0]["current"] is True
        [newest, oldest] = (await desktop.data(SESSIONS))["sessions"]
        assert (newest["id"], oldest["id"]) == (desktop.principal.session, phone.principal.session)
        assert (newest["current"], oldest["current"]) == (True, False)
        assert newest["label"] == "Firefox on Linux"
        assert (newest["address"], newest["methods"]) == ("203.0.113.7", ["pwd"])
        assert newest["client"] == "watchword"
        clock.move(60)
        await desk.refresh(phone.refresh_token)
        [newest, _] = (await desktop.data(SESSIONS))["sessions"]
        assert newest["id"] == phone.principal.session
        assert newest["createdAt"] < newest["usedAt"]


async def test_a_session_that_is_over_is_not_listed(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock, refresh_idle_seconds=1000) as desk:
        await Asker.sign_in(desk)
        clock.move(1001)
        mine = await Asker.sign_in(desk)
        assert len((await mine.data(SESSIONS))["sessions"]) == 1


async def test_a_person_revokes_a_session_of_its_own(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        lost, mine = await Asker.sign_in(desk), await Asker.sign_in(desk)
        id = lost.principal.session
        assert await mine.data(REVOKE, id=id) == {"revokeSession": id}
        # Repeating it changes nothing and is no error.
        assert await mine.data(REVOKE, id=id) == {"revokeSession": id}
        assert not await lost.is_in()
        assert await mine.is_in()
        happened, _ = await desk.auth.services.event_log.since(STREAM, clock.now() - 1)
        assert [event.data for event, _ in happened] == [{"session": id}]
        assert (await desk.audited()).count("SESSION_REVOKED") == 1


@pytest.mark.parametrize("id", ["", "x", "\x00", "\ud800", "x" * 10_000])
async def test_an_id_that_is_none_of_ones_own_is_not_found(
    id: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        mine = await Asker.sign_in(desk)
        assert await mine.code(REVOKE, id=id) == "NOT_FOUND"


async def test_nobody_revokes_a_session_of_somebody_else(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database) as unit:
            await add_account(
                unit, email="b@x.org", name="Bob", roles=[], hash=await hash_chosen(PASSWORD)
            )
        alice, bob = await Asker.sign_in(desk), await Asker.sign_in(desk, email="b@x.org")
        assert await bob.code(REVOKE, id=alice.principal.session) == "NOT_FOUND"
        await bob.data(EVERYWHERE, **{"except": False})
        assert await alice.is_in()
        assert not await bob.is_in()


@pytest.mark.parametrize("except_current", [True, False])
async def test_signing_out_everywhere_ends_the_others_and_this_one_when_asked(
    except_current: bool, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        others = [await Asker.sign_in(desk) for _ in range(3)]
        mine = await Asker.sign_in(desk)
        data = await mine.data(EVERYWHERE, **{"except": except_current})
        left = [{"id": mine.principal.session}] if except_current else []
        assert data["signOutEverywhere"] == left
        assert [await other.is_in() for other in others] == [False] * 3
        assert await mine.is_in() is except_current


async def test_the_remaining_session_has_to_refresh_its_token(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        mine = await Asker.sign_in(desk)
        await mine.data(EVERYWHERE, **{"except": True})
        happened, _ = await desk.auth.services.event_log.since(STREAM, clock.now() - 1)
        for event, _ in happened:
            desk.auth.revocations.add(event, clock.now())
        with pytest.raises(TokenOutdated):
            desk.auth.revocations.check(mine.principal)
        token = (await desk.refresh(mine.refresh_token)).json()["access_token"]
        assert (await desk.auth.verify(token)).session == mine.principal.session
        assert (await desk.audited())[-1] == "SIGNED_OUT_EVERYWHERE"


async def test_the_password_is_changed_with_the_current_one(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        other, mine = await Asker.sign_in(desk), await Asker.sign_in(desk)
        new = "another horse battery"
        assert await mine.code(CHANGE, c="wrong horse battery", n=new) == "BAD_USER_INPUT"
        [short] = (await mine.result(CHANGE, c=PASSWORD, n="short")).errors
        assert isinstance(short.original_error, BadUserInput)
        assert short.original_error.extensions["path"] == ["new"]
        assert await mine.code(CHANGE, c=PASSWORD, n="\x00" * 20) == "BAD_USER_INPUT"
        assert await mine.code(CHANGE, c="\ud800" * 20, n=new) == "BAD_USER_INPUT"
        assert await other.is_in()
        data = await mine.data(CHANGE, c=PASSWORD, n=new)
        assert data["changePassword"] == [{"current": True}]
        assert not await other.is_in()
        assert await mine.is_in()
        assert "PASSWORD_CHANGED" in await desk.audited()


@pytest.mark.parametrize("query", [SESSIONS, "mutation { signOutEverywhere { id } }"])
@pytest.mark.parametrize("client", ["another", None])
async def test_third_parties_and_machines_are_refused(
    client: str | None, query: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        mine = await Asker.sign_in(desk)
        mine.principal = Principal(desk.account.id, client=client, session=mine.principal.session)
        assert await mine.code(query) == "FORBIDDEN"
        mine.principal = Principal("")
        assert await mine.code(query) == "UNAUTHENTICATED"


async def test_a_session_that_idled_away_leaves_no_token_when_the_others_are_ended(
    database: Database, clock: MovedClock
) -> None:
    idle = {"refresh_idle_seconds": 600, "access_token_seconds": 900}
    async with sign_in_desk(database, clock, **idle) as desk:
        other = await Asker.sign_in(desk)
        clock.move(700)
        me = await Asker.sign_in(desk)
        assert len(await me.data(EVERYWHERE, **{"except": True})) == 1
        happened, _ = await desk.auth.services.event_log.since(STREAM, 0)
        for event, at in happened:
            desk.auth.revocations.add(event, at)
        with pytest.raises(TokenRevoked):
            desk.auth.revocations.check(other.principal)
        assert await me.is_in()
