"""The stock graphql-sse client, in its distinct connections mode."""

from __future__ import annotations

from pathlib import Path

from tests.clients.account import Account
from tests.clients.documents import SUBSCRIPTION
from tests.clients.responder import Responder
from tests.clients.script import running

SCRIPT = "graphql_sse.mjs"


async def test_it_signs_in_connects_and_receives(node: Path, account: Account) -> None:
    async with (
        Responder.signed_in(account) as responder,
        running(node, SCRIPT, subscription=SUBSCRIPTION, **account) as script,
    ):
        await script.wait("ready")
        heard = await responder.open_until(lambda: script.wait("next"))
        assert responder.knows(heard["answer"])


async def test_a_bad_token_is_an_error_that_says_401(node: Path, account: Account) -> None:
    async with running(
        node, SCRIPT, subscription=SUBSCRIPTION, token="not-a-token", **account
    ) as script:
        steps = await script.rest()
    assert [(step["step"], step["status"]) for step in steps] == [("gave up", 401)]
