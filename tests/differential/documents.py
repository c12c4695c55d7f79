"""Random documents for a schema: fragments within fragments, aliases, merged fields, directives, variables.

They are valid but for a few: a field with arguments has an alias that belongs to these arguments, wherever it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_input_type,
    is_leaf_type,
    is_object_type,
    is_required_argument,
    type_from_ast,
)

from tests.differential import values

ROOTS = {"query": "query_type", "mutation": "mutation_type", "subscription": "subscription_type"}
ABOUT_SCHEMA = (
    "__schema { queryType { name } types { name kind } }",
    '__type(name: "Query") { name fields(includeDeprecated: true) { name args { name defaultValue } } }',
)


@dataclass
class Document:
    """A document, the variables of its operation with their types, and its source text."""

    text: str
    kind: str
    variables: dict[str, GraphQLInputType]

    def draw(self, dice: Random) -> dict[str, Any]:
        """Return values for the variables; some of those that have a default or may be null are left out."""
        return {
            name: values.variable(dice, kind)
            for name, kind in self.variables.items()
            if isinstance(kind, GraphQLNonNull) and dice.random() < 0.98 or dice.random() < 0.6
        }


@dataclass
class Writer:
    """Writes one document. `fields` is how many fields it may still have."""

    schema: GraphQLSchema
    dice: Random
    fields: int
    _variables: dict[str, tuple[GraphQLInputType, str]] = field(default_factory=dict)
    _fragments: dict[str, str] = field(default_factory=dict)
    _open: list[tuple[str, GraphQLNamedType]] = field(default_factory=list)
    _aliases: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _names: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def write(self, kind: str) -> Document:
        root = getattr(self.schema, ROOTS[kind])
        selection = self._root(kind, root)
        declared = ", ".join(
            f"${name}: {type_}{default}" for name, (type_, default) in self._variables.items()
        )
        head = f"{kind} Operation{f'({declared})' if declared else ''} {selection}"
        others = [*self._fragments.values()]
        if self._chance(0.1):
            others.append("query Other { __typename }")
        kinds = {name: type_ for name, (type_, _) in self._variables.items()}
        return Document("\n".join([head, *others]), kind, kinds)

    def _root(self, kind: str, root: Any) -> str:
        if kind != "subscription":
            return self._selection(root, 0)
        name = self.dice.choice(list(root.fields))
        return "{ " + self._field(root, name, root.fields[name], 0) + " }"

    def _selection(self, on: GraphQLNamedType, depth: int) -> str:
        written = [
            self._selected(on, depth) for _ in range(self.dice.randint(1, 5 if depth < 2 else 3))
        ]
        kept = [each for each in written if each]
        return "{ " + " ".join(kept or ["__typename"]) + " }"

    def _selected(self, on: GraphQLNamedType, depth: int) -> str:
        choice = self.dice.random()
        if self.fields <= 0 and depth > 1:
            return ""
        if choice < 0.08 or not hasattr(on, "fields"):
            if choice < 0.3 and not self._chance(0.2):
                return self._typename(depth)
            return self._inline(on, depth)
        if choice < 0.2:
            return self._inline(on, depth)
        if choice < 0.32:
            return self._spread(on, depth)
        if choice < 0.335 and on is self.schema.query_type:
            return self.dice.choice(ABOUT_SCHEMA)
        name = self.dice.choice(list(on.fields))
        return self._field(on, name, on.fields[name], depth)

    def _typename(self, depth: int) -> str:
        return self.dice.choice(("__typename", "kind: __typename")) + (
            self._directives() if depth else ""
        )

    def _field(self, on: GraphQLNamedType, name: str, definition: GraphQLField, depth: int) -> str:
        self.fields -= 1
        named = get_named_type(definition.type)
        if not is_leaf_type(named) and depth > 6:
            return "__typename"
        arguments = self._arguments(definition)
        shown = self._alias(name, arguments, str(definition.type))
        below = "" if is_leaf_type(named) else " " + self._selection(named, depth + 1)
        directives = self._directives() if depth else ""
        return f"{shown}{arguments}{directives}{below}"

    def _alias(self, name: str, arguments: str, kind: str) -> str:
        """Return the field's name, with an alias that no other field with other arguments has."""
        what = (name, arguments, kind)
        if what not in self._aliases or self._chance(0.1):
            self._aliases[what] = name
            if name in self._names and self._names[name] != what or self._chance(0.15):
                self._aliases[what] = f"a{len(self._names)}_{name}"
            self._names[self._aliases[what]] = what
        alias = self._aliases[what]
        return name if alias == name else f"{alias}: {name}"

    def _inline(self, on: GraphQLNamedType, depth: int) -> str:
        target = self.dice.choice(self._related(on))
        condition = "" if target is on and self._chance(0.5) else f" on {target.name}"
        return f"...{condition}{self._directives()} {self._selection(target, depth + 1)}"

    def _spread(self, on: GraphQLNamedType, depth: int) -> str:
        fitting = [name for name, kind in self._open if kind in self._related(on)]
        if fitting and self._chance(0.5):
            return f"...{self.dice.choice(fitting)}{self._directives()}"
        target = self.dice.choice(self._related(on))
        name = f"F{len(self._fragments)}"
        self._fragments[name] = ""
        # A fragment may be spread from now on, but not within itself.
        self._fragments[name] = (
            f"fragment {name} on {target.name} {self._selection(target, depth + 1)}"
        )
        self._open.append((name, target))
        return f"...{name}{self._directives()}"

    def _related(self, on: GraphQLNamedType) -> list[GraphQLNamedType]:
        """Return the types on which a fragment can apply here."""
        related = [on, on]
        if is_abstract_type(on):
            related += self.schema.get_possible_types(on)
        if is_object_type(on):
            related += on.interfaces
        related += [
            kind
            for kind in self.schema.type_map.values()
            if is_abstract_type(kind)
            and is_composite_type(on)
            and kind is not on
            and any(self.schema.is_sub_type(kind, each) for each in _objects(self.schema, on))
        ]
        return related

    def _directives(self) -> str:
        written = ""
        for name in ("skip", "include"):
            if self._chance(0.07):
                written += f" @{name}(if: {self._given(GraphQLNonNull(self.schema.type_map['Boolean']), '')})"
        return written

    def _arguments(self, definition: GraphQLField) -> str:
        written = [
            f"{name}: {self._given(argument.type, _default(argument))}"
            for name, argument in definition.args.items()
            if is_required_argument(argument) or self._chance(0.45)
        ]
        self.dice.shuffle(written)
        return f"({', '.join(written)})" if written else ""

    def _given(self, kind: Any, default: str) -> str:
        """Write a literal, a variable, or a list or an object with a variable in it."""
        if self._chance(0.4):
            return self._variable(kind, default)
        return values.literal(self._with_variables(kind, values.value(self.dice, kind)))

    def _with_variables(self, kind: Any, value: Any) -> Any:
        bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if isinstance(value, list) and hasattr(bare, "of_type"):
            return [self._within(bare.of_type, item) for item in value]
        if isinstance(value, dict) and hasattr(bare, "fields") and not values.is_one_of(bare):
            return {
                name: self._within(bare.fields[name].type, item) for name, item in value.items()
            }
        return value

    def _within(self, kind: Any, value: Any) -> Any:
        if self._chance(0.15):
            return values.Name(self._variable(kind, ""))
        return self._with_variables(kind, value)

    def _variable(self, kind: Any, default: str) -> str:
        """Declare a variable that fits here, or use one that was declared."""
        for name, (declared, _) in self._variables.items():
            if str(declared) == str(kind) and self._chance(0.5):
                return f"${name}"
        name = f"v{len(self._variables)}"
        declared, written = kind, ""
        bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if bare is not kind and (default or self._chance(0.3)) and self._chance(0.5):
            declared = bare  # a nullable variable, whose default or the argument's makes it fit
            if not default or self._chance(0.5):
                written = f" = {values.literal(values.value(self.dice, kind))}"
        elif bare is kind and self._chance(0.3):
            written = f" = {values.literal(values.value(self.dice, kind))}"
        self._variables[name] = (declared, written)
        return f"${name}"

    def _chance(self, of_one: float) -> bool:
        return self.dice.random() < of_one


def _default(argument: GraphQLArgument) -> str:
    return "" if is_required_argument(argument) else "has one"


def _objects(schema: GraphQLSchema, on: Any) -> Any:
    return schema.get_possible_types(on) if is_abstract_type(on) else [on]


def document(schema: GraphQLSchema, dice: Random) -> Document:
    """Return a random document."""
    kinds = ["query"] * 5 + ["mutation"] * (2 if schema.mutation_type else 0)
    return Writer(schema, dice, dice.choice((6, 15, 40))).write(dice.choice(kinds))


def subscription(schema: GraphQLSchema, dice: Random) -> Document:
    """Return a random document that subscribes."""
    return Writer(schema, dice, dice.choice((5, 15))).write("subscription")


def declared(schema: GraphQLSchema, operation: Any) -> dict[str, GraphQLInputType]:
    """Return the variables of an operation with their types."""
    kinds = {
        each.variable.name.value: type_from_ast(schema, each.type)
        for each in operation.variable_definitions or ()
    }
    return {name: kind for name, kind in kinds.items() if is_input_type(kind)}
