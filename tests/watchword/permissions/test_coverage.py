"""A root field without a permission stops the server, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import strawberry
from strawberry.permission import PermissionExtension

from tests.support import toy_schema
from watchword.errors import Unsafe
from watchword.permissions.coverage import check
from watchword.permissions.field import Public


def test_a_schema_that_declares_everything_passes() -> None:
    check(toy_schema.schema)


def test_every_forgotten_root_field_is_named() -> None:
    @strawberry.type
    class Query:
        plain: str = "x"

        @strawberry.field(permission_classes=[Public])
        def declared(self) -> str:
            return "x"

        @strawberry.field(extensions=[PermissionExtension(permissions=[])])
        def empty(self) -> str:
            return "x"

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        def forgotten(self) -> str:
            return "x"

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def missed(self) -> AsyncIterator[int]:
            yield 1

    with pytest.raises(
        Unsafe, match=r"^Query\.plain, Query\.empty, Mutation\.forgotten, Subscription\.missed:"
    ):
        check(strawberry.Schema(Query, Mutation, Subscription))
