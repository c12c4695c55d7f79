"""Strawberry's own `permission_classes`, made from rules. The one adapter between the two.

@strawberry.field(permission_classes=[SignedIn])
@strawberry.mutation(permission_classes=[HasScope("incidents:write") & HasRole("commander")])
@strawberry.field(permission_classes=[HasRole("admin") | condition("to be this member")(is_me)])
"""

from __future__ import annotations

import abc
import inspect
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import cache
from typing import Any, ClassVar, NoReturn, cast

from strawberry.permission import BasePermission

from watchword.errors import Forbidden, StepUpRequired, Unauthenticated
from watchword.permissions.rules import (
    AllOf,
    AnyOf,
    Anyone,
    Check,
    DelegatedRule,
    FirstPartyRule,
    Not,
    Question,
    RecentRule,
    RoleRule,
    Rule,
    ScopeRule,
    SignedInHereRule,
    SignedInRule,
    describe,
)
from watchword.permissions.verdict import Denied, Requirement, Verdict
from watchword.principal import FIRST_PARTY, Principal

# Strawberry asks `has_permission` and then, in the same step, calls `on_unauthorized` without saying
# what was asked. The permission is one object for all requests, so it cannot keep the denial itself.
_last_denial: ContextVar[tuple[Denied, Principal]] = ContextVar("denial")
# How many classes have been made under each name.
_names: Counter[str] = Counter()


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
        """Decide whether the principal of the context may read the field."""
        question = Question(info.context.principal, source, info, arguments)
        return _passes(self.rule.decide(question), question.principal)

    def on_unauthorized(self) -> NoReturn:
        """Raise the error that says what was needed."""
        _refuse(*_last_denial.get())


class AsyncPermission(Permission):
    """A permission class over a rule that must look something up."""

    async def has_permission(  # type: ignore[override]
        self, source: Any, info: Any, **arguments: Any
    ) -> bool:
        question = Question(info.context.principal, source, info, arguments)
        return _passes(await self.rule.decide_async(question), question.principal)


@cache
def permission(rule: Rule) -> type[Permission]:
    """Return the permission class of a rule; equal rules have one class.

    Strawberry makes a schema directive of the class's name, so the name is one of GraphQL and no
    other rule has it.
    """
    parent = AsyncPermission if rule.is_async else Permission
    return cast(type[Permission], _Combinable(_name(rule), (parent,), {"rule": rule}))


def _name(rule: Rule) -> str:
    words = re.findall("[A-Za-z0-9]+", describe(rule.requires))
    name = "".join(word[0].upper() + word[1:] for word in words)
    if not name or name[0].isdigit():
        name = f"Permission{name}"
    _names[name] += 1
    return name if _names[name] == 1 else f"{name}_{_names[name]}"


def condition(
    needs: str,
) -> Callable[[Callable[[Question], bool | Awaitable[bool]]], type[Permission]]:
    """Make a permission class from a function of the question: principal, source, arguments.

    `needs` says in words what would be needed, for example "to command this incident".
    """

    def decorate(function: Callable[[Question], bool | Awaitable[bool]]) -> type[Permission]:
        return permission(Check(function, needs, inspect.iscoroutinefunction(function)))

    return decorate


@cache
def HasScope(scope: str) -> type[Permission]:
    """The token carries this scope: what the token may do.

    A person's token has the scopes that its roles give; an application's has, of these, those that the
    person allowed it; a machine's has those that it was given.
    """
    return permission(ScopeRule(scope))


@cache
def HasRole(role: str) -> type[Permission]:
    """The person has this role, or the machine that acts for itself: what it is.

    No application of others has one, even if its person does. A field that asks for a scope and a role lets
    an application in by the scope alone with `HasScope(...) & (HasRole(...) | Delegated)`, which is safe
    when no other role gives that scope.
    """
    return permission(RoleRule(role))


@cache
def RecentlyAuthenticated(max_age: int | None = None) -> type[Permission]:
    """The person authenticated within the last `max_age` seconds (RFC 9470), or within
    `step_up_seconds` of the settings: here, or at its issuer, whose tokens say when. A machine never does."""
    return permission(RecentRule(max_age))


Public = permission(Anyone())
"""Everybody may. Say so on purpose: a root field without any permission stops the server."""

SignedIn = permission(SignedInRule())
"""Somebody is signed in."""

Delegated = permission(DelegatedRule())
"""An application of others acts for a person: what it may do is its scopes, and it has no roles."""

FirstParty = permission(FirstPartyRule())
"""A person asks through a front end of ours: our own, or a client that the settings of its issuer name
(`first_party`). No third party's token satisfies it, and no machine's."""

SignedInHere = permission(SignedInHereRule())
"""A person has a session here by itself. Use it for fields that add a passkey or a one-time code: a person
of another issuer would keep that way in after its issuer has locked it out."""


def _parts(rule: Rule, kind: type[AllOf] | type[AnyOf]) -> tuple[Rule, ...]:
    # So that a | b | c reads as one choice of three.
    return rule.rules if isinstance(rule, kind) else (rule,)


def _passes(verdict: Verdict, principal: Principal) -> bool:
    if isinstance(verdict, Denied):
        _last_denial.set((verdict, principal))
        return False
    return True


def _refuse(denied: Denied, principal: Principal) -> NoReturn:
    requires = denied.requires
    if principal.is_anonymous:
        raise Unauthenticated(f"Sign in first: this needs {describe(requires)}.", requires=requires)
    if denied.max_age is not None:
        raise _step_up(denied.max_age, principal)
    raise Forbidden(
        f"This needs {describe(requires)}.{_advice(denied, principal)}", requires=requires
    )


def _step_up(max_age: int, principal: Principal) -> StepUpRequired:
    """Return the error that says where the person authenticates again: where it signed in."""
    if principal.elsewhere is not None:
        issuer = principal.elsewhere.issuer
        how = f"Sign in again at {issuer}, with max_age={max_age} or prompt=login"
        return StepUpRequired(max_age, how, issuer=issuer)
    if principal.client != FIRST_PARTY:
        how = f"Ask for authorization again, with max_age={max_age} or prompt=login"
        return StepUpRequired(max_age, how)
    return StepUpRequired(max_age)


def _advice(denied: Denied, principal: Principal) -> str:
    """Return what helps a person of another issuer, beside other rights."""
    issuer = principal.elsewhere
    if issuer is None or issuer.is_front_end or not _asks_for(denied.requires, "client"):
        return ""
    client = (principal.client or "").partition("|")[2]
    return f" Sign in here, or let the operator name {client} in first_party of {issuer.issuer}."


def _asks_for(requires: Requirement, word: str) -> bool:
    parts = requires.get("allOf") or requires.get("anyOf") or ()
    return word in requires or any(_asks_for(part, word) for part in parts)
