"""Sweeps: how the cost of something grows with one number, measured at a few points of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measures.events import Events
from benchmarks.measures.measure import Measure
from benchmarks.measures.requests import Documents, Requests
from benchmarks.measures.streams import Streams
from benchmarks.operations import GROUP, SMALL, Operation, Subscription

SERVERS = ("watchword", "mercurius", "strawberry")


@dataclass(frozen=True, slots=True)
class Sweep:
    """A measure for each of some numbers; the cost is in microseconds of the server's processor time."""

    name: str
    over: str
    cost: str
    numbers: tuple[int, ...]
    at: Callable[[int], Measure]

    def measures(self) -> dict[str, Measure]:
        """Return the measures by their names."""
        return {measure.name: measure for measure in map(self.at, self.numbers)}


def _rows(number: int) -> Measure:
    query = "query Rows($first: Int!) { incidents(first: $first) { id title severity status } }"
    operation = Operation(f"rows-{number}", f"{number} rows", query, 4, {"first": number})
    return Requests(operation, SERVERS)


def _depth(number: int) -> Measure:
    inner = "id"
    for _ in range(number // 2 - 1):
        inner = f"id updates(first: 1) {{ id incident {{ {inner} }} }}"
    query = f"query Depth {{ incidents(first: 1) {{ {inner} }} }}"
    return Requests(Operation(f"depth-{number}", f"{number} deep", query, 4), SERVERS)


def _subscribers(number: int) -> Measure:
    return Events(f"subscribers-{number}", f"{number} subscribers", number, servers=SERVERS[:2])


def _groups(number: int) -> Measure:
    title = f"1,000 subscribers in {number} groups"
    asked = Subscription(GROUP, groups=number)
    return Events(f"groups-{number}", title, 1_000, asked, ("watchword",))


def _documents(number: int) -> Measure:
    return Documents(f"documents-{number}", f"{number} documents in turn", SMALL, number, SERVERS)


SWEEPS = (
    Sweep("rows", "rows of a list", "a request, µs", (1, 10, 100, 1_000), _rows),
    Sweep("depth", "depth of a query", "a request, µs", (2, 4, 8, 14), _depth),
    Sweep("subscribers", "subscribers", "a delivery, µs", (10, 100, 1_000, 3_000), _subscribers),
    Sweep("groups", "groups of 1,000 subscribers", "a delivery, µs", (1, 10, 100), _groups),
    Sweep("documents", "different documents in turn", "a request, µs", (1, 100, 3_000), _documents),
    Sweep(
        "streams", "streams in the log", "a look at the log, µs", (10, 100, 1_000, 10_000), Streams
    ),
)
