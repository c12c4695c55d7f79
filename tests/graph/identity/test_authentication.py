"""How a person shows who it is: the second factor, step-up, limits, and work that tells nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import event, select

from graph.actor import Actor
from graph.attempts import Attempts
from graph.columns import moment
from graph.database import Database
from graph.errors import BadUserInput
from graph.identity import passwords
from graph.identity.accounts import add_account, disable, set_password
from graph.identity.authentication import Authentication
from graph.identity.routes import COOKIE
from graph.identity.tables import AuditEntry, Session
from tests.support.authenticator import Authenticator
from tests.support.clock import MovedClock
from tests.support.factors import ask, enrol, register
from tests.support.identity import EMAIL, ORIGIN, PASSWORD, SignInDesk, sign_in_desk, unit_of

NEW = "another horse battery"


async def sessions_of(database: Database) -> list[Session]:
    async with database.read() as session:
        return list((await session.execute(select(Session))).scalars())


async def tokens(desk: SignInDesk, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await desk.login(delivery="body", **changes)).json()
    return answer


# Step-up


async def test_a_step_up_keeps_the_session_and_makes_its_token_recent(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        first = await tokens(desk)
        clock.move(500)
        response = await desk.step_up(first["access_token"], password=PASSWORD)
        assert response.status_code == 200
        assert set(response.json()) == {"access_token", "token_type", "expires_in", "scope"}
        before = await desk.identity.verify(first["access_token"])
        after = await desk.identity.verify(response.json()["access_token"])
        assert (after.session, after.subject) == (before.session, before.subject)
        assert after.authenticated_at == before.authenticated_at + 500 == clock.now()
        clock.move(100)
        # The family of refresh tokens goes on, and a refresh is no authentication.
        refreshed = (await desk.refresh(first["refresh_token"])).json()
        later = await desk.identity.verify(refreshed["access_token"])
        assert later.authenticated_at == after.authenticated_at
        assert await desk.audited() == ["ACCOUNT_ADDED", "SIGNED_IN", "STEPPED_UP"]


async def test_a_passkey_steps_up_and_signs_in(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        device, settings = Authenticator(ORIGIN), desk.identity.settings
        await register(database, settings, desk.account.id, device, clock.now())
        first = await tokens(desk)
        clock.move(500)
        options = await ask(database, settings, clock.now(), "step-up", desk.account.id)
        stepped = await desk.step_up(first["access_token"], passkey=device.get(options))
        assert stepped.status_code == 200, stepped.text
        principal = await desk.identity.verify(stepped.json()["access_token"])
        assert principal.authenticated_at == clock.now()
        options = await ask(database, settings, clock.now())
        body = {"passkey": device.get(options)}
        signed_in = await desk.client.post("/api/auth/login", json=body)
        assert signed_in.status_code == 200, signed_in.text
        assert COOKIE in desk.client.cookies
        assert [row.methods for row in await sessions_of(database)] == [["hwk", "mfa", "user"]] * 2


async def test_a_passkey_of_another_account_steps_nobody_up(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database) as unit:
            bob = await add_account(unit, email="b@x", name="Bob", roles=[], password=None)
        device, settings = Authenticator(ORIGIN), desk.identity.settings
        await register(database, settings, bob.id, device, clock.now())
        token = (await tokens(desk))["access_token"]
        options = await ask(database, settings, clock.now(), "step-up", bob.id)
        response = await desk.step_up(token, passkey=device.get(options))
        assert (response.status_code, response.json()["error"]) == (401, "invalid_grant")
        assert (await desk.audited())[-1] == "STEP_UP_FAILED"


async def test_a_challenge_is_gone_also_when_the_passkey_is_refused(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        device, settings = Authenticator(ORIGIN), desk.identity.settings
        await register(database, settings, desk.account.id, device, clock.now())
        options = await ask(database, settings, clock.now())
        for answer in (device.get(options, signature=b"x"), device.get(options)):
            response = await desk.client.post("/api/auth/login", json={"passkey": answer})
            assert response.status_code == 401
        assert (await desk.audited()).count("SIGN_IN_FAILED") == 1


async def test_a_session_that_was_revoked_meanwhile_is_not_stepped_up(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await tokens(desk))["access_token"]
        async with database.write() as session:
            [row] = (await session.execute(select(Session))).scalars()
            row.revoked_at = moment(clock.now())
        assert (await desk.step_up(token, password=PASSWORD)).status_code == 401


@pytest.mark.parametrize("change", ["password", "disable"])
async def test_what_changes_while_the_password_is_compared_is_seen(
    change: str, database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock) as desk:

        async def slowly(password: str, hash: str | None) -> bool:
            good = await passwords.fits(password, hash)
            async with unit_of(database) as unit:
                if change == "password":
                    await set_password(unit, desk.account.id, NEW)
                else:
                    await disable(unit, desk.account.id)
            return good

        monkeypatch.setattr("graph.identity.authentication.fits", slowly)
        assert (await desk.login()).status_code == 401
        assert await sessions_of(database) == []


# The second factor


async def test_an_account_with_a_second_factor_signs_in_by_both(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        app, codes = await enrol(database, desk.identity.settings, desk.account.id, clock.now())
        asked = await desk.login()
        assert (asked.status_code, asked.json()["error"]) == (401, "mfa_required")
        wrong = await desk.login(otp="000000" if app.at(clock.now()) != "000000" else "000001")
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_grant")
        good = app.at(clock.now())
        assert (await desk.login(password="wrong horse battery", otp=good)).status_code == 401
        # The code was not used up by whoever did not have the password.
        assert (await desk.login(otp=good)).status_code == 200
        assert (await desk.login(otp=good)).status_code == 401
        assert (await desk.login(recovery_code=codes[0])).status_code == 200
        assert (await desk.login(recovery_code=codes[0])).status_code == 401
        rows = await sessions_of(database)
        assert [row.methods for row in rows] == [["mfa", "otp", "pwd"]] * 2
        assert (await desk.audited()).count("SIGN_IN_FAILED") == 4


async def test_one_code_that_two_bring_at_the_same_moment_lets_one_in(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        app, _ = await enrol(database, desk.identity.settings, desk.account.id, clock.now())
        code = app.at(clock.now())
        answers = await asyncio.gather(*(desk.login(otp=code) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
        assert len(await sessions_of(database)) == 1


async def test_a_step_up_asks_for_the_second_factor_too(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await tokens(desk))["access_token"]
        app, _ = await enrol(database, desk.identity.settings, desk.account.id, clock.now())
        asked = await desk.step_up(token, password=PASSWORD)
        assert asked.json()["error"] == "mfa_required"
        code = app.at(clock.now())
        assert (await desk.step_up(token, password=PASSWORD, otp=code)).status_code == 200
        [row] = await sessions_of(database)
        assert row.methods == ["mfa", "otp", "pwd"]


# Limits


async def test_an_account_is_guessed_at_ten_times_and_then_not_even_right_is_right(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        for email in (EMAIL, "nobody@example.com"):
            for number in range(10):
                # However it is written, it is one account.
                spelt = email.upper() if number % 2 else email
                response = await desk.login(email=spelt, password="wrong horse battery")
                assert response.status_code == 401
            response = await desk.login(email=email)
            assert (response.status_code, response.json()["error"]) == (429, "slow_down")
            assert 0 < int(response.headers["retry-after"]) <= 300
        assert (await desk.audited()).count("SIGN_IN_FAILED") == 10


async def test_who_knows_the_password_is_never_kept_out_by_its_own_sign_ins(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        for _ in range(12):
            assert (await desk.login()).status_code == 200


async def test_an_address_is_limited_over_all_accounts(
    database: Database, clock: MovedClock
) -> None:
    limit = {"sign_in_limit_per_address": "5 per minute"}
    async with sign_in_desk(database, clock, **limit) as desk:
        for number in range(5):
            assert (await desk.login(email=f"{number}@example.com")).status_code == 401
        assert (await desk.login()).status_code == 429


async def test_who_is_kept_from_the_password_gets_in_by_passkey_and_by_refresh_and_steps_up(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        device, settings = Authenticator(ORIGIN), desk.identity.settings
        await register(database, settings, desk.account.id, device, clock.now())
        token = await tokens(desk)
        for _ in range(11):
            refused = await desk.login(password="wrong horse battery")
        assert refused.status_code == 429
        options = await ask(database, settings, clock.now())
        body = {"passkey": device.get(options)}
        assert (await desk.client.post("/api/auth/login", json=body)).status_code == 200
        assert (await desk.refresh(token["refresh_token"])).status_code == 200
        assert (await desk.step_up(token["access_token"], password=PASSWORD)).status_code == 200


async def test_one_time_codes_are_guessed_at_five_times_and_a_recovery_code_still_helps(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await tokens(desk))["access_token"]
        app, codes = await enrol(database, desk.identity.settings, desk.account.id, clock.now())
        good = app.at(clock.now())
        wrong = "000000" if good != "000000" else "000001"
        for number in range(5):
            if number % 2:
                guess = await desk.login(otp=wrong)
            else:
                guess = await desk.step_up(token, password=PASSWORD, otp=wrong)
            assert guess.status_code == 401
        assert (await desk.login(otp=good)).status_code == 429
        assert (await desk.step_up(token, password=PASSWORD, otp=good)).status_code == 429
        assert (await desk.login(recovery_code=codes[0])).status_code == 200


async def test_nothing_is_compared_for_who_is_over_the_limit(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock, sign_in_limit_per_account="1 per minute") as desk:
        await desk.login(password="wrong horse battery")

        def compare(*_: object) -> bool:
            raise AssertionError("a password was compared")

        monkeypatch.setattr(passwords, "_fits", compare)
        assert (await desk.login()).status_code == 429


# What cannot be told from outside


class Work:
    """What the server does: passwords compared, statements run, transactions begun, attempts counted."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        fits, count = passwords._fits, Attempts.count

        def compare(password: str, hash: str | None) -> bool:
            self.done.append("compare")
            return fits(password, hash)

        async def counted(attempts: Attempts, *arguments: str) -> None:
            self.done.append("count")
            await count(attempts, *arguments)

        monkeypatch.setattr(passwords, "_fits", compare)
        monkeypatch.setattr(Attempts, "count", counted)
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._statement)

    def _statement(self, *arguments: Any) -> None:
        self.done.append(str(arguments[2]))

    def taken(self) -> list[str]:
        done, self.done = self.done, []
        return done


