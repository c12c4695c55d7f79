"""The documents that are measured, the same for every server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """A query or a mutation, and the number of connections that send it at once."""

    name: str
    title: str
    query: str
    connections: int
    variables: Mapping[str, object] | None = None
    only: tuple[str, ...] = ()

    def body(self) -> bytes:
        """Return the body of a GraphQL request."""
        content = {"query": self.query}
        if self.variables is not None:
            return json.dumps({**content, "variables": self.variables}).encode()
        return json.dumps(content).encode()


INCIDENTS = (
    "query Incidents($first: Int!) { incidents(first: $first) { id title severity status"
    " internalNotes commander { id name } services { id name status } } }"
)
LARGE = (
    "query Large($first: Int!) { incidents(first: $first) { id title status"
    " updates(first: 5) { id body visibility author { id name } } } }"
)
POST = (
    "mutation Post($id: ID!, $body: String!) { %s(incidentId: $id, body: $body)"
    " { id body visibility author { id name } } }"
)
POSTED = {"id": "i3", "body": "posted by the load generator"}
OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("viewer", "viewer", "{ viewer { id name roles } }", 16),
        Operation("list", "20 incidents", INCIDENTS, 8, {"first": 20}),
        Operation("large", "2,800 leaves", LARGE, 4, {"first": 100}),
        Operation("mutation", "mutation", POST % "postUpdate", 16, POSTED),
        Operation(
            "commit",
            "mutation, its event committed",
            POST % "commitUpdate",
            16,
            POSTED,
            only=("watchword",),
        ),
    )
}
UPDATES = (
    "subscription { incidentUpdates"
    " { id body author { id name } incident { id title status } } }"
)  # fmt: skip
MINE = (
    "subscription { myUpdates"
    " { id body visibility author { id name } incident { id title status } } }"
)  # fmt: skip
PUBLISH = "mutation Publish($times: Int!, $rate: Float!) { publish(times: $times, rate: $rate) }"


def publishing(times: int, rate: float = 0) -> bytes:
    """Return the body of the request that publishes events, `rate` a second or at once."""
    return json.dumps({"query": PUBLISH, "variables": {"times": times, "rate": rate}}).encode()
