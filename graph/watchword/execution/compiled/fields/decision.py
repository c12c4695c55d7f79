"""Decides about a field's permissions by the caller's grants, once for each execution."""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import FieldNode, is_non_null_type
from strawberry.permission import BasePermission, PermissionExtension

from watchword.execution.compiled.compilation import Compilation
from watchword.execution.compiled.mark import Mark
from watchword.execution.compiled.promise import Future, Indexes, Promise
from watchword.execution.compiled.refusal import Refusal
from watchword.execution.compiled.run import Run
from watchword.execution.compiled.site import Site
from watchword.execution.denials import chosen, may_gather
from watchword.libraries.graphql_execution import VariableValueSource
from watchword.permissions.field import deny, rule_of
from watchword.permissions.grants import (
    can_decide,
    decider,
    is_same_for_equal_grants,
    reads_grants_only,
)
from watchword.permissions.input_permission import InputPermission
from watchword.permissions.observed import Observed, note
from watchword.permissions.verdict import ALLOWED, Denied, Verdict
from watchword.principal import Grants, Principal

# A field of an operation remembers at most so many grants that open it.
MOST_GRANTS = 64


class Denial:
    """A field that the caller's grants do not open in one execution."""

    def __init__(
        self,
        run: Run,
        site: Site,
        extension: PermissionExtension,
        permission: Any,
        denied: Denied,
        principal: Principal,
    ) -> None:
        self.run = run
        self._parts = extension, permission, denied, principal
        # One error tells all places of a field that may be null.
        self._is_required = is_non_null_type(site.definition.type)
        self._is_gathered = (
            not self._is_required
            and chosen(run.context) == "partial"
            and site.steps[0] is not None
            and may_gather(site.steps[0][0])
        )
        self.is_told = False
        """Whether one error has told all places. Then each further place is null, and need not ask."""

    def refuse(self, place: Mark, indexes: Indexes) -> Any:
        """Raise the permission's error, or return the value of a field that may be empty in silence.

        That is each place but the first, if one error tells all of them.
        """
        if not self._is_gathered:
            return deny(*self._parts)
        if self.is_told:
            return None
        try:
            return deny(*self._parts)
        except Exception as error:
            # It counts as told only if it was collected: below a place that is null already, nothing is.
            self.is_told = self.run.collects(error, place, indexes)
            return None

    def later(self, place: Mark, indexes: Indexes) -> Refusal | Promise:
        """Return the value of a field whose resolver is a coroutine function. It is refused when it would be called."""
        refusal = Refusal(self, place, indexes)
        return refusal.promise() if self._is_required else refusal

    def settle(self, place: Mark, indexes: Indexes) -> Any:
        """Do as `refuse`, and take care of the error: it is collected, or raised if the field must not be null."""
        if self.is_told:
            return None
        try:
            return self.refuse(place, indexes)
        except Exception as error:
            if self._is_required:
                raise self.run.locate(error, place, indexes)  # noqa: B904 - graphql-core keeps the context too
            return self.run.fail(error, place, indexes)

    @cached_property
    def made(self) -> Future:
        """A future that is done."""
        made = get_running_loop().create_future()
        made.set_result(None)
        return made


@dataclass(frozen=True, slots=True)
class Decide:
    """The decision about a field's permissions.

    `once` returns True if the field is open, a `Denial`, or None if its permissions must be asked; the same for all
    places of an execution. `is_lasting` says that it decides the same for all callers with equal grants.
    """

    once: Callable[[Run], Any]
    is_lasting: bool


Decider = Callable[[Run], Verdict | None]
Asked = tuple[PermissionExtension, BasePermission]


