"""Live connections in GraphQL: admins see who is connected, and end a connection."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.mounted_room import (  # noqa: F401
    watchword_app,
    watchword_database_url,
    watchword_settings,
)
from watchword.testing import App, Caller

LIST = """query ($first: Int, $after: String, $subject: String) {
  liveConnections(first: $first, after: $after, subject: $subject) {
    totalCount processes silentProcesses endCursor
    nodes { id subject name session client address transport openedAt endsAt unsentBytes current
            subscriptions { operation behind } }
  }
}"""
END = "mutation ($id: ID!) { endConnection(id: $id) }"
ONE = "subscription One { incidentsChanged { kind } }"


@pytest.fixture
def admin(watchword: App) -> Caller:
    return watchword.as_user(roles=["admin"])


async def listed(admin: Caller, **how: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await admin.query(LIST, **how))["liveConnections"]
    return found


async def test_a_connection_is_listed_with_its_user_and_its_subscriptions(
    watchword: App, admin: Caller
) -> None:
    viewer = watchword.as_user(roles=["viewer"], name="Vera")
    async with viewer.subscribe(ONE), watchword.anonymous.subscribe(ONE):
        found = await listed(admin)
        anonymous, vera = found["nodes"]
        assert (found["totalCount"], found["processes"], found["silentProcesses"]) == (2, 1, 0)
        assert (vera["subject"], vera["name"], vera["client"]) == (viewer.id, "Vera", "watchword")
        assert vera["subscriptions"] == [{"operation": "One", "behind": 0}]
        assert (vera["transport"], vera["unsentBytes"], vera["current"]) == ("WEBSOCKET", 0, False)
        assert vera["endsAt"] > vera["openedAt"]
        assert (anonymous["subject"], anonymous["name"], anonymous["endsAt"]) == (None, None, None)
        [only] = (await listed(admin, subject=viewer.id))["nodes"]
        assert only["id"] == vera["id"]


async def test_pages_follow_each_other(watchword: App, admin: Caller) -> None:
    async with watchword.anonymous.subscribe(ONE), watchword.anonymous.subscribe(ONE):
        first = await listed(admin, first=1)
        rest = await listed(admin, first=1, after=first["endCursor"])
        assert rest["endCursor"] is None
        assert {each["id"] for page in (first, rest) for each in page["nodes"]} == {
            each["id"] for each in (await listed(admin))["nodes"]
        }
        assert (await listed(admin, first=0))["endCursor"] is None
    problem = await admin.refusal(LIST, after="forged")
    assert problem.code == "BAD_USER_INPUT"


async def test_an_ended_connection_is_closed_and_audited(watchword: App, admin: Caller) -> None:
    viewer = watchword.as_user(roles=["viewer"])
    async with viewer.subscribe(ONE) as ended, watchword.anonymous.subscribe(ONE) as kept:
        [theirs] = (await listed(admin, subject=viewer.id))["nodes"]
        await admin.mutate(END, id=theirs["id"])
        closed = await ended.closed()
        assert (closed.code, closed.reason) == (4401, "ended by an administrator")
        await kept.quiet()
        assert (await admin.refusal(END, id=theirs["id"])).code == "NOT_FOUND"
    audit = "{ auditLog(action: CONNECTION_ENDED) { nodes { actor address detail } } }"
    [entry] = (await admin.query(audit))["auditLog"]["nodes"]
    assert entry["actor"] == admin.id
    assert entry["detail"]["connection"] == theirs["id"]
    assert entry["detail"]["subject"] == viewer.id


@pytest.mark.parametrize("role", ["viewer", "responder", "commander"])
async def test_others_neither_see_nor_end_connections(watchword: App, role: str) -> None:
    caller = watchword.as_user(roles=[role])
    async with caller.subscribe(ONE) as own:
        assert (await caller.refusal(LIST)).code == "FORBIDDEN"
        assert (await caller.refusal(END, id="x-1")).code == "FORBIDDEN"
        await own.quiet()
    assert (await watchword.anonymous.refusal(LIST)).code == "UNAUTHENTICATED"


async def test_an_unattended_browser_ends_nothing(watchword: App, admin: Caller) -> None:
    watchword.clock.move(400)
    async with watchword.anonymous.subscribe(ONE) as other:
        [node] = (await listed(admin))["nodes"]
        assert (await admin.refusal(END, id=node["id"])).code == "STEP_UP_REQUIRED"
        await other.quiet()
