"""Routers of a federated graph, Apollo's gateway and Hive's, as the documentation sets them up, and how a test asks them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.clients.script import PATIENCE, running
from tests.support.documents import HOW_TO, block
from tests.support.server import LiveServer

FOLDER = Path(__file__).parent
HIVE = FOLDER / "hive"
PAGE = HOW_TO / "federation.md"
CONFIG = block(PAGE, "js", "// gateway.config.mjs")
"""The configuration of Hive's gateway, as the documentation has it."""


@dataclass
class Router:
    """A router, or any other GraphQL server."""

    url: str

    async def ask(self, query: str, token: str | None = None, **variables: Any) -> Any:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(timeout=30) as client:
            body = {"query": query, "variables": variables}
            answer = await client.post(self.url, json=body, headers=headers)
            return answer.json()


async def token_of(server: LiveServer) -> str:
    body = {"email": server.email, "password": server.password}
    async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client:
        return str((await client.post("/api/auth/login", json=body)).json()["access_token"])


@asynccontextmanager
async def apollo_gateway(node: Path, urls: dict[str, str], folder: Path) -> AsyncIterator[str]:
    """Run the gateway of the documentation with these subgraphs; yield its URL."""
    text = block(PAGE, "js", "// gateway.mjs")
    listed = ", ".join(f'{{ name: "{name}", url: "{url}" }}' for name, url in urls.items())
    text = re.sub(r"const subgraphs = \[.*\];", f"const subgraphs = [{listed}];", text)
    text = text.replace("port: 4000", "port: 0").replace(
        "console.log(url)", 'console.log(JSON.stringify({ step: "ready", url }))'
    )
    # Node.js finds packages beside the script.
    script = FOLDER / "node_modules" / f".{folder.name}.mjs"
    script.write_text(text)
    try:
        async with running(node, script.name, script.parent) as gateway:
            yield str((await gateway.wait("ready"))["url"])
    finally:
        script.unlink()


async def compose(hive: Path, urls: dict[str, str], folder: Path) -> None:
    """Write the supergraph of these subgraphs into a folder, for Hive's gateway."""
    async with running(hive, "compose.mjs", HIVE, urls=urls) as composed:
        sdl = (await composed.wait("composed"))["supergraphSdl"]
    (folder / "supergraph.graphql").write_text(sdl)


@asynccontextmanager
async def hive_gateway(node: Path, folder: Path, config: str) -> AsyncIterator[str]:
    """Run the gateway for the supergraph in a folder; yield its URL."""
    (folder / "gateway.config.mjs").write_text(config)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(str(node), str(HIVE / "node_modules/@graphql-hive/gateway/dist/bin.js"), "supergraph"),
        *("supergraph.graphql", "--config-path", "gateway.config.mjs"),
        *("--host", "127.0.0.1", "--port", str(port)),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(PATIENCE):
            while b"Listening on" not in said:
                line = await process.stdout.readline()
                assert line, said.decode()
                said += line
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()
