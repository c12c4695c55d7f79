"""Permission rules, as values that combine with and, or and not. Pure: no framework, no I/O.

Rules decide by the principal. Only `Check`, and the rules of `object_rules.py`, also read the object.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from watchword.permissions.verdict import ALLOWED, Denied, Requirement, Verdict, all_of, any_of
from watchword.principal import FIRST_PARTY, Principal

ClaimValue = str | bool | int
"""The value that a permission compares a custom claim with."""


@dataclass(frozen=True, slots=True)
class Question:
    """The question that a rule decides: may this principal read this field, with these arguments?

    `source` is the object whose field is read, as its resolver returned it; it is None for a field of Query,
    Mutation or Subscription. `info` is the field's `Info`, and `info.context` the `Context`. `arguments` are the
    resolver's keyword arguments: their keys are the names in Python (`starts_at`, not `startsAt`), an input
    object is an instance of its class, and an argument that the caller left out and that has no default in
    GraphQL is missing. For a subscription the question is asked again before each event, with the same source
    and arguments and the event's context.
    """

    principal: Principal
    source: Any
    info: Any
    arguments: dict[str, Any]


class Rule:
    """Decides a question: derive from it for a rule of your own, and make a permission class of it with `permission`.

    `requires` says what is needed to pass, as JSON for `extensions.requires`; an empty one stands for nothing. `holds`
    decides, and `holds_async` in its place if the rule is `is_async` and does I/O. Rules must be equal if they decide
    alike, so make them frozen dataclasses. `reads_roles` says that it reads what a token for a third-party application
    lacks: roles, or custom claims. With `condition` it also chooses the rows of a list (`visible`).
    """

    is_async = False
    reads_roles = False

    def is_unknown(self, question: Question) -> bool:
        """Tell whether neither the rule nor its opposite is known to hold, so that `~rule` must not pass either."""
        return self.reads_roles and question.principal.grants.is_delegated

    @property
    def requires(self) -> Requirement:
        raise NotImplementedError

    def holds(self, question: Question) -> bool:
        """Decide without waiting. Call it only on rules that are not `is_async`."""
        raise NotImplementedError

    async def holds_async(self, question: Question) -> bool:
        """Decide. A rule that is `is_async` may do I/O."""
        return self.holds(question)

    def condition(self, principal: Principal, rows: Any) -> Any:
        """Return the rule as a condition of SQLAlchemy on `rows`, a mapped class or its alias, for `visible`."""
        raise NotImplementedError

    def decide(self, question: Question) -> Verdict:
        return ALLOWED if self.holds(question) else Denied(self.requires)

    async def decide_async(self, question: Question) -> Verdict:
        if not self.is_async:
            return self.decide(question)
        return ALLOWED if await self.holds_async(question) else Denied(self.requires)


@dataclass(frozen=True, slots=True)
class Anyone(Rule):
    """Everybody passes, signed in or not."""

    @property
    def requires(self) -> Requirement:
        return {}

    def holds(self, question: Question) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class SignedInRule(Rule):
    """The caller is signed in."""

    @property
    def requires(self) -> Requirement:
        return {"signedIn": True}

    def holds(self, question: Question) -> bool:
        return not question.principal.is_anonymous


@dataclass(frozen=True, slots=True)
class ScopeRule(Rule):
    """The token has a scope."""

    scope: str

    @property
    def requires(self) -> Requirement:
        return {"scope": self.scope}

    def holds(self, question: Question) -> bool:
        return self.scope in question.principal.grants.scopes


@dataclass(frozen=True, slots=True)
class RoleRule(Rule):
    """The person or the machine has a role. A third-party application has none."""

    role: str

    @property
    def reads_roles(self) -> bool:  # type: ignore[override]
        return True

    @property
    def requires(self) -> Requirement:
        return {"role": self.role}

    def holds(self, question: Question) -> bool:
        return self.role in question.principal.grants.roles


@dataclass(frozen=True, slots=True)
class ClaimRule(Rule):
    """A custom claim is this value, or is a list that contains it."""

    name: str
    value: ClaimValue
    # In Python, True equals 1; in JSON, it does not.
    kind: type = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", type(self.value))

    @property
    def reads_roles(self) -> bool:  # type: ignore[override]
        return True

    @property
    def requires(self) -> Requirement:
        return {"claim": self.name, "value": self.value}

    def holds(self, question: Question) -> bool:
        held = question.principal.claims.get(self.name)
        return any(map(self._is_it, held)) if type(held) is tuple else self._is_it(held)

    def _is_it(self, held: Any) -> bool:
        return type(held) is self.kind and bool(held == self.value)


@dataclass(frozen=True, slots=True)
class TenantRule(Rule):
    """The token names a tenant."""

    @property
    def requires(self) -> Requirement:
        return {"tenant": True}

    def holds(self, question: Question) -> bool:
        return bool(question.principal.grants.tenant)


@dataclass(frozen=True, slots=True)
class DelegatedRule(Rule):
    """A third-party application acts for a person, within the scopes that the person allowed."""

    @property
    def requires(self) -> Requirement:
        return {"delegated": True}

    def holds(self, question: Question) -> bool:
        return question.principal.grants.is_delegated


@dataclass(frozen=True, slots=True)
class FirstPartyRule(Rule):
    """A person asks through a first-party front end: our own, or a client that the settings of its issuer
    name. Other applications and machines do not pass."""

    @property
    def requires(self) -> Requirement:
        return {"client": FIRST_PARTY}

    def holds(self, question: Question) -> bool:
        principal = question.principal
        return not principal.is_anonymous and principal.is_first_party


@dataclass(frozen=True, slots=True)
class SignedInHereRule(Rule):
    """The person has a session at this server. A token of another issuer does not pass."""

    @property
    def requires(self) -> Requirement:
        return {"session": True}

    def holds(self, question: Question) -> bool:
        principal = question.principal
        return (
            not principal.is_anonymous
            and principal.client == FIRST_PARTY
            and principal.session is not None
        )


@dataclass(frozen=True, slots=True)
class RecentRule(Rule):
    """The person authenticated within the last `max_age` seconds (RFC 9470); None means the setting
    `step_up_seconds`. For a person of a trusted issuer, the issuer's token has the time."""

    max_age: int | None = None

    @property
    def requires(self) -> Requirement:
        return {"maxAge": self.max_age}

    def holds(self, question: Question) -> bool:
        return bool(self.decide(question))

    def decide(self, question: Question) -> Verdict:
        principal, context = question.principal, question.info.context
        max_age = self.max_age
        if max_age is None:
            max_age = int(context.services.settings.step_up_seconds)
        if not principal.is_anonymous and context.now - principal.authenticated_at <= max_age:
            return ALLOWED
        # A machine cannot step up, so the denial does not ask it to.
        can = principal.is_anonymous or principal.can_step_up
        return Denied({"maxAge": max_age}, max_age if can else None)


