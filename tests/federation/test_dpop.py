"""Bound tokens behind Apollo's gateway and Hive's: the subgraph refuses them, whatever the client proves to the gateway."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.clients.script import running
from tests.federation.routers import CONFIG, FOLDER, apollo_gateway, compose, hive_gateway
from tests.support.documents import ROOT
from tests.support.dpop import KeyHolder
from tests.support.server import LiveServer, issuing

pytestmark = pytest.mark.exhaustive

QUERY = 'mutation { restock(id: "apollo-studio") { id } }'
# Hands the client's proof to the subgraph, which the documentation's configuration does not.
WITH_PROOF = CONFIG.replace(
    "({ authorization", '({ dpop: request.headers.get("dpop"), authorization'
)


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The products' subgraph, under its own address as the issuer, which proofs name."""
    mount = {"WATCHWORD_MOUNT": "tests.federation.products:schema", "PYTHONPATH": str(ROOT)}
    with issuing(tmp_path_factory.mktemp("home"), **mount) as server:
        yield server


@asynccontextmanager
async def gateway(
    kind: str, node: Path, hive: Path, products: str, folder: Path
) -> AsyncIterator[str]:
    """Run the supergraph behind a gateway; yield its URL."""
    async with running(node, "subgraphs.mjs", FOLDER) as others:
        served = await others.wait("serving")
        urls = {"users": served["users"], "inventory": served["inventory"], "products": products}
        async with (
            apollo_gateway(node, urls, folder)
            if kind == "apollo"
            else hives(kind, hive, urls, folder)
        ) as url:
            yield url


@asynccontextmanager
async def hives(kind: str, hive: Path, urls: dict[str, str], folder: Path) -> AsyncIterator[str]:
    await compose(hive, urls, folder)
    async with hive_gateway(
        hive, folder, {"hive": CONFIG, "hive with proofs": WITH_PROOF}[kind]
    ) as url:
        yield url


async def bound_token(server: LiveServer, holder: KeyHolder) -> str:
    at = f"{server.url}/api/auth/login"
    said = {"email": server.email, "password": server.password}
    async with httpx2.AsyncClient(timeout=30) as client:
        headers = {"dpop": holder.proof("POST", at, time.time())}
        answer = (await client.post(at, json=said, headers=headers)).json()
    assert answer["token_type"] == "DPoP"
    return str(answer["access_token"])


async def ask(url: str, holder: KeyHolder, token: str, scheme: str) -> Any:
    """Ask as a client does that thinks that the server at `url` checks its proof."""
    headers = {
        "authorization": f"{scheme} {token}",
        "dpop": holder.proof("POST", url, time.time(), token),
    }
    async with httpx2.AsyncClient(timeout=30) as client:
        return (await client.post(url, json={"query": QUERY}, headers=headers)).json()


@pytest.mark.parametrize("kind", ["apollo", "hive", "hive with proofs"])
async def test_a_bound_token_opens_nothing_through_a_gateway(
    kind: str, node: Path, hive: Path, products: LiveServer, tmp_path: Path
) -> None:
    holder, own = KeyHolder(), f"{products.url}/graphql"
    token = await bound_token(products, holder)
    direct = await ask(own, holder, token, "DPoP")
    assert direct["data"] == {"restock": {"id": "apollo-studio"}}
    async with gateway(kind, node, hive, own, tmp_path) as url:
        for scheme in ("DPoP", "Bearer"):
            refused = await ask(url, holder, token, scheme)
            assert not (refused.get("data") or {}).get("restock"), refused
            assert "The DPoP proof is missing or not valid." in str(refused["errors"])
