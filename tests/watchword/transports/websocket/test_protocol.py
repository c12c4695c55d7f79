"""The state machine of graphql-transport-ws, without a socket."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from watchword.transports.state import ConnectionState, StateMachine, Transition
from watchword.transports.websocket.protocol import (
    LONGEST_REASON,
    NEXT_TAIL,
    Close,
    CloseSoon,
    GraphQLTransportWS,
    Initialise,
    Nothing,
    Renew,
    Reply,
    Start,
    Step,
    Stop,
    close,
    complete_message,
    error_message,
    next_head,
)


def say(protocol: GraphQLTransportWS, **message: Any) -> Step:
    return protocol.receive(json.dumps(message))


def ready() -> GraphQLTransportWS:
    machine = StateMachine()
    protocol = GraphQLTransportWS(machine)
    say(protocol, type="connection_init")
    machine.go(Transition.OPEN)
    return protocol


def subscribe(protocol: GraphQLTransportWS, id: str = "1") -> Step:
    return say(protocol, type="subscribe", id=id, payload={"query": "{ a }"})


def test_init_hands_its_payload_over_for_authentication() -> None:
    machine = StateMachine()
    protocol = GraphQLTransportWS(machine)
    assert say(protocol, type="connection_init", payload={"a": 1}) == Initialise({"a": 1})
    assert machine.state is ConnectionState.OPENING


def test_a_second_init_is_too_many_even_before_the_ack() -> None:
    protocol = GraphQLTransportWS(StateMachine())
    say(protocol, type="connection_init")
    assert say(protocol, type="connection_init") == Close(4429, "Too many initialisation requests")


def test_nothing_starts_between_init_and_ack() -> None:
    protocol = GraphQLTransportWS(StateMachine())
    say(protocol, type="connection_init")
    assert subscribe(protocol) == Close(4401, "Unauthorized")


def test_an_operation_starts_once_and_stops_once() -> None:
    protocol = ready()
    assert isinstance(subscribe(protocol), Start)
    assert subscribe(protocol) == Close(4409, "Subscriber for 1 already exists")
    assert say(protocol, type="complete", id="1") == Stop("1")
    assert say(protocol, type="complete", id="1") == Nothing()


def test_an_id_that_the_server_finished_is_free_again() -> None:
    protocol = ready()
    subscribe(protocol)
    protocol.finish("1")
    assert isinstance(subscribe(protocol), Start)


def test_ping_is_answered_at_any_time() -> None:
    pong = Reply(b'{"type":"pong"}')
    assert say(GraphQLTransportWS(StateMachine()), type="ping") == pong
    assert (
        say(GraphQLTransportWS(StateMachine()), type="ping", payload={"authorization": "x"}) == pong
    )
    assert say(ready(), type="ping") == pong
    assert say(ready(), type="ping", payload={"x": 1}) == Renew({"x": 1})


def test_a_reason_fits_a_frame_and_is_cut_between_characters() -> None:
    reason = close(4400, "é" * 200).reason
    assert len(reason.encode()) <= LONGEST_REASON
    assert reason == "é" * 61


@given(st.text())
def test_messages_to_the_client_are_json_for_any_id(id: str) -> None:
    id = id.encode(errors="replace").decode()
    assert json.loads(next_head(id) + b'{"data":1}' + NEXT_TAIL) == {
        "id": id,
        "type": "next",
        "payload": {"data": 1},
    }
    assert json.loads(complete_message(id)) == {"id": id, "type": "complete"}
    assert json.loads(error_message(id, [{"message": "m"}]))["payload"] == [{"message": "m"}]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
kinds = ["connection_init", "ping", "pong", "subscribe", "complete", "next", "nonsense"]
messages = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(kinds) | anything,
        "id": st.sampled_from(["1", "2", ""]) | anything,
        "payload": st.just({"query": "{ a }"}) | anything,
    },
)


class AnyClient(RuleBasedStateMachine):
    """A client that sends any message in any order, to a server that may end operations at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = StateMachine()
        self.protocol = GraphQLTransportWS(self.machine)
        self.open: set[str] = set()

    @rule(message=messages)
    def sends(self, message: dict[str, Any]) -> None:
        state = self.machine.state
        step = self.protocol.receive(json.dumps(message))
        if isinstance(step, Start):
            assert state is ConnectionState.OPEN
            assert step.id not in self.open
            self.open.add(step.id)
        elif isinstance(step, Stop):
            self.open.remove(step.id)
        elif isinstance(step, CloseSoon):
            assert state in (ConnectionState.DRAINING, ConnectionState.FINISHING)
        elif isinstance(step, Close):
            assert step.code in {4400, 4401, 4409, 4429}
            assert len(step.reason.encode()) <= LONGEST_REASON

    @rule(move=st.sampled_from([Transition.OPEN, Transition.DRAIN, Transition.FINISH]))
    def moves(self, move: Transition) -> None:
        self.machine.go(move)

    @rule(id=st.sampled_from(["1", "2"]))
    def is_finished(self, id: str) -> None:
        self.protocol.finish(id)
        self.open.discard(id)

    @invariant()
    def agrees_on_what_is_open(self) -> None:
        assert self.protocol.operations == self.open


TestAnyClient = AnyClient.TestCase


@given(st.text() | st.binary() | st.none())
def test_whatever_arrives_nothing_is_raised(data: str | bytes | None) -> None:
    assert isinstance(
        GraphQLTransportWS(StateMachine()).receive(data),
        Close | Initialise | Renew | Reply | Nothing,
    )


# JSON has neither NaN nor infinity, and integers beyond 64 bits are refused.
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**64 - 1)
values = st.recursive(
    st.none() | st.booleans() | INTEGERS | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("kind", ["connection_init", "ping"])
@pytest.mark.parametrize("number", ["-10000000000000000000000", "9" * 5000, "1e999"])
def test_a_number_out_of_range_is_a_bad_message(kind: str, number: str) -> None:
    step = GraphQLTransportWS(StateMachine()).receive(
        f'{{"type": "{kind}", "payload": {{"x": {number}}}}}'
    )
    assert isinstance(step, Close)
    assert step.code == 4400


@given(st.sampled_from(["connection_init", "ping", "pong"]), values)
def test_a_payload_of_any_json_type_is_taken_or_closes_as_a_bad_message(
    kind: str, payload: Any
) -> None:
    """The protocol: `payload?: Record<string, unknown>`, and 4400 for a message of another format."""
    step = say(GraphQLTransportWS(StateMachine()), type=kind, payload=payload)
    if payload is not None and not isinstance(payload, dict):
        assert isinstance(step, Close)
        assert (step.code, "payload" in step.reason) == (4400, True)
    else:
        assert not isinstance(step, Close)
