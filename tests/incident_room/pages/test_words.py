"""The page's words are complete in each language, and say dates, durations and per cent as it does."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from incident_room.pages.settings import TEXTS
from incident_room.pages.words import Words
from incident_room.vocabulary import ComponentStatus, Impact, IncidentStatus

LANGUAGES = sorted(path.stem for path in TEXTS.glob("*.json"))
ENGLISH = json.loads((TEXTS / "en.json").read_text())


def places(text: str) -> set[str]:
    return {part.partition("}")[0] for part in text.split("{")[1:]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_every_text_with_the_same_places(language: str) -> None:
    texts = json.loads((TEXTS / f"{language}.json").read_text())
    assert texts.keys() == ENGLISH.keys()
    for key, text in texts.items():
        if not key.startswith("format."):
            assert places(text) == places(ENGLISH[key]), key
    assert len(texts["months"].split()) == len(texts["months.short"].split()) == 12


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_in_the_vocabulary_has_words(language: str) -> None:
    words = Words(language, UTC)
    for prefix, kind in (("status", ComponentStatus), ("impact", Impact), ("step", IncidentStatus)):
        for each in kind:
            assert words(f"{prefix}.{each.value}")


def test_times_are_in_the_zone_of_the_page() -> None:
    at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert Words("en", UTC).moment(at) == "Jul 1, 22:30 UTC"
    assert Words("de", ZoneInfo("Europe/Berlin")).moment(at) == "2. Juli 00:30 CEST"
    assert Words("de", UTC).day(date(2026, 3, 9)) == "9. März 2026"
    assert Words("en", UTC).month(date(2026, 3, 9)) == "March 2026"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "less than a minute"), (90, "2 min"), (3_600, "1 h 0 min"), (86_400, "24 h 0 min")],
)
def test_durations_are_in_hours_and_minutes(seconds: float, said: str) -> None:
    assert Words("en", UTC).duration(seconds) == said


def test_only_what_is_whole_is_a_hundred_per_cent() -> None:
    words = Words("en", UTC)
    assert [words.per_cent(value) for value in (100.0, 99.999, 99.5, 0.0)] == [
        "100%",
        "99.99%",
        "99.50%",
        "0.00%",
    ]
    assert Words("de", UTC).per_cent(99.5) == "99,50\u00a0%"
