"""Schemas as they are written for Strawberry, one module for each topic of its documentation."""

from tests.differential.as_written import (
    composed,
    configured,
    events,
    field_extensions,
    generics,
    handlers,
    inputs,
    loading,
    nodes,
    outputs,
    own_permissions,
    pydantic_types,
    scalars,
)

PAGES = (
    pydantic_types.PAGE,
    generics.PAGE,
    inputs.PAGE,
    scalars.PAGE,
    outputs.PAGE,
    nodes.PAGE,
    field_extensions.PAGE,
    own_permissions.PAGE,
    configured.PAGE,
    configured.SUBCLASS,
    configured.QUIET,
    handlers.PAGE,
    loading.PAGE,
    events.PAGE,
    composed.PAGE,
)
