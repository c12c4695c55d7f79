"""Time zones by their names."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

UTC_NAMES = ("UTC", "Etc/UTC")
LONGEST_NAME = 64


def zone(name: str) -> tzinfo:
    """Return the zone of a name of the IANA database. Raises `ValueError` if it is not known here."""
    if name in UTC_NAMES:
        return UTC  # also where no database of zones is installed
    try:
        if len(name) <= LONGEST_NAME:
            return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        pass
    raise ValueError(
        "must be a zone that is known here, such as Europe/Berlin (the package tzdata has them)"
    )
