"""A rule that lets everybody pass, and counts what it would have refused, to try out a new permission."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from strawberry.permission import BasePermission

from watchword.context import Context
from watchword.libraries.strawberry_parts import coordinate
from watchword.permissions.rules import Question, Rule
from watchword.permissions.verdict import ALLOWED, Requirement, Verdict
from watchword.permissions.words import OBSERVED, describe
from watchword.principal import cannot_be_shared


@dataclass(frozen=True, slots=True)
class Observed(Rule):
    """Everybody passes. If the rule within would refuse, or raises, that is counted (`watchword.permission.observed`)."""

    rule: Rule

    @property
    def is_async(self) -> bool:  # type: ignore[override]
        return self.rule.is_async

    @property
    def requires(self) -> Requirement:
        return {}

    def holds(self, question: Question) -> bool:
        return bool(self.decide(question))

    async def holds_async(self, question: Question) -> bool:
        return bool(await self.decide_async(question))

    def decide(self, question: Question) -> Verdict:
        try:
            passes = bool(self.rule.decide(question))
        except Exception as error:
            passes = _raised(error, question)
        return self._allow(question, passes)

    async def decide_async(self, question: Question) -> Verdict:
        try:
            passes = bool(await self.rule.decide_async(question))
        except Exception as error:
            passes = _raised(error, question)
        return self._allow(question, passes)

    def _allow(self, question: Question, passes: bool) -> Verdict:
        # Without an info, no operation asks: grants are checked beforehand.
        if not passes and question.info is not None:
            operation = getattr(question.info, "operation", None)
            note(self, coordinate(question.info), operation, question.info.context)
        return ALLOWED


def note(rule: Observed, place: str, operation: Any, context: Any) -> None:
    """Count that an observed rule would have refused a field, once for each operation or event.

    `operation` is its node in the document; None for a route. Strawberry's own view may serve the same schema with
    contexts of its own, in which nothing is counted.
    """
    if isinstance(context, Context):
        name = getattr(operation, "name", None)
        context.would_refuse(place, describe(rule.rule.requires), name and name.value)


def words_of(rule: Rule) -> str:
    """Return what a rule needs, in words, and whether it is only observed."""
    if isinstance(rule, Observed):
        return f"{OBSERVED}{describe(rule.rule.requires)}"
    return describe(rule.requires)


def is_observed(asked: BasePermission | type[BasePermission]) -> bool:
    """Tell whether a permission, or a permission class, only observes."""
    return isinstance(getattr(asked, "rule", None), Observed)


def covers(asked: Iterable[BasePermission | type[BasePermission]]) -> bool:
    """Tell whether any of these permissions says who may read: one that is only observed does not."""
    return not all(map(is_observed, asked))


def _raised(error: Exception, question: Question) -> bool:
    """Return that a rule which raised does not pass; what dissolves a shared run is raised again."""
    context = None if question.info is None else question.info.context
    if isinstance(context, Context) and context.is_shared and cannot_be_shared(error):
        raise error
    return False
