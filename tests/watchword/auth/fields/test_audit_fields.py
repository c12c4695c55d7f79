"""The audit log as a GraphQL connection."""

from __future__ import annotations

import pytest

from tests.support.clock import MovedClock
from tests.support.identity import EMAIL, SignInDesk, sign_in_desk
from watchword.auth.audit.audit import Action
from watchword.auth.fields.audit_fields import audit_log
from watchword.context import Context
from watchword.errors import BadUserInput
from watchword.principal import ANONYMOUS
from watchword.relay.page import page
from watchword.storage.database import Database


def context(desk: SignInDesk) -> Context:
    return Context(desk.auth.services, ANONYMOUS)


async def test_it_is_read_from_the_newest_on(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        for _ in range(3):
            await desk.login()
        await desk.login(password="wrong horse battery")
        first = await audit_log(context(desk), page(2, None, None, None))
        assert [entry.action for entry in first.nodes()] == ["SIGN_IN_FAILED", "SIGNED_IN"]
        assert first.page_info().has_next_page
        rest = await audit_log(context(desk), page(50, first.page_info().end_cursor, None, None))
        actions = [entry.action for entry in rest.nodes()]
        assert Action.ACCOUNT_ADDED in actions
        assert not rest.page_info().has_next_page
        assert await first.count() == len(actions) + 2
        entry = first.nodes()[1]
        assert entry.account == entry.actor == desk.account.id
        assert (entry.address, entry.client) == ("203.0.113.7", "watchword")
        assert entry.session is not None
        assert entry.detail == {"methods": "pwd"}


async def test_it_is_narrowed_to_an_account_and_an_action(
    database: Database, clock: MovedClock
) -> None:
    async with sign_in_desk(database, clock) as desk:
        await desk.login(email="nobody@example.com")
        await desk.login(email=EMAIL)
        wanted = page(None, None, None, None)
        about = await audit_log(context(desk), wanted, account=desk.account.id)
        assert {entry.account for entry in about.nodes()} == {desk.account.id}
        failed = await audit_log(context(desk), wanted, action=Action.SIGN_IN_FAILED)
        assert [entry.account for entry in failed.nodes()] == [None]
        both = await audit_log(context(desk), wanted, "nobody", Action.SIGNED_IN)
        assert both.nodes() == []


async def test_a_forged_cursor_is_refused(database: Database, clock: MovedClock) -> None:
    async with sign_in_desk(database, clock) as desk:
        with pytest.raises(BadUserInput):
            await audit_log(context(desk), page(2, "x", None, None))
