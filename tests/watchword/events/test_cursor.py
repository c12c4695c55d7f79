"""A cursor is valid only in the log that wrote it, and only for its stream and key."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.errors import BadUserInput, CursorExpired
from watchword.events import cursor
from watchword.events.cursor import MOST_CACHED, Cursors
from watchword.events.event import Place

CURSORS = Cursors("epoch", b"s" * 32)
AT = Place(17, "0123456789abcdef")
names = st.text(max_size=20)


@given(names, st.none() | names, st.integers(0, 2**62), st.none() | st.integers(0, 2**31))
def test_a_cursor_is_read_as_it_was_written(
    stream: str, key: str | None, position: int, answered: int | None
) -> None:
    place = Place(position, "0123456789abcdef" if position else "")
    cursor = CURSORS.write(stream, key, place, answered)
    assert CURSORS.read(cursor, stream, key) == (place, answered)
    assert cursor.isascii()
    assert "epoch" not in cursor


def test_the_cursors_that_are_kept_are_bounded_and_those_of_two_logs_are_kept_apart() -> None:
    for position in range(2 * MOST_CACHED):
        CURSORS.write("toys", None, Place(position, "m"))
    assert cursor._write.cache_info().currsize == MOST_CACHED
    other = Cursors("epoch", b"t" * 32)
    assert other.write("toys", None, AT) != CURSORS.write("toys", None, AT)
    assert CURSORS.write("toys", None, AT) == CURSORS.write("toys", None, AT)


@pytest.mark.parametrize("position", [2**63, 10**100])
def test_a_position_that_no_database_can_hold_is_of_no_event_here(position: int) -> None:
    cursor = CURSORS.write("toys", None, Place(position, "0123456789abcdef"))
    with pytest.raises(CursorExpired, match="does not have"):
        CURSORS.read(cursor, "toys", None)
    with pytest.raises(CursorExpired, match="does not have"):
        CURSORS.read_named(cursor)


@given(st.text(max_size=300))
def test_anything_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises((BadUserInput, CursorExpired)):
        CURSORS.read(text, "toys", None)


@given(st.data())
def test_a_changed_cursor_is_refused(data: st.DataObject) -> None:
    cursor = CURSORS.write("toys", "bear", AT)
    at = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda c: c != cursor[at]))
    with pytest.raises((BadUserInput, CursorExpired)):
        CURSORS.read(cursor[:at] + letter + cursor[at + 1 :], "toys", "bear")


@pytest.mark.parametrize(("stream", "key"), [("toy", "sbear"), ("toys", None), ("toys", "")])
def test_a_cursor_is_valid_for_one_stream_and_key(stream: str, key: str | None) -> None:
    with pytest.raises(BadUserInput):
        CURSORS.read(CURSORS.write("toys", "bear", AT), stream, key)


def test_a_cursor_of_the_whole_stream_is_not_one_of_the_empty_key() -> None:
    with pytest.raises(BadUserInput):
        CURSORS.read(CURSORS.write("toys", None, AT), "toys", "")


@given(names, st.none() | names, st.integers(1, 2**62))
def test_a_cursor_names_its_stream_and_its_key(stream: str, key: str | None, position: int) -> None:
    place = Place(position, "0123456789abcdef")
    assert CURSORS.read_named(CURSORS.write(stream, key, place, 3)) == (stream, key, place)


def test_the_longest_names_fit_into_a_cursor() -> None:
    stream, key = "\N{GRINNING FACE}" * 100, "\N{GRINNING FACE}" * 200
    cursor = CURSORS.write(stream, key, Place(2**62, "0123456789abcdef"), 2**31)
    assert CURSORS.read_named(cursor).key == key
    assert CURSORS.read(cursor, stream, key)[1] == 2**31


@given(st.text(max_size=300))
def test_anything_that_is_no_cursor_names_nothing(text: str) -> None:
    with pytest.raises((BadUserInput, CursorExpired)):
        CURSORS.read_named(text)


@given(st.data())
def test_a_changed_cursor_names_nothing(data: st.DataObject) -> None:
    cursor = CURSORS.write("toys", "bear", AT)
    at = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda c: c != cursor[at]))
    with pytest.raises((BadUserInput, CursorExpired)):
        CURSORS.read_named(cursor[:at] + letter + cursor[at + 1 :])


def test_a_cursor_of_another_log_asks_the_client_to_fetch_anew() -> None:
    other = Cursors("other", b"s" * 32).write("toys", None, AT)
    with pytest.raises(CursorExpired, match="another database"):
        CURSORS.read_named(other)
    with pytest.raises(CursorExpired, match="another database"):
        CURSORS.read(other, "toys", None)


def of_the_last_release(payload: str) -> str:
    """Sign a payload as the last release did, whose cursors did not name their stream and key."""
    parts = payload.encode(), CURSORS.sign(payload, "toys", "bear")
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_cursors_of_the_last_release_resume_and_name_nothing() -> None:
    old = of_the_last_release("epoch:17:0123456789abcdef:2")
    assert CURSORS.read(old, "toys", "bear") == (AT, 2)
    with pytest.raises(BadUserInput):
        CURSORS.read(old, "toys", None)
    with pytest.raises(CursorExpired, match="older version"):
        CURSORS.read_named(old)


def test_the_secret_is_not_shown() -> None:
    assert "sss" not in repr(CURSORS)


def test_a_cursor_without_a_mark_asks_the_client_to_fetch_anew() -> None:
    told, signature = b"epoch:17", CURSORS.sign("epoch:17", "toys", None)
    old = ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in (told, signature))
    with pytest.raises(CursorExpired, match="older version"):
        CURSORS.read(old, "toys", None)
    with pytest.raises(BadUserInput):
        CURSORS.read(old, "other", None)
