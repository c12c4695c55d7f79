"""Challenges: taken once, whatever they were made for; pruned; good for one purpose and account."""

from __future__ import annotations

import asyncio

from sqlalchemy import func, select

from graph.database import Database
from graph.identity import challenges
from graph.identity.challenges import SECONDS, Taken
from graph.identity.tables import Challenge
from tests.support.clock import MovedClock
from tests.support.identity import unit_of

NOW = MovedClock().now()


async def taken(database: Database, value: bytes) -> Taken | None:
    async with unit_of(database) as unit:
        return await challenges.take(unit, value)


async def test_a_challenge_is_taken_once(database: Database) -> None:
    async with unit_of(database) as unit:
        value = await challenges.make(unit, "sign-in", None)
    first = await taken(database, value)
    assert first is not None
    assert (first.value, first.purpose, first.account) == (value, "sign-in", None)
    assert await taken(database, value) is None


async def test_two_who_take_it_at_once_are_one_who_has_it(database: Database) -> None:
    async with unit_of(database) as unit:
        value = await challenges.make(unit, "sign-in", None)
    found = await asyncio.gather(*(taken(database, value) for _ in range(5)))
    assert len([one for one in found if one is not None]) == 1


async def test_a_challenge_that_was_never_made_is_none(database: Database) -> None:
    assert await taken(database, b"never") is None


async def test_what_is_in_the_database_makes_no_challenge(database: Database) -> None:
    async with unit_of(database) as unit:
        value = await challenges.make(unit, "sign-in", None)
        assert len(value) == challenges.BYTES
        row = (await unit.session.execute(select(Challenge))).scalar_one()
        assert value.hex() not in row.hash


async def test_those_that_have_ended_are_dropped_when_another_is_made(database: Database) -> None:
    async with unit_of(database) as unit:
        await challenges.make(unit, "sign-in", None)
    async with unit_of(database, NOW + SECONDS - 1) as unit:
        await challenges.make(unit, "sign-in", None)
        assert await count(unit.session) == 2
    async with unit_of(database, NOW + SECONDS + 1) as unit:
        await challenges.make(unit, "sign-in", None)
        assert await count(unit.session) == 2


async def test_a_challenge_is_for_one_purpose_one_account_and_five_minutes(
    database: Database,
) -> None:
    async with unit_of(database) as unit:
        value = await challenges.make(unit, "sign-in", None)
    one = await taken(database, value)
    assert one is not None
    assert one.is_for("sign-in", None, NOW + SECONDS - 1)
    assert not one.is_for("sign-in", None, NOW + SECONDS)
    assert not one.is_for("step-up", None, NOW)
    assert not one.is_for("sign-in", "somebody", NOW)
    assert repr(value) not in repr(one)


async def count(session) -> int:  # type: ignore[no-untyped-def]
    return (await session.execute(select(func.count()).select_from(Challenge))).scalar_one()
