"""watchword-client stays below the limits of a server with its default settings."""

from __future__ import annotations

from pathlib import Path

from tests.clients.account import Account
from tests.clients.documents import SUBSCRIPTION
from tests.clients.package.site import FOLDER
from tests.clients.responder import Responder
from tests.clients.script import running


async def test_two_hundred_subscriptions_at_once_are_all_served(
    node: Path, package: Path, account: Account
) -> None:
    options = {"url": account["url"], "package": str(package), "given": {"factor": 1}}
    async with (
        Responder.signed_in(account) as responder,
        running(node, "node_page.mjs", FOLDER, **options) as page,
    ):
        await page.wait("loaded")
        page.tell("signIn", email=account["email"], password=account["password"])
        await page.wait("signedIn")
        for _ in range(200):
            page.tell("follow", query=SUBSCRIPTION)
        for _ in range(200):
            await page.wait("started")
        name = await responder.open()
        heard = [await page.wait("next") for _ in range(200)]
    opened = [step["data"]["incidentsChanged"]["incident"]["name"] for step in heard]
    assert opened == [name] * 200
    # One socket carries a hundred, and the server closed none of them.
    steps = [step["step"] for step in page.seen]
    assert (steps.count("connected"), steps.count("closed")) == (2, 0)
