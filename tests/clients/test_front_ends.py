"""The front ends of docs/how-to for Apollo Client, urql and Relay, as they are written there, with the stock packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.account import Account
from tests.clients.script import FOLDER, running
from tests.support.documents import HOW_TO, block


def front_end(folder: Path, url: str, kind: str) -> None:
    """Write the blocks of the pages as files, beside the installed packages."""
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    for page, name in (("front-end", "session"), ("front-end", "live"), (kind, kind)):
        text = block(HOW_TO / f"{page}.md", "js", f"// {name}.js")
        (folder / f"{name}.js").write_text(text.replace('SERVER = ""', f'SERVER = "{url}"'))


@pytest.mark.parametrize("kind", ["apollo", "urql", "relay"])
async def test_it_asks_changes_follows_and_signs_out(
    kind: str, node: Path, account: Account, tmp_path: Path
) -> None:
    front_end(tmp_path, account["url"], kind)
    options = {"kind": kind, "folder": str(tmp_path), **account}
    async with running(node, "front_ends.mjs", **options) as script:
        assert (await script.wait("viewer"))["email"] == account["email"]
        assert (await script.wait("heard"))["names"] == ["first", "second", "third"]
        assert (await script.wait("viewer"))["email"] is None
