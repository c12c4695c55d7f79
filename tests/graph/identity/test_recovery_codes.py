"""Recovery codes: readable, hard to guess, good once, and stored so that nobody can read them."""

from __future__ import annotations

import math
import re

import pytest
from sqlalchemy import select

from graph.database import Database
from graph.identity import recovery_codes
from graph.identity.accounts import add_account
from graph.identity.recovery_codes import ALPHABET, COUNT, LENGTH
from graph.identity.tables import RecoveryCode
from graph.transaction import Transaction
from tests.support.identity import unit_of


async def make(unit: Transaction, email: str = "a@x") -> tuple[str, list[str]]:
    account = await add_account(unit, email=email, name="A", roles=[], hash=None)
    made = await recovery_codes.make(account.id)
    await recovery_codes.put(unit, made)
    return account.id, made.codes


async def use(unit: Transaction, account: str, code: str) -> bool:
    return await recovery_codes.use(unit, account, await recovery_codes.hash_of(account, code))


async def test_there_are_ten_of_fifty_bits_in_two_groups(database: Database) -> None:
    async with unit_of(database) as unit:
        _, codes = await make(unit)
    assert len(set(codes)) == COUNT == 10
    assert math.log2(len(ALPHABET)) * LENGTH == 50
    assert all(re.fullmatch(r"[0-9a-z]{5}-[0-9a-z]{5}", code) for code in codes)


async def test_each_is_good_once(database: Database) -> None:
    async with unit_of(database) as unit:
        account, codes = await make(unit)
        assert await recovery_codes.left(unit.session, account) == 10
        assert await use(unit, account, codes[0])
        assert not await use(unit, account, codes[0])
        assert await use(unit, account, codes[1])
        assert await recovery_codes.left(unit.session, account) == 8


async def test_they_are_read_as_people_write_them(database: Database) -> None:
    async with unit_of(database) as unit:
        account, codes = await make(unit)
        written = [
            codes[0].upper(),
            codes[1].replace("-", ""),
            f" {codes[2][:3]} {codes[2][3:]}\n",
            codes[3].replace("0", "O").replace("1", "l"),
        ]
        for code in written:
            assert await use(unit, account, code), code


@pytest.mark.parametrize("code", ["", "abc", "\x00" * 10, "\ud800" * 10])
async def test_what_is_no_code_is_refused(database: Database, code: str) -> None:
    async with unit_of(database) as unit:
        account, _ = await make(unit)
        assert not await use(unit, account, code)
        assert not await use(unit, account, "z" * 1_000_000)


async def test_a_code_is_for_its_own_account(database: Database) -> None:
    async with unit_of(database) as unit:
        _, codes = await make(unit)
        other, _ = await make(unit, "b@x")
        assert not await use(unit, other, codes[0])


async def test_only_slow_hashes_are_stored(database: Database) -> None:
    async with unit_of(database) as unit:
        account, codes = await make(unit)
        rows = (await unit.session.execute(select(RecoveryCode))).scalars().all()
    plain = codes[0].replace("-", "")
    assert {len(row.hash) for row in rows} == {64}
    assert all(plain not in row.hash for row in rows)
    assert recovery_codes._hash(account, plain) in {row.hash for row in rows}
    # The same code of another account has another hash: nobody can make a list of them.
    assert recovery_codes._hash("other", plain) != recovery_codes._hash(account, plain)


async def test_nothing_in_it_shows_when_it_is_printed() -> None:
    made = await recovery_codes.make("a")
    assert not any(text in repr(made) for text in (*made.codes, *made.hashes))
