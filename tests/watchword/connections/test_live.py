"""What one process writes of its connections, another reads."""

from __future__ import annotations

import json
from dataclasses import asdict

from watchword.connections.live import Listed, Subscribed, Transport, Wanted

LISTED = Listed(
    "p-1", "alice", "s", "watchword", "192.0.2.1", Transport.EVENT_STREAM, 5.5, None,
    (Subscribed("One", 2), Subscribed(None, 0)), 17, ("incident/1",),
)  # fmt: skip


def test_a_listed_connection_survives_json() -> None:
    assert Listed.read(json.loads(json.dumps(asdict(LISTED)))) == LISTED


def test_members_of_a_later_release_are_left_out() -> None:
    more = {**asdict(LISTED), "more": 1, "subscriptions": [["One", 2, "more"]]}
    assert Listed.read(more).subscriptions == (Subscribed("One", 2),)
    wanted = Wanted(3, (1.5, "p-1"), "alice")
    assert Wanted.read(json.loads(json.dumps(asdict(wanted))) | {"more": 1}) == wanted


def test_a_process_of_an_earlier_release_tells_no_places() -> None:
    told = asdict(LISTED)
    del told["places"]
    assert Listed.read(told).places == ()


def test_connections_are_ordered_by_age_and_then_by_id() -> None:
    assert LISTED.place == (5.5, "p-1")
