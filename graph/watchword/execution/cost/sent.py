"""The cost of an operation with variables as a client sent them, before anything is run."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLSchema, OperationDefinitionNode, get_variable_values
from graphql.execution import VariableValues

from watchword.errors import WatchwordError
from watchword.execution.cost.estimate import Estimate
from watchword.execution.cost.formula import Number


class Unfit(Exception):
    """The variables do not fit."""


def cost_as_sent(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    estimate: Estimate | None,
    variables: dict[str, Any] | None,
) -> Number:
    """Return what an operation is estimated to cost.

    0 if that is not known: the variables do not fit, and the operation will be refused; or there is no estimate, because
    an extension has yet to find the document.
    """
    if estimate is None:
        return 0
    if (known := estimate.known_as_sent(variables)) is not None:
        return known
    try:
        return estimate.cost_as_sent(variables, lambda: coerced(schema, operation, variables))
    except (Unfit, WatchwordError):
        return 0


def coerced(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: dict[str, Any] | None
) -> VariableValues:
    """Return the values of an operation's variables. Raises `Unfit`."""
    declared = operation.variable_definitions or ()
    values = get_variable_values(schema, declared, variables or {}, max_errors=1)
    if isinstance(values, list):
        raise Unfit
    return values
