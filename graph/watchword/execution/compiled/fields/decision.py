"""Decides about a field's permissions by the caller's grants, once for each execution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from strawberry.permission import PermissionExtension

from watchword.execution.compiled.run import Run
from watchword.permissions.field import deny, rule_of
from watchword.permissions.grants import can_decide, decider
from watchword.permissions.verdict import Denied
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


def decision(extensions: list[PermissionExtension], is_async: bool) -> Decide | None:
    """Return the decision about permissions, the outermost first; None if grants never decide."""
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
        (extension, permission, None if rule is None else decider(rule))
        for extension, permission, rule in permissions
    ]

    def decide_anew(principal: Principal) -> Any:
        for extension, permission, decide in deciders:
            verdict = None if decide is None else decide(principal)
            if verdict is None:
                return None
            if isinstance(verdict, Denied):
                return Denial(extension, permission, verdict, principal)
        return True

    def decide_once(run: Run) -> Any:
        # The principal of a live connection may change within an operation, when it is renewed.
        principal = run.context.principal
        kept = run.kept.get(decide_once)
        if kept is None or kept[0] is not principal:
            kept = run.kept[decide_once] = principal, decide_anew(principal)
        return kept[1]

    return decide_once
