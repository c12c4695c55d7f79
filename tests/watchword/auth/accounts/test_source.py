"""Accounts of a users table of the domain: made at their first sign-in, kept up to date, ended when they are gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson
import pytest

from tests.support.clock import MovedClock
from tests.support.documents import HOW_TO, block
from tests.support.identity import DOMAIN, SignInDesk, sign_in_desk, unit_of
from tests.support.toy_server import until
from tests.support.users_table import ADA, PASSWORD, UsersTable, hangs, raises
from watchword.auth.accounts.accounts import disable
from watchword.auth.accounts.source import ISSUER, LONGEST_PADDING, Source, source_of
from watchword.auth.tables import Account, ExternalIdentity
from watchword.domain import Domain
from watchword.errors import Unavailable
from watchword.hooks import ExternalAccount
from watchword.storage.database import Database
from watchword.tokens.jose.compact import decode


@dataclass
class Desk:
    """Sign-in with a users table, whose account is Ada."""

    own: SignInDesk
    table: UsersTable

    async def login(self, email: str = ADA.email, password: str = PASSWORD) -> httpx2.Response:
        return await self.own.login(email=email, password=password, delivery="body")

    async def tokens(self) -> dict[str, Any]:
        return dict((await self.login()).json())

    async def account(self) -> Account | None:
        async with self.own.auth.services.database.read() as db:
            return await db.get(Account, "7")

    async def current(self) -> Account:
        found = await self.account()
        assert found is not None
        return found

    @property
    def source(self) -> Source:
        found = source_of(self.own.auth.services)
        assert found is not None
        return found


@pytest.fixture
async def desk(database: Database, clock: MovedClock) -> AsyncIterator[Desk]:
    table = UsersTable()
    domain = Domain(roles=DOMAIN.roles, accounts=table)
    async with sign_in_desk(database, clock, domain) as own:
        yield Desk(own, table)


def said(tokens: dict[str, Any]) -> dict[str, Any]:
    return dict(orjson.loads(decode(tokens["access_token"].split(".")[1])))


async def test_the_first_sign_in_makes_an_account_with_the_id_of_the_table(desk: Desk) -> None:
    claims = said(await desk.tokens())
    assert (claims["sub"], claims["roles"], claims["scope"]) == ("7", ["keeper"], "toys:count")
    account = await desk.current()
    assert (account.email, account.name) == (ADA.email, "Ada")
    async with desk.own.auth.services.database.read() as db:
        assert await db.get(ExternalIdentity, (ISSUER, "7")) is not None
    assert [each.account_id for each in await desk.own.entries("ACCOUNT_ADDED")][-1] == "7"
    assert [each.actor for each in await desk.own.entries("SIGNED_IN")] == ["7"]


async def test_first_sign_ins_at_the_same_time_make_one_account(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.login() for _ in range(4)))
    assert [each.status_code for each in answers] == [200] * 4
    assert len(await desk.own.entries("ACCOUNT_LINKED")) == 1


@pytest.mark.parametrize("by", ["sign-in", "refresh"])
async def test_what_changed_in_the_table_arrives(by: str, desk: Desk) -> None:
    before = await desk.tokens()
    desk.table.change(roles=["admin", "stranger"], name="Ada L.", email="ada.l@their.example")
    if by == "sign-in":
        answer = await desk.login("ada.l@their.example")
    else:
        answer = await desk.own.refresh(before["refresh_token"])
    after = answer.json()
    assert said(after)["roles"] == ["admin"]
    account = await desk.current()
    assert (account.email, account.name) == ("ada.l@their.example", "Ada L.")
    # Tokens from before are outdated (`roles_changed`).
    assert said(before)["ver"] < said(after)["ver"] == account.version


async def test_a_role_that_the_table_takes_from_the_last_admin_is_taken(desk: Desk) -> None:
    desk.table.change(roles=["admin"])
    tokens = await desk.tokens()
    desk.table.change(roles=[])
    assert said((await desk.own.refresh(tokens["refresh_token"])).json())["roles"] == []


@pytest.mark.parametrize("how", ["disabled", "gone"])
async def test_a_person_that_may_not_sign_in_any_more_loses_all_sessions(
    how: str, desk: Desk
) -> None:
    one, other = await desk.tokens(), await desk.tokens()
    if how == "disabled":
        desk.table.change(is_disabled=True)
    else:
        del desk.table.people["7"]
    assert (await desk.own.refresh(one["refresh_token"])).status_code == 401
    asked = len(desk.table.asked)
    assert (await desk.own.refresh(other["refresh_token"])).status_code == 401
    assert (await desk.login()).status_code == 401
    assert len(desk.table.asked) > asked
    assert len(await desk.own.entries("SIGNED_OUT_EVERYWHERE")) >= 1


async def test_an_account_that_is_disabled_here_cannot_sign_in_whatever_the_table_says(
    desk: Desk,
) -> None:
    tokens = await desk.tokens()
    async with unit_of(desk.own.auth.services.database) as unit:
        await disable(unit, "7")
    assert (await desk.login()).status_code == 401
    assert (await desk.own.refresh(tokens["refresh_token"])).status_code == 401


async def test_an_address_that_another_account_has_is_not_taken_over(desk: Desk) -> None:
    taken = desk.own.account.email
    desk.table.change(email=taken.lower())
    assert said((await desk.login(taken)).json())["sub"] == "7"
    assert (await desk.current()).email == "7@accounts.invalid"
    desk.table.change(email="new@their.example")
    assert (await desk.login("new@their.example")).status_code == 200


async def test_an_address_that_is_taken_later_leaves_the_old_one(desk: Desk) -> None:
    tokens = await desk.tokens()
    desk.table.change(email=desk.own.account.email.lower(), roles=["admin"])
    assert (await desk.own.refresh(tokens["refresh_token"])).status_code == 200
    account = await desk.current()
    assert (account.email, account.roles) == (ADA.email, ["admin"])


async def test_an_account_that_was_made_here_is_never_taken_over(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    id = desk.own.account.id
    desk.table.people = {id: ExternalAccount(id, "eve@their.example", "Eve", ["admin"])}
    assert (await desk.login("eve@their.example")).status_code == 503
    assert "has the id" in caplog.text
    async with desk.own.auth.services.database.read() as db:
        account = await db.get(Account, id)
    assert account is not None
    assert account.roles == ["keeper"]


@pytest.mark.parametrize("subject", ["_7", "7-", "a_B-9", "x" * 32])
async def test_a_subject_may_be_any_id_that_watchword_makes(subject: str, desk: Desk) -> None:
    desk.table.people = {subject: ExternalAccount(subject, "ann@their.example", "Ann", ["keeper"])}
    assert (await desk.login("ann@their.example")).status_code == 200


@pytest.mark.parametrize(
    "found",
    [
        {"id": "7"},
        ExternalAccount("", "a@b.example", "A"),
        ExternalAccount("-7", "a@b.example", "A"),
        ExternalAccount("x" * 33, "a@b.example", "A"),
        ExternalAccount("a/b", "a@b.example", "A"),
        ExternalAccount(7, "a@b.example", "A"),  # type: ignore[arg-type]
        ExternalAccount("7", "a@b.example", "A", "admin"),
        ExternalAccount("7", "a@b.example", "A", [1]),  # type: ignore[list-item]
        ExternalAccount("7", None, "A"),  # type: ignore[arg-type]
        ExternalAccount("7", "a@b.example", None),  # type: ignore[arg-type]
    ],
)
async def test_what_cannot_be_an_account_is_refused_and_the_log_says_why(
    found: Any, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    async def returns() -> Any:
        return found

    desk.table.fault = returns
    assert (await desk.login()).status_code == 503
    assert "Domain.accounts.authenticate failed" in caplog.text
    assert "Traceback" not in caplog.text


async def test_another_account_than_the_one_that_was_asked_for_is_refused(desk: Desk) -> None:
    async def returns() -> ExternalAccount:
        return ExternalAccount("8", "a@b.example", "A")

    desk.table.fault = returns
    with pytest.raises(Unavailable):
        await desk.source.find("7")


async def test_while_the_table_is_away_nobody_is_locked_out(
    desk: Desk, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = await desk.tokens()
    desk.table.fault = raises
    for _ in range(15):
        refused = await desk.login()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["error"] == "temporarily_unavailable"
        assert (await desk.own.refresh(tokens["refresh_token"])).status_code == 503
        clock.move(60)
    logged = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "their database is away" in logged[0].getMessage()
    assert PASSWORD not in caplog.text
    desk.table.fault = None
    assert (await desk.login()).status_code == 200
    assert (await desk.own.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_table_that_hangs_is_given_up_on(desk: Desk, clock: MovedClock) -> None:
    desk.table.fault = hangs
    login = asyncio.create_task(desk.login())
    await until(lambda: bool(desk.table.asked))
    clock.move(desk.own.auth.settings.operation_seconds + 1)
    assert (await login).status_code == 503


async def test_a_refusal_takes_as_long_as_the_slowest_of_the_latest_checks(
    desk: Desk, clock: MovedClock
) -> None:
    source = desk.source

    async def check(seconds: float, email: str) -> float:
        async def late() -> ExternalAccount | None:
            clock.move(seconds)
            return ADA if email == ADA.email else None

        desk.table.fault = late
        began = clock.now()
        checking = asyncio.create_task(source.authenticate(email, "x"))
        while not checking.done():
            await asyncio.sleep(0)
            if not checking.done():
                clock.move(0.05)
        return round(clock.now() - began, 2)

    # The first check shows nothing to compare with; then one that is as slow as a hash.
    assert await check(0.2, ADA.email) == 0.2
    assert 0.2 <= await check(0.0, "nobody@their.example") <= 0.3
    assert await check(0.0, ADA.email) == 0.0
    assert await check(5.0, ADA.email) == 5.0
    assert LONGEST_PADDING <= await check(0.0, "nobody@their.example") <= LONGEST_PADDING + 0.1


async def test_an_account_that_was_made_here_is_not_asked_for(desk: Desk) -> None:
    assert await desk.source.refresh(desk.own.account) is desk.own.account
    assert desk.table.asked == []


def test_without_a_table_there_is_no_source(database: Database) -> None:
    assert source_of(type("S", (), {"domain": Domain()})()) is None


async def test_the_example_of_the_page_is_a_table(database: Database, clock: MovedClock) -> None:
    names: dict[str, Any] = {}
    exec(block(HOW_TO / "your-own-users.md", "python", "# accounts.py"), names)
    domain = Domain(roles={"clerk": frozenset({"orders:write"})}, accounts=names["Accounts"]())
    async with sign_in_desk(database, clock, domain) as own:
        desk = Desk(own, UsersTable())
        tokens = await desk.login("ada@example.com", "correct horse battery")
        assert said(tokens.json())["scope"] == "orders:write"
        names["PEOPLE"]["7"] = ("ada@example.com", "correct horse battery", "Ada", [])
        after = await own.refresh(tokens.json()["refresh_token"])
        assert said(after.json())["roles"] == []
        del names["PEOPLE"]["7"]
        assert (await own.refresh(after.json()["refresh_token"])).status_code == 401
