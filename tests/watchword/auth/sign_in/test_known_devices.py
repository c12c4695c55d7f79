"""Known devices: their owners get in while attackers guess, and a stolen token allows few guesses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from tests.support.authenticator import Authenticator
from tests.support.clock import MovedClock
from tests.support.factors import ask, enrol, register
from tests.support.identity import EMAIL, ORIGIN, PASSWORD, SignInDesk, sign_in_desk, unit_of
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.auth.accounts.accounts import add_account, set_password
from watchword.auth.http.routes import COOKIE as SESSION
from watchword.auth.sign_in import known_devices
from watchword.auth.sign_in.known_devices import COOKIE, MOST, SECONDS
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.storage.database import Database
from watchword.storage.vault import Vault

BOB = "bob@example.com"
WRONG = "wrong horse battery"
LIMITS = {
    "sign_in_limit_per_account": "3 per 5 minutes",
    "sign_in_limit_per_address": "6 per 5 minutes",
}
OTHER_KEY = "b3RoZXIgdGVzdHMgb2Ygd2F0Y2h3b3JkLCAzMiBieXQ="


@pytest.fixture
async def desk(database: Database, clock: MovedClock) -> AsyncIterator[SignInDesk]:
    async with sign_in_desk(database, clock, **LIMITS) as opened:
        async with unit_of(database, clock.now()) as unit:
            hash = await hash_chosen(PASSWORD)
            await add_account(unit, email=BOB, name="Bob", roles=[], hash=hash)
        yield opened


async def guess(desk: SignInDesk, times: int = 3, **shown: Any) -> list[int]:
    """Try a password from a browser that has no cookies except the given ones."""
    cookies = shown.pop("cookies", {})
    statuses = []
    async with stranger(desk) as client:
        for name, value in cookies.items():
            client.cookies.set(name, value)
        for _ in range(times):
            body = {"email": EMAIL, "password": WRONG} | shown
            statuses.append((await client.post("/api/auth/login", json=body)).status_code)
    return statuses


@asynccontextmanager
async def stranger(desk: SignInDesk) -> AsyncIterator[httpx2.AsyncClient]:
    # The same app, from the same address.
    transport = desk.client._transport
    async with httpx2.AsyncClient(base_url=ORIGIN) as client:
        client._transport = transport
        yield client
        client._transport = httpx2.AsyncHTTPTransport()


async def test_the_owner_gets_in_on_a_known_device_while_others_guess(desk: SignInDesk) -> None:
    first = await desk.login()
    cookie = next(each for each in first.headers.get_list("set-cookie") if each.startswith(COOKIE))
    for attribute in ("HttpOnly", "Secure", "SameSite=strict", "Path=/", f"Max-Age={SECONDS}"):
        assert attribute in cookie
    assert await guess(desk, 4) == [401, 401, 401, 429]
    for _ in range(5):
        assert (await desk.login()).status_code == 200
    # Signing out ends the session, but the device keeps its token.
    await desk.client.post("/api/auth/logout", json={})
    assert SESSION not in desk.client.cookies
    assert (await desk.login()).status_code == 200
    async with stranger(desk) as client:
        body = {"email": EMAIL, "password": PASSWORD}
        assert (await client.post("/api/auth/login", json=body)).status_code == 429


async def test_an_exhausted_address_does_not_lock_known_devices(
    desk: SignInDesk, database: Database, clock: MovedClock
) -> None:
    device, settings = Authenticator(ORIGIN), desk.auth.settings
    await register(database, settings, desk.account.id, device, clock.now())
    await desk.login()
    for number in range(7):
        statuses = await guess(desk, 1, email=f"{number}@x.org")
    assert statuses == [429]
    signed_in = await desk.login()
    assert signed_in.status_code == 200
    token = signed_in.json()["access_token"]
    assert (await desk.step_up(token, password=PASSWORD)).status_code == 200
    async with stranger(desk) as client:
        body = {"email": BOB, "password": PASSWORD}
        assert (await client.post("/api/auth/login", json=body)).status_code == 429
        # Wrong passwords do not lock passkeys.
        passkey = device.get(await ask(database, settings, clock.now()))
        answer = await client.post("/api/auth/login", json={"passkey": passkey})
        assert answer.status_code == 200, answer.text
    async with stranger(desk) as client:
        for _ in range(7):
            answer = await client.post("/api/auth/login", json={"passkey": {}})
        assert answer.status_code == 429
    passkey = device.get(await ask(database, settings, clock.now()))
    answer = await desk.client.post("/api/auth/login", json={"passkey": passkey})
    assert answer.status_code == 200, answer.text


async def test_an_app_sends_its_device_token_in_the_body(desk: SignInDesk) -> None:
    first = (await desk.login(delivery="body")).json()
    assert not desk.client.cookies
    assert await guess(desk, 4) == [401, 401, 401, 429]
    assert (await desk.login(delivery="body")).status_code == 429
    again = await desk.login(delivery="body", device_token=first["device_token"])
    assert again.status_code == 200
    refreshed = (await desk.refresh(again.json()["refresh_token"])).json()
    assert (await desk.login(device_token=refreshed["device_token"])).status_code == 200


async def test_a_stolen_token_gives_the_few_guesses_of_one_device(desk: SignInDesk) -> None:
    stolen = (await desk.login(delivery="body")).json()
    token = stolen["device_token"]
    assert await guess(desk, 5, device_token=token) == [401, 401, 401, 429, 429]
    # Even the right password is refused, and refreshing a stolen session does not make a new device.
    assert (await desk.login(device_token=token)).status_code == 429
    fresh = (await desk.refresh(stolen["refresh_token"])).json()
    assert (await desk.login(device_token=fresh["device_token"])).status_code == 429
    # The owner has another device, and unknown devices are counted separately.
    assert (await desk.login()).status_code == 200


async def test_a_device_token_of_another_account_is_ignored(desk: SignInDesk) -> None:
    bobs = (await desk.login(email=BOB, delivery="body")).json()["device_token"]
    assert await guess(desk, 4, device_token=bobs) == [401, 401, 401, 429]
    assert (await desk.login(device_token=bobs)).status_code == 429


async def test_a_device_token_from_before_a_new_password_is_ignored(
    desk: SignInDesk, database: Database, clock: MovedClock
) -> None:
    mine = (await desk.login(delivery="body")).json()
    clock.move(1)
    async with unit_of(database, clock.now()) as unit:
        session = (await desk.auth.verify(mine["access_token"])).session
        await set_password(unit, desk.account.id, await hash_chosen(PASSWORD), keep=session)
    # The device that changed the password refreshes, and gets a new token.
    fresh = (await desk.refresh(mine["refresh_token"])).json()
    await guess(desk, 4)
    assert (await desk.login(device_token=mine["device_token"])).status_code == 429
    assert (await desk.login(device_token=fresh["device_token"])).status_code == 200


async def test_a_forged_or_expired_device_token_is_ignored(
    desk: SignInDesk, clock: MovedClock
) -> None:
    good = (await desk.login(delivery="body")).json()["device_token"]
    account, device, epoch, made, signature = good.split(".")
    forged = [
        "", "~", "x" * 5_000, good[:-1], f"{good}x", f"{account}.other.{epoch}.{made}.{signature}",
        f"{account}.{device}.{epoch}.{int(made) + 1}.{signature}", f"{account}.{device}.{epoch}.{made}.{'A' * 43}",
    ]  # fmt: skip
    await guess(desk, 4)
    for token in forged[1:]:
        assert (await desk.login(device_token=token)).status_code == 429, token
    for token in forged:
        assert await guess(desk, 1, cookies={COOKIE: token}) == [429], token
    clock.move(SECONDS)
    assert (await desk.login(device_token=good)).status_code == 429


async def test_a_thief_of_the_password_does_not_lock_the_codes_of_known_devices(
    desk: SignInDesk, database: Database, clock: MovedClock
) -> None:
    await desk.login()
    app, _ = await enrol(database, desk.auth.settings, desk.account.id, clock.now())
    code = app.at(clock.now())
    wrong = "000000" if code != "000000" else "000001"
    async with stranger(desk) as client:
        body = {"email": EMAIL, "password": PASSWORD, "otp": wrong}
        for _ in range(6):
            answer = await client.post("/api/auth/login", json=body)
    assert answer.status_code == 429
    assert (await desk.login(otp=code)).status_code == 200


async def test_a_browser_is_known_to_several_accounts_and_not_to_any_number(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock, **LIMITS) as desk:
        emails = [f"{number}@example.com" for number in range(MOST + 1)]
        async with unit_of(database, clock.now()) as unit:
            hash = await hash_chosen(PASSWORD)
            for email in emails:
                await add_account(unit, email=email, name="X", roles=[], hash=hash)
        for email in [*emails, emails[-1]]:
            assert (await desk.login(email=email)).status_code == 200
        assert len(known_devices.in_cookie(desk.client.cookies[COOKIE])) == MOST
        for email in (emails[0], emails[1]):
            await guess(desk, 3, email=email)
        assert (await desk.login(email=emails[1])).status_code == 200
        assert (await desk.login(email=emails[0])).status_code == 429


async def test_a_refresh_writes_the_cookie_only_when_it_changes(
    desk: SignInDesk, clock: MovedClock
) -> None:
    await desk.login()
    clock.move(60)
    assert COOKIE not in str((await desk.refresh()).headers.get_list("set-cookie"))
    del desk.client.cookies[COOKIE]
    assert COOKIE in str((await desk.refresh()).headers.get_list("set-cookie"))


async def test_a_token_is_good_while_the_encryption_key_changes(
    desk: SignInDesk, database: Database, clock: MovedClock
) -> None:
    token = (await desk.login(delivery="body")).json()["device_token"]
    both = Vault(lambda: (OTHER_KEY, ENCRYPTION_KEY))
    found = []
    async with database.read() as db:
        for vault in (VAULT, both, Vault(lambda: (OTHER_KEY,))):
            found.append(await known_devices.find(db, vault, [token], clock.now()))
    assert [each is not None for each in found] == [True, True, False]
