"""All measures by their names."""

from __future__ import annotations

from benchmarks.measures.events import Events
from benchmarks.measures.measure import Measure
from benchmarks.measures.requests import NewDocuments, Requests
from benchmarks.measures.storm import Storm
from benchmarks.operations import (
    COMMIT,
    LARGE,
    LIST,
    MINE,
    MUTATION,
    ROOM,
    SHARED,
    SMALL,
    VIEWER,
    Subscription,
)
from benchmarks.servers import ALIKE, SERVERS

# What takes long is measured of these.
FEW = ("watchword", "mercurius", "strawberry")


CLASSES = Subscription(classes=3)


def _of_room(place: str) -> tuple[str, ...]:
    return tuple(name for name, server in SERVERS.items() if server.place == place)


ALL: tuple[Measure, ...] = (
    Requests(VIEWER),
    Requests(LIST, servers=(*ALIKE, "uvicorn")),
    Requests(SHARED, ("watchword-shared", "uvicorn")),
    Requests(LARGE),
    Requests(MUTATION),
    Requests(COMMIT, servers=("watchword",)),
    NewDocuments(SMALL),
    Events("event-1000", "an event to 1,000", 1_000),
    Events("event-1000-classes", "the same, three classes of grants", 1_000, CLASSES, FEW),
    Events("event-1000-personal", "the same, all personal", 1_000, Subscription(MINE), FEW),
    Events("event-5000", "an event to 5,000", 5_000, servers=FEW[:2]),
    Storm("storm-1000", "1,000 connect, acknowledge, subscribe", 1_000, (*FEW, "uvicorn")),
    Storm("storm-5000", "5,000 connect, acknowledge, subscribe", 5_000, (*FEW[:2], "uvicorn")),
    *(Requests(ROOM, _of_room(place), place=place) for place in ("sqlite", "postgresql")),
)
MEASURES = {measure.name: measure for measure in ALL}
