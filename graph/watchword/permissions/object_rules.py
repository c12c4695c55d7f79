"""Rules that compare the caller with the object that has the field: its owner, its tenant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, false, literal

from watchword.permissions.rules import Question, Rule
from watchword.permissions.verdict import Requirement
from watchword.principal import Principal

# The texts of ids and numbers that Python writes: no other text is the same.
_ID = re.compile("[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMBER = re.compile("0|-?[1-9][0-9]{0,18}")
# Databases hold no larger integers.
_LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class OwnerRule(Rule):
    """An attribute of the object is the caller's subject."""

    attribute: str

    def is_unknown(self, question: Question) -> bool:
        return question.source is None or question.principal.is_anonymous

    @property
    def requires(self) -> Requirement:
        return {"owner": self.attribute}

    def holds(self, question: Question) -> bool:
        return _is_same(question.principal.subject, _read(question.source, self.attribute))

    def condition(self, principal: Principal, rows: Any) -> Any:
        return _equal(getattr(rows, self.attribute), principal.subject)


@dataclass(frozen=True, slots=True)
class SameTenantRule(Rule):
    """An attribute of the object is the caller's tenant."""

    attribute: str

    def is_unknown(self, question: Question) -> bool:
        return question.source is None or not question.principal.grants.tenant

    @property
    def requires(self) -> Requirement:
        return {"tenant": self.attribute}

    def holds(self, question: Question) -> bool:
        return _is_same(question.principal.grants.tenant, _read(question.source, self.attribute))

    def condition(self, principal: Principal, rows: Any) -> Any:
        return _equal(getattr(rows, self.attribute), principal.grants.tenant)


def _read(source: Any, attribute: str) -> Any:
    # Root fields and references of routers have no object: nobody owns nothing.
    return None if source is None else attrgetter(attribute)(source)


def _equal(column: Any, held: str | None) -> Any:
    """Return the condition that a column has a value which `_is_same` as the held one."""
    kind = column.type.python_type
    if not held:
        return false()
    if kind is str:
        return column == held
    if kind is UUID:
        is_id = _ID.fullmatch(held) is not None
        return column == UUID(held) if is_id else false()
    if kind is int:
        is_number = _NUMBER.fullmatch(held) is not None and abs(int(held)) < _LARGEST
        return column == literal(int(held), BigInteger()) if is_number else false()
    raise TypeError(
        f"{column} is of a type that cannot be compared with a subject or tenant: {kind.__name__}."
    )


def _is_same(held: str | None, found: Any) -> bool:
    # A caller without a tenant is not of the tenant of an object that has none, and nobody is the subject "".
    # An id may be a number in the object; in a token it is text, and a UUID is written with hyphens or without them.
    if isinstance(found, UUID):
        return held in (str(found), found.hex)
    return bool(held) and found is not None and str(found) == held
