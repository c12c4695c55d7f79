"""Decides about a field's permissions by the caller's grants, once for each execution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from strawberry.permission import PermissionExtension

from watchword.context import Context
from watchword.execution.compiled.compilation import Compilation
from watchword.execution.compiled.run import Run
from watchword.execution.compiled.site import Site
from watchword.permissions.field import deny, rule_of
from watchword.permissions.grants import can_decide, decider, reads_grants_only
from watchword.permissions.observed import Observed, note
from watchword.permissions.rules import Rule
from watchword.permissions.verdict import ALLOWED, Denied, Verdict
from watchword.principal import Principal


class Denial:
    """A field that the caller's grants do not open."""

    def __init__(
        self, extension: PermissionExtension, permission: Any, denied: Denied, principal: Principal
    ) -> None:
        self._parts = extension, permission, denied, principal

    def refuse(self) -> Any:
        """Raise the permission's error, or return the empty value of a field that fails silently."""
        return deny(*self._parts)


Decide = Callable[[Run], Any]
"""Returns True if the field is open, a `Denial`, or None if its permissions must be asked."""


def decision(
    extensions: list[PermissionExtension], is_async: bool, common: Compilation, site: Site
) -> Decide | None:
    """Return the decision about a field's permissions, the outermost first; None if grants never decide."""
    permissions = [
        (extension, permission, rule_of(permission))
        for extension in extensions
        for permission in extension.permissions
    ]
    asked = permissions[0][2] if permissions else None
    if permissions and (asked is None or not can_decide(asked)):
        return None
    # A permission that waits makes a field wait that would not wait without it.
    if not is_async and not all(extension.supports_sync for extension in extensions):
        return None

    deciders = [
        (extension, permission, None if rule is None else _decider(rule, common, site))
        for extension, permission, rule in permissions
    ]

    def decide_anew(context: Context) -> Any:
        for extension, permission, decide in deciders:
            verdict = None if decide is None else decide(context)
            if verdict is None:
                return None
            if isinstance(verdict, Denied):
                return Denial(extension, permission, verdict, context.principal)
        return True

    def decide_once(run: Run) -> Any:
        # The principal of a live connection may change within an operation, when it is renewed.
        principal = run.context.principal
        kept = run.kept.get(decide_once)
        if kept is None or kept[0] is not principal:
            kept = run.kept[decide_once] = principal, decide_anew(run.context)
        return kept[1]

    return decide_once


def _decider(rule: Rule, common: Compilation, site: Site) -> Callable[[Context], Verdict | None]:
    """Return what decides a rule by the grants of a context's caller. An observed one counts what it would refuse."""
    if isinstance(rule, Observed) and reads_grants_only(rule):
        observed, would_decide = rule, decider(rule.rule)
        place = f"{site.parent.name}.{site.name}"

        def observe(context: Context) -> Verdict:
            if not would_decide(context.principal):
                note(observed, place, common.operation, context)
            return ALLOWED

        return observe
    decide = decider(rule)
    return lambda context: decide(context.principal)
