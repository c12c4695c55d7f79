"""The explorer in a real Chromium: a person signs in, asks, follows, acts with fewer scopes, and signs out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.account import Account
from tests.clients.documents import QUERY, SUBSCRIPTION
from tests.clients.responder import Responder
from tests.clients.script import running
from tests.support.path_proxy import behind_a_path

# The browser itself reports requests that are refused; the page logs no error.
REFUSED = "status of 401"
WIDE, NARROW = 1280, 480


@pytest.mark.parametrize(
    ("colours", "width"),
    [
        ("light", WIDE),
        pytest.param("dark", WIDE, marks=pytest.mark.exhaustive),
        pytest.param("light", NARROW, marks=pytest.mark.exhaustive),
        pytest.param("dark", NARROW, marks=pytest.mark.exhaustive),
    ],
)
async def test_a_person_signs_in_asks_follows_and_signs_out(
    colours: str,
    width: int,
    node: Path,
    chromium: Path,
    account: Account,
    tmp_path: Path,
    screenshots: Path,
) -> None:
    await use(node, chromium, account, tmp_path, screenshots, colours, width)
    for name in ("welcome", "events", "act-as"):
        assert (screenshots / f"explorer-{name}-{colours}-{width}.png").stat().st_size > 0


async def test_behind_a_path_that_a_proxy_takes_away_the_explorer_asks_nobody_else(
    node: Path, chromium: Path, tmp_path: Path
) -> None:
    async with behind_a_path(tmp_path / "home") as server:
        account: Account = {"url": server.url, "email": server.email, "password": server.password}
        await use(node, chromium, account, tmp_path, None)


async def use(
    node: Path,
    chromium: Path,
    account: Account,
    folder: Path,
    screenshots: Path | None,
    colours: str = "light",
    width: int = WIDE,
) -> None:
    """Do everything that a person does; the page logs no error, and sends requests only to the server."""
    options = {
        "chromium": str(chromium),
        "profile": str(folder / "profile"),
        "screenshots": screenshots and str(screenshots),
        "query": QUERY,
        "subscription": SUBSCRIPTION,
        "token": "not-a-token",
        "colours": colours,
        "width": width,
    }
    async with (
        Responder.signed_in(account) as responder,
        running(node, "browser.mjs", **options, **account) as script,
    ):
        default = await script.wait("default query")
        assert "errors" not in default["answer"]
        welcome = await script.wait("welcome")
        assert (welcome["isCut"], welcome["hidden"]) == (False, [])
        # To find out that nobody is signed in is no error.
        assert "complaint" not in [step["step"] for step in script.seen]
        assert (await script.wait("sign-in refused"))["text"]
        assert account["email"] in (await script.wait("signed in"))["text"]
        answer = (await script.wait("answer"))["answer"]
        assert answer["data"]["viewer"]["email"] == account["email"]
        await script.wait("ready")
        heard = await responder.open_until(lambda: script.wait("next"))
        assert responder.knows(heard["answer"])
        assert heard["cursor"]
        assert heard["at"].startswith("20")
        assert "errors" not in (await script.wait("beside"))["answer"]
        assert (await script.wait("two"))["open"] == 2
        both = await responder.open_until(lambda: script.wait("both"))
        assert responder.knows(both["answer"])
        assert both["hidden"] == []
        acting = await script.wait("acting")
        assert "on the same connection" in acting["connection"]
        assert acting["answer"]["data"]["viewer"]["scopes"] == ["incidents:read"]
        again = await script.wait("acting no more")
        assert len(again["answer"]["data"]["viewer"]["scopes"]) > 5
        assert account["email"] in (await script.wait("reloaded"))["text"]
        signed_out = await script.wait("signed out")
        assert signed_out["answer"]["data"] == {"viewer": None}
        # No token is stored: each begins with the same letters, which are "{" in base64url.
        assert "eyJ" not in signed_out["stored"]
        refused = (await script.wait("own token refused"))["answer"]["errors"][0]
        assert refused["extensions"]["code"] == "UNAUTHENTICATED"
        linked = await script.wait("linked")
        # The document of a link is shown and not run: an attacker may have written it.
        assert (linked["shown"], linked["answer"]) == (QUERY, "")
        assert linked["variables"] == {"a": 1}
        assert (await script.wait("link"))["query"] == "{ __typename }"
        await script.wait("done")
    complaints = [step["text"] for step in script.seen if step["step"] == "complaint"]
    assert [text for text in complaints if REFUSED not in text] == []
