"""Authentication by password and passkey: second factor, step-up, passwords, and equal work for unknown accounts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select

from tests.support.authenticator import Authenticator
from tests.support.clock import MovedClock
from tests.support.factors import ask, enrol, register
from tests.support.hashing import watched_hashes
from tests.support.identity import ORIGIN, PASSWORD, sign_in_desk, unit_of
from watchword.auth.accounts.accounts import add_account, disable, set_password
from watchword.auth.http.routes import COOKIE
from watchword.auth.sessions.sessions import Device, NewSession
from watchword.auth.sign_in import passwords
from watchword.auth.sign_in.authentication import Authentication
from watchword.auth.sign_in.password_checks import Evidence
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.auth.tables import Session
from watchword.errors import Unauthenticated
from watchword.principal import Actor
from watchword.storage.columns import moment
from watchword.storage.database import Database
from watchword.throttling.attempts import Attempts, CountedAttempt
from watchword.tokens.authentication import PHISHING_RESISTANT, TWO_FACTORS

NEW = "another horse battery"


async def sessions_of(database: Database) -> list[Session]:
    async with database.read() as db:
        return list((await db.execute(select(Session))).scalars())


# Step-up


async def test_a_step_up_keeps_the_session_and_makes_its_token_recent(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        first = await desk.tokens()
        clock.move(500)
        response = await desk.step_up(first["access_token"], password=PASSWORD)
        assert response.status_code == 200
        assert set(response.json()) == {"access_token", "token_type", "expires_in", "scope"}
        before = await desk.auth.verify(first["access_token"])
        after = await desk.auth.verify(response.json()["access_token"])
        assert (after.session, after.subject) == (before.session, before.subject)
        assert after.authenticated_at == before.authenticated_at + 500 == clock.now()
        clock.move(100)
        # The refresh tokens stay valid, and a refresh does not count as an authentication.
        refreshed = (await desk.refresh(first["refresh_token"])).json()
        later = await desk.auth.verify(refreshed["access_token"])
        assert later.authenticated_at == after.authenticated_at
        assert await desk.audited() == ["ACCOUNT_ADDED", "SIGNED_IN", "STEPPED_UP"]


async def test_a_passkey_steps_up_and_signs_in(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        device, settings = Authenticator(ORIGIN), desk.auth.settings
        await register(database, settings, desk.account.id, device, clock.now())
        first = await desk.tokens()
        clock.move(500)
        options = await ask(database, settings, clock.now(), desk.account.id)
        stepped = await desk.step_up(first["access_token"], passkey=device.get(options))
        assert stepped.status_code == 200, stepped.text
        principal = await desk.auth.verify(stepped.json()["access_token"])
        assert principal.authenticated_at == clock.now()
        assert principal.context_class == PHISHING_RESISTANT
        options = await ask(database, settings, clock.now())
        body = {"passkey": device.get(options)}
        signed_in = await desk.client.post("/api/auth/login", json=body)
        assert signed_in.status_code == 200, signed_in.text
        assert COOKIE in desk.client.cookies
        methods = sorted(row.methods for row in await sessions_of(database))
        assert methods == [["hwk", "mfa", "pwd", "user"], ["hwk", "mfa", "user"]]


async def test_a_passkey_of_another_account_cannot_step_up(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database) as unit:
            bob = await add_account(unit, email="b@x", name="Bob", roles=[], hash=None)
        device, settings = Authenticator(ORIGIN), desk.auth.settings
        await register(database, settings, bob.id, device, clock.now())
        token = (await desk.tokens())["access_token"]
        options = await ask(database, settings, clock.now(), bob.id)
        response = await desk.step_up(token, passkey=device.get(options))
        assert (response.status_code, response.json()["error"]) == (401, "invalid_grant")
        assert (await desk.audited())[-1] == "STEP_UP_FAILED"


async def test_a_challenge_is_used_up_even_if_the_passkey_is_refused(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        device, settings = Authenticator(ORIGIN), desk.auth.settings
        await register(database, settings, desk.account.id, device, clock.now())
        options = await ask(database, settings, clock.now())
        for answer in (device.get(options, signature=b"x"), device.get(options)):
            response = await desk.client.post("/api/auth/login", json={"passkey": answer})
            assert response.status_code == 401
        assert (await desk.audited()).count("SIGN_IN_FAILED") == 1


async def test_a_revoked_session_is_not_stepped_up(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.tokens())["access_token"]
        async with database.write() as db:
            [row] = (await db.execute(select(Session))).scalars()
            row.revoked_at = moment(clock.now())
        assert (await desk.step_up(token, password=PASSWORD)).status_code == 401


@pytest.mark.parametrize("change", ["password", "disable"])
async def test_a_change_while_the_password_is_compared_is_noticed(
    change: str, database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock) as desk:

        async def slowly(password: str, hash: str | None, address: str) -> str | None:
            good = await passwords.matching_form(password, hash, address)
            async with unit_of(database) as unit:
                if change == "password":
                    await set_password(unit, desk.account.id, await hash_chosen(NEW))
                else:
                    await disable(unit, desk.account.id)
            return good

        monkeypatch.setattr("watchword.auth.sign_in.password_checks.matching_form", slowly)
        assert (await desk.login()).status_code == 401
        assert await sessions_of(database) == []


# The second factor


async def test_an_account_with_a_second_factor_signs_in_by_both(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        app, codes = await enrol(database, desk.auth.settings, desk.account.id, clock.now())
        asked = await desk.login()
        assert (asked.status_code, asked.json()["error"]) == (401, "mfa_required")
        wrong = await desk.login(otp="000000" if app.at(clock.now()) != "000000" else "000001")
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_grant")
        good = app.at(clock.now())
        assert (await desk.login(password="wrong horse battery", otp=good)).status_code == 401
        # The attempt with a wrong password did not use up the code.
        assert (await desk.login(otp=good)).status_code == 200
        assert (await desk.login(otp=good)).status_code == 401
        assert (await desk.login(recovery_code=codes[0])).status_code == 200
        assert (await desk.login(recovery_code=codes[0])).status_code == 401
        rows = await sessions_of(database)
        assert [row.methods for row in rows] == [["mfa", "otp", "pwd"]] * 2
        assert (await desk.audited()).count("SIGN_IN_FAILED") == 5


async def test_of_concurrent_sign_ins_with_one_code_one_succeeds(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        app, _ = await enrol(database, desk.auth.settings, desk.account.id, clock.now())
        code = app.at(clock.now())
        answers = await asyncio.gather(*(desk.login(otp=code) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
        assert len(await sessions_of(database)) == 1


async def test_a_step_up_asks_for_the_second_factor_too_and_adds_its_methods(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        first = await desk.tokens()
        token = first["access_token"]
        assert (await desk.auth.verify(token)).methods == {"pwd"}
        app, _ = await enrol(database, desk.auth.settings, desk.account.id, clock.now())
        asked = await desk.step_up(token, password=PASSWORD)
        assert asked.json()["error"] == "mfa_required"
        stepped = await desk.step_up(token, password=PASSWORD, otp=app.at(clock.now()))
        renewed = await desk.auth.refresh(first["refresh_token"], Device("", ""))
        for issued in (stepped.json()["access_token"], (await desk.auth.issue(renewed)).token):
            principal = await desk.auth.verify(issued)
            assert principal.methods == {"mfa", "otp", "pwd"}
            assert principal.context_class == TWO_FACTORS


# Equal work and answers


class Work:
    """Records the work of the server: compared passwords, SQL statements, transactions, counted attempts."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        matching_form, count = passwords._matching_form, Attempts.count

        def compare(password: str, hash: str | None) -> bool:
            self.done.append("compare")
            return matching_form(password, hash)

        async def counted(attempts: Attempts, *arguments: str) -> CountedAttempt:
            self.done.append("count")
            return await count(attempts, *arguments)

        monkeypatch.setattr(passwords, "_matching_form", compare)
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
            await add_account(unit, email="b@x.org", name="Bob", roles=[], hash=None)
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


