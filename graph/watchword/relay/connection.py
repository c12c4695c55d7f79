"""Connections as GraphQL types (Relay, "GraphQL Cursor Connections Specification")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import strawberry

from watchword.config.cost_directives import cost
from watchword.events.sources import reads
from watchword.relay.paginate import Order, Slice

T = TypeVar("T")
R = TypeVar("R")

# Counting all items takes a statement of its own, and about as long as fifty objects.
COUNT_COST = 50


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
    row: strawberry.Private[Any]
    order: strawberry.Private[Order]
    node: T

    @reads()
    @strawberry.field
    def cursor(self) -> str:
        return self.order.cursor(self.row)


@reads()
@strawberry.type
class Connection(Generic[T]):
    """A page. What a client does not ask for is not made: nodes, cursors, and the number of all items."""

    found: strawberry.Private[Slice[Any]]
    make: strawberry.Private[Callable[[Any], Any]]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @reads()
    @strawberry.field
    def edges(self) -> list[Edge[T]]:
        order = self.found.order
        return [Edge(row=row, order=order, node=self.make(row)) for row in self.found.rows]

    @reads()
    @strawberry.field
    def page_info(self) -> PageInfo:
        found = self.found
        ends = [found.order.cursor(row) for row in (*found.rows[:1], *found.rows[-1:])]
        return PageInfo(
            has_next_page=found.has_next,
            has_previous_page=found.has_previous,
            start_cursor=ends[0] if ends else None,
            end_cursor=ends[-1] if ends else None,
        )

    @reads()
    @strawberry.field(description="The nodes of the edges, without their cursors.")
    def nodes(self) -> list[T]:
        return [self.make(row) for row in self.found.rows]

    # What it counts is what the field that returns the connection has declared.
    @reads()
    @strawberry.field(
        description="The number of all items. It is counted only when it is asked for.",
        directives=[cost(COUNT_COST)],
    )
    async def total_count(self) -> int:
        return len(self.found.rows) if self.found.is_whole else await self.count()


def connect(
    found: Slice[R], node: Callable[[R], T], count: Callable[[], Awaitable[int]]
) -> Connection[T]:
    """Return a slice of rows as a connection; `node` makes the object of a row, and `count` counts all items."""
    return Connection(found=found, make=node, count=count)
