"""The adapters of watchword-client, as docs/how-to shows them, with the real libraries and the packed package: each ends
with exactly the events that it was allowed to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.account import Account
from tests.clients.package.site import FOLDER
from tests.clients.script import running
from tests.support.documents import FRONT_END, HOW_TO, block
from tests.support.npm_package import project

PAGES = {
    "apollo": HOW_TO / "apollo.md",
    "urql": HOW_TO / "urql.md",
    "relay": HOW_TO / "relay.md",
    "graphql-ws": FRONT_END,
    "tanstack-query": FRONT_END,
}


@pytest.mark.parametrize("kind", PAGES)
async def test_it_asks_changes_follows_and_signs_out(
    kind: str, node: Path, packed: Path, account: Account, tmp_path: Path
) -> None:
    text = block(PAGES[kind], "js", f"// {kind}.js\n")
    # What a user writes: no more than five lines.
    assert len(text.splitlines()) <= 6
    project(tmp_path, packed)
    (tmp_path / f"{kind}.js").write_text(text.replace("https://api.example.com", account["url"]))
    (tmp_path / "libraries.js").write_text('export { gql } from "@apollo/client";')
    options = {"kind": kind, "folder": str(tmp_path), **account}
    async with running(node, "adapters.mjs", FOLDER, **options) as script:
        assert (await script.wait("viewer"))["email"] is None
        assert (await script.wait("viewer"))["email"] == account["email"]
        assert (await script.wait("viewer"))["email"] is None
        assert (await script.wait("heard"))["names"] == ["first", "second", "third", "fourth"]
        assert (await script.wait("viewer"))["email"] == account["email"]
