"""The verdict of a rule. A denial is falsy, and says what is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Requirement = dict[str, Any]
"""What is needed, in the form of `extensions.requires`: for example {"scope": "audit:read"}."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The rule passes."""

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Denied:
    """The rule does not pass; `requires` says what is needed.

    `of` is the schema coordinate of the argument, input field or enum value that needs it; None for the field itself.
    `max_age` is set when a new authentication would be enough to pass. It is the age in seconds that the
    authentication may have.
    """

    requires: Requirement
    max_age: int | None = None
    of: str | None = None

    def __bool__(self) -> bool:
        return False


Verdict = Allowed | Denied

ALLOWED = Allowed()
