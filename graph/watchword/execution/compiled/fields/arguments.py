"""The arguments of a field's resolver: constants, or made once for an execution, or made for each call."""

from __future__ import annotations

import keyword
from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLInputType,
    NullValueNode,
    Undefined,
    VariableNode,
    get_nullable_type,
    is_enum_type,
    is_non_null_type,
    is_scalar_type,
    is_specified_scalar_type,
)
from graphql.utilities import coerce_input_literal

from watchword.execution.compiled.compilation import Compilation
from watchword.execution.compiled.run import Run
from watchword.execution.compiled.site import Site
from watchword.libraries.graphql_core import default_value
from watchword.libraries.graphql_execution import get_argument_values
from watchword.libraries.strawberry_fields import Arguments, StrawberryField

Values = dict[str, Any]
# graphql-core cannot read this literal, and raises its error at each call.
_UNKNOWN = object()
# Only values of these classes are shared between calls: a resolver cannot change them.
_UNCHANGING = (str, int, float, bool, type(None))


def given_values(common: Compilation, site: Site) -> Callable[[Run], Values] | None:
    """Return a function that makes the values of a field's arguments anew; None if it has no arguments."""
    definition, node = site.definition, site.nodes[0]
    if not (definition.args or node.arguments):
        return None
    hides = common.hides_suggestions

    def values(run: Run) -> Values:
        return get_argument_values(definition, node, run.executor.variable_values, None, hides)

    return values


class FieldArguments:
    """How a resolver's keyword arguments come about at one place.

    `constants` holds them if they never change; then the other two are None. `once` makes them once for each
    execution, `each` makes them for each call. Both raise what graphql-core and Strawberry would.
    """

    def __init__(self, common: Compilation, site: Site, field: StrawberryField) -> None:
        self.constants: Values | None = None
        self.once: Callable[[Run], Values] | None = None
        self.each: Callable[[Run, tuple[int, ...]], Values] | None = None
        arguments = Arguments(common.schema, field)
        given = given_values(common, site)
        simple = _simple(arguments, site)
        if given is None:
            self.constants = {}
        elif simple is None:
            self.each = _each(common, site, field, arguments, given)
        elif not any(isinstance(each, _Variable) for each in simple.values()):
            self.constants = {name: each for name, each in simple.items() if each is not Undefined}
        else:
            self.once = _once(site, simple, given)

    @property
    def are_keywords(self) -> bool:
        """Tell whether the constants can be written as keywords of a call."""
        names = self.constants or {}
        return all(name.isidentifier() and not keyword.iskeyword(name) for name in names)


class _Variable:
    """An argument given as a variable; `absent` is its value when the variable has none."""

    def __init__(self, name: str, absent: Any, is_required: bool) -> None:
        self.name = name
        self.absent = absent
        self.is_required = is_required


def _simple(arguments: Arguments, site: Site) -> Values | None:
    """Return constants and variables by the resolver's names, if all arguments are scalars, enums, absent or null."""
    nodes = {each.name.value: each.value for each in site.nodes[0].arguments or ()}
    found: Values = {}
    declared = arguments.names()
    if set(declared) != set(site.definition.args):
        return None
    for name, argument in declared.items():
        definition, node = site.definition.args[name], nodes.get(name)
        if not argument.is_maybe and _is_null(definition, node):
            # Absent and null are what they are in every type.
            found[argument.python_name] = _value(definition, node)
            continue
        if not (_is_plain_type(definition.type) and arguments.is_unchanged(argument)):
            return None
        value = _value(definition, node)
        if not isinstance(value, _Variable) and not _is_unchanging(value):
            return None
        if isinstance(value, _Variable) and not _is_unchanging(value.absent):
            return None
        found[argument.python_name] = value
    return found


def _value(definition: GraphQLArgument, node: Any) -> Any:
    if isinstance(node, VariableNode):
        absent = default_value(definition)
        return _Variable(node.name.value, absent, is_non_null_type(definition.type))
    if node is None:
        return default_value(definition)
    value = coerce_input_literal(node, definition.type)
    return _UNKNOWN if value is Undefined else value


def _is_null(definition: GraphQLArgument, node: Any) -> bool:
    """Tell whether an argument is absent, or null in the document or by default. One that must not be null is not."""
    if is_non_null_type(definition.type):
        return False
    if node is not None:
        return isinstance(node, NullValueNode)
    value = definition.default_value
    return definition.default is None and (value is None or value is Undefined)


def _is_unchanging(value: Any) -> bool:
    return value is Undefined or type(value) in _UNCHANGING or _is_enum_member(value)


def _is_enum_member(value: Any) -> bool:
    members = getattr(type(value), "__members__", None)
    return members is not None and any(value is each for each in members.values())


def _is_plain_type(kind: GraphQLInputType) -> bool:
    plain: Any = get_nullable_type(kind)
    return is_enum_type(plain) or (is_scalar_type(plain) and is_specified_scalar_type(plain))


def _once(site: Site, simple: Values, given: Callable[[Run], Values]) -> Callable[[Run], Values]:
    constants = {
        name: value
        for name, value in simple.items()
        if not isinstance(value, _Variable) and value is not Undefined
    }
    variables = [(name, each) for name, each in simple.items() if isinstance(each, _Variable)]

    def once(run: Run) -> Values:
        kept: Values | None = run.kept.get(site)
        if kept is not None:
            return kept
        made, values = dict(constants), run.values
        for name, each in variables:
            value = values.get(each.name, each.absent)
            if each.is_required and (value is None or value is Undefined):
                given(run)  # raises
            if value is not Undefined:
                made[name] = value
        run.kept[site] = made
        return made

    return once


def _each(
    common: Compilation,
    site: Site,
    field: StrawberryField,
    arguments: Arguments,
    given: Callable[[Run], Values],
) -> Callable[[Run, tuple[int, ...]], Values]:
    def each(run: Run, indexes: tuple[int, ...]) -> Values:
        return arguments.convert(given(run), common.make_info(run, site, indexes, field))

    return each
