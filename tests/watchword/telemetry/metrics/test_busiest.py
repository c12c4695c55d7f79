"""Names that anybody can make up stay bounded, and those that are really used are shown."""

from __future__ import annotations

from watchword.telemetry.metrics.busiest import CANDIDATES, Busiest
from watchword.telemetry.metrics.histogram import OTHER


def test_names_are_shown_while_there_is_room() -> None:
    names = Busiest(2)
    assert [names.shown(name) for name in ("a", "b", "c", "a")] == ["a", "b", OTHER, "a"]


def test_a_name_that_is_used_more_takes_the_place_of_the_least_used() -> None:
    dropped: list[str] = []
    names = Busiest(2, dropped.append)
    for name in ("a", "a", "a", "b", "c"):
        names.shown(name)
    assert names.shown("c") == "c"
    assert dropped == ["b"]
    assert names.shown("b") == OTHER


def test_real_names_come_through_a_flood_of_invented_ones() -> None:
    dropped: list[str] = []
    names = Busiest(10, dropped.append)
    for number in range(20 * CANDIDATES):
        names.shown(f"invented{number}")
        if number % 10 == 0:
            names.shown("real")
    assert names.shown("real") == "real"
    assert "real" not in dropped
    assert len(names._shown) == 10
    assert len(names._candidates) <= CANDIDATES


def test_many_uses_count_as_if_they_came_one_by_one() -> None:
    busiest = Busiest(1)
    assert busiest.shown("a", 3) == "a"
    assert busiest.shown("b", 3) == OTHER
    assert busiest.shown("b") == "b"
    assert busiest.shown("a", 2) == OTHER
