"""Signing keys: one at first, rotated without a refused token, deleted in the end."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import bindparam, select, text, update

from tests.support.clock import MovedClock
from tests.support.migrations import upgrade_to
from tests.support.tokens import key as make
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword.auth.keys.key_store import COOL_DOWN, KeyStore
from watchword.auth.keys.reseal import reseal
from watchword.auth.keys.signing_keys import (
    AT_ONCE,
    KEYS_ARE_FRESH,
    LAST_TOKEN,
    DatedKey,
    drop_retired,
    ensure,
    load,
    newest_first,
    ring,
    rotate,
)
from watchword.auth.tables import AuditEntry, SigningKey
from watchword.config.auth_settings import LONGEST_LEEWAY_SECONDS, LONGEST_TOKEN_SECONDS
from watchword.config.settings import Settings
from watchword.errors import Unsafe
from watchword.principal import OPERATOR
from watchword.process.background import Background
from watchword.storage.columns import UtcDateTime, moment
from watchword.storage.database import Database
from watchword.storage.migration import RUNTIME, upgrade
from watchword.storage.vault import FILE, Vault, vault

SETTINGS = Settings(_env_file=None, encryption_keys=(ENCRYPTION_KEY,))
PUBLISH = SETTINGS.key_publish_seconds
OTHER = Vault(lambda: (Fernet.generate_key().decode(),))


async def rows(database: Database) -> list[SigningKey]:
    async with database.read() as db:
        return await newest_first(db)


async def kids(database: Database, clock: MovedClock) -> list[str]:
    """Return the ids of the valid keys, the signing key first."""
    return [key.kid for key in (await load(database, VAULT, clock.now())).keys]


async def put_in_the_clear(database: Database) -> None:
    """Store each key in the clear, as before keys were sealed."""
    async with database.write() as db:
        for row in await newest_first(db):
            row.private_pem = VAULT.open(row.private_pem)


async def test_processes_that_start_together_end_with_one_key(
    database: Database, clock: MovedClock
) -> None:
    await asyncio.gather(*(ensure(database, VAULT, SETTINGS, clock.now()) for _ in range(5)))
    assert len(await kids(database, clock)) == 1


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
async def test_the_algorithm_is_the_settings(
    algorithm: str, database: Database, clock: MovedClock
) -> None:
    settings = SETTINGS.model_copy(update={"algorithm": algorithm, "rsa_bits": 2048})
    await ensure(database, VAULT, settings, clock.now())
    assert (await load(database, VAULT, clock.now())).signing.algorithm == algorithm


async def test_a_private_key_is_in_the_database_only_sealed(
    database: Database, clock: MovedClock
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    await rotate(database, VAULT, SETTINGS, clock.now())
    for row in await rows(database):
        assert "BEGIN" not in row.private_pem
        assert VAULT.open(row.private_pem).startswith("-----BEGIN PRIVATE KEY-----")


async def test_keys_from_before_they_were_sealed_are_sealed_and_go_on(
    database: Database, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    await rotate(database, VAULT, SETTINGS, clock.now())
    before = await load(database, VAULT, clock.now())
    await put_in_the_clear(database)
    for _ in range(2):
        await ensure(database, VAULT, SETTINGS, clock.now())
    assert (await load(database, VAULT, clock.now())).jwks() == before.jwks()
    assert all("BEGIN" not in row.private_pem for row in await rows(database))
    assert caplog.text.count("watchword keys rotate") == len(before.keys)


async def test_a_database_from_before_keys_were_sealed_is_migrated_and_its_key_goes_on(
    database: Database, clock: MovedClock, tmp_path: Path
) -> None:
    old, mine = await before_0003(database, tmp_path), make()
    async with old.write() as db:
        await db.execute(
            text(
                "INSERT INTO watchword_signing_keys (kid, algorithm, private_pem, created_at)"
                " VALUES (:kid, 'ES256', :pem, :at)"
            ).bindparams(bindparam("at", type_=UtcDateTime)),
            {"kid": mine.kid, "pem": mine.pem(), "at": moment(clock.now() - 100)},
        )
    await upgrade(old, [RUNTIME])
    await ensure(old, VAULT, SETTINGS, clock.now())
    assert (await load(old, VAULT, clock.now())).jwks() == {"keys": [mine.jwk()]}
    [row] = await rows(old)
    assert "BEGIN" not in row.private_pem
    assert (await rotate(old, VAULT, SETTINGS, clock.now())).signs_at == clock.now() + PUBLISH
    await old.close()


async def before_0003(database: Database, folder: Path) -> Database:
    """An empty database of the same kind, one revision before keys were sealed."""
    old = database
    if database.is_sqlite:
        old = Database(f"sqlite+aiosqlite:///{folder / 'old.db'}")
    else:
        async with database.write() as db:
            await db.execute(text("DROP SCHEMA public CASCADE"))
            await db.execute(text("CREATE SCHEMA public"))
    await upgrade_to(old, RUNTIME, "0002")
    return old


async def test_a_key_in_the_clear_among_sealed_ones_is_not_ours(
    database: Database, clock: MovedClock
) -> None:
    """An attacker that can write to the database but has no encryption key cannot add a signing key."""
    await ensure(database, VAULT, SETTINGS, clock.now())
    mine = make()
    async with database.write() as db:
        [row] = await newest_first(db)
        db.add(
            SigningKey(
                kid=mine.kid,
                algorithm="ES256",
                private_pem=mine.pem(),
                created_at=row.created_at,
                signs_at=row.signs_at,
            )
        )
    with pytest.raises(Unsafe, match="cannot be opened"):
        await ensure(database, VAULT, SETTINGS, clock.now())
    stored = {row.kid: row.private_pem for row in await rows(database)}
    assert stored[mine.kid] == mine.pem()


async def test_a_wrong_encryption_key_changes_nothing_and_is_explained(
    database: Database, clock: MovedClock
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    before = [(row.kid, row.private_pem, row.retires_at) for row in await rows(database)]
    for work in (
        ensure(database, OTHER, SETTINGS, clock.now()),
        rotate(database, OTHER, SETTINGS, clock.now()),
        rotate(database, OTHER, SETTINGS, clock.now(), at_once=True),
    ):
        with pytest.raises(
            Unsafe, match="set WATCHWORD_ENCRYPTION_KEYS to the keys that sealed it"
        ):
            await work
    assert before == [(row.kid, row.private_pem, row.retires_at) for row in await rows(database)]


async def test_an_encryption_key_is_made_only_if_nothing_is_sealed(
    database: Database, clock: MovedClock, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings = Settings(_env_file=None, home=home)
    await ensure(database, vault(settings), settings, clock.now())
    (home / FILE).rename(home / "lost")
    with pytest.raises(Unsafe, match="is not there, .* bring it back from a copy"):
        await ensure(database, vault(settings), settings, clock.now())
    assert os.listdir(home) == ["lost"]
    (home / "lost").rename(home / FILE)
    await ensure(database, vault(settings), settings, clock.now())
    assert len(await rows(database)) == 1


@pytest.mark.parametrize("change", [{"private_pem": "nonsense"}, {"algorithm": "EdDSA"}])
async def test_a_damaged_key_is_named_and_not_shown(
    change: dict[str, str], database: Database, clock: MovedClock
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    sealed = {
        name: VAULT.seal(value) if name == "private_pem" else value
        for name, value in change.items()
    }
    async with database.write() as db:
        await db.execute(update(SigningKey).values(**sealed))
    with pytest.raises(Unsafe, match="is damaged") as refused:
        await load(database, VAULT, clock.now())
    assert "nonsense" not in str(refused.value)
    with pytest.raises(Unsafe, match="is damaged"):
        await ensure(database, VAULT, SETTINGS, clock.now())


async def test_a_new_key_is_sealed_for_processes_with_the_old_encryption_key(
    database: Database, clock: MovedClock
) -> None:
    old, new = ENCRYPTION_KEY, Fernet.generate_key().decode()
    await ensure(database, VAULT, SETTINGS, clock.now())
    store = KeyStore(database, VAULT, clock, Background(clock))
    await store.refresh()
    operators = Vault(lambda: (new, old))
    made = await rotate(database, operators, SETTINGS, clock.now())
    clock.move(PUBLISH + LAST_TOKEN)
    await store.refresh()
    assert store.ring.signing.kid == made.key.kid
    # Once all keys are resealed with the new encryption key, new keys are sealed with it too.
    await reseal(database, operators, clock.now(), OPERATOR)
    await rotate(database, Vault(lambda: (old, new)), SETTINGS, clock.now())
    assert len((await load(database, Vault(lambda: (new,)), clock.now())).keys) == 2


async def test_another_algorithm_than_the_newest_keys_is_told_at_the_start(
    database: Database, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    settings = SETTINGS.model_copy(update={"algorithm": "EdDSA"})
    assert caplog.text == ""
    await ensure(database, VAULT, settings, clock.now())
    assert "ALGORITHM is EdDSA, and the newest signing key is for ES256: run `watch" in caplog.text
    caplog.clear()
    await rotate(database, VAULT, settings, clock.now())
    await ensure(database, VAULT, settings, clock.now())
    assert caplog.text == ""


async def test_every_key_is_in_the_audit_log_with_who_made_it(
    database: Database, clock: MovedClock
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    made = await rotate(database, VAULT, SETTINGS, clock.now(), actor=OPERATOR)
    async with database.read() as db:
        entries = (await db.execute(select(AuditEntry).order_by(AuditEntry.position))).scalars()
        found = [(entry.action, entry.actor, entry.detail["kid"]) for entry in entries]
    assert [entry[:2] for entry in found] == [("KEY_ADDED", None), ("KEY_ADDED", "operator")]
    assert found[1][2] == made.key.kid


async def test_at_once_is_when_every_process_can_know_it(
    database: Database, clock: MovedClock
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    [old] = await kids(database, clock)
    made = await rotate(database, VAULT, SETTINGS, clock.now(), at_once=True)
    assert await kids(database, clock) == [old, made.key.kid]
    clock.move(AT_ONCE)
    assert await kids(database, clock) == [made.key.kid, old]
    assert COOL_DOWN + SETTINGS.leeway_seconds < AT_ONCE


async def test_no_publication_is_shorter_than_at_once(
    database: Database, clock: MovedClock
) -> None:
    settings = SETTINGS.model_copy(update={"key_publish_seconds": 0})
    await ensure(database, VAULT, settings, clock.now())
    made = await rotate(database, VAULT, settings, clock.now())
    assert made.signs_at == clock.now() + AT_ONCE


async def test_a_key_that_waits_for_its_turn_never_signs_after_a_rotation_at_once(
    database: Database, clock: MovedClock
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    await rotate(database, VAULT, SETTINGS, clock.now())
    clock.move(PUBLISH - AT_ONCE - 1)
    last = await rotate(database, VAULT, SETTINGS, clock.now(), at_once=True)
    for _ in range(3):
        clock.move(AT_ONCE)
        assert (await kids(database, clock))[0] == last.key.kid


async def test_the_key_made_last_signs_even_if_a_clock_was_ahead(
    database: Database, clock: MovedClock
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    await rotate(database, VAULT, SETTINGS, clock.now() + 3, at_once=True)
    last = await rotate(database, VAULT, SETTINGS, clock.now(), at_once=True)
    clock.move(AT_ONCE + 3)
    assert (await kids(database, clock))[0] == last.key.kid


@pytest.mark.parametrize("at_once", [False, True])
async def test_an_old_key_verifies_until_the_longest_token_has_ended(
    at_once: bool, database: Database, clock: MovedClock
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    [old] = await kids(database, clock)
    clock.move(100)
    new = await rotate(database, VAULT, SETTINGS, clock.now(), at_once=at_once)
    clock.move(new.signs_at - clock.now())
    # The worst case: signed by a process whose keys are as old as allowed, with the longest lifetime.
    clock.move(KEYS_ARE_FRESH + LONGEST_TOKEN_SECONDS + LONGEST_LEEWAY_SECONDS - 1)
    assert await kids(database, clock) == [new.key.kid, old]
    clock.move(1)
    assert await kids(database, clock) == [new.key.kid]


async def test_the_dates_of_an_old_key_are_not_put_off_by_the_next_rotation(
    database: Database, clock: MovedClock
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    first = await rotate(database, VAULT, SETTINGS, clock.now())
    clock.move(PUBLISH)
    await rotate(database, VAULT, SETTINGS, clock.now())
    oldest = (await rows(database))[-1]
    assert oldest.retires_at is not None
    assert oldest.retires_at.timestamp() == first.signs_at + LAST_TOKEN


async def test_retired_keys_are_deleted_with_their_private_part(
    database: Database, clock: MovedClock
) -> None:
    await ensure(database, VAULT, SETTINGS, clock.now())
    made = await rotate(database, VAULT, SETTINGS, clock.now())
    for expected in (2, 1):
        clock.move((PUBLISH + LAST_TOKEN) / 2)
        await drop_retired(database, clock.now())
        left = await rows(database)
        assert (len(left), left[0].kid) == (expected, made.key.kid)


def test_no_more_than_one_key_signs_at_any_moment() -> None:
    first, second, third = (make() for _ in range(3))
    keys = (
        DatedKey(third, 20, 25, None),
        DatedKey(second, 10, 30, 200),
        DatedKey(first, 0, 0, 100),
    )
    signing = {now: ring(keys, now).signing.kid for now in (0, 10, 24, 25, 30, 99, 150, 1000)}
    assert signing == dict.fromkeys((0, 10, 24), first.kid) | dict.fromkeys(
        (25, 30, 99, 150, 1000), third.kid
    )
    assert [len(ring(keys, now).keys) for now in (0, 99, 100, 200)] == [3, 3, 2, 1]
