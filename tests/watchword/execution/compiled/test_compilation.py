"""A document whose fragments select too many fields is not compiled."""

from __future__ import annotations

import strawberry

from tests.support.both_executions import Both
from watchword.execution.compiled import compilation
from watchword.permissions.field import Public


@strawberry.type
class Node:
    @strawberry.field
    def next(self) -> Node | None:
        return None

    @strawberry.field
    def other(self) -> Node | None:
        return None


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def node(self) -> Node:
        return Node()


async def test_exponentially_many_fields_are_left_to_graphql_core() -> None:
    fragments = [
        f"fragment F{n} on Node {{ next {{ ...F{n + 1} }} other {{ ...F{n + 1} }} }}"
        for n in range(9)
    ]
    document = f"{{ node {{ ...F0 }} }} {' '.join(fragments)} fragment F9 on Node {{ __typename }}"
    assert 2**9 < compilation.MOST_FIELDS < 2**10
    data, _ = await Both(Query).execute(document, falls_back="too many fields")
    assert data == {"node": {"next": None, "other": None}}
