"""Every field that anyone may query says what it reads, so that one execution can answer all who ask."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import GraphQLSchema, get_named_type, is_composite_type, is_object_type

from incident_room import domain, schema
from watchword.execution.shared.selection import declaration
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.access import table
from watchword.permissions.coverage import cover
from watchword.principal import ANONYMOUS


def public_fields() -> set[str]:
    """Return the fields of all types that a caller without a token may read, as `Type.field`."""
    cover(schema, domain)
    rows = table(schema, {"anyone": ANONYMOUS})
    return {row.field for row in rows if row.outlooks["anyone"] == "yes"}


def below(graph: GraphQLSchema, public: set[str]) -> Iterator[tuple[str, bool]]:
    """Yield each public field that a query reaches through public fields, and whether it declares what it reads."""
    assert graph.query_type is not None
    waiting, met = [graph.query_type], {graph.query_type}
    while waiting:
        kind = waiting.pop()
        for name, field in kind.fields.items():
            if (full := f"{kind.name}.{name}") not in public:
                continue
            yield full, declaration(kind, field) is not None
            inner = get_named_type(field.type)
            if not is_composite_type(inner):
                continue
            possible = [inner] if is_object_type(inner) else graph.get_possible_types(inner)
            waiting += [each for each in possible if each not in met]
            met.update(possible)


def test_every_public_field_of_a_query_declares_what_it_reads() -> None:
    found = dict(below(definition(schema), public_fields()))
    assert [name for name, is_declared in found.items() if not is_declared] == []
    assert {"Query.incidents", "Incident.updates", "IncidentUpdate.body"} <= found.keys()
