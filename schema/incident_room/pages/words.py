"""The page's own words in a language: texts, dates, durations. Pure but for the file of texts."""

from __future__ import annotations

import json
from datetime import date, datetime, tzinfo

from incident_room.pages.settings import TEXTS


class Words:
    """The words of one language, from texts/LANGUAGE.json, with times in one zone."""

    def __init__(self, language: str, zone: tzinfo) -> None:
        self.language = language
        self.zone = zone
        self._texts: dict[str, str] = json.loads((TEXTS / f"{language}.json").read_text("utf-8"))
        self._months = self._texts["months"].split(" ")
        self._short = self._texts["months.short"].split(" ")

    def __call__(self, key: str, **named: object) -> str:
        """Return a text with its places filled. Raises `KeyError` for an unknown one."""
        text = self._texts[key]
        return text.format(**named) if named else text

    def count(self, key: str, count: int) -> str:
        """Return the text for a number of things."""
        return self(f"{key}.one" if count == 1 else f"{key}.other", count=count)

    def day(self, day: date) -> str:
        """Write a date."""
        month = self._months[day.month - 1]
        return self("format.day", day=day.day, month=month, year=day.year)

    def month(self, day: date) -> str:
        """Write the month of a date."""
        return self("format.month", month=self._months[day.month - 1], year=day.year)

    def moment(self, at: datetime) -> str:
        """Write a day and a time, with the zone."""
        here = at.astimezone(self.zone)
        short = self._short[here.month - 1]
        clock = f"{here:%H:%M} {here.tzname()}"
        return self("format.moment", day=here.day, short=short, clock=clock)

    def duration(self, seconds: float) -> str:
        """Write a duration in hours and minutes."""
        minutes = round(seconds / 60)
        if minutes < 1:
            return self("duration.short")
        hours, rest = divmod(minutes, 60)
        if not hours:
            return self("duration.minutes", minutes=rest)
        return self("duration.hours", hours=hours, minutes=rest)

    def per_cent(self, value: float) -> str:
        """Write per cent with two digits after the point. Only what is whole is written as 100 %."""
        shown = min(value, 99.99) if value < 100 else 100.0
        number = "100" if shown == 100 else f"{shown:.2f}"
        return self("format.percent", number=number.replace(".", self("format.decimal")))
