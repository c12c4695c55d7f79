"""The verdict of a rule. A denial is falsy, and says what is needed."""

from __future__ import annotations

from collections.abc import Sequence
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
    `max_age` and `acr_values` are set when a new authentication would be enough to pass (RFC 9470): the age in seconds
    that it may have, and the classes of which it must be one, if not every class will do.
    """

    requires: Requirement
    max_age: int | None = None
    of: str | None = None
    acr_values: tuple[str, ...] = ()

    @property
    def can_step_up(self) -> bool:
        """Tell whether a new authentication would be enough to pass."""
        return self.max_age is not None or bool(self.acr_values)

    def __bool__(self) -> bool:
        return False


Verdict = Allowed | Denied

ALLOWED = Allowed()


def all_of(requires: Requirement, denials: Sequence[Denied]) -> Denied:
    """Return the denial of a rule, all parts of which must pass, of the denials of its parts.

    If a new authentication would be enough, it requires only what the denied parts do.
    """
    ages = [each.max_age for each in denials if each.max_age is not None]
    classes = [each.acr_values for each in denials if each.acr_values]
    common = (
        tuple(name for name in classes[0] if all(name in each for each in classes))
        if classes
        else ()
    )
    if not all(each.can_step_up for each in denials) or (classes and not common):
        return Denied(requires)
    lacking = [each.requires for each in denials]
    needs = lacking[0] if len(lacking) == 1 else {"allOf": lacking}
    return Denied(needs, min(ages, default=None), acr_values=common)


def any_of(requires: Requirement, denials: Sequence[Denied]) -> Denied:
    """Return the denial of a rule, one part of which must pass, of the denials of its parts.

    It is the first of them for which a new authentication would be enough, if there is one.
    """
    return next((each for each in denials if each.can_step_up), Denied(requires))
