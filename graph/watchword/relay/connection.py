"""Connections as GraphQL types (Relay, "GraphQL Cursor Connections Specification")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import strawberry

from watchword.relay.paginate import Slice
from watchword.sources import reads

T = TypeVar("T")
R = TypeVar("R")


@reads()
@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@reads()
@strawberry.type
class Edge(Generic[T]):
    node: T
    cursor: str


@reads()
@strawberry.type
class Connection(Generic[T]):
    edges: list[Edge[T]]
    page_info: PageInfo
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @reads()
    @strawberry.field(description="The nodes of the edges, without their cursors.")
    def nodes(self) -> list[T]:
        return [edge.node for edge in self.edges]

    # What it counts is what the field that returns the connection has declared.
    @reads()
    @strawberry.field(
        description="The number of all items. It is counted only when it is asked for."
    )
    async def total_count(self) -> int:
        return await self.count()


def connect(
    found: Slice[R], node: Callable[[R], T], count: Callable[[], Awaitable[int]]
) -> Connection[T]:
    """Return a slice of rows as a connection."""
    cursors = found.cursors
    return Connection(
        edges=[
            Edge(node=node(row), cursor=cursor)
            for row, cursor in zip(found.rows, cursors, strict=True)
        ],
        page_info=PageInfo(
            has_next_page=found.has_next,
            has_previous_page=found.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
        count=count,
    )
