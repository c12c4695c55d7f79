"""Passwords are hashed with argon2id, and an unknown account takes as much work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher

from tests.support.clock import MovedClock
from tests.support.identity import PASSWORD, sign_in_desk, unit_of
from watchword.auth.accounts.accounts import rename, set_password
from watchword.auth.sign_in import passwords
from watchword.auth.sign_in.authentication import Authentication
from watchword.auth.sign_in.passwords import (
    check_usable,
    hash_chosen,
    is_outdated,
    make_hash,
    matching_form,
)
from watchword.errors import BadUserInput
from watchword.principal import Actor
from watchword.storage.database import Database


@pytest.mark.usefixtures("dear_passwords")
async def test_a_password_fits_its_hash_only() -> None:
    hash = await make_hash("correct horse battery")
    assert hash.startswith("$argon2id$")
    assert await matching_form("correct horse battery", hash)
    assert not await matching_form("wrong horse battery", hash)
    assert not await matching_form("correct horse battery", "no hash at all")


@pytest.mark.usefixtures("dear_passwords")
async def test_a_missing_hash_takes_the_same_work_and_never_matches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worked: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            worked.append(str(hash))
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "hasher", Counting())
    hash = await make_hash("correct horse battery")
    await matching_form("x", hash)
    assert not await matching_form("x", None)
    parameters = [each.rsplit("$", 2)[0] for each in worked]
    assert parameters[0] == parameters[1]


@pytest.mark.usefixtures("dear_passwords")
def test_weaker_parameters_are_outdated() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192).hash("correct horse battery")
    assert is_outdated(weak, "correct horse battery")


@pytest.mark.usefixtures("dear_passwords")
async def test_todays_parameters_are_not_outdated() -> None:
    assert not is_outdated(await make_hash("correct horse battery"), "correct horse battery")


# é and ü of one and of two code points; a full-width A; a no-break space.
SPELLINGS = ["caf\u00e9 m\u00fcller A 1", "cafe\u0301 mu\u0308ller \uff21\u00a01"]


@pytest.mark.parametrize("chosen", SPELLINGS)
async def test_a_password_is_the_same_from_any_keyboard(chosen: str) -> None:
    hash = await hash_chosen(chosen)
    for typed in SPELLINGS:
        form = await matching_form(typed, hash)
        assert form == SPELLINGS[0]
        assert not is_outdated(hash, form)
    assert await matching_form(SPELLINGS[0].upper(), hash) is None


@pytest.mark.parametrize("typed", SPELLINGS)
async def test_a_hash_from_before_normalisation_matches_and_is_renewed(
    typed: str,
) -> None:
    hash = passwords.hasher.hash(typed)
    form = await matching_form(typed, hash)
    assert form == typed
    assert is_outdated(hash, form) == (typed != SPELLINGS[0])


@pytest.mark.parametrize("typed", ["correct horse battery", SPELLINGS[1]])
async def test_a_wrong_password_takes_the_same_work_with_and_without_an_account(
    typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            worked.append(str(password))
            return super().verify(hash, password)

    hash = await make_hash("another password")
    monkeypatch.setattr(passwords, "hasher", Counting())
    assert await matching_form(typed, hash) is None
    for_somebody, worked = worked, []
    assert await matching_form(typed, None) is None
    assert worked == for_somebody


@pytest.mark.parametrize("typed", ["x" * 1025, "correct horse \ud800", "correct horse \x00"])
async def test_impossible_passwords_are_not_hashed(
    typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "run_queued", None)
    assert await matching_form(typed, "any hash") is None


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "x" * 11,
        "x" * 1025,
        "e\u0301" * 11,
        "\ufdfa",
        "half a pair \ud83d",
        "a\x00" * 9,
    ],
)
async def test_unusable_passwords_are_refused(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadUserInput):
        check_usable(password)
    monkeypatch.setattr(passwords, "make_hash", None)
    with pytest.raises(BadUserInput) as error:
        await hash_chosen(password)
    assert error.value.extensions["path"] == ["password"]


# At sign-in


ODD = "caf\u00e9 m\u00fcller A 1"
ODD_TOO = "cafe\u0301 mu\u0308ller \uff21\u00a01"


async def test_a_person_signs_in_from_any_keyboard(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database, clock.now()) as unit:
            await rename(unit, desk.account.id, "Jos\u00e9@example.com")
            await set_password(unit, desk.account.id, await hash_chosen(ODD))
        for password in (ODD, ODD_TOO):
            for email in ("jos\u00e9@example.com", "JOSE\u0301@example.com "):
                answer = await desk.login(email=email, password=password)
                assert answer.status_code == 200, (email, password)
        token = answer.json()["access_token"]
        assert (await desk.step_up(token, password=ODD_TOO)).status_code == 200
        actor = Actor(desk.account.id, "s", "watchword", "203.0.113.7")
        change = Authentication(desk.auth.services).change_password
        await change(actor, ODD_TOO, ODD_TOO, clock.now())
        assert (await desk.login(email="jos\u00e9@example.com", password=ODD)).status_code == 200


async def test_a_password_from_before_normalisation_is_rehashed_at_sign_in(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        async with unit_of(database, clock.now()) as unit:
            await set_password(unit, desk.account.id, passwords.hasher.hash(ODD_TOO))
        assert (await desk.login(password=ODD)).status_code == 401
        assert (await desk.login(password=ODD_TOO)).status_code == 200
        assert (await desk.login(password=ODD)).status_code == 200


async def test_others_write_while_a_new_password_is_hashed(
    sqlite_url: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(sqlite_url)
    async with sign_in_desk(database, clock) as desk:
        token = await desk.tokens()
        me = await desk.auth.verify(token["access_token"])
        actor = Actor(me.subject, me.session, me.client, "203.0.113.7")
        run_queued, began, may_end = passwords.run_queued, asyncio.Event(), asyncio.Event()

        async def slowly(work: Callable[..., Any], *arguments: object, **rest: Any) -> Any:
            if work == passwords.hasher.hash:
                began.set()
                await may_end.wait()
            return await run_queued(work, *arguments, **rest)

        monkeypatch.setattr(passwords, "run_queued", slowly)
        change = Authentication(desk.auth.services).change_password
        changing = asyncio.ensure_future(change(actor, PASSWORD, ODD, clock.now()))
        await began.wait()
        assert (await desk.refresh(token["refresh_token"])).status_code == 200
        assert not changing.done()
        may_end.set()
        await changing
    await database.close()
