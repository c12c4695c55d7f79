"""Ways to what is guarded that the layers of random types have not, each with documents that go it.

Connections, ids of Relay, rules over objects, arguments, input fields, enum values, and answers that are kept.
"""

import enum
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any

import strawberry
from strawberry import relay

from tests.secrets.rules import GROUP, Marked, marks
from watchword import Public, guarded_by, reads

READ, AUDIT, ADMIN = (Marked("scope", (f"s:{name}",)) for name in ("read", "audit", "admin"))
OWNED = Marked("or", (Marked("owner"), ADMIN))
IN_GROUP = Marked("group")

NAME = marks.add("Ship.name", [READ])
CODE = marks.add("Ship.code", [READ, AUDIT])
CREW = marks.add("Ship.crew", [READ, IN_GROUP])
CARGO = marks.add("Ship.cargo", [READ, OWNED])
COLOUR = marks.add("Colour", [READ, AUDIT])
KEY = marks.add("Query.told.key", [AUDIT])
FIELD = marks.add("Told.key", [AUDIT])
KEPT = marks.add("Kept.code", [AUDIT])

runs: Counter[str] = Counter()
"""How often the resolvers ran whose answers may be kept."""


@strawberry.enum
class Colour(enum.Enum):
    """Nobody sends it, so a mark in its name comes from the server."""

    GREY = "grey"
    GUARDED = strawberry.enum_value(
        "guarded", name=f"V{COLOUR.strip('<>')}", directives=[guarded_by(AUDIT.permission)]
    )


@guarded_by(READ.permission)
@strawberry.type
class Ship(relay.Node):
    number: relay.NodeID[int]
    group: strawberry.Private[str] = GROUP
    owned_by: strawberry.Private[str] = "nobody"

    @strawberry.field
    def name(self) -> str | None:
        return NAME

    @strawberry.field(permission_classes=[AUDIT.permission])
    def code(self) -> str | None:
        return CODE

    @strawberry.field(permission_classes=[IN_GROUP.permission])
    def crew(self) -> str | None:
        return CREW

    @strawberry.field(permission_classes=[OWNED.permission])
    def cargo(self) -> str | None:
        return CARGO

    @strawberry.field
    def colours(self) -> list[Colour | None]:
        return [Colour.GREY, Colour.GUARDED]

    @classmethod
    def resolve_nodes(cls, *, info: Any, node_ids: Iterable[str], required: bool = False) -> Any:
        return [cls(number=int(each)) for each in node_ids]


@strawberry.input
class Told:
    open: str | None = None
    key: str | None = strawberry.field(default=None, directives=[guarded_by(AUDIT.permission)])


@reads()
@guarded_by(Public)
@strawberry.type
class Kept:
    @reads()
    @strawberry.field(permission_classes=[AUDIT.permission])
    def code(self) -> str | None:
        return KEPT


def fields() -> dict[str, Any]:
    """Return the fields of Query that lead these ways."""

    def told(
        self: Any,
        key: Annotated[
            str | None, strawberry.argument(directives=[guarded_by(AUDIT.permission)])
        ] = None,
        by: Told | None = None,
    ) -> str | None:
        return (KEY if key else "") + (FIELD if by and by.key else "")

    def ships(self: Any) -> list[Ship]:
        return [Ship(number=1), Ship(number=2)]

    def kept(self: Any) -> Kept | None:
        runs["kept"] += 1
        return Kept()

    return {
        "__annotations__": {"node": relay.Node | None},
        "told": strawberry.field(resolver=told, permission_classes=[Public]),
        "ships": relay.connection(
            relay.ListConnection[Ship], resolver=ships, permission_classes=[Public]
        ),
        "node": relay.node(permission_classes=[Public]),
        "kept": reads()(strawberry.field(resolver=kept, permission_classes=[Public])),
    }


ID = relay.to_base64("Ship", 1)
DEFERRED = "{ ships { edges { node { code ... @defer { crew cargo } } } } }"
KEPT_QUERY = "{ kept { code } }"
DOCUMENTS = (
    "{ ships { edges { cursor node { code crew cargo colours } } } }",
    f'{{ node(id: "{ID}") {{ id ... on Ship {{ code crew cargo colours }} }} }}',
    "{ ships { edges { node { name } } } }",
    "{ ships { edges { node { colours } } } }",
    "{ ships { edges { node { crew } } } }",
    "{ ships { edges { node { cargo } } } }",
    '{ told(key: "k") }',
    '{ told(by: {key: "k"}) }',
    'query ($by: Told = {key: "k"}) { told(by: $by) }',
    KEPT_QUERY,
)
"""Each has a mark for a caller with all roles and scopes."""
