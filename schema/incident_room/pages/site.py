"""The public page as its settings have it: templates, words, browser files."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from incident_room.pages.assets import Assets
from incident_room.pages.bodies import as_html
from incident_room.pages.settings import PageSettings
from incident_room.pages.words import Words

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_THEME = ":root{{--accent:{light}}}@media screen and (prefers-color-scheme:dark){{:root{{--accent:{dark}}}}}"


class Site:
    """Renders the templates with the words, links and files that the settings ask for."""

    def __init__(self, settings: PageSettings) -> None:
        self.settings = settings
        self.words = Words(settings.language, settings.zone)
        self.assets = Assets(made=_made(settings))
        self._environment = Environment(
            loader=PackageLoader("incident_room.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        logo = settings.logo
        self._environment.globals.update(
            site=self,
            t=self.words,
            logo=None if logo is None else self.assets.get("logo" + logo.suffix.lower()),
        )
        self._environment.filters.update(html=as_html, iso=iso, printable=printable)

    def render(self, template: str, up: str, **values: Any) -> bytes:
        """Render a template. `up` is the prefix of its relative URLs, because a proxy may serve it below a path."""
        text = self._environment.get_template(template).render(up=up, **values)
        return text.encode()


def iso(at: datetime) -> str:
    """Return a time as RFC 3339 has it, in UTC with Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def printable(text: str) -> str:
    """Return a text without the characters that XML 1.0 does not have (section 2.2)."""
    return _NOT_IN_XML.sub("", str(text))


def _made(settings: PageSettings) -> list[tuple[str, bytes]]:
    theme = _THEME.format(light=settings.accent, dark=settings.accent_dark)
    made = [("theme.css", theme.encode())]
    if settings.logo is not None:
        made.append(("logo" + settings.logo.suffix.lower(), settings.logo.read_bytes()))
    return made