class _Values:
    """The variables of a run. As they were sent, graphql-core's executor has them: it is made only if they are read."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.coerced = run.values

    @property
    def sources(self) -> Mapping[str, VariableValueSource]:
        return self._run.executor.variable_values.sources


def asked(extensions: Iterable[PermissionExtension], node: FieldNode) -> list[Asked]:
    """Return the permissions that a field of a document asks, the outermost first.

    One of what is sent asks nothing where nothing is sent that it guards.
    """
    return [
        (extension, permission)
        for extension in extensions
        for permission in extension.permissions
        if not isinstance(permission, InputPermission) or permission.sent.may_have(node)
    ]


def decision(
    permissions: Sequence[Asked], is_async: bool, common: Compilation, site: Site
) -> Decide | None:
    """Return the decision about a field's permissions, the outermost first; None if grants never decide."""
    first = permissions[0][1] if permissions else None
    if first is not None and not _can_decide(first):
        return None
    # A permission that waits makes a field wait that would not wait without it.
    if not is_async and not all(extension.supports_sync for extension, _ in permissions):
        return None
    deciders = [(*each, _decider(each[1], common, site)) for each in permissions]
    opened = _Opened() if all(_is_same(permission) for _, permission in permissions) else None

    def decide_anew(run: Run) -> Any:
        for extension, permission, decide in deciders:
            verdict = None if decide is None else decide(run)
            if verdict is None:
                return None
            if isinstance(verdict, Denied):
                return Denial(*(run, site, extension, permission, verdict, run.context.principal))
        return True

    def decide_once(run: Run) -> Any:
        # The principal of a live connection may change within an operation, when it is renewed.
        principal = run.context.principal
        if opened is not None and principal.grants in opened.to(principal):
            return True
        kept = run.kept.get(decide_once)
        if kept is None or kept[0] is not principal:
            kept = run.kept[decide_once] = principal, decide_anew(run)
            if opened is not None and kept[1] is True:
                opened.note(principal)
        return kept[1]

    return Decide(decide_once, opened is not None)


def together(decisions: Sequence[Decide]) -> Callable[[Run], bool]:
    """Return what tells whether lasting decisions open all of their fields: known grants are looked up once for all."""
    opened = _Opened()

    def are_open(run: Run) -> bool:
        principal = run.context.principal
        if principal.grants in opened.to(principal):
            return True
        if not all(each.once(run) is True for each in decisions):
            return False
        opened.note(principal)
        return True

    return are_open


class _Opened:
    """The grants that are known to open one or several fields, for all operations of one text."""

    def __init__(self) -> None:
        self._to_strangers, self._to_signed_in = set[Grants](), set[Grants]()

    def to(self, principal: Principal) -> set[Grants]:
        """Return the grants that open it to callers who are signed in, or not, as this one."""
        return self._to_strangers if principal.is_anonymous else self._to_signed_in

    def note(self, principal: Principal) -> None:
        known = self.to(principal)
        if len(known) >= MOST_GRANTS:
            known.clear()
        known.add(principal.grants)


def _is_same(permission: BasePermission) -> bool:
    rule = rule_of(permission)
    return rule is not None and is_same_for_equal_grants(rule)


def _can_decide(permission: BasePermission) -> bool:
    if isinstance(permission, InputPermission):
        return True
    rule = rule_of(permission)
    return rule is not None and can_decide(rule)


def _decider(permission: BasePermission, common: Compilation, site: Site) -> Decider | None:
    """Return what decides a permission by the grants of a run's caller. An observed one counts what it would refuse."""
    if isinstance(permission, InputPermission):
        of_sent, node = permission.decide, site.nodes[0]
        return lambda run: of_sent(node, _Values(run), run.context.principal)
    if (rule := rule_of(permission)) is None:
        return None
    if isinstance(rule, Observed) and reads_grants_only(rule):
        return _observer(rule, common, site)
    of_rule = decider(rule)
    return lambda run: of_rule(run.context.principal)


def _observer(observed: Observed, common: Compilation, site: Site) -> Decider:
    would_decide = decider(observed.rule)
    place = f"{site.parent.name}.{site.name}"

    def observe(run: Run) -> Verdict:
        if not would_decide(run.context.principal):
            note(observed, place, common.operation, run.context)
        return ALLOWED

    return observe
