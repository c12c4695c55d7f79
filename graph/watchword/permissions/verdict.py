"""What a rule answers: a value. A denial is falsy and says what would have been needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Requirement = dict[str, Any]
"""What would be needed, as it goes to `extensions.requires`: for example {"scope": "audit:read"}."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Yes."""

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Denied:
    """No, and what would have made it a yes.

    `max_age` is there when nothing is wrong but that the person showed who it is too long ago: how
    recent that must be, in seconds.
    """

    requires: Requirement
    max_age: int | None = None

    def __bool__(self) -> bool:
        return False


Verdict = Allowed | Denied

ALLOWED = Allowed()
