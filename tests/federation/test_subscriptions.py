"""Subscriptions through a real @graphql-hive/gateway: events, what other subgraphs add to them, refusals, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from tests.clients.script import PATIENCE, running
from tests.federation.routers import (
    CONFIG,
    FOLDER,
    HIVE,
    PAGE,
    Router,
    compose,
    hive_gateway,
    token_of,
)
from tests.support.clients import over_sse
from tests.support.documents import block, run
from tests.support.server import LiveServer, live_server

pytestmark = pytest.mark.exhaustive

RESTOCKED = """subscription { restocked { id notes
    delivery(zip: "94111") { estimatedDelivery } createdBy { yearsOfEmployment } } }"""
OVER = {
    "sse": "",
    "ws": block(PAGE, "js", "// over a WebSocket").replace("orders:", "products:")
    + "gatewayConfig.transportEntries = transportEntries;",
}
# The gateway masks the reason for which a socket was closed.
REFUSED = {"sse": "UNAUTHENTICATED", "ws": "INTERNAL_SERVER_ERROR"}


async def until_heard(router: Router, change: str, token: str, answers: AsyncIterator[Any]) -> Any:
    """Make changes until the first answer comes: nobody says when a router's subscription is open."""
    heard = asyncio.ensure_future(anext(answers))
    async with asyncio.timeout(PATIENCE):
        while not heard.done():
            changed = await router.ask(change, token)
            assert "errors" not in changed
    return heard.result()


@pytest.mark.parametrize("over", OVER)
async def test_events_are_joined_with_other_subgraphs_until_the_token_is_revoked(
    over: str, node: Path, hive: Path, products: LiveServer, tmp_path: Path
) -> None:
    token = await token_of(products)
    async with running(node, "subgraphs.mjs", FOLDER) as others:
        served = await others.wait("serving")
        urls = {name: served[name] for name in ("users", "inventory")}
        urls["products"] = f"{products.url}/graphql"
        await compose(hive, urls, tmp_path)
        async with hive_gateway(hive, tmp_path, CONFIG + OVER[over]) as url:
            router = Router(url)
            async with aclosing(over_sse(url, RESTOCKED)) as refused:
                answer = await anext(refused)
                assert answer["errors"][0]["extensions"]["code"] == REFUSED[over], answer
            async with aclosing(over_sse(url, RESTOCKED, token)) as answers:
                change = 'mutation { restock(id: "apollo-federation") { id } }'
                answer = await until_heard(router, change, token, answers)
                restocked = answer["data"]["restocked"]
                assert restocked.pop("notes").startswith("for ")
                assert restocked == {
                    "id": "apollo-federation",
                    "delivery": {"estimatedDelivery": "5/1/2019"},
                    "createdBy": {"yearsOfEmployment": 10},
                }
                ended = await router.ask("mutation { signOutEverywhere { id } }", token)
                assert ended["data"]["signOutEverywhere"] == []
                async with asyncio.timeout(PATIENCE):
                    rest = [each async for each in answers]
            if over == "sse":
                codes = [
                    each["errors"][0]["extensions"]["code"] for each in rest if "errors" in each
                ]
                assert codes == ["TOKEN_REVOKED"]
            again = await router.ask("{ supplier { id } }", token)
            assert again["errors"], "a revoked token is refused for any request"


async def test_the_page_is_a_subgraph_whose_subscription_passes_the_gateway(
    hive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "orders.py").write_text(block(PAGE, "python", "# orders.py"))
    monkeypatch.syspath_prepend(tmp_path)
    mount = {"WATCHWORD_MOUNT": "orders:schema", "PYTHONPATH": str(tmp_path)}
    with live_server(tmp_path, **mount) as server:
        (tmp_path / "orders.graphql").write_text(server.run("schema", "print"))
        compose = block(PAGE, "js", "// compose.mjs").replace("http://127.0.0.1:8000", server.url)
        script = HIVE / "node_modules" / f".{tmp_path.name}.mjs"
        script.write_text(compose)
        try:
            run(hive, script, cwd=tmp_path)
        finally:
            script.unlink()
        token = await token_of(server)
        async with hive_gateway(hive, tmp_path, CONFIG) as url:
            query = "subscription { orders { id price } }"
            async with aclosing(over_sse(url, query, token)) as answers:
                change = "mutation { placeOrder { id } }"
                answer = await until_heard(Router(url), change, token, answers)
    assert answer["data"]["orders"]["price"] == 3
