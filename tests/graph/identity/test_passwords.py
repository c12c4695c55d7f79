"""Passwords are argon2id, and nobody's password takes as much work."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from graph.errors import BadUserInput
from graph.identity import passwords
from graph.identity.passwords import check_usable, fits, hash_chosen, is_outdated, make_hash


async def test_a_password_fits_its_hash_only() -> None:
    hash = await make_hash("correct horse battery")
    assert hash.startswith("$argon2id$")
    assert await fits("correct horse battery", hash)
    assert not await fits("wrong horse battery", hash)
    assert not await fits("correct horse battery", "no hash at all")


async def test_nobody_takes_the_same_work_and_never_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            worked.append(str(hash))
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    hash = await make_hash("correct horse battery")
    await fits("x", hash)
    assert not await fits("x", None)
    parameters = [each.rsplit("$", 2)[0] for each in worked]
    assert parameters[0] == parameters[1]


def test_weaker_parameters_are_outdated() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192).hash("correct horse battery")
    assert is_outdated(weak)


async def test_todays_parameters_are_not_outdated() -> None:
    assert not is_outdated(await make_hash("correct horse battery"))


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 1025])
async def test_a_password_that_cannot_be_one_is_refused(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadUserInput):
        check_usable(password)
    monkeypatch.setattr(passwords, "make_hash", None)
    with pytest.raises(BadUserInput) as error:
        await hash_chosen(password)
    assert error.value.extensions["path"] == ["password"]
