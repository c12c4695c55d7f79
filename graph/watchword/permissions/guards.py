"""Checks the permissions of a subscription again before each event.

This covers every permission class of the field, ours and others, with the arguments that the subscription was
opened with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import strawberry
from strawberry.permission import BasePermission, PermissionExtension

from watchword.context import Context, Guard
from watchword.errors import Forbidden, Unsafe
from watchword.libraries.strawberry_parts import definition, permission_extensions, with_context
from watchword.permissions.field import rule_of
from watchword.permissions.grants import decide
from watchword.permissions.input_permission import InputPermission
from watchword.permissions.observed import words_of
from watchword.permissions.refusal import refusal
from watchword.permissions.rules import Rule
from watchword.permissions.verdict import ALLOWED
from watchword.principal import Principal


class _Recorder(BasePermission):
    """Lets everybody pass, and records the arguments with which the permissions after it are called."""

    def __init__(self, extension: PermissionExtension) -> None:
        self._extension = extension

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        context = info.context
        # Strawberry's own view may serve the same schema beside Watchword, with contexts of its own.
        if isinstance(context, Context) and context.guards is not None:
            context.guards.append(Guard(self._extension, source, info, arguments))
        return True


def record_questions(schema: strawberry.Schema) -> None:
    """Add a recorder to the permissions of each subscription field. Doing so twice is harmless.

    Raises `Unsafe` for a subscription whose permissions fail silently: they would answer null in place of
    a stream of events.
    """
    root = definition(schema).subscription_type
    for name, field in (root.fields if root else {}).items():
        for extension in permission_extensions(field):
            if extension.fail_silently:
                raise Unsafe(
                    f"{root}.{name}: a subscription cannot fail silently."
                    " Remove fail_silently=True from its PermissionExtension."
                )
            if not any(isinstance(each, _Recorder) for each in extension.permissions):
                extension.permissions = [_Recorder(extension), *extension.permissions]


def is_recorder(permission: BasePermission) -> bool:
    """Tell whether a permission is the recorder of a subscription, which lets everybody pass."""
    return isinstance(permission, _Recorder)


def permissions_of(field: Any) -> list[BasePermission]:
    """Return the permissions that a field asks of every caller, whatever is sent to it."""
    return [
        permission
        for extension in permission_extensions(field)
        for permission in extension.permissions
        if not isinstance(permission, _Recorder | InputPermission)
    ]


def asked_of(field: Any) -> list[tuple[str, Rule | None]]:
    """Return the rules that a field asks, each with its words; None for a permission class that Watchword cannot read."""
    asked = [(each, rule_of(each)) for each in permissions_of(field)]
    return [(type(each).__name__ if rule is None else words_of(rule), rule) for each, rule in asked]


def pass_by_grants(guards: Sequence[Guard], principal: Principal) -> bool:
    """Tell whether a principal's grants alone show that the permissions of these guards still pass.

    False if they refuse, or if something else must be read: then call `recheck`. Does no I/O.
    """
    return all(_passes_by_grants(guard, principal) for guard in guards)


def _passes_by_grants(guard: Guard, principal: Principal) -> bool:
    # A subclass of the extension may ask its permissions in another way.
    if type(guard.extension) is not PermissionExtension:
        return False
    return all(
        rule is not None and decide(rule, principal) is ALLOWED
        for declared in guard.extension.permissions
        for rule in _rules(declared, guard)
    )


def _rules(declared: BasePermission, guard: Guard) -> list[Rule | None]:
    if isinstance(declared, _Recorder):
        return []
    if isinstance(declared, InputPermission):
        return [*declared.asked(guard.info)]
    return [rule_of(declared)]


async def recheck(guards: Sequence[Guard], context: Context) -> None:
    """Ask again, in the context of an event, the permissions that allowed a subscription to open.

    Raises `Forbidden` or `Unauthenticated` when they refuse now, and any other error that a permission
    raises.
    """
    for guard in guards:
        await _ask_again(guard, context)


async def _ask_again(guard: Guard, context: Context) -> None:
    passed = False

    async def resolve(_source: Any, _info: Any, **_arguments: Any) -> None:
        nonlocal passed
        passed = True

    # A permission that looks something up must see this event's context, not the first one's.
    info = with_context(guard.info, context)
    try:
        await guard.extension.resolve_async(resolve, guard.source, info, **guard.arguments)
    except Exception as error:
        raise (refusal(error, context.principal) or error) from error
    # A permission's on_unauthorized may return instead of raising. It has refused all the same.
    if not passed:
        raise Forbidden("This subscription is not allowed any more.")
