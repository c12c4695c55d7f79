"""Links of accounts to subjects of other issuers: made, removed, and what a sign-out does to them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from tests.support.issuer import FakeIssuer, fake_issuer
from tests.support.trusting import trusting
from watchword.auth.accounts.accounts import (
    set_password,
    sign_out,
)
from watchword.auth.accounts.links import link, unlink
from watchword.auth.service import AuthService
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.errors import InvalidToken, NotFound, TokenRevoked
from watchword.principal import FIRST_PARTY
from watchword.storage.database import Database

SECONDS = 600


@pytest.fixture
def idp() -> Iterator[FakeIssuer]:
    with fake_issuer() as issuer:
        yield issuer


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
