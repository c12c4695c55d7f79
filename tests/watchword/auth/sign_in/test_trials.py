"""Attempts to authenticate: their limits, and the audit entries of their failures."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.authenticator import Authenticator
from tests.support.away import away
from tests.support.clock import MovedClock
from tests.support.factors import ask, enrol, register
from tests.support.hashing import watched_hashes
from tests.support.identity import EMAIL, ORIGIN, PASSWORD, sign_in_desk
from watchword.auth.sessions.sessions import Device
from watchword.auth.sign_in import passwords
from watchword.auth.sign_in.authentication import Authentication
from watchword.auth.sign_in.password_checks import Evidence
from watchword.errors import BadUserInput, Conflict, RateLimited, Unauthenticated, Unavailable
from watchword.principal import Actor
from watchword.storage.database import Database

NEW = "another horse battery"


async def test_a_missing_second_factor_is_audited(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.tokens())["access_token"]
        await enrol(database, desk.auth.settings, desk.account.id, clock.now())
        await desk.login()
        await desk.step_up(token, password=PASSWORD)
        found = [await desk.entries(f"{what}_FAILED") for what in ("SIGN_IN", "STEP_UP")]
        assert [[entry.detail for entry in each] for each in found] == [
            [{"rule": "mfa_required"}]
        ] * 2
        assert {each[0].account_id for each in found} == {desk.account.id}


async def test_after_ten_wrong_guesses_even_the_right_password_is_refused(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        for email in (EMAIL, "nobody@example.com"):
            for number in range(10):
                # Both spellings are the same account.
                spelt = email.upper() if number % 2 else email
                response = await desk.login(email=spelt, password="wrong horse battery")
                assert response.status_code == 401
            response = await desk.login(email=email)
            assert (response.status_code, response.json()["error"]) == (429, "slow_down")
            assert 0 < int(response.headers["retry-after"]) <= 300
        # Ten wrong passwords, and the one that the limit refused.
        assert (await desk.audited()).count("SIGN_IN_FAILED") == 11


async def test_successful_sign_ins_do_not_count(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        for _ in range(12):
            assert (await desk.login()).status_code == 200


async def test_concurrent_sign_ins_from_one_address_all_succeed(
    database: Database, clock: MovedClock
) -> None:
    limits = {
        "sign_in_limit_per_account": "2 per minute",
        "sign_in_limit_per_address": "3 per minute",
    }
    async with sign_in_desk(database, clock, **limits) as desk:
        right = await asyncio.gather(*(desk.login(delivery="body") for _ in range(20)))
        assert {answer.status_code for answer in right} == {200}
        guesses = (desk.login(password="wrong horse battery") for _ in range(20))
        wrong = await asyncio.gather(*guesses)
        assert sorted(answer.status_code for answer in wrong) == [401] * 2 + [429] * 18


async def test_an_address_is_limited_over_all_accounts(
    database: Database, clock: MovedClock
) -> None:
    limit = {"sign_in_limit_per_address": "5 per minute"}
    async with sign_in_desk(database, clock, **limit) as desk:
        for number in range(5):
            assert (await desk.login(email=f"{number}@example.com")).status_code == 401
        assert (await desk.login()).status_code == 429


async def test_an_address_is_counted_with_its_network_and_audited_whole(
    database: Database, clock: MovedClock
) -> None:
    limit = {"sign_in_limit_per_address": "3 per minute"}
    async with sign_in_desk(database, clock, **limit) as desk:
        authentication = Authentication(desk.auth.services)

        async def sign_in(number: int) -> None:
            device = Device("", f"2001:db8:1:2::{number}")
            evidence = Evidence("wrong horse battery")
            await authentication.sign_in(f"{number}@x.org", evidence, device, clock.now())

        for number in range(3):
            with pytest.raises(Unauthenticated):
                await sign_in(number)
        with pytest.raises(RateLimited):
            await sign_in(3)
        found = await desk.entries("SIGN_IN_FAILED")
        assert [entry.address for entry in found] == [f"2001:db8:1:2::{n}" for n in range(4)]


async def test_only_the_first_refusal_of_a_limit_is_audited(
    database: Database, clock: MovedClock
) -> None:
    limits = {
        "sign_in_limit_per_account": "2 per minute",
        "sign_in_limit_per_address": "3 per minute",
    }
    async with sign_in_desk(database, clock, **limits) as desk:
        for _ in range(5):
            await desk.login(password="wrong horse battery")
        for number in range(5):
            await desk.login(email=f"{number}@x.org")
        found = await desk.entries("SIGN_IN_FAILED")
        assert [(entry.account_id, entry.detail) for entry in found] == [
            (desk.account.id, {}), (desk.account.id, {}),
            (desk.account.id, {"rule": "limit", "limit": "sign-in"}),
            (None, {}), (None, {"rule": "limit", "limit": "address"}),
        ]  # fmt: skip
        assert {entry.address for entry in found} == {"203.0.113.7"}


async def test_the_limit_of_one_account_does_not_affect_other_accounts(
    database: Database, clock: MovedClock
) -> None:
    limits = {
        "sign_in_limit_per_account": "1 per minute",
        "sign_in_limit_per_address": "3 per minute",
    }
    async with sign_in_desk(database, clock, **limits) as desk:
        for _ in range(10):
            refused = await desk.login(email="x@x.org", password="wrong horse battery")
        assert refused.status_code == 429
        assert (await desk.login()).status_code == 200


@pytest.mark.parametrize("error", [away(OSError("away")), Conflict("busy"), Unavailable("away")])
async def test_an_outage_is_no_guess(
    error: Exception, database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock) as desk:

        def fail(_: Database) -> None:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(Database, "open", fail)
            for _ in range(11):
                assert (await desk.login()).status_code == 503
        assert (await desk.login()).status_code == 200


async def test_an_unknown_failure_counts_as_a_guess(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock, sign_in_limit_per_account="1 per minute") as desk:

        def fail(_: Database) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patched:
            patched.setattr(Database, "open", fail)
            with pytest.raises(ZeroDivisionError):
                await desk.login()
        assert (await desk.login()).status_code == 429


async def test_a_cancelled_attempt_counts_as_a_guess(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock, sign_in_limit_per_account="1 per minute") as desk:
        began = asyncio.Event()

        async def forever(*_: object) -> bool:
            began.set()
            return await asyncio.Future[bool]()

        with monkeypatch.context() as patched:
            patched.setattr("watchword.auth.sign_in.password_checks.matching_form", forever)
            leaving = asyncio.ensure_future(desk.sign_in())
            await began.wait()
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
        assert (await desk.login()).status_code == 429


async def test_an_attempt_that_is_cancelled_while_it_is_taken_back_keeps_no_other_waiting(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock, sign_in_limit_per_account="1 per minute") as desk:
        began = asyncio.Event()

        async def forever(_: object) -> None:
            began.set()
            await asyncio.Future[None]()

        with monkeypatch.context() as patched:
            patched.setattr(desk.auth.services.attempts, "forgive", forever)
            leaving = asyncio.ensure_future(desk.sign_in())
            await began.wait()
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
        async with asyncio.timeout(20):
            assert (await desk.login()).status_code == 429


async def test_a_locked_password_does_not_lock_passkeys_refresh_and_step_up(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        device, settings = Authenticator(ORIGIN), desk.auth.settings
        await register(database, settings, desk.account.id, device, clock.now())
        token = await desk.tokens()
        for _ in range(11):
            refused = await desk.login(password="wrong horse battery")
        assert refused.status_code == 429
        options = await ask(database, settings, clock.now())
        body = {"passkey": device.get(options)}
        assert (await desk.client.post("/api/auth/login", json=body)).status_code == 200
        assert (await desk.refresh(token["refresh_token"])).status_code == 200
        assert (await desk.step_up(token["access_token"], password=PASSWORD)).status_code == 200


async def test_five_wrong_codes_lock_one_time_codes_but_not_recovery_codes(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        token = (await desk.tokens())["access_token"]
        app, codes = await enrol(database, desk.auth.settings, desk.account.id, clock.now())
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


async def test_no_password_is_compared_beyond_the_limit(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sign_in_desk(database, clock, sign_in_limit_per_account="1 per minute") as desk:
        await desk.login(password="wrong horse battery")

        def compare(*_: object) -> bool:
            raise AssertionError("a password was compared")

        monkeypatch.setattr(passwords, "_matching_form", compare)
        assert (await desk.login()).status_code == 429


async def test_a_failure_is_audited_with_its_account_and_address(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        await desk.login(password="wrong horse battery")
        await desk.login(email="nobody@example.com")
        found = await desk.entries("SIGN_IN_FAILED")
        assert [entry.account_id for entry in found] == [desk.account.id, None]
        assert {(entry.actor, entry.address) for entry in found} == {(None, "203.0.113.7")}
        assert "nobody@example.com" not in str([entry.detail for entry in found])


async def test_ten_wrong_current_passwords_lock_step_up_too(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        authentication = Authentication(desk.auth.services)
        actor = Actor(desk.account.id, "s", "watchword", "203.0.113.7")
        for _ in range(10):
            with pytest.raises(BadUserInput):
                await authentication.change_password(actor, "wrong horse", NEW, clock.now())
        token = (await desk.tokens())["access_token"]
        assert (await desk.step_up(token, password=PASSWORD)).status_code == 429
        assert (await desk.audited()).count("STEP_UP_FAILED") == 11


async def test_wrong_passkeys_are_counted_by_address(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock, sign_in_limit_per_address="3 per minute") as desk:
        device = Authenticator(ORIGIN)
        options = await ask(database, desk.auth.settings, clock.now())
        body = {"passkey": device.get(options)}
        answers = [await desk.client.post("/api/auth/login", json=body) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]


async def test_password_changes_are_limited_even_with_the_right_password(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = {"sign_in_limit_per_account": "3 per minute"}
    async with sign_in_desk(database, clock, **limit) as desk:
        change = Authentication(desk.auth.services).change_password
        actor = Actor(desk.account.id, "s", "watchword", "203.0.113.7")
        with watched_hashes(monkeypatch) as slow:
            for _ in range(3):
                await change(actor, PASSWORD, PASSWORD, clock.now())
            with pytest.raises(RateLimited):
                await change(actor, PASSWORD, PASSWORD, clock.now())
        assert len(slow) == 2 * 3


async def test_all_spellings_of_an_address_share_one_limit(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock, sign_in_limit_per_account="2 per minute") as desk:
        for email in ("jos\u00e9@x.org", "jose\u0301@x.org ", "JOS\u00c9@x.org"):
            answer = await desk.login(email=email)
        assert answer.status_code == 429
