"""The hub sorts events into the mailboxes that follow them."""

from __future__ import annotations

from graph.events import Event
from graph.fanout.hub import Hub
from graph.fanout.mailbox import Mailbox


def keys(mailbox: Mailbox) -> list[str]:
    return [event.key for event in mailbox._events]


def test_a_mailbox_gets_its_stream_or_its_key_and_nothing_else() -> None:
    hub = Hub(10)
    with (
        hub.follow("toys", None, print) as all_toys,
        hub.follow("toys", "bear", print) as bear,
        hub.follow("Toys", None, print) as other,
    ):
        for key in ("bear", "car", "bear"):
            hub.receive(Event("toys", key, "made"))
        assert keys(all_toys) == ["bear", "car", "bear"]
        assert keys(bear) == ["bear", "bear"]
        assert keys(other) == []


def test_a_mailbox_that_was_given_back_leaves_nothing_behind() -> None:
    hub = Hub(10)
    with hub.follow("toys", "bear", print):
        assert len(hub) == 1
    assert len(hub) == 0
    assert not hub._mailboxes


def test_one_full_mailbox_does_not_disturb_another() -> None:
    hub = Hub(1)
    ended: list[str] = []
    with (
        hub.follow("toys", None, lambda ending: ended.append("slow")),
        hub.follow("toys", "car", lambda ending: ended.append("fast")) as fast,
    ):
        for key in ("bear", "bear", "car"):
            hub.receive(Event("toys", key, "made"))
        assert ended == ["slow"]
        assert keys(fast) == ["car"]
