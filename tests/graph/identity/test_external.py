"""People of other issuers: which account each is, and when it is believed no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import func, select

from graph.database import Database
from graph.errors import InvalidToken, TokenExpired, TokenRevoked, Unavailable
from graph.identity.accounts import disable, list_accounts, set_password, set_roles
from graph.identity.external import link
from graph.identity.tables import Account, AuditEntry, ExternalIdentity
from graph.principal import FIRST_PARTY
from graph.settings import Settings
from tests.support.clock import MovedClock
from tests.support.identity import EMAIL, SignInDesk, sign_in_desk, unit_of
from tests.support.issuer import JWKS, OPENID, FakeIssuer, fake_issuer
from tests.support.tokens import key

SECONDS = 600


@pytest.fixture
def idp() -> Iterator[FakeIssuer]:
    with fake_issuer() as issuer:
        yield issuer


class Desk:
    """A sign-in desk that trusts an issuer, and what it makes of that issuer's tokens."""

    def __init__(
        self, desk: SignInDesk, database: Database, clock: MovedClock, idp: FakeIssuer
    ) -> None:
        self.identity, self.local = desk.identity, desk.account
        self.desk, self.database, self.clock, self.idp = desk, database, clock, idp

    def token(self, **changes: Any) -> str:
        return self.idp.token(**{"now": self.clock.now(), **changes})

    async def verify(self, token: str | None = None, **changes: Any) -> Any:
        return await self.identity.verify(token or self.token(**changes))

    async def accounts(self) -> dict[str, Account]:
        async with self.database.read() as session:
            return {account.id: account for account in await list_accounts(session)}

    async def actions(self, account: str) -> list[tuple[str, dict[str, str]]]:
        entries = select(AuditEntry).filter_by(account_id=account).order_by(AuditEntry.position)
        async with self.database.read() as session:
            found = (await session.execute(entries)).scalars()
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


async def test_an_address_that_somebody_has_here_links_to_nobody(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        principal = await desk.verify(email=EMAIL.upper(), email_verified=True)
        assert principal.subject != desk.local.id
        account = (await desk.accounts())[principal.subject]
        assert account.email.endswith("@example.invalid")
        # And what was tried and taken back left nothing in the transaction.
        assert len(await desk.accounts()) == 2


@pytest.mark.parametrize(
    "said",
    [
        {}, {"email": "ann@example.com"}, {"email": "ann@example.com", "email_verified": "true"},
        {"email": "no address", "email_verified": True}, {"email": 1, "email_verified": True},
        {"email": "a@" + "x" * 400, "email_verified": True}, {"email": "a\x00@b", "email_verified": True},
        {"name": "x" * 500}, {"name": "\x00"}, {"name": " "}, {"name": 1},
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


async def test_many_first_sights_at_once_are_one_account(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        tokens = [desk.token(jti=str(number)) for number in range(8)]
        found = await asyncio.gather(*(desk.verify(token) for token in tokens))
        assert len({principal.subject for principal in found}) == 1
        async with database.read() as session:
            assert await session.scalar(select(func.count()).select_from(ExternalIdentity)) == 1
        assert len(await desk.accounts()) == 2


async def test_the_same_subject_of_another_issuer_is_another_person(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    with fake_issuer() as other:
        entries = [idp.setting(), other.setting(name="other")]
        async with sign_in_desk(database, clock, trusted_issuers=entries) as desk:
            tokens = [issuer.token(now=clock.now()) for issuer in (idp, other)]
            one, two = [await desk.identity.verify(token) for token in tokens]
            assert one.subject != two.subject


async def test_roles_are_those_of_each_token(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        first = await desk.verify()
        second = await desk.verify(jti="2", roles=["admin"])
        assert (first.grants.roles, second.grants.roles) == ({"keeper"}, {"admin"})
        assert (await desk.verify(jti="3", roles=[])).grants.scopes == set()


async def test_a_token_seen_before_asks_nobody(
    database: Database, clock: MovedClock, idp: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trusting(database, clock, idp) as desk:
        token = desk.token()
        first = await desk.verify(token)
        monkeypatch.setattr(desk.identity.external._services.database, "read", None)
        monkeypatch.setattr("graph.trust.issuers.check_signature", None)
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
            desk.identity.revocations.add(event, clock.now())
        with pytest.raises(TokenRevoked):
            await desk.verify(token)
        clock.move(10)
        with pytest.raises(TokenRevoked):
            await desk.verify(jti="new")


async def test_a_disabled_account_is_out_after_ten_minutes_even_if_nothing_is_heard(
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


async def test_who_is_signed_out_everywhere_needs_a_token_from_after_that(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        old = desk.token()
        principal = await desk.verify(old)
        clock.move(10)
        async with unit_of(database, clock.now()) as unit:
            await set_password(unit, principal.subject, "correct horse battery staple")
        for event in unit.events:
            desk.identity.revocations.add(event, clock.now())
        with pytest.raises(TokenRevoked):
            await desk.verify(old)
        with pytest.raises(TokenRevoked):
            await desk.verify(desk.token(jti="other", now=clock.now() - 5))
        clock.move(2 * SECONDS)
        with pytest.raises(TokenRevoked):
            await desk.verify(old)
        assert (await desk.verify(jti="new")).subject == principal.subject


async def test_other_roles_of_the_account_do_not_change_what_the_token_says(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        token = desk.token()
        principal = await desk.verify(token)
        async with unit_of(database, clock.now()) as unit:
            await set_roles(unit, principal.subject, ["admin"])
        for event in unit.events:
            desk.identity.revocations.add(event, clock.now())
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
        # Somebody comes with the new key, and the old one is seen to be gone.
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


async def test_who_has_no_account_is_nobodys_and_always_the_same(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp, accounts="none") as desk:
        principal = await desk.verify(sub="x" * 255)
        assert len(principal.subject) <= 32
        assert principal.subject == (await desk.verify(sub="x" * 255, jti="2")).subject
        assert principal.subject != (await desk.verify(sub="y")).subject
        assert len(await desk.accounts()) == 1


async def test_only_those_who_were_linked_come_in(
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


async def test_nobody_of_another_issuer_is_one_of_ours(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    async with trusting(database, clock, idp) as desk:
        principal = await desk.verify(client_id=FIRST_PARTY, sid="s", ver=99)
        assert principal.client != FIRST_PARTY
        assert principal.session is None
        # An issuer names its own people, not our accounts.
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


async def test_what_is_remembered_is_bounded(
    database: Database, clock: MovedClock, idp: FakeIssuer
) -> None:
    settings = {"trusted_issuers": [idp.setting(accounts="none")], "token_cache": 3}
    async with sign_in_desk(database, clock, **settings) as desk:
        for number in range(10):
            await desk.identity.verify(idp.token(now=clock.now(), jti=str(number)))
        assert len(desk.identity.external._known) == 3


def test_nobody_is_trusted_unless_the_settings_say_so() -> None:
    assert Settings(_env_file=None).trusted_issuers == ()