# A sign-in in a browser that has a session


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
        [entry] = await desk.entries("SIGNED_OUT")
        assert (entry.actor, entry.client_id) == (desk.account.id, "watchword")
        assert (entry.session_id, entry.address) == (rows[0].id, "203.0.113.7")


async def test_signing_in_does_not_end_the_session_of_another_account(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database) as unit:
            await add_account(
                unit, email="b@x.org", name="Bob", roles=[], hash=await hash_chosen(PASSWORD)
            )
        await desk.login()
        alice = desk.client.cookies[COOKIE]
        await desk.login(email="b@x.org")
        assert (await desk.refresh(alice)).status_code == 200


async def test_a_failed_sign_in_ends_no_session(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        await desk.login()
        await desk.login(password="wrong horse battery")
        assert (await desk.refresh()).status_code == 200


# The password


async def test_changing_the_password_ends_all_but_the_session_that_asks(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        mine, other = await desk.tokens(), await desk.tokens()
        me = await desk.auth.verify(mine["access_token"])
        actor = Actor(me.subject, me.session, me.client, "203.0.113.7")
        authentication = Authentication(desk.auth.services)
        await authentication.change_password(actor, PASSWORD, NEW, clock.now())
        assert (await desk.refresh(other["refresh_token"])).status_code == 401
        fresh = await desk.refresh(mine["refresh_token"])
        assert fresh.status_code == 200
        # Its version is newer than the revocation.
        after = await desk.auth.verify(fresh.json()["access_token"])
        assert after.version > me.version
        assert (await desk.login()).status_code == 401
        assert (await desk.login(password=NEW)).status_code == 200


async def test_no_slow_hash_is_made_in_a_transaction(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock) as desk:
        me = await desk.auth.verify((await desk.tokens())["access_token"])
        actor = Actor(me.subject, me.session, me.client, "203.0.113.7")
        _, codes = await enrol(database, desk.auth.settings, desk.account.id, clock.now())
        authentication = Authentication(desk.auth.services)
        monkeypatch.setattr("watchword.auth.sign_in.password_checks.is_outdated", lambda *_: True)
        with watched_hashes(monkeypatch) as open_meanwhile:
            assert (await desk.login(recovery_code=codes[0])).status_code == 200
            await authentication.change_password(actor, PASSWORD, NEW, clock.now())
        # Two comparisons, two renewed hashes, and the hash of the new password. Recovery codes need none.
        assert open_meanwhile == [0] * 5


@pytest.mark.parametrize("change", ["password", "disable"])
async def test_a_step_up_during_a_change_of_the_account_does_not_last(
    change: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.tokens())["access_token"]

        async def alter() -> None:
            async with unit_of(database) as unit:
                if change == "password":
                    await set_password(unit, desk.account.id, await hash_chosen(NEW))
                else:
                    await disable(unit, desk.account.id)

        tries = [desk.step_up(token, password=PASSWORD) for _ in range(4)]
        answers = await asyncio.gather(*tries[:2], alter(), *tries[2:])
        assert {answer.status_code for answer in answers if answer is not None} <= {200, 401}
        assert (await desk.step_up(token, password=PASSWORD)).status_code == 401


async def test_only_the_accounts_own_sign_in_sessions_are_stepped_up(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database) as unit:
            bob = await add_account(unit, email="b@x.org", name="Bob", roles=[], hash=None)
            device, sessions = Device("x", ""), desk.auth.sessions
            of_bob = await sessions.open(unit, bob, device, NewSession(["pwd"], clock.now()))
            opening = NewSession(["pwd"], clock.now(), client="client_app")
            of_app = await sessions.open(unit, desk.account, device, opening)
        me = await desk.auth.verify((await desk.tokens())["access_token"])
        authentication = Authentication(desk.auth.services)
        for session in (of_bob.session.id, of_app.session.id, "none", None):
            with pytest.raises(Unauthenticated):
                await authentication.step_up(
                    replace(me, session=session), Evidence(PASSWORD), "", clock.now()
                )


async def test_a_recovery_code_is_not_hashed_without_a_second_factor(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock) as desk:
        with watched_hashes(monkeypatch) as slow:
            assert (await desk.login(recovery_code="01234-56789")).status_code == 200
        assert len(slow) == 1


# Spelling of addresses and codes


@pytest.mark.parametrize("typed", ["{0} {1}", " {0}-{1}", "{0}{1}\n", "wide", "arabic"])
async def test_a_one_time_code_is_taken_as_an_app_shows_it(
    typed: str, database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        app, _ = await enrol(database, desk.auth.settings, desk.account.id, clock.now())
        code = app.at(clock.now())
        zeros = {"wide": 0xFF10, "arabic": 0x0660}
        if typed in zeros:
            given = "".join(chr(zeros[typed] + int(digit)) for digit in code)
        else:
            given = typed.format(code[:3], code[3:])
        assert (await desk.login(otp=given)).status_code == 200
        # It is the same code, so it was used up.
        assert (await desk.login(otp=code)).status_code == 401
