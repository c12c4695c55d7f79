"""Permission classes for Strawberry's `permission_classes`, made from rules.

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
from functools import cache, lru_cache
from typing import Any, ClassVar, NoReturn, cast

from strawberry.permission import BasePermission, PermissionExtension

from watchword.errors import Forbidden, StepUpRequired, Unauthenticated, WatchwordError
from watchword.libraries.strawberry_fields import on_unauthorized
from watchword.permissions.authentication_rules import AuthenticatedByRule, MultiFactorRule
from watchword.permissions.grants import decide
from watchword.permissions.object_rules import OwnerRule, SameTenantRule
from watchword.permissions.observed import Observed, words_of
from watchword.permissions.rules import (
    AllOf,
    AnyOf,
    Anyone,
    Check,
    ClaimRule,
    ClaimValue,
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
    TenantRule,
)
from watchword.permissions.verdict import Denied, Requirement, Verdict
from watchword.permissions.words import describe
from watchword.principal import FIRST_PARTY, Principal
from watchword.tokens.authentication import PHISHING_RESISTANT

# Strawberry calls `has_permission`, and then `on_unauthorized` without arguments. One permission object serves
# all requests at once, so the denial cannot be an attribute of it.
_last_denial: ContextVar[tuple[Denied, Principal, bool]] = ContextVar("denial")
# The number of classes that have been made under each name.
_names: Counter[str] = Counter()


class _Combinable(abc.ABCMeta):
    """The metaclass of permission classes: &, | and ~ combine classes, because Strawberry takes classes."""

    rule: Rule

    def __and__(cls, other: _Combinable) -> type[Permission]:
        _check_combinable(cls, other)
        return permission(AllOf((*_parts(cls.rule, AllOf), *_parts(other.rule, AllOf))))

    def __or__(cls, other: _Combinable) -> type[Permission]:
        _check_combinable(cls, other)
        return permission(AnyOf((*_parts(cls.rule, AnyOf), *_parts(other.rule, AnyOf))))

    def __invert__(cls) -> type[Permission]:
        _check_combinable(cls)
        return permission(Not(cls.rule))

    def allows(cls, principal: Principal) -> bool:
        """Tell whether a principal passes, outside of any field. Only for rules that read nothing but grants.

        Raises `TypeError` for a rule with an async condition.
        """
        if cls.rule.is_async:
            raise TypeError(
                f"{cls.__name__} has an async condition, which `allows` cannot ask: test it by a query."
            )
        return cls.rule.holds(Question(principal, None, None, {}))


class Permission(BasePermission, metaclass=_Combinable):
    """A permission class that asks one rule: `SignedIn`, `HasScope("…")`, or one that `condition` made.

    `A & B`, `A | B` and `~A` are permission classes too. `A.allows(principal)` tells, outside of any field,
    whether a principal passes a rule that reads nothing but its grants and identity, such as a rule of roles
    and scopes. It raises `TypeError` for a rule with an async condition. Test rules that read the object, the
    arguments or the context by a query.
    """

    rule: ClassVar[Rule]

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        """Tell whether the principal of the context may read the field."""
        question = Question(info.context.principal, source, info, arguments)
        return passes(self.rule.decide(question), self.rule, question.principal)

    def on_unauthorized(self) -> NoReturn:
        """Raise the error of the last denial."""
        refuse(*last_denial())


class AsyncPermission(Permission):
    """A permission class that asks a rule which does I/O."""

    async def has_permission(  # type: ignore[override]
        self, source: Any, info: Any, **arguments: Any
    ) -> bool:
        question = Question(info.context.principal, source, info, arguments)
        return passes(await self.rule.decide_async(question), self.rule, question.principal)


@cache
def permission(rule: Rule) -> type[Permission]:
    """Return the permission class of a rule. Equal rules have the same class.

    Strawberry makes a schema directive of the class's name, so the name must be valid in GraphQL, and no
    other rule may have it.
    """
    parent = AsyncPermission if rule.is_async else Permission
    return cast(type[Permission], _Combinable(_name(rule), (parent,), {"rule": rule}))


def _name(rule: Rule) -> str:
    words = re.findall("[A-Za-z0-9]+", words_of(rule))
    name = "".join(word[0].upper() + word[1:] for word in words)
    if not name or name[0].isdigit():
        name = f"Permission{name}"
    _names[name] += 1
    return name if _names[name] == 1 else f"{name}_{_names[name]}"


def condition(
    needs: str,
) -> Callable[[Callable[[Question], bool | Awaitable[bool]]], type[Permission]]:
    """Make a permission class from a function that answers a `Question` with True or False.

    `needs` says in words what is needed to pass, for example "to command this incident". The function may be
    `async`. It may also raise: a `NotFound` or another `WatchwordError` is the field's error as if the resolver
    had raised it, and any other error is INTERNAL. No other rule is asked after that, not even in `A | B`.

    Rules are asked before the resolver: the classes of `permission_classes` in their order until one refuses,
    `A & B` from left to right until one refuses, `A | B` from left to right until one passes. So write
    `SignedIn & is_owner` if `is_owner` needs a signed-in caller. There is one exception: in `A & B`, rules after
    a refusal by `RecentlyAuthenticated` are asked too, because STEP_UP_REQUIRED is only true if they pass.
    """

    def decorate(function: Callable[[Question], bool | Awaitable[bool]]) -> type[Permission]:
        return permission(Check(function, needs, inspect.iscoroutinefunction(function)))

    return decorate


def observe(permitted: type[Permission]) -> type[Permission]:
    """Return a permission class that lets everybody pass, and counts the operations that `permitted` would refuse.

    Try a new permission out with it: `permission_classes=[Public, observe(HasScope("toys:read"))]`. The metric
    `watchword.permission.observed` and the log tell, by field and rule, how often it would have refused. A field with
    nothing but observed permissions does not say who may read it. Name it beside other classes, also in `guarded_by`
    and `Domain.permissions`; it cannot be part of `A & B`, `A | B` or `~A`. Raises `TypeError` for a class of others.
    """
    if not isinstance(permitted, _Combinable):
        raise TypeError('observe takes a permission class of Watchword, such as HasScope("…").')
    rule = permitted.rule
    return permitted if isinstance(rule, Observed) else permission(Observed(rule))


@cache
def HasScope(scope: str) -> type[Permission]:
    """Passes if the token has this scope.

    A person's token has the scopes that the person's roles give. A third-party application's token has those
    of them that the person has allowed it. A machine's token has the scopes that the machine was given.
    """
    return permission(ScopeRule(scope))


@cache
def HasRole(role: str) -> type[Permission]:
    """Passes if the person, or the machine that acts for itself, has this role.

    A third-party application has no roles, even when the person has them. To let such an application in by
    its scope alone, write `HasScope(...) & (HasRole(...) | Delegated)`. This is safe when no other role gives
    that scope.
    """
    return permission(RoleRule(role))


@lru_cache(maxsize=None, typed=True)
def HasClaim(name: str, value: ClaimValue) -> type[Permission]:
    """Passes if a custom claim of the token is this value, or is a list that contains it.

    Custom claims are those that `Domain.claims` adds, and those that the settings of a trusted issuer keep. A
    third-party application's token has none, even when the person's has. Callers whose claims differ in a name that
    some `HasClaim` of the schema reads share nothing; callers that differ in other claims share as before. Raises
    `TypeError` for a value that is no text, whole number, True or False.
    """
    if name in ("amr", "acr"):
        raise TypeError(
            "HasClaim reads custom claims. Ask for methods with AuthenticatedBy or MultiFactor."
        )
    if type(value) not in (str, bool, int):
        raise TypeError(
            f"HasClaim({name!r}, …) compares with a text, a whole number, True or False, not {value!r}."
        )
    return permission(ClaimRule(name, value))


@cache
def AuthenticatedBy(method: str) -> type[Permission]:
    """Passes if the person authenticated by this method: "passkey", "password", or a value of RFC 8176, such as "otp".

    It may have been at the sign-in or at a later step-up of the session; `RecentlyAuthenticated` asks when the last was.
    An identity provider's passkey counts if its `amr` has `user`, and `hwk` or `swk`. A token that says no methods
    passes neither this nor `~AuthenticatedBy(…)`.
    """
    return permission(AuthenticatedByRule(method))


@cache
def HasTenant(attribute: str | None = None) -> type[Permission]:
    """Passes if the token names a tenant; with `attribute`, if the object's attribute is that tenant.

    The attribute is one of the object that has the field, such as "tenant_id", or "row.tenant_id". A caller without a
    tenant never passes, also when the object has none. Tenants are nothing more than this claim: rows, events and kept
    answers are not kept apart by tenant.
    """
    return permission(TenantRule() if attribute is None else SameTenantRule(attribute))


@cache
def Owner(attribute: str) -> type[Permission]:
    """Passes if an attribute of the object that has the field is the caller's subject, such as "author_id".

    It may be "row.author_id". An application that acts for the owner passes too: write `Owner(...) & FirstParty` if it
    must not. A root field and a router's reference have no object, so nobody passes there.
    """
    return permission(OwnerRule(attribute))


@cache
def RecentlyAuthenticated(max_age: int | None = None) -> type[Permission]:
    """Passes if the person authenticated within the last `max_age` seconds (RFC 9470).

    None means the setting `step_up_seconds`. For a person of another issuer, the issuer's token says when the
    person authenticated. A machine never passes.
    """
    return permission(RecentRule(max_age))


MultiFactor = permission(MultiFactorRule())
"""Passes if the person authenticated by more than one factor (`mfa` in the token's `amr`, RFC 8176): by passkey, or by
password and a one-time or recovery code. A machine never passes."""

Public = permission(Anyone())
"""Everybody passes. Declare it explicitly: with a root field without permissions, the server does not start."""

SignedIn = permission(SignedInRule())
"""Passes if the caller is signed in."""

Delegated = permission(DelegatedRule())
"""Passes if a third-party application acts for a person. Its scopes say what it may do; it has no roles."""

FirstParty = permission(FirstPartyRule())
"""Passes if a person asks through a first-party front end: our own, or a client that the settings of its issuer
name (`first_party`). Tokens of third-party applications and of machines do not pass."""

SignedInHere = permission(SignedInHereRule())
"""Passes if a person has signed in at this server. Use it for fields that add a passkey or a one-time code: a
person of another issuer could sign in with them even after that issuer has locked the person out."""


def rule_of(declared: BasePermission) -> Rule | None:
    """Return the rule of a permission that is one of ours, and not changed in a subclass."""
    kind = type(declared)
    asks = getattr(kind, "has_permission", None)
    if asks not in (Permission.has_permission, AsyncPermission.has_permission):
        return None
    is_ours = kind.on_unauthorized is Permission.on_unauthorized
    return kind.rule if is_ours else None  # type: ignore[attr-defined]


def deny(
    extension: PermissionExtension, declared: BasePermission, denied: Denied, principal: Principal
) -> Any:
    """Refuse a field with a denial by grants that is known already, as if the permission had been asked."""
    _last_denial.set((denied, principal, True))
    return on_unauthorized(extension, declared)


def last_denial() -> tuple[Denied, Principal, bool]:
    """Return the denial that was kept last, who was denied, and whether grants alone deny it."""
    return _last_denial.get()


def _check_combinable(*classes: _Combinable) -> None:
    """Raise `TypeError` if a class only observes: as everybody passes it, `A | observe(B)` would let everybody in."""
    if any(isinstance(each.rule, Observed) for each in classes):
        raise TypeError(
            "observe(...) cannot be combined with &, | or ~. Write observe(A | B), or name it beside others:"
            " permission_classes=[A, observe(B)]."
        )


def _parts(rule: Rule, kind: type[AllOf] | type[AnyOf]) -> tuple[Rule, ...]:
    # Flatten, so that a | b | c is one choice of three.
    return rule.rules if isinstance(rule, kind) else (rule,)


def passes(verdict: Verdict, rule: Rule, principal: Principal) -> bool:
    """Tell whether a verdict allows. A denial is kept for `on_unauthorized`, which Strawberry calls next."""
    if isinstance(verdict, Denied):
        _last_denial.set((verdict, principal, isinstance(decide(rule, principal), Denied)))
        return False
    return True


def refuse(denied: Denied, principal: Principal, by_grants: bool = False) -> NoReturn:
    """Raise the error of a denial: `Unauthenticated`, `StepUpRequired` or `Forbidden`.

    `by_grants` says that grants alone deny it, wherever the operation selects the field.
    """
    error = _error(denied, principal)
    error.by_grants = by_grants
    raise error


def _error(denied: Denied, principal: Principal) -> WatchwordError:
    needs = f"needs {describe(denied.requires)}."
    said: dict[str, Any] = {"requires": denied.requires}
    if denied.of is not None:
        said["coordinate"] = denied.of
    if principal.is_anonymous:
        return Unauthenticated(f"Sign in first: {denied.of or 'this'} {needs}", **said)
    if denied.can_step_up:
        return _step_up(denied, principal, said)
    return Forbidden(f"{denied.of or 'This'} {needs}{_advice(denied, principal)}", **said)


def _step_up(denied: Denied, principal: Principal, said: dict[str, Any]) -> StepUpRequired:
    """Return the error that asks for a new authentication, at the place where the person signed in."""
    max_age, classes = denied.max_age, denied.acr_values
    how = "Sign in again"
    if principal.elsewhere is not None:
        said["issuer"] = principal.elsewhere.issuer
        how = f"Sign in again at {said['issuer']}, with {_parameters(max_age, classes)}"
    elif principal.client != FIRST_PARTY:
        how = f"Ask for authorization again, with {_parameters(max_age, classes)}"
    needs = f"{denied.of or 'this'} needs {_authentication(max_age, classes)}"
    return StepUpRequired(max_age, how, acr_values=classes, needs=needs, **said)


def _parameters(max_age: int | None, classes: tuple[str, ...]) -> str:
    """Return the parameters of an authorization request that ask for an authentication, in words."""
    if not classes:
        return f"max_age={max_age} or prompt=login"
    recent = "" if max_age is None else f"max_age={max_age} and "
    return f"{recent}acr_values={' '.join(classes)}"


def _authentication(max_age: int | None, classes: tuple[str, ...]) -> str:
    recent = "" if max_age is None else f" of the last {max_age} seconds"
    factor = " by passkey" if classes == (PHISHING_RESISTANT,) else " by more than one factor"
    return f"an authentication{recent}{factor if classes else ''}"


def _advice(denied: Denied, principal: Principal) -> str:
    """Return a hint for a person of another issuer who may lack only a first-party client."""
    # A run that several callers share ends when it is asked for their issuer, so look at the requirement first.
    if not _asks_for(denied.requires, "client"):
        return ""
    issuer = principal.elsewhere
    if issuer is None or issuer.is_front_end:
        return ""
    client = (principal.client or "").partition("|")[2]
    return f" Sign in here, or let the operator name {client} in first_party of {issuer.issuer}."


def _asks_for(requires: Requirement, word: str) -> bool:
    parts = requires.get("allOf") or requires.get("anyOf") or ()
    return word in requires or any(_asks_for(part, word) for part in parts)
