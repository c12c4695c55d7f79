"""Apollo's compatibility suite behind a real @apollo/gateway, and who may see what through it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.script import Script, running
from tests.federation.products import SUPPORT
from tests.federation.routers import FOLDER, PAGE, Router, apollo_gateway, token_of
from tests.support.documents import block
from tests.support.server import LiveServer, live_server

pytestmark = pytest.mark.exhaustive

PRODUCT = "query($id: ID!) { product(id: $id) { %s } }"
ID = "apollo-federation"


@asynccontextmanager
async def supergraph(
    node: Path, products: LiveServer, folder: Path
) -> AsyncIterator[tuple[Router, Script]]:
    """Run the supergraph of users, inventory and products behind the gateway."""
    async with running(node, "subgraphs.mjs", FOLDER) as others:
        served = await others.wait("serving")
        urls = {name: served[name] for name in ("users", "inventory")}
        urls["products"] = f"{products.url}/graphql"
        async with apollo_gateway(node, urls, folder) as url:
            yield Router(url), others


SUITE: list[tuple[str, str, dict[str, Any]]] = [
    (ID, "createdBy { averageProductsCreatedPerYear email }",
     {"createdBy": {"averageProductsCreatedPerYear": 134, "email": SUPPORT}}),
    (ID, "createdBy { name }", {"createdBy": {"name": "Jane Smith"}}),
    (ID, "createdBy { totalProductsCreated }", {"createdBy": {"totalProductsCreated": 1337}}),
    (ID, "dimensions { size weight }", {"dimensions": {"size": "small", "weight": 1}}),
    (ID, 'delivery(zip: "94111") { estimatedDelivery }', {"delivery": {"estimatedDelivery": "5/1/2019"}}),
    ("apollo-studio", "sku variation { id } research { study { caseNumber description } }",
     {"sku": "studio", "variation": {"id": "platform"},
      "research": [{"study": {"caseNumber": "1235", "description": "Studio Study"}}]}),
]  # fmt: skip


async def test_the_suite_passes_and_the_end_users_token_opens_what_it_opens(
    node: Path, products: LiveServer, tmp_path: Path
) -> None:
    covered = "default_permissions=[Public] covers Inventory, DeprecatedProduct, User, Product"
    assert covered in products.log, "the start names what it covered"
    token = await token_of(products)
    async with supergraph(node, products, tmp_path) as (router, others):
        for _ in range(2):  # Watchword interprets an operation first, and compiles it then
            for id, selected, expected in SUITE:
                answer = await router.ask(PRODUCT % selected, id=id)
                assert answer == {"data": {"product": expected}}, selected
            inventory = (
                "query($id: ID!) { inventory(id: $id) { deprecatedProducts { sku reason } } }"
            )
            answer = await router.ask(inventory, id="apollo-oss")
            reason = {"sku": "apollo-federation-v1", "reason": "Migrate to Federation V2"}
            assert answer == {"data": {"inventory": {"deprecatedProducts": [reason]}}}
        hidden = await router.ask(PRODUCT % "dimensions { unit }", id=ID)
        assert "Cannot query field" in hidden["errors"][0]["message"]
        await check_permissions(router, token)
        others.tell("tokens")
        assert set((await others.wait("tokens"))["tokens"]) >= {None, f"Bearer {token}"}


async def check_permissions(router: Router, token: str) -> None:
    """The gateway shows a refusal at its path, and the end user's token is Watchword's to check."""
    # The gateway goes by the inventory to the entity Product, and reads its guarded field there.
    notes = 'query { inventory(id: "1") { products { id notes } } }'
    allowed = await router.ask(notes, token)
    [product] = allowed["data"]["inventory"]["products"]
    assert product["notes"].startswith("for ")
    refused = await router.ask(notes)
    assert refused["data"]["inventory"]["products"] == [{"id": ID, "notes": None}]
    [error] = refused["errors"]
    assert error["path"] == ["inventory", "products", 0, "notes"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert error["extensions"]["requires"] == {"signedIn": True}
    changed = await router.ask('mutation { restock(id: "apollo-studio") { id notes } }', token)
    assert changed["data"]["restock"]["id"] == "apollo-studio"
    bad = await router.ask(notes, "no token")
    assert bad["data"]["inventory"]["products"] == [{"id": ID, "notes": None}]
    assert bad["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_the_page_is_a_subgraph_and_a_gateway_that_pass_tokens_on(
    node: Path, tmp_path: Path
) -> None:
    # Apollo's gateway refuses the directives of permissions, as the page says.
    page = block(PAGE, "python", "# orders.py").replace('"2.9"', '"2.4"')
    (tmp_path / "orders.py").write_text(page)
    mount = {"WATCHWORD_MOUNT": "orders:schema", "PYTHONPATH": str(tmp_path)}
    with live_server(tmp_path, **mount) as server:
        token = await token_of(server)
        urls = {"orders": f"{server.url}/graphql"}
        async with apollo_gateway(node, urls, tmp_path) as url:
            router = Router(url)
            placed = await router.ask("mutation { placeOrder { id price } }", token)
            assert placed["data"]["placeOrder"]["price"] == 3
            refused = await router.ask("{ newestOrder { id } }")
        entities = """query($id: ID!) { _entities(representations: [{__typename: "Order", id: $id}]) {
            ... on Order { price } } }"""
        subgraph = Router(urls["orders"])
        own = placed["data"]["placeOrder"]["id"]
        mine = await subgraph.ask(entities, token, id=own)
        others = await subgraph.ask(entities, token, id="somebody-1")
    assert refused["data"] == {"newestOrder": None}
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert mine["data"] == {"_entities": [{"price": 3}]}
    assert others["errors"][0]["extensions"]["code"] == "FORBIDDEN"
