"""The stock graphql-ws client signs in, subscribes, gives up on 4401, and reconnects after 4403."""

from __future__ import annotations

from pathlib import Path

from tests.clients.account import Account
from tests.clients.documents import SUBSCRIPTION
from tests.clients.responder import Responder
from tests.clients.script import running
from tests.support.toy_server import serving
from watchword.config.settings import Settings
from watchword.transports.front import Front
from watchword.transports.middleware.startup import Startup, StartupGate

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


async def test_it_tries_again_while_the_server_is_not_open(node: Path) -> None:
    settings, app = Settings(_env_file=None), Front()
    app.put_in_front(StartupGate, startup=Startup())
    async with (
        serving(app, settings) as (url, _),
        running(node, SCRIPT, scenario="refused", subscription=SUBSCRIPTION, url=url) as script,
    ):
        steps = await script.rest()
    # The first attempt, and the three retries that the script allows.
    closed = [step["code"] for step in steps if step["step"] == "closed"]
    assert closed == [1013] * 4


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


async def test_it_misses_nothing_while_it_was_away(node: Path, account: Account) -> None:
    async with (
        Responder.signed_in(account) as responder,
        running(node, SCRIPT, scenario="resume", subscription=SUBSCRIPTION, **account) as script,
    ):
        await script.wait("ready")
        heard = await responder.open_until(lambda: script.wait("next"))
        assert responder.knows(heard["answer"])
        await script.wait("closed")
        names = [await responder.open() for _ in range(3)]
        await script.wait("ready")
        missed: list[str] = []
        while not missed or missed[-1] != names[-1]:
            answer = (await script.wait("next"))["answer"]
            missed.append(answer["data"]["incidentsChanged"]["incident"]["name"])
        assert missed[-3:] == names
        assert len(set(missed)) == len(missed)


async def test_it_renews_on_the_live_socket(node: Path, account: Account) -> None:
    async with running(
        node, SCRIPT, scenario="renew", subscription=SUBSCRIPTION, **account
    ) as script:
        ready = await script.wait("ready")
        renewed = await script.wait("renewed")
        assert set(renewed["payload"]) == {"expiresAt", "renewBefore"}
        assert renewed["payload"]["expiresAt"] >= ready["payload"]["expiresAt"]
