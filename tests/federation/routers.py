"""Routers of a federated graph: Apollo's gateway, as the documentation sets it up, and how a test asks it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.clients.script import running
from tests.support.documents import HOW_TO, block
from tests.support.server import LiveServer

FOLDER = Path(__file__).parent
PAGE = HOW_TO / "federation.md"


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
        async with running(node, script.name, scripts=script.parent) as gateway:
            yield str((await gateway.wait("ready"))["url"])
    finally:
        script.unlink()
