"""One-time codes: RFC 6238's test vectors; accepted once, one step early or late; and recovery codes."""

from __future__ import annotations

import asyncio
from base64 import b32encode

import pytest
from pyotp import TOTP, parse_uri
from sqlalchemy import select

from tests.support import factors
from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from tests.support.vault import VAULT
from watchword.auth.accounts.accounts import add_account
from watchword.auth.second_factor import recovery_codes, totp
from watchword.auth.second_factor.totp import SecondFactorRequired, step_of
from watchword.auth.tables import AuditEntry, Totp
from watchword.config.settings import Settings
from watchword.errors import BadUserInput, NotFound, Unauthenticated
from watchword.storage.database import Database

NOW = MovedClock().now()
SETTINGS = Settings(_env_file=None, issuer="https://watchword.example")
# RFC 6238, appendix B, for SHA-1: the last six of eight digits.
RFC_SECRET = b32encode(b"12345678901234567890").decode()
RFC_VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


async def make_account(database: Database) -> str:
    async with unit_of(database) as unit:
        account = await add_account(unit, email="a@x", name="A", roles=[], hash=None)
    return account.id


async def enrol(database: Database, account: str) -> tuple[TOTP, list[str]]:
    return await factors.enrol(database, SETTINGS, account, NOW)


async def check(
    database: Database, account: str, otp: object = None, code: str | None = None, now: float = NOW
) -> list[str]:
    hash = None if code is None else await recovery_codes.hash_of(account, code)
    async with unit_of(database, now) as unit:
        return await totp.check(unit, VAULT, account, otp, hash)


@pytest.mark.parametrize(("now", "code"), RFC_VECTORS)
def test_the_vectors_of_the_rfc_are_met(now: int, code: str) -> None:
    assert step_of(RFC_SECRET, code, now) == now // 30


@pytest.mark.parametrize(("offset", "good"), [(-60, 0), (-30, 1), (0, 1), (30, 1), (60, 0)])
def test_a_code_may_be_one_step_late_or_early(offset: int, good: int) -> None:
    assert (step_of(RFC_SECRET, TOTP(RFC_SECRET).at(NOW + offset), NOW) is not None) == bool(good)


@pytest.mark.parametrize(
    "otp",
    ["", "28708", "2870822", "abcdef", "2870-8", 287082, None, True, ["287082"], {}, "\ud80087082"],
)
def test_a_malformed_code_matches_no_step(otp: object) -> None:
    assert step_of(RFC_SECRET, otp, 59) is None


async def test_an_account_without_second_factor_is_asked_for_none(database: Database) -> None:
    account = await make_account(database)
    assert await check(database, account) == []
    assert await check(database, account, otp="000000", code="nonsense") == []


async def test_a_second_factor_that_was_begun_is_not_asked_for_yet(database: Database) -> None:
    account = await make_account(database)
    async with unit_of(database) as unit:
        await totp.begin(unit, VAULT, SETTINGS, account)
    assert await check(database, account) == []


async def test_a_good_code_adds_its_methods(database: Database) -> None:
    account = await make_account(database)
    app, _ = await enrol(database, account)
    assert await check(database, account, app.at(NOW)) == ["otp", "mfa"]


async def test_a_missing_code_is_told_apart_from_a_wrong_one(database: Database) -> None:
    account = await make_account(database)
    app, _ = await enrol(database, account)
    with pytest.raises(SecondFactorRequired):
        await check(database, account)
    wrong = f"{(int(app.at(NOW)) + 1) % 1_000_000:06}"
    with pytest.raises(Unauthenticated) as refused:
        await check(database, account, wrong)
    assert not isinstance(refused.value, SecondFactorRequired)


async def test_a_code_is_accepted_once(database: Database) -> None:
    account = await make_account(database)
    app, _ = await enrol(database, account)
    await check(database, account, app.at(NOW))
    for now in (NOW, NOW + 29):
        with pytest.raises(Unauthenticated):
            await check(database, account, app.at(NOW), now=now)


async def test_an_earlier_code_than_the_last_one_is_refused(database: Database) -> None:
    account = await make_account(database)
    app, _ = await enrol(database, account)
    await check(database, account, app.at(NOW + 30))
    with pytest.raises(Unauthenticated):
        await check(database, account, app.at(NOW))
    assert await check(database, account, app.at(NOW + 60), now=NOW + 60)


async def test_the_code_that_confirmed_is_used_up(database: Database) -> None:
    account = await make_account(database)
    app, _ = await enrol(database, account)
    with pytest.raises(Unauthenticated):
        await check(database, account, app.at(NOW - 30))


async def test_of_many_who_use_a_code_at_once_one_wins(database: Database) -> None:
    account = await make_account(database)
    app, codes = await enrol(database, account)
    for what in ({"otp": app.at(NOW)}, {"code": codes[0]}):
        tries = (check(database, account, **what) for _ in range(6))
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == [
            *["Unauthenticated"] * 5,
            "list",
        ]


