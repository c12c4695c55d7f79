"""At the start: every field must have a permission, its own, its type's, or one that the schema's `Domain` gives.

So must every type with a key, whose objects routers find by `_entities`. The error names those that have none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import strawberry

from watchword.config.cost_directives import Cost
from watchword.domain import Domain
from watchword.errors import Unsafe
from watchword.libraries.strawberry_directives import leave_to_types
from watchword.libraries.strawberry_federation import entities_field
from watchword.libraries.strawberry_parts import definition
from watchword.libraries.strawberry_permissions import add_permissions
from watchword.permissions import coordinates, entities
from watchword.permissions.additions import Additions, Coverage, Places, names
from watchword.permissions.directives import describe_permissions
from watchword.permissions.enum_values import hidden_values, hide_values
from watchword.permissions.guarded import Classes
from watchword.permissions.input_permission import guard_inputs, guarded_inputs
from watchword.permissions.observed import covers

log = logging.getLogger("watchword.permissions")

# Where a schema says which permissions were added to it.
_ADDED = "watchword-permissions"


def cover(schema: strawberry.Schema, domain: Domain, coverage: Coverage = "strict") -> None:
    """Add the permissions of types and inputs to fields, and those of a domain to what declares none; the SDL tells all.

    A domain names root fields such as `Query.viewer`, types, and their fields, such as `Incident.title`, and what clients
    send by its coordinate (`coordinates.py`). Its default permissions are for all else that declares none; the log
    names it. With the coverage `roots`, fields below the root need no permission and get no default ones.

    Raises `Unsafe`, and changes nothing, if something is left without a permission, or if the domain names something else.
    The schema changes for every server in this process, so it raises `Unsafe` too if other permissions were added before.
    """
    named = {name: tuple(classes) for name, classes in domain.permissions.items()}
    additions = Additions(named, tuple(domain.default_permissions), coverage)
    extensions = definition(schema).extensions
    before = extensions.get(_ADDED)
    if before is not None:
        if before != additions:
            raise Unsafe(
                f"The schema is mounted already with {before}, and now with {additions}."
                " Make a strawberry.Schema for each, from the same classes."
            )
        return
    places = Places(schema)
    places.check(additions)
    inputs = guarded_inputs(schema, named)
    hidden = hidden_values(definition(schema), inputs)
    covered = [*_covered_by_default(places, additions)]
    _add(places, additions)
    guard_inputs(schema, inputs)
    hide_values(definition(schema), hidden)
    coordinates.tell(definition(schema), named)
    describe_permissions(schema)
    leave_to_types(definition(schema), Cost)
    if named or covered or places.entities:
        extensions[_ADDED] = additions
    if covered:
        log.info("default_permissions=[%s] covers %s", names(additions.default), ", ".join(covered))


def sentence(coverage: Coverage) -> str:
    """Return what a schema that passed `cover` does, in words."""
    fields = "field" if coverage == "strict" else "root field"
    return f"every {fields} says who may read it"


def _covered_by_default(places: Places, additions: Additions) -> Iterator[str]:
    """Return the names of root fields, and of types, that get the default permissions."""
    for name in places.asking:
        if not covers((*additions.named.get(name, ()), *places.guards(name))):
            yield name
    found = (
        each.kind.name
        for each in places.nested
        if not each.is_covered and additions.is_default(each)
    )
    yield from dict.fromkeys(name for name in found if name not in places.entities)


def _add(places: Places, additions: Additions) -> None:
    for name, field in places.fields.items():
        add_permissions(places.schema, field, [each() for each in additions.to(name)])
    for nested in places.nested:
        if lacking := nested.lacks(additions.to_nested(nested)):
            add_permissions(places.schema, nested.field, lacking)
    if entities_field(places.schema) is not None:
        asked = {name: _of_entity(places, additions, name) for name in places.entities}
        entities.guard(places.schema, places.entities, asked)


def _of_entity(places: Places, additions: Additions, name: str) -> Classes:
    """Return what a reference to a type asks: its own permissions and the named ones, or the default ones."""
    own = places.guards(name)
    return (*own, *(additions.named.get(name, ()) if covers(own) else additions.to(name)))
