"""The room, and the public page beside it, in a real Chromium where all tokens must be bound to a key (DPoP)."""

from __future__ import annotations

from pathlib import Path

from incident_room.pages.assets import Assets
from tests.clients.windows import windows
from tests.support.path_proxy import behind_a_path
from tests.support.programs import missing

REQUIRED = {"WATCHWORD_DPOP": "required", "WATCHWORD_DPOP_NONCE": "true"}


async def test_where_tokens_must_be_bound_the_room_binds_them_and_the_public_page_has_none(
    node: Path, chromium: Path, tmp_path: Path, screenshots: Path
) -> None:
    if Assets().get("dpop.js") is None:
        missing("The room is not built: run `make pages`.")
    # The browser's clock is in its proofs, so the server's is the machine's too.
    async with (
        behind_a_path(tmp_path / "home", **REQUIRED) as server,
        windows(node, chromium, server.url, tmp_path, screenshots, "bound") as script,
    ):
        shown = await script.wait("shown")
        assert {*shown["scripts"]} == {"room"}
        assert shown["schemes"] == ["DPoP"]
        await script.wait("by passkey")
        await script.rest()
