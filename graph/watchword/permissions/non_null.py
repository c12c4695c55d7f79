"""Guarded fields that must not be null: a refusal takes more than the field, so the log names them at the start."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence

import strawberry
from graphql import GraphQLField, is_non_null_type

from watchword.libraries.strawberry_parts import definition, permission_extensions
from watchword.permissions.additions import root_fields
from watchword.permissions.field import Public
from watchword.permissions.guards import permissions_of
from watchword.permissions.nested import nested_fields
from watchword.permissions.observed import is_observed

log = logging.getLogger("watchword.permissions")

# Where a schema says that its fields were named.
_NAMED = "watchword-named-non-null"

# With WATCHWORD_REFUSALS=reject an object becomes null only by what is not decided before the operation runs.
_REJECTED = (
    "What roles, scopes and claims deny refuses the whole operation (WATCHWORD_REFUSALS=reject), so nothing is run. If a"
    " rule about the object refuses one, or the request chose another form by extensions.refusals,"
)


def name_non_null(schema: strawberry.Schema, refusals: str) -> None:
    """Log, once for each schema, which guarded fields must not be null, and what a refusal of them does.

    `refusals` is the setting of this name. The permissions of types and of the domain must have been added.
    """
    extensions = definition(schema).extensions
    if extensions.get(_NAMED):
        return
    extensions[_NAMED] = True
    what = _REJECTED if refusals == "reject" else "If one is refused,"
    if nested := nested_non_null(schema):
        log.info(
            "Guarded fields that must not be null (all such fields of a type that is named alone): %s. %s"
            " its object becomes null too, up to the next place that may be null. Write `| None` to the field's type for"
            " null in the field alone.",
            _by_type(nested, _that_must_not_be_null(schema)),
            what,
        )
    if roots := root_non_null(schema):
        log.info(
            "Guarded root fields that must not be null: %s. %s the data of the whole answer is null.",
            _by_type(roots, Counter()),
            what,
        )


def nested_non_null(schema: strawberry.Schema) -> list[str]:
    """Return the names of fields below the root, such as `Incident.salary`, whose refusal nulls their object."""
    return [each.name for each in nested_fields(schema) if _is_non_null(each.field)]


def root_non_null(schema: strawberry.Schema) -> list[str]:
    """Return the names of fields of Query and Mutation whose refusal nulls the whole answer.

    A subscription that is refused does not open, so it has no answer.
    """
    return [
        name
        for name, field in root_fields(schema).items()
        if field.subscribe is None and _is_non_null(field)
    ]


def _is_non_null(field: GraphQLField) -> bool:
    # A list whose permissions fail silently is empty when they refuse.
    loud = any(not each.fail_silently for each in permission_extensions(field))
    guarded = any(
        type(each) is not Public and not is_observed(each) for each in permissions_of(field)
    )
    return is_non_null_type(field.type) and loud and guarded


def _that_must_not_be_null(schema: strawberry.Schema) -> Counter[str]:
    """Count the fields of each type that must not be null, guarded or not."""
    return Counter(
        each.kind.name for each in nested_fields(schema) if is_non_null_type(each.field.type)
    )


def _by_type(names: Sequence[str], all_of: Counter[str]) -> str:
    """Return names such as `Incident.salary` as `Incident (salary, bonus), Member`.

    `all_of` has the number of fields that a type could have here. A type with all of them is named alone.
    """
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for kind, _, field in (name.partition(".") for name in names):
        kinds[kind].append(field)
    return ", ".join(
        kind if len(fields) == all_of[kind] else f"{kind} ({', '.join(fields)})"
        for kind, fields in kinds.items()
    )
