"""Rules as conditions of the store: which rows of a table a caller may see, by the rule that also decides for one object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, TypeVar

from sqlalchemy import BindParameter, ColumnElement, Select, and_, false, func, inspect, not_, or_
from sqlalchemy.sql import operators

from watchword.context import Context
from watchword.permissions.field import Permission, permission
from watchword.permissions.grants import decide, reads_grants_only
from watchword.permissions.object_rules import OwnerRule, SameTenantRule
from watchword.permissions.observed import Observed
from watchword.permissions.rules import (
    AllOf,
    AnyOf,
    Check,
    FirstPartyRule,
    Not,
    Question,
    RecentRule,
    Rule,
    SignedInHereRule,
)
from watchword.permissions.verdict import Requirement
from watchword.principal import Principal

S = TypeVar("S", bound=Select[*tuple[Any, ...]])

# Statements with a condition that is the same for many callers are kept: so pages of them are (`relay/paginate.py`). One
# with the caller's own values is made at each call: a kept one would need the values of another caller to be replaced
# wherever it is run, and showed the rows of that caller where this was forgotten.
STATEMENTS = 200
# Rules that read the principal and nothing of a row.
_OF_PRINCIPAL = (FirstPartyRule, SignedInHereRule, RecentRule)
# Stands for a row where only the principal matters.
_A_ROW = object()


@dataclass(frozen=True, slots=True)
class RowRule(Rule):
    """A function of a row decides. Of the table's class, it makes a condition of SQL."""

    function: Callable[[Any], Any]
    needs: str
    attribute: str | None = None

    def is_unknown(self, question: Question) -> bool:
        return question.source is None

    @property
    def requires(self) -> Requirement:
        return {"condition": self.needs}

    def holds(self, question: Question) -> bool:
        if question.source is None:
            return False
        row = attrgetter(self.attribute)(question.source) if self.attribute else question.source
        answer = self.function(row)
        if not isinstance(answer, bool):
            raise TypeError(f"the condition {self.needs!r} must answer True or False for a row")
        return answer

    def condition(self, principal: Principal, rows: Any) -> Any:
        return _as_in_python(self.function(rows))


def where(
    needs: str, attribute: str | None = None
) -> Callable[[Callable[[Any], Any]], type[Permission]]:
    """Make a permission class from a function that compares the columns of a row: `note.visibility == "PUBLIC"`.

    `visible` calls it with the table's class and puts the comparison into SQL; a field's permission, and `sees`, call it
    with a row. So it is one comparison, without `and`, `or`, `not` and `in`: write `A & B`, `A | B` and `~A` of several.
    `needs` says in words what is needed to pass. `attribute` is where a GraphQL object has its row, such as "row"; None
    if it is the row itself.
    """

    def decorate(function: Callable[[Any], Any]) -> type[Permission]:
        return permission(RowRule(function, needs, attribute))

    return decorate


def visible(statement: S, permitted: type[Permission], context: Context, rows: Any = None) -> S:
    """Return a SELECT of only those rows that the context's caller may see, by the rule of a permission class.

    Pages and counts of it agree, and `sees` decides the same of one row. The rule consists of `where(…)`, `Owner`,
    `HasTenant(…)`, rules of your own with a `condition`, and rules over the caller. `rows` is the class, or its alias,
    that has the columns; None if the statement selects from one. If the caller's roles, scopes and claims are enough, the
    caller's identity is not read, so that callers with the same grants still share the answer. Raises `TypeError` for
    other rules.
    """
    entity = _entity(statement) if rows is None else rows
    found = _reduced(permitted.rule, context, entity)
    if found is True:
        return statement
    if found is False or _reads_rows_only(found):
        return _kept(statement, found, entity)  # type: ignore[return-value]
    return statement.where(_condition(found, context.principal, entity))


def sees(row: Any, permitted: type[Permission], context: Context) -> bool:
    """Tell whether the context's caller may see a row, as `visible` decides. Raises `TypeError` as `visible` does.

    A rule of your own is asked by its `holds`.
    """
    found = _reduced(permitted.rule, context, type(row))
    if isinstance(found, bool):
        return found
    info = SimpleNamespace(context=context)
    return bool(found.decide(Question(context.principal, row, info, {})))