async def test_a_failed_transaction_does_not_use_up_a_code(database: Database) -> None:
    account = await make_account(database)
    app, codes = await enrol(database, account)
    for otp, code in ((app.at(NOW), None), (None, codes[0])):
        hash = None if code is None else await recovery_codes.hash_of(account, code)
        with pytest.raises(RuntimeError):
            async with unit_of(database) as unit:
                await totp.check(unit, VAULT, account, otp, hash)
                raise RuntimeError
        assert await check(database, account, otp, code)


async def test_beginning_again_leaves_the_app_that_is_confirmed(database: Database) -> None:
    account = await make_account(database)
    app, codes = await enrol(database, account)
    async with unit_of(database) as unit:
        setup = await totp.begin(unit, VAULT, SETTINGS, account)
    assert await check(database, account, app.at(NOW))
    other = TOTP(setup.secret)
    async with unit_of(database) as unit:
        fresh = await totp.confirm(unit, VAULT, account, other.at(NOW))
    assert await check(database, account, other.at(NOW + 30))
    with pytest.raises(Unauthenticated):
        await check(database, account, app.at(NOW + 60), now=NOW + 60)
    with pytest.raises(Unauthenticated):
        await check(database, account, code=codes[0])
    assert await check(database, account, code=fresh[0])


async def test_beginning_another_app_does_not_revive_a_used_code(
    database: Database,
) -> None:
    account = await make_account(database)
    app, _ = await enrol(database, account)
    assert await check(database, account, app.at(NOW))
    async with unit_of(database) as unit:
        await totp.begin(unit, VAULT, SETTINGS, account)
    with pytest.raises(Unauthenticated):
        await check(database, account, app.at(NOW))


async def test_only_the_secret_begun_last_can_be_confirmed(database: Database) -> None:
    account = await make_account(database)
    async with unit_of(database) as unit:
        first = await totp.begin(unit, VAULT, SETTINGS, account)
        await totp.begin(unit, VAULT, SETTINGS, account)
        with pytest.raises(BadUserInput) as refused:
            await totp.confirm(unit, VAULT, account, TOTP(first.secret).at(NOW))
    assert refused.value.extensions["path"] == ["otp"]


async def test_confirming_without_beginning_is_refused(database: Database) -> None:
    account = await make_account(database)
    async with unit_of(database) as unit:
        with pytest.raises(BadUserInput, match="beginTotp"):
            await totp.confirm(unit, VAULT, account, "000000")


async def test_the_secret_is_sealed_and_the_uri_is_read_by_apps(database: Database) -> None:
    account = await make_account(database)
    async with unit_of(database) as unit:
        setup = await totp.begin(unit, VAULT, SETTINGS, account)
        row = (await unit.db.execute(select(Totp))).scalar_one()
    assert setup.secret not in row.sealed_secret
    assert VAULT.open(row.sealed_secret) == setup.secret
    assert setup.secret not in repr(setup)
    read = parse_uri(setup.uri)
    assert isinstance(read, TOTP)
    assert (read.secret, read.name, read.issuer) == (setup.secret, "a@x", "watchword.example")


async def test_disabling_removes_the_second_factor_and_its_codes(
    database: Database,
) -> None:
    account = await make_account(database)
    _, codes = await enrol(database, account)
    async with unit_of(database) as unit:
        await totp.disable(unit, account)
        assert await recovery_codes.left(unit.db, account) == 0
    assert await check(database, account) == []
    async with unit_of(database) as unit:
        with pytest.raises(NotFound):
            await totp.disable(unit, account)
        with pytest.raises(NotFound):
            await totp.renew_recovery_codes(unit, account)


async def test_new_recovery_codes_take_the_place_of_the_old(database: Database) -> None:
    account = await make_account(database)
    _, codes = await enrol(database, account)
    async with unit_of(database) as unit:
        fresh = await totp.renew_recovery_codes(unit, account)
    assert not set(codes) & set(fresh)
    with pytest.raises(Unauthenticated):
        await check(database, account, code=codes[0])
    assert await check(database, account, code=fresh[0]) == ["otp", "mfa"]


async def test_changes_are_audited_without_secrets(database: Database) -> None:
    account = await make_account(database)
    app, codes = await enrol(database, account)
    await check(database, account, code=codes[3])
    async with unit_of(database) as unit:
        await totp.disable(unit, account)
        entries = (
            (await unit.db.execute(select(AuditEntry).filter_by(account_id=account)))
            .scalars()
            .all()
        )
    assert [entry.action for entry in entries] == [
        "ACCOUNT_ADDED",
        "TOTP_ENABLED",
        "RECOVERY_CODES_MADE",
        "RECOVERY_CODE_USED",
        "TOTP_DISABLED",
    ]
    assert entries[3].detail == {"left": "9"}
    said = " ".join(str(entry.detail) for entry in entries)
    assert app.secret not in said
    assert codes[3] not in said
