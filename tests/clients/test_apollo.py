"""Stock Apollo Client: its error link sees the 401, refreshes and retries; its socket receives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.account import Account
from tests.clients.documents import QUERY, SUBSCRIPTION
from tests.clients.responder import Responder
from tests.clients.script import running


@pytest.mark.parametrize("reason", ["bad", "expired"])
async def test_its_error_link_refreshes_a_refused_token_and_retries(
    reason: str, node: Path, account: Account, expired_token: str
) -> None:
    token = {"bad": "not-a-token", "expired": expired_token}[reason]
    options = {"query": QUERY, "subscription": SUBSCRIPTION, "token": token}
    async with (
        Responder.signed_in(account) as responder,
        running(node, "apollo.mjs", **options, **account) as script,
    ):
        refused = await script.read()
        assert (refused["step"], refused["status"]) == ("refused", 401)
        assert 'error="invalid_token"' in refused["challenge"]
        assert (await script.read())["step"] == "refreshed"
        answer = await script.read()
        assert answer["data"]["viewer"]["email"] == account["email"]
        await script.wait("ready")
        heard = await responder.open_until(lambda: script.wait("next"))
        assert responder.knows(heard)


async def test_it_subscribes_in_parts_over_plain_http(
    node: Path, account: Account, expired_token: str
) -> None:
    options = {"query": QUERY, "subscription": SUBSCRIPTION, "token": expired_token}
    async with (
        Responder.signed_in(account) as responder,
        running(node, "apollo.mjs", multipart=True, **options, **account) as script,
    ):
        await script.wait("answer")
        for _ in range(2):
            heard = await responder.open_until(lambda: script.wait("next"))
            assert responder.knows(heard)