@dataclass(frozen=True, slots=True)
class Check(Rule):
    """A function decides, by the object and the arguments too."""

    function: Callable[[Question], bool | Awaitable[bool]]
    needs: str
    is_async: bool = False

    @property
    def requires(self) -> Requirement:
        return {"condition": self.needs}

    def holds(self, question: Question) -> bool:
        answer = self.function(question)
        if not isinstance(answer, bool):
            raise TypeError(f"the condition {self.needs!r} must answer True or False")
        return answer

    async def holds_async(self, question: Question) -> bool:
        answer = self.function(question)
        return answer if isinstance(answer, bool) else await answer


@dataclass(frozen=True, slots=True)
class _Several(Rule):
    """Several rules, decided together."""

    rules: tuple[Rule, ...]

    @property
    def is_async(self) -> bool:  # type: ignore[override]
        return any(rule.is_async for rule in self.rules)

    @property
    def reads_roles(self) -> bool:  # type: ignore[override]
        return any(rule.reads_roles for rule in self.rules)

    def holds(self, question: Question) -> bool:
        return bool(self.decide(question))

    async def holds_async(self, question: Question) -> bool:
        return bool(await self.decide_async(question))

    def is_unknown(self, question: Question) -> bool:
        return any(rule.is_unknown(question) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class AllOf(_Several):
    """All of the rules pass."""

    @property
    def requires(self) -> Requirement:
        return {"allOf": [rule.requires for rule in self.rules]}

    def decide(self, question: Question) -> Verdict:
        denials: list[Denied] = []
        for rule in self.rules:
            verdict = rule.decide(question)
            if isinstance(verdict, Denied):
                if not verdict.can_step_up:
                    return Denied(self.requires)
                denials.append(verdict)
        return all_of(self.requires, denials) if denials else ALLOWED

    async def decide_async(self, question: Question) -> Verdict:
        denials: list[Denied] = []
        for rule in self.rules:
            verdict = await rule.decide_async(question)
            if isinstance(verdict, Denied):
                if not verdict.can_step_up:
                    return Denied(self.requires)
                denials.append(verdict)
        return all_of(self.requires, denials) if denials else ALLOWED


@dataclass(frozen=True, slots=True)
class AnyOf(_Several):
    """At least one of the rules passes."""

    @property
    def requires(self) -> Requirement:
        return {"anyOf": [rule.requires for rule in self.rules]}

    def decide(self, question: Question) -> Verdict:
        denials: list[Denied] = []
        for rule in self.rules:
            verdict = rule.decide(question)
            if not isinstance(verdict, Denied):
                return ALLOWED
            denials.append(verdict)
        return any_of(self.requires, denials)

    async def decide_async(self, question: Question) -> Verdict:
        denials: list[Denied] = []
        for rule in self.rules:
            verdict = await rule.decide_async(question)
            if not isinstance(verdict, Denied):
                return ALLOWED
            denials.append(verdict)
        return any_of(self.requires, denials)


@dataclass(frozen=True, slots=True)
class Not(Rule):
    """The rule does not pass.

    "Not this role" never passes for a third-party application: it has no roles at all, but the person that
    it acts for may have this one. The same goes for custom claims.
    """

    rule: Rule

    @property
    def reads_roles(self) -> bool:  # type: ignore[override]
        return self.rule.reads_roles

    @property
    def is_async(self) -> bool:  # type: ignore[override]
        return self.rule.is_async

    @property
    def requires(self) -> Requirement:
        return {"not": self.rule.requires}

    def holds(self, question: Question) -> bool:
        return not (self.rule.is_unknown(question) or self.rule.holds(question))

    async def holds_async(self, question: Question) -> bool:
        return not (self.rule.is_unknown(question) or await self.rule.holds_async(question))

    def is_unknown(self, question: Question) -> bool:
        return self.rule.is_unknown(question)
