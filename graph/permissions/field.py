"""Strawberry's own `permission_classes`, made from rules. The one adapter between the two.

@strawberry.field(permission_classes=[SignedIn])
@strawberry.mutation(permission_classes=[HasScope("incidents:write") & HasRole("commander")])
@strawberry.field(permission_classes=[HasRole("admin") | condition("to be this member")(is_me)])
"""

from __future__ import annotations

import abc
import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar, cast

from strawberry.permission import BasePermission

from graph.context import Context, Guard
from graph.errors import Forbidden, StepUpRequired, Unauthenticated
from graph.permissions.rules import (
    AllOf,
    AnyOf,
    Anyone,
    Check,
    FirstPartyRule,
    Not,
    Question,
    RecentRule,
    RoleRule,
    Rule,
    ScopeRule,
    SignedInRule,
    describe,
)
from graph.permissions.verdict import Verdict
from graph.principal import FIRST_PARTY, Principal


class _Combinable(abc.ABCMeta):
    """Lets permission classes be combined with &, | and ~, the way Strawberry wants them: as classes."""

    rule: Rule

    def __and__(cls, other: _Combinable) -> type[Permission]:
        return permission(AllOf((*_parts(cls.rule, AllOf), *_parts(other.rule, AllOf))))

    def __or__(cls, other: _Combinable) -> type[Permission]:
        return permission(AnyOf((*_parts(cls.rule, AnyOf), *_parts(other.rule, AnyOf))))

    def __invert__(cls) -> type[Permission]:
        return permission(Not(cls.rule))

    def allows(cls, principal: Principal) -> bool:
        """Decide for a principal alone, outside of a field; for rules that read only grants."""
        return cls.rule.holds(Question(principal, None, None, {}))


class Permission(BasePermission, metaclass=_Combinable):
    """A permission class over one rule. Make one with `permission`, or use those below."""

    rule: ClassVar[Rule]

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        """Return True, or raise the error that says what was needed."""
        question = _question(self.rule, source, info, arguments)
        return _enforce(self.rule.decide(question), question.principal)


class AsyncPermission(Permission):
    """A permission class over a rule that must look something up."""

    async def has_permission(  # type: ignore[override]
        self, source: Any, info: Any, **arguments: Any
    ) -> bool:
        question = _question(self.rule, source, info, arguments)
        return _enforce(await self.rule.decide_async(question), question.principal)


def permission(rule: Rule) -> type[Permission]:
    """Make a permission class from a rule."""
    parent = AsyncPermission if rule.is_async else Permission
    made = _Combinable(f"Permission({describe(rule.requires)})", (parent,), {"rule": rule})
    return cast(type[Permission], made)


def condition(
    needs: str,
) -> Callable[[Callable[[Question], bool | Awaitable[bool]]], type[Permission]]:
    """Make a permission class from a function of the question: principal, source, arguments.

    `needs` says in words what would be needed, for example "to command this incident".
    """

    def decorate(function: Callable[[Question], bool | Awaitable[bool]]) -> type[Permission]:
        return permission(Check(function, needs, inspect.iscoroutinefunction(function)))

    return decorate


@lru_cache
def HasScope(scope: str) -> type[Permission]:
    """The token carries this scope: what the token may do."""
    return permission(ScopeRule(scope))


@lru_cache
def HasRole(role: str) -> type[Permission]:
    """The person has this role: what its person may do."""
    return permission(RoleRule(role))


@lru_cache
def RecentlyAuthenticated(max_age: int | None = None) -> type[Permission]:
    """The person showed who it is within the last `max_age` seconds (RFC 9470), or within as many as
    the settings say."""
    return permission(RecentRule(max_age))


Public = permission(Anyone())
"""Everybody may. Say so on purpose: a root field without any permission stops the server."""

SignedIn = permission(SignedInRule())
"""Somebody is signed in."""

FirstParty = permission(FirstPartyRule(FIRST_PARTY))
"""Somebody signed in here by itself: no third party's token, and no machine's."""


async def recheck(guards: Sequence[Guard], context: Context) -> None:
    """Ask again what let a subscription open, for who is asking now.

    Raises `Forbidden` or `Unauthenticated` when it would not open any more.
    """
    for guard in guards:
        info = _with_context(guard.info, context)
        question = Question(context.principal, guard.source, info, guard.arguments)
        rule: Rule = guard.rule
        verdict = await rule.decide_async(question) if rule.is_async else rule.decide(question)
        _enforce(verdict, question.principal)


def _question(rule: Rule, source: Any, info: Any, arguments: dict[str, Any]) -> Question:
    context: Context = info.context
    if context.guards is not None:
        context.guards.append(Guard(rule, source, info, arguments))
    return Question(context.principal, source, info, arguments)


def _with_context(info: Any, context: Context) -> Any:
    # A rule may look something up: in what this event sees, not in what the first one saw.
    return type(info)(_raw_info=info._raw_info._replace(context=context), _field=info._field)


def _parts(rule: Rule, kind: type[AllOf] | type[AnyOf]) -> tuple[Rule, ...]:
    # So that a | b | c reads as one choice of three.
    return rule.rules if isinstance(rule, kind) else (rule,)


def _enforce(verdict: Verdict, principal: Principal) -> bool:
    if verdict:
        return True
    requires = verdict.requires  # type: ignore[union-attr]
    if principal.is_anonymous:
        raise Unauthenticated(f"Sign in first: this needs {describe(requires)}.", requires=requires)
    if verdict.max_age is not None:  # type: ignore[union-attr]
        raise StepUpRequired(verdict.max_age)  # type: ignore[union-attr]
    raise Forbidden(f"This needs {describe(requires)}.", requires=requires)
