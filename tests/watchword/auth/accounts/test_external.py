"""Users of other issuers: their accounts, and when their tokens are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.support.away import away
from tests.support.clock import MovedClock
from tests.support.identity import EMAIL, sign_in_desk, unit_of
from tests.support.issuer import JWKS, OPENID, FakeIssuer, fake_issuer
from tests.support.outlet import Noted
from tests.support.tokens import key
from tests.support.trusting import trusting
from watchword.auth.accounts import external
from watchword.auth.accounts.accounts import (
    disable,
    set_roles,
)
from watchword.auth.tables import AuditEntry, ExternalIdentity
from watchword.config.settings import Settings
from watchword.delivery.lease import Lease
from watchword.errors import InvalidToken, TokenExpired, TokenRevoked, Unavailable
from watchword.principal import FIRST_PARTY
from watchword.storage.database import Database
from watchword.transports.pipeline import check_renewal

SECONDS = 600


@pytest.fixture
def idp() -> Iterator[FakeIssuer]:
    with fake_issuer() as issuer:
        yield issuer


async def test_an_account_is_made_at_first_sight_and_found_again(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        said = {"email": "Ann@Example.com", "email_verified": True, "name": "Ann"}
        principal = await desk.verify(**said)
        account = (await desk.accounts())[principal.subject]
        assert (account.email, account.name, account.roles) == (
            "Ann@Example.com",
            "Ann",
            ["keeper"],
        )
        assert principal.version == account.version
        assert principal.grants.scopes == {"toys:count"}
        assert (principal.client, principal.session) == ("example|front", None)
        assert (await desk.verify(jti="2", email="other@example.com")).subject == account.id
        assert len(await desk.accounts()) == 2
        assert [action for action, _ in await desk.actions(account.id)] == [
            "ACCOUNT_ADDED", "ACCOUNT_LINKED",
        ]  # fmt: skip


async def test_a_known_address_does_not_link_an_account(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        principal = await desk.verify(email=EMAIL.upper(), email_verified=True)
        assert principal.subject != desk.local.id
        account = (await desk.accounts())[principal.subject]
        assert account.email.endswith("@example.invalid")
        # The attempt that was rolled back left nothing in the transaction.
        assert len(await desk.accounts()) == 2


@pytest.mark.parametrize(
    "said",
    [
        {}, {"email": "ann@example.com"}, {"email": "ann@example.com", "email_verified": "true"},
        {"email": "no address", "email_verified": True}, {"email": 1, "email_verified": True},
        {"email": "a@" + "x" * 400, "email_verified": True}, {"email": "a\x00@b", "email_verified": True},
        {"email": "ß" * 300 + "@example.com", "email_verified": True},
        {"name": "x" * 500}, {"name": "\x00"}, {"name": " "}, {"name": 1}, {"sub": " " * 200 + "x"},
    ],
)  # fmt: skip
async def test_whatever_is_said_of_a_person_it_gets_an_account(
    database: Database, clock: MovedClock, idp: FakeIssuer, said: dict[str, Any]
) -> None:
    async with trusting(database, clock, idp) as desk:
        principal = await desk.verify(**said)
        account = (await desk.accounts())[principal.subject]
        assert account.email.endswith("@example.invalid")
        assert 0 < len(account.name) <= 200


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("Ann\u00a0Lee \U0001f469\u200d\U0001f692", "Ann\u00a0Lee \U0001f469\u200d\U0001f692"),
        ("Ann\u202e Lee\n", "Ann Lee"), ("x" * 199 + " yz", "x" * 199),
        ("\u202e\n", "person-1"), ("\u200b", "person-1"),
    ],
)  # fmt: skip
async def test_a_person_is_called_by_its_name_however_odd_it_is(
    database: Database, clock: MovedClock, idp: FakeIssuer, said: str, kept: str
) -> None:
    async with trusting(database, clock, idp) as desk:
        principal = await desk.verify(name=said)
        assert (await desk.accounts())[principal.subject].name == kept


async def test_many_first_sights_at_once_are_one_account(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        tokens = [desk.token(jti=str(number)) for number in range(8)]
        found = await asyncio.gather(*(desk.verify(token) for token in tokens))
        assert len({principal.subject for principal in found}) == 1
        async with database.read() as db:
            assert await db.scalar(select(func.count()).select_from(ExternalIdentity)) == 1
        assert len(await desk.accounts()) == 2


async def test_the_same_subject_of_another_issuer_is_another_person(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    with fake_issuer() as other:
        entries = [idp.setting(), other.setting(name="other")]
        async with sign_in_desk(database, clock, trusted_issuers=entries) as desk:
            tokens = [issuer.token(now=clock.now()) for issuer in (idp, other)]
            one, two = [await desk.auth.verify(token) for token in tokens]
            assert one.subject != two.subject


async def test_roles_are_those_of_each_token(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        first = await desk.verify()
        second = await desk.verify(jti="2", roles=["admin"])
        assert (first.grants.roles, second.grants.roles) == ({"keeper"}, {"admin"})
        assert (await desk.verify(jti="3", roles=[])).grants.scopes == set()


async def test_a_cached_token_needs_no_query(
    database: Database, clock: MovedClock, idp: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trusting(database, clock, idp) as desk:
        token = desk.token()
        first = await desk.verify(token)
        monkeypatch.setattr(desk.auth.external._services.database, "read", None)
        monkeypatch.setattr("watchword.trust.issuers.check_signatures", None)
        assert await desk.verify(token) is first
        assert idp.asked == [OPENID, JWKS]


async def test_a_disabled_account_is_out_at_once_where_it_is_heard_and_soon_anywhere(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        token = desk.token()
        principal = await desk.verify(token)
        async with unit_of(database, clock.now()) as unit:
            await disable(unit, principal.subject)
        for event in unit.events:
            desk.auth.revocations.add(event, clock.now())
        with pytest.raises(TokenRevoked):
            await desk.verify(token)
        clock.move(10)
        with pytest.raises(TokenRevoked):
            await desk.verify(jti="new")


async def test_a_disabled_account_is_refused_after_ten_minutes_even_without_events(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        token = desk.token()
        principal = await desk.verify(token)
        assert principal.expires_at == clock.now() + SECONDS
        async with unit_of(database, clock.now()) as unit:
            await disable(unit, principal.subject)
        clock.move(SECONDS)
        with pytest.raises(TokenRevoked):
            await desk.verify(token)


async def test_a_new_account_is_audited_with_its_network_address(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        await desk.desk.step_up(desk.token(), password="no matter")
        made = select(AuditEntry.action, AuditEntry.address).where(
            AuditEntry.account_id != desk.local.id
        )
        async with database.read() as db:
            entries = (await db.execute(made.order_by(AuditEntry.position))).all()
        assert [tuple(entry) for entry in entries] == [
            ("ACCOUNT_ADDED", "203.0.113.7"), ("ACCOUNT_LINKED", "203.0.113.7"),
        ]  # fmt: skip


async def test_other_roles_of_the_account_do_not_change_what_the_token_says(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        token = desk.token()
        principal = await desk.verify(token)
        async with unit_of(database, clock.now()) as unit:
            await set_roles(unit, principal.subject, ["admin"])
        for event in unit.events:
            desk.auth.revocations.add(event, clock.now())
        again = await desk.verify(token)
        assert again.grants.roles == {"keeper"}
        assert again.version > principal.version


async def test_a_key_that_is_withdrawn_takes_its_tokens_along(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        old = desk.token()
        await desk.verify(old)
        idp.keys = [key()]
        clock.move(20)
        # A token with the new key makes this process fetch the key set, from which the old key is gone.
        await desk.verify(sub="person-2")
        with pytest.raises(InvalidToken) as refused:
            await desk.verify(old)
        assert refused.value.rule == "kid"


async def test_a_token_lives_no_longer_than_it_says(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        token = desk.token()
        for _ in range(6):
            assert (await desk.verify(token)).expires_at <= clock.now() + SECONDS
            clock.move(SECONDS)
        with pytest.raises(TokenExpired):
            await desk.verify(token)


async def test_a_token_that_is_good_for_longer_renews(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        token, ends = desk.token(), clock.now() + 3600
        first = await desk.verify(token)
        clock.move(SECONDS / 2 - 1)
        assert await desk.verify(token) is first
        clock.move(1)
        while clock.now() < ends:
            assert (await desk.verify(token)).expires_at == min(clock.now() + SECONDS, ends)
            clock.move(SECONDS / 2)
        with pytest.raises(TokenExpired):
            await desk.verify(token)


async def test_a_connection_goes_on_by_the_same_token_when_it_is_told_to_renew(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        token, holder = desk.token(), Noted()
        before = desk.auth.settings.renew_before_seconds
        lease = Lease(clock, await desk.verify(token), holder, before)
        for _ in range(3):
            clock.move(SECONDS - before)
            assert holder.told.pop() == "reminded"
            principal = await desk.verify(token)
            check_renewal(lease.principal, principal)
            lease.renew(principal)
            assert lease.ends_at == clock.now() + SECONDS
        assert holder.endings == []


async def test_a_cached_principal_is_valid_to_its_end_during_an_outage(
    database: Database, clock: MovedClock, idp: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise away(ConnectionRefusedError("the database is away"))

    async with trusting(database, clock, idp) as desk:
        kept, lost = desk.token(), desk.token(sub="person-2")
        first, second = await desk.verify(kept), await desk.verify(lost)
        async with unit_of(database, clock.now()) as unit:
            await disable(unit, second.subject)
        clock.move(SECONDS / 2)
        with pytest.raises(TokenRevoked):
            await desk.verify(lost)
        monkeypatch.setattr(external, "find", fail)
        assert await desk.verify(kept) is first
        # A token that was refused in the meantime stays refused.
        with pytest.raises(Unavailable):
            await desk.verify(lost)
        clock.move(SECONDS / 2)
        with pytest.raises(Unavailable):
            await desk.verify(kept)


async def test_a_user_without_account_has_a_stable_subject(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp, accounts="none") as desk:
        principal = await desk.verify(sub="x" * 255)
        assert len(principal.subject) <= 32
        assert principal.subject == (await desk.verify(sub="x" * 255, jti="2")).subject
        assert principal.subject != (await desk.verify(sub="y")).subject
        assert len(await desk.accounts()) == 1


async def test_our_own_tokens_go_on_as_before(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        own = (await desk.desk.login()).json()["access_token"]
        assert (await desk.verify(own)).subject == desk.local.id
        assert (await desk.verify(own)).client == FIRST_PARTY
        assert idp.asked == []


async def test_an_issuer_that_is_away_is_no_reason_to_sign_out(
    database: Database, clock: MovedClock, idp: FakeIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    idp.say(OPENID, {}, 503)
    async with trusting(database, clock, idp) as desk:
        token = desk.token()
        with pytest.raises(Unavailable):
            await desk.verify(token)
        assert token[:30] not in caplog.text


async def test_a_new_key_of_an_issuer_that_is_away_is_no_reason_to_sign_out(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        old = desk.token()
        await desk.verify(old)
        idp.keys.insert(0, key())
        idp.say(JWKS, {}, 503)
        clock.move(20)
        with pytest.raises(Unavailable):
            await desk.verify()
        assert (await desk.verify(old)).subject


async def test_the_cache_is_bounded(database: Database, clock: MovedClock, idp: FakeIssuer) -> None:
    settings = {"trusted_issuers": [idp.setting(accounts="none")], "token_cache": 3}
    async with sign_in_desk(database, clock, **settings) as desk:
        for number in range(10):
            await desk.auth.verify(idp.token(now=clock.now(), jti=str(number)))
        assert len(desk.auth.external._cache) == 3


def test_no_issuer_is_trusted_without_settings() -> None:
    assert Settings(_env_file=None).trusted_issuers == ()
