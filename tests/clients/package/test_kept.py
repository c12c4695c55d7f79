"""Tokens are in memory only: after sign-in, refresh, step-up and passkeys, nothing that a script can read has one, nor
what tabs tell each other."""

from __future__ import annotations

from pathlib import Path

from incident_room.pages.assets import Assets
from tests.clients.package.site import FOLDER
from tests.clients.script import running
from tests.support.npm_package import bundled
from tests.support.programs import missing
from tests.support.server import issuing


async def test_nothing_that_a_script_can_read_has_a_token(
    node: Path, chromium: Path, sqlite_url: str, tmp_path: Path
) -> None:
    if Assets().get("room.js") is None:
        missing("The room is not built: run `make pages`.")
    profile = {"chromium": str(chromium), "profile": str(tmp_path / "profile")}
    package = bundled("index", "passkeys", "dpop")
    with issuing(tmp_path / "home", sqlite_url) as server:
        account = {"url": server.url, "email": server.email, "password": server.password}
        async with running(
            node, "kept.mjs", FOLDER, package=package, **account, **profile
        ) as script:
            looks = {step["step"]: step for step in await script.rest()}
    assert [*looks] == ["bearer", "bound", "room"]
    # Sign-in, refresh, step-up, and the same with a passkey; and the cookie of the session.
    assert [looks[name]["tokens"] for name in ("bearer", "bound")] == [5, 5]
    for look in looks.values():
        assert look["secrets"] > look["tokens"] > 0
        assert look["found"] == []
        # The test has seen what tabs tell each other.
        assert any(each.startswith("postMessage") for each in look["noted"])
        assert any(each.startswith("request") for each in look["noted"])
    assert looks["bearer"]["keys"] == looks["room"]["keys"] == []
    [private, _] = looks["bound"]["keys"]
    assert private == {"type": "private", "extractable": False}