def _reduced(rule: Rule, context: Context, rows: Any) -> Rule | bool:
    """Return what is left of a rule when the parts are decided that read nothing of a row.

    `rows` is the class of the rows, or its alias.
    """
    if reads_grants_only(rule):
        return bool(decide(rule, context.principal))
    match rule:
        case AllOf(rules):
            return _together(AllOf, rules, context, rows)
        case AnyOf(rules):
            return _together(AnyOf, rules, context, rows)
        case Not(inner):
            if inner.is_unknown(Question(context.principal, _A_ROW, None, {})):
                return False
            left = _reduced(inner, context, rows)
            return not left if isinstance(left, bool) else Not(left)
        case OwnerRule(attribute) | SameTenantRule(attribute):
            above, _, column = attribute.rpartition(".")
            return replace(rule, attribute=_of_row(column, above, rows))
        case RowRule():
            return replace(rule, attribute=_of_row(None, rule.attribute or "", rows))
    if isinstance(rule, _OF_PRINCIPAL):
        question = Question(context.principal, None, SimpleNamespace(context=context), {})
        return bool(rule.decide(question))
    if isinstance(rule, Check | Observed) or type(rule).condition is Rule.condition:
        raise TypeError(
            f"{permission(rule).__name__} cannot choose rows in SQL. Use where(…), Owner(…), HasTenant(…), rules over the"
            " caller, or a Rule of your own that has `condition`."
        )
    return rule


C = TypeVar("C", str, None)


def _of_row(column: C, above: str, rows: Any) -> C:
    """Return the column that a rule reads of a row. `above` is where a GraphQL object has its row, such as "row".

    Raises `TypeError` if it is a relationship: the column is then one of another table, and the rows may have one of the
    same name.
    """
    if not above:
        return column
    mapper, name = inspect(rows, raiseerr=False), above.partition(".")[0]
    if mapper is not None and name in mapper.mapper.relationships:
        raise TypeError(
            f"{name} is a relationship of {mapper.mapper.class_.__name__}, so {above}.{column or '…'} cannot choose rows."
            " Write a Rule of your own whose `condition` is one on the relationship, such as has(…)."
        )
    return column


def _together(
    kind: type[AllOf] | type[AnyOf], rules: tuple[Rule, ...], context: Context, rows: Any
) -> Rule | bool:
    """Reduce the parts of a rule; those that grants decide first, so that nobody's identity is read for nothing."""
    settling = kind is AnyOf
    left: list[Rule] = []
    for rule in sorted(rules, key=lambda each: not reads_grants_only(each)):
        found = _reduced(rule, context, rows)
        if found is settling:
            return settling
        if not isinstance(found, bool):
            left.append(found)
    if len(left) > 1:
        return kind(tuple(left))
    return left[0] if left else not settling


def _reads_rows_only(rule: Rule) -> bool:
    match rule:
        case AllOf(rules) | AnyOf(rules):
            return all(map(_reads_rows_only, rules))
        case Not(inner):
            return _reads_rows_only(inner)
    return type(rule) is RowRule


@lru_cache(maxsize=STATEMENTS)
def _kept(
    statement: Select[*tuple[Any, ...]], found: Rule | bool, entity: Any
) -> Select[*tuple[Any, ...]]:
    if isinstance(found, bool):
        return statement.where(false())
    return statement.where(_condition(found, None, entity))


def _condition(
    rule: Rule, principal: Any, entity: Any, *, in_not: bool = False
) -> ColumnElement[bool]:
    match rule:
        case AllOf(rules):
            return and_(*(_condition(each, principal, entity, in_not=in_not) for each in rules))
        case AnyOf(rules):
            return or_(*(_condition(each, principal, entity, in_not=in_not) for each in rules))
        case Not(inner):
            return not_(_condition(inner, principal, entity, in_not=True))
    made: ColumnElement[bool] = rule.condition(principal, entity)
    # Equality with NULL is not known in SQL, and does not hold in Python, where None has no order: of a row that has
    # NULL where a rule asks for the order, neither the rule nor its opposite lets anybody see anything.
    return func.coalesce(made, false()) if in_not and not _orders(made) else made


def _as_in_python(made: Any) -> Any:
    """Return a comparison in which NULL is unequal to all values, and equal to itself, as None is."""
    match getattr(made, "operator", None):
        case operators.ne:
            return made.left.is_distinct_from(made.right)
        case operators.eq if not isinstance(made.right, BindParameter):
            return made.left.is_not_distinct_from(made.right)
    return made


def _orders(made: Any) -> bool:
    return getattr(made, "operator", None) in (
        operators.lt,
        operators.le,
        operators.gt,
        operators.ge,
    )


@lru_cache(maxsize=STATEMENTS)
def _entity(statement: Select[*tuple[Any, ...]]) -> Any:
    """Return the class that a statement selects from. Raises `TypeError` if there is none or are several."""
    found = {id(each["entity"]): each["entity"] for each in statement.column_descriptions}
    classes = [each for each in found.values() if each is not None]
    if len(classes) != 1:
        raise TypeError(
            "visible needs a statement that selects from one mapped class. Name the class as `rows`."
        )
    return classes[0]
