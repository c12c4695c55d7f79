"""Relay: nodes, global ids, `relay.node()`, list connections, and a connection of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable
from typing import Any, Self

import strawberry
from strawberry import relay

from tests.differential.as_written.page import UNEXPECTED, Page
from tests.support.strawberry_view import Operation

NAMES = ("apple", "banana", "cherry", "date", "elder")


@strawberry.type
class Fruit(relay.Node):
    code: relay.NodeID[int]
    name: str

    @classmethod
    def resolve_nodes(
        cls, *, info: strawberry.Info, node_ids: Iterable[str], required: bool = False
    ) -> list[Fruit | None]:
        made = []
        for each in node_ids:
            is_there = each.isdecimal() and int(each) < len(NAMES)
            if not is_there and required:
                raise strawberry.exceptions.StrawberryGraphQLError(f"no fruit {each}")
            made.append(_fruit(int(each)) if is_there else None)
        return made


@strawberry.type
class Tree(relay.Node):
    key: relay.NodeID[str]

    @classmethod
    async def resolve_nodes(
        cls, *, info: strawberry.Info, node_ids: Iterable[str], required: bool = False
    ) -> list[Tree]:
        await asyncio.sleep(0)
        return [Tree(key=each) for each in node_ids]

    @strawberry.field
    async def height(self) -> int:
        return len(self.key)


@strawberry.type
class Plain(relay.Node):
    """A node that says its id itself."""

    number: int

    @classmethod
    def resolve_id(cls, root: Plain, *, info: strawberry.Info) -> str:
        return f"n{root.number}"

    @classmethod
    def resolve_nodes(
        cls, *, info: strawberry.Info, node_ids: Iterable[str], required: bool = False
    ) -> list[Plain]:
        return [Plain(number=int(each[1:])) for each in node_ids]


@strawberry.type
class CountedConnection(relay.ListConnection[relay.NodeType]):
    total: int = 0

    @classmethod
    def resolve_connection(cls, nodes: Any, *, info: strawberry.Info, **pages: Any) -> Self:
        nodes = list(nodes)
        made: Any = super().resolve_connection(nodes, info=info, **pages)
        made.total = len(nodes)
        return made  # type: ignore[no-any-return]


def _fruit(number: int) -> Fruit:
    return Fruit(code=number, name=NAMES[number])


@strawberry.type
class Query:
    node: relay.Node = relay.node()
    nodes: list[relay.Node] = relay.node()
    maybe_node: relay.Node | None = relay.node()
    fruit: Fruit = relay.node()

    @relay.connection(relay.ListConnection[Fruit])
    def fruits(self, starts: str = "") -> list[Fruit]:
        return [_fruit(n) for n, name in enumerate(NAMES) if name.startswith(starts)]

    @relay.connection(relay.ListConnection[Fruit])
    async def later_fruits(self) -> AsyncIterable[Fruit]:
        for number in range(len(NAMES)):
            yield _fruit(number)

    @relay.connection(CountedConnection[Fruit], max_results=2)
    def counted(self) -> Iterable[Fruit]:
        return (_fruit(number) for number in range(len(NAMES)))

    @strawberry.field
    def plain(self) -> Plain:
        return Plain(number=4)

    @strawberry.field
    def name_of(self, id: relay.GlobalID, info: strawberry.Info) -> str:
        return f"{id.type_name} {id.node_id} {id.resolve_type(info).__name__}"

    @strawberry.field
    async def fruit_of(self, id: relay.GlobalID, info: strawberry.Info) -> Fruit | None:
        return await id.resolve_node(info, ensure_type=Fruit)  # type: ignore[misc]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def rename(self, id: relay.GlobalID, name: str) -> Fruit:
        return Fruit(code=int(id.node_id), name=name)


schema = strawberry.Schema(Query, Mutation, types=[Tree, Plain])

_PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
_EDGES = f"{{ __typename {_PAGE} edges {{ cursor node {{ id name }} }} }}"
_NODE = "query ($id: ID!) { node(id: $id) { __typename id ... on Fruit { name } ... on Tree { height } } }"


def _id(kind: str, key: object) -> str:
    return relay.to_base64(kind, str(key))


PAGE = Page(
    "relay",
    schema,
    (
        Operation(f"{{ fruits {_EDGES} }}"),
        Operation(f"{{ fruits(first: 2) {_EDGES} }}"),
        Operation(f"{{ fruits(last: 2) {_EDGES} }}"),
        Operation(
            f"query ($a: String, $n: Int) {{ fruits(first: $n, after: $a) {_EDGES} }}",
            {"a": relay.to_base64("arrayconnection", "1"), "n": 2},
        ),
        Operation(
            f'{{ fruits(before: "{relay.to_base64("arrayconnection", "3")}", last: 1) {_EDGES} }}'
        ),
        Operation(f'{{ fruits(after: "rubbish") {_EDGES} }}'),
        Operation(f"{{ fruits(first: -1) {_EDGES} }}"),
        Operation(f'{{ fruits(starts: "b") {_EDGES} laterFruits(first: 3) {_EDGES} }}'),
        Operation(f"{{ counted {{ total {_PAGE} edges {{ node {{ name }} }} }} }}"),
        Operation("{ counted(first: 3) { total } }"),
        *(
            Operation(_NODE, {"id": id})
            for id in (
                _id("Fruit", 1),
                _id("Fruit", 77),
                _id("Tree", "oak"),
                _id("Plain", "n3"),
                _id("Query", 1),
                _id("Nothing", 1),
                "rubbish",
                7,
            )
        ),
        Operation(
            "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
            {"ids": [_id("Tree", "fir"), _id("Fruit", 0), _id("Plain", "n1")]},
        ),
        Operation(
            "query ($id: ID!) { maybeNode(id: $id) { id } fruit(id: $id) { name } }",
            {"id": _id("Fruit", 2)},
        ),
        Operation("query ($id: ID!) { maybeNode(id: $id) { id } }", {"id": _id("Fruit", 99)}),
        Operation("query ($id: ID!) { fruit(id: $id) { name } }", {"id": _id("Tree", "oak")}),
        Operation(
            "query ($id: ID!) { nameOf(id: $id) fruitOf(id: $id) { name } }",
            {"id": _id("Fruit", 3)},
        ),
        Operation("query ($id: ID!) { fruitOf(id: $id) { name } }", {"id": _id("Plain", "n3")}),
        Operation("{ plain { id number } }"),
        Operation(f'mutation {{ rename(id: "{_id("Fruit", 3)}", name: "fig") {{ id name }} }}'),
        Operation('mutation { rename(id: "x", name: "fig") { id } }'),
    ),
    {
        # A resolver's value that is not of its type counts as a mistake of the resolver.
        "Expected value of type 'Fruit' but got: <Tree instance>.": UNEXPECTED,
        # Strawberry's message shows the node.
        f"Cannot resolve. GlobalID requires {Fruit}, received Plain(number=3). Verify that the supplied ID"
        " is intended for this Query/Mutation/Subscription.": "The id is one of another type than this field takes.",
    },
)