async def test_an_unknown_account_takes_the_same_work_as_a_wrong_password(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database) as unit:
            await add_account(unit, email="b@x.org", name="Bob", roles=[], password=None)
        await desk.login(email="warm@up.org")
        work = Work(database, monkeypatch)
        answers, works = [], []
        for body in (
            {"password": "wrong horse battery"},
            {"email": "nobody@example.com"},
            {"email": "b@x.org"},
        ):
            answers.append(await desk.login(**body))
            works.append(work.taken())
        assert works[0].count("compare") == 1
        assert works[0].count("count") == 2
        assert works[0] == works[1] == works[2]
        assert len({(answer.status_code, answer.text) for answer in answers}) == 1


async def test_a_failure_is_written_down_with_whom_it_is_about_and_from_where(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        await desk.login(password="wrong horse battery")
        await desk.login(email="nobody@example.com")
        async with database.read() as session:
            failed = select(AuditEntry).filter_by(action="SIGN_IN_FAILED")
            found = (await session.execute(failed.order_by(AuditEntry.position))).scalars().all()
        assert [entry.account_id for entry in found] == [desk.account.id, None]
        assert {(entry.actor, entry.address) for entry in found} == {(None, "203.0.113.7")}
        assert "nobody@example.com" not in str([entry.detail for entry in found])


# Signing in where somebody is signed in


async def test_signing_in_again_replaces_the_session_of_the_same_browser(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        await desk.login()
        old = desk.client.cookies[COOKIE]
        await desk.login()
        assert desk.client.cookies[COOKIE] != old
        rows = await sessions_of(database)
        assert sorted(row.revoked_at is None for row in rows) == [False, True]
        assert (await desk.refresh(old)).status_code == 401
        assert (await desk.refresh()).status_code == 200


async def test_signing_in_ends_nothing_of_somebody_else(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database) as unit:
            await add_account(unit, email="b@x.org", name="Bob", roles=[], password=PASSWORD)
        await desk.login()
        alice = desk.client.cookies[COOKIE]
        await desk.login(email="b@x.org")
        assert (await desk.refresh(alice)).status_code == 200


async def test_a_failed_sign_in_ends_nothing(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        await desk.login()
        await desk.login(password="wrong horse battery")
        assert (await desk.refresh()).status_code == 200


# The password


async def test_changing_the_password_ends_all_but_the_session_that_asks(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        mine, other = await tokens(desk), await tokens(desk)
        me = await desk.identity.verify(mine["access_token"])
        actor = Actor(me.subject, me.session, me.client, "203.0.113.7")
        authentication = Authentication(desk.identity.services)
        await authentication.change_password(actor, PASSWORD, NEW, clock.now())
        assert (await desk.refresh(other["refresh_token"])).status_code == 401
        fresh = await desk.refresh(mine["refresh_token"])
        assert fresh.status_code == 200
        # By its version it is younger than what was revoked.
        after = await desk.identity.verify(fresh.json()["access_token"])
        assert after.version > me.version
        assert (await desk.login()).status_code == 401
        assert (await desk.login(password=NEW)).status_code == 200


async def test_the_current_password_is_guessed_at_ten_times(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        authentication = Authentication(desk.identity.services)
        actor = Actor(desk.account.id, "s", "watchword", "203.0.113.7")
        for _ in range(10):
            with pytest.raises(BadUserInput):
                await authentication.change_password(actor, "wrong horse", NEW, clock.now())
        token = (await tokens(desk))["access_token"]
        assert (await desk.step_up(token, password=PASSWORD)).status_code == 429
        assert (await desk.audited()).count("STEP_UP_FAILED") == 10


@pytest.mark.parametrize("change", ["password", "disable"])
async def test_who_steps_up_while_the_account_changes_does_not_stay(
    change: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await tokens(desk))["access_token"]

        async def alter() -> None:
            async with unit_of(database) as unit:
                if change == "password":
                    await set_password(unit, desk.account.id, NEW)
                else:
                    await disable(unit, desk.account.id)

        tries = [desk.step_up(token, password=PASSWORD) for _ in range(4)]
        answers = await asyncio.gather(*tries[:2], alter(), *tries[2:])
        assert {answer.status_code for answer in answers if answer is not None} <= {200, 401}
        assert (await desk.step_up(token, password=PASSWORD)).status_code == 401
