"""The messages between processes, byte by byte: servers of two releases talk during a rolling upgrade.

A message here may get more members. It must not lose one, or change what one means.
"""

from __future__ import annotations

import json
from dataclasses import replace

import orjson
import pytest

from incident_room.topics import IncidentEventKind, component_event, incident_event
from incident_room.vocabulary import Visibility
from watchword.auth.revocation import identity_events
from watchword.auth.revocation.identity_events import (
    account_revoked,
    client_revoked,
    roles_changed,
    session_revoked,
    token_revoked,
)
from watchword.auth.revocation.revocations import Revocations
from watchword.domain import Domain
from watchword.errors import TokenRevoked
from watchword.events.bus.redis import _decode, _encode
from watchword.events.event import PRESENT, Event, Place
from watchword.principal import Principal

IDENTITY = {
    '["identity","alice","SESSION_REVOKED",{"session":"s"},7,"m7","m6"]': session_revoked(
        "alice", "s"
    ),
    '["identity","alice","ACCOUNT_REVOKED",{"version":3,"kept":"s"},7,"m7","m6"]': account_revoked(
        "alice", 3, "s"
    ),
    '["identity","alice","ACCOUNT_REVOKED",{"version":3,"kept":null},7,"m7","m6"]': account_revoked(
        "alice", 3
    ),
    '["identity","alice","ROLES_CHANGED",{"version":3,"roles":"admin viewer"},7,"m7","m6"]': (
        roles_changed("alice", 3, ["viewer", "admin"])
    ),
    '["identity","alice","TOKEN_REVOKED",{"token":"t"},7,"m7","m6"]': token_revoked("alice", "t"),
    '["identity","robot","CLIENT_REVOKED",{"version":3},7,"m7","m6"]': client_revoked("robot", 3),
}
INCIDENTS = {
    f'["incidents","i","{kind}",{{"update":"u","visibility":"INTERNAL"}},7,"m7","m6"]': (
        incident_event("i", IncidentEventKind(kind), "u", Visibility.INTERNAL)
    )
    for kind in (
        "OPENED",
        "UPDATE_POSTED",
        "STATUS_CHANGED",
        "IMPACT_CHANGED",
        "COMMANDER_ASSIGNED",
        "COMPONENTS_CHANGED",
        "RESOLVED",
        "VISIBILITY_CHANGED",
        "EDITED",
    )
} | {
    '["incidents","i","OPENED",{"update":null,"visibility":"PUBLIC"},7,"m7","m6"]': incident_event(
        "i", IncidentEventKind.OPENED
    )
}
COMPONENTS = {
    '["components","c","STATUS_CHANGED",{},7,"m7","m6"]': component_event("c"),
}
MESSAGES = IDENTITY | INCIDENTS | COMPONENTS


@pytest.mark.parametrize("message", MESSAGES)
def test_each_message_is_written_and_read_as_it_always_was(message: str) -> None:
    event = replace(MESSAGES[message], position=7, mark="m7", before="m6")
    assert _encode(event).decode() == message
    read = _decode(message.encode())
    assert (read, read.mark, read.before) == (event, "m7", "m6")


@pytest.mark.parametrize("message", MESSAGES)
def test_what_a_later_release_adds_to_a_message_is_ignored(message: str) -> None:
    fields = json.loads(message)
    fields[3]["later"] = "x"
    read = _decode(json.dumps([*fields, {"later": True}]).encode())
    known = MESSAGES[message]
    assert (read.stream, read.key, read.kind, read.position) == (*fields[:3], 7)
    assert {**read.data, "later": None} == {**known.data, "later": None}


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACED = f'["components","c","STATUS_CHANGED",{{}},7,"m7","m6",{{"trace":"{TRACE}"}}]'


def test_what_not_every_event_has_is_in_an_object_at_the_end() -> None:
    event = replace(component_event("c"), position=7, mark="m7", before="m6", trace=TRACE)
    assert _encode(event).decode() == TRACED
    read = _decode(TRACED.encode())
    assert (read, read.mark, read.before, read.trace) == (event, "m7", "m6", TRACE)


@pytest.mark.parametrize("more", [[], [{}], [None], ["x"], [{"trace": 7}], [{"later": TRACE}, 8]])
def test_an_event_that_names_no_trace_is_read_without_one(more: list[object]) -> None:
    read = _decode(json.dumps([*json.loads(TRACED)[:7], *more]).encode())
    assert (read.place, read.trace) == (Place(7, "m7"), None)


@pytest.mark.parametrize("message", [*MESSAGES, TRACED])
def test_servers_of_the_last_release_read_each_message(message: str) -> None:
    # What their `_decode` did, word by word.
    match orjson.loads(message):
        case [
            str(stream),
            str(key),
            str(kind),
            dict(data),
            int(position),
            str(mark),
            str(before),
            *_,
        ]:
            read = Event(stream, key, kind, data, position, mark, before)
    sent = _decode(message.encode())
    assert (read, read.mark, read.before) == (sent, sent.mark, sent.before)


def test_every_kind_is_here() -> None:
    named = {value for name, value in vars(identity_events).items() if name.isupper()}
    assert {event.kind for event in IDENTITY.values()} == named - {identity_events.STREAM}
    assert {event.kind for event in INCIDENTS.values()} == (
        {kind.value for kind in IncidentEventKind} - {PRESENT}
    )


def test_a_revocation_that_says_more_counts_and_one_of_an_unknown_kind_is_passed_over() -> None:
    revocations = Revocations(Domain(), 600, downgrades=False)
    alice = Principal("alice", session="s")
    revocations.add(Event("identity", "alice", "LATER", {"session": "s"}), 0)
    assert revocations.check(alice) is alice
    revocations.add(Event("identity", "alice", "SESSION_REVOKED", {"session": "s", "later": 1}), 0)
    with pytest.raises(TokenRevoked):
        revocations.check(alice)
