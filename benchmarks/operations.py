"""The documents that are measured, the same for every server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Operation:
    """A query or a mutation, and the number of connections that send it at once.

    `like` is what servers that are not measured with it are asked when answers are compared: its root field has
    another name, and the same value.
    """

    name: str
    title: str
    query: str
    connections: int
    variables: Mapping[str, object] | None = None
    like: Operation | None = None

    def body(self, query: str = "") -> bytes:
        """Return the body of a GraphQL request, with another query if one is given."""
        content: dict[str, object] = {"query": query or self.query}
        if self.variables is not None:
            content["variables"] = self.variables
        return json.dumps(content).encode()

    def renamed(self, number: int) -> bytes:
        """Return the body with another name of the operation, so that the document is another one."""
        return self.body(self.query.replace("(", f"{number}(", 1))


VIEWER = Operation("viewer", "viewer", "{ viewer { id name roles } }", 16)
INCIDENTS = (
    "query Incidents($first: Int!) { incidents(first: $first) { id title severity status"
    " internalNotes commander { id name } services { id name status } } }"
)
LIST = Operation("list", "20 incidents", INCIDENTS, 8, {"first": 20})
SHARED = replace(LIST, name="shared", title="20 incidents, asked by all alike")
# A document of the same size, whose execution costs little.
SMALL = Operation("document", "a document", INCIDENTS, 8, {"first": 1})
LARGE = Operation(
    "large",
    "2,800 leaves",
    "query Large($first: Int!) { incidents(first: $first) { id title status"
    " updates(first: 5) { id body visibility author { id name } } } }",
    4,
    {"first": 100},
)
POST = (
    "mutation Post($id: ID!, $body: String!) { %s(incidentId: $id, body: $body)"
    " { id body visibility author { id name } } }"
)
POSTED = {"id": "i3", "body": "posted by the load generator"}
MUTATION = Operation("mutation", "mutation", POST % "postUpdate", 16, POSTED)
COMMIT = Operation(
    "commit", "mutation, event committed", POST % "commitUpdate", 16, POSTED, MUTATION
)
ROOM = Operation(
    "room",
    "20 incidents of the incident room",
    "query { incidents(first: 20) { nodes { id name impact status startedAt"
    " components { id name status } commander { id name }"
    " updates(first: 3) { nodes { id status body displayAt } } } } }",
    4,
)
UPDATES = (
    "subscription { incidentUpdates"
    " { id body author { id name } incident { id title status } } }"
)  # fmt: skip
# Subscriptions with different arguments are not shared, and all of them get every event.
GROUP = UPDATES.replace("incidentUpdates", "incidentUpdates(group: %d)")
MINE = (
    "subscription { myUpdates"
    " { id body visibility author { id name } incident { id title status } } }"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription to updates, for users with so many different sets of grants.

    A `%d` in the query becomes a number below `groups`.
    """

    query: str = UPDATES
    classes: int = 1
    groups: int = 1

    def of(self, number: int) -> str:
        """Return the query of a subscriber."""
        return self.query % (number % self.groups) if "%d" in self.query else self.query


PUBLISH = "mutation Publish($times: Int!, $rate: Float!) { publish(times: $times, rate: $rate) }"


def publishing(times: int, rate: float = 0) -> bytes:
    """Return the body of the request that publishes events, `rate` a second or at once."""
    return json.dumps({"query": PUBLISH, "variables": {"times": times, "rate": rate}}).encode()
