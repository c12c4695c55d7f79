"""Rules that compare the caller with the object that has the field: its owner, its tenant."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from uuid import UUID

from watchword.permissions.rules import Question, Rule
from watchword.permissions.verdict import Requirement


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


def _read(source: Any, attribute: str) -> Any:
    # Root fields and references of routers have no object: nobody owns nothing.
    return None if source is None else attrgetter(attribute)(source)


def _is_same(held: str | None, found: Any) -> bool:
    # A caller without a tenant is not of the tenant of an object that has none, and nobody is the subject "".
    # An id may be a number in the object; in a token it is text, and a UUID is written with hyphens or without them.
    if isinstance(found, UUID):
        return held in (str(found), found.hex)
    return bool(held) and found is not None and str(found) == held
