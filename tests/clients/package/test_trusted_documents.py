"""Front ends that send ids, with the manifests that their builds make, against a server that takes nothing else."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.package.site import FOLDER
from tests.clients.script import running
from tests.support.documents import HOW_TO, block, run
from tests.support.npm_package import project
from tests.support.server import LiveServer, live_server

KINDS = ["session", "sse", "apollo", "urql", "relay"]


@pytest.fixture
async def strict(node: Path, packed: Path, tmp_path: Path) -> AsyncIterator[LiveServer]:
    """A server that takes only the documents of the manifests that the script has written."""
    front, manifests = tmp_path / "front", tmp_path / "manifests"
    front.mkdir()
    manifests.mkdir()
    project(front, packed)
    shutil.copy(FOLDER / "trusted.mjs", front)
    options = {"step": "manifests", "folder": str(manifests)}
    async with running(node, "trusted.mjs", front, **options) as script:
        await script.wait("written")
    settings = {"WATCHWORD_DOCUMENTS": str(manifests), "WATCHWORD_DOCUMENTS_ONLY": '["watchword"]'}
    with live_server(tmp_path / "home", **settings) as server:
        assert "All 14 trusted documents can be run" in server.run("documents", "check")
        # The admin may send any document, so somebody else asks.
        said = server.run("accounts", "add", "ann@example.com", "--role", "responder")
        server.email, server.password = "ann@example.com", said.split("Password: ")[1].split()[0]
        yield server


async def test_each_client_asks_changes_and_follows_by_ids_alone(
    strict: LiveServer, node: Path, tmp_path: Path
) -> None:
    account = {"email": strict.email, "password": strict.password, "url": strict.url}
    for kind in KINDS:
        options = {"step": "ask", "kind": kind, **account}
        async with running(node, "trusted.mjs", tmp_path / "front", **options) as script:
            asked = await script.wait("asked")
        # What the manifests do not have is refused: an unknown id is not found, and a text is not trusted.
        stray = "DOCUMENT_NOT_TRUSTED" if kind == "apollo" else "PERSISTED_QUERY_NOT_FOUND"
        expected = {"email": "ann@example.com", "heard": kind, "stray": stray}
        assert {name: asked[name] for name in expected} == expected
        # Apollo's link sends the text after an id that was not found.
        assert asked["sent"] == ["id"]


async def test_the_page_of_the_documentation_makes_its_manifest_and_asks_by_it(
    node: Path, packed: Path, tmp_path: Path
) -> None:
    project(tmp_path, packed)
    page = HOW_TO / "trusted-documents.md"
    (tmp_path / "documents.js").write_text('export const NAMES = "{ components { name } }";')
    (tmp_path / "manifest.js").write_text(block(page, "js", "// manifest.js"))
    (tmp_path / "ask.js").write_text(
        'import { NAMES } from "./documents.js";\nimport { live } from "./live.js";\n'
        "console.log(JSON.stringify(await live.session.query(NAMES)));process.exit();"
    )
    manifest = tmp_path / "documents.json"
    manifest.write_text(run(node, "manifest.js", cwd=tmp_path))
    settings = {"WATCHWORD_DOCUMENTS": str(manifest), "WATCHWORD_DOCUMENTS_ONLY": "true"}
    with live_server(tmp_path / "home", **settings) as server:
        live = block(page, "js", "// live.js").replace("https://api.example.com", server.url)
        (tmp_path / "live.js").write_text(live)
        answer = await asyncio.to_thread(run, node, "ask.js", cwd=tmp_path)
    assert '{"components":[{"name":' in answer
