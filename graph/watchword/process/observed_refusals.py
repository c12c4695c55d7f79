"""Counts what observed permissions would have refused in this process, and logs it now and then."""

from __future__ import annotations

import logging
from collections import Counter

log = logging.getLogger("watchword.permissions")

# The first refusal of a field by a rule is logged at once, and then what came since, at most this often.
LOG_SECONDS = 600.0
# Clients choose the names of operations. A longer one is cut off in the log.
LONGEST_NAME = 100

Key = tuple[str, str]
"""A field, such as `Ship.captain`, and in words what the rule needs."""


class ObservedRefusals:
    """The counts, by field and rule. The mounted schema bounds their number."""

    def __init__(self) -> None:
        self.counts: Counter[Key] = Counter()
        self._logged: dict[Key, tuple[float, int]] = {}

    def note(self, place: str, needs: str, operation: str | None, now: float) -> None:
        """Count one refusal at `now` (Unix seconds), and log it if that is due. `operation` is its name, if it has one."""
        key = place, needs
        self.counts[key] += 1
        at, count = self._logged.get(key, (-LOG_SECONDS, 0))
        if now - at >= LOG_SECONDS:
            self._logged[key] = now, self.counts[key]
            log.warning(
                "An observed permission would have refused %s in %d operations since it was last logged, lately in %s."
                " It needs: %s",
                place,
                self.counts[key] - count,
                "one without a name" if operation is None else operation[:LONGEST_NAME],
                needs,
            )
