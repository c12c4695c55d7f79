"""The auth service: the principal of a token, and its roles and scopes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from watchword.auth.accounts.accounts import set_roles
from watchword.errors import InvalidToken


async def test_new_roles_are_in_the_next_token(sqlite_desk: Any, clock: MovedClock) -> None:
    answer = (await sqlite_desk.login(delivery="body")).json()
    async with unit_of(sqlite_desk.auth.sessions._database) as unit:
        await set_roles(unit, sqlite_desk.account.id, ["admin"])
    refreshed = (await sqlite_desk.refresh(answer["refresh_token"])).json()
    assert refreshed["scope"] == "toys:all"
    principal = await sqlite_desk.auth.verify(refreshed["access_token"])
    assert principal.grants.roles == {"admin"}


async def test_a_refused_token_names_its_rule_in_the_log_and_nothing_of_itself(
    sqlite_desk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    token = (await sqlite_desk.login()).json()["access_token"]
    with pytest.raises(InvalidToken):
        await sqlite_desk.auth.verify(token[:-8] + "AAAAAAAA")
    assert "refused by the rule: signature" in caplog.text
    assert token[:40] not in caplog.text
