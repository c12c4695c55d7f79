"""A stock DPoP client signs in with a key, queries, subscribes, refreshes and renews with its proofs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.documents import OPEN, QUERY, SUBSCRIPTION
from tests.clients.script import FOLDER, running
from tests.support.npm_package import bundled
from tests.support.server import LiveServer


@pytest.fixture
def demanding_server(sqlite_url: str, tmp_path: Path) -> Iterator[LiveServer]:
    """A server that requires proofs, and whose URL is its issuer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = LiveServer(
        tmp_path / "home",
        sqlite_url,
        WATCHWORD_ISSUER=f"http://127.0.0.1:{port}",
        WATCHWORD_DPOP="required",
        WATCHWORD_DPOP_NONCE="true",
    )
    server.arguments = ("--port", str(port))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize(
    "algorithm", ["ES256", pytest.param("PS256", marks=pytest.mark.exhaustive)]
)
async def test_it_proves_its_key_on_every_transport(
    algorithm: str, node: Path, demanding_server: LiveServer
) -> None:
    server = demanding_server
    async with running(
        node,
        "dpop.mjs",
        algorithm=algorithm,
        query=QUERY,
        subscription=SUBSCRIPTION,
        mutation=OPEN,
        url=server.url,
        email=server.email,
        password=server.password,
    ) as script:
        # RFC 9449, section 8: the authorization server asks for a nonce with status 400.
        assert (await script.read()) == {"step": "nonce", "status": 400}
        assert (await script.read()) == {"step": "signed in", "type": "DPoP", "status": 200}
        asked = await script.wait("asked")
        assert asked["status"] == 200
        assert asked["body"]["data"]["viewer"]["email"] == server.email
        stolen = await script.wait("stolen")
        assert stolen["status"] == 401
        assert stolen["challenge"].startswith('DPoP realm="watchword", error="invalid_token"')
        rest = await script.rest()
    steps = {step["step"]: step for step in rest}
    assert steps["refreshed"] == {"step": "refreshed", "type": "DPoP", "status": 200}
    assert set(steps["renewed"]["payload"]) == {"expiresAt", "renewBefore"}
    heard = steps["next"]["answer"]["data"]["incidentsChanged"]["incident"]["name"]
    assert heard == "Trouble with keys"


@pytest.mark.parametrize(
    "hours",
    [
        pytest.param(0, marks=pytest.mark.exhaustive),
        1,
        pytest.param(-1, marks=pytest.mark.exhaustive),
    ],
)
async def test_the_package_binds_all_tabs_of_a_browser_to_a_key_that_no_script_can_read(
    hours: int, node: Path, chromium: Path, demanding_server: LiveServer, tmp_path: Path
) -> None:
    """The browser's clock may be hours wrong: proofs have the server's time."""
    server = demanding_server
    options = {
        "chromium": str(chromium),
        "profile": str(tmp_path / "profile"),
        "ahead": hours * 3_600_000,
    }
    account = {"url": server.url, "email": server.email, "password": server.password}
    scripts, package = FOLDER / "package", bundled("index", "dpop")
    async with running(
        node, "dpop_page.mjs", scripts, package=package, **options, **account
    ) as page:
        viewer = {"viewer": {"email": server.email}}
        assert (await page.wait("opened"))["states"] == ["anonymous", "anonymous"]
        assert (await page.wait("signed in"))["answer"] == viewer
        followed = await page.wait("followed")
        assert followed["closed"] == ["use_dpop_nonce"]
        assert set(followed["terms"]) == {"expiresAt", "renewBefore"}
        assert (await page.wait("clock"))["answers"] == [viewer, viewer]
        stolen = await page.wait("stolen")
        assert (stolen["status"], stolen["keys"]) == (401, 1)
        assert stolen["exported"] == "InvalidAccessError"
        assert (await page.wait("other tab"))["answer"] == viewer
        reloaded = await page.wait("reloaded")
        assert (reloaded["state"], reloaded["answer"]) == ("signedIn", viewer)
