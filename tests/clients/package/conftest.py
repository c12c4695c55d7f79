"""The fixtures of the tests of watchword-client: the compiled package, and a server with pages."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.package.site import FOLDER, Site
from tests.support.clock import MovedClock
from tests.support.documents import FRONT_END, ROOT, block, run
from tests.support.node import installed
from tests.support.npm_package import CLIENT, compiled, pack, project


@pytest.fixture(scope="session")
def package() -> Path:
    """Return the folder that the package was compiled to."""
    return compiled()


@pytest.fixture(scope="session")
def packed(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the archive that `npm pack` makes."""
    return pack(tmp_path_factory.mktemp("packed"))


@pytest.fixture(scope="session")
def front(node: Path, packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A front end that GraphQL Code Generator, Apollo's generator and Relay's compiler have built.

    `manifests` has the trusted documents of each, and `ask.mjs` sends their ids.
    """
    tools = FOLDER.parent / "generators"
    installed(tools)
    folder = tmp_path_factory.mktemp("built") / "front"
    shutil.copytree(FOLDER / "front", folder)
    shutil.copy(ROOT / "schema/incident_room/schema.graphql", folder)
    project(folder, packed)
    modules = folder / "node_modules"
    (modules / "@graphql-codegen").symlink_to(tools / "node_modules/@graphql-codegen")
    (modules / "@types").symlink_to(CLIENT / "node_modules/@types")
    manifests = folder / "manifests"
    manifests.mkdir()
    # Relay's compiler wants the file that it writes.
    (manifests / "relay.json").write_text("{}")
    programs = tools / "node_modules"
    run(node, programs / "@graphql-codegen/cli/esm/bin.js", "--config", "codegen.json", cwd=folder)
    run(node, programs / "@apollo/generate-persisted-query-manifest/cli.js", cwd=folder)
    run(node, programs / "relay-compiler/cli.js", cwd=folder)
    lists = programs / "@apollo/persisted-query-lists"
    for name in ("manifest", "ask"):
        run(
            CLIENT / "node_modules/.bin/esbuild",
            *(f"{name}.ts", "--bundle", "--platform=node", "--format=esm", "--log-level=error"),
            *(f"--outfile={name}.mjs", f"--alias:@apollo/persisted-query-lists={lists}"),
            "--banner:js=import { createRequire } from 'module'; const require = createRequire(import.meta.url);",
            cwd=folder,
        )
    (manifests / "ours.json").write_text(run(node, "manifest.mjs", cwd=folder))
    shutil.copy(folder / "nodes/persisted-documents.json", manifests / "codegen.json")
    return folder


@pytest.fixture
async def site(
    sqlite_url: str, clock: MovedClock, node: Path, package: Path, tmp_path: Path
) -> AsyncIterator[Site]:
    """A server that shows pages with the package."""
    folder = tmp_path / "front"
    folder.mkdir()
    for name in ("page.html", "commands.mjs"):
        shutil.copy(FOLDER / name, folder)
    (folder / "index.html").write_text(block(FRONT_END, "html", "importmap"))
    async with Site(sqlite_url, clock, folder, package).running() as made:
        yield made
