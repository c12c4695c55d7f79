"""Passwords are hashed with argon2id, and an unknown account takes as much work."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from watchword.auth.sign_in import passwords
from watchword.auth.sign_in.passwords import (
    check_usable,
    hash_chosen,
    is_outdated,
    make_hash,
    matching_form,
)
from watchword.errors import BadUserInput


async def test_a_password_fits_its_hash_only() -> None:
    hash = await make_hash("correct horse battery")
    assert hash.startswith("$argon2id$")
    assert await matching_form("correct horse battery", hash)
    assert not await matching_form("wrong horse battery", hash)
    assert not await matching_form("correct horse battery", "no hash at all")


async def test_a_missing_hash_takes_the_same_work_and_never_matches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worked: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            worked.append(str(hash))
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    hash = await make_hash("correct horse battery")
    await matching_form("x", hash)
    assert not await matching_form("x", None)
    parameters = [each.rsplit("$", 2)[0] for each in worked]
    assert parameters[0] == parameters[1]


def test_weaker_parameters_are_outdated() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192).hash("correct horse battery")
    assert is_outdated(weak, "correct horse battery")


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
    hash = PasswordHasher().hash(typed)
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
    monkeypatch.setattr(passwords, "_hasher", Counting())
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
