"""Recovery codes: readable, hard to guess, accepted once, and stored as hashes."""

from __future__ import annotations

import hashlib
import math
import re

import pytest
from argon2.low_level import Type, hash_secret_raw
from sqlalchemy import select

from tests.support.hashing import watched_hashes
from tests.support.identity import unit_of
from watchword.auth.accounts.accounts import add_account
from watchword.auth.second_factor import recovery_codes
from watchword.auth.second_factor.recovery_codes import ALPHABET, COUNT, LENGTH
from watchword.auth.tables import RecoveryCode
from watchword.storage.database import Database
from watchword.transaction import Transaction


async def make(unit: Transaction, email: str = "a@x") -> tuple[str, list[str]]:
    account = await add_account(unit, email=email, name="A", roles=[], hash=None)
    return account.id, await recovery_codes.renew(unit, account.id)


async def use(unit: Transaction, account: str, code: str) -> bool:
    return await recovery_codes.use(unit, account, await recovery_codes.hash_of(account, code))


async def test_there_are_ten_of_enough_bits_for_a_quick_hash_in_groups_of_four(
    database: Database,
) -> None:
    async with unit_of(database) as unit:
        _, codes = await make(unit)
    assert len(set(codes)) == COUNT == 10
    # NIST SP 800-63B, section 5.1.2.2.
    assert math.log2(len(ALPHABET)) * LENGTH >= 112
    assert all(re.fullmatch(r"[0-9a-z]{4}(-[0-9a-z]{4}){5}", code) for code in codes)


async def test_a_short_code_of_an_earlier_version_is_accepted_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with unit_of(database) as unit:
        account, _ = await make(unit)
        # Hashed as in version 0.3: argon2id, 19 MiB, two passes, salted by the account.
        salt = hashlib.sha256(account.encode()).digest()[:16]
        hash = hash_secret_raw(b"0123456789", salt, 2, 19_456, 1, 32, Type.ID).hex()
        unit.db.add(RecoveryCode(account_id=account, hash=hash))
        await unit.db.flush()
        with watched_hashes(monkeypatch) as slow:
            assert not await use(unit, account, "abcde-fghjk")
            assert await use(unit, account, "O1234-56789")
            assert not await use(unit, account, "01234-56789")
    assert len(slow) == 3


async def test_each_code_is_accepted_once(database: Database) -> None:
    async with unit_of(database) as unit:
        account, codes = await make(unit)
        assert await recovery_codes.left(unit.db, account) == 10
        assert await use(unit, account, codes[0])
        assert not await use(unit, account, codes[0])
        assert await use(unit, account, codes[1])
        assert await recovery_codes.left(unit.db, account) == 8


async def test_they_are_read_as_people_write_them(database: Database) -> None:
    async with unit_of(database) as unit:
        account, codes = await make(unit)
        written = [
            codes[0].upper(),
            codes[1].replace("-", ""),
            f" {codes[2][:3]} {codes[2][3:]}\n",
            codes[3].replace("0", "O").replace("1", "l"),
            codes[4].replace("-", "\u2013").title(),
            "".join(chr(ord(each) + 0xFEE0) for each in codes[5]),
            "\ufeff" + codes[6].replace("-", "\u00a0") + "\u200b",
        ]
        for code in written:
            assert await use(unit, account, code), code


@pytest.mark.parametrize("code", ["", "abc", "\x00" * 10, "\ud800" * 10])
async def test_a_malformed_code_is_refused(database: Database, code: str) -> None:
    async with unit_of(database) as unit:
        account, _ = await make(unit)
        assert not await use(unit, account, code)
        assert not await use(unit, account, "z" * 1_000_000)


async def test_a_code_is_for_its_own_account(database: Database) -> None:
    async with unit_of(database) as unit:
        _, codes = await make(unit)
        other, _ = await make(unit, "b@x")
        assert not await use(unit, other, codes[0])


async def test_only_hashes_are_stored(database: Database) -> None:
    async with unit_of(database) as unit:
        account, codes = await make(unit)
        rows = (await unit.db.execute(select(RecoveryCode))).scalars().all()
    plain = codes[0].replace("-", "")
    assert {len(row.hash) for row in rows} == {64}
    assert all(plain not in row.hash for row in rows)
    assert recovery_codes._hash(account, plain) in {row.hash for row in rows}
    # The same code has another hash for another account, so a precomputed list is of no use.
    assert recovery_codes._hash("other", plain) != recovery_codes._hash(account, plain)
