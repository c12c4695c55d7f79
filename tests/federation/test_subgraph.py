"""What Apollo's compatibility suite asks of a subgraph, and what it does not: who may ask, and references that are wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from graphql import parse, strip_ignored_characters

from tests.federation.products import SUPPORT, domain, made, schema
from tests.support.clients import TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.shop import Shop
from tests.support.strawberry_view import Operation, View, own_view
from tests.support.toy_server import ToyServer, toy_pipeline, toy_server
from watchword.permissions.coverage import cover

ENTITIES = """query($representations: [_Any!]!) { _entities(representations: $representations) {
    __typename
    ... on User { email name averageProductsCreatedPerYear }
    ... on DeprecatedProduct { old: sku package reason }
    ... on ProductResearch { study { caseNumber description } }
    ... on Product { id sku notes }
    ... on Inventory { deprecatedProducts { sku reason } }
    ... on Warehouse { stock }
} }"""
FEDERATION = {"__typename": "Product", "id": "apollo-federation", "sku": "federation"}
STUDIO = {"__typename": "Product", "id": "apollo-studio", "sku": "studio"}


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    cover(schema, domain)
    async with toy_server(clock, schema) as server:
        yield server
        assert server.pipeline.engine.fallbacks == {}


async def ask(
    server: ToyServer,
    query: str,
    token: str | None = None,
    transport: str = "http",
    **variables: Any,
) -> Any:
    """Ask three times, so that the operation is interpreted and compiled; the answers must be equal."""
    answers = []
    for _ in range(3):
        sent = TRANSPORTS[transport](server.url, query, token, variables=variables)
        async with aclosing(sent) as answered:
            answers.append(await anext(answered))
    assert answers[0] == answers[1] == answers[2]
    return answers[0]


async def found(server: ToyServer, *references: Any, **options: Any) -> Any:
    return await ask(server, ENTITIES, representations=list(references), **options)


def codes(answer: Any) -> dict[Any, str]:
    """The codes of the errors by the index of their reference."""
    return {error["path"][1]: error["extensions"]["code"] for error in answer.get("errors", ())}


# --- The suite ---


async def test_the_sdl_has_every_directive_under_its_own_name(server: ToyServer) -> None:
    answer = await ask(server, "{ _service { sdl } }")
    sdl = answer["data"]["_service"]["sdl"]
    parse(sdl)
    sdl = strip_ignored_characters(sdl)
    for part in (
        'type User@key(fields:"email")',
        'type DeprecatedProduct@key(fields:"sku package")',
        'type ProductResearch@key(fields:"study { caseNumber }")',
        'type Product@custom@key(fields:"id")@key(fields:"sku package")@key(fields:"sku variation { id }")',
        'averageProductsCreatedPerYear:Int@requires(fields:"totalProductsCreated yearsOfEmployment")',
        'createdBy:User@provides(fields:"totalProductsCreated")',
        'notes:String@tag(name:"internal")',
        'name:String@override(from:"users")',
        "unit:String@inaccessible",
        "type ProductDimension@shareable",
        'type Inventory@key(fields:"id")@interfaceObject',
        'schema@composeDirective(name:"@custom")',
        "directive@custom on OBJECT",
        '@link(url:"https://myspecs.dev/myCustomDirective/v1.0" import:["@custom"])',
        '@link(url:"https://specs.apollo.dev/federation/v2.9"',
    ):
        assert part in sdl, part


SUITE = [
    (
        "query($id: ID!) { product(id: $id) { createdBy { averageProductsCreatedPerYear email } } }",
        {"createdBy": {"averageProductsCreatedPerYear": 134, "email": SUPPORT}},
    ),
    (
        "query($id: ID!) { product(id: $id) { createdBy { email totalProductsCreated name } } }",
        {"createdBy": {"email": SUPPORT, "totalProductsCreated": 1337, "name": "Jane Smith"}},
    ),
    (
        "query($id: ID!) { product(id: $id) { dimensions { size weight unit } } }",
        {"dimensions": {"size": "small", "weight": 1, "unit": "kg"}},
    ),
]


@pytest.mark.parametrize(("query", "product"), SUITE)
async def test_the_queries_of_the_suite_are_answered(
    query: str, product: Any, server: ToyServer
) -> None:
    assert await ask(server, query, id="apollo-federation") == {"data": {"product": product}}


REFERENCES = [
    (
        {"__typename": "User", "email": SUPPORT, "totalProductsCreated": 50, "yearsOfEmployment": 5},
        {"email": SUPPORT, "name": "Jane Smith", "averageProductsCreatedPerYear": 10},
    ),
    (
        {"__typename": "DeprecatedProduct", "sku": "apollo-federation-v1", "package": "@apollo/federation-v1"},
        {"old": "apollo-federation-v1", "package": "@apollo/federation-v1", "reason": "Migrate to Federation V2"},
    ),
    (
        {"__typename": "ProductResearch", "study": {"caseNumber": "1234"}},
        {"study": {"caseNumber": "1234", "description": "Federation Study"}},
    ),
    ({"__typename": "Product", "id": "apollo-federation"}, {**FEDERATION, "notes": "for alice"}),
    (
        {"__typename": "Product", "sku": "federation", "package": "@apollo/federation"},
        {**FEDERATION, "notes": "for alice"},
    ),
    (
        {"__typename": "Product", "sku": "studio", "variation": {"id": "platform"}},
        {**STUDIO, "notes": "for alice"},
    ),
    (
        {"__typename": "Inventory", "id": "apollo-oss"},
        {"deprecatedProducts": [{"sku": "apollo-federation-v1", "reason": "Migrate to Federation V2"}]},
    ),
    ({"__typename": "Warehouse", "id": "1"}, {"stock": 5}),
]  # fmt: skip


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_kind_of_key_finds_its_object(transport: str, server: ToyServer) -> None:
    references = [reference for reference, _ in REFERENCES]
    answer = await found(server, *references, token="alice/stock.read", transport=transport)
    assert "errors" not in answer
    expected = [
        {"__typename": reference["__typename"], **entity} for reference, entity in REFERENCES
    ]
    assert answer["data"]["_entities"] == expected


# Strawberry's view takes no queries over multipart.
@pytest.mark.parametrize("transport", ["http", "get", "websocket", "sse"])
async def test_strawberrys_own_view_answers_the_same(transport: str, server: ToyServer) -> None:
    guarded = {"Warehouse"}
    references = [each for each, _ in REFERENCES if each["__typename"] not in guarded]
    operations = [Operation(query, {"id": "apollo-federation"}) for query, _ in SUITE]
    operations += [Operation(ENTITIES, {"representations": [each]}) for each in references]
    operations += [
        Operation(ENTITIES, {"representations": references}),
        Operation(ENTITIES, {"representations": [{"__typename": "Product", "id": "none"}]}),
    ]
    ours = View(server.url)
    async with own_view(made()) as theirs:
        for operation in operations:
            expected = await theirs.ask(operation, transport)
            for _ in range(3):
                assert await ours.ask(operation, transport) == expected, operation


# --- Who may ask ---


async def test_a_reference_asks_the_permission_of_its_type_and_its_fields_ask_theirs(
    server: ToyServer,
) -> None:
    references = [
        {"__typename": "Warehouse", "id": "1"},
        {"__typename": "Product", "id": "apollo-studio"},
    ]
    answer = await found(server, *references)
    assert answer["data"]["_entities"] == [None, {**STUDIO, "notes": None}]
    assert [each["path"] for each in answer["errors"]] == [
        ["_entities", 0],
        ["_entities", 1, "notes"],
    ]
    assert codes(answer) == {0: "UNAUTHENTICATED", 1: "UNAUTHENTICATED"}
    answer = await found(server, *references, token="bob")
    assert answer["data"]["_entities"] == [None, {**STUDIO, "notes": "for bob"}]
    [error] = answer["errors"]
    assert error["path"] == ["_entities", 0]
    assert error["extensions"] == {"code": "FORBIDDEN", "requires": {"scope": "stock:read"}}


async def test_the_sdl_is_printed_once_for_all_callers(
    clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[Any] = []

    def counted(schema: Any) -> str:
        printed.append(schema)
        return "the SDL"

    monkeypatch.setattr("strawberry.federation.schema.print_schema", counted)
    cover(schema, domain)
    async with toy_pipeline(clock, schema) as (pipeline, _):
        await pipeline.services.hub.look()
        shop = Shop(pipeline)
        for _ in range(5):
            answer = await shop.ask("{ _service { sdl } }")
            assert answer == b'{"data":{"_service":{"sdl":"the SDL"}}}'
    assert len(printed) == 2  # an answer is kept from its second use


# --- References that are wrong ---

WRONG = [
    ({"__typename": "Nothing", "id": "1"}, "This subgraph finds no objects of 'Nothing' by reference."),
    ({"__typename": "Supplier", "id": "1"}, "This subgraph finds no objects of 'Supplier' by reference."),
    ({"__typename": "CaseStudy", "caseNumber": "1"}, "This subgraph finds no objects of 'CaseStudy' by reference."),
    ({"__typename": "Query"}, "This subgraph finds no objects of 'Query' by reference."),
    ({"__typename": "_Any"}, "This subgraph finds no objects of '_Any' by reference."),
    ({"__typename": ["Product"], "id": "1"}, "This subgraph finds no objects of a type without a name by reference."),
    ({"id": "1"}, "This subgraph finds no objects of a type without a name by reference."),
    ("Product", "A reference must be an object with __typename and the fields of a key."),
    (["Product"], "A reference must be an object with __typename and the fields of a key."),
    ({"__typename": "Product"}, "A reference to Product must have all fields of one of its keys."),
    ({"__typename": "Product", "sku": "studio"}, "A reference to Product must have all fields of one of its keys."),
    ({"__typename": "Product", "sku": "studio", "variation": {}}, "A reference to Product must have all fields of one of its keys."),
    ({"__typename": "ProductResearch", "study": {}}, "A reference to ProductResearch must have all fields of one of its keys."),
    ({"__typename": "ProductResearch", "study": {"caseNumber": {"$ne": None}}}, "In a reference to ProductResearch, study must be of type CaseStudy!."),
    ({"__typename": "ProductResearch", "study": ["1234"]}, "In a reference to ProductResearch, study must be of type CaseStudy!."),
    ({"__typename": "ProductResearch", "study": None}, "In a reference to ProductResearch, study must be of type CaseStudy!."),
    ({"__typename": "Product", "id": {"$ne": None}}, "In a reference to Product, id must be of type ID!."),
    ({"__typename": "Product", "id": None}, "In a reference to Product, id must be of type ID!."),
    ({"__typename": "User", "email": SUPPORT, "yearsOfEmployment": "5"}, "In a reference to User, yearsOfEmployment must be of type Int!."),
    ({"__typename": "Product", "id": "1", "info": "x"}, "A reference to Product has no field 'info'."),
    ({"__typename": "Product", "id": "1", "self": "x"}, "A reference to Product has no field 'self'."),
    (
        {"__typename": "DeprecatedProduct", "sku": "a", "package": "b", "reason": "c"},
        "A reference to DeprecatedProduct has no field 'reason'.",
    ),
]  # fmt: skip


async def test_a_wrong_reference_is_a_clear_error_and_leaves_the_others(
    server: ToyServer, caplog: pytest.LogCaptureFixture
) -> None:
    right = {"__typename": "Product", "id": "apollo-studio"}
    answer = await found(server, right, *(reference for reference, _ in WRONG), right, token="bob")
    entities = answer["data"]["_entities"]
    assert entities[0] == entities[-1] == {**STUDIO, "notes": "for bob"}
    assert entities[1:-1] == [None] * len(WRONG)
    assert [error["message"] for error in answer["errors"]] == [message for _, message in WRONG]
    assert [error["path"] for error in answer["errors"]] == [
        ["_entities", index] for index in range(1, len(WRONG) + 1)
    ]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
    assert "unexpected error" not in caplog.text


async def test_an_unknown_object_is_null_without_an_error(server: ToyServer) -> None:
    answer = await found(server, {"__typename": "Product", "id": "none"})
    assert answer == {"data": {"_entities": [None]}}


async def test_references_may_be_written_in_the_document_and_used_twice(server: ToyServer) -> None:
    written = '[{__typename: "Product", id: "apollo-studio"}, {__typename: "Product", id: 1.5}]'
    answer = await ask(
        server, f"{{ _entities(representations: {written}) {{ ... on Product {{ id }} }} }}"
    )
    assert answer["data"] == {"_entities": [{"id": "apollo-studio"}, None]}
    twice = """query($r: [_Any!]!) { a: _entities(representations: $r) { ... on Product { id } }
        b: _entities(representations: $r) { ... on Product { id } } }"""
    answer = await ask(server, twice, r=[{"__typename": "Product", "id": "apollo-studio"}])
    assert answer["data"] == {"a": [{"id": "apollo-studio"}], "b": [{"id": "apollo-studio"}]}


async def test_a_huge_list_of_references_counts_against_the_limit_of_objects(
    server: ToyServer,
) -> None:
    reference = {"__typename": "Product", "id": "apollo-studio"}
    query = "query($r: [_Any!]!) { _entities(representations: $r) { ... on Product { sku } } }"
    sent = TRANSPORTS["http"](server.url, query, variables={"r": [reference] * 20_001})
    async with aclosing(sent) as answers:
        [error] = (await anext(answers))["errors"]
    assert error["extensions"]["code"] == "TOO_COMPLEX"
    assert error["message"].startswith("The operation costs 20001;")


# --- What is hidden ---


@pytest.fixture
async def hiding(clock: MovedClock) -> AsyncIterator[ToyServer]:
    cover(schema, domain)
    async with toy_server(clock, schema, introspection="hidden") as server:
        yield server


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_reference_to_a_hidden_type_is_one_to_a_type_that_is_not_here(
    transport: str, hiding: ToyServer
) -> None:
    query = """query($representations: [_Any!]!) { _entities(representations: $representations) {
        __typename ... on Inventory { deprecatedProducts { sku } } } }"""
    references = [{"__typename": name, "id": "1"} for name in ("Warehouse", "Warehorse")]
    answer = await ask(hiding, query, "bob", transport, representations=references)
    assert answer["data"] == {"_entities": [None, None]}
    [hidden, absent] = [error["message"] for error in answer["errors"]]
    assert hidden.replace("Warehouse", "Warehorse") == absent
    told = await ask(hiding, query, "ann/stock.read", transport, representations=references)
    assert codes(told) == {1: "BAD_USER_INPUT"}
    assert told["data"]["_entities"][0] == {"__typename": "Warehouse"}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("introspection", ["hidden", "scope:schema:read"])
async def test_sdl_is_hidden_from_callers_who_are_not_told_everything(
    transport: str, introspection: str, clock: MovedClock
) -> None:
    cover(schema, domain)
    async with toy_server(clock, schema, introspection=introspection) as server:
        answer = await ask(server, "{ _service { sdl } }", "bob", transport)
        assert "data" not in answer
        [error] = answer["errors"]
        assert error["message"].startswith("Cannot query field '_service' on type 'Query'.")
        if introspection != "hidden":
            told = await ask(server, "{ _service { sdl } }", "eva/schema.read", transport)
            assert "Warehouse" in told["data"]["_service"]["sdl"]
