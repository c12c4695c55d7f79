"""The settings of the public page: INCIDENT_ROOM_… in the environment or in `.env`."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import tzinfo
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from incident_room.pages.contrast import (
    BESIDE_ACCENT,
    LEAST,
    least_contrast,
    readable,
    tokens,
)
from incident_room.zones import zone
from watchword import Unsafe

PREFIX = "INCIDENT_ROOM_"
TEXTS = Path(__file__).parent / "texts"
LOGO_TYPES = (".svg", ".png", ".jpg", ".webp")
MOST_LOGO_BYTES = 200_000
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Link(BaseModel):
    """A link at the top of the page."""

    text: str = Field(min_length=1, max_length=60)
    url: str = Field(max_length=500)

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        return _checked_url(url)


class PageSettings(BaseSettings):
    """All settings of the page. Each has a value that works."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        str_strip_whitespace=True,
    )

    title: str = Field(
        "Status",
        min_length=1,
        max_length=100,
        description="The name at the top of the page, and of the feed.",
    )
    about: str = Field(
        "", max_length=500, description="A sentence below the title that says whose page it is."
    )
    url: str = Field(
        "",
        max_length=500,
        description="The URL of the page, as readers see it. Links in the feed and in the JSON begin with it."
        " When empty: WATCHWORD_ISSUER.",
    )
    language: str = Field(
        "en", description="The language of the page's own words: `en`, `de`, or a file in texts/."
    )
    time_zone: str = Field(
        "UTC",
        description="The zone of the days, and of times where no script can show them in the reader's own:"
        " `Europe/Berlin`.",
    )
    logo: Path | None = Field(
        None,
        description="A picture beside the title: an SVG, PNG, JPEG or WebP file of at most 200,000 bytes.",
    )
    accent: str = Field(
        "#2357d9", description="The colour of links and of the line at the top, as #rrggbb."
    )
    accent_dark: str = Field(
        "#8ab0ff", description="The same colour for readers who prefer dark pages, as #rrggbb."
    )
    links: Annotated[tuple[Link, ...], NoDecode] = Field(
        (),
        description='Links at the top of the page, as JSON: [{"text": "Help", "url": "https://example.com/help"}].',
    )
    past_days: int = Field(
        14,
        ge=1,
        le=60,
        description="How many past days the page shows; older ones have pages by month.",
    )
    page_id: str = Field(
        "",
        max_length=64,
        description="The id of the page in the JSON. Give that of your Statuspage site if you have imported it:"
        " then things keep their ids. When empty, it follows from the URL.",
    )

    @field_validator("url")
    @classmethod
    def _url_is_whole(cls, url: str) -> str:
        return _checked_url(url).rstrip("/") if url else url

    @field_validator("language")
    @classmethod
    def _language_is_there(cls, language: str) -> str:
        there = sorted(path.stem for path in TEXTS.glob("*.json"))
        if language not in there:
            raise ValueError(f"must be one of {', '.join(there)}")
        return language

    @field_validator("time_zone")
    @classmethod
    def _zone_is_known(cls, name: str) -> str:
        zone(name)
        return name

    @field_validator("accent", "accent_dark")
    @classmethod
    def _is_a_colour(cls, colour: str) -> str:
        if not _COLOUR.fullmatch(colour):
            raise ValueError("must be a colour as #rrggbb")
        return colour.lower()

    @field_validator("accent", "accent_dark")
    @classmethod
    def _can_be_read(cls, colour: str, info: ValidationInfo) -> str:
        is_dark = info.field_name == "accent_dark"
        known = tokens(is_dark=is_dark)
        others = [known[name] for name in BESIDE_ACCENT]
        if (found := least_contrast(colour, others)) < LEAST:
            better = readable(colour, others, is_dark=is_dark)
            # Cut and not rounded: 4.49 is not enough.
            raise ValueError(
                f"is hard to read: links in this colour have a contrast of {int(found * 100) / 100} to the page, and"
                f" need {LEAST} (WCAG 2.2). The nearest colour that can be read is {better}"
            )
        return colour

    @field_validator("logo")
    @classmethod
    def _logo_can_be_served(cls, path: Path | None) -> Path | None:
        if path is None:
            return None
        if path.suffix.lower() not in LOGO_TYPES:
            raise ValueError(f"must end in {', '.join(LOGO_TYPES)}")
        if not path.is_file():
            raise ValueError(f"names {path}, where no file is")
        if path.stat().st_size > MOST_LOGO_BYTES:
            raise ValueError(f"must have at most {MOST_LOGO_BYTES:,} bytes")
        return path

    @field_validator("links", mode="before")
    @classmethod
    def _links_are_json(cls, given: Any) -> Any:
        try:
            found = json.loads(given) if isinstance(given, str) else given
        except ValueError:
            found = None
        if not isinstance(found, list | tuple):
            raise ValueError(
                'must be a JSON list: [{"text": "Help", "url": "https://example.com"}]'
            )
        return found

    @cached_property
    def zone(self) -> tzinfo:
        """The zone of the page's days."""
        return zone(self.time_zone)

    def base(self, issuer: str) -> str:
        """Return the URL of the page without a slash at its end. `issuer` is that of the server."""
        return self.url or issuer

    def id_of_page(self, issuer: str) -> str:
        """Return the id of the page in the JSON that Statuspage would serve."""
        digest = hashlib.blake2b(self.base(issuer).encode(), digest_size=6).hexdigest()
        return self.page_id or digest


def read() -> PageSettings:
    """Read the settings. Raises `Unsafe` with a line for each value that cannot be used."""
    try:
        return PageSettings(**{})
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        raise Unsafe("\n".join(_explained(fault) for fault in faults)) from None


def _explained(fault: Any) -> str:
    name, *place = (str(part) for part in fault["loc"])
    where = f" ({'.'.join(place)})" if place else ""
    sentence = fault["msg"].removeprefix("Value error, ")
    return f"{PREFIX}{name.upper()}{where} {sentence}"


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("https", "http") and bool(parts.hostname)
    except ValueError:
        is_web = False
    # A link of another scheme could run a script: javascript:…
    if not is_web and not url.startswith("mailto:"):
        raise ValueError("must be an https URL, or mailto:")
    return url
