"""Apollo's composition reads from a subgraph's SDL what its fields ask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import (
    DirectiveNode,
    FieldDefinitionNode,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    parse,
    print_ast,
)
from strawberry import federation
from strawberry.federation.schema_directives import Link

from tests.clients.script import running
from tests.federation.routers import FOLDER
from watchword import Domain, HasRole, HasScope, Owner, Public, SignedIn, guarded_by
from watchword.permissions.coverage import cover
from watchword.principal import ANONYMOUS


@strawberry.interface
class Vessel:
    name: str = strawberry.field(permission_classes=[SignedIn])


@guarded_by(HasScope("ships:read") | HasScope("fleet:read"))
@federation.type(keys=["id"])
class Ship(Vessel):
    id: strawberry.ID
    captain: str = strawberry.field(permission_classes=[Owner("captain") | HasRole("admiral")])


@federation.interface_object(keys=["id"])
class Harbour:
    id: strawberry.ID
    depth: int = strawberry.field(permission_classes=[HasScope("harbours:read")], default=1)


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[SignedIn & HasScope("ships:read")])
    def ship(self) -> Ship | None:
        return None

    @strawberry.field(permission_classes=[Public])
    def vessels(self) -> list[Vessel]:
        return []


OTHERS = """extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])
interface Harbour @key(fields: "id") { id: ID! }
type Port implements Harbour @key(fields: "id") { id: ID! }
type Query { harbour: Harbour }"""


def sdl(version: Any, imported: Sequence[str] = ()) -> str:
    url = f"https://specs.apollo.dev/federation/v{version}"
    links = [Link(url=url, import_=[*imported])] if imported else []
    schema = federation.Schema(
        Query, types=[Ship, Harbour], federation_version=version, schema_directives=links
    )
    permissions = {"Query._service": [Public], "Harbour": [Public]}
    cover(schema, Domain(permissions=permissions, default_permissions=[Public]))
    context: Any = SimpleNamespace(principal=ANONYMOUS)
    answered = schema.execute_sync("{ _service { sdl } }", context_value=context)
    assert answered.data == {"_service": {"sdl": schema.as_str()}}
    return schema.as_str()


async def composed(node: Path, *, is_loaded: bool, **sdls: str) -> str:
    """Return the supergraph; @apollo/gateway must take it, or refuse it."""
    async with running(node, "composition.mjs", FOLDER, sdls=sdls) as script:
        step = await script.wait("composed")
    assert step["errors"] == []
    assert (step["refusal"] is None) is is_loaded, step["refusal"]
    return str(step["supergraphSdl"])


def asked(supergraph: str, name: str) -> set[str]:
    """Return the directives of a field that say who may read it, such as `@authenticated`."""
    kind, _, field = name.partition(".")
    [found] = [
        each
        for node in parse(supergraph).definitions
        if isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode)
        and node.name.value == kind
        for each in node.fields or ()
        if isinstance(each, FieldDefinitionNode) and each.name.value == field
    ]
    return {printed(each) for each in found.directives or () if "join__" not in print_ast(each)}


def printed(directive: DirectiveNode) -> str:
    return "".join(print_ast(directive).split("\n")).replace("  ", " ")


async def test_where_they_are_imported_a_supergraph_says_what_the_fields_of_its_subgraphs_ask(
    node: Path,
) -> None:
    fleet = sdl("2.11", ["@authenticated", "@requiresScopes", "@policy"])
    # The gateway in JavaScript cannot ask what they say, and Apollo's router can.
    supergraph = await composed(node, is_loaded=False, fleet=fleet, harbours=OTHERS)
    assert asked(supergraph, "Query.ship") == {
        "@authenticated",
        '@requiresScopes(scopes: [["ships:read"]])',
    }
    assert asked(supergraph, "Query.vessels") == set()
    either = '@requiresScopes(scopes: [["ships:read"], ["fleet:read"]])'
    assert asked(supergraph, "Ship.id") == {either}
    assert asked(supergraph, "Ship.name") == {either, "@authenticated"}
    owner = '@policy(policies: [["to be the owner (captain)"], ["role admiral"]])'
    assert asked(supergraph, "Ship.captain") == {either, owner}
    # An interface asks what its types ask, and the types of an interface object ask what it asks.
    assert asked(supergraph, "Vessel.name") == asked(supergraph, "Ship.name")
    assert asked(supergraph, "Port.depth") == {'@requiresScopes(scopes: [["harbours:read"]])'}


@pytest.mark.parametrize("version", ["2.4", "2.6", "2.11"])
async def test_a_stock_gateway_takes_a_subgraph_that_imports_none_of_them(
    node: Path, version: str
) -> None:
    fleet = sdl(version)
    assert "@authenticated" in fleet
    supergraph = await composed(node, is_loaded=True, fleet=fleet, harbours=OTHERS)
    assert asked(supergraph, "Query.ship") == asked(supergraph, "Ship.captain") == set()
