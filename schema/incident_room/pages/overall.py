"""One word for the state of everything, as Statuspage has it: none, minor, major, critical, maintenance. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

INDICATORS = ("none", "maintenance", "minor", "major", "critical")
OF_STATUS = {
    "OPERATIONAL": "none",
    "UNDER_MAINTENANCE": "maintenance",
    "DEGRADED_PERFORMANCE": "minor",
    "PARTIAL_OUTAGE": "major",
    "MAJOR_OUTAGE": "critical",
}


def indicator(
    components: Iterable[Mapping[str, Any]], incidents: Iterable[Mapping[str, Any]]
) -> str:
    """Return the worst of all components and of the incidents that go on. What is only planned does not count."""
    found = [OF_STATUS[each["status"]] for each in components]
    found += [each["impact"].lower() for each in incidents if each["status"] != "SCHEDULED"]
    return max(found, key=INDICATORS.index, default="none")
