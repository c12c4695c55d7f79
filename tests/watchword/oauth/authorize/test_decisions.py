"""Who may decide about an authorization request, when the person is asked, and what is granted."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from tests.support.authorization import CALLBACK, LOOPBACK, consent_desk
from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from watchword.auth.accounts.accounts import disable, set_roles
from watchword.auth.passkeys import passkeys
from watchword.auth.sessions.sessions import revoke
from watchword.auth.tables import Session
from watchword.principal import FIRST_PARTY
from watchword.storage.database import Database
from watchword.tokens.authentication import TWO_FACTORS


async def test_a_person_without_the_scopes_can_grant_none(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        token = await room.token()
        for decision in ("ask", "allow"):
            told = await room.told(decision, token, scope="toys:all")
            assert told["error"] == "access_denied"
        assert await room.audited("CONSENT_GIVEN") == []


async def test_a_person_who_has_consented_is_not_asked_again(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        token = await room.token()
        await room.told("allow", token)
        assert "code" in await room.told("ask", token)
        assert len(await room.audited("CONSENT_GIVEN")) == 1
        again = await room.decide("ask", token, prompt="consent")
        assert "scopes" in again.json()
        async with unit_of(database, clock.now()) as unit:
            await set_roles(unit, room.desk.account.id, ["keeper", "admin"])
        more = await room.decide("ask", await room.token(), scope="toys:count toys:all")
        assert "scopes" in more.json()


@pytest.mark.parametrize(
    ("special", "is_asked"),
    [
        ({"redirect_uris": [LOOPBACK]}, True),
        ({"redirect_uris": ["com.example.app:/cb"]}, True),
        ({"redirect_uris": [CALLBACK]}, False),
        ({"redirect_uris": [LOOPBACK], "authentication": "client_secret_basic"}, False),
    ],
)
async def test_a_public_client_is_asked_about_again_unless_its_answers_go_to_one_host(
    special: dict[str, Any], is_asked: bool, database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock, special) as room:
        token = await room.token()
        await room.told("allow", token)
        again = await room.decide("ask", token)
    assert ("scopes" in again.json()) == is_asked


async def test_an_older_sign_in_than_max_age_allows_decides_nothing(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        token = await room.token()
        clock.move(61)
        for decision in ("ask", "allow"):
            decided = await room.decide(decision, token, max_age="60")
            assert decided.status_code == 401
            assert decided.json()["error"] == "insufficient_user_authentication"
        assert "code" in await room.told("allow", await room.token(), max_age="60")


@pytest.mark.parametrize(
    ("methods", "reached"),
    [
        (["pwd"], ()),
        (["mfa", "otp", "pwd"], (TWO_FACTORS,)),
        (passkeys.METHODS, ("phr", TWO_FACTORS)),
    ],
)
async def test_a_sign_in_of_another_class_decides_nothing(
    methods: list[str], reached: tuple[str, ...], database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        token = await room.token()
        session = (await room.desk.auth.verify(token)).session
        async with unit_of(database, clock.now()) as unit:
            mine = update(Session).filter_by(id=session)
            await unit.db.execute(mine.values(methods=sorted(methods)))
        for asked in ("phr", TWO_FACTORS, f"{TWO_FACTORS} phr"):
            is_enough = not set(asked.split()).isdisjoint(reached)
            for decision in ("ask", "allow"):
                decided = await room.decide(decision, token, acr_values=asked)
                assert decided.status_code == (200 if is_enough else 401)
                if not is_enough:
                    assert decided.json()["error"] == "insufficient_user_authentication"
                    code = "" if asked == "phr" else ", or with your password and a one-time code"
                    told = f"Sign in with a passkey{code}, then decide."
                    assert decided.json()["error_description"] == told


@pytest.mark.parametrize("changes", [{"max_age": "0"}, {"max_age": "2"}])
async def test_a_person_who_has_just_signed_in_has_a_minute_to_decide(
    changes: dict[str, str], database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        assert 'data-anew="true"' in (await room.show(**changes)).text
        token = await room.token()
        clock.move(1)
        assert (await room.decide("ask", token, **changes)).status_code == 200
        clock.move(59)
        who = await room.redeem((await room.told("allow", token, **changes))["code"])
        assert who is not None
        # The tokens of the session tell how long ago the sign-in was.
        assert who.session.authenticated_at.timestamp() == clock.now() - 60
        clock.move(1)
        assert (await room.decide("allow", token, **changes)).status_code == 401


async def test_an_ended_session_or_a_disabled_account_decides_nothing(
    database: Database, clock: MovedClock
) -> None:
    async with consent_desk(database, clock) as room:
        token = await room.token()
        principal = await room.desk.auth.verify(token)
        assert principal.client == FIRST_PARTY
        async with unit_of(database, clock.now()) as unit:
            await revoke(unit, principal.session or "")
        # This process has not received the event yet; the database has the revocation.
        assert (await room.decide("allow", token)).status_code == 401
        token = await room.token()
        async with unit_of(database, clock.now()) as unit:
            await disable(unit, room.desk.account.id)
        assert (await room.decide("allow", token)).status_code == 401
