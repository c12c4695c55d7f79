"""Passkeys on a database: registered, used, renamed and removed; and each reason to refuse one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tests.support.authenticator import Authenticator, decode, encode
from tests.support.clock import MovedClock
from tests.support.factors import ask, register, verify
from tests.support.identity import unit_of
from tests.support.vault import VAULT
from watchword.auth.accounts.accounts import add_account
from watchword.auth.passkeys import passkeys
from watchword.auth.passkeys.ceremonies import PasskeyRefused
from watchword.auth.passkeys.challenges import SECONDS
from watchword.auth.tables import Account, AuditEntry, Passkey
from watchword.config.settings import Settings
from watchword.errors import BadUserInput, NotFound, Unauthenticated
from watchword.storage.columns import moment
from watchword.storage.database import Database

NOW = MovedClock().now()
ORIGIN = "https://watchword.example"
SETTINGS = Settings(_env_file=None, issuer=ORIGIN)


@pytest.fixture
async def alice(database: Database) -> str:
    return await make_account(database, "alice@x")


@pytest.fixture
async def bob(database: Database) -> str:
    return await make_account(database, "bob@x")


@pytest.fixture
def device() -> Authenticator:
    return Authenticator(ORIGIN)


async def make_account(database: Database, email: str) -> str:
    async with unit_of(database) as unit:
        account = await add_account(unit, email=email, name="A", roles=[], hash=None)
    return account.id


async def add(database: Database, account: str, device: Authenticator, **twist: Any) -> Passkey:
    return await register(database, SETTINGS, account, device, NOW, **twist)


async def sign_in(
    database: Database, device: Authenticator, now: float = NOW, **twist: Any
) -> Account:
    options = await ask(database, SETTINGS, NOW)
    return await verify(database, SETTINGS, device.get(options, **twist), now)


async def refusal(database: Database, device: Authenticator, **twist: Any) -> PasskeyRefused:
    with pytest.raises(PasskeyRefused) as refused:
        await sign_in(database, device, **twist)
    return refused.value


async def entries(database: Database, account: str) -> list[AuditEntry]:
    async with database.read() as db:
        found = await db.execute(
            select(AuditEntry).filter_by(account_id=account).order_by(AuditEntry.position)
        )
        return list(found.scalars())


async def rows(database: Database, account: str) -> list[Passkey]:
    async with database.read() as db:
        return list(await passkeys.passkeys_of(db, account))


async def test_a_passkey_signs_its_owner_in_again_and_again(
    database: Database, alice: str, bob: str, device: Authenticator
) -> None:
    other = Authenticator(ORIGIN)
    await add(database, alice, device)
    await add(database, bob, other)
    for _ in range(2):
        assert (await sign_in(database, device)).id == alice
        assert (await sign_in(database, other)).id == bob


async def test_the_stored_data_of_a_passkey(
    database: Database, alice: str, device: Authenticator
) -> None:
    made = await add(database, alice, device, name=" my phone ")
    assert (made.id, made.name, made.used_at) == (encode(device.id), "my phone", None)
    await sign_in(database, device, NOW + 5)
    [row] = await rows(database, alice)
    assert (row.used_at, row.sign_count) == (moment(NOW + 5), 1)


async def test_a_passkey_steps_its_owner_up(
    database: Database, alice: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    options = await ask(database, SETTINGS, NOW, alice)
    assert [each["id"] for each in options["allowCredentials"]] == [encode(device.id)]
    answer = device.get(options, user=None)
    assert (await verify(database, SETTINGS, answer, NOW, "step-up", alice)).id == alice


async def test_the_passkey_of_another_account_cannot_step_up(
    database: Database, alice: str, bob: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    options = await ask(database, SETTINGS, NOW, bob)
    with pytest.raises(PasskeyRefused) as refused:
        await verify(database, SETTINGS, device.get(options), NOW, "step-up", bob)
    assert (refused.value.rule, refused.value.account) == ("account", bob)


@pytest.mark.parametrize("asked", ["sign-in", "step-up"])
async def test_a_challenge_is_for_what_it_was_made_for(
    database: Database, alice: str, bob: str, device: Authenticator, asked: Any
) -> None:
    await add(database, alice, device)
    account, meant, other = (
        (None, "step-up", alice) if asked == "sign-in" else (bob, "sign-in", None)
    )
    options = await ask(database, SETTINGS, NOW, account)
    with pytest.raises(PasskeyRefused) as refused:
        await verify(database, SETTINGS, device.get(options), NOW, meant, other)
    assert refused.value.rule == "challenge"


async def test_a_step_up_that_another_account_began_is_refused(
    database: Database, alice: str, bob: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    options = await ask(database, SETTINGS, NOW, bob)
    with pytest.raises(PasskeyRefused):
        await verify(database, SETTINGS, device.get(options), NOW, "step-up", alice)


async def test_an_assertion_is_accepted_once(
    database: Database, alice: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    credential = device.get(await ask(database, SETTINGS, NOW))
    await verify(database, SETTINGS, credential, NOW)
    with pytest.raises(PasskeyRefused) as refused:
        await verify(database, SETTINGS, credential, NOW)
    assert refused.value.rule == "challenge"


async def test_an_assertion_sent_many_times_at_once_is_accepted_once(
    database: Database, alice: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    credential = device.get(await ask(database, SETTINGS, NOW))
    tries = (verify(database, SETTINGS, credential, NOW) for _ in range(6))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == [
        "Account",
        *["PasskeyRefused"] * 5,
    ]


async def test_a_challenge_is_used_up_by_a_wrong_assertion(
    database: Database, alice: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    options = await ask(database, SETTINGS, NOW)
    with pytest.raises(PasskeyRefused):
        await verify(database, SETTINGS, device.get(options, origin="https://evil"), NOW)
    with pytest.raises(PasskeyRefused):
        await verify(database, SETTINGS, device.get(options), NOW)


async def test_an_answer_that_comes_too_late_is_refused(
    database: Database, alice: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    assert await sign_in(database, device, NOW + SECONDS - 1)
    assert (await refusal(database, device, now=NOW + SECONDS)).rule == "challenge"


async def test_a_counter_that_does_not_rise_is_refused_and_names_the_account(
    database: Database, alice: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    await sign_in(database, device, count=7)
    for count in (7, 6, 0):
        error = await refusal(database, device, count=count)
        assert (error.rule, error.account) == ("sign_count", alice)
    assert await sign_in(database, device, count=8)


async def test_an_unsigned_counter_does_not_report_a_cloned_passkey(
    database: Database, alice: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    await sign_in(database, device, count=7)
    error = await refusal(database, device, count=1, key=Authenticator(ORIGIN).key)
    assert error.rule == "assertion"


async def test_a_passkey_without_a_counter_is_accepted(
    database: Database, alice: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    for _ in range(2):
        assert await sign_in(database, device, count=0)


async def test_an_unregistered_passkey_is_refused(
    database: Database, alice: str, device: Authenticator
) -> None:
    device.user = encode(alice.encode())
    assert (await refusal(database, device)).rule == "unknown"


async def test_another_key_under_a_known_id_is_refused(
    database: Database, alice: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    thief = Authenticator(ORIGIN, id=device.id, user=device.user)
    error = await refusal(database, thief)
    assert (error.rule, error.account) == ("assertion", alice)


async def test_a_sign_in_must_name_the_account_of_the_passkey(
    database: Database, alice: str, bob: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    for user in (None, encode(bob.encode()), ""):
        assert (await refusal(database, device, user=user)).rule == "user_handle"


async def test_a_disabled_accounts_passkey_is_refused(
    database: Database, alice: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    async with unit_of(database) as unit:
        await unit.db.execute(update(Account).values(disabled_at=moment(NOW)))
    assert (await refusal(database, device)).rule == "disabled"


async def test_a_removed_passkey_is_refused(
    database: Database, alice: str, device: Authenticator
) -> None:
    made = await add(database, alice, device)
    async with unit_of(database) as unit:
        await passkeys.remove(unit, alice, made.id)
    assert await rows(database, alice) == []
    assert (await refusal(database, device)).rule == "unknown"


async def test_a_refusal_changes_nothing_and_says_nothing(
    database: Database, alice: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    said = {(await refusal(database, device, origin="https://evil")).message}
    said |= {(await refusal(database, Authenticator(ORIGIN, user=device.user))).message}
    assert len(said) == 1
    [row] = await rows(database, alice)
    assert (row.sign_count, row.used_at) == (0, None)


async def test_a_refused_passkey_is_unauthenticated() -> None:
    assert isinstance(PasskeyRefused("challenge"), Unauthenticated)


async def test_only_the_account_that_began_can_register(
    database: Database, alice: str, bob: str, device: Authenticator
) -> None:
    async with unit_of(database) as unit:
        credential = device.create(await passkeys.begin(unit, SETTINGS, VAULT, alice))
    async with unit_of(database) as unit:
        with pytest.raises(PasskeyRefused) as refused:
            await passkeys.use_challenge(unit, VAULT, credential, "register", bob)
    assert refused.value.rule == "challenge"


async def test_a_challenge_for_a_sign_in_cannot_register(
    database: Database, alice: str, device: Authenticator
) -> None:
    async with unit_of(database) as unit:
        options = await passkeys.begin(unit, SETTINGS, VAULT, alice)
    asked = await ask(database, SETTINGS, NOW)
    credential = device.create(options, challenge=asked["challenge"])
    async with unit_of(database) as unit:
        with pytest.raises(PasskeyRefused):
            await passkeys.use_challenge(unit, VAULT, credential, "register", alice)


async def test_a_passkey_without_user_verification_is_not_registered(
    database: Database, alice: str, device: Authenticator
) -> None:
    with pytest.raises(BadUserInput):
        await add(database, alice, device, flags=0x01)


async def test_a_passkey_belongs_to_one_account(
    database: Database, alice: str, bob: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    with pytest.raises(BadUserInput, match="already"):
        await add(database, bob, device)
    assert [len(await rows(database, account)) for account in (alice, bob)] == [1, 0]


async def test_passkeys_that_there_are_are_not_offered_to_be_made_again(
    database: Database, alice: str, device: Authenticator
) -> None:
    await add(database, alice, device)
    async with unit_of(database) as unit:
        options = await passkeys.begin(unit, SETTINGS, VAULT, alice)
    assert [each["id"] for each in options["excludeCredentials"]] == [encode(device.id)]
    assert decode(options["user"]["id"]).decode() == alice


async def test_there_is_an_end_to_them(database: Database, alice: str) -> None:
    for _ in range(passkeys.MOST):
        await add(database, alice, Authenticator(ORIGIN))
    with pytest.raises(BadUserInput, match="Remove one first"):
        await add(database, alice, Authenticator(ORIGIN))


async def test_only_the_owner_renames_and_removes_a_passkey(
    database: Database, alice: str, bob: str, device: Authenticator
) -> None:
    made = await add(database, alice, device)
    async with unit_of(database) as unit:
        assert (await passkeys.rename(unit, alice, made.id, "key ring")).name == "key ring"
    async with unit_of(database) as unit:
        for change in (
            passkeys.rename(unit, bob, made.id, "b"),
            passkeys.remove(unit, bob, made.id),
        ):
            with pytest.raises(NotFound):
                await change
        with pytest.raises(BadUserInput):
            await passkeys.rename(unit, alice, made.id, " \t")
    assert [row.name for row in await rows(database, alice)] == ["key ring"]


@pytest.mark.parametrize("id", ["", "\x00", "\ud800", "x" * 5_000])
async def test_an_id_of_any_kind_is_not_found(database: Database, alice: str, id: str) -> None:
    async with unit_of(database) as unit:
        for change in (passkeys.rename(unit, alice, id, "a"), passkeys.remove(unit, alice, id)):
            with pytest.raises(NotFound):
                await change


async def test_changes_are_written_down(
    database: Database, alice: str, device: Authenticator
) -> None:
    made = await add(database, alice, device)
    async with unit_of(database) as unit:
        await passkeys.remove(unit, alice, made.id)
    assert [(entry.action, entry.detail) for entry in (await entries(database, alice))[1:]] == [
        ("PASSKEY_ADDED", {"name": "phone"}),
        ("PASSKEY_REMOVED", {"name": "phone"}),
    ]


async def test_a_passkey_removed_while_waiting_for_the_lock_is_refused(
    database: Database, alice: str, device: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(database, alice, device)
    lock = passkeys.lock_account

    async def locked(db: AsyncSession, id: str) -> Account:
        # The transaction that held the lock before has removed it.
        gone = delete(Passkey).execution_options(synchronize_session=False)
        await db.execute(gone)
        return await lock(db, id)

    monkeypatch.setattr(passkeys, "lock_account", locked)
    assert (await refusal(database, device)).rule == "unknown"
