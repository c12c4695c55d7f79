"""A note holds until something new becomes known of its streams, and never after the log went back."""

from __future__ import annotations

import pytest

from watchword.events.event import BEGINNING, Place
from watchword.events.known import MARKS, Known


class Now:
    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def known(now: Now) -> Known:
    made = Known(now, look_seconds=0.5)
    made.watch(["toys", "books"])
    return made


def place(position: int, past: str = "a") -> Place:
    return Place(position, f"{past}{position}")


def test_a_note_holds_until_an_event_of_one_of_its_streams_is_known(known: Known) -> None:
    note = known.note()
    assert known.holds(note, ["toys", "books"])
    known.happened("books", place(1))
    assert known.holds(note, ["toys"])
    assert not known.holds(note, ["toys", "books"])
    assert known.holds(known.note(), ["toys", "books"])


def test_what_is_read_from_the_log_is_known_like_what_happens(known: Known) -> None:
    note = known.note()
    known.read("toys", place(3))
    assert not known.holds(note, ["toys"])
    assert known.position("toys") == 3


def test_an_event_that_is_known_changes_nothing(known: Known) -> None:
    for position in (1, 2, 3):
        known.happened("toys", place(position))
    note = known.note()
    for position in (1, 2, 3):
        known.happened("toys", place(position))
        known.read("toys", place(position))
    known.read("toys", Place(0, ""))
    assert known.holds(note, ["toys"])
    assert known.position("toys") == 3


def test_an_old_event_that_is_read_changes_nothing_and_one_that_happens_counts_as_new(
    known: Known,
) -> None:
    known.happened("toys", place(5))
    note = known.note()
    known.read("toys", place(4))
    assert known.holds(note, ["toys"])
    known.happened("toys", place(3))
    assert not known.holds(note, ["toys"])
    assert known.position("toys") == 5


@pytest.mark.parametrize("hears", [Known.happened, Known.read])
@pytest.mark.parametrize("position", [2, 3])
def test_another_event_at_a_known_position_shows_that_the_log_went_back(
    known: Known, hears: object, position: int
) -> None:
    for each in (1, 2, 3):
        known.happened("toys", place(each))
    note = known.note()
    hears(known, "toys", place(position, "b"))  # type: ignore[operator]
    assert not known.holds(note, ["books"])
    assert known.position("toys") == position


def test_after_the_log_went_back_its_new_events_count_as_new(known: Known) -> None:
    known.happened("toys", place(10))
    known.forget()
    note = known.note()
    known.read("toys", place(4, "b"))
    assert not known.holds(note, ["toys"])
    assert known.position("toys") == 4


def test_no_note_holds_after_everything_was_forgotten(known: Known) -> None:
    note = known.note()
    known.forget()
    assert not known.holds(note, ["toys"])
    assert not known.holds(note, ["books"])


def test_a_stream_that_is_not_watched_is_not_known(known: Known) -> None:
    known.happened("other", place(1))
    known.read("other", place(2))
    assert not known.holds(known.note(), ["other"])
    assert set(known.streams) == {"toys", "books"}
    assert known.holds(known.note(), [])


def test_notes_of_before_a_stream_was_watched_do_not_hold_and_watching_again_changes_nothing(
    known: Known,
) -> None:
    note = known.note()
    known.watch(["other"])
    assert not known.holds(note, ["other"])
    known.happened("other", place(7))
    known.watch(["other", "toys"])
    assert known.position("other") == 7


def test_the_marks_of_a_limited_number_of_events_are_kept(known: Known) -> None:
    for position in range(1, MARKS + 11):
        known.happened("toys", place(position))
    assert len(known._marks["toys"]) == MARKS
    note = known.note()
    known.happened("toys", place(11))
    assert known.holds(note, ["toys"])
    known.happened("toys", place(10))
    assert not known.holds(note, ["toys"])


def test_remembered_places_are_bounded_and_never_take_the_place_of_the_newest(known: Known) -> None:
    known.read("toys", place(9_000))
    note = known.note()
    for position in range(1, MARKS + 11):
        known.remember("toys", place(position))
    assert known.newest("toys") == place(9_000)
    assert known.has("toys", place(MARKS + 10))
    assert not known.has("toys", place(1))
    assert not known.has("toys", place(MARKS + 10, "b"))
    assert known.holds(note, ["toys"])
    known.forget()
    assert known.newest("toys") == BEGINNING


def test_a_look_is_current_for_twice_the_interval(known: Known, now: Now) -> None:
    assert not known.is_current(now.at)
    known.looked(now.at)
    assert known.is_current(now.at)
    now.at += 0.999
    assert known.is_current(now.at)
    now.at += 0.001
    assert not known.is_current(now.at)


def test_no_look_is_current_while_the_clock_is_set_back(known: Known, now: Now) -> None:
    known.looked(now.at)
    now.at -= 1
    assert not known.is_current(now.at)
