"""SELECT statements as a driver takes them: SQL text and values, compiled once for each shape of statement.

SQLAlchemy's own execution costs ten times what the driver needs for a small statement: it makes a context,
a cursor and a result around each, and looks the parts of the statement up again.
"""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import BindParameter, Dialect, Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from watchword.libraries.sqlalchemy_parts import shape

# Statements of this many shapes are kept compiled.
MOST_KEPT = 500

Columns = Select[*tuple[Any, ...]]
"""A statement that selects columns."""
Convert = Callable[[Any], Any]
Place = tuple[int, int | None]
"""The number of a parameter, and the number of an item if the parameter is a list."""
Shape = tuple[Hashable, Sequence[BindParameter[Any]]]
"""A value that is equal for statements that differ only in their parameters, and the parameters."""
Rows = list[Any]
"""Named tuples of the columns of a statement."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a statement's SQL: a parameter by its number, or one item of a parameter that is a list."""

    number: int
    item: int | None
    convert: Convert | None

    def of(self, values: Sequence[Any]) -> Any:
        found = values[self.number]
        if self.item is not None:
            found = found[self.item]
        return found if self.convert is None else self.convert(found)


class Prepared:
    """A statement of one shape."""

    __slots__ = ("_constants", "_converters", "_make", "_values", "long_until", "sql", "was_slow")

    def __init__(
        self,
        sql: str,
        values: Sequence[Value],
        constants: Sequence[Any],
        names: Sequence[str],
        converters: Sequence[Convert | None],
    ) -> None:
        self.sql = sql
        self.long_until = 0.0
        """Until when its reads are taken for long ones, by the monotonic clock. See `LoopReader`."""
        self.was_slow = False
        self._values = values
        self._constants = constants
        self._converters = converters if any(converters) else None
        make: Any = namedtuple  # mypy wants the names written out
        row = make("Row", names, rename=True)
        # What `row._make` does, without a call of Python for each row.
        self._make: Callable[[Iterable[Any]], Any] = partial(tuple.__new__, row)

    def arguments(self, values: Sequence[Any]) -> list[Any]:
        """Return the values of the SQL, in its order, from the values of a statement's parameters."""
        known = [*values, *self._constants]
        return [value.of(known) for value in self._values]

    def rows(self, found: Sequence[Any]) -> Rows:
        """Return the driver's rows as named tuples with Python's types."""
        if not found or self._converters is None:
            return self.named(found)
        converted = map(_converted, self._converters, zip(*found, strict=True))
        return self.named(zip(*converted, strict=True))

    def named(self, rows: Iterable[Any]) -> Rows:
        """Return rows that have Python's types already as named tuples."""
        return list(map(self._make, rows))


class Statements:
    """Prepares statements for one dialect, and keeps the shapes that were used last."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._kept: OrderedDict[Hashable, Prepared] = OrderedDict()
        self._shapes: WeakKeyDictionary[Columns, Shape] = WeakKeyDictionary()

    def prepare(self, statement: Columns, given: Mapping[str, Any]) -> tuple[Prepared, list[Any]]:
        """Return the statement of this shape, and the values of its SQL.

        `given` are the values of parameters that the statement only names (`bindparam("name")`). Raises
        `TypeError` for a statement that selects entities, or that cannot be prepared.
        """
        key, parameters = self._shape(statement)
        values = [_value(each, given) for each in parameters]
        lengths = tuple([len(v) for v, p in zip(values, parameters, strict=True) if p.expanding])
        prepared = self._kept.get((key, lengths))
        if prepared is None:
            prepared = self._kept[key, lengths] = self._compile(statement, parameters, values)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end((key, lengths))
        return prepared, prepared.arguments(values)

    def _shape(self, statement: Columns) -> Shape:
        found = self._shapes.get(statement)
        if found is None:
            found = shape(statement)
            if found is None:
                raise TypeError("this statement has a part without a cache key, so use a session")
            self._shapes[statement] = found
        return found

    def _compile(
        self,
        statement: Columns,
        parameters: Sequence[BindParameter[Any]],
        values: Sequence[Any],
    ) -> Prepared:
        compiled: Any = statement.compile(dialect=self._dialect)
        if any(each.literal_execute for each in compiled.bind_names):
            raise TypeError("this statement has parameters inside its text, so use a session")
        keys = {each.key for each in parameters}
        # The compiler adds values of its own: SQLite has no LIMIT without OFFSET 0.
        added = [each for each in compiled.bind_names if each.key not in keys]
        constants = [each.effective_value for each in added]
        numbers = {each.key: number for number, each in enumerate([*parameters, *added])}
        named = {name: numbers[each.key] for each, name in compiled.bind_names.items()}
        sql, places = _expanded(compiled, named, [*values, *constants])
        converters = [self._on_the_way_in(each.type) for each in [*parameters, *added]]
        return Prepared(
            sql,
            [Value(number, item, converters[number]) for number, item in places],
            constants,
            _names(statement),
            [self._on_the_way_out(column.type) for column in statement.selected_columns],
        )

    def _on_the_way_in(self, kind: TypeEngine[Any]) -> Convert | None:
        return kind.dialect_impl(self._dialect).bind_processor(self._dialect)

    def _on_the_way_out(self, kind: TypeEngine[Any]) -> Convert | None:
        return kind.dialect_impl(self._dialect).result_processor(self._dialect, None)


def _value(parameter: BindParameter[Any], given: Mapping[str, Any]) -> Any:
    if parameter.key in given:
        value = given[parameter.key]
    elif parameter.required:
        raise TypeError(f"the statement's parameter {parameter.key} has no value")
    else:
        value = parameter.effective_value
    return _padded(value) if parameter.expanding else value


def _padded(items: Iterable[Any]) -> list[Any]:
    """Repeat the last item of a list up to a power of two.

    Otherwise each length of a list would be a statement of its own, which the database has to prepare.
    """
    padded = list(items)
    if padded:
        padded += padded[-1:] * ((1 << (len(padded) - 1).bit_length()) - len(padded))
    return padded


def _expanded(
    compiled: SQLCompiler, named: dict[str, int], values: Sequence[Any]
) -> tuple[str, list[Place]]:
    """Return the SQL with a place for each item of the lists, and which value each place takes, in order."""
    state = compiled.construct_expanded_state(
        {name: values[number] for name, number in named.items()}
    )
    places: dict[str, Place] = {name: (number, None) for name, number in named.items()}
    for name, items in state.parameter_expansion.items():
        if items and len(items) != len(values[named[name]]):
            raise TypeError("this statement has a list of tuples, so use a session")
        places |= {each: (named[name], at) for at, each in enumerate(items)}
    return state.statement, [places[name] for name in state.positiontup or ()]


def _names(statement: Columns) -> list[str]:
    described = statement.column_descriptions
    if len(described) != len(list(statement.selected_columns)) or any(
        isinstance(each["expr"], type) for each in described
    ):
        raise TypeError("name the columns to select: rows are made of columns, not of entities")
    return [each["name"] or "" for each in described]


def _converted(convert: Convert | None, column: Sequence[Any]) -> Iterable[Any]:
    return column if convert is None else map(convert, column)
