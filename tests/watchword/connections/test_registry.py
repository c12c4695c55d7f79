"""The registry of one process: every live connection, with an id that no other one has."""

from __future__ import annotations

import pytest

from tests.support.clock import MovedClock
from tests.support.processes import FakeConnection
from watchword.connections.live import Subscribed, Wanted
from watchword.connections.registry import Registry, Stay
from watchword.principal import FIRST_PARTY, Principal

ALICE = Principal("alice", client=FIRST_PARTY, session="s")


def made(registry: Registry, *connections: FakeConnection) -> list[str]:
    for each in connections:
        registry.add(each)
    return [registry.id(each) for each in connections]


@pytest.fixture
def registry(clock: MovedClock) -> Registry:
    return Registry(clock)


def test_a_connection_is_listed_from_its_opening_to_its_close(registry: Registry) -> None:
    one = FakeConnection()
    (id,) = made(registry, one)
    assert [*registry] == [one]
    assert registry.find(id) is one
    registry.discard(one)
    registry.discard(one)
    assert len(registry) == 0
    assert registry.find(id) is None


def test_ids_are_of_one_process_and_never_given_again(
    registry: Registry, clock: MovedClock
) -> None:
    other = Registry(clock)
    (first,) = made(registry, one := FakeConnection())
    registry.discard(one)
    (second,) = made(registry, FakeConnection())
    (third,) = made(other, FakeConnection())
    assert len({first, second, third}) == 3
    assert other.find(second) is None
    assert registry.find("nothing") is None
    assert registry.find(f"{registry.process}-x") is None


def test_what_is_known_of_a_connection_is_listed(registry: Registry) -> None:
    subscribed = [Subscribed("One", 3)]
    made(registry, FakeConnection(ALICE, ends_at=2_000.0, subscriptions=subscribed, unsent_bytes=9))
    [listed] = registry.page(Wanted(5)).found
    assert (listed.subject, listed.session, listed.client) == ("alice", "s", FIRST_PARTY)
    assert (listed.opened_at, listed.ends_at) == (1_000.0, 2_000.0)
    assert (listed.subscriptions, listed.unsent_bytes) == ((Subscribed("One", 3),), 9)


def test_a_connection_that_nothing_ends_has_no_end(registry: Registry) -> None:
    made(registry, FakeConnection())
    [listed] = registry.page(Wanted(5)).found
    assert (listed.subject, listed.ends_at) == ("", None)


def test_pages_begin_with_the_newest_and_go_on_with_those_that_are_older(
    registry: Registry,
) -> None:
    ids = made(registry, *(FakeConnection(opened_at=float(at)) for at in range(5)))
    first = registry.page(Wanted(2))
    assert ([each.id for each in first.found], first.total) == (ids[:2:-1], 5)
    rest = registry.page(Wanted(9, before=first.found[-1].place))
    assert ([each.id for each in rest.found], rest.total) == (ids[2::-1], 5)


def test_a_page_is_narrowed_to_a_subject_or_to_one_connection(registry: Registry) -> None:
    anonymous, of_alice = made(registry, FakeConnection(), FakeConnection(ALICE))
    assert [each.id for each in registry.page(Wanted(9, subject="alice")).found] == [of_alice]
    assert [each.id for each in registry.page(Wanted(9, id=anonymous)).found] == [anonymous]
    assert registry.page(Wanted(9, subject="bob")).total == 0


def test_a_connection_is_present_while_a_subscription_of_it_is(
    registry: Registry, clock: MovedClock
) -> None:
    made(registry, one := FakeConnection(ALICE))
    left: list[Stay] = []
    registry.on_left = left.append
    assert registry.enter(one, "hall")
    assert not registry.enter(one, "hall")
    assert registry.present("hall") == {"alice": clock.now()}
    assert (registry.places, registry.present("cellar")) == (["hall"], {})
    registry.leave(one, "hall")
    assert (registry.page(Wanted(1)).found[0].places, left) == (("hall",), [])
    registry.leave(one, "hall")
    [stay] = left
    assert (registry.page(Wanted(1)).found[0].places, stay.subject) == ((), "alice")
    # Until it is forgotten: the client may come back.
    assert not registry.enter(one, "hall")
    registry.leave(one, "hall")
    registry.forget(stay)
    assert (registry.places, registry.present("hall")) == ([], {})


def test_the_last_connection_of_a_subject_that_closes_ends_its_stays(registry: Registry) -> None:
    one, other = FakeConnection(ALICE), FakeConnection(ALICE)
    made(registry, one, other)
    left: list[str] = []
    registry.on_left = lambda stay: left.append(stay.place)
    for connection in (one, other):
        registry.enter(connection, "hall")
    registry.enter(one, "cellar")
    registry.discard(one)
    assert left == ["cellar"]
    registry.discard(other)
    assert left == ["cellar", "hall"]
    # The subscriptions end a moment after their connection.
    registry.leave(one, "hall")
    registry.leave(other, "hall")
    assert left == ["cellar", "hall"]


def test_a_connection_that_is_closed_or_unknown_is_present_nowhere(registry: Registry) -> None:
    made(registry, early := FakeConnection(), closed := FakeConnection(ALICE))
    registry.discard(closed)
    assert not registry.enter(early, "hall")
    assert not registry.enter(closed, "hall")
    registry.leave(closed, "hall")
    assert registry.places == []
