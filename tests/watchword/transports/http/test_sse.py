"""Answers as server-sent events."""

from __future__ import annotations

from watchword.delivery.run import Sent
from watchword.transports.http.sse import EventStream


def test_an_event_has_its_cursor_as_id() -> None:
    sent = Sent({"data": {"x": 1}}, "a-cursor")
    assert EventStream().next(sent).startswith(b"event: next\nid: a-cursor\ndata: {")
    assert b"id:" not in EventStream().next(Sent({"data": None}))


def test_an_answer_is_written_once_for_all_subscribers() -> None:
    sent = Sent({"data": {"x": 1}})
    assert EventStream().next(sent) is EventStream().next(sent)


def test_a_line_break_in_an_answer_ends_no_event() -> None:
    assert EventStream().next(Sent({"data": "a\n\nb"})).count(b"\n\n") == 1
    assert EventStream().fail([{"message": "a\n\nb"}]).count(b"\n\n") == 1
