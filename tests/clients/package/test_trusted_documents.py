"""Front ends that send ids, with the manifests that their builds make, against a server that takes nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.script import running
from tests.support.documents import HOW_TO, block, run
from tests.support.npm_package import project
from tests.support.server import LiveServer, live_server

# Each front end, and what becomes of a document that is in no manifest: its id is not found, its text is not trusted, or
# the front end itself does not know it.
KINDS = {
    "session": "PERSISTED_QUERY_NOT_FOUND",
    "sse": "PERSISTED_QUERY_NOT_FOUND",
    "codegen's nodes": "DOCUMENT_NOT_TRUSTED",
    "codegen's texts": "DOCUMENT_NOT_TRUSTED",
    "apollo by its manifest": "Operation Stray not found in manifest",
    "apollo by hashes": "DOCUMENT_NOT_TRUSTED",
    "urql": "PERSISTED_QUERY_NOT_FOUND",
    "relay": "PERSISTED_QUERY_NOT_FOUND",
}


@pytest.fixture(scope="module")
def strict(front: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that takes only the documents of the manifests that the builds have written."""
    manifests = str(front / "manifests")
    settings = {"WATCHWORD_DOCUMENTS": manifests, "WATCHWORD_DOCUMENTS_ONLY": '["watchword"]'}
    with live_server(tmp_path_factory.mktemp("home"), **settings) as server:
        # Three of each build, and two that add passkeys.
        assert "All 14 trusted documents can be run" in server.run("documents", "check")
        # The admin may send any document, so somebody else asks.
        said = server.run("accounts", "add", "ann@example.com", "--role", "responder")
        server.email, server.password = "ann@example.com", said.split("Password: ")[1].split()[0]
        yield server


@pytest.mark.parametrize("kind", KINDS)
async def test_a_front_end_asks_changes_and_follows_by_ids_alone(
    kind: str, strict: LiveServer, front: Path, node: Path
) -> None:
    account = {"email": strict.email, "password": strict.password, "url": strict.url}
    async with running(node, "ask.mjs", front, kind=kind, **account) as script:
        asked = await script.wait("asked")
    expected = {"email": "ann@example.com", "heard": kind, "stray": KINDS[kind]}
    assert {name: asked[name] for name in expected} == expected
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
