"""Refuses an operation as a whole: what the caller's grants deny is found before anything runs."""

from __future__ import annotations

from dataclasses import dataclass

from graphql import FieldNode, GraphQLError, GraphQLSchema
from graphql.execution import VariableValues

from watchword.context import Context
from watchword.errors import WatchwordError
from watchword.execution.denials import Pattern, chosen
from watchword.execution.guarded_fields import Below, Place, guarded_fields
from watchword.execution.plan import Plan, Refused
from watchword.permissions.field import refuse
from watchword.permissions.rules import Question
from watchword.permissions.verdict import Denied
from watchword.principal import Principal


@dataclass(frozen=True, slots=True)
class Refusal:
    """A field that grants deny: the pattern of its path, the field in the document, and the denial."""

    path: Pattern
    node: FieldNode
    denied: Denied


def check(schema: GraphQLSchema, plan: Plan, values: VariableValues, context: Context) -> None:
    """Raise `Refused` if `reject` is set, or asked for by the request, and grants deny a field that is selected.

    There is one error for each requirement, with the patterns of its paths in `extensions.paths`. A field whose
    permission reads more than grants, such as the object, is not decided here.
    """
    if chosen(context) != "reject":
        return
    fields = guarded_fields(schema, plan, values.coerced)
    if not fields.asked:
        return
    question = Question(context.principal, None, None, {})
    if fields.are_open(question, values):
        return
    search = _Search(question, values)
    search.find(fields.places, ())
    if found := search.refusals:
        raise Refused([_error(each, context.principal) for each in _by_requirement(found)])


def _by_requirement(found: list[Refusal]) -> list[list[Refusal]]:
    grouped: dict[str, list[Refusal]] = {}
    for each in found:
        grouped.setdefault(repr(each.denied), []).append(each)
    return [*grouped.values()]


def _error(refusals: list[Refusal], principal: Principal) -> GraphQLError:
    try:
        refuse(refusals[0].denied, principal)
    except WatchwordError as error:
        error.extensions["paths"] = [
            [*each] for each in dict.fromkeys(one.path for one in refusals)
        ]
        nodes = [each.node for each in refusals]
        return GraphQLError(error.message, nodes, original_error=error)


class _Search:
    """Finds what grants deny of an operation. A fragment's fields are found at the first place that spreads it."""

    def __init__(self, question: Question, values: VariableValues) -> None:
        self.refusals: list[Refusal] = []
        self._asked = question, values
        self._visited: set[int] = set()

    def find(self, places: Below, above: Pattern) -> None:
        """Collect what is refused. What is below a refused field is not looked at."""
        if id(places) in self._visited:
            return
        self._visited.add(id(places))
        for place in places:
            denied = self._denial(place)
            if denied is not None and place.node is not None:
                self.refusals.append(Refusal((*above, place.key), place.node, denied))
            else:
                self.find(place.below, (*above, *place.inside))

    def _denial(self, place: Place) -> Denied | None:
        """Return the denial that a field would meet first.

        None if nothing denies, if something must be asked before, or if the field is made to be empty in silence.
        """
        for decide, is_silent in place.guard:
            verdict = decide(*self._asked)
            if verdict is None:
                return None
            if isinstance(verdict, Denied):
                return None if is_silent else verdict
        return None
