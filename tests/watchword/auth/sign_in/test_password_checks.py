"""Passwords that a users table of the domain checks: limits, second factors and step-up stay ours."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pyotp import TOTP

from tests.support.clock import MovedClock
from tests.support.identity import DOMAIN, EMAIL, SignInDesk, sign_in_desk, unit_of
from tests.support.identity import PASSWORD as OURS
from tests.support.users_table import ADA, PASSWORD, UsersTable
from watchword.auth.second_factor import totp
from watchword.auth.sign_in.authentication import Authentication
from watchword.config.auth_settings import LONGEST_PASSWORD
from watchword.domain import Domain
from watchword.errors import BadUserInput
from watchword.hooks import ExternalAccount
from watchword.principal import Actor
from watchword.storage.database import Database

CREDENTIALS = {"email": ADA.email, "password": PASSWORD, "delivery": "body"}


@pytest.fixture
def table() -> UsersTable:
    return UsersTable()


@pytest.fixture
async def desk(
    table: UsersTable, database: Database, clock: MovedClock
) -> AsyncIterator[SignInDesk]:
    domain = Domain(roles=DOMAIN.roles, accounts=table)
    async with sign_in_desk(database, clock, domain) as made:
        yield made


async def test_a_wrong_password_and_an_unknown_address_are_refused_alike(
    desk: SignInDesk, table: UsersTable
) -> None:
    await desk.login(**CREDENTIALS)
    wrong = await desk.login(email=ADA.email, password="another one")
    unknown = await desk.login(email="nobody@their.example")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.content == unknown.content
    assert len(await desk.entries("SIGN_IN_FAILED")) == 2


async def test_a_password_of_ours_does_not_count_any_more(desk: SignInDesk) -> None:
    assert (await desk.login(email=EMAIL, password=OURS)).status_code == 401


async def test_guesses_are_limited(desk: SignInDesk, table: UsersTable) -> None:
    for _ in range(10):
        assert (await desk.login(email=ADA.email, password="guess")).status_code == 401
    asked = len(table.asked)
    assert (await desk.login(**CREDENTIALS)).status_code == 429
    assert len(table.asked) == asked


async def test_a_password_that_nobody_can_have_does_not_reach_the_table(
    desk: SignInDesk, table: UsersTable
) -> None:
    refused = await desk.login(email=ADA.email, password="x" * (LONGEST_PASSWORD + 1))
    assert refused.status_code == 401
    assert table.asked == []


async def test_a_step_up_asks_the_table_for_the_same_person(
    desk: SignInDesk, table: UsersTable
) -> None:
    token = (await desk.login(**CREDENTIALS)).json()["access_token"]
    assert (await desk.step_up(token, password=PASSWORD)).status_code == 200
    assert table.asked[-2:] == [("find", "7"), ("authenticate", ADA.email, PASSWORD)]
    assert (await desk.step_up(token, password="another one")).status_code == 401
    # The address belongs to somebody else meanwhile, whose password it would be.
    table.people["8"] = ExternalAccount("8", ADA.email, "Eve")
    table.people = {"8": table.people["8"], "7": table.people["7"]}
    assert (await desk.step_up(token, password=PASSWORD)).status_code == 401
    del table.people["7"]
    assert (await desk.step_up(token, password=PASSWORD)).status_code == 401


async def test_a_second_factor_is_asked_for_too(desk: SignInDesk, clock: MovedClock) -> None:
    services = desk.auth.services
    await desk.login(**CREDENTIALS)
    async with unit_of(services.database, clock.now()) as unit:
        setup = await totp.begin(unit, services.vault, services.settings, "7")
        otp = TOTP(setup.secret)
        codes = await totp.confirm(unit, services.vault, "7", otp.at(int(clock.now())))
    asked = await desk.login(**CREDENTIALS)
    assert asked.json()["error"] == "mfa_required"
    clock.move(60)
    assert (await desk.login(**CREDENTIALS, otp="000000")).status_code == 401
    assert (await desk.login(**CREDENTIALS, otp=otp.at(int(clock.now())))).status_code == 200
    assert (await desk.login(**CREDENTIALS, recovery_code=codes[0])).status_code == 200
    assert (await desk.login(**CREDENTIALS, recovery_code=codes[0])).status_code == 401


async def test_a_password_cannot_be_changed_here(desk: SignInDesk, clock: MovedClock) -> None:
    authentication, actor = Authentication(desk.auth.services), Actor("7", "s", "watchword")
    with pytest.raises(BadUserInput, match="another users table"):
        await authentication.change_password(actor, PASSWORD, "another long one", clock.now())
