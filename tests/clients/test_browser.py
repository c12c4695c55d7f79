"""The explorer in a real Chromium: a person signs in, queries, subscribes, and signs out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.account import Account
from tests.clients.documents import QUERY, SUBSCRIPTION
from tests.clients.responder import Responder
from tests.clients.script import running
from tests.support.path_proxy import behind_a_path

# The browser itself reports the refused sign-in; the page logs no error.
REFUSED_SIGN_IN = "status of 401"


@pytest.mark.parametrize("colours", ["light", pytest.param("dark", marks=pytest.mark.exhaustive)])
async def test_a_person_signs_in_asks_follows_and_signs_out(
    colours: str, node: Path, chromium: Path, account: Account, tmp_path: Path
) -> None:
    await use(node, chromium, account, tmp_path, colours)


async def test_behind_a_path_that_a_proxy_takes_away_the_explorer_asks_nobody_else(
    node: Path, chromium: Path, tmp_path: Path
) -> None:
    async with behind_a_path(tmp_path / "home") as server:
        account: Account = {"url": server.url, "email": server.email, "password": server.password}
        await use(node, chromium, account, tmp_path)


async def use(
    node: Path, chromium: Path, account: Account, folder: Path, colours: str = "light"
) -> None:
    """Do everything that a person does; the page logs no error, and sends requests only to the server."""
    options = {
        "chromium": str(chromium),
        "profile": str(folder / "profile"),
        "screenshot": str(folder / "explorer.png"),
        "query": QUERY,
        "subscription": SUBSCRIPTION,
        "token": "not-a-token",
        "colours": colours,
    }
    async with (
        Responder.signed_in(account) as responder,
        running(node, "browser.mjs", **options, **account) as script,
    ):
        default = await script.wait("default query")
        assert "errors" not in default["answer"]
        assert (await script.wait("sign-in refused"))["text"]
        signed_in = await script.wait("signed in")
        assert account["email"] in signed_in["text"]
        token = signed_in["headers"]["Authorization"].removeprefix("Bearer ")
        answer = (await script.wait("answer"))["answer"]
        assert answer["data"]["viewer"]["email"] == account["email"]
        await script.wait("ready")
        heard = await responder.open_until(lambda: script.wait("next"))
        assert responder.knows(heard["answer"])
        signed_out = await script.wait("signed out")
        assert signed_out["headers"] == ""
        assert token not in signed_out["stored"]
        refused = (await script.wait("socket refused"))["answer"]["errors"][0]
        assert refused["extensions"]["closeCode"] == 4401
        assert "Sign in again." in refused["message"]
        linked = await script.wait("linked")
        # The document of a link is shown and not run: an attacker may have written it.
        assert (linked["shown"], linked["answer"]) == (True, "")
        await script.wait("done")
    complaints = [step["text"] for step in script.seen if step["step"] == "complaint"]
    assert [text for text in complaints if REFUSED_SIGN_IN not in text] == []
    assert (folder / "explorer.png").stat().st_size > 0
