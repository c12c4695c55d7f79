"""A cursor is read by the log that wrote it, for what it was written for, and by nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import BadUserInput, CursorExpired
from graph.fanout.cursor import Cursors

CURSORS = Cursors("epoch", b"s" * 32)
names = st.text(max_size=20)


@given(names, st.none() | names, st.integers(0, 2**62))
def test_what_was_written_is_read(stream: str, key: str | None, position: int) -> None:
    cursor = CURSORS.write(stream, key, position)
    assert CURSORS.read(cursor, stream, key) == position
    assert cursor.isascii()
    assert "epoch" not in cursor


@given(st.text(max_size=300))
def test_whatever_is_none_is_refused(text: str) -> None:
    with pytest.raises((BadUserInput, CursorExpired)):
        CURSORS.read(text, "toys", None)


@given(st.data())
def test_a_changed_one_is_refused(data: st.DataObject) -> None:
    cursor = CURSORS.write("toys", "bear", 17)
    at = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda c: c != cursor[at]))
    with pytest.raises((BadUserInput, CursorExpired)):
        CURSORS.read(cursor[:at] + letter + cursor[at + 1 :], "toys", "bear")


@pytest.mark.parametrize(("stream", "key"), [("toy", "sbear"), ("toys", None), ("toys", "")])
def test_it_is_good_for_one_stream_and_key(stream: str, key: str | None) -> None:
    with pytest.raises(BadUserInput):
        CURSORS.read(CURSORS.write("toys", "bear", 1), stream, key)


def test_the_whole_stream_is_not_the_key_without_a_name() -> None:
    with pytest.raises(BadUserInput):
        CURSORS.read(CURSORS.write("toys", None, 1), "toys", "")


def test_the_secret_is_not_shown() -> None:
    assert "sss" not in repr(CURSORS)
