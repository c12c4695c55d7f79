"""Users of other issuers: their accounts, and when their tokens are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.support.away import away
from tests.support.clock import MovedClock
from tests.support.identity import EMAIL, SignInDesk, sign_in_desk, unit_of
from tests.support.issuer import JWKS, OPENID, FakeIssuer, fake_issuer
from tests.support.outlet import Noted
from tests.support.tokens import key
from watchword.auth.accounts import external
from watchword.auth.accounts.accounts import (
    disable,
    list_accounts,
    set_password,
    set_roles,
    sign_out,
)
from watchword.auth.accounts.external import link, unlink
from watchword.auth.service import AuthService
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.auth.tables import Account, AuditEntry, ExternalIdentity
from watchword.config.settings import Settings
from watchword.delivery.lease import Lease
from watchword.errors import InvalidToken, NotFound, TokenExpired, TokenRevoked, Unavailable
from watchword.principal import FIRST_PARTY
from watchword.storage.database import Database
from watchword.transports.pipeline import check_renewal

SECONDS = 600


@pytest.fixture
def idp() -> Iterator[FakeIssuer]:
    with fake_issuer() as issuer:
        yield issuer


class Desk:
    """A sign-in desk that trusts an issuer and verifies its tokens."""

    def __init__(
        self, desk: SignInDesk, database: Database, clock: MovedClock, idp: FakeIssuer
    ) -> None:
        self.auth, self.local = desk.auth, desk.account
        self.desk, self.database, self.clock, self.idp = desk, database, clock, idp

    def token(self, **changes: Any) -> str:
        return self.idp.token(**{"now": self.clock.now(), **changes})

    async def verify(self, token: str | None = None, **changes: Any) -> Any:
        return await self.auth.verify(token or self.token(**changes))

    async def accounts(self) -> dict[str, Account]:
        async with self.database.read() as db:
            return {account.id: account for account in await list_accounts(db)}

    async def actions(self, account: str) -> list[tuple[str, dict[str, str]]]:
        entries = select(AuditEntry).filter_by(account_id=account).order_by(AuditEntry.position)
        async with self.database.read() as db:
            found = (await db.execute(entries)).scalars()
            return [(entry.action, entry.detail) for entry in found]


@asynccontextmanager
async def trusting(
    database: Database, clock: MovedClock, idp: FakeIssuer, **entry: Any
) -> AsyncIterator[Desk]:
    settings = idp.setting(**entry)
    async with sign_in_desk(database, clock, trusted_issuers=[settings]) as desk:
        yield Desk(desk, database, clock, idp)


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


async def test_after_signing_out_everywhere_a_newer_token_is_needed(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        old = desk.token()
        principal = await desk.verify(old)
        clock.move(10)
        async with unit_of(database, clock.now()) as unit:
            await set_password(
                unit, principal.subject, await hash_chosen("correct horse battery staple")
            )
        for event in unit.events:
            desk.auth.revocations.add(event, clock.now())
        with pytest.raises(TokenRevoked):
            await desk.verify(old)
        with pytest.raises(TokenRevoked):
            await desk.verify(desk.token(jti="other", now=clock.now() - 5))
        clock.move(2 * SECONDS)
        with pytest.raises(TokenRevoked):
            await desk.verify(old)
        assert (await desk.verify(jti="new")).subject == principal.subject


async def test_signing_out_in_another_process_ends_external_tokens_too(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        async with unit_of(database, clock.now()) as unit:
            await link(unit, idp.url, "elsewhere", desk.local.id)
        token = desk.token(sub="elsewhere")
        assert (await desk.verify(token)).subject == desk.local.id
        mine = await desk.desk.sign_in()
        async with unit_of(database, clock.now()) as unit:
            await sign_out(unit, desk.local.id, keep=mine.session.id)
        for event in unit.events:
            desk.auth.revocations.add(event, clock.now())
        # A token that is verified for the first time now is refused too.
        for old in (token, desk.token(sub="elsewhere", jti="other")):
            with pytest.raises(TokenRevoked):
                await desk.verify(old)
        assert (await desk.desk.refresh(mine.refresh_token)).status_code == 200


async def test_an_issuer_whose_clock_is_ahead_is_signed_out_too(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        ahead = desk.token(now=clock.now() + desk.auth.settings.leeway_seconds)
        principal = await desk.verify(ahead)
        async with unit_of(database, clock.now()) as unit:
            await sign_out(unit, principal.subject)
        clock.move(10)
        # A second process that has not seen the token, and receives no events.
        other = AuthService(desk.auth.services)
        await other.open()
        with pytest.raises(TokenRevoked):
            await other.verify(ahead)
        assert (await other.verify(desk.token(jti="new"))).subject == principal.subject


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


async def test_only_linked_users_are_accepted(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp, accounts="known") as desk:
        with pytest.raises(InvalidToken) as refused:
            await desk.verify()
        assert refused.value.rule == "no account"
        async with unit_of(database, clock.now()) as unit:
            await link(unit, idp.url, "person-1", desk.local.id)
        assert (await desk.verify()).subject == desk.local.id
        assert ("ACCOUNT_LINKED", {"issuer": idp.url, "subject": "person-1"}) in (
            await desk.actions(desk.local.id)
        )


async def test_a_user_can_be_unlinked_and_linked_to_another_account(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        before = await desk.verify()
        async with unit_of(database, clock.now()) as unit:
            assert (await unlink(unit, idp.url, "person-1")).id == before.subject
            await link(unit, idp.url, "person-1", desk.local.id)
        assert (await desk.verify(jti="2")).subject == desk.local.id
        assert (await desk.actions(before.subject))[-1] == (
            "ACCOUNT_UNLINKED", {"issuer": idp.url, "subject": "person-1"},
        )  # fmt: skip


async def test_unlinking_ends_all_tokens_in_every_process(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        async with unit_of(database, clock.now()) as unit:
            await link(unit, idp.url, "person-1", desk.local.id)
        mine, token = await desk.desk.sign_in(), desk.token()
        other = AuthService(desk.auth.services)
        await other.open()
        for auth in (desk.auth, other):
            assert (await auth.verify(token)).subject == desk.local.id
        async with unit_of(database, clock.now()) as unit:
            await unlink(unit, idp.url, "person-1")
        for auth in (desk.auth, other):
            for event in unit.events:
                auth.revocations.add(event, clock.now())
            with pytest.raises(TokenRevoked):
                await auth.verify(token)
        clock.move(2 * SECONDS)
        for auth in (desk.auth, other):
            assert (await auth.verify(token)).subject != desk.local.id
        # The account's own session can go on.
        assert (await desk.desk.refresh(mine.refresh_token)).status_code == 200


async def test_an_unlinked_user_gets_a_new_account(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        seen = set()
        for number in range(3):
            seen.add((await desk.verify(jti=str(number))).subject)
            async with unit_of(database, clock.now()) as unit:
                await unlink(unit, idp.url, "person-1")
        assert len(seen) == 3
        with pytest.raises(NotFound):
            async with unit_of(database, clock.now()) as unit:
                await unlink(unit, idp.url, "person-1")


async def test_a_subject_of_another_issuer_is_not_an_account_of_ours(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        principal = await desk.verify(client_id=FIRST_PARTY, sid="s", ver=99)
        assert principal.client != FIRST_PARTY
        assert principal.session is None
        # An issuer names its own subjects, not our accounts.
        taken = await desk.verify(sub=desk.local.id, jti="2")
        assert taken.subject != desk.local.id


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


async def test_a_token_of_the_very_second_in_which_its_person_was_signed_out_is_refused(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        principal = await desk.verify()
        async with unit_of(database, clock.now()) as unit:
            await sign_out(unit, principal.subject)
        # No event reaches this process: the row alone decides.
        with pytest.raises(TokenRevoked):
            await desk.verify(jti="same second")
        # The issuer's clock may be ahead by this much.
        clock.move(desk.auth.settings.leeway_seconds + 1)
        assert (await desk.verify(jti="next second")).subject == principal.subject
