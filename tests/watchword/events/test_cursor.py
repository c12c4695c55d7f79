"""A cursor is read by the log that wrote it, for what it was written for, and by nobody else."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.errors import BadUserInput, CursorExpired
from watchword.events.cursor import Cursors
from watchword.events.event import Place

CURSORS = Cursors("epoch", b"s" * 32)
AT = Place(17, "0123456789abcdef")
names = st.text(max_size=20)


@given(names, st.none() | names, st.integers(0, 2**62), st.none() | st.integers(0, 2**31))
def test_what_was_written_is_read(
    stream: str, key: str | None, position: int, answered: int | None
) -> None:
    place = Place(position, "0123456789abcdef" if position else "")
    cursor = CURSORS.write(stream, key, place, answered)
    assert CURSORS.read(cursor, stream, key) == (place, answered)
    assert cursor.isascii()
    assert "epoch" not in cursor


@given(st.text(max_size=300))
def test_whatever_is_none_is_refused(text: str) -> None:
    with pytest.raises((BadUserInput, CursorExpired)):
        CURSORS.read(text, "toys", None)


@given(st.data())
def test_a_changed_one_is_refused(data: st.DataObject) -> None:
    cursor = CURSORS.write("toys", "bear", AT)
    at = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda c: c != cursor[at]))
    with pytest.raises((BadUserInput, CursorExpired)):
        CURSORS.read(cursor[:at] + letter + cursor[at + 1 :], "toys", "bear")


@pytest.mark.parametrize(("stream", "key"), [("toy", "sbear"), ("toys", None), ("toys", "")])
def test_it_is_good_for_one_stream_and_key(stream: str, key: str | None) -> None:
    with pytest.raises(BadUserInput):
        CURSORS.read(CURSORS.write("toys", "bear", AT), stream, key)


def test_the_whole_stream_is_not_the_key_without_a_name() -> None:
    with pytest.raises(BadUserInput):
        CURSORS.read(CURSORS.write("toys", None, AT), "toys", "")


def test_the_secret_is_not_shown() -> None:
    assert "sss" not in repr(CURSORS)


def test_one_from_before_events_had_marks_asks_to_fetch_anew() -> None:
    told, signature = b"epoch:17", CURSORS._sign("epoch:17", "toys", None)
    old = ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in (told, signature))
    with pytest.raises(CursorExpired, match="older version"):
        CURSORS.read(old, "toys", None)
    with pytest.raises(BadUserInput):
        CURSORS.read(old, "other", None)
