"""The stock graphql-ws client: signs in, subscribes, gives up on 4401, comes back after 4403."""

from __future__ import annotations

from pathlib import Path

from tests.clients.account import Account
from tests.clients.documents import SUBSCRIPTION
from tests.clients.responder import Responder
from tests.clients.script import running

SCRIPT = "graphql_ws.mjs"


async def test_it_signs_in_connects_and_receives(node: Path, account: Account) -> None:
    async with (
        Responder.signed_in(account) as responder,
        running(node, SCRIPT, scenario="subscribe", subscription=SUBSCRIPTION, **account) as script,
    ):
        ready = await script.wait("ready")
        assert set(ready["payload"]) == {"expiresAt", "renewBefore"}
        heard = await responder.open_until(lambda: script.wait("next"))
        assert responder.knows(heard["answer"])


async def test_it_gives_up_at_once_when_the_token_is_bad(node: Path, account: Account) -> None:
    async with running(
        node, SCRIPT, scenario="refused", token="not-a-token", subscription=SUBSCRIPTION, **account
    ) as script:
        steps = await script.rest()
    assert [step["step"] for step in steps] == ["connecting", "closed", "gave up"]
    assert steps[1]["code"] == steps[2]["code"] == 4401
    assert steps[2]["attempts"] == 1


async def test_it_comes_back_with_a_fresh_token_when_its_own_has_expired(
    node: Path, account: Account, expired_token: str
) -> None:
    async with (
        Responder.signed_in(account) as responder,
        running(
            node,
            SCRIPT,
            scenario="expired",
            token=expired_token,
            subscription=SUBSCRIPTION,
            **account,
        ) as script,
    ):
        steps = [await script.read() for _ in range(4)]
        assert [step["step"] for step in steps] == ["connecting", "closed", "connecting", "ready"]
        assert (steps[1]["code"], steps[1]["reason"]) == (4403, "token expired")
        heard = await responder.open_until(lambda: script.wait("next"))
        assert responder.knows(heard["answer"])
