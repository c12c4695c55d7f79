"""The guarded enum values in answers: a caller who may not see one gets an error in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from watchword.errors import Unsafe
from watchword.permissions.field import refuse
from watchword.permissions.grants import decide, reads_grants_only
from watchword.permissions.inputs import Guarded, Inputs
from watchword.permissions.observed import Observed
from watchword.permissions.verdict import Denied
from watchword.principal import Principal

# Where a schema says which values are hidden.
_HIDDEN = "watchword-hidden-values"


class HiddenValues:
    """The guarded values of one enum. Grants alone decide them, so that it is decided once for an operation."""

    def __init__(self, values: Mapping[str, Guarded]) -> None:
        self._values = values

    def denied(self, principal: Principal) -> dict[str, Denied]:
        """Return the values that a principal may not see, by their names.

        The denials name no value: an error in an answer would tell which one the resolver has returned.
        """
        found = {}
        for name, guarded in self._values.items():
            for rule in guarded.rules:
                verdict = decide(rule, principal)
                if isinstance(verdict, Denied):
                    found[name] = verdict
                    break
        return found


Hidden = Mapping[str, HiddenValues]
"""The enums with guarded values that are in answers, by their names."""


def hidden_values(schema: GraphQLSchema, inputs: Inputs) -> Hidden:
    """Return the enums with guarded values that some field returns.

    Raises `Unsafe` for a value that asks more than what the caller's token says.
    """
    found = {}
    for kind in _returned(schema):
        values = {name: guard for (of, name), guard in inputs.values.items() if of == kind.name}
        for guard in values.values():
            _check(guard)
        if values:
            found[kind.name] = HiddenValues(values)
    return found


def hide_values(schema: GraphQLSchema, hidden: Hidden) -> None:
    """Let the executors of a schema hide values."""
    schema.extensions[_HIDDEN] = hidden


def hidden_of(schema: GraphQLSchema) -> Hidden:
    """Return what the executors of a schema hide."""
    return cast(Hidden, schema.extensions.get(_HIDDEN, {}))


def check(hidden: Hidden, kind: GraphQLNamedType, value: Any, principal: Principal) -> None:
    """Raise the error of a denial if a principal may not see a completed value of a scalar or an enum."""
    values = hidden.get(kind.name)
    denied = None if values is None else values.denied(principal).get(value)
    if denied is not None:
        refuse(denied, principal)


def _check(guard: Guarded) -> None:
    if any(isinstance(rule, Observed) for rule in guard.rules):
        raise Unsafe(
            f"{guard.name} is a value of answers, which observe(…) does not count. Write the permission itself, or observe"
            " it on the fields that return the value."
        )
    if not all(map(reads_grants_only, guard.rules)):
        raise Unsafe(
            f"{guard.name} is a value of answers, so guarded_by may ask what the caller's token says: SignedIn, roles,"
            " scopes, claims, HasTenant(), methods. Guard the fields that return it for any other permission."
        )


def _returned(schema: GraphQLSchema) -> list[GraphQLEnumType]:
    kinds = {
        get_named_type(field.type)
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        for field in kind.fields.values()
    }
    enums = [each for each in kinds if isinstance(each, GraphQLEnumType)]
    return sorted(enums, key=lambda each: each.name)
